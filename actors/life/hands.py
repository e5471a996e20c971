"""Whether a person's hands are on a worker's terminal, or what they left there: then nothing is typed. Pure.

    Sight, what we typed ──hold──▶ None: type │ TYPING │ DRAFT │ OURS

Text from here never extends a draft. What was typed from here and not entered is known again, so that it may go on;
what was entered and still stands there is not extended either.
"""

import re
from dataclasses import replace
from enum import StrEnum

from actors.frozen import frozen
from actors.life.input_line import compact, draft
from actors.values.facts import InputGiven, Instant
from actors.values.rules import Match
from actors.values.typing import Manner, Rows, Sight

HANDS = 10.0  # seconds after a person's last key in which they are taken to be typing
REMEMBERED = 400  # characters of what was typed from here
INTERRUPTS = frozenset({"C-c", "C-d", "C-z", "C-\\", "Escape"})
_CHOICE = re.compile(r"\d+[.)]\s")  # in a menu
_ENTERS = frozenset({"Enter", "C-m", "C-j"})


class Hold(StrEnum):
    """Why text is not typed, in the words that people read."""

    TYPING = "a person is attached and has just typed"
    DRAFT = "text that was not sent from here stands at the cursor"
    OURS = "the text that was sent before still stands at the cursor: its Enter was not taken"


@frozen
class Left:
    """What was typed from here into one life: since the last Enter, by it, and when that was (Unix time)."""

    ours: str = ""
    entered: str = ""
    at: float = 0.0


def typed_more(left: Left, given: InputGiven, content: bytes, now: Instant) -> Left:
    """Return what is left after this content, or these keys."""
    if given.keys:
        if _ENTERS & set(given.keys):
            return entered(left, now)
        plain = "".join(key for key in given.keys if len(key) == 1)
        return replace(left, ours=(left.ours + plain)[-REMEMBERED:] if len(plain) == len(given.keys) else "")
    text = left.ours + content.decode(errors="replace")
    *lines, last = text.replace("\r", "\n").split("\n")
    ends = lines and given.manner is Manner.EXACT
    return Left(last[-REMEMBERED:], lines[-1], now.wall) if ends else replace(left, ours=text[-REMEMBERED:])


def entered(left: Left, now: Instant) -> Left:
    """Return what is left after Enter."""
    return Left("", left.ours or left.entered, now.wall)


def is_interrupt(given: InputGiven) -> bool:
    """Whether these are keys that interrupt: they wait for nothing."""
    return bool(given.keys) and INTERRUPTS.issuperset(given.keys)


def needs_look(given: InputGiven) -> bool:
    """Whether the terminal is looked at before this is typed."""
    return not given.force and not (is_interrupt(given) and not given.is_automatic)


def rows_of(given: InputGiven) -> Rows:
    """Return when `hold`, or the look at a prompt, needs the rows."""
    if given.asked:
        return Rows.PROMPT
    if given.manner.is_prompt:
        return Rows.ALWAYS
    return Rows.TOUCHED if _chooses(given) else Rows.DRAWN


def _chooses(given: InputGiven) -> bool:
    """Whether these are keys or exact bytes: they choose in menus, where a draft cannot be told from a choice."""
    return bool(given.keys) or given.manner in (Manner.EXACT, Manner.KEYS)


def hold(given: InputGiven, sight: Sight, left: Left, since: float, now: Instant) -> Hold | None:
    """Return what keeps this input from being typed; None: nothing does. `since`: Unix time of the life's start.

    Keys and exact bytes wait only for what a person may have typed. The prompt that is answered is none of it.
    """
    if sight.typing is not None and now.wall - sight.typing < HANDS:
        return Hold.TYPING
    touched = has_touched(sight, left, since)
    if not touched and _chooses(given):
        return None
    found = draft(sight, anybody=touched)
    if given.asked and (given.asked.match.ends or _CHOICE.match(found)):
        return None
    text = compact(found)
    if not text or (compact(left.ours).endswith(text) and not given.manner.is_prompt):
        return None
    return Hold.OURS if text in compact(left.entered) or text in compact(left.ours) else Hold.DRAFT


def standing_rows(match: Match, sight: Sight) -> tuple[str, ...] | None:
    """Return the last rows of the terminal if they are those of the match; None where others are there.

    tmux has joined the rows of the match where they were wrapped, and has not joined those of the sight.
    """
    wanted, last = _squeezed(match.stands), len(sight.rows)
    while last and len(_squeezed(sight.rows[last:])) < len(wanted):
        last -= 1
    return sight.rows[last:] if _squeezed(sight.rows[last:]) == wanted else None


def is_asked(match: Match, sight: Sight) -> bool:
    """Whether a program asks, where only a quotation may stand: it reads, or the terminal is as a program leaves it.

    What a rule has found by its own pattern is taken for what it is.
    """
    if not match.preset or sight.reads:
        return True
    if match.drawn:
        return not sight.canonical
    return compact(sight.before) == compact(sight.rows[-1]) and not compact(sight.after)


def _squeezed(rows: tuple[str, ...]) -> str:
    return "".join("".join(rows).split())


def has_touched(sight: Sight, left: Left, since: float) -> bool:
    """Whether a person may have typed since the last Enter from here."""
    return sight.touched > max(since, left.at)
