"""A service with N workers in a temporary directory, for the length of a `with` block."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IDLE = "exec sleep 100000"
CHANGING = "while :; do date +%N; sleep 0.5; done"


class Site:
    """What the measurements need of one service."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.state = place / "state"

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a panevisor command and return what it printed; end the measurement when it exits with another code."""
        argv = [sys.executable, "-m", "supervisor", "-c", str(self.place / "panevisor.toml"), *arguments]
        environment = os.environ | {"XDG_STATE_HOME": str(self.place / "xdg"), "PYTHONPATH": os.getcwd()}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            sys.exit(f"{arguments}: {done.returncode}\n{done.stderr}")
        return done.stdout

    def status(self) -> dict[str, Any]:
        picture: dict[str, Any] = json.loads(self.run("status", "-o", "json"))
        return picture

    def service_pid(self) -> int:
        return int((self.state / "lock").read_text().split()[0])

    def tmux(self, *arguments: str) -> str:
        ask = ["tmux", "-S", "./tmux.sock", "-N", *arguments]
        return subprocess.run(ask, cwd=self.state, capture_output=True, text=True, check=True).stdout

    def tmux_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))


@contextlib.contextmanager
def site(workers: int, command: str, capture: str = "1s", health: str = "2s") -> Iterator[Site]:
    """Yield a running service with this many workers, and end all of it afterwards."""
    place = Path(tempfile.mkdtemp(prefix="pvb-", dir="/tmp"))
    head = f'[supervisor]\nstate_dir = "state"\ncapture_interval = "{capture}"\nhealth_interval = "{health}"\n'
    tables = "".join(f"[workers.w{n}]\ncommand = '{command}'\n" for n in range(workers))
    (place / "panevisor.toml").write_text(head + tables)
    measured = Site(place)
    try:
        measured.run("up", "--timeout", "120s")
        yield measured
    finally:
        measured.run("down")
        shutil.rmtree(place, ignore_errors=True)
