"""The end of a life: the steps of its stop plan, each when it is due, until nothing is left."""

from dataclasses import replace

from actors.life import stop_plan
from actors.life.moves import end_probe, ran_beside
from actors.life.state import Ending, Goal, Life, Phase, State, Step, Worker, move
from actors.life.typed_input import drop_input, given_up, type_next, under_way
from actors.life.typing_queue import held, interrupted, is_stuck
from actors.values.effects import CallOff, Emit, EndTree
from actors.values.facts import Instant, TreeEscaped, TreeLeft, TypeHeld, TypeRefused
from actors.values.spec import SignalTree, TypeKeys, TypeText

S = State


def begin_stop(w: Worker, goal: Goal, now: Instant, cause: str = "person", *, rule: str = "") -> Step:
    """Start to end a worker, which then becomes what `goal` says. `rule`: by order of this rule of its own."""
    why = {"reason": f"rule {rule}"} if rule else {}
    w = replace(w, by_rule=rule)
    cause = "rule" if rule else cause
    cause = goal.value if goal in (Goal.DOWN, Goal.REPLACE) and cause == "person" else cause
    w, emitted = move(replace(w, goal=goal), S.STOPPING, now, "worker.stopping", cause, goal=goal.value, **why)
    if w.life and w.life.phase is Phase.ORDERED and (w.spec.secret_files or w.spec.env_command):
        return w, (*emitted, CallOff(w.life.id))  # a command that hangs would be waited for
    if w.life is None or w.life.phase in (Phase.ORDERED, Phase.UNKNOWN):
        return w, emitted  # the process is not known yet: it is ended when the answer comes
    w, effects = begin_ending(w, w.life, now)
    return w, (*emitted, *effects)


def begin_ending(w: Worker, life: Life, now: Instant) -> Step:
    """Take the first step of the stop plan for this life."""
    ending = Ending(
        life=life.id,
        process=life.process,
        last=life.last_tree,
        beside=ran_beside(w, life),
        server=life.server,
        steps=w.spec.stop,
    )
    w, unasked = end_probe(w)
    w, effects = next_ending_step(w, ending, now)
    return w, (*unasked, *effects)


def step_ending(w: Worker, now: Instant) -> Step:
    """Take the next step of the stop plan when it is due."""
    if w.ending is None or w.ending.gone or w.ending.due is None or now.mono < w.ending.due:
        return w, ()
    return next_ending_step(w, w.ending, now)


def hurry(w: Worker, now: Instant, *, kill: bool) -> Step:
    """Take the next step of the stop plan now, or with `kill` the last one."""
    ending = w.ending
    if ending is None or ending.gone or (not ending.steps and ending.forced):
        return w, ()
    ending = replace(ending, steps=(stop_plan.LAST,)) if kill else ending
    step = stop_plan.in_words(stop_plan.next_step(ending.steps).action)
    w, effects = next_ending_step(w, ending, now)
    return w, (Emit("worker.hurried", {"worker": w.name, "life": ending.life, "step": step}), *effects)


def next_ending_step(w: Worker, ending: Ending, now: Instant) -> Step:
    """Take the next step of the plan, and note when the step after it is due.

    Steps that type are skipped when the program cannot read them; before the first signal their waits are, too.
    """
    listens = w.life is not None and w.life.id == ending.life and w.life.phase is Phase.ALIVE and w.pane is not None
    steps = ending.steps if listens or ending.signalled else stop_plan.from_first_signal(ending.steps)
    step = stop_plan.next_step(steps)
    ending = replace(ending, steps=step.rest, due=None if step.wait is None else now.mono + step.wait)
    if isinstance(step.action, str | SignalTree):
        signal, whole = stop_plan.signal_of(step.action)
        ending = replace(ending, signalled=True, forced=signal == stop_plan.LAST, left=())
        order = EndTree(ending.life, ending.process, ending.last, signal, whole, ending.beside, ending.server)
        return replace(w, ending=ending), (order,)
    return _ask_to_end(replace(w, ending=ending), step.action, now) if listens else (replace(w, ending=ending), ())


def _ask_to_end(w: Worker, action: TypeKeys | TypeText, now: Instant) -> Step:
    """Type what the plan says. Waiting input of others is dropped: it was not meant for an ending program."""
    queue, dropped = interrupted(w.typing, stop_plan.asking(action))
    told = given_up(w, f"{w.name} is being ended", dropped)
    w, typing = type_next(replace(w, typing=queue), now)
    return w, (*told, *typing)


def tree_left(w: Worker, fact: TreeLeft, _now: Instant) -> Step:
    if w.ending is None or w.ending.life != fact.life:
        return w, ()
    return replace(w, ending=replace(w.ending, left=fact.pids)), ()


def tree_escaped(w: Worker, fact: TreeEscaped, _now: Instant) -> Step:
    if w.ending is None or w.ending.life != fact.life:
        return w, ()
    facts = {"worker": w.name, "life": fact.life, "pids": list(fact.pids)}
    return w, (Emit("worker.escaped", facts),)


def type_held(w: Worker, fact: TypeHeld, now: Instant) -> Step:
    if not under_way(w, fact):
        return w, ()
    w = replace(w, typing=held(w.typing, now.mono, unasked=fact.unasked, moved=fact.moved))
    if not is_stuck(w.typing, now.mono):
        return w, ()
    return _not_typed(w, "tmux does not answer" if fact.unasked else f"{w.name} does not read its input", now)


def type_refused(w: Worker, fact: TypeRefused, now: Instant) -> Step:
    """Keep input of which nothing was typed: the verdict on this life tells whether there is another one."""
    if not under_way(w, fact):
        return w, ()
    w = replace(w, typing=replace(w.typing, under_way=None))
    if w.ending is None and not w.typing.is_typed:
        return replace(w, typing=held(w.typing, now.mono, unasked=True, moved=True)), ()
    return _not_typed(w, fact.reason, now)


def _not_typed(w: Worker, reason: str, now: Instant) -> Step:
    """Drop all input, because the program does not read it; a stop plan that was typing takes its next step."""
    asked = any(given.is_automatic for given in w.typing.waiting)
    w, told = drop_input(w, reason)
    if not asked or w.ending is None or w.ending.signalled:
        return w, told
    w, effects = next_ending_step(w, w.ending, now)
    return w, (*told, *effects)
