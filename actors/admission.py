"""Which pending workers may start now, and what holds the others: pure, from the states of all.

They stand in a queue: who began to wait first starts first, and at one moment the order is that of definition. A held
worker is told the gate that holds it.

what is left of its last life ─▶ dependencies ─▶ capacity (places, processes) ─▶ memory ─▶ start rate ─▶ starts

The first two are a worker's own, and let others pass; the last three hold all who come to them, so none overtakes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from actors.gates import Gate, Hold
from actors.records import Intent, Record
from actors.spec import Condition, WorkerSpec
from actors.worker_state import State

S = State
_TAKING_A_PLACE = {S.STARTING, S.RUNNING, S.BACKOFF, S.STOPPING}
_ON_THE_WAY = {S.PENDING, S.STARTING, S.RUNNING, S.BACKOFF, S.STOPPING}
_IN_LINE = {S.UNBORN, S.PENDING, S.STARTING}  # starting: it may have to wait again, and keeps its turn
_ENDED = {S.COMPLETED, S.FAILED, S.STOPPED}
MAX_STARTING = 20  # a judgement, not an optimum: docs/decisions.md has what it costs
TASKS_A_WORKER = 2  # the program and the reader of its log
KEPT_TASKS = 8  # processes and threads that no worker gets: probes, tmux clients, whoever attaches
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
LAST_LIFE = Gate(Hold.LAST_LIFE, "waiting for what is left of the last life to end")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the Supervisor knows of a worker: its state, its record, and whether it `rests` before it may start."""

    state: State
    record: Record
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What the machine and the config allow: `places` for workers, and so many `starting` at a time (0: no limit).

    `least_memory` bytes have to be available for a start (0: no matter); `memory` is how many are, None while nobody
    has looked yet, which holds nobody. `tasks` is how many processes and threads can be had by `tasks_limit`.
    """

    places: int
    max_starting: int = 0
    least_memory: int = 0
    memory: int | None = None
    tasks: int | None = None
    tasks_limit: str = ""

    @property
    def short_of_memory(self) -> bool:
        return self.memory is not None and self.memory < self.least_memory

    @property
    def short_of_tasks(self) -> bool:
        return self.tasks is not None and self.tasks < KEPT_TASKS + TASKS_A_WORKER

    @property
    def is_short(self) -> bool:
        return self.short_of_memory or self.short_of_tasks


class Queue:
    """Whose turn it is: the names of those who wait to start, in the order in which they began to. One actor's own."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def note(self, name: str, state: State) -> None:
        """Put a worker at the end when it begins to wait, and take it out when it does not any more."""
        if state in _IN_LINE:
            self._names.setdefault(name)
        else:
            self._names.pop(name, None)

    def leave(self, name: str) -> None:
        self._names.pop(name, None)


def is_living(state: State) -> bool:
    """Claim that a worker in this state runs or is on the way to it, so that it has to be ended."""
    return state in _ON_THE_WAY


