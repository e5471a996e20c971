"""What `panevisor doctor` asks of the config and of the service that runs, or ran, by it."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from actors.events.words import counted, some_of
from actors.frozen import frozen
from supervisor.config.astray import astray
from supervisor.doctor.findings import Finding, Subject, error, ok, warning
from supervisor.state.paths import read_pointer
from supervisor.state.place import RECORDS, STATUS, Place
from supervisor.state.records import examined, kept_beside
from supervisor.state.status import UNWELL, StatusReport, read_status
from supervisor.tmux.panes import known_to_live, some
from supervisor.upkeep.keeper import KEEPER, SYSTEMD, keeper_of
from supervisor.version import VERSION
from supervisor.wire.client import Client, NoService
from supervisor.wire.errors import CommandError

TIMEOUT = 3.0
ANEW = "`panevisor down --keep-workers`, then `panevisor up`: the workers live on"
MOST = 5  # workers that are named
ADOPT = "`panevisor up` adopts the workers that live"


def config(subject: Subject) -> Iterator[Finding]:
    """Tell how many workers the file has, or how many problems."""
    path = subject.begins_at.config
    if subject.config is not None:
        yield ok(f"{path}: {counted(subject.workers, 'worker')}")
    elif not path.exists():
        yield error(f"there is no file {path}", "write one with `panevisor init`, or name it with -c FILE")
    else:
        yield error(f"{path}: {counted(subject.problems, 'problem')}", f"`panevisor check {path}` tells them all")


@frozen
class Running:
    """What a service said of itself; `version` and `picture` (its Snapshot) are None while it starts."""

    pid: int
    version: str | None
    picture: dict[str, Any] | None = None

    @classmethod
    def at(cls, place: Place) -> Self:
        """Ask it; raises NoService where none runs, CommandError where it does not answer."""
        with Client.connect(place.socket, TIMEOUT) as client:
            hello = client.call("hello", timeout=TIMEOUT)
            picture = client.call("status", timeout=TIMEOUT) if hello["ready"] else None
            return cls(hello["pid"], hello["version"], picture)


def service(subject: Subject) -> Iterator[Finding]:
    """Tell whether it runs, which version, whether it beats, and whether commands find it."""
    place = subject.found_at
    report = read_status(place.state_dir / STATUS, interval=subject.settings.heartbeat_interval)
    try:
        running = Running.at(place)
    except NoService:
        yield of_absence(report, _keeper_pid(place))
        yield from _left_behind(subject)
    except CommandError as silent:
        yield error(f"the service does not answer: {silent}", f"see {place.state_dir}/service.log; else {ANEW}")
    else:
        yield of_version(running, VERSION)
        yield of_heartbeat(report)
        yield from of_health(running.picture) if running.picture else ()
        yield from of_keeper(running, _keeper_pid(place))
    yield from of_kept(kept_beside(place.state_dir / RECORDS))
    if found := astray(subject.begins_at):
        yield error(found.what, found.mend)
    yield from of_pointer(read_pointer(place.config), subject.begins_at.state_dir, place.config)


def _keeper_pid(place: Place) -> int | None:
    if found := keeper_of(place.state_dir):
        with found:
            return found.pid
    return None


def of_keeper(running: Running, keeper: int | None) -> Iterator[Finding]:
    """Tell who starts the service again when it fails. `keeper`: the pid of the one that lives here."""
    if running.picture is None:
        return
    by = running.picture["supervisor"]["kept_by"]
    if by == KEEPER and keeper:
        yield ok(f"the keeper (pid {keeper}) starts it again when it fails")
    elif by == SYSTEMD:
        yield ok("systemd starts it again when it fails")
    elif running.pid == 1:
        yield ok("it is pid 1: what runs this container starts it again when it fails")
    else:
        yield warning("no keeper: it is not started again when it fails", f"{ANEW}, and the service has a keeper")


def _left_behind(subject: Subject) -> Iterator[Finding]:
    """Examine what a service that would begin now goes by: the records, and who lives without one."""
    place = subject.found_at
    records, damaged = examined(place.state_dir / RECORDS)
    if damaged:
        yield warning(damaged, "`panevisor up` goes on with what is left, and keeps the file as it is beside")
    known = {record.spec.name for record in records.workers}
    known |= {spec.name for spec in subject.config.workers} if subject.config else set()
    living = known_to_live(place) if subject.tmux_pid else []  # what is said of a silent tmux server says why
    yield from of_unknown([name for name in living if name not in known])


def of_unknown(names: list[str]) -> Iterator[Finding]:
    """Tell of workers that live though neither the records nor the file know them."""
    if names:
        what = f"{some(names)}: neither the records nor the file know {'it' if len(names) == 1 else 'them'}"
        yield warning(what, "`panevisor screen NAME` shows what it is; after `panevisor up`, `remove NAME` ends it")


def of_kept(kept: list[Path]) -> Iterator[Finding]:
    """Tell of records files that were found damaged."""
    if kept:
        mend = f"see with `panevisor status` whether what was ordered still holds, then rm {shlex.quote(str(kept[-1]))}"
        yield warning(f"{counted(len(kept), 'damaged records file')} kept, the newest is {kept[-1].name}", mend)


def of_version(running: Running, here: str) -> Finding:
    """Judge the version that runs against the one installed."""
    what = f"runs (pid {running.pid}, version {running.version or 'not told, it is starting'})"
    if running.version in (None, here):
        return ok(what)
    return warning(f"{what}, but {here} is installed", ANEW)


def of_heartbeat(report: StatusReport) -> Finding:
    """Judge the status file of a service that answers."""
    match report.verdict:
        case "running":
            return ok(f"status.json is fresh (last beat {report.last_heartbeat})")
        case "unreadable":
            return ok("status.json is not written yet")
        case verdict:
            return warning(f"status.json says {verdict} (last beat {report.last_heartbeat}), yet it answers", ANEW)


def of_health(picture: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell whatever makes the health of the service "degraded", each with its mend."""
    service = picture["supervisor"]
    for what in service["degraded"]:
        yield warning(f"degraded: {what}", "the service goes on meanwhile; service.log says more")
    if service["tmux"] != "ok":
        yield warning("tmux does not answer the service, which judges nothing", "see what is said of the tmux server")
    unwell = [f"{worker['name']} ({worker['state']})" for worker in picture["workers"] if worker["state"] in UNWELL]
    if unwell:
        what = f"a person has to see to {some_of(unwell, MOST)}"
        yield warning(what, "`panevisor why NAME` says what happened and what can be done")


