"""What is on disk now: a config file and the env files that it names, as one digest and as cheap stamps.

Everything here is read from the disk, by the functions that loading uses. So the files that belong together are known
even when the config is broken, or names other env files than before.
"""

import tomllib
from pathlib import Path

from actors.values.records import Origin
from supervisor.config.env_files import content_of, digest_of, named_in
from supervisor.kernel.files import absolute
from supervisor.state.paths import MOST_BYTES, printable, regular_content

Stamp = tuple[int, ...] | None
"""What tells one state of a file from another without reading it; None where it can't be looked at."""


class FileOnDisk:
    """A config file and its env files; they are read only when a stamp changed. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own: Stamp = None
        self._env_files: tuple[Path, ...] = ()
        self._stamps: tuple[Stamp, ...] | None = None
        self._digest = ""

    def stamps(self) -> tuple[Stamp, ...]:
        """Return the stamps of the config file and of each env file that it names."""
        own = _stamp(self._path)
        if own != self._own:
            self._own, self._env_files = own, _named_on(self._path)
        return (own, *map(_stamp, self._env_files))

    def digest(self) -> str:
        """Return what `Config.digest` would be now; empty when the config file can't be read."""
        stamps = self.stamps()
        if stamps != self._stamps:
            self._digest, self._stamps = digest_on_disk(self._path), stamps
        return self._digest


def origin_of(path: Path) -> Origin | None:
    """Return what the file is known by after a move; None when it can't be looked at."""
    try:
        file, folder = path.stat(), path.parent.stat()
    except OSError:
        return None
    return Origin(config=str(path), file=(file.st_dev, file.st_ino), folder=(folder.st_dev, folder.st_ino))


def why_gone(path: Path) -> str | None:
    """Return the sentence on a file that is not there any more; None while something is, readable or not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return f"{printable(path)} is gone, moved or deleted: workers go on, and no file can be applied"
    except OSError:
        pass
    return None


def digest_on_disk(path: Path) -> str:
    """Return what `Config.digest` would be if the file were loaded now; empty when it can't be read."""
    try:
        text = regular_content(path, MOST_BYTES)
    except OSError:
        return ""
    return digest_of(text, map(content_of, _named(text, path)))


def _named_on(path: Path) -> tuple[Path, ...]:
    try:
        return _named(regular_content(path, MOST_BYTES), path)
    except OSError:
        return ()


def _named(text: bytes, path: Path) -> tuple[Path, ...]:
    try:
        return named_in(tomllib.loads(text.decode("utf-8-sig")), absolute(path))
    except (ValueError, RecursionError):
        return ()


def _stamp(path: Path) -> Stamp:
    """Follow symlinks: one that is swapped leads to another inode."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
