"""The tables of clauses: one function for each kind of fact, and one for each deadline."""

from collections.abc import Callable
from typing import Any

from actors.life import stall
from actors.life.aftermath import clean_up, end_pause, leave, leaves_at, tree_gone, wait_for_word
from actors.life.attending import attention_said, look_at_attention, looks_at, session_said
from actors.life.background import look_again, tree_found
from actors.life.ending import step_ending, tree_escaped, tree_left, type_held, type_refused
from actors.life.holding import look_at_hold, released, still_held
from actors.life.moves import ask_again
from actors.life.orders import ordered, signal_ordered, spec_changed
from actors.life.outcomes import forgive
from actors.life.readiness import look_at_readiness, probe_told, probe_unknown, settle, settles_at
from actors.life.ruling import (
    ask_whether_silent,
    command_ended,
    heed,
    lines_matched,
    lines_skipped,
    screen_matched,
    silence_at,
)
from actors.life.sightings import pane_absent, pane_seen, process_ended, server_died, tree_seen
from actors.life.starting import admitted, keep_waiting, start_refused, start_unknown, started
from actors.life.state import Life, Phase, State, Step, Worker
from actors.life.typed_input import (
    after_each_change,
    input_given,
    input_seen,
    tries_at,
    type_unknown,
    was_typed,
)
from actors.life.watching import ask_whether_stalled
from actors.values import facts, rules
from actors.values.attention import AttentionSaid, SessionSaid
from actors.values.effects import Effect

S = State


def step(worker: Worker, fact: facts.Fact, now: facts.Instant) -> Step:
    """Return the worker after `fact`, and its effects. Raises `IllegalTransition` for a bug."""
    if not isinstance(fact, facts.TreeSeen) or fact.pane is None:
        return _step(worker, fact, now)
    worker, first = _step(worker, fact.pane, now)
    if worker.state is S.REMOVED:
        return worker, first
    worker, then = _step(worker, fact, now)
    return worker, (*first, *then)


def _step(worker: Worker, fact: facts.Fact, now: facts.Instant) -> Step:
    after, effects = _CLAUSES[type(fact)](worker, fact, now)
    if after.spec.rules or worker.spec.rules:
        after, effects = heed(worker, after, effects, fact, now)
    if after is worker:
        return after, effects
    if after.hold is not None:
        after, told = still_held(after, now)
        effects = (*effects, *told)
    after, more = after_each_change(after, now)
    return after, (*effects, *more)


def due(worker: Worker) -> float | None:
    """Return the monotonic time of the worker's next deadline; the shell asks to be woken then."""
    return min(_deadlines(worker), default=None)


def _deadlines(w: Worker) -> list[float]:
    found: list[float | None] = [w.ending.due if w.ending else w.cleanup_at, leaves_at(w), tries_at(w)]
    found.append(w.hold_over)
    if w.next_start and (w.rests or (w.state is S.BACKOFF and not w.ending)):
        found.append(w.next_start.mono)
    if w.life:
        found += _life_deadlines(w, w.life)
    return [at for at in found if at is not None]


def _life_deadlines(w: Worker, life: Life) -> list[float | None]:
    if life.phase is Phase.ORDERED:
        return []  # the Terminal answers each start
    if life.phase is not Phase.ALIVE:
        return [life.ask_at, None if w.ending else life.look_at]
    if w.state is S.STARTING:
        return [_ready_at(life), silence_at(w)]
    if w.state is S.RUNNING:
        healthy = life.since.mono + w.spec.healthy_after if w.budget.attempt and w.spec.stall.after is None else None
        watched = None if w.is_held else stall.ask_at(life.stall, w.spec.stall)
        return [healthy, watched, looks_at(w, life), silence_at(w), settles_at(w)]
    return []


def _ready_at(life: Life) -> float | None:
    """Return when to check its readiness; None when the next try of its probe decides."""
    if life.probed and life.delay_over is not None:
        return life.delay_over
    return None if life.overdue or life.untried is not None else life.ready_by


def _woken(w: Worker, _fact: facts.Fact, now: facts.Instant) -> Step:
    effects: tuple[Effect, ...] = ()
    for clause in _AT_A_DEADLINE:
        w, more = clause(w, now)
        effects += more
    return w, effects


def _health_beat(w: Worker, fact: facts.TreeSeen, now: facts.Instant) -> Step:
    """Take the slice of a sweep, and check all deadlines, in case an alarm was lost."""
    w, effects = tree_seen(w, fact, now)
    w, more = _woken(w, fact, now)
    return w, (*effects, *more)


_AT_A_DEADLINE: tuple[Callable[[Worker, facts.Instant], Step], ...] = (
    step_ending,
    wait_for_word,
    look_at_hold,
    end_pause,
    look_at_readiness,
    settle,
    ask_again,
    look_again,
    forgive,
    leave,
    clean_up,
    after_each_change,
    ask_whether_stalled,
    look_at_attention,
    ask_whether_silent,
)

_CLAUSES: dict[type[facts.Fact], Callable[[Worker, Any, facts.Instant], Step]] = {
    facts.Admitted: admitted,
    facts.Held: keep_waiting,
    facts.Ordered: ordered,
    facts.SpecChanged: spec_changed,
    facts.Started: started,
    facts.StartRefused: start_refused,
    facts.StartUnknown: start_unknown,
    facts.ProcessEnded: process_ended,
    facts.PaneSeen: pane_seen,
    facts.PaneAbsent: pane_absent,
    facts.TreeSeen: _health_beat,
    facts.TreeGone: tree_gone,
    facts.TreeLeft: tree_left,
    facts.TreeEscaped: tree_escaped,
    facts.TreeFound: tree_found,
    facts.ProbeSucceeded: probe_told,
    facts.ProbeFailed: probe_told,
    facts.ProbeUnknown: probe_unknown,
    facts.ServerDied: server_died,
    facts.InputGiven: input_given,
    facts.InputSeen: input_seen,
    facts.SignalOrdered: signal_ordered,
    facts.Typed: was_typed,
    facts.TypeHeld: type_held,
    facts.TypeRefused: type_refused,
    facts.TypeUnknown: type_unknown,
    AttentionSaid: attention_said,
    SessionSaid: session_said,
    rules.LinesMatched: lines_matched,
    rules.ScreenMatched: screen_matched,
    rules.LinesSkipped: lines_skipped,
    rules.CommandEnded: command_ended,
    rules.Released: released,
    facts.Woken: _woken,
}
