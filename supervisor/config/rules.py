"""What one table has to fulfil as a whole: its short forms, and keys that have to go together.

    as written ──spelt_out──▶ without short forms ──each key is read──▶ values ──judged──▶ values of the dataclass

`judged` raises Refused for keys that are wrong wherever they stand, and Mismatch for keys that are fine by themselves.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from actors.values.command_text import SESSION, Resume, SessionSource
from actors.values.rules import Act, HoldUntil, On, Rule
from actors.values.spec import (
    KINDS,
    Backoff,
    ExitRule,
    Growth,
    Http,
    Limit,
    Limits,
    Live,
    Ready,
    Rung,
    Stall,
    WorkerSpec,
)
from supervisor.attention.presets import Preset
from supervisor.config.forms import LimitGiven, pauses, refuse
from supervisor.config.problems import Finding, Mismatch, Refused
from supervisor.config.settings import MetricsSettings, Receiver, WebSettings
from supervisor.text.patterns import groups_of
from supervisor.text.urls import http_target
from supervisor.text.words import shown

RUNG_WAIT = "30s"  # until the next step of a stall ladder that does not say
_Values = dict[str, Any]


def spelt_out(kind: type, written: object) -> object:
    """Return the table without its short forms."""
    return _SHORT[kind](written) if kind in _SHORT else written


def judged(kind: type, values: _Values, given: Collection[str]) -> _Values:
    """Return the values for the dataclass; `given` are the keys that the file has."""
    for rule in _RULES.get(kind, ()):
        rule(values, given)
    return values | _limits(values) if kind is Limits else values


def _backoff(written: object) -> object:
    if not isinstance(written, list | dict):
        like = 'a table like { initial = "1s" } or an array like ["1s", "5s"]'
        raise ValueError(f"must be {like}, not {shown(written)}")
    if isinstance(written, dict):
        return written
    pauses(written)  # for its verdicts, which here are about backoff[0] and so on
    return {"steps": written}


def _http(written: object) -> object:
    if not isinstance(written, str | dict):
        like = 'a URL like "http://127.0.0.1:8080/health", or a table with url'
        raise ValueError(f"must be {like}, not {shown(written)}")
    if isinstance(written, dict):
        return written
    http_target(written)  # for its verdict, which here is about the key itself
    return {"url": written}


def _stall(written: object) -> object:
    if not isinstance(written, dict) or not isinstance(ladder := written.get("ladder"), list):
        return written
    waits = [
        {"wait": RUNG_WAIT} | rung if number and isinstance(rung, dict) else rung for number, rung in enumerate(ladder)
    ]
    return written | {"ladder": waits}


def _rule(written: object) -> object:
    if not isinstance(written, dict) or "do" not in written or isinstance(written["do"], list):
        return written
    return written | {"do": [written["do"]]}


def _act(written: object) -> object:
    if not isinstance(written, str | dict):
        raise ValueError(f'must be a word like "restart" or a table like {{ send = "yes" }}, not {shown(written)}')
    return {"order": written} if isinstance(written, str) else written


def _factor_only_where_it_counts(backoff: _Values, given: Collection[str]) -> None:
    if "factor" in given and backoff["kind"] != Growth.EXPONENTIAL:
        raise Mismatch("factor", f'is for kind = "exponential", not for {shown(str(backoff["kind"]))} (leave it out)')


def _max_not_below_initial(backoff: _Values, _given: Collection[str]) -> None:
    longest, first = backoff["max"], backoff["initial"]
    if longest < first:
        raise Mismatch("max", f"({longest:g}s) must not be less than backoff.initial ({first:g}s)")


def _steps_alone(backoff: _Values, given: Collection[str]) -> None:
    if backoff["steps"] and set(given) - {"steps", "jitter"}:
        raise Mismatch(None, "has steps, which are the pauses themselves: only jitter can stand beside them")


def _after_something(rule: _Values, _given: Collection[str]) -> None:
    if not rule["codes"] and not rule["signals"]:
        raise Refused((("do",), "needs codes or signals beside it, to say after which ends"))


def _one_kind(check: _Values, _given: Collection[str]) -> None:
    kinds = [kind for kind in KINDS if check[kind] is not None]
    refuse(((kind,), f"stands beside {kinds[0]}, and only one of them can be asked") for kind in kinds[1:])


def _delay_below_timeout(ready: _Values, _given: Collection[str]) -> None:
    delay, timeout = ready["delay"], ready["timeout"]
    if delay >= timeout:
        raise Mismatch("delay", f"({delay:g}s) must be less than ready.timeout ({timeout:g}s)")


def _types_only_to_send(rung: _Values, _given: Collection[str]) -> None:
    typed = bool(rung["keys"]) + (rung["text"] is not None)
    if rung["do"] == "send" and typed != 1:
        raise Refused((("keys",), 'or text must be given, one of them: do = "send" has to say what it types'))
    if rung["do"] != "send" and typed:
        raise Refused((("keys",), 'and text are only for do = "send"'))


def _restart_comes_last(stall: _Values, _given: Collection[str]) -> None:
    for number, rung in enumerate(stall["ladder"][:-1]):
        if rung.do == "restart":
            what = 'must come last when it is do = "restart": nothing is left to climb after it'
            raise Refused((("ladder", number), what))


_LOOKS_FOR = {
    "codes": On.EXIT,
    "signals": On.EXIT,
    "states": On.STATE,
    "prompts": On.PROMPT,
    "unless": On.PROMPT,
    "rows": On.PROMPT,
}
_THINGS = ("order", "attention", "send", "keys", "answer", "run", "hold")
_BY_PATTERN = (On.LINE, On.SCREEN, On.PROMPT)


def _one_thing(act: _Values, _given: Collection[str]) -> None:
    things = [key for key in _THINGS if act[key] not in (None, ())]
    if len(things) != 1:
        found = f"has {' and '.join(things)}" if things else "says nothing to do"
        raise Mismatch(None, f"{found}: give one of {', '.join(_THINGS)}")


def _sends_to_what_goes_on(hold: _Values, _given: Collection[str]) -> None:
    if hold["send"] is not None and hold["then"] == "restart":
        raise Mismatch("send", 'is for then = "continue": a program that is restarted is typed to by nobody')


def _looks_for_what_it_can(rule: _Values, given: Collection[str]) -> None:
    on = rule["on"]
    for key, only in _LOOKS_FOR.items():
        if key in given and on is not only:
            raise Mismatch(key, f'is only for on = "{only}"')
    if on in _BY_PATTERN and rule["match"] is None and not rule["prompts"]:
        what = 'or prompts is missing: on = "prompt"' if on is On.PROMPT else f'is missing: on = "{on}"'
        raise Mismatch("match", f"{what} has to say what is looked for")
    if on in (On.EXIT, On.STATE) and rule["match"] is not None:
        raise Mismatch("match", f'is not for on = "{on}" (use {"codes, signals" if on is On.EXIT else "states"})')
    if on is On.STATE and not rule["states"]:
        raise Mismatch("states", 'is missing: on = "state" has to say which ones count')
    if on is On.SILENCE and not rule["within"]:
        raise Mismatch("within", 'is missing: on = "silence" has to say how long')
    if on is On.SILENCE and "times" in given:
        raise Mismatch("times", 'is not for on = "silence"')
    if on is not On.SILENCE and (rule["times"] > 1) != (rule["within"] > 0):
        raise Mismatch("within", "and times go together: so many matches within that time")
    if not rule["do"]:
        raise Mismatch("do", "must not be empty")
    if any(act.answer is not None for act in rule["do"]) and not rule["prompts"]:
        raise Mismatch("prompts", "is missing: a preset has the keys for an answer")


def misnamed(spec: WorkerSpec | None, presets: Sequence[Preset] | None) -> Iterator[Finding]:
    """Yield a finding for each name in `prompts` that is no preset's, and for each answer that its preset lacks."""
    if spec is None or presets is None:
        return
    known = {preset.name: preset for preset in presets if preset.region != "title"}
    for number, rule in enumerate(spec.rules):
        for place, name in enumerate(rule.prompts):
            where = ("rules", number, "prompts", place)
            if name not in known:
                what = f"rules[{number}].prompts[{place}]: no preset of screens is called {shown(name)}"
                yield Finding(where, what, meant=(name, sorted(known)))
                continue
            answers = [answer for answer, _ in known[name].keys]
            for asked in (act.answer for act in rule.do if act.answer not in (None, *answers)):
                has = ", ".join(answers) or "none"
                yield Finding(where, f"rules[{number}]: the preset {name} has no answer {shown(asked)} (it has {has})")


