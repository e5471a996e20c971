"""Commands of rules: a few at a time, each with a time limit, so that none delays a worker or another rule."""

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from actors.events.words import exit_in_words
from actors.values.effects import RunCommand
from supervisor.kernel.crew import Crew
from supervisor.kernel.shortage import kill_group, popen
from supervisor.tmux.environment import scrubbed
from supervisor.tmux.words import LOWERED

AT_ONCE = 4
MOST = 64  # that run or wait, of all workers
MOST_OF_ONE = 8  # of one worker
Told = Callable[[str | None], None]


class Commands:
    """A bounded crew; its threads begin with the first command."""

    def __init__(self, nofile: int) -> None:
        self._nofile = nofile
        self._crew: Crew | None = None
        self._gate = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, order: RunCommand, told: Told) -> None:
        """Run it when its turn comes, and tell the problem, or None when it exited with 0. Raises nothing."""
        with self._gate:
            if self._closed:
                return
            if self._waiting.total() >= MOST or self._waiting[order.name] >= MOST_OF_ONE:
                told(f"not run: {self._waiting[order.name]} commands of its rules run or wait already")
                return
            try:
                self._crew = self._crew or Crew(AT_ONCE, "rules")
            except RuntimeError as problem:  # no thread can be had
                told(f"not run: {problem}")
                return
            self._waiting[order.name] += 1
            self._crew.submit(self._turn, order, told)

    def close(self) -> None:
        """End all, and begin none any more."""
        with self._gate:
            self._closed = True
            if self._crew:
                self._crew.shutdown()
            for process in self._running:
                kill_group(process)

    def _turn(self, order: RunCommand, told: Told) -> None:
        try:
            told(self._problem(order))
        finally:
            with self._gate:
                self._waiting -= Counter([order.name])

    def _problem(self, order: RunCommand) -> str | None:
        null = subprocess.DEVNULL
        lowered = ("/bin/sh", "-c", f'{LOWERED.format(nofile=self._nofile)}; exec "$@"', "panevisor", *order.argv)
        try:
            process = popen(
                lowered,
                cwd=order.cwd,
                env=environment_of(order),
                stdin=subprocess.PIPE,
                stdout=null,
                stderr=null,
                start_new_session=True,
            )
        except OSError as problem:
            return f"not run: {problem}"
        with self._gate:
            self._running.add(process)
            if self._closed:
                kill_group(process)
        try:
            process.communicate(json.dumps(order.facts).encode() + b"\n", timeout=order.timeout)
        except subprocess.TimeoutExpired:
            return f"killed: it ran longer than {order.timeout:g} s"
        finally:
            kill_group(process)  # its group, before it is reaped where it still runs
            process.wait()
            with self._gate:
                self._running.discard(process)
        code = process.returncode
        if code == 0:
            return None
        return exit_in_words(code, None) if code > 0 else exit_in_words(None, -code)


def environment_of(order: RunCommand) -> dict[str, str]:
    """Return the service's environment with the facts: PANEVISOR_RULE, PANEVISOR_TEXT, PANEVISOR_GROUP_name …

    The mark by which a worker's processes are known is not in it: the command belongs to no worker.
    """
    facts: dict[str, Any] = {key: value for key, value in order.facts.items() if value is not None and key != "groups"}
    facts["name"] = facts.pop("worker")
    facts |= {f"group_{key}": value for key, value in order.facts["groups"].items()}
    told = {f"PANEVISOR_{key.upper()}": str(value).replace("\0", "") for key, value in facts.items()}
    return {**scrubbed(os.environ), **told}
