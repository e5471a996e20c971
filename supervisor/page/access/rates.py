"""How often somebody may do something: buckets that fill by themselves. Pure but for the clock that is passed in."""

from dataclasses import dataclass, field

_MOST = 1_000  # keys that are remembered; the fullest bucket is as good as none


@dataclass(slots=True)
class Rate:
    """`burst` at once, and `per_second` on and on, for each key."""

    per_second: float
    burst: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)  # by key: what was left, and when

    def wait(self, key: str, now: float) -> float:
        """Take one, and return 0; else return after how many seconds there will be one."""
        left = self.left(key, now)
        if left < 1.0:
            return (1.0 - left) / self.per_second
        if len(self._left) >= _MOST:
            self._left = {k: v for k, v in self._left.items() if self.left(k, now) < self.burst}
        self._left[key] = left - 1.0, now
        return 0.0

    def left(self, key: str, now: float) -> float:
        """Return how many are left."""
        left, at = self._left.get(key, (self.burst, now))
        return min(self.burst, left + (now - at) * self.per_second)
