"""What `[web]` and `[metrics]` of a file give: workers that the service keeps."""

from pathlib import Path

import pytest

from actors.values.spec import WorkerSpec
from supervisor.config.load import load_text
from supervisor.config.problems import ConfigError

FILE = Path("/srv/panevisor.toml")


def workers(text: str) -> dict[str, WorkerSpec]:
    return {spec.name: spec for spec in load_text(text.encode(), FILE).workers}


def test_what_is_not_enabled_is_no_worker() -> None:
    assert workers("[web]\nport = 8000\n[metrics]\nevery = '5s'\n") == {}


def test_what_is_enabled_is_a_worker_that_finds_the_service_by_its_file() -> None:
    found = workers("[web]\nenabled = true\nport = 8000\nnames = ['a.example']\nproxy = true\n")["panevisor-web"]
    assert found.project == "panevisor"
    assert found.argv[1:4] == ("-P", "-m", "supervisor")
    line = " ".join(found.argv[4:])
    assert line == f"-c {FILE} web --host 127.0.0.1 --port 8000 --name a.example --i-have-a-proxy"
    found = workers("[web]\nenabled = true\nunix = 'web.sock'\n[metrics]\nenabled = true\nwrite = 'm.prom'\n")
    assert found["panevisor-web"].argv[6:] == ("web", "--unix", "/srv/web.sock")
    assert found["panevisor-metrics"].argv[6:] == ("metrics", "--write", "/srv/m.prom", "--every", "15s")


def test_another_port_is_another_process() -> None:
    one, other = (workers(f"[web]\nenabled = true\nport = {port}\n")["panevisor-web"].digest for port in (8000, 8001))
    assert one != other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[web]\ncert = 'c.pem'\n", "[web]: cert needs the other one"),
        ("[web]\nprot = 1\n", 'did you mean "port"'),
        ("[metrics]\nenabled = true\n", "[metrics]: write has to say into which file"),
        ("[web]\nenabled = true\n[workers.panevisor-web]\ncommand = 'x'\n", "the name of the worker that [web] gives"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        workers(text)
