"""The lower part: following, scrolling, searching."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.text.runs import PLAIN
from supervisor.top.lines import Line, plain
from supervisor.top.paper import MOST, Paper


def lines(*texts: object) -> list[Line]:
    return [[(str(text), PLAIN)] for text in texts]


def seen(paper: Paper, height: int = 3, room: int = 20) -> list[str]:
    return [plain(line) for line in paper.window(room, height)]


@pytest.fixture
def log() -> Paper:
    paper = Paper(wraps=True)
    paper.append(lines(*range(10)))
    assert seen(paper) == ["7", "8", "9"]
    return paper


def test_a_reader_at_the_end_follows_what_comes(log: Paper) -> None:
    log.append(lines(10))
    assert seen(log) == ["8", "9", "10"]
    assert log.place() == ""


def test_a_reader_who_scrolled_up_stays_and_is_told_how_much_is_new(log: Paper) -> None:
    log.scroll(-2)
    log.append(lines(10, 11))
    assert seen(log) == ["5", "6", "7"]
    assert log.place() == "2 new"
    log.to(end=True)
    assert (seen(log), log.place(), log.follows) == (["9", "10", "11"], "", True)


def test_scrolling_down_to_the_end_follows_again(log: Paper) -> None:
    log.page(-1)
    assert seen(log) == ["5", "6", "7"]
    log.scroll(99)
    assert log.follows


def test_the_oldest_lines_go_and_the_reader_stays_at_his(log: Paper) -> None:
    log.scroll(-3)
    log.append(lines(*range(10, MOST)))
    assert seen(log) == ["4", "5", "6"]
    log.append(lines("x", "y"))
    assert seen(log) == ["4", "5", "6"]
    assert len(log.lines) == MOST


def test_a_search_shows_only_lines_that_match_also_of_those_that_come(log: Paper) -> None:
    assert log.search_for("[3-5]$") is None
    assert seen(log) == ["3", "4", "5"]
    log.append(lines("13", "16"))
    assert seen(log) == ["4", "5", "13"]
    assert "must be" in (log.search_for("(") or "") or "is no pattern" in (log.search_for("(") or "")
    assert seen(log) == ["4", "5", "13"]
    log.search_for("")
    assert seen(log) == ["9", "13", "16"]


def test_a_screen_is_replaced_and_stays_where_the_reader_is() -> None:
    screen = Paper()
    screen.show(lines(*range(10)))
    assert seen(screen) == ["7", "8", "9"]
    screen.scroll(-4)
    screen.show(lines(*"abcdefghij"))
    assert seen(screen) == ["d", "e", "f"]
    screen.show(lines("a"))
    assert seen(screen) == ["a"]


def test_an_account_begins_at_its_beginning() -> None:
    why = Paper(ends=False)
    why.show(lines(*range(10)))
    assert (seen(why), why.place()) == (["0", "1", "2"], "30 %")
    why.scroll(2)
    why.show(lines(*range(20)))
    assert seen(why) == ["2", "3", "4"]


def test_long_lines_wrap_or_are_read_sideways() -> None:
    paper = Paper(wraps=True)
    paper.show(lines("abcdefghijkl"))
    assert seen(paper, room=5) == ["abcde", "fghij", "kl"]
    assert seen(paper, room=10) == ["abcdefghij", "kl"]
    paper.wraps = False
    paper.show(paper.lines)
    paper.aside(1)
    assert seen(paper, room=3) == ["ijk"]
    paper.aside(-1)
    assert seen(paper, room=3) == ["abc"]


@given(st.lists(st.sampled_from(["append", "up", "down", "page", "home", "end", "show", "wide"]), max_size=30))
def test_whatever_is_done_the_window_is_full_if_it_can_be(does: list[str]) -> None:
    paper, number, room = Paper(wraps=True), 0, 10
    for do in does:
        match do:
            case "append":
                paper.append(lines(*(f"{number}".zfill(number % 25) for number in range(number, number + 7))))
                number += 7
            case "show":
                paper.show(lines("a", "b"))
            case "up" | "down":
                paper.scroll(1 if do == "down" else -1)
            case "page":
                paper.page(-1)
            case "home" | "end":
                paper.to(end=do == "end")
            case "wide":
                room = 27 - room
        window = paper.window(room, 4)
        assert len(window) == min(4, sum(-(-max(1, len(plain(line))) // room) for line in paper.lines))
