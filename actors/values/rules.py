"""What a rule of a worker is: what it looks for, how often that counts, and what it does then.

Like `actors.values.spec`, these classes are the only description of their keys.
"""

from enum import StrEnum
from typing import Annotated, Literal

from actors.frozen import frozen
from actors.values.keys import Between, Form, Seconds, Text, Unwritten


class On(StrEnum):
    """What a rule looks at."""

    LINE = "line"
    SCREEN = "screen"
    PROMPT = "prompt"
    SILENCE = "silence"
    EXIT = "exit"
    STATE = "state"


@frozen
class Rate:
    """At most `count` in any period of `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.count} per {self.seconds:g} s"


Attended = Literal["working", "idle", "waiting"]
Order = Literal["event", "notify", "restart", "stop", "complete"]


@frozen(kw_only=True)
class HoldUntil:
    """Leave the worker alone until a time that it has printed; its `attention` is `held` so long."""

    until: Text
    """The group of `match` with the time: "9pm (Asia/Bangkok)", "14:30", "in 3h 20m", a Unix time, ISO 8601."""
    max: Annotated[float, Seconds("1s")] = 21_600.0
    """The longest hold; it lasts so long where no time can be read, or one that is further away."""
    then: Literal["continue", "restart"] = "continue"
    """What comes then: the worker goes on as it is, or is stopped and started, which is not counted."""
    send: Text | None = None
    """What is typed then, with Enter; for `then = "continue"`."""
    jitter: Annotated[float, Seconds()] = 300.0
    """Each worker waits up to this longer, always for the same part of it: so not all go on in one second."""


@frozen(kw_only=True)
class Act:
    """One thing that a rule does; exactly one key but `timeout` is given.

    A word is short for `order`: `"restart"` is `{ order = "restart" }`.
    """

    order: Order | None = None
    """`event`: a line of the service's log, which each rule writes anyway. `notify`: tell the receivers of `[notify]`.
    `restart`: end it, as after a crash. `stop`, `complete`: as a person orders it."""
    attention: Attended | None = None
    """Say what it is at, with the matched text, until it prints again: `status --waiting` lists who waits."""
    send: Text | None = None
    """Type this text, and Enter."""
    keys: Annotated[tuple[str, ...], Form.KEY_NAMES] = ()
    """Press these keys."""
    answer: Text | None = None
    """Press the keys that the preset has for this answer, as `"yes"`. For `prompts`."""
    run: tuple[Text, ...] = ()
    """Run this command, beside the worker, with the facts as environment and as JSON on its standard input."""
    timeout: Annotated[float, Seconds("100ms")] = 30.0
    """After this `run` is killed."""
    hold: HoldUntil | None = None
    """Leave it alone until a time that it has printed."""

    @property
    def called(self) -> str:
        """Its name in the log."""
        if self.order is not None:
            return self.order
        if self.attention is not None:
            return "attention"
        if self.hold is not None:
            return "hold"
        if self.run:
            return "run"
        return "send" if self.send is not None else "keys" if self.keys else "answer"

    @property
    def types(self) -> bool:
        """Whether it types into the worker's terminal."""
        return self.send is not None or bool(self.keys) or self.answer is not None


