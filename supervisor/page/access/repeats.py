"""Orders that are sent again, because their answer was lost: each key is carried out once, and answered alike."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from supervisor.page.answers.problems import Refused

KEPT = 600.0  # seconds
_MOST = 2_000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PASSING = frozenset({429, 503})  # nothing was done: the next try is one

Key = tuple[str, str]
"""Whose, and which."""


@dataclass(slots=True)
class _Once:
    what: bytes
    answer: "asyncio.Future[Response]"
    until: float


class Repeats:
    """The answers to orders that had an Idempotency-Key."""

    def __init__(self) -> None:
        self._known: dict[Key, _Once] = {}

    async def once(self, key: Key, what: bytes, run: Callable[[], Awaitable[Response]]) -> Response:
        """Return the answer to `what`, which runs only if it has not before; raises Refused for another `what`."""
        if not _KEY.fullmatch(key[1]):
            raise Refused("usage", "an Idempotency-Key has 8 to 64 letters, digits, _ and -")
        now = time.monotonic()
        known = self._known.get(key)
        if known is None or known.until <= now:
            self._forget(now)
            answer = asyncio.ensure_future(run())
            known = self._known[key] = _Once(what, answer, now + KEPT)
            answer.add_done_callback(lambda done: self._ended(key, done))
        elif known.what != what:
            raise Refused("conflict", "this Idempotency-Key was used for another request")
        return await asyncio.shield(known.answer)

    def _ended(self, key: Key, done: "asyncio.Future[Response]") -> None:
        if done.cancelled() or done.exception() or done.result().status_code in _PASSING:
            self._known.pop(key, None)

    def _forget(self, now: float) -> None:
        if len(self._known) >= _MOST:
            self._known = {key: once for key, once in self._known.items() if once.until > now}
        if len(self._known) >= _MOST:
            raise Refused("busy", "too many Idempotency-Keys at once")
