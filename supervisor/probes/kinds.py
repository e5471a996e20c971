"""One try of each kind of probe: None when the worker is well, else what is wrong with it, in words without a secret.

All of it runs in the pool's event loop, which bounds it in time; a try that is given up leaves nothing behind.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from actors.events.words import exit_in_words
from actors.frozen import frozen
from actors.values.effects import Probe
from actors.values.facts import Purpose
from actors.values.spec import Http
from supervisor.kernel.proc_table import environment_of
from supervisor.kernel.programs import cannot_execute
from supervisor.kernel.shortage import kill_group, popen
from supervisor.logs.of_life import LinesOfLife
from supervisor.probes.http import fault_of, request_of
from supervisor.probes.threads import ThreadsAside
from supervisor.text.patterns import compiled
from supervisor.text.plain import plain
from supervisor.text.urls import http_target
from supervisor.tmux.environment import scrubbed
from supervisor.tmux.surroundings import account_of, as_account
from supervisor.tmux.words import LOWERED

GATHERED = 0.05  # seconds in which wishes to see a pane are gathered into one look
GLANCE_LOST = 15.0  # seconds after which a look counts as lost; behind a hung sweep one takes 12
_NOT_EXECUTED = (126, 127)  # what a shell says of a program that it can't execute; and any program may
LAST_WAIT = 2.0  # seconds that the end of the pool waits for killed commands

Address = tuple[str, int]
Glance = Callable[[list[str], Callable[[dict[str, bytes] | None], None]], None]
"""Ask for what these panes show now; always answered, from another thread, with None when tmux does not answer.

