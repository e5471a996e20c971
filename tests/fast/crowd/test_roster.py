"""The Supervisor's step: orders, records, incidents, failures, the end; and a machine against the plain rules."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from kit.crowd import NOW, SERVER, Story, crowd, member, spec
from kit.examples import examples
from kit.life import pane_of

from actors.crowd import roster
from actors.crowd.admission import is_met
from actors.crowd.effects import (
    Closing,
    Define,
    Done,
    Drop,
    FindServers,
    Keep,
    KeepHead,
    LookFor,
    Opened,
    Redefine,
    Repair,
    RetryLater,
    Say,
    Spawn,
    Tell,
    WatchServer,
)
from actors.crowd.opening import Opening, open_with
from actors.crowd.workers import FAILURES, Found, Retry
from actors.life.adoption import Adopt, Begin, Leave, Quarantine
from actors.life.state import State
from actors.ports import Survey
from actors.servers import PER_SERVER
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.bulletins import (
    ActorFailed,
    Changed,
    ConfigOnDisk,
    Finished,
    HostSeen,
    PartFailing,
    Revived,
    ServerEnded,
    TmuxAnswers,
)
from actors.values.facts import (
    Admitted,
    Handle,
    Held,
    Instant,
    Ordered,
    Pane,
    ServerDied,
    SignalOrdered,
    SpecChanged,
    Verb,
)
from actors.values.gates import Room
from actors.values.records import Head, Intent, Origin, Record, Records
from actors.values.requests import Apply, Attend, Inspect, Order, Plan, RequestRefused, Run, SendSignal, ShutDown
from actors.values.snapshot import Config, Host
from actors.values.spec import Condition, WorkerSpec
from supervisor.text.values import rebuilt

S = State
READY = Condition.READY


def test_attention_is_handed_to_its_worker_and_that_of_an_unknown_one_is_dropped() -> None:
    story = Story(crowd(api=State.RUNNING))
    said = AttentionSaid(by=Source.SCREEN, word=Word.WAITING)
    assert story.tell(Attend("api", said)).told(AttentionSaid) == ["api"]
    assert story.answer.names == ("api",)
    assert story.tell(Attend("gone", said)).told(AttentionSaid) == []
    assert story.answer.names == ()


def effects(story: Story, kind: type) -> list[Any]:
    return [effect for effect in story.last if isinstance(effect, kind)]


def messages(story: Story, name: str) -> list[Any]:
    return [effect.message for effect in story.last if isinstance(effect, Tell) and effect.name == name]


def events(story: Story) -> list[str]:
    return [effect.event for effect in effects(story, Say)]


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_on_disk_before_it_is_told_and_answered() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(Order(Verb.STOP, ("a",)))
    kinds = [type(effect).__name__ for effect in story.last]
    assert kinds.index("Keep") < kinds.index("Tell")
    (kept,) = effects(story, Keep)
    assert (kept.record.intent, kept.durable) == (Intent.STOPPED, True)
    assert (story.answer.number, story.answer.names) == (1, ("a",))


def test_an_unknown_worker_is_refused_and_nothing_changes() -> None:
    story = Story(crowd(a=S.RUNNING))
    before = story.roster
    with pytest.raises(RequestRefused, match="no worker is called b"):
        story.tell(Order(Verb.STOP, ("a", "b")))
    assert story.roster is before


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.REMOVE])
def test_what_is_protected_needs_force(verb: Verb) -> None:
    story = Story({"a": member(S.RUNNING, replace(spec("a"), protected=True))})
    with pytest.raises(RequestRefused, match="protected"):
        story.tell(Order(verb, ("a",)))
    assert story.tell(Order(verb, ("a",), force=True)).told(Ordered) == ["a"]


def test_what_is_quarantined_is_started_with_force_only() -> None:
    story = Story(crowd(a=S.QUARANTINED))
    with pytest.raises(RequestRefused, match="quarantined"):
        story.tell(Order(Verb.START, ("a",)))
    assert story.tell(Order(Verb.START, ("a",), force=True)).told(Ordered) == ["a"]


def test_what_a_worker_says_keeps_what_it_has_not_heard_yet() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(Order(Verb.STOP, ("a",)))
    story.change("a", S.RUNNING, heard=False, intent=Intent.WANTED)
    assert story.roster.crowd["a"].record.intent is Intent.STOPPED
    story.change("a", S.STOPPED, intent=Intent.STOPPED)
    assert story.roster.crowd["a"].unheard == ()


def test_what_was_defined_by_hand_stays_so_whatever_the_worker_says() -> None:
    story = Story().tell(Run(spec("a"))).change("a", S.RUNNING)
    assert story.roster.crowd["a"].record.by_hand


def test_a_worker_that_waits_for_its_turn_to_end_is_wanted_no_more() -> None:
    story = Story({"db": member(S.RUNNING, "db"), "web": member(S.RUNNING, spec("web", db=READY))})
    story.tell(Order(Verb.STOP, ("db", "web")))
    assert story.told(Ordered) == ["web"]
    story.change("db", S.RUNNING, intent=Intent.WANTED)
    assert story.roster.crowd["db"].record.intent is Intent.STOPPED


def test_a_name_that_is_taken_is_refused_to_run() -> None:
    story = Story({"a": member(S.RUNNING, "a"), "web-1": member(S.RUNNING, spec("web-1", "web"))})
    with pytest.raises(RequestRefused, match="a worker is called a already"):
        story.tell(Run(spec("a")))
    with pytest.raises(RequestRefused, match="web is a family"):
        story.tell(Run(spec("web")))


def test_a_removed_worker_is_forgotten_everywhere() -> None:
    story = Story({"db": member(S.FAILED, "db"), "web": member(S.PENDING, spec("web", db=READY))})
    story.tell(Order(Verb.REMOVE, ("db",))).tell(Finished("db"))
    assert [type(effect) for effect in story.last if isinstance(effect, Keep | Drop)] == [Keep, Drop]
    assert story.gate("web") == "db does not exist"
    assert list(story.roster.crowd) == ["web"]
    story.change("web", S.PENDING)
    story.tell(Changed("db", S.RUNNING, Record(spec=spec("db"))))  # last words of one that is gone
    assert list(story.roster.crowd) == ["web"]


def test_one_that_is_ordered_again_on_its_way_out_begins_again() -> None:
    story = Story(crowd(a=S.STOPPED)).tell(Order(Verb.REMOVE, ("a",))).tell(Order(Verb.START, ("a",)))
    story.tell(Finished("a"))
    (spawned,) = effects(story, Spawn)
    assert (spawned.birth, spawned.number) == (Redefine(), 2)


def test_the_gate_that_holds_a_worker_is_told_once_and_again_after_an_order() -> None:
    story = Story({"db": member(S.STARTING, "db"), "web": member(S.PENDING, spec("web", db=READY))})
    assert story.told(Held) == ["web"]
    assert story.change("web", S.PENDING).told(Held) == []
    assert story.tell(Order(Verb.START, ("web",))).told(Held) == ["web"]


def test_a_new_actor_is_told_again_what_holds_its_worker() -> None:
    story = Story({"web": member(S.PENDING, spec("web", db=READY))})
    story.tell(failure("web")).tell(Found("web", None))
    assert story.change("web", S.PENDING).told(Held) == ["web"]


def test_the_start_rate_is_told_at_the_next_health_beat_only() -> None:
    story = Story(crowd(a=S.PENDING, b=S.PENDING), Room(9, max_starting=1))
    assert (story.told(Admitted), story.told(Held)) == (["a"], [])
    assert story.tell(HostSeen(Host())).told(Held) == ["b"]
    assert story.tell(HostSeen(Host())).told(Held) == []


def test_memory_that_comes_back_lets_workers_in() -> None:
    story = Story(crowd(a=S.PENDING), Room(9, least_memory=100, memory=1))
    assert story.gate("a") == "waiting for memory: 1B are available, 100B have to be"
    assert story.tell(HostSeen(Host(memory_available_bytes=100))).told(Admitted) == ["a"]


def test_inspecting_changes_nothing() -> None:
    story = Story({"db": member(S.FAILED, "db"), "web": member(S.PENDING, spec("web", db=READY))})
    before = story.roster
    found = story.tell(Inspect("web")).answer
    assert found.gate.reason == "db is failed, it has to be ready"
    assert [blocker.name for blocker in found.blockers] == ["db"]
    assert story.roster == before


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def apply(*names: str, force: bool = False) -> Apply:
    return Apply(tuple(spec(name) for name in names), "digest", force)


def test_applying_creates_keeps_and_forgets() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.RUNNING)).tell(apply("b", "c"))
    assert {change.name: change.action.value for change in story.answer.changes} == {
        "a": "stop",
        "b": "none",
        "c": "create",
    }
    assert [spawned.record.spec.name for spawned in effects(story, Spawn)] == ["c"]
    assert [type(m).__name__ for m in messages(story, "a")] == ["Ordered"]
    assert isinstance(messages(story, "b")[0], SpecChanged)
    assert list(story.roster.crowd) == ["b", "c", "a"]
    assert story.roster.head.config_digest == "digest"


def test_more_than_half_needs_force() -> None:
    names = [f"w{n}" for n in range(8)]
    story = Story(crowd(**dict.fromkeys(names, S.RUNNING)))
    with pytest.raises(RequestRefused, match="8 of 8 running workers"):
        story.tell(apply())
    assert story.tell(Plan(())).answer.refusal
    assert sorted(story.tell(apply(force=True)).told(Ordered)) == names


# ── tmux ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_while_there_is_no_tmux_no_worker_starts() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.STOPPED)).tell(TmuxAnswers("timed out"))
    assert (events(story), len(effects(story, FindServers))) == (["tmux.unreachable"], 1)
    story.tell(Order(Verb.START, ("b",))).change("b", S.PENDING)
    assert (story.told(Admitted), story.gate("b")) == ([], "waiting for tmux to answer")
    story.tell(TmuxAnswers(None))
    assert (events(story), story.told(Admitted)) == (["tmux.answers"], ["b"])


def test_the_death_of_tmux_is_one_incident_and_all_wait_in_the_order_of_definition() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.RUNNING, c=S.RUNNING), Room(9, max_starting=1)).tell(ServerEnded(SERVER))
    assert (events(story), story.told(ServerDied)) == (["tmux.died"], ["a", "b", "c"])
    for name in ("c", "b", "a"):
        story.change(name, S.PENDING)
    new = Handle(8, 8)
    story.tell(Revived((new,)))
    assert effects(story, WatchServer) == [WatchServer(0, new)]
    order = story.told(Admitted)
    for name in ("a", "b"):
        order += story.change(name, S.RUNNING).told(Admitted)
    assert order == ["a", "b", "c"]


OTHER = Handle(91, 91)


def with_two_servers() -> Story:
    """`a` stands in the first one, `b` and `c` in the second."""
    story = Story(crowd(a=S.RUNNING, b=S.RUNNING, c=S.RUNNING))
    story.roster = replace(story.roster, servers=(SERVER, OTHER))
    for name in ("b", "c"):
        story.change(name, S.RUNNING, server=1)
    return story


def test_a_tmux_server_that_dies_takes_its_own_workers_only() -> None:
    story = with_two_servers().tell(ServerEnded(OTHER))
    assert (events(story), messages(story, "a")) == (["tmux.died"], [ServerDied(1)])  # each knows where it stands
    assert [effect.facts["workers"] for effect in effects(story, Say)] == [2]
    assert effects(story, FindServers) == [FindServers(2)]
    story.change("b", S.PENDING)
    assert (story.told(Admitted), story.gate("b")) == ([], "waiting for tmux to answer")
    new = Handle(92, 92)
    story.tell(Revived((SERVER, new)))
    assert (effects(story, WatchServer), events(story)) == ([WatchServer(1, new)], ["tmux.started"])
    assert (story.roster.head.servers, story.told(Admitted)) == ((SERVER, new), ["b"])


def test_a_server_that_cannot_be_had_holds_no_worker_and_is_tried_for_again() -> None:
    story = with_two_servers().tell(ServerEnded(OTHER)).change("b", S.PENDING)
    story.tell(Revived((SERVER, None), "no space"))
    assert (story.told(Admitted), events(story)) == (["b"], ["service.degraded"])
    assert effects(story, RetryLater) == [RetryLater()]
    assert effects(story.tell(Retry()), FindServers) == [FindServers(2)]
    story.tell(Revived((SERVER, Handle(92, 92))))
    assert events(story) == ["tmux.started", "service.recovered"]


def test_a_server_that_was_replaced_before_its_end_was_heard_of_has_ended() -> None:
    new = Handle(92, 92)
    story = with_two_servers().tell(Revived((SERVER, new)))
    assert (events(story), messages(story, "b")) == (["tmux.died", "tmux.started"], [ServerDied(1)])
    assert story.tell(ServerEnded(OTHER)).told(ServerDied) == []


def test_more_workers_than_the_servers_have_room_for_wait_for_more_servers() -> None:
    specs = tuple(WorkerSpec(name=f"w{n}", command=("x",), cwd="/") for n in range(2 * PER_SERVER + 1))
    story = Story(crowd()).tell(Apply(specs, "digest"))
    assert effects(story, FindServers) == [FindServers(3)]
    for each in specs:
        story.change(each.name, S.PENDING)
    assert (story.told(Admitted), story.gate("w0")) == ([], "waiting for tmux to answer")
    story.tell(Revived((SERVER, OTHER, Handle(92, 92))))
    assert len(story.told(Admitted)) == len(specs)


def test_a_server_that_cannot_be_had_is_asked_for_again() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(ServerEnded(SERVER)).tell(Revived((), "no space"))
    assert effects(story, RetryLater)
    assert effects(story.tell(Retry()), FindServers)


# ── parts that fail ───────────────────────────────────────────────────────────────────────────────────────────────


def failure(worker: str | None, handling: str = "Woken") -> ActorFailed:
    return ActorFailed("worker", worker, handling, "boom", "trace")


def test_a_worker_actor_that_fails_adopts_its_living_pane() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(failure("a"))
    assert effects(story, LookFor) == [LookFor("a", drop_start=True)]
    pane = living_pane("a", story.roster.crowd["a"].record)
    story.tell(Found("a", pane))
    (spawned,) = effects(story, Spawn)
    assert isinstance(spawned.birth, Adopt)
    assert story.tell(Found("a", pane)).last == ()  # a second answer


def living_pane(name: str, record: Record) -> Pane:
    return pane_of("l", 9, name=name, digest=record.spec.digest)


def test_what_killed_an_actor_is_not_told_again_but_the_rest_is() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(Order(Verb.STOP, ("a",))).tell(Order(Verb.COMPLETE, ("a",)))
    story.tell(failure("a", "Ordered")).tell(Found("a", None))
    assert [news.verb for news in messages(story, "a")] == [Verb.COMPLETE]
    assert effects(story, Spawn)[0].number == 1


def test_a_restart_that_killed_an_actor_is_tried_once_more() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(Order(Verb.RESTART, ("a",)))
    assert [n.verb for n in messages(story.tell(failure("a", "Ordered")).tell(Found("a", None)), "a")] == [Verb.RESTART]
    assert messages(story.tell(failure("a", "Ordered")).tell(Found("a", None)), "a") == []
    assert [spawned.number for spawned in effects(story, Spawn)] == [0]  # it never counts as carried out
    assert story.change("a", S.RUNNING).roster.crowd["a"].dropped
    assert not story.tell(Order(Verb.START, ("a",))).change("a", S.RUNNING).roster.crowd["a"].dropped


def test_a_worker_actor_that_fails_again_and_again_is_left_alone() -> None:
    story = Story(crowd(a=S.RUNNING))
    for n in range(FAILURES + 1):
        story.tell(failure("a"), Instant(NOW.mono + n, NOW.wall))
    assert isinstance(effects(story, Spawn)[0].birth, Quarantine)


def test_failures_long_ago_are_forgotten() -> None:
    story = Story(crowd(a=S.RUNNING))
    for n in range(3 * FAILURES):
        story.tell(failure("a"), Instant(NOW.mono + 61 * n, NOW.wall)).tell(Found("a", None))
    assert not any(isinstance(effect.birth, Quarantine) for effect in story.done if isinstance(effect, Spawn))


def test_a_signal_goes_to_workers_that_live_and_else_to_none_of_them() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.STARTING, c=S.STOPPED))
    assert story.tell(SendSignal("HUP", False, ("a", "b"))).told(SignalOrdered) == ["a", "b"]
    assert story.answer.names == ("a", "b")
    with pytest.raises(RequestRefused, match="c is stopped"):
        story.tell(SendSignal("HUP", True, ("a", "c")))
    with pytest.raises(RequestRefused, match="no worker is called x"):
        story.tell(SendSignal("HUP", False, ("a", "x")))
    with pytest.raises(RequestRefused, match="d is stopping: `panevisor stop d` again goes on"):
        Story(crowd(d=S.STOPPING)).tell(SendSignal("KILL", False, ("d",)))


def test_a_part_that_fails_is_said_once_and_once_when_it_is_well_again() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(PartFailing("records", "no space"))
    assert (events(story), story.roster.degraded) == (["service.degraded"], (("records", "no space"),))
    assert story.tell(PartFailing("records", "no space")).last == ()
    assert effects(story.tell(Retry()), Repair) == [Repair()]
    assert events(story.tell(PartFailing("records", None))) == ["service.recovered"]
    assert story.tell(PartFailing("records", None)).last == ()


# ── the beginning and the end ─────────────────────────────────────────────────────────────────────────────────────


def opened(*records: Record, apply: Apply | None = None, head: Head | None = None, panes: Any = None) -> Story:
    story = Story()
    opening = Opening(
        records=Records(head or Head(boot_id="b", servers=(SERVER,)), records),
        survey=Survey(0.0, panes or {}, (SERVER,)),
        boot_id="b",
        config=Config(path="f", digest=""),
        apply=apply,
        room=Room(9),
    )
    story.roster, story.last = open_with(opening, NOW)
    return story


def test_a_service_is_open_when_each_worker_has_said_how_it_is() -> None:
    story = opened(Record(spec=spec("a")), Record(spec=spec("b"), intent=Intent.STOPPED))
    births = [type(spawned.birth) for spawned in effects(story, Spawn)]
    assert (births, effects(story, Opened)) == ([Begin, Leave], [])
    assert effects(story.change("a", S.PENDING), Opened) == []
    assert effects(story.change("b", S.STOPPED), Opened) == [Opened()]
    assert effects(story.change("b", S.STOPPED), Opened) == []


def test_the_file_is_applied_at_a_clean_start() -> None:
    story = opened(apply=apply("a"))
    assert [spawned.birth for spawned in effects(story, Spawn)] == [Define()]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (Head(boot_id="b", servers=(SERVER,)), []),
        (Head(boot_id="other", servers=(SERVER,)), ["service.rebooted"]),
        (Head(boot_id="b", servers=(Handle(1, 1),), clean=False), ["tmux.died_unwatched"]),
        (Head(boot_id="b", servers=(), clean=True), []),
    ],
)
def test_what_happened_while_no_service_ran_is_said(head: Head, said: list[str]) -> None:
    assert events(opened(head=head)) == said


@pytest.mark.parametrize(("ended", "left"), [(False, {"stranger"}), (True, set())], ids=["lives", "has ended"])
def test_an_unknown_pane_is_shown_until_it_has_ended(ended: bool, left: set[str]) -> None:
    pane = living_pane("stranger", Record(spec=spec("stranger")))
    story = opened(panes={"stranger": (pane,)})
    assert events(story) == ["worker.unknown_pane", "service.degraded"]
    assert effects(story.tell(HostSeen(Host())), LookFor) == [LookFor("stranger", drop_start=False)]
    story.tell(Found("stranger", replace(pane, dead=ended)))
    assert story.roster.unknown.keys() == left
    assert events(story) == (["service.recovered"] if ended else [])
    assert story.tell(Found("stranger", None)).roster.unknown == {}


def test_what_was_being_ended_when_the_service_died_goes_on_ending_dependants_first() -> None:
    records = [
        Record(spec=spec("db"), intent=Intent.STOPPED),
        Record(spec=spec("web", db=READY), intent=Intent.REMOVED),
        Record(spec=spec("job"), intent=Intent.COMPLETED),
    ]
    story = opened(*records, panes={record.spec.name: (living_pane(record.spec.name, record),) for record in records})
    assert [spawned.birth.goal for spawned in effects(story, Spawn) if isinstance(spawned.birth, Adopt)] == [None] * 3
    assert story.told(Ordered) == ["web", "job"]
    assert story.change("web", S.STOPPING).told(Ordered) == []
    assert story.change("web", S.STOPPED).told(Ordered) == ["db"]


def test_a_service_ends_when_nothing_lives_any_more_dependants_first() -> None:
    story = Story({"db": member(S.RUNNING, "db"), "web": member(S.RUNNING, spec("web", db=READY))})
    story.tell(ShutDown(keep_workers=False, cause="SIGTERM"))
    assert (effects(story, Closing)[0].order.cause, story.told(Ordered)) == ("SIGTERM", ["web"])
    assert story.change("web", S.STOPPED).told(Ordered) == ["db"]
    assert effects(story, Done) == []
    story.change("db", S.STOPPED)
    head = effects(story, KeepHead)[0].head
    assert (head.clean, head.servers) == (True, ())
    assert effects(story, Done) == [Done("SIGTERM", end_server=True)]


def test_a_service_that_keeps_its_workers_ends_at_once() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(ShutDown(keep_workers=True))
    assert (story.told(Ordered), effects(story, Done)) == ([], [Done("person", end_server=False)])


def test_a_service_that_ends_lets_no_worker_in_and_takes_no_orders() -> None:
    story = Story(crowd(a=S.RUNNING, b=S.STOPPED)).tell(ShutDown(keep_workers=False))
    with pytest.raises(RequestRefused, match="shutting down"):
        story.tell(Order(Verb.START, ("b",)))
    assert story.change("b", S.PENDING).told(Ordered) == ["b"]  # it lives again: it has to end, too
    assert story.told(Admitted) == []


def test_the_end_of_a_service_can_be_hurried() -> None:
    story = Story({"db": member(S.RUNNING, "db"), "web": member(S.RUNNING, spec("web", db=READY))})
    story.tell(ShutDown(keep_workers=False)).change("web", S.STOPPING)
    assert story.tell(ShutDown(keep_workers=False)).told(Ordered) == []  # a second `down` waits as the first does
    story.tell(ShutDown(keep_workers=False, now=True))
    (hurry,) = [told.message for told in effects(story, Tell) if isinstance(told.message, Ordered)]
    assert (hurry.verb, hurry.now, hurry.kill) == (Verb.DOWN, True, False)
    story.tell(ShutDown(keep_workers=False, kill=True))
    assert [told.message.kill for told in effects(story, Tell) if isinstance(told.message, Ordered)] == [True]
    story.change("web", S.STOPPED)
    assert [told.message.kill for told in effects(story, Tell) if isinstance(told.message, Ordered)] == [
        True
    ]  # db's turn


def test_a_stop_while_the_service_ends_hurries_that_worker_and_is_no_wish_for_the_next_start() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(ShutDown(keep_workers=False)).change("a", S.STOPPING)
    story.tell(Order(Verb.STOP, ("a",), kill=True))
    (hurry,) = [told.message for told in effects(story, Tell) if isinstance(told.message, Ordered)]
    assert (hurry.verb, hurry.now, hurry.kill) == (Verb.DOWN, True, True)
    assert story.roster.crowd["a"].record.intent is Intent.WANTED


def test_the_tmux_server_stays_where_something_is_quarantined() -> None:
    story = Story(crowd(a=S.QUARANTINED)).tell(ShutDown(keep_workers=False))
    assert effects(story, Done) == [Done("person", end_server=False)]


def test_a_worker_whose_actor_fails_on_the_way_out_is_told_again() -> None:
    story = Story(crowd(a=S.RUNNING)).tell(ShutDown(keep_workers=False)).tell(failure("a", "Ordered"))
    story.tell(Found("a", living_pane("a", story.roster.crowd["a"].record)))
    assert story.told(Ordered) == ["a"]


def test_a_file_that_is_gone_is_said_once_and_shown_as_the_error_until_it_is_back() -> None:
    story = Story()
    for _ in range(2):
        story.tell(ConfigOnDisk(True, None, "f is gone"))
    assert [effect.event for effect in story.done if isinstance(effect, Say)] == ["service.degraded"]
    assert (story.roster.shown_config.error, story.roster.config.error) == ("f is gone", None)
    story.tell(ConfigOnDisk(False))
    assert [effect.event for effect in story.last if isinstance(effect, Say)] == ["service.recovered"]
    assert story.roster.shown_config.error is None


def test_a_new_file_in_the_place_of_the_old_one_is_on_record_once() -> None:
    origin = Origin(config="f", file=(1, 2), folder=(1, 1))
    story = Story().tell(ConfigOnDisk(True, origin)).tell(ConfigOnDisk(True, origin)).tell(ConfigOnDisk(True))
    assert [effect.head.origin for effect in story.done if isinstance(effect, KeepHead)] == [origin]
    assert rebuilt(Head, json.loads(json.dumps(story.roster.head.to_json()))).origin == origin


# ── a machine: the indexes say what the plain rules say ───────────────────────────────────────────────────────────

NAMES = ("a", "b", "c", "d", "f-1", "f-2")
STATES = [state for state in State if state not in (S.REMOVED, S.UNBORN)]
NEEDS: dict[str, dict[str, Condition]] = {
    "b": {"a": READY},
    "c": {"b": READY, "f": Condition.STARTED},
    "d": {"c": Condition.EXITED},
    "f-2": {"a": READY},
}


def spec_of(name: str) -> Any:
    return spec(name, "f" if name.startswith("f-") else "", **NEEDS.get(name, {}))


class Machine(RuleBasedStateMachine):
    """Orders, changes, failures and endings in any order; after each the whole is judged by the plain rules."""

    @initialize(starting=st.integers(0, 2), places=st.integers(1, 6))
    def begin(self, starting: int, places: int) -> None:
        self.story = Story({name: member(S.PENDING, spec_of(name)) for name in NAMES}, Room(places, starting))
        self.ended = False

    @property
    def crowd(self) -> Any:
        return self.story.roster.crowd

    def step(self, message: Any) -> None:
        try:
            self.story.tell(message)
        except RequestRefused:
            return

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from(STATES), heard=st.booleans(), lives=st.booleans())
    def change(self, name: str, state: State, heard: bool, lives: bool) -> None:
        if name in self.crowd:
            self.story.change(name, state, heard=heard, life="l" if lives else None)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), verb=st.sampled_from(list(Verb)))
    def order(self, names: set[str], verb: Verb) -> None:
        self.step(Order(verb, tuple(sorted(names & self.crowd.keys())), force=True))

    @rule(names=st.sets(st.sampled_from(NAMES)))
    def apply(self, names: set[str]) -> None:
        self.step(Apply(tuple(spec_of(name) for name in sorted(names)), "d", force=True))

    @rule(name=st.sampled_from(NAMES))
    def finish(self, name: str) -> None:
        self.step(Finished(name))

    @rule(name=st.sampled_from(NAMES))
    def fail(self, name: str) -> None:
        self.step(failure(name, "Ordered"))

    @rule(name=st.sampled_from(NAMES))
    def find(self, name: str) -> None:
        self.step(Found(name, None))

    @rule(reason=st.sampled_from([None, "hangs"]))
    def tmux(self, reason: str | None) -> None:
        self.step(TmuxAnswers(reason))

    @rule(there=st.booleans())
    def server(self, there: bool) -> None:
        (server,) = self.story.roster.servers
        self.step(Revived((SERVER,)) if there else ServerEnded(server or SERVER))

    @rule()
    def beat(self) -> None:
        self.step(HostSeen(Host(memory_available_bytes=10**9)))

    @rule()
    def shut_down(self) -> None:
        self.step(ShutDown(keep_workers=False))

    @invariant()
    def counts_are_counted(self) -> None:
        if not hasattr(self, "story"):
            return
        members = list(self.crowd.values())
        places = {S.STARTING, S.RUNNING, S.BACKOFF, S.STOPPING}
        assert self.crowd.counts.taken == sum(each.state in places for each in members)
        assert self.crowd.counts.starting == sum(each.state is S.STARTING for each in members)
        assert self.crowd.counts.living == sum(each.has_life or each.state is S.UNBORN for each in members)
        assert self.crowd.counts.waiting_to_end == sum(each.leaving is not None for each in members)
        assert sorted(self.crowd.order) == sorted(self.crowd.members)

    @invariant()
    def every_pending_worker_has_the_gate_of_the_plain_rules(self) -> None:
        if not hasattr(self, "story") or self.story.roster.closing:
            return
        for name, each in self.crowd.items():
            if each.state is S.PENDING:
                unmet = [on for on, how in self.needs(name) if on not in self.crowd or not is_met(how, self.crowd[on])]
                assert (each.gate is not None) == bool(unmet or each.record.life), name
                assert (each.stuck is not None) == self.is_stuck(name, set()), name

    @invariant()
    def no_worker_in_the_line_waits_though_there_is_room(self) -> None:
        if not hasattr(self, "story") or self.story.roster.closing:
            return
        free = [name for name, each in self.crowd.items() if each.may_start and each.gate is None]
        assert sorted(self.crowd.line.values()) == sorted(free)
        room, no_tmux = self.story.roster.room, self.story.roster.no_tmux
        full = self.crowd.counts.taken >= room.places or 0 < room.max_starting <= self.crowd.counts.starting
        assert not free or full or no_tmux

    @invariant()
    def whoever_waits_to_end_is_needed_by_one_that_leaves(self) -> None:
        if not hasattr(self, "story"):
            return
        for name, each in self.crowd.items():
            if each.leaving:
                assert any(name in dict(self.needs(other)) for other in self.leaving() if other != name), name

    def needs(self, name: str) -> list[tuple[str, Condition]]:
        return list(self.crowd.needs(name))

    def leaving(self) -> list[str]:
        return [name for name, each in self.crowd.items() if each.has_life and (each.leaving or each.ends)]

    def is_stuck(self, name: str, seen: set[str]) -> bool:
        """Whether a person has to act: a dependency rests, is not there, or is stuck itself."""
        if name in seen:
            return False
        for needed, on in self.needs(name):
            other = self.crowd.get(needed)
            if other is None:
                return True
            if is_met(on, other):
                continue
            if not (other.on_the_way or other.state is S.UNBORN):
                return True
            if other.state is S.PENDING and self.is_stuck(needed, seen | {name}):
                return True
        return False


Machine.TestCase.settings = examples(60, stateful_step_count=40)
test_the_indexes_say_what_the_plain_rules_say = Machine.TestCase


def test_a_step_costs_what_has_changed_and_not_the_number_of_workers() -> None:
    """The work of a step is counted in members put, not in time."""
    from actors.crowd import turn as turns

    names = [f"w{n}" for n in range(2000)]
    story = Story(crowd(**dict.fromkeys(names, S.RUNNING)))
    puts: list[str] = []
    real = turns.put
    turns.put = lambda crowd, name, member: puts.append(name) or real(crowd, name, member)  # type: ignore[func-returns-value]
    try:
        story.change("w7", S.BACKOFF)
        story.tell(Order(Verb.STOP, ("w8",)))
    finally:
        turns.put = real
    assert set(puts) == {"w7", "w8"}
    assert len(puts) < 20


def test_a_message_that_the_roster_does_not_know_is_a_bug() -> None:
    with pytest.raises(KeyError):
        roster.step(Story().roster, object(), NOW)
