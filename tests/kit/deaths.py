"""Death records in a test."""

from dataclasses import replace

from actors.values.records import Death
from kit.life import WALL

DEATH = Death(
    worker="api",
    life="s-1",
    started_at=WALL,
    ended_at=WALL + 3.0,
    uptime_s=3.0,
    exit_code=3,
    exit_signal=None,
    cause="exit",
    reason="exited with code 3",
    state="backoff",
    delay_s=1.0,
    attempt=1,
    rss_bytes=2_000_000,
)


def deaths(count: int, worker: str = "api") -> list[Death]:
    return [replace(DEATH, worker=worker, life=f"s-{n}") for n in range(count)]
