"""200 workers that print from the beginning, on real tmux: each is started, and no mailbox grows with their number."""

from pathlib import Path
from typing import Any

import pytest
from kit.support import rows_of, service_inside, wait_until


def test_200_workers_that_print_from_the_beginning_all_run_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are started at once, and tmux is kept busy by what they print: more lines than it can take."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    count = 200
    command = "command = ['bash', '-c', 'while :; do echo line; read -t 0.2; done']\n"
    workers = "max_starting = 0\n" + "".join(f"[workers.w{number}]\n{command}" for number in range(count))
    lengths: list[int] = []

    def running(service: Any) -> bool:
        if service.posts.terminal.ref:
            lengths.append(service.posts.terminal.ref.actor_inbox.qsize())
        return [row.state for row in rows_of(service).values()] == ["running"] * count

    with service_inside(tmp_path, workers, rows_of) as service:
        wait_until(lambda: running(service))
    assert max(lengths) <= count
