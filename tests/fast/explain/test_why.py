"""The account of `why`, from hand-made answers of the service: true for every state, and telling no secret."""

import shlex
from dataclasses import replace
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from kit.crowd import Story
from kit.gateway_bench import row
from kit.life import corpse_of, running
from wcwidth import strip_sequences

from actors.crowd.admission import blockers, dependencies
from actors.crowd.members import Member
from actors.events.words import iso
from actors.life.state import State
from actors.values.facts import Exit, Verb
from actors.values.records import Record
from actors.values.requests import Dependency
from actors.values.snapshot import row_of
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
from supervisor.explain.account import explain
from supervisor.explain.outlook import remedies
from supervisor.text.tables import clock

pytestmark = pytest.mark.usefixtures("utc")

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC
SPEC = WorkerSpec(
    name="api", command="serve --token=SECRET", cwd="/", env=(("KEY", "SECRET"),), stop=("TERM", 10.0, "KILL")
)
STEADY = Backoff(initial=2.0, factor=2.0, jitter=0.0)
STATES = [state.value for state in State if state not in (State.UNBORN, State.REMOVED)]

Data = dict[str, Any]


def entry(at: float, event: str, **facts: Any) -> Data:
    """Return an entry of the worker `api`, `at` seconds after noon. `moved="a b"` stands for from and to."""
    before, _, after = facts.pop("moved", "").partition(" ")
    moved = {"from": None if before == "null" else before, "to": after} if after else {}
    return {"ts": iso(NOON + at), "event": event, "level": "info", "facts": {"worker": "api", **facts, **moved}}


def incident(at: float, event: str, **facts: Any) -> Data:
    return {"ts": iso(NOON + at), "event": event, "level": "error", "facts": facts}


def data(state: str, *history: Data, spec: WorkerSpec = SPEC, **news: Any) -> Data:
    """Return what the service answers a minute past noon; news of the row or of the answer, `since` as `entry` has it.

    `started`: when a living worker's life began. `gate`: "hold: reason".
    """
    hold, _, reason = (news.pop("gate", None) or "").partition(": ")
    answer = {
        "draining": False,
        "ending": None,
        "last_death": None,
        "tmux": "ok",
        "closing": False,
        "policy": {key: value for key, value in spec.to_json().items() if key not in ("command", "cwd", "env")},
        "budget": {"recent": [], "slow": False},
        "intent": "wanted",
        "gate": {"hold": hold, "reason": reason} if hold else None,
        "dependencies": [],
        "blockers": [],
        "stall": None,
        "history": list(history),
        "now": iso(NOON + 60.0),
    }
    answer |= {key: news.pop(key) for key in tuple(news) if key in answer}
    alive = {"started_at": NOON + news.pop("started", 0.0)} if state in ("starting", "running") else {}
    news = {"pid": None, "started_at": None, "max_restarts": spec.max_restarts, **alive, **news}
    news["since"] = NOON + news.get("since", 0.0)
    return {"worker": row("api", state, **news).to_dict(NOON + 60.0), **answer}


def lines(answer: Data) -> list[str]:
    return explain(answer, NOON + 60.0)


def section(title: str, answer: Data) -> list[str]:
    """Return the lines under a title; none where it is not there."""
    told = lines(answer)
    rest = told[told.index(title) + 1 :] if title in told else []
    return [line.strip() for line in (rest[: rest.index("")] if "" in rest else rest)]


def crash(at: float, attempt: int, to: str = "backoff", **facts: Any) -> Data:
    told = {"cause": "exit", "exit_code": 3, "exit_signal": None, "uptime_s": 12.4, "reason": "exited with code 3"}
    told |= {"delay_s": 4.1, "attempt": attempt}
    return entry(at, "worker.exited", moved=f"running {to}", **told | facts)


def needs(name: str, state: str | None, reason: str = "") -> Data:
    return {"name": name, "on": "ready", "met": False, "state": state, "reason": reason}


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
        "(a crash at once: in 1m 2s), unless a life of 1m forgives them",
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


def test_nothing_of_command_or_environment_is_told_and_what_could_steer_a_terminal_is_escaped() -> None:
    assert "SECRET" not in "\n".join(lines(data("running", pid=7)))
    told = "\n".join(lines(data("failed", reason="\x1b]0;x\x07")))
    assert "\x1b" not in told
    assert r"\x1b]0;x\x07" in told


