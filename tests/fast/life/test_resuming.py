"""A later life takes up the session of the one before, and begins by its own command where that was in vain."""

from dataclasses import replace
from typing import Any

from kit.life import S, Story, at, backoff, pane_of, pending, running

from actors.life.adoption import World, born, plan
from actors.life.resuming import session_rule, watched
from actors.values.attention import SessionSaid
from actors.values.command_text import Resume, SessionSource, TakeUp
from actors.values.effects import Emit, Start
from actors.values.facts import Handle, Instant, ServerDied, Started, Verb
from actors.values.records import Record
from actors.values.rules import Act, HoldUntil, LinesMatched, Match, Rule
from actors.worker import record_of

PATTERN = r"session: (\S+)"
LOG = Resume(command=("agent", "--resume", "{session}"), session=SessionSource(log=PATTERN))
REPORT = replace(LOG, session=SessionSource(report=True))
FILE = replace(LOG, session=SessionSource(file="/w/session"))
PLAIN = Resume(command=("agent", "--continue"))


def says(s: Story, session: str, life: str | None = None) -> Story:
    """The worker prints the line with its id."""
    match = Match(f"session: {session}", groups=(("0", ""), ("1", session)))
    return s.tell(LinesMatched(life or s.life, ((session_rule(PATTERN), match),)))


def again(s: Story) -> Story:
    """It crashes after a healthy life, and its next one is ordered."""
    s.wait(100)
    return s.exits(1).wait(60)


def taken_up(s: Story) -> TakeUp | None:
    """How its last start was to take up the session."""
    take_up: TakeUp | None = s.ever(Start)[-1].take_up
    return take_up


def lines(s: Story, event: str) -> list[dict[str, Any]]:
    return [dict(e.facts) for e in s.all if isinstance(e, Emit) and e.event == event]


def resumed(s: Story, session: str = "") -> Story:
    """tmux has carried out a start that takes up a session."""
    return s.tell(Started(s.life, "%1", Handle(200, 200), session=session))


def test_from_its_second_life_on_it_takes_up_the_session_that_it_has_told_last() -> None:
    s = running(resume=LOG)
    assert taken_up(s) is None
    assert s.w.spec.digest == running().w.spec.digest
    says(says(s, "a1"), "b2")
    assert taken_up(again(s)) == TakeUp(("agent", "--resume", "b2"))
    resumed(s)
    assert len(lines(s, "worker.resumed")) == 1
    assert taken_up(again(s)) == TakeUp(("agent", "--resume", "b2"))


def test_without_an_id_it_begins_by_its_command() -> None:
    assert taken_up(again(running(resume=LOG))) is None
    for session in ("", "--yolo", "two words", "a" * 300):
        assert taken_up(again(says(running(resume=LOG), session))) is None


def test_a_line_that_is_judged_after_its_life_counts() -> None:
    s = running(resume=LOG)
    life = s.life
    assert taken_up(says(s.exits(1), "late", life).wait(60)) == TakeUp(("agent", "--resume", "late"))


def test_a_report_tells_it_too_and_one_of_another_life_does_not() -> None:
    s = running(resume=REPORT)
    s.tell(SessionSaid(s.life, "r1"), SessionSaid("other", "r2"))
    assert taken_up(again(s)) == TakeUp(("agent", "--resume", "r1"))


def test_a_command_without_an_id_counts_from_the_second_life_on() -> None:
    s = running(resume=PLAIN)
    assert taken_up(s) is None
    assert taken_up(again(s)) == TakeUp(("agent", "--continue"))


def test_a_session_that_is_taken_up_in_vain_is_given_up_and_said_so() -> None:
    s = resumed(again(says(running(resume=LOG), "a1"))).exits(1)
    (line,) = lines(s, "worker.resume_failed")
    assert line["uptime_s"] < 1
    assert taken_up(s.wait(60)) is None
    s.begun(pid=300)
    assert taken_up(again(says(s, "c3"))) == TakeUp(("agent", "--resume", "c3"))


def test_a_command_without_an_id_that_fails_is_left_out_once() -> None:
    s = resumed(again(running(resume=PLAIN))).exits(1).wait(60)
    assert taken_up(s) is None
    assert taken_up(again(s.begun(pid=300))) is not None


def test_an_id_of_a_file_is_told_with_the_answer_and_what_was_spent_is_not_taken_again() -> None:
    s = again(running(resume=FILE))
    assert taken_up(s) == TakeUp(FILE.command, "/w/session")
    resumed(s, "f1").exits(1)
    assert len(lines(s, "worker.resume_failed")) == 1
    assert taken_up(s.wait(60)) is None
    assert taken_up(again(s.begun(pid=300))) == TakeUp(FILE.command, "/w/session", "f1")


def test_a_life_that_began_by_its_command_has_not_failed_at_a_session() -> None:
    s = again(running(resume=FILE)).begun(pid=200).exits(1)  # the file had none
    assert lines(s, "worker.resume_failed") == []
    assert taken_up(s.wait(60)) is not None


def test_a_life_that_is_ended_or_dies_with_tmux_or_is_held_has_not_failed() -> None:
    for end in ("restart", "tmux", "held"):
        limit = Rule(name="l", match="(x)", do=(Act(hold=HoldUntil(until="1", jitter=0.0)),))
        s = resumed(again(says(running(resume=LOG, rules=(limit,)), "a1")))
        match end:
            case "restart":
                s.order(Verb.RESTART).exits(0)
            case "tmux":
                s.tell(ServerDied()).gone().admitted()
            case "held":
                life = s.life
                s.exits(1)
                s.tell(LinesMatched(life, ((limit, Match("x", until=at(s.now).wall + 100)),))).wait(101)
        assert taken_up(s) == TakeUp(("agent", "--resume", "a1")), end


def test_the_session_outlives_the_service() -> None:
    record = record_of(resumed(again(says(running(resume=LOG), "a1"))).w)
    panes = (pane_of(record.life, pid=200, digest=record.spec.digest),)
    after = adopted_by(record, panes)
    assert after.w.session == record.session
    after.exits(1)  # it was young: that life had taken it up in vain, whoever sees it die
    assert len(lines(after, "worker.resume_failed")) == 1
    stopped = record_of(says(running(resume=LOG), "a1").order(Verb.STOP).exits(0).w)
    s = adopted_by(stopped, ()).order(Verb.START).admitted()
    assert taken_up(s) == TakeUp(("agent", "--resume", "a1"))


def adopted_by(record: Record, panes: Any) -> Story:
    after = Story(resume=record.spec.resume)
    after.w, after.all = replace(after.w, state=S.UNBORN), []
    process = record.process and replace(record.process, ticks=int((after.now - 5) * 100))
    now = Instant(after.now, at(after.now).wall)
    record, panes = replace(record, process=process), tuple(replace(p, process=process) for p in panes)
    return after.take(*born(record, plan(record, panes, World(False, False)), "t", now))


def test_a_worker_without_resume_is_as_it_was() -> None:
    s = backoff()
    assert (s.w.session, watched(s.w.spec)) == (None, ())
    assert pending(resume=LOG).w.session is None
