"""The command line: what it prints, what it exits with, and that it works without a service where it should."""

import errno
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kit import ROOT
from kit.gateway_bench import Bench, FileConfig, entries, row
from kit.support import DEADLINE, wait_until

from actors.values.facts import Verb
from actors.values.records import Intent, Record
from actors.values.requests import Accepted, Action, Apply, Change, ConfigBroken, Order, ShutDown
from actors.values.spec import REPLICA_OF, WorkerSpec
from supervisor.cli import Given
from supervisor.command_line import run
from supervisor.commands.service import up as background
from supervisor.commands.views.printed import How, Output
from supervisor.config import load as config
from supervisor.gateway import server
from supervisor.state import paths
from supervisor.state.lock import hold
from supervisor.state.records import RecordsFile
from supervisor.tmux.server import TmuxServer
from supervisor.wire.client import Client

CONFIG = """
[supervisor]
state_dir = "st"
[workers.a]
command = "sleep 1000"
"""


@pytest.fixture(autouse=True)
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config, in which the command is run; nothing of the person's own is read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "xdg-config"))
    monkeypatch.chdir(place)
    (place / "panevisor.toml").write_text(CONFIG)
    (place / "st").mkdir()
    return place


@pytest.fixture
def make_bench(place: Path) -> Iterator[Callable[[Path], Bench]]:
    made: list[Bench] = []

    def make(socket: Path) -> Bench:
        made.append(Bench(socket, config_path=str(place / "panevisor.toml")))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(place: Path, make_bench: Callable[[Path], Bench]) -> Bench:
    return make_bench(place / "st" / "panevisor.sock")


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "supervisor", *argv]


