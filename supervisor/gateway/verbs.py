"""What a client can ask: one table of verbs, looked up by the word itself and never by attribute.

Each verb takes the connection and the request, whose fields are known to be its own, and returns packed data. What
can't be served raises WireError; what the Supervisor refuses comes as RequestRefused.
"""

import os
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from actors.values.death import Death
from actors.values.facts import Verb as OrderVerb
from actors.values.families import MOST, Family
from actors.values.feed import Entry
from actors.values.requests import (
    Accepted,
    Action,
    Inspect,
    Inspection,
    Order,
    Plan,
    Planned,
    RequestRefused,
    Run,
    Scale,
    ShutDown,
    plain_changes,
)
from actors.values.snapshot import EndingView, Snapshot, iso
from actors.values.spec import NAME_PATTERN, WorkerSpec
from supervisor.config.problems import ConfigError
from supervisor.explain.probes import without_secrets
from supervisor.gateway.connection import Connection
from supervisor.gateway.fields import Request, content, flag, names, pairs, table, text, texts, wait, whole
from supervisor.gateway.pictures import ACTIVITY, METRICS, SCREEN, SCREENS, Pictures, plain_entry
from supervisor.gateway.verdict_wait import Expected
from supervisor.state.deaths import plain_death
from supervisor.text.keys import KeyUnknown, checked
from supervisor.text.words import shown
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError
from supervisor.wire.frames import WireError
from supervisor.wire.selection import Selection, Worker, select

MAX_TOPICS = 64
LAST_WORDS = 3  # lines of the last death in the answer to `why`
MOST_DEATHS = 200
SEND_WAIT = 30.0  # seconds for typing to be acknowledged, unless the request says otherwise
_POLICY = (
    *("restart", "ok_exit_codes", "backoff", "max_restarts", "healthy_after", "depends_on", "stop"),
    *("cleanup_after", "protected", "limits", "on_exit", "max_restarts_in", "retry"),
)  # of a spec; never its command and environment, where secrets are
_CHECKS = ("ready", "live")  # of a spec too, but shown without what may be secret in them
_NAME = re.compile(NAME_PATTERN)
_NEVER_SET = {"command": "it stands by itself", "cwd": "it is the folder that `run` is called in"}


class LoadedConfig(Protocol):
    """What Apply needs of a config."""

    @property
    def digest(self) -> str: ...

    @property
    def workers(self) -> tuple[WorkerSpec, ...]: ...

    @property
    def families(self) -> tuple[Family, ...]: ...

    @property
    def next_start(self) -> tuple[str, ...]: ...


class Dependencies(Protocol):
    """What verbs need of the Gateway."""

    pictures: Pictures
    starting: str
    """Why there is no picture yet, in words."""

    @property
    def subscribers(self) -> int: ...

    async def ask(self, request: object) -> object:
        """Ask the Supervisor; raises RequestRefused or WireError."""

    async def apply(self, force: bool) -> tuple[LoadedConfig, object]:
        """Read the file and have it applied, in turn; raises ConfigError, RequestRefused or WireError."""

    async def load_config(self) -> LoadedConfig:
        """Read the file; raises ConfigError."""

    def define(self, name: str, table: Mapping[str, Any]) -> WorkerSpec:
        """Return the spec of a worker that is in no file; raises ConfigError."""

    @property
    def deaths(self) -> Callable[[Collection[str] | None, int], list[Death]]:
        """Return the newest death records of these workers (None: of all), newest first; does not block."""

    async def type(self, name: str, content: bytes, keys: tuple[str, ...], wait: float) -> str | None:
        """Type into a worker's terminal; return None when it is typed, else why it is not."""

    async def verdicts_of(self, expected: Expected, wait: float) -> list[dict[str, Any]]:
        """Wait until each of these workers has a verdict; raises WireError("timeout") when that takes too long."""

    async def tmux_pid(self) -> int | None:
        """Return the process that has to be gone when `down` is done; None when there is none."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: the function, and the fields that it takes besides `id` and `do`."""

    run: Callable[[Dependencies, Connection, Request], Awaitable[bytes]]
    fields: frozenset[str]


