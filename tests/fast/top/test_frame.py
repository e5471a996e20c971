"""The whole screen, line by line."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.pictures import NOW, picture, worker

from supervisor.top.frame import frame, help_lines
from supervisor.top.lines import cells, plain
from supervisor.top.logs import shown as shown_in_log
from supervisor.top.orders import Order
from supervisor.top.view import TABS, View

WAITS = {"attention": "waiting", "attention_by": "rule", "attention_since": NOW - 5, "attention_text": "go on?"}


def shown(view: View, room: int = 80, height: int = 24) -> list[str]:
    lines = frame(view, room, height)
    assert len(lines) == height
    assert {cells(line) for line in lines} == {room}
    return [plain(line).rstrip() for line in lines]


@pytest.fixture
def view() -> View:
    view = View(clock=lambda: NOW)
    view.take(
        picture(
            worker("web", rss_bytes=3_000_000),
            worker("agent", **WAITS),
            worker("old", "failed", reason="exit 3", rss_bytes=None),
        )
    )
    view.turn()
    return view


def test_a_screen_of_80_columns_has_all_that_matters(view: View) -> None:
    view.take_screen("old", "\x1b[31mno disk\x1b[0m\n\n")
    clock = datetime.fromtimestamp(NOW).astimezone().strftime("%H:%M:%S")
    assert shown(view) == [
        f" panevisor  shop  3 workers  2 need you  2 running  1 failed{clock:>19}",
        "  NAME      STATE          FOR    CPU   MEMORY  WHY",
        "! old       failed          1m      -        -  exit 3",
        "! agent     waiting         5s      -   1.0 kB  go on?",
        "· web       running         1m      -   3.0 MB",
        "── old  failed  for 1m ───────── 1 screen  2 log  3 why  4 deaths  5 activity ──",
        "no disk",
        *[""] * 15,
        " ≙ panevisor screen --ansi old",
        " ? help  / filter  s start  x stop  r restart  p prompt  a attach  q quit",
    ]


def test_the_lost_contact_is_told_and_the_last_picture_stays(view: View) -> None:
    view.lose("the service has closed the connection")
    view.clock = lambda: NOW + 12
    lines = shown(view)
    assert lines[0].endswith("no contact for 12 s")
    assert lines[2].startswith("! old")
    view.take(picture(worker("web")))
    assert "no contact" not in shown(view)[0]


def test_what_is_wrong_with_the_service_has_a_line(view: View) -> None:
    view.take(picture(worker("web"), tmux="unreachable", degraded=["records: disk full"]))
    assert shown(view)[1].startswith(" tmux does not answer: this is the last picture")
    assert shown(view)[1].endswith("(and 1 more: panevisor status)") or "…" in shown(view)[1]


def test_before_the_first_picture_it_says_what_it_waits_for() -> None:
    view = View()
    assert shown(view)[1] == "  asking the service"
    view.lose("it is starting")
    assert shown(view)[1] == "  it is starting"


def test_a_filter_that_fits_nobody_says_how_to_get_back(view: View) -> None:
    view.table.filter_by("nobody")
    lines = shown(view)
    assert "0 of 3 workers" in lines[0]
    assert "no worker fits the filter (Esc clears it, ? says more)" in lines[2]


@pytest.mark.parametrize(
    ("tab", "command"),
    [
        ("screen", "panevisor screen --ansi old"),
        ("log", "panevisor logs -f old"),
        ("why", "panevisor why old"),
        ("deaths", "panevisor deaths --full old"),
        ("activity", "panevisor events -f"),
    ],
)
def test_each_part_is_shown_with_the_command_that_shows_the_same(view: View, tab: str, command: str) -> None:
    view.open(tab)
    assert shown(view)[-2] == f" ≙ {command}"


def test_a_search_in_the_log_is_a_grep(view: View) -> None:
    view.open("log")
    view.paper.search_for("it's")
    assert shown(view)[-2] == """ ≙ panevisor logs -f --grep 'it'"'"'s' old"""
    assert " /it's " in shown(view)[5]


def test_an_order_that_ends_something_is_asked_about_with_its_command(view: View) -> None:
    view.question = Order("stop", "old")
    line = shown(view)[-2]
    assert line.startswith(" stop old? y / n")
    assert line.endswith("≙ panevisor stop old")


def test_what_came_of_an_order_stands_beside_its_command(view: View) -> None:
    view.do(Order("restart", "old"))
    assert shown(view)[-2].split() == ["≙", "panevisor", "restart", "old", "restart", "old", "…"]
    view.done(Order("restart", "old"), "old: running (pid 5)", well=True)
    assert shown(view)[-2].startswith(" ≙ panevisor restart old")
    assert shown(view)[-2].endswith("old: running (pid 5)")
    view.clock = lambda: NOW + 60
    view.hush()
    assert shown(view)[-2] == " ≙ panevisor screen --ansi old"


def test_few_workers_leave_the_room_to_the_lower_part_and_many_get_half_of_it(view: View) -> None:
    def divider() -> int:
        return next(at for at, line in enumerate(shown(view, 120, 50)) if line.startswith(("──", "━━")))

    assert divider() == 5
    view.take(picture(*(worker(f"w{number}") for number in range(1000))))
    assert divider() == 2 + int(46 * 0.45)
    view.zoom()
    assert divider() == 1


def test_the_screen_of_another_worker_than_the_selected_is_not_shown(view: View) -> None:
    view.take_screen("web", "secret of web")
    assert "secret" not in "\n".join(shown(view))
    view.table.move(1)
    assert view.turn()
    assert not view.turn()


def test_the_activity_grows_and_repeats_nothing_when_the_service_comes_back(view: View) -> None:
    def entries(*those: str) -> list[dict[str, Any]]:
        return [{"ts": those[at], "seq": int(those[at + 1])} for at in range(0, len(those), 2)]

    def told(entry: Mapping[str, Any]) -> str:
        return f"{entry['ts']}{entry['seq']}\n  more" if entry["seq"] == 3 else f"{entry['ts']}{entry['seq']}"

    view.take_entries(entries("a", "1", "a", "2"), told)
    view.take_entries(entries("a", "2", "a", "3"), told)
    view.take_entries(entries("b", "1"), told)  # another service
    assert [plain(line) for line in view.papers["activity"].lines] == ["a1", "a2", "a3", "  more", "b1"]


def test_the_help_has_every_key_with_its_command() -> None:
    told = [plain(line) for line in help_lines()]
    assert any("stop it, after a question" in line and line.endswith("≙ panevisor stop NAME") for line in told)
    assert max(map(len, told)) <= 80
    view = View(is_help=True)
    view.papers["help"].show(help_lines())
    assert shown(view)[0] == " panevisor top   ↓ goes on, ? or Esc goes back"


HOSTILE = st.text(st.sampled_from("a东🚀\x1b[]0;\x07\x9b2J\n\r\t\u202e\u200b\u0301\x0e\x0f#é"), max_size=40)


@given(
    st.integers(1, 300),
    st.integers(1, 60),
    st.lists(st.tuples(HOSTILE, HOSTILE), max_size=5),
    st.sampled_from(TABS),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_whatever_workers_show_every_line_has_its_width_and_nothing_that_acts(
    room: int, height: int, told: list[tuple[str, str]], tab: str, how: tuple[bool, bool, bool]
) -> None:
    view = View(clock=lambda: NOW)
    workers = [worker(f"w{n}", "failed", reason=reason, project=reason) for n, (reason, _) in enumerate(told)]
    view.take(picture(*workers))
    view.turn()
    view.open(tab)
    view.is_grid, view.is_zoomed, view.is_reading = how
    for number, (_, screen) in enumerate(told):
        view.take_screen(f"w{number}", f"\x1b[1m{screen}")
        view.papers["log"].append([shown_in_log(screen.encode())])
    view.say(told[0][1] if told else "")
    for line in frame(view, room, height):
        assert all(char.isprintable() or char == " " for char in plain(line)), plain(line)
    lines = frame(view, room, height)
    assert len(lines) == height
    assert {cells(line) for line in lines} <= {room}
