"""What a main process leaves behind: stragglers, programs that go into the background, and those that may do so."""

from dataclasses import replace
from pathlib import Path

import pytest
from kit.life import PROBED, S, Story, adopted, at, corpse_of, pane_of, running, starting

from actors.life.adoption import Adopt, World, plan
from actors.life.background import STRAGGLE, UNANSWERED
from actors.life.state import State
from actors.values.effects import Emit, EndTree, KeepDeath, SeekTree, Watch
from actors.values.facts import Handle, Member, PaneAbsent, ProcessEnded, ServerDied, TreeFound, Verb
from actors.values.records import Record
from actors.values.spec import Background, Backoff, ExitAction, ExitRule, Live, Ready, Restart
from supervisor.tmux.daemons import goes_behind, shell_script

DAEMON = Member(Handle(200, 200), "nginx")
CHILD = Member(Handle(201, 201), "nginx")


def leaves(*left: Member, code: int = 0, **policy: object) -> Story:
    """A running worker whose main process ends and leaves these processes."""
    s = running(**policy)
    s.left = left
    return s.tell(ProcessEnded("s-1")).seen(corpse_of("s-1", code))


def settled(s: Story) -> Story:
    """Pass the time in which stragglers may end."""
    until = s.now + STRAGGLE + 1
    while s.now < until:
        s.wait(0.1)
    return s


def death(s: Story) -> KeepDeath:
    (kept,) = s.ever(KeepDeath)
    return kept


def test_a_program_that_goes_into_the_background_has_failed_and_says_what_to_do() -> None:
    s = settled(leaves(DAEMON, CHILD))
    assert s.w.state is S.FAILED
    said = (
        "exited with code 0 and went into the background: 2 processes (nginx (pid 200), nginx (pid 201)) were ended; "
        "run it in the foreground, for nginx `-g 'daemon off;'`"
    )
    assert s.line.facts["reason"].startswith(said)
    assert (s.line.facts["cause"], s.line.facts["left"]) == ("background", ["nginx (pid 200)", "nginx (pid 201)"])
    assert death(s).death.reason.startswith(said)
    (ended,) = s.ever(EndTree)
    assert {DAEMON.process, CHILD.process} <= set(ended.last)


@pytest.mark.parametrize(
    ("restart", "state"), [(Restart.ALWAYS, S.BACKOFF), (Restart.NEVER, S.FAILED), (Restart.ON_FAILURE, S.FAILED)]
)
def test_every_restart_policy_tells_of_the_background(restart: Restart, state: State) -> None:
    s = settled(leaves(DAEMON, restart=restart))
    assert (s.w.state, s.line.facts["cause"]) == (state, "background")
    assert "went into the background" in s.w.reason


def test_a_straggler_that_ends_by_itself_is_no_background_program() -> None:
    s = leaves(DAEMON).wait(STRAGGLE / 2)
    assert s.w.state is S.RUNNING
    s.left = ()
    settled(s)
    assert (s.w.state, s.w.reason) == (S.COMPLETED, "exited with code 0")
    assert "left" not in s.line.facts


def test_nothing_is_signalled_while_stragglers_may_end() -> None:
    assert not leaves(DAEMON).wait(STRAGGLE / 2).ever(EndTree)


def test_a_crash_is_judged_at_once_and_names_what_it_left() -> None:
    s = leaves(DAEMON, code=1)
    assert (s.w.state, s.line.facts["cause"]) == (S.BACKOFF, "exit")
    assert s.w.reason == "exited with code 1; 1 process (nginx (pid 200)) that it left was ended"


def test_what_an_on_exit_rule_completes_has_ended_well_as_well() -> None:
    s = settled(leaves(DAEMON, code=3, on_exit=(ExitRule(do=ExitAction.COMPLETE, codes=(3,)),)))
    assert (s.w.state, s.line.facts["cause"]) == (S.FAILED, "background")


def test_with_end_what_is_left_is_ended_and_the_exit_counts() -> None:
    s = leaves(DAEMON, background=Background.END)
    assert (s.w.state, s.line.facts["left"]) == (S.COMPLETED, ["nginx (pid 200)"])


@pytest.mark.parametrize("left", [(), (DAEMON,)])
def test_a_look_that_is_not_answered_does_not_hold_the_verdict_for_ever(left: tuple[Member, ...]) -> None:
    s = leaves(*left) if left else running()
    s.left = None
    s.tell(ProcessEnded("s-1")).seen(corpse_of("s-1", 0))
    s.wait(UNANSWERED).wait(UNANSWERED).wait(UNANSWERED)
    assert s.w.state is (S.FAILED if left else S.COMPLETED)


