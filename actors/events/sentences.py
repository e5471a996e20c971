"""What an event says of a worker, in plain words: a clause for each event. Pure.

A clause gets the event's facts and the worker's `max_restarts`. A cause that has no words here is told as it is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from actors.events.words import (
    BACKGROUND,
    UNREADY,
    amount,
    brief_in_words,
    counted,
    exit_in_words,
    left_in_words,
    numbered,
    short_size,
    short_time,
    some_of,
)

Facts = Mapping[str, Any]
Clause = Callable[[Facts, int], str]

COUNTED = ("create", "replace", "policy", "stop")  # by config.applied
_AT_ONCE = 0.05  # seconds; it would be printed as 0.0s


# ── a worker's life ───────────────────────────────────────────────────────────────────────────────────────────────


def pending(facts: Facts, _most: int) -> str:
    reason = facts.get("reason") or ""
    match facts.get("cause"):
        case "defined":
            return "it is to start"
        case "person":
            return "a person ordered it to start"
        case "replaced":
            return "nothing is left of the old one: it starts as the file has it now"
        case "rebooted":
            return "the machine was rebooted: it starts again, nothing is counted"
        case "tmux-died":
            return "the tmux server died with it: it starts again, nothing is counted"
        case "tmux-unreachable":
            return f"could not start, tmux refused it or did not answer: {reason}"
        case "start-lost":
            return "tmux lost the start: it starts again"
        case cause:
            return f"pending ({cause})" + (f": {reason}" if reason else "")


def starting(facts: Facts, most: int) -> str:
    match facts.get("cause"):
        case "admitted":
            return "starting"
        case "backoff-over":
            return f"starting again{_of(facts, most)}"
        case "restart":
            return "starting again"
        case "person":
            return "starting at once, as a person ordered"
        case cause:
            return f"starting ({cause})"


def _of(facts: Facts, most: int) -> str:
    attempt = facts.get("attempt")
    return f" ({numbered(attempt, most)})" if attempt else ""


def ready(facts: Facts, _most: int) -> str:
    startup = facts.get("startup_s")
    if startup is None:
        return "ready"
    return "ready at once" if startup < _AT_ONCE else f"ready after {short_time(startup)}"


def unready(facts: Facts, most: int) -> str:
    return f"{_what(facts, 'not ready in time')}, so it was ended{_verdict(facts, most)}"


def no_secrets(facts: Facts, most: int) -> str:
    return f"not started: {_what(facts, 'it has no secrets')}{_verdict(facts, most)}"


def unhealthy(facts: Facts, most: int) -> str:
    reason = _what(facts, "not well")
    if facts.get("to") is None:
        return f"not well, told by its {facts.get('kind')} probe: {reason}"
    lived = f" after {short_time(facts.get('uptime_s'))}" if facts.get("uptime_s") is not None else ""
    return f"{reason} (its {facts.get('kind')} probe), so it was ended{lived}{_verdict(facts, most)}"


def healthy(facts: Facts, _most: int) -> str:
    return f"well again, by its {facts.get('kind')} probe"


def exited(facts: Facts, most: int) -> str:
    uptime = facts.get("uptime_s")
    lived = "" if uptime is None else f" after {short_time(uptime)}"
    said = exit_in_words(facts.get("exit_code"), facts.get("exit_signal")) + lived
    if facts.get("cause") == "exit-unwatched":
        said = f"it ended while no service ran: {said.removeprefix('ended, ')}"
    elif facts.get("to") is None:
        said += ", while it was being ended"
    if facts.get("unready"):
        said += UNREADY
    if program := facts.get("program"):
        said += brief_in_words(program)
    if left := facts.get("left"):
        said += left_in_words(left, facts.get("cause") == BACKGROUND)
    return said + _verdict(facts, most)


def in_background(facts: Facts, _most: int) -> str:
    return f"its main process has ended; it goes on in the background: {some_of(facts.get('left', ()), 3)}"


def _what(facts: Facts, unknown: str) -> str:
    """Return what happened: the reason without the words of the policy."""
    reason, verdict = str(facts.get("reason") or unknown), facts.get("verdict")
    return reason.removesuffix(f"; {verdict}") if verdict else reason


def _verdict(facts: Facts, most: int) -> str:
    """Return what was decided about an end."""
    match facts.get("to"):
        case "backoff":
            again = numbered(facts.get("attempt") or 0, most)
            slow = f": {facts['verdict']}" if facts.get("verdict") else ""
            return f" ({again}, after a pause of {short_time(facts.get('delay_s'))}{slow})"
        case "failed":
            return f": failed ({facts.get('verdict') or 'given up'})"
        case "completed":
            return ": completed"
        case "pending":
            return ": it starts again"
    return ""


def stopping(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return f"its end, which {_HAD_BEGUN.get(str(facts.get('goal')), 'had begun')}, goes on"
    match facts.get("goal"):
        case "stop" | "complete" if facts.get("cause") == "rule":
            return f"one of its rules ordered it to {facts.get('goal')}: {facts.get('reason')}"
        case "stop":
            return "a person ordered it to stop"
        case "restart" if facts.get("cause") == "age":
            return "it is restarted for its age: it is ended first"
        case "restart" if facts.get("cause") == "held":
            return "it is restarted after its hold: it is ended first"
        case "restart":
            return "a person ordered a restart: it is ended first"
        case "complete":
            return "a person marked it done: it is ended"
        case "remove":
            return "it is to be removed: it is ended first"
        case "replace":
            return "the file now has another command, folder, environment or pane: it is ended first"
        case "down":
            return "the service was told to end, and the worker with it"
        case goal:
            return f"it is ended ({goal})"


_HAD_BEGUN = {
    "stop": "a person had ordered",
    "complete": "a person who marked it done had ordered",
    "remove": "was to remove it",
    "replace": "was to replace it",
}


def stopped(facts: Facts, _most: int) -> str:
    forced = "; it had to be killed (KILL)" if facts.get("forced") else ""
    match facts.get("cause"):
        case "adopted":
            return "was stopped when the service started, and stays so"
        case "defined":
            return "defined, and stopped until somebody starts it (autostart = false)"
        case "down":
            return f"stopped with the service{forced}"
        case "rule":
            return f"stopped by one of its rules: nothing is left of it{forced}"
        case "person" if facts.get("from") == "stopping":
            return f"stopped, as a person ordered: nothing is left of it{forced}"
    return "stopped by a person"


def completed(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return "was completed when the service started, and stays so"
    by = "one of its rules" if facts.get("cause") == "rule" else "a person"
    return f"completed: {by} marked it done" + ("; it had to be killed (KILL)" if facts.get("forced") else "")


def failed(facts: Facts, _most: int) -> str:
    if facts.get("cause") == "adopted":
        return "had failed when the service started, and stays so"
    return f"could not be started: {facts.get('reason') or 'reason not known'}"


def removed(facts: Facts, _most: int) -> str:
    return "removed" + ("; it had to be killed (KILL)" if facts.get("forced") else "")


def hurried(facts: Facts, _most: int) -> str:
    return f"a person was in a hurry: {facts.get('step')}, at once"


def signalled(facts: Facts, _most: int) -> str:
    whole = ", and all of its tree" if facts.get("to") == "tree" else ""
    return f"a person sent it{whole} the signal {facts.get('signal')}"


def adopted(facts: Facts, _most: int) -> str:
    return f"the service started and found it alive (pid {facts.get('pid')})"


def quarantined(facts: Facts, _most: int) -> str:
    return f"quarantined: {facts.get('reason')}"


def respawned(facts: Facts, _most: int) -> str:
    return f"a person ran respawn-pane in its pane: pid {facts.get('pid')} in place of {facts.get('old_pid')}"


def escaped(facts: Facts, _most: int) -> str:
    pids = ", ".join(map(str, facts.get("pids") or ()))
    if "worker" not in facts:
        return f"processes that had left their workers' trees unseen were ended: pid {pids}"
    return f"had left its process tree unseen, and was ended with it: pid {pids}"


def log_gap(facts: Facts, _most: int) -> str:
    match facts.get("why"):
        case "silent":
            what = "nothing was written to its log, though it printed"
        case "closed":
            what = "the writer of its log had ended"
        case why:
            what = f"its log was {why}"
    lost = f", with {short_size(facts['lost_bytes'])} in {facts.get('file')}" if facts.get("lost_bytes") else ""
    gap = facts.get("gap_s")
    of = f" of the last {short_time(gap)}" if gap is not None else ""
    return f"{what}{lost}: it goes on in a new file, and output{of} may be missing"


def stalled(facts: Facts, _most: int) -> str:
    what = "printed nothing" if facts.get("by") == "output" else "its screen did not change"
    return f"stalled: {what} for {short_time(facts.get('silent_s'))}"


def input_held(facts: Facts, _most: int) -> str:
    why = {
        "typing": "a person is typing",
        "draft": "a person has left a draft",
        "ours": "what was typed before still stands there",
    }
    return f"what was to be typed waits: {why.get(facts.get('why', ''), facts.get('why'))}"


def stall_step(facts: Facts, most: int) -> str:
    words = {"notify": "the stall was reported", "send": "it was typed to", "interrupt": "C-c was typed"}
    what = words.get(str(facts.get("do")), "it was ended for its stall") + _verdict(facts, most)
    return f"{what} (step {facts.get('step')} of {facts.get('steps')})"


def ruled(facts: Facts, most: int) -> str:
    text = f': "{facts["text"]}"' if facts.get("text") else ""
    done = [str(each) for each in facts.get("do") or ()]
    said = f"its rule {facts.get('rule')} fired{text}"
    if facts.get("to"):
        said += f"; it was ended{_verdict(facts, most)}"
    elif done != ["event"]:
        said += f"; done: {', '.join(done) or 'nothing'}"
    left = facts.get("left_out")
    return said + (f"; left out: {', '.join(left)}" if left else "") + _perhaps_again(facts)


def _perhaps_again(facts: Facts) -> str:
    return " (perhaps not for the first time: the service was killed meanwhile)" if facts.get("again") else ""


def unstalled(facts: Facts, _most: int) -> str:
    return f"it showed a sign of life again, {short_time(facts.get('stalled_s'))} after it was found stalled"


def held(facts: Facts, _most: int) -> str:
    then = "; then it is restarted" if facts.get("then") == "restart" else ""
    said = f"its rule {facts.get('rule')} holds it for {short_time(facts.get('hold_s'))}{then}"
    match facts.get("unclear"):
        case "unread":
            return f'{said} (no time can be read in "{facts.get("found")}": this is the longest)'
        case "too-far":
            return f'{said} ("{facts.get("found")}" is further away than the longest hold, which this is)'
    return said


_RELEASED = {"restart": "it is restarted", "start": "it starts", "send": "it is typed to"}


def released(facts: Facts, _most: int) -> str:
    done = _RELEASED.get(str(facts.get("do")))
    after = f" after {short_time(facts.get('held_s'))}" + (f": {done}" if done else "")
    match facts.get("cause"):
        case "person":
            return f"a person released it from its hold{after}"
        case "ended":
            return f"its hold ended with its life{after}"
    return f"its hold is over{after}"


_ATTENTION = {
    "waiting": "it waits for a person",
    "working": "it works",
    "idle": "it has nothing to do",
}


def attention(facts: Facts, _most: int) -> str:
    word = facts.get("attention")
    if word is None:
        return "it does not wait for a person any more"
    by = "" if facts.get("by") == "report" else f" (by {facts.get('by')})"
    return f"{_ATTENTION.get(str(word), word)}{by}" + (f": {facts['text']}" if facts.get("text") else "")


def limit(facts: Facts, most: int) -> str:
    which = str(facts.get("which"))
    said = f"above its limit: {which} {amount(which, facts.get('value'))} of {amount(which, facts.get('limit'))}"
    if facts.get("to"):
        return f"{said}, so it was ended{_verdict(facts, most)}"
    return f"{said}, so it is restarted" if facts.get("do") == "restart" else f"{said}; it runs on"


def actor_failed(facts: Facts, _most: int) -> str:
    if "worker" not in facts:
        return f"the actor {facts.get('actor')} failed, which ends the service: {facts.get('error')}"
    return f"the actor behind it failed and was replaced: {facts.get('error')}"


# ── what explains many workers at once ────────────────────────────────────────────────────────────────────────────


def tmux_died(facts: Facts, _most: int) -> str:
    return f"the tmux server (pid {facts.get('pid')}) died with {counted(facts.get('workers') or 0, 'worker')} in it"


def tmux_unreachable(facts: Facts, _most: int) -> str:
    return f"tmux did not answer ({facts.get('reason')}): nothing was judged from here on"


def service_started(facts: Facts, _most: int) -> str:
    before = facts.get("previous_ended")
    return f"the service started (pid {facts.get('pid')})" + (f"; the one before ended {before}" if before else "")


def service_restarted(facts: Facts, _most: int) -> str:
    how = exit_in_words(facts.get("exit_code"), facts.get("exit_signal"))
    return f"the keeper of the service started it again (the one before: {how})"


def service_stopping(facts: Facts, _most: int) -> str:
    return f"the service was told to end ({facts.get('cause')}), its workers {facts.get('workers')}"


def config_applied(facts: Facts, _most: int) -> str:
    words = {"create": "new", "replace": "to be replaced", "policy": "with a changed policy", "stop": "removed"}
    changes = ", ".join(f"{facts[k]} {words[k]}" for k in COUNTED if facts.get(k))
    later = f"; from the next start on: {_listed(facts['next_start'])}" if facts.get("next_start") else ""
    return f"the file was applied: {changes or 'no worker changed'}{later}"


def order_given(facts: Facts, _most: int) -> str:
    names, select = facts.get("names"), facts.get("select")
    whom = f" of {_listed(names)}" if names else " of a selection of workers" if select else ""
    what = f"signal {facts['signal']}" if facts.get("signal") else str(facts.get("do"))
    return f"{facts.get('by')} ordered {what}{whom}" + (" by force" if facts.get("force") else "")


def filled(said: str, facts: Facts) -> str:
    """Return a sentence with the facts that it names in braces; seconds and bytes stand in their short form."""
    return re.sub(r"{(\w+)}", lambda name: _in_words(name[1], facts.get(name[1])), said)


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, int | float) and (name.endswith("_s") or name == "seconds"):
        return short_time(value)
    if isinstance(value, int) and name == "bytes":
        return short_size(value)
    return "not known" if value is None else _listed(value)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
