"""`panevisor web`: listen, say where, and serve until the process is told to end.

Beyond loopback tokens would go over the network in the clear, so that needs a certificate, or a proxy that has one.
"""

import contextlib
import ipaddress
import socket
import ssl
import stat
import sys
from pathlib import Path

import uvicorn

from actors.frozen import frozen
from supervisor.kernel import unix_socket
from supervisor.page.access.guard import Names
from supervisor.page.access.tokens import Tokens
from supervisor.page.app import application
from supervisor.page.asked import Page
from supervisor.page.stream import Streams
from supervisor.state.place import Place
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError

PORT = 7263  # "PANE" on the keys of a telephone
_CONNECTIONS = 500
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@frozen(kw_only=True)
class Where:
    """Where it listens: an address and a port, or a Unix socket. `names`: further ones that browsers know it by."""

    host: str = "127.0.0.1"
    port: int = PORT
    unix: Path | None = None
    names: tuple[str, ...] = ()
    proxy: bool = False
    cert: Path | None = None
    key: Path | None = None

    @property
    def secure(self) -> bool:
        return self.proxy or self.cert is not None

    def check(self) -> None:
        """Raise CommandError where this may not be, or makes no sense."""
        if (self.cert is None) != (self.key is None):
            raise CommandError("usage", "a certificate has two files: --cert and --key")
        if self.unix is None and not _is_loopback(self.host) and not self.secure:
            raise CommandError(
                "usage",
                f"{self.host} is reached from other machines, and tokens would go there in the clear: give --cert and "
                "--key, or say --i-have-a-proxy where one with TLS stands before it",
            )
        if self.unix is None and ipaddress.ip_address(self.host).is_unspecified and not self.names:
            raise CommandError("usage", f"{self.host} is no name that a browser knows: add the names by --name")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise CommandError("usage", f"--host takes an IP address, not {shown(host)}") from None


def serve(place: Place, where: Where, command: str) -> int:
    """Serve until told to end; raises CommandError. `command`: how a next command line begins."""
    where.check()
    with contextlib.ExitStack() as opened:
        listening = _listen(where, opened)
        port = None if where.unix else listening.getsockname()[1]
        page = Page(place, _names(where, port), Tokens(place), command)
        failures: list[BaseException] = []

        def failed(error: BaseException) -> None:
            failures.append(error)
            server.should_exit = True

        server = _Server(_config(where, application(page, failed)), page.streams)
        print(f"panevisor web: {_address(where, port)}", flush=True)
        if unix_socket.listening_pid(place.socket) is None:
            print(f"panevisor: no service answers yet: `{command} up` starts it", file=sys.stderr)
        if not page.tokens.all():
            print(f"panevisor: nobody has a token yet: `{command} web token add NAME` makes one", file=sys.stderr)
        server.run([listening])
    if failures:
        raise CommandError("failed", f"panevisor web has ended by an error of ours: {failures[0]!r}")
    return 0


class _Server(uvicorn.Server):
    """Ends all streams first. uvicorn would wait for them, cancel them, and print a traceback for each."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        await super().shutdown(sockets)


def _listen(where: Where, opened: contextlib.ExitStack) -> socket.socket:
    if where.unix is not None:
        return _listen_at(where.unix, opened)
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    # by its very protocol: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for an ACK
    listening = opened.enter_context(socket.socket(family, kind, socket.IPPROTO_TCP))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((where.host, where.port))
        listening.listen(128)
    except OSError as error:
        what = f"{where.host} port {where.port}: {error.strerror}; name another by --port"
        raise CommandError("conflict", what) from error
    return listening


def _listen_at(path: Path, opened: contextlib.ExitStack) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise CommandError("conflict", f"{path} is no socket: name another path, or remove it")
    if unix_socket.listening_pid(path) is not None:
        raise CommandError("conflict", f"somebody listens at {path} already")
    listener = unix_socket.listen(path)
    opened.callback(listener.close)
    return listener.socket


def _config(where: Where, app: object) -> uvicorn.Config:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16_384,
        ssl_certfile=where.cert,
        ssl_keyfile=where.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise CommandError("usage", f"the certificate can't be used: {error.strerror or error}") from error
    return config


def _names(where: Where, port: int | None) -> Names:
    """Return the names that a browser may use."""
    own = set(_LOOPBACK)
    if where.unix is None:
        own.add(f"[{where.host}]" if ":" in where.host else where.host)
    hosts = {name.lower() for name in where.names}
    for name in (*own, *where.names):
        if ":" not in name.rpartition("]")[2]:
            hosts |= {name.lower()} if port is None else {f"{name.lower()}:{port}"}
    if port in (80, 443):
        hosts |= own
    origins = {f"{'https' if where.secure else 'http'}://{host}" for host in hosts}
    if where.cert is None:
        origins |= {f"http://{host}" for host in hosts if host.startswith(_LOOPBACK)}
    return Names(frozenset(hosts), frozenset(origins), where.secure)


def _address(where: Where, port: int | None) -> str:
    if where.unix is not None:
        return str(where.unix)
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{'https' if where.cert else 'http'}://{host}:{port}/"
