"""`panevisor down`: the workers, then the service and its keeper, then tmux; it returns when all have ended.

a service answers           ──▶ it ends the workers and itself; its keeper starts nothing any more
a keeper, but no service    ──▶ the keeper is dismissed; a service that it is just starting is waited for
neither, but workers live   ──▶ this command ends them as a service would
"""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from actors.events.words import some_of
from supervisor.commands.progress import STOPPED, Progress
from supervisor.commands.service.conflicts import service_of
from supervisor.state.lock import Held, Lock, hold
from supervisor.state.place import RECORDS, Place, living_servers
from supervisor.state.records import read_origin
from supervisor.text.plain import visible
from supervisor.tmux.panes import foreign_panes, known_to_live, living, some
from supervisor.upkeep.keeper import Keeper, keeper_of
from supervisor.wire.client import Client, NoService, ServiceError
from supervisor.wire.errors import CommandError

NAMED = 4  # workers in a line
KEEPER_TIMEOUT = 30.0  # as long as `up` waits for a service to answer
HINTED = 4.0  # seconds of waiting, after which it is said how it is hurried
TMUX_TIMEOUT = 20.0  # the service ends tmux before itself; tmux took 8 s for 3,000 panes


End = Callable[[Place, Lock], int]
"""Ends the workers that a dead service left, as a service would; returns the exit code."""


def down(place: Place, *, keep_workers: bool, end: End, now: bool = False, kill: bool = False) -> int:
    """Take everything down, or only the service with `keep_workers`; `now` and `kill` also hurry one under way."""
    try:
        client = service_of(place)
    except NoService:
        keeper = keeper_of(place.state_dir)
        if keeper is None:
            return _without_service(place, keep_workers=keep_workers, end=end)
        with keeper:
            _dismiss(keeper, place)
        return _after_keeper(place, keep_workers=keep_workers, end=end)
    with client, contextlib.ExitStack() as descriptors:
        progress = Progress(STOPPED)
        client.on_message = progress
        with contextlib.suppress(ServiceError):  # a service that has only begun has no picture, but it can end
            client.call("subscribe", topics=["changes"])
        hurry = {key: True for key, given in (("now", now), ("kill", kill)) if given}  # an older service knows neither
        answer = client.call("down", keep_workers=keep_workers, **hurry)
        if keeper := keeper_of(place.state_dir):
            descriptors.enter_context(keeper).dismiss()  # else a service that is killed on its way out would come back
        service, tmux = (_descriptor(answer[key], descriptors) for key in ("pid", "tmux_pid"))
        _follow(client, progress, hint=not (keep_workers or kill))
        _ended(service, None)
        if keeper:
            keeper.ended(KEEPER_TIMEOUT)  # it follows its service at once
        progress.done()
        tmux_gone = _ended(tmux, 0.0) or (not _is_left(place) and _ended(tmux, TMUX_TIMEOUT))
        tmux_gone = tmux_gone and (keep_workers or not living_servers(place.state_dir))
    return _report(place, answer["pid"], keep_workers=keep_workers, tmux_gone=tmux_gone)


def _follow(client: Client, progress: Progress, *, hint: bool) -> None:
    """Show what ends until the service closes the connection; after a while say what is waited for."""
    deadline = time.monotonic() + HINTED if hint else None
    with contextlib.suppress(NoService):
        while True:
            try:
                for message in client.messages(deadline):
                    progress(message)
            except ServiceError as late:
                if late.code != "timeout":
                    raise
                deadline = None
                if names := progress.open_ones:
                    progress.done()
                    mend = "`panevisor down --now` goes on with the next step of their stop plans, --kill with the last"
                    print(visible(f"still waiting for {some_of(names, NAMED)}: {mend}"), file=sys.stderr)


def _descriptor(pid: int | None, descriptors: contextlib.ExitStack) -> int | None:
    """Return a pidfd, which never means another process; None if the process has already ended."""
    if pid is None:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    descriptors.callback(os.close, descriptor)
    return descriptor


def _ended(descriptor: int | None, timeout: float | None) -> bool:
    return descriptor is None or bool(select.select([descriptor], [], [], timeout)[0])


def _is_left(place: Place) -> bool:
    """Whether the service has left tmux running for people who have windows there."""
    with contextlib.suppress(CommandError):
        return foreign_panes(place) > 0 and not known_to_live(place)
    return False


def _report(place: Place, pid: int, *, keep_workers: bool, tmux_gone: bool) -> int:
    if keep_workers:
        print(f"the service (pid {pid}) has ended; the workers live on, `panevisor up` finds them again")
        return 0
    if tmux_gone:
        print(f"all workers, the service (pid {pid}) and tmux have ended")
        return 0
    left, people = known_to_live(place), foreign_panes(place)
    if left or not people:
        who = f" ({some(left)})" if left else ""
        raise CommandError("failed", f"the service has ended, but tmux has not{who}: see its log")
    print(f"all workers and the service (pid {pid}) have ended")
    print(f"tmux was left running: {people} window(s) there belong to a person", file=sys.stderr)
    return 0


def _dismiss(keeper: Keeper, place: Place) -> None:
    """Return when the keeper has ended, or the service that it was starting answers."""
    keeper.dismiss()
    deadline = time.monotonic() + KEEPER_TIMEOUT
    while not keeper.ended(0.05):
        with contextlib.suppress(NoService), Client.connect(place.socket):
            return
        if time.monotonic() > deadline:
            what = f"the service that the keeper (pid {keeper.pid}) has started does not answer"
            raise CommandError("timeout", f"{what}; see {place.state_dir}/service.log")


def _after_keeper(place: Place, *, keep_workers: bool, end: End) -> int:
    """Take down what is left after the keeper; having ended the keeper is enough for exit code 0."""
    with contextlib.suppress(NoService):
        service_of(place).close()
        return down(place, keep_workers=keep_workers, end=end)
    left = living(place)
    if keep_workers or not left:
        print("no service is running; its keeper has ended" + (f"; tmux still has {some(left)}" if left else ""))
        return 0
    return _without_service(place, keep_workers=keep_workers, end=end)


def _without_service(place: Place, *, keep_workers: bool, end: End) -> int:
    """End in order what a killed service left."""
    left = living(place)
    if not left:
        nothing = f"no service is running, and no worker of it lives (nothing listens at {place.socket})"
        raise CommandError("no-service", nothing)
    if keep_workers:
        what = f"no service is running, but tmux still has {some(left)}"
        raise CommandError("no-service", f"{what}: `panevisor up` adopts them, `panevisor down` ends them")
    print(f"no service is running; ending {some(left)}", file=sys.stderr)
    _end_left(place, end)
    if rest := known_to_live(place):
        raise CommandError("failed", f"not ended: {some(rest)}; see {place.state_dir}/service.log")
    print("all workers have ended")
    return 0


def _end_left(place: Place, end: End) -> None:
    """Act as the service until all workers have ended: adopt what lives by the records, and apply no file."""
    origin, _ = read_origin(place.state_dir / RECORDS)
    recorded = replace(place, config=Path(origin.config)) if origin else place
    try:
        lock = hold(place.state_dir)
    except Held as held:
        raise CommandError("conflict", f"{held} on {place.state_dir}, and does not answer: end it first") from held
    end(recorded, lock)
