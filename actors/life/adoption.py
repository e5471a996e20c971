"""What a starting service does with each worker, from the records and one look at tmux and the kernel. Pure.

    record, panes with its mark, the world ──▶ plan() ──▶ Decision ──▶ born() ──▶ Worker and its first effects

A living worker is never started twice. A process that is not proved to be ours is never signalled. Counters start at
zero.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from itertools import zip_longest

from actors.frozen import frozen
from actors.life.budget import Complete, Fail, Retry, Verdict, judge
from actors.life.ending import begin_ending, begin_stop
from actors.life.holding import held_before, still_held
from actors.life.machine import step
from actors.life.outcomes import apply_verdict, arm_cleanup, dead, dice, exit_facts, said, true_exit
from actors.life.readiness import await_readiness, watch_over
from actors.life.state import Goal, Life, Phase, State, Step, Worker, move
from actors.servers import server_of
from actors.values.effects import Effect, Emit, Watch
from actors.values.facts import Exit, Handle, Instant, Ordered, Pane, ProcessEnded, Verb
from actors.values.records import Intent, Record
from actors.values.spec import Background, WorkerSpec

NOT_BY_ITSELF = "autostart = false"


@frozen
class World:
    """Whether the machine started again since the records were written, and which tmux servers did, by their numbers.

    `told`: lives whose exit is in the log, each with its uptime in seconds (None: unknown).
    """

    rebooted: bool
    died: Collection[int] = ()
    told: Mapping[str, float | None] = field(default_factory=dict)


def died_since(before: Iterable[Handle | None], now: Iterable[Handle | None]) -> frozenset[int]:
    """Return the numbers of the tmux servers that are on record and do not live any more."""
    each = enumerate(zip_longest(before, now))
    return frozenset(number for number, (known, living) in each if known and known != living)


@frozen
class Survivor:
    """A life of which something may still live."""

    life: str
    process: Handle | None


@frozen
class Adopt:
    """The worker lives: go on with it. `ready`: it was ready before. `goal`: it was being ended; go on with that.

    `behind`: its first process has ended before, and `process` is the eldest of what that left.
    """

    pane: Pane
    life: str
    process: Handle
    ready: bool
    goal: Goal | None = None
    behind: bool = False


@frozen
class Judge:
    """The worker ended while no service ran. Policy judges its exit (None: the pane is gone, too).

    `told`: the last service logged the exit and was killed before it recorded the verdict.
    """

    life: str
    pane: Pane | None
    exit: Exit | None
    process: Handle | None
    told: bool = False
    uptime_s: float | None = None


@frozen
class Leave:
    """The worker stays at rest. `survivor`: see `Begin`. `told`, `uptime_s`: see `Judge`. `remove`: it was ordered."""

    state: State
    pane: Pane | None
    survivor: "Survivor | None" = None
    remove: bool = False
    told: bool = False
    uptime_s: float | None = None


@frozen
class Begin:
    """The worker is wanted and has no life: it becomes pending. `survivor` is ended first."""

    cause: str
    pane: Pane | None = None
    survivor: "Survivor | None" = None


@frozen
class Quarantine:
    """What lives is not proved to be this worker: it is shown, never signalled, and no second one is started."""

    reason: str


Decision = Adopt | Judge | Leave | Begin | Quarantine

_RESTING = {Intent.STOPPED: State.STOPPED, Intent.COMPLETED: State.COMPLETED, Intent.FAILED: State.FAILED}
_GOALS = {Intent.STOPPED: Goal.STOP, Intent.COMPLETED: Goal.COMPLETE, Intent.REMOVED: Goal.REMOVE}


def plan(record: Record, panes: tuple[Pane, ...], world: World) -> Decision:
    """Decide about one worker. `panes`: those of the present tmux servers with its name in our mark."""
    match decision := _plan(record, panes, world):
        case Judge(life) | Leave(pane=Pane(life=str(life))) if life in world.told:
            return replace(decision, told=True, uptime_s=world.told[life])
    return decision


def _plan(record: Record, panes: tuple[Pane, ...], world: World) -> Decision:
    if len(panes) > 1:
        return Quarantine(f"{len(panes)} panes bear its mark: {', '.join(p.id for p in panes)}")
    pane = panes[0] if panes else None
    survivor = Survivor(record.life, record.process) if record.life and not world.rebooted else None
    if pane and pane.process and not pane.dead:
        return _living(record, pane, pane.process)
    if record.intent in _RESTING:
        return Leave(_RESTING[record.intent], pane, survivor)
    if record.intent is Intent.REMOVED:
        return Leave(State.STOPPED, pane, survivor, remove=True)
    if pane and pane.life != record.judged:
        return _died_unwatched(record, pane)
    if record.life in (None, record.judged) or record.process is None or pane:
        return Begin("defined", pane, survivor)
    if world.rebooted or record.server in world.died:
        return Begin("rebooted" if world.rebooted else "tmux-died", survivor=survivor)
    return Judge(record.life, None, None, record.process)


def _living(record: Record, pane: Pane, process: Handle) -> Decision:
    life = pane.life or ""
    if record.intent is Intent.FAILED:  # it failed while it lived (not ready in time), and was being ended
        return Leave(State.FAILED, pane, Survivor(life, process))
    goal = _GOALS.get(record.intent)
    if goal is None and pane.digest != record.spec.digest:
        goal = Goal.REPLACE  # a replacement was ordered
    return Adopt(pane, life, process, record.ready and record.life == life, goal)


def _died_unwatched(record: Record, pane: Pane) -> Decision:
    life = pane.life or ""
    known = record.process if record.life == life else None
    process = known if known and known.pid == pane.pid else Handle(pane.pid, 0)  # the pid may be of another process now
    if known and record.spec.background is Background.ALLOW:  # what its first process left may live
        return Adopt(pane, life, known, record.ready, behind=known.pid != pane.pid)
    if pane.exit:
        return Judge(life, pane, pane.exit, process)
    return Adopt(pane, life, process, record.ready and record.life == life)  # tmux will tell the status: ask for it


def state_after(decision: Decision) -> State | None:
    """Return the state that the worker will have, if the decision alone tells it."""
    match decision:
        case Adopt():
            return State.RUNNING
        case Leave(state):
            return state
    return None


def define(spec: WorkerSpec, seed: str, now: Instant, cause: str = "defined") -> Step:
    """Return a new worker, which wants to start, or is stopped until a person starts it."""
    if not spec.autostart:
        return move(_unborn(spec, seed, now), State.STOPPED, now, "worker.stopped", cause, reason=NOT_BY_ITSELF)
    return move(_unborn(spec, seed, now), State.PENDING, now, "worker.pending", cause)


def again(record: Record, seed: str, now: Instant) -> Step:
    """Return a worker that was removed and is wanted again."""
    if record.intent is Intent.WANTED:
        return define(record.spec, seed, now)
    return born(record, plan(record, (), World(rebooted=False)), seed, now)


def born(record: Record, decision: Decision, seed: str, now: Instant) -> Step:
    """Carry out a decision of `plan`."""
    w = replace(_unborn(record.spec, seed, now), exit=record.exit, judged=record.judged)
    w = replace(w, session=record.session)
    w, effects = _carried_out(held_before(w, record, now), decision, record.reason, now)
    w, told = still_held(w, now)
    return w, (*effects, *told)


def _carried_out(w: Worker, decision: Decision, reason: str, now: Instant) -> Step:
    match decision:
        case Adopt():
            return _adopted(w, decision, now)
        case Judge():
            return _judged(w, decision, now)
        case Leave():
            return _left(w, decision, reason, now)
        case Begin(cause, pane, survivor):
            w, emitted = move(replace(w, pane=pane.id if pane else None), State.PENDING, now, "worker.pending", cause)
            return _end_survivor(w, survivor, emitted, now)
        case Quarantine(why):
            return move(w, State.QUARANTINED, now, "worker.quarantined", "adopted", reason=why)


def _unborn(spec: WorkerSpec, seed: str, now: Instant) -> Worker:
    return Worker(spec=spec, seed=seed, state=State.UNBORN, since=now)


def _adopted(w: Worker, found: Adopt, now: Instant) -> Step:
    since = found.process.started(now)
    life = Life(id=found.life, phase=Phase.ALIVE, since=since, answered=now.mono, process=found.process, seen=True)
    life = replace(life, behind=found.behind, server=server_of(found.pane.id))
    w = replace(w, life=life, pane=found.pane.id, attached=found.pane.attached, last_output=found.pane.activity)
    state = State.RUNNING if found.ready else State.STARTING
    w, emitted = move(w, state, now, "worker.adopted", "adopted", pid=found.process.pid)
    if found.goal:
        w, effects = begin_stop(w, found.goal, now, "adopted")
    elif found.pane.dead or found.pane.process is None:
        w, effects = step(w, ProcessEnded(life.id), now)
    else:
        w, effects = watch_over(w) if found.ready else await_readiness(w, life, now)
    return w, (*emitted, Watch(life.id, found.process), *effects)


def _left(w: Worker, found: Leave, reason: str, now: Instant) -> Step:
    w, unseen = _ended_unseen(w, found, now)
    w = arm_cleanup(w, now) if found.state is State.COMPLETED else w
    w, emitted = move(w, found.state, now, f"worker.{found.state}", "adopted", reason=reason)
    w, effects = _end_survivor(w, found.survivor, (*unseen, *emitted), now)
    if not found.remove:
        return w, effects
    w, removed = step(w, Ordered(Verb.REMOVE), now)
    return w, (*effects, *removed)


def _ended_unseen(w: Worker, found: Leave, now: Instant) -> Step:
    """Tell the end of a life that no service has told; the end of a failed worker is known."""
    pane = found.pane
    w = replace(w, pane=pane.id if pane else None)
    if pane is None or pane.life in (None, w.judged) or pane.exit is None or found.state is State.FAILED:
        return w, ()
    exit = true_exit(w.spec, pane.exit)
    w = replace(w, exit=exit, judged=pane.life)
    facts = {"worker": w.name, "cause": "exit-unwatched", "life": pane.life} | exit_facts(exit, None)
    left = replace(w, state=found.state)
    life, uptime = str(pane.life), found.uptime_s
    left, kept = dead(left, life, exit, now, started_at=None, uptime_s=uptime, cause="exit-unwatched")
    w = replace(w, exits=left.exits)
    return w, (kept,) if found.told else (Emit("worker.exited", facts), kept)


def _judged(w: Worker, found: Judge, now: Instant) -> Step:
    exit = true_exit(w.spec, found.exit) if found.exit else Exit(None, None, now.wall)
    w = replace(w, pane=found.pane.id if found.pane else None, exit=exit, judged=found.life)
    facts = exit_facts(exit, None) | {"life": found.life}
    verdict = judge(w.spec, w.budget, exit, 0.0, dice(w), now)
    if found.told:
        w, emitted = _judged_again(w, verdict, said(exit), now)
    elif isinstance(verdict, Retry):
        reason = f"waiting to start again: {said(exit)}"
        w, emitted = move(w, State.PENDING, now, "worker.exited", "exit-unwatched", reason=reason, **facts)
    else:
        w, emitted = apply_verdict(w, verdict, now, "worker.exited", "exit-unwatched", said(exit), **facts)
    w, kept = dead(w, found.life, exit, now, started_at=None, uptime_s=found.uptime_s, cause="exit-unwatched")
    return _end_survivor(w, Survivor(found.life, found.process), (*emitted, kept), now)


def _judged_again(w: Worker, verdict: Verdict, what: str, now: Instant) -> Step:
    """Move the worker where the verdict sends it; the exit itself is already in the log."""
    match verdict:
        case Retry():
            reason = f"waiting to start again: {what}"
            return move(w, State.PENDING, now, "worker.pending", "adopted", reason=reason)
        case Complete():
            return apply_verdict(w, verdict, now, "worker.completed", "adopted", what)
        case Fail():
            return apply_verdict(w, verdict, now, "worker.failed", "adopted", what)


def _end_survivor(w: Worker, survivor: Survivor | None, emitted: tuple[Effect, ...], now: Instant) -> Step:
    if survivor is None:
        return w, emitted
    life = Life(id=survivor.life, phase=Phase.ENDED, since=now, answered=now.mono, process=survivor.process)
    w, ending = begin_ending(w, life, now)
    return w, (*emitted, *ending)
