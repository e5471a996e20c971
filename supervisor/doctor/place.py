"""What `panevisor doctor` asks of the files: may we write where the service lives, is it ours alone, is there room?"""

import fcntl
import os
import shlex
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from actors.events.words import short_size
from supervisor.doctor.findings import Finding, Level, Subject, error, ok, warning

NO_ROOM = 50_000_000  # bytes
LITTLE_ROOM = 1_000_000_000
LITTLE_SHARE = 0.05
FEW_FILES = 100  # inodes: a start makes some ten, each worker a few
FREE_SOME = "free some, or put state_dir and log.file elsewhere"
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "9p", "ncpfs"})

Mount = tuple[str, str]
"""Where a file system is mounted, and its type."""


# ── rights ────────────────────────────────────────────────────────────────────────────────────────────────────────


def rights(subject: Subject) -> Iterator[Finding]:
    """Examine the state directory where a service would begin, its sockets, and whether locks work there."""
    state_dir = subject.begins_at.state_dir
    there = nearest(state_dir)
    if not there.is_dir():
        mend = f"name another state_dir in {subject.begins_at.config}, or move it away"
        yield error(f"{there} is no directory", mend)
        return
    yield of_directory(state_dir, there)
    if (logs := subject.begins_at.logs).is_dir() and (finding := of_mode(logs, logs.stat())).level != Level.OK:
        yield finding
    for socket in (subject.begins_at.socket, subject.begins_at.tmux_socket):
        yield from _of_socket(socket)
    mounts = [(mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)]
    yield from of_filesystem(there, mounts)
    if os.access(there, os.W_OK | os.X_OK):
        yield _locks(there)


def nearest(path: Path) -> Path:
    """Return the path itself, or whatever above it is there."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def of_directory(state_dir: Path, there: Path) -> Finding:
    """Judge the state directory; `there` is it, or the nearest above it, in which it would be made."""
    if not os.access(there, os.W_OK | os.X_OK):
        mend = f"run as its owner, or make this user that: sudo chown {os.geteuid()} {shlex.quote(str(there))}"
        return error(f"no right to write in {there}", mend)
    if there != state_dir:
        return ok(f"{state_dir} is made at the first start, in {there}")
    return of_mode(state_dir, state_dir.stat())


def of_mode(path: Path, found: os.stat_result) -> Finding:
    """Judge whose a path is and who else may do something with it; for a directory others' writing is an error."""
    if found.st_uid != os.geteuid():
        return error(f"{path} belongs to user {found.st_uid}", "run as that user, or name another state_dir")
    mode = stat.S_IMODE(found.st_mode)
    private = "700" if stat.S_ISDIR(found.st_mode) else "600"
    if not mode & 0o077:
        return ok(f"{path} is ours alone ({mode:04o})")
    what = f"{path} is open to other users ({mode:04o})"
    return (error if mode & 0o022 else warning)(what, f"chmod {private} {shlex.quote(str(path))}")


def _of_socket(socket: Path) -> Iterator[Finding]:
    try:
        found = socket.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        yield error(f"{socket} is there and is no socket", f"see what it is, then `rm {shlex.quote(str(socket))}`")
    else:
        yield of_mode(socket, found)


def of_filesystem(path: Path, mounts: Iterable[Mount]) -> Iterator[Finding]:
    """Warn of a network file system: Unix sockets and locks of another machine's processes do not meet there."""
    kind = filesystem(path.resolve(), mounts)
    if kind in NETWORK or kind == "fuse.sshfs":
        mend = "put state_dir on a local disk, e.g. below /var/lib"
        yield warning(f"{path} is on a network file system ({kind}): a lock there may not hold, a write may hang", mend)


def filesystem(path: Path, mounts: Iterable[Mount]) -> str:
    """Return the type of the file system that holds a path without links."""
    above = [mount for mount in mounts if path.is_relative_to(mount[0])]
    found = max(reversed(above), key=lambda mount: len(mount[0]), default=("", "unknown"))
    return found[1]  # the last one of a place lies on top


def _locks(directory: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as refused:
        return error(f"a file in {directory} can't be made and locked: {refused}", "put state_dir on a local disk")
    return ok(f"files in {directory} can be made and locked")


# ── disk ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def disk(subject: Subject) -> Iterator[Finding]:
    """Tell what is free where the state and the service's log are; one finding a file system."""
    places = {subject.begins_at.state_dir, subject.settings.log.file.parent}
    by_device = {nearest(place).stat().st_dev: nearest(place) for place in sorted(places, reverse=True)}
    for path in by_device.values():
        found = os.statvfs(path)
        yield of_bytes(path, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)
        if found.f_files:  # btrfs and the like have no fixed number
            yield of_inodes(path, found.f_favail, found.f_files)


def of_bytes(path: Path, free: int, size: int) -> Finding:
    """Judge the free bytes."""
    what = f"{short_size(free)} of {short_size(size)} free at {path}"
    if free < NO_ROOM:
        return error(f"{what}: state and logs can't be written for long", FREE_SOME)
    little = free < LITTLE_ROOM or free < LITTLE_SHARE * size
    return warning(what, FREE_SOME) if little else ok(what)


def of_inodes(path: Path, free: int, count: int) -> Finding:
    """Judge the free inodes: each file takes one."""
    what = f"{free} of {count} inodes free at {path}"
    if free < FEW_FILES:
        return error(what, FREE_SOME)
    return warning(what, FREE_SOME) if free < LITTLE_SHARE * count else ok(what)
