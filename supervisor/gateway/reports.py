"""`report`: what a worker is at, by its own word. Only its own processes may say that, or its owner, by its name.

    peer's pid ──parents──▶ the first process of a worker ──┐
               └─its mark──▶ a life that is there now ──────┴──▶ whose process it is; None: no worker's

Whoever may connect is of our own user, so this keeps apart what belongs apart; it is no wall against that user.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from actors.values.attention import AttentionSaid, SessionSaid, Source, Word
from actors.values.command_text import is_session
from actors.values.requests import Accepted, Attend, Inspect, Inspection
from actors.values.snapshot import Row
from supervisor.gateway import requests
from supervisor.gateway.connection import Connection
from supervisor.kernel.proc_table import entry_of
from supervisor.text.words import shown
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError

if TYPE_CHECKING:
    from supervisor.gateway.server import Gateway

_HIGHEST = 64  # parents that are looked at
_LIVING = ("starting", "running")


async def report(gateway: "Gateway", connection: Connection, request: requests.Report) -> bytes:
    snapshot = gateway.pictures.snapshot
    rows = snapshot.rows if snapshot else {}
    own = await gateway.in_pool(worker_of, connection.peer.pid, rows)
    name = _meant(own, request.name)
    row = rows.get(name)
    if row is None:
        raise CommandError("unknown-worker", f"there is no worker called {shown(name)}")
    if row.state not in _LIVING:
        raise CommandError("not-met", f"{name} is {row.state}: only a running worker is at something")
    if request.life not in (None, row.life):
        raise CommandError("not-met", f"the life of {name} that this process belongs to has ended")
    if request.word is None and request.session is None:
        raise CommandError("usage", "say what it is at: working, waiting or idle, or its session")
    if request.session is not None:
        await _refuse_session(gateway, name, request.session)
        await _tell(gateway, name, SessionSaid(str(row.life), request.session))
    if request.word is not None:
        said = AttentionSaid(
            by=Source.REPORT,
            word=Word(request.word),
            life=row.life,
            text=request.text,
            ttl=request.ttl,
            cost=request.cost,
            tokens=request.tokens,
        )
        await _tell(gateway, name, said)
    return wire.pack({"name": name, "life": row.life})


async def _refuse_session(gateway: "Gateway", name: str, session: str) -> None:
    """Refuse what is no id, or is of no use."""
    if not is_session(session):
        raise CommandError("usage", f"a session is one word that does not begin with -, not {shown(session)}")
    found = await gateway.ask(Inspect(name))
    assert isinstance(found, Inspection)
    resume = found.spec.resume
    if resume is None or resume.session is None or not resume.session.report:
        raise CommandError("usage", f"{name} has no resume.session = {{ report = true }} in the file")


async def _tell(gateway: "Gateway", name: str, said: AttentionSaid | SessionSaid) -> None:
    accepted = await gateway.ask(Attend(name, said))
    assert isinstance(accepted, Accepted)
    if not accepted.names:
        raise CommandError("unknown-worker", f"{shown(name)} was removed a moment ago")


def worker_of(pid: int, rows: Mapping[str, Row]) -> str | None:
    """Return the worker that a process belongs to: by its parents, else by the mark in its environment."""
    roots = {row.pid: row.name for row in rows.values() if row.pid is not None}
    entry = entry_of(pid, with_mark=True)
    mark = entry.mark if entry else None
    for _ in range(_HIGHEST):
        if entry is None or entry.pid in roots:
            break
        entry = entry_of(entry.ppid) if entry.ppid > 1 else None
    if entry is not None and entry.pid in roots:
        return roots[entry.pid]
    return _marked(mark, rows)


def _marked(mark: str | None, rows: Mapping[str, Row]) -> str | None:
    """Return the worker whose present life this mark names; a life's id is unique forever."""
    _, _, named = (mark or "").partition("/")
    name, _, life = named.partition("/")
    return name if name in rows and life and rows[name].life == life else None


def _meant(own: str | None, name: str | None) -> str:
    if own and name not in (None, own):
        raise CommandError("not-permitted", f"a process of {own} may report for {own} alone, not for {shown(name)}")
    found = own or name
    if found is None:
        raise CommandError("usage", "report runs within a worker; from outside, name one")
    return found
