"""What `ps` says of what it found."""

from typing import Any

import pytest

from supervisor.commands.views.ps import lines
from supervisor.text.cells import width


def found(**facts: Any) -> dict[str, Any]:
    plain = {"config": "/srv/a.toml", "config_exists": True, "state_dir": "/st/a", "state_dir_exists": True}
    plain |= {"pid": 7, "answers": True, "uptime_s": 61.0, "tmux_pid": 8, "tmux_pids": [8]}
    plain |= {"workers": {"running": 2, "failed": 1}}
    return {**plain, "living": ["a", "b"], **facts}


def test_a_service_that_is_well_is_one_line() -> None:
    head, line = lines([found()])
    assert head.split() == ["PID", "UPTIME", "WORKERS", "CONFIG", "STATE", "DIRECTORY"]
    assert line.split() == ["7", "1m", "1s", "2", "running,", "1", "failed", "/srv/a.toml", "/st/a"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"pid": None, "workers": None},
            "/st/a: no service runs, and 2 workers live on: `panevisor -c /srv/a.toml up` adopts, `",
        ),
        ({"answers": False, "workers": None}, "the service (pid 7) does not answer"),
        ({"config_exists": False}, "/srv/a.toml is gone, moved or deleted: `panevisor --state-dir /st/a down` ends"),
        ({"state_dir_exists": False}, "`kill 7 8` ends it"),
    ],
)
def test_what_needs_a_person_is_said_with_a_command_that_helps(facts: dict[str, Any], said: str) -> None:
    table = lines([found(**facts)])
    assert said in table[-1]
    assert ("2 living" in table[1]) is ("workers" in facts)


def test_the_table_fits_its_terminal_and_keeps_the_counts() -> None:
    long = found(config="/home/me/projects/of-last-year/shop/panevisor.toml", state_dir="/home/me/" + "x" * 60)
    for cells in (80, 160):
        head, line = lines([long], width=cells)
        assert width(line) <= cells
        assert "2 running, 1 failed" in line
        assert ("STATE DIRECTORY" in head) is (cells == 160)
    assert "\x1b[31m1 failed\x1b[0m" in lines([long], colour=True)[1]
