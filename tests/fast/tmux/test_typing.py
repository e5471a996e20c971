"""The input line as tmux captures it: up to the cursor in cells, without faint text, also where a program draws it."""

from supervisor.tmux.typing import input_line

FAINT, INVERSE, PLAIN = "\x1b[2m", "\x1b[7m", "\x1b[0m"


def test_a_row_is_cut_at_the_cursor_in_cells_and_a_short_one_is_filled() -> None:
    assert input_line(["above", "$ ls -l"], (5, 1), visible=True) == (("above",), "$ ls ", "-l")
    assert input_line(["> 東京 x"], (6, 0), visible=True) == ((), "> 東京", " x")
    assert input_line([">"], (2, 0), visible=True) == ((), "> ", "")
    assert input_line([], (3, 9), visible=True) == ((), "   ", "")


def test_faint_text_is_a_suggestion_and_colours_are_none() -> None:
    row = f"\x1b[38;5;2m> \x1b[38;2;7;2;7mfix\x1b[39m{FAINT} the test{PLAIN}\x1b]8;;x\x1b\\"
    assert input_line([row], (14, 0), visible=True) == ((), "> fix         ", "")
    rows = [f"{FAINT}goes on", "in the next row", f"\x1b[22mnot here: {INVERSE}x"]
    assert input_line(rows, (10, 2), visible=True) == (("", ""), "not here: ", "x")


def test_a_hidden_cursor_is_the_only_inverse_cell_or_behind_the_last_row_with_a_prompt() -> None:
    drawn = ["> half", f"  a line{INVERSE} {PLAIN}", "", " ? for help"]
    assert input_line(drawn, (0, 3), visible=False) == (("> half",), "  a line", "")
    boxed = ["│ > old │", f"│ ❯ text {FAINT}suggested{PLAIN}   │", "╰───╯"]
    assert input_line(boxed, (0, 2), visible=False)[1] == "│ ❯ text"
    assert input_line(["no prompt"], (2, 0), visible=False) == ((), "no", " prompt")
