"""What an entry of a worker's history says, in plain words: one clause an event, pure.

    {"event": "worker.exited", "facts": {…}} ──told──▶ "exited with code 3 after 12s (restart 2 of 5, in 4.1s)"

An event or a cause that is not known here is told as the log has it: nothing is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from supervisor.text.tables import short_size, short_time

Entry = Mapping[str, Any]
"""As the wire has it: ts (ISO 8601), event, level, facts."""
Facts = Mapping[str, Any]

_AT_ONCE = 0.05  # seconds; it would be printed as 0.0s
_COUNTED = ("create", "replace", "policy", "stop")  # by config.applied


def told(entry: Entry, max_restarts: int) -> str:
    """Return the entry as a clause about the worker, its beginning small."""
    facts = entry["facts"]
    clause = _CLAUSES.get(entry["event"])
    return clause(facts, max_restarts) if clause else _as_logged(entry["event"], facts)


def moves(history: Sequence[Entry]) -> list[Entry]:
    """Return a worker's changes of state; those that say how a beginning service found it are among them."""
    return [entry for entry in history if "worker" in entry["facts"] and "to" in entry["facts"]]


def is_found(entry: Entry) -> bool:
    """Claim that the entry says what a beginning service found, which made nothing of it."""
    return bool(entry["facts"].get("cause") == "adopted" and entry["facts"]["to"] != "quarantined")


def is_idle(entry: Entry) -> bool:
    """Claim that the entry explains nothing: a file was applied that changed nobody."""
    return entry["event"] == "config.applied" and not any(entry["facts"].get(kind) for kind in _COUNTED)


def exit_in_words(facts: Facts) -> str:
    """Return `exit_code` and `exit_signal` in words."""
    if facts.get("exit_signal") is not None:
        return f"killed by signal {facts['exit_signal']}"
    code = facts.get("exit_code")
    return "ended, exit code not known" if code is None else f"exited with code {code}"


# ── a worker's life ───────────────────────────────────────────────────────────────────────────────────────────────


def _pending(facts: Facts, _most: int) -> str:
    reason = facts.get("reason") or ""
    match facts.get("cause"):
        case "defined":
            return "it is wanted: is to start"
        case "person":
            return "a person ordered it to start"
        case "replaced":
            return "nothing is left of the old one: is to start as the file has it now"
        case "rebooted":
            return "the machine was booted: is to start again, nothing is counted"
        case "tmux-died":
            return "the tmux server died, and it with it: is to start again, nothing is counted"
        case "tmux-unreachable":
            return f"could not start, tmux refused it or did not answer: {reason}"
        case "start-lost":
            return "tmux lost the start: is to start anew"
        case cause:
            return f"pending ({cause})" + (f": {reason}" if reason else "")


def _starting(facts: Facts, most: int) -> str:
    match facts.get("cause"):
        case "admitted":
            return "starting"
        case "backoff-over":
            return f"starting again{_of(facts, most)}"
        case "restart":
            return "starting anew"
        case "person":
            return "starting at once, as a person ordered"
        case cause:
            return f"starting ({cause})"


def _of(facts: Facts, most: int) -> str:
    attempt = facts.get("attempt")
    return f" ({numbered(attempt, most)})" if attempt else ""


def state_in_words(state: str | None) -> str:
    """Return a state as a verb has it: "is stopped", "has failed"; None is what does not exist."""
    return {None: "does not exist", "failed": "has failed", "backoff": "is in back-off"}.get(state, f"is {state}")


def numbered(attempt: int, most: int) -> str:
    """Return which restart it is of how many: "restart 2 of 5"; where there is no limit or it is spent, which."""
    return f"restart {attempt} of {most}" if attempt <= most else f"restart {attempt}"


def _ready(facts: Facts, _most: int) -> str:
    startup = facts.get("startup_s")
    return "ready at once" if startup is not None and startup < _AT_ONCE else f"ready after {short_time(startup)}"


def _unready(facts: Facts, most: int) -> str:
    reason = str(facts.get("reason") or "not ready in time")
    return f"{reason.partition('; ')[0]}, so it was ended{_verdict(facts, most)}"


