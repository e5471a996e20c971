"""A worker's whole life as a state machine: `step(worker, fact, now) → (worker, effects)`; no clock, no I/O.

         ┌───────────────┐ admitted ┌──────────┐  ready  ┌─────────┐
    ●───▶│    pending    ├─────────▶│ starting ├────────▶│ running │
         └──▲─────────▲──┘          └─▲──┬──┬──┘         └──┬───┬──┘
     start  │         │ tmux died     │  │  │ ended         │   │ told to stop
            │         └───────────────┼──┼──┼───────────────┤   ▼
    ┌───────┴─────────┐    the pause  │  │  │   judged      │ ┌──────────┐ tree gone
    │ stopped         │      is over ┌┴──▼──┴──┐◀───────────┘ │ stopping ├──────────▶ what was asked
    │ completed       │◀─────────────┤ backoff │              └──────────┘
    │ failed          │              └─────────┘
    └─────────────────┘    any ──▶ quarantined, removed

Rules that hold everywhere:

- Only the kernel and tmux say that a process has ended. `ProcessEnded` is a question; the verdict is the pane's exit.
- A fact that names another life than the present one changes nothing.
- A sweep that was taken before the last answer about this life tells nothing about it, and absence never counts while
  an order is in flight.
- No new life begins before nothing is left of the old one (`ending`).
- `TRANSITIONS` is the table of the design. A step outside it raises `IllegalTransition` and changes nothing.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actors import limits, stall, stop_plan
from actors.budget import Budget, Complete, Fail, Retry, Verdict, anew, forgiven, judge
from actors.death import Death
from actors.messages import (
    Acknowledge,
    Admitted,
    ArmLog,
    AskPane,
    ClosePane,
    Effect,
    Emit,
    EndProbe,
    EndTree,
    Exit,
    Fact,
    Finish,
    Forget,
    Handle,
    Held,
    InputGiven,
    Instant,
    KeepDeath,
    Ordered,
    OrdersLost,
    Pane,
    PaneAbsent,
    PaneSeen,
    Probe,
    ProbeFailed,
    ProbeSucceeded,
    ProcessEnded,
    Purpose,
    Refusal,
    ServerDied,
    ShowScreen,
    SpecChanged,
    Start,
    Started,
    StartRefused,
    StartUnknown,
    Tree,
    TreeEscaped,
    TreeGone,
    TreeLeft,
    TreeSeen,
    Type,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
    Verb,
    Watch,
    Woken,
)
from actors.probing import Tally, failed, succeeded
from actors.probing import Verdict as Answer
from actors.screen import Screen
from actors.spec import Do, Rung, TypeKeys, TypeText, WorkerSpec
from actors.typing_queue import (
    NOBODYS,
    TypingQueue,
    held,
    interrupted,
    is_stuck,
    next_piece,
    refusal,
    typed,
    without_first,
)
from actors.worker_state import Ending, Goal, Life, Phase, State, Step, Worker, move

GRACE = 5.0  # seconds in which a pane that no sweep has seen yet is not judged by its absence
MISSES_BEFORE_GONE = 2  # one sweep without the pane is a question, the answer to it the second
ORDER_LOST = 60.0  # seconds after which an unanswered start counts as lost; a thousand starts queue for 15
ASKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # pauses between questions for an exit status, the last one repeats
DOWN = "down"  # the reason of a worker that was stopped with the service, and is still wanted
NUDGE_FROM = 2  # from this question on tmux is made to reap: Debian's 3.3a misses 2 % of SIGCHLDs
CLOSE_AGAIN = 10.0  # seconds until a pane that was to be closed and is still there is closed again
REFUSED_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # until a refused start is tried again, the last one repeats
STATUS_LOST = 12  # answers without a status after which it counts as lost (about 4 s)

S = State


def step(worker: Worker, fact: Fact, now: Instant) -> Step:
    """Return the worker after `fact`, and what is to be done in the world; `IllegalTransition` would be a bug."""
    return _CLAUSES[type(fact)](worker, fact, now)


def due(worker: Worker) -> float | None:
    """Return the monotonic time of the worker's next own deadline; the shell asks to be woken then."""
    return min(_deadlines(worker), default=None)


# ── deadlines: each is looked at by `_woken`, at every beat too, so a lost alarm heals itself ────────────────────────


def _deadlines(w: Worker) -> list[float]:
    found: list[float | None] = [w.ending.due if w.ending else w.cleanup_at]
    if w.next_start and (w.rests or (w.state is S.BACKOFF and not w.ending)):
        found.append(w.next_start.mono)
    if w.life:
        found += _life_deadlines(w, w.life)
    return [at for at in found if at is not None]


def _life_deadlines(w: Worker, life: Life) -> list[float | None]:
    if life.phase is Phase.ORDERED:
        return [life.since.mono + ORDER_LOST]
    if life.phase is not Phase.ALIVE:
        return [life.ask_at]
    if w.state is S.STARTING:
        return [life.ready_by if life.delay_over is None or not life.probed else life.delay_over, w.typing.retry_at]
    if w.state is S.RUNNING:
        healthy = life.since.mono + w.spec.healthy_after if w.budget.attempt and w.spec.stall.after is None else None
        return [healthy, stall.ask_at(life.stall, w.spec.stall), w.typing.retry_at]
    return [w.typing.retry_at]


def _woken(w: Worker, _fact: Fact, now: Instant) -> Step:
    effects: tuple[Effect, ...] = ()
    for clause in _AT_A_DEADLINE:
        w, more = clause(w, now)
        effects += more
    return w, effects


def _step_ending(w: Worker, now: Instant) -> Step:
    if w.ending is None or w.ending.due is None or now.mono < w.ending.due:
        return w, ()
    return _next_ending_step(w, w.ending, now)


def _end_pause(w: Worker, now: Instant) -> Step:
    if w.next_start is None or now.mono < w.next_start.mono:
        return w, ()
    if w.rests:
        return replace(w, next_start=None), ()
    if w.state is not S.BACKOFF or w.ending:
        return w, ()
    return _begin_life(w, now, "backoff-over")


