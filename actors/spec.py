"""What a worker should be: the validated, immutable description that a config file or `run` gives.

A spec has two parts. What needs a new process to change (command, cwd, environment, pane size) goes into
`WorkerSpec.digest`; everything else is policy and is applied to the living worker.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

REPLICA_OF = "replica_of"  # the label that says of which family a worker is a replica; no file can set it
LONGEST_NAME = 64
NAME_PATTERN = rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}"


class Restart(StrEnum):
    """When an ended worker is started again; whatever it says, what a person stopped stays stopped."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Condition(StrEnum):
    """What a worker waits for in another one before it starts."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"
    EXITED = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The pause before restart n is `initial * factor**n`, at most `max`, spread by ± `jitter` (all in seconds)."""

    initial: float = 1.0
    factor: float = 2.0
    max: float = 60.0
    jitter: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A life is ready when `delay` seconds have passed and, if given, `tcp` ("host:port") accepts a connection."""

    delay: float = 0.0
    timeout: float = 60.0
    tcp: str | None = None

    @property
    def immediate(self) -> bool:
        return self.delay == 0 and self.tcp is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneSize:
    """Width and height in cells, history in lines."""

    columns: int = 200
    rows: int = 50
    history: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """A worker's log is kept in `keep` segments of `max_size` bytes."""

    max_size: int = 10_000_000
    keep: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """One worker, validated. `command` is an argv (exec, no shell) or a string for `/bin/sh -c`; `cwd` is absolute."""

    name: str
    command: tuple[str, ...] | str
    cwd: str
    env: tuple[tuple[str, str], ...] = ()
    project: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    protected: bool = False
    restart: Restart = Restart.ON_FAILURE
    ok_exit_codes: tuple[int, ...] = (0,)
    backoff: Backoff = field(default_factory=Backoff)
    max_restarts: int = 5
    healthy_after: float = 60.0
    depends_on: tuple[tuple[str, Condition], ...] = ()
    ready: Ready = field(default_factory=Ready)
    stop: tuple[str | float, ...] = ("TERM", 10.0, "KILL")
    cleanup_after: float | None = 30.0
    log: LogLimits = field(default_factory=LogLimits)
    pane: PaneSize = field(default_factory=PaneSize)

    @property
    def argv(self) -> tuple[str, ...]:
        """What is executed: the command itself, or `/bin/sh -c` around a string."""
        return ("/bin/sh", "-c", self.command) if isinstance(self.command, str) else self.command

    @property
    def replica_of(self) -> str:
        """The name of its family; "" for a worker of its own."""
        return next((value for key, value in self.labels if key == REPLICA_OF), "")

    @property
    def digest(self) -> str:
        """12 hex digits that change with whatever needs a new process."""
        argv = self.command if isinstance(self.command, str) else list(self.command)
        size = [self.pane.columns, self.pane.rows]
        identity = json.dumps([argv, self.cwd, sorted(self.env), size])
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as the records file keeps them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "WorkerSpec":
        """Rebuild what `to_json` gave; unknown keys (of a newer version) are left out."""
        known = {f.name for f in dataclasses.fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        command = values["command"]
        values |= {
            "command": command if isinstance(command, str) else tuple(command),
            "env": _pairs(values.get("env", ())),
            "labels": _pairs(values.get("labels", ())),
            "restart": Restart(values.get("restart", Restart.ON_FAILURE)),
            "ok_exit_codes": tuple(values.get("ok_exit_codes", (0,))),
            "depends_on": tuple((name, Condition(on)) for name, on in values.get("depends_on", ())),
            "stop": tuple(values.get("stop", ("TERM", 10.0, "KILL"))),
            "backoff": Backoff(**values.get("backoff", {})),
            "ready": Ready(**values.get("ready", {})),
            "log": LogLimits(**values.get("log", {})),
            "pane": PaneSize(**values.get("pane", {})),
        }
        return cls(**values)


def _pairs(items: Any) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in items)
