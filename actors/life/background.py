"""What the first process leaves behind: looked at before its exit is judged, and adopted where `background` allows it.

    exit told ─▶ look ─┬─ nobody ────────────────────────▶ judged as it is
                       ├─ somebody, after a bad exit ────▶ judged; what is left is named and ended
                       └─ somebody, after a good exit ───▶ looked at again for `STRAGGLE` seconds
                                └─ still there ──────────▶ judged: it went into the background; or adopted

Children that end by themselves within `STRAGGLE`, as loggers and the last jobs of a `make` do, are no background
program, so an ordinary job is judged by its exit alone. Nothing is signalled meanwhile.
"""

from dataclasses import replace

from actors.life.aftermath import died
from actors.life.budget import ended_well
from actors.life.moves import ran_beside
from actors.life.outcomes import named, true_exit
from actors.life.state import Life, Phase, State, Step, Worker
from actors.values.effects import Emit, SeekTree, Watch
from actors.values.facts import Exit, Instant, TreeFound
from actors.values.spec import Background

STRAGGLE = 2.0  # seconds
LOOKS = (0.02, 0.05, 0.1, 0.25, 0.5, 0.5, 0.5)  # seconds between looks; the last repeats
UNANSWERED = 5.0  # seconds to wait for a look; then what is known decides

S = State


def seek(w: Worker, life: Life, now: Instant) -> Step:
    """Order a look at what the life's first process has left."""
    life = replace(life, looking=True, gone=False, look_at=now.mono + UNANSWERED)
    return replace(w, life=life), (SeekTree(life.id, life.process, life.last_tree, ran_beside(w, life), life.server),)


def exit_told(w: Worker, life: Life, exit: Exit, now: Instant) -> Step:
    """Judge the exit, as soon as it is known what the first process has left."""
    if w.ending or w.state not in (S.STARTING, S.RUNNING):
        return died(w, life, exit, now)
    life = replace(life, exit=exit, phase=Phase.ENDED, ended=life.ended or now, ask_at=None)
    w = replace(w, life=life)
    if life.left is not None:
        return _decide(w, life, now)
    return (w, ()) if life.looking else seek(w, life, now)


def tree_found(w: Worker, fact: TreeFound, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase is not Phase.ENDED or w.ending:
        return w, ()
    gone = fact.sure and not ran_beside(w, life)  # a check could still begin a command
    life = replace(life, left=fact.left, gone=gone, looking=False, look_at=None)
    w = replace(w, life=life)
    return _decide(w, life, now) if life.exit or life.behind else (w, ())


def look_again(w: Worker, now: Instant) -> Step:
    """Look once more at those who may be stragglers; a look that nobody answers is not waited for."""
    life = w.life
    if life is None or life.look_at is None or now.mono < life.look_at or life.phase is not Phase.ENDED or w.ending:
        return w, ()
    if not life.looking:
        return seek(w, life, now)
    life = replace(life, looking=False, look_at=None, left=life.left or ())
    w = replace(w, life=life)
    return _decide(w, life, now) if life.exit or life.behind else (w, ())


def _decide(w: Worker, life: Life, now: Instant) -> Step:
    exit = life.exit or Exit(None, None, now.wall)  # of what went into the background nobody learns it
    if not life.left:
        return died(w, life, exit, now)
    if life.behind:
        return _adopt(w, life, now)
    if w.spec.background is Background.END or not ended_well(w.spec, true_exit(w.spec, exit)):
        return died(w, life, exit, now)
    over = (life.ended or now).mono + STRAGGLE
    if now.mono < over:
        at = now.mono + LOOKS[min(life.looks, len(LOOKS) - 1)]
        return replace(w, life=replace(life, looks=life.looks + 1, look_at=min(at, over))), ()
    return _adopt(w, life, now) if w.spec.background is Background.ALLOW else died(w, life, exit, now)


def _adopt(w: Worker, life: Life, now: Instant) -> Step:
    """Go on with what the first process has left: the eldest of it is watched, and when that ends the next."""
    left = life.left or ()
    eldest = left[0]
    found = replace(life, phase=Phase.ALIVE, process=eldest.process, behind=True, exit=None, ended=None)
    found = replace(found, left=None, looks=0, last_tree=tuple(each.process for each in left), answered=now.mono)
    watching = Watch(life.id, eldest.process)
    if life.behind:
        return replace(w, life=found), (watching,)
    facts = {"worker": w.name, "life": life.id, "pid": eldest.process.pid, "left": named(left)}
    return replace(w, life=found), (Emit("worker.in_background", facts), watching)
