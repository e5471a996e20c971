"""A family: a table of the file with `replicas`, which gives a worker for each number."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.values.spec import WorkerSpec

MOST = 4000  # replicas per family


class NoReplica(Exception):
    """The file gives no valid worker for this number; the message says why."""


@dataclass(frozen=True, slots=True)
class Family:
    """A table with `replicas`. `spec_of` returns a replica by its number, from 1; it raises NoReplica."""

    name: str
    replicas: int
    spec_of: Callable[[int], WorkerSpec]

    def specs(self, count: int) -> tuple[WorkerSpec, ...]:
        return tuple(self.spec_of(index) for index in range(1, count + 1))
