"""What would happen: the same clauses as in the service, on a virtual clock."""

import json
from pathlib import Path
from typing import Any

import pytest
from kit.command import run_here
from kit.life import Story, spec
from kit.life import running as a_running_worker

from actors.values.effects import Emit
from actors.values.spec import Backoff, ExitAction, ExitRule, Ready, Restart, Window
from supervisor.commands.files.simulate import parsed
from supervisor.explain.simulation import Crash, Happened, Outcome, simulate
from supervisor.wire.errors import CommandError


def told(crashes: list[Crash], until: float = 600.0, **policy: Any) -> tuple[list[tuple[float, str]], Outcome]:
    lines, outcome = simulate(spec(**policy), crashes, until)
    return [(line.at, line.after) for line in lines if line.after not in ("pending", "starting")], outcome


def test_the_default_policy_gives_up_after_the_sixth_crash() -> None:
    lines, outcome = told([Crash(3.0)])
    assert [at for at, state in lines if state == "running"] == [0.0, 4.0, 9.0, 16.0, 27.0, 46.0]
    assert lines[-1] == (49.0, "failed")
    assert (outcome.state, outcome.lives, outcome.restarts, outcome.endless) == ("failed", 6, 5, False)
    assert "5 restarts without a healthy life" in outcome.reason


def test_after_the_given_crashes_it_lives_on_and_they_are_forgiven() -> None:
    lines, outcome = simulate(spec(), [Crash(3.0, 5)], 600.0)
    assert lines[-1] == Happened(106.0, "running", "running", "healthy", "earlier crashes are forgiven")
    assert (outcome.state, outcome.at, outcome.lives) == ("running", 600.0, 6)


def test_a_policy_that_never_gives_up_says_so() -> None:
    assert told([Crash(3.0)], max_restarts=-1)[1].endless
    assert told([Crash(61.0)])[1].endless  # each life is healthy
    assert told([Crash(3.0)], retry=60.0)[1].endless
    assert told([Crash(3.0, signal=11, code=None)], retry=60.0, on_exit=(_at_once(11),))[1].endless
    window = {"max_restarts": -1, "max_restarts_in": Window(5, 60.0)}
    assert told([Crash(30.0)], **window)[1].endless
    assert not told([Crash(1.0)], backoff=Backoff(initial=0.1, max=0.1, jitter=0.0), **window)[1].endless


def _at_once(signal: int) -> ExitRule:
    return ExitRule(do=ExitAction.RESTART_NOW, signals=(signal,))


def test_what_is_not_over_says_when_it_would_give_up() -> None:
    _, outcome = told([Crash(3.0)], until=20.0)
    assert (outcome.endless, outcome.gives_up_at) == (False, 49.0)
    assert told([Crash(3.0)], until=20.0, restart=Restart.NEVER)[1].state == "failed"
    assert told([Crash(3.0, code=0)])[1].state == "completed"


def test_lives_that_end_before_they_are_ready_are_simulated_too() -> None:
    lines, outcome = told([Crash(3.0)], ready=Ready(delay=5.0))
    assert (outcome.state, [state for _, state in lines].count("running")) == ("failed", 0)


def test_lives_without_length_and_pauses_without_length_come_to_an_end() -> None:
    outcome = told([Crash(0.0)], max_restarts=-1, backoff=Backoff(initial=0.0, jitter=0.0))[1]
    assert outcome.cut
    assert outcome.endless
    assert 0 < outcome.at < 600


def test_it_is_what_the_worker_s_own_steps_say() -> None:
    """A Story is a worker that the test tells each fact; the simulation tells the same facts by itself."""
    story: Story = a_running_worker()
    for _ in range(5):
        story.now = story.w.life.since.mono + 3.0 if story.w.life else story.now
        story.exits(1)
        pause = story.w.next_start
        assert pause is not None
        story.wait(pause.mono - story.now).begun()
    story.exits(1)
    own = [(e.transition, e.facts["cause"]) for e in story.all if isinstance(e, Emit) and e.transition]
    lines, _ = simulate(story.w.spec, [Crash(3.0)], 600.0)
    assert [((line.before, line.after), line.cause) for line in lines] == own


@pytest.mark.parametrize(
    ("text", "crash"),
    [
        ("web@3s×5", Crash(3.0, 5)),
        ("web@3sx5", Crash(3.0, 5)),
        ("web@2", Crash(2.0)),
        ("web@1m30s:code=2", Crash(90.0, code=2)),
        ("web@3s×2:signal=segv", Crash(3.0, 2, None, 11)),
        ("web@3s:signal=9", Crash(3.0, None, None, 9)),
    ],
)
def test_a_crash_is_read(text: str, crash: Crash) -> None:
    assert parsed(text) == ("web", crash)


@pytest.mark.parametrize(
    "text", ["web", "web@", "web@3q", "web@3s×0", "web@3s:code=256", "web@3s:signal=NO", "web@3s:x=1", "web@3s:code=1:"]
)
def test_a_wrong_crash_is_told_with_its_text(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        parsed(text)
    assert (refused.value.exit_code, f"--crash {text}: " in refused.value.message) == (2, True)


def test_the_command_shows_lines_and_a_verdict_for_each_worker(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(
        '[workers.web]\ncommand = "x"\nreplicas = 2\n[workers.api]\ncommand = "x"\nmax_restarts = -1\n'
    )
    run = run_here(["simulate", "p.toml", "--crash", "web@3s", "--crash", "a*@1s", "--for", "2m"], tmp_path, {})
    assert run.returncode == 0, run.stderr
    for part in (
        "web-1: ",
        "web-2: ",
        "at 49s: failed after 6 lives, 5 restarts",
        "each life of 1s, exited with code 1",
        "3s  backoff  exited with code 1; restart 1 of 5 in 1s",
        "NEVER GIVES UP on such crashes (up to 59 restarts an hour)",
    ):
        assert part in run.stdout
    unknown = run_here(["simulate", "p.toml", "--crash", "wob@3s"], tmp_path, {})
    assert (unknown.returncode, unknown.stdout) == (4, "")
    data = json.loads(run_here(["simulate", "p.toml", "--crash", "api@1s", "-o", "json"], tmp_path, {}).stdout)
    assert [(each["worker"], each["outcome"]["endless"]) for each in data] == [("api", True)]