By the answer tmux has read all that programs had printed before the question, also where no pane is asked for.
"""


class NotKnown(Exception):
    """This try has nothing to go by: it counts neither way."""


class Attempt:
    """A kind of probe, for one life; it is tried again and again."""

    through_tmux = False  # what it looks at is printed by the program: nothing arrives while tmux does not answer

    async def begin_now(self) -> None:
        """Leave out what was before, where that can be told apart."""

    async def settle(self) -> None:
        """Return when there is something to go by; raises NotKnown while tmux does not answer."""

    async def prepare(self) -> str | None:
        """Do what is needed before a try; return what is wrong already."""
        return None

    async def fault(self) -> str | None:
        """Return None when the worker is well, else why not; raises OSError, TimeoutError, NotKnown."""
        raise NotImplementedError


@frozen(kw_only=True)
class Dependencies:
    """What tries are made with."""

    loop: asyncio.AbstractEventLoop
    names: ThreadsAside
    files: ThreadsAside
    processes: "Processes"
    logs: Path
    marker: str
    nofile: int
    screens: "Glances | None"


def attempt_of(probe: Probe, deps: Dependencies) -> Attempt | None:
    """Return how the life is tried; None where there is nothing to ask."""
    check = probe.check
    if check.tcp is not None:
        return Tcp(deps, *address_of(check.tcp))
    if check.unix is not None:
        return Unix(deps, check.unix)
    if check.http is not None:
        return Get(deps, check.http)
    if check.command is not None:
        return Command(deps, probe, check.command)
    if check.log is not None:
        return InLog(deps, probe, check.log)
    return OnScreen(deps, probe, check.screen) if check.screen is not None else None


# ── sockets ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Tcp(Attempt):
    """Somebody accepts a connection; each address of the name is tried in turn."""

    def __init__(self, deps: Dependencies, host: str, port: int) -> None:
        self._deps = deps
        self._host = host
        self._port = port
        self._addresses: list[str] = []

    async def prepare(self) -> str | None:
        if self._host == "localhost":
            self._addresses = ["127.0.0.1", "::1"]
        elif _is_address(self._host):
            self._addresses = [self._host]
        else:
            self._addresses = await self._deps.names.run(lambda: _addresses_of(self._host))
        return None

    async def fault(self) -> str | None:
        async with self._connection():
            return None

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[socket.socket]:
        """Give a connection that is closed in the end; raises OSError."""
        problem = OSError(None, "its name is not known")
        for address in self._addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
                try:
                    await self._deps.loop.sock_connect(connection, (address, self._port))
                    if met_itself(connection):
                        raise ConnectionRefusedError(None, "connection refused")
                except OSError as error:
                    problem = error
                else:
                    yield connection
                    return
        raise problem


class Unix(Attempt):
    """Somebody accepts a connection on a Unix socket."""

    def __init__(self, deps: Dependencies, path: str) -> None:
        self._deps = deps
        self._path = path

    async def fault(self) -> str | None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            while True:
                try:
                    connection.connect(self._path)  # never blocks, and asyncio takes "try again" for success
                except BlockingIOError:  # as many wait there as may
                    await asyncio.sleep(0.02)
                else:
                    return None


class Get(Tcp):
    """A GET is answered with one of the codes."""

    def __init__(self, deps: Dependencies, http: Http) -> None:
        target = http_target(http.url)
        super().__init__(deps, target.host.removeprefix("[").removesuffix("]"), target.port)
        self._http = http

    async def fault(self) -> str | None:
        async with self._connection() as connection:
            await self._deps.loop.sock_sendall(connection, request_of(self._http))
            return await fault_of(self._http, lambda: self._deps.loop.sock_recv(connection, 4096))


def address_of(tcp: str) -> Address:
    """Split "host:port" or "[::1]:port"; raises ValueError when the port is no number."""
    host, _, port = tcp.rpartition(":")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def met_itself(connection: socket.socket) -> bool:
    """Whether the kernel joined both ends of one socket: it can when nobody listens on a port of the ephemeral range.

    Then the connection is reset rather than closed, which would keep the worker from binding its port for a minute.
    """
    if connection.getsockname() != connection.getpeername():
        return False
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True


def _addresses_of(host: str) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Command(Attempt):
    """A command exits with 0: run where and as the worker is, its output thrown away, its process group killed after.

    It bears the mark of the life, so that what leaves the group is ended with the life.
    """

    def __init__(self, deps: Dependencies, probe: Probe, command: tuple[str, ...] | str) -> None:
        self._deps = deps
        self._argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
        self._cwd = probe.spec.cwd
        self._spec = probe.spec
        mark = f"{deps.marker}/{probe.spec.name}/{probe.life}"
        self._env = {**scrubbed(os.environ), **dict(probe.spec.env), "PANEVISOR_WORKER": mark}
        secret = probe.spec.secret_files or probe.spec.env_command
        self._process = probe.process if secret else None

    async def fault(self) -> str | None:
        try:
            process = await self._deps.files.run(self._spawn, self._deps.processes.kill)  # a cwd on a dead mount hangs
        except LookupError as unknown:
            return str(unknown.args[0])
        code = await self._deps.processes.end_of(process)
        if code == 0:
            return None
        if code in _NOT_EXECUTED and (reason := await self._deps.files.run(self._cannot_execute)):
            return reason
        return exit_in_words(code, None) if code > 0 else exit_in_words(None, -code)

    def _cannot_execute(self) -> str | None:
        return cannot_execute(self._argv[0], cwd=self._cwd, path=self._env.get("PATH", os.defpath))

    def _spawn(self) -> "subprocess.Popen[bytes]":
        null, lowered = subprocess.DEVNULL, LOWERED.format(nofile=self._deps.nofile)
        account = account_of(self._spec)
        own = dict(account.environment if account else ())
        return popen(
            ("/bin/sh", "-c", f'{lowered}; {as_account(account)}exec "$@"', "panevisor", *self._argv),
            cwd=self._cwd,
            env=self._env | own | {key: self._env[key] for key, _ in self._spec.env} | self._secrets(),
            stdin=null,
            stdout=null,
            stderr=null,
            start_new_session=True,
        )

    def _secrets(self) -> dict[str, str]:
        """Return the environment of the worker's own process where it has secrets: nobody else keeps them."""
        if self._process is None:
            return {}
        own = Path(f"/proc/{self._process.pid}")
        known = environment_of(self._process.pid)
        with contextlib.suppress(OSError):  # between its fork and its exec it has tmux's environment, or none
            if (own / "comm").read_text().startswith("tmux") or (not known and os.access(own / "environ", os.R_OK)):
                raise NotKnown
        return scrubbed(known)


