"""The outcome of a life: where the verdict sends the worker, how long the life was well, its death record."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actors.events.words import exit_in_words
from actors.life import stall
from actors.life.budget import SHELL_SIGNAL, Budget, Complete, Fail, Retry, Verdict, forgiven
from actors.life.state import Life, State, Step, Worker, move
from actors.values.effects import KeepDeath
from actors.values.facts import Exit, Instant, Member
from actors.values.records import Death
from actors.values.spec import WorkerSpec

LATE = 2.0  # seconds

S = State


def apply_verdict(w: Worker, verdict: Verdict, now: Instant, event: str, cause: str, what: str, **facts: Any) -> Step:
    """Move the worker where the verdict sends it. `what` says what happened; `facts` go into the line `event`.

    The line's `reason` is `what`, then the policy's own words, which the line also has as `verdict`.
    """
    match verdict:
        case Complete():
            w, effects = move(w, S.COMPLETED, now, event, cause, reason=what, **facts)
            return arm_cleanup(w, now), effects
        case Fail(reason):
            return move(w, S.FAILED, now, event, cause, reason=f"{what}; {reason}", verdict=reason, **facts)
        case Retry(delay, budget, note):
            w = replace(w, budget=budget, next_start=Instant(now.mono + delay, now.wall + delay))
            facts |= {"delay_s": round(delay, 3), "attempt": budget.attempt}
            facts |= {"reason": f"{what}; {note}", "verdict": note} if note else {"reason": what}
            return move(w, S.BACKOFF, now, event, cause, **facts)


def arm_cleanup(w: Worker, now: Instant) -> Worker:
    """Return the worker with the time at which its pane is closed."""
    after = w.spec.cleanup_after
    return w if after is None or w.pane is None else replace(w, cleanup_at=now.mono + after)


def dice(w: Worker) -> float:
    """Return a number in [0, 1) for the jitter, the same one for the same life."""
    return random.Random(f"{w.seed}/{w.lives}").random()


def lived(life: Life, exit: Exit, now: Instant) -> float:
    """Return the seconds that the life lived.

    The kernel tells the end at once, even while tmux does not answer. tmux knows the time of the end even when this
    service did not run. tmux has whole seconds of a wall clock, so its time is used only when it is earlier by more
    than `LATE`, and within the life.
    """
    end = life.ended or now
    seen = max(0.0, end.mono - life.since.mono)
    late = end.wall - exit.at if exit.at else 0.0
    return seen - late if LATE < late <= seen else seen


def dated(exit: Exit, life: Life) -> Exit:
    """Return the exit with the kernel's time when tmux reaped the process much later."""
    late = life.ended is not None and exit.at > life.ended.wall + LATE
    return replace(exit, at=life.ended.wall) if late and life.ended else exit


def well_for(w: Worker, life: Life, uptime: float, now: Instant) -> float:
    """Return the seconds for which a life of `uptime` seconds was well; it has ended."""
    return min(uptime, max(0.0, stall.well_until(life.stall, w.spec.stall, now.mono) - life.since.mono))


def budget_after(w: Worker, life: Life, now: Instant) -> Budget:
    """Return the budget, forgiven if the life was healthy long enough; a silent life counts to its last sign."""
    healthy = stall.healthy_until(life.stall, w.spec.stall, now.mono) - life.since.mono
    return forgiven(w.budget, healthy, w.spec.healthy_after)


def forgive(w: Worker, now: Instant) -> Step:
    """Forgive earlier crashes when the present life is healthy."""
    if w.state is not S.RUNNING or w.life is None or not w.budget.attempt:
        return w, ()
    return replace(w, budget=budget_after(w, w.life, now)), ()


def dead(
    w: Worker,
    life: str,
    exit: Exit,
    now: Instant,
    *,
    started_at: float | None,
    uptime_s: float | None,
    cause: str,
    ended_at: float | None = None,
) -> tuple[Worker, KeepDeath]:
    """Count a judged exit, and keep a record of it; `w` is the worker after the verdict."""
    again = w.next_start if w.state is S.BACKOFF else None
    exits = dict(w.exits)
    exits[cause] = exits.get(cause, 0) + 1
    return replace(w, exits=tuple(exits.items())), KeepDeath(
        Death(
            worker=w.name,
            life=life,
            started_at=started_at,
            ended_at=ended_at or exit.at or now.wall,
            uptime_s=uptime_s,
            exit_code=exit.code,
            exit_signal=exit.signal,
            cause=cause,
            reason=w.reason or said(exit),
            state=w.state.value,
            delay_s=None if again is None else round(max(0.0, again.mono - now.mono), 3),
            attempt=w.budget.attempt if again else None,
            rss_bytes=w.rss_bytes,
            cpu_percent=w.cpu_percent,
        )
    )


def true_exit(spec: WorkerSpec, exit: Exit) -> Exit:
    """Return the exit of the program: a shell that was given a text exits with 128 + n after signal n."""
    number = (exit.code or 0) - SHELL_SIGNAL
    return Exit(None, number, exit.at) if spec.ends_as_a_shell and number in _SIGNALS else exit


_SIGNALS = range(1, 65)


def named(left: Sequence[Member]) -> list[str]:
    """Return the processes for the log, each by name and pid."""
    return [f"{each.name} (pid {each.process.pid})" for each in left]


def said(exit: Exit) -> str:
    """Return an exit in words."""
    return exit_in_words(exit.code, exit.signal)


def exit_facts(exit: Exit, uptime: float | None) -> dict[str, Any]:
    """Return the facts of an exit for the log; `uptime` in seconds."""
    return {
        "exit_code": exit.code,
        "exit_signal": exit.signal,
        "uptime_s": None if uptime is None else round(uptime, 3),
    }
