"""What happens next to a worker, at what time, and what a person can do about it: pure, over the data of `why`.

data ──next_of──▶ Next(what, at)        data ──remedies──▶ Remedy(command, why) …
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actors.events.words import counted, numbered, short_time, some_of
from actors.frozen import frozen
from actors.life.budget import Budget, Complete, Fail, Retry, judge
from actors.life.stop_plan import LAST, longest
from actors.values.facts import Exit, Instant
from actors.values.gates import Hold
from actors.values.records import Intent
from actors.values.spec import WorkerSpec
from supervisor.explain.events import is_found, moves, state_in_words
from supervisor.explain.probes import condition, kind_of
from supervisor.text.tables import timestamp
from supervisor.text.values import rebuilt

Data = Mapping[str, Any]
"""The answer to `why`, see docs/wire.md."""

SIGKILL = 9
_SHOWN = 5  # pids in a line
_MIDDLE = 0.5  # the dice that give a pause without its jitter
_ON_THE_WAY = frozenset({"pending", "starting", "running", "backoff", "stopping"})
_NEEDS_TMUX = ("screen ", "attach ")


@frozen
class Next:
    """What comes, and when (Unix time; None: no clock decides that)."""

    what: str
    at: float | None = None


@frozen
class Remedy:
    """One thing that a person can do: the words after `panevisor`, and what they bring about."""

    command: str
    why: str


def next_of(data: Data) -> Next:
    """Return what happens if no person acts. Without tmux nothing starts and no end is judged."""
    return _NEXT[data["worker"]["state"]](data)


def spec_of(data: Data) -> WorkerSpec:
    """Return the policy as a spec, to calculate with; its command is empty."""
    return rebuilt(WorkerSpec, {**data["policy"], "name": data["worker"]["name"], "command": "", "cwd": ""})


def uptime(data: Data) -> float:
    return float(data["worker"]["uptime_s"] or 0.0)


def begun(data: Data) -> float:
    """Return when the present life began, as Unix time."""
    return timestamp(data["now"]) - uptime(data)


def after_a_crash(data: Data) -> str:
    """Return what a crash of the present life would lead to, by the judge of the lifecycle itself."""
    worker, spec, crash = data["worker"], spec_of(data), Exit(None, SIGKILL, 0.0)
    now, recent = timestamp(data["now"]), tuple(map(timestamp, data["budget"]["recent"]))
    times = tuple(Instant(at, at) for at in recent)
    budget = Budget(worker["attempt"], worker["restarts"], times, data["budget"]["slow"])
    match judge(spec, budget, crash, uptime(data), _MIDDLE, Instant(now, now)):
        case Complete():
            return "completed"
        case Fail(reason):
            return f"failed ({reason})"
        case Retry(delay, charged):
            lane = ", the budget being spent" if charged.slow else ""
            again = numbered(charged.attempt, spec.max_restarts)
            return f"starts again after about {short_time(delay)} ({again}{lane})"


# ── what comes, by state ──────────────────────────────────────────────────────────────────────────────────────────


def _pending(data: Data) -> Next:
    if data["closing"]:
        return Next("nothing: the service is ending; `panevisor up` starts it again")
    if data["blockers"]:
        return _blocked(data["blockers"])
    hold = data["gate"]["hold"] if data["gate"] else None
    if hold == Hold.CAPACITY:
        return Next("starts when one of the others ends and it is the first in line")
    if data["tmux"] != "ok":
        return Next("starts as soon as tmux answers again")
    if hold == Hold.MEMORY:
        return Next("starts when that much memory is available and it is the first in line; looked at each health beat")
    if hold == Hold.START_RATE:
        return Next("starts when one of those that start now is ready, or has ended, and it is the first in line")
    if data["draining"]:
        return Next("starts when nothing is left of its last life")
    if at := data["worker"]["next_start_at"]:
        held = bool(data["worker"].get("held_until"))
        return Next("is held; then it starts" if held else "is tried again", timestamp(at))
    return Next("starts in a moment")


def _blocked(blockers: list[Data]) -> Next:
    held, root = blockers[0], blockers[-1]
    if root["state"] in _ON_THE_WAY:
        return Next(f"starts as soon as {held['name']} is {held['on']}")
    how = state_in_words(root["state"])
    return Next(f"nothing, until a person does something about {root['name']}, which {how}")


def _starting(data: Data) -> Next:
    if data["worker"]["pid"] is None:
        return Next("tmux is being asked about it; at the latest after a minute it is looked for again")
    ready = data["policy"]["ready"]
    if kind_of(ready) is None:
        return Next("counts as running", begun(data) + ready["delay"])
    accepts = f"runs as soon as {condition(ready)}"
    return Next(f"{accepts}; otherwise it is ended", begun(data) + ready["timeout"])


def _running(data: Data) -> Next:
    worker, healthy = data["worker"], data["policy"]["healthy_after"]
    if data["tmux"] != "ok":
        return Next("it runs on; should it end, that is judged when tmux answers again")
    if worker["pid"] is None:
        return Next("its process has ended; it is judged as soon as tmux says how")
    if worker.get("held_until"):
        return Next("it is held; then it goes on", timestamp(worker["held_until"]))
    if data.get("stall"):
        return _of_the_stalled(data["stall"])
    if worker["attempt"] and data["policy"]["stall"]["after"] is not None:
        return Next("its restarts so far are forgiven with its first sign of life after", begun(data) + healthy)
    if worker["health"] == "unready" and data["policy"]["live"]["do"] == "notify":
        return Next(f"it runs on; it counts as well again when {condition(data['policy']['live'])}")
    if worker["attempt"]:
        return Next(f"its {counted(worker['attempt'], 'restart')} so far are forgiven", begun(data) + healthy)
    age = data["policy"]["limits"]["age"]
    if age and age["do"] == "restart":
        return Next("it is restarted for its age, which is not counted", begun(data) + age["value"])
    return Next("nothing: it runs until it ends or a person ends it")


_RUNGS = {
    "notify": "its stall is reported again",
    "send": "it is typed to",
    "interrupt": "C-c is typed",
    "restart": "it is ended as after a crash",
}


def _of_the_stalled(stall: Data) -> Next:
    """Return the next rung of its ladder."""
    if stall["next"] is None:
        return Next("nothing more is done about its stall; a sign of life ends that")
    step = f"{_RUNGS[stall['next']]} (step {stall['climbed'] + 1} of {stall['steps']})"
    if stall["paused"]:
        return Next(f"when no one is attached any more, and after its wait, {step}; a sign of life ends the stall")
    at = timestamp(stall["next_at"]) if stall["next_at"] else None
    return Next(f"unless it shows a sign of life, {step}", at)


def _backoff(data: Data) -> Next:
    at = data["worker"]["next_start_at"]
    first = "nothing is left of its last life" if data["draining"] else ""
    first = "tmux answers again" if data["tmux"] != "ok" else first
    again = "is held; then it starts again" if data["worker"].get("held_until") else "starts again"
    what = f"once {first}, {again}" if first else again
    return Next(what, timestamp(at) if at else None)


def _stopping(data: Data) -> Next:
    outcome = _OUTCOMES.get(data["intent"]) or ("stops" if data["closing"] else "starts again")
    outcome += " when nothing is left of its process tree"
    ending = data.get("ending")
    if ending is None:
        return _killed(outcome, timestamp(data["worker"]["since"]) + longest(spec_of(data).stop), data)
    if ending["next"] is None:
        return Next(f"{outcome}{_still_there(ending['left'])}")
    if ending["next"] == LAST:
        return _killed(outcome, timestamp(ending["next_at"]), data)
    return Next(f"{outcome}; the next step is {ending['next']}", timestamp(ending["next_at"]))


def _killed(outcome: str, at: float, data: Data) -> Next:
    return Next(f"{outcome}; whatever is left is killed", at) if LAST in data["policy"]["stop"] else Next(outcome)


def _still_there(left: Sequence[int]) -> str:
    """Say who had the last signal of the plan, and lived on."""
    return f"; the last signal went to pid {some_of(list(map(str, left)), _SHOWN)}" if left else ""


_OUTCOMES = {"stopped": "is stopped", "completed": "is completed", "removed": "is forgotten"}


def _stopped(data: Data) -> Next:
    if stopped_with_service(data):
        return Next("nothing more from this service; `panevisor up` starts it again")
    return Next("nothing, until a person starts it")


def stopped_with_service(data: Data) -> bool:
    """Whether a stopped worker was stopped with the service, and not by a person."""
    return bool(data["closing"] and data["intent"] == Intent.WANTED)


def _completed(data: Data) -> Next:
    after = data["policy"]["cleanup_after"]
    if data["worker"]["pane"] is None or after is None:
        return Next("nothing, until a person starts it again")
    return Next("nothing more, only its pane is closed", timestamp(data["worker"]["since"]) + after)


_NEXT: Mapping[str, Callable[[Data], Next]] = {
    "pending": _pending,
    "starting": _starting,
    "running": _running,
    "backoff": _backoff,
    "stopping": _stopping,
    "stopped": _stopped,
    "completed": _completed,
    "failed": lambda _data: Next("nothing, until a person does something"),
    "quarantined": lambda _data: Next("nothing, until a person decides: it is never signalled and never doubled"),
}


# ── what a person can do ──────────────────────────────────────────────────────────────────────────────────────────


def remedies(data: Data) -> list[Remedy]:
    """Return what can be done, the likeliest first."""
    if data["tmux"] == "ok":
        return _remedies(data)
    possible = [remedy for remedy in _remedies(data) if not remedy.command.startswith(_NEEDS_TMUX)]
    return [*possible, Remedy("events", "what is known about tmux")]


def _remedies(data: Data) -> list[Remedy]:
    worker = data["worker"]
    name, force = _as_argument(worker["name"]), "--force " if data["policy"]["protected"] else ""
    logs, start = Remedy(f"logs {name}", "what it printed"), Remedy(f"start {name}", "start it, counted from zero")
    stop = Remedy(f"stop {force}{name}", "it stays stopped until it is started")
    match worker["state"]:
        case "pending":
            return [*_about(data["blockers"]), stop]
        case "starting":
            return [Remedy(f"screen {name}", "what it shows now"), logs, stop]
        case "running":
            restart = Remedy(f"restart {name}", "end it and start it again, counted from zero")
            if worker.get("held_until"):
                release = Remedy(f"release {name}", "end its hold now; with --cancel nothing is done then")
                return [release, Remedy(f"attach {name}", "its terminal"), restart, stop]
            return [*_of_the_last_life(worker), Remedy(f"attach {name}", "its terminal"), restart, stop]
        case "backoff":
            if worker.get("held_until"):
                return [logs, Remedy(f"release {name}", "end its hold: it starts now"), stop]
            at_once = Remedy(f"start {name}", "start it now, counted from zero")
            return [logs, at_once, stop]
        case "stopping":
            return [
                Remedy(f"attach {name}", "its terminal"),
                logs,
                Remedy(f"stop --kill {force}{name}", "kill it now; `stop` once more goes on with the next step"),
                Remedy(f"start {name}", "start it again after that"),
            ]
        case "quarantined":
            take = Remedy(f"start --force {name}", "start it all the same, if you know what lives there")
            return [Remedy(f"screen {name}", "what lives there"), take, Remedy(f"remove {force}{name}", "forget it")]
        case "stopped" if stopped_with_service(data):
            return [Remedy("up", "start the service and the worker")]
        case "completed":
            return [logs, Remedy(f"start {name}", "run it once more")]
        case "failed" if _could_not_start(data):
            return [Remedy("up", "apply the file, when you have corrected it"), start]
        case "failed":
            return [logs, start]
    return [start, logs]


def _could_not_start(data: Data) -> bool:
    made = [entry for entry in moves(data["history"]) if not is_found(entry)]
    return bool(made) and made[-1]["facts"].get("cause") == "cannot-start"


def _about(blockers: list[Data]) -> list[Remedy]:
    if not blockers:
        return []
    root = blockers[-1]
    name = _as_argument(root["name"])
    if root["state"] is None:
        family = Remedy(f"scale {name} 1", "start one, if it is a family of no replicas")
        return [family, Remedy("up", "apply the file: what was removed comes back")]
    found = [Remedy(f"why {name}", "what it waits for")]
    if root["state"] in ("stopped", "failed"):
        found.append(Remedy(f"start {name}", "start what it waits for"))
    return found


def _of_the_last_life(worker: Data) -> list[Remedy]:
    """After a restart the question is what the life before had to say."""
    name = _as_argument(worker["name"])
    if not worker["restarts"]:
        return [Remedy(f"logs -f {name}", "what it prints")]
    return [Remedy(f"logs --previous {name}", "what the life before printed")]


def _as_argument(name: str) -> str:
    """Return the name as a command takes it: not for an option, which may not follow it any more."""
    return f"-- {name}" if name.startswith("-") else name
