"""When a receiver is told of what. Pure.

incidents, now ──step──▶ Plan′, Message (or None), when to look again

seen ──settle──▶ still there? ──batch──▶ told ──repeat──▶ told again
  └─ gone before: nobody is told           └─ gone for `settle`: its end is told
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from actors.frozen import frozen
from actors.values.facts import Instant
from supervisor.config.settings import Receiver
from supervisor.notify.incidents import Incident

GRACE = 3  # times `settle` after the start of the service in which nobody is told: workers are still coming up


@frozen
class Watch:
    """One incident. `due`: when it may be told; `told`: when it was, `gone`: since when it is not there any more.

    All are monotonic seconds; None: not so far.
    """

    incident: Incident
    due: float
    told: float | None = None
    gone: float | None = None


@frozen
class Line:
    """One incident in a message: `news` is "new", "still", "over" or "test"."""

    incident: Incident
    news: str

    @property
    def text(self) -> str:
        who = f"{self.incident.worker}: " if self.incident.worker else ""
        said = {"new": self.incident.text, "test": self.incident.text, "still": f"still {self.incident.text}"}
        return who + said.get(self.news, f"over ({self.incident.occasion}): {self.incident.ended}")


Message = tuple[Line, ...]


@frozen
class Plan:
    """What one receiver is told of. `batch`: until when more is gathered into one message (monotonic)."""

    watches: Mapping[str, Watch] = field(default_factory=dict)
    batch: float | None = None

    @property
    def told(self) -> dict[str, float]:
        """The incidents whose end is to be told, and since when (Unix time) they are there."""
        return {key: watch.incident.since for key, watch in self.watches.items() if watch.told is not None}


def concerns(receiver: Receiver, incident: Incident) -> bool:
    """Whether the receiver wants to hear of this."""
    return (
        incident.occasion in receiver.on
        and (not receiver.projects or incident.project in receiver.projects)
        and set(receiver.labels) <= set(incident.labels)
    )


def step(
    receiver: Receiver, plan: Plan, incidents: Mapping[str, Incident], now: Instant, *, begun: float
) -> tuple[Plan, Message, float | None]:
    """Return the plan, what is to be told now, and when (monotonic) to look again though nothing has changed.

    `begun`: when the service began (monotonic).
    """
    watches = _seen(receiver, plan.watches, incidents, now, begun + GRACE * receiver.settle)
    ripe = {key: news for key, watch in watches.items() if (news := _ripe(receiver, watch, now))}
    if not ripe:
        return Plan(watches), (), _next_look(receiver, watches, now)
    batch = now.mono + receiver.batch if plan.batch is None else plan.batch
    if now.mono < batch:
        return Plan(watches, batch), (), batch
    message = tuple(Line(watches[key].incident, news) for key, news in ripe.items())
    for key, news in ripe.items():
        if news == "over" or watches[key].incident.moment:
            del watches[key]
        else:
            watches[key] = replace(watches[key], told=now.mono)
    return Plan(watches), message, _next_look(receiver, watches, now)


def taken_up(receiver: Receiver, told: Iterable[Incident], now: Instant) -> Plan:
    """Return the plan of a receiver that another service has told these incidents."""
    return Plan({each.key: Watch(each, now.mono, told=now.mono) for each in told if concerns(receiver, each)})


def _seen(
    receiver: Receiver, known: Mapping[str, Watch], incidents: Mapping[str, Incident], now: Instant, first: float
) -> dict[str, Watch]:
    watches: dict[str, Watch] = {}
    for key, watch in known.items():
        if key in incidents:
            watches[key] = replace(watch, incident=incidents[key], gone=None)
        elif watch.incident.moment:
            watches[key] = watch
        elif watch.told is not None:
            watches[key] = replace(watch, gone=now.mono if watch.gone is None else watch.gone)
    for key, incident in incidents.items():
        if key not in watches and concerns(receiver, incident):
            watches[key] = Watch(incident, now.mono if incident.moment else max(now.mono + receiver.settle, first))
    return watches


def _ripe(receiver: Receiver, watch: Watch, now: Instant) -> str | None:
    """Return what there is to tell of it now; None: nothing."""
    if now.mono < _due(receiver, watch) or _held(receiver, watch.incident, now):
        return None
    if watch.gone is not None:
        return "over"
    return "new" if watch.told is None else "still"


def _due(receiver: Receiver, watch: Watch) -> float:
    if watch.gone is not None:
        return watch.gone + receiver.settle
    if watch.told is None:
        return watch.due
    return watch.told + receiver.repeat if receiver.repeat is not None else float("inf")


def _held(receiver: Receiver, incident: Incident, now: Instant) -> bool:
    return in_quiet(receiver, now) or (receiver.unless_attached and incident.attended)


def in_quiet(receiver: Receiver, now: Instant) -> bool:
    """Whether it is one of the receiver's quiet hours, by the local time of the service."""
    if receiver.quiet is None:
        return False
    begin, end = receiver.quiet
    local = datetime.datetime.fromtimestamp(now.wall).astimezone()
    minute = 60 * local.hour + local.minute
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _next_look(receiver: Receiver, watches: Mapping[str, Watch], now: Instant) -> float | None:
    """Return when something may become due; what is due and held is looked at once a minute."""
    later = [max(_due(receiver, watch), now.mono) for watch in watches.values()]
    first = min(later, default=float("inf"))
    if first == float("inf"):
        return None
    return first if first > now.mono else now.mono + 60.0
