"""A stop plan: what is done to end a life, step by step, and after what waits. Pure.

    [keys, 2 s, text, 5 s, TERM, 10 s, KILL]
     └── asked: nothing is signalled ──┘└── the whole tree is signalled, until nothing is left of it

Whoever is asked may go by itself. When the first process has ended so, nobody is left to ask: the plan goes on at its
first signal, at once, with what is left of the tree.
"""

from dataclasses import dataclass

from actors.values.spec import StopStep, TypeKeys, TypeText

LAST = "KILL"  # of every plan; one that lacks it (a record of another version) gets it


@dataclass(frozen=True, slots=True)
class Next:
    """The step that is due, the seconds until the one after it (None: there is none), and the steps after it."""

    action: str | TypeKeys | TypeText
    wait: float | None
    rest: tuple[StopStep, ...]

    @property
    def is_typed(self) -> bool:
        return not isinstance(self.action, str)


def next_step(steps: tuple[StopStep, ...]) -> Next:
    """Return what is to be done now; two actions without a wait between follow one another at once."""
    action, *rest = steps or (LAST,)
    if isinstance(action, int | float):
        return next_step(tuple(rest))
    wait = 0.0 if rest else None
    if rest and isinstance(rest[0], int | float):
        wait, rest = float(rest[0]), rest[1:]
    if not rest and not isinstance(action, str):
        wait, rest = wait or 0.0, [LAST]
    return Next(action, wait, tuple(rest))


def from_first_signal(steps: tuple[StopStep, ...]) -> tuple[StopStep, ...]:
    """Return the plan without the asking in front of it."""
    signals = (index for index, step in enumerate(steps) if isinstance(step, str))
    return steps[next(signals, len(steps)) :] or (LAST,)


def typed_bytes(action: TypeKeys | TypeText) -> bytes:
    """Return what is typed as bytes, Enter with it; nothing where it is keys."""
    return b"" if isinstance(action, TypeKeys) else action.text.encode() + b"\r"


def longest(steps: tuple[StopStep, ...]) -> float:
    """Return the seconds from the first step to the last one, if every wait is waited out."""
    return float(sum(step for step in steps if isinstance(step, int | float)))


def in_words(action: StopStep) -> str:
    """Return a step as a person says it; a wait in seconds."""
    match action:
        case TypeKeys(keys):
            return f"keys {' '.join(keys)}"
        case TypeText(text):
            return f"typing {text!r}"
        case str():
            return action
        case _:
            return f"{action:g} s"
