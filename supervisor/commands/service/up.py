"""`panevisor up`: a service where none runs, the file applied, a verdict on each worker.

file is wrong ──▶ every problem, exit 5; a running service shows it, and goes on as it was
no service    ──▶ start one here, wait for its first picture ┐
a service     ──▶ ───────────────────────────────────────────┴▶ apply, wait, table
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from supervisor.commands.files.check import loaded
from supervisor.commands.service.conflicts import refuse_another, refuse_astray, refuse_left_behind
from supervisor.commands.views.status import show
from supervisor.commands.workers.orders import followed, on_record
from supervisor.commands.workers.panes import need_tmux, state_of
from supervisor.explain.need import WELL
from supervisor.kernel.files import opened, refuse_shared
from supervisor.state.place import OUTPUT, Place, words_of
from supervisor.text.plain import visible
from supervisor.upkeep import keeper
from supervisor.upkeep.systemd import VARIABLES
from supervisor.wire.client import BY, Client, NoService, ServiceError
from supervisor.wire.errors import CommandError

_BEGINS = frozenset({"create", "start", "replace"})
_NAMED = 10
_WELL = WELL | {"stopped"}  # by a person or by autostart = false: as in verdicts.py


def up(found: Place, own: Place, *, timeout: float, force: bool) -> int:
    """Bring everything up: `found` is where a service of this file was last, `own` where the file wants it now."""
    checked(found, own)
    refuse_shared(found.state_dir)
    with _service(found, own, force=force) as client:
        refuse_another(client, own)
        try:
            with followed(client, shown=True):
                answer = client.call("apply", force=force, wait=timeout)
        except ServiceError as error:
            if error.code == "timeout":
                show(client.call("status"))
            raise
        except KeyboardInterrupt:
            print("not waited for: the service runs on with this file (`panevisor status`)", file=sys.stderr)
            raise
        return _report(client, answer)


def checked(found: Place, own: Place) -> None:
    """Raise what is wrong with the file; a running service reads and refuses it too, and `status` shows it then."""
    try:
        loaded(own.config)
    except CommandError:
        with contextlib.suppress(CommandError), Client.connect(found.socket) as client:
            refuse_another(client, own)
            client.call("apply")
        raise


def _service(found: Place, own: Place, *, force: bool) -> Client:
    try:
        return when_ready(found)
    except NoService:
        refuse_left_behind(own)
        if not force:
            refuse_astray(own)
        need_tmux()
        return start(own, force=force)


def next_start(answer: Mapping[str, Any]) -> list[str]:
    """Return a line that names the keys of `[supervisor]` that a running service cannot change."""
    keys = ", ".join(answer["next_start"])
    return [f"[supervisor] {keys}: counts from the next start of the service"] if keys else []


def _report(client: Client, answer: dict[str, Any]) -> int:
    picture = client.call("status")
    show(picture)
    for line in next_start(answer):
        print(line, file=sys.stderr)
    verdicts = answer["verdicts"] or list(_at_once(picture, answer))
    failed = [verdict for verdict in verdicts if not verdict["ok"]]
    for line in not_well(failed):
        print(line, file=sys.stderr)
    return 0 if on_record(answer) and not failed else 1


def not_well(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each of the first of these verdicts, and how many more there are: the table has them all."""
    lines = [f"{verdict['name']}: {visible(verdict['text'])}" for verdict in failed[:_NAMED]]
    return lines + ([f"… and {len(failed) - _NAMED} more are not well"] if len(failed) > _NAMED else [])


