"""The Supervisor: root of the tree. Owns every other actor, admits workers, keeps the records, carries out orders.

ask: Order, Apply, Plan, Run, GiveInput, ShutDown ──▶ Supervisor ──▶ records file (first), then Workers
Worker ──Changed──▶ standings ──▶ admission ──▶ Admitted | Held
ActorFailed ──▶ one line with the traceback, and a replacement
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors import adoption
from actors.admission import Queue, Standing, blockers, decide, dependencies, has_life, is_living
from actors.adoption import Quarantine, World
from actors.base import FAILURE_WINDOW, FAILURES, ActorFailed, FailureRate, Post, SupervisedActor
from actors.bulletins import (
    Activity,
    Armed,
    Changed,
    ConfigOnDisk,
    Finished,
    HostSeen,
    InputWanted,
    Introduce,
    Lineup,
    PartFailing,
    Revived,
    ServerEnded,
    ServiceNow,
    TmuxAnswers,
)
from actors.errands import Look, LooksDue, Revive
from actors.gates import Gate, Hold
from actors.intents import ENDING, News, as_in_file, as_told, intended, is_news
from actors.leaving import Leaving
from actors.messages import (
    Admitted,
    Handle,
    Held,
    Ordered,
    OrdersLost,
    Pane,
    PaneAbsent,
    PaneSeen,
    ServerDied,
    SpecChanged,
    Verb,
)
from actors.opening import Nursery, Opening, Outcome, Posts
from actors.outbox import Outbox
from actors.ports import Clock, Journal, RecordsFile
from actors.reconcile import changes, scale_notes, why_force
from actors.records import Intent, Record, Scaled
from actors.refusals import (
    refuse_protected,
    refuse_quarantined,
    refuse_to_replace_unknown,
    refuse_to_scale,
    refuse_unknown,
)
from actors.replicas import Family, NoReplica, members, ordered, resolved, together, wanted
from actors.requests import (
    Accepted,
    Action,
    Apply,
    Change,
    ConfigBroken,
    GiveInput,
    Inspect,
    Inspection,
    Order,
    Plan,
    Planned,
    RequestRefused,
    Run,
    Scale,
    ShutDown,
)
from actors.spec import WorkerSpec
from actors.unknown_panes import UnknownPanes
from actors.worker import Birth
from actors.worker_state import State, Step

RETRY = 1.0  # seconds until something that failed is tried again
NO_TMUX = Gate(Hold.TMUX, "waiting for tmux to answer")
ORDER_EXPIRY = 5.0  # seconds after which no order of a lost Terminal can still run inside tmux

@dataclass(frozen=True, slots=True)
class Admit:
    """States have changed: look at the gates."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again what failed: reviving tmux, writing the records, looking for a worker's pane."""


@dataclass(frozen=True, slots=True)
class Found:
    """What tmux says of the pane of a worker whose actor is to be replaced."""

    name: str
    pane: Pane | None


@dataclass(frozen=True, slots=True)
class UnknownSeen:
    """What tmux says of a pane of whose worker nothing is known."""

    name: str
    pane: Pane | None


