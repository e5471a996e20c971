"""What must be remembered across a death of the service: intent and verdicts, and who lived where.

Records are the truth about what a person wanted and what was judged; the kernel and tmux are the truth about processes.
"""

from dataclasses import field, fields
from enum import StrEnum
from typing import Any

from actors.frozen import as_dict, frozen
from actors.values.command_text import Session
from actors.values.facts import Exit, Handle
from actors.values.rules import Holding
from actors.values.spec import WorkerSpec


class Intent(StrEnum):
    """What is wanted of a worker, or was judged of it for good."""

    WANTED = "wanted"
    STOPPED = "stopped"  # by a person
    COMPLETED = "completed"
    FAILED = "failed"
    REMOVED = "removed"  # ordered; forgotten when its tree is gone


@frozen(kw_only=True)
class Record:
    """One worker as the records file knows it.

    `life` is the one of which something may still live, `judged` the one whose `exit` was judged. `by_hand`: it was
    defined by `run` and not by the file, so that applying the file does not remove it. `server`: see actors/servers.py.
    """

    spec: WorkerSpec
    by_hand: bool = False
    intent: Intent = Intent.WANTED
    ready: bool = False
    life: str | None = None
    process: Handle | None = None
    server: int = 0
    exit: Exit | None = None
    judged: str | None = None
    reason: str = ""
    hold: Holding | None = None
    session: Session | None = None

    def to_json(self) -> dict[str, Any]:
        return self.state_to_json() | {"spec": self.spec.to_json(), "digest": self.spec.digest}

    def state_to_json(self) -> dict[str, Any]:
        """Return all but the spec, which is most of a record and seldom changes."""
        return {name: as_dict(getattr(self, name)) for name in _STATE}


_STATE = tuple(each.name for each in fields(Record) if each.name != "spec")


@frozen
class Scaled:
    """A person ordered `count` replicas of this family, when the file said `of_file`; it counts while it says so."""

    name: str
    count: int
    of_file: int

    @property
    def note(self) -> str:
        return f"scaled to {self.count}; the file says {self.of_file}"


@frozen(kw_only=True)
class Origin:
    """Which file the service runs, and what it is known by after a move: device and inode of it and of its folder."""

    config: str
    file: tuple[int, int]
    folder: tuple[int, int]


@frozen(kw_only=True)
class Head:
    """The world the records speak of: which boot, which tmux servers, which file was applied, how the service ended.

    `scaled`: the families whose size a person ordered. `origin`: None in the records of an older version.
    """

    boot_id: str = ""
    servers: tuple[Handle | None, ...] = ()  # by their numbers
    config_digest: str = ""
    clean: bool = True
    scaled: tuple[Scaled, ...] = ()
    origin: Origin | None = None

    def to_json(self) -> dict[str, Any]:
        return as_dict(self)  # type: ignore[no-any-return]


@frozen
class Records:
    """The whole file: a head, and one record a worker in the order in which they were defined."""

    head: Head = field(default_factory=Head)
    workers: tuple[Record, ...] = ()


@frozen(kw_only=True)
class Death:
    """How one life ended, and what policy decided. Times are Unix times; an unknown value is None.

    The verdict is `state` (the state after the exit), `delay_s` (seconds until the next start) and `attempt` (number of
    the restart). `rss_bytes` and `cpu_percent` are of the last sweep. `lines`: the last lines that the life logged.
    """

    worker: str
    life: str
    started_at: float | None
    ended_at: float
    uptime_s: float | None
    exit_code: int | None
    exit_signal: int | None
    cause: str
    reason: str
    state: str
    delay_s: float | None = None
    attempt: int | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**as_dict(self), "lines": list(self.lines)}
