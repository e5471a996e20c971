"""Starts, looks and closings as bounded orders to one of our tmux servers.

An order that times out may still be read by tmux later, so each carries its own expiry: past it tmux drops it unread,
and the caller knows when that is (`StartUnknown.until`).
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from actors.errors import NotAsked, TerminalError
from actors.frozen import frozen
from actors.ports import LookAnswer, PaneQuestion, StartAnswer, TypeAnswer
from actors.values.command_text import TakeUp, is_session, taking_up
from actors.values.effects import LookAtInput, Start, Type
from actors.values.facts import (
    Handle,
    Pane,
    Refusal,
    Started,
    StartRefused,
    StartUnknown,
)
from actors.values.spec import WorkerSpec
from supervisor.kernel.pidfds import terminal_of
from supervisor.kernel.proc_table import handle_of
from supervisor.kernel.programs import cannot_execute, is_known
from supervisor.logs.names import pipe_command
from supervisor.logs.segments import Segments
from supervisor.state.paths import regular_content
from supervisor.state.place import LOGS
from supervisor.tmux.client import Block, ControlClient
from supervisor.tmux.server import TmuxServer
from supervisor.tmux.surroundings import account_of, cannot_surround
from supervisor.tmux.typing import EXPIRY, Typist
from supervisor.tmux.words import (
    UNFORKED,
    WHOSE_FORMAT,
    Launch,
    PaneLine,
    close_if_dead,
    in_time,
    notice_in,
    others_in,
    pipe_anew,
    pipe_if_closed,
    start_in_dead_pane,
    start_in_new_session,
    words,
)

Variables = tuple[tuple[str, str], ...]
FEW = 8  # panes that are listed one by one: 0.04 ms each, a list of all 1,000 takes 36
STILL_ACTIVE_TRIES = 25  # × 20 ms: how long tmux may need to notice a death that the kernel has told us of


class TmuxTerminal:
    """Starts, looks and closings in one tmux server, over a standing control client; terminals.py has all of them."""

    def __init__(self, state_dir: Path, server: TmuxServer, *, marker: str, nofile: int, segments: Segments) -> None:
        self._segments = segments
        self._server = server
        self._client = ControlClient(state_dir, lambda: server.pid, number=server.number)
        self._typist = Typist(self._client)
        self._marker = marker
        self._nofile = nofile
        self._arms = 0
        self._resumed: dict[str, Resumed] = {}  # by life, of the starts under way

    def start(self, starts: list[Start]) -> list[StartAnswer]:
        answers: dict[str, StartAnswer] = {}  # by life
        for start in starts:
            path, spec = self._server.search_path(), replace(start.spec, env=(*start.spec.env, *start.secrets))
            if start.take_up and (resumed := resumed_by(start.take_up, spec, path)):
                self._resumed[start.life] = resumed
            elif reason := cannot_start(spec, path):
                answers[start.life] = StartRefused(start.life, Refusal.IMPOSSIBLE, reason)
        sent = self._send([start for start in starts if start.life not in answers])
        answers |= {answer.life: answer for answer in sent}
        self._resumed.clear()
        return [answers[start.life] for start in starts]

    def _send(self, starts: list[Start], *, again: bool = False) -> list[StartAnswer]:
        if not starts:
            return []
        now = time.time()
        numbers = self._segments.note_lives({start.name: start.life for start in starts})
        self._segments.expect({start.name: start.spec.log.keep for start in starts})
        lines = [in_time(int(now) + EXPIRY, self._line(start, numbers.get(start.name))) for start in starts]
        try:
            blocks = self._client.run(*lines)
        except NotAsked as error:
            return [_not_now(start, str(error)) for start in starts]
        except TerminalError:
            until = time.monotonic() + EXPIRY + 1.0
            return [StartUnknown(start.life, until) for start in starts]
        return [self._answer(start, got, again=again) for start, got in zip(starts, blocks, strict=True)]

    def _line(self, start: Start, number: int | None) -> str:
        resumed = self._resumed.get(start.life)
        argv = resumed.argv if resumed else ()
        launch = self._launch(start.name, start.life, start.spec, number, start.secrets, argv)
        return start_in_dead_pane(launch, start.pane) if start.pane else start_in_new_session(launch)

    def _launch(
        self,
        name: str,
        life: str,
        spec: WorkerSpec,
        number: int | None = None,
        secrets: Variables = (),
        argv: tuple[str, ...] = (),
    ) -> Launch:
        """`number`: of its first log segment, for a life that no pipe has served yet."""
        account = account_of(spec)
        own = dict(account.environment if account else ()) | dict(spec.env) | dict(secrets)
        environment = (*own.items(), ("PANEVISOR_WORKER", f"{self._marker}/{name}/{life}"))
        pipe = pipe_command(LOGS, name, life, self._arms, spec.log.max_size, number=number)
        pipe = _unexpanded(pipe)
        return Launch(
            spec=spec, life=life, environment=environment, pipe=pipe, nofile=self._nofile, account=account, argv=argv
        )

    def _answer(self, start: Start, blocks: list[Block], *, again: bool = False) -> StartAnswer:
        life = start.life
        for block in blocks:
            if block.text.startswith("S %"):
                _, pane, pid, tty = block.text.split()
                session = resumed.session if (resumed := self._resumed.get(life)) else None
                return Started(life, pane, _process(int(pid)) or Handle(int(pid), 0), terminal_of(tty), session)
        said = " ".join(block.text for block in blocks if block.error)
        if UNFORKED in said:
            return self._without_its_pane(start)
        return self._why_refused(start, f"tmux: {said}", again=again)

    def _why_refused(self, start: Start, said: str, *, again: bool) -> StartAnswer:
        """Look what stands in the way: what tmux has said is for people."""
        try:
            if start.pane is None:
                taken = self._client.has_session(start.name)
                return StartRefused(start.life, Refusal.NAME_TAKEN, said) if taken else _not_now(start, said)
            _, (pane,) = self.look([PaneQuestion(start.name, start.pane)])
        except TerminalError:
            return _not_now(start, said)
        if pane is None:
            return _pane_gone(start)
        return _not_now(start, said) if pane.dead or again else self._once_more(start)

    def _without_its_pane(self, start: Start) -> StartAnswer:
        """Close the pane whose last program could not be forked; the next start makes another one."""
        assert start.pane is not None
        with contextlib.suppress(TerminalError):
            self.close([start.pane])
        return _pane_gone(start)

    def _once_more(self, start: Start) -> StartAnswer:
        """The kernel told us of the death, tmux has not reaped it yet: make it, and try again."""
        for _ in range(STILL_ACTIVE_TRIES):
            self._server.nudge()
            time.sleep(0.02)
            try:
                _, (pane,) = self.look([PaneQuestion(start.name, start.pane)])
            except TerminalError as error:
                return _not_now(start, str(error))
            if pane is None:
                return _pane_gone(start)
            if pane.dead:
                return self._send([start], again=True)[0]
        return _not_now(start, "tmux has not noticed the last death")

    def look(self, questions: Sequence[PaneQuestion]) -> tuple[float, list[Pane | None]]:
        """One list-panes answers all; a few panes known by their ids are listed alone, in one order too.

        An exit never changes, so the first answer counts. For all else tmux is asked again when it has settled. A dead
        pane without an exit needs a nudge: tmux loses the signal while it runs its helper for utmp, as it does when a
        terminal hangs up. That terminal has been read to its end by then.
        """
        if any(asked.nudge for asked in questions):
            self._server.nudge()
        taken = time.monotonic()
        panes = _panes_of(self._few(questions) or [], questions)
        if self._made_to_reap(panes):
            panes = _panes_of(self._few(questions) or [], questions)
        if not all(pane and pane.exit for pane in panes):
            self._client.settle()
            self._made_to_reap(panes)
            taken = time.monotonic()
            panes = _panes_of(self._few(questions) or self._client.list_panes(), questions)
        return taken, panes

    def _made_to_reap(self, panes: Sequence[Pane | None]) -> bool:
        """Nudge the server if one of the panes is dead without an exit; return whether one is."""
        found = any(pane and pane.dead and not pane.exit for pane in panes)
        if found:
            self._server.nudge()
        return found

    def _few(self, questions: Sequence[PaneQuestion]) -> list[PaneLine] | None:
        """Return the lines of at least these panes if they are few and known by their ids.

        None also where tmux refuses one: only a list of all can tell why.
        """
        ids = {asked.pane for asked in questions if asked.pane}
        if len(ids) > FEW or any(asked.pane is None for asked in questions):
            return None
        return self._client.list_some(sorted(ids))

    def close(self, panes: Sequence[str]) -> None:
        self._client.run(*map(close_if_dead, panes))

    def look_at_input(self, orders: list[LookAtInput]) -> list[LookAnswer]:
        return self._typist.look(orders)

    def type(self, order: Type) -> TypeAnswer:
        return self._typist.type(order)

    def arm_log(self, pane: str, life: str, spec: WorkerSpec, *, anew: bool = False) -> None:
        self._arms += 1
        launch = self._launch(spec.name, life, spec)
        armed = pipe_anew(launch, pane) if anew else pipe_if_closed(launch, pane)
        self._client.run(in_time(int(time.time()) + EXPIRY, armed))
        if anew:
            self._segments.rearmed(spec.name)

    def notice(self, pane: str, text: str) -> None:
        self._client.run(in_time(int(time.time()) + EXPIRY, notice_in(pane, text)))

    def renew(self) -> None:
        """Keep the control client if it answers; else the next order makes another one."""
        self._client.renew()

    def sessions_of_others(self) -> list[str]:
        """Return the sessions with living panes that are not ours: people's own windows."""
        (blocks,) = self._client.run(words("list-panes", "-a", "-F", WHOSE_FORMAT))
        return others_in(line for block in blocks if not block.error for line in block.text.splitlines())

    def close_client(self) -> None:
        self._client.close()


