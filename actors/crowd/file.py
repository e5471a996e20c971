"""The config file: what applying it changes, and whether it is what was applied. Pure."""

from collections import Counter
from dataclasses import replace
from typing import Any

from actors.crowd import leaving, unknown
from actors.crowd.effects import Answer, Define
from actors.crowd.members import as_in_file, intended
from actors.crowd.reconcile import changes, scale_notes, wanted, why_force
from actors.crowd.substrate import note_part
from actors.crowd.turn import FILE, Turn
from actors.values.bulletins import ConfigOnDisk, PartFailing
from actors.values.facts import Instant, Ordered, SpecChanged, Verb
from actors.values.records import Intent, Record, Scaled
from actors.values.requests import Accepted, Action, Apply, Change, ConfigBroken, Plan, Planned, RequestRefused
from actors.values.spec import Family, NoReplica, WorkerSpec


def apply(turn: Turn, apply: Apply, now: Instant) -> None:
    turn.refuse_if_closing()
    accepted = applied(turn, apply, now)
    turn.show_order()
    turn.effects.append(Answer(accepted))


def plan(turn: Turn, plan: Plan, _now: Instant) -> None:
    """Answer what `apply` would do; nothing changes."""
    specs, kept = _wanted(turn, plan.specs, plan.families)
    planned = changes(specs, turn.crowd)
    notes = scale_notes(turn.roster.head.scaled, kept)
    turn.effects.append(Answer(Planned((*planned, *notes), why_force(planned, turn.crowd))))


def applied(turn: Turn, apply: Apply, now: Instant) -> Accepted:
    """Bring the workers to what the file says. Raises RequestRefused before anything changes."""
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
    turn.keep_head(config_digest=digest, scaled=scaled)  # with fsync, so that the records before it are on disk, too
    later: dict[str, Any] = {"next_start": list(apply.next_start)} if apply.next_start else {}
    counts = Counter(str(change.action) for change in planned)
    turn.say("config.applied", digest=digest, **counts, **later)
    turn.show_service()


def carry_out_change(turn: Turn, change: Change, spec: WorkerSpec) -> None:
    """Bring one worker to what the file says, under the number of the present order."""
    name, number = change.name, turn.roster.number
    if change.action is Action.CREATE:
        starts = spec.autostart or name in turn.roster.unknown  # what lives already goes on
        unknown.spawn(turn, Record(spec=spec, intent=Intent.WANTED if starts else Intent.STOPPED), Define())
        return
    known = turn.crowd[name].record
    if known.intent is Intent.REMOVED:  # any other order stays valid
        leaving.stay(turn, name)
    turn.remember(name, as_in_file(known, spec, change.action), durable=False)
    turn.tell_news(name, SpecChanged(spec, number))


def forget_all(turn: Turn, names: tuple[str, ...]) -> None:
    """Let workers leave that are no longer in the file; dependants first."""
    for name in names:
        turn.remember(name, intended(turn.crowd[name].record, Verb.REMOVE), durable=False)
    leaving.join(turn, names, Ordered(Verb.REMOVE, turn.roster.number))


# ── the file on disk ──────────────────────────────────────────────────────────────────────────────────────────────


def broken(turn: Turn, broken: ConfigBroken, _now: Instant) -> None:
    note_error(turn, broken.error)


def note_error(turn: Turn, error: str) -> None:
    if turn.roster.config.error != error:
        turn.become(config=replace(turn.roster.config, error=error))
        turn.say("config.error", error=error)
        turn.show_service()


def on_disk(turn: Turn, on_disk: ConfigOnDisk, _now: Instant) -> None:
    if on_disk.origin not in (None, turn.roster.head.origin):  # an editor replaced the file by a new one
        turn.keep_head(origin=on_disk.origin)
    note_part(turn, PartFailing(FILE, on_disk.gone))
    if turn.roster.config.changed_on_disk is not on_disk.changed:
        turn.become(config=replace(turn.roster.config, changed_on_disk=on_disk.changed))
        turn.show_service()
