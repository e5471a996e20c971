"""The publications of a topic for as long as somebody reads them, also over ends and beginnings of the service."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from supervisor.wire.client import Client, Message, ServiceError

_PAUSE = 0.3  # seconds between two tries
_PASSING = ("no-service", "starting", "busy", "timeout")


def publications(socket: Path, topic: str) -> Iterator[Message]:
    """Give what is published. Raises NoService only if there is no service at first; later it waits for one.

    A connection to the same service process resumes after the last number that came. `anew` in a message: it is the
    first from another process than before, whose numbers begin again.
    """
    client, known, last = Client.connect(socket), None, None
    while True:
        anew = known not in (None, client.service_pid)
        try:
            with client:
                for number, message in enumerate(client.subscribe(topic, since=None if anew else last)):
                    known, last = client.service_pid, message["seq"]
                    yield {**message, "anew": anew and number == 0}
        except ServiceError as error:
            if error.code not in _PASSING or known is None:
                raise
        client = _next(socket)


def _next(socket: Path) -> Client:
    """Return a client of the next service that answers; say that it is waited for."""
    print("panevisor: the service is gone; waiting for it (Ctrl-C ends)", file=sys.stderr, flush=True)
    while True:
        time.sleep(_PAUSE)
        try:
            client = Client.connect(socket)
            client.call("status")
        except ServiceError as error:
            if error.code not in _PASSING:
                raise
        else:
            return client
