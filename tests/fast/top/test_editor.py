"""The line that is typed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.top.editor import Editor
from supervisor.top.lines import cells, plain


def typed(*keys: str) -> Editor:
    line = Editor("filter")
    for key in keys:
        line.press(key, key if len(key) == 1 else None)
    return line


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([*"web"], "web"),
        ([*"web", "backspace", "ctrl+h"], "w"),
        ([*"web", "left", "left", "x"], "wxeb"),
        ([*"web", "home", "delete", "right", "x"], "exb"),
        ([*"web", "ctrl+a", "ctrl+d", "ctrl+e", "x"], "ebx"),
        ([*"one two  ", "ctrl+w"], "one "),
        ([*"one", "ctrl+w", "ctrl+w", "backspace", "left", "delete"], ""),
        ([*"one two", "ctrl+b", "ctrl+u"], "o"),
        ([*"one two", "home", "ctrl+f", "ctrl+k"], "o"),
        ([*"a", "f7", "tab", *"é"], "aé"),
    ],
)
def test_keys_change_the_text_at_the_cursor(keys: list[str], text: str) -> None:
    assert typed(*keys).text == text


def test_a_key_that_changes_nothing_says_so() -> None:
    line = Editor("filter", "web", 3)
    assert not line.press("right", None)
    assert line.press("s", "s")


def test_pasted_text_keeps_its_lines_and_loses_what_acts() -> None:
    line = Editor("prompt")
    line.insert("one\r\ntwo\x1b[2J\x07\t")
    assert line.text == "one\ntwo[2J"
    assert plain(line.line(40)) == " prompt: one⏎two[2J "


@given(st.text("ab 東é\u202e", max_size=60), st.integers(0, 60), st.integers(12, 40))
def test_the_cursor_is_always_in_sight(text: str, at: int, room: int) -> None:
    line = Editor("x", text, min(at, len(text)))
    shown = line.line(room)
    assert cells(shown) <= room
    assert any(style.inverse for _, style in shown)
