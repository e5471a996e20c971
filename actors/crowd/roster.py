"""The Supervisor's step: from the roster and a message to the next roster, and what is to be done. Pure.

    message ──▶ its clause ──▶ own gates ──▶ leaving ──▶ the line ──▶ opened? done? ──▶ roster′, effects

A request that is refused raises RequestRefused, and changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from actors.crowd import admission, ending, failures, file, leaving, orders, substrate, unknown, workers
from actors.crowd.effects import Effect, Opened
from actors.crowd.failures import Found, Retry
from actors.crowd.turn import Roster, Turn
from actors.crowd.unknown import UnknownSeen
from actors.values.bulletins import (
    Changed,
    ConfigOnDisk,
    Finished,
    HostSeen,
    PartFailing,
    Revived,
    ServerEnded,
    TmuxAnswers,
)
from actors.values.facts import Instant
from actors.values.failure import ActorFailed
from actors.values.requests import Apply, ConfigBroken, GiveInput, Inspect, Order, Plan, Run, Scale, ShutDown

Step = tuple[Roster, tuple[Effect, ...]]


def step(roster: Roster, message: Any, now: Instant) -> Step:
    """Return the roster after this message, and what is to be done, in order."""
    turn = Turn(roster)
    _CLAUSES[type(message)](turn, message, now)
    return settle(turn)


def settle(turn: Turn) -> Step:
    """Draw the consequences: who may start now, who may end, and whether the service has begun or is done."""
    admission.look_at_own_gates(turn)
    ending.go_on_closing(turn)
    leaving.let_go(turn)
    if turn.roster.closing is None:
        admission.move_the_line(turn)
    if not turn.roster.opened and not turn.crowd.unborn:
        turn.become(opened=True)
        turn.effects.append(Opened())
    ending.say_when_done(turn)
    return turn.roster, tuple(turn.effects)


_CLAUSES: Mapping[type, Callable[[Turn, Any, Instant], None]] = {
    Changed: workers.changed,
    Finished: workers.finished,
    Order: orders.order,
    Run: orders.run,
    Scale: orders.scale,
    GiveInput: orders.give_input,
    Inspect: orders.inspect,
    Apply: file.apply,
    Plan: file.plan,
    ConfigBroken: file.broken,
    ConfigOnDisk: file.on_disk,
    TmuxAnswers: substrate.tmux_answers,
    ServerEnded: substrate.server_ended,
    Revived: substrate.revived,
    HostSeen: substrate.host_seen,
    PartFailing: substrate.part_failing,
    ActorFailed: failures.actor_failed,
    Found: failures.found,
    UnknownSeen: unknown.seen,
    Retry: failures.retry,
    ShutDown: ending.shut_down,
}
