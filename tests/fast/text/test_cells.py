"""Text on a terminal: how wide it is, how it is cut, and what an encoding that lacks its characters gets instead."""

import io

import click
import pytest
from wcwidth import strip_sequences

from supervisor.cli import panevisor
from supervisor.cli.encodings import open_leniently
from supervisor.text.cells import cut, cut_middle, padded, width, wrapped

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"  # joined: one character to a reader, two cells
FLAG = "\U0001f1e9\U0001f1ea"


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("api", 3), ("東京", 4), ("e\u0301", 1), (FAMILY, 2), (FLAG, 2), (f"a {FAMILY}", 4)]
)
def test_a_width_is_that_of_a_terminal(text: str, cells: int) -> None:
    assert width(text) == cells
    assert width(padded(text, 10)) == 10
    assert padded(text, 10, right=True).endswith(text)


def test_a_line_is_broken_between_words_and_goes_on_indented() -> None:
    line = "12:00:00  \x1b[31mexited with code 3\x1b[0m 東京 and started again"
    told = wrapped(line, 36, 10)
    assert [strip_sequences(each) for each in told] == [
        "12:00:00  exited with code 3 東京",
        "          and started again",
    ]
    assert wrapped(line, None, 10) == wrapped(line, 20, 10) == [line]


@pytest.mark.parametrize(
    "text", ["an-ordinary-name", "東京プロジェクト", FAMILY * 8, "e\u0301" * 16, f"ab{FLAG}c" * 3 + "d"]
)
def test_a_cut_keeps_its_width_and_no_half_characters(text: str) -> None:
    for cells in range(16):
        assert width(cut(text, cells)) <= cells
        assert width(cut_middle(text, cells)) <= cells
        for part in cut_middle(text, cells).split("…"):
            assert not part.startswith(("\u200d", "\u0301"))
            assert not part.endswith("\u200d")
            assert part.count(FLAG[0]) == part.count(FLAG[1])
    assert cut(text, 16) == cut_middle(text, 16) == text


def test_both_ends_of_a_name_stay() -> None:
    assert cut_middle("build-of-the-branch-17", 11) == "build…ch-17"
    assert cut("build-of-the-branch-17", 11) == "build-of-t…"


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("a…b · 5/∞", "ascii", b"a~b . 5/*"),
        ("東京|", "ascii", b"????|"),
        (f"{FAMILY}|", "ascii", b"??|"),
        ("e\u0301\udcff|", "ascii", b"e\xff|"),
        ("\ud800\udcff東", "ascii", b"?\xff??"),
        ("Straße …", "latin-1", b"Stra\xdfe ~"),
        ("\udcff東", "utf-8", b"\xff\xe6\x9d\xb1"),
    ],
)
def test_what_an_encoding_lacks_is_replaced_by_what_is_as_wide(text: str, encoding: str, said: bytes) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    open_leniently(stream)
    stream.write(text)
    stream.flush()
    assert raw.getvalue() == said


def test_every_help_text_is_ascii() -> None:
    """Click writes it by a stream of its own."""
    with click.Context(panevisor) as context:
        assert panevisor.get_help(context).isascii()
        assert not [name for name, command in panevisor.every().items() if not command.get_help(context).isascii()]
