"""The Terminal actor's hands: starts, looks and closings as bounded orders to our tmux server.

An order that times out may still be read by tmux later, so each carries its own expiry: past it tmux drops it unread,
and the caller knows when that is (`StartUnknown.until`).
"""

import fcntl
import os
import struct
import termios
import time
from pathlib import Path

from actors.messages import (
    Handle,
    Pane,
    Refusal,
    Started,
    StartRefused,
    StartUnknown,
    Type,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
)
from actors.ports import NamedStart, StartAnswer, TerminalError, TypeAnswer
from actors.spec import WorkerSpec
from supervisor.proc_table import handle_of
from supervisor.program_file import cannot_execute
from supervisor.segments import Segments, pipe_command
from supervisor.tmux_client import Block, ControlClient
from supervisor.tmux_server import TmuxServer
from supervisor.tmux_words import (
    NOT_TYPED,
    PANE_FORMAT,
    TYPED,
    Launch,
    close_if_dead,
    in_time,
    pane_line,
    pipe_if_closed,
    start_in_dead_pane,
    start_in_new_session,
    type_into,
    words,
)

LOGS = "logs"
EXPIRY = 4  # whole seconds an order stays valid inside tmux; longer than the deadline of its answer
STILL_ACTIVE_TRIES = 25  # × 20 ms: how long tmux may need to notice a death that the kernel has told us of


class TmuxTerminal:
    """`actors.ports.TerminalPort` over a standing control client."""

    def __init__(self, state_dir: Path, server: TmuxServer, *, marker: str, nofile: int, segments: Segments) -> None:
        self._segments = segments
        self._server = server
        self._client = ControlClient(state_dir, lambda: server.pid)
        self._marker = marker
        self._nofile = nofile
        self._arms = 0

    def start(self, starts: list[NamedStart]) -> list[StartAnswer]:
        answers: dict[int, StartAnswer] = {}
        for index, start in enumerate(starts):
            if reason := cannot_start(start.order.spec, self._server.search_path()):
                answers[index] = StartRefused(start.order.life, Refusal.IMPOSSIBLE, reason)
            elif not self._pane_is_its_own(start):
                answers[index] = _pane_gone(start)
        sent = [index for index in range(len(starts)) if index not in answers]
        answers |= zip(sent, self._send([starts[index] for index in sent]), strict=True)
        return [answers[index] for index in range(len(starts))]

    def _pane_is_its_own(self, start: NamedStart) -> bool:
        """A pane id that another server gave out may be another worker's pane here."""
        try:
            return start.order.pane is None or self.look(start.order.pane, start.name, nudge=False)[1] is not None
        except TerminalError:
            return True  # the start itself will find out

    def _send(self, starts: list[NamedStart], *, again: bool = False) -> list[StartAnswer]:
        if not starts:
            return []
        now = time.time()
        lines = [in_time(int(now) + EXPIRY, self._line(start)) for start in starts]
        try:
            blocks = self._client.run(*lines)
        except TerminalError:
            until = time.monotonic() + EXPIRY + 1.0
            return [StartUnknown(start.order.life, until) for start in starts]
        return [self._answer(start, got, again=again) for start, got in zip(starts, blocks, strict=True)]

    def _line(self, start: NamedStart) -> str:
        order = start.order
        self._segments.note_life(start.name, order.life)
        self._segments.expect({start.name: order.spec.log.keep})
        launch = self._launch(start.name, order.life, order.spec)
        return start_in_dead_pane(launch, order.pane) if order.pane else start_in_new_session(launch)

    def _launch(self, name: str, life: str, spec: WorkerSpec) -> Launch:
        environment = (*spec.env, ("PANEVISOR_WORKER", f"{self._marker}/{name}/{life}"))
        pipe = pipe_command(LOGS, name, life, self._arms, spec.log.max_size)
        return Launch(spec=spec, life=life, environment=environment, pipe=_unexpanded(pipe), nofile=self._nofile)

    def _answer(self, start: NamedStart, blocks: list[Block], *, again: bool = False) -> StartAnswer:
        life = start.order.life
        for block in blocks:
            if block.text.startswith("S %"):
                _, pane, pid = block.text.split()
                return Started(life, pane, _process(int(pid)) or Handle(int(pid), 0))
        said = " ".join(block.text for block in blocks if block.error)
        if "still active" in said and not again:
            return self._once_more(start)
        return StartRefused(life, _refusal(said), f"tmux: {said}")

    def _once_more(self, start: NamedStart) -> StartAnswer:
        """The kernel told us of the death, tmux has not reaped it yet: make it, and try again."""
        order = start.order
        for _ in range(STILL_ACTIVE_TRIES):
            self._server.nudge()
            time.sleep(0.02)
            try:
                _, pane = self.look(order.pane, start.name, nudge=False)
            except TerminalError as error:
                return StartRefused(order.life, Refusal.UNREACHABLE, str(error))
            if pane is None:
                return _pane_gone(start)
            if pane.dead:
                return self._send([start], again=True)[0]
        return StartRefused(order.life, Refusal.UNREACHABLE, "tmux has not noticed the last death")

    def look(self, pane: str | None, name: str, *, nudge: bool) -> tuple[float, Pane | None]:
        if nudge:
            self._server.nudge()
        taken = time.monotonic()
        where = ("-t", pane) if pane else ("-a",)
        (blocks,) = self._client.run(words("list-panes", *where, "-F", PANE_FORMAT))
        lines = [pane_line(text) for block in blocks if not block.error for text in block.text.splitlines()]
        for line in lines:
            if line and (line.id == pane or (pane is None and line.marked)):
                found = line.pane(_process(line.pid))
                if found.name == name:
                    return taken, found
        return taken, None

    def close(self, pane: str) -> None:
        self._client.run(close_if_dead(pane))

    def type(self, order: Type) -> TypeAnswer:
        try:
            if time.monotonic() >= order.until or (order.if_taken and self._unread(order.pane)):
                return TypeHeld(order.life, order.piece)
            line = type_into(order.pane, order.life, order.content, order.keys)
            (blocks,) = self._client.run(in_time(int(time.time()) + EXPIRY, line))
        except TerminalError:
            return TypeUnknown(order.life, order.piece)
        said = [block.text for block in blocks]
        if TYPED in said:
            return Typed(order.life, order.piece)
        refused = any(text.endswith(NOT_TYPED) for text in said)
        return TypeRefused(order.life, order.piece, "its pane is dead" if refused else f"tmux: {' '.join(said)}")

    def _unread(self, pane: str) -> bool:
        """Whether the program has bytes to read on its terminal, by the kernel's count."""
        (blocks,) = self._client.run(words("display-message", "-p", "-t", pane, "#{pane_tty}"))
        tty = "".join(block.text for block in blocks if not block.error)
        return bytes_to_read(tty) > 0

    def arm_log(self, pane: str, life: str, spec: WorkerSpec) -> None:
        self._arms += 1
        armed = pipe_if_closed(self._launch(spec.name, life, spec), pane)
        self._client.run(in_time(int(time.time()) + EXPIRY, armed))

    def discard(self, name: str) -> None:
        self._segments.forget(name)

    def revive(self) -> Handle:
        self._client.close()
        return self._server.ensure()

    def end_server(self) -> None:
        """End the tmux server; only at `down`."""
        self._client.close()
        self._server.end()

    def close_client(self) -> None:
        self._client.close()


