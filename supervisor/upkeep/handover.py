"""Hands over to another version of the service: no worker is touched, and this one goes on where that one fails.

    begin ──▶ the next service: imports, reads config and records ──hand_over──▶ this one ends, lets go of the lock
                                                                                        and stands by
        the next one shows a picture ──▶ this process ends; where nothing keeps it, it waits for the next one's end
        the next one ends, or is late ──▶ it is killed, and this process serves again

Under the keeper of `up` the next service gets a keeper of its own, which starts that version from then on. Under
systemd and by hand it is a child of this process; systemd is told its pid.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.events.words import exact
from actors.frozen import frozen
from actors.values.requests import RequestRefused
from supervisor.kernel.files import content_of, opened, replace_file
from supervisor.kernel.shortage import kill_group
from supervisor.state.lock import Held, Lock, hold
from supervisor.state.place import KEEPER, NEXT_KEEPER, OUTPUT, RECORDS, Place, words_of
from supervisor.state.records import examined
from supervisor.upkeep import keeper
from supervisor.upkeep.systemd import Notifier
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

TAKE_OVER = "--takeover"
LISTENS_WITHIN = 5.0  # seconds from the lock to the socket: all is imported by then
LOCK_TIMEOUT = 10.0  # seconds in which a killed process lets go of the lock
_PAUSE = 0.01
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


@frozen
class Upgraded:
    """This service has taken over from the one before."""

    version: str
    previous_version: str
    previous_pid: int


@frozen
class UpgradeFailed:
    """This service goes on: the next one has failed for this reason, after it had taken over."""

    error: str


class Handover:
    """One hand-over at a time. `begin`, `expects` and `accept` are for the Gateway, the rest for the main thread.

    `successor`: the pid of the service that takes over; None until it has asked for that.
    """

    def __init__(self, place: Place, kept: keeper.Kept, notifier: Notifier) -> None:
        self._place, self._kept, self._notifier = place, kept, notifier
        self._under_way = threading.Lock()
        self._accepted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._timeout = 0.0
        self.successor: int | None = None

    # ── while this service serves ─────────────────────────────────────────────────────────────────────────────────

    def begin(self, program: Sequence[str], pythonpath: str | None, timeout: float) -> int:
        """Start the next service, and return its pid once it takes over. Raises RequestRefused: it never began to.

        `program`: the words that run panevisor. It has `timeout` seconds to get ready, and as many to show a picture.
        """
        if not self._under_way.acquire(blocking=False):
            raise RequestRefused("conflict", "another upgrade is under way")
        try:
            self._timeout = timeout
            printed = _size(self._output)
            self._process = self._started(program, pythonpath)
            self._until_accepted(self._process, printed)
            assert self.successor is not None
            return self.successor
        except BaseException:
            self._forget()
            raise
        finally:
            self._under_way.release()

    def expects(self, pid: int) -> None:
        """Raise RequestRefused unless this process is, or belongs to, the one that `begin` waits for."""
        process = self._process
        if process is None or self.successor is not None or os.getpgid(pid) != process.pid:
            raise RequestRefused("conflict", "no upgrade waits for this process")

    def accept(self, pid: int) -> None:
        """Let this process take over: this service has been told to end."""
        self.successor = pid
        self._accepted.set()

    def _started(self, program: Sequence[str], pythonpath: str | None) -> "subprocess.Popen[bytes]":
        argv = [*program, *words_of(self._place), "serve"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"PYTHONPATH": pythonpath} if pythonpath else {}
        if self._kept.by == keeper.KEEPER:
            return self._with_keeper(argv, environment)
        return subprocess.Popen(
            [*argv, TAKE_OVER],
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=environment | self._notifier.variables(),
            start_new_session=True,
        )

    def _with_keeper(self, argv: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with (
            keeper.place_of_keeper(self._place.state_dir, NEXT_KEEPER) as file,
            open(self._output, "ab", opener=opened) as said,
        ):
            if file is None:
                raise RequestRefused("conflict", f"another keeper waits in {self._place.state_dir / NEXT_KEEPER}")
            return keeper.start_keeper(file, argv, once=TAKE_OVER, output=said, environment=environment)

    def _until_accepted(self, process: "subprocess.Popen[bytes]", printed: int) -> None:
        deadline = time.monotonic() + self._timeout
        while not self._accepted.wait(_PAUSE):
            if process.poll() is not None:
                raise RequestRefused("failed", f"the next service ended before it took over{self._said(printed)}")
            if time.monotonic() > deadline:
                _kill(process)
                late = f"the next service was not ready to take over within {exact(self._timeout)}, and was killed"
                raise RequestRefused("timeout", f"{late}{self._said(printed)}")

    # ── when it has ended ─────────────────────────────────────────────────────────────────────────────────────────

    def stand_by(self, lock: Lock) -> str | None:
        """Let go of the lock; return None when the next service has shown a picture, else why it was ended."""
        assert self._process is not None
        records, printed = _content(self._place), _size(self._output)
        lock.release()
        with self._forwarding():
            why = self._failure(self._process)
        if why is None:
            self._settle()
            return None
        _kill(self._process)
        self._forget()
        _restore(self._place, records)
        return why + self._said(printed)

    def lock_again(self) -> Lock:
        """Return the lock; raises Held when what was killed does not let go of it, or another service has it."""
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                return hold(self._place.state_dir)
            except Held:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)

    def outlived(self) -> int:
        """Return this process's exit code; where nothing keeps the next service, that is the next one's."""
        if self._kept.by is not None or self._process is None:
            return 0
        with self._forwarding():
            code = self._process.wait()
        return code if code >= 0 else 128 - code

    def _forget(self) -> None:
        """Be as before: what was started has ended."""
        self._process = self.successor = None
        if self._kept.by == keeper.KEEPER:
            (self._place.state_dir / NEXT_KEEPER).unlink(missing_ok=True)

    def _failure(self, process: "subprocess.Popen[bytes]") -> str | None:
        begun = time.monotonic()
        patience, lacks = min(LISTENS_WITHIN, self._timeout), "did not answer"
        while time.monotonic() < begun + patience:
            hello = self._hello()
            if hello["ready"]:
                return None
            if hello["pid"] == self.successor:
                patience, lacks = self._timeout, "had no picture"
            if process.poll() is not None or not self._lives():
                return "the next service ended before it had a picture"
            time.sleep(_PAUSE)
        return f"the next service {lacks} within {exact(patience)}, and was killed"

    def _lives(self) -> bool:
        """Whether the next service lives: its keeper would tell its end only after a pause."""
        assert self.successor is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.successor, 0)
            return True
        return False

    def _hello(self) -> Mapping[str, Any]:
        """Return what the next service says of itself."""
        with contextlib.suppress(CommandError), Client.connect(self._place.socket, 1.0) as client:
            hello: Mapping[str, Any] = client.call("hello", timeout=1.0)
            return hello
        return {"ready": False, "pid": None}

    def _settle(self) -> None:
        """Let the next service be kept: by its own keeper, whose file takes the place of ours, or by systemd."""
        assert self.successor is not None
        self._notifier.succeeded_by(self.successor)
        if self._kept.by == keeper.KEEPER:
            (self._place.state_dir / NEXT_KEEPER).replace(self._place.state_dir / KEEPER)

    @contextlib.contextmanager
    def _forwarding(self) -> Iterator[None]:
        """Pass on to the next service the signals that come to this process, by which a service is told to end."""

        def forward(number: int, _frame: object) -> None:
            if self.successor:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.successor, number)

        before = {number: signal.signal(number, forward) for number in _FORWARDED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # ── what the next service, and its keeper, print ──────────────────────────────────────────────────────────────

    @property
    def _output(self) -> Path:
        return self._place.state_dir / OUTPUT

    def _said(self, printed: int) -> str:
        """Return the last line in their output behind so many bytes, to be added to a sentence."""
        if self._kept.by != keeper.KEEPER:
            return "; what it said is where this service prints"
        with contextlib.suppress(OSError):
            lines = self._output.read_bytes()[printed:].decode(errors="replace").splitlines()
            if own := [line for line in lines if not line.startswith(keeper.FAILED)]:
                return f": {own[-1]} (all that it said is in {self._output})"
        return "; it said nothing"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill what was started: it leads a session, so its group is the service and the keeper."""
    if process.poll() is None:
        kill_group(process)
        process.wait()


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _content(place: Place) -> bytes | None:
    with contextlib.suppress(OSError):
        return content_of(place.state_dir / RECORDS)
    return None


def _restore(place: Place, records: bytes | None) -> None:
    """Put back the records as they were, if the next service has left what this one can't read."""
    path = place.state_dir / RECORDS
    with contextlib.suppress(OSError):
        if records is not None and (not path.exists() or examined(path)[1]):
            replace_file(path, records, sync=True)
