"""A death record: how one life ended, what was known about it, and what policy decided; and its JSON."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One judged exit. Times are Unix times; an unknown value is None.

    The verdict is `state` (the state after the exit), `delay_s` (seconds until the next start) and `attempt` (number of
    the restart). `rss_bytes` and `cpu_percent` are of the last sweep. `lines`: the last lines that the life logged.
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