def _look_at_readiness(w: Worker, now: Instant) -> Step:
    life = w.life
    if w.state is not S.STARTING or life is None or life.phase is not Phase.ALIVE:
        return w, ()
    if life.probed and life.delay_over is not None and now.mono >= life.delay_over:
        w, emitted = move(w, S.RUNNING, now, "worker.ready", "ready", startup_s=round(now.mono - life.since.mono, 3))
        w, probing = watch_over(w)
        return w, (*emitted, *probing)
    if life.ready_by is not None and now.mono >= life.ready_by:
        return _not_ready(w, life, now, f"not ready within {w.spec.ready.timeout:g} s")
    return w, ()


def _ask_again(w: Worker, now: Instant) -> Step:
    life = w.life
    if life is None or life.ask_at is None or now.mono < life.ask_at:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        return replace(w, life=replace(life, ask_at=now.mono + 1.0)), (AskPane(None),)
    pause = ASKS[min(life.asks, len(ASKS) - 1)]
    asked = replace(life, asks=life.asks + 1, ask_at=now.mono + pause)
    return replace(w, life=asked), (AskPane(w.pane, nudge=life.asks >= NUDGE_FROM),)


def _lose_order(w: Worker, now: Instant) -> Step:
    life = w.life
    if life is None or life.phase is not Phase.ORDERED or now.mono < life.since.mono + ORDER_LOST:
        return w, ()
    return _start_unknown(w, StartUnknown(life.id, now.mono), now)


def _forgive(w: Worker, now: Instant) -> Step:
    if w.state is not S.RUNNING or w.life is None or not w.budget.attempt:
        return w, ()
    return replace(w, budget=_budget_after(w, w.life, now)), ()


def _budget_after(w: Worker, life: Life, now: Instant) -> Budget:
    """Return the budget, forgiven if the life was healthy for long enough: a silent one only till its last sign."""
    healthy = stall.healthy_until(life.stall, w.spec.stall, now.mono) - life.since.mono
    return forgiven(w.budget, healthy, w.spec.healthy_after)


def _clean_up(w: Worker, now: Instant) -> Step:
    if w.cleanup_at is None or now.mono < w.cleanup_at or w.ending:
        return w, ()
    return _close_pane(w, now)


def _close_pane(w: Worker, now: Instant) -> Step:
    """Close the pane, and again until tmux says that it is gone: the order can be lost."""
    if w.pane is None:
        return replace(w, cleanup_at=None), ()
    return replace(w, cleanup_at=now.mono + CLOSE_AGAIN), (ClosePane(w.pane), AskPane(w.pane))


# ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _admitted(w: Worker, _fact: Fact, now: Instant) -> Step:
    if w.state is not S.PENDING or w.goal is Goal.REMOVE:
        return w, ()
    if w.ending:
        return replace(w, admitted=True, reason="waiting for what is left of the last life to end"), ()
    return _begin_life(w, now, "admitted")


def _held(w: Worker, fact: Held, _now: Instant) -> Step:
    return (replace(w, reason=fact.reason), ()) if w.state is S.PENDING else (w, ())


def _begin_life(w: Worker, now: Instant, cause: str) -> Step:
    life = Life(id=f"{w.seed}-{w.lives + 1}", phase=Phase.ORDERED, since=now, answered=now.mono)
    w = replace(w, life=life, lives=w.lives + 1, next_start=None, admitted=False, goal=None, cleanup_at=None)
    w, emitted = move(w, S.STARTING, now, "worker.starting", cause, attempt=w.budget.attempt)
    return w, (*emitted, Start(life.id, w.spec, w.pane))


