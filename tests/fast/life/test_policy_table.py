"""The table "Cause × policy" of docs/restarts.md, cell by cell: the table is the expectation."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kit import ROOT
from kit.life import PROBED, Story, at, corpse_of, ordered, pane_of, running, starting

from actors.life.adoption import Begin, Judge, World, born, plan
from actors.life.state import State
from actors.values.facts import Exit, ProbeFailed, Purpose, Refusal, ServerDied, StartRefused, Tree, TreeSeen, Verb
from actors.values.records import Record
from actors.values.spec import Backoff, ExitAction, ExitRule, Limit, Limits, Live, Restart, Rung, Stall, WorkerSpec

S = State
PAGE = (ROOT / "docs/restarts.md").read_text()
PAUSE, RETRY = 7.0, 600.0
OK, BAD, SEGV = 0, 75, 11


@dataclass(frozen=True)
class Cell:
    cause: str
    restart: Restart
    said: str


def cells() -> list[Cell]:
    """Return the table's cells; `**bold**` and notes in brackets are for people."""
    section = PAGE.partition("## Cause × policy")[2].partition("\n## ")[0]
    header, _, *rows = [line for line in section.splitlines() if line.startswith("|")]
    policies = [Restart(word) for word in re.findall(r'restart = "([a-z-]+)"', header)]
    found = []
    for row in rows:
        cause, *outcomes = [part.strip() for part in row.strip("|").split(" | ")]
        found += [Cell(cause, restart, said) for restart, said in zip(policies, outcomes, strict=True)]
    return found


# how to bring a cause about; each is told the policy and whatever else it needs


def _policy(restart: Restart, **more: Any) -> dict[str, Any]:
    return {"restart": restart, "ok_exit_codes": (OK,), "backoff": Backoff(initial=PAUSE, jitter=0.0), **more}


def _rule(action: ExitAction) -> Callable[[Restart], Story]:
    """All that a rule can name, and in each case a later rule that says otherwise."""

    def bring_about(restart: Restart) -> Story:
        other = ExitAction.FAIL if action is not ExitAction.FAIL else ExitAction.COMPLETE
        first, second = ExitRule(do=action, codes=(OK, BAD), signals=(SEGV,)), ExitRule(do=other, codes=(OK, BAD))
        policy = _policy(restart, on_exit=(first, second))
        stories = [running(**policy).exits(OK), running(**policy).exits(BAD), running(**policy).exits(None, SEGV)]
        assert len({(s.w.state, s.w.next_start is None) for s in stories}) == 1
        return stories[1]

    return bring_about


def _spends(restart: Restart, **more: Any) -> Story:
    """It crashes at once as often as it may, by a rule where nothing else restarts it, and once more."""
    rule = (ExitRule(do=ExitAction.BACKOFF, codes=(BAD,)),)
    s = running(**_policy(restart, max_restarts=2, on_exit=rule, **more))
    for _ in range(2):
        s.exits(BAD)
        assert s.w.state is S.BACKOFF
        s.wait(PAUSE * 3).begun()
    return s.exits(BAD)


def _not_ready(restart: Restart) -> Story:
    s = ordered(**_policy(restart, ready=PROBED)).begun()
    return s.too_late()


def _never_listens(restart: Restart) -> Story:
    return ordered(**_policy(restart, ready=PROBED)).begun().exits(OK)


def _cannot_start(restart: Restart) -> Story:
    s = ordered(**_policy(restart))
    return s.tell(StartRefused(s.life, Refusal.IMPOSSIBLE, "there is no program /bin/nosuch"))


def _tmux_died(restart: Restart) -> Story:
    s = running(**_policy(restart, max_restarts=0))
    s.tell(ServerDied())
    return s


def _booted(spec: WorkerSpec) -> State:
    decision = plan(Record(spec=spec, ready=True, life="l1"), (), World(rebooted=True, died={0}))
    assert isinstance(decision, Begin)
    worker, _ = born(Record(spec=spec), decision, "s", at(1000.0))
    assert worker.budget.attempt == worker.budget.restarts == 0
    return worker.state


def _unwatched(spec: WorkerSpec, exit: Exit) -> State:
    worker, _ = born(Record(spec=spec), Judge("l1", corpse_of("l1"), exit, None), "s", at(1000.0))
    assert worker.budget.restarts == 0
    return worker.state


def _hangs(restart: Restart) -> Story:
    """Silent for so long that the ladder's only step comes; a tree above its memory comes to the same."""
    stall = Stall(after=10.0, ladder=(Rung(do="restart"),))
    s = running(**_policy(restart, stall=stall))
    s.seen(pane_of(s.life)).wait(10.0).seen(pane_of(s.life))
    grown = running(**_policy(restart, limits=Limits(memory=Limit(5))))
    grown.tell(TreeSeen(grown.now + 0.0005, 1, Tree(6, None, ())))
    assert (grown.w.state, grown.w.next_start is None) == (s.w.state, s.w.next_start is None)
    return s


def _unwell(restart: Restart) -> Story:
    s = running(**_policy(restart, live=Live(tcp="127.0.0.1:1", failures=2)))
    return s.tell(*(ProbeFailed(s.life, "refused", Purpose.LIVE) for _ in range(2)))


def _grows_old(restart: Restart) -> Story:
    s = running(**_policy(restart, limits=Limits(age=Limit(60.0)))).wait(61.0)
    s.tell(TreeSeen(s.now + 0.0005, 1, Tree(1, None, ())))
    return s.exits(BAD)


