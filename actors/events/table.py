"""The events of the service's log. Who adds one adds it here; `python -m actors.events` then writes docs/events.md.

`of_workers` and `of_service` describe them, each once.
"""

from collections.abc import Mapping

from actors.events.kinds import WARNING, Event
from actors.events.of_service import SERVICE, TMUX
from actors.events.of_workers import WORKER
from actors.events.sentences import Facts

SHARED = frozenset({"worker", "life", "cause", "reason", "verdict", "from", "to"})
"""Fields that any event about a worker may have."""

SECTIONS: Mapping[str, Mapping[str, Event]] = {
    "A worker's life": WORKER,
    "tmux": TMUX,
    "The service": SERVICE,
}
EVENTS: Mapping[str, Event] = {name: event for section in SECTIONS.values() for name, event in section.items()}
INCIDENTS = frozenset(name for name, event in EVENTS.items() if event.incident)


def level_of(event: str, facts: Facts) -> str:
    """Return "info", "warning" or "error"; an event that is not in the table is a warning."""
    known = EVENTS.get(event)
    if known is None:
        return WARNING
    return known.level if isinstance(known.level, str) else known.level(facts)


def faults_in(event: str, facts: Facts) -> list[str]:
    """Return what the table does not have: the event itself, or facts of it."""
    known = EVENTS.get(event)
    if known is None:
        return [f"unknown event {event}"]
    allowed = {*known.field_names, *(SHARED if event.startswith("worker.") else ())}
    return [f"{event} has no field {key}" for key in facts if key not in allowed]
