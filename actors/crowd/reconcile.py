"""What applying a file changes, from the new specs and what is known of each worker. Pure.

    the file's specs, families ─┐                                                       ┌─▶ why it needs `force`
    orders of `scale` ──────────┴─wanted─▶ specs, orders still valid ──changes──▶ one Change per worker

A family is the workers of one table of the file, NAME-1 to NAME-N. A replica is a worker like any other; a label that
the file cannot set names its family.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from actors.crowd.members import Crowd, Member, number_of
from actors.life.state import State
from actors.values.records import Intent, Scaled
from actors.values.requests import Action, Change
from actors.values.spec import Family, WorkerSpec

S = State
_FORCES_REPLACE = ("command", "cwd", "env", "secret_files", "env_command", "pane")
_RUNNING = {S.STARTING, S.RUNNING}
_ENDED = {Action.STOP, Action.REPLACE}
_ENDS = {Intent.STOPPED, Intent.COMPLETED}
SMALL = 3  # up to this number of running workers may always be stopped or replaced


def changes(specs: Iterable[WorkerSpec], known: Mapping[str, Member]) -> tuple[Change, ...]:
    """Return one change per worker, those of the file first. Workers that `run` defined stay as they are."""
    wanted = {spec.name: spec for spec in specs}
    kept = [_change(spec, known.get(name)) for name, spec in wanted.items()]
    gone = [name for name, member in known.items() if name not in wanted and not member.record.by_hand]
    return tuple(_with_renames(kept, gone, wanted, known)) + tuple(_removal(name, known) for name in gone)


def scale_notes(before: Iterable[Scaled], kept: Iterable[Scaled]) -> tuple[Change, ...]:
    """Return a note for each family that a person scaled, as a change that changes nothing: its size, and why."""
    still = tuple(kept)
    ended = [order for order in before if order not in still]
    overtaken = "its size is the file's again"
    return tuple(Change(order.name, Action.NONE, note=order.note) for order in still) + tuple(
        Change(order.name, Action.NONE, note=f"it was scaled to {order.count}; {overtaken}") for order in ended
    )


def _change(spec: WorkerSpec, member: Member | None) -> Change:
    if member is None:
        return Change(spec.name, Action.CREATE, note="" if spec.autostart else "stopped, by autostart = false")
    keys = different_keys(member.record.spec, spec)
    note = "defined by `run` so far" if member.record.by_hand else ""
    if member.record.intent is Intent.REMOVED:
        return Change(spec.name, Action.START, keys, "it was to be removed")
    if not keys:
        return Change(spec.name, Action.POLICY if note else Action.NONE, note=note)
    if spec.digest == member.record.spec.digest:
        return Change(spec.name, Action.POLICY, keys, note)
    stops = member.state is S.STOPPING and member.record.intent in _ENDS
    return _needs_process(spec.name, S.STOPPED if stops else member.state, keys, note)


def _needs_process(name: str, state: State, keys: tuple[str, ...], note: str) -> Change:
    match state:
        case S.STARTING | S.RUNNING | S.STOPPING:
            return Change(name, Action.REPLACE, keys, note)
        case S.BACKOFF | S.COMPLETED | S.FAILED:
            return Change(name, Action.START, keys, note or f"it is {state}")
        case S.STOPPED:
            return Change(name, Action.POLICY, keys, note or "a person stopped it; it counts from the next start")
    return Change(name, Action.POLICY, keys, note or f"it is {state}; it counts from the next start")


def _removal(name: str, known: Mapping[str, Member]) -> Change:
    state = known[name].state
    return Change(name, Action.STOP, note="" if state in _RUNNING else f"it is {state}; it is forgotten")


def _with_renames(
    kept: list[Change], gone: list[str], wanted: Mapping[str, WorkerSpec], known: Mapping[str, Member]
) -> list[Change]:
    """Note each new worker that is a removed one under another name: it is stopped and started, not renamed."""
    old = {name: replace(known[name].record.spec, name="") for name in gone}
    noted = []
    for change in kept:
        same = [n for n, spec in old.items() if change.action is Action.CREATE and spec == _nameless(wanted, change)]
        noted.append(replace(change, note=f"{same[0]} under another name, with a new process") if same else change)
    return noted


def _nameless(wanted: Mapping[str, WorkerSpec], change: Change) -> WorkerSpec:
    return replace(wanted[change.name], name="")


def different_keys(old: WorkerSpec, new: WorkerSpec) -> tuple[str, ...]:
    """Return the names of the keys in which two specs differ, those that force a new process first."""
    different = [f.name for f in fields(WorkerSpec) if getattr(old, f.name) != getattr(new, f.name)]
    return tuple(sorted(different, key=lambda key: key not in _FORCES_REPLACE))


def why_force(planned: Iterable[Change], known: Mapping[str, Member]) -> str | None:
    """Return why the changes need `force`, None when they do not.

    They remove a protected worker or replace its process, or they end more than half of the running workers, and more
    than `SMALL`.
    """
    planned = tuple(planned)
    for action, said in ((Action.STOP, "remove"), (Action.REPLACE, "replace the process of")):
        of_kind = [change.name for change in planned if change.action is action]
        if names := [name for name in of_kind if known[name].record.spec.protected]:
            return f"it would {said} what is protected: {', '.join(names)}; use --force to do it all the same"
    running = {name for name, member in known.items() if member.state in _RUNNING}
    ended = [change.name for change in planned if change.action in _ENDED and change.name in running]
    if len(ended) <= SMALL or len(ended) * 2 <= len(running):
        return None
    return f"it would stop or replace {len(ended)} of {len(running)} running workers; use --force to do it all the same"


# ── families ──────────────────────────────────────────────────────────────────────────────────────────────────────


def wanted(
    specs: Iterable[WorkerSpec], families: Iterable[Family], orders: Iterable[Scaled]
) -> tuple[tuple[WorkerSpec, ...], tuple[Scaled, ...]]:
    """Return the specs with each family in its ordered size, and the orders that are still valid.

    An order is valid while the file gives the size that it gave when the order came.
    """
    known = {family.name: family for family in families}
    kept = tuple(order for order in orders if order.name in known and known[order.name].replicas == order.of_file)
    found = {spec.name: spec for spec in specs}
    for order in kept:
        found = _resized(found, order.name, known[order.name].specs(order.count))
    return tuple(found.values()), kept


def _resized(specs: Mapping[str, WorkerSpec], name: str, replicas: tuple[WorkerSpec, ...]) -> dict[str, WorkerSpec]:
    """Return the specs with these members of a family in the place of its first one; without any, at the end."""
    new = {spec.name: spec for spec in replicas}
    found: dict[str, WorkerSpec] = {}
    for spec in specs.values():
        found |= new if spec.replica_of == name else {spec.name: spec}
    return found | new


def ordered(orders: Iterable[Scaled], order: Scaled) -> tuple[Scaled, ...]:
    """Return the orders with this one; the size that the file gives needs no order."""
    others = tuple(known for known in orders if known.name != order.name)
    return others if order.count == order.of_file else (*others, order)


def replicas_of(name: str, crowd: Crowd) -> tuple[str, ...]:
    """Return the present replicas of a family, by number."""
    return tuple(sorted(crowd.families.get(name, ()), key=number_of))


def together(order: Iterable[str], family: tuple[str, ...]) -> list[str]:
    """Return the order with all members of the family in the place of its first one."""
    names = set(family)
    found: dict[str, None] = {}
    for name in order:
        found |= dict.fromkeys(family if name in names else [name])
    return list(found)