CAUSES: dict[str, Callable[[Restart], Story]] = {
    'an `on_exit` rule with `do = "restart-now"`': _rule(ExitAction.RESTART_NOW),
    'an `on_exit` rule with `do = "backoff"`': _rule(ExitAction.BACKOFF),
    'an `on_exit` rule with `do = "complete"`': _rule(ExitAction.COMPLETE),
    'an `on_exit` rule with `do = "fail"`': _rule(ExitAction.FAIL),
    "an exit code in `ok_exit_codes`": lambda restart: running(**_policy(restart)).exits(OK),
    "an exit code in `ok_exit_codes` before it listened, with `ready` by `tcp`, `unix` or `http`": _never_listens,
    "another exit code": lambda restart: running(**_policy(restart)).exits(BAD),
    "a signal (`kill -9`, a crash)": lambda restart: running(**_policy(restart)).exits(None, 9),
    "not ready within `ready.timeout` (Panevisor ends it)": _not_ready,
    "a stall ladder that reached `restart`, or a limit that was exceeded (Panevisor ends it)": _hangs,
    "an age above `limits.age` (Panevisor ends it)": _grows_old,
    "`live` failed `failures` times in a row (Panevisor ends it)": _unwell,
    "a cause above that restarts it, with the budget spent": _spends,
    'the same with `retry = "10m"`': lambda restart: _spends(restart, retry=RETRY),
    "a start that is impossible: program, permission or folder missing": _cannot_start,
    "`panevisor stop`": lambda restart: starting(**_policy(restart)).order(Verb.STOP).exits(BAD),
    "a crash of the tmux server, or a reboot of the machine": _tmux_died,
}
UNWATCHED = "any cause while no service ran"


def _pause(s: Story) -> float | None:
    """Return how long it waits, counted from the moment when that was decided."""
    return None if s.w.next_start is None else s.w.next_start.mono - s.w.since.mono


def _comes_to(said: str, s: Story) -> bool:
    """Whether the story has come to what the cell says; a cell with other words is an error."""
    state, pause = s.w.state, _pause(s)
    match said.partition(" (")[0]:
        case "starts again after the pause":
            return state is S.BACKOFF and pause == pytest.approx(PAUSE) and not s.w.budget.slow
        case "starts again at once":  # the pause is none, and over as soon as nothing is left of the old tree
            return state is S.STARTING and (s.w.budget.attempt, s.w.lives) == (1, 2)
        case "starts again every 10 minutes":
            return state is S.BACKOFF and pause == pytest.approx(RETRY) and s.w.budget == _slow(s)
        case "starts again at once, nothing is counted":
            return (state, s.w.budget.attempt, s.w.budget.restarts, s.w.lives) == (S.STARTING, 0, 0, 2)
        case "starts again, nothing is counted":
            return state is S.PENDING and s.w.budget.attempt == 0 and _booted(s.w.spec) is S.PENDING
        case "stopped, until `start`":
            return state is S.STOPPED and s.order(Verb.START).w.state is S.PENDING
        case "failed, and the reason names it":
            return state is S.FAILED and "/bin/nosuch" in s.w.reason
        case "failed":
            return state is S.FAILED and s.w.reason != ""
        case "completed":
            return state is S.COMPLETED
    raise AssertionError(f"the table says something that this test does not know: {said}")


def _slow(s: Story) -> Any:
    assert "budget spent, tried every 10m" in s.w.reason
    assert (s.w.budget.attempt, s.w.budget.restarts, s.w.budget.slow) == (3, 3, True)
    return s.w.budget


@pytest.mark.parametrize(
    "cell", [cell for cell in cells() if cell.cause != UNWATCHED], ids=lambda cell: f"{cell.cause} × {cell.restart}"
)
def test_each_cell_of_the_table_is_what_happens(cell: Cell) -> None:
    story = CAUSES[cell.cause](cell.restart)
    assert _comes_to(cell.said, story), (story.w.state, story.w.reason, story.w.next_start)


def test_the_table_has_every_cause_under_every_policy() -> None:
    assert [cell.cause for cell in cells()[::3]] == [*CAUSES, UNWATCHED]
    assert [cell.restart for cell in cells()[:3]] == list(Restart)


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.cause == UNWATCHED], ids=lambda cell: cell.restart)
def test_an_unwatched_death_comes_to_what_the_table_says_of_its_exit_only_at_once(cell: Cell) -> None:
    assert cell.said == "as above by its true exit code, at once"
    exits = {
        "an exit code in `ok_exit_codes`": Exit(OK, None, 0.0),
        "another exit code": Exit(BAD, None, 0.0),
        "a signal (`kill -9`, a crash)": Exit(None, 9, 0.0),
    }
    plain = WorkerSpec(name="api", command="x", cwd="/", **_policy(cell.restart))
    for cause, exit in exits.items():
        watched = next(other.said for other in cells() if other.cause == cause and other.restart == cell.restart)
        assert _unwatched(plain, exit) == {"failed": S.FAILED, "completed": S.COMPLETED}.get(watched, S.PENDING)
    for action in ExitAction:
        ruled = WorkerSpec(
            name="api", command="x", cwd="/", **_policy(cell.restart, on_exit=(ExitRule(do=action, codes=(BAD,)),))
        )
        wanted = {ExitAction.FAIL: S.FAILED, ExitAction.COMPLETE: S.COMPLETED}.get(action, S.PENDING)
        assert _unwatched(ruled, Exit(BAD, None, 0.0)) is wanted
