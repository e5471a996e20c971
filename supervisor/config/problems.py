"""What is wrong with a config file, in words for the one who wrote it.

    pydantic's errors ─┐
    Refused, Mismatch ─┴─▶ findings(): path of keys + message ──▶ Problem with its line ──▶ ConfigError

A message never holds a value of `env` or of `headers`, which may be a secret.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from actors.frozen import frozen
from supervisor.config.slips import OF_OTHER_TOOLS
from supervisor.text.words import Keys, dotted, nearest, quoted, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, ValidationError

DEFAULTS = "[defaults]"
"""`Problem.worker` for `[defaults]`. It is not a valid name, so it cannot be mistaken for a worker."""

MOST_PROBLEMS = 100
"""How many problems of a file are shown, the first ones; the others are only counted."""
ALIKE = 3
"""How many problems with the same words are shown, where there are more than one above it; the others are counted."""


@frozen
class Problem:
    """One thing to fix. `line` counts from 1; None: the problem has no line. `worker` may be `DEFAULTS`.

    `key` is dotted ("backoff.max", "stop[2]"): in a worker's table counted from there, elsewhere from the top.
    """

    file: str
    line: int | None
    worker: str | None
    key: str | None
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self._whose(), self.message) if part)

    def _whose(self) -> str:
        if self.worker is None or self.worker == DEFAULTS:
            return self.worker or ""
        return f"worker {shown(self.worker)}"


class ConfigError(Exception):
    """The file is wrong. `problems` has the first ones by line, `more` counts the others.

    `alike` tells of a message how often the file has it, where that is more than once.
    """

    def __init__(self, problems: tuple[Problem, ...], more: int = 0, alike: Mapping[str, int] | None = None) -> None:
        super().__init__(problems, more)
        self.problems = problems
        self.more = more
        self.alike = {message: n for message, n in (alike or {}).items() if n > ALIKE + 1}

    @property
    def count(self) -> int:
        """How many problems the file has."""
        return len(self.problems) + self.more

    def __str__(self) -> str:
        told: Counter[str] = Counter()
        lines: list[str] = []
        for problem in self.problems:
            told[problem.message] += 1
            if problem.message not in self.alike or told[problem.message] <= ALIKE:
                lines.append(str(problem))
        lines += [f"… and {self.alike[same] - ALIKE:,} more times: {same}" for same in told if same in self.alike]
        counted = sum(self.alike.get(message, n) for message, n in told.items())
        return "\n".join((*lines, *_rest(self.count - counted)))

    def rest(self) -> Iterator[str]:
        """Yield the line that counts the problems which are not shown, if there are any."""
        return _rest(self.more)


def _rest(more: int) -> Iterator[str]:
    if more:
        plural = "" if more == 1 else "s"
        yield f"… and {more:,} more problem{plural} (correct these first, then check again)"


class Refused(ValueError):
    """A validator's verdict on several parts of its value: pairs of where, from the value on, and a predicate."""

    def __init__(self, *parts: tuple[Keys, str]) -> None:
        super().__init__(parts)
        self.parts = parts


class Mismatch(Refused):
    """A key that is fine by itself but not beside another one of its table; None: it is the table as a whole."""

    def __init__(self, key: str | None, what: str) -> None:
        super().__init__(((key,) if key else (), what))


class Finding(NamedTuple):
    """What is wrong at `keys`, counted from the section that was validated.

    `meant`: a wrong word, and the right words. The nearest right word is looked up only when the finding is shown.
    """

    keys: Keys
    message: str
    mismatch: bool = False
    meant: tuple[str, Sequence[str]] | None = None

    def said(self) -> str:
        """Return the message with the nearest right word."""
        return self.message + nearest(*self.meant) if self.meant else self.message


def findings(error: "ValidationError", keys_at: Callable[[Keys], Sequence[str]]) -> Iterator[Finding]:
    """Translate what pydantic found in a table; `keys_at` gives the right keys of the table at these keys."""
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        keys = _without_mark(detail["loc"])
        if isinstance(cause, Refused):
            mismatch = isinstance(cause, Mismatch)
            yield from (Finding(keys + at, f"{dotted(keys + at)} {what}", mismatch) for at, what in cause.parts)
        elif detail["type"] == "extra_forbidden":
            yield _unknown(keys, keys_at(keys[:-1]), detail["input"])
        else:
            yield Finding(keys, f"{dotted(keys)} {_predicate(detail)}", meant=_meant(detail))


def _without_mark(keys: Keys) -> Keys:
    """Drop pydantic's last part for a bad key of a table: the key itself stands before it."""
    return keys[:-1] if len(keys) > 2 and keys[-1] == "[key]" else keys


def _unknown(keys: Keys, known: Sequence[str], value: object) -> Finding:
    key = str(keys[-1])
    if len(keys) == 1 and "command" in known:
        if isinstance(value, dict) and "command" in value:
            return Finding(keys, f"names have no dots: {shown(key)} is taken for a key (write [workers.NAME-{key}])")
        if ours := OF_OTHER_TOOLS.get(key.lower()):
            return Finding(keys, f"unknown key {shown(key)} (here it is {ours})")
    table = f" in {dotted(keys[:-1])}" if keys[:-1] else ""
    return Finding(keys, f"unknown key {shown(key)}{table}", meant=(key, tuple(known)))


def _predicate(detail: "ErrorDetails") -> str:
    match detail["type"]:
        case "missing":
            return "is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            return f"must be {_wanted(detail)}{_but_found(detail)}"


def _wanted(detail: "ErrorDetails") -> str:
    """Say what pydantic would have taken; a kind of error that no table of ours can have is a KeyError."""
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            words = re.findall(r"'([^']*)'", limits["expected"])
            return " or ".join(filter(None, (", ".join(map(quoted, words[:-1])), quoted(words[-1]))))
        case "greater_than_equal":
            return f"at least {limits['ge']:g}" if isinstance(limits["ge"], float) else f"at least {limits['ge']}"
        case "less_than_equal":
            return f"at most {limits['le']:g}" if isinstance(limits["le"], float) else f"at most {limits['le']}"
        case kind:
            return _KINDS[kind]


_KINDS = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
}


def _but_found(detail: "ErrorDetails") -> str:
    keys, value = detail["loc"], detail["input"]
    if {"env", "headers"} & set(keys):
        return ""
    return f", not {shown(value)}{_hint(detail['type'], value)}"


def _meant(detail: "ErrorDetails") -> tuple[str, Sequence[str]] | None:
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return None
    return detail["input"], re.findall(r"'([^']*)'", detail["ctx"]["expected"])


def _hint(kind: str, value: object) -> str:
    if kind in {"int_type", "float_type", "bool_type"} and isinstance(value, str):
        return " (leave out the quotes)" if re.fullmatch(r"-?[0-9.]{1,20}|true|false", value) else ""
    if kind in {"dict_type", "model_type"} and shown(value) == "an array of tables":
        return " (write [name], not [[name]])"
    return ""
