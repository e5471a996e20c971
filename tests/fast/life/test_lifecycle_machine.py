"""The state machine of one worker against a small world: tmux, a kernel, a person, and messages that come late.

    worker ──Start, AskPane, EndTree──▶ World ──answers: at once, late, stale, lost──▶ worker

The world knows the truth: which processes live, which orders can still be carried out. The invariants compare.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kit.examples import examples
from kit.life import pane_of

from actors.events.table import faults_in
from actors.life.adoption import define
from actors.life.machine import due, step
from actors.life.state import Goal, Phase, State, Worker
from actors.life.typed_input import reader, tries_at, will_run
from actors.life.typing_queue import PIECE
from actors.values import effects as do
from actors.values import facts
from actors.values.facts import NO_SENDER
from actors.values.spec import (
    Background,
    Backoff,
    Do,
    ExitAction,
    ExitRule,
    Limit,
    Limits,
    Live,
    Ready,
    Restart,
    Rung,
    Stall,
    TypeKeys,
    TypeText,
    Window,
    WorkerSpec,
)
from actors.values.typing import Manner, Sight

S = State
RESTING = {S.STOPPED, S.COMPLETED, S.FAILED, S.QUARANTINED, S.REMOVED}
EXPIRY = 5.0
ORDER_DEADLINE = 30.0  # the Terminal answers every order before this

LADDER = (
    Rung(do="notify"),
    Rung(do="send", wait=1.0, text="go on"),
    Rung(do="interrupt", wait=1.0),
    Rung(do="restart", wait=3.0),
)

POLICIES = st.builds(
    lambda restart, most, ready, live, stop, stall, limits, retry, window, on_exit, background: WorkerSpec(
        name="api",
        command=("serve",),
        cwd="/",
        restart=restart,
        max_restarts=most,
        ready=ready,
        live=live,
        stop=stop,
        stall=stall,
        limits=limits,
        healthy_after=20.0,
        cleanup_after=3.0,
        backoff=Backoff(initial=1.0, max=8.0, jitter=0.0),
        retry=retry,
        max_restarts_in=window,
        on_exit=on_exit,
        background=background,
    ),
    st.sampled_from(Restart),
    st.sampled_from([-1, 0, 1, 3]),
    st.sampled_from(
        [
            Ready(),
            Ready(delay=2.0, timeout=6.0),
            Ready(tcp="127.0.0.1:1", timeout=6.0),
            Ready(tcp="127.0.0.1:1", delay=2.0, timeout=6.0, successes=2, failures=2),
        ]
    ),
    st.sampled_from([Live(), Live(tcp="127.0.0.1:1", failures=2), Live(log="x", failures=1, do=Do.NOTIFY)]),
    st.sampled_from(
        [
            ("TERM", 4.0, "KILL"),
            ("KILL",),
            ("INT", 0.0, "TERM", 1.0, "KILL"),
            (TypeKeys(("C-c",)), 2.0, TypeText("exit"), 3.0, "TERM", 4.0, "KILL"),
            (TypeText("exit"), 0.0, "TERM", 1.0, TypeKeys(("q",)), 1.0, "KILL"),
        ]
    ),
    st.sampled_from([Stall(), Stall(after=3.0, ladder=LADDER), Stall(after=3.0, by="screen", ladder=LADDER[:-1])]),
    st.sampled_from([Limits(), Limits(processes=Limit(2)), Limits(age=Limit(15.0))]),
    st.sampled_from([None, None, 12.0]),
    st.sampled_from([None, Window(2, 15.0)]),
    st.sampled_from([(), (), *((ExitRule(do=action, codes=(0, 1), signals=(9,)),) for action in ExitAction)]),
    st.sampled_from(Background),
)


def never_ended(spec: WorkerSpec) -> WorkerSpec:
    """Return the spec of a worker that comes to rest: neither silence nor age ends it."""
    return replace(spec, stall=Stall(), limits=Limits())


@dataclass
class Held:
    """A start that tmux may still carry out: until `until`, or until it is answered."""

    order: do.Start
    given: float
    until: float | None = None


@dataclass
class World:
    """One tmux server and one kernel, as far as this worker is concerned."""

    panes: int = 0
    pids: int = 100
    pane: facts.Pane | None = None
    lives: dict[str, set[facts.Handle]] = field(default_factory=dict)
    owed: tuple[int | None, int | None] | None = None  # a status that tmux has not read yet
    foreign: bool = False  # a session of this name that is not ours
    orders: list[Held] = field(default_factory=list)
    asks: list[do.AskPane] = field(default_factory=list)
    ending: set[str] = field(default_factory=set)
    probing: str | None = None
    purpose: facts.Purpose = facts.Purpose.READY
    watched: do.Watch | None = None
    typing: list[do.Type | do.LookAtInput] = field(default_factory=list)
    mail: list[facts.Fact] = field(default_factory=list)  # told by others; each may come late
    late: list[facts.Fact] = field(default_factory=list)  # what was seen of panes and trees

    @property
    def owed_starts(self) -> list[Held]:
        """The starts that the Terminal has not answered."""
        return [held for held in self.orders if held.until is None]

    @property
    def living(self) -> set[str]:
        return {life for life, handles in self.lives.items() if handles}

    def spawn(self, life: str, children: int) -> facts.Handle:
        first = facts.Handle(self.pids, self.pids)
        self.lives.setdefault(life, set()).update(facts.Handle(self.pids + n, self.pids) for n in range(children + 1))
        self.pids += 10
        return first

    def kill(self, handle: facts.Handle, code: int | None, signal: int | None, *, told: bool = True) -> None:
        """A process ends: if it is the pane's, the pane dies, and tmux may owe the status."""
        for life, handles in self.lives.items():
            handles.discard(handle)
            if not handles and life in self.ending:
                self.ending.discard(life)
                self.mail.append(facts.TreeGone(life))
        if self.pane and self.pane.process == handle and not self.pane.dead:
            self.pane = replace(self.pane, dead=True)
            self.owed = (code, signal)
        if self.watched and self.watched.process == handle and told:
            self.mail.append(facts.ProcessEnded(self.watched.life))

    def settle_status(self) -> None:
        if self.pane and self.owed:
            code, signal = self.owed
            self.pane, self.owed = replace(self.pane, status=code, signal=signal, dead_at=1.0), None

    def look(self, taken: float, pane: str | None) -> facts.Fact:
        seen = self.pane if pane is None or (self.pane and self.pane.id == pane) else None
        return facts.PaneSeen(taken, seen) if seen else facts.PaneAbsent(taken)

    def carry_out(self, order: do.Start, children: int) -> facts.Fact:
        if self.foreign:
            return facts.StartRefused(order.life, facts.Refusal.NAME_TAKEN, "a session of that name exists")
        if order.pane is None and self.pane:
            raise AssertionError("a start beside our own pane would quarantine the worker")
        if order.pane and (self.pane is None or self.pane.id != order.pane):
            return facts.StartRefused(order.life, facts.Refusal.PANE_GONE, "no such pane")
        if self.pane and not self.pane.dead:
            return facts.StartRefused(order.life, facts.Refusal.UNREACHABLE, "still active")
        first = self.spawn(order.life, children)
        if self.pane is None:
            self.panes += 1
        pane = f"%{self.panes}" if self.pane is None else self.pane.id
        seen = {"process": first, "activity": 0, "columns": 80, "rows": 24, "digest": order.spec.digest}
        self.pane = pane_of(order.life, first.pid, id=pane, **seen)
        self.owed = None
        return facts.Started(order.life, self.pane.id, first)


