"""What systemd hears from the service (sd_notify(3)): ready, reloading, stopping, and that beats really end.

    Supervisor ──closing──────────▶ ┐
    SIGHUP ──reloading, reloaded──▶ ├─ Notifier ──one datagram──▶ $NOTIFY_SOCKET
    Metrics ──opened, beat_ended──▶ ┘

No call blocks and none raises; without NOTIFY_SOCKET none does anything. Standard library only.
"""

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.values.snapshot import Snapshot

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
STATUS_PAUSE = 1.0  # seconds between two STATUS lines of beats
KEPT = 16  # datagrams that wait while the receiver takes none; systemd's socket holds many more
START_EXTENSION = 30.0  # seconds of additional start time that a failed try for tmux asks for
_LONGEST = 300  # characters of a STATUS


class _Phase(Enum):
    STARTING = auto()
    READY = auto()
    STOPPING = auto()


class Notifier:
    """`actors.ports.Watchdog`, and the service's own news. Thread-safe. Owns the socket and what was said last.

    `watchdog_s` is the time within which systemd wants a beat; None when it does not watch this process.
    """

    def __init__(
        self, address: str | None, watchdog_s: float | None = None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = _as_bytes(address)
        self.watchdog_s = watchdog_s if self._address else None
        self._now = now
        self._lock = threading.Lock()
        self._phase = _Phase.STARTING
        self._status = ""
        self._status_at = float("-inf")
        self._unsent: deque[bytes] = deque(maxlen=KEPT)
        self._socket = _datagram_socket() if self._address else None

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> "Notifier":
        """Return the Notifier that the environment asks for; remove the variables, so that no child inherits them."""
        address, usec, pid = (environment.pop(name, "") for name in VARIABLES)
        watched = usec.isdecimal() and int(usec) > 0 and pid in ("", str(os.getpid()))
        return cls(address or None, int(usec) / 1e6 if watched else None)

    def variables(self) -> dict[str, str]:
        """Return the environment with which another process becomes a notifier of the same unit."""
        if self._address is None:
            return {}
        watchdog = {"WATCHDOG_USEC": f"{self.watchdog_s * 1e6:.0f}"} if self.watchdog_s else {}
        return {"NOTIFY_SOCKET": os.fsdecode(self._address).replace("\0", "@", 1), **watchdog}

    def succeeded_by(self, pid: int) -> None:
        """Say that this process is the unit's main process from now on; systemd then listens to it."""
        with self._lock:
            self._say(f"MAINPID={pid}")

    def opened(self) -> None:
        """Say, once, that the service is ready."""
        with self._lock:
            if self._phase is _Phase.STARTING:
                self._phase = _Phase.READY
                self._say("READY=1", f"MAINPID={os.getpid()}", self._status_line("ready"))
                self._status_at = float("-inf")  # the first picture follows at the next beat

    def awaits_tmux(self, reason: str) -> None:
        """Say that a try to reach tmux has failed; systemd then allows more time to start."""
        with self._lock:
            lines = [self._status_line(f"waiting for tmux: {reason}"), *self._fed()]
            if self._phase is _Phase.STARTING:
                lines.append(f"EXTEND_TIMEOUT_USEC={START_EXTENSION * 1e6:.0f}")
            self._say(*lines)

    def reloading(self) -> None:
        """Say that a file begins to be applied; `reloaded` has to follow."""
        with self._lock:
            if self._phase is _Phase.READY:
                usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                self._say("RELOADING=1", f"MONOTONIC_USEC={usec}", self._status_line("applying the config"))

    def reloaded(self, outcome: str) -> None:
        """Say that the file was applied or refused; `outcome` says which."""
        with self._lock:
            if self._phase is _Phase.READY:
                self._say("READY=1", self._status_line(outcome))

    def stopping(self, cause: str) -> None:
        """Say, once, that the service ends."""
        with self._lock:
            if self._phase is not _Phase.STOPPING:
                self._phase = _Phase.STOPPING
                self._say("STOPPING=1", self._status_line(f"stopping: {cause}"))

    def beat_ended(self, snapshot: "Snapshot") -> None:
        with self._lock:
            if not self._sent():
                return  # the receiver is slow: a beat must not push other news out
            lines = self._fed()
            status, now = _words(snapshot), self._now()
            news = self._phase is _Phase.READY and _cut(status) != self._status
            if news and now - self._status_at >= STATUS_PAUSE:
                lines.append(self._status_line(status))
            if lines:
                self._say(*lines)

    def _fed(self) -> list[str]:
        return ["WATCHDOG=1"] if self.watchdog_s else []

    def _status_line(self, status: str) -> str:
        self._status, self._status_at = _cut(status), self._now()
        return f"STATUS={self._status}"

    def _say(self, *lines: str) -> None:
        """Send, after what could not be sent before: a READY must not be lost on a receiver that is slow."""
        self._unsent.append("\n".join(lines).encode(errors="replace"))
        self._sent()

    def _sent(self) -> bool:
        """Send what waits; return whether all of it is sent."""
        while self._unsent and self._socket and self._address:
            try:
                self._socket.sendto(self._unsent[0], socket.MSG_DONTWAIT, self._address)
            except BlockingIOError:
                return False
            except OSError:  # no one listens any more
                pass
            self._unsent.popleft()
        return True


def _as_bytes(address: str | None) -> bytes | None:
    """Return the address as the kernel has it: `@` stands for an abstract one; others (vsock) are not for us."""
    if not address or address[0] not in "/@":
        return None
    return b"\0" + os.fsencode(address[1:]) if address[0] == "@" else os.fsencode(address)


def _datagram_socket() -> socket.socket | None:
    try:
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    except OSError:
        return None


def _words(snapshot: "Snapshot") -> str:
    """Return a picture in one line: `50 workers: 49 running, 1 failed`, and what is wrong with the service."""
    states: dict[str, int] = {}
    for row in snapshot.rows.values():
        states[row.state] = states.get(row.state, 0) + 1
    count = len(snapshot.rows)
    by_state = ", ".join(f"{n} {state}" for state, n in sorted(states.items(), key=lambda item: (-item[1], item[0])))
    words = f"{count} worker{'' if count == 1 else 's'}{': ' if count else ''}{by_state}"
    service = snapshot.service
    tmux = "" if service.tmux == "ok" else f"; tmux: {service.tmux}"
    error = f"; config not applied: {service.config.error}" if service.config.error else ""
    return words + tmux + error


def _cut(status: str) -> str:
    """Return one short line: a newline would begin another assignment."""
    return " ".join(status.split())[:_LONGEST]
