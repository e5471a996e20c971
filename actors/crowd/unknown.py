"""Panes with our mark whose worker is neither in the records nor in the file: shown until a person decides. Pure.

found at the start ──▶ shown under `degraded` ──▶ taken over (`run`, the file), ended (`remove`), or ended by itself
"""

from collections.abc import Mapping

from actors.crowd.effects import Define
from actors.crowd.substrate import note_part
from actors.crowd.turn import Turn
from actors.crowd.workers import Found, adopt, take_up
from actors.events.words import some_of
from actors.life import adoption
from actors.life.adoption import World
from actors.values.bulletins import PartFailing
from actors.values.facts import Instant, Pane
from actors.values.records import Intent, Record
from actors.values.spec import WorkerSpec

Panes = Mapping[str, tuple[Pane, ...]]
PART = "unknown panes"
SHOWN = 10  # names per message
WAYS = (
    "`panevisor screen NAME` shows what it is, `panevisor remove NAME` ends it, "
    "`panevisor up` takes over what the file has, and `run` with the same command what was run by hand"
)


def note(turn: Turn, panes: Panes) -> None:
    """Say at the start which panes are unknown."""
    turn.become(unknown=dict(panes))
    for name in panes:
        turn.say("worker.unknown_pane", worker=name, panes=", ".join(pane.id for pane in panes[name]))
    show(turn)


def found(turn: Turn, found: Found, _now: Instant) -> None:
    """Take what tmux says of a pane: of a worker whose actor has failed, or of an unknown worker."""
    member = turn.crowd.get(found.name)
    if member and member.lost:
        adopt(turn, found.name, found.pane)
    elif found.name in turn.roster.unknown and (found.pane is None or found.pane.dead):
        _without(turn, found.name)
        show(turn)


def spawn(turn: Turn, record: Record, birth: Define) -> None:
    """Give a new worker an actor. What already lives under its name is taken over."""
    if record.spec.name in turn.roster.unknown:
        take_over(turn, record)
    else:
        turn.spawn(record, birth)


def take_over(turn: Turn, record: Record) -> None:
    """Let the worker adopt what lives under its name."""
    panes = turn.roster.unknown.get(record.spec.name, ())
    _without(turn, record.spec.name)
    decision = adoption.plan(record, panes, World(rebooted=False))
    take_up(turn, record, decision)
    show(turn)


def enlist_to_remove(turn: Turn, name: str) -> None:
    """Make a worker of an unknown pane, so that it is ended like any other. The mark says that the pane is ours."""
    if name in turn.roster.unknown and name not in turn.crowd:
        spec = WorkerSpec(name=name, command=("true",), cwd="/")
        record = Record(spec=spec, by_hand=True, intent=Intent.REMOVED)
        turn.keep(name, record, durable=True)
        take_over(turn, record)
        turn.show_order()


def living(panes: Panes) -> list[str]:
    return sorted(name for name, each in panes.items() if not all(pane.dead for pane in each))


def show(turn: Turn) -> None:
    said, degraded = in_words(turn.roster.unknown), dict(turn.roster.degraded)
    if said is None or PART not in degraded:
        note_part(turn, PartFailing(PART, said))
        return
    turn.become(degraded=tuple((degraded | {PART: said}).items()))  # still the same incident
    turn.show_service()


def in_words(panes: Panes) -> str | None:
    """Say which panes are unknown and what to do about them; None when there are none."""
    if not (names := living(panes)):
        return None
    shown = some_of([f"{name} ({', '.join(pane.id for pane in panes[name])})" for name in names], SHOWN)
    verb, them = ("lives", "it") if len(names) == 1 else ("live", "them")
    return f"{shown} {verb} in tmux, and no record knows {them}: {WAYS}"


def _without(turn: Turn, name: str) -> None:
    turn.become(unknown={other: panes for other, panes in turn.roster.unknown.items() if other != name})
