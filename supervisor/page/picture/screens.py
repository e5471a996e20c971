"""The screens that somebody looks at, and no others: each is subscribed to once, however many pages show it.

views ──want──▶ names ──subscribe──▶ service, up to 60 a connection ──▶ Screen: its rows, packed once
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from supervisor.page.answers.packed import json_of
from supervisor.page.picture.link import Link
from supervisor.text.runs import standalone, tail
from supervisor.wire.client import Message, ServiceError

TAIL = 12  # rows of a tile
_TOPIC = "screen:"
_A_LINK = 60  # topics; the service takes 64 a connection


class Screen:
    """What a worker shows; `text` is None where it has no screen. `ended`: it is what its last life printed last."""

    def __init__(self, name: str, text: str | None, *, ended: bool = False) -> None:
        self.name, self.text, self.ended = name, text, ended

    @cached_property
    def rows(self) -> list[str] | None:
        return None if self.text is None else rows_of(self.text)

    @cached_property
    def tail(self) -> bytes:
        """The last rows that say something, as the JSON of an entry: `"name":[…]`."""
        return json_of(self.name) + b":" + json_of(None if self.text is None else tail(self.text, TAIL))

    @cached_property
    def whole(self) -> bytes:
        return json_of({"name": self.name, "rows": self.rows, "ended": self.ended})


def rows_of(text: str) -> list[str]:
    """Return the rows, each to be shown by itself, without empty ones at the end."""
    rows = standalone(text)
    while rows and not rows[-1]:
        rows.pop()
    return rows


class Screens:
    """By name, for those that are wanted. `changed` is called when one is new, `lost` when they are to be wanted again.

    `ask` asks the service.
    """

    def __init__(
        self,
        socket: Path,
        changed: Callable[[], object],
        ask: Callable[..., Awaitable[Any]],
        lost: Callable[[], object],
    ) -> None:
        self._socket, self._changed, self._ask, self._lost = socket, changed, ask, lost
        self._asking: set[asyncio.Future[None]] = set()
        self._known: dict[str, Screen] = {}
        self._links: list[tuple[Link, set[str]]] = []
        self._lock = asyncio.Lock()

    def of(self, name: str) -> Screen | None:
        """Return the screen; None while it has not come."""
        return self._known.get(name)

    def show(self, name: str, text: str | None) -> None:
        """Take what a worker shows now, read aside from the service's beat."""
        known, shown = self._known.get(name), Screen(name, text)
        if known is None or (known.text != text and known.rows != shown.rows):
            self._known[name] = shown
            self._changed()

    async def want(self, names: Iterable[str]) -> None:
        """Follow these and no others; raises ServiceError."""
        async with self._lock:
            wanted = set(names)
            self._links = [(link, topics) for link, topics in self._links if not link.ended.done()]
            for link, topics in self._links:
                if gone := topics - wanted:
                    topics -= gone
                    await link.call("unsubscribe", topics=[_TOPIC + name for name in gone])
            followed = {name for _, topics in self._links for name in topics}
            for name in self._known.keys() - wanted:
                del self._known[name]
            for name in sorted(wanted - followed):
                link, topics = await self._room()
                topics.add(name)
                try:
                    await link.call("subscribe", topics=[_TOPIC + name])
                except ServiceError as error:
                    topics.discard(name)
                    if error.code != "unknown-worker":
                        raise

    async def close(self) -> None:
        for link, _ in self._links:
            await link.close()
        self._links.clear()

    async def forget(self) -> None:
        """Drop all: the service they come from is gone."""
        self._known.clear()
        with contextlib.suppress(ServiceError):
            await self.close()

    async def _room(self) -> tuple[Link, set[str]]:
        for link, topics in self._links:
            if len(topics) < _A_LINK:
                return link, topics
        link = await Link.open(self._socket, self._take)
        link.ended.add_done_callback(lambda _ended: self._lost())
        self._links.append((link, set()))
        return self._links[-1]

    def _take(self, message: Message) -> None:
        name, text = message["topic"].removeprefix(_TOPIC), message["data"]
        self.show(name, text)
        if text is None:
            asking = asyncio.ensure_future(self._show_last_words(name))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _show_last_words(self, name: str) -> None:
        """Show how its last life ended, as long as there is no other screen."""
        with contextlib.suppress(ServiceError):
            found = await self._ask("deaths", names=[name], n=1)
            known = self._known.get(name)
            if found and found[0]["lines"] and known is not None and known.text is None:
                self._known[name] = Screen(name, "\n".join(found[0]["lines"]), ended=True)
                self._changed()
