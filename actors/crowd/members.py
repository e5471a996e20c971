"""What is known of each worker, and the indexes by which a change finds the workers that it touches. Pure.

put(crowd, name, member) keeps right:
    dependants   a name, of a worker or a family ──▶ who has it in `depends_on`
    families     a family ──▶ its replicas
    line         turn ──▶ the pending workers that nothing of their own holds
    counts       of workers that take a place, start, live, or are not born
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from immutables import Map

from actors.crowd.intents import News
from actors.life.state import State
from actors.values.facts import Ordered
from actors.values.gates import Gate
from actors.values.records import Intent, Record
from actors.values.spec import Condition

S = State
_TAKES_A_PLACE = {S.STARTING, S.RUNNING, S.BACKOFF, S.STOPPING}
_ON_THE_WAY = {S.PENDING, *_TAKES_A_PLACE}
_QUEUES = {S.UNBORN, S.PENDING, S.STARTING}  # starting: it may have to wait again, and keeps its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One worker.

    `unheard` was told to it and is not confirmed yet; `heard` is the number of the last order that it confirmed.
    `turn` is its place in the queue of those that wait to start. `let_in`: it may start, and has not said that it does.
    `gate` holds it while it is pending, `told` is the gate that it knows of. `stuck` is the gate at the bottom of its
    chain of dependencies, where that gate lasts. `leaving` waits to be told to it; `ends`: it was told, and has not
    ended yet. `failures`: when its actor failed lately (monotonic); `lost`: its actor has failed, and its pane is
    looked for. `born`: it has said how it is, once.
    """

    state: State
    record: Record
    rests: bool = False
    heard: int = 0
    unheard: tuple[News, ...] = ()
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

    @property
    def may_start(self) -> bool:
        return self.state is S.PENDING and not self.rests and self.record.intent is not Intent.REMOVED

    @property
    def on_the_way(self) -> bool:
        """Whether it runs or is on the way to it, so that it has to be ended."""
        return self.state in _ON_THE_WAY

    @property
    def has_life(self) -> bool:
        """Whether something of it may still live, though its state be that of a worker at rest."""
        return self.on_the_way or (self.record.life is not None and self.state is not S.QUARANTINED)

    @property
    def _counted(self) -> tuple[bool, ...]:
        starts, lives = self.state is S.STARTING, self.has_life or self.state is S.UNBORN
        return self.state in _TAKES_A_PLACE, starts, lives, not self.born, self.leaving is not None, self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd(Mapping[str, Member]):
    """All workers by name, in the `order` of their definition. Only `put` and `queue` make a new one."""

    members: Map[str, Member] = field(default_factory=Map)
    order: tuple[str, ...] = ()
    dependants: Map[str, frozenset[str]] = field(default_factory=Map)
    families: Map[str, frozenset[str]] = field(default_factory=Map)
    line: Map[int, str] = field(default_factory=Map)
    head: int = 0  # no turn before it is in the line
    turns: int = 0  # given so far
    counts: tuple[int, ...] = (0, 0, 0, 0, 0, 0)

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def taken(self) -> int:
        return self.counts[0]

    @property
    def starting(self) -> int:
        return self.counts[1]

    @property
    def living(self) -> int:
        """How many workers may have something that lives; those not born yet are among them."""
        return self.counts[2]

    @property
    def unborn(self) -> int:
        return self.counts[3]

    @property
    def waiting_to_end(self) -> int:
        return self.counts[4]

    @property
    def told_to_end(self) -> int:
        return self.counts[5]

    def needs(self, name: str) -> Iterator[tuple[str, Condition]]:
        """Yield what a worker depends on; a family stands for each of its replicas, one of none for itself."""
        for needed, on in self.members[name].record.spec.depends_on:
            for each in sorted(self.families.get(needed, ()), key=number_of) or (needed,):
                yield each, on

    def dependants_of(self, name: str) -> frozenset[str]:
        """Return who depends on this worker, by its own name or by its family's."""
        found = self.dependants.get(name, frozenset())
        member = self.members.get(name)
        family = member.record.spec.replica_of if member else None
        return found | self.dependants.get(family, frozenset()) if family else found


def number_of(replica: str) -> int:
    return int(replica.rpartition("-")[2])


def put(crowd: Crowd, name: str, member: Member | None) -> Crowd:
    """Return the crowd with this member in place of the one of that name; None: without it."""
    before = crowd.members.get(name)
    if member is not None:
        crowd, member = _with_turn(crowd, before, member)
    if before == member:
        return crowd
    crowd = _in_line(_indexed(crowd, name, before, member), name, before, member)
    counts = zip(crowd.counts, _count(member), _count(before), strict=True)
    members = crowd.members.delete(name) if member is None else crowd.members.set(name, member)
    return replace(crowd, members=members, counts=tuple(count + new - old for count, new, old in counts))


def _count(member: Member | None) -> tuple[bool, ...]:
    return member._counted if member else (False,) * 6


def queue(crowd: Crowd, name: str) -> Crowd:
    """Return the crowd with this worker at the end of the queue, though it does not wait yet."""
    member = replace(crowd.members[name], turn=crowd.turns)
    return replace(crowd, turns=crowd.turns + 1, members=crowd.members.set(name, member))


def _with_turn(crowd: Crowd, before: Member | None, member: Member) -> tuple[Crowd, Member]:
    """Give a turn to a worker that begins to wait; the first in the line is the one that began to wait first."""
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
    """Keep the line: pending workers that may start and that no gate of their own holds."""
    was, now = _place(before), _place(after)
    if was == now:
        return crowd
    line = crowd.line.delete(was) if was is not None and was in crowd.line else crowd.line
    if now is None:
        return replace(crowd, line=line)
    return replace(crowd, line=line.set(now, name), head=min(crowd.head, now))


def _place(member: Member | None) -> int | None:
    return member.turn if member and member.may_start and member.gate is None else None
