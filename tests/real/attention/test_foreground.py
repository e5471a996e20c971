"""Who reads a terminal: real processes on real terminals of their own."""

import os
import pty
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.support import wait_until

from supervisor.attention import foreground
from supervisor.attention.foreground import reader_of


def can_be_seen() -> bool:
    """Whether the kernel shows the system calls of other processes of this user."""
    try:
        return bool(Path(f"/proc/{os.getppid()}/syscall").read_text())
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not can_be_seen(), reason="the kernel does not show system calls here")


@contextmanager
def on_a_terminal(*argv: str) -> Iterator[int]:
    """Run a program as the leader of a terminal's session; it is killed at the end, with what ignores the hang-up."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    try:
        yield pid
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("wc", "-l"), "wc"),
        (("sh", "-c", "wc -l; true"), "wc"),  # a child in the same process group
        (("sh", "-c", "read -r answer; true"), "sh"),
        (("sh", "-c", "sleep 1000 & cat < /dev/tty; true"), "cat"),
        (("bash", "--norc", "-i"), "bash"),  # a select over descriptor 0
        (("bash", "-c", "set -m; wc -l; true"), "wc"),  # a process group of its own in the foreground
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_process_that_sleeps_in_a_read_of_its_terminal_is_named(argv: tuple[str, ...], name: str) -> None:
    with on_a_terminal(*argv) as pid:
        wait_until(lambda: reader_of(pid) == name, what=f"{name} to read the terminal")


def busy(ready: Callable[[int], bool], *argv: str) -> str | None:
    with on_a_terminal(*argv) as pid:
        wait_until(lambda: ready(pid), what="the program to be where it stays")
        return reader_of(pid)


def test_who_sleeps_polls_or_reads_something_else_is_not(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    settled = lambda pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"  # noqa: E731
    assert busy(settled, "sleep", "1000") is None
    poll = "import select; p = select.poll(); p.register(0, select.POLLIN); p.poll(1000000)"
    assert busy(settled, sys.executable, "-c", "import time; time.sleep(1000)") is None
    assert busy(settled, sys.executable, "-c", poll) is None
    started = lambda pid: Path(f"/proc/{pid}/comm").read_text() == "cat\n" and settled(pid)  # noqa: E731
    assert busy(started, "cat", str(fifo)) is None
    os.close(writer)


def test_where_system_calls_are_hidden_the_function_it_sleeps_in_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    read = foreground._read

    def hidden(path: str) -> bytes:
        return b"" if path.endswith("/syscall") else read(path)

    with on_a_terminal("wc", "-l") as pid:
        wait_until(lambda: reader_of(pid) == "wc")
        if read(f"/proc/{pid}/wchan") != b"wait_woken":
            pytest.skip("this kernel does not name the function")
        monkeypatch.setattr(foreground, "_read", hidden)
        assert reader_of(pid) == "wc"
    reads = "import socket as s; a, b = s.socket(), s.create_server(('', 0)); a.connect(b.getsockname()); a.recv(1)"
    with on_a_terminal("python3", "-c", reads) as pid:
        wait_until(lambda: read(f"/proc/{pid}/wchan") == b"wait_woken", what="the program to read a socket")
        assert reader_of(pid) is None


def test_what_is_not_there_reads_nothing() -> None:
    assert reader_of(2**22 + 1) is None
