"""Which workers a command means: names and globs, labels and a project, all; pure.

Names and globs say which, `-l` and `-p` narrow them down, or stand alone. Nothing at all is no selection: a command
that changes something refuses it.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from actors.events.words import some_of
from actors.frozen import frozen
from supervisor.text.words import nearest, shown
from supervisor.wire.errors import CommandError, UnknownWorker
from supervisor.wire.frames import MAX_ARRAY

_NAMED = 5
REPLICA_OF = "replica_of"  # as in actors.values.spec, which a command need not load for it
Worker = Mapping[str, Any]
"""A worker as the status JSON has it."""


@frozen(kw_only=True)
class Selection:
    """What the command line said. `all` is what `--all` says, and excludes the rest."""

    patterns: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    project: str | None = None
    all: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Return what the gateway's `Select` reads; patterns that are more than an array may hold go in several."""
        parts = [list(self.patterns[at : at + MAX_ARRAY]) for at in range(0, len(self.patterns), MAX_ARRAY)]
        patterns = parts if len(parts) > 1 else list(self.patterns)
        return {"patterns": patterns, "labels": [*map(list, self.labels)], "project": self.project, "all": self.all}

    @property
    def empty(self) -> bool:
        return not (self.patterns or self.labels or self.project is not None or self.all)

    @property
    def one(self) -> str | None:
        """The single name, or glob, that is all that was said; None where it was more."""
        alone = len(self.patterns) == 1 and not (self.labels or self.project is not None or self.all)
        return self.patterns[0] if alone else None

    def require(self) -> None:
        """Refuse no selection, and one that contradicts itself."""
        if self.empty:
            raise CommandError("usage", "name the workers: NAME… (globs too), -l LABEL=VALUE, -p PROJECT or --all")
        if self.all and (self.patterns or self.labels or self.project is not None):
            raise CommandError("usage", "use --all or a selection of workers, not both")


def parse_label(text: str) -> tuple[str, str]:
    """Read `label=value`."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise CommandError("usage", f"a label is selected as LABEL=VALUE, not {shown(text)}")
    return key, value


def select(workers: Sequence[Worker], selection: Selection, *, strict: bool = True) -> list[str]:
    """Return the names of those meant, in their own order; an empty selection means all.

    A pattern without a match, or labels and a project that leave nobody, raise unknown-worker if `strict`.
    """
    known = [worker["name"] for worker in workers]
    names = None
    if selection.patterns:
        names = set(match(selection.patterns, known, families(workers), strict=strict))
    chosen = [
        worker["name"] for worker in workers if (names is None or worker["name"] in names) and _fits(worker, selection)
    ]
    if strict and not chosen and (selection.labels or selection.project is not None):
        raise CommandError("unknown-worker", f"no worker has {_described(selection)}")
    return chosen


def families(workers: Iterable[Worker]) -> dict[str, set[str]]:
    """Return the names of the replicas of each family."""
    found: dict[str, set[str]] = {}
    for worker in workers:
        if base := (worker.get("labels") or {}).get(REPLICA_OF):
            found.setdefault(base, set()).add(worker["name"])
    return found


def match(
    patterns: Iterable[str],
    known: Sequence[str],
    replicas: Mapping[str, set[str]] = MappingProxyType({}),
    *,
    strict: bool = True,
) -> list[str]:
    """Return the known names that the patterns match, in the order known; if `strict`, each has to match something.

    A name is that worker's, else that of all replicas of a family, else a glob.
    """
    found: set[str] = set()
    there = set(known)
    for pattern in patterns:
        matching = {pattern} & there or replicas.get(pattern) or set(fnmatch.filter(known, pattern))
        if strict and not matching:
            raise UnknownWorker(pattern, f"no worker is called {shown(pattern)}{nearest(pattern, known)}")
        found |= matching
    return [name for name in known if name in found]


def require_one(name: str, known: Sequence[str], replicas: Mapping[str, set[str]]) -> None:
    """Raise unless `name` is the name of one worker: unknown-worker, or usage where it means several."""
    meant = match([name], known, replicas)
    if meant != [name]:
        raise CommandError("usage", f"name one worker: {shown(name)} means {some_of(meant, _NAMED)}")


def the_one(pattern: str, known: Sequence[str], replicas: Mapping[str, set[str]]) -> str:
    """Return the name of the one worker that the pattern means; raises as `require_one` does."""
    meant = match([pattern], known, replicas)
    if len(meant) > 1:
        require_one(pattern, known, replicas)
    return meant[0]


def _fits(worker: Worker, selection: Selection) -> bool:
    labels = worker.get("labels") or {}
    right_labels = all(labels.get(key) == value for key, value in selection.labels)
    return right_labels and selection.project in (None, worker.get("project"))


def _described(selection: Selection) -> str:
    parts = [f"label {shown(f'{key}={value}')}" for key, value in selection.labels]
    parts += [f"project {shown(selection.project)}"] if selection.project is not None else []
    return " and ".join(parts) + (" among those named" if selection.patterns else "")
