"""Holds: a worker is left alone until a time that it has printed, and then goes on or is restarted.

    a rule ──begin_hold──▶ held ──its time, `release`──▶ goes on, typed to │ restarted │ started from its back-off
                             └── its life ends otherwise, another begins ──▶ over

The time is one of the wall clock, so that clock decides; the monotonic one only says when to look. A hold is on record,
so another service goes on with it. While it lasts nothing is typed by itself, and silence counts for nothing: rules
about silence and prompts, and the stall ladder, begin anew when it is over.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from actors.life.ending import begin_stop
from actors.life.moves import line_of
from actors.life.resuming import not_in_vain
from actors.life.stall import StallWatch
from actors.life.state import Goal, Phase, State, Step, Worker, renewed
from actors.life.typed_input import input_given
from actors.rules import engine
from actors.values.effects import Effect
from actors.values.facts import NO_SENDER, InputGiven, Instant
from actors.values.records import Record
from actors.values.rules import Holding, HoldUntil, Match, Released, Rule, filled
from actors.values.typing import Manner

SAME = 60.0  # seconds by which two messages of one limit may differ: most tell whole minutes
PATIENCE = 3600.0  # seconds for which what is typed at the end waits for a person's hands; by judgement

S = State
_BETWEEN = (S.PENDING, S.BACKOFF)


def begin_hold(w: Worker, rule: Rule, act: HoldUntil, match: Match, life: str, now: Instant) -> Step:
    """Hold the worker until the time that was found; the present hold gives way to a later time only.

    What the last hold was begun for is the same message, drawn or told again, and begins nothing.
    """
    if w.hold and _is_known(w.hold, rule, match):
        return w, ()
    at, unclear = _time_of(act, match, now)
    if w.is_held and w.hold and (unclear == "unread" or at <= (w.hold.at or w.hold.until) + SAME):
        return w, ()
    until = at + _spread(w.name) * act.jitter
    send = None if act.send is None else filled(act.send, match)
    text = match.text or rule.called
    hold = Holding(
        rule=rule.called,
        life=life,
        since=now.wall,
        at=match.until,
        until=until,
        then=act.then,
        send=send,
        text=text,
    )
    w, calmed = _calmed(_watching(replace(not_in_vain(w, life), hold=hold), now), now)
    facts: dict[str, Any] = {"rule": rule.called, "until": _iso(until), "hold_s": round(until - now.wall, 3)}
    facts |= {"then": act.then} | ({"unclear": unclear, "found": _found(act, match)} if unclear else {})
    return _slept(w, now), (line_of(w, "worker.held", facts), *calmed)


def _is_known(last: Holding, rule: Rule, match: Match) -> bool:
    if last.rule != rule.called:
        return False
    return (match.again and last.text == match.text) or (match.until is not None and match.until == last.at)


def _time_of(act: HoldUntil, match: Match, now: Instant) -> tuple[float, str]:
    """Return the Unix time that is waited for, and what is the matter with the one that was found, if anything."""
    longest = now.wall + act.max
    if match.until is None:
        return longest, "unread"
    return (longest, "too-far") if match.until > longest else (max(match.until, now.wall), "")


def _found(act: HoldUntil, match: Match) -> str:
    return dict(match.groups).get(act.until, "")


def _spread(name: str) -> float:
    """Return a number in [0, 1), always the same one for the worker."""
    return random.Random(name).random()


def _watching(w: Worker, now: Instant) -> Worker:
    """Return the worker with the moment at which its hold may be over."""
    if w.hold is None or w.hold.over:
        return replace(w, hold_over=None)
    return replace(w, hold_over=now.mono + max(0.0, w.hold.until - now.wall))


def _calmed(w: Worker, now: Instant) -> Step:
    """Return the worker without a stall: its silence is on purpose."""
    life = w.life
    if life is None or life.stall.since is None:
        return w, ()
    stalled = round(now.mono - life.stall.since.mono, 3)
    return replace(w, life=replace(life, stall=StallWatch())), (line_of(w, "worker.unstalled", {"stalled_s": stalled}),)


def _slept(w: Worker, now: Instant) -> Worker:
    """Return a worker between two lives with the end of its hold as its next start, if that is later."""
    if w.state not in _BETWEEN or not w.hold or w.hold_over is None:
        return w
    if w.next_start and w.next_start.wall >= w.hold.until:
        return w
    return replace(w, next_start=Instant(w.hold_over, w.hold.until))


def held_before(w: Worker, record: Record, now: Instant) -> Worker:
    """Return the worker of a new service or actor with the hold on record."""
    return _watching(replace(w, hold=record.hold), now)


def still_held(w: Worker, now: Instant) -> Step:
    """End the hold where its life was ended, or another one has begun; between two lives the next one waits for it."""
    hold = w.hold
    if hold is None or hold.over:
        return w, ()
    if w.state in _BETWEEN:
        return _slept(w, now), ()
    if w.state in (S.STARTING, S.RUNNING) and w.life and w.life.id == hold.life:
        return w, ()
    return _over(w, hold, now), (_released(w, hold, now, "ended", ""),)


def look_at_hold(w: Worker, now: Instant) -> Step:
    """End the hold when its time has come."""
    if not w.is_held or w.hold is None:
        return w, ()
    if now.wall < w.hold.until:
        early = w.hold_over is not None and now.mono >= w.hold_over  # the clock was set back
        return (_watching(w, now) if early else w), ()
    return _end(w, w.hold, now, "time", cancel=False)


def released(w: Worker, fact: Released, now: Instant) -> Step:
    """End the hold, because a person says so."""
    if not w.is_held or w.hold is None:
        return w, ()
    return _end(w, w.hold, now, "person", cancel=fact.cancel)


def given_up(w: Worker, now: Instant) -> Step:
    """End the hold of a worker that a person starts before its time."""
    if not w.is_held or w.hold is None or w.state not in _BETWEEN:
        return w, ()
    return _over(w, w.hold, now), (_released(w, w.hold, now, "person", "start"),)


def _end(w: Worker, hold: Holding, now: Instant, cause: str, *, cancel: bool) -> Step:
    alive = w.life is not None and w.life.phase is Phase.ALIVE
    w, asleep = _over(w, hold, now), w.state in _BETWEEN
    done = "start" if asleep else "" if cancel or not alive else "restart" if hold.then == "restart" else "send"
    done = "" if done == "send" and hold.send is None else done
    told: tuple[Effect, ...] = (_released(w, hold, now, cause, done),)
    match done:
        case "start":
            return replace(w, next_start=now), told
        case "restart":
            w, effects = begin_stop(w, Goal.RESTART, now, cause="held")
        case "send":
            text = (hold.send or "").encode()
            given = InputGiven(NO_SENDER, text, until=now.mono + PATIENCE, manner=Manner.LINE)
            w, effects = input_given(w, given, now)
        case _:
            effects = ()
    return w, (*told, *effects)


def _over(w: Worker, hold: Holding, now: Instant) -> Worker:
    """Return the worker without its hold: what waited for its end may be typed, and silence counts from now on."""
    life = w.life and renewed(w.life, stall=StallWatch())
    book, _ = engine.step(w.rules.of(w.spec.rules), engine.Freed(), now.mono)
    queue = replace(w.typing, aside_at=None) if w.typing.aside else w.typing
    return replace(w, hold=replace(hold, over=True), hold_over=None, life=life, rules=book, typing=queue)


def _released(w: Worker, hold: Holding, now: Instant, cause: str, done: str) -> Effect:
    facts = {"rule": hold.rule, "cause": cause, "held_s": round(now.wall - hold.since, 3), "do": done or None}
    return line_of(w, "worker.released", facts)


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