# ── status ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_status_prints_a_table_and_escapes_what_a_config_could_smuggle_into_the_terminal(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = row("looper", "failed", restarts=5, attempt=5, reason="exited with code 3", pid=None, started_at=None)
    evil = row("evil", project="\x1b]0;title\x07", reason="line\nbreak\u202e")
    bench.publish(1, row("web", project="shop"), failed, evil)
    assert run(["status"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    columns = ["PROJECT", "NAME", "STATE", "HEALTH", "PID", "UPTIME", "RESTARTS", "CPU", "MEMORY", "REASON"]
    assert lines[0].split() == columns
    rows = {name: line for line in lines for name in ("web", "looper", "evil") if name in line.split()}
    assert rows["web"].split()[:5] == ["shop", "web", "running", "ok", "100"]
    assert "5 (5/5)" in rows["looper"]
    assert rows["evil"].startswith(r"\x1b]0;title\x07")
    assert r"line\nbreak\u202e" in rows["evil"]
    assert lines[-1] == "3 workers: 2 running, 1 failed"
    assert "\x1b" not in out


def test_status_as_json_is_the_snapshot_alone(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.publish(4, row("web"), row("db"))
    assert run(["status", "-o", "json"]) == 0
    picture = json.loads(capsys.readouterr().out)
    assert (picture["schema"], picture["seq"], picture["totals"]["workers"]) == (1, 4, 2)
    assert run(["status", "-o", "json", "w*"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["workers"] == 1


def test_status_of_named_workers_is_not_met_unless_each_runs_or_is_done(bench: Bench) -> None:
    bench.publish(1, row("up"), row("done", "completed"), row("off", "stopped"))
    for names, code in (([], 0), (["up", "done"], 0), (["up", "off"], 3), (["nobody"], 4)):
        assert run(["status", *names]) == code


def test_nobody_answering_is_exit_seven(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["status"], ["stop", "a"], ["events"]):
        assert run(argv) == 7
        err = capsys.readouterr().err
        assert "nothing runs here" in err
        assert "`panevisor up` starts it" in err
        assert "service.log" not in err
    assert run(["down"]) == 7
    said = f"no service is running, and no worker of it lives (nothing listens at {home}/st/panevisor.sock)"
    assert capsys.readouterr().err == f"panevisor: {said}\n"
    (home / "st" / "service.log").touch()
    assert run(["status"]) == 7
    assert f"What happened is in {home}/st/service.log" in capsys.readouterr().err


def test_the_service_is_found_by_its_pointer_though_the_file_is_broken_or_by_a_named_socket(
    home: Path, bench: Bench
) -> None:
    bench.publish(1, row("web"))
    paths.write_pointer(home / "panevisor.toml", home / "st")
    (home / "panevisor.toml").write_text("[supervisor\n")
    assert run(["status"]) == 0
    (home / "panevisor.toml").unlink()
    assert run(["--socket", "st/panevisor.sock", "status"]) == 0


def test_status_loads_nothing_but_click_msgpack_and_the_standard_library(home: Path, bench: Bench) -> None:
    bench.publish(1, row("web"))
    paths.write_pointer(home / "panevisor.toml", home / "st")
    script = (
        "import json, sys; before = set(sys.modules); from supervisor.command_line import run; "
        "assert run(['status']) == 0; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=True)
    every = json.loads(done.stdout.splitlines()[-1])
    loaded = {name.partition(".")[0] for name in every if "cython" not in name}  # msgpack's own
    loaded -= sys.stdlib_module_names
    assert loaded == {"actors", "click", "msgpack", "supervisor"}
    assert [name for name in every if name.startswith("actors.values.")] == ["actors.values.totals"]


def test_a_watched_part_has_totals_of_its_own_outlives_those_in_it_and_ends_quietly_on_ctrl_c(bench: Bench) -> None:
    bench.publish(1, row("web"), row("other"))
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "bufsize": 1}
    for argv in (["-o", "json", "web"], []):
        watching = subprocess.Popen(command("status", "--watch", *argv), **pipes)
        assert watching.stdout is not None
        if argv:
            first = json.loads(watching.stdout.readline())
            assert ([w["name"] for w in first["workers"]], first["totals"]["workers"]) == (["web"], 1)
            bench.publish(2, row("other"))
            second = json.loads(watching.stdout.readline())
            assert (second["workers"], second["totals"]["workers"]) == ([], 0)
        else:
            assert watching.stdout.readline().startswith("NAME")
            bench.publish(3, row("third"))
            while "third" not in watching.stdout.readline():
                pass
        watching.send_signal(signal.SIGINT)
        assert watching.communicate(timeout=DEADLINE)[1] == ""
        assert watching.returncode == 130


def test_more_workers_than_an_array_holds_can_be_selected_and_are_one_order(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.publish(1, *(row(f"w{n}") for n in range(1500)))
    assert run(["status", "-o", "json", "w*"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["workers"] == 1500
    assert run(["deaths", "w*"]) == 0
    for which in (["--all"], ["w*"], [f"w{n}" for n in range(1500)]):
        assert run(["stop", *which, "--no-wait"]) == 0
    assert [len(order.names) for order in bench.asked] == [1500] * 3


@pytest.mark.parametrize(
    ("verb", "closed"),
    [
        ("status", "<&-"),
        ("status", ">&-"),
        ("status", "2>&-"),
        ("status", "<&- >&- 2>&-"),
        ("stop web --no-wait", ">&-"),
        ("plan", "2>&-"),
        ("plan", "<&- >&- 2>&-"),
        ("logs web", ">&-"),
        ("screen web", ">&-"),
        ("send --timeout 1 web -", "<&-"),
        ("send --timeout 1 web -", "<&- >&- 2>&-"),
    ],
)
def test_a_closed_standard_stream_is_no_failure_of_ours(
    home: Path, verb: str, closed: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LAST_WORD", 0.0)  # nobody types
    bench.publish(1, row("web"))
    with (home / "said").open("w+") as said:
        line = f"{shlex.join(command())} {verb} {closed}"
        subprocess.run(["sh", "-c", line], stdout=said, stderr=said, stdin=subprocess.DEVNULL, timeout=DEADLINE)
        said.seek(0)
        assert "Traceback" not in said.read()


def test_a_reader_that_has_enough_is_no_failure(bench: Bench) -> None:
    bench.publish(1, *(row(f"worker-{n}") for n in range(900)))
    line = f"{shlex.join(command('status'))} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_without_a_selection_or_with_a_wrong_option_is_a_usage_error(bench: Bench) -> None:
    bench.publish(1, row("a"))
    for verb in ("start", "stop", "restart"):
        for argv in ([], ["--all", "a"], ["a", "--timeout", "soon"], ["a", "--bogus"], ["a", "-l", "nosign"]):
            assert run([verb, *argv]) == 2
    assert bench.asked == []


def test_an_order_prints_a_verdict_a_worker_and_fails_when_one_is_not_well(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = row("slow", "stopping", order=7)
    bench.publish(1, row("a", order=7), row("b", "failed", order=7, reason="exited with code 1"), row("c"), slow)
    assert run(["start", "a"]) == 0
    assert run(["start", "a", "b"]) == 1
    assert run(["start", "nobody"]) == 4
    assert capsys.readouterr().out == "a: running (pid 100)\na: running (pid 100)\nb: failed: exited with code 1\n"
    assert bench.asked[1] == Order(Verb.START, ("a", "b"), False)
    assert run(["restart", "a", "c", "--no-wait", "--force"]) == 0
    assert bench.asked[2] == Order(Verb.RESTART, ("a", "c"), True)
    assert capsys.readouterr().out == "restart was ordered for 2 workers\n"
    assert run(["stop", "slow", "--timeout", "0.1"]) == 8
    assert "no verdict within 0.1s on slow (stopping)" in capsys.readouterr().err


# ── up, down, serve ───────────────────────────────────────────────────────────────────────────────────────────────


def test_up_applies_to_the_running_service_and_prints_the_table(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = WorkerSpec(name="a", command="sleep 1000", cwd="/")
    bench.config = lambda: FileConfig((spec,))
    bench.answer = lambda request, _timeout: Accepted(3, ("a",), (Change("a", Action.CREATE),))
    bench.publish(1, row("a", order=3))
    assert run(["up", "--timeout", "10s"]) == 0
    assert bench.asked == [Apply((spec,), "abc", False)]
    assert "1 worker: 1 running" in capsys.readouterr().out
    bench.publish(2, row("a", "backoff", order=3, reason="exited with code 1"))
    assert run(["up", "--force"]) == 1
    assert "a: backoff: exited with code 1" in capsys.readouterr().err


def test_apply_exits_by_what_it_changed_and_not_by_a_worker_that_it_left_alone(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = (Change("new", Action.CREATE), Change("crashes", Action.NONE), Change("slow", Action.NONE))
    bench.answer = lambda _request, _timeout: Accepted(3, ("new", "crashes", "slow"), changes)
    left_alone = row("crashes", "backoff", order=3), row("slow", "starting", order=3)
    bench.publish(1, row("new", order=3), *left_alone)
    assert run(["apply", "--timeout", "10s"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "new: running (pid 100)"
    bench.publish(2, row("new", "backoff", order=3), *left_alone)
    assert run(["apply"]) == 1
    bench.answer = lambda _request, _timeout: Accepted(4, ("crashes", "slow"), changes[1:])
    assert run(["apply"]) == 0


def test_up_that_waits_for_nothing_judges_what_is_known(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    changes = (Change("new", Action.CREATE), Change("old", Action.REPLACE))
    bench.answer = lambda _request, _timeout: Accepted(3, ("a", "off", "new", "old"), changes)
    bench.publish(1, row("a"), row("off", "stopped"), row("old"))
    assert run(["up", "--timeout", "0"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == ["new: create was ordered, and is not waited for", "old: replace was ordered, and is not waited for"]
    bench.answer = lambda _request, _timeout: Accepted(4, ("a", "off"))
    assert run(["up", "--timeout", "0"]) == 0
    bench.publish(2, row("a", "failed", reason="exited with code 1"), row("off", "pending"))
    assert run(["up", "--timeout", "0"]) == 1
    assert capsys.readouterr().err.splitlines() == ["a: failed: exited with code 1", "off: pending"]


@pytest.mark.parametrize("argv", [["up"], ["start", "a"], ["send", "a", "x"]])
def test_a_timeout_beyond_what_the_service_waits_is_refused_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], home: Path, argv: list[str]
) -> None:
    assert run([*argv, "--timeout", "2h"]) == 2
    assert "must be at most 1h, not '2h'" in capsys.readouterr().err
    assert not (home / "st" / "serve.out").exists()


def test_up_with_a_broken_file_prints_every_problem_and_lets_the_service_of_that_file_say_so(
    bench: Bench, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "panevisor.toml"
    file.write_text('[workers.a]\ncomand = "x"\n[workers.b]\ncommand = 3\n')
    paths.write_pointer(file, home / "st")
    bench.config = lambda: config.load(file)  # type: ignore[assignment, return-value]
    bench.publish(1, row("a"))
    assert run(["up"]) == 5
    err = capsys.readouterr().err
    assert "comand" in err
    assert "panevisor.toml:4" in err
    assert [type(request) for request in bench.asked] == [ConfigBroken]
    assert run(["check"]) == 5
    bench.config_path = "/etc/x.toml"
    bench.publish(2, row("a"))
    assert run(["up"]) == 5
    assert len(bench.asked) == 1


def test_an_order_to_a_service_that_runs_another_file_is_refused_and_says_how_to_give_it(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.config_path = "/etc/the other.toml"
    bench.publish(1, row("a"))
    orders = [[verb, "a"] for verb in ("start", "stop", "restart", "complete", "remove")]
    for argv in (*orders, ["send", "a", "text"], ["down"], ["scale", "a", "2"], ["run", "--name", "b", "--", "true"]):
        assert run(argv) == 9
        assert "runs another file: `panevisor -c '/etc/the other.toml' …` is for that one" in capsys.readouterr().err
    assert run(["up"]) == 9
    assert "/etc/the other.toml" in capsys.readouterr().err
    assert bench.asked == []


def test_a_service_is_of_this_file_under_another_spelling_of_its_path_or_when_a_socket_alone_is_given(
    home: Path, bench: Bench
) -> None:
    (home / "link.toml").symlink_to("panevisor.toml")
    bench.config_path = str(home / "link.toml")
    bench.publish(1, row("a"))
    assert run(["stop", "a", "--no-wait"]) == 0
    (home / "panevisor.toml").unlink()
    assert run(["-c", "link.toml", "--socket", "st/panevisor.sock", "stop", "a", "--no-wait"]) == 0
    bench.config_path = "/etc/x.toml"
    bench.publish(2, row("a"))
    assert run(["--socket", "st/panevisor.sock", "stop", "a", "--no-wait"]) == 0
    assert run(["-c", "panevisor.toml", "--socket", "st/panevisor.sock", "stop", "a", "--no-wait"]) == 9


def test_a_second_service_says_who_runs_and_up_passes_that_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background, "RIVAL_TIMEOUT", 0.1)
    lock = hold(home / "st")
    assert run(["serve"]) == 9
    assert f"pid {os.getpid()}" in capsys.readouterr().err
    assert run(["up"]) == 9
    err = capsys.readouterr().err
    assert "did not start (exit code 9)" in err
    assert f"pid {os.getpid()}" in err
    assert (home / "st" / "serve.out").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_state_directory_that_cannot_be_made_is_named_with_the_mend(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "way").write_text("a file is in the way")
    mend = "name another place by `state_dir` in the file or by XDG_STATE_HOME"
    for verb, where in (("up", "way/st"), ("serve", "way/st"), ("plan", "way")):
        (home / "panevisor.toml").write_text(CONFIG.replace('"st"', f'"{where}"'))
        assert run([verb]) == 1
        assert f"panevisor: {home}/{where}: Not a directory: {mend}\n" in capsys.readouterr().err


def test_down_returns_when_the_service_has_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = subprocess.Popen(["cat"], stdin=subprocess.PIPE)

    def end_soon(_request: Any, _timeout: float) -> None:
        def end() -> None:
            bench.gateway.close()
            service.communicate()

        threading.Thread(target=end).start()

    asked: list[dict[str, Any]] = []

    def call(self: Client, do: str, **more: Any) -> Any:
        asked.append({"do": do, **more})
        return ask(self, do, **more)

    ask = Client.call
    monkeypatch.setattr(Client, "call", call)
    bench.answer = end_soon
    bench.publish(1, row("a"))
    monkeypatch.setattr(os, "getpid", lambda: service.pid)
    assert run(["down"]) == 0
    assert asked[-1] == {"do": "down", "keep_workers": False}  # a service of an older version takes no other key
    assert bench.asked == [ShutDown(False)]
    assert service.wait(DEADLINE) == 0
    assert f"the service (pid {service.pid}) and tmux have ended" in capsys.readouterr().out


# ── panes and logs, without a service ─────────────────────────────────────────────────────────────────────────────


def new_pane(state: Path, name: str, program: str) -> None:
    """Make a worker's pane as the service does, mark and all."""
    mark = json.dumps({"name": name, "life": "s-1", "digest": "d"})
    tmux = ["tmux", "-u", "-S", "./tmux.sock", "-N"]
    subprocess.run([*tmux, "new-session", "-d", "-s", name, program], cwd=state, check=True)
    subprocess.run([*tmux, "set-option", "-p", "-t", f"={name}:", "@panevisor", mark], cwd=state, check=True)


@pytest.fixture
def tmux_there(home: Path, tmux_server: TmuxServer) -> Path:
    """A tmux server in the place's own directory, which is the state directory here."""
    (home / "panevisor.toml").write_text(CONFIG.replace('"st"', '"."'))
    new_pane(home, "painter", r"printf '\033[31mred\033[0m\nplain\n'; exec sleep 1000")
    return home


def printed(capfdbinary: pytest.CaptureFixture[bytes], argv: list[str]) -> bytes:
    assert run(argv) == 0
    return capfdbinary.readouterr().out


def test_screen_joins_what_the_terminal_wrapped_shows_rows_and_scrolls_back(
    tmux_there: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    new_pane(tmux_there, "long", r"seq 100; printf 'https://%250s/end\nlast\n' | tr ' ' x; exec sleep 1000")
    wait_until(lambda: printed(capfdbinary, ["screen", "long"]).endswith(b"\nlast\n"))
    url = b"https://" + b"x" * 250 + b"/end"
    shown = printed(capfdbinary, ["screen", "long"]).split(b"\n")
    assert url in shown
    rows = printed(capfdbinary, ["screen", "long", "--rows"]).split(b"\n")
    assert url not in rows
    assert (url in b"".join(rows), len(rows)) == (True, len(shown) + len(url) // max(map(len, rows)))
    assert b"1" not in shown
    assert printed(capfdbinary, ["screen", "long", "--history", "1000"]).startswith(b"1\n2\n3\n")


def test_screen_shows_the_pane_without_a_service(tmux_there: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    wait_until(lambda: printed(capfdbinary, ["screen", "painter"]) == b"red\nplain\n")
    assert b"\x1b[31mred" in printed(capfdbinary, ["screen", "painter", "--ansi"])
    assert run(["screen", "paintr"]) == 4
    assert b'did you mean "painter"' in capfdbinary.readouterr().err


def test_a_worker_without_a_pane_is_told_from_no_worker_by_the_service_or_the_records(
    tmux_there: Path, capfd: pytest.CaptureFixture[str], make_bench: Callable[[Path], Bench]
) -> None:
    on_record(tmux_there, bad=Intent.FAILED, wanted=Intent.WANTED)
    for name, said in (("bad", "failed: it broke"), ("wanted", "not running: no service runs that would start it")):
        assert run(["screen", name]) == 3
        assert f"{name} has no pane: it is {said}" in capfd.readouterr().err
    bench = make_bench(tmux_there / "panevisor.sock")
    replicas = (row(f"web-{n}", labels=(("replica_of", "web"),)) for n in (1, 2))
    bench.publish(1, row("bad", "failed", reason="exited with code 1"), row("painter"), *replicas)
    for verb in ("screen", "attach"):
        assert run([verb, "bad"]) == 3
        assert "bad has no pane: it is failed: exited with code 1" in capfd.readouterr().err
        assert run([verb, "nobody"]) == 4
    assert run(["attach", "web"]) == 2
    assert '"web" means web-1, web-2' in capfd.readouterr().err
    assert run(["screen", "bad", "paint*"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("==> painter <==\nred\nplain\n")
    assert err == "bad has no pane: it is failed: exited with code 1\n"
    assert run(["screen"]) == 2


def on_record(state: Path, **intents: Intent) -> None:
    records = RecordsFile(state / "records.jsonl")
    records.load()
    for name, intent in intents.items():
        spec = WorkerSpec(name=name, command="true", cwd="/", labels=((REPLICA_OF, "family"),))
        records.keep_all({name: Record(spec=spec, intent=intent, reason="it broke")}, durable=False)
    records.close()


def test_panes_without_a_tmux_server_are_no_service_and_what_another_user_owns_is_not_permitted(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("screen", "attach"):
        assert run([verb, "a"]) == 7
        assert "no tmux server" in capsys.readouterr().err

    def refused(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(home / "st/logs"))

    monkeypatch.setattr(subprocess, "run", refused)
    monkeypatch.setattr(os, "listdir", refused)
    assert run(["screen", "a"]) == 6
    assert capsys.readouterr().err == f"panevisor: no permission to use {home}/st\n"
    assert run(["logs", "a"]) == 6
    assert f"{home}/st/logs" in capsys.readouterr().err


def test_down_that_keeps_workers_has_nothing_to_end_without_a_service_and_says_what_lives(
    tmux_there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["down", "--keep-workers"]) == 7
    err = capsys.readouterr().err
    assert "1 living worker, painter" in err
    assert "`panevisor up` adopts them, `panevisor down` ends them" in err
    assert run(["status"]) == 7
    assert "but its tmux server is, with the workers that were left" in capsys.readouterr().err


def test_attach_becomes_a_tmux_client_even_inside_another_tmux(
    tmux_there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", "/elsewhere,1,1")
    monkeypatch.setenv("TERM", "xterm")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command("attach", "painter"))
    try:
        until(terminal, b"plain")
        leave = ["tmux", "-S", "./tmux.sock", "-N", "detach-client", "-s", "=painter"]
        subprocess.run(leave, cwd=tmux_there, check=True)
        until(terminal, b"detached")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)
    assert run(["screen", "painter"]) == 0


def until(terminal: int, text: bytes, timeout: float = DEADLINE) -> None:
    seen, deadline = b"", time.monotonic() + timeout
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {text!r} in {seen!r}"
        seen += os.read(terminal, 65536)


@pytest.fixture
def written(home: Path) -> Path:
    logs = home / "st" / "logs"
    logs.mkdir()
    (logs / "api.s-1-1.000000").write_bytes(b"one\n\x1b[31mtwo\x1b[0m\nthree\n")
    (logs / "db.s-1-1.000000").write_bytes(b"ready\n")
    return logs


def test_logs_are_made_printable_unless_raw_and_those_of_several_have_names_and_never_run_into_one_another(
    written: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert printed(capfdbinary, ["logs", "api"]) == b"one\ntwo\nthree\n"
    assert printed(capfdbinary, ["logs", "api", "-n", "2", "--raw"]) == b"\x1b[31mtwo\x1b[0m\nthree\n"
    assert printed(capfdbinary, ["logs", "*", "-n1"]) == b"api | three\ndb  | ready\n"
    (written / "bar.s-1-1.000000").write_bytes(b"50%\r60%\nunfinished\x1b[0m")
    (written / "db.s-1-1.000000").write_bytes(b"no newline")
    (written / "mute.s-1-1.000000").write_bytes(b"\x1b[0m")
    shown = b"bar  | 60%\nbar  | unfinished\ndb   | no newline\n"
    assert printed(capfdbinary, ["logs", "bar", "db", "mute"]) == shown
    assert printed(capfdbinary, ["logs", "db"]) == b"no newline"


def test_a_line_that_comes_in_pieces_has_its_name_once_and_is_ended_before_another_s(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    output = Output(["a", "b"], How())
    for name, piece in (("a", b"one "), ("a", b"line"), ("b", b"other\n"), ("a", b" goes on\n"), ("a", b"next\n")):
        output.write(name, piece, 0.0)
    output.end()
    assert capfdbinary.readouterr().out == b"a | one line\nb | other\na | one line goes on\na | next\n"


def test_logs_of_who_has_printed_nothing_are_empty_and_say_so_those_of_nobody_are_an_unknown_worker(
    written: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    on_record(written.parent, bad=Intent.FAILED, api=Intent.WANTED)
    assert run(["logs", "bad"]) == 0
    assert capfd.readouterr() == ("", "no log is there: bad\n")
    assert run(["logs", "family", "-n", "1"]) == 0
    assert capfd.readouterr() == ("api | three\n", "no log is there: bad\n")
    assert run(["logs", "-l", "replica_of=family", "-n", "1"]) == 0
    assert capfd.readouterr() == ("api | three\n", "no log is there: bad\n")
    for argv, code in (([], 2), (["--all", "api"], 2), (["-p", "nobody"], 4), (["ap"], 4)):
        assert run(["logs", *argv]) == code
    for argv in (["api", "--since", "soon"], ["api", "-f", "--previous"]):
        assert run(["logs", *argv]) == 2


def test_logs_go_on_with_what_is_written(written: Path) -> None:
    following = subprocess.Popen(command("logs", "-f", "-n1", "api", "db"), stdout=subprocess.PIPE, bufsize=0)
    assert following.stdout is not None
    assert {following.stdout.readline() for _ in range(2)} == {b"api | three\n", b"db  | ready\n"}
    with open(written / "db.s-1-1.000000", "ab") as file:
        file.write(b"more\n")
    assert following.stdout.readline() == b"db  | more\n"
    following.send_signal(signal.SIGINT)
    assert following.wait(DEADLINE) == 130
    following.stdout.close()


# ── events and files ──────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_printed_oldest_first_and_can_be_followed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.publish(1)
    bench.gateway.activity(entries(1, 2, 3))
    assert run(["events", "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-2:] for line in lines] == [["w2:", "ready"], ["w3:", "ready"]]
    assert run(["events", "-o", "json", "-n", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["seq"] == 3
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command("events", "-f", "-n", "1"), **pipes) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline().endswith("w3: ready\n")
        bench.gateway.activity(entries(1, 2, 3, 4))
        assert following.stdout.readline().endswith("w4: ready\n")
        bench.gateway.close()
        assert "the service is gone; waiting for it" in following.stderr.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(DEADLINE) == 130


def test_check_says_what_each_policy_comes_to(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert run(["check"]) == 0
    assert run(["check", "panevisor.toml"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == f"{home}/panevisor.toml: 1 worker, ok"
    assert second.startswith("  a: completed after exit 0, else restarted after 1s, 2s, 4s, 8s, 16s (± 20%)")
    assert run(["check", "absent.toml"]) == 5
    db = "[workers.db]\ncommand = 'x'\nrestart = 'always'\n"
    (home / "panevisor.toml").write_text(f"{db}[workers.api]\ncommand = 'x'\ndepends_on.db = 'completed'\n")
    assert run(["check"]) == 0
    assert '\nwarning: worker "api" waits for "db" to be completed, which its ' in capsys.readouterr().out


def test_a_config_that_is_a_pipe_is_refused_and_not_waited_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(home / "pipe.toml")
    assert run(["-c", "pipe.toml", "status"]) == 7
    capsys.readouterr()
    for verb in ("check", "up", "plan"):
        assert run(["-c", "pipe.toml", verb]) == 5
        assert capsys.readouterr().err == f"{home}/pipe.toml: is no regular file (name one with -c FILE)\n"


def test_init_writes_a_config_that_is_right_and_never_overwrites(home: Path) -> None:
    assert run(["init"]) == 9
    assert (home / "panevisor.toml").read_text() == CONFIG
    (home / "panevisor.toml").unlink()
    assert run(["init"]) == 0
    found = config.load(home / "panevisor.toml")
    assert [spec.name for spec in found.workers] == ["clock"]


def test_what_the_starter_shows_in_comments_is_right_too(home: Path) -> None:
    text = (ROOT / "supervisor/starter.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if " = " in line or line.startswith(("[", "# ["))]
    (home / "all.toml").write_text("\n".join(line for line in lines if "…" not in line))
    assert {spec.name for spec in config.load(home / "all.toml").workers} == {"clock", "web", "client"}


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith("panevisor 0.")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("panevisor 0.")
    for argv, code in ((["--help"], 0), ([], 2), (["nonsense"], 2), (["ls", "--help"], 0), (["list", "--help"], 0)):
        assert run(argv) == code
    capsys.readouterr()
    for word, hint in (("kill", "`panevisor stop NAME --kill`"), ("statsu", '(did you mean "status"?)')):
        assert run([word, "web"]) == 2
        assert hint in capsys.readouterr().err
    assert run(["run", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "-e, --env NAME Pass on a variable of the caller." in said
    assert "`ps` shows the command line to all" in said
    assert "--env-file FILE" in said


def test_a_next_command_begins_as_this_one_can_be_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "panevisor"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    given = Given(config="a b.toml", socket=None)
    for path, typed, begins in (
        ("/nowhere", str(program), str(program)),
        (str(program.parent), str(program), "panevisor"),
        ("/nowhere", "/anywhere/supervisor/__main__.py", "panevisor"),
    ):
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr("sys.argv", [typed])
        assert given.command() == f"{begins} -c 'a b.toml'"


# ── logs: which lines, and how they are shown ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def timed(written: Path) -> Path:
    """api has printed one, two at 12:00:00 and three at 12:00:20, db has printed ready at 12:00:10."""
    noon = datetime(2026, 1, 1, 12).timestamp()
    for name, sizes in (("api", ((0, 17), (20, 23))), ("db", ((10, 6),))):
        inode = (written / f"{name}.s-1-1.000000").stat().st_ino
        lines = (f"{noon + at} {inode} {size}\n" for at, size in sizes)
        (written / f"{name}.times").write_text("".join(lines))
    return written


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["*", "-t"], "00 api | one;00 api | two;10 db  | ready;20 api | three"),
        (["--all", "-t", "--since", "2026-01-01 12:00:05"], "10 db  | ready;20 api | three"),
        (["api", "-t", "--until", "2026-01-01 12:00:05"], "00 one;00 two"),
        (["api", "-t", "--grep", "^t(wo|hree)$"], "00 two;20 three"),
        (["api", "-t", "--grep", "^t(wo|hree)$", "-n", "1"], "20 three"),
        (["api", "-t", "--grep", "31m"], ""),
        (["api", "--raw", "-t", "-n", "2"], "\x1b[31mtwo\x1b[0m;three"),
    ],
)
def test_logs_are_chosen_by_the_line(
    timed: Path, capfd: pytest.CaptureFixture[str], argv: list[str], shown: str
) -> None:
    on_record(timed.parent, api=Intent.WANTED, db=Intent.WANTED)
    assert run(["logs", *argv]) == 0
    lines = capfd.readouterr().out.replace("2026-01-01 12:00:", "").splitlines()
    if "--raw" in argv:
        lines = [line.split(" ", 1)[1] for line in lines]
    assert ";".join(lines) == shown


def test_logs_refuses_what_it_cannot_do(timed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for argv in (["--grep", "(?=x)"], ["--until", "nonsense"], ["-f", "--until", "10m"], ["-f", "--previous"]):
        assert run(["logs", "api", *argv]) == 2
    assert "has no look-around" in capfd.readouterr().err


def test_a_full_screen_program_is_named_once_and_its_frames_are_one(
    written: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    frames = b"".join(b"\x1b[1;1Hframe %03d\x1b[3;1Hcpu %d" % (n, n) for n in range(20_000))
    (written / "api.s-1-1.000000").write_bytes(b"begin\r\n\x1b[?1049h\x1b[2J" + frames + b"\x1b[?1049lend\r\n")
    assert run(["logs", "api"]) == 0
    shown = capfd.readouterr()
    assert shown.out.splitlines() == ["begin", "frame 19999", "cpu 19999", "end"]
    assert shown.err == "api draws its whole screen: read it with `panevisor screen api`\n"


def test_pieces_of_a_line_that_is_drawn_again_are_shown_as_a_terminal_would(capfd: pytest.CaptureFixture[str]) -> None:
    output = Output(["a"], How())
    for piece in (b"10%", b"\r20%", b"\r30%", b"\r100%\r\n", b"next\r\n"):
        output.write("a", piece, 0.0)
    output.end()
    assert capfd.readouterr().out == "10%\n100%\nnext\n"