@pytest.mark.parametrize("ready_first", [True, False])
def test_the_look_and_the_exit_may_come_in_any_order(*, ready_first: bool) -> None:
    s = running()
    s.left = None
    s.tell(ProcessEnded("s-1"))
    if ready_first:
        s.tell(TreeFound("s-1", ())).seen(corpse_of("s-1", 0))
    else:
        s.seen(corpse_of("s-1", 0))
        assert s.w.state is S.RUNNING
        s.tell(TreeFound("s-1", ()))
    assert s.w.state is S.COMPLETED


def test_a_life_of_which_nobody_is_left_is_not_ended_once_more() -> None:
    s = running(restart="always", backoff=Backoff(initial=0)).tell(ProcessEnded("s-1"), TreeFound("s-1", (), sure=True))
    assert s.w.state is S.RUNNING
    s.seen(corpse_of("s-1", 1))
    assert (s.w.state, s.ever(EndTree)) == (S.STARTING, [])


def test_a_stop_ends_a_life_of_which_nobody_was_found() -> None:
    s = running().tell(ProcessEnded("s-1"), TreeFound("s-1", (), sure=True)).order(Verb.STOP)
    assert (s.w.state, s.signals) == (S.STOPPING, ["TERM"])
    assert s.gone().seen(corpse_of("s-1", 0)).w.state is S.STOPPED


def test_where_a_check_may_begin_a_command_the_tree_is_ended_all_the_same() -> None:
    s = (
        running(live=Live(command="true"))
        .tell(ProcessEnded("s-1"), TreeFound("s-1", (), sure=True))
        .seen(corpse_of("s-1", 1))
    )
    assert s.signals == ["TERM"]


def test_an_exit_that_a_sweep_tells_first_is_looked_at_as_well() -> None:
    s = running()
    s.left = None
    assert s.seen(corpse_of("s-1", 0)).did(SeekTree) == [SeekTree("s-1", Handle(100, 100), (), server=0)]


def test_a_stop_while_stragglers_may_end_ends_them() -> None:
    s = leaves(DAEMON).order(Verb.STOP)
    assert (s.w.state, s.signals) == (S.STOPPING, ["TERM"])
    assert s.gone().w.state is S.STOPPED
    assert death(s).death.exit_code == 0


def test_an_exit_before_the_death_of_tmux_is_judged() -> None:
    s = leaves(DAEMON).tell(ServerDied())
    assert death(s).death.exit_code == 0
    assert s.w.state is S.FAILED


# background = "allow"


def behind(*left: Member) -> Story:
    return settled(leaves(*(left or (DAEMON, CHILD)), background=Background.ALLOW))


def test_a_worker_that_may_go_into_the_background_lives_as_what_it_left() -> None:
    s = behind()
    assert (s.w.state, s.w.life and s.w.life.process) == (S.RUNNING, DAEMON.process)
    assert Watch("s-1", DAEMON.process) in s.all
    (line,) = [e for e in s.ever(Emit) if e.event == "worker.in_background"]
    assert line.facts["left"] == ["nginx (pid 200)", "nginx (pid 201)"]
    assert not s.ever(EndTree)


def test_its_dead_pane_is_no_end_and_may_be_closed() -> None:
    s = behind().seen(corpse_of("s-1", 0)).absent()
    assert (s.w.state, s.w.pane) == (S.RUNNING, None)


def test_it_goes_on_with_the_next_process_when_the_eldest_ends() -> None:
    s = behind()
    s.left = (CHILD,)
    s.tell(ProcessEnded("s-1"))
    assert (s.w.state, s.w.life and s.w.life.process) == (S.RUNNING, CHILD.process)


def test_the_end_of_its_last_process_is_a_failure_because_nobody_can_read_its_exit() -> None:
    s = behind()
    s.left = ()
    s.tell(ProcessEnded("s-1"))
    assert (s.w.state, s.w.reason) == (S.BACKOFF, "ended, exit code not known")


def test_what_is_in_the_background_stops_as_any_worker_does() -> None:
    s = behind().order(Verb.STOP)
    (ending,) = s.ever(EndTree)
    assert (ending.process, ending.signal) == (DAEMON.process, "TERM")
    assert s.gone().w.state is S.STOPPED


def test_a_starting_worker_in_the_background_gets_ready() -> None:
    s = starting(background=Background.ALLOW)
    s.left = (DAEMON,)
    settled(s.tell(ProcessEnded("s-1")).seen(corpse_of("s-1", 0)))
    assert s.w.state is S.STARTING
    assert s.wait(5).w.state is S.RUNNING


def test_a_new_service_goes_on_with_what_is_in_the_background() -> None:
    s = behind()
    record = Record(spec=s.w.spec, ready=True, life="s-1", process=DAEMON.process)
    found = plan(record, (replace(corpse_of("s-1", 0), id="%1"),), World(rebooted=False))
    assert found == Adopt(corpse_of("s-1", 0), "s-1", DAEMON.process, ready=True, behind=True)
    a = adopted(found, background=Background.ALLOW)
    assert (a.w.state, len(a.ever(SeekTree))) == (S.RUNNING, 1)
    a.tell(TreeFound("s-1", (DAEMON,)))
    assert (a.w.state, a.w.life and a.w.life.process) == (S.RUNNING, DAEMON.process)


