"""Dependencies that can never be reached: on a worker that does not exist, or in a circle. Pure, over tables."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from supervisor.config.problems import Finding
from supervisor.text.words import Keys, shown

_MOST_NAMES = 12  # of a cycle in a message


def dependency_findings(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Finding]]:
    """Yield, by worker, what is wrong with its `depends_on`, judged against all tables."""
    wanted = {name: _dependencies(table) for name, table in tables.items()}
    yield from _dependency_faults(wanted)
    edges = {name: [other for other in on if other in tables and other != name] for name, on in wanted.items()}
    for cycle in _cycles(edges):
        keys = wanted[cycle[0]][cycle[1]]
        yield cycle[0], Finding(keys, f"depends_on goes in a circle: {_drawn(cycle)}")


def _dependencies(table: Mapping[str, Any]) -> dict[str, Keys]:
    """Return the names that a worker waits for, each with its place. The rest of the table may be wrong."""
    written = table.get("depends_on")
    table_of_names = written if isinstance(written, dict) else {}
    names = enumerate(written) if isinstance(written, list) else ((name, name) for name in table_of_names)
    return {name: ("depends_on", at) for at, name in names if isinstance(name, str)}


def _dependency_faults(wanted: dict[str, dict[str, Keys]]) -> Iterator[tuple[str, Finding]]:
    """Yield, by worker, each dependency on a worker that does not exist, and on itself."""
    names = tuple(wanted)
    for name, dependencies in wanted.items():
        for other, keys in dependencies.items():
            if other not in wanted:
                what = f"depends_on names {shown(other)}, and no worker is called that"
                yield name, Finding(keys, what, meant=(other, names))
            elif other == name:
                yield name, Finding(keys, "depends_on names the worker itself, which would never start")


def _cycles(edges: dict[str, list[str]]) -> Iterator[list[str]]:
    """Yield cycles that share no worker, each from its first worker on: enough to see what to cut.

    A depth-first walk without recursion: there may be thousands in a row. It looks at each edge once.
    """
    order = {name: number for number, name in enumerate(edges)}
    seen: set[str] = set()
    for root in edges:
        trail = {root: iter(edges[root])} if root not in seen else {}
        depth, told = {root: 0}, [-1]  # of the workers on the trail: how deep they stand, and which depths were told
        while trail:
            seen.add(here := next(reversed(trail)))
            other = next(trail[here], None)
            if other is None:
                del trail[here]
                told = told if told[-1] < len(trail) else told[:-1]
            elif other not in seen:
                depth[other] = len(trail)
                trail[other] = iter(edges[other])
            elif other in trail and told[-1] < depth[other]:
                cycle = list(islice(reversed(trail), len(trail) - depth[other]))[::-1]
                told += range(depth[other], len(trail))
                yield _rotated(cycle, first=min(cycle, key=order.__getitem__))


def _rotated(cycle: list[str], first: str) -> list[str]:
    start = cycle.index(first)
    return cycle[start:] + cycle[:start]


def _drawn(cycle: list[str]) -> str:
    names = [*cycle, cycle[0]]
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 2], "…", names[-1]]
    return " → ".join(names)
