"""How often a worker is restarted, and after what pause: decisions over one small counter. Pure.

    end ──▶ on_exit: the first rule that matches ──▶ Complete | Fail(reason) | again, at once or after a pause
             └─ none ──▶ ok_exit_codes, restart ──▶ Complete | Fail(reason) | again, after a pause
    again ──▶ is the budget spent? no ──▶ Retry(delay, budget)
                                  yes ──▶ `retry`: Retry in the slow lane, else Fail(reason)

There are two limits: `max_restarts` counts since the last healthy life; `max_restarts_in` counts the restarts of a
recent period, which only time forgives. The first limit that is spent decides. A healthy life ends the slow lane and
forgives everything. The counter lives in one Worker and starts at zero.
"""

from dataclasses import replace

from actors.events.words import counted, exact
from actors.frozen import frozen
from actors.values.facts import Exit, Instant
from actors.values.spec import Backoff, ExitAction, ExitRule, Growth, Restart, WorkerSpec

SHELL_SIGNAL = 128  # a shell exits with this number + n when signal n has ended its program
SLOW_JITTER = 0.2  # of the slow lane when `jitter` is "full", because any pause up to `retry` would not be slow


@frozen
class Budget:
    """`attempt` counts restarts since the last healthy life, `restarts` all restarts of this Worker.

    `recent`: the times of the last restarts, oldest first, up to the number in `max_restarts_in`. `slow`: the budget is
    spent, and the worker is started every `retry`.
    """

    attempt: int = 0
    restarts: int = 0
    recent: tuple[Instant, ...] = ()
    slow: bool = False


@frozen
class Complete:
    """The worker ended well and is done."""


@frozen
class Fail:
    """The worker is not started again."""

    reason: str


@frozen
class Retry:
    """The worker starts again after `delay` seconds; `budget` is already charged. `note`: what is unusual, if any."""

    delay: float
    budget: Budget
    note: str = ""


Verdict = Complete | Fail | Retry


def judge(spec: WorkerSpec, budget: Budget, exit: Exit | None, uptime: float, dice: float, now: Instant) -> Verdict:
    """Decide about an ended life. `exit` None: it was ended because it was not ready in time, which is a failure.

    `uptime` is in seconds. `dice` in [0, 1) decides the jitter.
    """
    rule = rule_for(spec, exit)
    match rule.do if rule else _by_policy(spec, exit):
        case ExitAction.COMPLETE:
            return Complete()
        case ExitAction.FAIL:
            return Fail('on_exit: do = "fail"' if rule else f'restart = "{spec.restart}"')
        case action:
            budget = budget if exit is None else forgiven(budget, uptime, spec.healthy_after)
            return _again(spec, budget, action is ExitAction.RESTART_NOW, dice, now)


def rule_for(spec: WorkerSpec, exit: Exit | None) -> ExitRule | None:
    """Return the first `on_exit` rule that names this exit; None for an unknown exit, or a life that was not ready."""
    return next((rule for rule in spec.on_exit if exit is not None and _names(rule, exit)), None)


def ended_well(spec: WorkerSpec, exit: Exit) -> bool:
    """Whether the exit is a good one, whatever `restart` makes of it."""
    rule = rule_for(spec, exit)
    return rule.do is ExitAction.COMPLETE if rule else is_ok(spec, exit)


def is_ok(spec: WorkerSpec, exit: Exit) -> bool:
    """Whether `ok_exit_codes` has this exit; a shell's 128 + n names signal n."""
    return (exit.code if exit.signal is None else SHELL_SIGNAL + exit.signal) in spec.ok_exit_codes


def _names(rule: ExitRule, exit: Exit) -> bool:
    if exit.signal is None:
        return exit.code in rule.codes
    return exit.signal in rule.signals or SHELL_SIGNAL + exit.signal in rule.codes


