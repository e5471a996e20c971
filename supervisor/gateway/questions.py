"""The verbs that ask and change nothing: pictures, activity, deaths, and the reason for a worker's state."""

import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from actors.events.words import iso, some_of
from actors.values.requests import Inspect, Inspection
from actors.values.snapshot import EndingView, Entry, Snapshot
from actors.values.spec import NAME_PATTERN
from supervisor.explain.probes import without_secrets
from supervisor.gateway import requests
from supervisor.gateway.connection import Connection
from supervisor.gateway.pictures import ACTIVITY, CHANGES, METRICS, SCREEN, SCREENS, plain_entry
from supervisor.gateway.requests import MOST_DEATHS, MOST_EVENTS
from supervisor.state.deaths import plain_death
from supervisor.text.words import shown
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, select

if TYPE_CHECKING:
    from supervisor.gateway.server import Gateway

MAX_TOPICS = 64
LAST_WORDS = 3  # lines of the last death in the answer to `why`
_POLICY = (
    *("restart", "ok_exit_codes", "backoff", "max_restarts", "healthy_after", "depends_on", "stop"),
    *("cleanup_after", "protected", "limits", "on_exit", "max_restarts_in", "retry"),
)  # of a spec; never its command and environment, where secrets are
_CHECKS = ("ready", "live")  # of a spec too, but shown without what may be secret in them
_NAME = re.compile(NAME_PATTERN)


async def hello(gateway: "Gateway", _connection: Connection, _request: requests.Bare) -> bytes:
    snapshot = gateway.pictures.snapshot
    if snapshot is None:
        nothing_yet = {"version": None, "config": None, "ready": False}
        return wire.pack({**nothing_yet, "pid": os.getpid(), "starting": gateway.starting})
    service = snapshot.service
    return wire.pack({"version": service.version, "pid": service.pid, "config": service.config.path, "ready": True})


async def status(gateway: "Gateway", _connection: Connection, request: requests.Status) -> bytes:
    snapshot = _present(gateway)
    names, project = request.names, request.project
    if names is None and project is None:
        return gateway.pictures.status(gateway.audience)
    _known(snapshot, names or ())
    return gateway.pictures.part(None if names is None else frozenset(names), project, gateway.audience)


async def subscribe(gateway: "Gateway", connection: Connection, request: requests.Subscribe) -> bytes:
    topics = _checked(request.topics)
    snapshot = _present(gateway)
    _known(snapshot, [topic.removeprefix(SCREEN) for topic in topics if topic.startswith(SCREEN)])
    if len(connection.topics.union(topics)) > MAX_TOPICS:
        raise CommandError("usage", f"a connection takes at most {MAX_TOPICS} topics")
    connection.topics.update(topics)
    for topic in topics:
        if topic == ACTIVITY:
            _begin_activity(gateway, connection, request.since)
        else:
            connection.offer(topic, snapshot.seq, gateway.pictures.present(topic, gateway.audience))
    return wire.pack({"topics": sorted(connection.topics)})


def _begin_activity(gateway: "Gateway", connection: Connection, since: int | None) -> None:
    entries = gateway.pictures.entries(most=100, since=since)
    seq = entries[0].seq if entries else since or 0
    packed = wire.pack([plain_entry(entry) for entry in entries])
    connection.begin_activity(wire.message(ACTIVITY, seq, packed, gateway.pictures.missed(since)))


async def unsubscribe(_gateway: "Gateway", connection: Connection, request: requests.Unsubscribe) -> bytes:
    for topic in _checked(request.topics):
        connection.forget(topic)
    return wire.pack({"topics": sorted(connection.topics)})


async def events(gateway: "Gateway", _connection: Connection, request: requests.Events) -> bytes:
    most = MOST_EVENTS if request.n is None else request.n
    entries = gateway.pictures.entries(most, request.since)
    return wire.pack([plain_entry(entry) for entry in entries])


