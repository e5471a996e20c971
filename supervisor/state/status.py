"""The status file: how the service is, for readers that do not ask the service itself.

    Metrics ──beat──▶ latest picture ──writer thread──▶ tmp ──rename──▶ status.json ◀──read_status── anybody
    main ──stopped, crashed──────────── at once, fsync ───────────────▶

While the service runs, a slow disk delays the file and nothing else. What `stopped` or `crashed` wrote is the last
word. Standard library only at import: a reader pays for no more.
"""

import json
import os
import threading
import time
import typing
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.frozen import frozen
from supervisor.kernel.files import explained, replace_file

if TYPE_CHECKING:
    from actors.values.snapshot import Snapshot

SERVICE = "panevisor"
INTERVAL = 30.0  # seconds between heartbeats, unless the config says otherwise
MISSED = 3  # heartbeats that may be missing before the file counts as stale
SLACK = 2.0  # seconds: wall times are rounded, and a process is older than the service in it
UNWELL = frozenset({"failed", "quarantined"})
_LONGEST = 500  # characters of a reason or an error


class StatusFile:
    """`actors.ports.Heartbeat`. Owns the file and its writer thread; thread-safe; a failing write stops nothing.

    `on_problem` is called with the reason when writing begins to fail, and with None when it works again.
    """

    def __init__(
        self, path: Path, *, version: str, started_at: float, on_problem: Callable[[str | None], None]
    ) -> None:
        self._path = path
        self._version = version
        self._started_at = started_at
        self._began = time.monotonic() - (time.time() - started_at)
        self._on_problem = on_problem
        self._failing = False
        self._ended = False
        self._last: Snapshot | None = None
        self._waiting: Snapshot | None = None
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        from actors.vital import VitalThread

        VitalThread("status-file", self._write_beats).start()

    def beat(self, snapshot: "Snapshot") -> None:
        with self._changed:
            self._last = self._waiting = snapshot
            self._changed.notify()

    def stopped(self, reason: str, snapshot: "Snapshot | None" = None) -> None:
        """Write the end as planned, with fsync, before returning; no beat is written any more."""
        self._end("stopped", "reason", reason, snapshot)

    def crashed(self, error: str, snapshot: "Snapshot | None" = None) -> None:
        """Write the end by an error, with fsync, before returning; no beat is written any more."""
        self._end("crashed", "error", error, snapshot)

    def _end(self, status: str, key: str, said: str, snapshot: "Snapshot | None") -> None:
        from actors.events.words import iso

        with self._changed:
            self._ended = True
            last = snapshot or self._last
            self._changed.notify()
        now = time.time()
        fields = self._fields(status, last, time.monotonic())
        self._write(fields | {f"{status}_at": iso(now), key: said[:_LONGEST]}, last_word=True)

    def _write_beats(self) -> None:
        while (snapshot := self._next()) is not None:
            self._write(self._fields("running", snapshot, snapshot.at.mono), last_word=False)

    def _next(self) -> "Snapshot | None":
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._waiting is not None)
            snapshot, self._waiting = self._waiting, None
            return snapshot

    def _fields(self, status: str, snapshot: "Snapshot | None", mono: float) -> dict[str, Any]:
        from actors.events.words import iso

        return {
            "service": SERVICE,
            "status": status,
            "pid": os.getpid(),
            "started_at": iso(self._started_at),
            "last_heartbeat": iso(snapshot.at.wall) if snapshot else None,
            "uptime_s": round(max(0.0, mono - self._began), 3),
            "workers": len(snapshot.rows) if snapshot else None,
            "health": health(snapshot) if snapshot else None,
            "version": self._version,
            "memory": _resident_bytes(),
        }

    def _write(self, fields: dict[str, Any], *, last_word: bool) -> None:
        with self._writing:
            if self._ended and not last_word:
                return  # this beat was under way when the end came
            try:
                replace_file(self._path, json.dumps(fields).encode() + b"\n", sync=last_word)
            except OSError as error:
                self._report(explained(error, self._path))
            else:
                self._report(None)

    def _report(self, problem: str | None) -> None:
        if self._failing != (problem is not None):
            self._failing = problem is not None
            self._on_problem(problem)


def _resident_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def health(snapshot: "Snapshot") -> str:
    """Return "degraded" where a part of the service or a worker needs a person, else "ok"."""
    service = snapshot.service
    unwell = any(row.state in UNWELL for row in snapshot.rows.values())
    return "degraded" if service.degraded or service.tmux != "ok" or unwell else "ok"


@frozen(kw_only=True)
class StatusReport:
    """The file's fields as they stand there (times: ISO 8601 UTC; None: not there), and what they mean now.

    `stale`: no heartbeat for three intervals. `alive`: the process with that pid is the one that wrote the file.
    `verdict`: running · stale (it lives and does not beat) · gone (killed: it said no last word) · stopped · crashed ·
    unreadable (no file, or not one of ours).
    """

    verdict: str
    stale: bool = True
    alive: bool = False
    service: str | None = None
    status: str | None = None
    pid: int | None = None
    started_at: str | None = None
    last_heartbeat: str | None = None
    uptime_s: int | float | None = None
    workers: int | None = None
    health: str | None = None
    version: str | None = None
    memory: int | None = None
    stopped_at: str | None = None
    reason: str | None = None
    crashed_at: str | None = None
    error: str | None = None


_TYPES = {
    key: hint for key, hint in typing.get_type_hints(StatusReport).items() if key not in ("verdict", "stale", "alive")
}


def read_status(path: Path, *, interval: float = INTERVAL) -> StatusReport:
    """Return what the file says and what that is worth now; raises nothing. `interval`: seconds between heartbeats."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return StatusReport(verdict="unreadable")
    if not isinstance(content, dict) or content.get("service") != SERVICE:
        return StatusReport(verdict="unreadable")
    fields = {key: content.get(key) for key, hint in _TYPES.items() if isinstance(content.get(key), hint)}
    stale, alive = _stale(fields, interval), _alive(fields)
    return StatusReport(verdict=_verdict(fields.get("status"), stale, alive), stale=stale, alive=alive, **fields)


def _verdict(status: str | None, stale: bool, alive: bool) -> str:
    if status in ("stopped", "crashed"):
        return status
    if status != "running":
        return "unreadable"
    if not alive:
        return "gone"
    return "stale" if stale else "running"


def _stale(fields: dict[str, Any], interval: float) -> bool:
    beat = _unix(fields.get("last_heartbeat"))
    # a beat far in the future is no better than an old one: the clock was set back, and nobody has beaten since
    return beat is None or abs(time.time() - beat) > MISSED * interval


def _alive(fields: dict[str, Any]) -> bool:
    born, began = _born(fields.get("pid")), _began(fields)
    return born is not None and began is not None and born <= began + SLACK


def _began(fields: dict[str, Any]) -> float | None:
    """Return when the service began, on today's clock: it may have been set since `started_at` was written."""
    started, beat = _unix(fields.get("started_at")), _unix(fields.get("last_heartbeat"))
    if started is None or beat is None:
        return started
    return float(max(started, beat - (fields.get("uptime_s") or 0.0)))


def _born(pid: int | None) -> float | None:
    """Return the Unix time at which the process began; None when there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    state, *numbers = stat.rpartition(b")")[2].split()
    ticks = int(numbers[18])  # field 22 of proc(5), counted from boot
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return None if state in (b"Z", b"X") else time.time() - age


def _unix(iso: str | None) -> float | None:
    try:
        return datetime.fromisoformat(iso).timestamp() if iso else None
    except (ValueError, OverflowError):
        return None
