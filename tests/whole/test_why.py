"""`why`: true for every state, from hand-made data; and on a real service, also after it was killed."""

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit.crowd import Story
from kit.gateway_bench import Bench, row, snapshot
from kit.life import corpse_of, running
from kit.support import Site

from actors.crowd.admission import blockers, dependencies
from actors.crowd.members import Member
from actors.life.state import State
from actors.values.facts import Exit, Instant, Verb
from actors.values.records import Intent, Record
from actors.values.requests import Dependency, Inspect, Inspection, RequestRefused
from actors.values.snapshot import Entry, Snapshot, iso, row_of
from actors.values.spec import (
    Backoff,
    Condition,
    Do,
    Http,
    Limit,
    Limits,
    Live,
    Ready,
    Restart,
    Rung,
    Stall,
    TypeKeys,
    TypeText,
    Window,
    WorkerSpec,
)
from supervisor.cli import panevisor
from supervisor.command_line import run
from supervisor.commands.why import clock, explain
from supervisor.explain.outlook import next_of, remedies
from supervisor.gateway.pictures import Pictures
from supervisor.state import tail as log_tail
from supervisor.state.histories import KEPT, Histories
from supervisor.wire.client import ServiceError

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC
SPEC = WorkerSpec(
    name="api", command="serve --token=SECRET", cwd="/", env=(("KEY", "SECRET"),), stop=("TERM", 10.0, "KILL")
)
STEADY = Backoff(initial=2.0, factor=2.0, jitter=0.0)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def entry(at: float, event: str, **facts: Any) -> dict[str, Any]:
    """Return an entry of the worker `api`, `at` seconds after noon. `moved="a b"` stands for from and to."""
    before, _, after = facts.pop("moved", "").partition(" ")
    moved = {"from": None if before == "null" else before, "to": after} if after else {}
    return {"ts": iso(NOON + at), "event": event, "level": "info", "facts": {"worker": "api", **facts, **moved}}


def held(hold: str, reason: str) -> dict[str, str]:
    return {"hold": hold, "reason": reason}


def incident(at: float, event: str, **facts: Any) -> dict[str, Any]:
    return {"ts": iso(NOON + at), "event": event, "level": "error", "facts": facts}


def data(
    state: str, *history: dict[str, Any], now: float = 60.0, spec: WorkerSpec = SPEC, **news: Any
) -> dict[str, Any]:
    """Return what the service answers; `now` and `since` in seconds after noon; news of the row or of the answer."""
    answer = {
        "draining": False,
        "ending": None,
        "last_death": None,
        "tmux": "ok",
        "closing": False,
        "policy": {key: value for key, value in spec.to_json().items() if key not in ("command", "cwd", "env")},
        "budget": {"recent": [], "slow": False},
        "intent": "wanted",
        "gate": None,
        "dependencies": [],
        "blockers": [],
        "history": list(history),
        "now": iso(NOON + now),
    }
    answer |= {key: news.pop(key) for key in tuple(news) if key in answer}
    alive = {"started_at": NOON + news.pop("started", 0.0)} if state in ("starting", "running") else {}
    news = {"pid": None, "started_at": None, "max_restarts": spec.max_restarts, **alive, **news}
    news["since"] = NOON + news.get("since", 0.0)
    return {"worker": row("api", state, **news).to_dict(NOON + now), **answer}


def lines(answer: dict[str, Any]) -> list[str]:
    now = NOON + 60.0
    return explain(answer, now)


def section(title: str, answer: dict[str, Any]) -> list[str]:
    """Return the lines under a title."""
    told = lines(answer)
    rest = told[told.index(title) + 1 :]
    return [line.strip() for line in (rest[: rest.index("")] if "" in rest else rest)]


def coming(answer: dict[str, Any]) -> str:
    (line,) = section("What happens next", answer)
    return line


def commands(answer: dict[str, Any]) -> list[str]:
    return [line.partition("   ")[0].strip() for line in section("What you can do", answer)]


def chain(answer: dict[str, Any]) -> list[str]:
    return section("What led here", answer)


def crash(at: float, attempt: int, to: str = "backoff", **facts: Any) -> dict[str, Any]:
    told = {"cause": "exit", "exit_code": 3, "exit_signal": None, "uptime_s": 12.4, "reason": "exited with code 3"}
    told |= {"delay_s": 4.1, "attempt": attempt}
    return entry(at, "worker.exited", moved=f"running {to}", **told | facts)


# ── the whole account ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_of_a_worker_in_back_off_in_full() -> None:
    answer = data(
        "backoff",
        entry(20, "worker.pending", cause="defined", moved="null pending"),
        entry(20.1, "worker.starting", cause="admitted", attempt=0, moved="pending starting"),
        entry(20.4, "worker.ready", cause="ready", startup_s=0.3, moved="starting running"),
        crash(32, 1, uptime_s=11.9, delay_s=2.0),
        entry(34, "worker.starting", cause="backoff-over", attempt=1, moved="backoff starting"),
        entry(34.01, "worker.ready", cause="ready", startup_s=0.01, moved="starting running"),
        crash(46, 2, delay_s=18.2),
        spec=replace(SPEC, backoff=STEADY),
        since=46.0,
        restarts=2,
        attempt=2,
        reason="exited with code 3",
        next_start_at=NOON + 64.2,
    )
    assert lines(answer) == [
        "api: backoff since 12:00:46 (14s): exited with code 3",
        "",
        "What led here",
        "  12:00:20  it is to start; starting; ready after 0.3s",
        "  12:00:32  exited with code 3 after 11s (restart 1 of 5, after a pause of 2.0s)",
        "  12:00:34  starting again (restart 1 of 5); ready at once",
        "  12:00:46  exited with code 3 after 12s (restart 2 of 5, after a pause of 18s)",
        "",
        "What its policy says",
        "  completed after exit 0, else restarted after 2s, 4s, 8s, 16s, 32s; failed after 5 restarts "
        "(a crash at once: in 1m2s), unless a life of 1m forgives them",
        "  2 of 5 restarts since the last healthy life (1m), 2 in all",
        "  ready as soon as it is started",
        "",
        "What happens next",
        "  starts again at 12:01:04, in 4.2s",
        "",
        "What you can do",
        "  panevisor logs api    what it printed",
        "  panevisor start api   start it now, counted from zero",
        "  panevisor stop api    it stays stopped until it is started",
    ]


