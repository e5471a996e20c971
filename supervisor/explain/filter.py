r"""The filter of `top` and the page: which workers a line like `state:failed rss>1G tier=db "disk full" -test` means.

    line ──parsed──▶ Filter ──matches──▶ whether a worker, as the status JSON has it, is meant

    text                 stands in the name, project, state, reason or in what the worker waits for
    field:text           that field has the text in it; field=text: is the text; * and ? stand for any characters
    field:one,two        one of them
    field>1G  < >= <=    a number, a size or a time: rss>1G  cpu>50  uptime<10m  restarts>=3
    -term                not so

All terms have to hold; capitals and small letters are the same. A field that is none of FIELDS is a label: `tier=db`.
The page has a twin of this module; tests/fast/explain/filters.json has the cases for both. Pure.
"""

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actors.frozen import frozen
from supervisor.explain.need import needs_person
from supervisor.text.quantities import seconds, size

Worker = Mapping[str, Any]

_QUOTED = r'"[^"]*"?'
_TERM = re.compile(
    rf"""
    (?P<minus>-?)
    (?: (?P<field>[\w.-]+) (?P<op>>=|<=|[:=<>]) (?P<value>(?:{_QUOTED}|[^\s"])*)
      | (?P<text>{_QUOTED}|\S+) )
    """,
    re.VERBOSE,
)


def _labels(worker: Worker) -> Iterator[str]:
    for key, value in (worker.get("labels") or {}).items():
        yield from (key, value, f"{key}={value}")


def _is(worker: Worker) -> Iterator[str]:
    """Yield what can be said of it in one word."""
    yield from ("need",) if needs_person(worker) else ("well",) if worker["state"] in ("running", "completed") else ()
    yield from ("attached",) if worker.get("hands_on") else ()


def _of(*keys: str) -> Callable[[Worker], Iterator[str]]:
    return lambda worker: (str(worker[key]) for key in keys if worker.get(key) not in (None, ""))


_WORDS: dict[str, Callable[[Worker], Iterator[str]]] = {
    "name": _of("name"),
    "project": _of("project"),
    "state": _of("state"),
    "health": _of("health"),
    "attention": _of("attention"),
    "reason": _of("reason", "attention_text"),
    "label": _labels,
    "is": _is,
}
_NUMBERS: dict[str, tuple[str, Callable[[str], float]]] = {
    "cpu": ("cpu_percent", lambda text: float(text.removesuffix("%"))),
    "rss": ("rss_bytes", lambda text: float(text) if text.isdigit() else size(text)),
    "uptime": ("uptime_s", lambda text: float(text) if text.isdigit() else seconds(text)),
    **{
        field: (field, float)
        for field in ("restarts", "attempt", "processes", "tokens", "cost", "pid", "exit_code", "exit_signal")
    },
}
FIELDS = (*_WORDS, *_NUMBERS)
"""Every field there is; `is` has need, well and attached."""
_EVERYWHERE = _of("name", "project", "state", "health", "attention", "reason", "attention_text")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
    "=": lambda found, wanted: found == wanted,
    ":": lambda found, wanted: found == wanted,
}

Test = Callable[[Worker], bool]


@frozen
class Filter:
    """`text`: as it was written. An empty one means all workers."""

    text: str = ""
    tests: tuple[Test, ...] = ()

    def matches(self, worker: Worker) -> bool:
        """Whether the worker is meant."""
        return all(test(worker) for test in self.tests)


def parsed(text: str) -> Filter:
    """Return the filter that a line says; raises ValueError where a number is none, or what is compared has none."""
    return Filter(text, tuple(_test(found) for found in _TERM.finditer(text) if found[0] not in ("-", '""')))


def _test(found: re.Match[str]) -> Test:
    test = _of_text(found["text"].strip('"')) if found["field"] is None else _of_field(found)
    return (lambda worker: not test(worker)) if found["minus"] else test


def _of_text(text: str) -> Test:
    wanted = text.casefold()
    return lambda worker: any(wanted in there.casefold() for there in _EVERYWHERE(worker))


def _of_field(found: re.Match[str]) -> Test:
    field, op, value = found["field"].casefold(), found["op"], found["value"].replace('"', "")
    if field in _NUMBERS:
        return _number(field, op, value)
    if op not in (":", "="):
        raise ValueError(f"{field}{op}: only {', '.join(_NUMBERS)} can be compared")
    words = _WORDS.get(field) or _label(found["field"])
    fits = [_fitting(part.casefold(), exactly=op == "=") for part in value.split(",")]
    return lambda worker: any(fit(there.casefold()) for there in words(worker) for fit in fits)


def _label(key: str) -> Callable[[Worker], Iterator[str]]:
    return lambda worker: (value for name, value in (worker.get("labels") or {}).items() if name == key)


def _fitting(wanted: str, *, exactly: bool) -> Callable[[str], bool]:
    if "*" in wanted or "?" in wanted:
        return lambda there: fnmatch.fnmatchcase(there, wanted.replace("[", "[[]"))
    return (lambda there: there == wanted) if exactly else (lambda there: wanted in there)


def _number(field: str, op: str, value: str) -> Test:
    key, read = _NUMBERS[field]
    try:
        wanted = read(value)
    except ValueError as error:
        told = str(error) if str(error).startswith("must") else "must be a number"
        raise ValueError(f"{field}{op}{value}: {told}") from None
    compare = _COMPARE[op]
    return lambda worker: worker.get(key) is not None and compare(worker[key], wanted)
