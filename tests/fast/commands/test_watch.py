"""The frame of `status --watch`."""

from typing import Any

import pytest
from kit.gateway_bench import row

from actors.values.totals import totals_of
from supervisor.commands.views.watch import frame

SERVICE: dict[str, Any] = {
    "tmux": "ok",
    "degraded": [],
    "kept_by": "keeper",
    "pid": 7,
    "started_at": "2026-01-01T00:00:00Z",
    "uptime_s": 1.0,
    "config": {"error": None, "changed_on_disk": False, "path": "/x"},
}


def picture(count: int) -> dict[str, Any]:
    workers = [row(f"w{number}").to_dict(0.0) for number in range(count - 2)]
    workers += [row("waits", "backoff").to_dict(0.0), row("broken", "failed").to_dict(0.0)]
    return {"workers": workers, "totals": totals_of(workers), "supervisor": SERVICE}


@pytest.mark.parametrize("rows", [2, 3, 5, 10, 24, 44, 45])
def test_a_frame_is_never_higher_than_its_terminal(rows: int) -> None:
    assert len(frame(picture(42), columns=100, rows=rows, colour=False)) <= rows


def test_where_not_all_fit_those_in_need_come_first_and_the_totals_stay() -> None:
    lines = frame(picture(42), columns=100, rows=24, colour=False)
    assert len(lines) == 24
    assert [line.split()[0] for line in lines[1:4]] == ["broken", "waits", "w0"]
    assert "… and 22 more" in lines
    assert lines[-1].startswith("42 workers: ")


def test_where_all_fit_they_stand_as_in_the_file() -> None:
    lines = frame(picture(5), columns=100, rows=24, colour=False)
    assert [line.split()[0] for line in lines[1:6]] == ["w0", "w1", "w2", "waits", "broken"]
