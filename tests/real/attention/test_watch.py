"""Signs from look to look: what two agree on, calls that nothing follows, titles, the kernel; each told once."""

import os
from pathlib import Path
from typing import Any

import pytest
from kit.life import pane_of

from actors.ports import PaneSweep
from actors.values.attention import Source, Word
from actors.values.facts import Pane
from actors.values.requests import Attend
from supervisor.attention import watch as watching
from supervisor.attention.presets import shipped
from supervisor.attention.watch import CHUNK, SAY_AGAIN, SignWatch

ASKS, WORKS = b"building\nGo on? [y/N]\n", b"Thinking (3s, esc to interrupt)\n"


class Site:
    """One worker `api` whose pane, screen and log a test changes between two looks."""

    def __init__(self, logs: Path) -> None:
        self.told: list[Attend] = []
        self.errors: list[BaseException] = []
        self.signs = SignWatch(logs, shipped(), self.told.append, self.errors.append)
        self.log = logs / "api.log"
        self.activity, self.life = 1, "s-1"

    def prints(self, data: bytes) -> "Site":
        self.activity += 1
        with self.log.open("ab") as log:
            log.write(data)
        return self

    def look(self, screen: bytes | None = None, **pane: Any) -> list[tuple[str, str | None, str]]:
        """Look once; return what is told, without what only takes nothing back."""
        del self.told[:]
        seen: dict[str, Pane] = {"api": pane_of(self.life, pid=2**22 + 1, activity=self.activity, **pane)}
        self.signs.look(PaneSweep(0.0, seen, {} if screen is None else {"api": screen}))
        assert self.errors == []
        return [(each.said.by.value, each.said.word, each.said.text) for each in self.told]


@pytest.fixture
def site(tmp_path: Path) -> Any:
    site = Site(tmp_path)
    yield site
    site.signs.close()


QUESTION = ("screen", Word.WAITING, "Go on? [y/N]")


def test_a_question_counts_at_the_second_look_and_is_told_once(site: Site) -> None:
    assert site.look(ASKS) == []
    assert site.look() == [QUESTION]  # not captured: unchanged
    assert site.look() == []
    assert site.look(ASKS) == []
    assert site.look(b"y\nbuilding on\n") == [("screen", None, "")]


def test_a_question_that_is_gone_at_the_second_look_is_never_told(site: Site) -> None:
    assert [site.look(ASKS), site.look(b"answered\n"), site.look(ASKS)] == [[], [], []]


def test_another_word_needs_two_looks_too(site: Site) -> None:
    site.look(WORKS)
    assert site.look(WORKS) == [("screen", Word.WORKING, "(3s, esc to interrupt)")]
    assert site.look(ASKS) == [("screen", None, "")]
    assert site.look(ASKS) == [QUESTION]


def test_another_life_begins_without_a_sign(site: Site) -> None:
    site.look(ASKS)
    site.life = "s-2"
    assert site.look(ASKS) == []
    assert site.look() == [QUESTION]
    assert site.told[0].said.life == "s-2"


def test_a_dead_pane_shows_nothing(site: Site) -> None:
    site.look(ASKS)
    assert site.look(ASKS, dead=True) == []


def test_a_call_counts_when_nothing_follows_it(site: Site) -> None:
    assert site.prints(b"\x1b]9;may I?\x07").look() == []
    assert site.look() == [("terminal", Word.WAITING, "may I?")]
    assert site.look() == []
    assert site.prints(b"going on\n").look() == [("terminal", None, "")]


def test_a_bell_within_output_is_none(site: Site) -> None:
    for number in range(4):
        assert site.prints(b"line \x07 %d\n" % number).look() == []
    site.prints(b"last\n")
    assert [site.look(), site.look()] == [[], []]


def test_who_is_attached_has_heard_the_bell(site: Site) -> None:
    site.prints(b"\x07").look(attached=True)
    assert site.look() == []


def test_a_screen_that_is_captured_for_another_reason_takes_no_call_back(site: Site) -> None:
    site.prints(b"\x07").look()
    assert site.look(b"resized\n") == [("terminal", Word.WAITING, "it rang the bell")]
    assert site.look(b"resized again\n") == []


def test_a_title_counts_at_once_and_until_the_next_one(site: Site) -> None:
    assert site.prints("\x1b]0;✋ Action Required\x07".encode()).look() == [
        ("terminal", Word.WAITING, "✋ Action Required")
    ]
    assert site.prints(b"redraw").look() == []
    assert site.prints("\x1b]0;✦ Working\x07".encode()).look() == [("terminal", Word.WORKING, "✦")]
    assert site.prints(b"\x1b]0;bash\x07").look() == [("terminal", None, "")]


def test_a_sequence_may_be_cut_by_a_look_and_a_log_may_be_replaced(site: Site) -> None:
    site.prints(b"\x1b]9;ma").look()
    site.prints(b"y I?\x07").look()
    assert site.look() == [("terminal", Word.WAITING, "may I?")]
    os.replace(site.log, site.log.with_name("old"))
    site.prints(b"\x1b]9;again\x07").look()
    assert site.look() == [("terminal", Word.WAITING, "again")]


def test_of_a_flood_only_the_end_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    monkeypatch.setattr(os, "pread", lambda fd, count, at: read.append(count) or b"\x07"[:count])  # type: ignore[func-returns-value]
    site.prints(b"x" * 5 * CHUNK).look()
    assert read == [CHUNK]


def test_the_kernel_is_asked_about_quiet_ones_without_another_sign(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(watching, "reader_of", lambda pid: asked.append(pid) or "wc")  # type: ignore[func-returns-value]
    told = [site.look(b"counting\n") for _ in range(3)]
    assert told == [[], [], [("kernel", Word.WAITING, "wc reads its terminal")]]
    for _ in range(9):
        site.look()
    assert len(asked) <= 4  # not at each look
    assert site.prints(b"3\n").look() == [("kernel", None, "")]


def test_nobody_asks_the_kernel_about_a_known_prompt(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(watching, "reader_of", lambda pid: asked.append(pid) or "wc")  # type: ignore[func-returns-value]
    site.look(ASKS)
    for _ in range(9):
        site.look()
    assert asked == []


def test_a_word_is_said_again_for_an_actor_that_has_forgotten_it(site: Site) -> None:
    site.look(ASKS)
    told = [site.look() for _ in range(2 * SAY_AGAIN)]
    assert sum(QUESTION in each for each in told) in (2, 3)
    assert {each.said.by for each in site.told} <= {Source.SCREEN}
