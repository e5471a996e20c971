"""What a worker's life makes of its probes: readiness with thresholds, and liveness. Pure."""

from dataclasses import replace
from typing import Any

import pytest
from kit.life import PROBED, Story, ordered, pane_of, starting

from actors.life.machine import due
from actors.life.state import State
from actors.values.effects import Emit, EndProbe, Probe, ShowScreen
from actors.values.facts import PaneSeen, ProbeFailed, ProbeSucceeded, ProbeUnknown, ProcessEnded, Purpose, Verb
from actors.values.snapshot import row_of
from actors.values.spec import Do, Live, Ready

S = State
LIVE = Live(http=None, tcp="127.0.0.1:1", failures=3)
READY = Purpose.READY
LOGGED = Ready(log="listening", timeout=20.0)


def alive(**policy: Any) -> Story:
    """Running, and asked whether it is well."""
    return ordered(**({"live": LIVE} | policy)).begun()


def fails(s: Story, times: int, purpose: Purpose = Purpose.LIVE) -> Story:
    for _ in range(times):
        s.tell(ProbeFailed(s.life, "connection refused", purpose))
    return s


def unknown(s: Story, since: float) -> Story:
    return s.tell(ProbeUnknown(s.life, since, READY))


def succeeds(s: Story, purpose: Purpose = Purpose.LIVE) -> Story:
    return s.tell(ProbeSucceeded(s.life, purpose))


def health(s: Story) -> str | None:
    return row_of(s.w, log_path="", log_bytes=None).health


def events(s: Story) -> list[str]:
    return [effect.event for effect in s.all if isinstance(effect, Emit)]


# ── readiness ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_probe_of_a_life_that_got_ready_is_given_up() -> None:
    s = succeeds(starting(ready=PROBED), READY)
    assert s.did(EndProbe) == [EndProbe("s-1")]
    assert s.w.state is S.RUNNING


def test_failures_of_a_starting_life_only_cost_time_by_default() -> None:
    s = fails(starting(ready=PROBED), 1000, READY)
    assert s.w.state is S.STARTING
    fails(s.wait(20), 1, READY)
    assert s.w.state is S.BACKOFF
    assert s.line.facts["reason"] == "not ready within 20s (connection refused)"


def test_a_last_try_decides_whether_it_got_ready_in_time() -> None:
    """The service may have been stopped meanwhile: that its time is up tells nothing about the worker."""
    s = fails(starting(ready=PROBED), 3, READY).wait(19.9)
    assert s.did(Probe) == []
    assert [(probe.life, probe.purpose) for probe in s.wait(0.2).did(Probe)] == [("s-1", READY)]
    assert due(s.w) is None
    assert s.wait(60).last == ()
    assert succeeds(s, READY).w.state is S.RUNNING


def test_successes_in_a_row_go_on_past_the_time_and_the_first_failure_ends_them() -> None:
    s = starting(ready=replace(PROBED, successes=2)).wait(20)
    assert succeeds(s, READY).w.state is S.STARTING
    assert fails(s, 1, READY).w.state is S.BACKOFF


def test_the_time_to_get_ready_moves_on_by_the_time_in_which_no_try_could_be_made() -> None:
    s = starting(ready=LOGGED)
    fails(s.wait(5), 1, READY)
    last = s.now
    for _ in range(3):
        unknown(s.wait(10), last)
    assert s.w.state is S.STARTING
    assert due(s.w) is None  # its next try decides
    fails(s.wait(10), 1, READY)
    assert s.w.state is S.STARTING
    assert due(s.w) == pytest.approx(s.now + 15, abs=0.1)
    fails(s.wait(15), 1, READY)
    assert s.w.state is S.BACKOFF


def test_an_outage_that_began_before_the_last_try_counts_from_the_try_before_it() -> None:
    s = starting(ready=LOGGED)
    fails(s.wait(19), 1, READY)
    last = s.now
    s.wait(1)  # the last try is asked for, and cannot be made
    unknown(s.wait(2), last)
    fails(s.wait(28), 1, READY)
    assert s.w.state is S.STARTING
    assert due(s.w) == pytest.approx(s.now + 1, abs=0.1)


def test_a_starting_life_is_given_up_after_so_many_failures_if_the_policy_says_so() -> None:
    s = fails(starting(ready=replace(PROBED, failures=3)), 2, READY)
    assert s.w.state is S.STARTING
    fails(s, 1, READY)
    assert (s.w.state, s.signals) == (S.BACKOFF, ["TERM"])
    assert s.did(EndProbe) == [EndProbe("s-1")]
    assert s.line.facts["reason"] == "not ready after 3 tries (connection refused)"


