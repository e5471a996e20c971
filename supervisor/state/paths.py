"""Where things are: the config file, its state directory, and the pointer that leads from one to the other.

    config file ──(sha256 of its absolute path)──▶ by-config/<digest>.json ──▶ state directory

The pointer lets a command find the running service though the file be broken or name another state directory by
now. Standard library only: these run before the lock is taken, so before the heavy imports.
"""

import contextlib
import errno
import hashlib
import json
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from supervisor.kernel.files import absolute, claim, opened, replace_file

FILE_NAME = "panevisor.toml"
_POINTERS = "by-config"
MOST_BYTES = 32_000_000  # of a config: some 8 kB for each of 4000 workers
_STEM_CHARS = 48  # of up to 4 bytes each: a name of 255 bytes must still hold the digest


def config_path(given: str | None) -> Path:
    """Return `given`, else $PANEVISOR_CONFIG, else ./panevisor.toml if there, else the XDG place; always absolute.

    The file need not exist. Symlinks are kept: the path as written is what names the state directory.
    """
    if given is not None:
        return absolute(given)
    if chosen := os.environ.get("PANEVISOR_CONFIG"):
        return absolute(chosen)
    here = absolute(FILE_NAME)
    return here if here.exists() else _xdg("XDG_CONFIG_HOME", ".config") / "panevisor" / FILE_NAME


def unfound() -> str | None:
    """Return where a config was looked for, and the nearest one above the present folder; None where one was found."""
    if os.environ.get("PANEVISOR_CONFIG") or (config := config_path(None)).exists():
        return None
    return f"no config was found: there is neither ./{FILE_NAME} nor {config}{hint_above()}"


def hint_above() -> str:
    """Return a hint at the config in the nearest folder above the present one, as a part of a sentence."""
    with contextlib.suppress(OSError):
        for folder in absolute(".").parents:
            if (folder / FILE_NAME).exists():
                return f", but there is {folder / FILE_NAME}: `cd {shlex.quote(str(folder))}`, or name it with -c"
    return ""


def below(file: Path, path: str) -> Path:
    """Return a path that is written in `file` as an absolute one, without `..`."""
    return Path(os.path.normpath(file.parent / path))


def is_utf8(path: Path) -> bool:
    """Whether the path can go where all text is UTF-8: over the wire, into tmux."""
    return printable(path) == str(path)


def printable(path: Path) -> str:
    """Return the path in UTF-8; what is not stands there as `\\xe9`."""
    return os.fsencode(path).decode(errors="backslashreplace")


def default_state_dir(config: Path) -> Path:
    """Return `<XDG state>/panevisor/<stem>-<8 hex digits of the absolute path>`; a long stem is cut."""
    return _state_home() / f"{config.stem[:_STEM_CHARS]}-{_path_digest(config)[:8]}"


def pointer_path(config: Path) -> Path:
    """Return where the state directory of this config is noted."""
    return _state_home() / _POINTERS / f"{_path_digest(config)[:16]}.json"


def write_pointer(config: Path, state_dir: Path) -> None:
    """Note the state directory of this config: a reader sees the old pointer or the new one. Raises OSError.

    Where it is noted already nothing is written: that needs no room on the disk.
    """
    if read_pointer(config) == absolute(state_dir):
        return
    target = pointer_path(config)
    for directory in (target.parent.parent, target.parent):
        claim(directory)
    noted = {"config": str(absolute(config)), "state_dir": str(absolute(state_dir))}
    replace_file(target, json.dumps(noted).encode(), sync=False)


def read_pointer(config: Path) -> Path | None:
    """Return the noted state directory; None where no pointer of ours is, or none that speaks of this config."""
    try:
        noted = json.loads(_own_content(pointer_path(config)))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(noted, dict) or noted.get("config") != str(absolute(config)):
        return None
    return _usable(noted.get("state_dir"))


def pointed() -> Iterator[tuple[Path, Path]]:
    """Yield each config that has a pointer, and the state directory that it leads to."""
    for pointer in sorted((_state_home() / _POINTERS).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError):
            config = _usable(json.loads(_own_content(pointer)).get("config"))
            if config and (state_dir := read_pointer(config)):
                yield config, state_dir


def _own_content(path: Path) -> bytes:
    """Return the content of a file that this user wrote: another one's pointer could lead to a service of theirs."""
    with open(path, "rb", opener=opened) as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "belongs to another user", str(path))
        return file.read()


def _usable(state_dir: object) -> Path | None:
    fits = isinstance(state_dir, str) and os.path.isabs(state_dir) and "\0" not in state_dir
    return Path(str(state_dir)) if fits else None


def _path_digest(config: Path) -> str:
    return hashlib.sha256(os.fsencode(absolute(config))).hexdigest()


def _state_home() -> Path:
    return _xdg("XDG_STATE_HOME", ".local/state") / "panevisor"


def _xdg(variable: str, below_home: str) -> Path:
    named = os.environ.get(variable, "")
    # the XDG specification: a relative path is invalid and to be ignored
    return Path(named) if os.path.isabs(named) else absolute(os.path.expanduser("~")) / below_home


class NoRegularFile(OSError):
    """A pipe, a device or a socket stands where a file has to be."""


def regular_content(path: Path, most: int) -> bytes:
    """Return the first `most` bytes of a regular file; raises OSError, and never waits for somebody to write."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would be waited for
    try:
        with open(descriptor, "rb", closefd=False) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NoRegularFile(errno.EINVAL, "is no regular file", str(path))
            return file.read(most)
    finally:
        os.close(descriptor)  # also of a directory, which is no file to be opened
