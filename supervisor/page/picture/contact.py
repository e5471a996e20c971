"""The web process's hold on the service: one connection for the picture and the orders, made again when it has ended.

run ──▶ connect, subscribe ──▶ Board ◀── publications        call ──▶ the same connection
  ▲            │ ended: no contact; all streams are told
  └── 0.3 s ───┘
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from supervisor.page.picture.board import Board
from supervisor.page.picture.link import Link
from supervisor.page.picture.screens import Screens
from supervisor.wire.client import Message, NoService, ServiceError

_PAUSE = 0.3  # seconds between two tries
_CONTACT_WITHIN = 1.0
_PICTURE_WITHIN = 10.0


class Contact:
    """`here`: whether the service answers, with its picture; `since` when (Unix time). `changed`: called after news."""

    def __init__(self, socket: Path, changed: Callable[[], object]) -> None:
        self.board = Board(changed)
        self.screens = Screens(socket, changed, self.call, self.look)
        self.here, self.since = False, time.time()
        self._socket, self._changed = socket, changed
        self._link: Link | None = None
        self._wanted: Callable[[], Iterable[str]] = tuple
        self._pictured = asyncio.Event()  # the board has a picture of the service that is here
        self._looked = asyncio.Event()

    async def run(self, wanted: Callable[[], Iterable[str]]) -> None:
        """Keep the contact, forever. `wanted` returns the names of the screens that are looked at."""
        self._wanted = wanted
        while True:
            with contextlib.suppress(ServiceError):
                await self._follow()
            self._is_here(False)
            await self.screens.forget()
            await asyncio.sleep(_PAUSE)

    async def call(self, do: str, **fields: Any) -> Any:
        """Ask the service; raises ServiceError."""
        if self._link is None:
            raise NoService("the service does not answer; it is tried again all the time")
        return await self._link.call(do, **fields)

    async def pictured(self) -> Board:
        """Return the board with the present picture on it; raises NoService. While the contact begins, wait for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PICTURE_WITHIN if self._link else _CONTACT_WITHIN):
                await self._pictured.wait()
        if not self._pictured.is_set():
            raise NoService("the service does not answer; it is tried again all the time")
        return self.board

    def look(self) -> None:
        """See to the screens that are wanted now."""
        self._looked.set()

    async def _follow(self) -> None:
        link = await Link.open(self._socket, self._take)
        try:
            self.board.begin(link.service_pid)
            await link.call("subscribe", topics=["changes", "activity"])
            self._link = link
            watching = asyncio.ensure_future(self._watch_screens())
            await asyncio.wait((link.ended, watching), return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
        finally:
            self._link = None
            self._pictured.clear()
            await link.close()

    async def _watch_screens(self) -> None:
        while True:
            self._looked.clear()
            names = {row["name"] for row in (self.board.picture or {"workers": []})["workers"]}
            try:
                await self.screens.want(names.intersection(self._wanted()))
            except ServiceError:
                await asyncio.sleep(_PAUSE)
            else:
                await self._looked.wait()

    def _take(self, message: Message) -> None:
        self.board.take(message)
        if message["topic"] == "changes" and not self._pictured.is_set():
            self._pictured.set()
            self._is_here(True)  # only now: until its picture comes, the board has that of the service before
            self.look()

    def _is_here(self, here: bool) -> None:
        if here != self.here:
            self.here, self.since = here, time.time()
            self._changed()
