"""What a worker should be: the validated, immutable description that a config file or `run` gives.

A spec has two parts. What needs a new process to change (command, cwd, environment, pane size) goes into
`WorkerSpec.digest`; everything else is policy and is applied to the living worker.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

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


class Growth(StrEnum):
    """How the pauses of a back-off grow from one restart to the next."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    CONSTANT = "constant"


class ExitAction(StrEnum):
    """What an `on_exit` rule does with the exits that it names, whatever `restart` says."""

    RESTART_NOW = "restart-now"  # without a pause; charged to the budget like any restart, so that it converges
    BACKOFF = "backoff"
    COMPLETE = "complete"
    FAIL = "fail"


FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The pauses between restarts, in seconds; n counts from 0 since the last healthy life.

    exponential: `initial * factor**n`; linear: `initial * (n + 1)`; constant: `initial`; each at most `max`. `steps`
    are the pauses themselves, the last one repeats. `jitter` spreads a pause by ± that part of it; `FULL` takes any
    time up to it.
    """

    initial: float = 1.0
    factor: float = 2.0
    max: float = 60.0
    jitter: float | Literal["full"] = 0.2
    kind: Growth = Growth.EXPONENTIAL
    steps: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Backoff":
        values = {**data}
        values |= {"kind": Growth(values.get("kind", Growth.EXPONENTIAL)), "steps": tuple(values.get("steps", ()))}
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRule:
    """What to do after an exit with one of `codes` or by one of `signals` (numbers)."""

    do: ExitAction
    codes: tuple[int, ...] = ()
    signals: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ExitRule":
        values = {**data}
        lists = {key: tuple(values.get(key, ())) for key in ("codes", "signals")}
        return cls(do=ExitAction(values["do"]), **lists)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `restarts` restarts in any `within` seconds."""

    restarts: int
    within: float


KINDS = ("tcp", "unix", "http", "command", "log", "screen")


@dataclass(frozen=True, slots=True)
class Http:
    """A GET of `url` (http only) whose answer has to be one of `status`; none given: any 2xx or 3xx."""

    url: str
    status: tuple[int, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How a worker is asked whether it is well: at most one of `KINDS`, and how often; durations in seconds.

    `unix` is absolute; `log` and `screen` are RE2 patterns. One try lasts at most `attempt_timeout`. So many
    `successes` in a row are a yes, so many `failures` in a row a no (-1: no number of them is).
    """

    tcp: str | None = None
    unix: str | None = None
    http: Http | None = None
    command: tuple[str, ...] | str | None = None
    log: str | None = None
    screen: str | None = None
    interval: float = 1.0
    attempt_timeout: float = 1.0
    successes: int = 1
    failures: int = -1

    @property
    def kind(self) -> str | None:
        """Which of `KINDS` it is; None: nobody is asked."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), None)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `dataclasses.asdict` gave; unknown keys (of a newer version) are left out."""
        values = {f.name: data[f.name] for f in dataclasses.fields(cls) if f.name in data}
        if isinstance(values.get("command"), list | tuple):
            values["command"] = tuple(values["command"])
        if http := values.get("http"):
            values["http"] = Http(http["url"], tuple(http.get("status", ())), _pairs(http.get("headers", ())))
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Check):
    """A life is ready when `delay` seconds have passed and its check, if there is one, has said yes.

    Not within `timeout` seconds, or when the check says no before: it counts as an unhealthy life.
    """

    delay: float = 0.0
    timeout: float = 60.0


class Do(StrEnum):
    """What is done about a running worker whose check says no."""

    RESTART = "restart"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live(Check):
    """A running worker is asked from `grace` seconds after it got ready (or was adopted); without a kind it is not."""

    interval: float = 10.0
    attempt_timeout: float = 5.0
    failures: int = 3
    grace: float = 10.0
    do: Do = Do.RESTART


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


