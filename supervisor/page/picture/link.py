"""One connection to the service, for an event loop: many requests in flight, and the publications of its topics.

    link = await Link.open(socket, on_message)
    picture = await link.call("status")

What goes wrong is drawn in supervisor/wire/errors.py.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from supervisor.kernel import unix_socket
from supervisor.wire import frames as wire
from supervisor.wire.client import CALL_TIMEOUT, Message, NoService, ServiceError

_CONNECTING = 5.0  # seconds
_LARGEST = 1 << 30
_IN_FLIGHT = wire.MAX_IN_FLIGHT - 8  # the service closes a connection that has more


class Link:
    """Owned by its loop. `ended` is done when the connection has ended, whoever ended it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_message: Callable[[Message], object]
    ) -> None:
        self._reader, self._writer = reader, writer
        self._on_message = on_message
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._places = asyncio.Semaphore(_IN_FLIGHT)
        self.service_pid = unix_socket.peer_of(writer.get_extra_info("socket")).pid
        self.ended = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, socket_path: Path, on_message: Callable[[Message], object] = lambda _message: None) -> Self:
        """Connect; raises NoService or ServiceError."""
        try:
            connection = await asyncio.to_thread(unix_socket.connect, socket_path, _CONNECTING)
        except PermissionError as error:
            raise ServiceError("not-permitted", "the web process may not use the service's socket") from error
        except OSError as error:
            raise NoService("no service answers; `panevisor up` starts it") from error
        if unix_socket.peer_of(connection).uid != os.geteuid():
            connection.close()
            raise ServiceError("not-permitted", "what answers at the service's socket belongs to another user")
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=1 << 20)
        return cls(reader, writer, on_message)

    async def call(self, do: str, *, timeout: float = CALL_TIMEOUT, **fields: Any) -> Any:
        """Send one request and return the data of its answer; raises ServiceError.

        `timeout` begins after the seconds that the request itself asks the service to `wait`.
        """
        if self._places.locked():
            raise ServiceError("busy", f"{_IN_FLIGHT} requests wait for the service already")
        async with self._places:
            if self.ended.done():
                raise NoService("the service has closed the connection")
            number = next(self._ids)
            answer = self._answers[number] = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(fields.get("wait", 0.0) + timeout):
                    self._writer.write(b"".join(wire.frame(wire.pack({"id": number, "do": do, **fields}))))
                    await self._writer.drain()
                    return _data_of(await answer)
            except TimeoutError:
                raise ServiceError("no-answer", f"the service has not answered {do} within {timeout:g} s") from None
            except ConnectionError as error:
                raise NoService("the service has closed the connection") from error
            finally:
                self._answers.pop(number, None)

    async def close(self) -> None:
        self.ended.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.ended

    async def _read(self) -> None:
        try:
            while True:
                self._take(wire.unpack(await self._frame()))
        except (OSError, EOFError, ValueError):
            pass
        finally:
            self._writer.close()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(NoService("the service has closed the connection before it answered"))

    async def _frame(self) -> bytes:
        length = wire.message_length(await self._reader.readexactly(wire.HEADER))
        if length > _LARGEST:
            raise ValueError(f"it announces {length:,} bytes")
        return await self._reader.readexactly(length)

    def _take(self, message: Message) -> None:
        if message.get("topic") is not None:
            self._on_message(message)
            return
        answer = self._answers.get(message.get("id") or 0)
        if answer is not None and not answer.done():
            answer.set_result(message)


def _data_of(answer: Message) -> Any:
    if answer.get("ok"):
        return answer.get("data")
    error = answer.get("error") or {}
    raise ServiceError(str(error.get("code", "failed")), str(error.get("message", "the service gave no reason")))
