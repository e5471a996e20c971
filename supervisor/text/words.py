"""Words that a person wrote, and values as they wrote them: shown on one line, and the nearest right word. Pure."""

import json
import re
from collections.abc import Sequence
from datetime import date, time

Keys = tuple[str | int, ...]
"""The way to a place in a file: keys of tables and, from 0, indexes of arrays."""
_SHOWN = 60
_CLOSE_ENOUGH = 65.0  # of 100: "comand" and "command" are 92 alike, "apl" and "api" 67, "retry" and "ready" 60


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean …?)` when one of `known` is close enough, else nothing."""
    from rapidfuzz import fuzz, process  # only now: a good file never needs it

    found = process.extractOne(word, known, scorer=fuzz.ratio, processor=_folded, score_cutoff=_CLOSE_ENOUGH)
    return f" (did you mean {shown(found[0])}?)" if found else ""


def shown(value: object) -> str:
    """Return a value as the file would have it, on one line, at most 60 characters long and printable."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            return str(value) if abs(value) < 10**40 else "a number of more than 40 digits"
        case date() | time():
            return value.isoformat()
        case list():
            tables = bool(value) and all(isinstance(item, dict) for item in value)
            return "an array of tables" if tables else "an array"
        case dict():
            return "a table"
        case _:
            return repr(value)


def dotted(keys: Keys) -> str:
    """Return keys as TOML would write them: `stop[2]`, `env."A B"`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_bare(key)}" for key in keys)
    return text.removeprefix(".")


def quoted(text: str) -> str:
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    quoted = json.dumps(cut, ensure_ascii=False)
    return quoted if quoted.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in quoted)


def _bare(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else quoted(key)


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")
