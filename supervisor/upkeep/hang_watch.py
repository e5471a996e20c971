"""Which handler hangs, and where: a thread looks once a second at the handlers that are at work.

at_work() ──judge──▶ hung: one line with its stack │ goes on: one line
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from actors.base import Busy, at_work
from actors.ports import Journal
from actors.vital import VitalThread

HUNG_AFTER = 10.0  # seconds; the longest of a healthy handler is the Terminal's, a few deadlines of 2 s
PERIOD = 1.0

Told = frozenset[Busy]
Say = Callable[[str, str | None], None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to say now: who has begun to hang, and who has gone on; `told` is who hangs and was told of."""

    told: Told
    hung: tuple[Busy, ...]
    gone_on: tuple[Busy, ...]


def judge(told: Told, busy: Iterable[Busy], now: float) -> Judgement:
    """Decide whom to tell of, each once: a handler that has been at one message for `HUNG_AFTER` seconds hangs."""
    hanging = frozenset(handler for handler in busy if now - handler.since >= HUNG_AFTER)
    by_time = sorted(hanging - told, key=lambda handler: handler.since)
    return Judgement(hanging, tuple(by_time), tuple(told - hanging))


class HangWatch:
    """`say(what, reason)` is told what is degraded by it, and with None that it is well again."""

    def __init__(self, journal: Journal, say: Say) -> None:
        self._journal = journal
        self._say = say
        self._told: Told = frozenset()
        self._closed = threading.Event()
        VitalThread("hang-watch", self._run).start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(PERIOD):
            self.look(at_work(), time.monotonic())

    def look(self, busy: Iterable[Busy], now: float) -> None:
        """Tell of those that hang, and of those that go on."""
        judgement = judge(self._told, busy, now)
        self._told = judgement.told
        for handler in judgement.hung:
            seconds = round(now - handler.since, 1)
            stack = stack_of(handler.thread)
            self._journal.log("actor.hung", _facts(handler) | {"seconds": seconds, "stack": stack})
            self._say(_named(handler), f"hangs at {handler.handling}")
        for handler in judgement.gone_on:
            seconds = round(now - handler.since, 1)
            self._journal.log("actor.goes_on", _facts(handler) | {"seconds": seconds})
            self._say(_named(handler), None)


def stack_of(thread: int) -> str:
    """Return where a thread is now; empty when it has ended."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame else ""


def _facts(handler: Busy) -> dict[str, str | float | None]:
    return {"actor": handler.role, "worker": handler.worker, "handling": handler.handling}


def _named(handler: Busy) -> str:
    return f"actor {handler.role}" + (f" {handler.worker}" if handler.worker else "")
