"""What requests and answers hold: a class for each body, query and answer. The API's document is made of them."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)
_LOOSE = ConfigDict(extra="forbid")  # a query is text

Wait = Annotated[float, Ge(0), Le(600), Field(description="Seconds to wait for the verdicts; 0: do not wait.")]
Force = Annotated[bool, Field(description="Also where it is protected, or where hands are on.")]
Name = Annotated[str, MinLen(1), MaxLen(64)]
Names = Annotated[list[Name], MinLen(1), MaxLen(1000)]


@dataclass(frozen=True, kw_only=True)
class Login:
    __pydantic_config__ = _STRICT
    token: Annotated[str, MaxLen(200)]


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """How an order is carried out: `kill` ends at once, `now` goes on with the next step of a stop plan."""

    __pydantic_config__ = _STRICT
    force: Force = False
    kill: bool = False
    now: bool = False
    wait: Wait = 10.0


@dataclass(frozen=True, kw_only=True)
class Select:
    """Workers by names and globs, labels and a project, or all."""

    __pydantic_config__ = _STRICT
    patterns: Annotated[list[Name], MaxLen(1000)] = field(default_factory=list)
    labels: Annotated[list[Annotated[list[str], MinLen(2), MaxLen(2)]], MaxLen(64)] = field(default_factory=list)
    project: str | None = None
    all: bool = False


@dataclass(frozen=True, kw_only=True)
class OrderedAll(Ordered):
    """An order for several workers: `names` or `select`."""

    do: Literal["start", "stop", "restart", "complete", "remove"]
    names: Names | None = None
    select: Select | None = None


@dataclass(frozen=True, kw_only=True)
class Send:
    """`manner`: a "line" that Enter follows, a "text" that is typed with care, or "exact" bytes."""

    __pydantic_config__ = _STRICT
    text: Annotated[str, MaxLen(500_000)]
    manner: Literal["line", "text", "exact"] = "line"
    force: Force = False
    wait: Wait = 10.0


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys by tmux's names: C-c, Enter, Up, F5."""

    __pydantic_config__ = _STRICT
    keys: Annotated[list[str], MinLen(1), MaxLen(64)]
    force: Force = False
    wait: Wait = 10.0


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A text that is pasted, looked for on the screen and entered; a `command` is typed plainly."""

    __pydantic_config__ = _STRICT
    text: Annotated[str, MinLen(1), MaxLen(500_000)]
    command: bool = False
    force: Force = False
    wait: Wait = 30.0


@dataclass(frozen=True, kw_only=True)
class Signal:
    __pydantic_config__ = _STRICT
    signal: Annotated[str, MaxLen(16)]
    tree: bool = False


@dataclass(frozen=True, kw_only=True)
class Apply:
    __pydantic_config__ = _STRICT
    force: Force = False
    wait: Wait = 60.0


@dataclass(frozen=True, kw_only=True)
class Take:
    """`force` takes the keyboard from another browser, and of a worker that is protected."""

    __pydantic_config__ = _STRICT
    force: Force = False


@dataclass(frozen=True, kw_only=True)
class Typed:
    """One thing that was typed: `text` or `keys`."""

    __pydantic_config__ = _STRICT
    text: Annotated[str, MaxLen(100_000)] = ""
    keys: Annotated[list[str], MaxLen(64)] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Input:
    __pydantic_config__ = _STRICT
    input: Annotated[list[Typed], MaxLen(64)]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page shows: `focus` is whom it shows whole, in each of its tabs."""

    __pydantic_config__ = _STRICT
    visible: Annotated[list[Name], MaxLen(64)] = field(default_factory=list)
    focus: Name | Annotated[list[Name], MaxLen(8)] | None = None


# ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Workers with one of the projects, states and attentions, and with all labels (`key=value`)."""

    __pydantic_config__ = _LOOSE
    project: list[str] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    label: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The last `n` lines that match `grep` (RE2), since a time ("10m", "09:30", ISO 8601), of the life before."""

    __pydantic_config__ = _LOOSE
    n: Annotated[int, Ge(0), Le(5000)] = 200
    grep: Annotated[str, MaxLen(1000)] | None = None
    since: Annotated[str, MaxLen(100)] | None = None
    previous: bool = False


@dataclass(frozen=True, kw_only=True)
class Count:
    __pydantic_config__ = _LOOSE
    n: Annotated[int, Ge(0), Le(200)] = 20


@dataclass(frozen=True, kw_only=True)
class Activity:
    """The newest `n` entries with a number above `since`."""

    __pydantic_config__ = _LOOSE
    n: Annotated[int, Ge(0), Le(100)] = 50
    since: Annotated[int, Ge(0), Le(1 << 53)] | None = None


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What has changed since a time ("10m", "09:30", ISO 8601), in all or in one project."""

    __pydantic_config__ = _LOOSE
    since: Annotated[str, MaxLen(100)] | None = None
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class OfProject:
    """Only workers of this project are reached."""

    __pydantic_config__ = _LOOSE
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class StreamOf:
    """`view`: the page's own id. `after`: the place from X-Panevisor-At of a snapshot that the page has."""

    __pydantic_config__ = _LOOSE
    view: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    after: Annotated[str, MaxLen(40)] | None = None


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Worker(TypedDict):
    """A row of `panevisor status -o json`, with all of its keys."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    name: str
    project: str
    labels: dict[str, str]
    state: Literal[
        "pending", "starting", "running", "backoff", "stopping", "stopped", "completed", "failed", "quarantined"
    ]
    health: str | None
    attention: str | None
    pid: int | None
    since: str
    uptime_s: float | None
    restarts: int
    reason: str
    rss_bytes: int | None
    cpu_percent: float | None
    hands_on: bool


class Snapshot(TypedDict):
    """What `panevisor status -o json` prints."""

    schema: int
    seq: int
    supervisor: dict[str, Any]
    host: dict[str, Any]
    totals: dict[str, Any]
    workers: list[Worker]


class Workers(TypedDict):
    seq: int
    totals: dict[str, Any]
    workers: list[Worker]


class Who(TypedDict):
    name: str
    role: Literal["read", "operate"]
    expires_at: str | None


class Screen(TypedDict):
    """Rows with SGR sequences only; each stands for itself."""

    name: str
    rows: list[str]
    at: str


class Line(TypedDict):
    at: str | None
    text: str


class LogLines(TypedDict):
    name: str
    lines: list[Line]


class History(TypedDict):
    name: str
    at: list[str]
    cpu_percent: list[float | None]
    rss_bytes: list[int | None]
    restarts: list[int]


class Entry(TypedDict):
    seq: int
    ts: str
    event: str
    level: Literal["debug", "info", "warning", "error"]
    text: str
    facts: dict[str, Any]


class Entries(TypedDict):
    entries: list[Entry]


class Health(TypedDict):
    """`status`: ok, degraded, blind (tmux does not answer) or no-service."""

    status: Literal["ok", "degraded", "blind", "no-service"]
    since: str
    degraded: list[str]
    workers: int | None


class Settled(TypedDict):
    """An order was given; `verdicts` are there if they were waited for."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    number: int
    names: list[str]
    verdicts: list[dict[str, Any]]


class Sent(TypedDict):
    bytes: int
    keys: int


class Submitted(TypedDict):
    outcome: Literal["submitted"]


class Meant(TypedDict):
    names: list[str]


class Leased(TypedDict):
    lease: str
    expires_in_s: float


class Renewed(TypedDict):
    expires_in_s: float


class Planned(TypedDict):
    changes: list[dict[str, Any]]
    refusal: str | None
    next_start: list[str]


class Problem(TypedDict):
    """RFC 9457. `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
