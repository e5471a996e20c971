"""What a run of the service begins with: its place and lock, the file, what is on record, and its log."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from supervisor.config.load import load_text
from supervisor.config.settings import Config, SupervisorSettings
from supervisor.kernel.files import make_private
from supervisor.state.console import Console
from supervisor.state.journal import ServiceLog
from supervisor.state.lock import Lock
from supervisor.state.log_queue import LogQueue
from supervisor.state.place import RECORDS, STATUS, Place
from supervisor.state.records import RecordsFile
from supervisor.state.status import read_status
from supervisor.upkeep.handover import Upgraded, UpgradeFailed
from supervisor.upkeep.keeper import Kept
from supervisor.upkeep.systemd import Notifier
from supervisor.version import VERSION


class Given:
    """What a run begins with. The lock on the state directory is held; `known` is what the records file says.

    `config` is None where no file is applied: it is wrong (`error` says how), or what lives is to be ended. Then the
    settings are those of an empty file. `begun`: how an upgrade came out with which this run begins.
    """

    def __init__(
        self,
        place: Place,
        lock: Lock,
        config: Config | None,
        error: str | None = None,
        *,
        begun: Upgraded | UpgradeFailed | None = None,
    ) -> None:
        self.place, self.lock, self.config, self.error, self.begun = place, lock, config, error, begun
        self.records = RecordsFile(lock.home / RECORDS)
        self.known = self.records.load()
        self.settings = config.supervisor if config else _default_settings(place)

    def log_file(self) -> Path:
        """Return the path of the service's log; what is in the state directory is found wherever that is renamed to."""
        file, state_dir = self.settings.log.file, self.place.state_dir
        return self.lock.home / file.relative_to(state_dir) if file.is_relative_to(state_dir) else file


def _default_settings(place: Place) -> SupervisorSettings:
    settings = load_text(b"", place.config).supervisor
    log = replace(settings.log, file=place.state_dir / settings.log.file.name)
    return replace(settings, state_dir=place.state_dir, log=log)


def begin_log(given: Given, kept: Kept, notifier: Notifier) -> LogQueue:
    """Open the service's log, and write its first lines."""
    settings, file = given.settings.log, given.log_file()
    make_private(file.parent)
    log = LogQueue(
        ServiceLog(
            file,
            level=settings.level,
            max_size=settings.max_size,
            keep=settings.keep,
            console=_console(settings.format),
            elsewhere=file == settings.file,
        )
    )
    facts = {"pid": os.getpid(), "version": VERSION, "state_dir": str(given.place.state_dir)}
    log.log("service.started", facts | _the_one_before(given))
    if restart := kept.restart():
        log.log("service.restarted", restart)
    tell_upgrade(given.begun, log.log)
    watchdog, interval = notifier.watchdog_s, given.settings.capture_interval
    if watchdog and interval > watchdog / 2:  # half: what sd_watchdog_enabled(3) asks for
        log.log("service.watchdog_tight", {"watchdog_s": watchdog, "capture_interval_s": interval})
    return log


def tell_upgrade(begun: Upgraded | UpgradeFailed | None, log: Callable[[str, dict[str, Any]], object]) -> None:
    """Tell how an upgrade came out, if the run begins with one."""
    if begun:
        log("service.upgraded" if isinstance(begun, Upgraded) else "service.upgrade_failed", asdict(begun))


def _console(format: str) -> Console | None:
    """Return the terminal that we run on, by a stream of its own, as Python waits for sys.stderr when it ends."""
    if not sys.stderr.isatty():
        return None
    terminal = os.dup(sys.stderr.fileno())
    return Console(open(terminal, "w", encoding=sys.stderr.encoding, errors="backslashreplace"), format)


def _the_one_before(given: Given) -> dict[str, Any]:
    """Say how the last service here ended: one that was killed could not say so itself."""
    before = read_status(given.place.state_dir / STATUS)
    if before.pid is None or not given.known.workers:
        return {}
    ended = "cleanly" if given.known.head.clean else "uncleanly: it was killed, or the machine went down"
    return {"previous_pid": before.pid, "previous_ended": ended, "previous_heartbeat": before.last_heartbeat}
