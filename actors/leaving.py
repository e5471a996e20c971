"""In which order workers end that were told to end together: dependants first. Pure, over the states of all.

an order for many ──join──▶ Leaving ──due──▶ those whom nobody who is leaving still needs
                               ▲   └─ the others wait until their dependants are gone
                               └─ without: a later order for one of them counts
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from actors.admission import Standing, has_life
from actors.messages import Ordered


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who waits for a turn to be told to end, with the order for it, and who was told and has not ended yet."""

    waiting: Mapping[str, Ordered] = field(default_factory=dict)
    told: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.waiting or name in self.told

    def join(self, names: Iterable[str], order: Ordered) -> "Leaving":
        """Return the leaving with these, each in its turn; a new order for one who waits takes the old one's place."""
        return replace(self, waiting={**self.waiting, **dict.fromkeys(names, order)})

    def without(self, *names: str) -> "Leaving":
        """Return the leaving without these: a later order keeps them, or they are gone."""
        gone = set(names)
        waiting = {other: order for other, order in self.waiting.items() if other not in gone}
        return Leaving(waiting, self.told.difference(names))

    def due(self, standings: Mapping[str, Standing]) -> tuple["Leaving", dict[str, Ordered]]:
        """Return what is left, and the orders whose turn it is: no worker that is leaving depends on theirs."""
        members = {*self.waiting, *self.told} & standings.keys()
        living = {name for name in members if has_life(standings[name])}
        needed = {on for name in living for on, _ in standings[name].record.spec.depends_on if on != name}
        ready = {name: order for name, order in self.waiting.items() if name not in needed}
        told = self.told & living
        if not ready and not told:  # in a circle, which a file cannot have: all at once, rather than never
            ready = dict(self.waiting)
        waiting = {name: order for name, order in self.waiting.items() if name not in ready}
        return Leaving(waiting, told | (ready.keys() & living)), ready
