"""What all workers depend on: tmux, the machine's memory, the parts of the service. Pure."""

from dataclasses import replace

from actors.crowd import admission
from actors.crowd.effects import AnswerLooks, FindServer, LookAtRecords, LookFor, RetryLater, WatchServer
from actors.crowd.turn import Turn
from actors.values.bulletins import HostSeen, PartFailing, Revived, ServerEnded, TmuxAnswers
from actors.values.facts import Instant, ServerDied


def tmux_answers(turn: Turn, answers: TmuxAnswers, _now: Instant) -> None:
    blind = turn.roster.blind
    if answers.reason is not None and _is_wanted(turn):
        turn.say("tmux.unreachable", reason=answers.reason)
        turn.effects.append(FindServer())
    elif blind is not None:
        turn.say("tmux.answers", after=blind)
        turn.effects.append(AnswerLooks())
    turn.become(blind=answers.reason)
    turn.show_service()


def server_ended(turn: Turn, ended: ServerEnded, _now: Instant) -> None:
    """One incident for all workers. They come back in dependency order, and no budget is spent."""
    if ended.server != turn.roster.server:
        return
    turn.become(server=None)
    turn.say("tmux.died", pid=ended.server.pid, workers=len(turn.crowd.members))
    for name in turn.crowd.order:
        member = turn.crowd[name]
        if member.on_the_way and member.turn is None:
            turn.queue(name)  # in the order of definition, whichever reports first
        turn.tell(name, ServerDied())
    if _is_wanted(turn):
        turn.effects.append(FindServer())
    turn.show_service()


def revived(turn: Turn, revived: Revived, now: Instant) -> None:
    server = revived.server
    if server is None:
        turn.effects.append(RetryLater())
        return
    before = turn.roster.server
    if before not in (None, server):
        server_ended(turn, ServerEnded(before), now)
    if turn.roster.server is None:
        turn.become(server=server)
        turn.keep_head(server=server)
        turn.effects.append(WatchServer(server))
        turn.say("tmux.started", pid=server.pid)
    turn.show_service()


def _is_wanted(turn: Turn) -> bool:
    """Whether a tmux server is needed. A service that ends and has no living worker needs none."""
    return turn.roster.closing is None or turn.crowd.counts.living > 0


def host_seen(turn: Turn, seen: HostSeen, _now: Instant) -> None:
    """Take the machine's memory and processes: gates that no worker's report opens or closes."""
    host = seen.host
    turn.become(
        room=replace(
            turn.roster.room, memory=host.memory_available_bytes, tasks=host.tasks_free, tasks_limit=host.tasks_limit
        )
    )
    admission.tell_who_waits_for_a_turn(turn)
    turn.effects += [LookFor(name, drop_start=False) for name in turn.roster.unknown]
    if "records" in dict(turn.roster.degraded):
        turn.effects.append(LookAtRecords())  # a damaged file may have been repaired


def part_failing(turn: Turn, failing: PartFailing, _now: Instant) -> None:
    note_part(turn, failing)


def note_part(turn: Turn, failing: PartFailing) -> None:
    """Say once that a part of the service fails, and once that it works again."""
    degraded = dict(turn.roster.degraded)
    if failing.reason is None and failing.what in degraded:
        del degraded[failing.what]
        turn.say("service.recovered", what=failing.what)
    elif failing.reason is not None and degraded.get(failing.what) != failing.reason:
        degraded[failing.what] = failing.reason
        turn.say("service.degraded", what=failing.what, reason=failing.reason)
    else:
        return
    turn.become(degraded=tuple(degraded.items()))
    turn.show_service()