def test_nothing_of_command_or_environment_is_told() -> None:
    assert "SECRET" not in "\n".join(lines(data("running", pid=7)))


def test_what_could_steer_a_terminal_is_escaped() -> None:
    hostile = data("failed", reason="\x1b]0;x\x07", gate=None)
    told = "\n".join(lines(hostile))
    assert "\x1b" not in told
    assert r"\x1b]0;x\x07" in told


def test_clock_times_of_another_day_have_their_date() -> None:
    assert clock(NOON, NOON + 60) == "12:00:00"
    assert clock(NOON - 86_400, NOON) == "2023-11-14 12:00:00"


# ── pending, one gate after the other ─────────────────────────────────────────────────────────────────────────────


def needs(name: str, state: str | None, reason: str = "", *, on: str = "ready", met: bool = False) -> dict[str, Any]:
    return {"name": name, "on": on, "met": met, "state": state, "reason": reason}


def test_pending_on_a_dependency_that_is_on_its_way() -> None:
    db = needs("db", "starting")
    answer = data("pending", gate=held("dependency", "waiting for db to be ready"), blockers=[db], dependencies=[db])
    assert lines(answer)[0].endswith(": waiting for db to be ready")
    assert section("What it waits for", answer) == ["db has to be ready: it is starting"]
    assert coming(answer) == "starts as soon as db is ready"
    assert commands(answer) == ["panevisor why db", "panevisor stop api"]


def test_pending_on_a_failed_dependency_names_the_root_of_it() -> None:
    chain_of_two = [needs("app", "pending", "db is failed"), needs("db", "failed", "exited with code 3")]
    answer = data("pending", gate=held("blocked", "waiting for app to be ready"), blockers=chain_of_two)
    assert section("What it waits for", answer) == [
        "app has to be ready: it is pending (db is failed)",
        "db has to be ready: it has failed (exited with code 3)",
    ]
    assert coming(answer) == "nothing, until a person does something about db, which has failed"
    assert commands(answer)[:2] == ["panevisor why db", "panevisor start db"]


def test_pending_on_a_dependency_that_does_not_exist() -> None:
    answer = data("pending", gate=held("blocked", "db does not exist"), blockers=[needs("db", None)])
    assert coming(answer) == "nothing, until a person does something about db, which does not exist"
    assert commands(answer)[:2] == ["panevisor scale db 1", "panevisor up"]


def test_pending_for_want_of_a_place() -> None:
    answer = data("pending", gate=held("capacity", "capacity: all 9 places are taken"))
    assert lines(answer)[0].endswith("capacity: all 9 places are taken")
    assert coming(answer) == "starts when one of the others ends and it is the first in line"


def test_pending_for_want_of_memory_or_of_a_turn() -> None:
    short = data("pending", gate=held("memory", "waiting for memory: 310MB are available, 500MB have to be"))
    assert lines(short)[0].endswith("waiting for memory: 310MB are available, 500MB have to be")
    assert coming(short).startswith("starts when that much memory is available and it is the first in line")
    turn = data("pending", gate=held("start-rate", "waiting for a place among the 20 that start at a time"))
    assert coming(turn) == "starts when one of those that start now is ready, or has ended, and it is the first in line"


def test_pending_while_tmux_does_not_answer() -> None:
    answer = data("pending", gate=held("tmux", "waiting for tmux to answer"), tmux="unreachable")
    assert lines(answer)[1].startswith("tmux does not answer: this is what was known last")
    assert coming(answer) == "starts as soon as tmux answers again"
    assert commands(answer) == ["panevisor stop api", "panevisor events"]


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize("state", [state.value for state in State if state not in (State.UNBORN, State.REMOVED)])
def test_what_can_be_done_can_be_called_though_a_name_looks_like_an_option(state: str, restarts: int) -> None:
    waits = state == "pending"
    for root in ("failed", None) if waits else (None,):
        answer = data(state, restarts=restarts, blockers=[needs("-api", root)] if waits else [])
        answer["worker"]["name"] = "-api"
        for remedy in remedies(answer):
            verb, *arguments = shlex.split(remedy.command)
            with panevisor.commands[verb].make_context(verb, arguments) as context:
                if verb != "up":
                    assert context.params.get("name", "-api") == "-api"
                    assert context.params.get("names", ("-api",)) == ("-api",)


def test_pending_until_the_old_tree_is_gone() -> None:
    answer = data("pending", draining=True)
    assert lines(answer)[1].startswith("what is left of its last life is still being ended")
    assert "ended by TERM, 10s, KILL" in section("What its policy says", answer)
    assert coming(answer) == "starts when nothing is left of its last life"


def test_pending_with_no_gate_and_in_a_service_that_ends() -> None:
    assert coming(data("pending")) == "starts in a moment"
    assert coming(data("pending", closing=True)).startswith("nothing: the service is ending")


# ── starting, running ─────────────────────────────────────────────────────────────────────────────────────────────


def test_starting_says_what_it_waits_for_and_until_when() -> None:
    spec = replace(SPEC, ready=Ready(tcp="127.0.0.1:80", timeout=90.0, delay=2.0))
    answer = data("starting", spec=spec, pid=7)
    assert coming(answer) == (
        "runs as soon as 127.0.0.1:80 accepts a connection; otherwise it is ended at 12:01:30, in 30s"
    )
    assert (
        "ready when 127.0.0.1:80 accepts a connection, at the earliest 2s after its start, within 1m30s, "
        "else it is ended as after a crash" in section("What its policy says", answer)
    )


def test_starting_with_a_delay() -> None:
    answer = data("starting", spec=replace(SPEC, ready=Ready(delay=90.0)), pid=7)
    assert coming(answer) == "counts as running at 12:01:30, in 30s"


def test_starting_without_a_process_yet() -> None:
    assert coming(data("starting", started_at=None)).startswith("tmux is being asked about it")