def test_colours_change_no_word_and_lines_keep_to_the_terminal() -> None:
    answer = data("failed", crash(32, 6, to="failed"), since=32.0, reason="exited with code 3")
    plain, painted = explain(answer, NOON + 60), explain(answer, NOON + 60, colour=True)
    assert [strip_sequences(line) for line in painted] == plain
    assert "\x1b[1mapi\x1b[0m: \x1b[31mfailed\x1b[0m since" in painted[0]
    assert "  \x1b[36mpanevisor logs api\x1b[0m" in "\n".join(painted)
    narrow = [strip_sequences(line) for line in explain(answer, NOON + 60, colour=True, cells=60)]
    assert max(map(len, narrow)) <= 60
    assert " ".join(narrow).split() == " ".join(plain).split()


def test_clock_times_of_another_day_have_their_date() -> None:
    assert clock(NOON, NOON + 60) == "12:00:00"
    assert clock(NOON - 86_400, NOON) == "2023-11-14 12:00:00"


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize("state", STATES)
def test_every_state_has_an_account_whose_remedies_can_be_called_though_a_name_looks_like_an_option(
    state: str, restarts: int
) -> None:
    for root in ("failed", None) if state == "pending" else (None,):
        answer = data(state, restarts=restarts, blockers=[needs("-api", root)] if state == "pending" else [])
        assert section("What happens next", answer)
        answer["worker"]["name"] = "-api"
        assert remedies(answer)
        for remedy in remedies(answer):
            verb, *arguments = shlex.split(remedy.command)
            with panevisor.every()[verb].make_context(verb, arguments) as context:
                if verb != "up":
                    assert context.params.get("name", "-api") == "-api"
                    assert context.params.get("names", ("-api",)) == ("-api",)


def died(**news: Any) -> Data:
    record = {"worker": "api", "life": "s-1", "started_at": None, "ended_at": iso(NOON + 46.0), "uptime_s": 12.4}
    record |= {"exit_code": 3, "exit_signal": None, "cause": "exit", "reason": "", "state": "backoff"}
    return record | {"lines": ["Traceback", "  boom", "KeyError: \x1b[31m7"], **news}


@pytest.mark.parametrize("state", STATES)
def test_the_last_death_and_its_last_words_are_told_in_every_state(state: str) -> None:
    told = section("How it ended last", data(state, last_death=died()))
    assert told == ["12:00:46  exited with code 3 after 12s", "| Traceback", "|   boom", r"| KeyError: \x1b[31m7"]


def test_a_death_that_nobody_watched_has_no_uptime_and_no_death_is_no_section() -> None:
    unwatched = data("failed", last_death=died(uptime_s=None, exit_code=None, lines=[]))
    assert section("How it ended last", unwatched) == ["12:00:46  ended, exit code not known"]
    assert "How it ended last" not in lines(data("running", pid=7))


# ── state by state ────────────────────────────────────────────────────────────────────────────────────────────────

LISTENS = replace(SPEC, ready=Ready(tcp="127.0.0.1:80", timeout=90.0, delay=2.0))
POLITE = replace(SPEC, stop=(TypeKeys(("C-c",)), 2.0, TypeText("exit"), 5.0, "TERM", 10.0, "KILL"))
ONCE = replace(SPEC, restart=Restart.NEVER)
SLOW = replace(SPEC, retry=600.0, backoff=STEADY)
WINDOW = replace(SPEC, max_restarts=-1, max_restarts_in=Window(2, 30.0), backoff=STEADY)
SPENT = "5 restarts without a healthy life of 1m: budget spent"
TRIED = f"{SPENT}, tried every 10m"
LANE = f"exited with code 1; {TRIED}"
SLOW_EXIT = crash(50, 6, exit_code=1, uptime_s=1.0, delay_s=600.0, reason=LANE, verdict=TRIED)
IN_LANE: Data = {"spec": SLOW, "budget": {"recent": [], "slow": True}, "attempt": 6, "restarts": 8}
TWICE: Data = {"pid": 7, "started": 59.0, "attempt": 2, "restarts": 2, "spec": WINDOW}
NEVER = 'restart = "never"'
LATE = f"not ready within 1m; {NEVER}"
MARKS = "2 panes bear its mark: %1, %2"
ORDERED = entry(10, "worker.stopping", cause="person", goal="stop", moved="running stopping")
STOP = (
    ORDERED,
    entry(11, "worker.exited", cause="stop", exit_code=None, exit_signal=15, uptime_s=300.0),
    entry(11.1, "worker.stopped", cause="person", forced=True, moved="stopping stopped"),
)
WAS_STOPPED = entry(41, "worker.stopped", cause="adopted", moved="null stopped")
DONE = entry(50, "worker.completed", cause="person", moved="stopping completed")
NOTIFIED = Live(command=("check", "SECRET"), interval=30.0, failures=2, do=Do.NOTIFY)


