"""What is left of the last lines before an exit: tmux may leave them unread, what it has read reaches the log."""

from pathlib import Path

from benchmarks.last_words import Case, Lives, Losses, Seen, last_lines, losses
from supervisor.tmux.server import TmuxServer


def test_what_tmux_has_read_reaches_the_log_across_rotations_and_respawns(place: Path, tmux_server: TmuxServer) -> None:
    case = Case("", lines=12, panes=3, segment=100)  # a life fills more than one segment
    seen = Lives(place, tmux_server, case).run(40)
    read = {life: line for life, line in seen.screens.items() if line}
    assert len(seen.truth) == 40
    assert read
    assert {life: seen.log.get(life) for life in read} == read


def test_a_line_that_is_nowhere_was_never_read_and_one_on_the_screen_was_lost_behind_tmux() -> None:
    truth = {1: 5, 2: 5, 3: 5}
    seen = Seen(truth, log={1: 5, 2: 4}, screens={1: 5, 2: 5, 3: 0})
    assert losses(seen) == Losses(exits=3, by_tmux=1, by_the_pipe=1)


def test_a_torn_line_does_not_count() -> None:
    assert last_lines("L 1 1\r\nL 1 2\r\nL 2 1\nL 1 29") == {1: 2, 2: 1}
