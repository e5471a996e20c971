"""The table: who is listed and selected, in which order, and in which columns."""

import pytest
from kit.pictures import NOW, worker

from supervisor.top.history import Histories
from supervisor.top.lines import cells, plain
from supervisor.top.table import SORTS, Table, because, columns, grid, grid_columns, head, mark, row, word

WAITS = {"attention": "waiting", "attention_by": "rule", "attention_since": NOW - 5, "attention_text": "go on?"}


def names(table: Table) -> list[str]:
    return [worker["name"] for worker in table.rows]


@pytest.fixture
def table() -> Table:
    table = Table()
    table.take(
        [
            worker("web", cpu_percent=5.0, rss_bytes=9000),
            worker("api", cpu_percent=90.0, rss_bytes=50),
            worker("agent", **WAITS),
            worker("importer", "failed", since=NOW - 99, restarts=3),
            worker("cron", "backoff"),
        ]
    )
    return table


def test_who_needs_a_person_comes_first_and_the_rest_stays_in_its_order(table: Table) -> None:
    assert names(table) == ["importer", "agent", "cron", "web", "api"]
    table.take([worker("web"), worker("api", health="stalled")])
    assert names(table) == ["api", "web"]


def test_the_selection_stays_with_its_worker_when_rows_move(table: Table) -> None:
    table.move(3)
    assert table.name == "web"
    table.take([worker("api", "failed"), worker("web")])
    assert (table.name, table.place) == ("web", 1)


def test_a_filter_that_hides_the_selected_worker_gives_it_back_when_it_is_cleared(table: Table) -> None:
    table.move(3)
    assert table.filter_by("api") is None
    assert (names(table), table.name) == (["api"], "api")
    table.filter_by("")
    assert table.name == "web"


def test_who_was_acted_on_within_a_filter_stays_selected_when_it_is_cleared(table: Table) -> None:
    table.filter_by("api")
    table.keep()
    table.filter_by("")
    assert table.name == "api"


def test_a_filter_that_is_wrong_changes_nothing(table: Table) -> None:
    table.filter_by("state:failed")
    assert "must be" in (table.filter_by("rss>lots") or "")
    assert names(table) == ["importer"]


def test_the_next_one_is_selected_when_the_selected_worker_goes(table: Table) -> None:
    table.move(1)
    table.take([worker("web"), worker("importer", "failed")])
    assert table.name == "web"
    table.take([])
    assert table.name is None
    table.move(1)


def test_no_move_leaves_the_table(table: Table) -> None:
    table.move(-3)
    assert table.name == "importer"
    table.move(99)
    assert table.name == "api"


@pytest.mark.parametrize(
    ("by", "first"),
    [
        ("need", "importer"),
        ("name", "agent"),
        ("state", "web"),
        ("for", "importer"),
        ("cpu", "api"),
        ("memory", "web"),
        ("restarts", "importer"),
    ],
)
def test_it_is_sorted_by_any_column_and_the_other_way_round(table: Table, by: str, first: str) -> None:
    table.sort(SORTS.index(by))
    assert names(table)[0] == first
    before = names(table)
    table.sort(invert=True)
    assert names(table) == before[::-1]


def test_sorting_goes_round(table: Table) -> None:
    for _ in SORTS:
        table.sort(1)
    assert table.by == "need"
    table.sort(-1)
    assert table.by == SORTS[-1]


def test_the_selected_row_is_always_within_the_window() -> None:
    table = Table()
    table.take([worker(f"w{number}") for number in range(100)])
    for step, height in ((0, 10), (50, 10), (1, 3), (-40, 5), (99, 7), (-99, 1), (60, 200)):
        table.move(step)
        window = table.window(height)
        assert table.selected in window
        assert len(window) == min(height, 100)


@pytest.mark.parametrize(
    ("news", "said", "marked"),
    [
        ({}, "running", "·"),
        ({"attention": "idle", "attention_since": NOW}, "idle", "·"),
        (WAITS, "waiting", "!"),
        ({**WAITS, "health": "stalled"}, "stalled", "!"),
        ({"state": "failed"}, "failed", "!"),
        ({"state": "backoff"}, "backoff", "~"),
        ({"state": "stopped"}, "stopped", "-"),
        ({"state": "completed"}, "completed", "✓"),
    ],
)
def test_one_word_and_one_mark_say_how_a_worker_is(news: dict[str, object], said: str, marked: str) -> None:
    state = str(news.get("state", "running"))
    found = worker("web", **{"state": state, **news})
    assert (word(found), mark(found)) == (said, marked)


def test_the_reason_begins_with_the_next_start_and_shows_what_is_hidden() -> None:
    waits = worker("web", "backoff", next_start_at=NOW + 12.5, reason="exit\x1b[2J 3", hands_on=True)
    assert because(waits, NOW) == "again in 12s; exit\\x1b[2J 3; a person is attached"


@pytest.mark.parametrize("room", [*range(20, 301, 7), 80, 120, 160])
def test_columns_and_rows_are_as_wide_as_their_room(room: int, table: Table) -> None:
    chosen = columns(room, 30, 12)
    assert cells(head(table, chosen, room)) == room
    for found in table.rows:
        assert cells(row(found, chosen, Histories(), NOW, room, selected=False)) == room


def test_a_terminal_of_80_columns_has_the_reason_and_a_wide_one_everything() -> None:
    assert [column.key for column in columns(80, 12, 0)] == ["name", "state", "for", "cpu", "memory", "because"]
    assert len(columns(200, 12, 8)) == 11


def test_a_row_says_without_colour_what_there_is_to_say() -> None:
    chosen = columns(120, 10, 0)
    line = plain(
        row(
            worker("agent", cpu_percent=12.4, rss_bytes=5_000_000, pid=None, **WAITS),
            chosen,
            Histories(),
            NOW,
            120,
            selected=True,
        )
    )
    assert line.split() == ["!", "agent", "waiting", "5s", "12%", "5.0", "MB", "0", "-", "go", "on?"]


@pytest.mark.parametrize("height", [1, 3, 50])
def test_the_grid_shows_the_selected_worker_and_fits(height: int) -> None:
    table = Table()
    table.take([worker(f"worker-{number}") for number in range(200)])
    across, _ = grid_columns(table, 100)
    assert across == 7
    for step in (0, 100, 99, -150):
        table.move(step)
        lines = grid(table, 100, height)
        assert len(lines) <= height
        assert all(cells(line) == 100 for line in lines)
        assert any(f"{table.name} " in plain(line) for line in lines)