def killed(code: int | None, signal: int | None) -> Data:
    return entry(50, "worker.exited", cause="exit-unwatched", exit_code=code, exit_signal=signal, uptime_s=None)


def ending(to: str | None, at: float | None, *left: int) -> Data:
    return {"next": to, "next_at": at and iso(NOON + at), "killed_at": None, "left": list(left)}


def stall(**news: Any) -> Data:
    found = {"since": iso(NOON + 30), "by": "output", "climbed": 1, "steps": 3, "next": "send", "paused": False}
    return found | {"next_at": iso(NOON + 90)} | news


HANGING: Data = {
    "pid": 7,
    "health": "stalled",
    "spec": replace(
        SPEC,
        stall=Stall(
            after=600.0,
            ladder=(Rung(do="notify"), Rung(do="send", wait=60.0, text="SECRET"), Rung(do="restart", wait=30.0)),
        ),
    ),
}
LADDER = {"do": "restart", "step": 3, "steps": 3, "cause": "stalled", "attempt": 1, "delay_s": 2.0}
LIMITED = replace(SPEC, limits=Limits(cpu=Limit(150, "notify"), age=Limit(3600.0)))


def case(what: str, answer: Data, **told: str | list[str]) -> ParameterSet:
    """Return what is told of an answer: its first two lines, whole sections, and some lines of its policy.

    "…" stands for what goes before or after, also for the first lines of a section; "- " for what no line has.
    """
    return pytest.param(answer, told, id=what)


