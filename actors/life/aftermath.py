"""A life is over: its exit is judged, the rest of its tree is ended, and then comes what was ordered or decided."""

from dataclasses import replace
from typing import Any

from actors.events.words import BACKGROUND, UNREADY, brief_in_words, left_in_words
from actors.life.budget import Complete, Fail, Verdict, ended_well, judge, rule_for
from actors.life.ending import begin_ending, next_ending_step
from actors.life.moves import begin_life, close_pane, question
from actors.life.outcomes import (
    apply_verdict,
    arm_cleanup,
    dated,
    dead,
    dice,
    exit_facts,
    lived,
    named,
    said,
    true_exit,
    well_for,
)
from actors.life.resuming import fallen_back, in_vain
from actors.life.state import Goal, Life, Phase, State, Step, Worker, move
from actors.life.typed_input import life_over
from actors.values.effects import Effect, Emit, Finish, Forget
from actors.values.facts import Exit, Instant, TreeGone
from actors.values.spec import Background

SEEN = 1.0  # seconds after its end for which an ephemeral worker is shown: its exit is in a picture then
BRIEF = 1.0  # seconds: so short is the life of a main process that only starts another one
UNTOLD = 10.0  # seconds that `down` waits for tmux to tell the exit of a life whose tree is gone

S = State


def died(w: Worker, life: Life, exit: Exit, now: Instant) -> Step:
    """Judge an exit, unless the life was being ended; log it, keep a death record, and end the life."""
    exit = dated(true_exit(w.spec, exit), life)
    uptime = lived(life, exit, now)
    w = replace(w, exit=exit, judged=life.id)
    facts = {"life": life.id, **exit_facts(exit, uptime)}
    if w.state in (S.STARTING, S.RUNNING):
        deaf = _never_listened(w, life, exit)
        verdict = judge(w.spec, w.budget, None if deaf else exit, well_for(w, life, uptime, now), dice(w), now)
        verdict, cause, what, more = _with_what_is_left(w, life, exit, verdict)
        if deaf:
            what, more = f"{what}{UNREADY}", {**more, "unready": True}
        if not isinstance(verdict, Complete) and cause == "exit" and uptime < BRIEF and ended_well(w.spec, exit):
            what, more = f"{what}{brief_in_words(w.spec.argv[0])}", {**more, "program": w.spec.argv[0]}
        w, told = apply_verdict(w, verdict, now, "worker.exited", cause, what, **facts, **more)
    else:
        told = (Emit("worker.exited", {"worker": w.name, "cause": w.goal or w.state, **facts}),)
        cause = w.goal.value if w.goal else "ended"  # by policy: not ready, unwell, stalled, above a limit
    begun, ended = life.since.wall, (life.ended or now).wall
    w, kept = dead(w, life.id, exit, now, started_at=begun, ended_at=ended, uptime_s=facts["uptime_s"], cause=cause)
    w, effects = lay_down(w, life, now)
    return w, (*told, kept, *effects)


def _never_listened(w: Worker, life: Life, exit: Exit) -> bool:
    """Whether it ended well by its code, and has never listened as its check of readiness demands: that is no success.

    A rule of `on_exit` that names the exit knows better.
    """
    listens = w.spec.ready.kind in ("tcp", "unix", "http") and w.state is S.STARTING and not life.probed
    return listens and ended_well(w.spec, exit) and rule_for(w.spec, exit) is None


def _with_what_is_left(w: Worker, life: Life, exit: Exit, verdict: Verdict) -> tuple[Verdict, str, str, dict[str, Any]]:
    """Return verdict, cause, what happened, and the facts of it: a program in the background has not ended well."""
    if not life.left:
        return verdict, "exit", said(exit), {}
    left = named(life.left)
    background = w.spec.background is not Background.END and ended_well(w.spec, exit)
    if background and isinstance(verdict, Complete):
        verdict = Fail('background = "fail"')
    return (
        verdict,
        BACKGROUND if background else "exit",
        f"{said(exit)}{left_in_words(left, background)}",
        {"left": left},
    )


def lay_down(w: Worker, life: Life, now: Instant) -> Step:
    """Clear the life from every table, and end the rest of its tree before anything else starts."""
    w, fell_back = _without_session(w, life, now)
    w, untyped = life_over(w)
    w = replace(w, pane_since=now.mono)  # an earlier sweep may show the pane alive
    life = replace(life, last_tree=(*life.last_tree, *(member.process for member in life.left or ())))
    w = replace(w, life=None, rss_bytes=None, cpu_percent=None, processes=None)
    effects: tuple[Effect, ...] = ()
    ending = w.ending
    if ending.gone if ending else life.gone:
        w, effects = _nothing_left(w, now)
    elif ending is None:
        w, effects = begin_ending(w, life, now)
    elif not ending.signalled:  # it ended when asked: now the rest of its tree
        w, effects = next_ending_step(w, replace(ending, last=life.last_tree or ending.last), now)
    return w, (*fell_back, *untyped, *effects, Forget(life.id))  # last: EndTree goes on from the look that it drops


