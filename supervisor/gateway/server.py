"""The Unix socket for all clients: one picture for all of them, and orders for the Supervisor.

    Metrics ──publish, activity (any thread)──▶ ┌─────────────────────┐ ◀──▶ Connection × N ◀──▶ clients
    Supervisor ◀──ask (a bounded pool)───────── │ one loop, its thread│
                                                └─────────────────────┘

Only checked orders of a client reach the actors. The Gateway owns the subscriptions. It packs each publication once for
all subscribers, and not at all when there are none.
"""

import asyncio
import contextlib
import functools
import os
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from actors.events.words import exact, some_of
from actors.ports import Journal
from actors.values.records import Death
from actors.values.requests import Apply, ConfigBroken, GiveInput, RequestRefused
from actors.values.snapshot import Audience, Entry, Snapshot
from actors.values.spec import WorkerSpec
from actors.values.typing import Untyped
from actors.vital import VitalThread
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config
from supervisor.gateway.connection import Connection, Gone, Stuck
from supervisor.gateway.pictures import ACTIVITY, Pictures, plain_entry
from supervisor.gateway.succession import Successors
from supervisor.gateway.verbs import dispatch
from supervisor.gateway.verdicts import Expected, VerdictWait
from supervisor.kernel.crew import Crew
from supervisor.kernel.files import as_known
from supervisor.kernel.limits import OUT_OF_DESCRIPTORS, Reserve, limit_reached
from supervisor.kernel.unix_socket import Listener, Peer, listen, listening_pid, peer_of
from supervisor.state.place import TMUX_SOCKET
from supervisor.text.words import shown
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError

T = TypeVar("T")
ASK_TIMEOUT = 10.0
ASKERS = 16
STUCK_AFTER = 5.0
FLUSH_TIMEOUT = 2.0
LAST_WORD = 5.0  # seconds after the deadline for typing, in which the answer still says how much was typed
LARGE_AT_ONCE = 8
FEW = 5  # names in a message
ACCEPT_PAUSE = 0.1  # after a failed accept: the connection still waits, do not spin on it


