"""A real Gateway on a short path, hand-made pictures to publish, and a Supervisor that a test scripts."""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from actors.values.facts import Instant
from actors.values.requests import Accepted, Order
from actors.values.snapshot import Config, Entry, Host, Row, Service, Snapshot
from actors.values.spec import Family, PaneSize, WorkerSpec
from kit.support import DEADLINE
from supervisor.config.load import define
from supervisor.gateway.server import Gateway
from supervisor.kernel import unix_socket
from supervisor.wire import frames as wire
from supervisor.wire.client import Client


def row(name: str, state: str = "running", **news: Any) -> Row:
    plain = Row(
        name=name,
        project="",
        labels=(),
        state=state,
        health="ok" if state == "running" else None,
        pid=100 if state == "running" else None,
        pane="%1",
        life="s-1",
        since=1.0,
        started_at=1.0,
        restarts=0,
        attempt=0,
        max_restarts=5,
        next_start_at=None,
        exit=None,
        reason="",
        depends_on=(),
        rss_bytes=1000,
        cpu_percent=None,
        processes=1,
        last_output_at=None,
        screen_bytes=None,
        log_path="",
        log_bytes=None,
        queued_input=0,
        hands_on=False,
        order=0,
        draining=False,
    )
    return replace(plain, **news)


def snapshot(seq: int, *rows: Row, path: str = "/etc/x.toml", tmux_socket: str = "/nowhere/tmux.sock") -> Snapshot:
    config = Config(path=path, digest="d")
    service = Service(
        pid=1, version="0.1.0", started_at=0.0, state_dir="", socket="", tmux_socket=tmux_socket, config=config
    )
    return Snapshot(seq, Instant(1.0, 2.0), service, Host(), MappingProxyType({row.name: row for row in rows}))


def entries(*seqs: int) -> tuple[Entry, ...]:
    """Return a feed with these numbers, newest first."""
    return tuple(Entry(seq, float(seq), "worker.ready", "info", {"worker": f"w{seq}"}) for seq in sorted(seqs)[::-1])


class Log:
    """A journal that a test can wait on."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, Any]]] = []
        self._changed = threading.Condition()

    def log(self, event: str, facts: Mapping[str, Any]) -> None:
        with self._changed:
            self.lines.append((event, facts))
            self._changed.notify_all()

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]

    def wait_for(self, event: str, timeout: float = DEADLINE) -> Mapping[str, Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: event in self.events(), timeout), f"no {event}: {self.lines}"
            return next(facts for found, facts in self.lines if found == event)


@dataclass(frozen=True)
class FileConfig:
    workers: tuple[WorkerSpec, ...] = ()
    digest: str = "abc"
    families: tuple[Family, ...] = ()
    next_start: tuple[str, ...] = ()


def accept_all(request: Any, _timeout: float) -> object:
    return Accepted(7, getattr(request, "names", ()))


@dataclass
class Bench:
    """What a test plays with. `asked` is what reached the Supervisor."""

    path: Path
    answer: Callable[[Any, float], object] = accept_all
    config: Callable[[], FileConfig] = FileConfig
    config_path: str = "/etc/x.toml"
    uid: int | None = None
    stuck_after: float = 5.0
    on_error: Callable[[BaseException], None] = lambda _error: None
    log: Log = field(default_factory=Log)
    asked: list[Any] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gateway = Gateway(
            self.path,
            ask=self._ask,
            load_config=lambda: self.config(),
            define=lambda name, table: define(name, table, PaneSize()),
            journal=self.log,
            uid=self.uid,
            stuck_after=self.stuck_after,
            on_error=self.on_error,
        )
        self.gateway.start()

    def _ask(self, request: object, timeout: float) -> object:
        if isinstance(request, Order) and request.choose and self.gateway.snapshot:
            rows = self.gateway.snapshot.rows.values()
            specs = [WorkerSpec(name=r.name, command="x", cwd="/", labels=r.labels, project=r.project) for r in rows]
            request = replace(request, names=request.choose(specs, ()), choose=None)
        self.asked.append(request)
        return self.answer(request, timeout)

    def publish(self, seq: int, *rows: Row, screens: Mapping[str, bytes] | None = None) -> None:
        self.gateway.publish(snapshot(seq, *rows, path=self.config_path), screens or {})

    def client(self) -> Client:
        return Client(self.raw())

    def raw(self) -> socket.socket:
        connection = unix_socket.connect(self.path, timeout=DEADLINE)
        self.sockets.append(connection)
        return connection

    def close(self) -> None:
        for connection in self.sockets:
            connection.close()
        self.gateway.close()


def send(connection: socket.socket, request: dict[str, Any]) -> None:
    connection.sendall(b"".join(wire.frame(wire.pack(request))))


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Return the next answer or message, None when the service has closed the connection."""
    header = _exactly(connection, 4)
    return None if header is None else wire.unpack(_exactly(connection, wire.message_length(header)) or b"")


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        try:
            chunk = connection.recv(count - len(found))
        except ConnectionError:
            return None
        if not chunk:
            return None
        found += chunk
    return found
