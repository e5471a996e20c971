"""Patterns of people, for text that comes from anywhere: RE2, whose matching takes time in proportion to the text.

Loaded only where a pattern is in use: the import takes 6 ms.
"""

from functools import lru_cache
from typing import Any, Protocol

LONGEST = 1000  # characters


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """Return a match anywhere in the text, None where there is none."""


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    """Return the pattern, for which `^` and `$` are the ends of a line; a ValueError is a predicate: "must be …"."""
    import re2

    if not text:
        raise ValueError("must not be empty: it would match whatever there is")
    if len(text) > LONGEST:
        raise ValueError(f"must not be longer than {LONGEST} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(f"(?m){text}", options)
    except re2.error as problem:
        said = _said(_problem_of(text, options) or problem)
        raise ValueError(f"is no pattern for RE2 ({said}){_hint(text)}") from None
    return pattern


def groups_of(text: str) -> tuple[str, ...]:
    """Return the names of what a pattern captures: "0" for the whole match, "1" … for its groups, and their names."""
    pattern: Any = compiled(text)
    return (*map(str, range(pattern.groups + 1)), *pattern.groupindex)


def captured(text: str, line: str) -> tuple[tuple[str, str], ...]:
    """Return what the pattern captures in the line, by the names of `groups_of`; () where it matches nowhere."""
    pattern: Any = compiled(text)
    found = pattern.search(line)
    if found is None:
        return ()
    numbered = [found[0], *found.groups("")]
    names = {number: name for name, number in pattern.groupindex.items()}
    return (
        *((str(number), value) for number, value in enumerate(numbered)),
        *((name, numbered[number]) for number, name in names.items()),
    )


def _problem_of(text: str, options: Any) -> Exception | None:
    """Return what is wrong with the pattern as it was written; None if that is right."""
    import re2

    try:
        re2.compile(text, options)
    except re2.error as problem:
        found: Exception = problem
        return found
    return None


def _said(problem: Exception) -> str:
    said = problem.args[0] if problem.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _hint(text: str) -> str:
    if any(mark in text for mark in ("(?=", "(?!", "(?<=", "(?<!")):
        return "; it has no look-around"
    return "; it has no back-references" if any(f"\\{digit}" in text for digit in "123456789") else ""
