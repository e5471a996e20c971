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
from supervisor.attention.presets import Preset, Sign, seen_in, unframed
from supervisor.rules.until import read_until
from supervisor.text.patterns import captured

MOST_MEMORY = 64 << 20  # bytes that one pass may use for its states: with fewer it could miss matches of 2,000 patterns
MOST_SHOWN = 500  # characters of a line that an event or a command gets
MOST_ALIKE = 100  # matches of a rule in one chunk that are told one by one; the others are counted
_BY_LINE = (On.LINE, On.SILENCE)
_OF_THE_TEXT = ("\\A", "\\z", "(?-", "(?s", "(?i-", "(?U-")  # `^` of a line may not be that of a chunk


class Patterns:
    """The patterns of some rules, for lines and for screens; `presets` are those that `prompts` of a rule may name."""

    def __init__(self, rules: tuple[Rule, ...], presets: tuple[Preset, ...]) -> None:
        self._presets = presets
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
        return (*shown, *self._prompts(text))

    def _prompts(self, text: str) -> Iterator[tuple[Rule, Match]]:
        """Yield what rules find at the end of the screen; not where it has what they must not answer."""
        if not self._of_prompts:
            return
        sign = seen_in(text, self._presets)
        for rule in self._of_prompts:
            found = _prompt(rule, text, sign)
            if found and not _is_denied(rule, text):
                yield rule, found


@lru_cache(maxsize=64)
def patterns_of(rules: tuple[Rule, ...], presets: tuple[Preset, ...] = ()) -> Patterns:
    """Return the patterns of these rules; workers with the same rules share them."""
    return Patterns(rules, presets)


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


def _prompt(rule: Rule, text: str, sign: Sign | None) -> Match | None:
    """Return what the rule finds in the last rows with text; `sign`: what a preset finds there."""
    if rule.prompts and (sign is None or sign.preset.name not in rule.prompts):
        return None
    stands = tuple(row.rstrip() for row in text.split("\n") if row.strip())[-rule.rows :]
    shown = "\n".join(stands)
    found = dict(captured(rule.match, shown)) if rule.match else {}
    if rule.match and not found:
        return None
    match = _match(rule, shown, _row(rule, shown)) if rule.match else Match(sign.text[:MOST_SHOWN] if sign else "")
    if rule.prompts and sign:
        found_by = sign.preset
        drawn, answers = found_by.region == "rows", found_by.keys
        return replace(match, stands=stands, ends=True, preset=found_by.name, drawn=drawn, answers=answers)
    return replace(match, stands=stands, ends=shown.endswith(found["0"]))


def _is_denied(rule: Rule, text: str) -> bool:
    """Whether the screen has what the rule must not answer; a program may have broken it at the border of its box."""
    if not rule.unless:
        return False
    rows = unframed(text)
    ways = (text, "\n".join(rows), " ".join(rows), "".join(rows))
    return any(captured(denied, way) for denied in rule.unless for way in ways)


def _row(rule: Rule, text: str) -> str:
    """Return the first row of what the pattern matches."""
    groups = dict(captured(rule.match or "", text))
    found = groups.get("0", "").strip("\n").partition("\n")[0]
    return next((row.strip() for row in text.split("\n") if found and found in row), found)
