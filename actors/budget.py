"""How often a worker may come back, and after what pause: pure decisions over one small counter.

    crash ──▶ judge(spec, budget, exit, uptime, dice) ──▶ Complete | Fail(reason) | Retry(delay, budget)

The counter lives in one Worker, begins at zero with it, and is forgiven by one healthy life.
"""

from dataclasses import dataclass, replace

from actors.messages import Exit, Instant
from actors.spec import Backoff, Restart, WorkerSpec


@dataclass(frozen=True, slots=True)
class Budget:
    """`attempt` counts restarts since the last healthy spell, `restarts` all of this Worker's."""

    attempt: int = 0
    restarts: int = 0
    last_attempt: Instant | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """It ended well and is done."""


@dataclass(frozen=True, slots=True)
class Fail:
    """It is not started again by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It is started again after `delay` seconds, with `budget` already charged."""

    delay: float
    budget: Budget


Verdict = Complete | Fail | Retry


def judge(spec: WorkerSpec, budget: Budget, exit: Exit | None, uptime: float, dice: float, now: Instant) -> Verdict:
    """Decide about an ended life. `exit` None: it was ended because it did not get ready, which is a failure.

    `uptime` in seconds, `dice` in [0, 1) decides the jitter.
    """
    ended_well = exit is not None and exit.signal is None and exit.code in spec.ok_exit_codes
    if ended_well and spec.restart is not Restart.ALWAYS:
        return Complete()
    if spec.restart is Restart.NEVER:
        return Fail('restart = "never"')
    budget = budget if exit is None else forgiven(budget, uptime, spec.healthy_after)
    if 0 <= spec.max_restarts <= budget.attempt:
        return Fail(f"{budget.attempt} restarts without a healthy spell of {spec.healthy_after:g} s: budget spent")
    delay = pause(spec.backoff, budget.attempt, dice)
    return Retry(delay, Budget(budget.attempt + 1, budget.restarts + 1, now))


def forgiven(budget: Budget, uptime: float, healthy_after: float) -> Budget:
    """Return the budget after a life of `uptime` seconds: a healthy one forgives what was before."""
    return replace(budget, attempt=0) if uptime >= healthy_after else budget


def pause(backoff: Backoff, attempt: int, dice: float) -> float:
    """Return the seconds before restart number `attempt` (0 is the first), spread by ± jitter."""
    try:
        full = min(backoff.initial * backoff.factor**attempt, backoff.max) if backoff.initial else 0.0
    except OverflowError:
        full = backoff.max
    return full * (1 + backoff.jitter * (2 * dice - 1))
