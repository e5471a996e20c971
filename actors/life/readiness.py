"""Whether a life is ready, and later whether it is well: what the tries of its probe mean for the worker."""

from dataclasses import replace
from typing import Any

from actors.events.words import exact
from actors.life.budget import judge
from actors.life.ending import begin_ending
from actors.life.moves import end_probe
from actors.life.outcomes import apply_verdict, dice, well_for
from actors.life.state import Life, Phase, State, Step, Worker, move
from actors.life.tally import Tally, failed, succeeded
from actors.life.tally import Verdict as Answer
from actors.values.effects import Effect, Emit, Probe, ShowScreen
from actors.values.facts import Exit, Instant, ProbeFailed, ProbeSucceeded, ProbeUnknown, Purpose
from actors.values.spec import Do, WorkerSpec

S = State
SETTLE = 0.3  # seconds; a program that is missing, can't load or goes into the background is usually over by then


def await_readiness(w: Worker, life: Life, now: Instant) -> Step:
    """Wait until a started life is ready, by its delay and its probe."""
    ready = w.spec.ready
    life = replace(life, ready_by=now.mono + ready.timeout, delay_over=now.mono + ready.delay)
    life = replace(life, overdue=False, untried=None)
    w, effects = look_at_readiness(replace(w, life=replace(life, probed=ready.kind is None)), now)
    if ready.kind is None:
        return w, effects
    w, probing = _ask_about(w, Purpose.READY)
    return w, (*effects, *probing)


def look_at_readiness(w: Worker, now: Instant) -> Step:
    """Move the worker when it is ready, or was not ready in time."""
    life = w.life
    if w.state is not S.STARTING or life is None or life.phase is not Phase.ALIVE:
        return w, ()
    if life.probed and life.delay_over is not None and now.mono >= life.delay_over:
        w, emitted = move(w, S.RUNNING, now, "worker.ready", "ready", startup_s=round(now.mono - life.since.mono, 3))
        w, probing = watch_over(w)
        return w, (*emitted, *probing)
    if life.ready_by is not None and now.mono >= life.ready_by:
        return _out_of_time(w, life, now) if life.probed else _try_once_more(w, life)
    return w, ()


def settles_at(w: Worker) -> float | None:
    """Return until when a running worker may only seem ready, as no probe asked it; None when that is over.

    Dependants wait for it. While its first process has ended and what that left is looked at, it does not pass.
    """
    life = w.life
    if w.state is not S.RUNNING or life is None or life.settled or w.spec.ready.kind is not None:
        return None
    return life.since.mono + SETTLE


def settle(w: Worker, now: Instant) -> Step:
    """Note that a life has outlived its first moment."""
    at, life = settles_at(w), w.life
    if at is None or life is None or life.phase is not Phase.ALIVE or now.mono < at:
        return w, ()
    return replace(w, life=replace(life, settled=True)), ()


def _out_of_time(w: Worker, life: Life, now: Instant) -> Step:
    return _not_ready(w, life, now, f"not ready within {exact(w.spec.ready.timeout)}")


def _try_once_more(w: Worker, life: Life) -> Step:
    """Let one last try decide after the time is up: earlier tries may be old, as after a stop of this service."""
    if life.overdue or life.untried is not None:
        return w, ()
    return replace(w, life=replace(life, overdue=True)), (_probe(w, life, Purpose.READY),)


def _not_ready(w: Worker, life: Life, now: Instant, what: str) -> Step:
    what += f" ({life.tally.reason})" if life.tally.reason else ""
    verdict = judge(w.spec, w.budget, None, now.mono - life.since.mono, dice(w), now)
    w, ended = begin_ending(w, life, now)
    w, moved = apply_verdict(w, verdict, now, "worker.unready", "not-ready", what)
    return w, (*moved, *ended)


def watch_over(w: Worker) -> Step:
    """Start the liveness probe of a running worker, if its policy has one."""
    return end_probe(w) if w.spec.live.kind is None else _ask_about(w, Purpose.LIVE)


def _ask_about(w: Worker, purpose: Purpose) -> Step:
    assert w.life is not None
    life = replace(w.life, probing=purpose, tally=Tally())
    return replace(w, life=life), (_probe(w, life, purpose),)


