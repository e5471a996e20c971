"""Takes what the sources say about a running worker's attention, and logs each change that people care about."""

from dataclasses import replace
from typing import Any

from actors.life import attention
from actors.life.moves import line_of
from actors.life.resuming import known
from actors.life.state import Life, Phase, State, Step, Worker, renewed
from actors.values.attention import AttentionSaid, SessionSaid, Source, Word
from actors.values.effects import Emit
from actors.values.facts import Instant


def attention_said(w: Worker, said: AttentionSaid, now: Instant) -> Step:
    """Take what a source says. It is dropped when it is about another life."""
    life = w.life
    if life is None or life.phase is not Phase.ALIVE or said.life not in (None, life.id):
        return w, ()
    w = replace(w, life=replace(life, attention=attention.take(life.attention, said, now)))
    return look_at_attention(w, now)


def session_said(w: Worker, said: SessionSaid, _now: Instant) -> Step:
    """Take the id of the session that the life is in, by its own word."""
    return known(w, said.life, said.session), ()


def look_at_attention(w: Worker, now: Instant) -> Step:
    """Let what is stale go, and tell a change of the word; a hold comes before all that they say."""
    life = w.life
    if life is None or w.state is not State.RUNNING or life.phase is not Phase.ALIVE or w.is_held:
        return w, ()
    seen = attention.look(life.attention, w.last_output, now)
    if seen is life.attention:
        return w, ()
    before, w = life.attention.shown, renewed(w, life=renewed(life, attention=seen))
    return (w, (_line(w, before, seen.shown),)) if _is_told(before, seen.shown) else (w, ())


def looks_at(w: Worker, life: Life) -> float | None:
    """Return when (monotonic) its attention has to be looked at again."""
    return None if w.is_held else attention.stale_at(life.attention)


def _is_told(before: attention.Statement | None, after: attention.Statement | None) -> bool:
    """Whether the change gets a line: it waits now or did before, or says itself what it is at.

    That a known agent works or idles is seen on its screen, again and again; the log is not for that.
    """
    words = {one.word for one in (before, after) if one}
    changed = (before and before.word) is not (after and after.word)
    return changed and (Word.WAITING in words or (after is not None and after.by is Source.REPORT))


def _line(w: Worker, before: attention.Statement | None, after: attention.Statement | None) -> Emit:
    facts: dict[str, Any] = {"attention": None, "was": before and before.word.value, "by": None, "text": ""}
    if after:
        facts |= {"attention": after.word.value, "by": after.by.value, "text": after.text}
    return line_of(w, "worker.attention", facts)
