"""Families: workers of one table of the file, NAME-1 to NAME-N, and how many of each are wanted. Pure.

    the file's specs, families ─┐
    what `scale` ordered ───────┴─wanted─▶ the specs that are to be, and which orders still count

A replica is a worker like any other; that it is one stands in a label that the file cannot set.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from actors.admission import Standing
from actors.records import Scaled
from actors.spec import WorkerSpec

MOST = 4000  # replicas of a family


class NoReplica(Exception):
    """The file gives no valid worker of this number, and why."""


@dataclass(frozen=True, slots=True)
class Family:
    """A table with `replicas`. `spec_of` gives a replica by its number, from 1; it raises NoReplica."""

    name: str
    replicas: int
    spec_of: Callable[[int], WorkerSpec]

    def specs(self, count: int) -> tuple[WorkerSpec, ...]:
        return tuple(self.spec_of(index) for index in range(1, count + 1))


def wanted(
    specs: Iterable[WorkerSpec], families: Iterable[Family], orders: Iterable[Scaled]
) -> tuple[tuple[WorkerSpec, ...], tuple[Scaled, ...]]:
    """Return the specs with each family as large as was ordered, and the orders that the file has not overtaken."""
    known = {family.name: family for family in families}
    kept = tuple(order for order in orders if order.name in known and known[order.name].replicas == order.of_file)
    found = {spec.name: spec for spec in specs}
    for order in kept:
        found = _resized(found, order.name, known[order.name].specs(order.count))
    return tuple(found.values()), kept


def _resized(specs: Mapping[str, WorkerSpec], name: str, members: tuple[WorkerSpec, ...]) -> dict[str, WorkerSpec]:
    """Return the specs with these members of a family where its first one stood, at the end if there was none."""
    new = {spec.name: spec for spec in members}
    found: dict[str, WorkerSpec] = {}
    for spec in specs.values():
        found |= new if spec.replica_of == name else {spec.name: spec}
    return found | new


def ordered(orders: Iterable[Scaled], order: Scaled) -> tuple[Scaled, ...]:
    """Return the orders with this one; what the file says itself needs none."""
    others = tuple(known for known in orders if known.name != order.name)
    return others if order.count == order.of_file else (*others, order)


def members(name: str, standings: Mapping[str, Standing]) -> tuple[str, ...]:
    """Return the replicas of a family that there are, by number."""
    found = [other for other, standing in standings.items() if standing.record.spec.replica_of == name]
    return tuple(sorted(found, key=number_of))


def number_of(replica: str) -> int:
    return int(replica.rpartition("-")[2])


def resolved(standings: Mapping[str, Standing]) -> Mapping[str, Standing]:
    """Return the standings with dependencies on a family turned into dependencies on each of its replicas.

    On one of no replicas they stay as they are: such a worker does not exist.
    """
    families: dict[str, list[str]] = {}
    for name, standing in standings.items():
        if base := standing.record.spec.replica_of:
            families.setdefault(base, []).append(name)
    if not families:
        return standings
    return {name: _resolved(standing, families) for name, standing in standings.items()}


def _resolved(standing: Standing, families: Mapping[str, list[str]]) -> Standing:
    spec = standing.record.spec
    if not any(name in families for name, _ in spec.depends_on):
        return standing
    each = tuple((member, on) for name, on in spec.depends_on for member in families.get(name, [name]))
    return replace(standing, record=replace(standing.record, spec=replace(spec, depends_on=each)))


def together(lineup: Iterable[str], family: tuple[str, ...]) -> list[str]:
    """Return the lineup with the family's members in this order, where its first one stands."""
    names = set(family)
    found: dict[str, None] = {}
    for name in lineup:
        found |= dict.fromkeys(family if name in names else [name])
    return list(found)
