"""What a beginning Supervisor makes of the records and of what lives. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.crowd import ending, file, roster, unknown
from actors.crowd.effects import WatchServer
from actors.crowd.failures import take_up
from actors.crowd.members import Member
from actors.crowd.room import Room
from actors.crowd.substrate import note_part
from actors.crowd.turn import Roster, Turn
from actors.life import adoption
from actors.life.adoption import World
from actors.life.state import State
from actors.ports import Survey
from actors.values.bulletins import PartFailing
from actors.values.facts import Instant
from actors.values.records import Origin, Record, Records
from actors.values.requests import Apply, RequestRefused, ShutDown
from actors.values.snapshot import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the service begins with. `apply`: the file, at a clean start; else the records alone rule.

    `told`: as in `adoption.World`.
    """

    records: Records
    survey: Survey
    boot_id: str
    config: Config
    apply: Apply | None
    room: Room
    told: Mapping[str, float | None] = field(default_factory=dict)
    origin: Origin | None = None  # of the file; None where it can't be looked at
    lost: str | None = None  # what was found damaged in the records file, in words
    closing: ShutDown | None = None  # the service was told to end before there was a Supervisor


def open_with(opening: Opening, now: Instant) -> roster.Step:
    """Return the first roster: each worker adopts, starts, is judged, or is left as it was."""
    head, server = opening.records.head, opening.survey.server
    turn = Turn(Roster(room=opening.room, config=opening.config, head=head, server=server))
    world = _world(turn, opening)
    turn.keep_head(boot_id=opening.boot_id, server=server, clean=False, origin=opening.origin or head.origin)
    turn.effects.append(WatchServer(server))
    for record in _known_or_found(turn, opening):
        panes = opening.survey.panes.get(record.spec.name, ())
        take_up(turn, Member(state=State.UNBORN, record=record), adoption.plan(record, panes, world))
    if opening.apply:
        _apply(turn, opening.apply, now)
    for name in turn.crowd.order:
        turn.change(name, born=False)
    if opening.lost:
        note_part(turn, PartFailing("records", opening.lost))
    turn.show_order()
    turn.show_service()
    if opening.closing:
        ending.shut_down(turn, opening.closing, now)
    return roster.settle(turn)


def _world(turn: Turn, opening: Opening) -> World:
    head = opening.records.head
    rebooted = bool(head.boot_id) and head.boot_id != opening.boot_id
    server_died = head.server is not None and head.server != opening.survey.server
    if rebooted or server_died:
        turn.say("service.rebooted" if rebooted else "tmux.died_unwatched")
    return World(rebooted, server_died, opening.told)


def _known_or_found(turn: Turn, opening: Opening) -> list[Record]:
    """Return the records, and one for each worker of the file that lives though no record knows it."""
    known, panes = list(opening.records.workers), opening.survey.panes
    names = {record.spec.name for record in known}
    specs = opening.apply.specs if opening.apply else ()
    found = [Record(spec=spec) for spec in specs if spec.name in panes and spec.name not in names]
    strangers = sorted(panes.keys() - names - {spec.name for spec in specs})
    unknown.found(turn, {name: panes[name] for name in strangers})
    return known + found


def _apply(turn: Turn, apply: Apply, now: Instant) -> None:
    try:
        file.applied(turn, apply, now)
    except RequestRefused as refused:
        file.note_error(turn, refused.message)
