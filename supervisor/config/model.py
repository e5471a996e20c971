"""The shapes of the tables of a config file, as pydantic models: which keys there are, of which kind, in which limits.

They judge one table at a time and know neither lines nor the other workers. A validator's message is a predicate
that follows the key: "must be …". Defaults come from `actors.values.spec`, so that they stand in one place.
"""

import ipaddress
import re
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from actors.values.families import MOST
from actors.values.gates import MAX_STARTING
from actors.values.spec import (
    FULL,
    KINDS,
    REPLICA_OF,
    Backoff,
    Condition,
    Growth,
    Limits,
    Live,
    LogLimits,
    PaneSize,
    Reaction,
    Ready,
    Stall,
    StopStep,
    TypeKeys,
    TypeText,
    WorkerSpec,
)
from supervisor.config.problems import Mismatch, Refused
from supervisor.text.keys import KeyUnknown, checked
from supervisor.text.patterns import compiled
from supervisor.text.quantities import memory, seconds, size
from supervisor.text.urls import http_target
from supervisor.text.words import Keys, nearest, shown

SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")
IDENTITY = "PANEVISOR_WORKER"

_SPEC = WorkerSpec(name="defaults", command="true", cwd="/")
_BACKOFF, _READY, _LIVE, _LOG, _PANE = Backoff(), Ready(), Live(), LogLimits(), PaneSize()
_STALL, _LIMITS = Stall(), Limits()
_LONGEST_TEXT = 1000  # of a step of a stop plan, in characters
RUNG_WAIT = 30.0  # seconds until the next step of a stall ladder that does not say
_MOST = 10**9  # of anything counted: what is packed and stored has to fit 64 bits with room for sums


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _path(text: str) -> str:
    if not text.strip():
        raise ValueError('must not be empty (for the folder of this file write ".")')
    if text.startswith("~"):
        raise ValueError('must not begin with "~", which only a shell knows (write the path in full)')
    return text


def variable_name(name: str) -> str:
    """Return the name of an environment variable; a ValueError says what is wrong with it."""
    if name == IDENTITY:
        raise ValueError("is set by Panevisor itself, to tell whose a process is (leave it out)")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("is no name for a variable (letters, digits and _, not beginning with a digit)")
    return name


def _env_files(value: object) -> list[str]:
    """Read the two ways to write it."""
    if isinstance(value, str):
        return [_path(_no_nul(value))]
    if not isinstance(value, list):
        raise ValueError(f'must be a path like ".env" or an array of paths, not {shown(value)}')
    _refuse(((index,), _path_fault(part)) for index, part in enumerate(value))
    return value


def _fault(read: Callable[[Any], object], value: object) -> str | None:
    """Return what `read` has against the value, None where it takes it."""
    try:
        read(value)
    except ValueError as verdict:
        return str(verdict)
    return None


def _path_fault(part: object) -> str | None:
    if not isinstance(part, str):
        return f"must be text in quotes, not {shown(part)}"
    return _fault(_no_nul, part) or _fault(_path, part)


def _duration(least: str = "0s") -> BeforeValidator:
    return BeforeValidator(lambda value: seconds(value, least=least))


def _duration_or_never(value: object) -> float | None:
    return None if value == "never" else seconds(value, never=True)


def _pause_or_never(value: object) -> float | None:
    return None if value == "never" else seconds(value, least="1s", never=True)


def _size(least: str) -> BeforeValidator:
    return BeforeValidator(lambda value: size(value, least=least))


def _refuse(verdicts: Iterable[tuple[Keys, str | None]]) -> None:
    """Raise what is said of the parts of a value, of all at once; None is said of a good one."""
    if bad := [(at, verdict) for at, verdict in verdicts if verdict]:
        raise Refused(*bad)


def _command(value: object) -> list[str] | str:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("must not be blank")
        return _no_nul(value)
    if not isinstance(value, list) or not value:
        found = "an empty array" if value == [] else shown(value)
        raise ValueError(f'must be an array like ["sleep", "60"], or text for /bin/sh, not {found}')
    _refuse(((index,), _argument(part, index)) for index, part in enumerate(value))
    return value


