"""The start of a life: the order, and each answer that tmux can give, late or never."""

from dataclasses import replace

from actors.life.aftermath import finish_stop, lay_down
from actors.life.budget import judge
from actors.life.ending import begin_ending
from actors.life.moves import begin_life, line_of, without_pane
from actors.life.outcomes import apply_verdict, dice
from actors.life.readiness import await_readiness
from actors.life.state import Goal, Life, Phase, State, Step, Worker, move
from actors.servers import server_of
from actors.values.effects import Effect, Forget, Start, Watch
from actors.values.facts import Fact, Handle, Held, Instant, Pane, Refusal, Started, StartRefused, StartUnknown
from actors.values.gates import Gate, Hold

REFUSED_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before a refused start is repeated; the last repeats
NO_PROCESS_PAUSE = 1.0  # seconds, at least, when tmux could not fork

S = State


def admitted(w: Worker, _fact: Fact, now: Instant) -> Step:
    if w.state is not S.PENDING or w.goal is Goal.REMOVE:
        return w, ()
    if w.ending:
        return replace(w, admitted=True, reason="waiting for what is left of the last life to end"), ()
    return begin_life(w, now, "admitted")


def keep_waiting(w: Worker, fact: Held, _now: Instant) -> Step:
    return (replace(w, gate=fact.gate, reason=fact.gate.reason), ()) if w.state is S.PENDING else (w, ())


def started(w: Worker, fact: Started, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase not in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()
    life = replace(life, phase=Phase.ALIVE, process=fact.process, server=server_of(fact.pane))
    life = replace(life, since=now, answered=now.mono, ask_at=None)
    w = replace(w, life=life, pane=fact.pane, pane_since=now.mono, refused=0)
    watching: tuple[Effect, ...] = (Watch(life.id, fact.process, fact.terminal),)
    if fact.session is not None and w.session is not None:
        w = replace(w, session=replace(w.session, id=fact.session or w.session.id, life=life.id))
        watching = (*watching, line_of(w, "worker.resumed", {}))
    if w.state is S.STOPPING:
        w, effects = begin_ending(w, life, now)
        return w, (*watching, *effects)
    w, effects = await_readiness(w, life, now)
    return w, (*watching, *effects)


def start_refused(w: Worker, fact: StartRefused, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase not in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()
    if fact.refusal is Refusal.PANE_GONE and w.state is S.STARTING:
        again = replace(life, phase=Phase.ORDERED, since=now, answered=now.mono, ask_at=None)
        return replace(without_pane(w), life=again), (Start(life.id, w.spec, None, take_up=life.take_up),)
    w = replace(w, life=None)
    if w.state is S.STOPPING:
        w, effects = finish_stop(w, now)
        return w, (Forget(life.id), *effects)
    w, effects = _refused(w, fact, now)
    return w, (Forget(life.id), *effects)


def _refused(w: Worker, fact: StartRefused, now: Instant) -> Step:
    match fact.refusal:
        case Refusal.IMPOSSIBLE:
            return move(w, S.FAILED, now, "worker.failed", "cannot-start", reason=fact.reason)
        case Refusal.NAME_TAKEN:
            return move(w, S.QUARANTINED, now, "worker.quarantined", "name-taken", reason=fact.reason)
        case Refusal.NO_PROCESS:
            gate = Gate(Hold.CAPACITY, f"capacity: no process can be started: {fact.reason}")
            w = _resting(w, now, least=NO_PROCESS_PAUSE)
            w, told = move(w, S.PENDING, now, "worker.pending", "no-process", reason=gate.reason)
            return replace(w, gate=gate), told
        case Refusal.NO_SECRETS:
            verdict = judge(w.spec, w.budget, None, 0.0, dice(w), now)
            return apply_verdict(w, verdict, now, "worker.no_secrets", "no-secrets", fact.reason)
        case Refusal.UNREACHABLE | Refusal.PANE_GONE:
            w = _resting(w, now)
            return move(w, S.PENDING, now, "worker.pending", "tmux-unreachable", reason=fact.reason)


def _resting(w: Worker, now: Instant, least: float = 0.0) -> Worker:
    """Return the worker with a pause before the next start: longer with each refusal. No budget is spent."""
    pause = max(least, REFUSED_PAUSES[min(w.refused, len(REFUSED_PAUSES) - 1)])
    again = Instant(now.mono + pause, now.wall + pause) if pause else None
    return replace(w, refused=w.refused + 1, next_start=again)


def start_unknown(w: Worker, fact: StartUnknown, _now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase is not Phase.ORDERED:
        return w, ()
    unknown = replace(life, phase=Phase.UNKNOWN, answered=fact.until, ask_at=fact.until)
    return replace(w, life=unknown, reason="tmux has not answered the start; the next sweep will tell"), ()


def start_found(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    """Go on with the process of an unanswered start, which a sweep shows."""
    if pane.process is None and not pane.dead:
        return w, ()  # the process ended during the sweep: the next one shows a dead pane
    process = pane.process or Handle(pane.pid, 0)
    return started(w, Started(life.id, pane.id, process), now)


def start_lost(w: Worker, life: Life, now: Instant) -> Step:
    """Start again: the order has expired, and there is no pane. A process that it made all the same is ended first."""
    moved: tuple[Effect, ...] = ()
    if w.state is S.STARTING:
        reason = "tmux lost the start"
        w, moved = move(w, S.PENDING, now, "worker.pending", "start-lost", reason=reason)
    w, effects = lay_down(replace(w, admitted=w.state is S.PENDING), life, now)
    return w, (*moved, *effects)
