"""A run of the tests that leaves something behind fails: a process, a tmux server, a folder of its own.

    each run has a number ──▶ in the environment that its processes inherit, and in the names of its folders
    at the end            ──▶ whatever still bears it is named with its command line, ended by pid, and the run fails

A process that clears its environment is found by its folder and by its arguments.
"""

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TAG = "PANEVISOR_TEST_RUN"
GRACE = float(os.environ.get("PANEVISOR_TEST_GRACE", "30"))  # seconds for what is ending at the last moment
_REPORT = pytest.StashKey[list[str]]()


class Process(NamedTuple):
    pid: int
    command: str


def folder_prefix() -> str:
    """Return how the names of this run's folders in /tmp begin."""
    return f"pv-{os.environ[TAG]}-"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # those of xdist inherit it
        os.environ[TAG] = secrets.token_hex(3)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    run = os.environ[TAG]
    report = [f"process {process.pid}: {process.command}" for process in after_grace(run)]
    end(run)
    report += [f"folder {folder}" for folder in folders_of(run)]
    for folder in folders_of(run):
        shutil.rmtree(folder, ignore_errors=True)
    session.config.stash[_REPORT] = report
    if report and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if report := config.stash.get(_REPORT, []):
        terminalreporter.section("left behind by the tests, and ended now: the run fails", red=True)
        for line in report:
            terminalreporter.write_line(line)


def after_grace(run: str, grace: float = GRACE) -> list[Process]:
    """Return what of a run still lives when its last processes had time to end."""
    deadline = time.monotonic() + grace
    while (found := list(processes_of(run))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def end(run: str) -> None:
    """Kill what lives of a run, by pid, until nothing does."""
    for _ in range(100):
        left = list(processes_of(run))
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def processes_of(run: str) -> Iterator[Process]:
    """Yield the living processes that bear the number of the run, but for this one and those that run its tests."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if _is_of(Path("/proc") / name, run):
                    yield Process(int(name), _command(Path("/proc") / name))


def folders_of(run: str) -> list[Path]:
    return sorted(Path("/tmp").glob(f"pv-{run}-*"))


def _is_of(process: Path, run: str) -> bool:
    if (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
        return False
    arguments = (process / "cmdline").read_bytes()
    if b"execnet" in arguments:  # of xdist
        return False
    environment = (process / "environ").read_bytes().split(b"\0")
    folder = f"/pv-{run}-".encode()
    return (
        f"{TAG}={run}".encode() in environment
        or folder in os.fsencode(os.readlink(process / "cwd"))
        or folder in arguments
        or any(folder in variable for variable in environment)
    )


def _command(process: Path) -> str:
    return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
