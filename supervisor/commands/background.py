"""Starting the service in the background, and waiting until it answers."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from supervisor.kernel.files import opened
from supervisor.state.place import Place
from supervisor.upkeep.systemd import VARIABLES
from supervisor.wire.client import Client, NoService, ServiceError
from supervisor.wire.errors import CommandError

START_TIMEOUT = 30.0
RIVAL_TIMEOUT = 5.0  # from taking the lock to listening: the imports, mostly
OUTPUT = "serve.out"
SHOWN_LINES = 20
_PAUSE = 0.02
_NOT_ITS_OWN = {"PANEVISOR_WORKER", *VARIABLES}  # what speaks of the caller: its worker, its systemd unit
_CONFLICT = 9
_CODES = {2: "usage", 5: "config", 6: "not-permitted", 7: "failed", 9: "conflict"}


def start(place: Place, timeout: float = START_TIMEOUT, *, force: bool = False) -> Client:
    """Start a service here, and return a connection once it has a picture.

    One that ends instead passes on what it said and its exit code. When another one was quicker, that one is used.
    `force`: even beside workers of this file that live elsewhere.
    """
    options = ["-c", str(place.config), "--socket", str(place.socket)]
    place.claim()
    output = place.state_dir / OUTPUT
    with open(output, "wb", opener=opened) as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor", *options, "serve", *(["--force"] if force else [])],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd="/",
            env={key: value for key, value in os.environ.items() if key not in _NOT_ITS_OWN},
            start_new_session=True,
        )
    return _answering(place, process, output, time.monotonic() + timeout)


def when_ready(place: Place, timeout: float = START_TIMEOUT) -> Client:
    """Return a connection to the running service once it has a picture; raises NoService where none runs."""
    deadline = time.monotonic() + timeout
    while True:
        client = Client.connect(place.socket)
        hello = client.call("hello")
        if hello["ready"]:
            return client
        waits = hello.get("starting", "the service is still starting")
        client.close()
        if time.monotonic() > deadline:
            raise ServiceError("timeout", f"after {timeout:.0f} s {waits}")
        time.sleep(_PAUSE)


def _answering(place: Place, process: "subprocess.Popen[bytes]", output: Path, deadline: float) -> Client:
    while True:
        try:
            return when_ready(place, max(0.0, deadline - time.monotonic()))
        except NoService:
            code = process.poll()
        if code is not None:
            return _after_its_end(place, code, output)
        if time.monotonic() > deadline:
            raise CommandError("timeout", f"the service (pid {process.pid}) does not answer; see {output}")
        _wait_for(process.pid, _PAUSE)


def _after_its_end(place: Place, code: int, output: Path) -> Client:
    deadline = time.monotonic() + RIVAL_TIMEOUT
    while code == _CONFLICT and time.monotonic() < deadline:  # another one holds the lock: it may be about to answer
        try:
            return when_ready(place)
        except NoService:
            time.sleep(_PAUSE)
    raise CommandError(_CODES.get(code, "failed"), f"the service did not start (exit code {code}):\n{_tail(output)}")


def _tail(output: Path) -> str:
    lines = output.read_text(errors="replace").splitlines()
    return "\n".join(lines[-SHOWN_LINES:]) or f"it said nothing; see {output}"


def _wait_for(pid: int, seconds: float) -> None:
    """Return when the process has ended, at the latest after `seconds`."""
    descriptor = os.pidfd_open(pid)
    try:
        select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
