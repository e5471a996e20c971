"""Lines: cut, padded and wrapped by cells, whatever characters they have."""

from hypothesis import given
from hypothesis import strategies as st

from supervisor.text.runs import PLAIN, Style
from supervisor.top.lines import BOLD, Line, apart, cells, clipped, filled, line_of, plain, shortened, wrapped

TEXTS = st.text(st.sampled_from("ab 東京🚀é…e\u0301👩\u200d👧"), max_size=12)
LINES = st.lists(st.tuples(TEXTS, st.sampled_from([PLAIN, BOLD])), max_size=4)


def test_a_painted_text_is_a_line_of_runs() -> None:
    assert line_of("a\x1b[1;31mb\x1b[0m") == [("a", PLAIN), ("b", Style(fg=1, bold=True))]


def test_a_part_of_a_line_keeps_its_styles() -> None:
    line: Line = [("abc", PLAIN), ("def", BOLD)]
    assert clipped(line, 2, 3) == [("c", PLAIN), ("de", BOLD)]
    assert clipped(line, 6, 3) == clipped(line, 0, 0) == []


def test_half_of_a_wide_character_is_a_blank() -> None:
    assert plain(clipped([("東京", PLAIN)], 1, 2)) == "  "
    assert plain(clipped([("東京", PLAIN)], 0, 3)) == "東 "
    assert plain(clipped([("東京", PLAIN)], 2, 2)) == "京"


@given(LINES, st.integers(0, 30), st.integers(0, 30))
def test_a_part_is_never_wider_than_its_room(line: Line, start: int, room: int) -> None:
    assert cells(clipped(line, start, room)) <= room
    assert cells(filled(line, room)) == room
    assert cells(shortened(line, room)) <= room


@given(LINES, st.integers(2, 9))
def test_wrapped_lines_fit(line: Line, room: int) -> None:
    assert all(cells(part) <= room for part in wrapped(line, room))


@given(st.text("abc ", max_size=40), st.integers(1, 9))
def test_wrapping_loses_no_character(text: str, room: int) -> None:
    assert "".join(map(plain, wrapped([(text, PLAIN)], room))) == text


@given(LINES, LINES, st.integers(4, 40))
def test_two_parts_apart_fill_the_line(left: Line, right: Line, room: int) -> None:
    assert cells(apart(left, right, room)) == room


def test_a_line_that_is_cut_says_so() -> None:
    assert plain(shortened([("abcdef", PLAIN)], 4)) == "abc…"
    assert plain(shortened([("abcd", PLAIN)], 4)) == "abcd"
