"""What Worker actors report, and what happens when one fails. Pure.

a Worker actor fails ──▶ its pane is looked for ──▶ a new actor adopts what lives there, and hears what it missed
     └─ too often ──▶ quarantined, until a person decides
"""

from dataclasses import replace

from actors.crowd.effects import Drop, FindServers, LookFor, Redefine, Repair, RetryLater
from actors.crowd.members import Member, as_told, is_restart
from actors.crowd.turn import Turn
from actors.events.words import exact
from actors.frozen import frozen
from actors.life import adoption
from actors.life.adoption import Quarantine, World
from actors.life.state import State
from actors.values.bulletins import ActorFailed, Changed, Finished
from actors.values.facts import Instant, Ordered, Pane
from actors.values.records import Intent, Record

FAILURES = 5  # of one Worker actor in FAILURE_WINDOW seconds; with one more, its worker is quarantined
FAILURE_WINDOW = 60.0
RETRY = 1.0  # seconds until a failed attempt is repeated


@frozen
class Retry:
    """Try again what failed: to find a tmux server, to write the records, to look for a worker's pane."""


@frozen
class Found:
    """What tmux says of the pane that `LookFor` asked for; None: there is none."""

    name: str
    pane: Pane | None


# ── reports ───────────────────────────────────────────────────────────────────────────────────────────────────────


def changed(turn: Turn, changed: Changed, _now: Instant) -> None:
    """Take a worker's report: its state, the last order that it carried out, and its record."""
    known = turn.crowd.get(changed.name)
    if known is None:
        return  # the worker is removed; this is an old report
    unheard = tuple(news for news in known.unheard if news.number > changed.order)
    dropped = known.dropped if known.dropped and known.dropped.number > changed.order else None
    known = replace(known, rests=changed.rests, settling=changed.settling, unheard=unheard, dropped=dropped, born=True)
    let_in = known.let_in and changed.state is State.PENDING  # it reported before it heard: its place is kept
    known = replace(known, state=State.STARTING if let_in else changed.state, let_in=let_in)
    turn.put(changed.name, known)
    turn.note(changed.name, _as_ordered(known, changed.record))
    member = turn.crowd[changed.name]
    turn.put(changed.name, replace(member, ends=member.ends and member.has_life))


def _as_ordered(known: Member, told: Record) -> Record:
    """Return the record that a worker reports, with what was ordered and the worker has not confirmed.

    A worker does not know who defined it (`by_hand`), nor, in quarantine, what is wanted of it.
    """
    record = replace(told, by_hand=known.record.by_hand)
    if known.state is State.QUARANTINED:
        record = replace(record, intent=known.record.intent)
    for news in (*known.unheard, *([known.leaving] if known.leaving else [])):
        record = as_told(record, news)
    return record


def finished(turn: Turn, finished: Finished, _now: Instant) -> None:
    """Forget a removed worker that has ended. One that was ordered meanwhile starts again."""
    name = finished.name
    member = turn.crowd.get(name)
    if member is None:
        return
    if member.record.intent is not Intent.REMOVED:
        turn.put(name, replace(member, unheard=(), dropped=None, leaving=None, ends=False))
        turn.spawn(member.record, Redefine())
        return
    turn.put(name, None)
    turn.reorder(other for other in turn.crowd.order if other != name)
    turn.keep(name, None, durable=True)
    turn.effects.append(Drop(name))
    turn.show_order()


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def actor_failed(turn: Turn, failed: ActorFailed, now: Instant) -> None:
    """Have a Worker actor replaced; the shell ends the service when any other actor fails."""
    turn.say("actor.failed", **failed.facts())
    name = failed.worker or ""
    member = turn.crowd.get(name)
    if member is None:
        return
    lately = (*(at for at in member.failures if now.mono - at < FAILURE_WINDOW), now.mono)
    member = replace(member, failures=lately)
    if len(lately) > FAILURES:
        said = f"the worker actor failed {len(lately)} times within {exact(FAILURE_WINDOW)}: {failed.error}"
        turn.put(name, replace(member, unheard=(), dropped=None))
        turn.spawn(member.record, Quarantine(said))
        return
    turn.put(name, replace(_without_killer(member, failed.handling), lost=True))
    turn.effects += [LookFor(name, drop_start=True), RetryLater()]


def _without_killer(member: Member, handling: str) -> Member:
    """Return the member without the order on which its actor failed; `handling` is the type of that message.

    The record has the intent of the order, and the new actor goes by it. A restart has no intent: it is tried once
    more, and then dropped.
    """
    killer = next((news for news in member.unheard if type(news).__name__ == handling), None)
    if killer is None or (is_restart(killer) and len(member.failures) == 1):
        return member
    unheard = tuple(news for news in member.unheard if news is not killer)
    if isinstance(killer, Ordered) and is_restart(killer):
        return replace(member, unheard=unheard, dropped=member.dropped or killer)
    return replace(member, unheard=unheard)


def adopt(turn: Turn, name: str, pane: Pane | None) -> None:
    """Replace a failed Worker actor by one that adopts its living pane."""
    member = turn.crowd[name]
    panes = (pane,) if pane else ()
    decision = adoption.plan(member.record, panes, World(rebooted=False))
    leaves = turn.roster.closing is None and member.ends
    turn.change(name, lost=False, ends=leaves)  # when the service ends, the worker is told again: no record says so
    take_up(turn, member.record, decision)
    for news in member.unheard:
        turn.tell(name, news)


def take_up(turn: Turn, record: Record, decision: adoption.Decision) -> None:
    """Give the worker an actor that goes on with what lives."""
    turn.spawn(record, decision)
    state = adoption.state_after(decision)
    if state is not None:  # for the half rule, the cap and a plan, before the worker reports
        turn.change(record.spec.name, state=state)


def retry(turn: Turn, _retry: Retry, _now: Instant) -> None:
    lost = [name for name in turn.crowd.order if turn.crowd[name].lost]
    turn.effects += [LookFor(name, drop_start=True) for name in lost]
    if None in turn.roster.servers:
        turn.effects.append(FindServers(len(turn.roster.servers)))
    if "records" in dict(turn.roster.degraded):
        turn.effects.append(Repair())
    if lost:
        turn.effects.append(RetryLater())