def test_running_well() -> None:
    answer = data("running", pid=7, since=0.5)
    assert lines(answer)[0] == "api: running at least since 12:00:00 (59s), pid 7, up 1m 0s"
    assert coming(answer) == "nothing: it runs until it ends or a person ends it"
    assert "a crash now: starts again after about 1.0s (restart 1 of 5)" in section("What its policy says", answer)
    assert commands(answer)[0] == "panevisor logs -f api"


def test_running_after_crashes_says_when_they_are_forgiven_and_what_a_crash_would_lead_to() -> None:
    answer = data("running", crash(30, 5), pid=7, started=40.0, since=40.0, attempt=5, restarts=5)
    assert coming(answer) == "its 5 restarts so far are forgiven at 12:01:40, in 40s"
    policy = section("What its policy says", answer)
    assert "5 of 5 restarts since the last healthy life (1m), 5 in all" in policy
    assert "a crash now: failed (5 restarts without a healthy life of 60 s: budget spent)" in policy
    assert commands(answer)[0] == "panevisor logs --previous api"


def test_running_long_enough_a_crash_is_the_first_again() -> None:
    answer = data("running", pid=7, started=-10.0, attempt=5, restarts=5)
    assert "a crash now: starts again after about 1.0s (restart 1 of 5)" in section("What its policy says", answer)


def test_running_unready_and_with_somebody_attached() -> None:
    told = lines(data("running", pid=7, health="unready", hands_on=True))
    assert told[0].endswith(", unready")
    assert told[1] == "a person is attached to its pane"


def test_running_though_its_process_has_ended_and_nobody_knows_how() -> None:
    answer = data("running", pid=None, started_at=None)
    assert coming(answer) == "its process has ended; it is judged as soon as tmux says how"


def test_running_while_tmux_does_not_answer_offers_nothing_that_needs_it() -> None:
    answer = data("running", pid=7, tmux="unreachable")
    assert coming(answer) == "it runs on; should it end, that is judged when tmux answers again"
    assert "panevisor attach api" not in commands(answer)


def test_a_worker_that_is_never_restarted_has_no_budget_to_tell() -> None:
    policy = section("What its policy says", data("running", pid=7, spec=replace(SPEC, restart=Restart.NEVER)))
    assert policy[0].startswith("never restarted")
    assert 'a crash now: failed (restart = "never")' in policy
    assert not any("in all" in line for line in policy)


def test_a_budget_without_an_end() -> None:
    answer = data(
        "running", crash(1, 7), pid=7, attempt=7, restarts=9, spec=replace(SPEC, max_restarts=-1), started=59.0
    )
    assert "7 restarts since the last healthy life (1m), 9 in all" in section("What its policy says", answer)
    assert chain(answer)[0].endswith("(restart 7, after a pause of 4.1s)")


def test_a_spent_budget_with_a_slow_lane_says_so_and_counts_on() -> None:
    slow = replace(SPEC, retry=600.0, backoff=STEADY)
    note = "5 restarts without a healthy life of 60 s: budget spent, tried every 600 s"
    exit = {"cause": "exit", "exit_code": 1, "uptime_s": 1.0, "delay_s": 600.0, "attempt": 6}
    ended = entry(
        50, "worker.exited", **exit, reason=f"exited with code 1; {note}", verdict=note, moved="running backoff"
    )
    spent = {"budget": {"recent": [], "slow": True}, "attempt": 6, "restarts": 8}
    waiting = data(
        "backoff", ended, spec=slow, next_start_at=NOON + 650.0, reason=f"exited with code 1; {note}", **spent
    )
    assert chain(waiting)[-1].endswith(f"exited with code 1 after 1.0s (restart 6, after a pause of 10m 0s: {note})")
    policy = section("What its policy says", waiting)
    assert "6 restarts since the last healthy life (1m), 8 in all" in policy
    assert "the budget is spent: tried every 10m until a life is healthy" in policy
    assert coming(waiting) == "starts again at 12:10:50, in 9m 50s"
    again = data("running", ended, spec=slow, pid=7, started=59.0, **spent)
    said = section("What its policy says", again)
    assert "a crash now: starts again after about 10m 0s (restart 7, the budget being spent)" in said


def test_a_window_says_what_it_has_counted_and_whether_a_crash_now_is_one_too_many() -> None:
    window = replace(SPEC, max_restarts=-1, max_restarts_in=Window(2, 30.0), backoff=STEADY)
    times = {"pid": 7, "started": 59.0, "attempt": 2, "restarts": 2, "spec": window}
    within = data("running", **times, budget={"recent": [iso(NOON + 31), iso(NOON + 50)], "slow": False})
    policy = section("What its policy says", within)
    assert "2 of 2 restarts within the last 30s" in policy
    assert "a crash now: failed (2 restarts within 30 s: budget spent)" in policy
    over = data("running", **times, budget={"recent": [iso(NOON + 29), iso(NOON + 50)], "slow": False})
    assert "1 of 2 restarts within the last 30s" in section("What its policy says", over)
    assert "a crash now: starts again after about 8.0s (restart 3)" in section("What its policy says", over)


# ── back-off, stopping ────────────────────────────────────────────────────────────────────────────────────────────


def test_back_off_that_waits_for_more_than_its_pause() -> None:
    later: dict[str, Any] = {"next_start_at": NOON + 64.0}
    draining = data("backoff", draining=True, **later)
    assert coming(draining) == "once nothing is left of its last life, starts again at 12:01:04, in 4.0s"
    assert coming(data("backoff", tmux="unreachable", **later)).startswith("once tmux answers again, starts again at")
    assert coming(data("backoff", next_start_at=NOON + 60.0)) == "starts again at 12:01:00, that is now"


@pytest.mark.parametrize(
    ("intent", "closing", "outcome"),
    [
        ("stopped", False, "is stopped"),
        ("completed", False, "is completed"),
        ("removed", False, "is forgotten"),
        ("wanted", False, "starts again"),
        ("wanted", True, "stops"),
    ],
)
def test_stopping_says_what_it_comes_to_and_when_it_is_killed(intent: str, closing: bool, outcome: str) -> None:
    stopping = entry(55, "worker.stopping", cause="person", goal="stop", moved="running stopping")
    answer = data("stopping", stopping, since=55.0, pid=7, life="s-1", intent=intent, closing=closing, draining=True)
    assert coming(answer) == (
        f"{outcome} when nothing is left of its process tree; whatever is left is killed at 12:01:05, in 5.0s"
    )