def _by_policy(spec: WorkerSpec, exit: Exit | None) -> ExitAction:
    if exit is not None and is_ok(spec, exit) and spec.restart is not Restart.ALWAYS:
        return ExitAction.COMPLETE
    return ExitAction.FAIL if spec.restart is Restart.NEVER else ExitAction.BACKOFF


def _again(spec: WorkerSpec, budget: Budget, at_once: bool, dice: float, now: Instant) -> Verdict:
    spent = _spent(spec, budget, now)
    if spent is None:
        delay = 0.0 if at_once else pause(spec.backoff, budget.attempt, dice)
        return Retry(delay, _charged(spec, budget, now))
    if spec.retry is None:
        return Fail(f"{spent}: budget spent")
    slow = replace(_charged(spec, budget, now), slow=True)
    return Retry(
        _spread(spec.retry, slow_jitter(spec), dice),
        slow,
        f"{spent}: budget spent, tried every {exact(spec.retry)}",
    )


def _spent(spec: WorkerSpec, budget: Budget, now: Instant) -> str | None:
    """Return in words which limit is spent; None when there is budget left."""
    if 0 <= spec.max_restarts <= budget.attempt:
        return _of_lives(spec, budget)
    window = spec.max_restarts_in
    if window:
        recent = sum(now.mono - at.mono < window.within for at in budget.recent)
        if recent >= window.restarts:
            return f"{counted(recent, 'restart')} within {exact(window.within)}"
    return _of_lives(spec, budget) if budget.slow else None


def _of_lives(spec: WorkerSpec, budget: Budget) -> str:
    return f"{counted(budget.attempt, 'restart')} without a healthy life of {exact(spec.healthy_after)}"


def slow_jitter(spec: WorkerSpec) -> float:
    """Return the jitter of the slow lane, as a part of the pause."""
    jitter = spec.backoff.jitter
    return SLOW_JITTER if isinstance(jitter, str) else jitter


def _charged(spec: WorkerSpec, budget: Budget, now: Instant) -> Budget:
    kept = spec.max_restarts_in.restarts if spec.max_restarts_in else 0
    recent = (*budget.recent, now)[-kept:] if kept else ()
    return Budget(budget.attempt + 1, budget.restarts + 1, recent)


def forgiven(budget: Budget, uptime: float, healthy_after: float) -> Budget:
    """Return the budget after a life of `uptime` seconds: a healthy one forgives earlier crashes.

    Only time forgives the window, which limits even healthy lives. The one exception is the end of the slow lane: it
    starts a new count.
    """
    if uptime < healthy_after:
        return budget
    return fresh(budget) if budget.slow else replace(budget, attempt=0)


def fresh(budget: Budget) -> Budget:
    """Return the budget with all limits reset; the number of all restarts stays."""
    return replace(budget, attempt=0, recent=(), slow=False)


def pause(backoff: Backoff, attempt: int, dice: float) -> float:
    """Return the seconds before restart number `attempt` (from 0), spread by jitter."""
    return _spread(full_pause(backoff, attempt), backoff.jitter, dice)


def full_pause(backoff: Backoff, attempt: int) -> float:
    """Return the seconds before restart number `attempt` (from 0), without jitter."""
    if backoff.steps:
        return backoff.steps[min(attempt, len(backoff.steps) - 1)]
    match backoff.kind:
        case Growth.CONSTANT:
            return min(backoff.initial, backoff.max)
        case Growth.LINEAR:
            return min(backoff.initial * (attempt + 1), backoff.max)
        case Growth.EXPONENTIAL:
            return _exponential(backoff, attempt)


def _exponential(backoff: Backoff, attempt: int) -> float:
    try:
        return min(backoff.initial * backoff.factor**attempt, backoff.max) if backoff.initial else 0.0
    except OverflowError:
        return backoff.max


def _spread(seconds: float, jitter: float | str, dice: float) -> float:
    """Return `seconds` spread by ± that part of it; "full" gives any time in (0, seconds]."""
    return seconds * (1 - dice) if isinstance(jitter, str) else seconds * (1 + jitter * (2 * dice - 1))
