"""Who ends when: dependants before what they depend on, and a later order counts."""

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


def test_dependants_end_first_and_the_next_when_they_are_gone() -> None:
    leaving, due = Leaving().join(("db", "app", "web"), STOP).due(chain())
    assert list(due) == ["web"]
    leaving, due = leaving.due(chain(web=S.STOPPING))
    assert list(due) == []
    leaving, due = leaving.due(chain(web=S.STOPPED))
    assert list(due) == ["app"]
    leaving, due = leaving.due(chain(web=S.STOPPED, app=S.STOPPED))
    assert list(due) == ["db"]
    leaving, due = leaving.due(chain(web=S.STOPPED, app=S.STOPPED, db=S.STOPPED))
    assert (leaving, due) == (Leaving(), {})


def test_a_dependant_that_has_failed_is_waited_for_while_it_is_being_ended() -> None:
    web = standing("web", S.FAILED, ("app",))
    ending = Standing(S.FAILED, replace(web.record, life="l1"))
    leaving, due = Leaving().join(("app", "web"), STOP).due(chain() | {"web": ending})
    assert list(due) == ["web"]
    assert list(leaving.due(chain() | {"web": web})[1]) == ["app"]


def test_a_dependant_that_stays_holds_nobody_back() -> None:
    _, due = Leaving().join(("db",), STOP).due(chain())
    assert list(due) == ["db"]


def test_what_rests_already_is_told_at_once() -> None:
    leaving, due = Leaving().join(("db", "app", "web"), STOP).due(chain(web=S.FAILED, app=S.STOPPED))
    assert set(due) == {"db", "app", "web"}
    assert leaving.told == {"db"}


def test_a_later_order_lets_the_others_go() -> None:
    leaving, _ = Leaving().join(("db", "app", "web"), STOP).due(chain())
    leaving, due = leaving.without("web").due(chain())
    assert list(due) == ["app"]
    assert "web" not in leaving


def test_a_circle_ends_all_at_once_rather_than_never() -> None:
    circle = {"a": standing("a", on=("b",)), "b": standing("b", on=("a",))}
    _, due = Leaving().join(("a", "b"), STOP).due(circle)
    assert set(due) == {"a", "b"}


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
