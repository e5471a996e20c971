"""Whether a worker needs a person, as its sources say it: the words, the sources, and the one message of all."""

from enum import StrEnum

from actors.frozen import frozen


class Word(StrEnum):
    """What a running worker is at."""

    WORKING = "working"
    IDLE = "idle"
    WAITING = "waiting"  # for a person
    HELD = "held"  # paused on purpose until some time


class Source(StrEnum):
    """Who says so. A source outranks those below it for as long as its word is fresh."""

    REPORT = "report"  # `panevisor report`, by the worker itself or its owner
    RULE = "rule"  # a rule of the worker
    TERMINAL = "terminal"  # a notification, a bell or a title that it sent to its terminal
    SCREEN = "screen"  # a known prompt on its screen
    KERNEL = "kernel"  # its foreground process sleeps in a read of its terminal
    SILENCE = "silence"  # it prints nothing and uses no CPU


@frozen(kw_only=True)
class AttentionSaid:
    """What a source says of a life; it replaces what this source said before.

    `life`: None means the present one. `word`: None takes the source's word back. `ttl`: seconds until the word is
    stale; None: until the source says something else. `until_output`: stale as soon as the worker prints again.
    `at`: the Unix time at which it was said; None: now. `cost` (in whatever currency the worker counts) and `tokens`
    replace the numbers before; None leaves those.
    """

    by: Source
    word: Word | None
    life: str | None = None
    text: str = ""
    ttl: float | None = None
    until_output: bool = False
    at: float | None = None
    cost: float | None = None
    tokens: int | None = None


@frozen
class SessionSaid:
    """The life says which session it is in."""

    life: str
    session: str
