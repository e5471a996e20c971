"""What the tests of the crowd share: a roster with given workers, and a story that is told to it."""

from collections.abc import Iterable, Mapping
from typing import Any

from actors.crowd import admission, leaving, roster
from actors.crowd.effects import Answer, Effect, Say, Tell
from actors.crowd.members import Member
from actors.crowd.turn import Roster, Turn
from actors.events.table import faults_in
from actors.life.state import State
from actors.values.bulletins import Changed
from actors.values.facts import Admitted, Handle, Instant, Ordered
from actors.values.gates import Room
from actors.values.records import Record
from actors.values.snapshot import Config
from actors.values.spec import Condition, WorkerSpec

NOW = Instant(100.0, 1_700_000_000.0)
SERVER = Handle(7, 7)
WIDE = Room(places=1000)


def spec(name: str, family: str = "", **on: Condition) -> WorkerSpec:
    labels = (("replica_of", family),) if family else ()
    return WorkerSpec(name=name, command="true", cwd="/", labels=labels, depends_on=tuple(on.items()))


def member(state: State, of: WorkerSpec | str, **record: Any) -> Member:
    """A worker in this state; a name stands for a spec that depends on nothing."""
    return Member(state=state, record=Record(spec=of if isinstance(of, WorkerSpec) else spec(of), **record))


def crowd(**states: State) -> dict[str, Member]:
    return {name: member(state, name) for name, state in states.items()}


class Story:
    """A roster, and what it did at the last step."""

    def __init__(self, members: Mapping[str, Member] = {}, room: Room = WIDE, *, settled: bool = True) -> None:
        turn = Turn(Roster(room=room, config=Config(path="f", digest=""), servers=(SERVER,), opened=True))
        for name, each in members.items():
            turn.put(name, each)
        turn.reorder(members)
        self.roster, self.last = roster.settle(turn) if settled else (turn.roster, ())
        self.done: list[Effect] = list(self.last)

    def tell(self, message: Any, now: Instant = NOW) -> "Story":
        self.roster, self.last = roster.step(self.roster, message, now)
        said = [effect for effect in self.last if isinstance(effect, Say)]
        assert not [fault for say in said for fault in faults_in(say.event, say.facts)]
        self.done += self.last
        return self

    def change(self, name: str, state: State, *, heard: bool = True, **record: Any) -> "Story":
        """The worker says that it is in this state now, and that it has heard all that it was told."""
        known = self.roster.crowd[name]
        before = known.heard(self.roster.number)
        number = max((news.number for news in known.unheard), default=before) if heard else before
        kept = {"spec": known.record.spec, "intent": known.record.intent} | record
        return self.tell(Changed(name, state, Record(**kept), number))

    def join(self, *names: str, order: Ordered) -> "Story":
        turn = Turn(self.roster)
        leaving.join(turn, names, order)
        self.roster, self.last = roster.settle(turn)
        return self

    def told(self, kind: type) -> list[str]:
        """Those that were told such a message at the last step."""
        return [e.name for e in self.last if isinstance(e, Tell) and isinstance(e.message, kind)]

    def gate(self, name: str) -> str | None:
        """What holds a pending worker, as people read it; None for one that was let in."""
        found = admission.gate_of(Turn(self.roster), self.roster.crowd[name])
        return found.reason if found else None

    @property
    def answer(self) -> Any:
        (found,) = (effect.value for effect in self.last if isinstance(effect, Answer))
        return found

    def state(self, name: str) -> State:
        return self.roster.crowd[name].state


def decide(queue: Iterable[str], members: Mapping[str, Member], room: Room) -> dict[str, str | None]:
    """What becomes of the pending workers of this queue: None for one that is let in, else why not."""
    ordered = {name: members[name] for name in (*queue, *members)}
    story = Story(ordered, room)
    let_in = story.told(Admitted)
    waited = [name for name in queue if members[name].may_start]
    return {name: None if name in let_in else story.gate(name) for name in waited}
