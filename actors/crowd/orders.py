"""What a person wants of workers: orders, `run`, `scale`, input, and questions. Pure."""

from dataclasses import replace

from actors.crowd import admission, leaving, unknown
from actors.crowd.effects import Answer, Define
from actors.crowd.intents import ENDING, intended
from actors.crowd.refusals import (
    refuse_protected,
    refuse_quarantined,
    refuse_taken_name,
    refuse_to_replace_unknown,
    refuse_to_scale,
    refuse_unknown,
)
from actors.crowd.replicas import members, ordered, together
from actors.crowd.turn import Turn
from actors.crowd.workers import carry_out_change, forget_all
from actors.values.bulletins import InputWanted
from actors.values.facts import Instant, Ordered, Verb
from actors.values.families import NoReplica
from actors.values.records import Intent, Record, Scaled
from actors.values.requests import (
    Accepted,
    Action,
    Change,
    GiveInput,
    Inspect,
    Inspection,
    Order,
    RequestRefused,
    Run,
    Scale,
)


def order(turn: Turn, order: Order, _now: Instant) -> None:
    """Carry out one verb for these workers; what is wanted of them is on disk before it is answered."""
    turn.refuse_if_closing()
    if order.choose:
        strangers = unknown.living(turn.roster.unknown) if order.verb is Verb.REMOVE else ()
        order = replace(order, names=order.choose([each.record.spec for each in turn.crowd.values()], strangers))
    if order.verb is Verb.REMOVE:
        for name in order.names:
            unknown.enlist_to_remove(turn, name)
    refuse_unknown(order.names, turn.crowd)
    if not order.force:
        refuse_protected(order, turn.crowd)
        refuse_quarantined(order, turn.crowd)
    news = Ordered(order.verb, turn.next_number())
    for name in order.names:
        turn.remember(name, intended(turn.crowd[name].record, order.verb), durable=True)
        turn.change(name, told=None)
    if order.verb in ENDING:
        leaving.join(turn, order.names, news)
    else:
        for name in order.names:
            leaving.stay(turn, name)
            turn.tell_news(name, news)
    turn.effects.append(Answer(Accepted(news.number, order.names)))


def run(turn: Turn, run: Run, _now: Instant) -> None:
    turn.refuse_if_closing()
    name = run.spec.name
    refuse_taken_name(name, turn.crowd)
    refuse_to_replace_unknown(run.spec, turn.roster.unknown.get(name, ()))
    number = turn.next_number()
    record = Record(spec=run.spec, by_hand=True)
    turn.keep(name, record, durable=True)
    unknown.spawn(turn, record, Define("run"))
    turn.show_order()
    turn.effects.append(Answer(Accepted(number, (name,))))


def scale(turn: Turn, scale: Scale, _now: Instant) -> None:
    turn.refuse_if_closing()
    family, there = scale.family, members(scale.family.name, turn.crowd)
    try:
        specs = {spec.name: spec for spec in family.specs(scale.count)}
    except NoReplica as fault:
        raise RequestRefused("config", str(fault)) from None
    gone = tuple(name for name in reversed(there) if name not in specs)
    refuse_to_scale(specs, there, turn.crowd)
    if not scale.force:
        refuse_protected(Order(Verb.REMOVE, gone), turn.crowd)
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
    refuse_unknown((given.name,), turn.crowd)
    turn.tell(given.name, InputWanted(given.content, given.keys, given.answered, given.until))
    turn.effects.append(Answer(Accepted(turn.roster.number, (given.name,))))


def inspect(turn: Turn, asked: Inspect, _now: Instant) -> None:
    """Answer what holds for one worker beyond its row; nothing is changed."""
    refuse_unknown((asked.name,), turn.crowd)
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
