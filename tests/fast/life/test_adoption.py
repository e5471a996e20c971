"""What a beginning service does with each worker: every branch of the plan, and of carrying it out."""

from dataclasses import replace
from typing import Any

import pytest
from kit.life import pane_of

from actors.life.adoption import Adopt, Begin, Decision, Judge, Leave, Quarantine, Survivor, World, born, plan
from actors.life.machine import due, step
from actors.life.state import Goal, Phase, State, Worker
from actors.values.effects import (
    AskPane,
    Effect,
    Emit,
    EndTree,
    Finish,
    Forget,
    KeepDeath,
    Probe,
    Start,
    Watch,
)
from actors.values.facts import (
    TICKS_PER_SECOND,
    Admitted,
    Exit,
    Handle,
    Instant,
    Pane,
    PaneAbsent,
    PaneSeen,
    Purpose,
    TreeFound,
    TreeGone,
)
from actors.values.records import Intent, Record
from actors.values.spec import Ready, Restart, WorkerSpec

NOW = Instant(1000.0, 1_700_000_000.0)
SPEC = WorkerSpec(name="api", command=("serve",), cwd="/")
ROOT = Handle(100, 500 * TICKS_PER_SECOND)
HERE = World(rebooted=False)
REBOOTED = World(rebooted=True, died={0})
SERVER_DIED = World(rebooted=False, died={0})
WELL, BADLY = Exit(0, None, 5.0), Exit(1, None, 5.0)


def record(**known: Any) -> Record:
    facts: dict[str, Any] = {"spec": SPEC, "life": "l1", "process": ROOT}
    return Record(**(facts | known))


def pane(**seen: Any) -> Pane:
    living = pane_of("l1", ROOT.pid, process=ROOT, activity=77, attached=True, digest=SPEC.digest)
    return replace(living, **seen)


def corpse(code: int | None = 1, **seen: Any) -> Pane:
    return pane(**({"process": None, "dead": True, "status": code, "dead_at": 5.0} | seen))


def adopted(known: Record, decision: Decision) -> tuple[Worker, tuple[Effect, ...]]:
    return born(known, decision, "s", NOW)


