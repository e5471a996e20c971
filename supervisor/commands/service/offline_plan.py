"""What `up` would do where no service runs: the file against the records and what lives in tmux. Nothing is changed."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.crowd.members import Member
from actors.crowd.reconcile import changes, scale_notes, wanted, why_force
from actors.life import adoption
from actors.life.adoption import World, died_since
from actors.life.state import Goal, State
from actors.servers import pane_of
from actors.values.facts import Handle, Instant, Pane
from actors.values.records import Head, Record, Records
from actors.values.requests import Action, Change, plain_changes
from actors.values.spec import NoReplica, PaneSize
from supervisor.config import load as config
from supervisor.kernel.files import no_place
from supervisor.kernel.proc_table import handle_of
from supervisor.state.place import RECORDS, Place
from supervisor.state.records import read_records
from supervisor.tmux.panes import pane_lines
from supervisor.tmux.server import TmuxServers
from supervisor.tmux.words import PaneLine, pane_line
from supervisor.wire.errors import CommandError

ASKS, PAUSE = 20, 0.05  # how often, and after how many seconds, tmux is asked again


def offline(place: Place) -> dict[str, Any]:
    """Return the answer of the wire's `plan`; raises CommandError for a wrong file."""
    loaded, records = config.load(place.config), _records(place.state_dir)
    before = records.head.scaled
    try:
        specs, kept = wanted(loaded.workers, loaded.families, before)
    except NoReplica as fault:
        raise CommandError("config", str(fault)) from None
    servers = TmuxServers(place.state_dir, PaneSize(), known=records.head.servers)
    living = [server.find() for server in servers] if os.path.isdir(place.state_dir) else []
    panes = _panes(place, servers) if any(living) else {}
    known = {record.spec.name: record for record in records.workers}
    known |= {spec.name: Record(spec=spec) for spec in specs if spec.name in panes and spec.name not in known}
    world = _world(records.head, living)
    members = {name: _member(record, panes.get(name, ()), world) for name, record in known.items()}
    planned = tuple(_offline(change, members.get(change.name)) for change in changes(specs, members))
    told = plain_changes((*planned, *scale_notes(before, kept)))
    return {"changes": told, "refusal": why_force(planned, members), "next_start": []}


def _records(state_dir: Path) -> Records:
    try:
        return read_records(state_dir / RECORDS)
    except NotADirectoryError as error:
        raise no_place(error, state_dir) from error


def _member(record: Record, panes: tuple[Pane, ...], world: World) -> Member:
    """Return the state in which a starting service would find the worker, with the spec that lives."""
    decision = adoption.plan(record, panes, world)
    if isinstance(decision, adoption.Adopt):
        return Member(state=_ADOPTED.get(decision.goal, State.STOPPING), record=record)
    worker, _ = adoption.born(record, decision, "plan", Instant(0.0, 0.0))
    return Member(state=worker.state, record=record)


_ADOPTED = {None: State.RUNNING, Goal.STOP: State.STOPPED, Goal.COMPLETE: State.COMPLETED}


def _offline(change: Change, known: Member | None) -> Change:
    """Return the change with what a starting service does by itself: it adopts, and starts what is wanted."""
    if known is None or change.action not in (Action.NONE, Action.POLICY):
        return change
    match known.state:
        case State.RUNNING:
            return replace(change, action=Action.ADOPT)
        case State.STOPPING:
            return replace(change, action=Action.REPLACE, note="that was begun, and cut short")
        case State.PENDING:
            return replace(change, action=Action.START, note="")
    return change


def _world(head: Head, living: Sequence[Handle | None]) -> World:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    rebooted = bool(head.boot_id) and head.boot_id != boot_id
    return World(rebooted, died_since(head.servers, living))


def _panes(place: Place, servers: TmuxServers) -> dict[str, tuple[Pane, ...]]:
    """Return the marked panes by name. tmux can report a death late: it is made to reap, and asked again."""
    found: list[Pane] = []
    for _ in range(ASKS):
        try:
            lines = [(server, pane_line(text)) for server, text in pane_lines(place)]
            found = [_pane(server, line) for server, line in lines if line and line.marked]
        except CommandError:
            return {}
        if all(pane.exit if pane.dead else pane.process for pane in found):
            break
        servers.nudge()
        time.sleep(PAUSE)
    panes: dict[str, tuple[Pane, ...]] = {}
    for pane in found:
        if pane.name:
            panes[pane.name] = (*panes.get(pane.name, ()), pane)
    return panes


def _pane(server: int, line: PaneLine) -> Pane:
    return replace(line.pane(handle_of(line.pid)), id=pane_of(server, line.id))
