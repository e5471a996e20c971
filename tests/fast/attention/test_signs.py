"""The bell, notifications and titles in the bytes of a log."""

import pytest

from supervisor.attention.signs import NEAR, Signs, signs_in

RANG = "it rang the bell"


@pytest.mark.parametrize(
    ("data", "call", "title"),
    [
        (b"building\ndone\x07\n", RANG, None),
        (b"\x1b]9;Claude needs you\x07", "Claude needs you", None),
        (b"\x1b]9;Claude needs you\x1b\\", "Claude needs you", None),
        (b"\x1b]777;notify;Codex;may I run make?\x07", "Codex: may I run make?", None),
        (b"\x1bPtmux;\x1b\x1b]9;wrapped\x07\x1b\\", "wrapped", None),
        (b"\x1bPtmux;\x1b\x1b]777;notify;a;b\x1b\x1b\\\x1b\\", "a: b", None),
        (b"\x1b]9;text\x07 and then \x07", "text", None),
        (b"\x1b]0;a title\x07", None, "a title"),
        (b"\x1b]2;one\x1b\\\x1b]0;two\x07", None, "two"),
        (b"\x1b]0;\x07", None, ""),
        (b"\x1b]9;4;1;50\x07", None, None),  # ConEmu: progress
        (b"\x1b]8;;https://example.org\x07link\x1b]8;;\x07", None, None),
        (b"\x1b]11;?\x07\x1b]52;c;aGVsbG8=\x07", None, None),
        (b"nothing", None, None),
        (b"\x1b]9;\x1b]0;x\x07", None, "x"),
    ],
)
def test_each_sign_is_found_and_the_end_of_another_sequence_is_no_bell(
    data: bytes, call: str | None, title: str | None
) -> None:
    found = signs_in(data)
    assert (found.call, found.title) == (call, title)


def test_a_call_is_over_when_much_was_printed_after_it() -> None:
    assert signs_in(b"\x07" + b"x" * NEAR).call == RANG
    assert signs_in(b"\x07" + b"x" * (NEAR + 1)) == Signs()


def test_the_end_of_a_long_sequence_is_no_bell_and_an_old_title_is_still_one() -> None:
    clipboard = b"\x1b]52;c;" + b"A" * 20_000 + b"\x07"
    assert signs_in(clipboard) == Signs()
    assert signs_in(clipboard + b"text\x07").call == RANG
    assert signs_in(b"\x1b]0;busy\x07" + b"x" * 50_000 + b"\x1b]0;cut").title == "busy"


def test_a_sequence_that_is_cut_is_found_with_the_next_bytes() -> None:
    whole = b"\x1b]9;may I?\x1b\\"
    for at in range(1, len(whole) - 1):
        first = signs_in(b"before " + whole[:at])
        assert (first.call, first.kept) == (None, whole[:at]), at
        assert signs_in(first.kept + whole[at:]).call == "may I?"


def test_what_acts_on_a_terminal_is_not_in_the_text() -> None:
    assert signs_in(b"\x1b]9;a\x01b\xe2\x80\xa8c\x07").call == "ab\u2028c"  # `visible` shows the rest
