"""Files that are ours alone, in directories that are ours alone: how each is made, opened and replaced.

    directory   made 0700; closed to others who could only read it; refused when others can write to it, or own it
    file        0600 whatever the umask; a link at its path is refused and never followed
    replace     new file beside the old one ──▶ fsync ──▶ rename over it ──▶ fsync of the directory

A user who can write to our directory can plant a link there, and a service of root's would overwrite the file that the
link leads to. Standard library only: the lock and the pointer need this before the heavy imports.
"""

import contextlib
import errno
import os
import shlex
import stat
from pathlib import Path

_DESCRIPTORS = "/proc/self/fd/"
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


# ── directories ───────────────────────────────────────────────────────────────────────────────────────────────────


def make_private(directory: Path) -> None:
    """Make the directory and whatever is missing above it, each 0700; raises OSError that says the mend.

    mkdir's `parents` would leave those above open to others.
    """
    if not directory.parent.exists():
        make_private(directory.parent)
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise no_place(error, directory) from error


def claim(directory: Path) -> None:
    """Make the directory where it is missing, and see that it is ours alone; one that others can read is closed.

    Raises OSError that says the mend: PermissionError where the directory belongs to another user, or others can
    write to it.
    """
    make_private(directory)
    refuse_shared(directory)
    if directory.stat().st_mode & _OTHERS:
        directory.chmod(0o700)


def refuse_shared(directory: Path) -> None:
    """Raise PermissionError with the mend where others may have put files into the directory; it may be missing."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if reason := why_shared(directory, directory.stat()):
            raise PermissionError(errno.EPERM, reason, str(directory))


def why_shared(directory: Path, found: os.stat_result) -> str | None:
    """Return why others can put files into this directory, with the mend; None when it is ours alone."""
    path, mode = shlex.quote(str(directory)), stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        mend = f"run as that user, or make it this one's: `chown -R {os.geteuid()} {path}`"
        return f"belongs to user {found.st_uid}: {mend}"
    if mode & _OTHERS_WRITE:
        return f"other users can write to it ({mode:04o}): see that the files in it are yours, then `chmod 700 {path}`"
    return None


def no_place(error: OSError, directory: Path) -> OSError:
    """Return the error as one that names the directory, and the mend."""
    mend = "name another place by `state_dir` in the file or by XDG_STATE_HOME"
    return OSError(error.errno, f"{error.strerror}: {mend}", str(directory))


# ── a directory that may be renamed ───────────────────────────────────────────────────────────────────────────────


def within(directory: int) -> Path:
    """Return a path that leads to the open directory of this descriptor, wherever it is renamed to."""
    return Path(f"{_DESCRIPTORS}{directory}")


def absolute(path: str | Path) -> Path:
    """Return an absolute path without `..`; raises FileNotFoundError where the present folder is gone."""
    try:
        return Path(os.path.abspath(path))
    except FileNotFoundError:
        raise FileNotFoundError(
            errno.ENOENT,
            "the folder that you are in is gone, moved or deleted: `cd` to one that is there "
            "(or give whole paths: `-c /…/panevisor.toml`)",
        ) from None


def as_known(path: str | Path) -> str:
    """Return the path as people know it: one that leads through a descriptor is written as where that leads now."""
    text = str(path)
    if not text.startswith(_DESCRIPTORS):
        return text
    number, slash, rest = text.removeprefix(_DESCRIPTORS).partition("/")
    try:
        return f"{os.readlink(_DESCRIPTORS + number)}{slash}{rest}"
    except OSError:
        return text


def explained(error: OSError, path: str | Path) -> str:
    """Return what went wrong at a path, as a person is told of it."""
    return f"{as_known(path)}: {error.strerror or error}"


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(path: str | Path, flags: int) -> int:
    """Return a descriptor of the file itself, close-on-exec; with O_CREAT its mode is 0600 afterwards.

    It is what `open` takes as `opener`. Raises OSError, also for a link.
    """
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "is a link, and files of the service's own are none: remove it", str(path)) from None
    if flags & os.O_CREAT:
        _close_to_others(descriptor)
    return descriptor


def _close_to_others(descriptor: int) -> None:
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:  # of an older version, or a umask that hides it from us
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the file at the path, itself and no link to it, is the open one; not if it can't be looked at."""
    with contextlib.suppress(OSError):
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    return False


def content_of(path: Path) -> bytes:
    """Return the whole file; raises OSError, also for a link."""
    with open(path, "rb", opener=opened) as file:
        return file.read()


def replace_file(path: Path, content: bytes, *, sync: bool, mode: int = 0o600) -> None:
    """Put a file with this content at the path: a reader sees the old one or the new one, whole.

    With `sync` the new one is on disk afterwards. Raises OSError; unless that came from the very last fsync, the old
    file is there as it was.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        _write_new(temporary, content, sync=sync, mode=mode)
        os.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()  # on a full disk its blocks are wanted elsewhere
        raise
    if sync:
        sync_directory(path.parent)


def _write_new(path: Path, content: bytes, *, sync: bool, mode: int) -> None:
    path.unlink(missing_ok=True)  # left by a process that was killed
    descriptor = opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(descriptor, content)
        if mode != 0o600:
            os.fchmod(descriptor, mode)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it; a short write is followed by the one that tells why, as ENOSPC does."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_directory(directory: Path) -> None:
    """Return when the names in the directory are on disk; raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