def types(order: do.Type | do.LookAtInput) -> bool:
    """Whether this order types something; a look can be given up while it is under way."""
    return isinstance(order, do.Type) and bool(order.content or order.keys)


class OneWorker(RuleBasedStateMachine):
    """Hypothesis plays the world, the person, and the post."""

    @initialize(spec=POLICIES)
    def define(self, spec: WorkerSpec) -> None:
        self.now = 1000.0
        self.world = World()
        self.may_not_start = False
        self.ended = False
        self.spawned: list[str] = []
        self.forgotten: list[str] = []
        self.given = 0
        self.acknowledged: list[int] = []
        self.typed: list[int] = []
        self.keys: set[int] = set()
        self.w, _ = define(spec, "s", self.instant)

    @property
    def instant(self) -> facts.Instant:
        return facts.Instant(self.now, 1e9 + self.now)

    # the worker is told, and what it wants is noted

    def tell(self, fact: facts.Fact) -> None:
        if self.ended:
            return
        self.now += 0.01
        before, (self.w, effects) = self.w, step(self.w, fact, self.instant)
        self.check_lines(before, effects)
        if self.w.budget.attempt > before.budget.attempt:
            self.check_charge(before)
        for effect in effects:
            self.carry(effect)

    def check_charge(self, before: Worker) -> None:
        """A restart past what the policy allows is in the slow lane, and the window is never overfull."""
        policy, budget = before.spec, self.w.budget
        if not budget.slow:
            assert policy.max_restarts < 0 or budget.attempt <= policy.max_restarts
        else:
            assert policy.retry is not None
            assert self.w.next_start is not None
            assert self.w.next_start.mono == self.now + policy.retry
        assert len(budget.recent) <= (policy.max_restarts_in.restarts if policy.max_restarts_in else 0)

    def check_lines(self, before: Worker, effects: tuple[do.Effect, ...]) -> None:
        was: str = before.state
        for effect in effects:
            assert not isinstance(effect, do.Emit) or not faults_in(effect.event, effect.facts)
            if isinstance(effect, do.Emit) and effect.transition:
                assert effect.transition[0] == was
                was = effect.transition[1]
        assert was == self.w.state

    def carry(self, effect: do.Effect) -> None:
        world = self.world
        match effect:
            case do.Start(life):
                self.check_start(life)
                world.orders.append(Held(effect, self.now))
            case do.AskPane(pane, close=close):
                if close and world.pane and world.pane.id == pane and world.pane.dead:
                    world.pane = None
                world.asks.append(effect)
            case do.SeekTree(life):
                left = sorted(world.lives.get(life, set()), key=lambda handle: handle.pid)
                found = tuple(facts.Member(handle, "child") for handle in left)
                world.mail.append(facts.TreeFound(life, found, sure=not found))
            case do.EndTree():
                self.signal(effect)
            case do.Watch(life, process):
                world.watched = effect
                if process not in world.lives.get(life, set()):
                    world.mail.append(facts.ProcessEnded(life))
            case do.Probe(life):
                world.probing, world.purpose = life, effect.purpose
            case do.EndProbe(life):
                world.probing = None if world.probing == life else world.probing
            case do.Forget(life):
                self.forgotten.append(life)
                world.typing = [order for order in world.typing if order.life != life]
                world.watched = None if world.watched and world.watched.life == life else world.watched
                world.probing = None if world.probing == life else world.probing
            case do.LookAtInput():
                assert not [order for order in world.typing if types(order)], "two pieces under way"
                world.typing.append(effect)
            case do.Type():
                assert not [order for order in world.typing if types(order)], "two pieces under way"
                world.typing.append(effect)
                if self.w.typing.waiting[0].number == NO_SENDER:
                    self.echo_is_seen()
            case do.Acknowledge(number, problem):
                assert number not in self.acknowledged
                self.acknowledged.append(number)
                if problem is None:  # keys overtake texts
                    before = [other for other in self.typed if (other in self.keys) == (number in self.keys)]
                    assert not before or number > before[-1]
                    self.typed.append(number)
            case do.Finish():
                self.ended = True

    def check_start(self, life: str) -> None:
        assert not self.may_not_start, "nobody ordered this start"
        assert not [held for held in self.world.orders if held.until is None or self.now < held.until], "two orders"
        assert not self.world.living, "what is left of another life still lives"
        if life not in self.spawned:
            self.spawned.append(life)

    def signal(self, order: do.EndTree) -> None:
        world = self.world
        handles = set(world.lives.get(order.life, set()))
        world.ending.add(order.life)
        if not handles:
            world.ending.discard(order.life)
            world.mail.append(facts.TreeGone(order.life))
            return
        world.mail.append(facts.TreeLeft(order.life, tuple(h.pid for h in handles)))
        if order.signal == "KILL":
            for handle in handles:
                world.kill(handle, None, 9)

    # typing

    @rule(size=st.sampled_from([0, 5, PIECE, 5 * PIECE]))
    def person_types(self, size: int) -> None:
        if not self.ended:
            self.given += 1
            self.keys |= set() if size else {self.given}
            manner = Manner.LINE if size == 5 else Manner.EXACT
            self.tell(facts.InputGiven(self.given, b"x" * size, () if size else ("C-c",), manner=manner))

    @precondition(lambda self: self.world.typing)
    @rule(fate=st.sampled_from(["typed", "typed", "held", "refused", "unknown", "hands"]))
    def typing_meets_its_fate(self, fate: str) -> None:
        self.tell(self.typing_answer(fate))

    def typing_answer(self, fate: str) -> facts.Fact:
        order = self.world.typing.pop(0)
        life, piece = order.life, order.piece
        if isinstance(order, do.LookAtInput) and fate in ("typed", "hands", "unknown"):
            typing = int(self.instant.wall) if fate == "hands" else None
            return facts.InputSeen(life, piece, Sight(typing=typing))
        match fate:
            case "typed":
                return facts.Typed(life, piece)
            case "held" | "hands":
                return facts.TypeHeld(life, piece)
            case "refused":
                return facts.TypeRefused(life, piece, "the pane is dead")
        return facts.TypeUnknown(life, piece)

    # tmux

    @precondition(lambda self: self.world.owed_starts)
    @rule(children=st.integers(0, 2), heard=st.booleans())
    def start_is_carried_out(self, children: int, heard: bool) -> None:
        held = self.world.owed_starts[0]
        answer = self.world.carry_out(held.order, children)
        self.world.orders.remove(held)
        if heard:
            self.tell(answer)
        else:
            self.tell(facts.StartUnknown(held.order.life, self.now + EXPIRY))

    @precondition(lambda self: self.world.owed_starts)
    @rule(refusal=st.sampled_from([facts.Refusal.IMPOSSIBLE, facts.Refusal.UNREACHABLE]))
    def start_is_refused(self, refusal: facts.Refusal) -> None:
        held = self.world.owed_starts[0]
        self.world.orders.remove(held)
        self.tell(facts.StartRefused(held.order.life, refusal, "because"))

    @precondition(lambda self: self.world.owed_starts)
    @rule()
    def start_is_not_answered(self) -> None:
        held = self.world.owed_starts[0]
        held.until = self.now + EXPIRY
        self.tell(facts.StartUnknown(held.order.life, held.until))

    @precondition(lambda self: any(held.until is not None for held in self.world.orders))
    @rule(children=st.integers(0, 1), heard=st.booleans())
    def start_is_carried_out_late(self, children: int, heard: bool) -> None:
        held = next(held for held in self.world.orders if held.until is not None)
        self.world.orders.remove(held)
        if held.until is not None and self.now < held.until:
            answer = self.world.carry_out(held.order, children)
            if heard:
                self.tell(answer)

    @precondition(lambda self: self.world.asks)
    @rule(fate=st.sampled_from(["answered", "late", "lost"]))
    def question_meets_its_fate(self, fate: str) -> None:
        ask = self.world.asks.pop(0)
        if ask.nudge:
            self.world.settle_status()
        answer = self.world.look(self.now, ask.pane)
        if fate == "answered":
            self.tell(answer)
        elif fate == "late":
            self.world.late.append(answer)

    @rule(late=st.booleans())
    def panes_are_swept(self, late: bool) -> None:
        answer = self.world.look(self.now, None)
        self.world.late.append(answer) if late else self.tell(answer)

    @rule(late=st.booleans())
    def trees_are_swept(self, late: bool) -> None:
        answer = self.tree_slice()
        self.world.late.append(answer) if late else self.tell(answer)

    def tree_slice(self) -> facts.Fact:
        life = self.w.life
        if life is None or life.process is None:
            return facts.TreeSeen(float("-inf"), 0, None)
        handles = self.world.lives.get(life.id, set())
        tree = facts.Tree(1000, None, tuple(handles)) if life.process in handles else None
        return facts.TreeSeen(self.now, 0, tree)

    @precondition(lambda self: self.world.late)
    @rule(nth=st.integers(0, 3))
    def something_seen_long_ago_arrives(self, nth: int) -> None:
        self.tell(self.world.late.pop(nth % len(self.world.late)))

    @rule()
    def status_is_read(self) -> None:
        self.world.settle_status()

    # the kernel

    @precondition(lambda self: self.world.pane and not self.world.pane.dead)
    @rule(attached=st.booleans(), columns=st.sampled_from([80, 200]), prints=st.booleans())
    def pane_changes(self, attached: bool, columns: int, prints: bool) -> None:
        pane = self.world.pane
        assert pane is not None
        activity = int(self.instant.wall) if prints else pane.activity
        self.world.pane = replace(pane, attached=attached, columns=columns, activity=activity)

    def echo_is_seen(self) -> None:
        """What a terminal does with what is typed into it."""
        if self.world.pane:
            self.world.pane = replace(self.world.pane, activity=int(self.instant.wall))

    @precondition(lambda self: self.world.pane and not self.world.pane.dead)
    @rule(code=st.sampled_from([0, 1, 3]), told=st.booleans())
    def first_process_ends(self, code: int, told: bool) -> None:
        pane = self.world.pane
        assert pane is not None
        assert pane.process is not None
        self.world.kill(pane.process, code, None, told=told)

    @precondition(lambda self: self.world.living)
    @rule(data=st.data())
    def some_process_ends(self, data: Any) -> None:
        everyone = sorted((h for handles in self.world.lives.values() for h in handles), key=lambda h: h.pid)
        self.world.kill(data.draw(st.sampled_from(everyone)), None, 15)

    @precondition(lambda self: self.world.mail)
    @rule(nth=st.integers(0, 3))
    def post_arrives(self, nth: int) -> None:
        self.tell(self.world.mail.pop(nth % len(self.world.mail)))

    @precondition(lambda self: self.world.probing)
    @rule()
    def probe_succeeds(self) -> None:
        assert self.world.probing is not None
        self.tell(facts.ProbeSucceeded(self.world.probing, self.world.purpose))

    @precondition(lambda self: self.world.probing)
    @rule(late=st.booleans())
    def probe_fails(self, late: bool) -> None:
        assert self.world.probing is not None
        purpose = facts.Purpose.READY if late else self.world.purpose
        self.tell(facts.ProbeFailed(self.world.probing, "refused", purpose))

    @precondition(lambda self: self.world.probing)
    @rule(ago=st.sampled_from([0.0, 1.0, 30.0]))
    def no_probe_can_be_made(self, ago: float) -> None:
        assert self.world.probing is not None
        self.tell(facts.ProbeUnknown(self.world.probing, self.now - ago, self.world.purpose))

    @precondition(lambda self: not self.world.foreign)
    @rule(hangs_up=st.booleans())
    def tmux_dies(self, hangs_up: bool) -> None:
        world, pane = self.world, self.world.pane
        world.pane, world.owed, world.panes = None, None, 0
        if pane and pane.process and not pane.dead and hangs_up:
            world.kill(pane.process, None, 1)
        self.tell(facts.ServerDied())

    # people

    @rule(verb=st.sampled_from(facts.Verb))
    def person_orders(self, verb: facts.Verb) -> None:
        ends = verb in (facts.Verb.STOP, facts.Verb.DOWN)
        if ends and self.w.state not in RESTING and self.w.goal not in (Goal.COMPLETE, Goal.REMOVE):
            self.may_not_start = True
        elif not ends:
            self.may_not_start = False
        self.tell(facts.Ordered(verb))

    @rule(name=st.sampled_from(["serve", "other"]), most=st.sampled_from([-1, 1, 3]))
    def file_is_applied(self, name: str, most: int) -> None:
        self.tell(facts.SpecChanged(replace(self.w.spec, command=(name,), max_restarts=most)))

    @precondition(lambda self: self.world.pane and not self.world.foreign)
    @rule(hangs_up=st.booleans())
    def person_closes_the_pane(self, hangs_up: bool) -> None:
        world, pane = self.world, self.world.pane
        assert pane is not None
        world.pane, world.owed = None, None
        if pane.process and not pane.dead and hangs_up:
            world.kill(pane.process, None, 1)

    # not while the life is being ended: nothing could tell its end from that of the process before
    @precondition(lambda self: self.world.pane and self.w.life and self.world.pane.life == self.w.life.id)
    @precondition(lambda self: self.w.ending is None)
    @rule()
    def person_respawns_the_pane(self) -> None:
        world, pane = self.world, self.world.pane
        assert pane is not None
        assert pane.life is not None
        if pane.process and not pane.dead:
            world.kill(pane.process, None, 1)
        first = world.spawn(pane.life, 0)
        world.pane = replace(pane, pid=first.pid, process=first, dead=False, status=None, signal=None, dead_at=None)
        world.owed = None

    @precondition(lambda self: self.world.pane is None)
    @rule(there=st.booleans())
    def stranger_takes_or_leaves_the_name(self, there: bool) -> None:
        self.world.foreign = there

    # the service

    @precondition(lambda self: self.w.state is S.PENDING)
    @rule()
    def gates_open(self) -> None:
        self.tell(facts.Admitted())

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 10.0]), alarm=st.booleans())
    def time_passes(self, seconds: float, alarm: bool) -> None:
        self.pass_time(seconds, alarm=alarm)

    def pass_time(self, seconds: float, *, alarm: bool) -> None:
        self.now += seconds
        for held in self.world.orders:
            if held.until is None and self.now > held.given + ORDER_DEADLINE:
                held.until = self.now
                self.tell(facts.StartUnknown(held.order.life, self.now))
        if alarm:
            self.wake()

    def wake(self) -> None:
        """Three wakings at once leave no deadline in the past: nothing spins, nothing is forgotten."""
        for _ in range(3):
            self.tell(facts.Woken())
        self.now += 0.01
        at = due(self.w)
        assert at is None or at > self.now - 0.02

    @rule(
        fact=st.sampled_from([facts.ProcessEnded, facts.TreeGone, facts.ProbeSucceeded]),
        life=st.sampled_from(["s-0", "x", ""]),
    )
    def fact_of_another_life_arrives(self, fact: Any, life: str) -> None:
        before = self.w
        self.tell(fact(life))
        self.tell(facts.Started(life, "%77", facts.Handle(1, 1)))
        self.tell(facts.StartRefused(life, facts.Refusal.NAME_TAKEN, "x"))
        assert self.w == before

    # what holds always

    @invariant()
    def at_most_one_life_lives(self) -> None:
        assert len(self.world.living) <= 1

    @invariant()
    def something_leads_on(self) -> None:
        """Whatever is not at rest has a deadline, or an order that somebody will answer."""
        w = self.w
        tree_owed = w.ending is not None and not w.ending.gone and self.tree_is_answered(w.ending.life)
        if w.ending is not None and not tree_owed:
            assert w.ending.gone or due(w) is not None
        match w.state:
            case S.STARTING:
                assert due(w) is not None or self.start_is_owed() or self.world.probing
            case S.STOPPING | S.BACKOFF:
                assert due(w) is not None or tree_owed or self.start_is_owed()
            case S.RUNNING:
                assert w.life is not None
                assert w.life.phase is Phase.ALIVE or due(w) is not None
            case S.PENDING:
                assert not w.admitted or w.ending is not None

    def start_is_owed(self) -> bool:
        """Whether the Terminal still has the order to start the life."""
        life = self.w.life.id if self.w.life else None
        return any(held.until is None and held.order.life == life for held in self.world.orders)

    def tree_is_answered(self, life: str) -> bool:
        return life in self.world.ending or facts.TreeGone(life) in self.world.mail

    @invariant()
    def stalled_is_a_word_for_the_running_and_the_ladder_ends(self) -> None:
        life = self.w.life
        if life and life.stall.since:
            assert life.stall.climbed <= len(self.w.spec.stall.ladder)
            assert self.w.spec.stall.after is not None
            if life.stall.paused:
                assert life.stall.due is None

    @invariant()
    def lives_are_forgotten_once(self) -> None:
        assert len(self.forgotten) == len(set(self.forgotten))
        present = {self.w.life.id} if self.w.life else set()
        assert set(self.spawned) == set(self.forgotten) | present

    @invariant()
    def input_waits_or_is_acknowledged(self) -> None:
        waiting = [given.number for given in self.w.typing.waiting if given.number != NO_SENDER]
        assert sorted(self.acknowledged + waiting) == list(range(1, self.given + 1))

    @invariant()
    def waiting_input_leads_on(self) -> None:
        if self.w.typing.count and not self.world.typing:
            assert will_run(self.w)
            for_the_ready = self.w.state is S.STARTING and self.w.typing.waiting[0].when_ready
            assert reader(self.w) is None or for_the_ready or tries_at(self.w) is not None

    @invariant()
    def what_rests_is_tidy(self) -> None:
        w = self.w
        if w.state is not S.STOPPING:
            assert w.goal in (None, Goal.REMOVE)
            assert w.next_spec is None
        if w.state is not S.BACKOFF and not w.rests:
            assert w.next_start is None
        if w.life is None:
            assert (w.rss_bytes, w.processes) == (None, None)
        if w.life is not None and w.state in (S.STARTING, S.RUNNING):
            assert w.ending is None

    @invariant()
    def what_is_probed_lives(self) -> None:
        """A probe is under way for the present life only, for what its state asks, and never while it ends."""
        w, life = self.w, self.w.life
        assert self.world.probing == (life.id if life and life.probing else None)
        if life and life.probing:
            assert w.state is (S.STARTING if life.probing is facts.Purpose.READY else S.RUNNING)
            assert w.ending is None
            assert life.probing is self.world.purpose
        assert not w.is_unready or w.spec.live.do is Do.NOTIFY

    # in the end

    def teardown(self) -> None:
        if hasattr(self, "w"):
            self.faults_end()
            self.check_the_end()

    def faults_end(self) -> None:
        self.world.foreign = False
        self.w = replace(self.w, spec=never_ended(self.w.spec))
        if self.w.next_spec:
            self.w = replace(self.w, next_spec=never_ended(self.w.next_spec))
        for turn in range(160):  # each at most a second, as beats come before deadlines too
            for held in [*self.world.orders]:
                self.world.orders.remove(held)
                if held.until is None:
                    self.tell(self.world.carry_out(held.order, 1))
            for box in (self.world.mail, self.world.late):
                while box:
                    self.tell(box.pop(0))
            self.world.settle_status()
            while self.world.asks:
                self.tell(self.world.look(self.now, self.world.asks.pop(0).pane))
            while self.world.typing:
                self.tell(self.typing_answer("typed"))
            if self.world.probing and turn >= 60:  # until then, none gets ready in time
                self.tell(facts.ProbeSucceeded(self.world.probing, self.world.purpose))
            if self.w.state is S.PENDING:
                self.tell(facts.Admitted())
            at = due(self.w)
            self.pass_time(min(max(0.02, at - self.now), 1.0) if at is not None else 1.0, alarm=True)
            self.tell(self.world.look(self.now, None))
            self.tell(self.tree_slice())

    def check_the_end(self) -> None:
        w, world = self.w, self.world
        assert w.state in RESTING | {S.RUNNING}
        assert w.ending is None
        assert not w.typing.waiting
        if w.state is S.RUNNING:
            assert w.life is not None
            assert world.living == {w.life.id}
            assert world.pane is not None
            assert world.pane.process == w.life.process
        else:
            assert w.life is None
            assert not world.living
        if self.may_not_start:
            assert w.state in (S.STOPPED, S.FAILED, S.COMPLETED)


OneWorker.TestCase.settings = examples(
    150,
    stateful_step_count=50,
    phases=[Stage.generate, Stage.shrink],  # explaining a failure takes minutes
)
TestOneWorker = OneWorker.TestCase


def test_a_look_that_meets_a_program_that_has_just_ended_is_taken_again_when_a_person_starts_another_one() -> None:
    one = OneWorker()
    one.define(WorkerSpec(name="api", command=("serve",), cwd="/", restart=Restart.ALWAYS))
    one.gates_open()
    one.start_is_not_answered()
    one.person_types(size=5)
    one.start_is_carried_out_late(children=0, heard=True)
    one.person_respawns_the_pane()
    one.post_arrives(nth=0)
    one.typing_meets_its_fate(fate="typed")
    one.panes_are_swept(late=False)
    one.waiting_input_leads_on()
    one.teardown()