def _panes_of(lines: list[PaneLine], questions: Sequence[PaneQuestion]) -> list[Pane | None]:
    """Return the panes asked for; for those alone the kernel is asked, too: their processes' start times."""
    by_id = {line.id: line for line in lines}
    names = {asked.name for asked in questions if asked.pane is None}
    by_name = {line.name: line for line in reversed(lines) if names and line.name in names}
    found = [by_id.get(asked.pane) if asked.pane else by_name.get(asked.name) for asked in questions]
    return [_pane_of(line, asked.name) for line, asked in zip(found, questions, strict=True)]


def _pane_of(line: PaneLine | None, name: str) -> Pane | None:
    """Return the pane of the line if it bears the mark of this worker."""
    return line.pane(None if line.dead else _process(line.pid)) if line and line.name == name else None


def _not_now(start: Start, reason: str) -> StartRefused:
    refusal = Refusal.NO_PROCESS if "fork failed" in reason else Refusal.UNREACHABLE
    return StartRefused(start.life, refusal, reason)


def _pane_gone(start: Start) -> StartRefused:
    return StartRefused(start.life, Refusal.PANE_GONE, "its pane does not exist any more")


def cannot_start(spec: WorkerSpec, path: str) -> str | None:
    """Return why the spec can't be started now, or None: a missing folder or program is told from a crash."""
    if not os.path.isdir(spec.cwd):
        if not is_known(spec.cwd):
            return None  # it is left to the kernel, and tried again after a crash
        return f"cwd does not exist or is no folder: {spec.cwd}"
    if not os.access(spec.cwd, os.X_OK):
        return f"cwd may not be entered: {spec.cwd}"
    if reason := cannot_surround(spec):
        return reason
    return cannot_execute(spec.argv[0], cwd=spec.cwd, path=dict(spec.env).get("PATH", path))


@frozen
class Resumed:
    """A start that takes up a session: what is run, and the id as far as the file of it told one."""

    argv: tuple[str, ...]
    session: str


def resumed_by(how: TakeUp, spec: WorkerSpec, path: str) -> Resumed | None:
    """Return what takes up the session; None where its file has no id but that which was `spent`, or it can't start."""
    session = ""
    if how.file is not None:
        session = _id_in(how.file)
        if not is_session(session) or session == how.spent:
            return None
    argv = taking_up(how.command, session) if session else how.command
    return None if cannot_start(replace(spec, command=argv), path) else Resumed(argv, session)


def _id_in(file: str) -> str:
    """Return the one word of a small file; nothing where it can't be read, or is no regular file."""
    with contextlib.suppress(OSError, ValueError):
        return regular_content(Path(file), 1000).decode(errors="replace").strip()
    return ""


def _process(pid: int) -> Handle | None:
    """Return the process; None also when descriptors have run out: the next sweep reads it again."""
    try:
        return handle_of(pid)
    except OSError:
        return None


def _unexpanded(command: str) -> str:
    """pipe-pane expands its command as a format and a date."""
    return command.replace("#", "##").replace("%", "%%")
