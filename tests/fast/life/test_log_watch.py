"""A log whose file is taken away under its writer is found, told of once, and armed again."""

from typing import Any

import pytest
from kit.life import Story, pane_of, running

from actors.life.log_watch import SLACK, Gap, LogWatch, Why, armed, look
from actors.values.effects import ArmLog, Emit
from actors.values.facts import Handle, LogSeen, Tree, TreeSeen

BORN = 100.0


def file(number: int = 3, **facts: Any) -> LogSeen:
    steady: dict[str, Any] = {"file": f"api.s-1-0.{number:06}", "number": number, "inode": 7, "size": 50}
    return LogSeen(**({"bytes": 50, "written_at": 200.0} | steady | facts))


def looked(*looks: LogSeen, output: float | None = None, watch: LogWatch | None = None) -> Gap | None:
    """Return what the last of these looks found."""
    watch, gap = watch or LogWatch(), None
    for seen in looks:
        assert gap is None
        watch, gap = look(watch, "%1", seen, output, BORN)
    return gap


@pytest.mark.parametrize(
    ("after", "gap"),
    [
        (file(size=60, written_at=201.0), None),
        (file(4, inode=8, written_at=201.0), None),
        (LogSeen(0), Gap(Why.DELETED, "api.s-1-0.000003", 200.0, 50)),
        (file(2, inode=6, written_at=190.0), Gap(Why.DELETED, "api.s-1-0.000003", 200.0, 50)),
        (file(0, file="api.s-2-0.000000", written_at=201.0), None),
        (file(inode=8, written_at=201.0), Gap(Why.REPLACED, "api.s-1-0.000003", 200.0, 50)),
        (file(size=0, written_at=201.0), Gap(Why.TRUNCATED, "api.s-1-0.000003", 200.0, 50)),
        (file(size=60, is_hollow=True, written_at=201.0), Gap(Why.TRUNCATED, "api.s-1-0.000003", 200.0, 50)),
    ],
)
def test_the_newest_file_is_compared_with_the_look_before(after: LogSeen, gap: Gap | None) -> None:
    assert looked(file(), after) == gap


def test_a_file_that_goes_missing_behind_the_writer_is_told_of_and_the_pipe_is_left_alone() -> None:
    hole = {"holes": 1, "hole": "api.s-1-0.000003", "inode": 8, "written_at": 201.0}
    assert looked(file(), file(4, **hole)) == Gap(Why.DELETED, "api.s-1-0.000003", 200.0, 50, is_over=True)
    assert looked(file(), file(5, **hole | {"hole": "api.s-1-0.000004"})).lost_bytes is None  # type: ignore[union-attr]
    assert looked(file(4, **hole), file(5, **hole)) is None
    s = running().seen(pane_of("s-1"))
    beat(s, file())
    (told,) = beat(s, file(4, **hole)).last
    assert isinstance(told, Emit)
    assert (told.event, told.facts["file"]) == ("worker.log_gap", "api.s-1-0.000003")
    assert beat(s, file(4, **hole)).last == ()


def test_a_log_that_began_with_a_nul_is_not_truncated() -> None:
    assert looked(file(is_hollow=True), file(is_hollow=True, size=60, written_at=201.0)) is None


def test_a_log_without_a_file_is_no_gap_until_the_worker_prints() -> None:
    assert looked(*[LogSeen(0)] * 3, output=BORN + SLACK) is None
    assert looked(*[LogSeen(0)] * 2, output=BORN + SLACK + 1) == Gap(Why.SILENT, None, BORN, 0)


def test_output_that_is_not_written_for_two_looks_in_a_row_is_a_gap() -> None:
    assert looked(file(), output=300.0) is None
    assert looked(file(), file(size=60, written_at=250.0), output=300.0) is None
    assert looked(file(), file(), output=300.0) == Gap(Why.SILENT, "api.s-1-0.000003", 200.0, 0)
    assert looked(*[file()] * 5, output=200.0 + SLACK) is None


def test_a_gap_is_told_once_until_something_is_written() -> None:
    watch = armed("%1", 400.0)
    assert looked(*[LogSeen(0)] * 5, output=500.0, watch=watch) is None
    watch, gap = look(watch, "%1", file(0, written_at=501.0), 501.0, BORN)
    assert (watch.is_told, gap) == (False, None)
    assert looked(LogSeen(0), output=501.0, watch=watch) == Gap(Why.DELETED, "api.s-1-0.000000", 501.0, 50)


def test_the_pipe_of_another_pane_is_another_matter() -> None:
    watch, _ = look(LogWatch(), "%1", file(), None, BORN)
    assert look(watch, "%2", LogSeen(0), None, BORN)[1] is None


def beat(s: Story, log: LogSeen | None) -> Story:
    return s.tell(TreeSeen(s.now, 1, Tree(1, 0.0, (Handle(100, 100),)), 0, log))


def test_a_deleted_log_is_armed_anew_with_one_event() -> None:
    s = running().seen(pane_of("s-1"))
    written = s.now + 1_700_000_000 - 5
    beat(s, file(written_at=written))
    assert beat(s, None).last == ()
    (told, order) = beat(s, LogSeen(0)).last
    assert isinstance(told, Emit)
    facts = {"why": "deleted", "file": "api.s-1-0.000003", "gap_s": 5.0, "lost_bytes": 50}
    assert (told.event, told.facts) == ("worker.log_gap", {"worker": "api", "life": "s-1", **facts})
    assert order == ArmLog("s-1", "%1", s.w.spec, anew=True)
    assert beat(s, LogSeen(0)).last == ()


def test_a_closed_pipe_is_told_of_once_and_opened_until_it_is_open() -> None:
    s = running()
    order = ArmLog("s-1", "%1", s.w.spec)
    told, *orders = s.seen(pane_of("s-1", piped=False)).last
    assert (told.event, told.facts["why"], orders) == ("worker.log_gap", "closed", [order])  # type: ignore[union-attr]
    assert s.seen(pane_of("s-1", piped=False)).last == (order,)


def test_beats_over_a_log_that_is_as_it_was_leave_the_very_same_worker() -> None:
    s = running().seen(pane_of("s-1"))
    before = beat(s, file()).w
    assert beat(s, file()).w is before
