"""Stalls, limits and the log of a living worker: `stall`, `limits` and `log_watch` decide, this module acts."""

from dataclasses import replace
from typing import Any

from actors.events.words import exact
from actors.life import limits, log_watch, stall
from actors.life.budget import judge
from actors.life.ending import begin_ending, begin_stop
from actors.life.moves import line_of
from actors.life.outcomes import apply_verdict, budget_after, dice
from actors.life.state import Goal, Life, Phase, State, Step, Worker, renewed
from actors.life.typed_input import input_given
from actors.values.effects import ArmLog, AskPane, Effect
from actors.values.facts import NO_SENDER, InputGiven, Instant, LogSeen, PaneSeen, Tree
from actors.values.spec import Rung
from actors.values.typing import Manner

S = State


def ask_whether_stalled(w: Worker, now: Instant) -> Step:
    """Ask for the pane when a look at it can decide something."""
    life = w.life
    if w.state is not S.RUNNING or life is None or life.phase is not Phase.ALIVE or w.is_held:
        return w, ()
    at = stall.ask_at(life.stall, w.spec.stall)
    if at is None or now.mono < at:
        return w, ()
    return replace(w, life=replace(life, stall=replace(life.stall, asked=now.mono))), (AskPane(w.pane),)


def look_for_stall(w: Worker, life: Life, fact: PaneSeen, now: Instant) -> Step:
    """Compare the pane with the last look, and do the rungs of the ladder that are due."""
    if w.state is not S.RUNNING or w.is_held:
        return w, ()
    pane, digest = fact.pane, w.screen.digest if fact.screen is not None and w.screen else None
    sight = stall.Sight(fact.taken, pane.activity, (pane.columns, pane.rows), digest, pane.attached)
    watch, moments = stall.look(life.stall, w.spec.stall, sight, now)
    w = renewed(w, life=renewed(life, stall=watch))
    effects: tuple[Effect, ...] = ()
    for moment in moments:
        w, more = _stall_moment(w, moment, now)
        effects += more
    return w, effects


def _stall_moment(w: Worker, moment: stall.Moment, now: Instant) -> Step:
    match moment:
        case stall.Stalled(silent):
            facts = {"by": w.spec.stall.by, "silent_s": round(silent, 3)}
            return w, (line_of(w, "worker.stalled", facts),)
        case stall.Unstalled(after):
            return w, (line_of(w, "worker.unstalled", {"stalled_s": round(after, 3)}),)
        case stall.Climbed(rung, step):
            return _climbed(w, rung, {"do": rung.do, "step": step, "steps": len(w.spec.stall.ladder)}, now)


def _climbed(w: Worker, rung: Rung, facts: dict[str, Any], now: Instant) -> Step:
    """Do one rung of the ladder. The log tells the action, never the typed text."""
    life = w.life
    if rung.do == "restart" and life:
        what = "no output" if w.spec.stall.by == "output" else "no change of its screen"
        reason = f"stalled: {what} for {exact(round(now.mono - (life.stall.quiet or now.mono)))}"
        return end_as_crashed(w, life, now, "worker.stall_step", "stalled", reason, **facts)
    line = line_of(w, "worker.stall_step", facts)
    match rung.do:
        case "send" if rung.text is not None:
            given = InputGiven(NO_SENDER, rung.text.encode(), manner=Manner.LINE)
        case "send":
            given = InputGiven(NO_SENDER, keys=rung.keys)
        case "interrupt":  # through the terminal, so that it reaches the foreground program of the pane
            given = InputGiven(NO_SENDER, keys=("C-c",))
        case _:
            return w, (line,)
    w, effects = input_given(w, given, now)
    return w, (line, *effects)


def look_at_log(w: Worker, life: Life, seen: LogSeen, now: Instant) -> Step:
    """Compare the log with the folder and the screen; arm its pipe anew where the output goes nowhere."""
    if w.pane is None:
        return w, ()
    watch, gap = log_watch.look(w.log, w.pane, seen, w.last_output, life.since.wall)
    w = renewed(w, log=watch)
    return _armed(w, life, gap, now, anew=True) if gap else (w, ())


def open_closed_pipe(w: Worker, life: Life, now: Instant) -> Step:
    """The pane has no log pipe, or its reader has ended: open it, and tell once of the gap."""
    if w.log.is_told:
        return w, (ArmLog(life.id, w.pane or "", w.spec),)
    seen = w.log.seen
    file, since = (seen.file, seen.written_at) if seen else (None, None)
    gap = log_watch.Gap(log_watch.Why.CLOSED, file, since, 0)
    return _armed(w, life, gap, now, anew=False)


def _armed(w: Worker, life: Life, gap: log_watch.Gap, now: Instant, *, anew: bool) -> Step:
    gap_s = None if gap.since is None else round(max(0.0, now.wall - gap.since), 1)
    facts = {"why": gap.why, "file": gap.file, "gap_s": gap_s, "lost_bytes": gap.lost_bytes}
    told = line_of(w, "worker.log_gap", facts)
    if gap.is_over:
        return w, (told,)
    w = replace(w, log=log_watch.armed(w.pane, now.wall))
    return w, (told, ArmLog(life.id, w.pane or "", w.spec, anew=anew))


def look_at_limits(w: Worker, tree: Tree, now: Instant) -> Step:
    """Compare the tree's usage with the limits: tell each breach, and end the worker when its limit says so."""
    life = w.life
    if life is None or w.state not in (S.STARTING, S.RUNNING):
        return w, ()
    usage = limits.Usage(tree.rss_bytes, tree.cpu_percent, len(tree.handles), now.mono - life.since.mono)
    watch, breaches = limits.judge(life.limits, w.spec.limits, usage)
    life = renewed(life, limits=watch)
    w = renewed(w, life=life)
    ends = next((breach for breach in breaches if breach.limit.do == "restart"), None)
    told = tuple(line_of(w, "worker.limit", _breach_facts(b)) for b in breaches if b is not ends)
    if ends is None:
        return w, told
    if ends.planned:
        w, effects = begin_stop(w, Goal.RESTART, now, cause="age")
        return w, (*told, line_of(w, "worker.limit", _breach_facts(ends)), *effects)
    w, effects = end_as_crashed(w, life, now, "worker.limit", "limit", str(ends), **_breach_facts(ends))
    return w, (*told, *effects)


def _breach_facts(breach: limits.Breach) -> dict[str, Any]:
    return {"which": breach.which, "value": breach.value, "limit": breach.limit.value, "do": breach.limit.do}


def end_as_crashed(w: Worker, life: Life, now: Instant, event: str, cause: str, what: str, **facts: Any) -> Step:
    """End a living worker by its stop plan. Policy judges this as a crash."""
    verdict = judge(w.spec, budget_after(w, life, now), None, now.mono - life.since.mono, dice(w), now)
    w, ended = begin_ending(w, life, now)
    w, moved = apply_verdict(w, verdict, now, event, cause, what, **facts)
    return w, (*moved, *ended)
