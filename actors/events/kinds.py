"""One kind of event: its level, which may depend on its facts, its fields, and its sentence for people."""

from collections.abc import Callable
from dataclasses import KW_ONLY

from actors.events.sentences import Clause, Facts, filled
from actors.frozen import frozen

Level = str | Callable[[Facts], str]
INFO, WARNING, ERROR = "info", "warning", "error"
_LOUD_CAUSES = frozenset({"tmux-died", "tmux-unreachable", "no-process", "start-lost"})


@frozen
class Event:
    """One kind of line. `fields` are names separated by blanks, beside those that are `SHARED` by workers' events.

    `moves`: the change of state that it may be, for people. `said`: what people read, in `why` and `events`:
    a sentence with facts in braces, or a clause that makes one.
    `incident`: it explains what happens to many workers at once, so the history of each worker has it.
    """

    level: Level
    when: str
    _: KW_ONLY
    fields: str = ""
    moves: str = ""
    said: str | Clause
    incident: bool = False

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(self.fields.split())

    def told(self, facts: Facts, max_restarts: int = 0) -> str:
        """Return what people read; its beginning is small."""
        return filled(self.said, facts) if isinstance(self.said, str) else self.said(facts, max_restarts)


# ── levels that depend on facts ───────────────────────────────────────────────────────────────────────────────────


_OUTCOMES = {"failed": ERROR, "backoff": WARNING, "pending": WARNING, "completed": INFO}


def by_outcome(facts: Facts) -> str:
    """Failed is an error; what is to start again, or needs a look, is a warning."""
    return _OUTCOMES.get(str(facts.get("to")), WARNING)


def of_exited(facts: Facts) -> str:
    return by_outcome(facts) if "to" in facts else INFO


def of_pending(facts: Facts) -> str:
    return WARNING if facts.get("cause") in _LOUD_CAUSES else INFO


def of_failed(facts: Facts) -> str:
    return INFO if facts.get("cause") == "adopted" else ERROR


def of_limit(facts: Facts) -> str:
    planned = facts.get("which") == "age" and facts.get("do") == "restart"
    return INFO if planned else by_outcome(facts)


def of_held(facts: Facts) -> str:
    return WARNING if facts.get("unclear") else INFO
