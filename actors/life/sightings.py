"""What tmux and the kernel tell about a life: its pane, the end of its process, its tree, the death of the server."""

from dataclasses import replace

from actors.life import limits, stall
from actors.life.aftermath import died, lay_down, remove
from actors.life.attending import look_at_attention
from actors.life.attention import Attention, used_cpu
from actors.life.background import exit_told, seek
from actors.life.ending import begin_ending
from actors.life.moves import ASKS, question, without_pane
from actors.life.readiness import show
from actors.life.screen import Screen
from actors.life.starting import start_found, start_lost
from actors.life.state import Goal, Life, Phase, State, Step, Worker, move, renewed
from actors.life.watching import look_at_limits, look_at_log, look_for_stall, open_closed_pipe
from actors.values.effects import AskPane, Effect, Emit, Watch
from actors.values.facts import Exit, Instant, Pane, PaneAbsent, PaneSeen, ProcessEnded, ServerDied, TreeSeen

GRACE = 5.0  # seconds in which the absence of a new pane does not count
MISSES_BEFORE_GONE = 2  # the first is a sweep without the pane, the second the answer to a look
STATUS_LOST = 12  # answers without a status after which the status counts as lost (about 4 s)

S = State


def process_ended(w: Worker, fact: ProcessEnded, now: Instant) -> Step:
    life = w.life
    if life is None or life.id != fact.life or life.phase is not Phase.ALIVE:
        return w, ()
    if life.behind:
        return seek(w, replace(life, phase=Phase.ENDED, ended=now), now) if w.ending is None else (w, ())
    w, effects = question(w, life, now)
    if w.ending or w.life is None:
        return w, effects
    w, seeking = seek(w, w.life, now)
    return w, (*effects, *seeking)


def pane_seen(w: Worker, fact: PaneSeen, now: Instant) -> Step:
    life, pane = w.life, fact.pane
    if life is None:
        return _pane_without_life(w, fact, now)
    if life.phase is Phase.ORDERED or fact.taken <= life.answered:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        ours = pane.life == life.id
        return start_found(w, life, pane, now) if ours else start_lost(replace(w, pane=pane.id), life, now)
    if pane.id != w.pane or (pane.life or "") != life.id:  # a new tmux server counts its panes from 0 again
        return w, ()
    life = renewed(life, seen=True, misses=0)
    before, w = w, _observed(w, life, fact)
    shown = show(w, before)
    w, effects = _pane_of_life(w, life, fact, now)
    return w, (*shown, *effects)


def _pane_without_life(w: Worker, fact: PaneSeen, now: Instant) -> Step:
    """Keep a dead pane for the next life. A living one has a person's program in it: a person decides."""
    if w.state in (S.QUARANTINED, S.REMOVED) or fact.taken <= w.pane_since:
        return w, ()
    pane = fact.pane
    if pane.dead or pane.process is None or not w.is_empty:
        return renewed(w, pane=pane.id, attached=pane.attached, screen=_screen_of(w, fact)), ()
    reason = f"a person runs something in its pane {pane.id} (pid {pane.pid})"
    w = replace(without_pane(w), goal=None, next_start=None, admitted=False, cleanup_at=None)
    return move(w, S.QUARANTINED, now, "worker.quarantined", "hands-on", reason=reason)


def _pane_of_life(w: Worker, life: Life, fact: PaneSeen, now: Instant) -> Step:
    pane = fact.pane
    if pane.dead and (life.behind or life.exit):
        return w, ()  # its exit is known
    if life.process and pane.pid != life.process.pid:
        return _respawned_by_hand(w, life, pane, now)
    if pane.exit:
        return exit_told(w, life, pane.exit, now)
    if life.phase is Phase.ENDED:
        return _no_status_yet(w, life, pane, now)
    if pane.dead:
        return question(w, life, now)
    w, armed = (w, ()) if pane.piped else open_closed_pipe(w, life, now)
    w, effects = look_for_stall(w, w.life or life, fact, now)
    w, told = look_at_attention(w, now)
    return w, (*armed, *effects, *told)


