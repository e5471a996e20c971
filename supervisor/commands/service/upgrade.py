"""`panevisor upgrade`: the service that runs hands over to the version of this very command.

    upgrade ──▶ the service starts `serve --takeover` of this version ──▶ that one takes over ──▶ both are compared here

The socket answers to nobody while the one has ended and the other has not begun: that pause is measured.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisor.commands.service.conflicts import service_of
from supervisor.state.lock import Held, Lock, hold
from supervisor.state.place import Place
from supervisor.wire.client import Client, NoService, ServiceError
from supervisor.wire.errors import CommandError

ANEW = "`panevisor down --keep-workers`, then `panevisor up`: the workers live on"
LOCK_TIMEOUT = 60.0  # seconds in which a service ends that was told to hand over
_PAUSE = 0.002
_MARGIN = 20.0  # seconds in which a service that failed is killed, and the one before is back


def upgrade(place: Place, rehearse: Callable[[Place], str], timeout: float) -> int:
    """Have the service hand over to this version. `rehearse` reads here what that version will read there."""
    with service_of(place) as client:
        before = _picture(client)
        rehearse(_told(place, before))
        _begin(client, timeout)
        began = _closed(client)
        answered, after = _back(place, timeout)
    return _report(place, before, after, answered - began)


def _told(place: Place, picture: Mapping[str, Any]) -> Place:
    """Return the place with the file that its service runs."""
    return replace(place, config=Path(picture["supervisor"]["config"]["path"])) if place.of_any_file else place


def _picture(client: Client) -> Mapping[str, Any]:
    picture: Mapping[str, Any] = client.call("status")
    return picture


def _begin(client: Client, timeout: float) -> None:
    """Return when the next service takes over; raises what keeps it from that."""
    program = [sys.executable, "-m", "supervisor"]
    try:
        client.call("upgrade", program=program, pythonpath=os.environ.get("PYTHONPATH"), wait=timeout)
    except ServiceError as error:
        if error.code == "usage":
            raise CommandError("failed", f"the service that runs is too old to hand over: {ANEW}") from error
        raise CommandError(error.code, f"not upgraded, the service runs on: {error.message}") from error


def _closed(client: Client) -> float:
    """Return when the service has closed the connection."""
    with contextlib.suppress(NoService):
        for _ in client.messages():
            pass
    return time.monotonic()


def _back(place: Place, timeout: float) -> tuple[float, Mapping[str, Any]]:
    """Return when a service answered again, and the picture that it has, once it has one."""
    answered, deadline = 0.0, time.monotonic() + timeout + _MARGIN
    while time.monotonic() < deadline:
        with contextlib.suppress(NoService), Client.connect(place.socket) as client:
            ready = client.call("hello")["ready"]
            answered = answered or time.monotonic()
            if ready:
                return answered, _picture(client)
        time.sleep(_PAUSE)
    raise CommandError("timeout", f"no service answers at {place.socket}, and the workers live on: try `panevisor up`")


def _report(place: Place, before: Mapping[str, Any], after: Mapping[str, Any], pause: float) -> int:
    old, new = before["supervisor"], after["supervisor"]
    took = f"the socket did not answer for {pause * 1000:.0f} ms"
    workers = _workers(_pids(before), _pids(after))
    if new["pid"] == old["pid"]:
        said = f"not upgraded, {_named(old)} runs again: {_why(place)}"
        raise CommandError("failed", f"{said}\n{took}. {workers}")
    print(f"upgraded: {_named(old)} → {_named(new)}; {took}")
    print(workers)
    return 0


def _why(place: Place) -> str:
    """Return what the service that runs again says of the one that failed."""
    with Client.connect(place.socket) as client:
        told = [entry for entry in client.call("events") if entry["event"] == "service.upgrade_failed"]
    return str(told[0]["facts"]["error"]) if told else "the service's log says why"


def _named(service: Mapping[str, Any]) -> str:
    return f"panevisor {service['version']} (pid {service['pid']})"


def _pids(picture: Mapping[str, Any]) -> dict[str, int]:
    return {worker["name"]: worker["pid"] for worker in picture["workers"] if worker["pid"]}


def _workers(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    moved = sorted(name for name, pid in before.items() if after.get(name) != pid)
    if moved:
        return f"{len(before) - len(moved)} workers run on; ended or started anew meanwhile: {', '.join(moved)}"
    return f"{len(before)} worker{'' if len(before) == 1 else 's'} run{'s' if len(before) == 1 else ''} on, same pids"


def taken_over(place: Place) -> tuple[Lock, Mapping[str, Any]]:
    """Ask the service that runs to hand over to this process; return its lock, and what it said of itself."""
    with service_of(place) as client:
        hello: Mapping[str, Any] = client.call("hello")
        client.call("hand_over")
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return hold(place.state_dir), hello
        except Held as held:
            if time.monotonic() > deadline:
                raise CommandError("timeout", f"{held} still, {LOCK_TIMEOUT:.0f} s after it was told to end") from held
            time.sleep(_PAUSE)
