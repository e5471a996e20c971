"""Colours of a terminal, by what a word means. Nothing is said by colour alone."""

import os
import re
from typing import TextIO

STATES = {
    "running": "32",
    "completed": "36",
    "starting": "33",
    "stopping": "33",
    "pending": "33",
    "backoff": "35",
    "failed": "31",
    "quarantined": "31;1",
    "stopped": "2",
}
"""In the order in which they are counted for people."""
HEALTH = {
    "ok": "32",
    "working": "32",
    "idle": "36",
    "waiting": "33;1",
    "held": "35",
    "stalled": "33;1",
    "unready": "31;1",
}
LEVELS = {"warning": "33", "error": "31"}
BOLD, DIM, BAD, COMMAND = "1", "2", "31", "36"

_STATE = "|".join(STATES)
_COUNTS = re.compile(rf"\b[0-9]+ ({_STATE})\b")
_VERDICT = re.compile(rf"^(?:{_STATE})\b|(?<=[;:] )(?:{_STATE})\b")
_ENDS = re.compile(r"\b(?:exited with code|exit) [1-9][0-9]*|\b(?:killed by )?signal [0-9]+(?: \([A-Z0-9+-]+\))?")


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted there (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cells_of(stream: TextIO) -> int | None:
    """Return how wide the terminal is; None where it is none."""
    if not stream.isatty():
        return None
    from shutil import get_terminal_size  # only now: shutil imports all that unpacks archives

    return get_terminal_size().columns


def painted(text: str, code: str | None) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def state(word: str) -> str:
    return painted(word, STATES.get(word))


def health(word: str) -> str:
    return painted(word, HEALTH.get(word, DIM))


def ends(sentence: str) -> str:
    """Paint each exit code that is not 0, and each signal that ended a process."""
    return _ENDS.sub(lambda found: painted(found[0], BAD), sentence)


def counts(sentence: str) -> str:
    """Paint what counts the workers of a state: "3 running, 1 failed"."""
    return _COUNTS.sub(lambda found: painted(found[0], STATES[found[1]]), sentence)


def verdict(sentence: str) -> str:
    """Paint the state that it begins with, or comes to after a colon or a semicolon."""
    return _VERDICT.sub(lambda found: painted(found[0], STATES[found[0]]), sentence)


def dim(word: str) -> str:
    return painted(word, DIM)


def value(word: str) -> str:
    """Have what is not known stand back."""
    return painted(word, DIM) if word == "-" else word