POLITE = replace(SPEC, stop=(TypeKeys(("C-c",)), 2.0, TypeText("exit"), 5.0, "TERM", 10.0, "KILL"))


def ending(to: str | None, at: float | None, *left: int) -> dict[str, Any]:
    return {"next": to, "next_at": at and iso(NOON + at), "killed_at": None, "left": list(left)}


def test_stopping_by_asking_says_the_next_step_and_its_time() -> None:
    answer = data("stopping", spec=POLITE, intent="stopped", pid=7, ending=ending("typing 'exit'", 62.0))
    assert coming(answer) == (
        "is stopped when nothing is left of its process tree; the next step is typing 'exit' at 12:01:02, in 2.0s"
    )
    assert "ended by keys C-c, 2s, typing 'exit', 5s, TERM, 10s, KILL" in section("What its policy says", answer)


def test_stopping_is_killed_when_the_plan_has_come_to_it_and_not_as_if_every_wait_were_waited_out() -> None:
    answer = data("stopping", spec=POLITE, intent="stopped", since=50.0, ending=ending("KILL", 63.0, 7))
    assert coming(answer).endswith("whatever is left is killed at 12:01:03, in 3.0s")


def test_stopping_that_even_kill_has_not_ended_names_who_is_left() -> None:
    answer = data("stopping", spec=POLITE, intent="stopped", ending=ending(None, None, 7, 8))
    assert coming(answer) == "is stopped when nothing is left of its process tree; the last signal went to pid 7, 8"


def test_the_picture_says_how_far_an_ending_has_come() -> None:
    s = running(stop=POLITE.stop).order(Verb.STOP)
    view = row_of(s.w, log_path="", log_bytes=None).ending
    assert view
    wall = s.w.since.wall
    assert (view.next, view.next_at, view.killed_at) == ("typing 'exit'", wall + 2.0, wall + 17.0)
    s.wait(2.0).wait(5.0).wait(10.0)
    view = row_of(s.w, log_path="", log_bytes=None).ending
    assert view
    assert (view.next, view.next_at) == (None, None)
    s.seen(corpse_of(s.life, None, 9)).gone()
    assert row_of(s.w, log_path="", log_bytes=None).ending is None


def test_stopping_by_a_plan_without_kill_has_no_time() -> None:
    answer = data("stopping", spec=replace(SPEC, stop=("TERM",)), intent="stopped")
    assert coming(answer) == "is stopped when nothing is left of its process tree"


# ── how it ended last ─────────────────────────────────────────────────────────────────────────────────────────────


def died(**news: Any) -> dict[str, Any]:
    record = {"worker": "api", "life": "s-1", "started_at": None, "ended_at": iso(NOON + 46.0), "uptime_s": 12.4}
    record |= {"exit_code": 3, "exit_signal": None, "cause": "exit", "reason": "", "state": "backoff"}
    return record | {"lines": ["Traceback", "  boom", "KeyError: \x1b[31m7"], **news}


@pytest.mark.parametrize("state", [state for state in State if state not in (State.UNBORN, State.REMOVED)])
def test_the_last_death_and_its_last_words_are_told_in_every_state(state: State) -> None:
    told = section("How it ended last", data(state.value, last_death=died()))
    assert told == [
        "12:00:46  exited with code 3 after 12s",
        "| Traceback",
        "|   boom",
        r"| KeyError: \x1b[31m7",
    ]


def test_a_death_that_nobody_watched_has_no_uptime_and_no_death_is_no_section() -> None:
    unwatched = data("failed", last_death=died(uptime_s=None, exit_code=None, lines=[]))
    assert section("How it ended last", unwatched) == ["12:00:46  ended, exit code not known"]
    assert "How it ended last" not in lines(data("running", pid=7))


# ── at rest ───────────────────────────────────────────────────────────────────────────────────────────────────────

STOP = (
    entry(10, "worker.stopping", cause="person", goal="stop", moved="running stopping"),
    entry(11, "worker.exited", cause="stop", exit_code=None, exit_signal=15, uptime_s=300.0),
    entry(11.1, "worker.stopped", cause="person", forced=True, moved="stopping stopped"),
)


def test_stopped_by_a_person() -> None:
    answer = data("stopped", *STOP, since=11.1, intent="stopped")
    assert lines(answer)[0] == "api: stopped since 12:00:11 (48s): by a person"
    assert chain(answer) == [
        "12:00:10  a person ordered it to stop",
        "12:00:11  killed by signal 15 after 5m 0s, while it was being ended",
        "12:00:11  stopped, as a person ordered: nothing is left of it; it had to be killed (KILL)",
    ]
    assert coming(answer) == "nothing, until a person starts it"
    assert commands(answer)[0] == "panevisor start api"


def test_a_service_that_began_later_does_not_change_since_when_it_is_stopped() -> None:
    began = incident(40, "service.started", pid=9, previous_ended="uncleanly: killed")
    found = entry(41, "worker.stopped", cause="adopted", moved="null stopped")
    answer = data("stopped", *STOP, began, found, since=41.0, intent="stopped")
    assert lines(answer)[0] == "api: stopped since 12:00:11 (48s): by a person"
    assert chain(answer)[-2:] == [
        "12:00:40  the service started (pid 9); the one before ended uncleanly: killed",
        "12:00:41  was stopped when the service started, and stays so",
    ]


def test_what_only_a_beginning_service_has_told_is_known_since_then_at_least() -> None:
    answer = data("stopped", entry(41, "worker.stopped", cause="adopted", moved="null stopped"), since=41.0)
    assert lines(answer)[0] == "api: stopped at least since 12:00:41 (19s): by a person"


def test_an_adopted_worker_runs_since_before_the_service() -> None:
    answer = data(
        "running",
        entry(5, "worker.ready", cause="ready", startup_s=1.0, life="s-1", moved="starting running"),
        entry(41, "worker.adopted", cause="adopted", life="s-1", pid=7, moved="null running"),
        since=41.0,
        pid=7,
    )
    assert lines(answer)[0].startswith("api: running since 12:00:05 (55s), pid 7")


