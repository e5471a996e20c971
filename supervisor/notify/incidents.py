"""What a picture of the service shows that somebody may want to hear of. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from actors.events.table import EVENTS
from actors.frozen import frozen
from actors.values.snapshot import Entry, Row, Snapshot
from supervisor.config.settings import Occasion

_GIVEN_UP = frozenset({"failed", "quarantined"})
_UNWELL = frozenset({"stalled", "unready"})
_TMUX_DIED = frozenset({"tmux.died", "tmux.died_unwatched"})
LOOPING = 3  # crashes in a row, none of them forgiven, that make a loop
SERVICE = ""  # the worker of an incident that is the service's own


@frozen(kw_only=True)
class Incident:
    """Something that began and may end. `moment`: it is over as soon as it is told, so its end is not.

    `text` says it in words, `ended` how things stand when it is over. `since` is Unix time.
    """

    occasion: Occasion
    worker: str = SERVICE
    text: str
    ended: str = "it is over"
    since: float
    project: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    attended: bool = False
    moment: bool = False

    @property
    def key(self) -> str:
        """What tells it from others, now and after a restart of the service."""
        return f"{self.occasion}:{self.worker}" + (f":{self.since:.3f}" if self.moment else "")


def shown_in(snapshot: Snapshot) -> dict[str, Incident]:
    """Return what this picture shows, by key."""
    found = [each for row in snapshot.rows.values() for each in _of_row(row)]
    service = snapshot.service
    faults = [*service.degraded, *(["tmux does not answer"] if service.tmux != "ok" else [])]
    if faults:
        found.append(
            Incident(
                occasion=Occasion.DEGRADED,
                text=f"the service is degraded: {'; '.join(faults)}",
                ended="the service is well again",
                since=snapshot.at.wall,
            )
        )
    return {each.key: each for each in found}


def _of_row(row: Row) -> Iterable[Incident]:
    if row.state in _GIVEN_UP:
        yield _of(row, Occasion.FAILED, f"{row.state}: {row.reason}" if row.reason else row.state, row.since)
    if row.attempt >= LOOPING and row.state not in _GIVEN_UP:
        yield _of(row, Occasion.CRASH_LOOP, f"has crashed {row.attempt} times in a row: {row.reason}", row.since)
    if row.health in _UNWELL:
        yield _of(row, Occasion.UNHEALTHY, f"is {row.health}", row.since)
    if row.attention == "waiting":
        text = f"waits for a person: {row.attention_text}" if row.attention_text else "waits for a person"
        yield _of(row, Occasion.WAITING, text, row.attention_since or row.since)


def _of(row: Row, occasion: Occasion, text: str, since: float) -> Incident:
    return Incident(
        occasion=occasion,
        worker=row.name,
        text=text,
        since=since,
        project=row.project,
        labels=row.labels,
        attended=row.hands_on,
    )


def ends(row: Row | None) -> str:
    """Return how things stand with a worker whose incident is over."""
    if row is None:
        return "it was removed"
    return f"it is {row.state}" + (f": {row.reason}" if row.state in _GIVEN_UP and row.reason else "")


def moments(entries: Iterable[Entry], rows: Mapping[str, Row]) -> dict[str, Incident]:
    """Return what happened at once, so that no later picture would show it: `rows` are those of the present picture."""
    found = [each for entry in entries if (each := _moment(entry, rows))]
    return {each.key: each for each in found}


def _moment(entry: Entry, rows: Mapping[str, Row]) -> Incident | None:
    said = EVENTS[entry.event].told(entry.facts) if entry.event in EVENTS else ""
    if entry.event in _TMUX_DIED:
        text = f"{said}; its workers are started again"
        return Incident(occasion=Occasion.TMUX_DIED, text=text, since=entry.ts, moment=True)
    row = rows.get(str(entry.facts.get("worker")))
    if entry.event == "worker.rule" and "notify" in entry.facts.get("do", ()) and row:
        return replace(_of(row, Occasion.RULE, said, entry.ts), moment=True)
    return None
