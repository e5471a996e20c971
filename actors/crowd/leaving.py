"""In which order workers end: dependants first; and the end of the service. Pure.

orders for many ──join──▶ each waits (`leaving`) ──▶ told (`ends`) when no leaving worker needs it ──▶ gone
                             └─ stay: a later order for this worker replaces the order to end

ShutDown ──▶ Closing ──▶ every living worker leaves, or all are kept ──▶ Done
                └─ another one with `now` or `kill`, or a `stop`: those that are ending already are hurried
"""

from collections.abc import Iterable
from dataclasses import replace

from actors.crowd.effects import Closing, Done
from actors.crowd.members import Member
from actors.crowd.turn import Turn
from actors.life.state import State
from actors.values.facts import Instant, Ordered, Verb
from actors.values.requests import ShutDown


def join(turn: Turn, names: Iterable[str], order: Ordered) -> None:
    """Let these workers leave, each in its turn. A new order for a waiting worker replaces the old one."""
    for name in names:
        turn.change(name, leaving=order)


def stay(turn: Turn, name: str) -> None:
    turn.change(name, leaving=None, ends=False)


def let_go(turn: Turn) -> None:
    """Tell the workers to end that no leaving worker needs.

    In a dependency circle, which the file cannot have, all are told at once.
    """
    for name in _candidates(turn):
        if _may_be_told(turn, name):
            _tell(turn, name)
    if turn.crowd.counts.waiting_to_end and not turn.crowd.counts.told_to_end:
        for name in turn.crowd.order:
            if turn.crowd[name].leaving:
                _tell(turn, name)


def _candidates(turn: Turn) -> list[str]:
    """Return the workers that the step touched, and those that they depend on: only for these anything can change."""
    if not turn.crowd.counts.waiting_to_end:
        return []
    touched = [name for name in turn.touched if name in turn.crowd]
    needed = [needed for name in touched for needed, _ in turn.crowd.needs(name)]
    return list(dict.fromkeys((*touched, *needed, *turn.freed)))


def _may_be_told(turn: Turn, name: str) -> bool:
    member = turn.crowd.get(name)
    if member is None or member.leaving is None:
        return False
    return not any(_is_leaving(turn.crowd[other]) for other in turn.crowd.dependants_of(name) if other != name)


def _is_leaving(member: Member) -> bool:
    return member.has_life and (member.leaving is not None or member.ends)


def _tell(turn: Turn, name: str) -> None:
    member = turn.crowd[name]
    order = member.leaving
    if order is not None:
        turn.put(name, replace(member, leaving=None, ends=member.has_life))
        turn.tell_news(name, order)


# ── the end of the service ────────────────────────────────────────────────────────────────────────────────────────


def shut_down(turn: Turn, order: ShutDown, _now: Instant) -> None:
    if turn.roster.closing and not order.keep_workers:
        _hurry(turn, order)
        return
    turn.become(closing=order)
    turn.effects.append(Closing(order))
    turn.say("service.stopping", cause=order.cause, workers="kept" if order.keep_workers else "stopped")
    turn.touched |= dict.fromkeys(turn.crowd.order)


def _hurry(turn: Turn, order: ShutDown) -> None:
    """Let those that are ending go on with the next step of their plans, or with `kill` all that live with the last."""
    closing = turn.roster.closing
    if closing is None or closing.keep_workers or not (order.now or order.kill):
        return
    turn.become(closing=replace(closing, kill=closing.kill or order.kill))
    hurried = [name for name, member in turn.crowd.items() if member.ends or (order.kill and member.leaving)]
    join(turn, hurried, Ordered(Verb.DOWN, turn.next_number(), order.kill, order.now))


def go_on_closing(turn: Turn) -> None:
    """Let everything that lives leave, while the service ends."""
    closing = turn.roster.closing
    if closing and not closing.keep_workers:
        join(turn, _still_to_leave(turn), Ordered(Verb.DOWN, turn.roster.number, closing.kill, closing.now))


def _still_to_leave(turn: Turn) -> list[str]:
    members = ((name, turn.crowd.get(name)) for name in turn.touched)
    return [name for name, m in members if m and (m.has_life or m.state is State.UNBORN) and not (m.leaving or m.ends)]


def say_when_done(turn: Turn) -> None:
    closing = turn.roster.closing
    if closing is None or (turn.crowd.counts.living and not closing.keep_workers):
        return
    quarantined = any(member.state is State.QUARANTINED for member in turn.crowd.values())
    end_server = not closing.keep_workers and not quarantined  # what is quarantined is never signalled
    turn.keep_head(clean=True, servers=() if end_server else turn.roster.servers)  # for the next service
    turn.effects.append(Done(closing.cause, end_server))
