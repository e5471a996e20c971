"""What a capture holds, as runs: the cases in sgr.json are those of page/static/sgr.js too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.text.runs import PLAIN, Run, Style, lines, standalone, tail

CASES = json.loads(Path(__file__).with_name("sgr.json").read_text(encoding="utf-8"))
PIECES = st.lists(
    st.sampled_from(
        ["\x1b", "[", "]", "m", "31", "38;5;", "4:3", ";", "\n", "\x0e", "\x0f", "q", " ", "\x9b", "é", "\x07"]
    )
    | st.characters(codec="utf-8"),
    max_size=40,
).map("".join)


def _found(text: str) -> list[list[list[Any]]]:
    return [[[text, _set(style)] for text, style in line] for line in lines(text)]


def _set(style: Style) -> dict[str, Any]:
    return {key: value for key, value in style._asdict().items() if value not in (None, False)}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_capture_is_taken_apart_as_its_twin_does(case: dict[str, Any]) -> None:
    assert _found(case["text"]) == case["lines"]


@given(PIECES)
def test_nothing_that_acts_on_a_terminal_comes_through(text: str) -> None:
    for line in lines(text):
        for shown, _ in line:
            assert shown
            assert not {*map(chr, range(9)), *map(chr, range(10, 32)), *map(chr, range(127, 160))} & set(shown)


@given(PIECES)
def test_each_line_by_itself_looks_as_it_does_in_the_whole(text: str) -> None:
    for alone, line in zip(standalone(text), lines(text), strict=True):
        ((*shown,),) = lines(alone)
        assert shown == _without_blanks(line)


def _without_blanks(line: list[Run]) -> list[Run]:
    line = list(line)
    while line:
        text, style = line.pop()
        if style.bg is not None or style.inverse or style.underline or style.strike:
            return [*line, (text, style)]
        if text := text.rstrip(" "):
            return [*line, (text, style)]
    return line


def test_the_tail_of_a_screen_is_what_says_something() -> None:
    screen = "\x1b[32m$ make\nok 1\n\n────────\n\x1b[0m\x1b[8mpassword\x1b[0m\nok 2   \n\n\n"
    assert tail(screen, 2) == ["\x1b[32mok 1\x1b[0m", "ok 2"]
    assert tail(screen, 12) == ["\x1b[32m$ make\x1b[0m", "\x1b[32mok 1\x1b[0m", "ok 2"]
    assert tail("", 12) == []


def test_a_plain_style_is_no_style() -> None:
    assert Style() == PLAIN
