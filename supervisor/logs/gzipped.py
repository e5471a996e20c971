"""Closed segments, gzipped in place: `….000003` becomes `….000003.gz`, with the time of its last write.

    closed and at rest ──compressing──▶ .tmp ──rename──▶ .gz, and the plain one goes
    opened(plain name) ──▶ whichever of both is there, as the same bytes

A segment keeps its plain name for all who speak of places in it; only who opens, deletes or measures files knows more.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

GZ = ".gz"
LARGEST = 1 << 32  # bytes: the end of a gzip file tells its size modulo this
IN_MEMORY = 16 << 20  # bytes of a segment that is read backwards; what is more goes into a temporary file
_CHUNK = 1 << 20
_LEVEL = 6


def opened(file: Path | str) -> IO[bytes]:
    """Open a segment by its plain name; raises OSError. Seeking back in a gzipped one reads it again."""
    try:
        return open(file, "rb", buffering=0)
    except FileNotFoundError:
        import gzip  # only now: most logs have none

        unpacked: Any = gzip.open(f"{file}{GZ}", "rb")  # noqa: SIM115  # the caller closes it
        return cast(IO[bytes], unpacked)


def opened_to_seek(file: Path | str) -> IO[bytes]:
    """Open a segment that is read from its end: a gzipped one is unpacked once. Raises OSError."""
    found = opened(file)
    if os.path.exists(file):
        return found
    whole: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # the caller closes it
    with found:
        while chunk := found.read(_CHUNK):
            whole.write(chunk)
    return whole


def unpacked_size(file: str, found: os.stat_result) -> int | None:
    """Return how many bytes a gzipped segment has unpacked; None where that can't be read."""
    return _size_at_its_end(file, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1 << 14)
def _size_at_its_end(file: str, _inode: int, _mtime_ns: int, size: int) -> int | None:
    with contextlib.suppress(OSError), open(file, "rb", buffering=0) as packed:
        packed.seek(max(0, size - 4))
        end = packed.read(4)
        return int.from_bytes(end, "little") if len(end) == 4 else None
    return None


def temporary_of(file: str) -> str:
    """Return where a segment is gzipped before it takes its place; no segment has such a name."""
    folder, name = os.path.split(file)
    return os.path.join(folder, f".{name}{GZ}.tmp")


def compressing(file: str, mtime_ns: int) -> Iterator[None]:
    """Gzip the segment into its temporary file, a piece at each step; raises OSError. One that is not ended is deleted.

    When the last step is done the temporary file is whole, has the segment's time and may take its place.
    """
    import gzip

    temporary = temporary_of(file)
    done = False
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with (
            os.fdopen(descriptor, "wb") as raw,
            open(file, "rb") as plain,
            gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed,
        ):
            while chunk := plain.read(_CHUNK):
                packed.write(chunk)
                yield
        os.utime(temporary, ns=(mtime_ns, mtime_ns))
        done = True
    finally:
        if not done:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