def test_a_history_that_reaches_back_too_little_says_so() -> None:
    assert chain(data("stopped"))[0].startswith("nothing is known any more")


def test_stopped_with_the_service() -> None:
    answer = data("stopped", reason="down", closing=True)
    assert lines(answer)[0].endswith(": with the service")
    assert "`panevisor up` starts it again" in coming(answer)
    assert commands(answer) == ["panevisor up"]


def test_completed_by_its_exit() -> None:
    done = crash(50, 0, "completed", exit_code=0)
    answer = data("completed", done, reason="exited with code 0", since=50.0, exit=Exit(0, None, NOON))
    assert chain(answer) == ["12:00:50  exited with code 0 after 12s: completed"]
    assert coming(answer) == "nothing more, only its pane is closed at 12:01:20, in 20s"
    assert commands(answer) == ["panevisor logs api", "panevisor start api"]


def test_completed_by_a_person_and_cleaned_up() -> None:
    done = entry(50, "worker.completed", cause="person", moved="stopping completed")
    answer = data("completed", done, since=50.0, pane=None, intent="completed")
    assert lines(answer)[0].endswith(": by a person")
    assert coming(answer) == "nothing, until a person starts it again"


def test_failed_by_its_budget() -> None:
    verdict = "5 restarts without a healthy life of 60 s: budget spent"
    spent = f"exited with code 3; {verdict}"
    answer = data("failed", crash(50, 5, "failed", reason=spent, verdict=verdict), since=50.0, reason=spent, attempt=5)
    assert chain(answer) == [
        "12:00:50  exited with code 3 after 12s: failed (5 restarts without a healthy life of 60 s: budget spent)"
    ]
    assert coming(answer) == "nothing, until a person does something"
    assert commands(answer) == ["panevisor logs api", "panevisor start api"]


def test_failed_because_it_did_not_get_ready() -> None:
    why = {"reason": 'not ready within 60 s; restart = "never"', "verdict": 'restart = "never"'}
    late = entry(50, "worker.unready", cause="not-ready", moved="starting failed", **why)
    answer = data("failed", late, since=50.0, draining=True, reason=why["reason"])
    assert chain(answer) == ['12:00:50  not ready within 60 s, so it was ended: failed (restart = "never")']
    assert "ended by TERM, 10s, KILL" in section("What its policy says", answer)


def test_failed_because_it_cannot_be_started() -> None:
    wrong = "program not found: serve"
    answer = data("failed", entry(50, "worker.failed", cause="cannot-start", reason=wrong, moved="starting failed"))
    assert chain(answer) == ["12:00:50  could not be started: program not found: serve"]
    assert commands(answer) == ["panevisor up", "panevisor start api"]


def test_failed_while_no_service_ran() -> None:
    why = {"reason": 'exited with code 3; restart = "never"', "verdict": 'restart = "never"'}
    unwatched = crash(50, 0, "failed", cause="exit-unwatched", uptime_s=None, **why)
    assert chain(data("failed", unwatched)) == [
        '12:00:50  it ended while no service ran: exited with code 3: failed (restart = "never")'
    ]


def test_killed_while_no_service_ran_and_while_it_was_to_be_stopped() -> None:
    killed = entry(50, "worker.exited", cause="exit-unwatched", exit_code=None, exit_signal=9, uptime_s=None)
    left = entry(50, "worker.stopped", cause="adopted", moved="null stopped")
    assert chain(data("stopped", killed, left)) == [
        "12:00:50  it ended while no service ran: killed by signal 9",
        "12:00:50  was stopped when the service started, and stays so",
    ]
    lost = entry(50, "worker.exited", cause="exit-unwatched", exit_code=None, exit_signal=None, uptime_s=None)
    assert chain(data("stopped", lost)) == ["12:00:50  it ended while no service ran: exit code not known"]


def test_a_stop_that_goes_on_after_the_service_was_killed_is_one_order() -> None:
    ordered = entry(10, "worker.stopping", cause="person", goal="stop", moved="running stopping")
    found = entry(50, "worker.adopted", cause="adopted", pid=7, moved="null running")
    goes_on = entry(50, "worker.stopping", cause="adopted", goal="stop", moved="running stopping")
    answer = data("stopping", ordered, found, goes_on, pid=7, intent="stopped")
    assert chain(answer) == [
        "12:00:10  a person ordered it to stop",
        "12:00:50  the service started and found it alive (pid 7)",
        "12:00:50  its end, which a person had ordered, goes on",
    ]


def test_a_restart_that_the_service_took_with_it_is_said_to_be_forgotten() -> None:
    ordered = entry(10, "worker.stopping", cause="person", goal="restart", moved="running stopping")
    found = entry(50, "worker.adopted", cause="adopted", pid=7, moved="null starting")
    ready = entry(51, "worker.ready", cause="ready", startup_s=45.0, moved="starting running")
    assert chain(data("running", ordered, found, ready, pid=7))[1:] == [
        "12:00:50  the service started and found it alive (pid 7); the restart that was ordered is forgotten with the "
        "service before; ready",
    ]


def test_quarantined() -> None:
    why = "2 panes bear its mark: %1, %2"
    answer = data("quarantined", entry(50, "worker.quarantined", cause="adopted", reason=why, moved="null quarantined"))
    assert chain(answer) == [f"12:00:50  quarantined: {why}"]
    assert coming(answer).startswith("nothing, until a person decides")
    assert commands(answer)[1:] == ["panevisor start --force api", "panevisor remove api"]


def test_a_protected_worker_is_stopped_with_force_only() -> None:
    answer = data("running", pid=7, spec=replace(SPEC, protected=True))
    assert "panevisor stop --force api" in commands(answer)
    assert "protected: stop, complete and remove need --force" in section("What its policy says", answer)


def test_every_state_has_an_account() -> None:
    for state in State:
        if state not in (State.UNBORN, State.REMOVED):
            assert commands(data(state.value)), state
            assert coming(data(state.value)), state


