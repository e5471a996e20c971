"""What lives of this user's services on this machine, found by the kernel's word, whatever path leads to it by now.

    /proc ──command line──▶ tmux servers of ours ──cwd──▶ their state directories, wherever they were renamed to
                                    └──children──▶ marks: the workers, and the state directory that they began in

One walk reads the command line of each process, 5 µs each, and the environment of those alone that a server of ours
has started. The records tell which file a site was started for. A service whose tmux server has died, and that starts
another one just now, is found by its pointer.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from actors.frozen import frozen
from actors.values.records import Origin
from supervisor.kernel.proc_table import entry_of
from supervisor.kernel.scope import children_of
from supervisor.state.lock import DELETED
from supervisor.state.paths import pointed
from supervisor.state.place import LOCK, RECORDS
from supervisor.state.records import read_origin

_SERVER = re.compile(rb"tmux\0.*\0-S\0\./tmux(?:-(\d+))?\.sock\0-D\0", re.DOTALL)  # as subreaper.py starts it
_LONGEST = 4096  # bytes of a command line that are looked at


@frozen
class LivingSite:
    """One state directory with its tmux servers. `tmux`: their pids, none for a moment.

    `state_dir`: where the directory is, or was when it was deleted.
    `service`: the pid of the service, None where none runs. `markers`: what the marks of its workers begin with.
    `origin`, `applied`: the file that it was started for, and the digest of what it was applied as.
    """

    tmux: tuple[int, ...]
    state_dir: Path
    deleted: bool
    service: int | None
    workers: tuple[str, ...]
    markers: frozenset[str]
    origin: Origin | None
    applied: str


def living_sites(*, beside: Path | None = None) -> list[LivingSite]:
    """Return the sites of this user where a worker or a service lives, by the paths of their directories.

    Left out is the site of the directory `beside`, whatever the path is that leads there.
    """
    servers = _by_directory(pid for pid in _servers() if beside is None or not _is_at(pid, beside))
    found = [site for pids in servers if (site := _of_servers(pids))]
    if beside is None:
        apart = {place for _, place in pointed() if not any(_is_at(pids[0], place) for pids in servers)}
        found += [_site(place, []) for place in apart]
    return sorted((site for site in found if site.workers or site.service), key=lambda site: site.state_dir)


def own_site(mark: str, environment: Mapping[str, str]) -> Path | None:
    """Return the state directory of the worker with this mark, within which we run; None where it can't be found.

    tmux tells its pid to each pane, and its working directory is the state directory. A program may have dropped that
    variable; then all sites of this user are looked at.
    """
    server = environment.get("TMUX", "").rpartition(",")[0].rpartition(",")[2]
    command = _read(f"/proc/{server}/cmdline") if server.isdigit() else b""
    if _SERVER.fullmatch(command):
        with contextlib.suppress(OSError):
            return Path(os.readlink(f"/proc/{server}/cwd"))
    marker = mark.partition("/")[0]
    return next((site.state_dir for site in living_sites() if marker in site.markers), None)


def _servers() -> list[int]:
    """Return the pids of all tmux servers of this user, by the servers' numbers."""
    found: list[tuple[int, int]] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            server = _SERVER.fullmatch(_read(f"/proc/{name}/cmdline"))
            if server and _is_ours(name):
                found.append((int(server[1] or 0), int(name)))
    return [pid for _, pid in sorted(found)]


def _is_ours(pid: str) -> bool:
    """Whether it runs as this user, and sees the files that we see: no container's own."""
    with contextlib.suppress(OSError):
        own = os.stat(f"/proc/{pid}").st_uid == os.geteuid()
        return own and os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    return False


def _is_at(tmux: int, directory: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(directory.stat(), os.stat(f"/proc/{tmux}/cwd"))
    return False


def _by_directory(servers: Iterable[int]) -> list[list[int]]:
    """Return them together with those in the same directory; they keep their order."""
    found: dict[tuple[int, int], list[int]] = {}
    for pid in servers:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            home = os.stat(f"/proc/{pid}/cwd")
            found.setdefault((home.st_dev, home.st_ino), []).append(pid)
    return list(found.values())


def _of_servers(tmux: list[int]) -> LivingSite | None:
    for pid in tmux:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            return _site(Path(f"/proc/{pid}/cwd"), tmux)
    return None


def _site(home: Path, tmux: list[int]) -> LivingSite:
    where = os.readlink(home) if tmux else str(home)
    marks = [mark for server in tmux for mark in _marks(server)]
    origin, applied = read_origin(home / RECORDS)
    return LivingSite(
        tmux=tuple(tmux),
        state_dir=Path(where.removesuffix(DELETED)),
        deleted=where.endswith(DELETED),
        service=_holder(home / LOCK),
        workers=tuple(sorted({name for _, name in marks})),
        markers=frozenset(marker for marker, _ in marks),
        origin=origin,
        applied=applied,
    )


def _marks(tmux: int) -> Iterator[tuple[str, str]]:
    """Yield the marker and the name of each worker that has a process there; its log's reader is none."""
    for pid in children_of(tmux):
        entry = entry_of(pid, with_mark=True)
        if entry and entry.mark and not entry.zombie and entry.mark.count("/") == 2:
            marker, name, _ = entry.mark.split("/")
            yield marker, name


def _holder(lock: Path) -> int | None:
    """Return the process that has the lock file open, as its holder does all the time; None where none does."""
    try:
        pid = int(_read(str(lock)))
        held = lock.stat()
        for file in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.path.samestat(held, os.stat(file.path)):
                    return pid
    except (OSError, ValueError):
        pass
    return None


def _read(path: str) -> bytes:
    """Return the beginning of the file; nothing where it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _LONGEST)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
