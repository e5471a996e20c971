"""What holds a pending worker: a kind, by which others decide, and the sentence that people read; and how much room
there is for workers. Pure.
"""

from enum import StrEnum

from actors.frozen import frozen


class Hold(StrEnum):
    """What a pending worker waits for; the comment says what opens the gate."""

    DEPENDENCY = "dependency"  # another worker gets there
    BLOCKED = "blocked"  # a person does something about another worker
    LAST_LIFE = "last-life"  # what is left of its last life ends
    CAPACITY = "capacity"  # another worker ends
    MEMORY = "memory"  # memory is given back
    START_RATE = "start-rate"  # one of those that start now is ready
    TMUX = "tmux"  # tmux answers again


MAX_STARTING = 20  # a judgement, not an optimum: docs/decisions.md has what it costs
TASKS_A_WORKER = 2  # the program and the reader of its log
KEPT_TASKS = 8  # processes and threads that no worker gets: probes, tmux clients, a person who attaches

_LASTING = {Hold.BLOCKED, Hold.CAPACITY}


@frozen
class Gate:
    """One closed gate. Nothing is decided by `reason`: it is only shown."""

    hold: Hold
    reason: str

    @property
    def lasts(self) -> bool:
        """Whether time alone does not open it."""
        return self.hold in _LASTING

    @property
    def passes(self) -> bool:
        """Whether it opens with each worker that gets ready."""
        return self.hold is Hold.START_RATE


@frozen
class Room:
    """What the machine and the config allow: `places` for workers, up to `max_starting` at a time (0: no limit).

    A start needs `least_memory` available bytes (0: any). `memory` is how many there are; None, before the first sweep,
    holds no worker. `tasks` is how many more processes and threads `tasks_limit` allows. `servers`: up to how many tmux
    servers there may be; None: no limit.
    """

    places: int
    servers: int | None = None
    max_starting: int = 0
    least_memory: int = 0
    memory: int | None = None
    tasks: int | None = None
    tasks_limit: str = ""
