"""What restart policies come to, in lines for `check`: pure arithmetic over the specs."""

from collections.abc import Iterable, Iterator

from actors.events.words import counted, exact
from actors.life.budget import full_pause, slow_jitter
from actors.values.spec import Condition, ExitAction, ExitRule, Restart, WorkerSpec

SHOWN = 6  # pauses in the line
_RESTARTS = (ExitAction.RESTART_NOW, ExitAction.BACKOFF)
_DEEDS = {
    ExitAction.RESTART_NOW: "restarted at once",
    ExitAction.BACKOFF: "restarted after a pause",
    ExitAction.COMPLETE: "completed",
    ExitAction.FAIL: "failed",
}


def in_words(spec: WorkerSpec) -> str:
    """Return what happens when the worker ends, how often, and when it gives up."""
    return "; ".join([*map(_rule, spec.on_exit), _otherwise(spec)])


def _rule(rule: ExitRule) -> str:
    after = [f"exit {', '.join(map(str, rule.codes))}"] if rule.codes else []
    after += [f"signal {', '.join(map(str, rule.signals))}"] if rule.signals else []
    return f"{_DEEDS[rule.do]} after {' or '.join(after)}"


def _otherwise(spec: WorkerSpec) -> str:
    codes = ", ".join(map(str, spec.ok_exit_codes))
    match spec.restart:
        case Restart.NEVER if is_ever_restarted(spec):
            return f"otherwise completed after exit {codes}, else failed; restarted {_budget(spec)}"
        case Restart.NEVER:
            return f"never restarted: completed after exit {codes}, else failed"
        case Restart.ALWAYS:
            return f"restarted whenever it ends, {_budget(spec)}"
        case Restart.ON_FAILURE:
            return f"completed after exit {codes}, else restarted {_budget(spec)}"


def is_ever_restarted(spec: WorkerSpec) -> bool:
    """Whether there is an end after which it starts again by itself."""
    return spec.restart is not Restart.NEVER or any(rule.do in _RESTARTS for rule in spec.on_exit)


def waits_in_vain(specs: Iterable[WorkerSpec]) -> Iterator[str]:
    """Give a line for each worker that waits for an end to which the other one's policy never lets it come."""
    known = {spec.name: spec for spec in specs}
    families = {spec.replica_of: spec for spec in known.values()}
    for spec in known.values():
        for other, on in spec.depends_on:
            needed = known.get(other) or families.get(other)  # None: a family of no replicas
            if needed and (policy := _never_gets_there(needed, on)):
                yield f'worker "{spec.name}" waits for "{other}" to be {on}, which {policy} never lets happen by itself'


def _never_gets_there(spec: WorkerSpec, on: Condition) -> str | None:
    """Return the policy under which no exit leads to `on`: what is always restarted never completes, but may fail."""
    actions = {rule.do for rule in spec.on_exit}
    if spec.restart is not Restart.ALWAYS or ExitAction.COMPLETE in actions:
        return None
    if on is Condition.COMPLETED:
        return 'its restart = "always"'
    if on is not Condition.EXITED or ExitAction.FAIL in actions:
        return None
    if spec.retry is not None:
        return 'its restart = "always" with retry'
    endless = spec.max_restarts < 0 and spec.max_restarts_in is None
    return 'its restart = "always" with max_restarts = -1' if endless else None


def _budget(spec: WorkerSpec) -> str:
    spread, limits = _spread(spec.backoff.jitter), _limits(spec)
    if not limits:
        return f"after {_pauses(spec, SHOWN)}, …{spread}, forever: at most {hourly(spec)} restarts an hour"
    if spec.max_restarts == 0:
        return (
            "not once: failed at the first crash"
            if spec.retry is None
            else f"every {exact(spec.retry)}{_spread(slow_jitter(spec))}"
        )
    end = "failed" if spec.retry is None else f"tried every {exact(spec.retry)}"
    most = spec.max_restarts if spec.max_restarts > 0 else SHOWN + 1
    return f"after {_pauses(spec, most)}{', …' if most > SHOWN else ''}{spread}; {end} after {' or '.join(limits)}"


def _limits(spec: WorkerSpec) -> list[str]:
    found, window = [], spec.max_restarts_in
    if spec.max_restarts >= 0:
        total = sum(full_pause(spec.backoff, attempt) for attempt in range(min(spec.max_restarts, 1000)))
        at_once, healthy = exact(total), exact(spec.healthy_after)
        forgiven = f"(a crash at once: in {at_once}), unless a life of {healthy} forgives them"
        found.append(f"{counted(spec.max_restarts, 'restart')} {forgiven}")
    return [*found, *([f"{window.restarts} restarts within {exact(window.within)}"] if window else [])]


def _spread(jitter: float | str) -> str:
    if isinstance(jitter, str):
        return " (or any time less)"
    return f" (± {jitter:.0%})" if jitter else ""


def _pauses(spec: WorkerSpec, count: int) -> str:
    return ", ".join(exact(full_pause(spec.backoff, attempt)) for attempt in range(min(count, SHOWN)))


def hourly(spec: WorkerSpec, life: float = 0.0) -> str:
    """Return how often an hour a worker is restarted, at its longest pauses, that lives `life` seconds each time."""
    longest = max(full_pause(spec.backoff, attempt) for attempt in range(max(64, len(spec.backoff.steps)))) + life
    return "any number of" if longest <= 0 else f"{3600 / longest:.0f}"
