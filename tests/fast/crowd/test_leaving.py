"""Who ends when: dependants before what they depend on, and a later order counts."""

from dataclasses import replace

from kit.crowd import Story, crowd, member, spec

from actors.crowd.members import Member
from actors.life.state import State
from actors.values.bulletins import Finished
from actors.values.facts import Admitted, Ordered, Verb
from actors.values.gates import Room
from actors.values.records import Intent
from actors.values.requests import Order
from actors.values.spec import Condition

S = State
STOP = Ordered(Verb.STOP, 1)
READY = Condition.READY


def chain(**states: State) -> dict[str, Member]:
    """web needs app needs db."""
    specs = (spec("db"), spec("app", db=READY), spec("web", app=READY))
    return {each.name: member(states.get(each.name, S.RUNNING), each) for each in specs}


def stop_all(**states: State) -> Story:
    return Story(chain(**states)).join("db", "app", "web", order=STOP)


def test_dependants_end_first_and_the_next_when_they_are_gone() -> None:
    story = stop_all()
    assert story.told(Ordered) == ["web"]
    assert story.change("web", S.STOPPING).told(Ordered) == []
    assert story.change("web", S.STOPPED).told(Ordered) == ["app"]
    assert story.change("app", S.STOPPING).told(Ordered) == []
    assert story.change("app", S.STOPPED).told(Ordered) == ["db"]
    assert story.change("db", S.STOPPED).told(Ordered) == []
    assert (story.roster.crowd.counts.waiting_to_end, story.roster.crowd.counts.told_to_end) == (0, 0)


def test_a_dependant_that_has_failed_is_waited_for_while_it_is_being_ended() -> None:
    members = chain()
    members["web"] = member(S.FAILED, spec("web", app=READY), life="l1")
    story = Story(members).join("app", "web", order=STOP)
    assert story.told(Ordered) == ["web"]
    assert story.change("web", S.FAILED).told(Ordered) == ["app"]


def test_a_later_order_lets_the_others_go() -> None:
    story = stop_all()
    story.tell(Order(Verb.START, ("web",)))
    assert story.told(Ordered) == ["web", "app"]  # the start, and the stop whose turn it is now
    assert story.roster.crowd["web"].leaving is None


def test_a_dependant_that_is_removed_lets_the_others_go() -> None:
    story = Story(chain())
    story.tell(Order(Verb.REMOVE, ("db", "app", "web")))
    assert story.told(Ordered) == ["web"]
    assert story.tell(Finished("web")).told(Ordered) == ["app"]
    assert "web" not in story.roster.crowd
    assert story.tell(Finished("app")).told(Ordered) == ["db"]


def test_a_circle_ends_all_at_once_rather_than_never() -> None:
    circle = {each.name: member(S.RUNNING, each) for each in (spec("a", b=READY), spec("b", a=READY))}
    assert set(Story(circle).join("a", "b", order=STOP).told(Ordered)) == {"a", "b"}


def test_who_began_to_wait_first_starts_first() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.PENDING, c=S.PENDING, d=S.RUNNING), Room(2))
    story.change("a", S.PENDING)  # it waits again: behind those that waited meanwhile
    assert story.told(Admitted) == ["b"]
    assert story.change("b", S.STOPPED).told(Admitted) == ["c"]
    assert story.change("c", S.STOPPED).told(Admitted) == ["a"]


def test_the_full_house_holds_the_others_in_order_and_says_so() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.PENDING, c=S.PENDING), Room(1))
    assert [name for _, name in sorted(story.roster.crowd.line.items())] == ["b", "c"]
    assert {story.gate(name) for name in "bc"} == {"capacity: all 1 places are taken"}


def test_one_that_is_to_be_removed_is_not_let_in() -> None:
    going = replace(member(S.PENDING, "a"), record=replace(member(S.PENDING, "a").record, intent=Intent.REMOVED))
    assert Story({"a": going}).told(Admitted) == []
