"""What restart policies come to, in lines for `check`: pure arithmetic over the specs."""

from collections.abc import Iterable, Iterator

from actors.budget import pause
from actors.spec import Condition, Restart, WorkerSpec

SHOWN = 6  # pauses in the line
_MIDDLE = 0.5  # the dice that give the pause without its jitter


def in_words(spec: WorkerSpec) -> str:
    """Return what happens when the worker ends, how often, and when it gives up."""
    codes = ", ".join(map(str, spec.ok_exit_codes))
    match spec.restart:
        case Restart.NEVER:
            return f"never restarted: completed after exit {codes}, else failed"
        case Restart.ALWAYS:
            return f"restarted whenever it ends, {_budget(spec)}"
        case Restart.ON_FAILURE:
            return f"completed after exit {codes}, else restarted {_budget(spec)}"


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
    if spec.restart is not Restart.ALWAYS:
        return None
    if on is Condition.COMPLETED:
        return 'its restart = "always"'
    endless = on is Condition.EXITED and spec.max_restarts < 0
    return 'its restart = "always" with max_restarts = -1' if endless else None


def _budget(spec: WorkerSpec) -> str:
    spread = f" (± {spec.backoff.jitter:.0%})" if spec.backoff.jitter else ""
    healthy = exact(spec.healthy_after)
    if spec.max_restarts < 0:
        return f"after {_pauses(spec, SHOWN)}, …{spread}, for ever: at most {_rate(spec)} restarts an hour"
    if spec.max_restarts == 0:
        return "not once: failed at the first crash"
    total = sum(pause(spec.backoff, attempt, _MIDDLE) for attempt in range(min(spec.max_restarts, 1000)))
    plural = "" if spec.max_restarts == 1 else "s"
    more = ", …" if spec.max_restarts > SHOWN else ""
    return (
        f"after {_pauses(spec, spec.max_restarts)}{more}{spread}; failed after {spec.max_restarts} restart{plural} "
        f"(a crash at once: in {exact(total)}), unless a life of {healthy} forgives them"
    )


def _pauses(spec: WorkerSpec, count: int) -> str:
    return ", ".join(exact(pause(spec.backoff, attempt, _MIDDLE)) for attempt in range(min(count, SHOWN)))


def _rate(spec: WorkerSpec) -> str:
    longest = max(pause(spec.backoff, attempt, _MIDDLE) for attempt in range(64))
    return "any number of" if longest <= 0 else f"{3600 / longest:.0f}"


def exact(seconds: float) -> str:
    """Return a duration as a config writes it: 1m30s."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return "".join(parts) or "0s"