# ── incidents ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_incident_stands_where_it_happened() -> None:
    answer = data(
        "running",
        entry(1, "worker.ready", cause="ready", startup_s=0.0, moved="starting running"),
        incident(5, "tmux.unreachable", reason="no answer within 2 s"),
        incident(9, "tmux.answers", after="no answer within 2 s"),
        incident(12, "config.applied", digest="d", none=9),
        incident(13, "config.applied", digest="e", policy=1, none=8),
        incident(20, "tmux.died", pid=5, workers=9),
        entry(20.1, "worker.pending", cause="tmux-died", moved="running pending"),
        entry(21, "worker.starting", cause="admitted", moved="pending starting"),
        pid=7,
    )
    assert chain(answer) == [
        "12:00:01  ready at once",
        "12:00:05  tmux did not answer (no answer within 2 s): nothing was judged from here on",
        "12:00:09  tmux answered again",
        "12:00:13  the file was applied: 1 with a changed policy",
        "12:00:20  the tmux server (pid 5) died with 9 workers in it",
        "12:00:20  the tmux server died with it: it starts again, nothing is counted; starting",
    ]


def test_an_event_that_is_not_known_is_told_as_the_log_has_it() -> None:
    assert chain(data("running", entry(1, "worker.new_event", size=3, gone=None), pid=7)) == [
        "12:00:01  worker.new_event worker=api size=3"
    ]


# ── what is remembered ────────────────────────────────────────────────────────────────────────────────────────────


def happened(number: int, event: str = "worker.ready", **facts: Any) -> Entry:
    return Entry(number, float(number), event, "info", facts)


def test_a_history_keeps_the_last_of_a_worker_and_the_incidents_since_its_first() -> None:
    histories = Histories([happened(0, "tmux.died"), happened(1, "service.started")])
    for number in range(2, 2 + KEPT + 5):
        histories.add(happened(number, worker="a"))
    histories.add(happened(50, "tmux.answers"))
    histories.add(happened(51, "gateway.listening"))
    histories.add(happened(52, worker="b"))
    found = histories.of("a")
    assert len(found) == KEPT + 1
    assert (found[0].seq, found[-1].event) == (7, "tmux.answers")
    assert [entry.event for entry in histories.of("nobody")] == ["tmux.died", "service.started", "tmux.answers"]


def test_any_number_of_starts_of_the_service_does_not_push_out_the_cause() -> None:
    histories = Histories([happened(1, "worker.stopped", worker="a", cause="person", to="stopped")])
    for number in range(2, 60):
        histories.add(happened(number, "worker.stopped", worker="a", cause="adopted", to="stopped"))
    assert [entry.seq for entry in histories.of("a")] == [1, 59]


def picture(now: float, *names: str) -> Snapshot:
    return replace(snapshot(1, *(row(name) for name in names)), at=Instant(now, NOON))


def test_a_history_outlives_a_picture_that_began_anew_but_not_a_worker_that_is_gone() -> None:
    pictures = Pictures([happened(1, worker="a"), happened(2, worker="b")])
    pictures.take(picture(0.0), {})  # Metrics begins with nothing, also when it was replaced
    pictures.take(picture(5.0, "a", "b"), {})
    pictures.take(picture(10.0), {})
    pictures.take(picture(69.0, "b"), {})
    assert len(pictures.histories) == 2
    pictures.take(picture(70.0, "b"), {})
    assert pictures.histories.of("a") == []
    assert len(pictures.histories) == 1


def test_two_thousand_ad_hoc_workers_leave_no_history() -> None:
    pictures = Pictures()
    feed: tuple[Entry, ...] = ()
    for number in range(1, 2001):
        name = f"job{number}"
        feed = (happened(2 * number, "worker.ready", worker=name), *feed)[:100]
        pictures.take_activity(feed)
        if number % 2:  # the others came and went between two pictures
            pictures.take(snapshot(2 * number, row(name)), {})
            pictures.take(snapshot(2 * number + 1), {})
        feed = (happened(2 * number + 1, "worker.removed", worker=name), *feed)[:100]
        pictures.take_activity(feed)
    assert len(pictures.histories) == 0


def log_line(number: int, event: str, **facts: Any) -> str:
    return json.dumps({"seq": number, "ts": iso(NOON + number), "level": "info", "event": event, **facts})


def test_the_tail_of_the_log_is_read_past_torn_lines_and_strangers(place: Path) -> None:
    log = place / "service.log"
    log.write_text(
        "\n".join(
            [
                log_line(1, "worker.ready", worker="a", **{"from": "starting", "to": "running"}),
                '{"seq": 2, "ts": "2023-11-15T12:0',
                "[1]",
                '{"ts": 5, "level": "info", "event": "worker.ready", "worker": "a"}',
                log_line(3, "worker.ready", worker="stranger"),
                log_line(4, "gateway.listening", socket="s"),
                log_line(5, "tmux.died", pid=1, workers=1),
                log_line(6, "state.table", workers={"a": "running"}),
                '{"seq": 7, "ts": "20',
            ]
        )
    )
    found = log_tail.read(log, {"a"})
    assert [(entry.event, entry.ts, entry.seq) for entry in found] == [
        ("worker.ready", NOON + 1, 0),
        ("tmux.died", NOON + 5, 0),
    ]
    assert dict(found[0].facts) == {"worker": "a", "from": "starting", "to": "running"}


def test_the_tail_goes_back_into_the_file_before_and_no_further_than_it_may(place: Path) -> None:
    log, before = place / "service.log", place / "service.log.1"
    before.write_text("".join(log_line(number, "worker.ready", worker="a") + "\n" for number in range(1, 101)))
    log.write_text("".join(log_line(number, "worker.ready", worker="a") + "\n" for number in range(101, 111)))
    numbers = [
        entry.ts - NOON for entry in log_tail.read(log, {"a"}, 20 * len(log_line(100, "worker.ready", worker="a")))
    ]
    assert numbers[-11:] == list(range(100, 111))
    assert 15 < len(numbers) < 21
    short = [entry.ts - NOON for entry in log_tail.read(log, {"a"}, 300)]
    assert short == [109, 110]


def test_a_log_that_is_not_there_tells_nothing(place: Path) -> None:
    assert log_tail.read(place / "service.log", {"a"}) == []
    (place / "service.log").mkdir()
    assert log_tail.read(place / "service.log", {"a"}) == []


