"""Commands of rules: a few at a time, each with a time limit, so that none delays a worker or another rule."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from actors.values.effects import RunCommand
from supervisor.children.limited import Children
from supervisor.kernel.crew import Crew

AT_ONCE = 4
MOST = 64  # that run or wait, of all workers
MOST_OF_ONE = 8  # of one worker
Told = Callable[[str | None], None]


class Commands:
    """A bounded crew; its threads begin with the first command."""

    def __init__(self, nofile: int) -> None:
        self._children = Children(nofile)
        self._crew: Crew | None = None
        self._gate = threading.Lock()
        self._waiting: Counter[str] = Counter()
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
        self._children.close()

    def _turn(self, order: RunCommand, told: Told) -> None:
        try:
            told(self._problem(order))
        finally:
            with self._gate:
                self._waiting -= Counter([order.name])

    def _problem(self, order: RunCommand) -> str | None:
        return self._children.run(
            order.argv,
            cwd=order.cwd,
            timeout=order.timeout,
            more=told_by(order),
            given=json.dumps(order.facts).encode() + b"\n",
        ).problem


def told_by(order: RunCommand) -> dict[str, str]:
    """Return the facts as variables: PANEVISOR_RULE, PANEVISOR_TEXT, PANEVISOR_GROUP_name …

    The worker's own variables and its mark are not among them: the command belongs to no worker.
    """
    facts: dict[str, Any] = {key: value for key, value in order.facts.items() if value is not None and key != "groups"}
    facts["name"] = facts.pop("worker")
    facts |= {f"group_{key}": value for key, value in order.facts["groups"].items()}
    return {f"PANEVISOR_{key.upper()}": str(value).replace("\0", "") for key, value in facts.items()}
