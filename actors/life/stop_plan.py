"""A stop plan: the steps that end a life, and the waits between them. Pure.

    [keys, 2 s, text, 5 s, TERM, 10 s, KILL]
     └── asks: nothing is signalled ──┘└── signals the main process; what it leaves, as soon as it has ended

KILL and `{ signal = "TERM", to = "tree" }` go to the whole tree at once. When the first process ends while it is asked,
the plan continues at once at its first signal, with the rest of the tree.
"""

from actors.events.words import exact
from actors.frozen import frozen
from actors.values.facts import NO_SENDER, InputGiven
from actors.values.spec import SignalTree, StopStep, TypeKeys, TypeText
from actors.values.typing import Manner

LAST = "KILL"  # ends every plan; a plan without it (in a record of another version) gets it


@frozen
class Next:
    """The step that is due, the seconds until the next one (None: it is the last), and the steps after it."""

    action: str | TypeKeys | TypeText | SignalTree
    wait: float | None
    rest: tuple[StopStep, ...]


def next_step(steps: tuple[StopStep, ...]) -> Next:
    """Return the step that is due. Two actions without a wait between them follow each other at once."""
    action, *rest = steps or (LAST,)
    if isinstance(action, int | float):
        return next_step(tuple(rest))
    wait = 0.0 if rest else None
    if rest and isinstance(rest[0], int | float):
        wait, rest = float(rest[0]), rest[1:]
    if not rest and action != LAST:
        wait, rest = wait or 0.0, [LAST]
    return Next(action, wait, tuple(rest))


def from_first_signal(steps: tuple[StopStep, ...]) -> tuple[StopStep, ...]:
    """Return the plan from its first signal on."""
    signals = (index for index, step in enumerate(steps) if isinstance(step, str | SignalTree))
    return steps[next(signals, len(steps)) :] or (LAST,)


def signal_of(action: str | SignalTree) -> tuple[str, bool]:
    """Return the signal's name, and whether it goes to the whole tree at once."""
    if isinstance(action, SignalTree):
        return action.signal, True
    return action, action == LAST


def asking(action: TypeKeys | TypeText) -> InputGiven:
    """Return what is typed: keys, or a text and Enter."""
    if isinstance(action, TypeKeys):
        return InputGiven(NO_SENDER, keys=action.keys)
    return InputGiven(NO_SENDER, action.text.encode(), manner=Manner.LINE)


def longest(steps: tuple[StopStep, ...]) -> float:
    """Return the sum of all waits, in seconds."""
    return float(sum(step for step in steps if isinstance(step, int | float)))


def in_words(action: StopStep) -> str:
    """Return a step in words."""
    match action:
        case TypeKeys(keys):
            return f"keys {' '.join(keys)}"
        case TypeText(text):
            return f"typing {text!r}"
        case SignalTree(signal):
            return f"{signal} to the whole tree"
        case str():
            return action
        case _:
            return exact(action)
