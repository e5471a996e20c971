"""The first roster, from the records and from what lives. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace

from actors.crowd import file, leaving, roster, unknown
from actors.crowd.effects import RetryLater, WatchServer
from actors.crowd.substrate import note_part
from actors.crowd.turn import Roster, Turn
from actors.crowd.workers import take_up
from actors.frozen import frozen
from actors.life import adoption
from actors.life.adoption import Adopt, World, died_since
from actors.life.state import Goal
from actors.ports import Survey
from actors.values.bulletins import PartFailing
from actors.values.facts import Instant, Ordered, Verb
from actors.values.gates import Room
from actors.values.records import Origin, Record, Records
from actors.values.requests import Apply, RequestRefused, ShutDown
from actors.values.snapshot import Config

_VERBS = {Goal.STOP: Verb.STOP, Goal.COMPLETE: Verb.COMPLETE, Goal.REMOVE: Verb.REMOVE}


@frozen(kw_only=True)
class Opening:
    """What the service starts from. `apply`: the file, at a clean start; None: the records alone decide.

    `told`: see `adoption.World`. `lost`: what of the records file was damaged, in words. `closing`: an order to
    end that came before the Supervisor was built.
    """

    records: Records
    survey: Survey
    boot_id: str
    config: Config
    apply: Apply | None
    room: Room
    told: Mapping[str, float | None] = field(default_factory=dict)
    origin: Origin | None = None  # of the file; None when it cannot be read
    lost: str | None = None
    closing: ShutDown | None = None


def open_with(opening: Opening, now: Instant) -> roster.Step:
    """Return the first roster: each worker adopts, starts, is judged, or is left as it was."""
    head, servers = opening.records.head, opening.survey.servers
    turn = Turn(Roster(room=opening.room, config=opening.config, head=head, servers=servers))
    world = _world(turn, opening)
    turn.keep_head(boot_id=opening.boot_id, servers=servers, clean=False, origin=opening.origin or head.origin)
    turn.effects += [WatchServer(number, server) for number, server in enumerate(servers) if server]
    if None in servers:
        turn.effects.append(RetryLater())
    for record in _known_or_found(turn, opening):
        panes = opening.survey.panes.get(record.spec.name, ())
        _take_up(turn, record, adoption.plan(record, panes, world))
    if opening.apply:
        _apply(turn, opening.apply, now)
    for name in turn.crowd.order:
        turn.change(name, born=False)
    if opening.lost:
        note_part(turn, PartFailing("records", opening.lost))
    turn.show_order()
    turn.show_service()
    if opening.closing:
        leaving.shut_down(turn, opening.closing, now)
    return roster.settle(turn)


def _take_up(turn: Turn, record: Record, decision: adoption.Decision) -> None:
    """Give the worker its actor. What was being ended goes on with that in its turn, after its dependants."""
    match decision:
        case Adopt(goal=Goal() as goal) if goal in _VERBS:
            take_up(turn, record, replace(decision, goal=None))
            leaving.join(turn, [record.spec.name], Ordered(_VERBS[goal]))
        case _:
            take_up(turn, record, decision)


def _world(turn: Turn, opening: Opening) -> World:
    head = opening.records.head
    rebooted = bool(head.boot_id) and head.boot_id != opening.boot_id
    world = World(rebooted, died_since(head.servers, opening.survey.servers), opening.told)
    if rebooted or world.died:
        turn.say("service.rebooted" if rebooted else "tmux.died_unwatched")
    return world


def _known_or_found(turn: Turn, opening: Opening) -> list[Record]:
    """Return the records, and one more for each worker of the file that lives without a record."""
    known, panes = list(opening.records.workers), opening.survey.panes
    names = {record.spec.name for record in known}
    specs = opening.apply.specs if opening.apply else ()
    found = [Record(spec=spec) for spec in specs if spec.name in panes and spec.name not in names]
    strangers = sorted(panes.keys() - names - {spec.name for spec in specs})
    unknown.note(turn, {name: panes[name] for name in strangers})
    return known + found


def _apply(turn: Turn, apply: Apply, now: Instant) -> None:
    try:
        file.applied(turn, apply, now)
    except RequestRefused as refused:
        file.note_error(turn, refused.message)
