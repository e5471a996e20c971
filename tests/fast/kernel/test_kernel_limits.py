"""Descriptors that are kept for when there are no others, and what this process is short of."""

import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from kit.support import wait_until

from supervisor.kernel import limits, shortage
from supervisor.kernel.limits import Reserve, limits_of, tightest
from supervisor.kernel.programs import cannot_execute
from supervisor.kernel.shortage import NoProcess, NoThread, Shortage

NO_THREAD = RuntimeError("can't start new thread")


def test_a_reserve_that_another_thread_was_quicker_to_take_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(1)
    with monkeypatch.context() as fault:
        fault.setattr(limits, "any_descriptor", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        with reserve.released():
            pass
        before = len(os.listdir("/proc/self/fd"))
        reserve.refill()
        assert len(os.listdir("/proc/self/fd")) == before
    reserve.refill()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    reserve.close()


def test_every_limit_of_this_process_leaves_what_it_says() -> None:
    found = tightest(os.getpid())
    assert found is not None
    assert found.free <= min(limit.free for limit in limits_of(os.getpid())) + 100  # others begin and end meanwhile


Said = list[tuple[str, str | None]]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def watched(said: Said) -> Iterator[Shortage]:
    shortage = Shortage(lambda what, reason: said.append((what, reason)))
    yield shortage
    shortage.close()


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (NoThread(None, "can't start new thread"), "threads"),
        (NO_THREAD, "threads"),
        (NoProcess(errno.EAGAIN, "no process"), "processes"),
        (OSError(errno.EMFILE, "Too many open files"), "descriptors"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), None),
        (ValueError("x"), None),
    ],
)
def test_a_shortage_is_told_from_other_errors(
    watched: Shortage, said: Said, error: Exception, what: str | None
) -> None:
    watched.note(error)
    if what is None:
        assert said == []
    else:
        assert said[0][0] == what
        wait_until(lambda: said[-1] == (what, None))


def test_while_it_lasts_it_is_said_with_its_limit(
    watched: Shortage, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as fault:
        fault.setattr(threading.Thread, "start", Mock(side_effect=NO_THREAD))
        watched.note(NO_THREAD)
        wait_until(lambda: len(said) >= 3)
    wait_until(lambda: said[-1] == ("threads", None))
    assert all(reason and "are free" in reason for _, reason in said[:-1])


def test_a_fork_that_fails_is_a_shortage_and_a_missing_program_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        shortage.popen(["/no/such/program"])
    no_fork = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    monkeypatch.setattr(subprocess, "Popen", Mock(side_effect=no_fork))
    with pytest.raises(NoProcess, match="no process can be started: Resource temporarily unavailable"):
        shortage.popen(["true"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone", None, "program not found: {path}"),
        ("plain", b"x", "program may not be executed: {path}"),
        ("elf", b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\x00\xb7\x01" + b"\0" * 44, "another kind of machine"),
        ("script", b"#!/no/such/shell\n", "interpreter not found: /no/such/shell (first line of {path})"),
        ("fine", b"#!/bin/sh\n", None),
    ],
)
def test_what_cannot_be_executed_is_told_in_words(
    tmp_path: Path, name: str, content: bytes | None, reason: str | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o644 if name == "plain" else 0o755)
    found = cannot_execute(f"./{name}", cwd=str(tmp_path), path="/bin")
    assert found is None if reason is None else reason.format(path=f"{tmp_path}/./{name}") in (found or "")
    assert "is a folder" in (cannot_execute(str(tmp_path), cwd="/", path="/bin") or "")
    assert "in none of the 2 folders of PATH" in (cannot_execute("nosuch", cwd="/", path="/a:/b") or "")
