"""One service a state directory, also when many begin at once or the lock file is deleted."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit.support import DEADLINE

from supervisor.state.lock import Held, hold

TRY = """
import sys
from pathlib import Path
from supervisor.state.lock import Held, hold
sys.stdin.readline()
try:
    hold(Path(sys.argv[1]))
except Held as held:
    print("held", held.pid, flush=True)
else:
    print("ours", flush=True)
    sys.stdin.readline()
"""


def test_a_second_holder_is_told_who_has_it(place: Path) -> None:
    lock = hold(place / "state")
    with pytest.raises(Held) as held:
        hold(place / "state")
    assert held.value.pid == os.getpid()
    assert str(os.getpid()) in str(held.value)
    lock.release()
    hold(place / "state").release()


def test_directory_and_file_are_private_and_the_descriptor_is_not_inherited(place: Path) -> None:
    lock = hold(place / "deep" / "state")
    assert (place / "deep").stat().st_mode & 0o777 == 0o700
    assert (place / "deep" / "state").stat().st_mode & 0o777 == 0o700
    assert lock.path.stat().st_mode & 0o777 == 0o600
    assert fcntl.fcntl(lock.fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    lock.release()


def test_the_holder_notices_when_the_file_is_deleted_or_replaced(place: Path) -> None:
    lock = hold(place)
    assert lock.still_ours()
    lock.path.unlink()
    assert not lock.still_ours()
    second = hold(place)
    assert second.still_ours()
    assert not lock.still_ours()


def test_a_lock_on_a_file_that_was_deleted_meanwhile_is_taken_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = fcntl.flock, []

    def flock_after_deletion(fd: int, how: int) -> None:
        if not calls:
            (place / "lock").unlink()
        calls.append(fd)
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock_after_deletion)
    lock = hold(place)
    assert len(calls) == 2
    assert lock.still_ours()


def test_a_disk_that_takes_no_pid_keeps_nobody_from_the_lock(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = hold(place)
    with pytest.raises(Held) as held:
        hold(place)
    assert held.value.pid is None
    lock.release()


def test_of_twenty_at_once_one_has_it_and_the_others_name_it(place: Path) -> None:
    argv = [sys.executable, "-c", TRY, str(place)]
    tries = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    try:
        for process in tries:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = {process.pid: process.stdout.readline().split() for process in tries if process.stdout}
    finally:
        for process in tries:
            process.communicate("done\n", timeout=DEADLINE)
    winners = [pid for pid, answer in answers.items() if answer == ["ours"]]
    assert len(winners) == 1
    losers = [answer for answer in answers.values() if answer != ["ours"]]
    assert len(losers) == 19
    assert {answer[1] for answer in losers} <= {str(winners[0]), "None"}  # None: it had not written its pid yet
