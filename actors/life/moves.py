"""The smallest moves of a life; the clauses are made of them."""

from dataclasses import replace
from typing import Any

from actors.life.resuming import begun, take_up
from actors.life.state import Life, Phase, State, Step, Worker, move
from actors.values.effects import AskPane, Emit, EndProbe, Start
from actors.values.facts import Instant

ASKS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # seconds from an answer without a status; the last repeats
ASK_UNANSWERED = 5.0  # seconds between questions while tmux does not answer
NUDGE_FROM = 1  # from this question on tmux is made to reap: Debian's 3.3a misses 2 % of SIGCHLDs
CLOSE_AGAIN = 10.0  # seconds until an order to close a pane is repeated

S = State


def begin_life(w: Worker, now: Instant, cause: str) -> Step:
    """Order a new life, in the present pane if there is one."""
    life = Life(id=f"{w.seed}-{w.lives + 1}", phase=Phase.ORDERED, since=now, answered=now.mono, take_up=take_up(w))
    w = begun(w, life.id, life.take_up)
    w = replace(w, life=life, lives=w.lives + 1, next_start=None, admitted=False, goal=None, cleanup_at=None)
    w, emitted = move(w, S.STARTING, now, "worker.starting", cause, attempt=w.budget.attempt)
    return w, (*emitted, Start(life.id, w.spec, w.pane, take_up=life.take_up))


def ran_beside(w: Worker, life: Life) -> bool:
    """Whether commands of checks have run beside the life's tree: of present ones, or of those the file had before."""
    return life.beside or w.spec.ready.command is not None or w.spec.live.command is not None


def question(w: Worker, life: Life, now: Instant) -> Step:
    """Ask for the exit at once, because the process has ended: only the pane knows the exit."""
    asked = replace(life, phase=Phase.ENDED, ended=now, asks=0, answers=0, ask_at=now.mono)
    return ask_again(replace(w, life=asked), now)


def ask_again(w: Worker, now: Instant) -> Step:
    """Ask again for an exit, or for the result of a start, when that is due."""
    life = w.life
    if life is None or life.ask_at is None or now.mono < life.ask_at:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        return replace(w, life=replace(life, ask_at=now.mono + ASK_UNANSWERED)), (AskPane(None),)
    asked = replace(life, asks=life.asks + 1, ask_at=now.mono + ASK_UNANSWERED)
    return replace(w, life=asked), (AskPane(w.pane, nudge=life.asks >= NUDGE_FROM),)


def close_pane(w: Worker, now: Instant) -> Step:
    """Close the pane. The order can be lost, so it is repeated until tmux says that the pane is gone."""
    if w.pane is None:
        return replace(w, cleanup_at=None), ()
    return replace(w, cleanup_at=now.mono + CLOSE_AGAIN), (AskPane(w.pane, close=True),)


def without_pane(w: Worker) -> Worker:
    """Return the worker after its pane is gone."""
    return replace(w, pane=None, attached=False)


def end_probe(w: Worker) -> Step:
    """Stop the present probe; its last result stays known."""
    if w.life is None or w.life.probing is None:
        return w, ()
    return replace(w, life=replace(w.life, probing=None)), (EndProbe(w.life.id),)


def line_of(w: Worker, event: str, facts: dict[str, Any]) -> Emit:
    """Return a line of the log that is no transition."""
    return Emit(event, {"worker": w.name, "life": w.life.id if w.life else None, **facts})