def in_state(name: str, state: State, **needed: str) -> Member:
    on = tuple((other, Condition(condition)) for other, condition in needed.items())
    spec = WorkerSpec(name=name, command="x", cwd="/", depends_on=on)
    return Member(state=state, record=Record(spec=spec, reason=f"{name} is so"))


def test_the_blockers_lead_from_the_worker_to_the_root_of_it() -> None:
    known = {
        "ok": in_state("ok", State.RUNNING),
        "db": in_state("db", State.FAILED),
        "app": in_state("app", State.PENDING, ok="ready", db="ready"),
        "web": in_state("web", State.PENDING, app="started"),
        "lone": in_state("lone", State.PENDING, ghost="ready"),
    }
    crowd = Story(known).roster.crowd
    assert blockers(crowd, "web") == (
        Dependency("app", Condition.STARTED, met=False, state=State.PENDING, reason="app is so"),
        Dependency("db", Condition.READY, met=False, state=State.FAILED, reason="db is so"),
    )
    assert blockers(crowd, "lone") == (Dependency("ghost", Condition.READY, met=False, state=None),)
    assert blockers(crowd, "db") == ()
    assert [needed.met for needed in dependencies(crowd, "app")] == [True, False]


# ── the wire and the command ──────────────────────────────────────────────────────────────────────────────────────


def inspection(request: Any, _timeout: float) -> object:
    assert isinstance(request, Inspect)
    if request.name == "gone":
        raise RequestRefused("unknown-worker", "no such worker: gone")
    return Inspection(spec=SPEC, intent=Intent.WANTED, gate=None, dependencies=(), blockers=(), closing=False)


