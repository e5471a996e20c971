"""Metrics: gathers the workers' reports and makes the one Snapshot that every reader sees.

    Report × N ──▶ Metrics ──Snapshot──▶ Gateway, status file
       the end of a capture beat └──────▶ watchdog

A change of state is published at once, and changes within 50 ms are published together. Other changes are published
50 ms after the first. The reports of a health beat are published at its end: when all workers have answered, or at its
deadline. A worker that did not report keeps its last row, whose `reported_at` tells its age.
"""

from collections import deque
from dataclasses import replace
from itertools import count
from types import MappingProxyType
from typing import Any

from actors.base import Post
from actors.events.table import level_of
from actors.frozen import frozen
from actors.life.screen import TOTAL_WARNING_BYTES
from actors.loop import Loop, LoopActor
from actors.ports import Clock, Heartbeat, Journal, Publisher, Watchdog
from actors.values.bulletins import (
    Activity,
    Armed,
    CaptureTold,
    DefinitionOrder,
    Disarmed,
    HealthTold,
    KeptBy,
    Opened,
    PartFailing,
    Report,
    ServiceNow,
    Withdrawn,
)
from actors.values.snapshot import Entry, Host, Row, Service, Snapshot

KEPT = 100  # entries of the activity feed
TOGETHER = 0.05  # seconds in which changes are published together
BEAT = "metrics:beat"  # the alarm at the deadline of a health beat
BEAT_DEADLINE = 1.0  # seconds that a health beat waits for its last report


@frozen
class PublishDue:
    """Changes have waited long enough."""


@frozen
class BeatOver:
    """The health beat's deadline has passed."""


@frozen
class HeartbeatDue:
    """The status file is due."""


