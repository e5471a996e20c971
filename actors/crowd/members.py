"""What is known of each worker, and the indexes by which a change finds the workers that it touches. Pure.

    put(crowd, name, member) keeps the indexes right:
        dependants   name of a worker or a family ──▶ the workers that have it in `depends_on`
        families     family ──▶ its replicas
        line         turn ──▶ the pending workers that no gate of their own holds
        counts       how many workers are in a state that matters to all

The Supervisor owns what was ordered: a worker's record, and the orders that it has not confirmed (`unheard`). The
Worker owns which orders it has carried out. So the number of the last one follows from `unheard`: see `heard`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import NamedTuple

from immutables import Map

from actors.frozen import frozen
from actors.life.state import HOLDS, State
from actors.values.facts import Ordered, SpecChanged, Verb
from actors.values.gates import Gate
from actors.values.records import Intent, Record
from actors.values.requests import Action
from actors.values.spec import Condition, WorkerSpec

S = State
_TAKES_A_PLACE = {S.STARTING, S.RUNNING, S.BACKOFF, S.STOPPING}
_ON_THE_WAY = {S.PENDING, *_TAKES_A_PLACE}
_QUEUES = {S.UNBORN, S.PENDING, S.STARTING}  # starting: it may have to wait again, and keeps its turn

News = Ordered | SpecChanged


@frozen(kw_only=True)
class Member:
    """One worker.

    - `rests`, `settling`: as the worker reports them (`Changed`).
    - `unheard`: orders that it was told and has not confirmed. `dropped`: a restart on which its actor failed
      twice; it is not given again, and never confirmed.
    - `turn`: its place in the queue for a start. `let_in`: it may start, and has not reported that it does.
    - `gate`: what holds it while it is pending. `told`: the gate that it was told. `stuck`: the gate at the bottom of
      its chain of dependencies, when that gate lasts.
    - `leaving`: an order to end that it is not told yet. `ends`: it was told, and has not ended yet.
    - `failures`: when its actor failed lately (monotonic). `lost`: its actor has failed, and its pane is looked for.
    - `born`: it has reported at least once.
    """

    state: State
    record: Record
    rests: bool = False
    settling: bool = False
    unheard: tuple[News, ...] = ()
    dropped: Ordered | None = None
    turn: int | None = None
    let_in: bool = False
    gate: Gate | None = None
    stuck: Gate | None = None
    told: Gate | None = None
    leaving: Ordered | None = None
    ends: bool = False
    failures: tuple[float, ...] = ()
    lost: bool = False
    born: bool = True

    def heard(self, number: int) -> int:
        """Return the last order that the worker has carried out, when `number` is the last one of the service."""
        unconfirmed = [news.number for news in (*self.unheard, self.leaving, self.dropped) if news]
        return min(unconfirmed, default=number + 1) - 1

    @property
    def may_start(self) -> bool:
        return self.state is S.PENDING and not self.rests and self.record.intent is not Intent.REMOVED

    @property
    def is_held(self) -> bool:
        """Whether a rule of it holds it, as far as it has reported."""
        hold = self.record.hold
        return hold is not None and not hold.over and self.state in HOLDS

    @property
    def on_the_way(self) -> bool:
        """Whether the worker runs or is on the way to it, so that it has to be ended."""
        return self.state in _ON_THE_WAY

    @property
    def has_life(self) -> bool:
        """Whether something of the worker may still live, even in the state of a worker at rest."""
        return self.on_the_way or (self.record.life is not None and self.state is not S.QUARANTINED)


class Counts(NamedTuple):
    """How many workers take a place, start, may have something that lives, …"""

    taken: int = 0
    starting: int = 0
    living: int = 0  # those not born yet are among them
    unborn: int = 0
    waiting_to_end: int = 0
    told_to_end: int = 0


@frozen(kw_only=True)
class Crowd(Mapping[str, Member]):
    """All workers by name, in the `order` of their definition. Only `put` and `queue` make a new one."""

    members: Map[str, Member] = field(default_factory=Map)
    order: tuple[str, ...] = ()
    dependants: Map[str, frozenset[str]] = field(default_factory=Map)
    families: Map[str, frozenset[str]] = field(default_factory=Map)
    line: Map[int, str] = field(default_factory=Map)
    head: int = 0  # no turn before it is in the line
    turns: int = 0  # given so far
    counts: Counts = field(default_factory=Counts)

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.members)

    def needs(self, name: str) -> Iterator[tuple[str, Condition]]:
        """Yield what a worker depends on. A family stands for each of its replicas; without any, for itself."""
        for needed, on in self.members[name].record.spec.depends_on:
            for each in sorted(self.families.get(needed, ()), key=number_of) or (needed,):
                yield each, on

    def dependants_of(self, name: str) -> frozenset[str]:
        """Return the workers that depend on this one, by its own name or by its family's."""
        found = self.dependants.get(name, frozenset())
        member = self.members.get(name)
        family = member.record.spec.replica_of if member else None
        return found | self.dependants.get(family, frozenset()) if family else found


def number_of(replica: str) -> int:
    return int(replica.rpartition("-")[2])


