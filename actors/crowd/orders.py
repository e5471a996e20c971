"""What a person wants of workers: orders, `run`, `scale`, input, and questions; and what is refused. Pure.

A clause raises RequestRefused before it changes anything; the message says how to get it all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from actors.crowd import admission, leaving, unknown
from actors.crowd.effects import Answer, Define
from actors.crowd.file import carry_out_change, forget_all
from actors.crowd.members import Crowd, intended
from actors.crowd.reconcile import different_keys, ordered, replicas_of, together
from actors.crowd.turn import Turn
from actors.events.words import some_of
from actors.life.state import State
from actors.values.facts import Instant, Ordered, Pane, SignalOrdered, Verb
from actors.values.records import Intent, Record, Scaled
from actors.values.requests import (
    Accepted,
    Action,
    Attend,
    Change,
    GiveInput,
    Inspect,
    Inspection,
    Order,
    Release,
    RequestRefused,
    Run,
    Scale,
    SendSignal,
)
from actors.values.rules import Released
from actors.values.spec import NoReplica, WorkerSpec

_ENDING = {Verb.STOP, Verb.COMPLETE, Verb.REMOVE, Verb.DOWN}


def order(turn: Turn, order: Order, _now: Instant) -> None:
    """Carry out one verb for these workers. Their new intent is on disk before the answer."""
    order = _while_closing(turn, order)
    if order.choose:
        strangers = unknown.living(turn.roster.unknown) if order.verb is Verb.REMOVE else ()
        order = replace(order, names=order.choose([each.record.spec for each in turn.crowd.values()], strangers))
    if order.verb is Verb.REMOVE:
        for name in order.names:
            unknown.enlist_to_remove(turn, name)
    _refuse_unknown(order.names, turn.crowd)
    if not order.force:
        _refuse_protected(order, turn.crowd)
        _refuse_quarantined(order, turn.crowd)
    news = Ordered(order.verb, turn.next_number(), order.kill, order.now)
    for name in order.names:
        turn.remember(name, intended(turn.crowd[name].record, order.verb), durable=True)
        turn.change(name, told=None)
    if order.verb in _ENDING:
        leaving.join(turn, order.names, news)
    else:
        for name in order.names:
            leaving.stay(turn, name)
            turn.tell_news(name, news)
    turn.effects.append(Answer(Accepted(news.number, order.names)))


def _while_closing(turn: Turn, order: Order) -> Order:
    """Return the order as the end of the service takes it: there a stop is hurry, and no wish for the next start."""
    closing = turn.roster.closing
    if closing and not closing.keep_workers and order.verb is Verb.STOP:
        return replace(order, verb=Verb.DOWN, now=True, force=True)
    turn.refuse_if_closing()
    return order


def run(turn: Turn, run: Run, _now: Instant) -> None:
    turn.refuse_if_closing()
    name = run.spec.name
    _refuse_taken_name(name, turn.crowd)
    _refuse_to_replace_unknown(run.spec, turn.roster.unknown.get(name, ()))
    number = turn.next_number()
    record = Record(spec=run.spec, by_hand=True)
    turn.keep(name, record, durable=True)
    unknown.spawn(turn, record, Define("run"))
    turn.show_order()
    turn.effects.append(Answer(Accepted(number, (name,))))


def scale(turn: Turn, scale: Scale, _now: Instant) -> None:
    turn.refuse_if_closing()
    family, there = scale.family, replicas_of(scale.family.name, turn.crowd)
    try:
        specs = {spec.name: spec for spec in family.specs(scale.count)}
    except NoReplica as fault:
        raise RequestRefused("config", str(fault)) from None
    gone = tuple(name for name in reversed(there) if name not in specs)
    _refuse_to_scale(specs, there, turn.crowd)
    if not scale.force:
        _refuse_protected(Order(Verb.REMOVE, gone), turn.crowd)
    number = turn.next_number()
    new = tuple(name for name in specs if name not in there or turn.crowd[name].record.intent is Intent.REMOVED)
    for name in new:
        action = Action.POLICY if name in there else Action.CREATE
        carry_out_change(turn, Change(name, action), specs[name])
    forget_all(turn, gone)
    turn.reorder(together(turn.crowd.order, (*specs, *gone)))
    wanted = Scaled(family.name, scale.count, family.replicas)
    turn.keep_head(scaled=ordered(turn.roster.head.scaled, wanted))  # with fsync, as after apply
    if new or gone:
        turn.say("workers.scaled", family=family.name, replicas=scale.count, before=len(there))
    turn.show_order()
    made = tuple(Change(name, Action.CREATE) for name in new)
    changes = made + tuple(Change(name, Action.STOP) for name in gone)
    turn.effects.append(Answer(Accepted(number, new, changes)))


def give_input(turn: Turn, given: GiveInput, _now: Instant) -> None:
    _refuse_unknown((given.name,), turn.crowd)
    turn.tell(given.name, given)
    turn.effects.append(Answer(Accepted(turn.roster.number, (given.name,))))


def attend(turn: Turn, attended: Attend, _now: Instant) -> None:
    """Hand it to the worker; who watches a pane may speak of one that was just removed."""
    known = attended.name in turn.crowd
    if known:
        turn.tell(attended.name, attended.said)
    turn.effects.append(Answer(Accepted(turn.roster.number, (attended.name,) if known else ())))


def send_signal(turn: Turn, sent: SendSignal, _now: Instant) -> None:
    """Hand a signal to workers that live; the others have no process to signal."""
    names = sent.choose([each.record.spec for each in turn.crowd.values()], ()) if sent.choose else sent.names
    _refuse_unknown(names, turn.crowd)
    for name in names:
        state = turn.crowd[name].state
        if state is State.STOPPING:
            mend = f"`panevisor stop {name}` again goes on with the next step of its plan, --kill with the last"
            raise RequestRefused("not-met", f"{name} is stopping: {mend}")
        if state not in (State.STARTING, State.RUNNING):
            raise RequestRefused("not-met", f"{name} is {state.value}: it has no process that a signal is for")
    for name in names:
        turn.tell(name, SignalOrdered(sent.signal, sent.whole))
    turn.effects.append(Answer(Accepted(turn.roster.number, names)))


def release(turn: Turn, freed: Release, _now: Instant) -> None:
    """End the holds of those that are held."""
    names = freed.choose([each.record.spec for each in turn.crowd.values()], ()) if freed.choose else freed.names
    _refuse_unknown(names, turn.crowd)
    held = tuple(name for name in names if turn.crowd[name].is_held)
    if not held:
        raise RequestRefused("not-met", f"{names[0]} is not held" if len(names) == 1 else "none of them is held")
    for name in held:
        turn.tell(name, Released(freed.cancel))
    turn.effects.append(Answer(Accepted(turn.roster.number, held)))


def inspect(turn: Turn, asked: Inspect, _now: Instant) -> None:
    """Answer what is known about one worker beyond its row; nothing changes."""
    _refuse_unknown((asked.name,), turn.crowd)
    member = turn.crowd[asked.name]
    found = Inspection(
        spec=member.record.spec,
        intent=member.record.intent,
        gate=admission.gate_of(turn, member),
        dependencies=admission.dependencies(turn.crowd, asked.name),
        blockers=admission.blockers(turn.crowd, asked.name),
        closing=turn.roster.closing is not None,
    )
    turn.effects.append(Answer(found))


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_unknown(names: Iterable[str], crowd: Crowd) -> None:
    unknown = [name for name in names if name not in crowd]
    if unknown:
        raise RequestRefused("unknown-worker", f"no worker is called {', '.join(unknown)}")


def _refuse_taken_name(name: str, crowd: Crowd) -> None:
    if name in crowd:
        raise RequestRefused(
            "conflict",
            f"a worker is called {name} already (it is {crowd[name].state}): take another name, "
            f"or `panevisor remove {name}` first",
        )
    if replicas := sorted(crowd.families.get(name, ())):
        raise RequestRefused("conflict", f"{name} is a family, of {some_of(replicas, 3)}: take another name")


def _refuse_protected(order: Order, crowd: Crowd) -> None:
    """Refuse to end a protected worker for good; a restart is allowed."""
    protected = [name for name in order.names if crowd[name].record.spec.protected]
    if protected and order.verb in (Verb.STOP, Verb.COMPLETE, Verb.REMOVE):
        raise RequestRefused("not-permitted", f"protected: {', '.join(protected)}; use --force to do it all the same")


def _refuse_quarantined(order: Order, crowd: Crowd) -> None:
    """Refuse to start a quarantined worker: what lives in its pane may be it, and a start would double it."""
    unproven = [name for name in order.names if crowd[name].state is State.QUARANTINED]
    if unproven and order.verb in (Verb.START, Verb.RESTART):
        said = f"quarantined: {', '.join(unproven)}; see `panevisor why`, then --force if nothing of it lives"
        raise RequestRefused("not-permitted", said)


def _refuse_to_replace_unknown(spec: WorkerSpec, panes: tuple[Pane, ...]) -> None:
    """Refuse to `run` another command under the name of an unknown living pane; the same command takes it over."""
    if any(not pane.dead and pane.digest != spec.digest for pane in panes):
        said = f"something else lives in tmux under the name {spec.name}: see `panevisor screen {spec.name}`, then "
        raise RequestRefused("conflict", f"{said}`panevisor remove {spec.name}`, or take another name")


def _refuse_to_scale(specs: Mapping[str, WorkerSpec], there: Iterable[str], crowd: Crowd) -> None:
    """Refuse to scale while the present replicas differ from the file: new ones are made as the file is now."""
    for name, spec in specs.items():
        member = crowd.get(name)
        if member is None:
            continue
        if name not in there:
            raise RequestRefused("conflict", f"{name} exists, and is no replica: `panevisor remove {name}` first")
        if keys := different_keys(member.record.spec, spec):
            said = f"the file has changed for {name} ({', '.join(keys)}): `panevisor apply` first"
            raise RequestRefused("conflict", said)