class MetricsActor(LoopActor):
    """Owns the rows, the screens, the feed and the last Snapshot."""

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        service: Service,
        publisher: Publisher,
        heartbeat: Heartbeat,
        watchdog: Watchdog,
        journal: Journal,
        *,
        heartbeat_interval: float,
        ticker: Post[Any],
        supervisor: Post[Any],
    ) -> None:
        super().__init__(loop, supervisor, "metrics")
        self._clock = clock
        self._service = service
        self._told: tuple[str, ...] = service.degraded  # by the Supervisor
        self._hanging: dict[str, str] = {}  # told by the watch itself, because the Supervisor may be what hangs
        self._publisher = publisher
        self._heartbeat = heartbeat
        self._watchdog = watchdog
        self._heartbeat_interval = heartbeat_interval
        self._journal = journal
        self._ticker = ticker
        self._rows: dict[str, Row] = {}
        self._screens: dict[str, bytes] = {}
        self._screen_bytes = 0
        self._feed: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = count(1)
        self._order: tuple[str, ...] = ()
        self._defined: frozenset[str] | None = None
        self._complete = False  # the first picture waits until each worker has reported
        self._host = Host()
        self._seq = 1
        self._published = float("-inf")
        self._due = False
        self._dirty = False
        self._beat = 0
        self._began: float | None = None  # monotonic; the health beat whose reports are awaited
        self._ended = 0  # the last health beat that is over
        self._awaited: frozenset[str] = frozenset()
        self._answered: dict[int, set[str]] = {}
        self._warned = False
        self._snapshot = Snapshot(0, clock.now(), service, self._host, {})

    def begin(self) -> None:
        self._heartbeat_later()
        self._beat_heart()

    def handle(self, message: Any) -> None:
        match message:
            case Report():
                self._take_report(message)
            case Activity(ts, event, facts):
                entry = Entry(next(self._numbers), ts, event, level_of(event, facts), MappingProxyType(dict(facts)))
                self._feed.appendleft(entry)
                self._publisher.activity(tuple(self._feed))
            case HealthTold():
                self._await_reports(message)
            case CaptureTold():
                self._note_capture(message)
                self._watchdog.beat_ended(self._snapshot)  # last: a Metrics that hangs must not look alive
            case DefinitionOrder(names):
                self._line_up(names)
            case ServiceNow(tmux, degraded, config):
                self._told = degraded
                self._service = replace(self._service, tmux=tmux, config=config)
                self._tell_degraded()
            case KeptBy(who):
                self._service = replace(self._service, kept_by=who)
                self._publish_soon()
            case PartFailing(what, reason):
                self._note_hanging(what, reason)
            case Opened():
                self._watchdog.opened()  # not before there is a picture: who hears it asks for one
            case Withdrawn(name):
                self._withdraw(name)
            case PublishDue():
                self._due = False
                self._publish_if_dirty()
            case BeatOver():
                self._end_beat()
            case HeartbeatDue():
                self._heartbeat_later()
                self._beat_heart()
            case _:
                raise TypeError(f"no message of Metrics: {message!r}")

    def _line_up(self, names: tuple[str, ...]) -> None:
        """Keep this order. A worker that is not in it is gone."""
        self._order, self._defined = names, frozenset(names)
        for name in self._rows.keys() - self._defined:
            self._withdraw(name)
        self._publish_soon()

    # ── reports ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_report(self, report: Report) -> None:
        row = report.row
        known, screen = self._rows.get(row.name), self._screens.get(row.name)
        self._rows[row.name] = row
        self._keep_screen(row.name, report.screen)
        if known is None or _news(known) != _news(row):
            self._publish_soon()
        elif (known, screen) != (row, report.screen):
            self._note_change(report.beat)
        if report.beat is not None:
            self._answered.setdefault(report.beat, set()).add(row.name)
            self._end_beat_if_answered()

    def _note_change(self, beat: int | None) -> None:
        """Publish a measured change at the end of its health beat; soon, when the beat is over or it has none."""
        self._dirty = True
        if beat is None or beat <= self._ended:
            self._publish_by(self._clock.now().mono + TOGETHER)

    def _keep_screen(self, name: str, screen: bytes | None) -> None:
        self._screen_bytes += len(screen or b"") - len(self._screens.pop(name, b""))
        if screen is not None:
            self._screens[name] = screen
        if not self._warned and self._screen_bytes > TOTAL_WARNING_BYTES:
            self._warned = True
            self._journal.log("metrics.screens_large", {"bytes": self._screen_bytes})
        elif self._warned and self._screen_bytes < TOTAL_WARNING_BYTES // 2:
            self._warned = False

    def _note_hanging(self, what: str, reason: str | None) -> None:
        if reason is None:
            self._hanging.pop(what, None)
        else:
            self._hanging[what] = reason
        self._tell_degraded()

    def _tell_degraded(self) -> None:
        hanging = tuple(f"{what}: {reason}" for what, reason in self._hanging.items())
        self._service = replace(self._service, degraded=(*self._told, *hanging))
        self._publish_soon()
        self._beat_heart()

    def _withdraw(self, name: str) -> None:
        self._keep_screen(name, None)
        if self._rows.pop(name, None):
            self._publish_soon()
        self._awaited -= {name}
        self._end_beat_if_answered()

    def _note_capture(self, told: CaptureTold) -> None:
        capture = self._service.capture.swept(told.swept_s).over(told.took_s)
        tick, took_ms = max(told.beat, self._service.tick), round(told.took_s * 1000, 1)
        self._service = replace(self._service, capture=capture, tick=tick, tick_ms=took_ms, overruns=told.overruns)

    # ── the health beat ───────────────────────────────────────────────────────────────────────────────────────────

    def _await_reports(self, told: HealthTold) -> None:
        self._beat, self._awaited, self._host = told.beat, told.names, told.host
        self._began = told.began if told.names else None
        self._service = replace(self._service, health=self._service.health.swept(told.swept_s))
        self._dirty = True
        deadline = self._clock.now().mono + BEAT_DEADLINE
        self._arm(BEAT, deadline, BeatOver())
        self._end_beat_if_answered()

    def _end_beat_if_answered(self) -> None:
        if self._awaited and self._awaited <= self._answered.get(self._beat, set()):
            self._end_beat()

    def _end_beat(self) -> None:
        if self._began is not None:
            took = self._clock.now().mono - self._began
            self._began, self._service = None, replace(self._service, health=self._service.health.over(took))
            self._ticker.tell(Disarmed(BEAT))
        self._complete = True  # a worker that has not reported by now is not waited for
        self._ended, self._awaited = self._beat, frozenset()
        self._answered = {beat: names for beat, names in self._answered.items() if beat > self._beat}
        self._publish_if_dirty()

    # ── publishing ────────────────────────────────────────────────────────────────────────────────────────────────

    def _publish_soon(self) -> None:
        self._dirty = True
        now = self._clock.now().mono
        if now - self._published >= TOGETHER:
            self._publish()
        else:
            self._publish_by(self._published + TOGETHER)

    def _publish_by(self, at: float) -> None:
        if not self._due:
            self._due = True
            self._arm("metrics:publish", at, PublishDue())

    def _publish_if_dirty(self) -> None:
        if self._dirty:
            self._publish()

    def _publish(self) -> None:
        if not self._complete:
            self._complete = self._defined is not None and self._defined <= self._rows.keys()
        if not self._complete:
            return
        now = self._clock.now()
        self._dirty, self._published = False, now.mono
        self._snapshot = Snapshot(self._seq, now, self._service, self._host, MappingProxyType(self._ordered()))
        self._seq += 1
        self._publisher.publish(self._snapshot, MappingProxyType(dict(self._screens)))

    def _ordered(self) -> dict[str, Row]:
        """Return the rows in the order of definition; new ones come last."""
        names = (*self._order, *(name for name in self._rows if name not in (self._defined or ())))
        return {name: self._rows[name] for name in names if name in self._rows}

    # ── the status file ───────────────────────────────────────────────────────────────────────────────────────────

    def _heartbeat_later(self) -> None:
        self._arm("metrics:heartbeat", self._clock.now().mono + self._heartbeat_interval, HeartbeatDue())

    def _beat_heart(self) -> None:
        self._heartbeat.beat(replace(self._snapshot, at=self._clock.now()))

    def _arm(self, key: str, at: float, message: Any) -> None:
        self._ticker.tell(Armed(at, key, lambda _woken: self.tell_me(message)))


def _news(row: Row) -> tuple[Any, ...]:
    """Return the fields whose change is published at once; the others wait for the end of a beat."""
    return (
        row.state,
        row.health,
        row.life,
        row.pid,
        row.reason,
        row.order,
        row.draining,
        row.ending and row.ending.next,
        row.exit,
        row.attempt,
        row.next_start_at,
    )
