"""What several tests use: waiting, and a whole site (config, service, tmux server) of one test's own."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from kit import ROOT
from kit.command import can_run_here, run_here
from supervisor.state.replay import rebuild
from supervisor.upkeep.keeper import keeper_of

PANEVISOR = [sys.executable, "-m", "supervisor"]
FAST = '[supervisor]\nstate_dir = "state"\ncapture_interval = "200ms"\nhealth_interval = "500ms"\n'


DEADLINE = 120.0
"""Seconds after which a test gives up what it waits for: nothing takes so long, however busy the machine is."""


PUBLISHED_WITHIN = 5.0
"""Seconds in which a picture follows the log, but where a worker changes all the time or the log cannot be written."""

LONGEST_PAUSE = 0.05
"""Seconds between two looks: a look costs the machine that is waited for."""


def wait_until(true: Callable[[], object], timeout: float = DEADLINE, what: str = "") -> None:
    """Return as soon as `true()` is; fail after `timeout` seconds."""
    deadline, pause = time.monotonic() + timeout, 0.005
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what or true}"
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def comes_to(look: Callable[[], object], wanted: object) -> None:
    """Return as soon as a look shows what is wanted; fail with what it shows instead."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: look() == wanted)
    assert look() == wanted


class Site:
    """One configuration with its service, as a user has it: everything goes through the command line."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.config = place / "panevisor.toml"
        self.state = place / "state"

    def write(self, workers: str, supervisor: str = FAST) -> None:
        """Write the file; its last line makes it unlike the file of any other test."""
        self.config.write_text(f"{supervisor}{workers}\n# {str(self.place)!a}\n")

    def run(self, *arguments: str, check: int | None = None, alone: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a panevisor command; with `check`, its exit code has to be that.

        It runs in this process where it can, and with `alone` in one of its own.
        """
        if alone or not can_run_here(arguments):
            done = self.run_alone(*arguments)
        else:
            done = run_here(["-c", str(self.config), *arguments], self.place, self.environment())
        if check is not None:
            said = (arguments, done.returncode, done.stdout, done.stderr, self.log_text()[-3000:])
            assert done.returncode == check, said
        return done

    def run_alone(self, *arguments: str, timeout: float = DEADLINE) -> subprocess.CompletedProcess[str]:
        """Run the executable."""
        return subprocess.run(
            self.argv(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.place,
            env=self.environment(),
        )

    def argv(self, *arguments: str) -> list[str]:
        return [*PANEVISOR, "-c", str(self.config), *arguments]

    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {"XDG_STATE_HOME": str(self.place / "xdg"), "PYTHONPATH": str(ROOT)}

    def up(self, *arguments: str, check: int | None = 0) -> None:
        """Run `up`; with `check=1` until it says so: a worker that is about to fail passes for running at first."""
        if check == 1:
            wait_until(lambda: self.run("up", *arguments).returncode == 1)
        else:
            self.run("up", *arguments, check=check)

    def status(self) -> dict[str, Any]:
        """Return the picture, once it shows what the log tells: a change is in the log first, and published after."""
        pictures: list[dict[str, Any]] = []

        def as_logged() -> bool:
            pictures[:] = [self._picture()]
            shown = {worker["name"]: worker["state"] for worker in pictures[0]["workers"]}
            return rebuild(self.log_text().splitlines()).items() <= shown.items()

        with contextlib.suppress(AssertionError):
            wait_until(as_logged, PUBLISHED_WITHIN)
        return pictures[0] if pictures else self._picture()

    def _picture(self) -> dict[str, Any]:
        return json.loads(self.run("status", "-o", "json", check=0).stdout)

    def worker(self, name: str) -> dict[str, Any]:
        return self.workers()[name]

    def workers(self) -> dict[str, dict[str, Any]]:
        return {worker["name"]: worker for worker in self.status()["workers"]}

    def wait_state(self, name: str, *states: str, timeout: float = DEADLINE) -> dict[str, Any]:
        """Return the worker as it was seen in one of the states."""
        return self._seen(name, lambda worker: worker["state"] in states, timeout, f"{name} to be {states}")

    def living(self, name: str, but: int | None = None) -> int:
        """Return the worker's pid once it runs; `but` is the pid of a life before."""
        what = f"{name} to run, with another pid than {but}"
        runs = self._seen(name, lambda w: w["state"] == "running" and w["pid"] not in (None, but), DEADLINE, what)
        return int(runs["pid"])

    def _seen(self, name: str, wanted: Callable[[dict[str, Any]], bool], timeout: float, what: str) -> dict[str, Any]:
        """Return the worker as soon as it is there and `wanted`."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            seen[:] = [worker for worker in self.status()["workers"] if worker["name"] == name]
            return bool(seen) and wanted(seen[0])

        try:
            wait_until(there, timeout, what)
        except AssertionError as missed:
            told = [line for line in self.log_text().splitlines() if f'"worker": "{name}"' in line]
            raise AssertionError("\n".join((str(missed), *told[-8:]))) from None
        return seen[0]

    def service_pid(self) -> int:
        """Return its pid; 0 where a service has the lock and is about to write it."""
        return next(map(int, (self.state / "lock").read_text().split()[:1]), 0)

    def keeper_pid(self) -> int | None:
        """Return the pid of the living keeper of `up`."""
        keeper = keeper_of(self.state)
        if keeper is None:
            return None
        with keeper:
            return keeper.pid

    def kill_keeper(self) -> None:
        """SIGKILL to the keeper, if one lives, and wait until it has ended: the service is not started again."""
        if pid := self.keeper_pid():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not alive(pid))

    def kill_service(self) -> None:
        """SIGKILL to its keeper and to the service; wait until the kernel has closed what they held."""
        self.kill_keeper()
        pid = self.service_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid))

    @contextlib.contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        """`serve` in the foreground, without a keeper, until it is killed: unlike `up` it applies no file."""
        with subprocess.Popen(self.argv("serve"), cwd=self.place, env=self.environment()) as service:
            try:
                wait_until(lambda: self.run("status").returncode == 0)
                yield service
            finally:
                service.kill()

    def log_text(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.state / "service.log").read_text()
        return ""

    def events(self, event: str | None = None, **facts: object) -> list[dict[str, Any]]:
        """Return the lines of the service's log with this event and these facts; the one being written is left out."""
        whole, _, _ = self.log_text().rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines()]
        wanted = facts | ({"event": event} if event else {})
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    def truth(self) -> dict[str, list[int]]:
        """Return the living processes by the worker whose mark they bear: what /proc shows, not our records."""
        found: dict[str, list[int]] = {}
        for pid, mark in marked_processes():
            state, _, whose = mark.partition("/")  # the mark of another test can be any text
            if state == self.marker:
                found.setdefault(whose.partition("/")[0], []).append(pid)
        return found

    @property
    def marker(self) -> str:
        import hashlib

        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", "./tmux.sock", "-N", *arguments], cwd=self.state, capture_output=True, text=True
        )
        return done.stdout

    def tmux_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    def clear(self) -> None:
        """End whatever is left, by pid: what a test leaves is no longer looked at, so nothing is asked to end well."""
        for which in (self._names_us, self._stands_here):  # who starts others goes first, or starts them again
            looks = 0
            while looks < 2:  # what forks and exits during a look is in the next one only
                left = [pid for pid in psutil.pids() if which(pid) and alive(pid)]
                looks = 0 if left else looks + 1
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def _names_us(self, pid: int) -> bool:
        return str(self.place) in cmdline(pid)

    def _stands_here(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return f"{os.readlink(f'/proc/{pid}/cwd')}/".startswith(f"{self.place}/")
        return False


@contextlib.contextmanager
def service_inside(place: Path, workers: str, began: Callable[[Any], object], supervisor: str = FAST) -> Iterator[Any]:
    """The real service in a thread of this process, from when `began(service)` is true; it ends with all its workers.

    XDG_STATE_HOME has to be the test's own.
    """
    from actors.values.requests import ShutDown
    from supervisor.config.load import load
    from supervisor.given import Given
    from supervisor.service import Service
    from supervisor.state.lock import hold
    from supervisor.state.place import place_to_serve

    file = place / "panevisor.toml"
    file.write_text(supervisor + workers)
    where = place_to_serve(str(file))
    lock = hold(where.state_dir)
    service = Service(Given(where, lock, load(file)))
    service.exit_codes = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: service.exit_codes.append(service.run()), daemon=True)  # type: ignore[attr-defined]
    thread.start()
    try:
        wait_until(lambda: began(service))
        yield service
    finally:
        service.posts.supervisor.tell(ShutDown(keep_workers=False))
        thread.join(DEADLINE)
        lock.release()
    assert not thread.is_alive()