def bytes_to_read(tty: str) -> int:
    """Return how many bytes wait in this terminal for its program; 0 also when it is gone."""
    try:
        fd = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])
    except OSError:
        return 0
    finally:
        os.close(fd)


def _pane_gone(start: NamedStart) -> StartRefused:
    return StartRefused(start.order.life, Refusal.PANE_GONE, "its pane does not exist any more")


def cannot_start(spec: WorkerSpec, path: str) -> str | None:
    """Return why the spec can't be started now, or None: a missing folder or program is told from a crash."""
    if not os.path.isdir(spec.cwd):
        return f"cwd does not exist or is no folder: {spec.cwd}"
    if not os.access(spec.cwd, os.X_OK):
        return f"cwd may not be entered: {spec.cwd}"
    if isinstance(spec.command, str):
        return None
    return cannot_execute(spec.command[0], cwd=spec.cwd, path=dict(spec.env).get("PATH", path))


def _process(pid: int) -> Handle | None:
    """Return the process; None also when descriptors have run out: the next sweep reads it again."""
    try:
        return handle_of(pid)
    except OSError:
        return None


def _unexpanded(command: str) -> str:
    """pipe-pane expands its command as a format and a date."""
    return command.replace("#", "##").replace("%", "%%")


def _refusal(said: str) -> Refusal:
    if "duplicate session" in said:
        return Refusal.NAME_TAKEN
    if "can't find" in said:
        return Refusal.PANE_GONE
    return Refusal.UNREACHABLE
