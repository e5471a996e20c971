"""What a stream gets: deltas as long as it follows, the whole when it is behind, never a queue."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.page.access.keyboards import Keyboards
from supervisor.page.picture import board
from supervisor.page.picture.board import Board, Place
from supervisor.page.picture.contact import Contact
from supervisor.page.stream import Stream, View
from supervisor.wire.client import NoService


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "uptime_s": 1.0, "cpu_percent": None, "rss_bytes": None, "restarts": 0, **more}


def whole(seq: int, *names: str) -> dict[str, Any]:
    return {"seq": seq, "supervisor": {"uptime_s": float(seq)}, "workers": [row(name) for name in names]}


def delta(seq: int, *rows: dict[str, Any], left: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"base": seq - 1, **whole(seq), "workers": list(rows), "left": list(left)}


def told(data: dict[str, Any]) -> dict[str, Any]:
    return {"topic": "changes", "data": data}


def in_loop(test: Callable[[Board], Any]) -> None:
    async def go() -> None:
        found = Board(lambda: None)
        found.begin(7)
        result = test(found)
        if asyncio.iscoroutine(result):
            await result

    asyncio.run(go())


async def gathered() -> None:
    await asyncio.sleep(board.TOGETHER * 1.5)


def test_what_comes_together_is_one_delta_with_the_newest_rows() -> None:
    async def go(board: Board) -> None:
        board.take(told(whole(1, "a", "b")))
        before = board.at
        board.take(told(delta(2, row("a", restarts=1))))
        board.take(told(delta(3, row("a", restarts=2), row("c"), left=("b",))))
        assert board.at == before
        await gathered()
        assert board.at == Place(7, 3)
        (one,) = board.since(before) or []
        news = json.loads(one.body)
        assert (news["base"], news["seq"], news["left"]) == (1, 3, ["b"])
        assert [(each["name"], each["restarts"]) for each in news["workers"]] == [("a", 2), ("c", 0)]
        assert board.since(board.at) == []

    in_loop(go)


def test_who_comes_from_elsewhere_or_is_too_far_behind_gets_the_whole() -> None:
    async def go(board: Board) -> None:
        board.take(told(whole(1, "a")))
        for seq in range(2, 40):
            board.take(told(delta(seq, row("a", restarts=seq))))
            board._flush()
        assert len(board.since(Place(7, 30)) or []) == 9
        assert board.since(Place(7, 5)) is None
        assert board.missed(Place(7, 5)) == 34
        assert board.since(Place(8, 30)) is None
        assert board.missed(Place(8, 30)) == 0
        assert board.since(None) is None

    in_loop(go)


def test_the_whole_is_packed_once_a_publication_and_is_as_new_as_its_number() -> None:
    async def go(board: Board) -> None:
        board.take(told(whole(1, "a")))
        assert board.whole() is board.whole()
        board.take(told(delta(2, row("a", restarts=5))))
        assert json.loads(board.whole().body)["seq"] == board.at.seq == 2

    in_loop(go)


def test_the_entries_of_another_service_begin_anew() -> None:
    async def go(board: Board) -> None:
        entry = {"seq": 9, "ts": "2026-01-01T00:00:00Z", "event": "tmux.died_unwatched", "level": "info", "facts": {}}
        board.take({"topic": "activity", "data": [entry]})
        board.begin(8)
        board.take({"topic": "activity", "data": [{**entry, "seq": 1}]})
        assert [each["seq"] for each in board.entries] == [1]
        assert board.entries[0]["text"] == "the tmux server had died while no service ran"
        assert board.newest == Place(8, 1)

    in_loop(go)


def test_a_picture_of_a_service_that_is_gone_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.page.picture.contact._CONTACT_WITHIN", 0.01)

    async def go() -> None:
        contact = Contact(Path("/nowhere"), lambda: None)
        contact.board.begin(7)
        contact.board.take(told(whole(1, "a")))
        with pytest.raises(NoService):
            await contact.pictured()
        with pytest.raises(NoService):
            await contact.call("status")

    asyncio.run(go())


class AnyLink:
    """A connection to a service that answers everything and never ends."""

    service_pid = 8

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.Future()

    async def call(self, _do: str, **_fields: Any) -> Any:
        return []

    async def close(self) -> None:
        pass


def test_a_service_is_here_with_its_own_picture_not_with_that_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = asyncio.Event()

    async def opened(*_: object) -> AnyLink:
        connected.set()
        return AnyLink()

    async def go() -> None:
        contact = Contact(Path("/nowhere"), lambda: None)
        contact.board.begin(7)
        contact.board.take(told(whole(1, "a")))
        monkeypatch.setattr("supervisor.page.picture.link.Link.open", opened)
        running = asyncio.ensure_future(contact.run(tuple))
        await connected.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not contact.here
        contact._take(told(whole(1, "a")))
        assert (contact.here, contact.board.at) == (True, Place(8, 1))
        running.cancel()

    asyncio.run(go())


def test_a_client_that_reads_slowly_skips_to_the_newest_and_is_told_how_many_it_missed() -> None:
    async def go() -> None:
        contact = Contact(Path("/nowhere"), lambda: None)
        contact.here = True
        contact.board.begin(7)
        contact.board.take(told(whole(1, "a")))
        view = View(visible=("a",))
        stream = Stream(contact, Keyboards(lambda: None), view, None, lambda: True)
        sent: list[bytes] = []
        free = asyncio.Event()

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))
            if b"snapshot" in sent[-1] and len(sent) < 6:
                await free.wait()  # its socket takes nothing

        async def receive() -> Any:
            await asyncio.Event().wait()

        serving = asyncio.ensure_future(stream.serve(receive, send))
        while not any(b"event: snapshot" in frame for frame in sent):
            await asyncio.sleep(0.001)
        for seq in range(2, 60):
            contact.board.take(told(delta(seq, row("a", restarts=seq))))
            contact.board._flush()
            contact.screens.show("a", f"row {seq}")
            stream.wake()
        held = len(sent)
        free.set()
        while not any(b"event: rows" in frame for frame in sent):
            await asyncio.sleep(0.001)
        serving.cancel()
        late = [frame for frame in sent[held:] if frame]
        (rows,) = [frame for frame in late if frame.startswith(b"event: rows")]
        assert b'"row 59"' in rows
        (picture,) = [json.loads(frame.partition(b"data: ")[2]) for frame in late if b"event: snapshot" in frame]
        assert (picture["seq"], picture["missed"]) == (59, 58)
        assert picture["workers"][0]["restarts"] == 59
        assert not any(frame.startswith(b"event: delta") for frame in late)

    asyncio.run(go())