@frozen(kw_only=True)
class Rule:
    """What is done when the worker prints, shows or does something. See [rules.md](rules.md).

    A worker's own rules replace those of `[defaults]`.
    """

    name: Text = ""
    """What the log and `run` call it; else they call it by what it looks for."""
    on: On = On.LINE
    """`line`: a complete line of its output. `screen`: what its pane shows, where it did not before. `prompt`: what
    stands unchanged in its last rows while nobody is attached, once for the same rows. `silence`: no (matching) line
    for `within`. `exit`: its process ended. `state`: it has come into one of `states`."""
    match: Annotated[str | None, Form.PATTERN] = None
    """What is looked for; `line`, `screen` and `prompt` need it, `silence` may have it, and `prompt` with `prompts`."""
    prompts: tuple[Text, ...] = ()
    """The [presets](attention.md#known-prompts) that are looked for, by their names. For `prompt`."""
    unless: tuple[Annotated[str, Form.PATTERN], ...] = ()
    """Nothing is done where one of these is found anywhere on the screen. For `prompt`."""
    rows: Annotated[int, Between(1, 200)] = 15
    """How many of the last rows with text have to stand; `match` is looked for in them. For `prompt`."""
    codes: tuple[Annotated[int, Between(0, 255)], ...] = ()
    """Only these exit codes; 128 + n also means signal n. For `exit`."""
    signals: tuple[Annotated[int, Form.SIGNAL], ...] = ()
    """Only these signals. For `exit`."""
    states: tuple[
        Literal["pending", "starting", "running", "backoff", "stopping", "stopped", "completed", "failed"], ...
    ] = ()
    """The states that count. For `state`."""
    times: Annotated[int, Between(1, 1000)] = 1
    """It fires at this number of matches `within` that time."""
    within: Annotated[float, Seconds(), Unwritten("0s", "none")] = 0.0
    """The time for `times`; with `silence`, how long nothing comes."""
    debounce: Annotated[float, Seconds()] = 0.0
    """A match counts only if there was none for this time before it: a burst is one."""
    at_most: Annotated[Rate, Form.RATE, Unwritten("60 per 1m", '`"60 per 1m"`')] = Rate(60, 60.0)
    """How often it may fire; what is above that does nothing."""
    do: tuple[Act, ...]
    """What it does, in this order. One thing may stand without the array."""

    @property
    def hold(self) -> HoldUntil | None:
        """The hold that it begins, if it begins one."""
        return next((act.hold for act in self.do if act.hold is not None), None)

    @property
    def called(self) -> str:
        """Its name, or what it looks for."""
        return self.name or (f"{self.on}: {self.match or ', '.join(self.prompts)}".removesuffix(": "))


@frozen
class Match:
    """What a pattern found. `text`: the line, or the row of the screen; `groups`: what its groups captured, by name and
    by number.

    `stands`: the last rows of the screen, as they have to stand when a prompt is answered. `ends`: what was found ends
    with them, so that a draft behind it would have been seen. `preset`, `answers`: what was found, and the keys for
    each answer. `drawn`: by a program that reads each key; else the cursor stands behind it.
    `count`: so many lines in a row, of which this is the last. `again`: a service that was killed may have told it.
    `until`: the Unix time that is read from the group of a hold; None: none can be read.
    """

    text: str = ""
    groups: tuple[tuple[str, str], ...] = ()
    count: int = 1
    again: bool = False
    stands: tuple[str, ...] = ()
    until: float | None = None
    ends: bool = False
    preset: str = ""
    drawn: bool = False
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()


@frozen
class Asked:
    """What an input answers: the rule that does, and what it has found."""

    rule: str
    match: Match


@frozen(kw_only=True)
class Holding:
    """A hold: which rule began it over which life, and what ends it. Times are Unix times.

    `at`: the time that was read, None where none was; `until`: when it ends. `text`: what the rule found. `over`: it
    has ended, and is only known so that the same message does not begin it again.
    """

    rule: str
    life: str
    since: float
    at: float | None
    until: float
    then: Literal["continue", "restart"]
    send: str | None
    text: str
    over: bool = False


def filled(argument: str, match: Match) -> str:
    """Return an argument; one that is `{group}` is what that group captured. Nothing else is replaced."""
    if argument[:1] == "{" and argument[-1:] == "}":
        return dict(match.groups).get(argument[1:-1], argument)
    return argument


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class LinesMatched:
    """The life has printed lines that its rules look for, in this order."""

    life: str
    matches: tuple[tuple[Rule, Match], ...]


@frozen
class ScreenMatched:
    """The life's pane shows now what these rules look for, and what no other rule does."""

    life: str
    matches: tuple[tuple[Rule, Match], ...]


@frozen
class LinesSkipped:
    """A number of bytes of the output that the rules of the worker did not judge."""

    bytes: int
    reason: str


@frozen
class Released:
    """A person ends the worker's hold. `cancel`: nothing is done then, as if it had not been held."""

    cancel: bool = False


@frozen
class CommandEnded:
    """A command of this rule has ended; `problem` None: it exited with 0."""

    rule: str
    problem: str | None
