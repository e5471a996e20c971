"""The pool that asks workers whether they are well: one event loop in a thread of its own, for all probes.

    Probe ──▶ a task ──▶ a place among ATTEMPTS ──▶ one try of its kind ──▶ ProbeSucceeded | ProbeFailed | ProbeUnknown
                 ▲──────────── pause ◀────────────────────┘

It only tries and tells; `actors/life/tally.py` decides what the tries mean. A try that hangs costs its own place for
`attempt_timeout`, and nothing else. A try that could not be made, or was late because this process was stopped, counts
neither way. What may block forever (names, files, the start of a command) is done in a bounded number of threads that
nobody waits for.
"""

import asyncio
import contextlib
import os
import resource
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from actors.events.words import exact
from actors.ports import Tell
from actors.values.effects import Probe
from actors.values.facts import ProbeFailed, ProbeSucceeded, ProbeUnknown, Purpose
from actors.vital import VitalThread
from supervisor.kernel.limits import OUT_OF_DESCRIPTORS
from supervisor.kernel.shortage import NoProcess, NoThread
from supervisor.probes.kinds import Attempt, Dependencies, Glance, Glances, NotKnown, OnScreen, Processes, attempt_of
from supervisor.probes.threads import ThreadsAside

ATTEMPTS = 64  # tries under way at one time
LOOKUPS = 8  # names that are looked up at one time
GRACE_STEP = 1.0  # seconds of a grace after which tmux is asked whether it still answers
LATE = 0.5  # seconds past its time after which a failed try says more about this process than about the worker
FIRST_PAUSE, GROWTH = 0.1, 1.5  # seconds between two tries while a life starts, until `interval` is reached

Problem = Callable[[BaseException], None]


