"""What one `panevisor top` costs on a terminal of 160 × 50: time to the first picture, CPU, memory, bytes drawn."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator

import psutil

from benchmarks.figures import Figure, NotDone
from benchmarks.site import IDLE, Site, site

SECONDS = 30
CHANGES = "n=0; while sleep 4; do n=$((n + 1)); echo $n; done"  # once in each capture beat
LATEST = 60.0  # seconds until the first picture


class Watched:
    """`panevisor top` on a pseudo-terminal that is read all the time. `drawn`: the bytes that have come."""

    def __init__(self, site: Site) -> None:
        self._fd, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        argv = [sys.executable, "-m", "supervisor", "-c", str(site.place / "panevisor.toml"), "top"]
        environment = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": os.getcwd()}
        self.begun = time.monotonic()
        self.process = subprocess.Popen(argv, env=environment, stdin=its, stdout=its, stderr=its)
        os.close(its)
        self.drawn = b""
        self.first: float | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: it has ended
            while part := os.read(self._fd, 65536):
                self.drawn += part
                if self.first is None and b" workers" in self.drawn:
                    self.first = time.monotonic() - self.begun

    def end(self) -> None:
        os.write(self._fd, b"q")
        self.process.wait(LATEST)
        os.close(self._fd)


def dashboards(n: int) -> Iterator[Figure]:
    """Yield the cost beside workers that all sleep, and beside workers whose screens all change at each beat."""
    for what, command in (("idle", IDLE), ("changing", CHANGES)):
        with site(n, command, capture="5s", health="10s") as measured:
            time.sleep(10)
            top = Watched(measured)
            try:
                yield from _figures(n, what, top)
            finally:
                top.end()


def _figures(n: int, what: str, top: Watched) -> Iterator[Figure]:
    while top.first is None:
        if time.monotonic() > top.begun + LATEST:
            raise NotDone(f"no picture within {LATEST:g} s")
        time.sleep(0.01)
    process = psutil.Process(top.process.pid)
    time.sleep(5)
    if what == "idle":
        yield Figure(0, "top: from its start to the first picture", n, 1000 * top.first, "ms")
        yield Figure(0, "top: CPU until then and 5 s more", n, sum(process.cpu_times()[:2]), "s")
    before, bytes_before = sum(process.cpu_times()[:2]), len(top.drawn)
    time.sleep(SECONDS)
    yield Figure(0, f"top, {what}: CPU", n, 100 * (sum(process.cpu_times()[:2]) - before) / SECONDS, "% of 1")
    yield Figure(0, f"top, {what}: RSS", n, process.memory_info().rss / 1e6, "MB")
    yield Figure(0, f"top, {what}: drawn", n, (len(top.drawn) - bytes_before) / SECONDS, "B/s")
