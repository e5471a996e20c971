"""Which pending workers start, and what holds the others. Pure.

what is left of its last life, dependencies ──▶ the line ──▶ tmux, capacity, memory, start rate ──▶ it starts
(a worker's own: the others pass it)                         (shared: no worker in the line passes another)

A worker's own gate is worked out again when the worker changes, or one that it depends on. The shared gate is worked
out after each step, from counts. The first in the line is the one that began to wait first.
"""

from collections.abc import Iterator
from dataclasses import replace

from actors.crowd.members import Crowd, Member
from actors.crowd.turn import Turn
from actors.life.state import State
from actors.values.facts import Admitted, Held
from actors.values.gates import KEPT_TASKS, TASKS_A_WORKER, Gate, Hold, Room
from actors.values.requests import Dependency
from actors.values.spec import Condition

S = State
LAST_LIFE = Gate(Hold.LAST_LIFE, "waiting for what is left of the last life to end")
NO_TMUX = Gate(Hold.TMUX, "waiting for tmux to answer")
_ENDED = {S.COMPLETED, S.FAILED, S.STOPPED}
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


# ── the gates of a worker's own ───────────────────────────────────────────────────────────────────────────────────


def look_at_own_gates(turn: Turn) -> None:
    """Work out again the gates of the workers that the step touched, and of those that depend on them.

    A lasting gate is passed up the whole chain, without recursion: a chain may have thousands of workers.
    """
    ahead = list(turn.touched)
    for name in ahead:  # the list grows in the loop
        for other in (name, *sorted(turn.crowd.dependants_of(name))):
            member = turn.crowd.get(other)
            if member is not None and _regated(turn, other, member):
                ahead.append(other)


def _regated(turn: Turn, name: str, member: Member) -> bool:
    """Whether the gates of those that wait for this worker change, too."""
    if member.state is S.PENDING:
        gate, stuck = own_gate(turn.crowd, name)
        turn.put(name, replace(member, gate=gate, stuck=stuck))
    else:
        stuck = None
        turn.put(name, replace(member, gate=None, stuck=None, told=None))
    return stuck != member.stuck


def own_gate(crowd: Crowd, name: str) -> tuple[Gate | None, Gate | None]:
    """Return the gate that holds this worker alone, and the lasting one at the bottom of its chain; None: open."""
    needs = tuple(crowd.needs(name))
    waits = [gate for needed, on in needs if (gate := _unmet(needed, on, crowd.get(needed)))]
    if lasting := next((gate for gate in waits if gate.lasts), None):
        return lasting, lasting
    for needed, _ in needs:
        below = crowd.get(needed)
        if below and below.stuck:
            return Gate(Hold.BLOCKED, f"{needed} is pending: {below.stuck.reason}"), below.stuck
    if waits:
        return waits[0], None
    return LAST_LIFE if crowd[name].record.life else None, None


def _unmet(name: str, on: Condition, member: Member | None) -> Gate | None:
    if member is None:
        return Gate(Hold.BLOCKED, f"{name} does not exist")
    if is_met(on, member):
        return None
    if member.on_the_way or member.state is S.UNBORN:
        return Gate(Hold.DEPENDENCY, f"waiting for {name} to be {on}")
    return Gate(Hold.BLOCKED, f"{name} is {member.state}, it has to be {on}")


def is_met(on: Condition, member: Member) -> bool:
    """Whether the worker meets the condition. One that stopped or failed without ever running has not exited."""
    state, record = member.state, member.record
    match on:
        case Condition.STARTED:
            started = state is S.STARTING and record.process is not None
            return started or state in (S.RUNNING, S.COMPLETED)
        case Condition.READY:
            return state is S.COMPLETED or (state is S.RUNNING and not member.settling)
        case Condition.COMPLETED:
            return state is S.COMPLETED
        case Condition.EXITED:
            return state in _ENDED and record.exit is not None and record.life in (None, record.judged)


# ── the line ──────────────────────────────────────────────────────────────────────────────────────────────────────


