"""Tells the receivers of the file what a picture shows: a thread that looks when something changes or becomes due.

    Metrics ──publish, activity──▶ latest ──thread──▶ plan.step, for each receiver ──▶ Outbox ──▶ Crew ──▶ deliver
                                                │ told ──▶ notices.json               └──failed──▶ tried again later
                                                └ nothing is ever waited for by Metrics

A message is noted as told when it is handed over, so no incident is told twice by a service that was killed. While no
file has a receiver there is no thread.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from actors.ports import Clock, Journal
from actors.values.snapshot import Entry, Snapshot
from actors.vital import VitalThread
from supervisor.config.settings import Config, Occasion, Receiver
from supervisor.kernel.crew import Crew
from supervisor.kernel.files import replace_file
from supervisor.notify.deliver import Postman, facts_of
from supervisor.notify.incidents import Incident, ends, moments, shown_in
from supervisor.notify.outbox import MOST, PAUSES, Outbox, Parcel
from supervisor.notify.plan import Message, Plan, step, taken_up

REST = 0.5  # seconds between two looks
_AT_A_TIME = 4  # deliveries, each to another receiver


class Notices:
    """`actors.ports.Publisher`, beside the gateway. Thread-safe; a dead receiver costs nobody anything."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        clock: Clock,
        journal: Journal,
        on_error: Callable[[BaseException], None],
        *,
        begun: float,
        nofile: int,
    ) -> None:
        """`path`: where it is kept what was told. `folder`: where commands run. `begun`: of the service, monotonic.

        `nofile`: the soft limit of open files that they get.
        """
        self._path, self._folder = path, folder
        self._clock, self._journal, self._on_error, self._begun = clock, journal, on_error, begun
        self._host = socket.gethostname()
        self._changed = threading.Condition()
        self._closed = self._news = False
        self._snapshot: Snapshot | None = None
        self._fresh: dict[str, Incident] = {}  # moments that no look has seen
        self._newest = 0  # the number of the last entry of the feed
        self._loaded: dict[str, tuple[Receiver, ...]] = {}  # by the digest of the file, until it is applied
        self._receivers: tuple[Receiver, ...] = ()
        self._plans: dict[str, Plan] = {}
        self._kept: dict[str, dict[str, Any]] = {}  # what the file says was told, by receiver
        self._outbox = Outbox()
        self._crew: Crew | None = None
        self._postman = Postman(nofile)

    # ── what others call ──────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, config: Config | None) -> None:
        """Go by this file from now on."""
        if config:
            self._use(config.receivers)

    def loaded(self, config: Config) -> None:
        """Go by this file as soon as a picture shows that it was applied."""
        with self._changed:
            self._loaded = {config.digest: config.receivers}

    def publish(self, snapshot: Snapshot, _screens: Mapping[str, bytes]) -> None:
        with self._changed:
            self._snapshot = snapshot
            receivers = self._loaded.pop(snapshot.service.config.digest, None)
            self._wake()
        if receivers is not None:
            self._use(receivers)

    def activity(self, newest: tuple[Entry, ...]) -> None:
        with self._changed:
            rows = self._snapshot.rows if self._snapshot else {}
            self._fresh |= moments((entry for entry in newest if entry.seq > self._newest), rows)
            self._newest = max((entry.seq for entry in newest), default=self._newest)
            self._wake()

    def close(self) -> None:
        """Tell nothing any more. What is being delivered ends by itself."""
        with self._changed:
            self._closed = True
            self._wake()
        if self._crew:
            self._crew.shutdown()

    def _wake(self) -> None:
        self._news = True
        self._changed.notify()

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _use(self, receivers: tuple[Receiver, ...]) -> None:
        with self._changed:
            self._receivers = receivers
            if not receivers or self._crew:
                return
            try:
                self._kept = _read(self._path)
                self._crew = Crew(_AT_A_TIME, "notify")
                VitalThread("notices", self._run).start()
            except (OSError, RuntimeError) as error:  # no thread to be had: with the next file
                self._on_error(error)

    def _run(self) -> None:
        at: float | None = None
        while not self._closed:
            with self._changed:
                patience = None if at is None else max(0.0, at - self._clock.now().mono)
                self._changed.wait_for(lambda: self._news, patience)
                self._news = False
            if self._closed:
                return
            try:
                at = self._look()
            except Exception as error:
                self._on_error(error)
                at = self._clock.now().mono + PAUSES[0]
            time.sleep(REST)

    def _look(self) -> float | None:
        """Tell what is due; return when to look again though nothing has changed."""
        with self._changed:
            snapshot, receivers, fresh = self._snapshot, self._receivers, self._fresh
            self._fresh = {}
        if snapshot is None:
            return None
        now = self._clock.now()
        incidents = shown_in(snapshot)
        before = {name: plan.told for name, plan in self._plans.items()}
        later: list[float] = []
        plans: dict[str, Plan] = {}
        for receiver in receivers:
            plan = self._plans.get(receiver.name) or self._taken_up(receiver)
            plan = _with_ends(plan, incidents, snapshot)
            plans[receiver.name], message, at = step(receiver, plan, incidents | fresh, now, begun=self._begun)
            later += [] if at is None else [at]
            if message:
                self._post(receiver, message, now.mono)
        self._plans = plans
        if before != {name: plan.told for name, plan in plans.items()}:
            self._keep()
        with self._changed:
            self._hand_over(now.mono)
            later += [at for at in (self._outbox.next_at,) if at is not None]
        return min(later, default=None)

    def _taken_up(self, receiver: Receiver) -> Plan:
        told = [_incident(each) for each in self._kept.pop(receiver.name, {}).values()]
        return taken_up(receiver, filter(None, told), self._clock.now())

    def _keep(self) -> None:
        told = {
            name: {key: asdict(plan.watches[key].incident) for key in plan.told}
            for name, plan in self._plans.items()
            if plan.told
        }
        try:
            replace_file(self._path, json.dumps(told).encode(), sync=False)
        except OSError as error:  # a full disk: after a crash something is told twice
            self._on_error(error)

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _post(self, receiver: Receiver, message: Message, now: float) -> None:
        with self._changed:
            given_up = self._outbox.post(receiver, facts_of(receiver, message, self._host), now)
        if given_up:
            self._give_up(given_up, f"more than {MOST} messages wait")

    def _hand_over(self, now: float) -> None:
        """Give what is due to the crew."""
        assert self._crew is not None
        for parcel in self._outbox.take(now):
            sent = self._crew.submit(self._postman.deliver, parcel.receiver, parcel.facts, self._folder)
            sent.add_done_callback(lambda done, parcel=parcel: self._settle(parcel, done))  # type: ignore[misc]

    def _settle(self, parcel: Parcel, done: Any) -> None:
        if done.cancelled():
            return
        error = done.exception()
        problem = f"failed by {type(error).__name__}" if error else done.result()  # its text may hold a URL
        with self._changed:
            again = self._outbox.settled(parcel, arrived=problem is None, now=self._clock.now().mono)
            self._wake()
        facts: dict[str, Any] = {"receiver": parcel.receiver.name}
        if problem is None:
            facts |= {"incidents": len(parcel.facts["incidents"]), "tries": parcel.tries + 1}
            self._journal.log("notify.sent", facts)
        elif again is None:
            self._give_up(parcel, problem)
        elif again.tries == 1:
            self._journal.log("notify.failed", facts | {"reason": problem, "again_s": PAUSES[0]})

    def _give_up(self, parcel: Parcel, problem: str) -> None:
        facts = {"receiver": parcel.receiver.name, "reason": problem, "tries": parcel.tries + 1}
        self._journal.log("notify.given_up", facts | {"title": parcel.facts["title"]})


def _with_ends(plan: Plan, incidents: Mapping[str, Incident], snapshot: Snapshot) -> Plan:
    """Return the plan in which each incident that is over says how things stand now."""
    over = {
        key: replace(watch, incident=replace(watch.incident, ended=ends(snapshot.rows.get(watch.incident.worker))))
        for key, watch in plan.watches.items()
        if watch.incident.worker and key not in incidents
    }
    return replace(plan, watches={**plan.watches, **over}) if over else plan


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return what was told, by receiver and key; nothing where the file is missing or broken."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()) else {}


def _incident(kept: Any) -> Incident | None:
    """Return an incident as the file has it; None where it is broken."""
    try:
        labels = tuple((str(key), str(value)) for key, value in kept["labels"])
        return Incident(**kept | {"occasion": Occasion(kept["occasion"]), "labels": labels})
    except (KeyError, TypeError, ValueError):
        return None
