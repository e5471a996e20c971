"""When a restart policy gives up, reckoned with the judge of the lifecycle itself: pure, without jitter.

spec, seconds that each life lasts ──gives_up──▶ GivesUp(restarts, after) | None: never
spec ──never_gives_up──▶ a warning, where a policy has no end that its writer seems to count on
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import count, islice

from actors.events.words import exact
from actors.frozen import frozen
from actors.life.budget import Budget, Retry, full_pause, judge
from actors.values.facts import Exit, Instant
from actors.values.spec import Restart, Window, WorkerSpec
from supervisor.explain.policy import hourly, is_ever_restarted

LIVES = (0.0, 1.0, 5.0, 30.0)  # seconds that a worker lives each time, in the line of `check`
_DEFEATED = 0.25  # of the window: pauses that take up more of it are what keeps the limit from being reached
_SUMMED = 1000  # pauses that are added up one by one; later ones count as the last of these
_CRASH = Exit(1, None, 0.0)


@frozen
class GivesUp:
    """The budget is spent after `restarts` restarts, `after` seconds from the first start."""

    restarts: int
    after: float


def line(spec: WorkerSpec) -> str | None:
    """Return when it gives up, for each of LIVES as the length of every life; None for a worker never restarted."""
    if not is_ever_restarted(spec):
        return None
    verb = "gives up" if spec.retry is None else f"slows down to {exact(spec.retry)}"
    told = [f"{exact(life)}: {_in_words(gives_up(spec, life))}" for life in LIVES]
    return f"{verb} on lives of {', '.join(told)}"


def _in_words(found: GivesUp | None) -> str:
    return "never" if found is None else f"after {exact(found.after)}"


def gives_up(spec: WorkerSpec, life: float) -> GivesUp | None:
    """Return when the budget of a worker that crashes after `life` seconds each time is spent; None: never."""
    # all that the arithmetic depends on, so that a thousand workers of one policy are reckoned once
    plain = WorkerSpec(
        name="",
        command="",
        cwd="",
        restart=Restart.ALWAYS,
        backoff=replace(spec.backoff, jitter=0.0),
        max_restarts=spec.max_restarts,
        max_restarts_in=spec.max_restarts_in,
        healthy_after=spec.healthy_after,
    )
    return _reckoned(plain, life)


@lru_cache(maxsize=4096)
def _reckoned(spec: WorkerSpec, life: float) -> GivesUp | None:
    counted = spec.max_restarts == 0 or (spec.max_restarts > 0 and life < spec.healthy_after)
    if (spent := _tried(spec, life)) or not counted:
        return spent
    return GivesUp(spec.max_restarts, (spec.max_restarts + 1) * life + _sum_of_pauses(spec, spec.max_restarts))


def _tried(spec: WorkerSpec, life: float) -> GivesUp | None:
    """Let it crash until the judge gives up, or until a window that was not full yet never will be.

    Pauses only grow, but for those of a list: past its end, the windows are all alike.
    """
    window, budget, now = spec.max_restarts_in, Budget(), life
    for _ in range(window.restarts + len(spec.backoff.steps) + 1 if window else 0):
        verdict = judge(spec, budget, _CRASH, life, 0.0, Instant(now, now))
        if not isinstance(verdict, Retry):
            return GivesUp(budget.restarts, now)
        budget, now = verdict.budget, now + verdict.delay + life
    return None


def _sum_of_pauses(spec: WorkerSpec, restarts: int) -> float:
    summed = sum(islice(pauses(spec), min(restarts, _SUMMED)))
    return summed + max(0, restarts - _SUMMED) * full_pause(spec.backoff, _SUMMED)


def pauses(spec: WorkerSpec) -> Iterator[float]:
    """Give the pauses one after the other, without jitter and without end."""
    return (full_pause(spec.backoff, attempt) for attempt in count())


# ── warnings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def warnings(specs: Iterable[WorkerSpec]) -> Iterator[str]:
    """Yield a line for each worker whose policy never gives up, which may not be what its writer meant."""
    for spec in specs:
        if is_ever_restarted(spec) and (said := _never_gives_up(spec)):
            yield f'worker "{spec.name}" {said}'


def _never_gives_up(spec: WorkerSpec) -> str | None:
    if spec.max_restarts >= 0:
        return None
    if spec.max_restarts_in:
        return _defeated(spec, spec.max_restarts_in)
    often = f"up to {hourly(spec)} times an hour"
    if spec.retry is None:
        return f"is never given up: max_restarts = -1, without max_restarts_in, restarts a crash loop {often} forever"
    return f"never gets to its retry: max_restarts = -1 sets no limit that could be spent (restarted {often})"


def _defeated(spec: WorkerSpec, window: Window) -> str | None:
    """Say that the pauses alone keep the window from filling, and from which length of life on they do."""
    first = list(islice(pauses(spec), window.restarts + len(spec.backoff.steps)))
    between = min(sum(first[n : n + window.restarts]) for n in range(len(spec.backoff.steps) + 1))
    life = max(0.0, (window.within - between) / window.restarts)
    if between < window.within * _DEFEATED or life >= spec.healthy_after:
        return None
    taken = f"{window.restarts} restarts take {exact(between)} of {exact(window.within)} in pauses"
    endless = f"one that lives {exact(life)} or more is never given up (up to {hourly(spec, life)} restarts an hour)"
    mend = "set max_restarts too, or a longer max_restarts_in.within"
    return f"has a back-off that defeats its limit: {taken}, so {endless}; {mend}"
