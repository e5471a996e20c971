"""The end of the service: the workers end in reverse dependency order, or are kept. Pure."""

from actors.crowd import leaving
from actors.crowd.effects import Closing, Done
from actors.crowd.turn import Turn
from actors.life.state import State
from actors.values.facts import Instant, Ordered, Verb
from actors.values.requests import ShutDown


def shut_down(turn: Turn, order: ShutDown, _now: Instant) -> None:
    if turn.roster.closing and not order.keep_workers:
        return
    turn.become(closing=order)
    turn.effects.append(Closing(order))
    turn.say("service.stopping", cause=order.cause, workers="kept" if order.keep_workers else "stopped")
    turn.touched |= dict.fromkeys(turn.crowd.order)


def go_on_closing(turn: Turn) -> None:
    """Let everything that lives leave, and say when nothing is left."""
    closing = turn.roster.closing
    if closing is None:
        return
    if not closing.keep_workers:
        leaving.join(turn, _still_to_leave(turn), Ordered(Verb.DOWN, turn.roster.number))


def say_when_done(turn: Turn) -> None:
    closing = turn.roster.closing
    if closing is None or (turn.crowd.living and not closing.keep_workers):
        return
    strangers = any(member.state is State.QUARANTINED for member in turn.crowd.values())
    end_server = not closing.keep_workers and not strangers  # what is quarantined is never signalled
    turn.keep_head(clean=True, server=None if end_server else turn.roster.server)  # the next finds it gone, or ours
    turn.effects.append(Done(closing.cause, end_server))


def _still_to_leave(turn: Turn) -> list[str]:
    members = ((name, turn.crowd.get(name)) for name in turn.touched)
    return [name for name, m in members if m and (m.has_life or m.state is State.UNBORN) and not (m.leaving or m.ends)]