@pytest.fixture
def bench(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.chdir(place)
    (place / "panevisor.toml").write_text('[supervisor]\nstate_dir = "st"\n')
    (place / "st").mkdir()
    bench = Bench(place / "st" / "panevisor.sock", answer=inspection)
    yield bench
    bench.close()


def test_the_wire_tells_row_policy_and_history_but_no_command_and_no_environment(bench: Bench) -> None:
    bench.publish(1, row("api"), row("gone"))
    bench.gateway.activity((happened(2, worker="api", to="running"), happened(1, "tmux.died", pid=3)))
    answer = bench.client().call("why", name="api")
    assert answer["worker"]["name"] == "api"
    assert answer["policy"]["stop"] == ["TERM", 10.0, "KILL"]
    assert not {"command", "env", "cwd"} & answer["policy"].keys()
    assert "SECRET" not in json.dumps(answer)
    assert [(entry["event"], entry["facts"]) for entry in answer["history"]] == [
        ("worker.ready", {"worker": "api", "to": "running"})
    ]
    assert (answer["intent"], answer["gate"], answer["draining"], answer["tmux"]) == ("wanted", None, False, "ok")


def test_the_wire_refuses_whom_it_does_not_know_and_no_name(bench: Bench) -> None:
    bench.publish(1, row("api"), row("gone"))
    for name, code in (("nobody", "unknown-worker"), ("gone", "unknown-worker"), ("", "usage"), (5, "usage")):
        with pytest.raises(ServiceError) as refused:
            bench.client().call("why", name=name)
        assert refused.value.code == code


def test_the_command_prints_the_same_as_text_and_as_json(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.publish(1, row("api"))
    assert run(["-c", "panevisor.toml", "why", "api"]) == 0
    text = capsys.readouterr().out
    assert run(["-c", "panevisor.toml", "why", "api", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["next"] == {"what": "nothing: it runs until it ends or a person ends it", "at": None}
    assert found["next"]["what"] == next_of(found).what
    assert "panevisor -c panevisor.toml stop api" in found["can"]
    for told in (found["next"]["what"], *found["can"]):
        assert told in text


def test_a_worker_that_is_not_known_is_exit_four_with_the_nearest(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.publish(1, row("api"))
    assert run(["why", "apl"]) == 4
    assert '(did you mean "api"?)' in capsys.readouterr().err
    assert run(["why", "a*"]) == 2  # as attach and screen: one worker has to be named


# ── a real service ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_crash_loop_is_told_to_its_end(site: Site) -> None:
    site.write(
        "[workers.loop]\ncommand = 'exit 3'\nmax_restarts = 2\n"
        'backoff = { initial = "200ms", factor = 1, jitter = 0 }\n'
    )
    site.up(check=1)
    site.wait_state("loop", "failed")
    told = site.run("why", "loop", check=0).stdout
    assert told.startswith("loop: failed since ")
    assert told.partition("How it ended last")[0].count("exited with code 3 after") == 3
    assert "(restart 2 of 2, after a pause of 0.2s)" in told
    assert "failed (2 restarts without a healthy life of 60 s: budget spent)" in told
    assert "nothing, until a person does something" in told
    assert f"panevisor -c {site.config} start loop" in told


def test_a_worker_that_waits_names_what_holds_it_and_the_root_of_it(site: Site) -> None:
    site.write(
        '[workers.db]\ncommand = \'exit 3\'\nrestart = "never"\nready = { delay = "5s" }\n'
        '[workers.app]\ncommand = "sleep 1000"\ndepends_on = ["db"]\n'
        '[workers.web]\ncommand = "sleep 1000"\ndepends_on = ["app"]\n'
    )
    site.up("--timeout", "2s", check=None)
    site.wait_state("db", "failed")
    told = site.run("why", "web", check=0).stdout
    assert "web: pending since " in told
    assert "app has to be ready: it is pending (db is failed, it has to be ready)" in told
    assert "db has to be ready: it has failed (exited with code 3" in told
    found = json.loads(site.run("why", "app", "-o", "json", check=0).stdout)
    assert found["gate"] == {"hold": "blocked", "reason": "db is failed, it has to be ready"}
    assert found["next"]["what"] == "nothing, until a person does something about db, which has failed"
    assert found["can"][0].endswith(" why db")


def test_who_stopped_it_and_when_outlives_the_service(site: Site) -> None:
    site.write('[workers.a]\ncommand = "sleep 1000"\n[workers.b]\ncommand = "sleep 1000"\n')
    site.up()
    site.run("stop", "a", check=0)
    (stopped,) = site.events("worker.stopped", worker="a", cause="person")
    for _ in range(2):
        site.kill_service()
        site.up()
    told = site.run("why", "a", check=0).stdout
    first, *_ = told.splitlines()
    assert first.startswith(f"a: stopped since {stopped['ts'][11:19]} (")
    assert first.endswith(": by a person")
    assert "a person ordered it to stop" in told
    assert told.count("was stopped when the service started, and stays so") == 1
    assert told.count("the one before ended uncleanly") == 2
    (ready,) = site.events("worker.ready", worker="b")
    assert site.run("why", "b", check=0).stdout.startswith(f"b: running since {ready['ts'][11:19]} (")


# ── stalls and limits ─────────────────────────────────────────────────────────────────────────────────────────────

HANGING = replace(
    SPEC,
    stall=Stall(
        after=600.0,
        ladder=(Rung(do="notify"), Rung(do="send", wait=60.0, text="SECRET"), Rung(do="restart", wait=30.0)),
    ),
)


def hanging(**news: Any) -> dict[str, Any]:
    stall = {"since": iso(NOON + 30), "by": "output", "climbed": 1, "steps": 3, "next": "send", "paused": False}
    stall |= {"next_at": iso(NOON + 90)} | news
    history = (
        entry(30, "worker.stalled", by="output", silent_s=600.2),
        entry(30, "worker.stall_step", do="notify", step=1, steps=3),
    )
    answer = data("running", *history, spec=HANGING, pid=7, health="stalled")
    return answer | {"stall": stall}


def test_a_stalled_worker_since_when_and_which_step_comes_when() -> None:
    answer = hanging()
    assert lines(answer)[0] == "api: running at least since 12:00:00 (1m 0s), pid 7, up 1m 0s, stalled since 12:00:30"
    assert chain(answer) == [
        "12:00:30  stalled: printed nothing for 10m 0s",
        "12:00:30  the stall was reported (step 1 of 3)",
    ]
    policy = "stalled after 10m without output: notify, send after 1m, restart after 30s"
    assert policy in section("What its policy says", answer)
    assert coming(answer) == "unless it shows a sign of life, it is typed to (step 2 of 3) at 12:01:30, in 30s"


def test_a_ladder_that_waits_for_a_person_or_is_at_its_end_says_so() -> None:
    paused = coming(hanging(paused=True, next_at=None))
    assert paused.startswith("when no one is attached any more, and after its wait, it is typed to (step 2 of 3)")
    assert coming(hanging(next=None, next_at=None)).startswith("nothing more is done about its stall")


def test_a_worker_that_was_ended_for_its_stall() -> None:
    facts = {"do": "restart", "step": 3, "steps": 3, "cause": "stalled", "attempt": 1, "delay_s": 2.0}
    answer = data("backoff", entry(50, "worker.stall_step", moved="running backoff", **facts), spec=HANGING)
    (told,) = chain(answer)
    assert told == "12:00:50  it was ended for its stall (restart 1 of 5, after a pause of 2.0s) (step 3 of 3)"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"which": "memory", "value": 2.1e9, "limit": 2e9, "do": "restart", "moved": "running failed"}
            | {"reason": "memory is much; budget spent", "verdict": "budget spent"},
            "above its limit: memory 2.1 GB of 2.0 GB, so it was ended: failed (budget spent)",
        ),
        (
            {"which": "cpu", "value": 199.5, "limit": 150, "do": "notify"},
            "above its limit: cpu 199.5 % of 150 %; it runs on",
        ),
        (
            {"which": "age", "value": 90000.0, "limit": 86400.0, "do": "restart"},
            "above its limit: age 1d 1h of 1d 0h, so it is restarted",
        ),
    ],
)
def test_a_limit_that_was_hit(facts: dict[str, Any], words: str) -> None:
    assert chain(data("running", entry(50, "worker.limit", **facts))) == [f"12:00:50  {words}"]


def test_the_limits_and_the_restart_for_its_age_are_told_beforehand() -> None:
    limits = Limits(cpu=Limit(150, "notify"), age=Limit(3600.0))
    answer = data("running", spec=replace(SPEC, limits=limits), pid=7)
    policy = section("What its policy says", answer)
    assert "cpu above 150 % in 6 looks in a row: reported" in policy
    assert "age above 1h 0m: restarted" in policy
    assert coming(answer) == "it is restarted for its age, which is not counted at 13:00:00, in 59m 0s"


# ── probes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_liveness_is_told_in_policy_history_and_outlook() -> None:
    live = Live(command=("check", "SECRET"), interval=30.0, failures=2, do=Do.NOTIFY)
    told = entry(40, "worker.unhealthy", kind="command", failures=2, reason="exited with code 1")
    answer = data("running", told, spec=replace(SPEC, live=live), pid=7, health="unready")
    policy = section("What its policy says", answer)
    assert "asked every 30s whether its check command exits with 0; after 2 failures in a row it is only told" in policy
    assert chain(answer) == ["12:00:40  not well, told by its command probe: exited with code 1"]
    assert coming(answer) == "it runs on; it counts as well again when its check command exits with 0"
    assert "SECRET" not in "\n".join(lines(answer))


@pytest.mark.parametrize(
    ("ready", "words"),
    [
        (Ready(unix="/run/a"), "when the socket /run/a accepts a connection"),
        (Ready(http=Http("http://a/h?key=SECRET")), "when http://a/h answers 2xx or 3xx"),
        (Ready(http=Http("http://a", (200, 204))), "when http://a answers 200, 204"),
        (Ready(command="x SECRET"), "when its check command exits with 0"),
        (Ready(log="up$"), "when its log has a line with up$"),
        (Ready(screen="> $"), "when its screen shows > $"),
    ],
)
def test_each_kind_of_readiness_has_its_words(ready: Ready, words: str) -> None:
    answer = data("starting", spec=replace(SPEC, ready=ready), pid=7)
    assert f"ready {words}, within 1m, else it is ended as after a crash" in section("What its policy says", answer)
    assert "SECRET" not in "\n".join(lines(answer))
