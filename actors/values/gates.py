"""What holds a pending worker: a kind, by which others decide, and the sentence that people read. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Hold(StrEnum):
    """What has to happen before the worker may start."""

    DEPENDENCY = "dependency"  # another worker gets there
    BLOCKED = "blocked"  # a person does something about another worker
    LAST_LIFE = "last-life"  # what is left of its last life ends
    CAPACITY = "capacity"  # another worker ends
    MEMORY = "memory"  # memory is given back
    START_RATE = "start-rate"  # one of those that start now is ready
    TMUX = "tmux"  # tmux answers again


_LASTING = {Hold.BLOCKED, Hold.CAPACITY}


@dataclass(frozen=True, slots=True)
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