@dataclass(frozen=True, slots=True)
class TypeKeys:
    """A step of a stop plan: press these keys, by tmux's names."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeText:
    """A step of a stop plan: type this text, and Enter."""

    text: str


StopStep = str | float | TypeKeys | TypeText
"""A signal for the whole tree, the seconds until the next step, or something to type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of a stall ladder, `wait` seconds after the one before; `send` types `text` and Enter, or `keys`."""

    do: Literal["notify", "send", "interrupt", "restart"]
    wait: float = 0.0
    text: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A running worker without output, or without a change of its screen, for `after` seconds (None: never) is stalled.

    The first rung's `wait` counts from there.
    """

    after: float | None = None
    by: Literal["output", "screen"] = "output"
    ladder: tuple[Rung, ...] = (Rung(do="notify"),)


Reaction = Literal["restart", "notify"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a tree may use at most, and what is done when it uses more."""

    value: float
    do: Reaction = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`memory` in bytes, `cpu` in percent of one core in each of `cpu_samples` health beats, `age` in seconds."""

    memory: Limit | None = None
    cpu: Limit | None = None
    cpu_samples: int = 6
    processes: Limit | None = None
    age: Limit | None = None


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
    live: Live = field(default_factory=Live)
    stop: tuple[StopStep, ...] = ("TERM", 10.0, "KILL")
    cleanup_after: float | None = 30.0
    log: LogLimits = field(default_factory=LogLimits)
    pane: PaneSize = field(default_factory=PaneSize)
    stall: Stall = field(default_factory=Stall)
    limits: Limits = field(default_factory=Limits)
    on_exit: tuple[ExitRule, ...] = ()  # the first that matches decides, before `restart` and `ok_exit_codes`
    max_restarts_in: Window | None = None
    retry: float | None = None  # the pause of a worker whose budget is spent, in seconds; None: it has failed

    @property
    def argv(self) -> tuple[str, ...]:
        """What is executed: the command itself, or `/bin/sh -c` around a string."""
        return ("/bin/sh", "-c", self.command) if isinstance(self.command, str) else self.command

    @property
    def replica_of(self) -> str:
        """The name of its family; "" for a worker of its own."""
        return next((value for key, value in self.labels if key == REPLICA_OF), "") if self.labels else ""

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
            "stop": tuple(_stop_step(step) for step in values.get("stop", ("TERM", 10.0, "KILL"))),
            "backoff": Backoff.from_json(values.get("backoff", {})),
            "ready": Ready.from_json(values.get("ready", {})),
            "live": _live(values.get("live", {})),
            "log": LogLimits(**values.get("log", {})),
            "pane": PaneSize(**values.get("pane", {})),
            "stall": _stall(values.get("stall", {})),
            "limits": _limits(values.get("limits", {})),
            "on_exit": tuple(ExitRule.from_json(rule) for rule in values.get("on_exit", ())),
            "max_restarts_in": Window(**values["max_restarts_in"]) if values.get("max_restarts_in") else None,
        }
        return cls(**values)


def _live(data: dict[str, Any]) -> Live:
    live = Live.from_json(data)
    return dataclasses.replace(live, do=Do(live.do))


def _pairs(items: Any) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in items)


def _stop_step(step: Any) -> StopStep:
    if isinstance(step, dict):
        return TypeKeys(tuple(step["keys"])) if "keys" in step else TypeText(step["text"])
    typed: StopStep = step
    return typed


def _stall(data: dict[str, Any]) -> Stall:
    values = dict(data)
    if "ladder" in values:
        values["ladder"] = tuple(_rung(dict(rung)) for rung in values["ladder"])
    return Stall(**values)


def _rung(values: dict[str, Any]) -> Rung:
    return Rung(**values | {"keys": tuple(values.get("keys", ()))})


def _limits(data: dict[str, Any]) -> Limits:
    """Rebuild each limit; `cpu_samples` is the one key that is none."""
    values: dict[str, Any] = {
        key: Limit(**value) if isinstance(value, dict) else value for key, value in dict(data).items()
    }
    return Limits(**values)
