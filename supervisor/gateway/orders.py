"""The verbs that change something: each is handed to the Supervisor, and waits for verdicts where that is asked."""

import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.values.facts import Verb as OrderVerb
from actors.values.requests import (
    SENT,
    Accepted,
    Action,
    Order,
    Plan,
    Planned,
    Release,
    RequestRefused,
    Run,
    Scale,
    SendSignal,
    ShutDown,
    plain_changes,
)
from actors.values.spec import Family, WorkerSpec
from actors.values.typing import Manner, Untyped
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config
from supervisor.gateway import requests
from supervisor.gateway.connection import Connection
from supervisor.gateway.questions import selection_of
from supervisor.gateway.verdicts import Expected
from supervisor.text.keys import KeyUnknown, checked
from supervisor.text.words import shown
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, Worker, select

if TYPE_CHECKING:
    from supervisor.gateway.server import Gateway

SEND_WAIT = 30.0  # seconds for typing to be acknowledged, unless the request says otherwise
Choose = Callable[[Iterable[WorkerSpec], Collection[str]], tuple[str, ...]]
_UNPASTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # an escape sequence could end the paste
_NEVER_SET = {"command": "it stands by itself", "cwd": "it is the folder that `run` is called in"}


async def order(verb: OrderVerb, gateway: "Gateway", _connection: Connection, request: requests.Ordered) -> bytes:
    accepted = await gateway.ask(_order_of(verb, request))
    assert isinstance(accepted, Accepted)
    expected = dict.fromkeys(accepted.names, (verb.value, accepted.number))
    return await _settled(gateway, accepted, expected, request.wait)


async def signal(gateway: "Gateway", _connection: Connection, request: requests.Signal) -> bytes:
    name = request.signal.removeprefix("SIG")
    if name not in SENT:
        raise CommandError("usage", f"signal must be one of {', '.join(SENT)}, not {shown(request.signal)}")
    names, choose = _meant(request)
    accepted = await gateway.ask(SendSignal(name, request.tree, names, choose))
    assert isinstance(accepted, Accepted)
    return wire.pack({"names": list(accepted.names)})


async def release(gateway: "Gateway", _connection: Connection, request: requests.Release) -> bytes:
    names, choose = _meant(request)
    accepted = await gateway.ask(Release(names, request.cancel, choose))
    assert isinstance(accepted, Accepted)
    return wire.pack({"names": list(accepted.names)})


def _order_of(verb: OrderVerb, request: requests.Ordered) -> Order:
    names, choose = _meant(request)
    return Order(verb, names, request.force, request.kill, request.now, choose)


def _meant(request: requests.Ordered | requests.Signal | requests.Release) -> tuple[tuple[str, ...], Choose | None]:
    """Return the names that a request gives, or what chooses them; raises CommandError."""
    if request.select is not None:
        return (), partial(_chosen, selection_of(request))
    if request.names is None:
        raise CommandError("usage", "names must be a list of text with something in it (or give select)")
    return request.names, None


def _chosen(selection: Selection, specs: Iterable[WorkerSpec], unknown: Collection[str]) -> tuple[str, ...]:
    """Return the names of those meant; one that is `unknown` to records and file is meant only by its very name."""
    workers: list[Worker] = [{"name": s.name, "labels": dict(s.labels), "project": s.project} for s in specs]
    workers += [{"name": name, "labels": {}, "project": ""} for name in unknown if name in selection.patterns]
    try:
        return tuple(select(workers, selection))
    except CommandError as refused:
        raise RequestRefused(refused.code, refused.message) from None


async def run(gateway: "Gateway", _connection: Connection, request: requests.Run) -> bytes:
    try:
        spec = gateway.define(request.name, _table_of(request))
    except ConfigError as error:
        said = "\n".join((*(problem.message for problem in error.problems), *error.rest()))
        raise CommandError("usage", said) from None
    accepted = await gateway.ask(Run(replace(spec, ephemeral=request.ephemeral)))
    assert isinstance(accepted, Accepted)
    return await _settled(gateway, accepted, {request.name: ("start", accepted.number)}, request.wait)


def _table_of(request: requests.Run) -> dict[str, Any]:
    """Return the worker's table as a file would have it; what is not given has its default."""
    policy = request.policy
    for key in _NEVER_SET.keys() & policy.keys():
        raise CommandError("usage", f"{key} cannot be set: {_NEVER_SET[key]}")
    given = {
        "command": list(request.command),
        "cwd": request.cwd,
        "env": _over(policy.get("env", {}), dict(request.env)),
        "project": request.project,
        "labels": _over(policy.get("labels", {}), dict(request.labels)),
        "restart": request.restart,
    }
    return policy | {key: value for key, value in given.items() if value is not None}


def _over(policy: Any, given: dict[str, str]) -> Any:
    """Return both tables as one, what is given winning; a policy that is no table stays, to be refused as such."""
    return policy | given if isinstance(policy, dict) else policy


async def send(gateway: "Gateway", _connection: Connection, request: requests.Send) -> bytes:
    content = request.content
    try:
        keys = checked(request.keys)
    except KeyUnknown as error:
        raise CommandError("usage", str(error)) from None
    if bool(content or request.manner == "line") == bool(keys):
        raise CommandError("usage", "send takes content or keys, one of them and not empty")
    manner = Manner.KEYS if keys else Manner(request.manner)
    counted = {"bytes": len(content), "keys": len(keys)}
    return await _typed(gateway, request, counted, content=content, keys=keys, manner=manner)


