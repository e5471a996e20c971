"""A look at all panes: each server's list over a control client, and one batch that captures what may have changed.

`#{window_activity}` moves on every output byte, in whole seconds: a pane is captured again when it moved, when it is
not older than the second of the last capture, or when the pane's size changed. So an idle pane costs its line.
Rows that the terminal wrapped are one line of a screen: what was printed as one is read as one.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from actors.errors import TerminalError, TerminalUnreachable
from actors.frozen import frozen
from actors.ports import PaneSweep, Survey, SweepFailed
from actors.servers import id_of, pane_of, server_of
from actors.values.facts import Handle, Pane
from actors.vital import VitalThread
from supervisor.kernel.crew import at_once
from supervisor.kernel.proc_table import handle_of
from supervisor.kernel.shortage import NoProcess
from supervisor.tmux.client import ControlClient
from supervisor.tmux.server import TmuxServer, TmuxServers
from supervisor.tmux.words import PaneLine

CAPTURE_TIMEOUT = 10.0  # for all captures of a sweep; 1,000 take 0.5 s
PAUSE_EVERY = 25  # captures; then tmux looks after its panes and other clients for a moment
Answer = Callable[[PaneSweep | SweepFailed], None]


@frozen
class _Captured:
    activity: int
    size: tuple[int, int]
    dead: bool
    second: int  # in which the capture was ordered


class PaneSweeper:
    """Sweeps in a thread of its own; requests queue, which the Ticker never lets happen."""

    def __init__(self, state_dir: Path, servers: TmuxServers, on_error: Callable[[BaseException], None]) -> None:
        self._state_dir = state_dir
        self._servers = servers
        self._on_error = on_error
        self._panes: list[_Panes] = []  # by the servers' numbers
        self._requests: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = VitalThread("pane-sweeper", self._run)
        self._thread.start()

    def sweep_panes(self, answer: Answer) -> None:
        self._requests.put(lambda: answer(self._sweep()))

    def glance(self, panes: list[str], answer: Callable[[dict[str, bytes] | None], None]) -> None:
        """Answer with what these panes show now, in a batch a server between two sweeps; one that is gone is left out.

        None: tmux does not answer. Else it has read what programs had printed before, also where no pane is asked for.
        """
        self._requests.put(lambda: answer(self._glance(panes)))

    def survey(self, servers: tuple[Handle | None, ...], nudge: Callable[[], None]) -> Survey:
        """Return every marked pane, in the caller's thread; a death without a status is asked for again."""
        for attempt in range(20):
            taken = time.monotonic()
            panes = [pane for listed in at_once(_Panes.listed, self._all()) for pane in listed if pane.name]
            if attempt and all(pane.exit if pane.dead else pane.process for pane in panes):
                break
            nudge()
            time.sleep(0.01 if attempt == 0 else 0.05)
        named: dict[str, tuple[Pane, ...]] = {}
        for pane in panes:
            named[pane.name or ""] = (*named.get(pane.name or "", ()), pane)
        return Survey(taken, named, servers)

    def foreign_roots(self, life: str) -> list[Handle]:
        """Return the first processes of the panes that lived at the last look and are not this life's.

        Those are people's own windows, and other workers'. A pane that has been made since is not among them.
        """
        return [process for each in tuple(self._panes) for process in each.foreign_roots(life)]

    def reset(self, number: int) -> None:
        """Forget, at the next sweep, the panes of the server that had this number: each numbers its panes from 0."""
        for each in self._panes[number : number + 1]:
            each.reset()

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join(CAPTURE_TIMEOUT)
        for each in self._panes:
            each.client.close()

    def _all(self) -> list["_Panes"]:
        """Return those of the servers that are there; raises TerminalUnreachable without any."""
        while len(self._panes) < len(self._servers):
            self._panes.append(_Panes(self._state_dir, self._servers[len(self._panes)], self._note))
        if there := [self._panes[number] for number in self._servers.there]:
            return there
        raise TerminalUnreachable("there is no tmux server")

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                request()
            except Exception as error:
                self._on_error(error)

    def _glance(self, panes: list[str]) -> dict[str, bytes] | None:
        screens: dict[str, bytes] = {}
        try:
            for each in self._all():
                each.client.settle()
                if not panes:
                    each.client.settle()
                screens |= each.capture([pane for pane in panes if server_of(pane) == each.number])
        except (TerminalError, OSError):
            return None
        return screens

    def _sweep(self) -> PaneSweep | SweepFailed:
        taken = time.monotonic()
        try:
            swept = [each.sweep() for each in self._all()]
        except (TerminalError, OSError) as error:  # OSError: out of descriptors
            self._note(error)
            return SweepFailed(taken, str(error))
        named = {pane.name or "": pane for each in swept for pane in each.panes}
        screens = {pane.name or "": screen for each in swept for pane, screen in each.screens}
        return PaneSweep(min(each.taken for each in swept), named, screens)

    def _note(self, error: BaseException) -> None:
        """Let it be known where a process of ours is missing, whatever else is said of tmux."""
        if isinstance(error.__cause__, NoProcess):
            self._on_error(error.__cause__)