def _without_session(w: Worker, life: Life, now: Instant) -> Step:
    """Give up a session that a life has taken up and died of: the next one begins by `command`."""
    lived = in_vain(w, life, now)
    if lived is None or w.session is None:
        return w, ()
    facts = {"worker": w.name, "life": life.id, "uptime_s": round(lived, 3)}
    return replace(w, session=fallen_back(w.session)), (Emit("worker.resume_failed", facts),)


def tree_gone(w: Worker, fact: TreeGone, now: Instant) -> Step:
    ending = w.ending
    if ending is None or ending.life != fact.life:
        return w, ()
    if w.life is None:
        return _nothing_left(w, now)
    if (life := w.life).exit or life.behind:
        return died(replace(w, ending=replace(ending, gone=True)), life, life.exit or Exit(None, None, now.wall), now)
    due = now.mono + UNTOLD
    w = replace(w, ending=replace(ending, steps=(), due=due, gone=True))  # continues when its exit is judged
    return question(w, w.life, now) if w.life and w.life.phase is Phase.ALIVE else (w, ())


def wait_for_word(w: Worker, now: Instant) -> Step:
    """Give up waiting for the exit of a life whose tree is gone, when the worker ends together with the service."""
    ending = w.ending
    if ending is None or not ending.gone or ending.due is None or now.mono < ending.due:
        return w, ()
    if w.goal is Goal.DOWN and w.life is not None:
        return died(w, w.life, Exit(None, None, now.wall), now)
    return replace(w, ending=replace(ending, due=now.mono + UNTOLD)), ()


def _nothing_left(w: Worker, now: Instant) -> Step:
    forced = w.ending is not None and w.ending.forced and bool(w.ending.left)
    w = replace(w, ending=None, pane_since=now.mono)  # an earlier sweep may show the ended process in its pane
    if w.state is S.STOPPING or w.goal is Goal.REMOVE:
        return finish_stop(w, now, forced=forced)
    if w.state is S.PENDING and w.admitted:
        return begin_life(w, now, "admitted")
    return clean_up(w, now) if w.state is S.COMPLETED else end_pause(w, now)


def finish_stop(w: Worker, now: Instant, *, forced: bool = False) -> Step:
    """Become what was ordered, now that nothing is left of the life. `forced`: SIGKILL was needed."""
    goal, by, w = w.goal, "rule" if w.by_rule else "person", replace(w, goal=None, by_rule="")
    facts: dict[str, Any] = {"forced": True} if forced else {}
    match goal:
        case Goal.RESTART:
            return begin_life(_respecced(w), now, "restart")
        case Goal.REPLACE:
            return move(_respecced(w), S.PENDING, now, "worker.pending", "replaced", **facts)
        case Goal.COMPLETE:
            w, effects = move(_respecced(w), S.COMPLETED, now, "worker.completed", by, **facts)
            return arm_cleanup(w, now), effects
        case Goal.REMOVE:
            return remove(w, now)
        case Goal.DOWN:
            w, effects = move(_respecced(w), S.STOPPED, now, "worker.stopped", "down", reason="down", **facts)
            return replace(w, with_service=True), effects
        case Goal.STOP | None:
            return move(_respecced(w), S.STOPPED, now, "worker.stopped", by, **facts)


def _respecced(w: Worker) -> Worker:
    return replace(w, spec=w.next_spec, next_spec=None) if w.next_spec else w


def change_goal(w: Worker, goal: Goal, now: Instant) -> Step:
    """Give a stopping worker another goal; it is reached at once when only the pane is left."""
    w = replace(w, goal=goal)
    return finish_stop(w, now) if w.is_empty else (w, ())


def remove(w: Worker, now: Instant) -> Step:
    """Close the pane. The worker is removed when tmux says that the pane is gone, so that no pane stays behind."""
    w = replace(w, goal=Goal.REMOVE, admitted=False, next_start=None, next_spec=None)
    if w.pane:
        return close_pane(w, now)
    w, emitted = move(replace(w, goal=None, cleanup_at=None), S.REMOVED, now, "worker.removed", "person")
    return w, (*emitted, Finish())


def end_pause(w: Worker, now: Instant) -> Step:
    """Start the next life when the pause before it is over."""
    if w.next_start is None or now.mono < w.next_start.mono:
        return w, ()
    if w.rests:
        return replace(w, next_start=None), ()
    if w.state is not S.BACKOFF or w.ending:
        return w, ()
    return begin_life(w, now, "backoff-over")


def leaves_at(w: Worker) -> float | None:
    """Return when an ephemeral worker that has ended for good is forgotten; None for any other."""
    over = w.state in (S.COMPLETED, S.FAILED, S.STOPPED) and not (w.with_service or w.goal or w.ending)
    after = w.spec.cleanup_after
    return w.since.mono + max(after, SEEN) if w.spec.ephemeral and over and after is not None else None


def leave(w: Worker, now: Instant) -> Step:
    """Remove an ephemeral worker when its time has come."""
    at = leaves_at(w)
    return (w, ()) if at is None or now.mono < at else remove(w, now)


def clean_up(w: Worker, now: Instant) -> Step:
    """Close the pane of a completed worker when `cleanup_after` has passed."""
    if w.cleanup_at is None or now.mono < w.cleanup_at or w.ending:
        return w, ()
    return close_pane(w, now)
