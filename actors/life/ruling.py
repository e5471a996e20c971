"""Rules of a worker: `actors.rules` says which fire, this module acts.

An act on the living program is left out where another life than the one that matched lives now, and typing also
where the match may have been told before. The line of the log says so. What is typed waits for a person's hands, as all
input does, for up to `STALE` seconds; while the worker is held it waits for the end of that.
"""

from dataclasses import replace
from typing import Any

from actors.life import resuming
from actors.life.attending import attention_said
from actors.life.holding import begin_hold
from actors.life.moves import line_of
from actors.life.orders import order_end
from actors.life.state import Goal, Life, Phase, State, Step, Worker, renewed
from actors.life.typed_input import input_given
from actors.life.watching import end_as_crashed
from actors.rules import engine
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.effects import AskPane, Effect, RunCommand
from actors.values.facts import (
    NO_SENDER,
    Fact,
    InputGiven,
    Instant,
    PaneSeen,
)
from actors.values.rules import Act, Asked, CommandEnded, LinesMatched, LinesSkipped, Match, Rule, ScreenMatched, filled
from actors.values.typing import Manner

STALE = 60.0  # seconds after which what a rule types is no answer any more to what the program printed
ANSWER = 5.0  # the same, where the prompt has to stand as it did: it is given up when that has changed
ASK_AGAIN = 5.0  # seconds until an unanswered question for the pane is repeated

S = State
_GOALS = {"stop": Goal.STOP, "complete": Goal.COMPLETE}


def lines_matched(w: Worker, fact: LinesMatched, now: Instant) -> Step:
    """Heed them; what a new life prints may be heard before tmux has answered its start, and waits for that."""
    if w.spec.resume is not None and (session := resuming.found(fact.matches)):
        w = resuming.known(w, fact.life, session)
    if not any(rule.do for rule, _ in fact.matches):
        return w, ()
    if w.life and w.life.id == fact.life and w.life.phase in (Phase.ORDERED, Phase.UNKNOWN):
        return replace(w, early=(*w.early, fact)), ()
    return _heed(w, engine.Found(fact.matches), fact.life, now)


def screen_matched(w: Worker, fact: ScreenMatched, now: Instant) -> Step:
    if w.life is None or w.life.id != fact.life:
        return w, ()
    return _heed(w, engine.Shown(fact.matches, w.is_held), fact.life, now)


def lines_skipped(w: Worker, fact: LinesSkipped, _now: Instant) -> Step:
    return w, (line_of(w, "worker.lines_skipped", {"bytes": fact.bytes, "reason": fact.reason}),)


def command_ended(w: Worker, fact: CommandEnded, _now: Instant) -> Step:
    if fact.problem is None:
        return w, ()
    return w, (line_of(w, "worker.rule_command", {"rule": fact.rule, "reason": fact.problem}),)


def silence_at(w: Worker) -> float | None:
    """Return when a silence may be over, or a prompt has stood."""
    by_look, by_line = _due(w)
    if by_look is not None and w.silence_asked is not None:
        by_look = max(by_look, w.silence_asked + ASK_AGAIN)
    return min((at for at in (by_look, by_line) if at is not None), default=None)


def _due(w: Worker) -> tuple[float | None, float | None]:
    """Return when a look at the pane may decide something, and when a silence of lines may be over."""
    if w.is_held or not w.spec.rules:
        return None, None
    by_look, by_line = engine.silence_due(w.rules)
    prompt = None if w.attached else engine.prompt_due(w.rules)
    return min((at for at in (by_look, prompt) if at is not None), default=None), by_line


def ask_whether_silent(w: Worker, now: Instant) -> Step:
    """Let silences of lines fire, and ask for the pane where a look at it decides."""
    by_look, by_line = _due(w)
    effects: tuple[Effect, ...] = ()
    if by_line is not None and by_line <= now.mono:
        w, effects = _heed(w, engine.Passed(), w.life.id if w.life else None, now)
    again = w.silence_asked is None or now.mono >= w.silence_asked + ASK_AGAIN
    if by_look is None or by_look > now.mono or not again or _living(w) is None:
        return w, effects
    return replace(w, silence_asked=now.mono), (*effects, AskPane(w.pane))


def heed(before: Worker, after: Worker, effects: tuple[Effect, ...], fact: Fact, now: Instant) -> Step:
    """Let the rules of the worker see what `fact` has changed."""
    after = renewed(after, rules=after.rules.of(after.spec.rules))
    seen: list[engine.Seen] = []
    old, new = _living(before), _living(after)
    if new and (old is None or old.id != new.id or before.spec.rules != after.spec.rules):
        seen.append(engine.Begun())
    if new and after.early:
        seen += [engine.Found(told.matches) for told in after.early if told.life == new.id]
        after = replace(after, early=())
    if new and isinstance(fact, PaneSeen) and _is_of(fact, after, new):
        held = after.is_held  # nothing is typed by itself then, and its silence is on purpose
        printed = before.last_output != after.last_output or held
        same = after.screen is before.screen if fact.screen is not None else not printed
        seen.append(engine.Looked(fact.taken, printed, same, after.attached or held))
        after = renewed(after, silence_asked=None)
    if after.exit is not None and (after.judged, after.exit) != (before.judged, before.exit):
        seen.append(engine.Ended(after.exit))
    life = new.id if new else None
    for each in seen:
        after, more = _heed(after, each, life, now)
        effects += more
    known = before.state
    while after.state is not known:  # a rule may lead to the next state; each firing counts towards its rate
        known = after.state
        after, more = _heed(after, engine.Came(known), life, now)
        effects += more
    return after, effects


