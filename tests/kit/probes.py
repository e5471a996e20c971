"""A pool of probes, and what it told; tries come in quick succession."""

import os
import queue
from pathlib import Path
from typing import Any

from actors.values.effects import Probe
from actors.values.facts import Fact, ProbeFailed, ProbeSucceeded, Purpose
from actors.values.spec import Live, Ready, WorkerSpec
from kit.support import DEADLINE
from supervisor.probes.pool import ProbePool

MARKER = f"m{os.getpid()}"
EMPTY = {"probes": 0, "screens": 0, "processes": 0}
QUICK: dict[str, Any] = {"interval": 0.05, "attempt_timeout": DEADLINE}


class Asked:
    """What a Worker asks, for lives of one worker in `place`."""

    def __init__(self, place: Path, glance: Any = None, **more: Any) -> None:
        self.place = place
        self.facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.pool = ProbePool(self.errors.put, logs=place, marker=MARKER, glance=glance, **more)

    def ready(self, life: str = "l1", env: tuple[tuple[str, str], ...] = (), **check: Any) -> None:
        self._probe(life, Purpose.READY, env, ready=Ready(**(QUICK | check)))

    def live(self, life: str = "l1", screen_now: bytes | None = None, **check: Any) -> None:
        self._probe(life, Purpose.LIVE, (), screen_now, live=Live(**(QUICK | {"grace": 0.0} | check)))

    def _probe(self, life: str, purpose: Purpose, env: Any, screen: bytes | None = None, **checks: Any) -> None:
        spec = WorkerSpec(name="api", command="x", cwd=str(self.place), env=env, **checks)
        self.pool.probe(Probe(life, purpose, spec, "%1", screen), self.facts.put)

    def next(self) -> Fact:
        return self.facts.get(timeout=DEADLINE)

    def until(self, wanted: type[Fact] | Fact) -> Fact:
        """Return the first fact of this kind, or this very one; others may be told before."""
        while (fact := self.next()) != wanted and not (isinstance(wanted, type) and isinstance(fact, wanted)):
            pass
        return fact

    def well(self, life: str = "l1") -> None:
        """Return when the life was found well; then no more is asked, as a Worker has it."""
        self.until(ProbeSucceeded(life))
        self.pool.forget(life)

    def close(self) -> None:
        self.pool.close()
        assert not self.pool._thread.is_alive()
        assert self.pool.tables() == EMPTY
        assert self.errors.empty()


def failure(reason: str, life: str = "l1") -> ProbeFailed:
    return ProbeFailed(life, reason)
