"""What `ps` says of what it found."""

from typing import Any

import pytest

from supervisor.commands.views.ps import lines


def found(**facts: Any) -> dict[str, Any]:
    plain = {"config": "/srv/a.toml", "config_exists": True, "state_dir": "/st/a", "state_dir_exists": True}
    plain |= {"pid": 7, "answers": True, "uptime_s": 61.0, "tmux_pid": 8, "workers": {"running": 2, "failed": 1}}
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
