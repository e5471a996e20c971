"""Unix sockets at any path: one longer than the kernel's 108 bytes is reached through its directory's descriptor."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from actors.frozen import frozen

_CREDENTIALS = struct.Struct("3i")


@frozen
class Peer:
    """Who called connect(), by the kernel's word."""

    pid: int
    uid: int


@frozen
class Listener:
    """A listening socket and the inode that it made at `path`."""

    socket: socket.socket
    path: Path
    inode: tuple[int, int]

    def close(self) -> None:
        """Stop listening; the file goes only if it is still ours, another service may have put its own there."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if _inode(self.path) == self.inode:
                self.path.unlink()


def listen(path: Path, backlog: int = 512) -> Listener:
    """Listen at `path`, 0600 from the first moment that others can see it; a file that is there is replaced.

    Raises OSError. The caller holds the lock of the state directory, so what is replaced is nobody's.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _short(temporary) as name:
            server.bind(name)
        temporary.chmod(0o600)
        server.listen(backlog)
        server.setblocking(False)
        inode = _inode(temporary)
        temporary.replace(path)
    except BaseException:
        server.close()
        temporary.unlink(missing_ok=True)
        raise
    return Listener(server, path, inode)


def connect(path: Path, timeout: float) -> socket.socket:
    """Return a connected blocking socket with this timeout; raises OSError."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        client.settimeout(timeout)
        with _short(path) as name:
            client.connect(name)
    except BaseException:
        client.close()
        raise
    return client


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid)


def listening_pid(path: Path) -> int | None:
    """Return who called listen() at this path, None when nobody listens there."""
    try:
        with connect(path, timeout=1.0) as connection:
            return peer_of(connection).pid
    except OSError:
        return None


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat(follow_symlinks=False)
    return found.st_dev, found.st_ino
