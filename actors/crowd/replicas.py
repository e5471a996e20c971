"""Families: workers of one table of the file, NAME-1 to NAME-N, and how many of each are wanted. Pure.

    the file's specs, families ─┐
    what `scale` ordered ───────┴─wanted─▶ the specs that are to be, and which orders still count

A replica is a worker like any other; that it is one stands in a label that the file cannot set.
"""

from collections.abc import Iterable, Mapping

from actors.crowd.members import Crowd, number_of
from actors.values.families import Family
from actors.values.records import Scaled
from actors.values.spec import WorkerSpec


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


def members(name: str, crowd: Crowd) -> tuple[str, ...]:
    """Return the replicas of a family that there are, by number."""
    return tuple(sorted(crowd.families.get(name, ()), key=number_of))


def together(order: Iterable[str], family: tuple[str, ...]) -> list[str]:
    """Return the order with the family's members in this order, where its first one stands."""
    names = set(family)
    found: dict[str, None] = {}
    for name in order:
        found |= dict.fromkeys(family if name in names else [name])
    return list(found)
