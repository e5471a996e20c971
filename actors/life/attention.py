"""Which word about a worker's attention holds now, of all that its sources have said. Pure.

    AttentionSaid ──take──▶ Attention (one statement a source) ──held_now──▶ the freshest statement of the best source

The order of `Source` decides. A stale statement counts for nothing: its time is over,
or the worker printed something after it. But a worker that reported that it waits or idles, and that has printed
nothing since, still does, however long ago that was.
"""

from dataclasses import replace

from actors.frozen import frozen
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.facts import Instant

ECHO = 2  # seconds of the wall clock after a statement in which output belongs to it: tmux tells whole seconds
SILENT = 300.0  # seconds without output and CPU after which a worker idles; by judgement
BUSY = 1.0  # percent of one core from which a tree works
LONGEST = 200  # characters of a text

_RANK = {source: rank for rank, source in enumerate(Source)}


@frozen(kw_only=True)
class Statement:
    """What one source says. `since`: when it began to say this word; `until` is monotonic, None without an end."""

    by: Source
    word: Word
    since: Instant
    said: Instant
    text: str = ""
    until: float | None = None
    until_output: bool = False


@frozen(kw_only=True)
class Attention:
    """Of one life. `shown` is what holds; its `since` is when this word began to hold, whoever said it first."""

    statements: tuple[Statement, ...] = ()
    shown: Statement | None = None
    quiet: float | None = None  # since when (monotonic) its tree has used no CPU
    cost: float | None = None
    tokens: int | None = None


def take(attention: Attention, said: AttentionSaid, now: Instant) -> Attention:
    """Return the attention with this statement in place of the source's last one."""
    before = next((one for one in attention.statements if one.by is said.by), None)
    others = tuple(one for one in attention.statements if one.by is not said.by)
    cost = attention.cost if said.cost is None else said.cost
    tokens = attention.tokens if said.tokens is None else said.tokens
    then = now if said.at is None else Instant(now.mono - (now.wall - said.at), said.at)
    attention = replace(attention, statements=others, cost=cost, tokens=tokens)
    if said.word is None:
        return attention
    statement = Statement(
        by=said.by,
        word=said.word,
        since=before.since if before and before.word is said.word else then,
        said=then,
        text=" ".join(said.text.split())[:LONGEST],
        until=None if said.ttl is None else now.mono + said.ttl,
        until_output=said.until_output,
    )
    if before and replace(statement, said=before.said) == before and not (before.until or before.until_output):
        return replace(attention, statements=(*others, before))
    return replace(attention, statements=(*others, statement))


def used_cpu(attention: Attention, percent: float | None, now: Instant) -> Attention:
    """Return the attention after one sweep of the tree."""
    if percent is None or percent >= BUSY:
        return attention if attention.quiet is None else replace(attention, quiet=None)
    return attention if attention.quiet is not None else replace(attention, quiet=now.mono)


def look(attention: Attention, output: int | None, now: Instant) -> Attention:
    """Return the attention with what holds now; `output` is the Unix second of the worker's last output."""
    best = held_now(attention, output, now)
    shown = attention.shown
    if best and shown and best.word is shown.word:
        best = replace(best, since=shown.since)
    fresh = tuple(one for one in attention.statements if _is_fresh(one, output, now))
    if best == shown and fresh == attention.statements:
        return attention
    return replace(attention, shown=best, statements=fresh)


def held_now(attention: Attention, output: int | None, now: Instant) -> Statement | None:
    """Return the freshest statement of the best source; None when nothing is known."""
    fresh = [one for one in attention.statements if _is_fresh(one, output, now)]
    fresh += _silence(attention, output, now)
    return min(fresh, key=lambda one: _RANK[one.by], default=None)


def stale_at(attention: Attention) -> float | None:
    """Return when (monotonic) to look again; None: only news change anything."""
    return min((one.until for one in attention.statements if one.until is not None and not _is_kept(one)), default=None)


def _is_fresh(one: Statement, output: int | None, now: Instant) -> bool:
    printed = output is not None and output > one.said.wall + ECHO
    if one.until_output and printed:
        return False
    return one.until is None or now.mono < one.until or (_is_kept(one) and not printed)


def _is_kept(one: Statement) -> bool:
    """Whether the statement outlives its time for as long as the worker prints nothing."""
    return one.by is Source.REPORT and one.word in (Word.WAITING, Word.IDLE)


def _silence(attention: Attention, output: int | None, now: Instant) -> list[Statement]:
    if attention.quiet is None or output is None:
        return []
    silent = min(now.mono - attention.quiet, now.wall - output)
    if silent < SILENT:
        return []
    since = Instant(now.mono - silent, now.wall - silent)
    return [Statement(by=Source.SILENCE, word=Word.IDLE, since=since, said=since)]