def done(effects: tuple[Effect, ...], kind: type[Any]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def later(w: Worker, *facts: Any) -> tuple[Worker, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = ()
    for fact in facts:
        w, more = step(w, fact, replace(NOW, mono=NOW.mono + 1))
        effects += more
    return w, effects


# the plan: what lives


@pytest.mark.parametrize("world", [HERE, SERVER_DIED, REBOOTED])
def test_what_lives_is_adopted_whatever_the_world_says(world: World) -> None:
    assert isinstance(plan(record(), (pane(),), world), Adopt)


@pytest.mark.parametrize(
    ("intent", "goal"),
    [
        (Intent.WANTED, None),
        (Intent.STOPPED, Goal.STOP),
        (Intent.COMPLETED, Goal.COMPLETE),
        (Intent.REMOVED, Goal.REMOVE),
    ],
)
def test_an_end_that_was_cut_short_is_continued(intent: Intent, goal: Goal | None) -> None:
    assert plan(record(intent=intent), (pane(),), HERE) == Adopt(pane(), "l1", ROOT, ready=False, goal=goal)


def test_a_replacement_that_was_cut_short_is_continued() -> None:
    old = pane(digest="older")
    assert plan(record(ready=True), (old,), HERE) == Adopt(old, "l1", ROOT, ready=True, goal=Goal.REPLACE)
    assert plan(record(intent=Intent.STOPPED), (old,), HERE) == Adopt(old, "l1", ROOT, ready=False, goal=Goal.STOP)


@pytest.mark.parametrize("intent", list(Intent))
def test_two_panes_are_quarantined(intent: Intent) -> None:
    found = plan(record(intent=intent), (pane(), corpse(id="%7")), HERE)
    assert found == Quarantine("2 panes bear its mark: %1, %7")


# the plan: what is dead


def test_a_death_that_nobody_watched_is_judged_by_its_true_exit() -> None:
    dead = corpse(3)
    assert plan(record(), (dead,), HERE) == Judge("l1", dead, Exit(3, None, 5.0), ROOT)


def test_a_dead_process_that_no_record_knows_is_known_by_its_pid_alone() -> None:
    """The pid may be another's by now: without a start time, only who bears the life's mark is meant."""
    dead, by_hand = corpse(3), corpse(3, pid=101)
    assert plan(record(life="l0"), (dead,), HERE) == Judge("l1", dead, Exit(3, None, 5.0), Handle(100, 0))
    assert plan(record(), (by_hand,), HERE) == Judge("l1", by_hand, Exit(3, None, 5.0), Handle(101, 0))


def test_a_death_that_was_judged_is_not_judged_again() -> None:
    known = record(life=None, process=None, judged="l1", exit=BADLY)
    assert plan(known, (corpse(),), HERE) == Begin("defined", corpse())


def test_a_judged_life_whose_pane_is_closed_is_not_judged_again() -> None:
    assert plan(record(judged="l1"), (), HERE) == Begin("defined", None, Survivor("l1", ROOT))


@pytest.mark.parametrize("dead", [corpse(None), pane(process=None)], ids=["dead", "between two reads"])
def test_a_status_that_tmux_still_owes_is_asked_for(dead: Pane) -> None:
    assert plan(record(ready=True), (dead,), HERE) == Adopt(dead, "l1", ROOT, ready=True)
    assert plan(record(life="l0"), (dead,), HERE) == Adopt(dead, "l1", Handle(100, 0), ready=False)


@pytest.mark.parametrize("world", [HERE, SERVER_DIED])
def test_a_start_that_was_never_answered_is_no_life(world: World) -> None:
    known = record(process=None, spec=replace(SPEC, restart=Restart.NEVER))
    w, effects = adopted(known, plan(known, (), world))
    assert w.state is State.PENDING
    assert done(effects, EndTree)  # what may have come of it all the same


def test_the_death_of_the_tmux_server_is_nobodys_crash() -> None:
    assert plan(record(), (), SERVER_DIED) == Begin("tmux-died", None, Survivor("l1", ROOT))


def test_another_boot_is_no_crash_and_leaves_nobody_to_end() -> None:
    assert plan(record(), (), REBOOTED) == Begin("rebooted")


@pytest.mark.parametrize(
    ("intent", "state"),
    [
        (Intent.STOPPED, State.STOPPED),
        (Intent.COMPLETED, State.COMPLETED),
        (Intent.FAILED, State.FAILED),
    ],
)
@pytest.mark.parametrize("panes", [(), (corpse(),), (corpse(None),)], ids=["no pane", "dead pane", "no status"])
def test_what_rested_is_left_and_what_survived_is_ended(intent: Intent, state: State, panes: tuple[Pane, ...]) -> None:
    found = panes[0] if panes else None
    assert plan(record(intent=intent), panes, HERE) == Leave(state, found, Survivor("l1", ROOT))
    assert plan(record(intent=intent), panes, SERVER_DIED) == Leave(state, found, Survivor("l1", ROOT))
    assert plan(record(intent=intent), panes, REBOOTED) == Leave(state, found)
    assert plan(record(intent=intent, life=None), panes, HERE) == Leave(state, found)


@pytest.mark.parametrize("panes", [(), (corpse(0),)], ids=["no pane", "dead pane"])
@pytest.mark.parametrize("world", [HERE, SERVER_DIED, REBOOTED])
def test_a_removal_that_was_cut_short_starts_nothing(panes: tuple[Pane, ...], world: World) -> None:
    known = record(intent=Intent.REMOVED)
    w, effects = adopted(known, plan(known, panes, world))
    w, more = later(w, Admitted(), TreeGone("l1"), Admitted(), PaneAbsent(NOW.mono + 2))
    assert w.state is State.REMOVED
    assert done(effects + more, Start) == []
    assert len(done(effects + more, Finish)) == 1


# carrying it out


def test_an_adopted_worker_runs_on_and_is_watched() -> None:
    w, effects = adopted(record(), Adopt(pane(), "l1", ROOT, ready=True))
    assert w.life is not None
    assert (w.state, w.pane, w.attached, w.last_output) == (State.RUNNING, "%1", True, 77)
    assert (w.life.id, w.life.process, w.life.since.mono) == ("l1", ROOT, 500.0)
    assert done(effects, Watch) == [Watch("l1", ROOT)]
    assert done(effects, Start) == done(effects, EndTree) == []


def test_an_adopted_worker_that_was_not_ready_gets_its_time_anew() -> None:
    probed = replace(SPEC, ready=Ready(tcp="127.0.0.1:1", timeout=20.0))
    w, effects = adopted(record(spec=probed), Adopt(pane(), "l1", ROOT, ready=False))
    assert (w.state, due(w)) == (State.STARTING, NOW.mono + 20)
    assert done(effects, Probe) == [Probe("l1", Purpose.READY, probed, "%1", process=ROOT)]


@pytest.mark.parametrize(
    ("goal", "state"),
    [
        (Goal.STOP, State.STOPPED),
        (Goal.COMPLETE, State.COMPLETED),
        (Goal.REMOVE, State.REMOVED),
        (Goal.REPLACE, State.PENDING),
    ],
)
@pytest.mark.parametrize("ready", [True, False])
def test_an_adopted_stop_goes_on_to_its_end(goal: Goal, state: State, ready: bool) -> None:
    w, effects = adopted(record(), Adopt(pane(), "l1", ROOT, ready, goal))
    assert (w.state, done(effects, EndTree)) == (State.STOPPING, [EndTree("l1", ROOT, (), "TERM", server=0)])
    assert done(effects, Watch) == [Watch("l1", ROOT)]
    w, more = later(w, PaneSeen(NOW.mono + 1, corpse(0)), TreeGone("l1"), PaneAbsent(NOW.mono + 2))
    assert (w.state, done(more, Forget)) == (state, [Forget("l1")])


@pytest.mark.parametrize("dead", [corpse(None), pane(process=None)], ids=["dead", "between two reads"])
@pytest.mark.parametrize("ready", [True, False])
def test_an_adopted_death_waits_for_its_status_and_does_not_get_ready(dead: Pane, ready: bool) -> None:
    known = record(ready=ready)
    w, effects = adopted(known, plan(known, (dead,), HERE))
    assert w.life is not None
    assert (w.state, w.life.phase) == (State.RUNNING if ready else State.STARTING, Phase.ENDED)
    assert done(effects, AskPane) == [AskPane("%1", nudge=False)]
    w, _ = later(w, PaneSeen(NOW.mono + 1, corpse(0)), TreeFound(w.life.id, ()))
    assert (w.state, w.exit) == (State.COMPLETED, WELL)  # a one-shot that ended well does not run again


@pytest.mark.parametrize(
    ("restart", "exit", "state"),
    [
        (Restart.ALWAYS, WELL, State.PENDING),
        (Restart.ALWAYS, BADLY, State.PENDING),
        (Restart.ON_FAILURE, WELL, State.COMPLETED),
        (Restart.ON_FAILURE, BADLY, State.PENDING),
        (Restart.ON_FAILURE, None, State.PENDING),
        (Restart.NEVER, WELL, State.COMPLETED),
        (Restart.NEVER, BADLY, State.FAILED),
        (Restart.NEVER, None, State.FAILED),
    ],
)
def test_an_unwatched_death_is_judged_by_policy(restart: Restart, exit: Exit | None, state: State) -> None:
    known = record(spec=replace(SPEC, restart=restart))
    w, effects = adopted(known, Judge("l1", corpse(), exit, ROOT))
    assert (w.state, w.exit, w.judged) == (state, exit or Exit(None, None, NOW.wall), "l1")
    line = done(effects, Emit)[0]
    assert (line.event, line.facts["life"], line.facts["cause"]) == ("worker.exited", "l1", "exit-unwatched")
    assert done(effects, EndTree) == [EndTree("l1", ROOT, (), "TERM")]
    assert (w.budget.restarts, w.exits) == (0, (("exit-unwatched", 1),))


@pytest.mark.parametrize(
    ("restart", "exit", "state"),
    [
        (Restart.ALWAYS, BADLY, State.PENDING),
        (Restart.ON_FAILURE, WELL, State.COMPLETED),
        (Restart.NEVER, BADLY, State.FAILED),
        (Restart.NEVER, None, State.FAILED),
    ],
)
def test_an_exit_that_the_log_tells_already_is_judged_and_not_told_again(
    restart: Restart, exit: Exit | None, state: State
) -> None:
    known, told = record(spec=replace(SPEC, restart=restart)), replace(HERE, told={"l1": 2.5})
    pane = corpse(exit.code) if exit else None
    decision = plan(known, (pane,) if pane else (), told)
    assert (isinstance(decision, Judge), decision.told) == (True, True)
    w, effects = adopted(known, decision)
    assert (w.state, w.judged) == (state, "l1")
    (line,) = done(effects, Emit)
    assert (line.event, line.facts["cause"]) == (f"worker.{state}", "adopted")
    (kept,) = done(effects, KeepDeath)
    assert (kept.death.life, kept.death.uptime_s) == ("l1", 2.5)


def test_an_unwatched_completion_is_cleaned_up_when_its_tree_is_gone() -> None:
    w, _ = adopted(record(), Judge("l1", corpse(0), WELL, ROOT))
    w, effects = step(w, TreeGone("l1"), replace(NOW, mono=NOW.mono + 60))
    assert done(effects, AskPane) == [AskPane("%1", close=True)]


@pytest.mark.parametrize(
    "decision",
    [
        Begin("tmux-died", None, Survivor("l1", ROOT)),
        Begin("defined", corpse(), Survivor("l1", ROOT)),
        Judge("l1", corpse(), BADLY, ROOT),
    ],
)
def test_survivors_are_ended_before_a_new_life(decision: Decision) -> None:
    w, effects = adopted(record(), decision)
    assert done(effects, EndTree) == [EndTree("l1", ROOT, (), "TERM")]
    w, effects = later(w, Admitted())
    assert (w.state, done(effects, Start)) == (State.PENDING, [])
    assert due(w) is not None  # KILL follows
    w, effects = later(w, TreeGone("l1"))
    assert (w.state, len(done(effects, Start))) == (State.STARTING, 1)


def test_a_new_life_begins_in_the_dead_pane() -> None:
    w, _ = adopted(record(), Begin("defined", corpse()))
    w, effects = later(w, Admitted())
    assert done(effects, Start) == [Start("s-1", SPEC, "%1")]


@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED, State.FAILED])
def test_what_is_left_keeps_its_reason_and_its_exit(state: State) -> None:
    w, effects = adopted(record(reason="why not", exit=BADLY, judged="l1"), Leave(state, corpse()))
    assert (w.state, w.reason, w.exit, w.pane) == (state, "why not", BADLY, "%1")
    assert [e.event for e in done(effects, Emit)] == [f"worker.{state}"]
    assert done(effects, EndTree) == []


