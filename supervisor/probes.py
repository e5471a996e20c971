"""Readiness by TCP: one event loop in a thread of its own tries to connect until somebody accepts.

A probe that hangs costs a place among `ATTEMPTS` for a second at a time, and nothing else. Names are looked up in
threads that nobody waits for, `LOOKUPS` at most: a resolver that hangs holds back names only, never an address.
"""

import asyncio
import contextlib
import ipaddress
import socket
import struct
import threading
import traceback
from collections.abc import Callable

from actors.messages import BecameReady, Probe
from actors.ports import Tell

ATTEMPTS = 64  # connections under way at one time
LOOKUPS = 8
DEADLINE = 1.0  # seconds for one attempt, looking the name up included
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 1.5  # seconds between two attempts of one probe

Address = tuple[str, int]


class ProbePool:
    """Implements `actors.ports.Prober`. `tell` is called from the pool's thread; what it raises goes to `on_error`."""

    def __init__(self, on_error: Callable[[BaseException], None] = traceback.print_exception) -> None:
        self._on_error = on_error
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._attempts = asyncio.Semaphore(ATTEMPTS)
        self._lookups = asyncio.Semaphore(LOOKUPS)
        self._loop = asyncio.new_event_loop()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ProbePool", daemon=True)
        self._thread.start()

    def probe(self, probe: Probe, tell: Tell) -> None:
        """Try until somebody accepts, then tell `BecameReady(life)` once; a later probe of the life replaces it."""
        self._order(lambda: self._begin(probe, tell))

    def forget(self, life: str) -> None:
        """Give up the probe of this life; nothing is told of it any more, but for what is being told right now."""
        self._order(lambda: self._give_up(life))

    def tables(self) -> dict[str, int]:
        """Return how many probes are under way."""
        return {"probes": len(self._tasks)}

    def close(self) -> None:
        """Give up all probes and end the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _order(self, order: Callable[[], None]) -> None:
        with self._gate:
            if not self._closed:
                self._loop.call_soon_threadsafe(order)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks.values():
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks.values(), return_exceptions=True))
        self._loop.close()

    def _begin(self, probe: Probe, tell: Tell) -> None:
        self._give_up(probe.life)
        task = self._loop.create_task(self._until_ready(probe, tell))
        self._tasks[probe.life] = task
        task.add_done_callback(lambda done: self._done(probe.life, done))

    def _give_up(self, life: str) -> None:
        task = self._tasks.pop(life, None)
        if task is not None:
            task.cancel()

    def _done(self, life: str, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(life) is task:
            del self._tasks[life]
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            self._on_error(problem)

    async def _until_ready(self, probe: Probe, tell: Tell) -> None:
        pause = FIRST_PAUSE
        if probe.ready.tcp is not None:
            host, port = address_of(probe.ready.tcp)
            while not await self._accepts(host, port):
                await asyncio.sleep(pause)
                pause = min(GROWTH * pause, LONGEST_PAUSE)
        try:
            tell(BecameReady(probe.life))
        except BaseException as problem:  # a dead actor's tell, or a SystemExit in it, is not the loop's end
            self._on_error(problem)

    async def _accepts(self, host: str, port: int) -> bool:
        try:
            async with asyncio.timeout(DEADLINE):
                addresses = await self._addresses(host)
        except (OSError, TimeoutError):
            return False
        async with self._attempts:
            for address in addresses:
                if await self._connects((address, port)):
                    return True
        return False

    async def _connects(self, address: Address) -> bool:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
                async with asyncio.timeout(DEADLINE):
                    await self._loop.sock_connect(connection, address)
                return not _met_itself(connection)
        except (OSError, TimeoutError, OverflowError):
            return False

    async def _addresses(self, host: str) -> list[str]:
        if host == "localhost":
            return ["127.0.0.1", "::1"]
        if _is_address(host):
            return [host]
        await self._lookups.acquire()  # given back by the thread: a probe that gives up does not end the lookup
        found: asyncio.Future[list[str]] = self._loop.create_future()
        threading.Thread(target=self._look_up, args=(host, found), name="ProbePool-lookup", daemon=True).start()
        return await found

    def _look_up(self, host: str, found: "asyncio.Future[list[str]]") -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError):
            addresses = []
        with contextlib.suppress(RuntimeError):  # the pool was closed meanwhile
            self._loop.call_soon_threadsafe(self._looked_up, found, addresses)

    def _looked_up(self, found: "asyncio.Future[list[str]]", addresses: list[str]) -> None:
        self._lookups.release()
        if not found.done():
            found.set_result(addresses)


def address_of(tcp: str) -> Address:
    """Split "host:port" or "[::1]:port"; raises ValueError when the port is no number."""
    host, _, port = tcp.rpartition(":")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _met_itself(connection: socket.socket) -> bool:
    """Whether the kernel joined both ends of one socket: it can when nobody listens on a port of the ephemeral range.

    Then the connection is reset rather than closed, which would keep the worker from binding its port for a minute.
    """
    if connection.getsockname() != connection.getpeername():
        return False
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True