def move_the_line(turn: Turn) -> None:
    """Let workers in while there is room, and tell the others what holds them."""
    shared = NO_TMUX if turn.roster.no_tmux else None
    while shared is None and (name := _first(turn)) is not None:
        shared = full(turn.roster.room, turn.crowd.counts.taken, turn.crowd.counts.starting)
        if shared is None:
            turn.change(name, state=S.STARTING, let_in=True, told=None)
            turn.tell(name, Admitted())
    all_wait, news = turn.crowd.line.values(), shared != turn.roster.shared
    turn.become(shared=shared)
    for name in (*turn.touched, *(all_wait if news else ())):
        _hold(turn, name)


def _first(turn: Turn) -> str | None:
    crowd = turn.crowd
    if not crowd.line:
        return None
    head = crowd.head
    while head not in crowd.line:
        head += 1
    turn.become(crowd=replace(crowd, head=head))
    return crowd.line[head]


def gate_of(turn: Turn, member: Member) -> Gate | None:
    """Return what holds a pending worker now; None: nothing."""
    return member.gate or (turn.roster.shared if member.may_start else None)


def _hold(turn: Turn, name: str) -> None:
    member = turn.crowd.get(name)
    gate = gate_of(turn, member) if member and member.state is S.PENDING else None
    if member is None or gate in (None, member.told):
        return
    if not (gate and gate.passes and member.told is None):  # most are let in before the next health beat
        turn.change(name, told=gate)
        turn.tell(name, Held(gate))


def tell_who_waits_for_a_turn(turn: Turn) -> None:
    """Tell the workers in the line what holds them; done at each health beat."""
    for name in turn.crowd.line.values():
        member = turn.crowd[name]
        if turn.roster.shared and member.told != turn.roster.shared:
            turn.change(name, told=turn.roster.shared)
            turn.tell(name, Held(turn.roster.shared))


# ── room ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def full(room: Room, taken: int, starting: int) -> Gate | None:
    """Return why no worker can start now; None when there is room."""
    if taken >= room.places:
        return Gate(Hold.CAPACITY, f"capacity: all {room.places} places are taken")
    if room.tasks is not None and room.tasks < KEPT_TASKS + TASKS_A_WORKER:
        return Gate(Hold.CAPACITY, f"capacity: no process is left for a worker: {room.tasks_limit}")
    if room.memory is not None and room.memory < room.least_memory:
        there, needed = _size(_coarse(room.memory)), _size(room.least_memory)
        return Gate(Hold.MEMORY, f"waiting for memory: {there} are available, {needed} have to be")
    if 0 < room.max_starting <= starting:
        return Gate(Hold.START_RATE, f"waiting for a place among the {room.max_starting} that start at a time")
    return None


def _size(count: int) -> str:
    unit, each = next(((unit, each) for unit, each in _UNITS if count >= each), ("B", 1))
    return f"{count / each:.4g}{unit}"


def _coarse(count: int) -> int:
    """Return the number rounded down to two digits, so that the sentence does not change with each sweep."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return count // step * step


# ── what is told of it ────────────────────────────────────────────────────────────────────────────────────────────


def dependencies(crowd: Crowd, name: str) -> tuple[Dependency, ...]:
    """Return each dependency as it stands now."""
    return tuple(_dependency(needed, on, crowd.get(needed)) for needed, on in crowd.needs(name))


def blockers(crowd: Crowd, name: str) -> tuple[Dependency, ...]:
    """Return the chain that holds a pending worker: its first unmet dependency, that worker's own, … to the last."""
    found: dict[str, Dependency] = {}
    while (member := crowd.get(name)) and member.state is S.PENDING:
        unmet = next(_unmet_ones(crowd, name), None)
        if unmet is None or unmet.name in found:
            break
        found[unmet.name] = unmet
        name = unmet.name
    return tuple(found.values())


def _unmet_ones(crowd: Crowd, name: str) -> Iterator[Dependency]:
    return (dependency for dependency in dependencies(crowd, name) if not dependency.met)


def _dependency(name: str, on: Condition, member: Member | None) -> Dependency:
    if member is None:
        return Dependency(name, on, met=False, state=None)
    return Dependency(name, on, is_met(on, member), member.state, member.record.reason)