def _groups_are_captured(rule: _Values, _given: Collection[str]) -> None:
    known = groups_of(rule["match"]) if rule["match"] and rule["on"] is not On.SILENCE else ()
    for number, act in enumerate(rule["do"]):
        typed = [act.send, act.hold.send if act.hold else None]
        for argument in (*act.run, *(text for text in typed if text is not None)):
            if _GROUP.fullmatch(argument) and argument[1:-1] not in known:
                what = f"has {argument}, which match does not capture"
                raise Refused((("do", number), f"{what} ({', '.join(known) or 'it has no group'})"))
        if act.hold and act.hold.until not in known:
            what = f"hold.until must be a group of match, not {shown(act.hold.until)}"
            raise Refused((("do", number), f"{what} ({', '.join(known) or 'there is none'})"))


def _one_source(source: _Values, _given: Collection[str]) -> None:
    given = [key for key in ("log", "file", "report") if source[key]]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "says nothing"
        raise Mismatch(None, f"{found}: give one of log, file, report")
    if source["log"] and len(groups_of(source["log"])) < 2:
        raise Mismatch("log", "must have a group, which is the id of the session, as in 'session: (\\S+)'")


def _session_where_it_is_used(resume: _Values, _given: Collection[str]) -> None:
    if not resume["command"]:
        raise Mismatch("command", "must not be empty")
    uses = any(SESSION in argument for argument in resume["command"])
    if uses and resume["session"] is None:
        raise Mismatch("session", f"is missing: command has {SESSION}, and nothing says which that is")
    if resume["session"] is not None and not uses:
        raise Mismatch("command", f"has no {SESSION}: put it where the id goes, or leave out session")