def _at_once(picture: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield verdicts without waiting: a worker that was just ordered to start is not well yet."""
    ordered = {change["name"]: change["action"] for change in answer["changes"] if change["action"] in _BEGINS}
    workers = {worker["name"]: worker for worker in picture["workers"]}
    for name in answer["names"]:
        if name in ordered or name not in workers:
            said = f"{ordered.get(name, 'create')} was ordered, and is not waited for"
            yield {"name": name, "ok": False, "text": said}
        else:
            yield {"name": name, "ok": workers[name]["state"] in _WELL, "text": state_of(workers[name])}


# ── starting the service in the background, with a keeper ───────────────────────────────────────────────────────────


START_TIMEOUT = 30.0
RIVAL_TIMEOUT = 5.0  # from taking the lock to listening: the imports, mostly
PATIENCE = 3  # failures of a service in its start, after which `up` tells of them
SHOWN_LINES = 20
_PAUSE = 0.02
_NOT_ITS_OWN = {"PANEVISOR_WORKER", BY, *VARIABLES}  # what speaks of the caller: its worker, its systemd unit
_CONFLICT = 9
_CODES = {2: "usage", 5: "config", 6: "not-permitted", 7: "failed", 9: "conflict"}


def start(place: Place, timeout: float = START_TIMEOUT, *, force: bool = False) -> Client:
    """Start a service and its keeper here, and return a connection once the service has a picture.

    Where a keeper is about to start one already, that one is waited for. A service that ends instead passes on what it
    said and its exit code. When another one was quicker, that one is used.
    `force`: even beside workers of this file that live elsewhere; it holds for this start alone.
    """
    place.claim()
    waiting = _Waiting(place, timeout)
    while True:
        with keeper.place_of_keeper(place.state_dir) as file:
            process = _started(place, file, waiting.output, force=force) if file else None
        if process:
            return waiting.for_service_of(process)
        if client := waiting.for_keeper_there():
            return client


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


def _started(place: Place, file: IO[bytes], output: Path, *, force: bool) -> "subprocess.Popen[bytes]":
    with open(output, "ab", opener=opened) as said:
        said.truncate(0)
        return keeper.start_keeper(
            file,
            [sys.executable, "-m", "supervisor", *words_of(place), "serve"],
            once="--force" if force else "",
            output=said,
            environment={key: value for key, value in os.environ.items() if key not in _NOT_ITS_OWN},
        )


class _Waiting:
    """Waits, from now on, for a service to answer that a keeper starts. `output`: what the two print."""

    def __init__(self, place: Place, timeout: float) -> None:
        self.output = place.state_dir / OUTPUT
        self._place = place
        self._deadline = time.monotonic() + timeout
        self._failures = self._count_failures()

    def for_service_of(self, process: "subprocess.Popen[bytes]") -> Client:
        """Return a connection to the service of this new keeper; raises what keeps the service from answering."""
        self._failures = 0  # the output began with the keeper
        while True:
            code = process.poll()  # asked first: the service may answer, and end, after this
            try:
                return self._when_ready()
            except NoService:
                if code is not None:
                    return self._after_its_end(code)
            self._refuse_to_wait(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PAUSE)

    def for_keeper_there(self) -> Client | None:
        """Return a connection to the service of the keeper that lives here; None when that keeper has ended."""
        found = keeper.keeper_of(self._place.state_dir)
        if found is None:
            time.sleep(_PAUSE)  # it has only begun, or is ending
            return None
        with found:
            found.hurry()
            while not found.ended(_PAUSE):
                with contextlib.suppress(NoService):
                    return self._when_ready()
                self._refuse_to_wait(found.pid)
        return None

    def _when_ready(self) -> Client:
        return when_ready(self._place, max(0.0, self._deadline - time.monotonic()))

    def _refuse_to_wait(self, pid: int) -> None:
        """Raise when the service fails again and again, or the time is over; the keeper goes on."""
        ends = f"its keeper (pid {pid}) goes on trying; `panevisor down` ends that"
        if self._count_failures() >= self._failures + PATIENCE:
            raise CommandError("failed", f"the service fails while it starts, and {ends}:\n{self._tail()}")
        if time.monotonic() > self._deadline:
            raise CommandError("timeout", f"the service does not answer, and {ends}:\n{self._tail()}")

    def _after_its_end(self, code: int) -> Client:
        deadline = time.monotonic() + RIVAL_TIMEOUT
        # a conflict: another one holds the lock, and may be about to answer
        while code == _CONFLICT and time.monotonic() < deadline:
            try:
                return when_ready(self._place)
            except NoService:
                time.sleep(_PAUSE)
        raise CommandError(_CODES.get(code, "failed"), f"the service did not start (exit code {code}):\n{self._tail()}")

    def _count_failures(self) -> int:
        return sum(line.startswith(keeper.FAILED) for line in self._lines())

    def _tail(self) -> str:
        return "\n".join(self._lines()[-SHOWN_LINES:]) or f"it said nothing; see {self.output}"

    def _lines(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return self.output.read_text(errors="replace").splitlines()
        return []
