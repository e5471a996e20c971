"""What a terminal gets to show of what programs print and people name: nothing that acts, nothing that hides."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.text.plain import plain, visible

nasty = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b\\", b"\x07", b"\xc2\x9b", b"\x9b", b"\r", b"\n"]
        ),
        st.sampled_from([b"31m", b";", b"0", b"(", b"B", b"\xc2\x9d", b"\xc2\x9c", b"\x7f", b"\x00", b"\x08", b"\xc2"]),
        st.binary(max_size=5),
        st.text(max_size=5).map(lambda text: text.encode(errors="surrogatepass")),
    )
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(nasty)
def test_no_control_character_gets_out(data: bytes) -> None:
    left = {char for char in plain(data) if unicodedata.category(char) in ("Cc", "Cs")}
    assert left <= {"\n", "\t"}


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_text_without_controls_stays_as_it_is(text: str) -> None:
    assert plain(text.encode()) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\x1b[K", "red"),
        (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        (b"a\x1b]52;c;stolen\nnext", "a\nnext"),
        (b"\x1bPq#0;2;0\n#1~~\x1b\\sixel", "sixel"),
        (b"\x1bPq" + b"#0~~-\n" * 500 + b"\x1b\\large sixel", "large sixel"),
        (b"\x1bPnever ended\nnext", "\nnext"),
        (b"\xc2\x90left by\nanother \xc2\x9bmcontrol\xc2\x9c", "\nanother control"),
        (b"\xc2\x90ended \xc2\x85 on its line\xc2\x9c, text", ", text"),
        (b"\x1b(Bascii\x1b7\x1b8\x1b=\x1bc", "ascii"),
        (b"\xc2\x9b31mC1\xc2\x9d0;t\xc2\x9c", "C1"),
        (b"one\r\ntwo\rthree\ttab", "one\nthree\ttab"),
        (b"one\r\r\ntwo\r\r\n\r\r\nthree\r\rfour", "one\ntwo\n\nfoure"),
        (b"beep\x07 back\x08 del\x7f nul\x00", "beep bac del nul"),
        (b"bad \xff\xfe utf", "bad \ufffd\ufffd utf"),
        (b"cut \x1b[3", "cut "),
        (b"\x1b\x1b[0m[31m", "[31m"),
    ],
)
def test_sequences_go_as_a_whole(raw: bytes, shown: str) -> None:
    assert plain(raw) == shown


MOVES = (
    *(b"\x1b[1;", b"\x1b[?4", b"a\r", b"\x1b[2Jx", b"\x1b[9;9Hx", b"x\x1b[999b\n", b"\x1bM\x1bD", b"\x1b[@\t"),
    *(b"x\x0b", b"xx\x1b[G\x1b[@", b"xx\x1b[2G\x1b[P", b"x\x1b[1K", b"\r\xcc\x81", b"x\x1b7\x1b[9B\x1b8"),
)
OPENINGS = (b"\x1bP", b"\x1b]", b"\x1b[", b"\x1b", b"\x1b_a", b"\xc2\x90", b"\xc2\x90\n", b"\xc2\x9d\n", b"\r")


def test_a_flood_of_openings_takes_no_longer_than_text() -> None:
    began = time.process_time()  # of our own: another process may take as much as it likes
    for opening in (*OPENINGS, *MOVES):
        plain(opening * 20_000)
    assert time.process_time() - began < 60  # 3 s; a search that begins again at each opening takes hours


# ── what a person would not see ───────────────────────────────────────────────────────────────────────────────────

SEEN = {  # of the category "format", and yet drawn: signs that stand under or before numbers
    *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440),
}  # fmt: skip
WITHOUT_FORM = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters and marks that draw nothing
ZWJ = "\u200d"


def test_a_control_character_is_an_escape_unless_it_is_kept() -> None:
    assert visible("a\x1b[2J\nb\x9b", keep="\n") == "a\\x1b[2J\nb\\x9b"


@pytest.mark.parametrize("category", ["Cc", "Cf", "Zl", "Zp"])
def test_each_character_that_acts_or_hides_is_an_escape(category: str) -> None:
    unseen = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == category}
    unseen -= {chr(code) for code in SEEN}
    assert unseen
    for char in unseen:
        assert visible(f"a{char}b") == f"a{ascii(char)[1:-1]}b"


@pytest.mark.parametrize("char", WITHOUT_FORM)
def test_a_letter_that_draws_nothing_is_an_escape(char: str) -> None:
    assert visible(f"a{char}b") == f"a{ascii(char)[1:-1]}b"


@pytest.mark.parametrize(
    "text",
    [
        "zażółć gęślą jaźń", "日本語", "مرحبا", "שלום", "e\u0301", "¢ €", "│├─█", "❤\ufe0f", "⚠\ufe0e", "葛\U000e0100",
        f"👩{ZWJ}👩{ZWJ}👧", f"🏳\ufe0f{ZWJ}🌈", f"👩🏽{ZWJ}🔬", f"❤\ufe0f{ZWJ}🔥", f"🧑{ZWJ}✈\ufe0f",
    ],
)  # fmt: skip
def test_what_a_person_sees_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("ap\u200bi", "ap\\u200bi"),
        ("\ufeffapi", "\\ufeffapi"),
        ("pay\u2066pal", "pay\\u2066pal"),
        (f"a{ZWJ}b", "a\\u200db"),
        (f"👩{ZWJ}b", "👩\\u200db"),
        (f"{ZWJ}👩", "\\u200d👩"),
        (f"👩{ZWJ}{ZWJ}👩", "👩\\u200d\\u200d👩"),
        ("flag\U000e0067\U000e007f", "flag\\U000e0067\\U000e007f"),
    ],
)
def test_what_deceives_is_shown(text: str, said: str) -> None:
    assert visible(text) == said
