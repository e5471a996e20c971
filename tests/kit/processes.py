"""Processes that stand for those of panes, and a process port that is told of them."""

import os
import queue
import secrets
import signal
import subprocess
import threading
from contextlib import suppress

from actors.values.effects import EndTree, Watch
from actors.values.facts import Fact, Handle, TreeGone
from kit.support import DEADLINE
from supervisor.kernel.proc_table import handle_of, lives, read_table
from supervisor.kernel.trees import ProcessPort


class House:
    """Starts what panes would, and hears what the port tells."""

    def __init__(self) -> None:
        self.digest = secrets.token_hex(4)
        self.facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.foreign: dict[str, set[Handle]] = {}
        self.started: list[subprocess.Popen[str]] = []
        self.strangers: list[Handle] = []
        self.port = ProcessPort(
            self.digest,
            foreign_roots=lambda life: self.foreign.get(life, set()),
            own=lambda: set(),
            on_error=self.errors.put,
        )

    def start(self, *argv: str, life: str = "l1") -> Handle:
        """Return the first process of a life; it is there when it has said its first line, see `said`."""
        env = {**os.environ, "PANEVISOR_WORKER": f"{self.digest}/api/{life}"}
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        self.started.append(process)
        handle = handle_of(process.pid)
        assert handle is not None
        return handle

    def shell(self, script: str, *arguments: str, life: str = "l1") -> Handle:
        return self.start("sh", "-c", script, "sh", *arguments, life=life)

    def said(self, which: int = -1) -> str:
        """Return the next line of a first process, else of the newest one."""
        out = self.started[which].stdout
        assert out is not None
        return out.readline().strip()

    def stranger(self, pid: str) -> Handle:
        """Return a process that nothing marks, and remember to end it."""
        handle = handle_of(int(pid))
        assert handle is not None
        self.strangers.append(handle)
        return handle

    def end(self, first: Handle | None, signal: str = "KILL", life: str = "l1", last: tuple[Handle, ...] = ()) -> None:
        self.port.end("api", EndTree(life, first, last, signal), self.facts.put)

    def next(self) -> Fact:
        return self.facts.get(timeout=DEADLINE)

    def until_gone(self, life: str = "l1") -> list[Fact]:
        """Return all facts up to the TreeGone of the life."""
        facts = [self.next()]
        while facts[-1] != TreeGone(life):
            facts.append(self.next())
        return facts

    def settle(self) -> None:
        """Return when the orders given so far have been carried out."""
        done = threading.Event()
        self.port.watch(Watch("nobody", Handle(2**22 + 1, 1)), lambda fact: done.set())
        assert done.wait(DEADLINE)

    def idle(self) -> bool:
        """Whether all tables are empty once the orders given so far have been carried out."""
        self.settle()
        return not any(self.port.tables().values())

    def living(self) -> set[int]:
        """Return the pids of all that was started here and lives."""
        table = read_table(with_marks=True)
        marked = {entry.pid for entry in table.values() if (entry.mark or "").startswith(self.digest)}
        sessions = {pid for process in self.started for pid in table.sessions.get(process.pid, ())}
        strangers = {handle.pid for handle in self.strangers if lives(handle)}
        return {pid for pid in marked | sessions | strangers if not table[pid].zombie}

    def close(self) -> set[int]:
        """Return what was left behind, which is ended."""
        self.port.close()
        left = self.living()
        while pids := self.living():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.communicate()
        _reap_orphans()
        return left


def _reap_orphans() -> None:
    for entry in read_table(with_marks=False).values():
        if entry.ppid == os.getpid() and entry.zombie:
            with suppress(ChildProcessError):
                os.waitpid(entry.pid, 0)
