"""The thread at the service's socket: what it publishes goes into the mailbox, also after the service has come back.

    connect ──▶ subscribe: changes, activity, the screen of who is watched ──▶ News
       ▲  every 0.5 s                                     │ end of the connection, or no answer within 5 s
       └──────────────────────────────────────────────────┘ News.lost

One connection, which this thread alone uses. `watch` wakes it by a pipe.
"""

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from supervisor.wire.client import Client, Message, ServiceError

_PAUSE = 0.5  # seconds between two tries
_SILENCE = 10.0  # seconds without a message after which the service is asked whether it is there
_ANSWER = 5.0  # seconds for an answer to that
_SCREEN = "screen:"


@dataclass(slots=True)
class News:
    """What has come since the last look; of a picture and of a screen only the latest."""

    picture: dict[str, Any] | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    screens: dict[str, str | None] = field(default_factory=dict)
    lost: str | None = None
    """Why there is no contact; "": there is again; None: nothing new about that."""


def _lost(why: str, news: News) -> None:
    news.lost = why


class Mailbox:
    """Where other threads put what has come. `on_news` is called once for all that waits to be taken."""

    def __init__(self, on_news: Callable[[], object]) -> None:
        self._lock = threading.Lock()
        self._news: News | None = None
        self._on_news = on_news

    def put(self, change: Callable[[News], object]) -> None:
        with self._lock:
            is_first = self._news is None
            self._news = self._news or News()
            change(self._news)
        if is_first:
            self._on_news()

    def take(self) -> News:
        """Return what has come, and begin anew."""
        with self._lock:
            news, self._news = self._news or News(), None
        return news


class Link(threading.Thread):
    """Runs until `close`."""

    def __init__(self, socket: Path, mailbox: Mailbox) -> None:
        super().__init__(name="top-link", daemon=True)
        self._socket = socket
        self._mailbox = mailbox
        self._watched: tuple[int, str | None] = (0, None)  # which call of `watch`, and whom
        self._subscribed: tuple[int, str | None] = (0, None)
        self._wakes, self._waker = os.pipe()
        self._ends = False

    def watch(self, name: str | None) -> None:
        """Have the screen of this worker come, and no other; it comes at once, also where it was watched before."""
        self._watched = (self._watched[0] + 1, name)
        self._wake()

    def close(self) -> None:
        self._ends = True
        self._wake()

    def run(self) -> None:
        while not self._ends:
            try:
                with Client.connect(self._socket) as client:
                    self._listen(client)
            except ServiceError as error:
                self._mailbox.put(partial(_lost, error.message))
            self._sleep(_PAUSE)

    def _listen(self, client: Client) -> None:
        """Hand on what comes until the connection ends, which raises ServiceError."""
        client.on_message = self._take
        self._subscribed = (0, None)
        client.call("subscribe", topics=["changes", "activity"], timeout=_ANSWER)
        while not self._ends:
            self._follow_watched(client)
            ready, _, _ = select.select([client.fileno(), self._wakes], [], [], _SILENCE)
            if self._wakes in ready:
                os.read(self._wakes, 4096)
            if client.fileno() in ready:
                self._take(next(client.messages(time.monotonic() + _ANSWER)))
            if not ready:
                client.call("hello", timeout=_ANSWER)

    def _follow_watched(self, client: Client) -> None:
        wanted, before = self._watched, self._subscribed
        if wanted == before:
            return
        if before[1] is not None:
            client.call("unsubscribe", topics=[_SCREEN + before[1]], timeout=_ANSWER)
        self._subscribed = wanted
        if wanted[1] is not None:
            try:
                client.call("subscribe", topics=[_SCREEN + wanted[1]], timeout=_ANSWER)
            except ServiceError as error:
                if error.code != "unknown-worker":
                    raise

    def _take(self, message: Message) -> None:
        topic, data = message["topic"], message["data"]

        def change(news: News) -> None:
            if topic == "changes":
                news.picture, news.lost = data, ""
            elif topic == "activity":
                news.entries += data[::-1]
            elif topic.startswith(_SCREEN):
                news.screens[topic.removeprefix(_SCREEN)] = data

        self._mailbox.put(change)

    def _sleep(self, seconds: float) -> None:
        if not self._ends:
            time.sleep(seconds)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._waker, b"x")
