"""A death record: how one life ended, what was known of it, and what policy decided. A value, and its JSON."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One judged exit. Times are Unix times; what is not known is None.

    `state`, `delay_s` and `attempt` are what was decided: where the worker went, after what pause it starts again, the
    how manieth restart that is. `rss_bytes` and `cpu_percent` are those of its last sweep. `lines`: its last words.
    """

    worker: str
    life: str
    started_at: float | None
    ended_at: float
    uptime_s: float | None
    exit_code: int | None
    exit_signal: int | None
    cause: str
    reason: str
    state: str
    delay_s: float | None = None
    attempt: int | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"lines": list(self.lines)}
