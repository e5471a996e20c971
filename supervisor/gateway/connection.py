"""One client of the Gateway: reads its requests and writes to it. Only its own tasks wait for it.

    answers (at most MAX_IN_FLIGHT)  ─┐
    activity (a queue of the newest)  ├──▶ one writer task ──▶ socket
    latest picture a topic            ─┘

A picture for a client that has taken everything before is sent at once, and no task wakes. Else a publication only
replaces what is in the mailbox. So a slow client skips whole pictures, is told how many, and delays no other client. A
client is dropped when its socket has accepted nothing for `stuck_after` seconds, or when its request is not complete
`stuck_after` seconds after its first byte. All subscribers share the same packed bytes.
"""

import asyncio
import contextlib
import fcntl
import functools
import socket
import struct
import termios
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from actors.events.words import exact
from supervisor.gateway.pictures import ACTIVITY
from supervisor.kernel.unix_socket import Peer
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError

ACTIVITY_KEPT = 100
_CHUNK = 65_536
_LOOKS = 10  # at a client whose socket is full, per `stuck_after`: whether it has read something
_LARGE = _CHUNK  # a frame above this waits for one of a few places, so that many of them cost little memory

Parts = Sequence[bytes | memoryview]


class Stuck(Exception):
    """The client's socket accepted nothing for too long."""


class Gone(Exception):
    """The client has closed its end."""


@dataclass(slots=True)
class _Activity:
    """The entries that wait to be sent, packed, oldest first."""

    entries: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=ACTIVITY_KEPT))
    missed: int = 0
    present: Parts | None = None  # the first message after subscribing

    def add(self, seq: int, packed: bytes) -> None:
        self.missed += len(self.entries) == ACTIVITY_KEPT
        self.entries.append((seq, packed))

    def take(self) -> Parts | None:
        """Return the next message, newest entry first, and forget what is in it."""
        if self.present is not None:
            message, self.present = self.present, None
            return message
        if not self.entries:
            return None
        packed = _array_header(len(self.entries)) + b"".join(entry for _, entry in reversed(self.entries))
        message = wire.message(ACTIVITY, self.entries[-1][0], packed, self.missed)
        self.entries.clear()
        self.missed = 0
        return message