def test_a_person_who_respawns_the_pane_begins_anew() -> None:
    s = behind().seen(pane_of("s-1", pid=300))
    assert s.w.life is not None
    assert (s.w.life.behind, s.w.life.process) == (False, Handle(300, 300))


def test_facts_of_other_lives_change_nothing() -> None:
    s = leaves(DAEMON)
    assert s.tell(TreeFound("other", ())).w.state is S.RUNNING
    assert s.tell(PaneAbsent(at(0).mono)).w.state is S.RUNNING


# what nobody can see any more


def test_a_worker_that_always_lives_and_ends_well_at_once_is_told_of_the_background() -> None:
    s = running(restart=Restart.ALWAYS, command=("/usr/sbin/nginx",)).exits(code=0)
    hint = "(if it went into the background, run it in the foreground, for nginx `-g 'daemon off;'`)"
    assert (s.w.state, s.w.reason) == (S.BACKOFF, f"exited with code 0 {hint}")
    assert "background" not in running(restart=Restart.ALWAYS).wait(5).exits(code=0).w.reason
    assert "background" not in running().exits(code=1).w.reason


@pytest.mark.parametrize(("restart", "state"), [(Restart.ON_FAILURE, S.BACKOFF), (Restart.NEVER, S.FAILED)])
def test_who_ends_before_it_has_listened_has_not_ended_well(restart: Restart, state: State) -> None:
    s = starting(ready=PROBED, restart=restart).exits(code=0)
    assert s.w.state is state
    assert s.w.reason.startswith("exited with code 0 before it listened")
    assert starting(ready=Ready(log="x", timeout=20.0), restart=restart).exits(code=0).w.state is S.COMPLETED
    rule = (ExitRule(do=ExitAction.COMPLETE, codes=(0,)),)
    assert starting(ready=PROBED, restart=restart, on_exit=rule).exits(code=0).w.state is S.COMPLETED


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/sbin/nginx", "-c", "x"),
        ("redis-server", "--daemonize", "yes"),
        ("kafka", "-daemon"),
        ("/usr/bin/python3.11", "daemon.py"),
        ("./daemon.py",),
        ("uwsgi", "--daemonize=/var/log/x"),
        ("sh", "-c", "sleep 1000 &"),
        ("/bin/bash", "-lc", "cd x && java -jar y >log 2>&1 & echo $! >pid"),
        ("sh", "-c", "server & sleep 1"),
        ("sh", "-c", "(server &)\nPID=$!\necho $PID > pid; exit 0"),
        ("sh", "-c", "if x; then\n  server &  # in the background\nfi"),
    ],
)
def test_commands_that_go_into_the_background_by_their_own_words(argv: tuple[str, ...]) -> None:
    assert goes_behind(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("node", "x.js"),
        ("sh", "start.sh"),
        ("sh", "-c", "Xvfb :1 & exec pytest"),
        ("sh", "-c", "a && b"),
        ("sh", "-c", "server & wait"),
        ("sh", "-c", "server & trap 'kill 0' TERM; wait"),
        ("sh", "-c", "a &>x; echo b"),
        ("sh", "-c", "a 2>&1 | b"),
        ("sh", "-c", "a # x &"),
        ("sh", "-c", "while :; do a & sleep 5; done"),
        ("sh", "-c", "trap reload HUP; a & sleep 5"),
        ("sh", "-c", "exec a >x 2>&1"),
        ("sh", "-c", r"echo \&"),
        ("git", "fetch", "--daemons"),
        ("sh",),
    ],
)
def test_commands_that_may_stay_in_the_foreground(argv: tuple[str, ...]) -> None:
    assert not goes_behind(argv)


@pytest.mark.parametrize("argv", [("./start.sh",), ("sh", "start.sh"), ("bash", "-e", "start.sh", "prod")])
def test_a_start_script_tells_by_its_text_that_it_goes_behind(argv: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    script.write_text("#!/usr/bin/env bash\nset -e\njava -jar shop.jar >log 2>&1 &\necho $! > shop.pid\n")
    assert goes_behind(argv, shell_script(argv, str(tmp_path)))
    script.write_text("#!/bin/sh\nexporter &\nexec java -jar shop.jar\n")
    assert not goes_behind(argv, shell_script(argv, str(tmp_path)))


def test_only_shell_scripts_are_read(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/usr/bin/env node\nx &\n")
    (tmp_path / "data").write_text("x &\n")
    for argv in (("./tool",), ("./data",), ("tool",), ("sh", "-c", "x", "data"), ("sh", "gone"), ("sh",)):
        assert shell_script(argv, str(tmp_path)) == ""