def _unhealthy(facts: Facts, most: int) -> str:
    reason = str(facts.get("reason") or "not well").partition("; ")[0]
    if facts.get("to") is None:
        return f"not well, told by its {facts.get('kind')} probe: {reason}"
    lived = f" after {short_time(facts.get('uptime_s'))}" if facts.get("uptime_s") is not None else ""
    return f"{reason} (its {facts.get('kind')} probe), so it was ended{lived}{_verdict(facts, most)}"


def _healthy(facts: Facts, _most: int) -> str:
    return f"well again, by its {facts.get('kind')} probe"


def _exited(facts: Facts, most: int) -> str:
    uptime = facts.get("uptime_s")
    lived = "" if uptime is None else f" after {short_time(uptime)}"
    said = f"{exit_in_words(facts)}{lived}"
    if facts.get("cause") == "exit-unwatched":
        said = f"it ended while no service ran: {said.removeprefix('ended, ')}"
    elif facts.get("to") is None:
        said += ", while it was being ended"
    return said + _verdict(facts, most)


def _verdict(facts: Facts, most: int) -> str:
    """Return what was decided about an end."""
    match facts.get("to"):
        case "backoff":
            again = numbered(facts.get("attempt") or 0, most)
            slow = str(facts.get("reason") or "").partition("; ")[2]
            return f" ({again}, after a pause of {short_time(facts.get('delay_s'))}{f': {slow}' if slow else ''})"
        case "failed":
            return f": failed ({str(facts.get('reason') or '').partition('; ')[2] or 'given up'})"
        case "completed":
            return ": completed"
        case "pending":
            return ": is to start again"
    return ""


