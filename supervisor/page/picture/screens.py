"""The screens that somebody looks at, and no others: each is subscribed to once, however many pages show it.

views ──want──▶ names ──subscribe──▶ service, up to 60 a connection ──▶ Screen: its rows, packed once
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path

from supervisor.page.answers.packed import json_of
from supervisor.page.picture.link import Link
from supervisor.text.runs import standalone, tail
from supervisor.wire.client import Message, ServiceError

TAIL = 12  # rows of a tile
_TOPIC = "screen:"
_A_LINK = 60  # topics; the service takes 64 a connection


class Screen:
    """What a worker shows: None where it has no screen."""

    def __init__(self, name: str, text: str | None) -> None:
        self.name, self.text = name, text

    @cached_property
    def rows(self) -> list[str] | None:
        return None if self.text is None else rows_of(self.text)

    @cached_property
    def tail(self) -> bytes:
        """The last rows that say something, as the JSON of an entry: `"name":[…]`."""
        return json_of(self.name) + b":" + json_of(None if self.text is None else tail(self.text, TAIL))

    @cached_property
    def whole(self) -> bytes:
        return json_of({"name": self.name, "rows": self.rows})


def rows_of(text: str) -> list[str]:
    """Return the rows, each to be shown by itself, without empty ones at the end."""
    rows = standalone(text)
    while rows and not rows[-1]:
        rows.pop()
    return rows


class Screens:
    """By name, for those that are wanted. `changed` is called when one is new."""

    def __init__(self, socket: Path, changed: Callable[[], object]) -> None:
        self._socket, self._changed = socket, changed
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
        link = await Link.open(self._socket, partial(self._take))
        self._links.append((link, set()))
        return self._links[-1]

    def _take(self, message: Message) -> None:
        self.show(message["topic"].removeprefix(_TOPIC), message["data"])