class SupervisorActor(SupervisedActor):
    """Owns the actors, the standings, the queue and the gates' words, the records file and the order numbers."""

    def __init__(
        self,
        opening: Opening,
        nursery: Nursery,
        posts: Posts,
        clock: Clock,
        journal: Journal,
        records: RecordsFile,
        done: Callable[[Outcome], None],
        owner: Post[Any],
    ) -> None:
        super().__init__(owner, "supervisor")
        self._opening = opening
        self._nursery = nursery
        self._posts = posts
        self._clock = clock
        self._journal = journal
        self._records = records
        self._done = done
        self._config = opening.config
        self._head = opening.records.head
        self._server: Handle | None = opening.survey.server
        self._workers: dict[str, Post[Any]] = {}
        self._standings: dict[str, Standing] = {}
        self._lineup: list[str] = []
        self._held: dict[str, Gate] = {}
        self._unsaid: set[str] = set()  # of the held, those who were not told why
        self._lookups: set[str] = set()
        self._degraded: dict[str, str] = {}
        self._failures: dict[str, FailureRate] = {}
        self._number = opening.number
        self._admitting = False
        self._blind: str | None = None
        self._closing: ShutDown | None = None
        self._living: set[str] = set()  # something of them may live, or nobody knows yet
        self._queue = Queue()
        self._room = opening.room
        self._leaving = Leaving()
        self._outbox = Outbox()
        self._unknown = UnknownPanes({})
        self._unborn: set[str] = set()
        self._opened = False

    # ── the beginning ─────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        opening = self._opening
        self._posts.supervisor.ref = self.actor_ref
        self._posts.terminal.ref = self._nursery.terminal()
        self._posts.ticker.ref = self._nursery.ticker()
        self._posts.metrics.ref = self._nursery.metrics()
        world = self._world(opening)
        self._keep_head(boot_id=opening.boot_id, server=opening.survey.server, clean=False)
        self._nursery.watch_server(opening.survey.server)
        for record in self._known_or_found(opening):
            decision = adoption.plan(record, opening.survey.panes.get(record.spec.name, ()), world)
            self._take_up(record, decision, opening.number)
        if opening.apply:
            self._apply_at_start(opening.apply)
        if self._records.lost:
            self._part_failing(PartFailing("records", self._records.lost))
        self._tell_unknown()
        self._unborn = set(self._workers)
        self._say_opened_when_all_are_born()
        self._tell_lineup()
        self._tell_service()
        if opening.closing:
            self._shut_down(opening.closing)

    def _take_up(self, record: Record, decision: adoption.Decision, number: int) -> None:
        """Give the worker an actor that goes on with what is there; `number`: of the last order that it has heard."""
        birth = _birth(record, decision, self._nursery.seed())
        self._spawn(record, lambda now: _ordered(birth(now), number))
        if isinstance(decision, adoption.Adopt):  # for the half rule and the cap, before it can say so itself
            self._stand(record.spec.name, Standing(State.RUNNING, record))
        elif isinstance(decision, adoption.Leave):  # so that a plan knows what rests
            self._stand(record.spec.name, Standing(decision.state, record))

    def _world(self, opening: Opening) -> World:
        head = opening.records.head
        rebooted = bool(head.boot_id) and head.boot_id != opening.boot_id
        server_died = head.server is not None and head.server != opening.survey.server
        if rebooted or server_died:
            self._say("warning", "service.rebooted" if rebooted else "tmux.died_unwatched", {})
        return World(rebooted, server_died, opening.told)

    def _known_or_found(self, opening: Opening) -> list[Record]:
        """Return the records, and one for each worker of the file that lives though no record knows it."""
        known = list(opening.records.workers)
        names = {record.spec.name for record in known}
        specs = opening.apply.specs if opening.apply else ()
        found = [Record(spec=s) for s in specs if s.name in opening.survey.panes and s.name not in names]
        strange = sorted(opening.survey.panes.keys() - names - {spec.name for spec in specs})
        self._unknown = UnknownPanes({name: opening.survey.panes[name] for name in strange})
        for name in strange:
            panes = ", ".join(pane.id for pane in opening.survey.panes[name])
            self._say("warning", "worker.unknown_pane", {"worker": name, "panes": panes})
        return known + found

    def _take_up_unknown(self, record: Record) -> None:
        """Go on with what lives under this name though nothing was known of it."""
        panes = self._unknown.take(record.spec.name)
        self._take_up(record, adoption.plan(record, panes, World(rebooted=False, server_died=False)), self._number)
        self._tell_unknown()

    def _tell_unknown(self) -> None:
        said = self._unknown.in_words()
        if said != self._degraded.get("unknown panes"):
            self._degraded.pop("unknown panes", None)
            self._part_failing(PartFailing("unknown panes", said))

    def _apply_at_start(self, apply: Apply) -> None:
        try:
            self._apply(apply)
        except RequestRefused as refused:
            self._config_error(refused.message)

    def _say_opened_when_all_are_born(self) -> None:
        if self._opened or self._unborn:
            return
        self._opened = True
        self._nursery.opened()

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────

    def handle(self, message: Any) -> Any:
        handler = self._HANDLERS[type(message)]
        return handler(self, message)

    def _changed(self, changed: Changed) -> None:
        name = changed.name
        known = self._standings.get(name)
        if name not in self._workers:
            return  # the last words of one that is forgotten
        record = self._as_ordered(changed)
        standing = Standing(changed.state, record, changed.rests)
        self._stand(name, standing)
        if not has_life(standing):
            self._leaving.ended(name)
        if known is None or known.record != record:
            self._keep(name, record, durable=is_news(known.record if known else None, record))
        self._queue.note(name, changed.state)
        self._unborn.discard(name)
        self._say_opened_when_all_are_born()
        self._look_at_gates()
        self._go_on_leaving()
        if self._closing:
            self._go_on_closing(name)

    def _as_ordered(self, changed: Changed) -> Record:
        """Return its record, with what was ordered of it and it had not heard yet when it said so."""
        name, record = changed.name, changed.record
        if name in self._standings:
            known = self._standings[name].record
            record = replace(record, by_hand=known.by_hand)
            if changed.state is State.QUARANTINED:
                record = replace(record, intent=known.intent)  # what was wanted of it is not known to it
        unheard = self._outbox.confirm(name, changed.order)
        waiting = self._leaving.waits(name)
        for news in (*unheard, *([waiting] if waiting else [])):
            record = as_told(record, news)
        return record

    def _finished(self, finished: Finished) -> None:
        name = finished.name
        if name not in self._workers:
            return
        record, unheard = self._standings[name].record, self._outbox.take(name)
        if record.intent is not Intent.REMOVED:  # ordered while it was on its way out: it begins anew
            number = max((news.number for news in unheard), default=0)
            seed = self._nursery.seed()
            self._leaving.without(name)
            self._spawn(record, lambda now: _ordered(adoption.anew(record, seed, now), number))
            return
        self._workers.pop(name, None)
        for table in (self._standings, self._held, self._failures):
            table.pop(name, None)
        self._living.discard(name)
        self._outbox.forget(name)
        self._queue.leave(name)
        self._leaving.without(name)
        self._lookups.discard(name)
        if name in self._lineup:
            self._lineup.remove(name)
        self._keep(name, None, durable=True)
        self._tell_lineup()
        self._look_at_gates()
        self._go_on_leaving()
        if self._closing:
            self._go_on_closing(name)

    def _stand(self, name: str, standing: Standing) -> None:
        self._standings[name] = standing
        if has_life(standing) or standing.state is State.UNBORN:
            self._living.add(name)
        else:
            self._living.discard(name)

    # ── admission ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _look_at_gates(self) -> None:
        if not self._admitting:
            self._admitting = True
            self.actor_ref.tell(Admit())

    def _admit(self, _message: Admit) -> None:
        self._admitting = False
        if self._closing:
            return
        gates = decide(self._queue, resolved(self._standings), self._room)
        for name, gate in gates.items():
            self._hold(name, gate) if gate or self._no_tmux() else self._let_in(name)

    def _host_seen(self, seen: HostSeen) -> None:
        """Memory and processes are the gates that open and close without any worker's doing."""
        host, before = seen.host, self._room
        self._room = replace(
            before, memory=host.memory_available_bytes, tasks=host.tasks_free, tasks_limit=host.tasks_limit
        )
        if before.is_short or self._room.is_short:
            self._look_at_gates()
        for name in self._unsaid & self._held.keys():
            self._workers[name].tell(Held(self._held[name]))
        self._unsaid.clear()
        self._look_at_what_is_wrong()

    def _look_at_what_is_wrong(self) -> None:
        """See whether what only a person can settle has been settled."""
        for name in self._unknown:
            self._ask_of_unknown(name)
        if "records" in self._degraded and not (self._records.failing or self._records.lost):
            self._part_failing(PartFailing("records", None))

    def _ask_of_unknown(self, name: str) -> None:
        tell = self.tell_me
        answer = lambda fact: tell(UnknownSeen(name, _pane_of(fact)))  # noqa: E731
        self._posts.terminal.tell(Look(name, None, False, answer))

    def _unknown_seen(self, seen: UnknownSeen) -> None:
        self._unknown.seen(seen.name, seen.pane)
        self._tell_unknown()

    def _no_tmux(self) -> bool:
        return self._server is None or self._blind is not None

    def _let_in(self, name: str) -> None:
        self._held.pop(name, None)
        self._stand(name, replace(self._standings[name], state=State.STARTING))
        self._workers[name].tell(Admitted())

    def _hold(self, name: str, gate: Gate | None) -> None:
        gate = gate or NO_TMUX
        if self._held.get(name) == gate:
            return
        self._held[name] = gate
        if gate.passes:
            self._unsaid.add(name)  # until the next health beat: most are let in before
        else:
            self._workers[name].tell(Held(gate))

    # ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, order: Order) -> Accepted:
        self._refuse_if_closing()
        if order.choose:
            specs = [self._standings[name].record.spec for name in self._lineup if name in self._standings]
            order = replace(order, names=order.choose(specs, self._unknown.living if order.verb is Verb.REMOVE else ()))
        for name in order.names if order.verb is Verb.REMOVE else ():
            self._enlist_to_remove(name)
        refuse_unknown(order.names, self._standings)
        if not order.force:
            refuse_protected(order, self._standings)
            refuse_quarantined(order, self._standings)
        return self._carry_out(order.verb, order.names)

    def _enlist_to_remove(self, name: str) -> None:
        """Make a worker of an unknown pane, which is ours by its mark, so that it is ended like any other."""
        if name in self._unknown and name not in self._standings:
            spec = WorkerSpec(name=name, command=("true",), cwd="/")
            record = Record(spec=spec, by_hand=True, intent=Intent.REMOVED)
            self._keep(name, record, durable=True)
            self._take_up_unknown(record)
            self._tell_lineup()

    def _carry_out(self, verb: Verb, names: tuple[str, ...]) -> Accepted:
        """What a person ordered is on disk before it is answered."""
        self._number += 1
        order = Ordered(verb, self._number)
        self._remember_all({name: intended(self._standings[name].record, verb) for name in names}, durable=True)
        for name in names:
            self._held.pop(name, None)
        if verb in ENDING:
            self._let_go(names, order)
        else:
            self._leaving.without(*names)
            for name in names:
                self._tell_order(name, order)
        return self._accepted(names)

    def _accepted(self, names: tuple[str, ...], changes: tuple[Change, ...] = ()) -> Accepted:
        """Answer an order, once what it left to remember is on disk or can't be."""
        if self._records.failing:
            self._repair_records()  # it may have been for a moment only
        return Accepted(self._number, names, changes, self._records.failing)

    def _let_go(self, names: Sequence[str], order: Ordered) -> None:
        """Have these end, dependants first."""
        if names:
            self._leaving.join(names, order, resolved(self._standings))
        self._go_on_leaving()

    def _go_on_leaving(self) -> None:
        """Tell those to end whom nobody that is leaving needs any more."""
        for name, order in self._leaving.due().items():
            if name in self._workers:
                self._tell_order(name, order)

    def _tell_order(self, name: str, news: News) -> None:
        self._outbox.add(name, news)
        self._workers[name].tell(news)

    def _remember(self, name: str, record: Record, *, durable: bool) -> None:
        self._remember_all({name: record}, durable=durable)

    def _remember_all(self, records: Mapping[str, Record], *, durable: bool) -> None:
        news = {name: record for name, record in records.items() if record != self._standings[name].record}
        for name, record in news.items():
            self._stand(name, replace(self._standings[name], record=record))
        if news:
            self._keep_all(news, durable=durable)

    def _run(self, run: Run) -> Accepted:
        self._refuse_if_closing()
        name = run.spec.name
        if name in self._standings:
            raise RequestRefused(
                "conflict",
                f"a worker is called {name} already (it is {self._standings[name].state}): take another name, "
                f"or `panevisor remove {name}` first",
            )
        if replicas := members(name, self._standings):
            raise RequestRefused("conflict", f"{name} is a family, of {', '.join(replicas[:3])} …: take another name")
        refuse_to_replace_unknown(run.spec, self._unknown.of(name))
        self._number += 1
        number, seed = self._number, self._nursery.seed()
        record = Record(spec=run.spec, by_hand=True)
        self._keep(name, record, durable=True)
        if name in self._unknown:
            self._take_up_unknown(record)
        else:
            self._spawn(record, lambda now: _ordered(adoption.define(run.spec, seed, now, "run"), number))
        self._tell_lineup()
        self._look_at_gates()
        return self._accepted((name,))

    def _give_input(self, given: GiveInput) -> Accepted:
        refuse_unknown((given.name,), self._standings)
        self._workers[given.name].tell(InputWanted(given.content, given.keys, given.answered, given.until))
        return Accepted(self._number, (given.name,))

    def _inspect(self, asked: Inspect) -> Inspection:
        refuse_unknown((asked.name,), self._standings)
        standing = self._standings[asked.name]
        spec, standings = standing.record.spec, resolved(self._standings)
        return Inspection(
            spec=spec,
            intent=standing.record.intent,
            gate=self._held.get(asked.name) if standing.state is State.PENDING else None,
            dependencies=dependencies(standings[asked.name].record.spec, standings),
            blockers=blockers(asked.name, standings),
            closing=self._closing is not None,
        )

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise RequestRefused("shutting-down", "the service is shutting down")

    # ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _apply_asked(self, apply: Apply) -> Accepted:
        self._refuse_if_closing()
        accepted = self._apply(apply)
        self._tell_lineup()
        return accepted

    def _plan(self, plan: Plan) -> Planned:
        specs, kept = self._wanted(plan.specs, plan.families)
        planned = changes(specs, self._standings)
        notes = scale_notes(self._head.scaled, kept)
        return Planned((*planned, *notes), why_force(planned, self._standings))

    def _wanted(
        self, specs: tuple[WorkerSpec, ...], families: tuple[Family, ...]
    ) -> tuple[tuple[WorkerSpec, ...], tuple[Scaled, ...]]:
        try:
            return wanted(specs, families, self._head.scaled)
        except NoReplica as fault:
            raise RequestRefused("config", str(fault)) from None

    def _apply(self, apply: Apply) -> Accepted:
        wanted_specs, kept = self._wanted(apply.specs, apply.families)
        planned = changes(wanted_specs, self._standings)
        refusal = None if apply.force else why_force(planned, self._standings)
        if refusal:
            raise RequestRefused("not-permitted", refusal)
        self._number += 1
        specs = {spec.name: spec for spec in wanted_specs}
        for change in planned:
            if change.action is not Action.STOP:
                self._carry_out_change(change, specs[change.name])
        self._forget_all(tuple(change.name for change in planned if change.action is Action.STOP))
        others = [name for name in self._lineup if name not in specs]
        self._lineup = [*specs, *others]
        notes = scale_notes(self._head.scaled, kept)
        self._config_applied(apply, planned, kept)
        self._look_at_gates()
        return self._accepted(tuple(specs), (*planned, *notes))

    def _carry_out_change(self, change: Change, spec: WorkerSpec) -> None:
        name, number = change.name, self._number
        if change.action is Action.CREATE and name in self._unknown:
            self._take_up_unknown(Record(spec=spec))
            return
        if change.action is Action.CREATE:
            seed = self._nursery.seed()
            self._spawn(Record(spec=spec), lambda now: _ordered(adoption.define(spec, seed, now), number))
            return
        known = self._standings[name].record
        if known.intent is Intent.REMOVED:  # what was ordered otherwise of it stays
            self._leaving.without(name)
        self._remember(name, as_in_file(known, spec, change.action), durable=False)
        self._tell_order(name, SpecChanged(spec, number))

    def _forget_all(self, names: tuple[str, ...]) -> None:
        """Those that are not in the file any more leave; dependants first."""
        gone = {name: intended(self._standings[name].record, Verb.REMOVE) for name in names}
        self._remember_all(gone, durable=False)
        self._let_go(names, Ordered(Verb.REMOVE, self._number))

    def _config_applied(self, apply: Apply, planned: tuple[Change, ...], scaled: tuple[Scaled, ...]) -> None:
        now = self._clock.now().wall
        self._config = replace(
            self._config, digest=apply.config_digest, loaded_at=now, changed_on_disk=False, error=None
        )
        # with fsync: what was kept before is on disk, too
        self._keep_head(config_digest=apply.config_digest, scaled=scaled)
        counts: dict[str, int] = {}
        for change in planned:
            counts[change.action] = counts.get(change.action, 0) + 1
        later = {"next_start": list(apply.next_start)} if apply.next_start else {}
        self._say("info", "config.applied", {"digest": apply.config_digest, **counts, **later})
        self._tell_service()

    # ── families ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _scale(self, scale: Scale) -> Accepted:
        self._refuse_if_closing()
        family, there = scale.family, members(scale.family.name, self._standings)
        try:
            specs = {spec.name: spec for spec in family.specs(scale.count)}
        except NoReplica as fault:
            raise RequestRefused("config", str(fault)) from None
        gone = tuple(name for name in reversed(there) if name not in specs)
        refuse_to_scale(specs, there, self._standings)
        if not scale.force:
            refuse_protected(Order(Verb.REMOVE, gone), self._standings)
        self._number += 1
        new = tuple(name for name in specs if name not in there or self._is_leaving(name))
        for name in new:
            action = Action.POLICY if name in there else Action.CREATE
            self._carry_out_change(Change(name, action), specs[name])
        self._forget_all(gone)
        self._lineup = together(self._lineup, (*specs, *gone))
        order = Scaled(family.name, scale.count, family.replicas)
        self._keep_head(scaled=ordered(self._head.scaled, order))  # with fsync, as after apply
        if new or gone:
            self._say("info", "workers.scaled", {"family": family.name, "replicas": scale.count, "before": len(there)})
        self._tell_lineup()
        self._look_at_gates()
        made = tuple(Change(name, Action.CREATE) for name in new)
        return self._accepted(new, made + tuple(Change(name, Action.STOP) for name in gone))

    def _is_leaving(self, name: str) -> bool:
        return self._standings[name].record.intent is Intent.REMOVED

    def _config_broken(self, broken: ConfigBroken) -> None:
        self._config_error(broken.error)

    def _config_error(self, error: str) -> None:
        if self._config.error != error:
            self._config = replace(self._config, error=error)
            self._say("error", "config.error", {"error": error})
            self._tell_service()

    def _config_on_disk(self, on_disk: ConfigOnDisk) -> None:
        if self._config.changed_on_disk is not on_disk.changed:
            self._config = replace(self._config, changed_on_disk=on_disk.changed)
            self._tell_service()

    # ── tmux ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tmux_answers(self, answers: TmuxAnswers) -> None:
        if answers.reason is not None and (not self._closing or self._living):
            self._say("error", "tmux.unreachable", {"reason": answers.reason})
            self._posts.terminal.tell(Revive())
        elif self._blind is not None:
            self._say("warning", "tmux.answers", {"after": self._blind})
            self._posts.terminal.tell(LooksDue())
        self._blind = answers.reason
        self._tell_service()
        self._look_at_gates()

    def _server_ended(self, ended: ServerEnded) -> None:
        if ended.server != self._server:
            return
        self._server = None
        self._say("error", "tmux.died", {"pid": ended.server.pid, "workers": len(self._workers)})
        for name in self._lineup:
            if name in self._standings and is_living(self._standings[name].state):
                self._queue.note(name, State.PENDING)  # in the order of their definition, however they hear of it
        for worker in self._workers.values():
            worker.tell(ServerDied())
        if not self._closing or self._living:
            self._posts.terminal.tell(Revive())
        self._tell_service()

    def _revived(self, revived: Revived) -> None:
        if revived.server is None:
            self._retry_later()
            return
        if self._server not in (None, revived.server):
            self._server_ended(ServerEnded(self._server))
        if self._server is None:
            self._server = revived.server
            self._keep_head(server=revived.server)
            self._nursery.watch_server(revived.server)
            self._say("warning", "tmux.started", {"pid": revived.server.pid})
        self._tell_service()
        self._look_at_gates()

    # ── actors that fail ──────────────────────────────────────────────────────────────────────────────────────────

    def _actor_failed(self, failed: ActorFailed) -> None:
        self._say("error", "actor.failed", failed.facts())
        rate = self._failures.setdefault(failed.worker or f"/{failed.role}", FailureRate())
        if rate.is_too_much(self._clock.now().mono):
            self._give_up_on(failed)
        elif failed.worker is not None:
            self._outbox.drop_what_killed(failed.worker, failed.handling, first=rate.count == 1)
            self._lookups.add(failed.worker)
            self._look_up(failed.worker)
        else:
            self._replace(failed.role)

    def _give_up_on(self, failed: ActorFailed) -> None:
        what = f"the {failed.role} actor failed {FAILURES + 1} times within {FAILURE_WINDOW:g} s"
        if failed.worker is None:
            self._done(Outcome("actor-failed", end_server=False, error=f"{what}: {failed.error}"))
            return
        record = self._standings[failed.worker].record
        self._spawn(record, _birth(record, Quarantine(f"{what}: {failed.error}"), self._nursery.seed()))

    def _replace(self, role: str) -> None:
        everyone = list(self._workers.values())
        match role:
            case "terminal":
                self._posts.terminal.ref = self._nursery.terminal()
                for worker in everyone:
                    worker.tell(OrdersLost(self._clock.now().mono + ORDER_EXPIRY))
            case "ticker":
                self._posts.ticker.ref = self._nursery.ticker()
                self._posts.metrics.tell(Introduce())
            case "metrics":
                self._posts.metrics.ref = self._nursery.metrics()
                self._tell_lineup()
                self._tell_service()
        if role in ("ticker", "metrics"):
            for worker in everyone:
                worker.tell(Introduce())
        if self._no_tmux() or self._lookups or self._records.failing:
            self._retry_later()

    def _look_up(self, name: str) -> None:
        tell = self.tell_me
        answer = lambda fact: tell(Found(name, _pane_of(fact)))  # noqa: E731
        self._posts.terminal.tell(Look(name, None, False, answer, drop_start=True))
        self._retry_later()

    def _found(self, found: Found) -> None:
        """A replaced Worker adopts its living pane."""
        if found.name not in self._lookups:
            return
        name = found.name
        self._lookups.discard(name)
        record = self._standings[name].record
        panes = (found.pane,) if found.pane else ()
        decision = adoption.plan(record, panes, World(rebooted=False, server_died=False))
        self._take_up(record, decision, self._outbox.heard(name))
        for news in self._outbox.unheard(name):
            self._workers[name].tell(news)
        if self._closing:  # its record says nothing of that: it has to be told again
            self._leaving.without(name)
            self._go_on_closing()

    def _retry_later(self) -> None:
        at = self._clock.now().mono + RETRY
        self._posts.ticker.tell(Armed(at, "supervisor:retry", lambda _woken: self.tell_me(Retry())))

    def _retry(self, _message: Retry) -> None:
        for name in self._lookups:
            self._look_up(name)
        if self._server is None:
            self._posts.terminal.tell(Revive())
        if self._records.failing:
            self._repair_records()

    # ── ending ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _shut_down(self, order: ShutDown) -> None:
        if self._closing and not order.keep_workers:
            return
        self._closing = order
        keeps = "kept" if order.keep_workers else "stopped"
        self._nursery.closing(order)
        self._say("info", "service.stopping", {"cause": order.cause, "workers": keeps})
        self._go_on_closing()

    def _go_on_closing(self, *changed: str) -> None:
        """End whoever of these lives (none are given: of all), and with the last one the service."""
        assert self._closing is not None
        living = set() if self._closing.keep_workers else self._living
        fresh = [name for name in changed or self._standings if name in living and name not in self._leaving]
        self._let_go(fresh, Ordered(Verb.DOWN, self._number))
        if not living:
            strangers = any(standing.state is State.QUARANTINED for standing in self._standings.values())
            end_server = not self._closing.keep_workers and not strangers  # what is quarantined is never signalled
            self._keep_head(clean=True, server=None if end_server else self._server)  # the next finds it gone, or ours
            self._done(Outcome(self._closing.cause, end_server=end_server))

    # ── what is remembered and said ───────────────────────────────────────────────────────────────────────────────

    def _spawn(self, record: Record, birth: Birth) -> None:
        name = record.spec.name
        if name not in self._standings:
            self._keep(name, record, durable=False)
        self._stand(name, Standing(State.UNBORN, record))
        self._queue.note(name, State.UNBORN)
        self._held.pop(name, None)  # the new actor was told nothing
        if name not in self._lineup:
            self._lineup.append(name)
        post: Post[Any] = Post()
        post.ref = self._nursery.worker(name, birth)
        self._workers[name] = post

    def _keep(self, name: str, record: Record | None, *, durable: bool) -> None:
        self._keep_all({name: record}, durable=durable)

    def _keep_all(self, changes: Mapping[str, Record | None], *, durable: bool) -> None:
        self._records.keep_all(changes, durable=durable)
        self._look_at_records()

    def _keep_head(self, **news: Any) -> None:
        self._head = replace(self._head, **news)
        self._records.keep_head(self._head)
        self._look_at_records()

    def _look_at_records(self) -> None:
        if not self._records.failing:
            return
        if self._degraded.get("records") != self._records.failing:
            self._degraded.pop("records", None)  # what a damaged file had lost, perhaps
            self._part_failing(PartFailing("records", self._records.failing))
            self._retry_later()

    def _repair_records(self) -> None:
        self._records.repair([standing.record for standing in self._standings.values()], self._head)
        if self._records.failing:
            self._retry_later()
        else:
            self._part_failing(PartFailing("records", None))
            self._part_failing(PartFailing("records", self._records.lost))

    def _part_failing(self, failing: PartFailing) -> None:
        if failing.reason is None and failing.what in self._degraded:
            del self._degraded[failing.what]
            self._say("warning", "service.recovered", {"what": failing.what})
        elif failing.reason is not None and failing.what not in self._degraded:
            self._degraded[failing.what] = failing.reason
            self._say("error", "service.degraded", {"what": failing.what, "reason": failing.reason})
        self._tell_service()

    def _tell_service(self) -> None:
        tmux = "unreachable" if self._no_tmux() else "ok"
        degraded = tuple(f"{what}: {reason}" for what, reason in self._degraded.items())
        self._posts.metrics.tell(ServiceNow(tmux, degraded, self._config))

    def _tell_lineup(self) -> None:
        self._posts.metrics.tell(Lineup(tuple(self._lineup)))

    def _say(self, level: str, event: str, facts: Mapping[str, Any]) -> None:
        self._journal.log(level, event, facts)
        shown = {key: value for key, value in facts.items() if key != "traceback"}
        self._posts.metrics.tell(Activity(self._clock.now().wall, event, level, shown))

    _HANDLERS: Mapping[type, Callable[..., Any]] = {
        Changed: _changed,
        Finished: _finished,
        Admit: _admit,
        Order: _order,
        Inspect: _inspect,
        Apply: _apply_asked,
        Plan: _plan,
        Run: _run,
        Scale: _scale,
        GiveInput: _give_input,
        ConfigBroken: _config_broken,
        ConfigOnDisk: _config_on_disk,
        HostSeen: _host_seen,
        ShutDown: _shut_down,
        TmuxAnswers: _tmux_answers,
        ServerEnded: _server_ended,
        Revived: _revived,
        ActorFailed: _actor_failed,
        Found: _found,
        UnknownSeen: _unknown_seen,
        Retry: _retry,
        PartFailing: _part_failing,
    }


def _birth(record: Record, decision: adoption.Decision, seed: str) -> Birth:
    return lambda now: adoption.born(record, decision, seed, now)


def _ordered(step: Step, number: int) -> Step:
    worker, effects = step
    return replace(worker, order=number), effects


def _pane_of(fact: PaneSeen | PaneAbsent) -> Pane | None:
    return fact.pane if isinstance(fact, PaneSeen) else None
