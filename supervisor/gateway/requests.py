"""What each verb's request holds besides `id` and `do`: one dataclass a verb.

`supervisor.config.tables` reads a request as it reads a table of the file. A field that is wrong is named in a
CommandError("usage"); what is written in it is never shown where it may be a secret.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeGuard, TypeVar

from actors.frozen import frozen
from actors.values.keys import Before, Between
from actors.values.spec import MOST
from supervisor.config.tables import keys_of, read
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError
from supervisor.wire.frames import MAX_WAIT

Raw = Mapping[str, Any]
MOST_DEATHS = 200
MOST_EVENTS = 100
T = TypeVar("T")
_ENVELOPE = frozenset({"id", "do", "by"})
_BY = re.compile(r"[A-Za-z0-9_.@:-]{1,80}")


def request_of(kind: type[T], raw: Raw) -> T:
    """Return the request as its verb takes it; raises CommandError."""
    for key in raw.keys() - keys_of(kind).keys() - _ENVELOPE:
        raise CommandError("usage", f"{raw['do']} takes no {shown(key)}")
    found, wrong = read(kind, {key: value for key, value in raw.items() if key not in _ENVELOPE})
    if found is None:
        raise CommandError("usage", wrong[0].said())
    return found


def named(by: object) -> str:
    """Return who a request says it is made for, as another program vouches for; raises CommandError."""
    if not isinstance(by, str) or not _BY.fullmatch(by):
        raise CommandError("usage", "by must be a name of 1 to 80 letters, digits and _.@:-")
    return by


def meant_in(raw: Raw) -> dict[str, Any]:
    """Return whom a request that was read is about, for the log: never what it types."""
    names = [raw["name"]] if raw.get("name") else raw.get("names")
    found = {"names": names, "select": raw.get("select"), "signal": raw.get("signal"), "force": raw.get("force")}
    return {key: value for key, value in found.items() if value}


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_texts(value: object) -> TypeGuard[list[str]]:
    """Whether this is a list of text."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _texts(value: object) -> list[str]:
    if not _is_texts(value) or not value:
        raise ValueError("must be a list of text with something in it")
    return value


