"""Who ends when: dependants before what they depend on, and a later order counts."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from actors.admission import Queue, Room, Standing, decide
from actors.gates import Hold
from actors.leaving import Leaving
from actors.messages import Ordered, Verb
from actors.records import Intent, Record
from actors.spec import Condition, WorkerSpec
from actors.worker_state import State

S = State
STOP = Ordered(Verb.STOP, 1)


def standing(name: str, state: State = S.RUNNING, on: tuple[str, ...] = (), intent: Intent = Intent.WANTED) -> Standing:
    depends_on = tuple((other, Condition.READY) for other in on)
    spec = WorkerSpec(name=name, command="x", cwd="/", depends_on=depends_on)
    return Standing(state, Record(spec=spec, intent=intent))


def chain(**states: State) -> dict[str, Standing]:
    """web needs app needs db."""
    return {
        "db": standing("db", states.get("db", S.RUNNING)),
        "app": standing("app", states.get("app", S.RUNNING), ("db",)),
        "web": standing("web", states.get("web", S.RUNNING), ("app",)),
    }


def leaving(names: Iterable[str], standings: Mapping[str, Standing]) -> Leaving:
    found = Leaving()
    found.join(names, STOP, standings)
    return found


def test_dependants_end_first_and_the_next_when_they_are_gone() -> None:
    gone = leaving(("db", "app", "web"), chain())
    assert list(gone.due()) == ["web"]
    assert list(gone.due()) == []
    gone.ended("web")
    assert gone.due() == {"app": STOP}
    gone.ended("app")
    assert list(gone.due()) == ["db"]
    assert "db" in gone
    gone.ended("db")
    assert list(gone.due()) == []
    assert not [name for name in ("db", "app", "web") if name in gone]


def test_a_dependant_that_has_failed_is_waited_for_while_it_is_being_ended() -> None:
    web = standing("web", S.FAILED, ("app",))
    ending = Standing(S.FAILED, replace(web.record, life="l1"))
    gone = leaving(("app", "web"), chain() | {"web": ending})
    assert list(gone.due()) == ["web"]
    gone.ended("web")
    assert list(gone.due()) == ["app"]


def test_a_dependant_that_stays_holds_nobody_back() -> None:
    assert list(leaving(("db",), chain()).due()) == ["db"]


def test_a_dependant_that_joins_later_holds_back_who_waits() -> None:
    gone = leaving(("app", "web"), chain())
    gone.due()
    gone.join(("db",), STOP, chain())
    assert list(gone.due()) == []
    gone.ended("web")
    assert list(gone.due()) == ["app"]
    gone.ended("app")
    assert list(gone.due()) == ["db"]


def test_what_rests_already_is_told_at_once() -> None:
    gone = leaving(("db", "app", "web"), chain(web=S.FAILED, app=S.STOPPED))
    assert set(gone.due()) == {"db", "app", "web"}
    assert [name for name in ("db", "app", "web") if name in gone] == ["db"]


def test_one_that_ends_before_its_turn_is_told_when_it_comes() -> None:
    gone = leaving(("db", "app", "web"), chain())
    gone.due()
    gone.ended("app")
    assert list(gone.due()) == ["db"]
    gone.ended("web")
    assert list(gone.due()) == ["app"]


def test_a_later_order_lets_the_others_go() -> None:
    gone = leaving(("db", "app", "web"), chain())
    gone.due()
    gone.without("web")
    assert list(gone.due()) == ["app"]
    assert "web" not in gone


def test_a_new_order_for_one_who_waits_takes_the_place_of_the_old_one() -> None:
    gone, remove = leaving(("db", "web", "app"), chain()), Ordered(Verb.REMOVE, 2)
    gone.due()
    gone.join(("db",), remove, chain())
    assert gone.waits("db") == remove
    gone.without("web", "app")
    assert gone.due() == {"db": remove}


def test_a_circle_ends_all_at_once_rather_than_never() -> None:
    circle = {"a": standing("a", on=("b",)), "b": standing("b", on=("a",))}
    assert set(leaving(("a", "b"), circle).due()) == {"a", "b"}


def test_the_end_of_one_costs_the_same_however_many_leave() -> None:
    def seconds(count: int) -> float:
        many = {"db": standing("db")} | {f"w{n}": standing(f"w{n}", on=("db",)) for n in range(count)}
        gone = leaving(many, many)
        gone.due()
        began = time.process_time()
        for n in range(count):
            gone.ended(f"w{n}")
            assert list(gone.due()) == (["db"] if n == count - 1 else [])
        return time.process_time() - began

    assert min(seconds(8000) for _ in range(3)) < 40 * min(seconds(500) for _ in range(3))  # 16 times as many


def test_who_began_to_wait_first_starts_first() -> None:
    queue = Queue()
    for name in ("a", "b", "c"):
        queue.note(name, S.PENDING)
    queue.note("a", S.RUNNING)
    queue.note("a", S.PENDING)  # it ended, and waits again: behind those who waited meanwhile
    standings = {name: standing(name, S.PENDING) for name in ("a", "b", "c")}
    assert [name for name, gate in decide(queue, standings, Room(2)).items() if gate is None] == ["b", "c"]


def test_a_start_that_has_to_wait_again_keeps_its_turn() -> None:
    queue = Queue()
    for name, state in (("a", S.PENDING), ("b", S.PENDING), ("a", S.STARTING), ("a", S.PENDING)):
        queue.note(name, state)
    assert list(queue) == ["a", "b"]


def test_the_full_house_holds_the_others_in_order_and_says_so() -> None:
    standings = {"a": standing("a"), "b": standing("b", S.PENDING), "c": standing("c", S.PENDING)}
    gates = decide(["b", "c"], standings, Room(1))
    assert list(gates) == ["b", "c"]
    assert {gate and gate.hold for gate in gates.values()} == {Hold.CAPACITY}


def test_one_that_is_to_be_removed_is_not_let_in() -> None:
    assert decide(["a"], {"a": standing("a", S.PENDING, intent=Intent.REMOVED)}, Room(5)) == {}