class Connection:
    """Owned by the Gateway's loop. `topics` is what it has subscribed to, `in_flight` its unanswered requests."""

    def __init__(self, connection: socket.socket, peer: Peer, large: asyncio.Semaphore, stuck_after: float) -> None:
        self.topics: set[str] = set()
        self.in_flight = 0
        self.peer = peer
        self._socket = connection
        self._large = large
        self._stuck_after = stuck_after
        self._buffer = bytearray()
        self._answers: deque[tuple[Parts, bool]] = deque()
        self._activity = _Activity()
        self._begun: Parts = ()  # what is left of a message that the socket has taken in part
        self._latest: dict[str, tuple[int, bytes]] = {}
        self._missed: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def request(self) -> bytearray:
        """Return the next request, undecoded; raises Gone, or CommandError for a frame that can't be taken."""
        if not self._buffer:
            await self._more()  # an idle client may stay as long as it likes
        try:
            async with asyncio.timeout(self._stuck_after) as bound:
                await self._until(wire.HEADER)
                return await self._body(wire.request_length(self._buffer[: wire.HEADER]), bound)
        except TimeoutError:
            what = f"a request that is not complete after {exact(self._stuck_after)}"
            raise CommandError("bad-frame", what) from None

    async def _body(self, length: int, bound: asyncio.Timeout) -> bytearray:
        async with self._room(length, bound):
            end = wire.HEADER + length
            await self._until(end)
            payload = self._buffer[wire.HEADER : end]
            del self._buffer[:end]
            return payload

    @contextlib.asynccontextmanager
    async def _room(self, length: int, bound: asyncio.Timeout) -> AsyncIterator[None]:
        """Hold a place while a large frame is read; the time in which the frame waits for its place is not counted."""
        if length <= _LARGE:
            yield
            return
        loop = asyncio.get_running_loop()
        left = (bound.when() or 0.0) - loop.time()
        bound.reschedule(None)
        async with self._large:
            bound.reschedule(loop.time() + left)
            yield

    async def _until(self, count: int) -> None:
        while len(self._buffer) < count:
            await self._more()

    async def _more(self) -> None:
        try:
            chunk = await asyncio.get_running_loop().sock_recv(self._socket, _CHUNK)
        except OSError as error:
            raise Gone from error
        if not chunk:
            raise Gone
        self._buffer += chunk

    # ── what is to be written ─────────────────────────────────────────────────────────────────────────────────────

    def answer(self, parts: Parts, *, counted: bool = True) -> None:
        """Queue an answer; a `counted` one was in flight until it is written."""
        self._answers.append((parts, counted))
        self._wake()

    def publish(self, topic: str, seq: int, packed: bytes) -> None:
        """Send a picture now if nothing waits for this client; else offer it."""
        if not (self._quiet.is_set() and self._send_now(_none_missed(topic, seq, packed))):
            self.offer(topic, seq, packed)

    def offer(self, topic: str, seq: int, packed: bytes) -> None:
        """Put a picture into the topic's slot, behind the answers; one that still waits there is missed."""
        self._missed[topic] += topic in self._latest
        self._latest[topic] = seq, packed
        self._wake()

    def waits(self, topic: str) -> bool:
        """Whether a picture of this topic has not been sent yet: the next one replaces it."""
        return topic in self._latest

    def begin_activity(self, present: Parts) -> None:
        """Begin with this message; increments follow."""
        self._activity = _Activity(present=present)
        self._wake()

    def tell(self, seq: int, packed: bytes) -> None:
        """Queue one entry of the activity."""
        self._activity.add(seq, packed)
        self._wake()

    def forget(self, topic: str) -> None:
        """Leave a topic; what waits of it is not sent."""
        self.topics.discard(topic)
        self._latest.pop(topic, None)
        self._missed.pop(topic, None)
        if topic == ACTIVITY:
            self._activity = _Activity()

    def _wake(self) -> None:
        self._quiet.clear()
        self._news.set()

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def write(self) -> None:
        """Write what waits, forever; raises Stuck or Gone. When this ends, reading ends too."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while (next_one := self._next()) is not None:
                    parts, counted = next_one
                    await self._send(parts)
                    self.in_flight -= counted
                self._quiet.set()
        finally:
            self._quiet.set()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    async def flushed(self) -> None:
        """Wait until nothing waits to be written, or nothing can be written any more."""
        await self._quiet.wait()

    def close(self) -> None:
        self._socket.close()

    def _next(self) -> tuple[Parts, bool] | None:
        if self._begun:
            begun, self._begun = self._begun, ()
            return begun, False
        if self._answers:
            return self._answers.popleft()
        activity = self._activity.take()
        if activity is not None:
            return activity, False
        for topic in self._latest:
            seq, packed = self._latest.pop(topic)
            return wire.message(topic, seq, packed, self._missed.pop(topic, 0)), False
        return None

    def _send_now(self, parts: Parts) -> bool:
        """Send to a client for whom nothing waits; False if it takes nothing, which the writer sees to."""
        try:
            sent = self._socket.sendmsg(parts)
        except OSError:
            return False
        if left := _rest([memoryview(part) for part in parts], sent):
            self._begun = left
            self._wake()
        return True

    async def _send(self, parts: Parts) -> None:
        views = [memoryview(part) for part in parts if part]
        while views:
            try:
                sent = self._socket.sendmsg(views)
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                raise Gone from error
            else:
                views = _rest(views, sent)

    async def _writable(self) -> None:
        """Return when the socket takes bytes again; raises Stuck when it has taken none for `stuck_after` seconds."""
        loop = asyncio.get_running_loop()
        waiting, read_at = self._unread(), loop.time()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._socket, _resolve, ready)
        try:
            while not ready.done():
                await asyncio.wait((ready,), timeout=self._stuck_after / _LOOKS)
                before, waiting = waiting, self._unread()
                if waiting < before:
                    read_at = loop.time()
                elif not ready.done() and loop.time() - read_at >= self._stuck_after:
                    raise Stuck
        finally:
            loop.remove_writer(self._socket)

    def _unread(self) -> int:
        """Return how much of what was sent the client has not read: it falls though the socket is not writable yet."""
        return int(struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"\0" * 4))[0])


@functools.lru_cache(maxsize=1)
def _none_missed(topic: str, seq: int, packed: bytes) -> Parts:
    """Return the message of those who have missed nothing, made once for all of them."""
    return wire.message(topic, seq, packed, 0)


def _resolve(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _rest(views: list[memoryview], sent: int) -> list[memoryview]:
    while views and sent >= len(views[0]):
        sent -= len(views.pop(0))
    if sent:
        views[0] = views[0][sent:]
    return views


def _array_header(count: int) -> bytes:
    return bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
