"""The Supervisor's step: from the roster and a message to the next roster, and its effects. Pure.

    message ──▶ its clause ──▶ own gates ──▶ leaving ──▶ the line ──▶ opened? done? ──▶ roster′, effects

A refused request raises RequestRefused and changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from actors.crowd import admission, file, leaving, orders, substrate, unknown, workers
from actors.crowd.effects import Effect, Opened
from actors.crowd.turn import Roster, Turn
from actors.crowd.workers import Found, Retry
from actors.values.bulletins import (
    ActorFailed,
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
from actors.values.requests import (
    Apply,
    Attend,
    ConfigBroken,
    GiveInput,
    Inspect,
    Order,
    Plan,
    Release,
    Run,
    Scale,
    SendSignal,
    ShutDown,
)

Step = tuple[Roster, tuple[Effect, ...]]


def step(roster: Roster, message: Any, now: Instant) -> Step:
    """Return the roster after this message, and the effects in their order."""
    turn = Turn(roster)
    _CLAUSES[type(message)](turn, message, now)
    return settle(turn)


def settle(turn: Turn) -> Step:
    """Draw the consequences: which workers may start or end now, and whether the service is open or done."""
    substrate.want_enough(turn)
    admission.look_at_own_gates(turn)
    leaving.go_on_closing(turn)
    leaving.let_go(turn)
    if turn.roster.closing is None:
        admission.move_the_line(turn)
    if not turn.roster.opened and not turn.crowd.counts.unborn:
        turn.become(opened=True)
        turn.effects.append(Opened())
    leaving.say_when_done(turn)
    return turn.roster, tuple(turn.effects)


_CLAUSES: Mapping[type, Callable[[Turn, Any, Instant], None]] = {
    Changed: workers.changed,
    Finished: workers.finished,
    Order: orders.order,
    Run: orders.run,
    Scale: orders.scale,
    GiveInput: orders.give_input,
    Attend: orders.attend,
    SendSignal: orders.send_signal,
    Release: orders.release,
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
    ActorFailed: workers.actor_failed,
    Found: unknown.found,
    Retry: workers.retry,
    ShutDown: leaving.shut_down,
}
