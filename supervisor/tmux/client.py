"""Two ways to talk to our tmux server, both bounded in time: a standing control client, and a batch on standard input.

The control client is for single commands: about 70 × cheaper than a process. It is attached to an idle session of its
own, never to a worker's. It never captures screens: a screen's line could look like an answer. When it is lost or does
not answer it is closed, and the next call makes another one.
"""

import contextlib
import os
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from actors.errors import NotAsked, TerminalError, TerminalUnreachable
from actors.events.words import exact
from actors.frozen import frozen
from supervisor.kernel.shortage import popen
from supervisor.tmux.command import DEADLINE, argv_of, batch, environment
from supervisor.tmux.words import IDLE_SESSION, PANE_FORMAT, PaneLine, pane_line, words

ATTACH_POLL = 0.001


@frozen
class Block:
    """One command's output; `error`: it was refused, and `text` says why."""

    text: str
    error: bool


class _Turnstile:
    """Orders go through together; a client that attaches goes alone.

    tmux 3.3a tells a control client of sessions, buffers and layouts even before it has attached it, and crashes on
    that: with one client making sessions, two attempts of another one to attach were enough.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._orders = 0
        self._attaching = False

    @contextlib.contextmanager
    def order(self, deadline: float) -> Iterator[None]:
        """Let an order through; raises NotAsked when a client is still attaching at the deadline."""
        with self._changed:
            self._wait(lambda: not self._attaching, deadline)
            self._orders += 1
        try:
            yield
        finally:
            with self._changed:
                self._orders -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def attach(self, deadline: float) -> Iterator[None]:
        """Let one client attach, while nothing is ordered; raises NotAsked at the deadline."""
        with self._changed:
            self._wait(lambda: not self._attaching, deadline)
            self._attaching = True
        try:
            with self._changed:
                self._wait(lambda: not self._orders, deadline)
            yield
        finally:
            with self._changed:
                self._attaching = False
                self._changed.notify_all()

    def _wait(self, true: Callable[[], bool], deadline: float) -> None:
        if not self._changed.wait_for(true, max(0.0, deadline - time.monotonic())):
            raise NotAsked("tmux has not answered another client")


_TURNSTILES: WeakValueDictionary[tuple[Path, int], _Turnstile] = WeakValueDictionary()  # one a server


class ControlClient:
    """A standing `tmux -C` client. Thread-safe; one command line at a time.

    `number`: of the server. `pid` says which process has to answer; None: any that listens on the socket.
    """

    def __init__(self, state_dir: Path, pid: Callable[[], int | None] = lambda: None, *, number: int = 0) -> None:
        self._state_dir = state_dir
        self._pid = pid
        self._number = number
        self._turnstile = _TURNSTILES.setdefault((state_dir, number), _Turnstile())
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: tuple[int, int] = (-1, -1)  # what the client reads, and what it says
        self._buffer = b""

    def run(self, *lines: str, timeout: float = DEADLINE) -> list[list[Block]]:
        """Send command lines at once; return the blocks of each.

        Raises `TerminalUnreachable` past the deadline, and as `NotAsked` when tmux has not got anything of them.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            try:
                return self._run(lines, deadline)
            except (OSError, TerminalUnreachable) as error:
                self._close()
                if isinstance(error, TerminalUnreachable):
                    raise
                raise TerminalUnreachable(f"the tmux client was lost: {error}") from error

    def settle(self) -> None:
        """Return when tmux has answered something. Ask it before what tells how things are, and take the time then.

        A tmux that was stopped can answer what waited for it before it reads what programs have printed meanwhile. What
        is asked after that answer is answered in a later turn of its loop. Raises as `run` does.
        """
        self.run("display-message -p settled")

    def list_panes(self) -> list[PaneLine]:
        """Return all panes of the server, in one answer: a pane that is not in it does not exist.

        Raises TerminalUnreachable also when tmux refuses, or lists none: the idle session is always there.
        """
        (blocks,) = self.run(words("list-panes", "-a", "-F", PANE_FORMAT))
        lines = _lines_of(blocks)
        if not lines:
            said = " ".join(block.text for block in blocks)
            raise TerminalUnreachable(f"tmux has not listed its panes: {said or 'it said nothing'}")
        return lines

    def list_some(self, panes: Sequence[str]) -> list[PaneLine] | None:
        """Return these panes and those beside them, or None when tmux refused one: it may not exist."""
        answers = self.run(*(words("list-panes", "-t", pane, "-F", PANE_FORMAT) for pane in panes))
        blocks = [block for answer in answers for block in answer]
        return None if any(block.error for block in blocks) else _lines_of(blocks)

    def has_session(self, name: str) -> bool:
        """Whether there is a session of exactly this name."""
        (blocks,) = self.run(words("has-session", "-t", f"={name}"))
        return not any(block.error for block in blocks)

    def close(self) -> None:
        with self._lock:
            self._close()

    def renew(self, timeout: float = DEADLINE) -> None:
        """Keep the client if it answers, else close it: another one needs a process, which may not be had."""
        with self._lock:
            try:
                if self._is_there():
                    self._ask(("display-message -p answers",), time.monotonic() + timeout)
                    return
            except (OSError, TerminalUnreachable):
                pass
            self._close()

    def _is_there(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _run(self, lines: tuple[str, ...], deadline: float) -> list[list[Block]]:
        if not self._is_there():
            try:
                self._connect(deadline)
            except (OSError, TerminalError) as error:
                raise NotAsked(str(error)) from error.__cause__ or error
        with self._turnstile.order(deadline):
            return self._ask(lines, deadline)

    def _ask(self, lines: tuple[str, ...], deadline: float) -> list[list[Block]]:
        token = secrets.token_hex(8)
        ends = [f"{token}-{n}" for n in range(len(lines))]
        text = "".join(f"{line}\ndisplay-message -p {end}\n" for line, end in zip(lines, ends, strict=True))
        self._write(text.encode(), deadline)
        return [self._read_until(end, deadline) for end in ends]

    def _connect(self, deadline: float) -> None:
        """Attach, but only to a server that has just answered a plain client, and one client at a time.

        Two or more control clients that wait on a stopped server crash tmux 3.3a when it goes on (each time, in 25
        tries), and every worker with it; plain clients do not.
        """
        self._close()
        with self._turnstile.attach(deadline):
            self._before_attaching("display-message -p answers\n", deadline)
            try:
                self._attach(deadline)
            except _Lost:
                new = ("new-session", "-d", "-s", IDLE_SESSION, "-x", "80", "-y", "24", "exec sleep infinity")
                self._before_attaching(words(*new), deadline)
                self._attach(deadline)

    def batch(self, commands: str, timeout: float = DEADLINE) -> bytes:
        """Run commands by a client of their own, as `command.batch` does."""
        return batch(self._state_dir, commands, server=self._number, timeout=timeout)

    def _before_attaching(self, commands: str, deadline: float) -> None:
        self.batch(commands, max(0.1, deadline - time.monotonic()))

    def _attach(self, deadline: float) -> None:
        self._process = process = popen(
            argv_of(
                *("-C", "attach-session", "-t", f"={IDLE_SESSION}", "-f", "no-output,ignore-size"), server=self._number
            ),
            cwd=self._state_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            bufsize=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._pipes, self._buffer = (process.stdin.fileno(), process.stdout.fileno()), b""
        for pipe in self._pipes:
            os.set_blocking(pipe, False)
        self._wait_until_attached(process.pid, deadline)

    def _wait_until_attached(self, client: int, deadline: float) -> None:
        """Ask until the client has its session: tmux 3.3a reads our lines even before it attaches the client.

        To a start by a client without a session tmux gives the client's PATH, and not the one that was asked for.
        """
        mine = f"{client} {IDLE_SESSION} "
        question = b"list-clients -F '#{client_pid} #{client_session} #{pid}'\ndisplay-message -p asked\n"
        while True:
            self._write(question, deadline)
            blocks = self._read_until("asked", deadline)
            if found := [line for block in blocks for line in block.text.splitlines() if line.startswith(mine)]:
                self._refuse_stranger(int(found[0].removeprefix(mine)))
                return
            time.sleep(ATTACH_POLL)

    def _refuse_stranger(self, pid: int) -> None:
        """Another server that somebody started on our socket knows nothing of our panes."""
        ours = self._pid()
        if ours not in (None, pid):
            raise TerminalUnreachable(f"another tmux server (pid {pid}) has taken the socket of ours (pid {ours})")

    def _write(self, data: bytes, deadline: float) -> None:
        to, _ = self._pipes
        while data:
            _wait(to, select.POLLOUT, deadline)
            try:
                data = data[os.write(to, data) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise _Lost("tmux: the control client has ended") from error

    def _read_until(self, end: str, deadline: float) -> list[Block]:
        blocks: list[Block] = []
        while (block := self._read_block(deadline)) != Block(end, error=False):
            blocks.append(block)
        return blocks

    def _read_block(self, deadline: float) -> Block:
        """Return the next block; its end is matched on the whole triple of its beginning."""
        while not (line := self._read_line(deadline)).startswith(b"%begin "):
            pass  # notifications
        triple = line[len(b"%begin ") :]
        lines: list[bytes] = []
        while (line := self._read_line(deadline)) not in (b"%end " + triple, b"%error " + triple):
            lines.append(line)
        return Block(b"\n".join(lines).decode(errors="replace"), line.startswith(b"%error "))

    def _read_line(self, deadline: float) -> bytes:
        _, said = self._pipes
        while b"\n" not in self._buffer:
            _wait(said, select.POLLIN, deadline)
            try:
                data = os.read(said, 1 << 20)
            except BlockingIOError:
                continue
            if not data:
                raise _Lost("tmux: the control client has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _close(self) -> None:
        process, self._process, self._buffer = self._process, None, b""
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def _lines_of(blocks: list[Block]) -> list[PaneLine]:
    texts = (text for block in blocks if not block.error for text in block.text.splitlines())
    return [line for line in map(pane_line, texts) if line]


class _Lost(TerminalUnreachable):
    """The client ended: there is no server, or its session is gone."""


def _wait(fd: int, events: int, deadline: float) -> None:
    poller = select.poll()
    poller.register(fd, events)
    left = deadline - time.monotonic()
    if left <= 0 or not poller.poll(left * 1000):
        raise TerminalUnreachable(f"tmux has not answered within {exact(DEADLINE)}")