def _names(value: object) -> list[str]:
    return list(dict.fromkeys(_texts(value)))


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be the name of one worker")
    return value


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Read a list of pairs; a map on the wire holds 64 entries only, an environment may be larger."""
    if not isinstance(value, list) or not all(_is_texts(part) and len(part) == 2 for part in value):
        raise ValueError("must be a list of pairs of text")
    return tuple((key, text) for key, text in value)


def _patterns(value: object) -> tuple[str, ...]:
    """Read a list of text, or several such lists: an array on the wire holds 1,024 items only."""
    parts: list[Any] = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if not all(map(_is_texts, parts)):
        raise ValueError("must be a list of text, or of such lists")
    return tuple(itertools.chain.from_iterable(parts))


def _content(value: object) -> bytes:
    """Read bytes, or text as UTF-8."""
    if not isinstance(value, bytes | str):
        raise ValueError("must be bytes or text")
    return value if isinstance(value, bytes) else value.encode()


Texts = Annotated[tuple[str, ...], Before(_texts)]
Names = Annotated[tuple[str, ...], Before(_names)]
Name = Annotated[str, Before(_name)]
Pairs = Annotated[Any, Before(_pairs)]
Seq = Annotated[int | None, Between(0, 1 << 63)]
Ttl = Annotated[float, Between(0, 366 * 86_400)]
Wait = Annotated[float, Between(0, int(MAX_WAIT))]
"""Seconds to wait for verdicts; 0: the answer comes when the order is accepted."""


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Bare:
    """A request without fields."""


@frozen(kw_only=True)
class Status:
    names: Names | None = None
    project: str | None = None


@frozen(kw_only=True)
class Unsubscribe:
    topics: Names


@frozen(kw_only=True)
class Subscribe:
    """`since`: the number of the last entry of `activity` that the subscriber has."""

    topics: Names
    since: Seq = None


@frozen(kw_only=True)
class Events:
    n: Annotated[int | None, Between(0, MOST_EVENTS)] = None
    since: Seq = None


@frozen(kw_only=True)
class Why:
    name: Name


@dataclass(frozen=True, kw_only=True)
class Select:
    """What a `supervisor.wire.selection.Selection` is on the wire."""

    patterns: Annotated[Any, Before(_patterns)] = ()
    labels: Pairs = ()
    project: str | None = None
    all: bool = False


@frozen(kw_only=True)
class Deaths:
    """`select` and `names` exclude each other."""

    names: Names | None = None
    select: Select | None = None
    n: Annotated[int | None, Between(0, MOST_DEATHS)] = None


@frozen(kw_only=True)
class Ordered:
    """start, stop, restart, complete and remove. `select` as in `Deaths`; it or `names` has to be there.

    `kill` of those that end: at once, whatever their stop plan says. `now`: those that are stopping already go on with
    the next step of their plan.
    """

    names: Names | None = None
    select: Select | None = None
    force: bool = False
    kill: bool = False
    now: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Signal:
    """A signal for the main process, or with `tree` for the whole tree. `names` and `select` as in `Ordered`."""

    signal: str
    names: Names | None = None
    select: Select | None = None
    tree: bool = False


@frozen(kw_only=True)
class Release:
    """The end of holds. `names` and `select` as in `Ordered`. `cancel`: nothing is done then."""

    names: Names | None = None
    select: Select | None = None
    cancel: bool = False


@frozen(kw_only=True)
class Run:
    """`policy` has further keys of the worker's table as a file would have them. `ephemeral`: forget it at its end."""

    name: Name
    command: Texts
    cwd: str | None = None
    env: Pairs = ()
    project: str | None = None
    labels: Pairs = ()
    restart: str | None = None
    policy: dict[str, Any] = field(default_factory=dict)
    ephemeral: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Send:
    """`content` or `keys`, one of them, for `name`, or for the several that `names` or `select` mean.

    `manner`: "exact" bytes, a "text" that is typed with care, or a "line", which Enter follows as a key of its own.
    `force`: also where a person is typing, or has left a draft.
    """

    name: Name | None = None
    names: Names | None = None
    select: Select | None = None
    content: Annotated[bytes, Before(_content)] = b""
    keys: Texts = ()
    manner: Literal["exact", "text", "line"] = "exact"
    force: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Prompt:
    """A text that is pasted, looked for on the screen and entered. `command`: it is typed plainly, and not pasted."""

    text: str
    name: Name | None = None
    names: Names | None = None
    select: Select | None = None
    command: bool = False
    force: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Report:
    """What a worker is at, and in which session; one of them at least.

    `name`: which one, where the caller is no process of a worker; `life`: the caller's.
    """

    word: Literal["working", "waiting", "idle"] | None = None
    session: str | None = None
    name: Name | None = None
    life: str | None = None
    text: str = ""
    ttl: Ttl = 300.0
    cost: Annotated[float | None, Between(0)] = None
    tokens: Annotated[int | None, Between(0, 1 << 53)] = None


@frozen(kw_only=True)
class Apply:
    """`changed_only`: verdicts are given on the workers that the file changes, not on all."""

    force: bool = False
    changed_only: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Scale:
    name: Name
    replicas: Annotated[int, Between(0, MOST)]
    force: bool = False
    wait: Wait = 0.0


@frozen(kw_only=True)
class Upgrade:
    """`program`: the words that run the next version of panevisor. `wait`: its time to get ready, in seconds."""

    program: Texts
    pythonpath: str | None = None
    wait: Wait = 30.0


@frozen(kw_only=True)
class Down:
    """`kill` and `now` as in `Ordered`; they also hurry a `down` that is under way."""

    keep_workers: bool = False
    kill: bool = False
    now: bool = False


Selecting = Deaths | Ordered | Signal | Release | Send | Prompt
"""The requests that name or select workers."""