@frozen
class _Swept:
    """What one server has; `screens`: of those that were captured."""

    taken: float
    panes: list[Pane]
    screens: list[tuple[Pane, bytes]]


class _Panes:
    """The panes of one server, from one look to the next; `note` gets an error that may tell of a missing process."""

    def __init__(self, state_dir: Path, server: TmuxServer, note: Callable[[BaseException], None]) -> None:
        self._note = note
        self.number = server.number
        self.client = ControlClient(state_dir, lambda: server.pid, number=server.number)
        self._captured: dict[str, _Captured] = {}
        self._known: dict[str, Pane] = {}
        self._lines: dict[str, str] = {}
        self._strangers: set[Handle] = set()
        self._stale = False

    def foreign_roots(self, life: str) -> list[Handle]:
        others = [p.process for p in list(self._known.values()) if p.process and p.life != life and not p.dead]
        return [*others, *self._strangers]

    def reset(self) -> None:
        self.client.close()
        self._stale = True

    def sweep(self) -> _Swept:
        """List all panes, and capture those that may have changed. Raises TerminalError and OSError."""
        if self._stale:
            self._stale = False
            self._drop_vanished(set())
        self.client.settle()
        taken, second = time.monotonic(), int(time.time())
        panes = [pane for pane in self.listed() if pane.name]
        wanted = [pane for pane in panes if self._may_have_changed(pane)]
        screens = self._captured_now([pane.id for pane in wanted])
        for pane in wanted if screens is not None else ():
            self._captured[pane.id] = _Captured(pane.activity, (pane.columns, pane.rows), pane.dead, second)
        self._drop_vanished({pane.id for pane in panes})
        screens = screens or {}
        return _Swept(taken, panes, [(pane, screens[pane.id]) for pane in wanted if pane.id in screens])

    def listed(self) -> list[Pane]:
        """Return the panes with a mark. Raises TerminalError and OSError."""
        lines = self.client.list_panes()
        strangers = [handle_of(line.pid) for line in lines if not line.marked and not line.dead]
        self._strangers = {process for process in strangers if process}
        return [self._pane(line) for line in lines if line.marked]

    def _pane(self, line: PaneLine) -> Pane:
        """Return the pane of a line; an unchanged line gives the very pane of the last sweep."""
        id = pane_of(self.number, line.id)
        known = self._known.get(id)
        if known and self._lines.get(id) == line.text:
            return known
        same = known is not None and known.pid == line.pid and known.process is not None
        pane = line.pane(known.process if known and same else handle_of(line.pid))
        self._known[id], self._lines[id] = replace(pane, id=id) if self.number else pane, line.text
        return self._known[id]

    def _may_have_changed(self, pane: Pane) -> bool:
        last = self._captured.get(pane.id)
        if last is None or last.size != (pane.columns, pane.rows) or last.dead != pane.dead:
            return True
        return pane.activity != last.activity or pane.activity >= last.second

    def _captured_now(self, panes: list[str]) -> dict[str, bytes] | None:
        """Return what they show; None where that takes a process and none can be had: tmux itself has answered."""
        try:
            return self.capture(panes)
        except TerminalError as error:
            if not isinstance(error.__cause__, NoProcess):
                raise
            self._note(error)
            return None

    def capture(self, panes: list[str]) -> dict[str, bytes]:
        """Capture the panes in one batch. Sections are told apart by a mark, new each time: no pane can know it."""
        if not panes:
            return {}
        mark = secrets.token_hex(16)
        printed = self.client.batch("".join(_sections(map(id_of, panes), mark)), CAPTURE_TIMEOUT)
        return {pane_of(self.number, id): screen for id, screen in _screens(printed, mark.encode()).items()}

    def _drop_vanished(self, living: set[str]) -> None:
        for table in (self._captured, self._known, self._lines):
            for gone in table.keys() - living:
                del table[gone]


def _sections(panes: Iterable[str], mark: str) -> list[str]:
    """Return the commands; a pane is named without its "%": display-message reads "%3" as a date, and pads it."""
    lines = []
    for number, pane in enumerate(panes, 1):
        lines.append(f"display-message -p '{mark} {pane.removeprefix('%')}'\ncapture-pane -p -e -J -t {pane}\n")
        if number % PAUSE_EVERY == 0:
            lines.append("run-shell -d 0.001\n")
    lines.append(f"display-message -p '{mark} end'\n")
    return lines


def _screens(printed: bytes, mark: bytes) -> dict[str, bytes]:
    """Return pane id → screen; a pane that vanished meanwhile has no section or an empty one and is left out."""
    screens: dict[str, bytes] = {}
    for section in printed.split(mark + b" ")[1:]:
        head, _, body = section.partition(b"\n")
        if head.isdigit() and body:  # -J joins the rows that the terminal wrapped, and keeps blanks at their end
            screens[f"%{head.decode()}"] = b"\n".join(line.rstrip(b" ") for line in body.split(b"\n"))
    return screens
