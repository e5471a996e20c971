"""An error that comes again and again is one incident: its beginning is told, and at its end how often it came."""

import threading
from collections.abc import Callable

from actors.frozen import frozen

OVER_AFTER = 60.0  # seconds without it
KINDS_KEPT = 100


@frozen
class Incident:
    """What one kind of error has come to; `last` is monotonic."""

    error: str
    times: int
    last: float


class RepeatedErrors:
    """For any thread. Errors are of one kind when they look alike."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._incidents: dict[str, Incident] = {}
        self._gate = threading.Lock()

    def is_news(self, error: BaseException) -> bool:
        """Count it; True when it begins an incident."""
        kind = repr(error)
        with self._gate:
            before = self._incidents.pop(kind, None)
            self._incidents[kind] = Incident(kind, before.times + 1 if before else 1, self._clock())
            if len(self._incidents) > KINDS_KEPT:
                del self._incidents[next(iter(self._incidents))]  # the one that is longest ago
        return before is None

    def over(self) -> list[Incident]:
        """Return and forget the incidents of which nothing has been seen for `OVER_AFTER` seconds."""
        now = self._clock()
        with self._gate:
            ended = [incident for incident in self._incidents.values() if now - incident.last >= OVER_AFTER]
            for incident in ended:
                del self._incidents[incident.error]
        return ended
