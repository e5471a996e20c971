"""What workers say of themselves, and what the crowd does with one of them. Pure."""

from dataclasses import replace

from actors.crowd import leaving, unknown
from actors.crowd.effects import Define, Drop, Redefine
from actors.crowd.intents import as_in_file, as_told, intended
from actors.crowd.members import Member
from actors.crowd.turn import Turn
from actors.life.state import State
from actors.values.bulletins import Changed, Finished
from actors.values.facts import Instant, Ordered, SpecChanged, Verb
from actors.values.records import Intent, Record
from actors.values.requests import Action, Change
from actors.values.spec import WorkerSpec


def changed(turn: Turn, changed: Changed, _now: Instant) -> None:
    """A worker says how it is, which orders it has heard, and what is to be remembered of it."""
    known = turn.crowd.get(changed.name)
    if known is None:
        return  # the last words of one that is forgotten
    unheard = tuple(news for news in known.unheard if news.number > changed.order)
    # pending: said before it heard that it may start, so its place is kept
    let_in = known.let_in and changed.state is State.PENDING
    known = replace(known, state=State.STARTING if let_in else changed.state, let_in=let_in, born=True)
    known = replace(known, rests=changed.rests, heard=changed.order, unheard=unheard)
    record = _as_ordered(known, changed.record)
    turn.put(changed.name, known)
    turn.note(changed.name, record)
    member = turn.crowd[changed.name]
    turn.put(changed.name, replace(member, ends=member.ends and member.has_life))


def _as_ordered(known: Member, told: Record) -> Record:
    """Return what a worker says of itself, with what was ordered of it and it had not heard yet when it said so."""
    record = replace(told, by_hand=known.record.by_hand)
    if known.state is State.QUARANTINED:
        record = replace(record, intent=known.record.intent)  # what was wanted of it is not known to it
    for news in (*known.unheard, *([known.leaving] if known.leaving else [])):
        record = as_told(record, news)
    return record


def finished(turn: Turn, finished: Finished, _now: Instant) -> None:
    """A removed worker has ended. One that was ordered again while it was on its way out begins again."""
    name = finished.name
    member = turn.crowd.get(name)
    if member is None:
        return
    if member.record.intent is not Intent.REMOVED:
        number = max((news.number for news in member.unheard), default=0)
        turn.put(name, replace(member, unheard=(), leaving=None, ends=False))
        turn.spawn(member.record, Redefine(), number)
        return
    turn.put(name, None)
    turn.reorder(other for other in turn.crowd.order if other != name)
    turn.keep(name, None, durable=True)
    turn.effects.append(Drop(name))
    turn.show_order()


def carry_out_change(turn: Turn, change: Change, spec: WorkerSpec) -> None:
    """Make one worker be as the file says, by the number of the present order."""
    name, number = change.name, turn.roster.number
    if change.action is Action.CREATE:
        unknown.spawn(turn, Record(spec=spec), Define())
        return
    known = turn.crowd[name].record
    if known.intent is Intent.REMOVED:  # what was ordered otherwise of it stays
        leaving.stay(turn, name)
    turn.remember(name, as_in_file(known, spec, change.action), durable=False)
    turn.tell_news(name, SpecChanged(spec, number))


def forget_all(turn: Turn, names: tuple[str, ...]) -> None:
    """Those that are not in the file any more leave; dependants first."""
    for name in names:
        turn.remember(name, intended(turn.crowd[name].record, Verb.REMOVE), durable=False)
    leaving.join(turn, names, Ordered(Verb.REMOVE, turn.roster.number))
