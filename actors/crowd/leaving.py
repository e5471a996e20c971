"""In which order workers end that were told to end together: dependants first. Pure.

an order for many ──join──▶ each waits (`leaving`) ──▶ it is told (`ends`) when no worker that leaves needs it
                              └─ stay: a later order for one of them counts
"""

from collections.abc import Iterable
from dataclasses import replace

from actors.crowd.members import Member
from actors.crowd.turn import Turn
from actors.values.facts import Ordered


def join(turn: Turn, names: Iterable[str], order: Ordered) -> None:
    """Let these leave, each in its turn; a new order for one that waits takes the place of the old one."""
    for name in names:
        turn.change(name, leaving=order)


def stay(turn: Turn, name: str) -> None:
    turn.change(name, leaving=None, ends=False)


def let_go(turn: Turn) -> None:
    """Tell those to end that no worker that is leaving needs any more.

    In a circle, which a file cannot have, all are told at once, rather than never.
    """
    for name in _asked_about(turn):
        if _may_be_told(turn, name):
            _tell(turn, name)
    if turn.crowd.waiting_to_end and not turn.crowd.told_to_end:
        for name in turn.crowd.order:
            if turn.crowd[name].leaving:
                _tell(turn, name)


def _asked_about(turn: Turn) -> list[str]:
    """Return those that the step touched, and those that they depend on: only for these anything can be new."""
    if not turn.crowd.waiting_to_end:
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
