"""One call of a tool: which workers it may mean, and the command that does it, in a child of its own.

    Access ──▶ Call ──picture──▶ service            ──names──▶ only workers of the project
                  └──command──▶ python -m supervisor VERB …  ◀──cancel── kills it

The server has no logic of its own: a tool is a command line of panevisor. What that command imports is gone with it, so
the server itself stays small.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actors.frozen import frozen
from supervisor.text.words import shown
from supervisor.wire.client import BY, Client
from supervisor.wire.errors import CommandError, UnknownWorker
from supervisor.wire.selection import Worker, families, match

MOST_OUTPUT = 1 << 20  # bytes of a command's output that are read
LAST_WORD = 30.0  # seconds after a command's own deadline, when it is killed


@frozen(kw_only=True)
class Access:
    """What one agent may reach. `words`: what stands before the verb; `project`: only workers of this one.

    `operate`: whether it may type and give orders, too. `by`: who gives them, for the log.
    """

    socket: Path
    words: tuple[str, ...]
    operate: bool = False
    project: str | None = None
    by: str = "mcp"


def words_for(state_dir: Path, socket: Path) -> tuple[str, ...]:
    """Return the words before a verb that mean this service, whatever file it runs."""
    return ("--state-dir", str(state_dir), "--socket", str(socket))


@frozen
class Answer:
    """What a tool says. `failed`: the agent is told that it did not succeed. `own`: all of it are words of ours."""

    text: str
    failed: bool = False
    own: bool = False


class Call:
    """A call that is under way. Thread-safe: `cancel` comes from another thread."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """End the command, now and if it is yet to begin."""
        with self._lock:
            self.cancelled = True
            if self._child is not None:
                self._child.kill()

    def picture(self) -> dict[str, Any]:
        """Return the status JSON with the workers that may be seen; raises CommandError."""
        with Client.connect(self.access.socket) as client:
            if self.access.project is None:
                whole: dict[str, Any] = client.call("status")
                return whole
            part: dict[str, Any] = client.call("status", project=self.access.project)
            return part

    def names(self, patterns: Iterable[str]) -> list[str]:
        """Return the names of the workers that are meant: names, families or globs; raises CommandError."""
        return self.chosen(self.picture()["workers"], tuple(patterns))

    def chosen(self, workers: list[Worker], patterns: tuple[str, ...]) -> list[str]:
        """Return the names among these workers; raises CommandError.

        Whether another project has such a worker is not told. No name that is like it is looked for: what does that
        takes 3 MB, and the agent has `list`.
        """
        known, replicas = [worker["name"] for worker in workers], families(workers)
        found = set[str]()
        for pattern in patterns:
            meant = match([pattern], known, replicas, strict=False)
            if not meant:
                project = self.access.project
                limit = "" if project is None else f"this server is limited to project {shown(project)}: "
                raise UnknownWorker(pattern, f"{limit}no worker is called {shown(pattern)}; `list` names them")
            found.update(meant)
        return [name for name in known if name in found]

    def command(self, verb: str, *options: str, names: Iterable[str] = (), text: str = "", wait: float = 0.0) -> Answer:
        """Run `panevisor VERB OPTIONS -- NAMES`, with `text` on its stdin; it is killed `LAST_WORD` after `wait`."""
        named = ["--", *names] if names else []
        argv = [sys.executable, "-P", "-m", "supervisor", *self.access.words, verb, *options, *named]
        with _file_of(text) as given:
            child = self._begin(argv, given.fileno())
        ended = threading.Timer(wait + LAST_WORD, child.kill)
        ended.daemon = True
        ended.start()
        try:
            assert child.stdout is not None
            with child.stdout as output:
                said = output.read(MOST_OUTPUT)
            child.kill() if len(said) == MOST_OUTPUT else None
            code = child.wait()
        finally:
            ended.cancel()
            child.kill()
            child.wait()
        if self.cancelled:
            raise CommandError("failed", "cancelled")
        if code < 0 and len(said) < MOST_OUTPUT:
            raise CommandError("timeout", f"panevisor {verb} did not end in time")
        return Answer(said.decode(errors="replace"), failed=code > 0)

    def _begin(self, argv: list[str], given: int) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb", BY: self.access.by}
        with self._lock:
            if self.cancelled:
                raise CommandError("failed", "cancelled")
            self._child = subprocess.Popen(
                argv, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
            )
            return self._child


def _file_of(text: str) -> Any:
    """Return an open file in memory that has the text: a pipe of a large one could block us."""
    file = os.fdopen(os.memfd_create("panevisor-mcp"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file
