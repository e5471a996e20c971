"""What each verb's request holds besides `id` and `do`: one dataclass a verb.

`supervisor.config.tables` reads a request as it reads a table of the file. A field that is wrong is named in a
WireError("usage"); what is written in it is never shown where it may be a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from actors.values.families import MOST
from actors.values.keys import Between
from supervisor.config.tables import keys_of, read
from supervisor.text.words import shown
from supervisor.wire.frames import MAX_WAIT, WireError
from supervisor.wire.selection import is_pair

Raw = Mapping[str, Any]
MOST_DEATHS = 200
MOST_EVENTS = 100
T = TypeVar("T")


def request_of(kind: type[T], raw: Raw) -> T:
    """Return the request as its verb takes it; raises WireError."""
    for key in raw.keys() - keys_of(kind).keys() - {"id", "do"}:
        raise WireError("usage", f"{raw['do']} takes no {shown(key)}")
    found, wrong = read(kind, {key: value for key, value in raw.items() if key not in ("id", "do")})
    if found is None:
        raise WireError("usage", wrong[0].said())
    return found


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError("must be a list of text with something in it")
    return value


def _names(value: object) -> list[str]:
    return list(dict.fromkeys(_texts(value)))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be the name of one worker")
    return value


def _pairs(value: object) -> dict[str, str]:
    """Read a list of pairs; a map on the wire holds 64 entries only, an environment may be larger."""
    if not isinstance(value, list) or not all(is_pair(item) for item in value):
        raise ValueError("must be a list of pairs of text")
    return dict(value)


def _map(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a map")
    return value


def _content(value: object) -> bytes:
    """Read bytes, or text as UTF-8."""
    if not isinstance(value, bytes | str):
        raise ValueError("must be bytes or text")
    return value if isinstance(value, bytes) else value.encode()


def _wait(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_WAIT:
        raise ValueError(f"must be a number of seconds from 0 to {MAX_WAIT:g}")
    return float(value)


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, BeforeValidator(_name)]
Pairs = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
Seq = Annotated[int | None, Between(0, 1 << 63)]
Wait = Annotated[float, BeforeValidator(_wait)]
"""Seconds to wait for verdicts; 0: the answer comes when the order is accepted."""


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A request without fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    names: Names | None = None
    project: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    topics: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """`since`: the number of the last entry of `activity` that the subscriber has."""

    topics: Names
    since: Seq = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    n: Annotated[int | None, Between(0, MOST_EVENTS)] = None
    since: Seq = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """`select` is a `supervisor.wire.selection.Selection`; it and `names` exclude each other."""

    names: Names | None = None
    select: Any = None
    n: Annotated[int | None, Between(0, MOST_DEATHS)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """start, stop, restart, complete and remove. `select` as in `Deaths`; it or `names` has to be there."""

    names: Names | None = None
    select: Any = None
    force: bool = False
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`policy` has further keys of the worker's table as a file would have them."""

    name: Name
    command: Texts
    cwd: Text | None = None
    env: Pairs = ()
    project: Text | None = None
    labels: Pairs = ()
    restart: Text | None = None
    policy: Annotated[dict[str, Any], BeforeValidator(_map)] = field(default_factory=dict)
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """`content` or `keys`, one of them."""

    name: Name
    content: Annotated[bytes, BeforeValidator(_content)] = b""
    keys: Texts = ()
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    force: bool = False
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    name: Name
    replicas: Annotated[int, Between(0, MOST)]
    force: bool = False
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    keep_workers: bool = False