def _probe(w: Worker, life: Life, purpose: Purpose) -> Probe:
    shown = w.screen.content if w.screen and life.seen else None
    return Probe(life.id, purpose, w.spec, w.pane, shown, life.process)


def probe_told(w: Worker, fact: ProbeSucceeded | ProbeFailed, now: Instant) -> Step:
    life = w.life
    if life is None or (life.id, life.phase, life.probing) != (fact.life, Phase.ALIVE, fact.purpose):
        return w, ()
    check = w.spec.ready if fact.purpose is Purpose.READY else w.spec.live
    well = isinstance(fact, ProbeSucceeded)
    tally = succeeded(life.tally, check) if well else failed(life.tally, check, fact.reason)  # type: ignore[union-attr]
    told = replace(life, tally=tally)
    if fact.purpose is Purpose.READY and life.untried is not None:
        told = _without_the_outage(told, life.untried, now)
    if fact.purpose is Purpose.READY:
        return _ready_or_not(replace(w, life=told), told, now)
    changed = tally.verdict is not life.tally.verdict
    return _well_or_not(replace(w, life=told), told, life.tally, now) if changed else (replace(w, life=told), ())


def probe_unknown(w: Worker, fact: ProbeUnknown, _now: Instant) -> Step:
    """Stop the clock of `ready.timeout` while no try can be made."""
    life = w.life
    if life is None or (life.id, life.probing, fact.purpose) != (fact.life, Purpose.READY, Purpose.READY):
        return w, ()
    untried = fact.since if life.untried is None else life.untried
    return replace(w, life=replace(life, untried=untried)), ()


def _without_the_outage(life: Life, since: float, now: Instant) -> Life:
    ready_by = None if life.ready_by is None else life.ready_by + max(0.0, now.mono - since)
    return replace(life, ready_by=ready_by, untried=None, overdue=False)


def _ready_or_not(w: Worker, life: Life, now: Instant) -> Step:
    match life.tally.verdict:
        case Answer.NO:
            return _not_ready(w, life, now, f"not ready after {life.tally.failures} tries")
        case Answer.YES:
            w, ended = end_probe(replace(w, life=replace(life, probed=True)))
            w, effects = look_at_readiness(w, now)
            return w, (*ended, *effects)
        case Answer.OPEN if life.overdue and life.tally.successes == 0:
            return _out_of_time(w, life, now)
        case Answer.OPEN:
            return w, ()


def _well_or_not(w: Worker, life: Life, before: Tally, now: Instant) -> Step:
    facts: dict[str, Any] = {"worker": w.name, "life": life.id, "cause": "liveness", "kind": w.spec.live.kind}
    if life.tally.verdict is Answer.YES:
        return w, (Emit("worker.healthy", facts),) if before.verdict is Answer.NO else ()
    facts |= {"failures": life.tally.failures}
    if w.spec.live.do is Do.NOTIFY:
        return w, (Emit("worker.unhealthy", facts | {"reason": life.tally.reason}),)
    uptime = now.mono - life.since.mono
    verdict = judge(w.spec, w.budget, Exit(None, None, now.wall), well_for(w, life, uptime, now), dice(w), now)
    w, ended = begin_ending(w, life, now)
    what = f"not well: {life.tally.reason}"
    facts = {"kind": facts["kind"], "failures": facts["failures"], "uptime_s": round(uptime, 3)}
    w, moved = apply_verdict(w, verdict, now, "worker.unhealthy", "liveness", what, **facts)
    return w, (*moved, *ended)


def probe_anew(w: Worker, old: WorkerSpec, now: Instant) -> Step:
    """Probe the present life by the check of the new spec, if the check has changed."""
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


def show(w: Worker, before: Worker) -> tuple[Effect, ...]:
    """Return the effect that hands a new screen to the probe that reads it."""
    life = w.life
    if life is None or life.probing is None or w.screen is None or w.screen is before.screen:
        return ()
    check = w.spec.ready if life.probing is Purpose.READY else w.spec.live
    return (ShowScreen(life.id, w.screen.content),) if check.screen is not None else ()