# fmt: off
CASES = [
    # pending, one gate after the other
    case("a dependency that is on its way",
        data("pending", gate="dependency: waiting for db to be ready", blockers=[needs("db", "starting")]),
        state="…: waiting for db to be ready", waits="db has to be ready: it is starting",
        next="starts as soon as db is ready", can="why db, stop api"),
    case("a failed dependency of a dependency is the root of it",
        data("pending", gate="blocked: waiting for app to be ready",
            blockers=[needs("app", "pending", "db is failed"), needs("db", "failed", "exited with code 3")]),
        waits=["app has to be ready: it is pending (db is failed)",
            "db has to be ready: it has failed (exited with code 3)"],
        next="nothing, until a person does something about db, which has failed", can="why db, start db, stop api"),
    case("a dependency that does not exist",
        data("pending", gate="blocked: db does not exist", blockers=[needs("db", None)]),
        next="nothing, until a person does something about db, which does not exist", can="scale db 1, up, stop api"),
    case("no place", data("pending", gate="capacity: capacity: all 9 places are taken"),
        state="…: capacity: all 9 places are taken",
        next="starts when one of the others ends and it is the first in line"),
    case("no memory", data("pending", gate="memory: waiting for memory: 310MB are available, 500MB have to be"),
        state="…: waiting for memory: 310MB are available, 500MB have to be",
        next="starts when that much memory is available and it is the first in line; looked at each health beat"),
    case("not its turn", data("pending", gate="start-rate: waiting for a place among the 20 that start at a time"),
        next="starts when one of those that start now is ready, or has ended, and it is the first in line"),
    case("pending while tmux does not answer",
        data("pending", gate="tmux: waiting for tmux to answer", tmux="unreachable"),
        caution="tmux does not answer: this is what was known last…", next="starts as soon as tmux answers again",
        can="stop api, events"),
    case("pending until the old tree is gone", data("pending", draining=True),
        caution="what is left of its last life is still being ended…", policy="ended by TERM, 10s, KILL",
        next="starts when nothing is left of its last life"),
    case("pending with no gate", data("pending"), next="starts in a moment"),
    case("pending in a service that ends", data("pending", closing=True),
        next="nothing: the service is ending; `panevisor up` starts it again"),
    # starting, running
    case("starting, by a port", data("starting", spec=LISTENS, pid=7),
        policy="ready when 127.0.0.1:80 accepts a connection, at the earliest 2s after its start, within 1m 30s, "
            "else it is ended as after a crash",
        next="runs as soon as 127.0.0.1:80 accepts a connection; otherwise it is ended at 12:01:30, in 30s"),
    case("starting with a delay", data("starting", spec=replace(SPEC, ready=Ready(delay=90.0)), pid=7),
        next="counts as running at 12:01:30, in 30s"),
    case("starting without a process", data("starting", started_at=None),
        next="tmux is being asked about it; at the latest after a minute it is looked for again"),
    case("running well", data("running", pid=7, since=0.5),
        state="api: running at least since 12:00:00 (59s), pid 7, up 1m",
        policy="a crash now: starts again after about 1.0s (restart 1 of 5)",
        next="nothing: it runs until it ends or a person ends it",
        can="logs -f api, attach api, restart api, stop api"),
    case("running after crashes",
        data("running", crash(30, 5), pid=7, started=40.0, since=40.0, attempt=5, restarts=5),
        policy=["5 of 5 restarts since the last healthy life (1m), 5 in all", f"a crash now: failed ({SPENT})"],
        next="its 5 restarts so far are forgiven at 12:01:40, in 40s",
        can="logs --previous api, attach api, restart api, stop api"),
    case("running long enough, a crash is the first again",
        data("running", pid=7, started=-10.0, attempt=5, restarts=5),
        policy="a crash now: starts again after about 1.0s (restart 1 of 5)"),
    case("unready, and with somebody attached", data("running", pid=7, health="unready", hands_on=True),
        state="…, unready", caution="a person is attached to its pane"),
    case("it waits, and has told what it used",
        data("running", pid=7, attention="waiting", attention_by="report", attention_since=NOON,
            attention_text="may I?", cost=1.5, tokens=12000),
        caution="it is waiting for 1m (report): may I?"),
    case("its process has ended and nobody knows how", data("running", pid=None, started_at=None),
        next="its process has ended; it is judged as soon as tmux says how"),
    case("running while tmux does not answer", data("running", pid=7, tmux="unreachable"),
        next="it runs on; should it end, that is judged when tmux answers again",
        can="logs -f api, restart api, stop api, events"),
    case("never restarted: no budget", data("running", pid=7, spec=ONCE),
        policy=["never restarted: completed after exit 0, else failed", 'a crash now: failed (restart = "never")',
            "- in all"]),
    case("a budget without an end",
        data("running", crash(1, 7), pid=7, attempt=7, restarts=9, spec=replace(SPEC, max_restarts=-1), started=59.0),
        policy="7 restarts since the last healthy life (1m), 9 in all",
        led="12:00:01  exited with code 3 after 12s (restart 7, after a pause of 4.1s)"),
    case("a spent budget with a slow lane",
        data("backoff", SLOW_EXIT, next_start_at=NOON + 650.0, reason=LANE, **IN_LANE),
        led=f"12:00:50  exited with code 1 after 1.0s (restart 6, after a pause of 10m: {SPENT}, tried every 10m)",
        policy=["6 restarts since the last healthy life (1m), 8 in all",
            "the budget is spent: tried every 10m until a life is healthy"],
        next="starts again at 12:10:50, in 9m 50s"),
    case("in the slow lane", data("running", SLOW_EXIT, pid=7, started=59.0, **IN_LANE),
        policy="a crash now: starts again after about 10m (restart 7, the budget being spent)"),
    case("a window that is full",
        data("running", **TWICE, budget={"recent": [iso(NOON + 31), iso(NOON + 50)], "slow": False}),
        policy=["2 of 2 restarts within the last 30s", "a crash now: failed (2 restarts within 30s: budget spent)"]),
    case("a window that is not",
        data("running", **TWICE, budget={"recent": [iso(NOON + 29), iso(NOON + 50)], "slow": False}),
        policy=["1 of 2 restarts within the last 30s", "a crash now: starts again after about 8.0s (restart 3)"]),
    # back-off, stopping
    case("back-off until the old tree is gone", data("backoff", draining=True, next_start_at=NOON + 64.0),
        next="once nothing is left of its last life, starts again at 12:01:04, in 4.0s"),
    case("back-off until tmux answers", data("backoff", tmux="unreachable", next_start_at=NOON + 64.0),
        next="once tmux answers again, starts again at 12:01:04, in 4.0s"),
    case("a pause that is over", data("backoff", next_start_at=NOON + 60.0),
        next="starts again at 12:01:00, that is now"),
    *(
        case(f"stopping, and then it {outcome}",
            data("stopping", entry(55, "worker.stopping", cause="person", goal="stop", moved="running stopping"),
                since=55.0, pid=7, life="s-1", intent=intent, closing=closing, draining=True),
            next=f"{outcome} when nothing is left of its process tree; whatever is left is killed at 12:01:05, in 5.0s")
        for (intent, closing, outcome) in (("stopped", False, "is stopped"), ("completed", False, "is completed"),
            ("removed", False, "is forgotten"), ("wanted", False, "starts again"), ("wanted", True, "stops"))
    ),
    case("stopping by asking",
        data("stopping", spec=POLITE, intent="stopped", pid=7, ending=ending("typing 'exit'", 62.0)),
        policy="ended by keys C-c, 2s, typing 'exit', 5s, TERM, 10s, KILL",
        next="is stopped when nothing is left of its process tree; the next step is typing 'exit' "
            "at 12:01:02, in 2.0s"),
    case("stopping is killed when the plan has come to it, not as if every wait were waited out",
        data("stopping", spec=POLITE, intent="stopped", since=50.0, ending=ending("KILL", 63.0, 7)),
        next="…whatever is left is killed at 12:01:03, in 3.0s"),
    case("what even KILL has not ended",
        data("stopping", spec=POLITE, intent="stopped", ending=ending(None, None, 7, 8)),
        next="is stopped when nothing is left of its process tree; the last signal went to pid 7, 8"),
    case("a plan without KILL has no time", data("stopping", spec=replace(SPEC, stop=("TERM",)), intent="stopped"),
        next="is stopped when nothing is left of its process tree"),
    # at rest
    case("stopped by a person", data("stopped", *STOP, since=11.1, intent="stopped"),
        state="api: stopped since 12:00:11 (48s): by a person",
        led=["12:00:10  a person ordered it to stop",
            "12:00:11  killed by signal 15 (TERM) after 5m, while it was being ended",
            "12:00:11  stopped, as a person ordered: nothing is left of it; it had to be killed (KILL)"],
        next="nothing, until a person starts it", can="start api, logs api"),
    case("stopped before the service began",
        data("stopped", *STOP, incident(40, "service.started", pid=9, previous_ended="uncleanly: killed"),
            WAS_STOPPED, since=41.0, intent="stopped"), state="api: stopped since 12:00:11 (48s): by a person",
        led=["…", "12:00:40  the service started (pid 9); the one before ended uncleanly: killed",
            "12:00:41  was stopped when the service started, and stays so"]),
    case("what only a beginning service has told is known since then at least",
        data("stopped", WAS_STOPPED, since=41.0), state="api: stopped at least since 12:00:41 (19s): by a person"),
    case("adopted: it runs since before the service",
        data("running", entry(5, "worker.ready", cause="ready", startup_s=1.0, life="s-1", moved="starting running"),
            entry(41, "worker.adopted", cause="adopted", life="s-1", pid=7, moved="null running"), since=41.0, pid=7),
        state="api: running since 12:00:05 (55s), pid 7…"),
    case("a history that reaches back too little", data("stopped"),
        led="nothing is known any more of how it came to this: the log does not reach back so far"),
    case("stopped with the service", data("stopped", reason="down", closing=True), state="…: with the service",
        next="nothing more from this service; `panevisor up` starts it again", can="up"),
    case("completed by its exit",
        data("completed", crash(50, 0, "completed", exit_code=0), reason="exited with code 0", since=50.0,
            exit=Exit(0, None, NOON)), led="12:00:50  exited with code 0 after 12s: completed",
        next="nothing more, only its pane is closed at 12:01:20, in 20s", can="logs api, start api"),
    case("completed by a person and cleaned up", data("completed", DONE, since=50.0, pane=None, intent="completed"),
        state="…: by a person", next="nothing, until a person starts it again"),
    case("failed by its budget",
        data("failed", crash(50, 5, "failed", verdict=SPENT), since=50.0, attempt=5),
        led=f"12:00:50  exited with code 3 after 12s: failed ({SPENT})",
        next="nothing, until a person does something", can="logs api, start api"),
    case("failed because it did not get ready",
        data("failed",
            entry(50, "worker.unready", cause="not-ready", reason=LATE, verdict=NEVER, moved="starting failed"),
            since=50.0, draining=True, reason=LATE),
        led='12:00:50  not ready within 1m, so it was ended: failed (restart = "never")',
        policy="ended by TERM, 10s, KILL"),
    case("it cannot be started",
        data("failed",
            entry(50, "worker.failed", cause="cannot-start", reason="program not found: serve",
                moved="starting failed")), led="12:00:50  could not be started: program not found: serve",
        can="up, start api"),
    case("failed while no service ran",
        data("failed", crash(50, 0, "failed", cause="exit-unwatched", uptime_s=None, verdict=NEVER)),
        led='12:00:50  it ended while no service ran: exited with code 3: failed (restart = "never")'),
    case("killed while no service ran and it was to be stopped", data("stopped", killed(None, 9), WAS_STOPPED),
        led=["12:00:50  it ended while no service ran: killed by signal 9 (KILL)",
            "12:00:41  was stopped when the service started, and stays so"]),
    case("ended while no service ran, nobody knows how", data("stopped", killed(None, None)),
        led="12:00:50  it ended while no service ran: exit code not known"),
    case("a stop that goes on after the service was killed is one order",
        data("stopping", ORDERED, entry(50, "worker.adopted", cause="adopted", pid=7, moved="null running"),
            entry(50, "worker.stopping", cause="adopted", goal="stop", moved="running stopping"), pid=7,
            intent="stopped"),
        led=["12:00:10  a person ordered it to stop", "12:00:50  the service started and found it alive (pid 7)",
            "12:00:50  its end, which a person had ordered, goes on"]),
    case("a restart that the service took with it",
        data("running", entry(10, "worker.stopping", cause="person", goal="restart", moved="running stopping"),
            entry(50, "worker.adopted", cause="adopted", pid=7, moved="null starting"),
            entry(51, "worker.ready", cause="ready", startup_s=45.0, moved="starting running"), pid=7),
        led=["…",
            "12:00:50  the service started and found it alive (pid 7); the restart that was ordered is forgotten "
                "with the service before; ready"]),
    case("quarantined",
        data("quarantined", entry(50, "worker.quarantined", cause="adopted", reason=MARKS, moved="null quarantined")),
        led=f"12:00:50  quarantined: {MARKS}",
        next="nothing, until a person decides: it is never signalled and never doubled",
        can="screen api, start --force api, remove api"),
    case("protected", data("running", pid=7, spec=replace(SPEC, protected=True)),
        policy="protected: stop, complete and remove need --force",
        can="logs -f api, attach api, restart api, stop --force api"),
    # incidents
    case("incidents stand where they happened",
        data("running", entry(1, "worker.ready", cause="ready", startup_s=0.0, moved="starting running"),
            incident(5, "tmux.unreachable", reason="no answer within 2s"),
            incident(9, "tmux.answers", after="no answer within 2s"),
            incident(12, "config.applied", digest="d", none=9),
            incident(13, "config.applied", digest="e", policy=1, none=8), incident(20, "tmux.died", pid=5, workers=9),
            entry(20.1, "worker.pending", cause="tmux-died", moved="running pending"),
            entry(21, "worker.starting", cause="admitted", moved="pending starting"), pid=7),
        led=["12:00:01  ready at once",
            "12:00:05  tmux did not answer (no answer within 2s): nothing was judged from here on",
            "12:00:09  tmux answered again", "12:00:13  the file was applied: 1 with a changed policy",
            "12:00:20  the tmux server (pid 5) died with 9 workers in it",
            "12:00:20  the tmux server died with it: it starts again, nothing is counted; starting"]),
    case("an event that is not known is told as the log has it",
        data("running", entry(1, "worker.new_event", size=3, gone=None), pid=7),
        led="12:00:01  worker.new_event worker=api size=3"),
    # stalls, limits, probes
    case("stalled",
        data("running", entry(30, "worker.stalled", by="output", silent_s=600.2),
            entry(30, "worker.stall_step", do="notify", step=1, steps=3), **HANGING, stall=stall()),
        state="api: running at least since 12:00:00 (1m), pid 7, up 1m, stalled since 12:00:30",
        led=["12:00:30  stalled: printed nothing for 10m", "12:00:30  the stall was reported (step 1 of 3)"],
        policy="stalled after 10m without output: notify, send after 1m, restart after 30s",
        next="unless it shows a sign of life, it is typed to (step 2 of 3) at 12:01:30, in 30s"),
    case("stalled, with a person attached", data("running", **HANGING, stall=stall(paused=True, next_at=None)),
        next="when no one is attached any more, and after its wait, it is typed to (step 2 of 3)…"),
    case("stalled, at the end of the ladder", data("running", **HANGING, stall=stall(next=None, next_at=None)),
        next="nothing more is done about its stall; a sign of life ends that"),
    case("ended for its stall", data("backoff", entry(50, "worker.stall_step", moved="running backoff", **LADDER)),
        led="12:00:50  it was ended for its stall (restart 1 of 5, after a pause of 2.0s) (step 3 of 3)"),
    *(
        case(f"above its limit of {facts['which']}", data("running", entry(50, "worker.limit", **facts)),
            led=f"12:00:50  above its limit: {facts['which']} {words}")
        for (facts, words) in (
            (
                {"which": "memory", "value": 2.1e9, "limit": 2e9, "do": "restart", "moved": "running failed"}
                    | {"reason": "memory is much; budget spent", "verdict": "budget spent"},
                "2.1 GB of 2.0 GB, so it was ended: failed (budget spent)"),
            ({"which": "cpu", "value": 199.5, "limit": 150, "do": "notify"}, "199.5 % of 150 %; it runs on"),
            ({"which": "age", "value": 90000.0, "limit": 86400.0, "do": "restart"},
                "1d 1h of 1d, so it is restarted"))
    ),
    case("limits, told beforehand", data("running", spec=LIMITED, pid=7),
        policy=["cpu above 150 % in 6 looks in a row: reported", "age above 1h: restarted"],
        next="it is restarted for its age, which is not counted at 13:00:00, in 59m"),
    case("not well by its probe",
        data("running", entry(40, "worker.unhealthy", kind="command", failures=2, reason="exited with code 1"),
            spec=replace(SPEC, live=NOTIFIED), pid=7, health="unready"),
        policy="asked every 30s whether its check command exits with 0; after 2 failures in a row it is only told",
        led="12:00:40  not well, told by its command probe: exited with code 1",
        next="it runs on; it counts as well again when its check command exits with 0"),
    *(
        case(f"ready {words}", data("starting", spec=replace(SPEC, ready=ready), pid=7),
            policy=f"ready {words}, within 1m, else it is ended as after a crash")
        for (ready, words) in ((Ready(unix="/run/a"), "when the socket /run/a accepts a connection"),
            (Ready(http=Http("http://a/h?key=SECRET")), "when http://a/h answers 2xx or 3xx"),
            (Ready(http=Http("http://a", (200, 204))), "when http://a answers 200, 204"),
            (Ready(command="x SECRET"), "when its check command exits with 0"),
            (Ready(log="up$"), "when its log has a line with up$"),
            (Ready(screen="> $"), "when its screen shows > $"))
    ),
]
# fmt: on


