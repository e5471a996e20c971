"""`panevisor rules test`: which rules would have fired on a recorded log, line by line; nothing is done."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from actors.events.words import counted
from actors.values.rules import Match, On, Rule
from supervisor.commands.files.check import loaded
from supervisor.config.settings import Config
from supervisor.logs.reading import read_tail
from supervisor.rules.patterns import patterns_of
from supervisor.state.place import Place
from supervisor.text.columns import aligned
from supervisor.text.plain import plain, visible
from supervisor.text.words import nearest
from supervisor.wire.errors import CommandError, UnknownWorker

MOST_SHOWN = 1000  # lines; the others are counted
_LONGEST = 120  # characters of a line that are shown


def test(place: Place, what: str, since: float | None, rules_of: str | None) -> int:
    """Print what the rules of a worker find in its log, or in a file with the output of one."""
    config = loaded(place.config)
    file = Path(what)
    if what in _names(config):
        rules = _rules(config, rules_of or what)
        lines: Iterable[bytes] = read_tail(place.logs, what, since=since)
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


def _lines(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as opened:
        yield from opened


def _print(rules: tuple[Rule, ...], lines: Iterable[bytes]) -> None:
    tested = tuple(rule for rule in rules if rule.on is On.LINE)
    rows, more, read = [["line", "rule", "text", "does"]], 0, 0
    for number, rule, match in _found(tested, lines):
        if len(rows) > MOST_SHOWN:
            more += 1
        else:
            rows.append([str(number), visible(rule.called), visible(match.text[:_LONGEST]), _does(rule)])
        read = number
    print("\n".join(aligned(rows, right=[0])) if read else "no rule would have fired")
    if more:
        print(f"… and {more:,} more")
    if left := len(rules) - len(tested):
        print(
            f"not tested, as a log cannot tell: {counted(left, 'rule')} about other things than lines", file=sys.stderr
        )


def _found(rules: tuple[Rule, ...], lines: Iterable[bytes]) -> Iterator[tuple[int, Rule, Match]]:
    patterns = patterns_of(rules)
    for number, line in enumerate(lines, 1):
        for _, rule, match in patterns.in_lines(plain(line.rstrip(b"\n"))):
            yield number, rule, match


def _does(rule: Rule) -> str:
    """Return what it does, with what a log cannot tell: how often it may."""
    limits = [f"after {rule.times} within {rule.within:g} s"] if rule.times > 1 else []
    limits += [f"once a burst of {rule.debounce:g} s"] if rule.debounce else []
    limits += [f"at most {rule.at_most}"]
    return f"{', '.join(act.called for act in rule.do)} ({', '.join(limits)})"
