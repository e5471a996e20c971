"""The table of `status`: columns as wide as they have to be, numbers to the right, cut where a terminal ends."""

from dataclasses import replace
from typing import Any

from kit.gateway_bench import row

from supervisor.text.tables import table

NOW = 1000.0
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


def test_a_narrow_terminal_cuts_lines_and_colours_the_word_of_the_state_alone() -> None:
    cut = table(WORKERS, now=NOW, width=20)
    assert cut.splitlines()[1] == "api      running  o…"
    coloured = table(WORKERS, now=NOW, colour=True).splitlines()
    assert coloured[2].startswith("running  \x1b[35mbackoff\x1b[0m  ")
    assert coloured[0].isprintable()


def test_projects_are_shown_where_a_worker_has_one() -> None:
    of_shop = replace(row("api"), project="shop").to_dict(NOW)
    assert table([of_shop, *WORKERS], now=NOW).splitlines()[0].split()[:2] == ["PROJECT", "NAME"]