def _started(w: Worker, fact: Started, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase not in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()
    life = replace(life, phase=Phase.ALIVE, process=fact.process, since=now, answered=now.mono, ask_at=None)
    watching = (Watch(life.id, fact.process),)
    w = replace(w, life=life, pane=fact.pane, pane_since=now.mono, refused=0)
    if w.state is S.STOPPING:
        w, effects = begin_ending(w, life, now)
        return w, (*watching, *effects)
    w, effects = await_readiness(w, life, now)
    return w, (*watching, *effects)


def await_readiness(w: Worker, life: Life, now: Instant) -> Step:
    ready = w.spec.ready
    life = replace(life, ready_by=now.mono + ready.timeout, delay_over=now.mono + ready.delay)
    w, effects = _look_at_readiness(replace(w, life=replace(life, probed=ready.kind is None)), now)
    if ready.kind is None:
        return w, effects
    w, probing = _ask_about(w, Purpose.READY)
    return w, (*effects, *probing)


def _not_ready(w: Worker, life: Life, now: Instant, what: str) -> Step:
    what += f" ({life.tally.reason})" if life.tally.reason else ""
    verdict = judge(w.spec, w.budget, None, now.mono - life.since.mono, dice(w), now)
    w, ended = begin_ending(w, life, now)
    w, moved = apply_verdict(w, verdict, now, "worker.unready", "not-ready", what)
    return w, (*moved, *ended)


# ── probes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def watch_over(w: Worker) -> Step:
    """Begin to ask a running worker whether it is well, if its policy says so."""
    return end_probe(w) if w.spec.live.kind is None else _ask_about(w, Purpose.LIVE)


def _ask_about(w: Worker, purpose: Purpose) -> Step:
    assert w.life is not None
    life = replace(w.life, probing=purpose, tally=Tally())
    shown = w.screen.content if w.screen and life.seen else None
    return replace(w, life=life), (Probe(life.id, purpose, w.spec, w.pane, shown),)


def end_probe(w: Worker) -> Step:
    """Give up what is asked; what was said last stays known."""
    if w.life is None or w.life.probing is None:
        return w, ()
    return replace(w, life=replace(w.life, probing=None)), (EndProbe(w.life.id),)


def _probe_told(w: Worker, fact: ProbeSucceeded | ProbeFailed, now: Instant) -> Step:
    life = w.life
    if life is None or (life.id, life.phase, life.probing) != (fact.life, Phase.ALIVE, fact.purpose):
        return w, ()
    check = w.spec.ready if fact.purpose is Purpose.READY else w.spec.live
    well = isinstance(fact, ProbeSucceeded)
    tally = succeeded(life.tally, check) if well else failed(life.tally, check, fact.reason)  # type: ignore[union-attr]
    told = replace(life, tally=tally)
    if fact.purpose is Purpose.READY:
        return _ready_or_not(replace(w, life=told), told, now)
    changed = tally.verdict is not life.tally.verdict
    return _well_or_not(replace(w, life=told), told, life.tally, now) if changed else (replace(w, life=told), ())


def _ready_or_not(w: Worker, life: Life, now: Instant) -> Step:
    match life.tally.verdict:
        case Answer.NO:
            return _not_ready(w, life, now, f"not ready after {life.tally.failures} tries")
        case Answer.YES:
            w, ended = end_probe(replace(w, life=replace(life, probed=True)))
            w, effects = _look_at_readiness(w, now)
            return w, (*ended, *effects)
        case Answer.OPEN:
            return w, ()


def _well_or_not(w: Worker, life: Life, before: Tally, now: Instant) -> Step:
    facts: dict[str, Any] = {"worker": w.name, "life": life.id, "cause": "liveness", "kind": w.spec.live.kind}
    if life.tally.verdict is Answer.YES:
        return w, (Emit("worker.healthy", "info", facts),) if before.verdict is Answer.NO else ()
    facts |= {"failures": life.tally.failures}
    if w.spec.live.do is Do.NOTIFY:
        return w, (Emit("worker.unhealthy", "warning", facts | {"reason": life.tally.reason}),)
    uptime = now.mono - life.since.mono
    verdict = judge(w.spec, w.budget, Exit(None, None, now.wall), _well_for(w, life, now), dice(w), now)
    w, ended = begin_ending(w, life, now)
    what = f"not well: {life.tally.reason}"
    facts = {"kind": facts["kind"], "failures": facts["failures"], "uptime_s": round(uptime, 3)}
    w, moved = apply_verdict(w, verdict, now, "worker.unhealthy", "liveness", what, **facts)
    return w, (*moved, *ended)


def _probe_anew(w: Worker, old: WorkerSpec, now: Instant) -> Step:
    """A changed check counts for the life that there is."""
    life = w.life
    if life is None or life.phase is not Phase.ALIVE:
        return w, ()
    if w.state is S.RUNNING and w.spec.live != old.live:
        return watch_over(w)
    if w.state is S.STARTING and w.spec.ready != old.ready:
        w, ended = end_probe(w)
        w, effects = await_readiness(w, replace(life, probing=None), now)
        return w, (*ended, *effects)
    return w, ()


def _show(w: Worker, before: Worker) -> tuple[Effect, ...]:
    life = w.life
    if life is None or life.probing is None or w.screen is None or w.screen is before.screen:
        return ()
    check = w.spec.ready if life.probing is Purpose.READY else w.spec.live
    return (ShowScreen(life.id, w.screen.content),) if check.screen is not None else ()


def _start_refused(w: Worker, fact: StartRefused, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase not in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()
    if fact.refusal is Refusal.PANE_GONE and w.state is S.STARTING:
        again = replace(life, phase=Phase.ORDERED, since=now, answered=now.mono, ask_at=None)
        return replace(_without_pane(w), life=again), (Start(life.id, w.spec, None),)
    w = replace(w, life=None)
    if w.state is S.STOPPING:
        w, effects = _finish_stop(w, now)
        return w, (Forget(life.id), *effects)
    w, effects = _refused(w, fact, now)
    return w, (Forget(life.id), *effects)


def _refused(w: Worker, fact: StartRefused, now: Instant) -> Step:
    match fact.refusal:
        case Refusal.IMPOSSIBLE:
            return move(w, S.FAILED, now, "worker.failed", "cannot-start", "error", reason=fact.reason)
        case Refusal.NAME_TAKEN:
            return move(w, S.QUARANTINED, now, "worker.quarantined", "name-taken", "error", reason=fact.reason)
        case Refusal.UNREACHABLE | Refusal.PANE_GONE:
            w = _resting(w, now)
            return move(w, S.PENDING, now, "worker.pending", "tmux-unreachable", "warning", reason=fact.reason)


def _resting(w: Worker, now: Instant) -> Worker:
    """One that is refused again and again is tried less and less often; nothing is counted."""
    pause = REFUSED_PAUSES[min(w.refused, len(REFUSED_PAUSES) - 1)]
    again = Instant(now.mono + pause, now.wall + pause) if pause else None
    return replace(w, refused=w.refused + 1, next_start=again)


def _start_unknown(w: Worker, fact: StartUnknown, _now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase is not Phase.ORDERED:
        return w, ()
    unknown = replace(life, phase=Phase.UNKNOWN, answered=fact.until, ask_at=fact.until)
    return replace(w, life=unknown, reason="tmux has not answered the start; the next sweep will tell"), ()


def _orders_lost(w: Worker, fact: OrdersLost, now: Instant) -> Step:
    life = w.life
    if life is None:
        return w, ()
    w, told = _type_unknown(w, TypeUnknown(life.id, w.typing.pieces), now)
    w, effects = _start_unknown(w, StartUnknown(life.id, fact.until), now)
    return w, (*told, *effects)


# ── what tmux and the kernel tell of a life ───────────────────────────────────────────────────────────────────────


def _process_ended(w: Worker, fact: ProcessEnded, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase is not Phase.ALIVE:
        return w, ()
    return _question(w, life, now)


def _question(w: Worker, life: Life, now: Instant) -> Step:
    return _ask_again(replace(w, life=replace(life, phase=Phase.ENDED, asks=0, answers=0, ask_at=now.mono)), now)


def _pane_seen(w: Worker, fact: PaneSeen, now: Instant) -> Step:
    life, pane = w.life, fact.pane
    if life is None:
        return _pane_without_life(w, fact, now)
    if life.phase is Phase.ORDERED or fact.taken <= life.answered:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        ours = pane.life == life.id
        return _start_found(w, life, pane, now) if ours else _start_lost(replace(w, pane=pane.id), life, now)
    if pane.id != w.pane or (pane.life or "") != life.id:  # a new tmux server counts its panes from 0 again
        return w, ()
    life = replace(life, seen=True, misses=0)
    before, w = w, _observed(replace(w, life=life), fact)
    shown = _show(w, before)
    w, effects = _pane_of_life(w, life, fact, now)
    return w, (*shown, *effects)


def _pane_without_life(w: Worker, fact: PaneSeen, now: Instant) -> Step:
    """Keep what is there: the next life begins in this pane. What lives in it is somebody's: that is for a person."""
    if w.state in (S.QUARANTINED, S.REMOVED) or fact.taken <= w.pane_since:
        return w, ()
    pane = fact.pane
    if pane.dead or pane.process is None or not w.is_empty:
        return replace(w, pane=pane.id, attached=pane.attached), ()
    reason = f"somebody runs something in its pane {pane.id} (pid {pane.pid})"
    w = replace(_without_pane(w), goal=None, next_start=None, admitted=False, cleanup_at=None)
    return move(w, S.QUARANTINED, now, "worker.quarantined", "hands-on", "error", reason=reason)


def _pane_of_life(w: Worker, life: Life, fact: PaneSeen, now: Instant) -> Step:
    pane = fact.pane
    if life.process and pane.pid != life.process.pid:
        return _respawned_by_hand(w, life, pane, now)
    if pane.exit:
        return _died(w, life, pane.exit, now)
    if life.phase is Phase.ENDED:
        return _no_status_yet(w, life, pane, now)
    if pane.dead:
        return _question(w, life, now)
    armed = () if pane.piped else (ArmLog(life.id, pane.id, w.spec),)
    w, effects = _look_for_stall(w, life, fact, now)
    return w, (*armed, *effects)


def _no_status_yet(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    """Ask on; past the last question a dead pane's status is lost, and a pane that still lives is watched anew."""
    if life.answers + 1 < STATUS_LOST:
        return replace(w, life=replace(life, answers=life.answers + 1)), ()
    if pane.dead:
        return _died(w, life, Exit(None, None, now.wall), now)
    alive = replace(life, phase=Phase.ALIVE, ask_at=None)
    return replace(w, life=alive), (Watch(life.id, life.process),) if life.process else ()


def _observed(w: Worker, fact: PaneSeen) -> Worker:
    screen = w.screen if fact.screen is None else Screen.of(fact.screen, previous=w.screen)
    return replace(w, attached=fact.pane.attached, last_output=fact.pane.activity, screen=screen)


def _start_found(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    if pane.process is None and not pane.dead:
        return w, ()  # it ended between the two reads: the next sweep shows it dead
    process = pane.process or Handle(pane.pid, 0)
    return _started(w, Started(life.id, pane.id, process), now)


def _start_lost(w: Worker, life: Life, now: Instant) -> Step:
    """The order has expired and shows no pane. What may have come of it all the same is ended, then it starts anew."""
    moved: tuple[Effect, ...] = ()
    if w.state is S.STARTING:
        reason = "tmux lost the start"
        w, moved = move(w, S.PENDING, now, "worker.pending", "start-lost", "warning", reason=reason)
    w, effects = _lay_down(replace(w, admitted=w.state is S.PENDING), life, now)
    return w, (*moved, *effects)


def _pane_absent(w: Worker, fact: PaneAbsent, now: Instant) -> Step:
    life = w.life
    if life is None:
        return (w, ()) if fact.taken <= w.pane_since else _pane_closed(w, now)
    if life.phase is Phase.ORDERED or fact.taken <= life.answered:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        return _start_lost(w, life, now)
    if life.phase is Phase.ENDED:
        return _died(_without_pane(w), life, Exit(None, None, now.wall), now)
    return _missed(w, life, now)


def _pane_closed(w: Worker, now: Instant) -> Step:
    w = replace(_without_pane(w), cleanup_at=None)
    return _remove(w, now) if w.goal is Goal.REMOVE and w.is_empty else (w, ())


def _missed(w: Worker, life: Life, now: Instant) -> Step:
    if not life.seen and now.mono - life.since.mono < GRACE:
        return w, ()
    life = replace(life, misses=life.misses + 1)
    if life.misses < MISSES_BEFORE_GONE:
        return replace(w, life=life), (AskPane(w.pane),)
    return _died(_without_pane(w), life, Exit(None, None, now.wall), now)


def _without_pane(w: Worker) -> Worker:
    return replace(w, pane=None, attached=False)


def _respawned_by_hand(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    """Somebody ran respawn-pane: the old process is over, what lives in the pane now is this worker's."""
    if pane.process is None or pane.dead:
        return _died(w, life, pane.exit or Exit(None, None, now.wall), now) if pane.dead else (w, ())
    found = replace(life, process=pane.process, phase=Phase.ALIVE, since=now, answered=now.mono, ask_at=None)
    found = replace(found, stall=stall.StallWatch(), limits=limits.LimitWatch())
    facts = {"worker": w.name, "life": life.id, "pid": pane.pid, "old_pid": life.process and life.process.pid}
    said_so: tuple[Effect, ...] = (Emit("worker.respawned_by_hand", "warning", facts), Watch(life.id, pane.process))
    w = replace(w, life=found)
    w, ending = begin_ending(w, found, now) if w.ending else (w, ())  # the plan begins anew with the new process
    return w, (*said_so, *ending)


def _tree_seen(w: Worker, fact: TreeSeen, now: Instant) -> Step:
    life = w.life
    if life is None or life.phase is not Phase.ALIVE or fact.taken <= life.answered:
        return _woken(w, fact, now)
    tree = fact.tree
    if tree is None:  # the pane answers: the sweep may have begun with the root of the life before
        w, effects = _woken(w, fact, now)
        return w, (*effects, AskPane(w.pane, nudge=True))
    w = replace(w, life=replace(life, last_tree=tree.handles), rss_bytes=tree.rss_bytes)
    w = replace(w, cpu_percent=tree.cpu_percent, processes=len(tree.handles))
    w, effects = _look_at_limits(w, tree, now)
    w, more = _woken(w, fact, now)
    return w, (*effects, *more)


def _died(w: Worker, life: Life, exit: Exit, now: Instant) -> Step:
    uptime = max(0.0, now.mono - life.since.mono)
    w = replace(w, exit=exit, judged=life.id)
    facts = {"life": life.id, **exit_facts(exit, uptime)}
    if w.state in (S.STARTING, S.RUNNING):
        verdict = judge(w.spec, w.budget, exit, _well_for(w, life, now), dice(w), now)
        cause = "exit"
        w, told = apply_verdict(w, verdict, now, "worker.exited", cause, said(exit), **facts)
    else:  # it was being ended
        told = (Emit("worker.exited", "info", {"worker": w.name, "cause": w.goal or w.state, **facts}),)
        cause = w.goal.value if w.goal else "ended"  # by policy: not ready, unwell, stalled, above a limit
    begun = life.since.wall
    kept = death_of(w, life.id, exit, now, started_at=begun, uptime_s=facts["uptime_s"], cause=cause)
    w, effects = _lay_down(w, life, now)
    return w, (*told, kept, *effects)


def _well_for(w: Worker, life: Life, now: Instant) -> float:
    return max(0.0, stall.well_until(life.stall, w.spec.stall, now.mono) - life.since.mono)


def death_of(
    w: Worker,
    life: str,
    exit: Exit,
    now: Instant,
    *,
    started_at: float | None,
    uptime_s: float | None,
    cause: str,
) -> KeepDeath:
    """Return the order to keep a record of an exit that was judged; the worker is as the verdict left it."""
    again = w.next_start if w.state is S.BACKOFF else None
    return KeepDeath(
        Death(
            worker=w.name,
            life=life,
            started_at=started_at,
            ended_at=now.wall if started_at else exit.at or now.wall,
            uptime_s=uptime_s,
            exit_code=exit.code,
            exit_signal=exit.signal,
            cause=cause,
            reason=w.reason or said(exit),
            state=w.state.value,
            delay_s=None if again is None else round(max(0.0, again.mono - now.mono), 3),
            attempt=w.budget.attempt if again else None,
            rss_bytes=w.rss_bytes,
            cpu_percent=w.cpu_percent,
        )
    )


def _lay_down(w: Worker, life: Life, now: Instant) -> Step:
    """The life is over: clear it from every table, and end what is left of its tree before anything else begins."""
    w, untyped = _drop_input(w, f"{w.name} has ended")
    w = replace(w, pane_since=now.mono)  # a sweep from before may show its pane alive
    w = replace(w, life=None, rss_bytes=None, cpu_percent=None, processes=None)
    effects: tuple[Effect, ...] = ()
    ending = w.ending
    if ending is None:
        w, effects = begin_ending(w, life, now)
    elif ending.gone:
        w, effects = _nothing_left(w, ending, now)
    elif not ending.signalled:  # it went when it was asked: now what it left behind
        w, effects = _next_ending_step(w, replace(ending, last=life.last_tree or ending.last), now)
    return w, (Forget(life.id), *untyped, *effects)


def apply_verdict(w: Worker, verdict: Verdict, now: Instant, event: str, cause: str, what: str, **facts: Any) -> Step:
    match verdict:
        case Complete():
            w, effects = move(w, S.COMPLETED, now, event, cause, reason=what, **facts)
            return arm_cleanup(w, now), effects
        case Fail(reason):
            return move(w, S.FAILED, now, event, cause, "error", reason=f"{what}; {reason}", **facts)
        case Retry(delay, budget, note):
            w = replace(w, budget=budget, next_start=Instant(now.mono + delay, now.wall + delay))
            facts |= {"delay_s": round(delay, 3), "attempt": budget.attempt}
            reason = f"{what}; {note}" if note else what
            return move(w, S.BACKOFF, now, event, cause, "warning", reason=reason, **facts)


def arm_cleanup(w: Worker, now: Instant) -> Worker:
    after = w.spec.cleanup_after
    return w if after is None or w.pane is None else replace(w, cleanup_at=now.mono + after)


# ── stalls and limits: watched by modules of their own, carried out here ──────────────────────────────────────────────


def _ask_whether_stalled(w: Worker, now: Instant) -> Step:
    life = w.life
    if w.state is not S.RUNNING or life is None or life.phase is not Phase.ALIVE:
        return w, ()
    at = stall.ask_at(life.stall, w.spec.stall)
    if at is None or now.mono < at:
        return w, ()
    return replace(w, life=replace(life, stall=replace(life.stall, asked=now.mono))), (AskPane(w.pane),)


def _look_for_stall(w: Worker, life: Life, fact: PaneSeen, now: Instant) -> Step:
    if w.state is not S.RUNNING:
        return w, ()
    pane, digest = fact.pane, w.screen.digest if fact.screen is not None and w.screen else None
    sight = stall.Sight(fact.taken, pane.activity, (pane.columns, pane.rows), digest, pane.attached)
    watch, moments = stall.look(life.stall, w.spec.stall, sight, now)
    w = replace(w, life=replace(life, stall=watch))
    effects: tuple[Effect, ...] = ()
    for moment in moments:
        w, more = _stall_moment(w, moment, now)
        effects += more
    return w, effects


def _stall_moment(w: Worker, moment: stall.Moment, now: Instant) -> Step:
    match moment:
        case stall.Stalled(silent):
            facts = {"by": w.spec.stall.by, "silent_s": round(silent, 3)}
            return w, (_line(w, "worker.stalled", "warning", facts),)
        case stall.Unstalled(after):
            return w, (_line(w, "worker.unstalled", "info", {"stalled_s": round(after, 3)}),)
        case stall.Climbed(rung, step):
            return _climbed(w, rung, {"do": rung.do, "step": step, "steps": len(w.spec.stall.ladder)}, now)


def _climbed(w: Worker, rung: Rung, facts: dict[str, Any], now: Instant) -> Step:
    """Do one rung of the ladder; the log has what is done, never what is typed."""
    life = w.life
    if rung.do == "restart" and life:
        what = "no output" if w.spec.stall.by == "output" else "no change of its screen"
        reason = f"stalled: {what} for {now.mono - (life.stall.quiet or now.mono):.0f} s"
        return _end_as_crashed(w, life, now, "worker.stall_step", "stalled", reason, **facts)
    line = _line(w, "worker.stall_step", "warning", facts)
    match rung.do:
        case "send" if rung.text is not None:
            given = InputGiven(NOBODYS, rung.text.encode() + b"\r")
        case "send":
            given = InputGiven(NOBODYS, keys=rung.keys)
        case "interrupt":  # through the terminal, as a person's: to the foreground of the pane
            given = InputGiven(NOBODYS, keys=("C-c",))
        case _:
            return w, (line,)
    w, effects = _input_given(w, given, now)
    return w, (line, *effects)


def _look_at_limits(w: Worker, tree: Tree, now: Instant) -> Step:
    life = w.life
    if life is None or w.state not in (S.STARTING, S.RUNNING):
        return w, ()
    usage = limits.Usage(tree.rss_bytes, tree.cpu_percent, len(tree.handles), now.mono - life.since.mono)
    watch, breaches = limits.judge(life.limits, w.spec.limits, usage)
    life = replace(life, limits=watch)
    w = replace(w, life=life)
    ends = next((breach for breach in breaches if breach.limit.do == "restart"), None)
    told = tuple(_line(w, "worker.limit", "warning", _breach_facts(b)) for b in breaches if b is not ends)
    if ends is None:
        return w, told
    if ends.planned:
        w, effects = begin_stop(w, Goal.RESTART, now, cause="age")
        return w, (*told, _line(w, "worker.limit", "info", _breach_facts(ends)), *effects)
    w, effects = _end_as_crashed(w, life, now, "worker.limit", "limit", str(ends), **_breach_facts(ends))
    return w, (*told, *effects)


def _breach_facts(breach: limits.Breach) -> dict[str, Any]:
    return {"which": breach.which, "value": breach.value, "limit": breach.limit.value, "do": breach.limit.do}


def _line(w: Worker, event: str, level: str, facts: dict[str, Any]) -> Emit:
    return Emit(event, level, {"worker": w.name, "life": w.life.id if w.life else None, **facts})


def _end_as_crashed(w: Worker, life: Life, now: Instant, event: str, cause: str, what: str, **facts: Any) -> Step:
    """End a living worker by its stop plan; policy judges it as a crash."""
    verdict = judge(w.spec, _budget_after(w, life, now), None, now.mono - life.since.mono, dice(w), now)
    w, ended = begin_ending(w, life, now)
    w, moved = apply_verdict(w, verdict, now, event, cause, what, **facts)
    return w, (*moved, *ended)


# ── ending a tree ─────────────────────────────────────────────────────────────────────────────────────────────────


def begin_ending(w: Worker, life: Life, now: Instant) -> Step:
    ending = Ending(life=life.id, process=life.process, last=life.last_tree, steps=w.spec.stop)
    w, unasked = end_probe(w)
    w, effects = _next_ending_step(w, ending, now)
    return w, (*unasked, *effects)


def _next_ending_step(w: Worker, ending: Ending, now: Instant) -> Step:
    """Do what the plan has next and note when the step after it is due; the last one has no successor.

    What can't be typed is passed over, with its wait too as long as nothing was signalled.
    """
    listens = w.life is not None and w.life.id == ending.life and w.life.phase is Phase.ALIVE and w.pane is not None
    steps = ending.steps if listens or ending.signalled else stop_plan.from_first_signal(ending.steps)
    step = stop_plan.next_step(steps)
    ending = replace(ending, steps=step.rest, due=None if step.wait is None else now.mono + step.wait)
    if isinstance(step.action, str):
        ending = replace(ending, signalled=True, forced=step.action == "KILL", left=())
        return replace(w, ending=ending), (EndTree(ending.life, ending.process, ending.last, step.action),)
    return _ask_to_end(replace(w, ending=ending), step.action, now) if listens else (replace(w, ending=ending), ())


def _ask_to_end(w: Worker, action: TypeKeys | TypeText, now: Instant) -> Step:
    """Type what the plan says; what others wanted to type is given up, it was not meant for what comes after this."""
    keys = action.keys if isinstance(action, TypeKeys) else ()
    queue, dropped = interrupted(w.typing, InputGiven(NOBODYS, stop_plan.typed_bytes(action), keys))
    told = _given_up(w, f"{w.name} is being ended", dropped)
    w, typing = _type_next(replace(w, typing=queue), now)
    return w, (*told, *typing)


def _tree_left(w: Worker, fact: TreeLeft, _now: Instant) -> Step:
    if w.ending is None or w.ending.life != fact.life:
        return w, ()
    return replace(w, ending=replace(w.ending, left=fact.pids)), ()


def _tree_escaped(w: Worker, fact: TreeEscaped, _now: Instant) -> Step:
    if w.ending is None or w.ending.life != fact.life:
        return w, ()
    facts = {"worker": w.name, "life": fact.life, "pids": list(fact.pids)}
    return w, (Emit("worker.escaped", "warning", facts),)


def _tree_gone(w: Worker, fact: TreeGone, now: Instant) -> Step:
    ending = w.ending
    if ending is None or ending.life != fact.life:
        return w, ()
    if w.life is None:
        return _nothing_left(w, ending, now)
    w = replace(w, ending=replace(ending, steps=(), due=None, gone=True))  # goes on when its exit is judged
    return _question(w, w.life, now) if w.life and w.life.phase is Phase.ALIVE else (w, ())


def _nothing_left(w: Worker, ending: Ending, now: Instant) -> Step:
    forced = ending.forced and bool(ending.left)
    w = replace(w, ending=None, pane_since=now.mono)  # a sweep from before may show in its pane what was ended
    if w.state is S.STOPPING or w.goal is Goal.REMOVE:
        return _finish_stop(w, now, forced=forced)
    if w.state is S.PENDING and w.admitted:
        return _begin_life(w, now, "admitted")
    return _woken(w, Woken(), now)


def _finish_stop(w: Worker, now: Instant, *, forced: bool = False) -> Step:
    goal, w = w.goal, replace(w, goal=None)
    facts: dict[str, Any] = {"forced": True} if forced else {}
    match goal:
        case Goal.RESTART:
            return _begin_life(_respecced(w), now, "restart")
        case Goal.REPLACE:
            return move(_respecced(w), S.PENDING, now, "worker.pending", "replaced", **facts)
        case Goal.COMPLETE:
            w, effects = move(_respecced(w), S.COMPLETED, now, "worker.completed", "person", **facts)
            return arm_cleanup(w, now), effects
        case Goal.REMOVE:
            return _remove(w, now)
        case Goal.DOWN:
            return move(_respecced(w), S.STOPPED, now, "worker.stopped", "down", reason=DOWN, **facts)
        case Goal.STOP | None:
            return move(_respecced(w), S.STOPPED, now, "worker.stopped", "person", **facts)


def _respecced(w: Worker) -> Worker:
    return replace(w, spec=w.next_spec, next_spec=None) if w.next_spec else w


def _remove(w: Worker, now: Instant) -> Step:
    """Close its pane; it is removed when tmux says that the pane is gone, so that none is ever left behind."""
    w = replace(w, goal=Goal.REMOVE, admitted=False, next_start=None, next_spec=None)
    if w.pane:
        return _close_pane(w, now)
    w, emitted = move(replace(w, goal=None, cleanup_at=None), S.REMOVED, now, "worker.removed", "person")
    return w, (*emitted, Finish())


# ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _input_given(w: Worker, given: InputGiven, now: Instant) -> Step:
    alive = w.life is not None and w.life.phase is Phase.ALIVE
    problem = refusal(w.typing, given) if alive else f"{w.name} is {w.state}, there is no program to type to"
    if problem:
        return w, (Acknowledge(given.number, problem),)
    queue = replace(w.typing, waiting=(*w.typing.waiting, given))
    return _type_next(replace(w, typing=queue), now)


def _type_next(w: Worker, now: Instant) -> Step:
    if w.life is None or w.life.phase is not Phase.ALIVE or w.pane is None:
        return w, ()
    queue, piece = next_piece(w.typing, now.mono)
    if piece is None:
        return w, ()
    order = Type(w.life.id, piece.number, w.pane, piece.content, piece.keys, piece.if_taken)
    return replace(w, typing=queue), (order,)


def _under_way(w: Worker, answer: Typed | TypeHeld | TypeRefused | TypeUnknown) -> bool:
    queue = w.typing
    ours = w.life is not None and w.life.id == answer.life and queue.pieces == answer.piece
    return ours and queue.under_way is not None


def _typed(w: Worker, fact: Typed, now: Instant) -> Step:
    if not _under_way(w, fact):
        return w, ()
    queue, number = typed(w.typing)
    if number == NOBODYS and w.life:  # it may have waited to be typed: its echo is as of now
        w = replace(w, life=replace(w.life, stall=stall.echoing(w.life.stall, now)))
    w, more = _type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, None), *more)


def _type_held(w: Worker, fact: TypeHeld, now: Instant) -> Step:
    if not _under_way(w, fact):
        return w, ()
    w = replace(w, typing=held(w.typing, now.mono))
    return _not_typed(w, f"{w.name} does not read its input", now) if is_stuck(w.typing, now.mono) else (w, ())


def _type_refused(w: Worker, fact: TypeRefused, now: Instant) -> Step:
    if not _under_way(w, fact):
        return w, ()
    return _not_typed(replace(w, typing=replace(w.typing, under_way=None)), fact.reason, now)


def _not_typed(w: Worker, reason: str, now: Instant) -> Step:
    """Nobody reads what is typed: that is told to those who gave it, and a stop plan that asks goes on."""
    asked = any(given.number == NOBODYS for given in w.typing.waiting)
    w, told = _drop_input(w, reason)
    if not asked or w.ending is None or w.ending.signalled:
        return w, told
    w, effects = _next_ending_step(w, w.ending, now)
    return w, (*told, *effects)


def _type_unknown(w: Worker, fact: TypeUnknown, now: Instant) -> Step:
    """It may have been typed, so it is not typed again; what waits behind it has its turn."""
    if not _under_way(w, fact):
        return w, ()
    queue, number = without_first(w.typing)
    w, more = _type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, "tmux has not answered: it may be typed, or in part"), *more)


def _acknowledged(number: int | None, problem: str | None) -> tuple[Effect, ...]:
    return () if number in (None, NOBODYS) else (Acknowledge(number, problem),)


def _drop_input(w: Worker, reason: str) -> Step:
    """Give up all that waits, and tell each who gave it; of a piece under way nobody knows whether it arrived."""
    waiting, queue = w.typing.waiting, w.typing
    begun = queue.done > 0 or queue.under_way is not None
    dropped = tuple((given.number, begun and place == 0) for place, given in enumerate(waiting))
    if not waiting:
        return w, ()
    told = _given_up(w, reason, tuple((number, begun) for number, begun in dropped if number != NOBODYS))
    return replace(w, typing=TypingQueue(ahead=queue.ahead, pieces=queue.pieces)), told


def _given_up(w: Worker, reason: str, inputs: tuple[tuple[int, bool], ...]) -> tuple[Effect, ...]:
    """Say which inputs are not typed, by number and whether it was begun."""
    if not inputs:
        return ()
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "inputs": len(inputs), "reason": reason}
    part = {True: "it may have been typed in part", False: "it was not typed"}
    told = [Acknowledge(number, f"{reason}; {part[begun]}") for number, begun in inputs]
    return (Emit("worker.input_dropped", "warning", facts), *told)


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ordered(w: Worker, fact: Ordered, now: Instant) -> Step:
    w = replace(w, order=max(w.order, fact.number))
    match fact.verb:
        case Verb.START:
            return _order_start(w, now)
        case Verb.RESTART:
            return _order_restart(w, now)
        case Verb.STOP:
            return _order_end(w, Goal.STOP, now)
        case Verb.COMPLETE:
            return _order_end(w, Goal.COMPLETE, now)
        case Verb.REMOVE:
            return _order_end(w, Goal.REMOVE, now)
        case Verb.DOWN:
            return _order_end(w, Goal.DOWN, now)


def _order_start(w: Worker, now: Instant) -> Step:
    if w.goal is Goal.REMOVE and w.state is not S.STOPPING:
        w = replace(w, goal=None)  # the later order counts
    match w.state:
        case S.PENDING:
            return replace(w, next_start=None), ()
        case S.STOPPED | S.COMPLETED | S.FAILED | S.QUARANTINED:  # quarantined: the Supervisor asks for --force
            return move(replace(_forgiven(w), cleanup_at=None), S.PENDING, now, "worker.pending", "person")
        case S.BACKOFF if not w.ending:
            return _begin_life(_forgiven(w), now, "person")
        case S.BACKOFF:
            return replace(_forgiven(w), next_start=now), ()
        case S.STOPPING if w.goal is not Goal.REPLACE:
            return _change_goal(_forgiven(w), Goal.RESTART, now)  # remembered: it starts when the tree is gone
    return w, ()


def _change_goal(w: Worker, goal: Goal, now: Instant) -> Step:
    """A stopping worker becomes something else; at once, where only the end of its pane is still waited for."""
    w = replace(w, goal=goal)
    return _finish_stop(w, now) if w.is_empty else (w, ())


def _forgiven(w: Worker) -> Worker:
    return replace(w, budget=anew(w.budget))


def _order_restart(w: Worker, now: Instant) -> Step:
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(_forgiven(w), Goal.RESTART, now)
        case S.QUARANTINED:
            return w, ()
    return _order_start(w, now)


def _order_end(w: Worker, goal: Goal, now: Instant) -> Step:
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(w, goal, now)
        case S.STOPPING if goal is Goal.DOWN and w.goal in (Goal.STOP, Goal.COMPLETE, Goal.REMOVE):
            return w, ()  # it ends anyway, and what was ordered of it stays
        case S.STOPPING:
            return _change_goal(w, goal, now)
        case S.PENDING | S.BACKOFF if goal is Goal.DOWN and w.goal is Goal.REMOVE:
            return w, ()
        case S.PENDING | S.BACKOFF if goal is not Goal.REMOVE:
            w = replace(w, next_start=None, admitted=False, goal=goal)
            return _finish_stop(w, now)
        case S.STOPPED | S.FAILED if goal is Goal.COMPLETE:
            return _finish_stop(replace(w, goal=goal), now)
    if goal is not Goal.REMOVE or w.state is S.REMOVED:
        return w, ()
    if w.ending:  # the last life's tree first
        return replace(w, goal=goal, next_start=None, admitted=False), ()
    return _remove(w, now)


def begin_stop(w: Worker, goal: Goal, now: Instant, cause: str = "person") -> Step:
    cause = goal.value if goal in (Goal.DOWN, Goal.REPLACE) else cause
    w, emitted = move(replace(w, goal=goal), S.STOPPING, now, "worker.stopping", cause, goal=goal.value)
    if w.life is None or w.life.phase in (Phase.ORDERED, Phase.UNKNOWN):
        return w, emitted  # its process is not known yet: it is ended when the answer comes
    w, effects = begin_ending(w, w.life, now)
    return w, (*emitted, *effects)


def _spec_changed(w: Worker, fact: SpecChanged, now: Instant) -> Step:
    w = replace(w, order=max(w.order, fact.number))
    if w.goal is Goal.REMOVE and w.state in (S.STOPPED, S.COMPLETED, S.FAILED):
        return _order_start(replace(w, spec=fact.spec, next_spec=None), now)  # it was as good as gone: it begins anew
    w = _wanted_again(w, now)
    if fact.spec.digest == w.spec.digest:
        old, w = w.spec, replace(w, spec=fact.spec, next_spec=None)
        return _policy_changed(w, old, now)
    w = _forgiven(w)
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(replace(w, next_spec=fact.spec), Goal.REPLACE, now)
        case S.STOPPING:
            goal = Goal.REPLACE if w.goal is Goal.RESTART else w.goal or Goal.STOP
            return _change_goal(replace(w, next_spec=fact.spec), goal, now)
        case S.BACKOFF | S.COMPLETED | S.FAILED:
            return _order_start(replace(w, spec=fact.spec), now)
    return replace(w, spec=fact.spec), ()


def _policy_changed(w: Worker, old: WorkerSpec, now: Instant) -> Step:
    """What the new policy says counts for the life that there is, and for the pane of one that is over."""
    match w.state:
        case S.STOPPING if w.goal:
            return _change_goal(w, w.goal, now)
        case S.COMPLETED if w.spec.cleanup_after != old.cleanup_after:
            return arm_cleanup(replace(w, cleanup_at=None), now), ()
    return _probe_anew(w, old, now)


def _wanted_again(w: Worker, now: Instant) -> Worker:
    """The file names a worker that is about to be removed: it goes on where it was."""
    if w.goal is not Goal.REMOVE:
        return w
    if w.state is S.STOPPING:
        return replace(w, goal=Goal.REPLACE)
    return replace(w, goal=None, next_start=now if w.state is S.BACKOFF else None)


def _server_died(w: Worker, _fact: Fact, now: Instant) -> Step:
    """Every pane is gone at once; what survived the hang-up is ended before the way back, and no budget is spent."""
    life, w = w.life, replace(_without_pane(w), pane_since=now.mono, cleanup_at=None, screen=None)
    if life and life.phase in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()  # its start is in flight and may reach the next server: the answer tells, or a sweep
    moved: tuple[Effect, ...] = ()
    if w.state in (S.STARTING, S.RUNNING, S.BACKOFF):
        w = replace(w, next_start=None)
        w, moved = move(w, S.PENDING, now, "worker.pending", "tmux-died", "warning", reason="the tmux server died")
    if life is None and w.goal is Goal.REMOVE and w.is_empty:
        return _remove(w, now)  # nothing but its pane was waited for
    w, effects = _lay_down(w, life, now) if life else (w, ())
    return w, (*moved, *effects)


def said(exit: Exit) -> str:
    """Return an exit in words."""
    if exit.signal is not None:
        return f"killed by signal {exit.signal}"
    return "ended, exit code not known" if exit.code is None else f"exited with code {exit.code}"


def exit_facts(exit: Exit, uptime: float | None) -> dict[str, Any]:
    return {
        "exit_code": exit.code,
        "exit_signal": exit.signal,
        "uptime_s": None if uptime is None else round(uptime, 3),
    }


def dice(w: Worker) -> float:
    return random.Random(f"{w.seed}/{w.lives}").random()


_AT_A_DEADLINE: tuple[Callable[[Worker, Instant], Step], ...] = (
    _step_ending,
    _end_pause,
    _look_at_readiness,
    _ask_again,
    _lose_order,
    _forgive,
    _clean_up,
    _type_next,
    _ask_whether_stalled,
)

_CLAUSES: dict[type[Fact], Callable[[Worker, Any, Instant], Step]] = {
    Admitted: _admitted,
    Held: _held,
    Ordered: _ordered,
    SpecChanged: _spec_changed,
    Started: _started,
    StartRefused: _start_refused,
    StartUnknown: _start_unknown,
    ProcessEnded: _process_ended,
    PaneSeen: _pane_seen,
    PaneAbsent: _pane_absent,
    TreeSeen: _tree_seen,
    TreeGone: _tree_gone,
    TreeLeft: _tree_left,
    TreeEscaped: _tree_escaped,
    ProbeSucceeded: _probe_told,
    ProbeFailed: _probe_told,
    ServerDied: _server_died,
    OrdersLost: _orders_lost,
    InputGiven: _input_given,
    Typed: _typed,
    TypeHeld: _type_held,
    TypeRefused: _type_refused,
    TypeUnknown: _type_unknown,
    Woken: _woken,
}