def _stopping(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return f"its end, which {_HAD_BEGUN.get(str(facts.get('goal')), 'had begun')}, goes on"
    match facts.get("goal"):
        case "stop":
            return "a person ordered it to stop"
        case "restart" if facts.get("cause") == "age":
            return "it is restarted for its age: it is ended first"
        case "restart":
            return "a person ordered a restart: it is ended first"
        case "complete":
            return "a person called it done: it is ended"
        case "remove":
            return "it is to be removed: it is ended first"
        case "replace":
            return "the file now has another command, folder, environment or pane: it is ended first"
        case "down":
            return "the service was told to end, and it with it"
        case goal:
            return f"it is ended ({goal})"


_HAD_BEGUN = {
    "stop": "a person had ordered",
    "complete": "a person who called it done had ordered",
    "remove": "was to remove it",
    "replace": "was to replace it",
}


def _stopped(facts: Facts, _most: int) -> str:
    forced = "; it had to be killed (KILL)" if facts.get("forced") else ""
    match facts.get("cause"):
        case "adopted":
            return "was stopped when the service began, and stays so"
        case "down":
            return f"stopped with the service{forced}"
        case "person" if facts.get("from") == "stopping":
            return f"stopped, as a person ordered: nothing is left of it{forced}"
    return "stopped by a person"


def _completed(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return "was completed when the service began, and stays so"
    return "completed: a person called it done" + ("; it had to be killed (KILL)" if facts.get("forced") else "")


def _failed(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return "had failed when the service began, and stays so"
    return f"could not be started: {facts.get('reason') or 'reason not known'}"


def _adopted(facts: Facts, _most: int) -> str:
    return f"the service began and found it alive (pid {facts.get('pid')})"


def _quarantined(facts: Facts, _most: int) -> str:
    return f"quarantined: {facts.get('reason')}"


def _respawned(facts: Facts, _most: int) -> str:
    return f"somebody ran respawn-pane in its pane: pid {facts.get('pid')} in place of {facts.get('old_pid')}"


def _escaped(facts: Facts, _most: int) -> str:
    pids = ", ".join(map(str, facts.get("pids") or ()))
    return f"had left its process tree unseen, and was ended with it: pid {pids}"


def _stalled(facts: Facts, _most: int) -> str:
    what = "printed nothing" if facts.get("by") == "output" else "its screen did not change"
    return f"stalled: {what} for {short_time(facts.get('silent_s'))}"


def _stall_step(facts: Facts, most: int) -> str:
    words = {"notify": "the stall was reported", "send": "it was typed to", "interrupt": "C-c was typed"}
    what = words.get(str(facts.get("do")), "it was ended for its stall") + _verdict(facts, most)
    return f"{what} (step {facts.get('step')} of {facts.get('steps')})"


def _unstalled(facts: Facts, _most: int) -> str:
    return f"it showed a sign of life again, {short_time(facts.get('stalled_s'))} after it was found stalled"


def _limit(facts: Facts, most: int) -> str:
    which = str(facts.get("which"))
    said = f"above its limit: {which} {amount(which, facts.get('value'))} of {amount(which, facts.get('limit'))}"
    if facts.get("to"):
        return f"{said}, so it was ended{_verdict(facts, most)}"
    return f"{said}, so it is restarted" if facts.get("do") == "restart" else f"{said}; it runs on"


def amount(which: str, value: float | None) -> str:
    """Return what a limit, or the use of it, comes to in words."""
    match which:
        case _ if value is None:
            return "not known"
        case "memory":
            return short_size(int(value))
        case "cpu":
            return f"{value:g} %"
        case "age":
            return short_time(value)
    return f"{value:g}"


def _actor_failed(facts: Facts, _most: int) -> str:
    return f"the actor behind it failed and was replaced: {facts.get('error')}"


# ── what explains many workers at once ────────────────────────────────────────────────────────────────────────────


def _workers(count: object) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def _tmux_died(facts: Facts, _most: int) -> str:
    return f"the tmux server (pid {facts.get('pid')}) died with {_workers(facts.get('workers'))} in it"


def _tmux_unreachable(facts: Facts, _most: int) -> str:
    return f"tmux did not answer ({facts.get('reason')}): nothing was judged from here on"


def _service_started(facts: Facts, _most: int) -> str:
    before = facts.get("previous_ended")
    return f"the service began (pid {facts.get('pid')})" + (f"; the one before had ended {before}" if before else "")


def _service_stopping(facts: Facts, _most: int) -> str:
    return f"the service was told to end ({facts.get('cause')}), its workers {facts.get('workers')}"


def _config_applied(facts: Facts, _most: int) -> str:
    words = {"create": "new", "replace": "to be replaced", "policy": "with a changed policy", "stop": "removed"}
    return "the file was applied: " + ", ".join(f"{facts[k]} {words[k]}" for k in _COUNTED if facts.get(k))


def _as_logged(event: str, facts: Facts) -> str:
    return " ".join([event, *(f"{key}={value}" for key, value in facts.items() if value is not None)])


def _always(said: str) -> Callable[[Facts, int], str]:
    return lambda _facts, _most: said


_CLAUSES: Mapping[str, Callable[[Facts, int], str]] = {
    "worker.pending": _pending,
    "worker.starting": _starting,
    "worker.ready": _ready,
    "worker.unready": _unready,
    "worker.unhealthy": _unhealthy,
    "worker.healthy": _healthy,
    "worker.exited": _exited,
    "worker.stopping": _stopping,
    "worker.stopped": _stopped,
    "worker.completed": _completed,
    "worker.failed": _failed,
    "worker.adopted": _adopted,
    "worker.quarantined": _quarantined,
    "worker.respawned_by_hand": _respawned,
    "worker.escaped": _escaped,
    "worker.stalled": _stalled,
    "worker.stall_step": _stall_step,
    "worker.unstalled": _unstalled,
    "worker.limit": _limit,
    "actor.failed": _actor_failed,
    "tmux.died": _tmux_died,
    "tmux.died_unwatched": _always("the tmux server had died while no service ran"),
    "tmux.started": _always("a new tmux server was started"),
    "tmux.unreachable": _tmux_unreachable,
    "tmux.answers": _always("tmux answered again"),
    "service.started": _service_started,
    "service.rebooted": _always("the machine had been booted anew"),
    "service.stopping": _service_stopping,
    "service.stopped": _always("the service had ended"),
    "service.crashed": _always("the service had crashed"),
    "config.applied": _config_applied,
}
