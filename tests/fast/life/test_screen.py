"""What a pane shows: when it has changed, and what is kept of too much."""

import hashlib
import re

from hypothesis import example, given
from hypothesis import strategies as st

from actors.life.screen import MAX_SCREEN_BYTES, Screen, tail

# what a capture is made of: none of these may be cut
WORDS = st.sampled_from(["a", "m", "[", "0", "1;31m", "é", "漢", "😀", " "]).map(str.encode)
ESCAPES = st.sampled_from(
    [
        *(b"\x1b[0m", b"\x1b[1;38;2;255;100;3m", b"\x1b[38:5:9m"),
        *(b"\x1b]8;;http://x/[1m\x1b\\", b"\x1b]8;;\x07", b"\x1b(B", b"\x1b7"),
    ]
)
PIECES = st.one_of(WORDS, ESCAPES)
LINES = st.lists(PIECES, max_size=12)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_same_length_edit_anywhere_is_a_change(captured: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(captured) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != captured[place]))
    edited = captured[:place] + bytes([other]) + captured[place + 1 :]
    before = Screen.of(captured)
    after = Screen.of(edited, previous=before)
    assert after.digest != before.digest
    assert after.content == edited


@given(st.binary(max_size=300))
def test_an_unchanged_capture_is_the_very_same_screen(captured: bytes) -> None:
    before = Screen.of(captured)
    assert Screen.of(bytes(bytearray(captured)), previous=before) is before


def test_a_screen_keeps_at_most_its_limit_and_the_digest_of_all() -> None:
    captured = b"line\n" * MAX_SCREEN_BYTES
    screen = Screen.of(captured)
    assert MAX_SCREEN_BYTES - 5 <= len(screen.content) <= MAX_SCREEN_BYTES
    assert screen.content.startswith(b"line\n")
    assert screen.digest == hashlib.blake2b(captured, digest_size=16).digest()


@given(st.lists(LINES, min_size=1, max_size=8), st.booleans(), st.integers(1, 60))
@example([[b"x"] * 12], True, 5)
@example([[b"\x1b[0m"]], False, 1)
@example([[b"1;31m"]], False, 1)
@example([[b"\x1b(B", b"a"]], False, 2)
def test_a_tail_begins_at_a_line_or_at_least_at_a_whole_piece(
    lines: list[list[bytes]], newline_at_end: bool, limit: int
) -> None:
    captured = b"\n".join(b"".join(line) for line in lines) + (b"\n" if newline_at_end else b"")
    kept = tail(captured, limit)
    start = len(captured) - len(kept)
    assert captured.endswith(kept)
    assert len(kept) <= limit
    assert start in boundaries(lines)
    after_newline = {match.end() for match in re.finditer(b"\n", captured)} - {len(captured)}
    possible = {at for at in after_newline if len(captured) - at <= limit}
    if len(captured) <= limit:
        assert start == 0
    elif possible:
        assert start == min(possible)  # as many whole lines as there is room for
    else:
        assert start == min(at for at in boundaries(lines) if at >= len(captured) - limit)


def boundaries(lines: list[list[bytes]]) -> set[int]:
    """Return where a piece begins or ends: an escape sequence, a character, a line."""
    found, at = {0}, 0
    for line in lines:
        for piece in line:
            whole = [piece] if piece.startswith(b"\x1b") else [character.encode() for character in piece.decode()]
            for part in whole:
                at += len(part)
                found.add(at)
        at += 1
        found.add(at)
    return found


def test_one_long_line_keeps_its_end() -> None:
    assert tail(b"x" * 100 + b"\n", 10) == b"x" * 9 + b"\n"
    assert tail("é".encode() * 10, 3) == "é".encode()
    assert tail(b"x\x1b[31mred", 5) == b"red"
    assert tail(b"x\x1b[31mred", 4) == b"red"
    assert tail(b"\x1b[31mred 10m", 4) == b" 10m"
