"""The account of `why`: what led to a worker's state, what its policy says, what comes next, what can be done. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from actors.events.words import amount, exact, exit_in_words, short_time
from actors.life.aftermath import BRIEF
from actors.life.stop_plan import in_words as in_words_of
from actors.values.spec import StopStep
from supervisor.explain.events import Entry, is_found, is_idle, moves, state_in_words, told
from supervisor.explain.outlook import Data, after_a_crash, next_of, remedies, spec_of, stopped_with_service
from supervisor.explain.policy import in_words, is_ever_restarted
from supervisor.explain.probes import condition, kind_of
from supervisor.text.cells import wrapped
from supervisor.text.colours import BOLD, COMMAND, dim, ends, painted, state, verdict
from supervisor.text.plain import visible
from supervisor.text.tables import attention, clock, timestamp, usage

_CAN = "What you can do"
_AT = re.compile(r"  (?:[0-9]{4}-[0-9]{2}-[0-9]{2} )?[0-9]{2}:[0-9]{2}:[0-9]{2}  ")
_TOGETHER = 2.0  # seconds between two steps of a start that are told in one line
_FOLLOWS = {
    "worker.starting": {"worker.pending"},
    "worker.ready": {"worker.starting", "worker.pending", "worker.adopted"},
}


def explain(
    data: Data, now: float, command: str = "panevisor", *, colour: bool = False, cells: int | None = None
) -> list[str]:
    """Return the whole account, line by line, each at most `cells` wide. `now` is Unix time; clock times are local."""
    sections = [
        ("", [f"{data['worker']['name']}: {_state(data, now)}", *_cautions(data, now)]),
        ("What led here", list(_chain(data, now))),
        ("How it ended last", list(_last_death(data, now))),
        ("What it waits for", list(_waits(data))),
        ("What its policy says", list(_policy(data))),
        ("What happens next", [_next(data, now)]),
        (_CAN, _commands(data, command)),
    ]
    lines: list[str] = []
    for title, told_there in sections:
        if title and told_there:
            lines += ["", painted(title, BOLD if colour else None)]
        safe = [visible(f"  {line}" if title else line) for line in told_there]
        for line in safe:
            lines += wrapped(_coloured(title, line) if colour else line, cells, _indent(line) if title else 0)
    return lines


def _coloured(title: str, line: str) -> str:
    """Paint the state, the times, ends that were bad, and what can be typed."""
    if title == _CAN:
        typed, gap, why = line.strip().partition("   ")
        return f"  {painted(typed, COMMAND)}{gap}{why}"
    if not title:
        name, colon, rest = line.partition(": ")
        word, blank, rest = rest.partition(" ")
        return painted(name, BOLD) + colon + state(word) + blank + ends(rest)
    at, line = line[: _time_in(line)], line[_time_in(line) :]
    return dim(at) + verdict(ends(line)) if at else ends(line)


def _indent(line: str) -> int:
    """Return how far the lines are indented that this one goes on in: behind a time, else two more than it is."""
    return _time_in(line) or len(line) - len(line.lstrip()) + 2


def _time_in(line: str) -> int:
    """Return where the time ends that the line begins with; 0 where it begins with none."""
    found = _AT.match(line)
    return found.end() if found else 0


# ── the state ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _state(data: Data, now: float) -> str:
    worker = data["worker"]
    since, known = _since(data)
    at = f"since {clock(since, now)} ({short_time(max(0.0, now - since))})"
    words = f"{worker['state']} {at if known else f'at least {at}'}"
    if worker["pid"] is not None:
        words += f", pid {worker['pid']}, up {short_time(worker['uptime_s'])}"
    if worker["health"] not in (None, "ok"):
        words += f", {worker['health']}"
    if data.get("stall"):
        words += f" since {clock(timestamp(data['stall']['since']), now)}"
    said = _because(data)
    return f"{words}: {said}" if said else words


def _since(data: Data) -> tuple[float, bool]:
    """Return when the present state began, and whether that is known: a new service finds only the state."""
    since = timestamp(data["worker"]["since"])
    for entry in reversed(moves(data["history"])):
        if not _is_present(entry, data["worker"]):
            return since, True
        since = timestamp(entry["ts"])
        if not is_found(entry):
            return since, True
    return since, False


def _is_present(entry: Entry, worker: Mapping[str, Any]) -> bool:
    """Whether the entry led to the present state, and for a living worker to the present life."""
    facts = entry["facts"]
    return bool(facts["to"] == worker["state"] and (worker["pid"] is None or facts.get("life") == worker["life"]))


def _because(data: Data) -> str:
    worker = data["worker"]
    match worker["state"]:
        case "stopped" if stopped_with_service(data):
            return "with the service"
        case "stopped" if not worker["reason"]:
            return "by a person"
        case "completed" if not worker["reason"]:
            return "by a person"
        case "pending":
            return str(data["gate"]["reason"] if data["gate"] else worker["reason"])
    return str(worker["reason"])


def _cautions(data: Data, now: float) -> Iterator[str]:
    if data["tmux"] != "ok":
        yield "tmux does not answer: this is what was known last; nothing is judged or restarted until it does"
    if data["draining"] and data["worker"]["state"] != "stopping":
        yield "what is left of its last life is still being ended; nothing new begins before that"
    if data["worker"].get("attention"):
        yield f"it is {attention(data['worker'], now)}"
    if said := usage(data["worker"]):
        yield f"it has reported {said}"
    if data["worker"]["hands_on"]:
        yield "a person is attached to its pane"


# ── the chain ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _chain(data: Data, now: float) -> Iterator[str]:
    """Yield one line for each cause, oldest first; the steps of one start share a line."""
    told_so_far: list[str] = []
    last: Entry | None = None
    own = [entry for entry in data["history"] if "worker" in entry["facts"]]
    if not own:
        yield "nothing is known any more of how it came to this: the log does not reach back so far"
    for entry in data["history"]:
        if is_idle(entry):
            continue
        words = _said(entry, own, data["policy"]["max_restarts"])
        if told_so_far and last and _goes_on(last, entry):
            told_so_far.append(words)
        else:
            yield from _line(told_so_far)
            told_so_far = [f"{clock(timestamp(entry['ts']), now)}  {words}"]
        last = entry
    yield from _line(told_so_far)


def _said(entry: Entry, own: list[Entry], max_restarts: int) -> str:
    """Return the entry as a clause. A worker that was found alive is told with its order and what is known."""
    said = told(entry, max_restarts)
    at = own.index(entry) if entry in own else 0
    earlier = own[at - 1] if at else None
    match entry["event"], earlier:
        case "worker.adopted", {"event": "worker.stopping", "facts": {"goal": "restart"}}:
            return f"{said}; the restart that was ordered is forgotten with the service before"
        case "worker.ready", {"event": "worker.adopted"}:
            return "ready"  # since when is not known: it may have been ready before the service began
    return said


def _last_death(data: Data, now: float) -> Iterator[str]:
    """Yield how and when it ended last, and its very last words."""
    record = data.get("last_death")
    if record:
        lived = "" if record["uptime_s"] is None else f" after {short_time(record['uptime_s'])}"
        ended = exit_in_words(record["exit_code"], record["exit_signal"])
        yield f"{clock(timestamp(record['ended_at']), now)}  {ended}{lived}"
        yield from (f"  | {line}" for line in record["lines"])
        if record["exit_code"] == 0 and (record["uptime_s"] or 0.0) < BRIEF and record["cause"] == "exit":
            yield "if it was to go on: does it go into the background? There SIGHUP ends it; run it in the foreground"


def _goes_on(last: Entry, entry: Entry) -> bool:
    close = timestamp(entry["ts"]) - timestamp(last["ts"]) <= _TOGETHER
    return close and last["event"] in _FOLLOWS.get(entry["event"], ())


def _line(parts: list[str]) -> Iterator[str]:
    if parts:
        yield "; ".join(parts)


# ── policy, next, commands ────────────────────────────────────────────────────────────────────────────────────────


def _waits(data: Data) -> Iterator[str]:
    """Yield the blockers, from the nearest to the root."""
    for needed in data["blockers"]:
        reason = f" ({needed['reason']})" if needed["reason"] else ""
        yield f"{needed['name']} has to be {needed['on']}: it {state_in_words(needed['state'])}{reason}"


def _policy(data: Data) -> Iterator[str]:
    worker, policy = data["worker"], data["policy"]
    yield in_words(spec_of(data))
    if is_ever_restarted(spec_of(data)):
        yield _budget(worker, policy)
        yield from _other_limit(data)
    yield f"ready {_readiness(policy['ready'])}"
    if kind_of(policy["live"]):
        yield _liveness(policy["live"])
    if worker["state"] in ("starting", "running") and not (worker["state"] == "running" and worker["pid"] is None):
        yield f"a crash now: {after_a_crash(data)}"
    if worker["state"] == "stopping" or data["draining"]:
        yield f"ended by {', '.join(_stop_step(step) for step in spec_of(data).stop)}"
    yield from _stall(policy["stall"])
    yield from _limits(policy["limits"])
    if policy["protected"]:
        yield "protected: stop, complete and remove need --force"


def _stop_step(step: StopStep) -> str:
    return exact(step) if isinstance(step, int | float) else in_words_of(step)


def _stall(stall: Mapping[str, Any]) -> Iterator[str]:
    if stall["after"] is not None:
        what = "without output" if stall["by"] == "output" else "with an unchanged screen"
        ladder = [f"{rung['do']}{_wait(rung)}" for rung in stall["ladder"]]
        yield f"stalled after {exact(stall['after'])} {what}: {', '.join(ladder) or 'nothing is done'}"


def _wait(rung: Mapping[str, Any]) -> str:
    return f" after {exact(rung['wait'])}" if rung["wait"] else ""


def _limits(limits: Mapping[str, Any]) -> Iterator[str]:
    for which in ("memory", "cpu", "processes", "age"):
        if limit := limits[which]:
            restarted = "restarted" if which == "age" else "ended as after a crash"
            done = restarted if limit["do"] == "restart" else "reported"
            row = f" in {limits['cpu_samples']} looks in a row" if which == "cpu" else ""
            yield f"{which} above {amount(which, limit['value'])}{row}: {done}"


def _budget(worker: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    attempt, most = worker["attempt"], policy["max_restarts"]
    spent = f"{attempt} of {most} restarts" if attempt <= most else f"{attempt} restarts"
    return f"{spent} since the last healthy life ({exact(policy['healthy_after'])}), {worker['restarts']} in all"


def _other_limit(data: Data) -> Iterator[str]:
    """Return what the other limit has counted, and when both are spent."""
    window, retry = data["policy"]["max_restarts_in"], data["policy"]["retry"]
    if window:
        since = timestamp(data["now"]) - window["within"]
        counted = sum(timestamp(at) > since for at in data["budget"]["recent"])
        yield f"{counted} of {window['restarts']} restarts within the last {exact(window['within'])}"
    if data["budget"]["slow"] and retry:
        yield f"the budget is spent: tried every {exact(retry)} until a life is healthy"


def _readiness(ready: Mapping[str, Any]) -> str:
    delay = f"{exact(ready['delay'])} after its start" if ready["delay"] else ""
    if kind_of(ready) is None:
        return delay or "as soon as it is started"
    late = f"within {exact(ready['timeout'])}, else it is ended as after a crash"
    return f"when {condition(ready)}{f', at the earliest {delay}' if delay else ''}, {late}"


def _liveness(live: Mapping[str, Any]) -> str:
    asked = f"asked every {exact(live['interval'])} whether {condition(live)}"
    tries = "1 failure" if live["failures"] == 1 else f"{live['failures']} failures in a row"
    done = "it is only told" if live["do"] == "notify" else "it is ended as after a crash"
    return f"{asked}; after {tries} {done}"


def _next(data: Data, now: float) -> str:
    coming = next_of(data)
    if coming.at is None:
        return coming.what
    left = coming.at - now
    return f"{coming.what} at {clock(coming.at, now)}, {f'in {short_time(left)}' if left > 0 else 'that is now'}"


def _commands(data: Data, command: str) -> list[str]:
    commands = [(f"{command} {remedy.command}", remedy.why) for remedy in remedies(data)]
    width = max(len(line) for line, _ in commands)
    return [f"{line.ljust(width)}   {reason}" for line, reason in commands]
