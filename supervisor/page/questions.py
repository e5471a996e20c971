"""The endpoints that ask and change nothing. Each returns what is packed, plain values, or a whole answer."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from actors.events.words import iso
from actors.values.totals import totals_of
from supervisor.commands.workers.panes import Look, pane_of, screen
from supervisor.explain.account import explain
from supervisor.explain.briefing import brief
from supervisor.explain.outlook import next_of, remedies
from supervisor.logs.reading import stamped
from supervisor.page import bodies
from supervisor.page.access import tokens
from supervisor.page.answers.packed import Packed
from supervisor.page.answers.sent import answer_of
from supervisor.page.asked import Asked
from supervisor.page.picture.screens import rows_of
from supervisor.state.place import Place
from supervisor.text.moments import moment
from supervisor.text.patterns import Pattern, compiled
from supervisor.text.plain import last_redraw, plain, visible
from supervisor.text.runs import lines
from supervisor.text.tables import timestamp
from supervisor.wire.errors import CommandError, UnknownWorker
from supervisor.wire.selection import parse_label

_LONGEST_LINE = 1 << 16
_LATELY = 3600.0  # seconds that a briefing looks back
_TEXT = "text/plain; charset=utf-8"


async def snapshot(asked: Asked) -> Response:
    board = await asked.page.contact.pictured()
    whole = board.whole()
    return answer_of(whole, asked.request.headers, cached=True, more={"X-Panevisor-At": str(board.at)})


async def workers(asked: Asked) -> Packed:
    board = await asked.page.contact.pictured()
    wanted: bodies.Filter = asked.query
    labels = [parse_label(label) for label in wanted.label]
    question = (tuple(wanted.project), tuple(wanted.state), tuple(wanted.attention), tuple(labels))

    def chosen(picture: dict[str, Any]) -> dict[str, Any]:
        rows = [row for row in picture["workers"] if _fits(row, wanted, labels)]
        return {"seq": picture["seq"], "totals": totals_of(rows), "workers": rows}

    return board.answer(question, chosen)


def _fits(row: dict[str, Any], wanted: bodies.Filter, labels: Sequence[tuple[str, str]]) -> bool:
    return (
        (not wanted.project or row["project"] in wanted.project)
        and (not wanted.state or row["state"] in wanted.state)
        and (not wanted.attention or (row["attention"] or "none") in wanted.attention)
        and all(row["labels"].get(key) == value for key, value in labels)
    )


async def worker(asked: Asked) -> dict[str, Any]:
    return await _row(asked)


async def _row(asked: Asked) -> dict[str, Any]:
    """Return the row of the worker in the path; raises UnknownWorker."""
    row = (await asked.page.contact.pictured()).row(asked.name)
    if row is None:
        raise UnknownWorker(asked.name, f"no worker is called {visible(asked.name)}")
    return row


async def screen_of(asked: Asked) -> Any:
    await _row(asked)
    text = await asyncio.to_thread(screen_now, asked.page.place, asked.name)
    if asked.prefers_text():
        rows = ("".join(part for part, _ in line).rstrip() for line in lines(text))
        return Packed(("\n".join(rows).rstrip("\n") + "\n").encode(errors="replace"), _TEXT)
    return {"name": asked.name, "rows": rows_of(text), "at": iso(time.time())}


def screen_now(place: Place, name: str) -> str:
    """Return what tmux shows now; raises CommandError."""
    return screen(place, pane_of(place, name), Look(ansi=True))


async def logs(asked: Asked) -> Any:
    await _row(asked)
    wanted: bodies.Logs = asked.query
    since = None if wanted.since is None else _moment(wanted.since, "since", time.time())
    pattern = None if wanted.grep is None else _pattern(wanted.grep)
    lines = await asyncio.to_thread(_lines, asked.page.place, asked.name, wanted, since, pattern)
    if asked.prefers_text():
        return Packed("".join(f"{line['text']}\n" for line in lines).encode(errors="replace"), _TEXT)
    return {"name": asked.name, "lines": lines}


def _lines(
    place: Place, name: str, wanted: bodies.Logs, since: float | None, pattern: Pattern | None
) -> list[dict[str, Any]]:
    count = wanted.n if pattern is None and since is None else None
    found: deque[tuple[float, str]] = deque(maxlen=wanted.n)
    for at, raw in stamped(place.logs, name, count, since, wanted.previous):
        text = _text(raw)
        if (since is None or at >= since) and (pattern is None or pattern.search(text)):
            found.append((at, text))
    return [{"at": iso(at or None), "text": text} for at, text in found]


def _moment(text: str, key: str, now: float) -> float:
    try:
        return moment(text, now)
    except ValueError as error:
        raise CommandError("usage", f"{key} {error}") from None


def _pattern(text: str) -> Pattern:
    try:
        return compiled(text)
    except ValueError as error:
        raise CommandError("usage", f"grep {error}") from None


def _text(raw: bytes) -> str:
    return visible(plain(last_redraw(raw.removesuffix(b"\n"), _LONGEST_LINE)).removesuffix("\n"), keep="\n\t")


async def why(asked: Asked) -> Any:
    data = await asked.page.contact.call("why", name=asked.name)
    coming = next_of(data)
    command = asked.page.command
    text = explain(data, timestamp(data["now"]), command)
    if asked.prefers_text():
        return Packed(("\n".join(text) + "\n").encode(errors="replace"), _TEXT)
    can = [f"{command} {remedy.command}" for remedy in remedies(data)]
    return {**data, "next": {"what": coming.what, "at": iso(coming.at)}, "can": can, "text": text}


async def deaths(asked: Asked) -> Any:
    return await asked.page.contact.call("deaths", n=asked.query.n)


async def deaths_of(asked: Asked) -> Any:
    return await asked.page.contact.call("deaths", names=[asked.name], n=asked.query.n)


async def history(asked: Asked) -> dict[str, Any]:
    await _row(asked)
    return {"name": asked.name, **asked.page.contact.board.history.of(asked.name)}


async def activity(asked: Asked) -> dict[str, Any]:
    board = await asked.page.contact.pictured()
    return {"entries": board.entries_since(asked.query.since, asked.query.n)}


async def briefing(asked: Asked) -> Any:
    board = await asked.page.contact.pictured()
    assert board.picture is not None
    wanted, now = asked.query, time.time()
    since = _moment(wanted.since, "since", now) if wanted.since is not None else now - _LATELY
    found = brief(board.picture, list(board.entries), now=now, since=since, project=wanted.project)
    if asked.prefers_text():
        return Packed(("\n".join(found.lines()) + "\n").encode(errors="replace"), _TEXT)
    return found.to_dict()


async def metrics(asked: Asked) -> Packed:
    from supervisor.metrics.exposition import openmetrics  # only now: not every page is scraped

    contact = asked.page.contact
    text = await asyncio.to_thread(openmetrics, contact.board.picture if contact.here else None)
    return Packed(text, "application/openmetrics-text; version=1.0.0; charset=utf-8")


async def health(asked: Asked) -> Any:
    contact = asked.page.contact
    picture = contact.board.picture if contact.here else None
    service = picture["supervisor"] if picture else None
    degraded = list(service["degraded"]) if service else []
    told = {
        "status": _status(service),
        "since": iso(contact.since),
        "degraded": degraded,
        "workers": len(picture["workers"]) if picture else None,
    }
    if service is not None:
        return told
    return Response(Packed.of(told).body, 503, media_type="application/json")


def _status(service: dict[str, Any] | None) -> str:
    if service is None:
        return "no-service"
    if service["tmux"] != "ok":
        return "blind"
    return "degraded" if service["degraded"] else "ok"


async def plan(asked: Asked) -> Any:
    return await asked.page.contact.call("plan")


async def me(asked: Asked) -> Any:
    return tokens.plain(asked.known)
