"""What a person or the file wants of a worker, in each of its states."""

from dataclasses import replace

from actors.life.aftermath import change_goal, finish_stop, remove
from actors.life.budget import fresh
from actors.life.ending import begin_stop, hurry
from actors.life.holding import given_up
from actors.life.moves import begin_life, ran_beside
from actors.life.outcomes import arm_cleanup
from actors.life.readiness import probe_anew
from actors.life.state import Goal, Phase, State, Step, Worker, move
from actors.values.effects import Emit, Signal
from actors.values.facts import Instant, Ordered, SignalOrdered, SpecChanged, Verb
from actors.values.spec import WorkerSpec

S = State


def ordered(w: Worker, fact: Ordered, now: Instant) -> Step:
    """Carry out an order.

    Who orders the same end once more, or any with `now`, is in a hurry: the stop plan goes on with its next step.
    """
    again = w.state is S.STOPPING and w.order < fact.number and (fact.now or _GOALS.get(fact.verb) is w.goal)
    w = replace(w, order=max(w.order, fact.number))
    match fact.verb:
        case Verb.START | Verb.RESTART as verb:
            w, freed = given_up(w, now)
            w, effects = _order_start(w, now) if verb is Verb.START else _order_restart(w, now)
            effects = (*freed, *effects)
        case verb:
            w, effects = order_end(w, _GOALS[verb], now)
    if not (again or fact.kill):
        return w, effects
    w, hurried = hurry(w, now, kill=fact.kill)
    return w, (*effects, *hurried)


def signal_ordered(w: Worker, fact: SignalOrdered, _now: Instant) -> Step:
    """Send a person's signal; a worker that is not running any more, or is being ended, gets none."""
    life = w.life
    if life is None or life.process is None or life.phase is not Phase.ALIVE or w.state not in (S.STARTING, S.RUNNING):
        return w, ()
    facts = {"worker": w.name, "life": life.id, "signal": fact.signal, "to": "tree" if fact.whole else "main"}
    return w, (
        Emit("worker.signalled", facts),
        Signal(life.id, life.process, life.last_tree, fact.signal, fact.whole, life.server),
    )


_GOALS = {Verb.STOP: Goal.STOP, Verb.COMPLETE: Goal.COMPLETE, Verb.REMOVE: Goal.REMOVE, Verb.DOWN: Goal.DOWN}


def _order_start(w: Worker, now: Instant) -> Step:
    if w.goal is Goal.REMOVE and w.state is not S.STOPPING:
        w = replace(w, goal=None)  # the later order is valid
    match w.state:
        case S.PENDING:
            return replace(w, next_start=None), ()
        case S.STOPPED | S.COMPLETED | S.FAILED | S.QUARANTINED:  # quarantined: the Supervisor asks for --force
            return move(replace(_forgiven(w), cleanup_at=None), S.PENDING, now, "worker.pending", "person")
        case S.BACKOFF if not w.ending:
            return begin_life(_forgiven(w), now, "person")
        case S.BACKOFF:
            return replace(_forgiven(w), next_start=now), ()
        case S.STOPPING if w.goal is not Goal.REPLACE:
            return change_goal(_forgiven(w), Goal.RESTART, now)  # it starts when the tree is gone
    return w, ()


def _order_restart(w: Worker, now: Instant) -> Step:
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(_forgiven(w), Goal.RESTART, now)
        case S.QUARANTINED:
            return w, ()
    return _order_start(w, now)


def order_end(w: Worker, goal: Goal, now: Instant, *, rule: str = "") -> Step:
    """Carry out an order to end, of a person or of a `rule`. A worker that is being ended heeds no rule."""
    if rule and w.state is S.STOPPING:
        return w, ()
    w = replace(w, by_rule=rule)
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(w, goal, now, rule=rule)
        case S.STOPPING if goal is Goal.DOWN and w.goal in (Goal.STOP, Goal.COMPLETE, Goal.REMOVE):
            return w, ()  # it ends anyway, and the earlier order stays valid
        case S.STOPPING:
            return change_goal(w, goal, now)
        case S.PENDING | S.BACKOFF if goal is Goal.DOWN and w.goal is Goal.REMOVE:
            return w, ()
        case S.PENDING | S.BACKOFF if goal is not Goal.REMOVE:
            w = replace(w, next_start=None, admitted=False, goal=goal)
            return finish_stop(w, now)
        case S.STOPPED | S.FAILED if goal is Goal.COMPLETE:
            return finish_stop(replace(w, goal=goal), now)
    if goal is not Goal.REMOVE or w.state is S.REMOVED:
        return w, ()
    if w.ending:  # first the tree of the last life ends
        return replace(w, goal=goal, next_start=None, admitted=False), ()
    return remove(w, now)


def _forgiven(w: Worker) -> Worker:
    return replace(w, budget=fresh(w.budget))


def spec_changed(w: Worker, fact: SpecChanged, now: Instant) -> Step:
    w = replace(w, order=max(w.order, fact.number))
    if w.goal is Goal.REMOVE and w.state in (S.STOPPED, S.COMPLETED, S.FAILED):
        return _order_start(replace(w, spec=fact.spec, next_spec=None), now)  # only its pane was left: it starts again
    w = _wanted_again(w, now)
    if fact.spec.digest == w.spec.digest:
        life = w.life and replace(w.life, beside=ran_beside(w, w.life))
        old, w = w.spec, replace(w, spec=fact.spec, next_spec=None, life=life)
        return _policy_changed(w, old, now)
    w = _forgiven(w)
    match w.state:
        case S.STARTING | S.RUNNING:
            return begin_stop(replace(w, next_spec=fact.spec), Goal.REPLACE, now)
        case S.STOPPING:
            goal = Goal.REPLACE if w.goal is Goal.RESTART else w.goal or Goal.STOP
            return change_goal(replace(w, next_spec=fact.spec), goal, now)
        case S.BACKOFF | S.COMPLETED | S.FAILED:
            return _order_start(replace(w, spec=fact.spec), now)
    return replace(w, spec=fact.spec), ()


def _policy_changed(w: Worker, old: WorkerSpec, now: Instant) -> Step:
    """Apply a new policy to the present life, or to the pane of the last one."""
    match w.state:
        case S.STOPPING if w.goal:
            return change_goal(w, w.goal, now)
        case S.COMPLETED if w.spec.cleanup_after != old.cleanup_after:
            return arm_cleanup(replace(w, cleanup_at=None), now), ()
    return probe_anew(w, old, now)


def _wanted_again(w: Worker, now: Instant) -> Worker:
    """Return the worker without an order to remove it, because the file has it again."""
    if w.goal is not Goal.REMOVE:
        return w
    if w.state is S.STOPPING:
        return replace(w, goal=Goal.REPLACE)
    return replace(w, goal=None, next_start=now if w.state is S.BACKOFF else None)
