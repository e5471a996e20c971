"""One connection to the service, for commands: synchronous, and light to import.

with Client.connect(place.socket) as service:
    picture = service.call("status")

What goes wrong is drawn in failures.py.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from actors.events.words import exact
from supervisor.kernel import unix_socket
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError
from supervisor.wire.following import Following

CALL_TIMEOUT = 15.0  # longer than the service itself waits for its actors
BY = "PANEVISOR_BY"
"""The variable that says for whom a command gives its orders; the log has it."""
_ORDERS = frozenset(
    ("start", "stop", "restart", "complete", "remove", "signal", "run", "send", "prompt", "apply", "scale", "down")
)
_LARGEST = 1 << 30  # bytes of an answer: our service never sends more

Message = dict[str, Any]


class ServiceError(CommandError):
    """The request was refused; nothing was changed unless the code is `timeout`."""


class NoService(ServiceError):
    """Nobody answers."""

    def __init__(self, message: str) -> None:
        super().__init__("no-service", message)


class Client:
    """`on_message`, if set, gets the publications that arrive while an answer is waited for.

    A publication of `changes` has the whole picture as its data: the client puts together what the service sends.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._next_id = 1
        self._following = Following()
        self.on_message: Callable[[Message], None] | None = None

    @classmethod
    def connect(cls, socket_path: Path, timeout: float = 5.0) -> Self:
        """Return a client of the service at this socket; raises NoService or ServiceError."""
        try:
            connection = unix_socket.connect(socket_path, timeout)
        except PermissionError as error:
            raise ServiceError("not-permitted", f"no permission to use {socket_path}") from error
        except (BlockingIOError, TimeoutError) as error:
            raise ServiceError(
                "busy", f"the service has not accepted the connection within {exact(timeout)}"
            ) from error
        except OSError as error:
            raise NoService(_nobody_at(socket_path)) from error
        if (owner := unix_socket.peer_of(connection).uid) != os.geteuid():
            connection.close()
            raise ServiceError("not-permitted", f"what answers at {socket_path} belongs to user {owner}, not to you")
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def service_pid(self) -> int:
        return unix_socket.peer_of(self._socket).pid

    def call(self, do: str, *, timeout: float = CALL_TIMEOUT, **fields: Any) -> Any:
        """Send one request and return the data of its answer; raises ServiceError.

        `timeout` begins after the seconds that the request itself asks the service to `wait`.
        """
        deadline = time.monotonic() + fields.get("wait", 0.0) + timeout
        if do in _ORDERS and (by := os.environ.get(BY)):
            fields.setdefault("by", by)
        id = self._send({"do": do, **fields}, deadline)
        while True:
            message = self._receive(deadline, f"the service has not answered {do} within {exact(timeout)}")
            if message.get("topic") is not None:
                self._hand_on(message)
            elif message.get("id") in (id, None):  # None: it could not read our request, and closes
                return _data_of(message)

    def subscribe(self, *topics: str, since: int | None = None) -> Iterator[Message]:
        """Subscribe, and return the publications for as long as there are any; raises NoService at the end."""
        self.call("subscribe", topics=list(topics), **({} if since is None else {"since": since}))
        return self.messages()

    def messages(self, deadline: float | None = None) -> Iterator[Message]:
        """Give the publications as they come, until `deadline` (monotonic): then raises ServiceError("timeout")."""
        while True:
            message = self._receive(deadline, "nothing came in time")
            if message.get("topic") is not None:
                yield self._followed(message)

    def _hand_on(self, message: Message) -> None:
        message = self._followed(message)
        if self.on_message:
            self.on_message(message)

    def _followed(self, message: Message) -> Message:
        if message["topic"] == "changes":
            message["data"] = self._following.take(message["data"])
        return message

    def _send(self, request: dict[str, Any], deadline: float) -> int:
        id, self._next_id = self._next_id, self._next_id + 1
        payload = _packed({"id": id, **request})
        self._wait(deadline)
        try:
            self._socket.sendall(payload)
        except TimeoutError as error:
            raise ServiceError("timeout", "the service has not accepted the request") from error
        except ConnectionError:
            pass  # why it has closed is still to be read
        return id

    def _receive(self, deadline: float | None, late: str) -> Message:
        try:
            length = wire.message_length(self._exactly(wire.HEADER, deadline))
            if length > _LARGEST:
                raise ValueError(f"it announces {length:,} bytes")
            return wire.unpack(self._exactly(length, deadline))
        except TimeoutError as error:
            raise ServiceError("timeout", late) from error
        except ConnectionError as error:
            raise NoService("the service has closed the connection") from error
        except ValueError as error:
            raise ServiceError("failed", f"what answers at the socket is not a panevisor service: {error}") from error

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        buffer = bytearray(count)
        view, at = memoryview(buffer), 0
        while at < count:
            self._wait(deadline)
            received = self._socket.recv_into(view[at:])
            if not received:
                raise ConnectionResetError("the connection ended")
            at += received
        return buffer

    def _wait(self, deadline: float | None) -> None:
        self._socket.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))


def _nobody_at(socket_path: Path) -> str:
    """Say what the kernel knows: whether the tmux server listens on, and with it the workers that were left."""
    log = os.path.join(socket_path.parent, "service.log")
    told = f". What happened is in {log}" if os.path.isfile(log) else ""
    if any(map(unix_socket.listening_pid, socket_path.parent.glob("tmux*.sock"))):
        left = "its tmux server is, with the workers that were left: `panevisor up` adopts them"
        return f"no service is running (nothing listens at {socket_path}), but {left}{told}"
    return f"nothing runs here (neither a service at {socket_path} nor its tmux server); `panevisor up` starts it{told}"


def _packed(request: dict[str, Any]) -> bytes:
    try:
        return b"".join(wire.frame(wire.pack(request)))
    except UnicodeEncodeError as error:
        text = error.object[max(0, error.start - 20) : error.end + 20]
        raise CommandError("usage", f"{text!a} is not UTF-8, and names and texts have to be") from None


def _data_of(answer: Message) -> Any:
    if answer.get("ok"):
        return answer.get("data")
    error = answer.get("error") or {}
    raise ServiceError(str(error.get("code", "failed")), str(error.get("message", "the service gave no reason")))
