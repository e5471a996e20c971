"""What workers depend on: the tmux servers, the machine's memory, the parts of the service. Pure."""

from dataclasses import replace
from itertools import starmap, zip_longest

from actors.crowd import admission
from actors.crowd.effects import AnswerLooks, FindServers, LookAtRecords, LookFor, RetryLater, WatchServer
from actors.crowd.members import Member
from actors.crowd.turn import Turn
from actors.servers import servers_for
from actors.values.bulletins import HostSeen, PartFailing, Revived, ServerEnded, TmuxAnswers
from actors.values.facts import Instant, ServerDied


def tmux_answers(turn: Turn, answers: TmuxAnswers, _now: Instant) -> None:
    blind = turn.roster.blind
    if answers.reason is not None and _is_wanted(turn):
        turn.say("tmux.unreachable", reason=answers.reason)
        turn.effects.append(FindServers(len(turn.roster.servers)))
    elif blind is not None:
        turn.say("tmux.answers", after=blind)
        turn.effects.append(AnswerLooks())
    turn.become(blind=answers.reason)
    turn.show_service()


def server_ended(turn: Turn, ended: ServerEnded, _now: Instant) -> None:
    """One incident for all workers in it. They come back in dependency order, and no budget is spent."""
    servers = turn.roster.servers
    if ended.server not in servers:
        return
    number = servers.index(ended.server)
    turn.become(servers=(*servers[:number], None, *servers[number + 1 :]))
    taken = [name for name in turn.crowd.order if _stands_in(number, turn.crowd[name])]
    turn.say("tmux.died", pid=ended.server.pid, workers=len(taken))
    for name in taken:
        if turn.crowd[name].turn is None:
            turn.queue(name)  # in the order of definition, whichever reports first
    for name in turn.crowd.order:  # each knows best where it stands
        turn.tell(name, ServerDied(number))
    if _is_wanted(turn):
        turn.become(finding=True)
        turn.effects.append(FindServers(len(servers)))
    turn.show_service()


def _stands_in(number: int, member: Member) -> bool:
    return member.on_the_way and member.record.server == number


def revived(turn: Turn, revived: Revived, now: Instant) -> None:
    """Take the servers that are there. What is missing is tried for again; meanwhile workers start in the others."""
    for before, server in zip(turn.roster.servers, revived.servers, strict=False):
        if before and server and before != server:
            server_ended(turn, ServerEnded(before), now)
    known = turn.roster.servers
    servers = tuple(found or before for found, before in zip_longest(revived.servers, known))
    new = [(number, server) for number, server in enumerate(servers) if server and server not in known]
    turn.become(servers=servers, finding=False)
    if new:
        turn.keep_head(servers=servers)
        turn.effects += starmap(WatchServer, new)
    for _number, server in new:
        turn.say("tmux.started", pid=server.pid)
    missing = None in servers
    if missing:
        turn.effects.append(RetryLater())
    if any(servers):
        note_part(turn, PartFailing("tmux servers", revived.reason if missing else None))
    turn.show_service()


def want_enough(turn: Turn) -> None:
    """Ask for more tmux servers when there are more workers than fit in those that there are."""
    wanted, most = servers_for(len(turn.crowd)), turn.roster.room.servers
    wanted = wanted if most is None else min(most, wanted)
    missing = wanted - len(turn.roster.servers)
    if missing > 0 and turn.roster.closing is None:
        turn.become(servers=turn.roster.servers + (None,) * missing, finding=True)
        turn.effects.append(FindServers(wanted))


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
