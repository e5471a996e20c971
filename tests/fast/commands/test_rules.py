"""`rules test`: what would have fired on a recorded log."""

from pathlib import Path

import pytest

from supervisor.commands.files.rules import test as rules_test
from supervisor.state.place import Place
from supervisor.wire.errors import CommandError, UnknownWorker

FILE = """[workers.api]
command = ["serve"]
[[workers.api.rules]]
name = "oom"
match = "out of (memory|space)"
times = 3
within = "1m"
do = ["event", "restart"]
[[workers.api.rules]]
on = "exit"
do = "event"
[workers.web]
command = ["serve"]
[[workers.web.rules]]
match = "hello"
do = { run = ["tell"] }
[workers.bare]
command = ["serve"]
"""
OUTPUT = b"hello\nfatal: out of memory\r\n\x1b[31mout of\x1b[0m space\nout o\rmemory"


@pytest.fixture
def site(tmp_path: Path) -> Place:
    (tmp_path / "panevisor.toml").write_text(FILE)
    logs = tmp_path / "state" / "logs"
    logs.mkdir(parents=True)
    (logs / "api.L-1.000000").write_bytes(OUTPUT)
    (tmp_path / "old.log").write_bytes(OUTPUT)
    return Place(tmp_path / "panevisor.toml", tmp_path / "state", tmp_path / "state" / "s")


def shown(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    return [line.split(None, 2) for line in capsys.readouterr().out.splitlines()[1:]]


def test_the_log_of_a_worker_is_tried_on_its_rules_with_line_numbers(
    site: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rules_test(site, "api", None, None) == 0
    out, errors = capsys.readouterr()
    rows = [line.split(None, 2) for line in out.splitlines()]
    assert [row[:2] for row in rows] == [["line", "rule"], ["2", "oom"], ["3", "oom"]]
    assert rows[1][2].startswith("fatal: out of memory")
    assert rows[1][2].endswith("event, restart (after 3 within 60 s, at most 60 per 60 s)")
    assert "1 rule about other things than lines" in errors


def test_a_file_is_tried_on_all_rules_or_on_those_of_one(site: Place, capsys: pytest.CaptureFixture[str]) -> None:
    old = str(site.config.parent / "old.log")
    rules_test(site, old, None, None)
    assert [row[0] for row in shown(capsys)] == ["1", "2", "3"]
    rules_test(site, old, None, "web")
    assert [row[0] for row in shown(capsys)] == ["1"]


def test_what_is_neither_a_worker_nor_a_file_is_refused_and_so_is_a_worker_without_rules(site: Place) -> None:
    with pytest.raises(UnknownWorker, match=r"neither a worker of .* nor a file .did you mean"):
        rules_test(site, "apu", None, None)
    with pytest.raises(CommandError, match="bare has no rules"):
        rules_test(site, "bare", None, None)
    with pytest.raises(CommandError, match="--since is for the log of a worker"):
        rules_test(site, str(site.config.parent / "old.log"), 1.0, None)
    with pytest.raises(UnknownWorker, match="no such worker"):
        rules_test(site, "api", None, "nope")
