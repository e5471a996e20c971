"""How many workers the machine and the config allow, and what holds the next one where there is no room. Pure."""

from dataclasses import dataclass

from actors.values.gates import Gate, Hold

MAX_STARTING = 20  # a judgement, not an optimum: docs/decisions.md has what it costs
TASKS_A_WORKER = 2  # the program and the reader of its log
KEPT_TASKS = 8  # processes and threads that no worker gets: probes, tmux clients, whoever attaches
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass(frozen=True, slots=True)
class Room:
    """What the machine and the config allow: `places` for workers, up to `max_starting` at a time (0: no limit).

    A start needs `least_memory` available bytes (0: any). `memory` is how many there are; None, before the first look,
    holds no worker. `tasks` is how many processes and threads can be had by `tasks_limit`.
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
