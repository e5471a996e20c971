"""What a worker was told and has not confirmed is told again to whoever takes its place, but for what ended it."""

from actors.messages import Ordered, SpecChanged, Verb
from actors.outbox import Outbox
from actors.spec import WorkerSpec

STOP, START = Ordered(Verb.STOP, 1), Ordered(Verb.START, 2)
SPEC = SpecChanged(WorkerSpec(name="api", command="x", cwd="/"), 3)


def outbox(*news: Ordered | SpecChanged) -> Outbox:
    found = Outbox()
    for each in news:
        found.add("api", each)
    return found


def test_what_is_confirmed_is_not_told_again() -> None:
    box = outbox(STOP, START, SPEC)
    assert box.confirm("api", 2) == (SPEC,)
    assert (box.unheard("api"), box.heard("api")) == ((SPEC,), 2)
    assert box.confirm("api", 3) == ()
    assert box.unheard("api") == ()


def test_what_is_taken_or_forgotten_is_gone() -> None:
    box = outbox(STOP, START)
    assert box.take("api") == (STOP, START)
    assert box.take("api") == ()
    box.confirm("api", 2)
    box.forget("api")
    assert box.heard("api") == 0


def test_what_killed_an_actor_is_heard_and_the_rest_is_told_again() -> None:
    box = outbox(STOP, SPEC)
    box.drop_what_killed("api", "Ordered", first=True)
    assert (box.unheard("api"), box.heard("api")) == ((SPEC,), 1)
    box.drop_what_killed("api", "Woken", first=True)
    assert box.unheard("api") == (SPEC,)


def test_a_restart_that_killed_an_actor_is_tried_once_more() -> None:
    restart = Ordered(Verb.RESTART, 4)
    box = outbox(restart)
    box.drop_what_killed("api", "Ordered", first=True)
    assert box.unheard("api") == (restart,)
    box.drop_what_killed("api", "Ordered", first=False)
    assert (box.unheard("api"), box.heard("api")) == ((), 0)