def sleepers(count: int) -> str:
    """Return the tables of so many workers that only sleep: w0, w1 …"""
    return "".join(f"[workers.w{n}]\ncommand = ['sleep', '1000']\n" for n in range(count))


def rows_of(service: Any) -> dict[str, Any]:
    """Return the rows of the service's last picture by name; none before the first."""
    gateway = service.machine.gateway if hasattr(service, "machine") else None
    return dict(gateway.snapshot.rows) if gateway and gateway.snapshot else {}


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Let this process have no descriptor but those that it holds already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, hard))
    filled: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                filled.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for descriptor in filled:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until none of its threads runs any more: one on another processor goes on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(b") T " in (task / "stat").read_bytes() for task in tasks.iterdir()))


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not.

    The first thread of a killed process is a zombie before the last one has closed what the process held.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def cmdline(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb", 0) as file:
            return os.fsdecode(file.read()).replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked_processes() -> Iterator[tuple[int, str]]:
    for pid in psutil.pids():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb", 0) as file:
            _, found, rest = (b"\0" + file.read()).partition(b"\0PANEVISOR_WORKER=")
            if found and alive(pid):
                yield pid, rest.partition(b"\0")[0].decode()


# a member leads a session of its own; asked to end, it leaves a child without a mark there, and is gone at once
LEAVES = """
import os, signal, sys
def leave(*_):
    until_exec, closes = os.pipe()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execvpe("sleep", ["sleep", "1000"], {})
    os.close(closes)
    os.read(until_exec, 1)
    os._exit(0)
if os.fork():
    os.wait()
    sys.exit()
os.setsid()
signal.signal(signal.SIGTERM, leave)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""
