"""Streams of events to browsers (SSE): each sends what is new since its own cursor, so a slow one keeps no queue.

    Board, Screens, Contact, Keyboards ──changed──▶ wake ──▶ Stream: what of it is new for this client? ──▶ send
                                                                └── a send that takes 30 s ends the stream

What a client could not take in time is never sent: it gets the newest screen, and the whole picture where it is far
behind. A login has four streams; the fifth ends the oldest.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from actors.events.words import iso
from supervisor.page.access.keyboards import Keyboards
from supervisor.page.answers.packed import json_of
from supervisor.page.answers.problems import Refused
from supervisor.page.picture.board import Place
from supervisor.page.picture.contact import Contact
from supervisor.page.picture.screens import Screen

A_LOGIN = 4  # streams
VISIBLE = 64  # names in a view
PING = 15.0  # seconds of silence
SEND_TIMEOUT = 30.0
_VIEWS = 32  # of a login
_UNUSED = 60.0  # seconds that a view lives without a stream
_RETRY = 2000  # milliseconds

Key = tuple[str, str]
"""A view: whose, and which of his."""


@dataclass(slots=True)
class View:
    """What one page shows: the names of its visible tiles, and the workers that its tabs show whole."""

    visible: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    touched: float = field(default_factory=time.monotonic)
    version: int = 0


class Streams:
    """All streams and views. `look` is called when other screens are wanted than before."""

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self._open: dict[str, list[Stream]] = {}
        self._views: dict[Key, View] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def view(self, key: Key) -> View:
        """Return a view, new where there is none; raises Refused."""
        view = self._views.get(key)
        if view is None:
            self._forget_unused()
            if sum(owner == key[0] for owner, _ in self._views) >= _VIEWS:
                later = {"Retry-After": str(int(_UNUSED))}
                raise Refused("rate-limited", f"a login has at most {_VIEWS} views", **later)
            view = self._views[key] = View()
        view.touched = time.monotonic()
        return view

    def see(self, key: Key, visible: tuple[str, ...], focus: tuple[str, ...]) -> None:
        """Set what a view shows; raises Refused."""
        view = self.view(key)
        view.visible, view.focus, view.version = visible, focus, view.version + 1
        self._look()
        self.wake()

    def wanted(self) -> set[str]:
        """Return the names of the screens that open streams show."""
        views = [stream.view for streams in self._open.values() for stream in streams]
        return {name for view in views for name in (*view.visible, *view.focus)}

    def enter(self, stream: "Stream", login: str) -> None:
        """Add a stream, and end the oldest of too many."""
        mine = self._open.setdefault(login, [])
        mine.append(stream)
        for old in mine[:-A_LOGIN]:
            old.end("too-many-streams", f"a login has {A_LOGIN} streams, and a newer one was opened")
        self._look()

    def leave(self, stream: "Stream", login: str) -> None:
        mine = self._open.get(login, [])
        if stream in mine:
            mine.remove(stream)
        if not mine:
            self._open.pop(login, None)
        stream.view.touched = time.monotonic()
        self._look()

    def wake(self) -> None:
        """Let each stream look for what is new."""
        for streams in self._open.values():
            for stream in streams:
                stream.wake()

    def close(self) -> None:
        """End all streams without a word: their clients come again, and find this server or the next one."""
        for streams in self._open.values():
            for stream in streams:
                stream.close()

    def _forget_unused(self) -> None:
        used = {id(stream.view) for streams in self._open.values() for stream in streams}
        now = time.monotonic()
        self._views = {
            key: view for key, view in self._views.items() if id(view) in used or now - view.touched < _UNUSED
        }


class Stream:
    """One client's stream, an ASGI answer. `place`: the last publication that it has, by its Last-Event-ID.

    `still`: whether who asked may still do so.
    """

    def __init__(
        self,
        contact: Contact,
        keyboards: Keyboards,
        view: View,
        place: Place | None,
        still: Callable[[], bool],
    ) -> None:
        self.view = view
        self._contact, self._keyboards, self._still = contact, keyboards, still
        self._place, self._resumed = place, place is not None
        self._entry: Place | None = None
        self._shown: dict[str, Screen] = {}
        self._focused: dict[str, Screen] = {}
        self._version = -1
        self._told: tuple[bool, float] | None = None
        self._taken: dict[str, str] = {}
        self._news = asyncio.Event()
        self._closed: tuple[str, str] | None = None
        self._is_over = False

    def wake(self) -> None:
        self._news.set()

    def end(self, code: str, detail: str) -> None:
        """End it, and say why."""
        self._closed = code, detail
        self.wake()

    def close(self) -> None:
        """End it, and say nothing."""
        self._is_over = True
        self.wake()

    async def serve(self, receive: Receive, send: Send) -> None:
        """Send until the client has gone, or takes nothing any more."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, TimeoutError):
                await sending

    async def _send_all(self, send: Send) -> None:
        await _send(send, b"retry: %d\n\n" % _RETRY)
        while True:
            self._news.clear()
            if self._closed is None and not self._still():
                self._closed = "logged-out", "the token was removed, or has expired"
            for frame in self._frames():
                await _send(send, frame)
            if self._closed:
                await _send(send, _event("closed", json_of(dict(zip(("code", "detail"), self._closed, strict=True)))))
            if self._closed or self._is_over:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            try:
                async with asyncio.timeout(PING):
                    await self._news.wait()
            except TimeoutError:
                await _send(send, _event("ping", b"{}"))  # a comment would not be seen by the page

    # ── what is new ───────────────────────────────────────────────────────────────────────────────────────────────

    def _frames(self) -> Iterator[bytes]:
        yield from self._contact_frames()
        yield from self._picture_frames()
        yield from self._activity_frames()
        yield from self._screen_frames()
        yield from self._keyboard_frames()

    def _contact_frames(self) -> Iterator[bytes]:
        now = self._contact.here, self._contact.since
        if now != self._told:
            self._told = now
            yield _event("contact", json_of({"service": "here" if now[0] else "lost", "since": iso(now[1])}))

    def _picture_frames(self) -> Iterator[bytes]:
        board = self._contact.board
        if board.picture is None or not self._contact.here:
            return
        deltas = board.since(self._place)
        if deltas is None:
            missed, body = board.missed(self._place), board.whole().body
            self._place = board.at
            yield _event("snapshot", body[:-1] + b',"missed":%d}' % missed, str(self._place))
            return
        for delta in deltas:
            self._place = Place(board.pid, delta.seq)
            yield _event("delta", delta.body, str(self._place))

    def _activity_frames(self) -> Iterator[bytes]:
        board, known = self._contact.board, self._entry
        if board.newest == known or not board.entries:
            return
        goes_on = known is not None and known.pid == board.newest.pid
        found = board.entries_since(known.seq, 100) if known and goes_on else board.entries_since(None)
        missed = max(0, found[-1]["seq"] - known.seq - 1) if known and goes_on else 0
        self._entry = board.newest
        yield _event("activity", json_of({"first": not goes_on, "entries": found, "missed": missed}))

    def _screen_frames(self) -> Iterator[bytes]:
        if self.view.version != self._version:
            self._version = self.view.version
            self._shown = {name: shown for name, shown in self._shown.items() if name in self.view.visible}
            self._focused = {name: shown for name, shown in self._focused.items() if name in self.view.focus}
        if fresh := list(self._fresh(self.view.visible, self._shown)):
            yield _event("rows", b'{"rows":{' + b",".join(screen.tail for screen in fresh) + b"}}")
        for screen in self._fresh(self.view.focus, self._focused):
            yield _event("screen", screen.whole)

    def _fresh(self, names: tuple[str, ...], known: dict[str, Screen]) -> Iterator[Screen]:
        """Yield the screens that are not known yet, and note them as known."""
        for name in names:
            screen = self._contact.screens.of(name)
            if screen is not None and known.get(name) is not screen:
                known[name] = screen
                yield screen

    def _keyboard_frames(self) -> Iterator[bytes]:
        now = self._keyboards.holders()
        if now == self._taken:
            return
        for name in sorted(now.keys() | self._taken.keys()):
            if now.get(name) != self._taken.get(name):
                yield _event("keyboard", json_of({"name": name, "by": now.get(name)}))
        self._taken = now


def _event(name: str, body: bytes, id: str = "") -> bytes:
    number = f"id: {id}\n".encode() if id else b""
    return b"event: " + name.encode() + b"\n" + number + b"data: " + body + b"\n\n"


async def _send(send: Send, frame: bytes) -> None:
    """Send a frame; raises TimeoutError where the client takes nothing."""
    async with asyncio.timeout(SEND_TIMEOUT):
        await send({"type": "http.response.body", "body": frame, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


Answer = Callable[[Scope, Receive, Send], Any]