def has_life(standing: Standing) -> bool:
    """Claim that something of it may still live, though its state be that of one at rest."""
    return is_living(standing.state) or (standing.record.life is not None and standing.state is not S.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a worker waits for in another one, and how that one is: `state` is None when it does not exist."""

    name: str
    on: Condition
    met: bool
    state: State | None
    reason: str = ""


def decide(queue: Iterable[str], standings: Mapping[str, Standing], room: Room) -> dict[str, Gate | None]:
    """Return each pending worker's closed gate: None for those that start now."""
    taken = sum(standing.state in _TAKING_A_PLACE for standing in standings.values())
    starting = sum(standing.state is S.STARTING for standing in standings.values())
    gates: dict[str, Gate | None] = {}
    stuck = _stuck(standings)
    no_room: Gate | None = None
    for name in queue:
        standing = standings.get(name)
        if standing is None or not _may_start(standing):
            continue
        no_room = no_room or full(room, taken, starting)  # once full, full for all behind
        gate = _own_gate(standing.record, standings, stuck) or no_room
        taken += gate is None
        starting += gate is None
        gates[name] = gate
    return gates


def _may_start(standing: Standing) -> bool:
    return standing.state is S.PENDING and not standing.rests and standing.record.intent is not Intent.REMOVED


def _own_gate(record: Record, standings: Mapping[str, Standing], stuck: Mapping[str, Gate]) -> Gate | None:
    """Return what keeps this worker alone; one whose last life is not over yet would only keep a place empty."""
    waits = unmet(record.spec, standings, stuck) if record.spec.depends_on else None
    return waits or (LAST_LIFE if record.life else None)


def full(room: Room, taken: int, starting: int) -> Gate | None:
    """Return why no worker can start now; None when there is room."""
    if taken >= room.places:
        return Gate(Hold.CAPACITY, f"capacity: all {room.places} places are taken")
    if room.short_of_tasks:
        return Gate(Hold.CAPACITY, f"capacity: no process is left for a worker: {room.tasks_limit}")
    if room.short_of_memory:
        there, needed = _size(_coarse(room.memory or 0)), _size(room.least_memory)
        return Gate(Hold.MEMORY, f"waiting for memory: {there} are available, {needed} have to be")
    if 0 < room.max_starting <= starting:
        return Gate(Hold.START_RATE, f"waiting for a place among the {room.max_starting} that start at a time")
    return None


def _size(count: int) -> str:
    unit, each = next(((unit, each) for unit, each in _UNITS if count >= each), ("B", 1))
    return f"{count / each:.4g}{unit}"


def _coarse(count: int) -> int:
    """Return the number with two digits that count, never more: what is said is not to be new at each sweep."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return count // step * step


def unmet(spec: WorkerSpec, standings: Mapping[str, Standing], stuck: Mapping[str, Gate]) -> Gate | None:
    """Return the gate of a dependency that is not met, first one that time alone does not open; None when all are met.

    `stuck` has the pending workers that time alone does not help, and what holds them.
    """
    gates = [_unmet(name, on, standings.get(name)) for name, on in spec.depends_on]
    waits = [gate for gate in gates if gate]
    lasting = [gate for gate in waits if gate.lasts]
    above = [_blocked(f"{name} is pending: {stuck[name].reason}") for name, _ in spec.depends_on if name in stuck]
    return next(iter([*lasting, *above, *waits]), None)


def _stuck(standings: Mapping[str, Standing]) -> dict[str, Gate]:
    """Return the pending workers that time alone does not help, each with the gate at the bottom of its chain.

    From those who wait for what failed up to those who wait for them. No recursion: there may be thousands in a row.
    """
    stuck: dict[str, Gate] = {}
    waiting: dict[str, list[str]] = {}
    for name, standing in standings.items():
        if standing.state is S.PENDING:
            for other, on in standing.record.spec.depends_on:
                waiting.setdefault(other, []).append(name)
                gate = _unmet(other, on, standings.get(other))
                if gate and gate.lasts:
                    stuck.setdefault(name, gate)
    reached = list(stuck)
    for name in reached:  # it grows on the way
        news = [above for above in waiting.get(name, ()) if above not in stuck]
        stuck |= dict.fromkeys(news, stuck[name])
        reached += news
    return stuck


def _blocked(reason: str) -> Gate:
    return Gate(Hold.BLOCKED, reason)


def dependencies(spec: WorkerSpec, standings: Mapping[str, Standing]) -> tuple[Dependency, ...]:
    """Return each dependency as it stands now."""
    return tuple(_dependency(name, on, standings.get(name)) for name, on in spec.depends_on)


def blockers(name: str, standings: Mapping[str, Standing]) -> tuple[Dependency, ...]:
    """Return what holds a pending worker: its first unmet dependency, that one's own, … down to the root of it."""
    found: dict[str, Dependency] = {}
    while name in standings and standings[name].state is S.PENDING:
        needed = dependencies(standings[name].record.spec, standings)
        unmet = next((dependency for dependency in needed if not dependency.met), None)
        if unmet is None or unmet.name in found:
            break
        found[unmet.name] = unmet
        name = unmet.name
    return tuple(found.values())


def _dependency(name: str, on: Condition, standing: Standing | None) -> Dependency:
    if standing is None:
        return Dependency(name, on, met=False, state=None)
    return Dependency(name, on, _met(on, standing), standing.state, standing.record.reason)


def _unmet(name: str, on: Condition, standing: Standing | None) -> Gate | None:
    if standing is None:
        return _blocked(f"{name} does not exist")
    state = standing.state
    if _met(on, standing):
        return None
    if state in _ON_THE_WAY or state is S.UNBORN:  # unborn: of a service that has only begun
        return Gate(Hold.DEPENDENCY, f"waiting for {name} to be {on}")
    return _blocked(f"{name} is {state}, it has to be {on}")


def _met(on: Condition, standing: Standing) -> bool:
    """Whether a worker has got there. One that was stopped or failed without ever running has not exited."""
    state, record = standing.state, standing.record
    match on:
        case Condition.STARTED:
            started = state is S.STARTING and record.process is not None
            return started or state in (S.RUNNING, S.COMPLETED)
        case Condition.READY:
            return state in (S.RUNNING, S.COMPLETED)
        case Condition.COMPLETED:
            return state is S.COMPLETED
        case Condition.EXITED:
            return state in _ENDED and record.exit is not None and record.life in (None, record.judged)
