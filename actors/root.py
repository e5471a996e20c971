"""The Supervisor: the root actor. It owns every other actor, and carries messages to `roster.step`. It decides nothing.

    ask: Order, Apply, Plan, Run, GiveInput, ShutDown ─┐
    Worker ──Changed, Finished──▶                      ├─▶ step ──▶ roster′, effects ──▶ records file (first), Workers,
    tmux, machine, parts of the service ──▶            ┘                                Terminal, Metrics, the log

A Worker actor that fails is replaced. The others are crash-only: when one fails, the service ends, the workers live on,
and the next service adopts them.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any, assert_never

import pykka

from actors.base import Post, SupervisedActor
from actors.crowd import effects as do
from actors.crowd.opening import Opening, open_with
from actors.crowd.roster import step
from actors.crowd.turn import Roster
from actors.crowd.workers import RETRY, Found, Retry
from actors.errands import Look, LooksDue, Revive
from actors.frozen import frozen
from actors.life import adoption
from actors.life.state import Step
from actors.ports import Clock, Journal, RecordsFile
from actors.values.bulletins import Activity, ActorFailed, Armed, PartFailing
from actors.values.facts import Fact, Handle, Instant, Pane, PaneSeen
from actors.values.requests import Accepted, ShutDown
from actors.worker import Birth


@frozen(kw_only=True)
class Posts:
    """Where the singletons are told things; the Supervisor fills them."""

    supervisor: Post[Any]
    terminal: Post[Any]
    ticker: Post[Any]
    metrics: Post[Any]


@frozen(kw_only=True)
class Factories:
    """How each actor is started, and what the service wants to hear; `build` and `service` fill it."""

    terminal: Callable[[], pykka.ActorRef[Any]]
    ticker: Callable[[], pykka.ActorRef[Any]]
    metrics: Callable[[], pykka.ActorRef[Any]]
    worker: Callable[[str, Birth], pykka.ActorRef[Any]]
    seed: Callable[[], str]
    watch_server: Callable[[int, Handle], None]
    opened: Callable[[], None]
    closing: Callable[[ShutDown], None]


@frozen
class Outcome:
    """Why the Supervisor is done. `end_server`: the tmux server ends, too. `error`: an actor failed."""

    cause: str
    end_server: bool
    error: str | None = None


class SupervisorActor(SupervisedActor):
    """Owns the roster, the Worker actors and the records file."""

    def __init__(
        self,
        opening: Opening,
        factories: Factories,
        posts: Posts,
        clock: Clock,
        journal: Journal,
        records: RecordsFile,
        done: Callable[[Outcome], None],
        owner: Post[Any],
    ) -> None:
        super().__init__(owner, "supervisor")
        self._opening = opening
        self._factories = factories
        self._posts = posts
        self._clock = clock
        self._journal = journal
        self._records = records
        self._done = done
        self._workers: dict[str, Post[Any]] = {}
        self._roster: Roster

    def begin(self) -> None:
        self._posts.supervisor.ref = self.actor_ref
        self._posts.terminal.ref = self._factories.terminal()
        self._posts.ticker.ref = self._factories.ticker()
        self._posts.metrics.ref = self._factories.metrics()
        opening = replace(self._opening, lost=self._records.lost)
        del self._opening  # with all records, and all panes of the survey
        self._become(*open_with(opening, self._clock.now()))

    def handle(self, message: Any) -> Any:
        if isinstance(message, ActorFailed) and message.worker is None:
            return self._end_for(message)
        return self._become(*step(self._roster, message, self._clock.now()))

    def _become(self, roster: Roster, effects: tuple[do.Effect, ...]) -> Any:
        """Carry out the effects in their order, and return the answer to a question."""
        self._roster = roster
        answer = None
        for kind, group in groupby(effects, key=type):
            if kind is do.Keep:
                self._keep(list(group))  # type: ignore[arg-type]
            elif kind is do.Answer:
                (answer,) = (effect.value for effect in group)  # type: ignore[union-attr]
            else:
                for effect in group:
                    self._carry_out(effect)
        self._look_at_records()
        return self._with_records(answer) if isinstance(answer, Accepted) else answer

    def _carry_out(self, effect: do.Effect) -> None:
        match effect:
            case do.KeepHead(head):
                self._records.keep_head(head)
            case do.Repair():
                if self._records.failing:
                    self._repair()
            case do.Spawn():
                self._spawn(effect)
            case do.Drop(name):
                self._workers.pop(name, None)
            case do.Tell(name, message):
                self._workers[name].tell(message)
            case do.Say():
                self._say(effect)
            case do.Show(message):
                self._posts.metrics.tell(message)
            case do.FindServers(least):
                self._posts.terminal.tell(Revive(least))
            case do.AnswerLooks():
                self._posts.terminal.tell(LooksDue())
            case do.WatchServer(number, server):
                self._factories.watch_server(number, server)
            case do.LookFor():
                self._look_for(effect)
            case do.LookAtRecords():
                self.tell_me(PartFailing("records", self._records.failing or self._records.lost))
            case do.RetryLater():
                self._retry_later()
            case do.Opened():
                self._factories.opened()
            case do.Closing(order):
                self._factories.closing(order)
            case do.Done(cause, end_server):
                self._done(Outcome(cause, end_server))
            case do.Keep() | do.Answer():
                pass  # `_become` does them
            case _:
                assert_never(effect)

    # ── actors ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, spawn: do.Spawn) -> None:
        """Start a Worker actor; it replaces a failed one of the same name."""
        post: Post[Any] = Post()
        post.ref = self._factories.worker(spawn.record.spec.name, _birth(spawn, self._factories.seed()))
        self._workers[spawn.record.spec.name] = post

    def _end_for(self, failed: ActorFailed) -> None:
        self._journal.log("actor.failed", failed.facts())
        self._done(Outcome("actor-failed", end_server=False, error=f"the {failed.role} actor failed: {failed.error}"))

    def _look_for(self, look: do.LookFor) -> None:
        tell, name = self.tell_me, look.name
        answer = lambda fact: tell(Found(name, _pane_of(fact)))  # noqa: E731
        self._posts.terminal.tell(Look(name, None, False, answer, drop_start=look.drop_start))

    def _retry_later(self) -> None:
        at = self._clock.now().mono + RETRY
        self._posts.ticker.tell(Armed(at, "supervisor:retry", lambda _woken: self.tell_me(Retry())))

    # ── records ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, kept: list[do.Keep]) -> None:
        """Write them together, with one wait for the disk."""
        self._records.keep_all({each.name: each.record for each in kept}, durable=any(each.durable for each in kept))

    def _with_records(self, accepted: Accepted) -> Accepted:
        """Answer an order when its records are on disk, or when they cannot be written."""
        if self._records.failing:
            self._repair()  # the disk may have recovered
        return replace(accepted, unrecorded=self._records.failing)

    def _look_at_records(self) -> None:
        failing = self._records.failing
        if failing and dict(self._roster.degraded).get("records") != failing:
            self.tell_me(PartFailing("records", failing))
            self._retry_later()

    def _repair(self) -> None:
        self._records.repair([member.record for member in self._roster.crowd.values()], self._roster.head)
        if self._records.failing:
            self._retry_later()
        else:
            self.tell_me(PartFailing("records", self._records.lost))

    # ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, say: do.Say) -> None:
        self._journal.log(say.event, dict(say.facts))
        shown = {key: value for key, value in say.facts.items() if key != "traceback"}
        self._posts.metrics.tell(Activity(self._clock.now().wall, say.event, shown))


def _birth(spawn: do.Spawn, seed: str) -> Birth:
    def birth(now: Instant) -> Step:
        match spawn.birth:
            case do.Define(cause):
                worker, effects = adoption.define(spawn.record.spec, seed, now, cause)
            case do.Redefine():
                worker, effects = adoption.again(spawn.record, seed, now)
            case decision:
                worker, effects = adoption.born(spawn.record, decision, seed, now)
        return replace(worker, order=spawn.number), effects

    return birth


def _pane_of(fact: Fact) -> Pane | None:
    return fact.pane if isinstance(fact, PaneSeen) else None