@pytest.mark.parametrize(("answer", "told"), CASES)
def test_what_is_told_of(answer: Data, told: dict[str, str | list[str]]) -> None:
    whole = lines(answer)
    assert "SECRET" not in "\n".join(whole)
    commands = [line.partition("   ")[0].removeprefix("panevisor ") for line in section("What you can do", answer)]
    found = {
        "state": whole[:1],
        "caution": whole[1:2],
        "led": section("What led here", answer),
        "waits": section("What it waits for", answer),
        "next": section("What happens next", answer),
        "can": [", ".join(map(str.strip, commands))],
    }
    policy = section("What its policy says", answer)
    for line in listed(told.get("policy", [])):
        assert line in policy or (line.startswith("- ") and line[2:] not in " ".join(policy)), policy
    for what, words in ((what, words) for what, words in told.items() if what != "policy"):
        wanted, shown = listed(words), found[what]
        if wanted[0] == "…":
            wanted, shown = wanted[1:], shown[1 - len(wanted) :]
        assert len(wanted) == len(shown), shown
        assert all(map(is_like, wanted, shown)), shown


def listed(words: str | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else words


def is_like(pattern: str, line: str) -> bool:
    if pattern.startswith("…"):
        return line.endswith(pattern[1:])
    return line.startswith(pattern[:-1]) if pattern.endswith("…") else line == pattern


# ── what the answer is made of ────────────────────────────────────────────────────────────────────────────────────


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


def test_what_a_life_has_used_is_told() -> None:
    assert "  it has reported 12,000 tokens, cost 1.50" not in lines(data("running", pid=7))
    assert "it has reported 12,000 tokens, cost 1.50" in lines(data("running", pid=7, cost=1.5, tokens=12000))
