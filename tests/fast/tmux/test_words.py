"""tmux's language, as far as it needs no tmux: quoting, the lines of panes, what cannot be started."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from actors.values.facts import Handle
from actors.values.spec import WorkerSpec
from supervisor.tmux.terminal import cannot_start
from supervisor.tmux.words import pane_line, quoted

MARK = '{"name":"a","life":"b","digest":"c"}'


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quoted("a\0b")


def pane(fields: str, mark: str = MARK, process: Handle | None = None) -> Any:
    line = pane_line(f"{fields},{mark}")
    assert line is not None
    return line.pane(process)


def test_a_line_is_read_as_a_pane() -> None:
    read = pane("%5,77,1,,9,1700000000,1700000000,80,24,1,0")
    assert (read.dead, read.status, read.signal, read.name, read.exit.signal) == (True, None, 9, "a", 9)
    unforked = pane("%1,-1,1,,,,1700000000,200,50,0,0")  # its program could not be forked
    assert (unforked.name, unforked.dead, unforked.exit, unforked.process) == ("a", True, None, None)
    assert pane_line("what is this") is None
    assert pane_line("%1,x,1,,,,,,,,,") is None


def test_the_process_that_has_the_pid_of_a_dead_pane_by_now_is_not_its_process() -> None:
    assert pane("%1,100,0,,,,7,200,50,1,0", process=Handle(100, 5)).process == Handle(100, 5)
    assert pane("%1,100,1,,,,7,200,50,1,0", process=Handle(100, 900)).process is None


@pytest.mark.parametrize("mark", ['{"name": 5}', "[1]", "{", "null"])
def test_a_forged_mark_is_no_mark(mark: str) -> None:
    assert pane("%5,77,0,,,,1,80,24,1,0", mark).name is None


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOMEM, errno.EAGAIN])
def test_a_disk_that_does_not_answer_is_no_reason_to_give_a_worker_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    def stale(path: Any, *args: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    def reason(command: str, cwd: str) -> str | None:
        return cannot_start(WorkerSpec(name="a", command=(command,), cwd=cwd), "/nowhere:/usr/bin")

    gone = str(tmp_path / "gone")
    assert reason("sleep", gone) == f"cwd does not exist or is no folder: {gone}"
    assert reason("no-such-program", "/") is not None
    monkeypatch.setattr("os.stat", stale)
    assert reason("sleep", gone) is None
    assert reason("no-such-program", "/") is None
    monkeypatch.undo()
