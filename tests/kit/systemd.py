"""The receiving end of sd_notify(3), on a real datagram socket."""

import socket
import time
from collections.abc import Callable

from kit.support import DEADLINE


class Manager:
    """The receiving end, as systemd has it. Each message is a dict of its assignments."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def next(self, timeout: float) -> dict[str, str] | None:
        """Return the next message, None when there is none in time."""
        self._socket.settimeout(max(0.001, timeout))
        try:
            message = self._socket.recv(4096).decode()
        except TimeoutError:
            return None
        self.told.append(dict(line.split("=", 1) for line in message.split("\n")))
        return self.told[-1]

    def until(self, wanted: Callable[[dict[str, str]], object], timeout: float = DEADLINE) -> dict[str, str]:
        """Return the first message from now on that is wanted."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            if message is not None and wanted(message):
                return message
        raise AssertionError(f"not within {timeout:g} s, only: {self.told[-5:]}")

    def until_told(self, key: str, value: str = "1") -> dict[str, str]:
        return self.until(lambda message: message.get(key, "").startswith(value))

    def waiting(self) -> list[dict[str, str]]:
        """Return what has arrived already."""
        messages = []
        while (message := self.next(0.0)) is not None:
            messages.append(message)
        return messages

    def close(self) -> None:
        self._socket.close()
