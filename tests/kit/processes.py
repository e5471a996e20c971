"""Processes that stand for those of panes, and a process port that is told of them."""

import ctypes
import os
import queue
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from actors.values.effects import EndTree, Watch
from actors.values.facts import Fact, Handle, TreeEscaped, TreeGone
from kit.support import DEADLINE, wait_until
from supervisor.kernel.proc_table import handle_of, lives, read_table
from supervisor.kernel.trees import ProcessPort

PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def as_subreaper() -> Iterator[None]:
    """The test is what the tmux server is: every orphan comes back to it, and can be reaped."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


class Family:
    """Children of the test, each the leader of its session and the bearer of a mark, as a pane's process is."""

    def __init__(self) -> None:
        self.digest = secrets.token_hex(4)  # tests that run beside this one have marks of their own
        self.started: list[subprocess.Popen[str]] = []
        self.strangers: list[Handle] = []

    def marked(self, life: str) -> dict[str, str]:
        """Return our environment with the mark of a life."""
        return {**os.environ, "PANEVISOR_WORKER": f"{self.digest}/api/{life}"}

    def start(self, *argv: str, life: str = "l1", env: Mapping[str, str] | None = None) -> Handle:
        """Return the first process of a life; it is there when it has said its first line, see `said`."""
        env = self.marked(life) if env is None else env
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        self.started.append(process)
        handle = handle_of(process.pid)
        assert handle is not None
        return handle

    def shell(self, script: str, *arguments: str, life: str = "l1") -> Handle:
        return self.start("sh", "-c", script, "sh", *arguments, life=life)

    def there(self, script: str = "read _", life: str = "l1") -> Handle:
        """Return a shell that has come to its exec, and so to its mark."""
        handle = self.shell(f"echo there; {script}", life=life)
        assert self.said() == "there"
        return handle

    def said(self, which: int = -1) -> str:
        """Return the next line of a first process, else of the newest one."""
        out = self.started[which].stdout
        assert out is not None
        return out.readline().strip()

    def tell(self, line: str) -> None:
        """Write a line to the newest one."""
        to = self.started[-1].stdin
        assert to is not None
        to.write(f"{line}\n")
        to.flush()

    def kill(self, process: Handle) -> None:
        """Kill a first process, and reap it."""
        (child,) = [child for child in self.started if child.pid == process.pid]
        child.kill()
        child.wait()

    def stranger(self, pid: str) -> Handle:
        """Return a process that nothing marks, and remember to end it."""
        handle = handle_of(int(pid))
        assert handle is not None
        self.strangers.append(handle)
        return handle

    def living(self) -> set[int]:
        """Return the pids of all that was started here and lives."""
        table = read_table(with_marks=True)
        marked = {entry.pid for entry in table.values() if (entry.mark or "").startswith(self.digest)}
        sessions = {pid for process in self.started for pid in table.sessions.get(process.pid, ())}
        strangers = {handle.pid for handle in self.strangers if lives(handle)}
        return {pid for pid in marked | sessions | strangers if not table[pid].zombie}

    def close(self) -> set[int]:
        """Return what was left behind, which is ended."""
        left = self.living()
        while pids := self.living():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.communicate()
        for entry in read_table(with_marks=False).values():
            if entry.ppid == os.getpid() and entry.zombie:
                with suppress(ChildProcessError):
                    os.waitpid(entry.pid, 0)
        return left


class House(Family):
    """Starts what panes would, and hears what the port tells."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.foreign: dict[str, set[Handle]] = {}
        self.port = ProcessPort(
            self.digest,
            foreign_roots=lambda life: self.foreign.get(life, set()),
            own=lambda: set(),
            on_error=self.errors.put,
        )

    def watch(self, life: str, first: Handle) -> None:
        """Return when the port watches it."""
        self.port.watch(Watch(life, first), self.facts.put)
        self.settle()

    def end(
        self,
        first: Handle | None,
        signal: str = "KILL",
        *,
        life: str = "l1",
        last: tuple[Handle, ...] = (),
        name: str = "api",
        whole: bool = False,
    ) -> None:
        self.port.end(name, EndTree(life, first, last, signal, whole, server=0), self.facts.put)

    def next(self) -> Fact:
        return self.facts.get(timeout=DEADLINE)

    def until_gone(self, life: str = "l1") -> list[Fact]:
        """Return all facts up to the TreeGone of the life."""
        facts = [self.next()]
        while facts[-1] != TreeGone(life):
            facts.append(self.next())
        return facts

    def escaped(self) -> list[int]:
        """Return who was found to have left the tree, when it is gone."""
        return [pid for fact in self.until_gone() if isinstance(fact, TreeEscaped) for pid in fact.pids]

    def settle(self) -> None:
        """Return when the orders given so far have been carried out."""
        done = threading.Event()
        self.port.watch(Watch("nobody", Handle(2**22 + 1, 1)), lambda fact: done.set())
        assert done.wait(DEADLINE)

    def idle(self) -> bool:
        """Whether all tables are empty once the orders given so far have been carried out."""
        self.settle()
        return not any(self.port.tables().values())

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is ordered inside is carried out at its end, in one turn."""
        holds, release = threading.Event(), threading.Event()

        def hold_the_thread(_: Fact) -> None:
            holds.set()
            assert release.wait(DEADLINE)

        self.port.watch(Watch("nobody", Handle(2**22 + 1, 1)), hold_the_thread)
        assert holds.wait(DEADLINE)
        try:
            yield
        finally:
            release.set()

    @contextmanager
    def kept(self, *survivors: Handle) -> Iterator[None]:
        """Who is in the way of nobody is ended here, once it has been shown to live."""
        yield
        for process in survivors:
            assert lives(process)
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(lives, survivors)))

    def close(self) -> set[int]:
        self.port.close()
        return super().close()