_GROUP = re.compile(r"\{[A-Za-z0-9_]+\}")


def _limits(values: _Values) -> _Values:
    """Return each limit with what is done about it: its own `do`, else the table's."""
    given = {key: limit for key, limit in values.items() if isinstance(limit, LimitGiven)}
    return {key: Limit(limit.value, limit.do or values["do"]) for key, limit in given.items()}


_SHORT: dict[type, Callable[[object], object]] = {Backoff: _backoff, Http: _http, Stall: _stall, Rule: _rule, Act: _act}


def _one_way_to_tell(receiver: _Values, _given: Collection[str]) -> None:
    if not receiver["urls"] and not receiver["command"]:
        raise Mismatch("command", "or urls has to say where messages go")
    if receiver["urls"] and receiver["command"]:
        raise Mismatch("command", "cannot stand beside urls (make it a receiver of its own)")


def _two_files_of_a_certificate(web: _Values, _given: Collection[str]) -> None:
    if (web["cert"] is None) != (web["key"] is None):
        raise Mismatch("cert" if web["cert"] else "key", "needs the other one: a certificate has cert and key")


def _somewhere(metrics: _Values, _given: Collection[str]) -> None:
    if metrics["enabled"] and metrics["write"] is None:
        raise Mismatch("write", "has to say into which file")


_RULES: dict[type, tuple[Callable[[_Values, Collection[str]], None], ...]] = {
    Backoff: (_steps_alone, _factor_only_where_it_counts, _max_not_below_initial),
    ExitRule: (_after_something,),
    Ready: (_one_kind, _delay_below_timeout),
    Live: (_one_kind,),
    Rung: (_types_only_to_send,),
    Stall: (_restart_comes_last,),
    Receiver: (_one_way_to_tell,),
    WebSettings: (_two_files_of_a_certificate,),
    MetricsSettings: (_somewhere,),
    Act: (_one_thing,),
    SessionSource: (_one_source,),
    Resume: (_session_where_it_is_used,),
    HoldUntil: (_sends_to_what_goes_on,),
    Rule: (_looks_for_what_it_can, _groups_are_captured),
}
