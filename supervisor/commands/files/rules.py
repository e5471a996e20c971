"""`panevisor rules test`: which rules would have fired on a recorded log, line by line; nothing is done."""

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from actors.events.words import counted, exact
from actors.values.rules import HoldUntil, Match, On, Rule
from supervisor.commands.files.check import loaded
from supervisor.config.settings import Config
from supervisor.logs.reading import stamped
from supervisor.rules.patterns import patterns_of
from supervisor.rules.until import read_until
from supervisor.state.place import Place
from supervisor.text.columns import aligned
from supervisor.text.plain import plain, visible
from supervisor.text.tables import clock
from supervisor.text.words import nearest
from supervisor.wire.errors import CommandError, UnknownWorker

MOST_SHOWN = 1000  # lines; the others are counted
_LONGEST = 120  # characters of a line that are shown
Lines = Iterable[tuple[float, bytes]]
"""Each line with the Unix time at which it was there."""


def test(place: Place, what: str, since: float | None, rules_of: str | None) -> int:
    """Print what the rules of a worker find in its log, or in a file with the output of one."""
    config = loaded(place.config)
    file = Path(what)
    if what in _names(config):
        rules = _rules(config, rules_of or what)
        lines: Lines = stamped(place.logs, what, since=since)
    elif not file.is_file():
        near = nearest(what, sorted(_names(config)))
        raise UnknownWorker(what, f"{visible(what)}: neither a worker of {visible(place.config)} nor a file{near}")
    elif since is not None:
        raise CommandError("usage", "--since is for the log of a worker: a file tells no times")
    else:
        rules, lines = _rules(config, rules_of), _lines(file)
    _print(rules, lines)
    return 0


def _names(config: Config) -> set[str]:
    return {spec.name for spec in config.workers}


def _rules(config: Config, name: str | None) -> tuple[Rule, ...]:
    """Return the rules of the worker, or of all."""
    if name is not None and name not in _names(config):
        raise UnknownWorker(name, f"{visible(name)}: no such worker in the file{nearest(name, sorted(_names(config)))}")
    found = dict.fromkeys(rule for spec in config.workers if name in (None, spec.name) for rule in spec.rules)
    if not found:
        raise CommandError("usage", f"{visible(name or 'the file')} has no rules")
    return tuple(found)


def _lines(file: Path) -> Iterator[tuple[float, bytes]]:
    now = time.time()
    with open(file, "rb") as opened:
        for line in opened:
            yield now, line


def _print(rules: tuple[Rule, ...], lines: Lines) -> None:
    tested = tuple(rule for rule in rules if rule.on is On.LINE)
    rows, more, read = [["line", "rule", "text", "does"]], 0, 0
    for number, at, rule, match in _found(tested, lines):
        if len(rows) > MOST_SHOWN:
            more += 1
        else:
            rows.append([str(number), visible(rule.called), visible(match.text[:_LONGEST]), _does(rule, match, at)])
        read = number
    print("\n".join(aligned(rows, right=[0])) if read else "no rule would have fired")
    if more:
        print(f"… and {more:,} more")
    if left := len(rules) - len(tested):
        print(
            f"not tested, as a log cannot tell: {counted(left, 'rule')} about other things than lines", file=sys.stderr
        )


def _found(rules: tuple[Rule, ...], lines: Lines) -> Iterator[tuple[int, float, Rule, Match]]:
    patterns = patterns_of(rules)
    for number, (at, line) in enumerate(lines, 1):
        for _, rule, match in patterns.in_lines(plain(line.rstrip(b"\n"))):
            yield number, at, rule, match


def _does(rule: Rule, match: Match, at: float) -> str:
    """Return what it does, with what a log cannot tell: how often it may."""
    limits = [f"after {rule.times} within {rule.within:g} s"] if rule.times > 1 else []
    limits += [f"once a burst of {rule.debounce:g} s"] if rule.debounce else []
    limits += [f"at most {rule.at_most}"]
    acts = [_hold(act.hold, match, at) if act.hold else act.called for act in rule.do]
    return f"{', '.join(acts)} ({', '.join(limits)})"


def _hold(hold: HoldUntil, match: Match, at: float) -> str:
    """Return until when the line, which was there `at` this time, would have been waited for."""
    found = dict(match.groups).get(hold.until, "")
    until, longest = read_until(found, at), at + hold.max
    if until is None or until > longest:
        why = "no time can be read" if until is None else "further away"
        return f'hold for {exact(hold.max)} ({why}: "{visible(found[:_LONGEST])}")'
    late = f" + up to {exact(hold.jitter)}" if hold.jitter else ""
    return f"hold until {clock(until, at)}{late}"