def _argument(part: object, index: int) -> str | None:
    if index == 0 and isinstance(part, str) and not part.strip():
        return "must name the program, and is empty"
    if not isinstance(part, str):
        return f"must be text in quotes, not {shown(part)}"
    return "must not contain a NUL character" if "\0" in part else None


def _depends_on(value: object) -> dict[str, str]:
    """Read the two ways to write it; a list means that each has to be ready."""
    if isinstance(value, dict):
        _refuse(((name,), _condition(condition)) for name, condition in value.items())
        return value
    if not isinstance(value, list):
        raise ValueError(f'must be a table like {{ db = "ready" }} or an array of names, not {shown(value)}')
    _refuse(((index,), _worker_name(name)) for index, name in enumerate(value))
    return dict.fromkeys(value, Condition.READY.value)


def _worker_name(part: object) -> str | None:
    return None if isinstance(part, str) else f"must be the name of a worker in quotes, not {shown(part)}"


def _condition(part: object) -> str | None:
    known = list(Condition)
    if part in known:
        return None
    hint = nearest(part, [condition.value for condition in known]) if isinstance(part, str) else ""
    return f'must be "started", "ready", "completed" or "exited", not {shown(part)}{hint}'


def _stop(value: object) -> list[StopStep]:
    """Read steps and waits in turn: `[{ keys = ["C-c"] }, "2s", "KILL"]` gives `[TypeKeys(("C-c",)), 2.0, "KILL"]`."""
    if not isinstance(value, list) or not value:
        found = "an empty array" if value == [] else shown(value)
        raise ValueError(f'must be an array like ["TERM", "10s", "KILL"], not {found}')
    steps: list[StopStep] = []
    verdicts: list[tuple[Keys, str | None]] = []
    for index, step in enumerate(value):
        try:
            steps.append(seconds(step) if index % 2 else _action(step))
        except ValueError as verdict:
            verdicts.append(((index,), f"{verdict}{_turn(index, step)}"))
    if not verdicts and steps[-1] != "KILL":
        verdicts.append(((), 'must end with "KILL": a worker deaf to all the rest would never end'))
    _refuse(verdicts)
    return steps


def _action(step: object) -> StopStep:
    return _typing(step) if isinstance(step, dict) else _signal(step)


def _typing(step: dict[Any, Any]) -> StopStep:
    match step:
        case {"text": str() as text, **rest} if not rest:
            return TypeText(_typed_text(text))
        case {"keys": list() as keys, **rest} if keys and not rest:
            return TypeKeys(_keys(keys))
    raise ValueError(f'must be {{ keys = ["C-c"] }} or {{ text = "exit" }}, not {shown(step)}')


def _typed_text(text: str) -> str:
    if not text or len(text) > _LONGEST_TEXT or any(ord(char) < 32 for char in text):
        raise ValueError(f"text must be one line of 1 to {_LONGEST_TEXT:,} characters (Enter is typed after it)")
    return text


def _keys(keys: list[Any]) -> tuple[str, ...]:
    for key in keys:
        if not isinstance(key, str):
            raise ValueError(f"keys must be names of keys in quotes, not {shown(key)}")
    try:
        return checked(keys)
    except KeyUnknown as unknown:
        raise ValueError(f"keys must be names of keys: {unknown}") from None


def _signal(step: object) -> str:
    name = step.removeprefix("SIG") if isinstance(step, str) else None
    if name not in SIGNALS:
        hint = nearest(name.upper(), list(SIGNALS)) if name else ""
        raise ValueError(f"must be one of the signals {', '.join(SIGNALS)}, not {shown(step)}{hint}")
    return name


def _turn(index: int, step: object) -> str:
    """Explain the order where a step would have been right in the other kind of place."""
    if index % 2 == 0 and isinstance(step, str) and step[:1].isdigit():
        return " (signals and waits take turns, a signal first)"
    is_action = isinstance(step, dict) or (isinstance(step, str) and step.removeprefix("SIG") in SIGNALS)
    return " (put a wait between two signals)" if index % 2 and is_action else ""


