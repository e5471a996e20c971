"""Fixtures for tests on real things: a short private directory, a tmux server, an end to what was started."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit import ROOT
from kit.examples import load_profile
from kit.left_behind import folder_prefix, pytest_configure, pytest_sessionfinish, pytest_terminal_summary
from kit.order import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from kit.support import Site

from actors.values.spec import PaneSize
from supervisor.tmux.server import TmuxServer

load_profile()

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_xdist_make_scheduler",
]

if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # each command and service would compile our modules: 0.1 s of CPU
    os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".venv" / "pycache")


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and every child inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _nobody_elses_environment() -> Iterator[None]:
    """Tests behave alike inside a tmux, inside a worker, and under somebody's config."""
    with pytest.MonkeyPatch.context() as patch:
        for key in ("TMUX", "TMUX_PANE", "PANEVISOR_WORKER", "PANEVISOR_CONFIG", "NO_COLOR"):
            patch.delenv(key, raising=False)
        yield


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir="/tmp"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a path short enough for anybody's Unix socket; gone afterwards."""
    with _folder() as directory:
        yield directory


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    """A site for several tests of a module, which starts it. Each test disturbs its own workers only."""
    with _folder() as directory:
        site = Site(directory)
        yield site
        site.clear()


@pytest.fixture
def tmux_server(place: Path) -> Iterator[TmuxServer]:
    """A tmux server on a private socket; its panes' processes end with it, by pid."""
    (place / "logs").mkdir()
    server = TmuxServer(place, PaneSize())
    server.ensure()
    yield server
    children = _children(server.pid)
    server.end()
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(pid: int | None) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def site(place: Path) -> Iterator[Site]:
    """A whole site; whatever it started has ended when the test has."""
    site = Site(place)
    yield site
    site.clear()


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC: what commands print of a time is what the log has."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[], int]:
    """Each call returns another TCP port that nobody listens on, and that the kernel gives to nobody meanwhile."""
    given: set[int] = set()

    def free_port() -> int:
        while True:
            port = secrets.randbelow(20_000) + 10_000  # below net.ipv4.ip_local_port_range
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                if port not in given:
                    given.add(port)
                    return port

    return free_port


@pytest.fixture
def free_port(free_ports: Callable[[], int]) -> int:
    return free_ports()
