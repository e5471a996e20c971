"""What applying a file would change: pure, from the new specs and the records of what is."""

from collections.abc import Iterable, Mapping
from dataclasses import fields

from actors.admission import Standing
from actors.requests import Change
from actors.spec import WorkerSpec
from actors.worker_state import State

_FORCES_REPLACE = ("command", "cwd", "env", "pane")
_RUNNING = {State.STARTING, State.RUNNING}
SMALL = 3  # so many running workers may always be stopped or replaced


def changes(specs: Iterable[WorkerSpec], standings: Mapping[str, Standing]) -> tuple[Change, ...]:
    """Return one change a worker of either side: create, replace, policy, none, stop."""
    wanted = {spec.name: spec for spec in specs}
    kept = tuple(_change(spec, standings.get(name)) for name, spec in wanted.items())
    return kept + tuple(Change(name, "stop") for name in standings if name not in wanted)


def _change(spec: WorkerSpec, standing: Standing | None) -> Change:
    if standing is None:
        return Change(spec.name, "create")
    keys = different_keys(standing.record.spec, spec)
    if not keys:
        return Change(spec.name, "none")
    return Change(spec.name, "replace" if spec.digest != standing.record.spec.digest else "policy", keys)


def different_keys(old: WorkerSpec, new: WorkerSpec) -> tuple[str, ...]:
    """Return the names of the keys in which two specs differ, those that force a new process first."""
    different = [f.name for f in fields(WorkerSpec) if getattr(old, f.name) != getattr(new, f.name)]
    return tuple(sorted(different, key=lambda key: key not in _FORCES_REPLACE))


def too_many(planned: Iterable[Change], standings: Mapping[str, Standing]) -> str | None:
    """Return why the changes need `force`: they end more than half of the running workers, and more than `SMALL`."""
    running = {name for name, standing in standings.items() if standing.state in _RUNNING}
    ended = [c.name for c in planned if c.action in ("stop", "replace") and c.name in running]
    if len(ended) <= SMALL or len(ended) * 2 <= len(running):
        return None
    return f"it would stop or replace {len(ended)} of {len(running)} running workers; --force if that is meant"