class ProbePool:
    """Implements `actors.ports.Prober`. `tell` is called from the pool's thread; what it raises goes to `on_error`.

    `logs` is where the workers' logs are, `marker` what marks our processes, `nofile` how many files a command may
    open (None: as many as we), `glance` reads panes between two beats.
    """

    def __init__(
        self,
        on_error: Problem = traceback.print_exception,
        *,
        logs: Path = Path("logs"),
        marker: str = "",
        nofile: int | None = None,
        glance: Glance | None = None,
    ) -> None:
        self._on_error = on_error
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._screens: dict[str, OnScreen] = {}
        self._counted: dict[str, float] = {}  # when the last try of a life that counts has ended, or its first began
        self._places = asyncio.Semaphore(ATTEMPTS)
        self._loop = asyncio.new_event_loop()
        self._processes = Processes(self._loop)
        self._deps = Dependencies(
            loop=self._loop,
            names=ThreadsAside(self._loop, LOOKUPS, "probe-name"),
            files=ThreadsAside(self._loop, ATTEMPTS, "probe-file"),
            processes=self._processes,
            logs=logs,
            marker=marker,
            nofile=nofile or resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            screens=Glances(self._loop, glance) if glance else None,
        )
        self._closed = False
        self._gate = threading.Lock()
        self._thread = VitalThread("probes", self._run)
        self._thread.start()

    def probe(self, probe: Probe, tell: Tell) -> None:
        """Try again and again, and tell of each try; a later probe of the life replaces it."""
        self._order(lambda: self._begin(probe, tell))

    def show(self, life: str, screen: bytes) -> None:
        """Note what the life's pane shows now."""
        self._order(lambda: self._show(life, screen))

    def forget(self, life: str) -> None:
        """Give up the probe of this life; nothing is told of it any more, but for what is being told right now."""
        self._order(lambda: self._give_up(life))

    def tables(self) -> dict[str, int]:
        """Return how many probes are under way, and how many processes of theirs are left."""
        return {"probes": len(self._tasks), "screens": len(self._screens), "processes": len(self._processes)}

    def close(self) -> None:
        """Give up all probes and end the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _order(self, order: Callable[[], None]) -> None:
        with self._gate:
            if not self._closed:
                self._loop.call_soon_threadsafe(order)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks.values():
            task.cancel()
        self._screens.clear()
        self._loop.run_until_complete(asyncio.gather(*self._tasks.values(), return_exceptions=True))
        self._loop.run_until_complete(self._processes.gone())
        self._loop.close()

    def _begin(self, probe: Probe, tell: Tell) -> None:
        counted = self._counted.get(probe.life, self._loop.time())
        self._give_up(probe.life)
        self._counted[probe.life] = counted
        attempt = attempt_of(probe, self._deps)
        if attempt is None:
            return
        if isinstance(attempt, OnScreen):
            self._screens[probe.life] = attempt
        task = self._loop.create_task(self._ask(probe, attempt, tell))
        self._tasks[probe.life] = task
        task.add_done_callback(lambda done: self._done(probe.life, done))

    def _show(self, life: str, screen: bytes) -> None:
        if attempt := self._screens.get(life):
            attempt.show(screen)

    def _give_up(self, life: str) -> None:
        self._screens.pop(life, None)
        self._counted.pop(life, None)
        task = self._tasks.pop(life, None)
        if task is not None:
            task.cancel()

    def _done(self, life: str, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(life) is task:
            self._give_up(life)
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            self._on_error(problem)

    async def _ask(self, probe: Probe, attempt: Attempt, tell: Tell) -> None:
        if probe.purpose is Purpose.LIVE:
            await attempt.begin_now()
            await self._grace(attempt, probe.spec.live.grace)
        known = True
        for pause in _pauses(probe):
            fact = await self._fact(probe, attempt)
            first, known = not known, not isinstance(fact, ProbeUnknown)
            if first and isinstance(fact, ProbeFailed):  # after an outage: what was printed in it may be on its way
                fact = self._unknown(probe)
            if not isinstance(fact, ProbeUnknown):
                self._counted[probe.life] = self._loop.time()
            try:
                tell(fact)
            except BaseException as problem:  # a dead actor's tell, or a SystemExit in it, is not the loop's end
                self._on_error(problem)
                return
            await asyncio.sleep(pause)

    async def _grace(self, attempt: Attempt, seconds: float) -> None:
        """Wait; as long as tmux does not answer, time does not pass for what is seen through it."""
        while seconds > 0:
            began = self._loop.time()
            await asyncio.sleep(min(seconds, GRACE_STEP) if attempt.through_tmux else seconds)
            with contextlib.suppress(NotKnown):
                await attempt.settle()
                seconds -= self._loop.time() - began

    async def _fact(self, probe: Probe, attempt: Attempt) -> ProbeSucceeded | ProbeFailed | ProbeUnknown:
        seconds = probe.check.attempt_timeout
        try:
            await attempt.settle()
            fault = await self._within(seconds, attempt.prepare())  # without a place: a hung resolver holds back names
            if fault is None:
                async with self._places:
                    fault = await self._within(seconds, attempt.fault())
        except NotKnown:
            return self._unknown(probe)
        if fault is None:
            return ProbeSucceeded(probe.life, probe.purpose)
        return ProbeFailed(probe.life, fault, probe.purpose)

    async def _within(self, seconds: float, what: Awaitable[str | None]) -> str | None:
        """Return what is wrong, None if nothing is; raises NotKnown where it took longer because we were stopped."""
        began = self._loop.time()
        try:
            async with asyncio.timeout(seconds):
                fault = await what
        except TimeoutError:
            fault = f"no answer within {exact(seconds)}"
        except (NoThread, NoProcess) as lack:
            self._on_error(lack)  # ours, and not the worker's: no try at all
            return None
        except OSError as problem:
            if problem.errno in OUT_OF_DESCRIPTORS:
                self._on_error(problem)
                return None
            by_kernel = isinstance(problem, ConnectionError) and problem.errno  # asyncio says the address, too
            fault = (os.strerror(by_kernel) if by_kernel else problem.strerror or type(problem).__name__).lower()
        if fault is not None and self._loop.time() - began > seconds + LATE:
            raise NotKnown
        return fault

    def _unknown(self, probe: Probe) -> ProbeUnknown:
        return ProbeUnknown(probe.life, self._counted[probe.life], probe.purpose)


def _pauses(probe: Probe) -> Iterator[float]:
    """Yield the seconds between tries, forever: short ones at first while a life starts."""
    interval = probe.check.interval
    pause = min(FIRST_PAUSE, interval) if probe.purpose is Purpose.READY else interval
    while True:
        yield pause
        pause = min(GROWTH * pause, interval)
