"""The state machine of one worker: a directed test for each row and target of the design's table, and for each rule."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from kit.life import (
    PROBED,
    SLOW,
    WALL,
    S,
    Story,
    adopted,
    at,
    backoff,
    completed,
    corpse_of,
    dies_with_tail,
    failed,
    finds,
    judged,
    not_ready_in_time,
    ordered,
    pane_of,
    pending,
    quarantined,
    refused,
    replaced,
    running,
    spec,
    starting,
    stopped,
    stopping,
    unknown,
)

from actors.life.adoption import Begin, Leave, Quarantine, Survivor, born
from actors.life.aftermath import UNTOLD
from actors.life.background import STRAGGLE
from actors.life.budget import Budget
from actors.life.machine import due, step
from actors.life.moves import CLOSE_AGAIN
from actors.life.readiness import SETTLE, settles_at
from actors.life.sightings import GRACE, STATUS_LOST
from actors.life.stall import ASK_AGAIN
from actors.life.state import TRANSITIONS, Goal, IllegalTransition, Phase, State, move
from actors.values.effects import (
    Acknowledge,
    ArmLog,
    AskPane,
    CallOff,
    Emit,
    EndTree,
    Forget,
    KeepDeath,
    SeekTree,
    Signal,
    Start,
    Type,
    Watch,
)
from actors.values.facts import (
    Admitted,
    Exit,
    Fact,
    Handle,
    Held,
    InputGiven,
    Ordered,
    PaneAbsent,
    PaneSeen,
    ProbeFailed,
    ProbeSucceeded,
    ProcessEnded,
    Purpose,
    Refusal,
    ServerDied,
    SignalOrdered,
    SpecChanged,
    Started,
    StartRefused,
    StartUnknown,
    Tree,
    TreeFound,
    TreeGone,
    TreeLeft,
    TreeSeen,
    Typed,
    TypeHeld,
    TypeUnknown,
    Verb,
    Woken,
)
from actors.values.gates import Gate, Hold
from actors.values.records import Intent, Record
from actors.values.spec import Limit, Limits, Live, Ready, Restart, Rung, Stall
from actors.worker import record_of

SCENARIOS: list[tuple[State, State, str, Callable[[], Story]]] = [
    (S.UNBORN, S.PENDING, "defined", pending),
    (S.UNBORN, S.PENDING, "adopted dead, wanted", lambda: adopted(Begin("rebooted"))),
    (S.UNBORN, S.PENDING, "crashed while nobody watched", lambda: judged(1)),
    (S.UNBORN, S.STARTING, "adopted before it was ready", lambda: finds(ready=False)),
    (S.UNBORN, S.RUNNING, "adopted ready", lambda: finds(ready=True)),
    (S.UNBORN, S.STOPPED, "left as it was", lambda: adopted(Leave(S.STOPPED, None))),
    (S.UNBORN, S.COMPLETED, "ended well while nobody watched", lambda: judged(0)),
    (S.UNBORN, S.COMPLETED, "left as it was", lambda: adopted(Leave(S.COMPLETED, None))),
    (S.UNBORN, S.FAILED, "ended badly while nobody watched", lambda: judged(1, restart=Restart.NEVER)),
    (S.UNBORN, S.FAILED, "left as it was", lambda: adopted(Leave(S.FAILED, None))),
    (S.UNBORN, S.QUARANTINED, "two panes", lambda: adopted(Quarantine("two"))),
    (S.PENDING, S.STARTING, "admitted", ordered),
    (S.PENDING, S.STOPPED, "a person stopped it", lambda: pending().order(Verb.STOP)),
    (S.PENDING, S.STOPPED, "the service goes down", lambda: pending().order(Verb.DOWN)),
    (S.PENDING, S.COMPLETED, "complete", lambda: pending().order(Verb.COMPLETE)),
    (S.PENDING, S.REMOVED, "remove", lambda: pending().order(Verb.REMOVE)),
    (S.STARTING, S.RUNNING, "ready at once", running),
    (S.STARTING, S.RUNNING, "ready after the delay", lambda: starting().wait(5)),
    (S.STARTING, S.BACKOFF, "ended", lambda: starting().exits(1)),
    (S.STARTING, S.BACKOFF, "not ready in time", lambda: not_ready_in_time(ready=PROBED)),
    (S.STARTING, S.FAILED, "budget spent", lambda: starting(max_restarts=0).exits(1)),
    (S.STARTING, S.FAILED, "not ready, budget spent", lambda: not_ready_in_time(ready=PROBED, max_restarts=0)),
    (S.STARTING, S.FAILED, "cannot start", lambda: refused(ordered(), Refusal.IMPOSSIBLE)),
    (S.STARTING, S.BACKOFF, "no secrets", lambda: refused(ordered(), Refusal.NO_SECRETS)),
    (S.STARTING, S.FAILED, "no secrets, never again", lambda: refused(ordered(max_restarts=0), Refusal.NO_SECRETS)),
    (S.STARTING, S.COMPLETED, "ended well", lambda: starting().exits(0)),
    (S.STARTING, S.STOPPING, "told to stop", lambda: starting().order(Verb.STOP)),
    (S.STARTING, S.STOPPING, "told to stop before it was there", lambda: ordered().order(Verb.STOP)),
    (S.STARTING, S.PENDING, "tmux died", lambda: starting().tell(ServerDied())),
    (S.STARTING, S.PENDING, "tmux does not answer", lambda: refused(ordered(), Refusal.UNREACHABLE)),
    (S.STARTING, S.PENDING, "no process is to be had", lambda: refused(ordered(), Refusal.NO_PROCESS)),
    (S.STARTING, S.PENDING, "tmux lost the start", lambda: unknown().wait(5).absent()),
    (S.STARTING, S.QUARANTINED, "the name is taken", quarantined),
    (S.RUNNING, S.BACKOFF, "ended, to be restarted", backoff),
    (S.RUNNING, S.FAILED, "ended, not to be restarted", failed),
    (S.RUNNING, S.COMPLETED, "ended well", completed),
    (S.RUNNING, S.STOPPING, "told to stop", stopping),
    (S.RUNNING, S.STOPPING, "told to complete", lambda: stopping(Verb.COMPLETE)),
    (S.RUNNING, S.STOPPING, "told to restart", lambda: stopping(Verb.RESTART)),
    (S.RUNNING, S.STOPPING, "told to remove", lambda: stopping(Verb.REMOVE)),
    (S.RUNNING, S.STOPPING, "the service goes down", lambda: stopping(Verb.DOWN)),
    (S.RUNNING, S.STOPPING, "replaced by a new spec", replaced),
    (S.RUNNING, S.PENDING, "tmux died", lambda: running().tell(ServerDied())),
    (S.BACKOFF, S.STARTING, "the pause is over", lambda: backoff().wait(1)),
    (S.BACKOFF, S.STARTING, "a person does not wait", lambda: backoff().order(Verb.START)),
    (S.BACKOFF, S.STOPPED, "a person stopped it", lambda: backoff().order(Verb.STOP)),
    (S.BACKOFF, S.COMPLETED, "complete", lambda: backoff().order(Verb.COMPLETE)),
    (S.BACKOFF, S.PENDING, "tmux died", lambda: backoff().tell(ServerDied())),
    (S.BACKOFF, S.REMOVED, "remove", lambda: backoff().removed()),
    (S.STOPPING, S.STOPPED, "stop", lambda: stopping().exits(0)),
    (S.STOPPING, S.STOPPED, "down", lambda: stopping(Verb.DOWN).exits(0)),
    (S.STOPPING, S.COMPLETED, "complete", lambda: stopping(Verb.COMPLETE).exits(0)),
    (S.STOPPING, S.STARTING, "restart", lambda: stopping(Verb.RESTART).exits(0)),
    (S.STOPPING, S.STARTING, "start, remembered", lambda: stopping().order(Verb.START).exits(0)),
    (S.STOPPING, S.PENDING, "replaced by a new spec", lambda: replaced().exits(0)),
    (S.STOPPING, S.REMOVED, "remove", lambda: stopping(Verb.REMOVE).exits(0).absent()),
    (S.STOPPED, S.PENDING, "start", lambda: stopped().order(Verb.START)),
    (S.STOPPED, S.COMPLETED, "complete", lambda: stopped().order(Verb.COMPLETE)),
    (S.STOPPED, S.REMOVED, "remove", lambda: stopped().order(Verb.REMOVE)),
    (S.COMPLETED, S.PENDING, "start", lambda: completed().order(Verb.START)),
    (S.COMPLETED, S.PENDING, "a changed spec", lambda: completed().respec(command=("other",))),
    (S.COMPLETED, S.REMOVED, "remove", lambda: completed().removed()),
    (S.FAILED, S.PENDING, "start", lambda: failed().order(Verb.START)),
    (S.FAILED, S.PENDING, "a changed spec", lambda: failed().respec(command=("other",))),
    (S.FAILED, S.COMPLETED, "complete", lambda: failed().order(Verb.COMPLETE)),
    (S.FAILED, S.REMOVED, "remove", lambda: failed().removed()),
    (S.STOPPING, S.STOPPED, "a stop takes back a restart", lambda: stopping(Verb.RESTART).order(Verb.STOP).exits(0)),
    (S.STOPPING, S.COMPLETED, "a completion replaces a stop", lambda: stopping().order(Verb.COMPLETE).exits(0)),
    (S.STOPPING, S.PENDING, "a start does not skip the queue", lambda: replaced().order(Verb.START).exits(0)),
    (S.STOPPING, S.PENDING, "the file has it again", lambda: stopping(Verb.REMOVE).exits(0).respec()),
    (S.STOPPING, S.PENDING, "the same, changed", lambda: stopping(Verb.REMOVE).exits(0).respec(command=("new",))),
    (
        S.STOPPING,
        S.REMOVED,
        "tmux dies, and the pane with it",
        lambda: stopping(Verb.REMOVE).exits(0).tell(ServerDied()),
    ),
    (S.STOPPED, S.PENDING, "restart", lambda: stopped().order(Verb.RESTART)),
    (S.COMPLETED, S.PENDING, "restart", lambda: completed().order(Verb.RESTART)),
    (S.FAILED, S.PENDING, "restart", lambda: failed().order(Verb.RESTART)),
    (S.STARTING, S.BACKOFF, "above a limit", lambda: uses(starting(limits=Limits(processes=Limit(3))), processes=4)),
    (S.QUARANTINED, S.PENDING, "start --force", lambda: quarantined().order(Verb.START)),
    (S.QUARANTINED, S.REMOVED, "remove", lambda: quarantined().order(Verb.REMOVE)),
]

# The design's table. What adoption finds is written there in prose: "adopt, start, judge, leave, quarantine".
DESIGN = {
    S.UNBORN: {S.PENDING} | {S.STARTING, S.RUNNING, S.STOPPED, S.COMPLETED, S.FAILED},
    S.PENDING: {S.STARTING, S.STOPPED, S.COMPLETED, S.FAILED},
    S.STARTING: {S.RUNNING, S.BACKOFF, S.FAILED, S.COMPLETED, S.STOPPING, S.PENDING},
    S.RUNNING: {S.BACKOFF, S.FAILED, S.COMPLETED, S.STOPPING, S.PENDING},
    S.BACKOFF: {S.STARTING, S.STOPPED, S.COMPLETED, S.PENDING},
    S.STOPPING: {S.STOPPED, S.COMPLETED, S.STARTING, S.PENDING},
    S.STOPPED: {S.COMPLETED, S.PENDING},
    S.COMPLETED: {S.PENDING},
    S.FAILED: {S.COMPLETED, S.PENDING},
    S.QUARANTINED: {S.PENDING},
    S.REMOVED: set(),
}
# Pairs that the table allows and no fact leads to: adoption begins a new Worker, so its quarantine comes from UNBORN;
# what lives is removed by way of `stopping`; and nothing but a refused start says so far that one can never start.
NO_FACT_LEADS_THERE = {(S.PENDING, S.FAILED), (S.STARTING, S.REMOVED), (S.RUNNING, S.REMOVED)} | {
    (state, S.QUARANTINED) for state in (S.PENDING, S.RUNNING, S.BACKOFF, S.STOPPING, S.STOPPED, S.COMPLETED, S.FAILED)
}


def closings(asked: Iterable[AskPane]) -> list[str | None]:
    """Return the panes that are to be closed before they are looked at."""
    return [ask.pane for ask in asked if ask.close]


def test_the_table_is_the_one_of_the_design() -> None:
    anywhere = {S.QUARANTINED, S.REMOVED}
    wanted = {state: frozenset(targets | anywhere - {state}) for state, targets in DESIGN.items()}
    wanted[S.UNBORN] -= {S.REMOVED}  # nobody can order anything of what is not there yet
    wanted[S.REMOVED] = frozenset()
    assert wanted == TRANSITIONS


def test_every_pair_of_the_table_has_a_directed_scenario() -> None:
    pairs = {(source, target) for source, targets in TRANSITIONS.items() for target in targets}
    assert {(source, target) for source, target, _, _ in SCENARIOS} == pairs - NO_FACT_LEADS_THERE


@pytest.mark.parametrize(
    ("source", "target", "scenario"),
    [pytest.param(a, b, play, id=f"{a}→{b}: {why}") for a, b, why, play in SCENARIOS],
)
def test_each_transition_is_one_line_of_the_log(source: State, target: State, scenario: Callable[[], Story]) -> None:
    s = scenario()
    assert s.w.state is target
    assert s.line.transition == (None if source is S.UNBORN else source, target)
    assert [e for e in s.all if isinstance(e, Emit) and e.transition == s.line.transition].count(s.line) == 1


def test_a_step_outside_the_table_changes_nothing() -> None:
    s = completed()
    with pytest.raises(IllegalTransition, match="worker api: completed → running"):
        move(s.w, S.RUNNING, at(s.now), "worker.ready", "ready")
    assert s.w.state is S.COMPLETED


# starting


def test_a_pending_worker_says_which_gate_holds_it() -> None:
    gate = Gate(Hold.DEPENDENCY, "waiting for db to be ready")
    s = pending().tell(Held(gate))
    assert (s.w.state, s.w.gate, s.w.reason) == (S.PENDING, gate, "waiting for db to be ready")
    assert s.admitted().w.gate is None
    late = running().tell(Held(gate))
    assert (late.w.gate, late.w.reason) == (None, "")


def test_a_second_answer_to_the_same_start_changes_nothing() -> None:
    s = running()
    before = s.w
    s.tell(Started("s-1", "%9", Handle(9, 9)), StartRefused("s-1", Refusal.IMPOSSIBLE, "x"), StartUnknown("s-1", 0))
    assert s.w == before


@pytest.mark.parametrize(
    "fact",
    [
        Started("other", "%9", Handle(9, 9)),
        StartRefused("other", Refusal.IMPOSSIBLE, "x"),
        StartUnknown("other", 0.0),
        ProcessEnded("other"),
        TreeGone("other"),
        TreeLeft("other", (1,)),
        ProbeSucceeded("other"),
    ],
    ids=lambda fact: type(fact).__name__,
)
@pytest.mark.parametrize(
    "scenario", [pending, ordered, starting, running, backoff, stopping, stopped, completed, failed, quarantined]
)
def test_a_fact_of_another_life_changes_nothing(fact: Fact, scenario: Callable[[], Story]) -> None:
    s = scenario()
    before = s.w
    assert s.tell(fact).last == ()
    assert s.w == before


# refused starts


def test_a_late_refusal_of_a_closed_pane_puts_an_order_in_flight_again() -> None:
    s = backoff().wait(1)
    s = refused(s.tell(StartUnknown(s.life, s.now + 5)).wait(10), Refusal.PANE_GONE)
    assert len(s.did(Start)) == 1
    assert s.absent().did(Start) == []  # absence tells nothing while it is in flight
    assert s.w.life is not None
    assert s.w.life.phase is Phase.ORDERED


@pytest.mark.parametrize("refusal", list(Refusal))
def test_a_stop_that_waits_for_an_order_ends_when_the_start_is_refused(refusal: Refusal) -> None:
    s = refused(ordered().order(Verb.STOP), refusal)
    assert s.w.state is S.STOPPED
    assert s.did(Forget) == [Forget("s-1")]
    assert s.signals == []


# unknown starts


def test_nothing_is_asked_or_believed_before_an_unanswered_order_has_expired() -> None:
    s = unknown()
    assert s.wait(4).last == ()
    assert s.absent().last == ()
    assert due(s.w) == pytest.approx(s.now + 1, abs=0.1)


def test_an_expired_order_that_was_carried_out_is_taken_over() -> None:
    s = unknown().wait(5).seen(pane_of("s-1"))
    assert s.w.state is S.RUNNING
    assert s.did(Watch) == [Watch("s-1", Handle(100, 100))]
    assert s.did(Start) == []


def test_an_expired_order_whose_process_has_died_is_judged_by_its_exit() -> None:
    s = unknown().wait(5).seen(corpse_of("s-1", 3))
    assert s.did(Watch) == [Watch("s-1", Handle(100, 0))]
    assert s.seen(corpse_of("s-1", 3)).w.exit == Exit(3, None, WALL)


def test_an_answer_after_the_deadline_still_counts() -> None:
    assert unknown().begun().w.state is S.RUNNING
    assert refused(unknown(), Refusal.IMPOSSIBLE).w.state is S.FAILED


def test_a_start_that_still_waits_its_turn_is_not_given_up_however_long_it_waits() -> None:
    s = ordered()
    assert due(s.w) is None
    assert s.wait(600).last == ()
    assert s.absent().did(Start) == []
    assert s.begun().w.state is S.RUNNING


def test_a_stop_while_a_start_is_unknown_ends_what_is_found_and_else_is_done() -> None:
    found = unknown().order(Verb.STOP).wait(5).seen(pane_of("s-1"))
    assert (found.w.state, found.signals) == (S.STOPPING, ["TERM"])
    absent = unknown().order(Verb.STOP).wait(5).absent()
    assert (absent.w.state, absent.did(Forget)) == (S.STOPPING, [Forget("s-1")])
    assert (absent.gone().w.state, absent.did(Start)) == (S.STOPPED, [])


def test_a_stop_before_the_answer_ends_the_process_when_it_is_known() -> None:
    s = ordered().order(Verb.STOP)
    assert s.signals == []
    s.begun()
    assert (s.w.state, s.signals) == (S.STOPPING, ["TERM"])
    assert s.exits(0).w.state is S.STOPPED


# readiness


def test_a_delay_makes_ready_when_it_is_over() -> None:
    s = starting()
    assert due(s.w) == pytest.approx(s.now + 5, abs=0.1)
    assert s.wait(4).w.state is S.STARTING
    assert s.wait(1).w.state is S.RUNNING


def test_a_life_that_no_probe_asked_settles_when_its_first_process_has_outlived_the_first_moment() -> None:
    s = running()
    assert settles_at(s.w) == due(s.w) == pytest.approx(s.now + SETTLE, abs=0.1)
    assert settles_at(s.wait(SETTLE / 2).w) is not None
    assert settles_at(s.wait(SETTLE).w) is None
    assert (due(s.w), s.last) == (None, ())
    assert settles_at(starting(ready=PROBED).tell(ProbeSucceeded("s-1")).w) is None
    assert settles_at(starting(ready=SLOW).wait(SLOW.delay).w) is None
    over = running().tell(ProcessEnded("s-1"))
    assert settles_at(over.wait(STRAGGLE / 2).w) is not None  # it may have gone into the background


def test_not_ready_in_time_is_an_unhealthy_life_whose_tree_is_ended() -> None:
    s = starting(ready=PROBED).too_late()
    assert (s.w.state, s.w.budget.attempt, s.signals) == (S.BACKOFF, 1, ["TERM"])
    assert s.line.event == "worker.unready"
    assert s.wait(5).did(Start) == []  # the old tree still lives
    assert s.exits(0).w.state is S.STARTING


def test_a_life_that_never_gets_ready_is_not_forgiven_for_having_lasted() -> None:
    s = ordered(ready=replace(PROBED, timeout=60.0), healthy_after=60.0, max_restarts=1)
    s.begun().too_late()
    assert s.w.budget.attempt == 1
    s.exits(0).wait(2)
    assert s.begun().too_late().w.state is S.FAILED


@pytest.mark.parametrize("tree_first", [True, False])
def test_the_order_of_exit_and_end_of_tree_does_not_matter(tree_first: bool) -> None:
    s = starting(ready=PROBED).too_late()
    if tree_first:
        s.gone("s-1").seen(corpse_of("s-1"))
    else:
        s.seen(corpse_of("s-1")).gone("s-1")
    assert s.w.ending is None
    assert s.wait(5).w.state is S.STARTING


# what counts as evidence


def test_a_sweep_taken_before_the_answer_tells_nothing() -> None:
    s = running()
    before = s.w
    s.tell(PaneAbsent(999.0), PaneAbsent(999.0), PaneSeen(999.0, corpse_of("s-1")), TreeSeen(999.0, 1, None))
    assert (s.w, s.did(AskPane)) == (before, [])


def test_a_sweep_taken_at_the_very_moment_of_the_answer_tells_nothing() -> None:
    s = running().seen(pane_of("s-1"))
    assert s.w.life is not None
    before, answered = s.w, s.w.life.answered
    s.tell(PaneSeen(answered, corpse_of("s-1")), TreeSeen(answered, 1, None), PaneAbsent(answered))
    assert (s.w, s.did(AskPane)) == (before, [])


def test_absence_tells_nothing_while_an_order_is_in_flight() -> None:
    s = ordered()
    before = s.w
    assert s.absent().absent().w == before


def test_a_pane_that_no_sweep_has_seen_has_five_seconds_of_grace() -> None:
    s = running()
    assert s.absent().absent().w.state is S.RUNNING
    s.now += GRACE
    assert s.absent().did(AskPane) == [AskPane("%1")]
    assert s.absent().w.state is S.BACKOFF


def test_a_pane_that_was_seen_is_gone_after_two_misses() -> None:
    s = running().seen(pane_of("s-1"))
    assert s.absent().did(AskPane) == [AskPane("%1")]
    s.absent()
    assert (s.w.state, s.w.exit, s.w.pane) == (S.BACKOFF, Exit(None, None, WALL + s.now), None)
    assert s.signals == ["TERM"]  # its process may live on without a terminal


def test_misses_have_to_be_consecutive() -> None:
    s = running().seen(pane_of("s-1")).absent().seen(pane_of("s-1")).absent()
    assert s.w.state is S.RUNNING


def test_an_absence_older_than_the_pane_of_a_finished_life_is_no_news() -> None:
    s = ordered()
    taken = s.now
    s.begun().exits(1).tell(PaneAbsent(taken))
    assert s.w.pane == "%1"
    assert s.wait(1).did(Start)[0].pane == "%1"


def test_a_pane_of_another_life_is_not_taken_for_a_respawn() -> None:
    s = running()
    before = s.w
    assert s.seen(pane_of("stranger", pid=555)).last == ()
    assert s.seen(corpse_of("stranger", pid=555)).last == ()
    assert s.w == before


def test_a_pane_seen_under_another_number_changes_nothing() -> None:
    s = running()
    before = s.w
    assert s.seen(corpse_of("s-1", id="%2")).w == before


def test_an_open_pane_shows_what_it_shows() -> None:
    s = running()
    s.tell(PaneSeen(s.now + 1, pane_of("s-1", attached=True, activity=77), b"hello"))
    assert s.w.screen is not None
    assert (s.w.screen.content, s.w.attached, s.w.last_output) == (b"hello", True, 77)
    s.tell(PaneSeen(s.now + 2, pane_of("s-1")))
    assert s.w.screen.content == b"hello"


def test_a_closed_log_pipe_is_opened_again() -> None:
    s = running().seen(pane_of("s-1", piped=False))
    assert s.did(ArmLog) == [ArmLog("s-1", "%1", s.w.spec)]


def test_beats_without_news_leave_the_very_same_worker() -> None:
    s = running()
    pane, tree = pane_of(s.life), Tree(1000, 0.5, (Handle(100, 100),))
    before = s.seen(pane).tell(TreeSeen(s.now, 1, tree)).w
    assert s.seen(pane).tell(TreeSeen(s.now, 2, tree)).w is before
    assert s.tell(TreeSeen(s.now, 3, Tree(1001, 0.5, tree.handles))).w.rss_bytes == 1001


def test_the_tree_of_a_sweep_is_what_an_ending_goes_by() -> None:
    s = running()
    tree = Tree(5000, 1.5, (Handle(100, 100), Handle(101, 101)))
    s.tell(TreeSeen(s.now + 1, 1, tree))
    assert (s.w.rss_bytes, s.w.cpu_percent, s.w.processes) == (5000, 1.5, 2)
    s.order(Verb.STOP)
    assert s.did(EndTree) == [EndTree("s-1", Handle(100, 100), tree.handles, "TERM", server=0)]


@pytest.mark.parametrize("check", [{"ready": Ready(command="true")}, {"live": Live(command="true")}, {}], ids=str)
def test_an_ending_looks_beside_the_tree_where_commands_of_checks_have_run_also_earlier_ones(check: Any) -> None:
    s = running(**check).tell(SpecChanged(spec()))
    s.order(Verb.STOP)
    assert [order.beside for order in s.did(EndTree)] == [bool(check)]
    s = running().tell(SpecChanged(spec(**check)))
    s.order(Verb.STOP)
    assert [order.beside for order in s.did(EndTree)] == [bool(check)]


def test_a_signal_of_a_person_goes_to_a_running_life_and_changes_nothing() -> None:
    s = running()
    before = s.w
    s.tell(SignalOrdered("HUP"))
    assert (s.did(Signal), s.w) == ([Signal("s-1", Handle(100, 100), (), "HUP", server=0)], before)
    assert [said.event for said in s.did(Emit)] == ["worker.signalled"]
    assert s.tell(SignalOrdered("USR1", whole=True)).did(Signal)[0].whole
    for s in (running().exits(1), stopping(), pending()):
        assert s.tell(SignalOrdered("HUP")).did(Signal) == []


def test_a_root_that_is_missing_from_the_process_table_is_a_question_and_no_verdict() -> None:
    s = running()
    s.tell(TreeSeen(s.now + 1, 1, None))
    assert s.last == (AskPane("%1", nudge=True),)
    for _ in range(STATUS_LOST + 1):
        s.seen(pane_of("s-1"))
    assert s.w.state is S.RUNNING
    assert s.seen(corpse_of("s-1")).w.state is S.BACKOFF


@pytest.mark.parametrize("scenario", [running, starting])
def test_use_is_unknown_when_nothing_lives(scenario: Callable[[], Story]) -> None:
    s = scenario()
    s.tell(TreeSeen(s.now + 1, 1, Tree(5000, 1.5, (Handle(100, 100),))))
    for facts in ([ServerDied()], [PaneSeen(s.now + 2, corpse_of("s-1")), TreeFound("s-1", ())]):
        after = s.w
        for fact in facts:
            after, _ = step(after, fact, at(s.now + 3))
        assert (after.rss_bytes, after.cpu_percent, after.processes) == (None, None, None)


def test_a_beat_looks_at_the_deadlines_too() -> None:
    s = backoff()
    s.now += 1
    assert s.tell(TreeSeen(s.now, 1, None)).w.state is S.STARTING
    t = stopping()
    t.now += 10
    assert t.tell(TreeSeen(t.now, 1, Tree(1, None, ()))).signals == ["TERM", "KILL"]


# the exit status


def test_the_end_of_a_process_is_a_question_to_tmux() -> None:
    s = running().tell(ProcessEnded("s-1"))
    assert s.w.state is S.RUNNING
    assert s.last == (AskPane("%1", nudge=False), SeekTree("s-1", Handle(100, 100), (), server=0))
    assert s.tell(ProcessEnded("s-1")).last == ()


def test_who_may_have_left_processes_beside_its_tree_is_sought_there() -> None:
    s = running(live=Live(command="true")).tell(ProcessEnded("s-1"))
    assert s.did(SeekTree) == [SeekTree("s-1", Handle(100, 100), (), beside=True, server=0)]


def test_who_is_being_ended_is_not_sought() -> None:
    s = running().order(Verb.STOP).tell(ProcessEnded("s-1"))
    assert s.last == (AskPane("%1", nudge=False),)


def test_tmux_is_asked_again_with_growing_pauses_and_made_to_reap_from_the_second_time() -> None:
    s = running().tell(ProcessEnded("s-1"))
    asked = [*s.did(AskPane), *(s.seen(corpse_of("s-1", None)).wait(0.5).did(AskPane)[0] for _ in range(9))]
    assert [ask.nudge for ask in asked] == [False] + [True] * 9
    assert due(s.seen(corpse_of("s-1", None)).w) == pytest.approx(s.now + 0.5)


def test_a_question_is_repeated_after_its_answer_not_while_tmux_is_at_it() -> None:
    s = running().tell(ProcessEnded("s-1"))
    assert s.wait(1).did(AskPane) == []
    assert s.seen(corpse_of("s-1", None)).wait(0.005).did(AskPane) == [AskPane("%1", nudge=True)]


def test_what_a_life_showed_last_is_on_the_screen_though_it_was_seen_after_its_end() -> None:
    s = running(max_restarts=0).tell(PaneSeen(0.5, pane_of("s-1"), b"reading"))
    s.exits(3)
    assert s.w.state is S.FAILED
    s.tell(PaneSeen(s.now + 1, corpse_of("s-1", 3), b"no disk"))
    assert s.w.screen is not None
    assert s.w.screen.content == b"no disk"
    s.seen(corpse_of("s-1", 3))
    assert s.w.screen.content == b"no disk"


def test_a_question_that_tmux_does_not_answer_waits_and_is_seldom_repeated() -> None:
    s = running().tell(ProcessEnded("s-1"))
    asked = len([ask for _ in range(6000) for ask in s.wait(0.1).did(AskPane)])
    assert 100 <= asked <= 150  # in ten minutes


def test_a_life_ended_when_the_kernel_said_so_though_tmux_told_of_it_a_minute_later() -> None:
    """A tmux that was stopped has reaped late: the crash is not forgiven for that time."""
    s = running(healthy_after=30.0)
    s.wait(5).tell(ProcessEnded("s-1")).wait(60)
    s.seen(corpse_of("s-1", 3, dead_at=at(s.now).wall))
    assert s.line.facts["uptime_s"] == pytest.approx(5.0, abs=0.1)
    assert s.w.budget.attempt == 1
    (kept,) = s.did(KeepDeath)
    assert kept.death.ended_at == pytest.approx(kept.death.started_at + 5.0, abs=0.1)
    assert s.w.exit == Exit(3, None, kept.death.ended_at)


def test_a_status_that_never_comes_is_lost_after_twelve_answers() -> None:
    s = running().tell(ProcessEnded("s-1"))
    for _ in range(STATUS_LOST - 1):
        s.seen(corpse_of("s-1", None))
    assert s.w.state is S.RUNNING
    s.seen(corpse_of("s-1", None))
    assert (s.w.state, s.w.exit) == (S.BACKOFF, Exit(None, None, WALL + s.now))


def test_a_pane_that_lives_on_loses_no_status_and_is_watched_anew() -> None:
    s = running().wait(SETTLE).tell(ProcessEnded("s-1"))
    for _ in range(STATUS_LOST):
        s.seen(pane_of("s-1"))
    assert (s.w.state, s.did(Watch), due(s.w)) == (S.RUNNING, [Watch("s-1", Handle(100, 100))], None)
    assert s.tell(ProcessEnded("s-1")).seen(corpse_of("s-1", 3)).w.exit == Exit(3, None, WALL)


def test_silence_of_tmux_is_no_verdict() -> None:
    s = running().tell(ProcessEnded("s-1"))
    for _ in range(50):
        s.wait(1)
    assert s.w.state is S.RUNNING


# budget and pauses


def test_crashes_spend_the_budget_and_double_the_pause() -> None:
    s = running(max_restarts=3)
    pauses = []
    for _ in range(3):
        s.exits(1)
        pauses.append(s.line.facts["delay_s"])
        assert s.wait(pauses[-1]).w.state is S.STARTING
        s.begun()
    assert pauses == [1.0, 2.0, 4.0]
    assert s.exits(1).w.state is S.FAILED
    assert (s.w.budget.attempt, s.w.budget.restarts) == (3, 3)


def test_a_healthy_spell_forgives_while_it_lasts() -> None:
    s = backoff().wait(1).begun().wait(SETTLE)
    assert s.w.budget.attempt == 1
    assert due(s.w) == pytest.approx(s.now + 60 - SETTLE, abs=0.1)
    assert s.wait(59).w.budget.attempt == 1
    s.wait(1)
    assert (s.w.budget.attempt, s.w.budget.restarts, due(s.w)) == (0, 1, None)


def test_crashes_before_a_healthy_spell_are_forgiven() -> None:
    s = backoff().wait(1).begun()
    s.now += 60
    assert s.exits(1).line.facts["delay_s"] == 1.0


def test_a_pause_is_not_over_before_its_time() -> None:
    s = backoff()
    assert due(s.w) == pytest.approx(s.now + 1, abs=0.1)
    assert s.wait(0.9).w.state is S.BACKOFF
    assert s.wait(0.2).w.state is S.STARTING


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESTART])
def test_an_order_in_the_pause_begins_a_new_count(verb: Verb) -> None:
    s = backoff().order(verb)
    assert (s.w.state, s.w.budget.attempt, s.line.facts["attempt"]) == (S.STARTING, 0, 0)
    assert s.begun().exits(1).line.facts["attempt"] == 1


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESTART])
def test_an_order_in_the_pause_begins_a_new_count_when_the_last_life_has_gone(verb: Verb) -> None:
    s = running()
    s.seen(corpse_of(s.life, 1)).order(verb)
    assert (s.w.state, s.w.budget.attempt) == (S.BACKOFF, 0)
    assert s.gone().line.facts["attempt"] == 0


# ending


def test_a_stop_follows_its_plan() -> None:
    s = stopping(stop=("INT", 2.0, "TERM", 3.0, "KILL"))
    assert s.signals == ["INT"]
    assert due(s.w) == pytest.approx(s.now + 2, abs=0.1)
    assert s.wait(1.9).signals == ["INT"]
    assert s.wait(0.1).signals == ["INT", "TERM"]
    assert due(s.w) == pytest.approx(s.now + 3, abs=0.1)
    assert s.wait(3).signals == ["INT", "TERM", "KILL"]
    assert due(s.w) is None
    assert s.wait(100).signals == ["INT", "TERM", "KILL"]
    assert s.exits(None, 9).w.state is S.STOPPED


def test_signals_without_a_wait_between_follow_at_once() -> None:
    s = stopping(stop=("INT", "TERM", "KILL"))
    assert s.wait(0).wait(0).signals == ["INT", "TERM", "KILL"]


@pytest.mark.parametrize(
    ("hit", "forced"), [((100,), True), ((), None)], ids=["KILL hit somebody", "KILL came too late"]
)
def test_forced_is_said_when_kill_was_needed(hit: tuple[int, ...], forced: bool | None) -> None:
    s = stopping(stop=("TERM", 2.0, "KILL")).tell(TreeLeft("s-1", (100,))).wait(2)
    s = s.tell(TreeLeft("s-1", hit)) if hit else s
    s.exits(None, 9)
    assert s.line.facts.get("forced") is forced


def test_a_stop_ends_when_the_tree_is_gone_before_the_exit_is_known() -> None:
    s = stopping().gone("s-1")
    assert (s.w.state, s.did(AskPane)) == (S.STOPPING, [AskPane("%1", nudge=False)])
    s.seen(corpse_of("s-1", 0))
    assert (s.w.state, s.w.exit, s.w.ending) == (S.STOPPED, Exit(0, None, WALL), None)


def test_what_is_left_of_a_crash_is_ended_before_the_next_life() -> None:
    s = dies_with_tail(running())
    assert (s.w.state, s.signals) == (S.BACKOFF, ["TERM"])
    assert s.wait(5).did(Start) == []
    assert s.wait(5).signals == ["TERM", "KILL"]
    assert s.gone().w.state is S.STARTING


def test_an_exit_while_stopping_is_told_but_not_judged() -> None:
    s = stopping().exits(1)
    assert (s.w.state, s.w.budget.restarts) == (S.STOPPED, 0)
    told = [e for e in s.ever(Emit) if e.event == "worker.exited"]
    assert [e.transition for e in told] == [None]
    assert told[0].facts["exit_code"] == 1


def test_each_end_is_counted_by_its_cause() -> None:
    s = running()
    for _ in range(2):
        s.exits(3).too_late().begun()
    s.order(Verb.RESTART).exits(0)
    assert dict(s.w.exits) == {"exit": 2, "restart": 1}


def test_a_missed_deadline_is_never_in_the_past_for_good() -> None:
    s = dies_with_tail(running(cleanup_after=1.0), 0)
    assert s.w.state is S.COMPLETED
    s.wait(20).wait(0)
    assert due(s.w) is None  # the cleanup waits for the end of the tree
    assert closings(s.gone().did(AskPane)) == ["%1"]


# orders


@pytest.mark.parametrize(
    ("verb", "becomes"),
    [(Verb.STOP, S.STOPPED), (Verb.COMPLETE, S.COMPLETED), (Verb.REMOVE, S.REMOVED), (Verb.RESTART, S.STOPPED)],
)
def test_going_down_undoes_no_order_and_starts_nothing(verb: Verb, becomes: State) -> None:
    s = stopping(verb).order(Verb.DOWN).exits(0).absent()
    assert (s.w.state, len(s.ever(Start))) == (becomes, 1)


def test_going_down_undoes_no_removal_that_waits_for_a_tree() -> None:
    s = dies_with_tail(running()).order(Verb.REMOVE).order(Verb.DOWN)
    assert s.gone().absent().w.state is S.REMOVED


def test_the_number_of_the_last_order_comes_back() -> None:
    s = running().tell(Ordered(Verb.START, 7), Ordered(Verb.START, 3), SpecChanged(spec(), 5))
    assert s.w.order == 7
    assert s.tell(SpecChanged(spec(), 9)).w.order == 9


@pytest.mark.parametrize(
    ("scenario", "verb"),
    [
        *((scenario, Verb.START) for scenario in (pending, ordered, starting, running)),
        *((rests, verb) for rests in (stopped, completed, failed, quarantined) for verb in (Verb.STOP, Verb.DOWN)),
        (completed, Verb.COMPLETE),
        (quarantined, Verb.RESTART),
    ],
)
def test_an_order_for_what_is_so_already_changes_nothing(scenario: Callable[[], Story], verb: Verb) -> None:
    s = scenario()
    before = s.w
    assert s.order(verb).last == ()
    assert s.w == before


@pytest.mark.parametrize("verb", list(Verb))
def test_a_removed_worker_takes_no_orders(verb: Verb) -> None:
    s = stopped().order(Verb.REMOVE)
    assert s.order(verb).last == ()
    assert s.w.state is S.REMOVED


def test_a_stopped_worker_stays_stopped_whatever_its_policy() -> None:
    s = stopping(restart=Restart.ALWAYS).exits(1)
    s.wait(1000).tell(ServerDied(), Admitted()).absent()
    assert (s.w.state, len(s.ever(Start))) == (S.STOPPED, 1)


@pytest.mark.parametrize("scenario", [completed, failed, lambda: stopping(Verb.REMOVE).exits(0)])
def test_a_closing_that_was_lost_is_ordered_again(scenario: Callable[[], Story]) -> None:
    s = scenario().order(Verb.REMOVE)
    assert closings(s.wait(CLOSE_AGAIN).did(AskPane)) == ["%1"]
    assert s.absent().w.state is S.REMOVED


def test_a_pending_worker_that_is_being_removed_is_not_started() -> None:
    s = running().tell(ServerDied()).gone().seen(corpse_of("s-1", id="%2")).order(Verb.REMOVE).admitted()
    assert (s.w.state, len(s.ever(Start))) == (S.PENDING, 1)


def test_a_removal_in_back_off_starts_nothing_more() -> None:
    s = dies_with_tail(running()).order(Verb.REMOVE)
    assert (s.wait(100).w.state, due(s.w)) == (S.BACKOFF, None)
    assert closings(s.gone().did(AskPane)) == ["%1"]
    assert s.absent().w.state is S.REMOVED
    assert len(s.ever(Start)) == 1


@pytest.mark.parametrize("restart", [Restart.NEVER, Restart.ON_FAILURE], ids=["failed", "backoff"])
@pytest.mark.parametrize("again", [Ordered(Verb.START), SpecChanged(spec()), SpecChanged(spec(command=("new",)))])
def test_the_later_order_takes_back_a_removal(again: Fact, restart: Restart) -> None:
    s = dies_with_tail(running(restart=restart)).order(Verb.REMOVE).tell(again).admitted()
    s.gone()
    assert s.w.state is not S.REMOVED
    assert s.w.goal is None
    assert s.w.state in (S.FAILED, S.STARTING)


@pytest.mark.parametrize(
    "fact",
    [*(Ordered(verb) for verb in Verb), SpecChanged(spec(command=("new",))), ServerDied(), Woken(), Admitted()],
    ids=str,
)
def test_what_is_quarantined_is_never_signalled_or_closed(fact: Fact) -> None:
    s = quarantined().seen(pane_of("stranger")).tell(fact)
    s.wait(100)
    assert (s.signals, closings(s.ever(AskPane))) == ([], [])
    assert len(s.ever(Start)) == 1


# a changed spec


@pytest.mark.parametrize(
    "scenario", [pending, ordered, starting, running, backoff, stopping, stopped, completed, failed, quarantined]
)
def test_a_changed_policy_is_applied_in_place(scenario: Callable[[], Story]) -> None:
    s = scenario()
    before = s.w.state
    s.respec(max_restarts=77, ready=s.w.spec.ready)
    assert (s.w.state, s.last, s.w.spec.max_restarts, s.w.next_spec) == (before, (), 77, None)


@pytest.mark.parametrize(
    ("scenario", "becomes"),
    [
        (pending, S.PENDING),
        (ordered, S.STOPPING),
        (starting, S.STOPPING),
        (running, S.STOPPING),
        (backoff, S.STARTING),
        (stopping, S.STOPPING),
        (stopped, S.STOPPED),  # what a person stopped stays stopped
        (completed, S.PENDING),
        (failed, S.PENDING),
        (quarantined, S.QUARANTINED),
    ],
)
def test_a_changed_command_needs_a_new_process(scenario: Callable[[], Story], becomes: State) -> None:
    assert scenario().respec(command=("new",)).w.state is becomes


def test_a_replaced_worker_comes_back_in_order_with_its_new_spec_and_a_new_count() -> None:
    s = backoff().wait(1).begun().respec(command=("new",)).exits(0)
    assert (s.w.state, s.w.spec.command, s.w.next_spec, s.w.budget.attempt) == (S.PENDING, ("new",), None, 0)
    assert s.admitted().did(Start)[0].spec.command == ("new",)


def test_the_old_policy_ends_the_old_process() -> None:
    s = running().respec(command=("new",), stop=("INT", 1.0, "KILL"))
    assert s.signals == ["TERM"]


@pytest.mark.parametrize(
    ("verb", "becomes"),
    [
        (Verb.STOP, S.STOPPED),
        (Verb.DOWN, S.STOPPED),
        (Verb.COMPLETE, S.COMPLETED),
        (Verb.RESTART, S.PENDING),
    ],
)
def test_a_spec_that_changes_during_a_stop_is_the_one_that_stays(verb: Verb, becomes: State) -> None:
    s = stopping(verb).respec(command=("new",)).exits(0)
    assert (s.w.state, s.w.spec.command, s.w.next_spec) == (becomes, ("new",), None)


def test_a_change_that_is_taken_back_leaves_the_old_spec() -> None:
    s = replaced().respec(max_restarts=77).exits(0)
    assert (s.w.state, s.w.spec) == (S.PENDING, spec(max_restarts=77))


# the tmux server dies


@pytest.mark.parametrize(
    ("scenario", "becomes"),
    [
        (pending, S.PENDING),
        (starting, S.PENDING),
        (running, S.PENDING),
        (lambda: running().tell(ProcessEnded("s-1")), S.PENDING),
        (backoff, S.PENDING),
        (stopping, S.STOPPING),
        (stopped, S.STOPPED),
        (completed, S.COMPLETED),
        (failed, S.FAILED),
        (quarantined, S.QUARANTINED),
    ],
)
def test_the_death_of_tmux_spends_no_budget_and_leads_back_in_order(
    scenario: Callable[[], Story], becomes: State
) -> None:
    s = scenario()
    budget = s.w.budget
    s.tell(ServerDied())
    assert (s.w.state, s.w.budget, s.w.pane, s.w.screen, s.w.life) == (becomes, budget, None, None, None)
    assert due(s.w) is None or becomes is S.STOPPING or s.w.ending


@pytest.mark.parametrize("scenario", [starting, running])
def test_what_survived_the_death_of_tmux_is_ended_before_a_new_life(scenario: Callable[[], Story]) -> None:
    s = scenario().tell(ServerDied())
    assert (s.signals, s.did(Forget)) == (["TERM"], [Forget("s-1")])
    assert s.admitted().did(Start) == []
    assert s.gone().did(Start)[0].life == "s-2"


@pytest.mark.parametrize("scenario", [running, backoff, stopping])
def test_the_death_of_another_tmux_server_is_no_concern_of_a_worker(scenario: Callable[[], Story]) -> None:
    s = scenario()
    before = s.w
    assert (s.tell(ServerDied(1)).w, s.last) == (before, ())


def test_a_stop_whose_tree_is_gone_ends_when_tmux_dies_before_it_tells_the_status() -> None:
    s = stopping().gone().tell(ServerDied())
    assert (s.w.state, s.did(Forget)) == (S.STOPPED, [Forget("s-1")])


def test_a_start_in_flight_is_not_doubled_when_tmux_dies() -> None:
    s = ordered().tell(ServerDied()).admitted()
    assert (s.w.state, len(s.ever(Start))) == (S.STARTING, 1)
    assert s.begun().w.state is S.RUNNING
    t = unknown().tell(ServerDied()).admitted()
    assert len(t.ever(Start)) == 1
    assert len(t.wait(5).absent().gone().did(Start)) == 1


def test_a_sweep_of_the_dead_server_says_nothing_about_the_next_one() -> None:
    s = backoff()
    taken = s.now
    s.tell(ServerDied(), PaneSeen(taken, corpse_of("s-1")))
    assert s.w.pane is None


# hands on


def test_a_respawn_by_hand_is_the_same_life_with_another_process() -> None:
    s = running().seen(pane_of("s-1", pid=200))
    assert s.did(Watch) == [Watch("s-1", Handle(200, 200))]
    assert [e.event for e in s.did(Emit)] == ["worker.respawned_by_hand"]
    assert s.w.state is S.RUNNING
    assert s.tell(ProcessEnded("s-1")).seen(corpse_of("s-1", 3, pid=200)).w.state is S.BACKOFF


def test_a_respawn_by_hand_whose_process_is_not_known_yet_waits() -> None:
    s = running()
    assert s.seen(pane_of("s-1", pid=200, process=None)).last == ()


def test_a_respawn_by_hand_that_has_died_is_judged() -> None:
    assert running().seen(corpse_of("s-1", 3, pid=200)).w.exit == Exit(3, None, WALL)


def test_a_respawn_by_hand_answers_the_question_for_the_status() -> None:
    s = running().wait(SETTLE).tell(ProcessEnded("s-1")).seen(pane_of("s-1", pid=200))
    assert s.w.life is not None
    assert (s.w.life.phase, due(s.w)) == (Phase.ALIVE, None)


def test_a_respawn_by_hand_during_a_stop_is_ended_too() -> None:
    s = stopping().gone().seen(pane_of("s-1", pid=200))
    assert s.did(EndTree) == [EndTree("s-1", Handle(200, 200), (), "TERM", server=0)]
    assert s.seen(corpse_of("s-1", 0, pid=200)).w.state is S.STOPPING
    assert s.gone().w.state is S.STOPPED


# cleanup


def test_a_completed_worker_loses_its_pane_after_a_while() -> None:
    s = completed()
    assert due(s.w) == pytest.approx(s.now + 30, abs=0.1)
    assert closings(s.wait(29).did(AskPane)) == []
    assert closings(s.wait(1).did(AskPane)) == ["%1"]
    assert due(s.w) == pytest.approx(s.now + CLOSE_AGAIN, abs=0.1)
    s.absent()
    assert (s.w.pane, due(s.w)) == (None, None)


def test_a_changed_cleanup_counts_for_what_is_completed_already() -> None:
    s = completed(cleanup_after=None).respec(cleanup_after=30.0)
    assert closings(s.wait(30).did(AskPane))
    s = completed(cleanup_after=30.0).respec(cleanup_after=None)
    assert due(s.w) is None


def test_an_ephemeral_worker_is_forgotten_a_while_after_its_end_however_it_ended() -> None:
    for s in (completed(ephemeral=True), failed(ephemeral=True), running(ephemeral=True).order(Verb.STOP).gone()):
        s.seen(corpse_of("s-1", 0)) if s.w.state is S.STOPPING else None
        assert due(s.w) == pytest.approx(s.now + 30, abs=0.1)
        assert s.wait(29).w.goal is None
        assert closings(s.wait(1).did(AskPane)) == ["%1"]
        assert record_of(s.w).intent is Intent.REMOVED
        assert s.absent().w.state is S.REMOVED
    assert due(failed().w) is None
    assert due(failed(ephemeral=True, cleanup_after=None).w) is None
    s = failed(ephemeral=True).wait(29).order(Verb.START).wait(30)
    assert s.w.goal is None


# what is left over


def test_every_life_is_forgotten_exactly_once() -> None:
    s = backoff().wait(1).begun().exits(1).wait(2)
    refused(s, Refusal.PANE_GONE).begun(pane="%2").order(Verb.REMOVE)
    s.seen(corpse_of(s.life, 0, id="%2")).gone().absent()
    assert s.w.state is S.REMOVED
    assert [f.life for f in s.ever(Forget)] == ["s-1", "s-2", "s-3"] == [start.life for start in s.ever(Start)][:3]


@pytest.mark.parametrize(
    "scenario",
    [
        *(pending, ordered, starting, running, backoff, stopped, completed, failed, quarantined),
        *(lambda: stopping().exits(0), lambda: stopping(Verb.RESTART).exits(0), lambda: replaced().exits(0)),
    ],
)
def test_a_goal_is_not_left_over(scenario: Callable[[], Story]) -> None:
    assert scenario().w.goal is None


def test_a_start_that_tmux_could_not_fork_waits_for_capacity_and_is_tried_again() -> None:
    s = refused(ordered(), Refusal.NO_PROCESS)
    assert s.w.gate is not None
    assert (s.w.gate.hold, s.w.rests) == (Hold.CAPACITY, True)
    s.wait(1.0)
    assert not s.w.rests


def test_a_start_without_secrets_is_charged_like_a_crash_and_tried_again_by_policy() -> None:
    s = refused(ordered(max_restarts=1), Refusal.NO_SECRETS)
    assert (s.w.budget.attempt, s.w.life, s.line.event) == (1, None, "worker.no_secrets")
    s.wait(1.0)
    assert s.w.state is S.STARTING
    refused(s, Refusal.NO_SECRETS)
    assert s.w.state is S.FAILED


def test_a_stop_calls_off_a_start_that_waits_for_its_secrets() -> None:
    s = ordered(env_command=("vault",)).order(Verb.STOP)
    assert s.did(CallOff) == [CallOff(s.life)]
    refused(s, Refusal.UNREACHABLE)
    assert s.w.state is S.STOPPED
    assert ordered().order(Verb.STOP).did(CallOff) == []


def test_a_worker_that_goes_with_the_service_goes_without_tmuxs_word_in_the_end() -> None:
    s = stopping(Verb.DOWN)
    assert s.w.life is not None
    s.tell(ProcessEnded(s.w.life.id), TreeGone(s.w.life.id)).wait(UNTOLD - 0.5)
    assert s.w.state is S.STOPPING
    s.wait(1.0)
    assert s.w.state is S.STOPPED
    other = stopping(Verb.STOP)
    assert other.w.life is not None
    other.tell(TreeGone(other.w.life.id)).wait(UNTOLD + 1)
    assert other.w.state is S.STOPPING


def typing(*contents: bytes) -> Story:
    s = running()
    return s.tell(*(InputGiven(number, content) for number, content in enumerate(contents, 1)))


def test_an_answer_about_another_piece_acknowledges_nothing() -> None:
    s = typing(b"a", b"b", b"c").tell(Typed("s-1", 2)).tell(TypeUnknown("s-1", 4))  # 1, 3 and 5 are looks
    assert [ack.number for ack in s.ever(Acknowledge)] == [1, 2]
    s.tell(Typed("s-1", 4))  # late: the third input is under way by now
    assert [ack.number for ack in s.ever(Acknowledge)] == [1, 2]
    assert s.tell(Typed("s-1", 6)).did(Acknowledge) == [Acknowledge(3, None)]


def test_input_that_waits_holds_up_no_question_for_an_exit() -> None:
    s = typing(b"x").tell(TypeHeld("s-1", 1)).tell(ProcessEnded("s-1"))
    for _ in range(4):
        s.wait(0.5)
        at_next = due(s.w)
        assert at_next is not None
        assert at_next > s.now


@pytest.mark.parametrize("scenario", [lambda: stopping().exits(0), completed, failed, backoff])
def test_what_a_person_runs_in_the_pane_of_what_has_ended_is_for_a_person(scenario: Callable[[], Story]) -> None:
    s = scenario().seen(pane_of("s-1", pid=999))
    assert (s.w.state, s.w.pane, s.signals[-1]) == (S.QUARANTINED, None, "TERM")
    assert "pid 999" in s.w.reason
    assert s.order(Verb.REMOVE).w.state is S.REMOVED
    assert closings(s.ever(AskPane)) == []


def test_a_sweep_from_before_the_end_of_a_survivor_quarantines_nobody() -> None:
    s, pane = Story(), pane_of("l")
    s.w, s.all = replace(s.w, state=S.UNBORN), []
    s.take(*born(Record(spec=s.w.spec), Leave(S.FAILED, pane, Survivor("l", Handle(100, 100))), "s", at(s.now)))
    assert s.seen(pane).w.state is S.FAILED  # it is still being ended
    taken = s.now + 0.01
    s.now += 0.05
    assert s.gone("l").tell(PaneSeen(taken, pane)).w.state is S.FAILED


@pytest.mark.parametrize(("late", "uptime"), [(1.0, 65.0), (60.0, 5.0), (86_400.0, 65.0)])
def test_a_death_that_is_seen_late_has_the_uptime_of_its_death(late: float, uptime: float) -> None:
    """tmux knows when it was, by the wall clock: one that was set anew meanwhile does not count."""
    s = running()
    s.now += 65.0
    s.seen(corpse_of(s.life, 1, dead_at=at(s.now).wall - late))
    assert s.line.facts["uptime_s"] == pytest.approx(uptime, abs=0.1)


def test_starts_that_tmux_refuses_are_tried_less_and_less_often_and_count_nothing() -> None:
    s = ordered()
    for pause in (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        refused(s, Refusal.UNREACHABLE)
        assert (s.w.state, s.w.rests, due(s.w)) == (S.PENDING, pause > 0, s.now + pause if pause else None)
        assert not s.wait(pause).w.rests
        s.admitted()
    assert s.w.budget == Budget()
    assert refused(s.begun().exits(1).wait(1), Refusal.UNREACHABLE).w.rests is False


def test_a_person_does_not_wait_for_the_next_try_of_a_refused_start() -> None:
    s = refused(refused(ordered(), Refusal.UNREACHABLE).admitted(), Refusal.UNREACHABLE)
    assert s.w.rests
    assert not s.order(Verb.START).w.rests


def test_a_sweep_from_before_the_exit_says_nothing_about_the_pane() -> None:
    s = running()
    taken = s.now
    s.exits(1)
    assert s.tell(PaneSeen(taken, pane_of("s-1"))).w.state is S.BACKOFF


# ── stalls ────────────────────────────────────────────────────────────────────────────────────────────────────────

CLIMB = Stall(
    after=100.0,
    ladder=(
        Rung(do="notify"),
        Rung(do="send", wait=10.0, text="SECRET"),
        Rung(do="send", wait=10.0, keys=("Escape",)),
        Rung(do="interrupt", wait=10.0),
        Rung(do="restart", wait=10.0),
    ),
)


def watched(**policy: Any) -> Story:
    """Running, and its pane was seen once."""
    s = running(**({"stall": CLIMB} | policy))
    return s.seen(pane_of(s.life))


def stalled(**policy: Any) -> Story:
    s = watched(**policy)
    return silent(s, 100.0)


def silent(s: Story, seconds: float) -> Story:
    """Time passes, the pane is asked for, and shows what it showed before."""
    s.wait(seconds)
    asked = s.did(AskPane)
    s.seen(pane_of(s.life))
    assert asked
    return s


def events(s: Story) -> list[str]:
    return [effect.event for effect in s.all if isinstance(effect, Emit)]


def test_a_silent_worker_is_asked_for_and_then_stalled() -> None:
    s = watched().wait(99.0)
    assert s.last == ()
    s.wait(1.0)
    assert s.did(AskPane) == [AskPane("%1")]
    s.seen(pane_of(s.life))
    stall, step = s.did(Emit)
    assert (stall.event, stall.facts["by"], round(stall.facts["silent_s"])) == ("worker.stalled", "output", 100)
    assert step.event == "worker.stall_step"
    assert (step.facts["do"], step.facts["step"], step.facts["steps"]) == ("notify", 1, 5)
    assert s.w.state is S.RUNNING


def test_while_tmux_does_not_answer_nothing_stalls_and_it_is_asked_again() -> None:
    s = watched().wait(100.0)
    assert s.wait(1.0).last == ()
    s.wait(ASK_AGAIN)
    assert s.did(AskPane)
    assert s.w.life is not None
    assert s.w.life.stall.since is None
    assert due(s.w) is not None


def test_a_ladder_types_text_keys_and_an_interrupt_and_says_nothing_of_what() -> None:
    s = stalled()
    for _ in range(3):
        silent(s, 10.0).typed()
    assert s.keyed == [(b"SECRET", ()), (b"", ("Enter",)), (b"", ("Escape",)), (b"", ("C-c",))]
    assert "SECRET" not in repr([effect for effect in s.all if isinstance(effect, Emit)])
    assert s.ever(Acknowledge) == []  # nobody waits for one


def climbed(**policy: Any) -> Story:
    """Stalled, and the whole ladder was climbed."""
    s = stalled(**policy)
    for _ in range(4):
        silent(s, 10.0).typed()
    return s


def test_the_last_rung_ends_the_tree_as_after_a_crash_and_says_why() -> None:
    s = climbed()
    assert s.w.state is S.BACKOFF
    assert s.signals == ["TERM"]
    assert (s.line.event, s.line.facts["do"], s.line.facts["attempt"]) == ("worker.stall_step", "restart", 1)
    assert s.w.reason == "stalled: no output for 2m 20s"


def test_a_life_that_hangs_after_a_healthy_spell_forgives_what_was_before() -> None:
    s = climbed(healthy_after=5.0)
    s.seen(corpse_of(s.life, None, 15)).gone().wait(60.0).begun()
    s.seen(pane_of(s.life)).wait(50.0).seen(pane_of(s.life, activity=2))
    assert s.wait(0.1).w.budget.attempt == 0


def test_output_ends_a_stall() -> None:
    s = stalled().wait(50.0).seen(pane_of("s-1", activity=2))
    assert "worker.unstalled" in events(s)
    assert s.w.life is not None
    assert s.w.life.stall.since is None


def test_a_worker_that_is_not_ready_yet_does_not_stall() -> None:
    s = starting(stall=replace(CLIMB, after=2.0), ready=SLOW)
    s.seen(pane_of(s.life)).wait(3.0).seen(pane_of(s.life))
    assert "worker.stalled" not in events(s)


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def uses(s: Story, rss: int = 0, cpu: float | None = None, processes: int = 1) -> Story:
    """A health beat sees its tree."""
    s.now += 0.001
    handles = tuple(Handle(100 + n, 100) for n in range(processes))
    return s.tell(TreeSeen(s.now, 1, Tree(rss, cpu, handles)))


def test_a_tree_above_its_memory_is_ended_as_after_a_crash() -> None:
    s = uses(running(limits=Limits(memory=Limit(1000))), rss=1001)
    assert s.w.state is S.BACKOFF
    assert s.signals == ["TERM"]
    facts = s.line.facts
    assert (s.line.event, facts["which"], facts["value"], facts["limit"]) == ("worker.limit", "memory", 1001, 1000)
    assert s.w.budget.attempt == 1


def test_a_limit_that_only_notifies_says_so_once() -> None:
    s = running(limits=Limits(cpu=Limit(50, "notify"), cpu_samples=2))
    for _ in range(4):
        uses(s, cpu=99.0)
    assert s.w.state is S.RUNNING
    assert events(s).count("worker.limit") == 1


def test_a_worker_that_is_too_old_is_restarted_and_nothing_is_counted() -> None:
    s = running(limits=Limits(age=Limit(60)), max_restarts=0)
    uses(s.wait(61.0))
    assert (s.w.state, s.w.goal) == (S.STOPPING, Goal.RESTART)
    assert (s.line.event, s.line.facts["cause"]) == ("worker.stopping", "age")
    s.exits(0)
    assert (s.w.state, s.w.budget.attempt) == (S.STARTING, 0)


@pytest.mark.parametrize("live", [False, True])
def test_a_stalled_life_was_well_till_its_last_sign_however_it_ends(live: bool) -> None:
    check = Live(tcp="127.0.0.1:1", failures=1) if live else Live()
    s = running(stall=Stall(after=600.0, ladder=(Rung(do="interrupt"),)), live=check, max_restarts=2)
    for _ in range(3):
        life = s.life
        s.seen(pane_of(life))
        s.now += 601
        s.seen(pane_of(life))
        if live:
            s.tell(ProbeFailed(life, "no answer", Purpose.LIVE))
        if s.w.state is not S.FAILED:
            s.exits(130)
        if s.w.state is S.BACKOFF:
            s.wait(100).begun()
    assert s.w.state is S.FAILED


def test_a_ladder_that_grows_is_climbed_by_one_that_is_stalled_already() -> None:
    s = running(stall=Stall(after=60.0))
    s.seen(pane_of(s.life))
    s.now += 61
    s.seen(pane_of(s.life)).respec(stall=Stall(after=60.0, ladder=(Rung(do="notify"), Rung(do="restart", wait=30.0))))
    for _ in range(10):
        s.now += 10
        if s.w.state is S.RUNNING:
            s.seen(pane_of(s.life))
    assert s.w.state is S.BACKOFF


def test_input_for_which_nobody_waits_any_more_is_not_typed_and_told() -> None:
    s = running().tell(InputGiven(1, b"a"), InputGiven(2, b"late", until=0.0), InputGiven(3, b"c"))
    assert [order.content for order in s.ever(Type)] == [b"a"]
    s.typed()
    assert [order.content for order in s.ever(Type)] == [b"a", b"c"]
    (refused,) = [told for told in s.ever(Acknowledge) if told.problem]
    assert (refused.number, refused.problem.text) == (2, "no one waits for it any more; it was not typed")
