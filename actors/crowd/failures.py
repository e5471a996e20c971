"""Worker actors that fail, and what is tried again. Pure.

a Worker actor fails ──▶ its pane is looked for ──▶ a new actor adopts what lives there, and hears what it missed
     └─ too often ──▶ quarantined: it is left alone until a person decides
"""

from dataclasses import dataclass, replace

from actors.crowd.effects import FindServer, LookFor, Repair, RetryLater
from actors.crowd.intents import is_restart
from actors.crowd.members import Member
from actors.crowd.turn import Turn
from actors.life import adoption
from actors.life.adoption import Quarantine, World
from actors.values.facts import Instant, Pane
from actors.values.failure import FAILURE_WINDOW, FAILURES, ActorFailed

RETRY = 1.0  # seconds until something that failed is tried again


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again what failed: finding a tmux server, writing the records, looking for a worker's pane."""


@dataclass(frozen=True, slots=True)
class Found:
    """What tmux says of the pane of a worker whose actor has failed."""

    name: str
    pane: Pane | None


def actor_failed(turn: Turn, failed: ActorFailed, now: Instant) -> None:
    """Have a Worker actor replaced; the shell ends the service when any other actor fails."""
    turn.say("actor.failed", **failed.facts())
    name = failed.worker or ""
    member = turn.crowd.get(name)
    if member is None:
        return
    lately = (*(at for at in member.failures if now.mono - at < FAILURE_WINDOW), now.mono)
    turn.change(name, failures=lately)
    if len(lately) > FAILURES:
        said = f"the worker actor failed {len(lately)} times within {FAILURE_WINDOW:g} s: {failed.error}"
        turn.spawn(member.record, Quarantine(said), turn.roster.number)
        return
    turn.put(name, replace(_without_killer(turn.crowd[name], failed.handling), lost=True))
    turn.effects += [LookFor(name), RetryLater()]


def _without_killer(member: Member, handling: str) -> Member:
    """Return the member without the order that its actor was handling when it failed (the name of a message's type).

    What the order wanted is in the record, and the replacement goes by it; but not a restart: that is tried once more.
    """
    killer = next((news for news in member.unheard if type(news).__name__ == handling), None)
    if killer is None or (is_restart(killer) and len(member.failures) == 1):
        return member
    unheard = tuple(news for news in member.unheard if news is not killer)
    heard = member.heard if is_restart(killer) else max(killer.number, member.heard)
    return replace(member, unheard=unheard, heard=heard)


def found(turn: Turn, found: Found, _now: Instant) -> None:
    """A replaced Worker adopts its living pane."""
    name = found.name
    member = turn.crowd.get(name)
    if member is None or not member.lost:
        return
    panes = (found.pane,) if found.pane else ()
    decision = adoption.plan(member.record, panes, World(rebooted=False, server_died=False))
    leaves = turn.roster.closing is None and member.ends
    turn.change(name, lost=False, ends=leaves)  # a service that ends tells it again: its record does not say so
    take_up(turn, member, decision)
    for news in member.unheard:
        turn.tell(name, news)


def take_up(turn: Turn, member: Member, decision: adoption.Decision) -> None:
    """Give the worker an actor that goes on with what is there."""
    turn.spawn(member.record, decision, member.heard)
    state = adoption.state_after(decision)
    if state is not None:  # for the half rule, the cap and a plan, before it can say so itself
        turn.change(member.record.spec.name, state=state)


def retry(turn: Turn, _retry: Retry, _now: Instant) -> None:
    turn.effects += [LookFor(name) for name in turn.crowd.order if turn.crowd[name].lost]
    if turn.roster.server is None:
        turn.effects.append(FindServer())
    if "records" in dict(turn.roster.degraded):
        turn.effects.append(Repair())
    if any(turn.crowd[name].lost for name in turn.crowd.order):
        turn.effects.append(RetryLater())
