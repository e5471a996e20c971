"""Messages reach real receivers: a command, and an HTTP server by Apprise. What a receiver does wrong is said."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from supervisor.config.settings import Occasion, Receiver
from supervisor.notify import deliver as deliveries
from supervisor.notify.deliver import Postman, facts_of
from supervisor.notify.incidents import Incident
from supervisor.notify.plan import Line

CANARY = "xoxb-canary-4711"


class Chat(ThreadingHTTPServer):
    """A local HTTP server that keeps what is posted to it, and answers with `code`."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.code = 200
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


deliver = Postman(nofile=1024).deliver


def message(receiver: Receiver) -> dict[str, Any]:
    lines = [
        Line(Incident(occasion=Occasion.FAILED, worker="api", text="failed: exited with code 3", since=1.0), "new"),
        Line(Incident(occasion=Occasion.WAITING, worker="b", text="waits", ended="it is running", since=2.0), "over"),
    ]
    return facts_of(receiver, tuple(lines), "here")


def test_a_command_gets_the_message_on_stdin_and_in_its_environment(tmp_path: Path) -> None:
    receiver = Receiver(name="ops", command='cat > got; printf "%s|%s" "$PANEVISOR_TITLE" "$PANEVISOR_BODY" > said')
    assert deliver(receiver, message(receiver), tmp_path) is None
    got = json.loads((tmp_path / "got").read_text())
    assert got["title"] == "here: api: failed and 1 more"
    assert [(each["worker"], each["news"]) for each in got["incidents"]] == [("api", "new"), ("b", "over")]
    body = "api: failed: exited with code 3\nb: over (waiting): it is running"
    assert (tmp_path / "said").read_text() == f"{got['title']}|{body}"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("false",), "exited with code 1"),
        ("kill -9 $$", "killed by signal 9 (KILL)"),
        (("no-such-program",), "cannot be started: program not found: no-such-program"),
        ("exec sleep 1000", "has not ended within 0.2s"),
    ],
)
def test_what_a_command_does_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any, problem: str
) -> None:
    if "sleep" in command:
        monkeypatch.setattr(deliveries, "TIME_LIMIT", 0.2)
    receiver = Receiver(name="ops", command=command)
    assert str(deliver(receiver, message(receiver), tmp_path)).startswith(problem)


def test_apprise_posts_the_message_and_its_secret_is_in_no_command_line_or_problem(tmp_path: Path, chat: Chat) -> None:
    pytest.importorskip("apprise", reason="part of the extra [test]; this .venv was made before it was")
    receiver = Receiver(name="ops", urls=(f"json://127.0.0.1:{chat.server_port}/{CANARY}",))
    assert deliver(receiver, message(receiver), tmp_path) is None
    (posted,) = chat.posted
    assert (posted["title"], posted["message"].splitlines()[0]) == (
        "here: api: failed and 1 more",
        "api: failed: exited with code 3",
    )
    chat.code = 500
    assert deliver(receiver, message(receiver), tmp_path) == "exited with code 1"
    assert (
        deliver(Receiver(name="ops", urls=(f"nobodys://{CANARY}",)), message(receiver), tmp_path)
        == "exited with code 2"
    )


def test_the_child_gets_neither_what_is_the_service_s_own_nor_its_limit_and_imports_nothing_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chat: Chat
) -> None:
    pytest.importorskip("apprise", reason="part of the extra [test]; this .venv was made before it was")
    monkeypatch.setenv("PANEVISOR_WORKER", "of-somebody")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    receiver = Receiver(name="ops", command='echo "$(ulimit -Sn) ${PANEVISOR_WORKER-none} ${NOTIFY_SOCKET-none}" > got')
    assert Postman(nofile=111).deliver(receiver, message(receiver), tmp_path) is None
    assert (tmp_path / "got").read_text() == "111 none none\n"
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    chatty = Receiver(name="chat", urls=(f"json://127.0.0.1:{chat.server_port}/",))
    assert deliver(chatty, message(chatty), tmp_path) is None


def test_a_message_longer_than_a_variable_may_be_is_sent_whole_on_stdin(tmp_path: Path) -> None:
    receiver = Receiver(name="ops", command='cat > got; printf %s "$PANEVISOR_BODY" > said')
    text = "é" * 200_000 + "\0"
    line = Line(Incident(occasion=Occasion.FAILED, worker="api", text=text, since=1.0), "new")
    assert deliver(receiver, facts_of(receiver, (line,), "here"), tmp_path) is None
    assert json.loads((tmp_path / "got").read_text())["body"] == f"api: {text}"
    assert 10_000 < len((tmp_path / "said").read_text()) < 131_072 / 2


def test_without_apprise_the_problem_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    receiver = Receiver(name="ops", urls=("json://127.0.0.1:1",))
    assert deliver(receiver, message(receiver), tmp_path) == deliveries.HOW_TO_GET