def _living(w: Worker) -> Life | None:
    return w.life if w.life and w.life.phase is Phase.ALIVE and w.state in (S.STARTING, S.RUNNING) else None


def _is_of(fact: PaneSeen, w: Worker, life: Life) -> bool:
    return fact.pane.id == w.pane and fact.pane.life == life.id and fact.taken > life.answered


def _heed(w: Worker, seen: engine.Seen, life: str | None, now: Instant) -> Step:
    book, firings = engine.step(w.rules.of(w.spec.rules), seen, now.mono)
    w = renewed(w, rules=book)
    effects: tuple[Effect, ...] = ()
    for firing in firings:
        w, more = _limited(w, firing.rule) if firing.limited else _fire(w, firing.rule, firing.match, life, now)
        effects += more
    return w, effects


def _limited(w: Worker, rule: Rule) -> Step:
    return w, (line_of(w, "worker.rule_limited", {"rule": rule.called, "limit": str(rule.at_most)}),)


def _fire(w: Worker, rule: Rule, match: Match, life: str | None, now: Instant) -> Step:
    """Do what the rule says, and write one line about it."""
    ours = _living(w) if w.life and w.life.id == life else None
    left = [act for act in rule.do if _hindered(w, act, ours, match, life)]
    acts = [act for act in rule.do if act not in left]
    facts: dict[str, Any] = {"rule": rule.called, "on": rule.on.value, "do": [act.called for act in acts]}
    facts |= {"prompt": match.preset} if match.preset else {}
    facts |= {"text": match.text} if match.text else {}
    facts |= {"left_out": [act.called for act in left]} if left else {}
    facts |= {"again": True} if match.again else {}
    effects: tuple[Effect, ...] = ()
    for act in acts:
        w, more = _do(w, rule, act, match, life, now)
        effects += more
    order = next((act.order for act in acts if act.order in ("restart", "stop", "complete")), None)
    if order == "restart" and ours and w.life:
        reason = f"rule {rule.called}" + (f": {match.text}" if match.text else "")
        w, ended = end_as_crashed(w, w.life, now, "worker.rule", "rule", reason, **facts)
        return w, (*effects, *ended)
    line = line_of(w, "worker.rule", facts)
    if order in _GOALS:
        w, ended = order_end(w, _GOALS[order], now, rule=rule.called)
        return w, (line, *effects, *ended)
    return w, (line, *effects)


def _hindered(w: Worker, act: Act, ours: Life | None, match: Match, life: str | None) -> bool:
    """Whether this cannot be done now: another life, perhaps a repetition, or the preset has no such answer."""
    if act.hold is not None:  # a program may print its limit and end
        present = w.life.id if w.life and w.state in (S.STARTING, S.RUNNING) else None
        return life != (w.judged if w.state is S.BACKOFF else present)
    if act.types:
        unknown = act.answer is not None and not _keys(act, match)
        return ours is None or match.again or (bool(match.stands) and w.attached) or unknown
    if act.order == "restart":
        return ours is None
    if act.attention is not None:
        return ours is None
    return act.order in _GOALS and ours is None and w.life is not None


def _do(w: Worker, rule: Rule, act: Act, match: Match, life: str | None, now: Instant) -> Step:
    if act.attention is not None:
        said = AttentionSaid(
            by=Source.RULE, word=Word(act.attention), life=life, text=match.text or rule.called, until_output=True
        )
        return attention_said(w, said, now)
    if act.run:
        argv = tuple(filled(argument, match) for argument in act.run)
        facts: dict[str, Any] = {
            "worker": w.name,
            "life": life,
            "rule": rule.called,
            "on": rule.on.value,
            "state": w.state.value,
        }
        facts |= {"text": match.text, "groups": dict(match.groups), "again": match.again, "at": now.wall}
        facts |= {"exit_code": w.exit.code, "exit_signal": w.exit.signal} if w.exit else {}
        return w, (RunCommand(w.name, rule.called, argv, w.spec.cwd, facts, act.timeout),)
    if act.hold is not None:
        return begin_hold(w, rule, act.hold, match, life or "", now)
    until = max(now.mono, (w.is_held and w.hold_over) or 0.0) + (ANSWER if match.stands else STALE)
    given = InputGiven(NO_SENDER, until=until, asked=Asked(rule.called, match) if match.stands else None)
    if act.send is not None:
        return input_given(w, replace(given, content=filled(act.send, match).encode(), manner=Manner.LINE), now)
    if keys := _keys(act, match):
        return input_given(w, replace(given, keys=keys), now)
    return w, ()


def _keys(act: Act, match: Match) -> tuple[str, ...]:
    return act.keys if act.answer is None else dict(match.answers).get(act.answer, ())