def _tcp(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not _host(host) or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ValueError(
            f'must be "host:port" with a port from 1 to 65535, or "[::1]:port" for IPv6, not {shown(address)}'
        )
    return address


def _host(host: str) -> bool:
    if not host.startswith("["):
        return re.fullmatch(r"[A-Za-z0-9._-]{1,255}", host, re.ASCII) is not None
    try:
        return host.endswith("]") and ipaddress.IPv6Address(host[1:-1]) is not None
    except ValueError:
        return False


def _pattern(text: str) -> str:
    """Check an RE2 pattern here, so that a bad one has its line; what is kept is the text."""
    compiled(text)
    return text


def _http(value: object) -> dict[str, Any]:
    """Read the two ways to write it. No header's value is ever shown: it may be a secret."""
    table = {"url": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise ValueError(f'must be a URL like "http://127.0.0.1:8080/health", or a table with url, not {shown(value)}')
    written: list[tuple[Keys, str | None]] = [((key,), _http_key(key)) for key in table]
    headers, status = table.get("headers", {}), table.get("status", [])
    written.append((() if isinstance(value, str) else ("url",), _url_fault(table.get("url"))))
    written.append((("status",), _status_fault(status)))
    faults = _header_faults(headers) if isinstance(headers, dict) else [((), "must be a table")]
    _refuse([*written, *((("headers", *at), verdict) for at, verdict in faults)])
    return {"url": table["url"], "status": tuple(status), "headers": tuple(headers.items())}


def _http_key(key: str) -> str | None:
    return None if key in ("url", "status", "headers") else "is unknown (an http probe has url, status and headers)"


def _url_fault(url: object) -> str | None:
    if not isinstance(url, str):
        return "is missing" if url is None else f"must be text in quotes, not {shown(url)}"
    return _fault(http_target, url)


def _backoff(value: object) -> object:
    """Read an array of pauses as the table that it is short for: `["1s", "5s"]` gives `{ steps = ["1s", "5s"] }`."""
    if not isinstance(value, list | dict):
        raise ValueError(f'must be a table like {{ initial = "1s" }} or an array like ["1s", "5s"], not {shown(value)}')
    if isinstance(value, dict):
        return value
    _pauses(value)  # for its verdicts, which here are about backoff[0] and so on
    return {"steps": value}


def _pauses(value: object) -> list[float]:
    if not isinstance(value, list) or not value:
        found = "an empty array" if value == [] else shown(value)
        raise ValueError(f'must be an array of pauses like ["1s", "5s"], not {found}')
    _refuse(((index,), _fault(seconds, step)) for index, step in enumerate(value))
    return [seconds(step) for step in value]


def _status_fault(status: object) -> str | None:
    fits = isinstance(status, list) and all(type(code) is int and 100 <= code <= 599 for code in status)
    return None if fits else f"must be an array of codes like [200, 204], not {shown(status)}"


def _header_faults(headers: dict[str, Any]) -> list[tuple[Keys, str | None]]:
    return [((name,), _header_fault(name, value)) for name, value in headers.items()]


def _header_fault(name: str, value: object) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        return "is no name for a header"
    fits = isinstance(value, str) and re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value)
    return None if fits else "must be text in quotes, on one line"


def _not_zero(count: int) -> int:
    if count == 0:
        raise ValueError("must be at least 1, or -1 for however many, not 0")
    return count


def _jitter(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == FULL or (number and 0 <= value <= 1):  # type: ignore[operator]
        return value
    raise ValueError(f'must be a number from 0 to 1, or "full", not {shown(value)}')


def _exit_signal(value: object) -> int:
    """Read a signal by its number or its name, with or without SIG."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= signal.NSIG - 1:
        return value
    known = {name.name.removeprefix("SIG"): name.value for name in signal.Signals}
    name = value.removeprefix("SIG") if isinstance(value, str) else None
    if name not in known:
        hint = nearest(name.upper(), list(known)) if name else ""
        raise ValueError(f'must be a signal like "SEGV" or 11, not {shown(value)}{hint}')
    return known[name]


def _one(count: int) -> int:
    if count != 1:
        raise ValueError(f"= {shown(count)} is not supported yet (write a table for each worker)")
    return count


def _label(name: str) -> str:
    if not name or "=" in name:
        raise ValueError("could not be selected by `-l LABEL=VALUE` (name it, without =)")
    if name == REPLICA_OF:
        raise ValueError("is set by Panevisor itself, to tell whose replica a worker is (leave it out)")
    return name


def _stall_after(value: object) -> float | None:
    """Read when a worker is stalled; tmux counts output in whole seconds, so less than 2 s could be none at all."""
    return None if value == "never" else seconds(value, least="2s", never=True)


def _rung_keys(names: list[str]) -> list[str]:
    return list(checked(names))


@dataclass(frozen=True, slots=True)
class LimitGiven:
    """A limit as the file has it; `do` None: as the table's."""

    value: float
    do: Reaction | None = None


def _limit(read: Callable[[object], float]) -> BeforeValidator:
    """Read a limit in its three ways: a value, a table of value and do, or "none" (of an age "never" too)."""

    def limit(value: object) -> LimitGiven | None:
        if value == "none" or (value == "never" and read is _age):
            return None
        if not isinstance(value, dict):
            return LimitGiven(read(value))
        _refuse(((key,), _part_fault(key, part, read)) for key, part in ({"value": None} | value).items())
        return LimitGiven(read(value["value"]), value.get("do"))

    return BeforeValidator(limit)


def _part_fault(key: str, part: object, read: Callable[[object], float]) -> str | None:
    if key not in ("value", "do"):
        return f"is none of value and do{nearest(key, ['value', 'do'])}"
    if key == "do":
        return None if part in ("restart", "notify") else f'must be "restart" or "notify", not {shown(part)}'
    if part is None:
        return "is missing"
    return _fault(read, part)


def _memory(value: object) -> float:
    return size(value, least="1MB")


def _percent(value: object) -> float:
    return _number(value, "percent of one core", most=1_000_000)


def _count(value: object) -> float:
    return _number(value, "processes", most=_MOST, whole=True)


def _age(value: object) -> float:
    return seconds(value, least="1s")


def _number(value: object, what: str, *, most: int, whole: bool = False) -> float:
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not 1 <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"must be {kind} of {what} from 1 to {most}, not {shown(value)}")
    return value


Text = Annotated[str, AfterValidator(_no_nul)]
PathText = Annotated[Text, AfterValidator(_path)]
Variable = Annotated[str, AfterValidator(variable_name)]
Threshold = Annotated[int, Field(ge=1, le=1000)]
Positive = Annotated[float, _duration("1ms")]
Duration = Annotated[float, _duration()]
Tick = Annotated[float, _duration("100ms")]
LogSize = Annotated[int, _size("4kB")]
LogKeep = Annotated[int, Field(ge=1, le=1000)]


class Table(BaseModel):
    """A table that refuses unknown keys and takes no kind of value for another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    not_yet: ClassVar[frozenset[str]] = frozenset()
    """Keys of the contract that are not built so far."""


class FileTable(Table):
    """The file as a whole; its tables are looked into one by one."""

    supervisor: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    workers: dict[str, dict[str, Any]] = {}


class PaneTable(Table):
    """`supervisor.pane`, in cells and lines."""

    columns: Annotated[int, Field(ge=10, le=1000)] = _PANE.columns
    rows: Annotated[int, Field(ge=2, le=1000)] = _PANE.rows
    history: Annotated[int, Field(ge=0, le=1_000_000)] = _PANE.history


class ServiceLogTable(Table):
    """`supervisor.log`; without `file` it lies in the state directory."""

    file: PathText | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    max_size: LogSize = 20_000_000
    keep: LogKeep = 5


class SupervisorTable(Table):
    """`[supervisor]`; without `state_dir` it follows from the path of the file."""

    state_dir: PathText | None = None
    capture_interval: Tick = 5.0
    health_interval: Tick = 10.0
    heartbeat_interval: Annotated[float, _duration("1s")] = 30.0
    max_workers: Annotated[int, Field(ge=1, le=4000)] = 1000
    pane: PaneTable = PaneTable()
    log: ServiceLogTable = ServiceLogTable()
    watch_config: bool = False
    on_term: Literal["keep", "stop"] = "keep"
    min_free_memory: Annotated[int, BeforeValidator(memory)] = 0
    max_starting: Annotated[int, Field(ge=0, le=4000)] = MAX_STARTING


class BackoffTable(Table):
    """A worker's `backoff`, in seconds."""

    initial: Duration = _BACKOFF.initial
    kind: Literal["exponential", "linear", "constant"] = _BACKOFF.kind.value
    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = _BACKOFF.factor
    # as text and validated too: a default must not lie below what `initial` was set to
    max: Duration = Field(default=f"{_BACKOFF.max}s", validate_default=True)
    jitter: Annotated[float | Literal["full"], BeforeValidator(_jitter)] = _BACKOFF.jitter
    steps: Annotated[list[float], BeforeValidator(_pauses)] = []

    @field_validator("factor")
    @classmethod
    def _only_where_it_counts(cls, factor: float, others: ValidationInfo) -> float:
        if others.data.get("kind", Growth.EXPONENTIAL) != Growth.EXPONENTIAL:
            raise Mismatch(f'is for kind = "exponential", not for {shown(others.data["kind"])} (leave it out)')
        return factor

    @field_validator("max")
    @classmethod
    def _not_below_initial(cls, longest: float, others: ValidationInfo) -> float:
        if longest < others.data.get("initial", 0.0):
            raise Mismatch(f"({longest:g}s) must not be less than backoff.initial ({others.data['initial']:g}s)")
        return longest

    @model_validator(mode="after")
    def _steps_alone(self) -> "BackoffTable":
        if self.steps and self.model_fields_set - {"steps", "jitter"}:
            raise Mismatch("has steps, which are the pauses as they are: beside them only jitter can stand")
        return self


class ExitRuleTable(Table):
    """One of a worker's `on_exit`. What to do stands last because it needs something to be done after."""

    codes: list[Annotated[int, Field(ge=0, le=255)]] = []
    signals: list[Annotated[int, BeforeValidator(_exit_signal)]] = []
    do: Literal["restart-now", "backoff", "complete", "fail"]

    @field_validator("do")
    @classmethod
    def _after_something(cls, do: str, others: ValidationInfo) -> str:
        if not others.data.get("codes", True) and not others.data.get("signals", True):
            raise ValueError("needs codes or signals beside it, to say after which ends")
        return do


class WindowTable(Table):
    """A worker's `max_restarts_in`, `within` in seconds."""

    restarts: Annotated[int, Field(ge=1, le=1000)]  # their times are kept
    within: Positive


class CheckTable(Table):
    """What `ready` and `live` have in common: at most one kind of probe, and how often it is tried."""

    tcp: Annotated[str, AfterValidator(_tcp)] | None = None
    unix: PathText | None = None
    http: Annotated[dict[str, Any] | None, BeforeValidator(_http)] = None
    command: Annotated[list[str] | str | None, BeforeValidator(_command)] = None
    log: Annotated[str, AfterValidator(_pattern)] | None = None
    screen: Annotated[str, AfterValidator(_pattern)] | None = None
    interval: Annotated[float, _duration("100ms")] = _READY.interval
    attempt_timeout: Annotated[float, _duration("10ms")] = _READY.attempt_timeout
    successes: Threshold = _READY.successes
    failures: Annotated[int, Field(ge=-1, le=_MOST), AfterValidator(_not_zero)] = _READY.failures

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        _refuse(((kind,), f"stands beside {kinds[0]}, and only one of them can be asked") for kind in kinds[1:])
        return self


class ReadyTable(CheckTable):
    """A worker's `ready`, in seconds. The timeout stands first because the delay is measured against it."""

    timeout: Positive = _READY.timeout
    delay: Duration = _READY.delay

    @field_validator("delay")
    @classmethod
    def _below_timeout(cls, delay: float, others: ValidationInfo) -> float:
        if delay >= others.data.get("timeout", float("inf")):
            raise Mismatch(f"({delay:g}s) must be less than ready.timeout ({others.data['timeout']:g}s)")
        return delay


class LiveTable(CheckTable):
    """A worker's `live`, in seconds; without a kind it is off."""

    interval: Annotated[float, _duration("100ms")] = _LIVE.interval
    attempt_timeout: Annotated[float, _duration("10ms")] = _LIVE.attempt_timeout
    failures: Threshold = _LIVE.failures
    grace: Duration = _LIVE.grace
    do: Literal["restart", "notify"] = _LIVE.do.value


class LogTable(Table):
    """A worker's `log`."""

    max_size: LogSize = _LOG.max_size
    keep: LogKeep = _LOG.keep


class RungTable(Table):
    """A step of `stall.ladder`; without `wait` the first is done at once, each other after `RUNG_WAIT` seconds."""

    do: Literal["notify", "send", "interrupt", "restart"]
    wait: Annotated[float | None, _duration()] = None
    text: Text | None = None
    keys: Annotated[list[str], AfterValidator(_rung_keys)] = Field(default=[], validate_default=True)

    @field_validator("keys")
    @classmethod
    def _only_to_send(cls, keys: list[str], others: ValidationInfo) -> list[str]:
        if "text" not in others.data:
            return keys  # that is wrong already
        do, given = others.data.get("do"), bool(keys) + (others.data.get("text") is not None)
        if do == "send" and given != 1:
            raise ValueError('or text must be given, one of them: do = "send" has to say what it types')
        if do not in (None, "send") and given:
            raise ValueError('and text are only for do = "send"')
        return keys


class StallTable(Table):
    """A worker's `stall`; `after` None is never."""

    after: Annotated[float | None, BeforeValidator(_stall_after)] = _STALL.after
    by: Literal["output", "screen"] = _STALL.by
    ladder: list[RungTable] = [RungTable(do=rung.do) for rung in _STALL.ladder]

    @field_validator("ladder")
    @classmethod
    def _ends_with_restart(cls, ladder: list[RungTable]) -> list[RungTable]:
        for number, rung in enumerate(ladder[:-1]):
            if rung.do == "restart":
                raise Refused(
                    ((number,), 'must come last when it is do = "restart": nothing is left to climb after it')
                )
        return ladder


class LimitsTable(Table):
    """A worker's `limits`: each a value, or a table of value and `do`; `do` is for those that do not say."""

    memory: Annotated[LimitGiven | None, _limit(_memory)] = None
    cpu: Annotated[LimitGiven | None, _limit(_percent)] = None
    cpu_samples: Annotated[int, Field(ge=1, le=1000)] = _LIMITS.cpu_samples
    processes: Annotated[LimitGiven | None, _limit(_count)] = None
    age: Annotated[LimitGiven | None, _limit(_age)] = None
    do: Literal["restart", "notify"] = "restart"


class PolicyTable(Table):
    """Whatever may stand in `[defaults]`."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"rules"})

    cwd: PathText = "."
    env: dict[Variable, Text] = {}
    env_file: Annotated[list[str], BeforeValidator(_env_files)] = []
    project: Text = _SPEC.project
    labels: dict[Annotated[Text, AfterValidator(_label)], Text] = {}
    replicas: Annotated[int, Field(ge=0, le=MOST)] | None = None
    protected: bool = _SPEC.protected
    restart: Literal["always", "on-failure", "never"] = _SPEC.restart.value
    ok_exit_codes: list[Annotated[int, Field(ge=0, le=255)]] = list(_SPEC.ok_exit_codes)
    backoff: Annotated[BackoffTable, BeforeValidator(_backoff)] = BackoffTable()
    max_restarts: Annotated[int, Field(ge=-1, le=_MOST)] = _SPEC.max_restarts
    healthy_after: Positive = _SPEC.healthy_after
    ready: ReadyTable = ReadyTable()
    live: LiveTable = LiveTable()
    stop: Annotated[list[StopStep], BeforeValidator(_stop)] = list(_SPEC.stop)
    cleanup_after: Annotated[float | None, BeforeValidator(_duration_or_never)] = _SPEC.cleanup_after
    log: LogTable = LogTable()
    stall: StallTable = StallTable()
    limits: LimitsTable = LimitsTable()
    on_exit: list[ExitRuleTable] = []
    max_restarts_in: WindowTable | None = None
    retry: Annotated[float | None, BeforeValidator(_pause_or_never)] = _SPEC.retry


class WorkerTable(PolicyTable):
    """`[workers.NAME]`."""

    command: Annotated[list[str] | str, BeforeValidator(_command)]
    depends_on: Annotated[dict[str, str], BeforeValidator(_depends_on)] = {}