def of_absence(report: StatusReport, keeper: int | None = None) -> Finding:
    """Say how the last service ended, where none answers. `keeper`: the pid of the keeper that lives here."""
    if keeper:
        mend = "wait, or `panevisor up` starts it at once; serve.out and service.log in its state directory say why"
        return warning(f"none answers: its keeper (pid {keeper}) is about to start it again", mend)
    match report.verdict:
        case "running" | "stale":
            mend = f"end it (`kill {report.pid}`; the workers live on), then `panevisor up`"
            return error(f"pid {report.pid} lives, but nothing listens at its socket", mend)
        case "gone":
            return warning(f"none runs: pid {report.pid} was killed (last beat {report.last_heartbeat})", ADOPT)
        case "crashed":
            return warning(f"none runs: it crashed at {report.crashed_at}, see service.log", ADOPT)
        case "stopped":
            return ok(f"none runs: stopped at {report.stopped_at} ({report.reason})")
        case _:
            return ok("none runs")


def of_pointer(pointer: Path | None, state_dir: Path, config: Path) -> Iterator[Finding]:
    """Warn when the last service of this file lives elsewhere than the file says now."""
    if pointer is not None and pointer != state_dir:
        what = f"the last service of {config} lives in {pointer}, the file says {state_dir} now"
        yield warning(what, "`panevisor down` ends the old one, then `panevisor up`; or set state_dir back")