async def why(gateway: "Gateway", _connection: Connection, request: requests.Why) -> bytes:
    name = request.name
    _known(_present(gateway), [name])
    found = await gateway.ask(Inspect(name))
    assert isinstance(found, Inspection)
    snapshot = _present(gateway)
    _known(snapshot, [name])  # it may have gone meanwhile
    row, now = snapshot.rows[name], time.time()
    spec = found.spec.to_json()
    return wire.pack(
        {
            "worker": row.to_dict(now),
            "draining": row.draining,
            "ending": _plain_ending(row.ending),
            "stall": row.stall.to_dict() if row.stall else None,
            "tmux": snapshot.service.tmux,
            "closing": found.closing,
            "policy": _policy_of(spec),
            "budget": {"recent": [iso(at) for at in row.recent], "slow": row.slow},
            "intent": found.intent,
            "gate": asdict(found.gate) if found.gate else None,
            "dependencies": [asdict(dependency) for dependency in found.dependencies],
            "blockers": [asdict(dependency) for dependency in found.blockers],
            "last_death": _last_death(gateway, name),
            "history": [_of_history(entry) for entry in gateway.pictures.histories.of(name)],
            "now": iso(now),
        }
    )


def _last_death(gateway: "Gateway", name: str) -> dict[str, Any] | None:
    """Return the last death with its very last words."""
    for death in gateway.deaths({name}, 1):
        return plain_death(replace(death, lines=death.lines[-LAST_WORDS:]))
    return None


async def deaths(gateway: "Gateway", _connection: Connection, request: requests.Deaths) -> bytes:
    wanted = _whose(_present(gateway), request)
    most = MOST_DEATHS if request.n is None else request.n
    return wire.pack([plain_death(death) for death in gateway.deaths(wanted, most)])


def _whose(snapshot: Snapshot, request: requests.Deaths) -> Collection[str] | None:
    """Return the workers that are asked about; None: all that there ever were."""
    if request.select is not None:
        rows = [{"name": r.name, "labels": dict(r.labels), "project": r.project} for r in snapshot.rows.values()]
        return frozenset(select(rows, selection_of(request)))
    _known(snapshot, request.names or ())
    return request.names


def _plain_ending(ending: EndingView | None) -> dict[str, Any] | None:
    if ending is None:
        return None
    return asdict(ending) | {"next_at": iso(ending.next_at), "killed_at": iso(ending.killed_at)}


def _without_typing(stall: dict[str, Any]) -> dict[str, Any]:
    """Return a stall's table without what its ladder types: that may be anything."""
    return stall | {"ladder": [{"do": rung["do"], "wait": rung["wait"]} for rung in stall["ladder"]]}


def _policy_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    checks = {key: without_secrets(spec[key]) for key in _CHECKS}
    return {key: spec[key] for key in _POLICY} | checks | {"stall": _without_typing(spec["stall"])}


def _of_history(entry: Entry) -> dict[str, Any]:
    """Return an entry without its number: those read from the log have none in this feed."""
    return {key: value for key, value in plain_entry(entry).items() if key != "seq"}


def _present(gateway: "Gateway") -> Snapshot:
    if gateway.pictures.snapshot is None:
        raise CommandError("starting", gateway.starting)
    return gateway.pictures.snapshot


def _known(snapshot: Snapshot, names: Sequence[str]) -> None:
    strangers = [name for name in names if name not in snapshot.rows]
    if strangers:
        raise CommandError("unknown-worker", f"no worker is called {some_of(list(map(shown, strangers)), 10)}")


def _checked(topics: tuple[str, ...]) -> tuple[str, ...]:
    for topic in topics:
        name = topic.removeprefix(SCREEN) if topic.startswith(SCREEN) else None
        if topic not in (METRICS, CHANGES, ACTIVITY, SCREENS) and (name is None or not _NAME.fullmatch(name)):
            known = "metrics, changes, activity, screens, screen:NAME"
            raise CommandError("usage", f"topic {shown(topic)} is none of: {known}")
    return topics


def selection_of(request: requests.Selecting) -> Selection:
    """Return which workers a request selects; raises CommandError."""
    if request.names is not None:
        raise CommandError("usage", "use names or select, not both")
    assert request.select is not None
    selection = Selection(**vars(request.select))
    selection.require()
    return selection
