"""The light line discipline: what a terminal shows of a text that moves the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples

from supervisor.text.rows import MOST_DONE, TALLEST, WIDEST, laid_out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Server\x1b[1Cis\x1b[Cready", ["Server is ready"]),
        ("\x1b[2J\x1b[1;1HWelcome\x1b[2;1Hready\x1b[3;1Hlast row", ["Welcome", "ready", "last row"]),
        ("50% done\r100%", ["100%done"]),
        ("50% done\r\x1b[K100%", ["100%"]),
        ("\x1b[31m50%\x1b[0m\r\x1b[32m100%\x1b[0m", ["100%"]),
        ("a long bar\r          \rdone", ["done"]),
        ("/ working\b\b\b\b\b\b\b\b\b- ", ["- working"]),
        ("abc\x1b[2Dx", ["axc"]),
        ("abc\x1b[5Gx", ["abc x"]),
        ("abc\x1b[1G\x1b[P", ["bc"]),
        ("abc\x1b[1G\x1b[2X", ["  c"]),
        ("abc\x1b[1G\x1b[2@", ["  abc"]),
        ("ab\x1b[3b", ["abbbb"]),
        ("abc\x1b[2D\x1b[1K", ["  c"]),
        ("abc\x1b[2K", []),
        ("one\ntwo\n\x1b[2A\x1b[2KONE\n\x1b[2KTWO\n", ["ONE", "TWO"]),
        ("one\ntwo\x1b[FONE\x1b[ETWO", ["ONE", "TWO"]),
        ("one\x1bEtwo\x1bMo\x1bDx", ["oneo", "two x"]),
        ("one\x1b7 and\x1b8!", ["one!and"]),
        ("one\x1b[s and\x1b[u!", ["one!and"]),
        ("one\x0btwo", ["one", "   two"]),
        ("a\tb\rX", ["X\tb"]),
        ("a\tb\x1b[4GX", ["a  X    b"]),
        ("日本語\x1b[5Gx", ["日本x"]),
        ("日本語\x1b[4Gx", ["日 x語"]),
        ("e\u0301\rE", ["E"]),
        ("kept\n\x1b[H\x1b[2Jnext", ["kept", "next"]),
        ("kept\n\x1bcnext", ["kept", "next"]),
        ("\x1b[H\x1b[2Jpage 1\nerror\n\x1b[H\x1b[2Jpage 2", ["page 1", "error", "page 2"]),
        ("\x1b[Htop 1\x1b[3;1Hrow\x1b[H\x1b[Jtop 2", ["top 2"]),
        ("\x1b[Htop 1\x1b[3;1Hrow\x1b[Htop 2", ["top 2", "row"]),
        ("a\x1b[?1049h\x1b[2Jvi\x1b[5;1H~\x1b[?1049lb", ["a", "vi", "~", "b"]),
        ("a\x1b[?47hvi\x1b[?47lb", ["a", "vi", "b"]),
        ("\x1b[?25lspin\r\x1b[?25hdone", ["done"]),
        ("a\x1b[1;3r\x1b[4;1Hbar\x1b[1;1H1\n2\n3\n4\n5", ["a", "1", "2", "3", "4", "5", "bar"]),
        ("\x1b[>4;2ma\x1b[>1u\x1b[?5ub\rc", ["cb"]),
        ("\n\n\rx", ["", "", "x"]),
    ],
)  # fmt: skip
def test_a_text_is_laid_out_as_a_terminal_shows_it(text: str, shown: list[str]) -> None:
    assert laid_out(text).lines() == shown


def test_frames_fold_to_the_last_and_what_was_printed_around_them_stays() -> None:
    frames = "".join(f"\x1b[1;1Hframe {n:03}\x1b[3;1Hcpu {'#' * (n % 20):20}" for n in range(60))
    text = f"begin\n\x1b[?1049h\x1b[2J{frames}\x1b[6;1Hconnection lost\x1b[?1049lfatal\n"
    assert laid_out(text).lines() == ["begin", "frame 059", "cpu " + "#" * 19, "connection lost", "fatal"]


def test_four_hundred_redraws_of_a_bar_are_one_line() -> None:
    bar = "".join(f"\r{n / 4:5.1f}% uploading part {n}" for n in range(400))
    assert laid_out(f"ERROR: no space\n{bar}\n").lines() == ["ERROR: no space", " 99.8% uploading part 399"]


def test_the_cursor_stands_where_a_terminal_has_it() -> None:
    rows = laid_out("one\ntwo\x1b[A\x1b[2D")
    assert (rows.row, rows.column) == (0, 1)


def test_no_move_makes_a_row_wider_or_a_window_taller_than_their_bounds() -> None:
    rows = laid_out("\x1b[9999;9999Hx\x1b[9999Cy\x1b[9999By")
    assert rows.row == TALLEST - 1
    assert max(map(len, rows.lines())) <= WIDEST + 2
    assert len(laid_out("\x0b" * 50_000).lines()) <= MOST_DONE
    assert len(laid_out("x\x0b" * 50_000).lines()) <= MOST_DONE + TALLEST


def test_a_long_line_that_was_printed_is_whole() -> None:
    assert laid_out("x" * 5000 + "\ry").lines() == ["y" + "x" * 4999]
    assert laid_out("x" * 5000 + "\x1b[3Cy").lines() == ["x" * 5000 + "y"]


pieces = st.one_of(
    st.sampled_from(["\r", "\n", "\b", "\t", "\x1b[", "\x1b", "\x1b[?1049h", "\x1b[?1049l", "\x1b7", "\x1b8", "\x1bc"]),
    st.builds("\x1b[{};{}{}".format, st.integers(0, 300), st.integers(0, 2000), st.sampled_from("ABCDEFGHJKPXdfbesr@")),
    st.text(max_size=5),
)


@examples(300)
@given(st.lists(pieces, max_size=40).map("".join))
def test_any_text_stays_within_the_bounds(text: str) -> None:
    rows = laid_out(text)
    assert len(rows.rows) <= TALLEST
    assert 0 <= rows.row < len(rows.rows)
    assert rows.column >= 0
    assert all(len(line) <= 2 * WIDEST + len(text) and "\n" not in line for line in rows.lines())