async def dispatch(deps: Dependencies, connection: Connection, request: Request) -> bytes:
    """Serve one request."""
    do = request.get("do")
    verb = VERBS.get(do) if isinstance(do, str) else None
    if verb is None:
        known = ", ".join(VERBS)
        raise WireError("usage", f"do {shown(do)} is none of: {known}")
    for key in request.keys() - verb.fields - {"id", "do"}:
        raise WireError("usage", f"{do} takes no {shown(key)}")
    return await verb.run(deps, connection, request)


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _hello(deps: Dependencies, _connection: Connection, _request: Request) -> bytes:
    snapshot = deps.pictures.snapshot
    if snapshot is None:
        nothing_yet = {"version": None, "config": None, "ready": False}
        return wire.pack({**nothing_yet, "pid": os.getpid(), "starting": deps.starting})
    service = snapshot.service
    return wire.pack({"version": service.version, "pid": service.pid, "config": service.config.path, "ready": True})


async def _status(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    snapshot = _present(deps)
    wanted = names(request) if "names" in request else None
    project = text(request, "project")
    if wanted is None and project is None:
        return deps.pictures.status(deps.subscribers)
    _known(snapshot, wanted or ())
    return deps.pictures.part(None if wanted is None else frozenset(wanted), project, deps.subscribers)


async def _subscribe(deps: Dependencies, connection: Connection, request: Request) -> bytes:
    topics = _topics(request)
    since = whole(request, "since", 0, 1 << 63)
    snapshot = _present(deps)
    _known(snapshot, [topic.removeprefix(SCREEN) for topic in topics if topic.startswith(SCREEN)])
    if len(connection.topics.union(topics)) > MAX_TOPICS:
        raise WireError("usage", f"a connection takes at most {MAX_TOPICS} topics")
    connection.topics.update(topics)
    for topic in topics:
        if topic == ACTIVITY:
            _begin_activity(deps, connection, since)
        else:
            connection.offer(topic, snapshot.seq, deps.pictures.data(topic, deps.subscribers))
    return wire.pack({"topics": sorted(connection.topics)})


def _begin_activity(deps: Dependencies, connection: Connection, since: int | None) -> None:
    entries = deps.pictures.entries(most=100, since=since)
    seq = entries[0].seq if entries else since or 0
    packed = wire.pack([plain_entry(entry) for entry in entries])
    connection.begin_activity(wire.message(ACTIVITY, seq, packed, deps.pictures.missed(since)))


async def _unsubscribe(_deps: Dependencies, connection: Connection, request: Request) -> bytes:
    for topic in _topics(request):
        connection.forget(topic)
    return wire.pack({"topics": sorted(connection.topics)})


async def _events(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    most = whole(request, "n", 0, 100)
    since = whole(request, "since", 0, 1 << 63)
    entries = deps.pictures.entries(100 if most is None else most, since)
    return wire.pack([plain_entry(entry) for entry in entries])


async def _why(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    name = _one_name(request)
    _known(_present(deps), [name])
    found = await deps.ask(Inspect(name))
    assert isinstance(found, Inspection)
    snapshot = _present(deps)
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
            "last_death": _last_death(deps, name),
            "history": [_of_history(entry) for entry in deps.pictures.histories.of(name)],
            "now": iso(now),
        }
    )


def _last_death(deps: Dependencies, name: str) -> dict[str, Any] | None:
    """Return the last death with its very last words."""
    for death in deps.deaths({name}, 1):
        return plain_death(replace(death, lines=death.lines[-LAST_WORDS:]))
    return None


async def _deaths(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    wanted = _whose(_present(deps), request)
    most = whole(request, "n", 0, MOST_DEATHS)
    return wire.pack([plain_death(death) for death in deps.deaths(wanted, MOST_DEATHS if most is None else most)])


def _whose(snapshot: Snapshot, request: Request) -> Collection[str] | None:
    """Return the workers that are asked about; None: all that there ever were."""
    if "select" in request:
        selection = _selection(request)
        rows = [{"name": r.name, "labels": dict(r.labels), "project": r.project} for r in snapshot.rows.values()]
        try:
            return frozenset(select(rows, selection))
        except CommandError as refused:
            raise WireError(refused.code, refused.message) from None
    wanted = names(request) if "names" in request else None
    _known(snapshot, wanted or ())
    return wanted


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


def _present(deps: Dependencies) -> Snapshot:
    if deps.pictures.snapshot is None:
        raise WireError("starting", deps.starting)
    return deps.pictures.snapshot


def _known(snapshot: Snapshot, names: "tuple[str, ...] | list[str]") -> None:
    strangers = [name for name in names if name not in snapshot.rows]
    if strangers:
        raise WireError("unknown-worker", f"no worker is called {', '.join(map(shown, strangers[:10]))}")


def _topics(request: Request) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(texts(request, "topics")))
    for topic in topics:
        name = topic.removeprefix(SCREEN) if topic.startswith(SCREEN) else None
        if topic not in (METRICS, ACTIVITY, SCREENS) and (name is None or not _NAME.fullmatch(name)):
            raise WireError("usage", f"topic {shown(topic)} is none of: metrics, activity, screens, screen:NAME")
    return topics


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _order(verb: OrderVerb) -> Verb:
    async def run(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
        seconds = wait(request)
        accepted = await deps.ask(_order_of(verb, request))
        assert isinstance(accepted, Accepted)
        expected = dict.fromkeys(accepted.names, (verb.value, accepted.number))
        return await _settled(deps, accepted, expected, seconds)

    return Verb(run, frozenset({"names", "select", "force", "wait"}))


def _order_of(verb: OrderVerb, request: Request) -> Order:
    force = flag(request, "force")
    if "select" not in request:
        return Order(verb, names(request), force)
    selection = _selection(request)
    return Order(verb, (), force, lambda specs, unknown: _chosen(selection, specs, unknown))


def _selection(request: Request) -> Selection:
    if "names" in request:
        raise WireError("usage", "use names or select, not both")
    try:
        selection = Selection.of_wire(request["select"])
        selection.require()
    except CommandError as wrong:
        raise WireError(wrong.code, wrong.message) from None
    return selection


def _chosen(selection: Selection, specs: Iterable[WorkerSpec], unknown: Collection[str]) -> tuple[str, ...]:
    """Return the names of those meant; one that is `unknown` to records and file is meant only by its very name."""
    workers: list[Worker] = [{"name": s.name, "labels": dict(s.labels), "project": s.project} for s in specs]
    workers += [{"name": name, "labels": {}, "project": ""} for name in unknown if name in selection.patterns]
    try:
        return tuple(select(workers, selection))
    except CommandError as refused:
        raise RequestRefused(refused.code, refused.message) from None


async def _run(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    name, seconds = _one_name(request), wait(request)
    try:
        spec = deps.define(name, _table_of(request))
    except ConfigError as error:
        raise WireError("usage", "\n".join((*(problem.message for problem in error.problems), *error.rest()))) from None
    accepted = await deps.ask(Run(spec))
    assert isinstance(accepted, Accepted)
    return await _settled(deps, accepted, {name: ("start", accepted.number)}, seconds)


def _table_of(request: Request) -> dict[str, Any]:
    """Return the worker's table as a file would have it; what is not given has its default."""
    policy = table(request, "policy")
    for key in _NEVER_SET.keys() & policy.keys():
        raise WireError("usage", f"{key} cannot be set: {_NEVER_SET[key]}")
    given = {
        "command": texts(request, "command"),
        "cwd": text(request, "cwd"),
        "env": _over(policy.get("env", {}), dict(pairs(request, "env"))),
        "project": text(request, "project"),
        "labels": _over(policy.get("labels", {}), dict(pairs(request, "labels"))),
        "restart": text(request, "restart"),
    }
    return policy | {key: value for key, value in given.items() if value is not None}


def _over(policy: Any, given: dict[str, str]) -> Any:
    """Return both tables as one, what is given winning; a policy that is no table stays, to be refused as such."""
    return policy | given if isinstance(policy, dict) else policy


async def _send(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    name = _one_name(request)
    typed = content(request, "content")
    try:
        keys = checked(texts(request, "keys")) if "keys" in request else ()
    except KeyUnknown as error:
        raise WireError("usage", str(error)) from None
    if bool(typed) == bool(keys):
        raise WireError("usage", "send takes content or keys, one of them and not empty")
    problem = await deps.type(name, typed, keys, wait(request) or SEND_WAIT)
    if problem:
        raise WireError("not-met", problem)
    return wire.pack({"bytes": len(typed), "keys": len(keys)})


def _one_name(request: Request) -> str:
    name = text(request, "name")
    if not name:
        raise WireError("usage", "name must be the name of one worker")
    return name


async def _plan(deps: Dependencies, _connection: Connection, _request: Request) -> bytes:
    try:
        config = await deps.load_config()
    except ConfigError as error:
        raise WireError("config", str(error)) from None
    planned = await deps.ask(Plan(config.workers, config.families))
    assert isinstance(planned, Planned)
    changes, later = plain_changes(planned.changes), list(config.next_start)
    return wire.pack({"changes": changes, "refusal": planned.refusal, "next_start": later})


async def _apply(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    seconds, force = wait(request), flag(request, "force")
    try:
        config, accepted = await deps.apply(force)
    except ConfigError as error:
        raise WireError("config", str(error)) from None
    assert isinstance(accepted, Accepted)
    return await _settled(deps, accepted, _expected(accepted), seconds, next_start=list(config.next_start))


async def _scale(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    name, seconds, force = _one_name(request), wait(request), flag(request, "force")
    count = whole(request, "replicas", 0, MOST)
    if count is None:
        raise WireError("usage", "replicas must be given")
    try:
        config = await deps.load_config()
    except ConfigError as error:
        raise WireError("config", str(error)) from None
    accepted = await deps.ask(Scale(_family(config, name), count, force))
    assert isinstance(accepted, Accepted)
    return await _settled(deps, accepted, _expected(accepted), seconds)


def _family(config: LoadedConfig, name: str) -> Family:
    for family in config.families:
        if family.name == name:
            return family
    if any(spec.name == name for spec in config.workers):
        raise WireError("usage", f"{name} is one worker: only what has `replicas = N` in the file can be scaled")
    raise WireError("unknown-worker", f"the file has no worker called {shown(name)} with replicas")


def _expected(accepted: Accepted) -> dict[str, tuple[str, int]]:
    """Say what is waited for after apply or scale: every worker that is wanted up, those that are not gone."""
    removed = {c.name: ("remove", accepted.number) for c in accepted.changes if c.action is Action.STOP}
    return dict.fromkeys(accepted.names, ("up", accepted.number)) | removed


async def _settled(deps: Dependencies, accepted: Accepted, expected: Expected, seconds: float, **more: Any) -> bytes:
    """Return the answer to an order, once there are verdicts where some are waited for."""
    found = await _verdicts(deps, accepted, expected, seconds) if seconds > 0 else []
    changes = plain_changes(accepted.changes)
    ordered = list(accepted.names)
    told = {"number": accepted.number, "names": ordered, "unrecorded": accepted.unrecorded}
    return wire.pack({**told, "verdicts": found, "changes": changes, **more})


async def _verdicts(deps: Dependencies, accepted: Accepted, expected: Expected, seconds: float) -> list[dict[str, Any]]:
    try:
        return await deps.verdicts_of(expected, seconds)
    except WireError as late:
        if accepted.unrecorded is None:
            raise
        raise WireError(late.code, f"{late.message}; and it is not on record: {accepted.unrecorded}") from None


async def _down(deps: Dependencies, _connection: Connection, request: Request) -> bytes:
    keep = flag(request, "keep_workers")
    tmux_pid = None if keep else await deps.tmux_pid()
    await deps.ask(ShutDown(keep))
    return wire.pack({"pid": os.getpid(), "tmux_pid": tmux_pid})


VERBS: dict[str, Verb] = {
    "hello": Verb(_hello, frozenset()),
    "status": Verb(_status, frozenset({"names", "project"})),
    "subscribe": Verb(_subscribe, frozenset({"topics", "since"})),
    "unsubscribe": Verb(_unsubscribe, frozenset({"topics"})),
    "events": Verb(_events, frozenset({"n", "since"})),
    "why": Verb(_why, frozenset({"name"})),
    "deaths": Verb(_deaths, frozenset({"names", "select", "n"})),
    "start": _order(OrderVerb.START),
    "stop": _order(OrderVerb.STOP),
    "restart": _order(OrderVerb.RESTART),
    "complete": _order(OrderVerb.COMPLETE),
    "remove": _order(OrderVerb.REMOVE),
    "run": Verb(
        _run,
        frozenset({"name", "command", "cwd", "env", "project", "labels", "restart", "policy", "wait"}),
    ),
    "send": Verb(_send, frozenset({"name", "content", "keys", "wait"})),
    "plan": Verb(_plan, frozenset()),
    "apply": Verb(_apply, frozenset({"force", "wait"})),
    "scale": Verb(_scale, frozenset({"name", "replicas", "force", "wait"})),
    "down": Verb(_down, frozenset({"keep_workers"})),
}