def _no_status_yet(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    """Ask again soon. After the last answer a dead pane's status is lost, and a living pane is watched again."""
    if life.answers + 1 < STATUS_LOST:
        again = now.mono + ASKS[min(life.answers, len(ASKS) - 1)]
        return replace(w, life=replace(life, answers=life.answers + 1, ask_at=again)), ()
    if pane.dead:
        return died(w, life, Exit(None, None, now.wall), now)
    alive = replace(life, phase=Phase.ALIVE, ended=None, ask_at=None, left=None, looking=False, look_at=None)
    return replace(w, life=alive), (Watch(life.id, life.process),) if life.process else ()


def _observed(w: Worker, life: Life, fact: PaneSeen) -> Worker:
    attached, printed = fact.pane.attached, fact.pane.activity
    return renewed(w, life=life, attached=attached, last_output=printed, screen=_screen_of(w, fact))


def _screen_of(w: Worker, fact: PaneSeen) -> Screen | None:
    return w.screen if fact.screen is None else Screen.of(fact.screen, previous=w.screen)


def pane_absent(w: Worker, fact: PaneAbsent, now: Instant) -> Step:
    life = w.life
    if life is None:
        return (w, ()) if fact.taken <= w.pane_since else _pane_closed(w, now)
    if life.phase is Phase.ORDERED or fact.taken <= life.answered:
        return w, ()
    if life.phase is Phase.UNKNOWN:
        return start_lost(w, life, now)
    if life.behind:
        return without_pane(w), ()
    if life.phase is Phase.ENDED:
        return died(without_pane(w), life, life.exit or Exit(None, None, now.wall), now)
    return _missed(w, life, now)


def _pane_closed(w: Worker, now: Instant) -> Step:
    w = replace(without_pane(w), cleanup_at=None)
    return remove(w, now) if w.goal is Goal.REMOVE and w.is_empty else (w, ())


def _missed(w: Worker, life: Life, now: Instant) -> Step:
    if not life.seen and now.mono - life.since.mono < GRACE:
        return w, ()
    life = replace(life, misses=life.misses + 1)
    if life.misses < MISSES_BEFORE_GONE:
        return replace(w, life=life), (AskPane(w.pane),)
    return died(without_pane(w), life, Exit(None, None, now.wall), now)


def _respawned_by_hand(w: Worker, life: Life, pane: Pane, now: Instant) -> Step:
    """A person ran respawn-pane: the old process has ended, and the new one is this worker's."""
    if pane.process is None or pane.dead:
        return died(w, life, pane.exit or Exit(None, None, now.wall), now) if pane.dead else (w, ())
    found = replace(life, process=pane.process, phase=Phase.ALIVE, since=now, answered=now.mono, ask_at=None)
    found = replace(found, ended=None, behind=False, exit=None, left=None, gone=False, looking=False, look_at=None)
    found = replace(found, stall=stall.StallWatch(), limits=limits.LimitWatch(), attention=Attention())
    facts = {"worker": w.name, "life": life.id, "pid": pane.pid, "old_pid": life.process and life.process.pid}
    said_so: tuple[Effect, ...] = (Emit("worker.respawned_by_hand", facts), Watch(life.id, pane.process))
    w = replace(w, life=found)
    w, ending = begin_ending(w, found, now) if w.ending else (w, ())  # the plan starts again with the new process
    return w, (*said_so, *ending)


def tree_seen(w: Worker, fact: TreeSeen, now: Instant) -> Step:
    life = w.life
    if life is None or life.phase is not Phase.ALIVE or fact.taken <= life.answered:
        return w, ()
    w, armed = look_at_log(w, life, fact.log, now) if fact.log else (w, ())
    tree = fact.tree
    if tree is None:  # the sweep may have looked for the process of the life before: ask the pane
        return w, (*armed, AskPane(w.pane, nudge=True))
    attention = used_cpu(life.attention, tree.cpu_percent, now)
    life, processes = renewed(life, last_tree=tree.handles, attention=attention), len(tree.handles)
    w = renewed(w, life=life, rss_bytes=tree.rss_bytes, cpu_percent=tree.cpu_percent, processes=processes)
    w, effects = look_at_limits(w, tree, now)
    return w, (*armed, *effects)


def server_died(w: Worker, fact: ServerDied, now: Instant) -> Step:
    """Its pane is gone. What survived the hang-up is ended before the next start. No budget is spent."""
    if w.server not in (None, fact.server):
        return w, ()  # it stands in another server
    life, w = w.life, replace(without_pane(w), pane_since=now.mono, cleanup_at=None, screen=None)
    if life and life.phase in (Phase.ORDERED, Phase.UNKNOWN):
        return w, ()  # the start is in flight and may reach the next server: the answer or a sweep tells
    if life and life.exit:  # it had ended before the server did
        w, judged = died(w, life, life.exit, now)
        w, effects = server_died(w, fact, now)
        return w, (*judged, *effects)
    moved: tuple[Effect, ...] = ()
    if w.state in (S.STARTING, S.RUNNING, S.BACKOFF):
        w = replace(w, next_start=None)
        w, moved = move(w, S.PENDING, now, "worker.pending", "tmux-died", reason="the tmux server died")
    if life is None and w.goal is Goal.REMOVE and w.is_empty:
        return remove(w, now)  # only its pane was left
    w, effects = lay_down(w, life, now) if life else (w, ())
    return w, (*moved, *effects)
