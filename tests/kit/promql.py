"""As much of PromQL as our alert rules are written in, over samples of the official parser.

    selector OP number │ time() - selector OP number │ increase(selector[d]) OP number │ absent(selector)
    … and ignoring(label) …          … or …          an `and` binds closer than an `or`

`for` is not looked at: what is returned is what would be pending. promtool knows the rest (docs/metrics.md).
"""

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from kit import ROOT

Labels = frozenset[tuple[str, str]]
Series = Mapping[tuple[str, Labels], float]

_OPERATORS = {"==": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_ATOM = re.compile(
    r"(?P<ago>time\(\) - )?(?P<grown>increase\()?(?P<name>\w+)(?:\{(?P<match>[^}]*)\})?(?:\[\w+\]\))?"
    r" (?P<op>[=<>]+) (?P<number>[0-9.]+)"
)


def series(text: bytes) -> Series:
    """Return the samples of a text; raises ValueError where it is no OpenMetrics."""
    families = text_string_to_metric_families(text.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus has: the samples of now, those of before for `increase`, and the time of now."""

    now: float
    samples: Series
    before: Series

    def true(self, expression: str) -> set[Labels]:
        """Return the labels of each series for which the expression holds."""
        return set().union(*(self._all(term) for term in expression.split(" or ")))

    def _all(self, term: str) -> set[Labels]:
        first, *others = re.split(r" and ignoring\(\w+\) ", term)
        ignored = re.findall(r" and ignoring\((\w+)\) ", term)
        found = self._one(first)
        for other, label in zip(others, ignored, strict=True):
            keep = {_without(labels, label) for labels in self._one(other)}
            found = {labels for labels in found if _without(labels, label) in keep}
        return found

    def _one(self, text: str) -> set[Labels]:
        if absent := re.fullmatch(r"absent\((\w+)\)", text.strip()):
            return set() if any(name == absent[1] for name, _ in self.samples) else {frozenset()}
        atom = _ATOM.fullmatch(text.strip())
        assert atom, f"the tests do not know this PromQL: {text}"
        holds, number = _OPERATORS[atom["op"]], float(atom["number"])
        found = set()
        for (name, labels), value in self.samples.items():
            if name == atom["name"] and _matches(dict(labels), atom["match"] or ""):
                value = self.now - value if atom["ago"] else value
                value -= self.before.get((name, labels), value) if atom["grown"] else 0.0
                if holds(value, number):
                    found.add(labels)
        return found


def _without(labels: Labels, label: str) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != label)


def _matches(labels: Mapping[str, str], wanted: str) -> bool:
    for key, sign, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', wanted):
        is_it = re.fullmatch(value, labels.get(key, "")) if sign == "=~" else labels.get(key, "") == value
        if bool(is_it) is (sign == "!="):
            return False
    return True


def rules() -> dict[str, str]:
    """Return the expressions of our alerts, by name."""
    groups = yaml.safe_load((ROOT / "config/prometheus/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def alerts(text: bytes, now: float, before: bytes | None = None) -> dict[str, set[str]]:
    """Return the alerts that these metrics raise, each with the workers that it names; "" is the service."""
    seen = Seen(now, series(text), series(before or text))
    raised = {name: seen.true(expression) for name, expression in rules().items()}
    return {name: {dict(labels).get("worker", "") for labels in found} for name, found in raised.items() if found}
