"""In which order workers end that were told to end together: dependants first. One actor's own; no I/O.

an order for many ──join──▶ Leaving ──due──▶ those whom nobody who is leaving still needs
                               ▲   └─ the others wait until their dependants are gone
                               ├─ ended: what it needed may be needed by nobody any more
                               └─ without: a later order for one of them counts

Each step costs what changes by it, not the number of those that leave: two thousand may.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from actors.admission import Standing, has_life
from actors.messages import Ordered


class Leaving:
    """Who waits for a turn to be told to end, with the order for it, and who was told and has not ended yet."""

    def __init__(self) -> None:
        self._waiting: dict[str, Ordered] = {}
        self._told: set[str] = set()
        self._needs: dict[str, frozenset[str]] = {}  # of those that are leaving and live
        self._needed: Counter[str] = Counter()  # by how many of them
        self._free: dict[str, None] = {}  # of the waiting: perhaps needed by nobody any more

    def __contains__(self, name: str) -> bool:
        return name in self._waiting or name in self._told

    def waits(self, name: str) -> Ordered | None:
        """Return the order for which the worker waits to be told; None when it does not wait."""
        return self._waiting.get(name)

    def join(self, names: Iterable[str], order: Ordered, standings: Mapping[str, Standing]) -> None:
        """Take these in, each in its turn; a new order for one who waits takes the old one's place."""
        for name in names:
            self._waiting[name] = order
            self._free[name] = None
            if name not in self._needs and has_life(standings[name]):
                self._needs[name] = frozenset(on for on, _ in standings[name].record.spec.depends_on if on != name)
                self._needed.update(self._needs[name])

    def without(self, *names: str) -> None:
        """Leave these out: a later order keeps them, or they are gone."""
        for name in names:
            self._waiting.pop(name, None)
            self.ended(name)

    def ended(self, name: str) -> None:
        """Note that nothing of this one lives any more."""
        self._told.discard(name)
        for on in self._needs.pop(name, ()):
            self._needed[on] -= 1
            if not self._needed[on]:
                del self._needed[on]
                self._free[on] = None

    def due(self) -> dict[str, Ordered]:
        """Return the orders whose turn it is, which are told by then: no worker that is leaving depends on theirs."""
        ready = [name for name in self._free if name in self._waiting and name not in self._needed]
        self._free.clear()
        if not ready and not self._told:  # in a circle, which a file cannot have: all at once, rather than never
            ready = list(self._waiting)
        self._told.update(name for name in ready if name in self._needs)
        return {name: self._waiting.pop(name) for name in ready}