class Processes:
    """Children of the pool, each leader of its own group, until they are killed and reaped."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left: dict[int, subprocess.Popen[bytes]] = {}

    def __len__(self) -> int:
        return len(self._left)

    async def end_of(self, process: "subprocess.Popen[bytes]") -> int:
        """Return its exit code, negative for a signal; a caller that stops waiting has it killed."""
        self._left[process.pid] = process
        try:
            await self._exit_of(process)
        finally:
            self.kill(process)
        return process.wait()  # it has ended

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill its whole group, and reap it when it has ended: before that its group's number can't be another's."""
        kill_group(process)
        if process.poll() is not None:
            self._left.pop(process.pid, None)
        elif not self._loop.is_closed():
            self._left[process.pid] = process
            self._loop.call_soon_threadsafe(self._reap_later, process)

    def _reap_later(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            self._loop.call_later(0.02, self._reap_later, process)
        else:
            self._left.pop(process.pid, None)

    async def gone(self) -> None:
        """Wait for those that were killed; one that the kernel holds is left to it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WAIT):
                while self._left:
                    await asyncio.sleep(0.01)

    async def _exit_of(self, process: "subprocess.Popen[bytes]") -> None:
        descriptor = os.pidfd_open(process.pid)
        try:
            ended = asyncio.Event()
            self._loop.add_reader(descriptor, ended.set)
            await ended.wait()
        finally:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)


# ── logs and screens ──────────────────────────────────────────────────────────────────────────────────────────────


class InLog(Attempt):
    """The life has printed a line with the pattern: ever, while it starts; since the last try, while it runs."""

    through_tmux = True

    def __init__(self, deps: Dependencies, probe: Probe, pattern: str) -> None:
        self._deps = deps
        self._pattern = compiled(pattern)
        self._lines = LinesOfLife(deps.logs, probe.spec.name, probe.life)
        self._stays = probe.purpose is Purpose.READY
        self._gate = threading.Lock()  # held by the thread that reads: a try that was given up leaves it reading
        self._found = False

    async def settle(self) -> None:
        if self._deps.screens:
            await self._deps.screens.answer()

    async def begin_now(self) -> None:
        with contextlib.suppress(OSError):
            await self._deps.files.run(self._lines.skip)

    async def fault(self) -> str | None:
        if not self._gate.locked() and not (self._found and self._stays):
            await self._deps.files.run(self._look)
        found, self._found = self._found, self._found and self._stays
        return None if found else "its log has no such line" + ("" if self._stays else " of late")

    def _look(self) -> None:
        if not self._gate.acquire(blocking=False):
            return
        try:
            for line in self._lines.new():
                self._found = self._found or self._pattern.search(line) is not None
        finally:
            self._gate.release()


class Glances:
    """Looks at panes between two beats: wishes of the same moment share one look, and one look is under way at most."""

    def __init__(self, loop: asyncio.AbstractEventLoop, glance: Glance) -> None:
        self._loop = loop
        self._glance = glance
        self._wanted: list[tuple[str | None, asyncio.Future[bytes | None]]] = []
        self._looking = False

    async def of(self, pane: str) -> bytes | None:
        """Return what the pane shows, None when it is gone. Raises NotKnown when tmux does not answer."""
        return await self._look_at(pane)

    async def answer(self) -> None:
        """Return when tmux has read what was printed till now. Raises NotKnown when it does not answer."""
        await self._look_at(None)

    async def _look_at(self, pane: str | None) -> bytes | None:
        seen: asyncio.Future[bytes | None] = self._loop.create_future()
        self._wanted.append((pane, seen))
        self._look_soon()
        try:
            async with asyncio.timeout(GLANCE_LOST):
                return await seen
        except TimeoutError:
            raise NotKnown from None

    def _look_soon(self) -> None:
        if self._wanted and not self._looking:
            self._looking = True
            self._loop.call_later(GATHERED, self._look)

    def _look(self) -> None:
        wanted, self._wanted = self._wanted, []
        panes = list(dict.fromkeys(pane for pane, seen in wanted if pane is not None and not seen.done()))
        self._glance(panes, lambda screens: self._answered(wanted, screens))

    def _answered(self, wanted: list[Any], screens: dict[str, bytes] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the pool was closed meanwhile
            self._loop.call_soon_threadsafe(self._settle, wanted, screens)

    def _settle(self, wanted: list[tuple[str | None, Any]], screens: dict[str, bytes] | None) -> None:
        self._looking = False
        for pane, seen in wanted:
            if seen.done():
                continue
            if screens is None:
                seen.set_exception(NotKnown())
            else:
                seen.set_result(screens.get(pane) if pane else None)
        self._look_soon()


class OnScreen(Attempt):
    """The pane shows the pattern. While a life starts it is looked at for each try, else at the capture beat.

    After an outage of tmux it is looked at again, because the capture beat shows changes only.
    """

    through_tmux = True

    def __init__(self, deps: Dependencies, probe: Probe, pattern: str) -> None:
        self._pattern = compiled(pattern)
        self._screen = probe.screen
        self._looks = deps.screens if probe.pane else None
        self._pane = probe.pane or ""
        self._each_time = probe.purpose is Purpose.READY
        self._old = self._each_time

    def show(self, screen: bytes) -> None:
        """Note what the pane shows now."""
        self._screen = screen

    async def settle(self) -> None:
        if self._looks is None:
            return
        looks, old, self._old = self._looks, self._old, True
        if old:
            self._screen = await looks.of(self._pane) or self._screen
        else:
            await looks.answer()
        self._old = self._each_time

    async def fault(self) -> str | None:
        if self._screen is None:
            raise NotKnown
        return None if self._pattern.search(plain(self._screen)) else "its screen does not show it"