@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED])
def test_the_end_of_what_was_being_stopped_when_the_service_ended_is_told_once(state: State) -> None:
    w, effects = adopted(record(judged="l0", exit=WELL), Leave(state, corpse(3), Survivor("l1", ROOT)))
    first, second = done(effects, Emit)
    assert (first.event, first.facts["worker"], first.facts["exit_code"]) == ("worker.exited", "api", 3)
    assert second.event == f"worker.{state}"
    (kept,) = done(effects, KeepDeath)
    assert (kept.death.life, kept.death.exit_code, kept.death.state) == ("l1", 3, state.value)
    assert (w.exit, w.judged) == (corpse(3).exit, "l1")  # so that the next service does not tell it again


@pytest.mark.parametrize("goal", [Goal.STOP, Goal.COMPLETE, Goal.REPLACE])
def test_an_order_that_goes_on_is_not_told_as_a_new_one(goal: Goal) -> None:
    _, effects = adopted(record(), Adopt(pane(), "l1", ROOT, ready=True, goal=goal))
    stopping = done(effects, Emit)[-1]
    assert stopping.event == "worker.stopping"
    assert (stopping.facts["cause"], stopping.facts["goal"]) == ("adopted", goal.value)


@pytest.mark.parametrize(("state", "cleaned"), [(State.COMPLETED, True), (State.STOPPED, False), (State.FAILED, False)])
def test_only_what_is_completed_loses_its_pane(state: State, cleaned: bool) -> None:
    w, _ = adopted(record(), Leave(state, corpse()))
    assert (due(w) is not None) is cleaned


def test_what_is_quarantined_is_shown_and_not_touched() -> None:
    w, effects = adopted(record(), Quarantine("two panes"))
    assert (w.state, w.reason, len(effects)) == (State.QUARANTINED, "two panes", 1)