async def prompt(gateway: "Gateway", _connection: Connection, request: requests.Prompt) -> bytes:
    text = request.text.replace("\r\n", "\n").removesuffix("\n")
    if not text.strip():
        raise CommandError("usage", "the prompt is empty")
    if found := _UNPASTABLE.search(text):
        what = f"a prompt holds text, tabs and new lines, not {found[0]!a}: send --raw types exact bytes"
        raise CommandError("usage", what)
    if request.command and "\n" in text:
        raise CommandError("usage", "a command is one line")
    manner = Manner.COMMAND if request.command else Manner.PASTE
    return await _typed(gateway, request, {"outcome": "submitted"}, content=text.encode(), keys=(), manner=manner)


async def _typed(
    gateway: "Gateway", request: requests.Send | requests.Prompt, done: dict[str, Any], **given: Any
) -> bytes:
    """Type for one worker, or for several: then the answer has a result for each."""
    wait = request.wait or SEND_WAIT
    if request.name is not None:
        (problem,) = await gateway.type((request.name,), wait, force=request.force, **given)
        if problem:
            raise CommandError(problem.why, problem.text)
        return wire.pack(done)
    names = _meant_now(gateway, request)
    problems = await gateway.type(names, wait, force=request.force, **given)
    results = [_result(name, problem) for name, problem in zip(names, problems, strict=True)]
    return wire.pack({**done, "results": results})


def _result(name: str, problem: Untyped | None) -> dict[str, Any]:
    told = {"code": problem.why.value, "message": problem.text} if problem else {"code": None, "message": None}
    return {"name": name, "ok": problem is None, **told}


def _meant_now(gateway: "Gateway", request: requests.Send | requests.Prompt) -> tuple[str, ...]:
    """Return the names of the workers in the present picture that are meant."""
    if request.names is not None:
        return request.names
    snapshot = gateway.snapshot
    if request.select is None or snapshot is None:
        raise CommandError("usage", "say to whom: name, names or select")
    workers = [{"name": r.name, "labels": dict(r.labels), "project": r.project} for r in snapshot.rows.values()]
    return tuple(select(workers, selection_of(request)))


async def plan(gateway: "Gateway", _connection: Connection, _request: requests.Bare) -> bytes:
    config = await gateway.load_config()
    planned = await gateway.ask(Plan(config.workers, config.families))
    assert isinstance(planned, Planned)
    changes, later = plain_changes(planned.changes), list(config.next_start)
    return wire.pack({"changes": changes, "refusal": planned.refusal, "next_start": later})


async def apply(gateway: "Gateway", _connection: Connection, request: requests.Apply) -> bytes:
    config, accepted = await gateway.apply(request.force)
    assert isinstance(accepted, Accepted)
    expected = _expected(accepted)
    if request.changed_only:
        changed = {change.name for change in accepted.changes if change.action is not Action.NONE}
        expected = {name: awaited for name, awaited in expected.items() if name in changed}
    return await _settled(gateway, accepted, expected, request.wait, next_start=list(config.next_start))


async def scale(gateway: "Gateway", _connection: Connection, request: requests.Scale) -> bytes:
    config = await gateway.load_config()
    accepted = await gateway.ask(Scale(_family(config, request.name), request.replicas, request.force))
    assert isinstance(accepted, Accepted)
    return await _settled(gateway, accepted, _expected(accepted), request.wait)


def _family(config: Config, name: str) -> Family:
    for family in config.families:
        if family.name == name:
            return family
    if any(spec.name == name for spec in config.workers):
        raise CommandError("usage", f"{name} is one worker: only what has `replicas = N` in the file can be scaled")
    raise CommandError("unknown-worker", f"the file has no worker called {shown(name)} with replicas")


def _expected(accepted: Accepted) -> dict[str, tuple[str, int]]:
    """Say what is waited for after apply or scale: every worker that is wanted up, those that are not gone."""
    removed = {c.name: ("remove", accepted.number) for c in accepted.changes if c.action is Action.STOP}
    return dict.fromkeys(accepted.names, ("up", accepted.number)) | removed


async def _settled(gateway: "Gateway", accepted: Accepted, expected: Expected, seconds: float, **more: Any) -> bytes:
    """Return the answer to an order, once there are verdicts where some are waited for."""
    found = await _verdicts(gateway, accepted, expected, seconds) if seconds > 0 and expected else []
    changes = plain_changes(accepted.changes)
    ordered = list(accepted.names)
    told = {"number": accepted.number, "names": ordered, "unrecorded": accepted.unrecorded}
    return wire.pack({**told, "verdicts": found, "changes": changes, **more})


async def _verdicts(gateway: "Gateway", accepted: Accepted, expected: Expected, seconds: float) -> list[dict[str, Any]]:
    try:
        return await gateway.verdicts_of(expected, seconds)
    except CommandError as late:
        if accepted.unrecorded is None:
            raise
        raise CommandError(late.code, f"{late.message}; and it is not on record: {accepted.unrecorded}") from None


async def down(gateway: "Gateway", _connection: Connection, request: requests.Down) -> bytes:
    keep = request.keep_workers
    tmux_pid = None if keep else await gateway.tmux_pid()
    await gateway.ask(ShutDown(keep, kill=request.kill, now=request.now))
    return wire.pack({"pid": os.getpid(), "tmux_pid": tmux_pid})
