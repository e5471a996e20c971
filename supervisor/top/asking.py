"""Questions and orders to the service, each in a thread and on a connection of its own: none delays the picture.

ask ──▶ thread: connect, call ──▶ `then(data)` or `failed(message)`, handed to `post`, which runs it where it belongs
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

Post = Callable[[Callable[[], object]], object]


class Asking:
    """`post` takes what is to be run in the thread of the app."""

    def __init__(self, socket: Path, post: Post) -> None:
        self._socket = socket
        self._post = post

    def ask(
        self,
        verb: str,
        fields: dict[str, Any],
        then: Callable[[Any], object],
        failed: Callable[[str], object] = lambda _message: None,
        *,
        read: Callable[[Any], Any] = lambda data: data,
    ) -> None:
        """Ask, and have `then` called with what `read` makes of the data, in this thread; `failed` with an error."""

        def run() -> None:
            try:
                with Client.connect(self._socket) as client:
                    found = read(client.call(verb, **fields))
            except CommandError as error:
                message = error.message
                self._post(lambda: failed(message))
            else:
                self._post(lambda: then(found))

        threading.Thread(target=run, name=f"top-{verb}", daemon=True).start()
