"""The config file: what applying it changes, and whether it is what was applied. Pure."""

from collections import Counter
from dataclasses import replace
from typing import Any

from actors.crowd.effects import Answer
from actors.crowd.reconcile import changes, scale_notes, why_force
from actors.crowd.replicas import wanted
from actors.crowd.substrate import note_part
from actors.crowd.turn import FILE, Turn
from actors.crowd.workers import carry_out_change, forget_all
from actors.values.bulletins import ConfigOnDisk, PartFailing
from actors.values.facts import Instant
from actors.values.families import Family, NoReplica
from actors.values.records import Scaled
from actors.values.requests import Accepted, Action, Apply, Change, ConfigBroken, Plan, Planned, RequestRefused
from actors.values.spec import WorkerSpec


def apply(turn: Turn, apply: Apply, now: Instant) -> None:
    turn.refuse_if_closing()
    accepted = applied(turn, apply, now)
    turn.show_order()
    turn.effects.append(Answer(accepted))


def plan(turn: Turn, plan: Plan, _now: Instant) -> None:
    """Answer what `apply` would do; nothing is changed."""
    specs, kept = _wanted(turn, plan.specs, plan.families)
    planned = changes(specs, turn.crowd)
    notes = scale_notes(turn.roster.head.scaled, kept)
    turn.effects.append(Answer(Planned((*planned, *notes), why_force(planned, turn.crowd))))


def applied(turn: Turn, apply: Apply, now: Instant) -> Accepted:
    """Make the workers be as the file says. Raises RequestRefused, and nothing has changed then."""
    wanted_specs, kept = _wanted(turn, apply.specs, apply.families)
    planned = changes(wanted_specs, turn.crowd)
    refusal = None if apply.force else why_force(planned, turn.crowd)
    if refusal:
        raise RequestRefused("not-permitted", refusal)
    number = turn.next_number()
    specs = {spec.name: spec for spec in wanted_specs}
    for change in planned:
        if change.action is not Action.STOP:
            carry_out_change(turn, change, specs[change.name])
    forget_all(turn, tuple(change.name for change in planned if change.action is Action.STOP))
    turn.reorder((*specs, *(name for name in turn.crowd.order if name not in specs)))
    notes = scale_notes(turn.roster.head.scaled, kept)
    _is_applied(turn, apply, planned, kept, now)
    return Accepted(number, tuple(specs), (*planned, *notes))


def _wanted(
    turn: Turn, specs: tuple[WorkerSpec, ...], families: tuple[Family, ...]
) -> tuple[tuple[WorkerSpec, ...], tuple[Scaled, ...]]:
    try:
        return wanted(specs, families, turn.roster.head.scaled)
    except NoReplica as fault:
        raise RequestRefused("config", str(fault)) from None


def _is_applied(
    turn: Turn, apply: Apply, planned: tuple[Change, ...], scaled: tuple[Scaled, ...], now: Instant
) -> None:
    digest = apply.config_digest
    config = replace(turn.roster.config, digest=digest, loaded_at=now.wall, changed_on_disk=False, error=None)
    turn.become(config=config)
    turn.keep_head(config_digest=digest, scaled=scaled)  # with fsync: what was kept before is on disk, too
    later: dict[str, Any] = {"next_start": list(apply.next_start)} if apply.next_start else {}
    counts = Counter(str(change.action) for change in planned)
    turn.say("config.applied", digest=digest, **counts, **later)
    turn.show_service()


def broken(turn: Turn, broken: ConfigBroken, _now: Instant) -> None:
    note_error(turn, broken.error)


def note_error(turn: Turn, error: str) -> None:
    if turn.roster.config.error != error:
        turn.become(config=replace(turn.roster.config, error=error))
        turn.say("config.error", error=error)
        turn.show_service()


def on_disk(turn: Turn, on_disk: ConfigOnDisk, _now: Instant) -> None:
    if on_disk.origin not in (None, turn.roster.head.origin):  # an editor puts a new file in the place of the old one
        turn.keep_head(origin=on_disk.origin)
    note_part(turn, PartFailing(FILE, on_disk.gone))
    if turn.roster.config.changed_on_disk is not on_disk.changed:
        turn.become(config=replace(turn.roster.config, changed_on_disk=on_disk.changed))
        turn.show_service()
