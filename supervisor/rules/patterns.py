"""All patterns of a worker as one: a pass over the text tells which of them match a line.

chunk of lines ──one pass──▶ nothing matches: done
                          └▶ a pass for each line ──▶ groups of those patterns that match it
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from actors.values.rules import Match, On, Rule
from supervisor.rules.until import read_until
from supervisor.text.patterns import captured

MOST_MEMORY = 64 << 20  # bytes that one pass may use for its states: with fewer it could miss matches of 2,000 patterns
MOST_SHOWN = 500  # characters of a line that an event or a command gets
MOST_ALIKE = 100  # matches of a rule in one chunk that are told one by one; the others are counted
_BY_LINE = (On.LINE, On.SILENCE)
_OF_THE_TEXT = ("\\A", "\\z", "(?-", "(?s", "(?i-", "(?U-")  # `^` of a line may not be that of a chunk


class Patterns:
    """The patterns of some rules, for lines and for screens."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._of_lines = _Pass(tuple(rule for rule in rules if rule.on in _BY_LINE and rule.match))
        self._of_screens = _Pass(tuple(rule for rule in rules if rule.on is On.SCREEN))
        self._of_prompts = tuple(rule for rule in rules if rule.on is On.PROMPT)

    @property
    def read_lines(self) -> bool:
        return bool(self._of_lines.rules)

    @property
    def read_screens(self) -> bool:
        return bool(self._of_screens.rules or self._of_prompts)

    def in_lines(self, text: str) -> Iterator[tuple[int, Rule, Match]]:
        """Yield the number of each line that matches, from 0, with the rule and what was found."""
        return self._of_lines.in_lines(text)

    def on_screen(self, text: str) -> tuple[tuple[Rule, Match], ...]:
        """Return each rule that matches the text, with what was found in it."""
        shown = tuple((rule, _match(rule, text, _row(rule, text))) for rule in self._of_screens.of(text))
        return (*shown, *(found for rule in self._of_prompts if (found := _prompt(rule, text))))


@lru_cache(maxsize=64)
def patterns_of(rules: tuple[Rule, ...]) -> Patterns:
    """Return the patterns of these rules; workers with the same rules share them."""
    return Patterns(rules)


class _Pass:
    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._set: Any = None
        self._chunks = not any(sign in (rule.match or "") for rule in rules for sign in _OF_THE_TEXT)

    def of(self, text: str) -> list[Rule]:
        """Return the rules whose pattern is in the text."""
        if self._set is None:
            self._set = _compiled(self.rules)
        return [self.rules[number] for number in sorted(self._set.Match(text) or ())] if self.rules else []

    def in_lines(self, text: str) -> Iterator[tuple[int, Rule, Match]]:
        if not self.rules or (self._chunks and not self.of(text)):
            return
        told: dict[int, int] = {}
        for number, line in enumerate(text.split("\n")):
            for rule in self.of(line):
                told[id(rule)] = told.get(id(rule), 0) + 1
                if told[id(rule)] <= MOST_ALIKE:
                    yield number, rule, _match(rule, line, line)
                else:
                    yield number, rule, _UNTOLD


_UNTOLD = Match()


def is_untold(match: Match) -> bool:
    """Whether the match is only to be counted."""
    return match is _UNTOLD


def _compiled(rules: tuple[Rule, ...]) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    found = re2.Set.SearchSet(options)
    for rule in rules:
        found.Add(f"(?m){rule.match}")
    found.Compile()
    return found


def _match(rule: Rule, text: str, shown: str) -> Match:
    groups = captured(rule.match or "", text)
    until = read_until(dict(groups).get(rule.hold.until, ""), time.time()) if rule.hold else None
    return Match(shown[:MOST_SHOWN], tuple((name, value[:MOST_SHOWN]) for name, value in groups), until=until)


def _prompt(rule: Rule, text: str) -> tuple[Rule, Match] | None:
    """Return what the rule finds in the last rows with text; None also where they have what it must not answer."""
    rows = tuple(row.rstrip() for row in text.split("\n") if row.strip())[-rule.rows :]
    shown = "\n".join(rows)
    if not captured(rule.match or "", shown) or any(captured(denied, shown) for denied in rule.unless):
        return None
    return rule, replace(_match(rule, shown, _row(rule, shown)), stands=rows)


def _row(rule: Rule, text: str) -> str:
    """Return the first row of what the pattern matches."""
    groups = dict(captured(rule.match or "", text))
    found = groups.get("0", "").strip("\n").partition("\n")[0]
    return next((row.strip() for row in text.split("\n") if found and found in row), found)
