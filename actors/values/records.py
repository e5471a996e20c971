"""What must be remembered across a death of the service: intent and verdicts, and who lived where.

Records are the truth about what a person wanted and what was judged; the kernel and tmux are the truth about processes.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from actors.values.facts import Exit, Handle
from actors.values.spec import WorkerSpec


class Intent(StrEnum):
    """What is wanted of a worker, or was judged of it for good."""

    WANTED = "wanted"
    STOPPED = "stopped"  # by a person
    COMPLETED = "completed"
    FAILED = "failed"
    REMOVED = "removed"  # ordered; forgotten when its tree is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One worker as the records file knows it.

    `life` is the one of which something may still live, `judged` the one whose `exit` was judged. `by_hand`: it was
    defined by `run` and not by the file, so that applying the file does not remove it.
    """

    spec: WorkerSpec
    by_hand: bool = False
    intent: Intent = Intent.WANTED
    ready: bool = False
    life: str | None = None
    process: Handle | None = None
    exit: Exit | None = None
    judged: str | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return self.state_to_json() | {"spec": self.spec.to_json(), "digest": self.spec.digest}

    def state_to_json(self) -> dict[str, Any]:
        """Return all but the spec, which is most of a record and seldom changes."""
        return {
            "by_hand": self.by_hand,
            "intent": self.intent,
            "ready": self.ready,
            "life": self.life,
            "process": asdict(self.process) if self.process else None,
            "exit": asdict(self.exit) if self.exit else None,
            "judged": self.judged,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Record":
        return cls.of_state(WorkerSpec.from_json(_table(_table(data)["spec"])), data)

    @classmethod
    def of_state(cls, spec: WorkerSpec, data: dict[str, Any]) -> "Record":
        """Return the record of this spec with the state that `state_to_json` gave."""
        process, exit = _table(data).get("process"), data.get("exit")
        return cls(
            spec=spec,
            by_hand=bool(data.get("by_hand")),
            intent=Intent(data.get("intent", Intent.WANTED)),
            ready=bool(data.get("ready")),
            life=data.get("life"),
            process=Handle(**process) if process else None,
            exit=Exit(**exit) if exit else None,
            judged=data.get("judged"),
            reason=data.get("reason", ""),
        )


@dataclass(frozen=True, slots=True)
class Scaled:
    """A person ordered `count` replicas of this family, when the file said `of_file`; it counts while it says so."""

    name: str
    count: int
    of_file: int

    @property
    def note(self) -> str:
        return f"scaled to {self.count}; the file says {self.of_file}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which file the service runs, and what it is known by after a move: device and inode of it and of its folder."""

    config: str
    file: tuple[int, int]
    folder: tuple[int, int]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Origin":
        (file, inode), (folder, folder_inode) = data["file"], data["folder"]
        return cls(config=str(data["config"]), file=(int(file), int(inode)), folder=(int(folder), int(folder_inode)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The world the records speak of: which boot, which tmux server, which file was applied, how the service ended.

    `scaled`: the families whose size a person ordered. `origin`: None in the records of an older version.
    """

    boot_id: str = ""
    server: Handle | None = None
    config_digest: str = ""
    clean: bool = True
    scaled: tuple[Scaled, ...] = ()
    origin: Origin | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Head":
        server, origin = _table(data).get("server"), data.get("origin")
        return cls(
            boot_id=data.get("boot_id", ""),
            server=Handle(**server) if server else None,
            config_digest=data.get("config_digest", ""),
            clean=bool(data.get("clean", False)),
            scaled=tuple(Scaled(**_table(order)) for order in data.get("scaled", ())),
            origin=Origin.from_json(_table(origin)) if origin else None,
        )


def _table(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(f"not a table: {found!r:.80}")
    return found


@dataclass(frozen=True, slots=True)
class Records:
    """The whole file: a head, and one record a worker in the order in which they were defined."""

    head: Head = field(default_factory=Head)
    workers: tuple[Record, ...] = ()


class Folding:
    """The records after each line of the file, taken in order; the last line about a thing wins.

    `{"head": {…}}`, `{"worker": name, "record": {…} | null}`, or `{"of": name, "state": {…}}`: a record without its
    spec, which is as in the line before.
    """

    def __init__(self) -> None:
        self.head = Head()
        self.workers: dict[str, Record] = {}

    @property
    def records(self) -> Records:
        return Records(self.head, tuple(self.workers.values()))

    def take(self, entry: dict[str, Any]) -> None:
        """Take one line; a bad one raises KeyError, TypeError or ValueError, and changes nothing."""
        if "head" in entry:
            self.head = Head.from_json(entry["head"])
        elif "of" in entry:
            name = entry["of"]
            self.workers[name] = Record.of_state(self.workers[name].spec, entry["state"])
        else:
            self._take_worker(entry["worker"], entry.get("record"))

    def _take_worker(self, name: str, data: Any) -> None:
        if data is None:
            self.workers.pop(name, None)
            return
        record = Record.from_json(data)
        if record.spec.name != name:
            raise ValueError(f"record of {record.spec.name!r} under the name {name!r}")
        self.workers[name] = record
