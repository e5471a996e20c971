"""The shapes of the tables of a config file, as pydantic models: which keys there are, of which kind, in which limits.

They judge one table at a time and know neither lines nor the other workers. A validator's message is a predicate
that follows the key: "must be …". Defaults come from `actors.spec`, so that they stand in one place.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from actors.admission import MAX_STARTING
from actors.replicas import MOST
from actors.spec import REPLICA_OF, Backoff, Condition, LogLimits, PaneSize, Ready, WorkerSpec
from supervisor.config_problems import Keys, Mismatch, Refused, nearest, shown
from supervisor.quantities import memory, seconds, size

SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")
IDENTITY = "PANEVISOR_WORKER"

_SPEC = WorkerSpec(name="defaults", command="true", cwd="/")
_BACKOFF, _READY, _LOG, _PANE = Backoff(), Ready(), LogLimits(), PaneSize()
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


def _path_fault(part: object) -> str | None:
    if not isinstance(part, str):
        return f"must be text in quotes, not {shown(part)}"
    try:
        _path(_no_nul(part))
    except ValueError as verdict:
        return str(verdict)
    return None


def _duration(least: str = "0s") -> BeforeValidator:
    return BeforeValidator(lambda value: seconds(value, least=least))


def _duration_or_never(value: object) -> float | None:
    return None if value == "never" else seconds(value, never=True)


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


def _stop(value: object) -> list[str | float]:
    """Read signals and waits in turn: `["TERM", "10s", "KILL"]` gives `["TERM", 10.0, "KILL"]`."""
    if not isinstance(value, list) or not value:
        found = "an empty array" if value == [] else shown(value)
        raise ValueError(f'must be an array like ["TERM", "10s", "KILL"], not {found}')
    steps: list[str | float] = []
    verdicts: list[tuple[Keys, str | None]] = []
    for index, step in enumerate(value):
        try:
            steps.append(seconds(step) if index % 2 else _signal(step))
        except ValueError as verdict:
            verdicts.append(((index,), f"{verdict}{_turn(index, step)}"))
    if not verdicts and steps[-1] != "KILL":
        verdicts.append(((), 'must end with "KILL": a worker deaf to all the rest would never end'))
    _refuse(verdicts)
    return steps


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
    is_signal = isinstance(step, str) and step.removeprefix("SIG") in SIGNALS
    return " (put a wait between two signals)" if index % 2 and is_signal else ""


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


def _label(name: str) -> str:
    if name == REPLICA_OF:
        raise ValueError("is set by Panevisor itself, to tell whose replica a worker is (leave it out)")
    return name


Text = Annotated[str, AfterValidator(_no_nul)]
PathText = Annotated[Text, AfterValidator(_path)]
Variable = Annotated[str, AfterValidator(variable_name)]
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
    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = _BACKOFF.factor
    # as text and validated too: a default must not lie below what `initial` was set to
    max: Duration = Field(default=f"{_BACKOFF.max}s", validate_default=True)
    jitter: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = _BACKOFF.jitter

    @field_validator("max")
    @classmethod
    def _not_below_initial(cls, longest: float, others: ValidationInfo) -> float:
        if longest < others.data.get("initial", 0.0):
            raise Mismatch(f"({longest:g}s) must not be less than backoff.initial ({others.data['initial']:g}s)")
        return longest


class ReadyTable(Table):
    """A worker's `ready`, in seconds. The timeout stands first because the delay is measured against it."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"http", "command", "log", "screen", "unix"})

    timeout: Positive = _READY.timeout
    delay: Duration = _READY.delay
    tcp: Annotated[str, AfterValidator(_tcp)] | None = None

    @field_validator("delay")
    @classmethod
    def _below_timeout(cls, delay: float, others: ValidationInfo) -> float:
        if delay >= others.data.get("timeout", float("inf")):
            raise Mismatch(f"({delay:g}s) must be less than ready.timeout ({others.data['timeout']:g}s)")
        return delay


class LogTable(Table):
    """A worker's `log`."""

    max_size: LogSize = _LOG.max_size
    keep: LogKeep = _LOG.keep


class PolicyTable(Table):
    """Whatever may stand in `[defaults]`."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"on_exit", "retry", "stall", "limits", "rules"})

    cwd: PathText = "."
    env: dict[Variable, Text] = {}
    env_file: Annotated[list[str], BeforeValidator(_env_files)] = []
    project: Text = _SPEC.project
    labels: dict[Annotated[Text, AfterValidator(_label)], Text] = {}
    replicas: Annotated[int, Field(ge=0, le=MOST)] | None = None
    protected: bool = _SPEC.protected
    restart: Literal["always", "on-failure", "never"] = _SPEC.restart.value
    ok_exit_codes: list[Annotated[int, Field(ge=0, le=255)]] = list(_SPEC.ok_exit_codes)
    backoff: BackoffTable = BackoffTable()
    max_restarts: Annotated[int, Field(ge=-1, le=_MOST)] = _SPEC.max_restarts
    healthy_after: Positive = _SPEC.healthy_after
    ready: ReadyTable = ReadyTable()
    stop: Annotated[list[str | float], BeforeValidator(_stop)] = list(_SPEC.stop)
    cleanup_after: Annotated[float | None, BeforeValidator(_duration_or_never)] = _SPEC.cleanup_after
    log: LogTable = LogTable()


class WorkerTable(PolicyTable):
    """`[workers.NAME]`."""

    command: Annotated[list[str] | str, BeforeValidator(_command)]
    depends_on: Annotated[dict[str, str], BeforeValidator(_depends_on)] = {}