class Gateway:
    """Implements `actors.ports.Publisher`.

    `ask(request, timeout)` asks the Supervisor and may raise RequestRefused or TimeoutError; it runs in a pool.
    `load_config()` and `define(name, table)`, for workers that are in no file, may raise ConfigError. `applier` runs
    each application of the file, one after the other: an older content must not follow a newer one.
    `before`: what happened before this service, oldest first. `deaths(names, most)`: death records, newest first.
    `on_error` gets the error of each connection that could not be accepted; it must not raise.
    """

    def __init__(
        self,
        socket_path: Path,
        *,
        ask: Callable[[object, float], object],
        load_config: Callable[[], Config],
        define: Callable[[str, Mapping[str, Any]], WorkerSpec],
        journal: Journal,
        uid: int | None = None,
        stuck_after: float = STUCK_AFTER,
        before: Iterable[Entry] = (),
        deaths: Callable[[Collection[str] | None, int], list[Death]] = lambda _names, _most: [],
        on_error: Callable[[BaseException], object] = lambda _error: None,
        applier: Executor | None = None,
        tmux_socket: Path | None = None,
        handover: Successors | None = None,
    ) -> None:
        self.pictures = Pictures(before)
        self.starting = "the service has only begun and has no picture yet: try again in a moment"
        self._path = socket_path
        self._ask = ask
        self._load_config = load_config
        self.define = define
        self.deaths = deaths
        self.handover = handover
        self._journal = journal
        self._on_error = on_error
        self._uid = os.getuid() if uid is None else uid
        self._stuck_after = stuck_after
        self._pool = Crew(ASKERS, "gateway-ask")
        self._applier = applier or self._pool
        self._tmux_socket = tmux_socket or socket_path.with_name(TMUX_SOCKET)
        self._loop = asyncio.new_event_loop()
        self._calls: deque[Callable[[], object]] = deque()
        self._gate = threading.Lock()
        self._thread = VitalThread("gateway", self._run)
        self._listener: Listener | None = None
        self._reserve = Reserve(1)
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._typing = asyncio.Lock()
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._waiting: set[VerdictWait] = set()
        self._closing = False
        self._foreign: set[int] = set()
        self._broadcast = 0  # bytes of publications, each counted for each subscriber that it was handed to

    # ── for any thread ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def snapshot(self) -> Snapshot | None:
        """The last picture that was published."""
        return self.pictures.snapshot

    @property
    def subscribers(self) -> int:
        """How many connections have a topic."""
        return sum(1 for connection in tuple(self._connections) if connection.topics)

    @property
    def audience(self) -> Audience:
        """Who reads along now."""
        return Audience(self.subscribers, self._broadcast)

    def start(self) -> None:
        """Listen; raises OSError. The lock of the state directory must be held."""
        self._listener = listen(self._path)
        self._thread.start()
        self._journal.log("gateway.listening", {"socket": as_known(self._path)})

    def publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None:
        """Replace the present picture, and tell the subscribers."""
        self._call(self._publish, snapshot, screens)

    def activity(self, newest: tuple[Entry, ...]) -> None:
        """Replace the feed (newest first), and tell the subscribers what is new in it."""
        self._call(self._tell_activity, newest)

    def close(self, timeout: float = FLUSH_TIMEOUT) -> None:
        """Refuse what waits, write out what is queued for at most `timeout` seconds, remove the socket, end."""
        if self._thread.is_alive():
            self._call(lambda: self._keep(self._close(timeout), self._tasks))
            self._thread.join(2 * timeout + 1.0)
        if self._listener:
            self._listener.close()
        self._reserve.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have the loop call it, after what was asked before. The loop is woken once for all that waits."""
        with self._gate:  # else two calls at once each take the other for the earlier one, and neither wakes
            self._calls.append(functools.partial(function, *arguments))
            if len(self._calls) <= 1:  # what stands before this one has woken the loop, and all are called
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._take_calls)

    # ── the loop's thread ─────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        accepting = self._keep(self._accept_all(), self._tasks)
        accepting.add_done_callback(self._accepted_last)
        try:
            self._loop.run_forever()
            if accepting.done() and not accepting.cancelled():
                accepting.result()
        finally:
            self._loop.close()

    def _take_calls(self) -> None:
        while self._calls:
            self._loop.call_soon(self._calls.popleft())

    def _accepted_last(self, accepting: "asyncio.Task[None]") -> None:
        """Fail if the gateway accepts no connections any more, unless it was closed."""
        if not accepting.cancelled():
            self._loop.stop()

    def _keep(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        """Run it as a task, which asyncio itself holds only weakly."""
        task = self._loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def _publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None:
        self.pictures.take(snapshot, screens)
        audience = self.audience
        for connection in self._connections:
            for topic in filter(self.pictures.is_news, connection.topics - {ACTIVITY}):
                one = self.pictures.present if connection.waits(topic) else self.pictures.data
                packed = one(topic, audience)
                self._broadcast += len(packed)
                connection.publish(topic, snapshot.seq, packed)
        for waiting in tuple(self._waiting):
            waiting.look(snapshot.rows)

    def _tell_activity(self, newest: tuple[Entry, ...]) -> None:
        fresh = self.pictures.take_activity(newest)
        listeners = [connection for connection in self._connections if ACTIVITY in connection.topics]
        for entry in fresh if listeners else ():
            packed = wire.pack(plain_entry(entry))
            self._broadcast += len(packed) * len(listeners)
            for connection in listeners:
                connection.tell(entry.seq, packed)

    async def _accept_all(self) -> None:
        assert self._listener is not None
        failing = False
        while True:
            self._reserve.refill()  # first: else a client takes it, and the next one is told nothing
            try:
                client, _ = await self._loop.sock_accept(self._listener.socket)
            except OSError as error:
                if not failing:
                    self._journal.log("gateway.accept_failed", {"error": str(error)})
                failing = True
                self._on_error(error)
                if not self._turn_away(error):
                    await asyncio.sleep(ACCEPT_PAUSE)
                continue
            failing = False
            self._admit(client)

    def _turn_away(self, error: OSError) -> bool:
        """Accept one client with the reserved descriptor and refuse it; return False if that fails.

        The kernel refuses before it looks whether a client waits. The one that comes later may find descriptors again.
        """
        if error.errno not in OUT_OF_DESCRIPTORS or self._listener is None:
            return False
        with self._reserve.released():
            try:
                client, _ = self._listener.socket.accept()
            except OSError:
                return False
        client.setblocking(False)
        if self._reserve.is_full:
            self._admit(client)
            return True
        with client, contextlib.suppress(OSError):
            if self._peer(client):
                client.sendmsg(wire.refusal(None, "busy", _out_of_descriptors(error)))
        return True

    def _admit(self, client: socket.socket) -> None:
        """Serve a client of our own user; anyone else's connection is closed without an answer."""
        peer = self._peer(client)
        if peer is None:
            client.close()
            return
        connection = Connection(client, peer, self._large, self._stuck_after)
        self._keep(self._serve(connection), self._tasks)

    def _peer(self, client: socket.socket) -> Peer | None:
        """Return who it is; None for another user, who is noted."""
        peer = peer_of(client)
        if peer.uid != self._uid:
            self._note_foreign(peer)
            return None
        return peer

    def _note_foreign(self, peer: Peer) -> None:
        if peer.uid not in self._foreign:  # once a user: the log is not theirs to fill
            self._foreign.add(peer.uid)
            self._journal.log("gateway.foreign_peer", {"uid": peer.uid, "pid": peer.pid})

    # ── one client ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, connection: Connection) -> None:
        writer = self._loop.create_task(self._write(connection))
        requests: set[asyncio.Task[None]] = set()
        self._connections.add(connection)
        try:
            if len(self._connections) > wire.MAX_CONNECTIONS:
                raise CommandError("busy", f"the service has {wire.MAX_CONNECTIONS:,} connections already")
            while True:
                self._take(connection, await connection.request(), requests)
        except CommandError as error:
            connection.answer(wire.refusal(None, error.code, error.message), counted=False)
            await connection.flushed()
        except Gone:
            pass
        finally:
            self._connections.discard(connection)
            for task in (writer, *requests):
                task.cancel()
            await asyncio.gather(writer, *requests, return_exceptions=True)
            connection.close()

    async def _write(self, connection: Connection) -> None:
        try:
            await connection.write()
        except Gone:
            pass
        except Stuck:
            facts = {"pid": connection.peer.pid, "topics": sorted(connection.topics), "after_s": self._stuck_after}
            self._journal.log("gateway.subscriber_dropped", facts)

    def _take(self, connection: Connection, payload: bytearray, requests: set[asyncio.Task[None]]) -> None:
        request = wire.unpack_request(payload)
        if connection.in_flight >= wire.MAX_IN_FLIGHT:
            raise CommandError("busy", f"a connection has at most {wire.MAX_IN_FLIGHT} requests in flight")
        connection.in_flight += 1
        task = self._keep(self._answer(connection, request), requests)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _answer(self, connection: Connection, request: dict[str, Any]) -> None:
        id = request.get("id")
        if not isinstance(id, int | str | None) or (isinstance(id, str) and len(id) > 64):
            id = None
        try:
            connection.answer(wire.answer(id, await dispatch(self, connection, request)))
        except (CommandError, RequestRefused) as error:
            connection.answer(wire.refusal(id, error.code, error.message))
        except ConfigError as error:
            connection.answer(wire.refusal(id, "config", str(error)))
        except Exception as error:  # one request's bug is one refused request
            facts = {"do": shown(request.get("do")), "error": repr(error), "traceback": traceback.format_exc()}
            self._journal.log("gateway.request_failed", facts)
            connection.answer(wire.refusal(id, "failed", f"the service could not carry it out: {error!r}"))

    # ── what verbs need, beside pictures, subscribers, deaths and define ──────────────────────────────────────────────

    async def ask(self, request: object) -> object:
        """Ask the Supervisor in the pool, which bounds how many ask at once; raises RequestRefused or CommandError."""
        if self._closing:
            raise _shutting_down()
        return await self._in_time(self._loop.run_in_executor(self._pool, self._ask, request, ASK_TIMEOUT))

    async def _in_time(self, asked: "asyncio.Future[T]") -> T:
        try:
            return await asked
        except TimeoutError:
            message = f"no answer within {exact(ASK_TIMEOUT)}; the order may still be carried out (see status)"
            raise CommandError("timeout", message) from None

    async def type(self, names: Sequence[str], wait: float, **given: Any) -> list[Untyped | None]:
        """Hand the input to each of the workers, in the order of the requests; return None for typed, else why not.

        `given` are the fields of `GiveInput`.
        """
        until = time.monotonic() + wait
        async with self._typing:
            asked = [await self._handed_on(name, until, given) for name in names]
        try:
            async with asyncio.timeout(wait + LAST_WORD):
                return await asyncio.gather(*asked)
        except TimeoutError:
            told = some_of([name for name, one in zip(names, asked, strict=True) if not one.done()], FEW)
            raise CommandError("timeout", f"{told}: not acknowledged within {exact(wait)}; it may be typed") from None

    async def _handed_on(self, name: str, until: float, given: dict[str, Any]) -> "asyncio.Future[Untyped | None]":
        done: asyncio.Future[Untyped | None] = self._loop.create_future()
        await self.ask(
            GiveInput(name, answered=lambda problem: self._call(_resolve, done, problem), until=until, **given)
        )
        return done

    async def apply(self, force: bool) -> tuple[Config, object]:
        """Read the file and have it applied; nothing else is applied in between."""
        return await self._in_time(self._loop.run_in_executor(self._applier, self._apply, force))

    def _apply(self, force: bool) -> tuple[Config, object]:
        try:
            config = self._load_config()
        except ConfigError as error:
            self._ask(ConfigBroken(str(error)), ASK_TIMEOUT)
            raise
        apply = Apply(config.workers, config.digest, force, config.families, config.next_start)
        return config, self._ask(apply, ASK_TIMEOUT)

    async def in_pool(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run what blocks aside from the loop."""
        return await self._loop.run_in_executor(self._pool, functools.partial(function, *arguments))

    def note(self, event: str, facts: Mapping[str, Any]) -> None:
        self._journal.log(event, facts)

    async def load_config(self) -> Config:
        """Read the file; raises ConfigError."""
        return await self._loop.run_in_executor(self._pool, self._load_config)

    async def tmux_pid(self) -> int | None:
        """Return the pid that listens at tmux's socket; None if there is none, and before the first picture."""
        if self.pictures.snapshot is None:
            return None
        return await self._loop.run_in_executor(self._pool, listening_pid, self._tmux_socket)

    async def verdicts_of(self, expected: Expected, wait: float) -> list[dict[str, Any]]:
        """Look at the present picture and at each that is published until every worker has a verdict."""
        waiting = VerdictWait(expected)
        self._waiting.add(waiting)
        try:
            if self.pictures.snapshot:
                waiting.look(self.pictures.snapshot.rows)
            if self._closing:
                waiting.end(_shutting_down())
            async with asyncio.timeout(wait):
                await waiting.done
        except TimeoutError:
            if not waiting.complete:
                raise CommandError("timeout", f"no verdict within {exact(wait)} on {waiting.undecided()}") from None
        finally:
            self._waiting.discard(waiting)
        return waiting.verdicts()

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _close(self, timeout: float) -> None:
        self._closing = True
        for waiting in tuple(self._waiting):
            waiting.end(_shutting_down())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await asyncio.gather(*self._requests, return_exceptions=True)
                await asyncio.gather(*(connection.flushed() for connection in self._connections))
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=timeout) if others else None
        self._loop.stop()


def _resolve(done: "asyncio.Future[Untyped | None]", problem: Untyped | None) -> None:
    if not done.done():
        done.set_result(problem)


def _out_of_descriptors(error: OSError) -> str:
    return f"the service is out of file descriptors: {limit_reached(error)}; try again when other clients have ended"


def _shutting_down() -> CommandError:
    return CommandError("shutting-down", "the service is shutting down")
