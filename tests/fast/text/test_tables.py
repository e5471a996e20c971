"""The table of `status`: columns as wide as they have to be, numbers to the right, cut where a terminal ends."""

from dataclasses import replace
from typing import Any

import pytest
from kit.gateway_bench import row

from actors.values.totals import totals_of
from supervisor.text.cells import width
from supervisor.text.plain import plain
from supervisor.text.tables import summary, table

pytest.importorskip("wcwidth", reason="this .venv was made before it was needed")
NOW = 1000.0
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
WORKERS: list[dict[str, Any]] = [
    row("api", started_at=NOW - 90.0, pid=7, restarts=7, attempt=2, cpu_percent=1.25).to_dict(NOW),
    row("running", "backoff", reason="exited\x1b", next_start_at=NOW + 4, started_at=None, rss_bytes=None).to_dict(NOW),
]


def test_numbers_stand_to_the_right_and_what_acts_on_a_terminal_is_escaped() -> None:
    assert table(WORKERS, now=NOW).splitlines() == [
        "NAME     STATE    HEALTH  PID  UPTIME  RESTARTS    CPU  MEMORY  REASON",
        "api      running  ok        7  1m 30s   7 (2/5)  1.2 %  1.0 kB",
        r"running  backoff  -         -       -         0      -       -  exited\x1b; again in 4.0s",
    ]


def test_words_that_mean_something_are_coloured_and_names_are_not() -> None:
    failed = row("running", "failed", reason="exited with code 3; given up").to_dict(NOW)
    lines = table([failed, *WORKERS], now=NOW, colour=True).splitlines()
    assert lines[1].startswith("running  \x1b[31mfailed\x1b[0m   ")
    assert lines[1].endswith("  \x1b[31mexited with code 3\x1b[0m; given up")
    assert "\x1b[32mrunning\x1b[0m  \x1b[32mok\x1b[0m" in lines[2]
    assert table([failed, *WORKERS], now=NOW) == plain("\n".join(lines).encode())


def test_what_a_worker_is_at_stands_where_ok_would_and_what_it_waits_for_is_the_reason() -> None:
    waits: dict[str, Any] = {"attention": "waiting", "attention_by": "screen", "attention_since": NOW - 63.0}
    shown = table(
        [
            row("a", attention_text="Go on? [y/N]", **waits).to_dict(NOW),
            row("b", health="stalled", **waits).to_dict(NOW),
            row("c", **waits | {"attention": "working"}).to_dict(NOW),
        ],
        now=NOW,
    )
    cells = [line.split(maxsplit=7) for line in shown.splitlines()[1:]]
    assert [line[2] for line in cells] == ["waiting", "stalled", "working"]
    assert "waiting for 1m 3s (screen): Go on? [y/N]" in shown
    assert shown.splitlines()[3].endswith("kB")


LONG = "a-very-long-name-that-a-generator-has-made-for-the-branch-of-1"
AT = "exited with code 3; 5 restarts without a healthy life of 1m"
CROWD: list[dict[str, Any]] = [
    replace(row(LONG, "failed", reason=AT, pid=None, started_at=None), project="東京プロジェクト").to_dict(NOW),
    replace(row("api", pid=4242, started_at=0.0), project=f"emoji {FAMILY}").to_dict(NOW),
    replace(row("db", "quarantined", reason="日本語フォルダー " * 5), project="combining e\u0301").to_dict(NOW),
]


@pytest.mark.parametrize("cells", [*range(14, 200, 7), 80, 160])
def test_no_line_is_wider_than_the_terminal_columns_stay_straight_and_no_state_is_cut(cells: int) -> None:
    lines = table(CROWD, now=NOW, width=cells).splitlines()
    assert max(map(width, lines)) <= cells
    for line, worker in zip(lines[1:], CROWD, strict=True):
        before, state, _ = line.partition(worker["state"])
        assert state
        assert width(before) == lines[0].index("STATE")


def test_the_reason_is_cut_first_then_names_in_their_middle_then_columns_go() -> None:
    whole = table(CROWD, now=NOW).splitlines()
    natural = max(map(width, whole))
    slightly = table(CROWD, now=NOW, width=natural - 9).splitlines()
    assert slightly[0] == whole[0]
    assert LONG in slightly[1]
    assert max(map(width, slightly)) == natural - 9


def test_projects_are_shown_where_a_worker_has_one() -> None:
    of_shop = replace(row("api"), project="shop").to_dict(NOW)
    assert table([of_shop, *WORKERS], now=NOW).splitlines()[0].split()[:2] == ["PROJECT", "NAME"]


def test_the_lines_below_the_table_say_how_many_wait_for_a_person() -> None:
    def below(*attention: str | None) -> list[str]:
        workers = [row(f"w{n}", attention=word, attention_since=1.0).to_dict(NOW) for n, word in enumerate(attention)]
        config = {"error": None, "changed_on_disk": False}
        service = {"tmux": "ok", "degraded": [], "kept_by": "systemd", "pid": 7, "config": config}
        return summary({"totals": totals_of(workers), "supervisor": service, "workers": workers})

    assert below(None, "working") == ["2 workers: 2 running"]
    assert below("waiting", "working")[1] == "1 waits for a person (`panevisor status --waiting` lists them)"
    assert below("waiting", "waiting")[1].startswith("2 wait for a person")
