"""A prompt from its paste to its outcome: Enter is pressed only while our own text is seen in the input line. Pure.

    pasted ──▶ APPEAR ──seen──▶ CONFIRM ──seen again──▶ Press ──▶ GONE ──not there any more, twice──▶ submitted
                 │ not seen in time                       ▲         │ still there
                 ▼                                        └─────────┤ after 1, 2, 4 s
              unknown                                               └──▶ parked

The text is pasted once. Enter goes out with the place of the cursor as last seen, and tmux drops it when the cursor has
moved meanwhile.
"""

from dataclasses import replace
from enum import StrEnum

from actors.frozen import frozen
from actors.life.input_line import standing
from actors.values.facts import Instant
from actors.values.typing import Sight, Untyped, Why

APPEAR_WITHIN = 10.0  # seconds until a pasted text has to be seen
LOOK_EVERY = 0.1
AGAIN_AFTER = (1.0, 2.0, 4.0, 8.0)  # seconds from one Enter to the next; after the last the text is parked
ABSENT_TWICE = 2  # looks in a row without the text; the first may come while the program draws
SETTLED = 1.0  # seconds for a program that has changed how it reads


class Phase(StrEnum):
    """What the next look is for."""

    APPEAR = "appear"
    CONFIRM = "confirm"
    GONE = "gone"


@frozen
class Prompting:
    """The progress of one prompt. `since`: monotonic time of the paste, or of the last Enter."""

    since: float
    phase: Phase = Phase.APPEAR
    presses: int = 0
    absent: int = 0
    stands: bool = False
    canonical: bool = False  # how the program read when Enter was pressed


@frozen
class Wait:
    """Look again after so many seconds."""

    seconds: float


@frozen
class Press:
    """Press Enter, if the cursor is still there."""

    cursor: tuple[int, int]


@frozen
class Done:
    """The outcome; `problem` None: submitted."""

    problem: Untyped | None


Move = Wait | Press | Done


def look(p: Prompting, text: str, sight: Sight, now: Instant, delay: float) -> tuple[Prompting, Move]:
    """Return the progress after one look, and what to do. `delay`: seconds between a text and its Enter."""
    p = replace(p, stands=standing(sight, text))
    if p.phase is Phase.GONE:
        return _after_enter(p, sight, now)
    if not p.stands:
        late = now.mono - p.since >= APPEAR_WITHIN
        return replace(p, phase=Phase.APPEAR), Done(unseen()) if late else Wait(LOOK_EVERY)
    if p.phase is Phase.APPEAR:
        return replace(p, phase=Phase.CONFIRM), Wait(delay)
    return _pressing(p, sight)


def pressed(p: Prompting, now: Instant) -> Prompting:
    """Return the progress after Enter was pressed."""
    return replace(p, phase=Phase.GONE, presses=p.presses + 1, absent=0, since=now.mono)


def out_of_time(p: Prompting) -> Untyped:
    """Return the outcome of a prompt whose time is over."""
    if p.stands:
        return parked(p)
    return (
        unseen() if p.phase is not Phase.GONE else _unknown("Enter was pressed; what became of the text is not known")
    )


def _after_enter(p: Prompting, sight: Sight, now: Instant) -> tuple[Prompting, Move]:
    elapsed = now.mono - p.since
    if p.stands:
        p = replace(p, absent=0)
        if elapsed < AGAIN_AFTER[min(p.presses, len(AGAIN_AFTER)) - 1]:
            return p, Wait(LOOK_EVERY)
        return (p, Done(parked(p))) if p.presses >= len(AGAIN_AFTER) else _pressing(p, sight)
    if sight.unread or (p.canonical and not sight.canonical):
        if elapsed < AGAIN_AFTER[-1] if sight.unread else elapsed < SETTLED:
            return p, Wait(LOOK_EVERY)
        why = "has not read it yet" if sight.unread else "has set up its screen meanwhile, and may have lost it"
        return p, Done(_unknown(f"the text and Enter were typed, but the program {why}"))
    p = replace(p, absent=p.absent + 1)
    return p, Done(None) if p.absent >= ABSENT_TWICE else Wait(LOOK_EVERY)


def _pressing(p: Prompting, sight: Sight) -> tuple[Prompting, Move]:
    return replace(p, canonical=sight.canonical), Press(sight.cursor)


def parked(p: Prompting) -> Untyped:
    tried = f"Enter was pressed {p.presses} times" if p.presses > 1 else "Enter was pressed once"
    return Untyped(
        Why.PARKED,
        f"the text stands in the input line and is not submitted ({tried if p.presses else 'no Enter was pressed'})",
    )


def unseen() -> Untyped:
    return _unknown("the text was typed, but is not seen at the cursor; Enter was not pressed")


def _unknown(text: str) -> Untyped:
    return Untyped(Why.UNKNOWN, text)