def put(crowd: Crowd, name: str, member: Member | None) -> Crowd:
    """Return the crowd with this member under that name; None: without the worker."""
    before = crowd.members.get(name)
    if member is not None:
        crowd, member = _with_turn(crowd, before, member)
    if before == member:
        return crowd
    crowd = _in_line(_indexed(crowd, name, before, member), name, before, member)
    counts = zip(crowd.counts, _count(member), _count(before), strict=True)
    members = crowd.members.delete(name) if member is None else crowd.members.set(name, member)
    return replace(crowd, members=members, counts=Counts(*(count + new - old for count, new, old in counts)))


def _count(member: Member | None) -> Counts:
    """Return what one worker adds to the counts."""
    if member is None:
        return Counts()
    state = member.state
    return Counts(
        taken=state in _TAKES_A_PLACE,
        starting=state is S.STARTING,
        living=member.has_life or state is S.UNBORN,
        unborn=not member.born,
        waiting_to_end=member.leaving is not None,
        told_to_end=member.ends,
    )


def queue(crowd: Crowd, name: str) -> Crowd:
    """Return the crowd with this worker at the end of the queue, before it waits."""
    member = replace(crowd.members[name], turn=crowd.turns)
    return replace(crowd, turns=crowd.turns + 1, members=crowd.members.set(name, member))


def _with_turn(crowd: Crowd, before: Member | None, member: Member) -> tuple[Crowd, Member]:
    """Give a turn to a worker that begins to wait, and take it from one that no longer waits."""
    if member.state not in _QUEUES:
        waits_no_more = before is None or before.state is not member.state
        return crowd, replace(member, turn=None) if waits_no_more and member.turn is not None else member
    if member.turn is not None:
        return crowd, member
    return replace(crowd, turns=crowd.turns + 1), replace(member, turn=crowd.turns)


def _indexed(crowd: Crowd, name: str, before: Member | None, after: Member | None) -> Crowd:
    old, new = (member.record.spec if member else None for member in (before, after))
    if old is new or (old and new and (old.depends_on, old.replica_of) == (new.depends_on, new.replica_of)):
        return crowd
    dependants, families = crowd.dependants, crowd.families
    for needed, _ in old.depends_on if old else ():
        dependants = _without(dependants, needed, name)
    for needed, _ in new.depends_on if new else ():
        dependants = dependants.set(needed, dependants.get(needed, frozenset()) | {name})
    if old and old.replica_of:
        families = _without(families, old.replica_of, name)
    if new and new.replica_of:
        families = families.set(new.replica_of, families.get(new.replica_of, frozenset()) | {name})
    return replace(crowd, dependants=dependants, families=families)


def _without(index: Map[str, frozenset[str]], key: str, name: str) -> Map[str, frozenset[str]]:
    left = index.get(key, frozenset()) - {name}
    if left:
        return index.set(key, left)
    return index.delete(key) if key in index else index


def _in_line(crowd: Crowd, name: str, before: Member | None, after: Member | None) -> Crowd:
    """Keep the line: pending workers that may start, and that no gate of their own holds."""
    was, now = _place(before), _place(after)
    if was == now:
        return crowd
    line = crowd.line.delete(was) if was is not None and was in crowd.line else crowd.line
    if now is None:
        return replace(crowd, line=line)
    return replace(crowd, line=line.set(now, name), head=min(crowd.head, now))


def _place(member: Member | None) -> int | None:
    return member.turn if member and member.may_start and member.gate is None else None


# ── what is wanted of a worker ────────────────────────────────────────────────────────────────────────────────────

_INTENT = {
    Verb.START: Intent.WANTED,
    Verb.RESTART: Intent.WANTED,
    Verb.STOP: Intent.STOPPED,
    Verb.COMPLETE: Intent.COMPLETED,
    Verb.REMOVE: Intent.REMOVED,
}


def intended(record: Record, verb: Verb) -> Record:
    """Return the record with the intent of the order. `DOWN` keeps the intent, as does a stop of what has ended."""
    if verb is Verb.STOP and record.intent in (Intent.COMPLETED, Intent.FAILED):
        return record
    return replace(record, intent=_INTENT.get(verb, record.intent))


def as_told(record: Record, news: News) -> Record:
    """Return the record as it will be when the worker has carried out this order."""
    return as_in_file(record, news.spec) if isinstance(news, SpecChanged) else intended(record, news.verb)


def is_restart(news: News) -> bool:
    return isinstance(news, Ordered) and news.verb is Verb.RESTART


def as_in_file(record: Record, spec: WorkerSpec, action: Action = Action.POLICY) -> Record:
    """Return the record of a worker that the file names. One that was to be removed, or is started, is wanted."""
    wanted = record.intent is Intent.REMOVED or action is Action.START
    intent = Intent.WANTED if wanted else record.intent
    return replace(record, spec=spec, by_hand=False, intent=intent)


def must_be_durable(old: Record, new: Record) -> bool:
    """Whether the change is an order or a final verdict, which must be on disk; lives and pids may follow later."""
    return old.intent is not new.intent or old.spec != new.spec