def test_a_changed_check_counts_for_the_life_that_is_starting() -> None:
    s = starting(ready=PROBED)
    s.respec(ready=Ready(unix="/s", timeout=20.0))
    assert [(probe.life, probe.check.unix) for probe in s.did(Probe)] == [("s-1", "/s")]
    s.respec(ready=Ready())
    assert s.did(EndProbe) == [EndProbe("s-1")]
    assert s.w.state is S.RUNNING


# ── liveness ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unhealthy_worker_is_ended_and_counts_as_crashed() -> None:
    s = fails(alive(), 3)
    assert (s.w.state, s.w.budget.attempt, s.signals) == (S.BACKOFF, 1, ["TERM"])
    assert (s.line.event, s.line.transition) == ("worker.unhealthy", (S.RUNNING, S.BACKOFF))
    assert s.line.facts["reason"] == "not well: connection refused"
    assert s.line.facts["kind"] == "tcp"
    assert s.did(EndProbe) == [EndProbe("s-1")]
    assert s.exits(0).wait(5).w.state is S.STARTING


def test_with_notify_it_is_told_once_and_shown_until_it_is_well() -> None:
    s = fails(alive(live=replace(LIVE, do=Do.NOTIFY)), 10)
    assert (s.w.state, health(s), s.signals) == (S.RUNNING, "unready", [])
    assert events(s).count("worker.unhealthy") == 1
    succeeds(s)
    assert (health(s), events(s)[-1]) == ("ok", "worker.healthy")
    succeeds(succeeds(s))
    assert events(s).count("worker.healthy") == 1


@pytest.mark.parametrize("fact", [ProbeFailed("s-0", "x", Purpose.LIVE), ProbeFailed("s-1", "x", READY)])
def test_what_is_told_of_another_life_or_for_another_purpose_changes_nothing(fact: ProbeFailed) -> None:
    s = alive(live=replace(LIVE, failures=1))
    before = s.w
    s.tell(fact)
    assert (s.w, s.last) == (before, ())


def test_a_worker_whose_process_has_ended_is_not_judged_by_its_probe() -> None:
    s = alive(live=replace(LIVE, failures=1)).tell(ProcessEnded("s-1"))
    fails(s, 1)
    assert s.w.state is S.RUNNING
    assert s.exits(0).w.state is S.COMPLETED


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.COMPLETE, Verb.REMOVE, Verb.DOWN])
def test_what_is_being_ended_is_asked_no_more(verb: Verb) -> None:
    s = alive().order(verb)
    assert s.did(EndProbe) == [EndProbe("s-1")]
    assert fails(s, 10).w.state is S.STOPPING


def test_a_changed_liveness_is_applied_to_the_running_worker() -> None:
    s = fails(alive(), 2)
    s.respec(live=replace(LIVE, failures=2))
    assert [probe.check.failures for probe in s.did(Probe)] == [2]
    assert fails(s, 1).w.state is S.RUNNING  # counted anew
    s.respec()
    assert (s.did(EndProbe), s.did(Probe)) == ([EndProbe("s-1")], [])


# ── screens ───────────────────────────────────────────────────────────────────────────────────────────────────────


def shows(s: Story, screen: bytes) -> Story:
    s.now += 0.001
    return s.tell(PaneSeen(s.now, pane_of(s.life), screen))


def test_a_screen_that_is_probed_is_shown_to_the_probe_when_it_changes() -> None:
    s = shows(starting(ready=Ready(screen="ready>")), b"booting")
    assert s.did(ShowScreen) == [ShowScreen("s-1", b"booting")]
    assert shows(s, b"booting").did(ShowScreen) == []
    assert shows(starting(ready=PROBED), b"booting").did(ShowScreen) == []


def test_the_screen_of_the_life_before_is_not_shown() -> None:
    s = shows(starting(ready=Ready(screen="ready>")), b"ready>")
    s.exits(1).wait(5)
    s.begun()
    assert s.did(Probe)[0].screen is None


def test_a_liveness_probe_begins_with_what_the_pane_shows() -> None:
    s = shows(starting(ready=PROBED, live=Live(screen=">")), b"ready>")
    assert succeeds(s, READY).did(Probe)[0].screen == b"ready>"
