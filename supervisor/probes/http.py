"""One GET, as a probe needs it: a connection is given, the status code comes back, the body is never read.

A few lines over our own sockets, instead of a library: see docs/decisions.md.
"""

import re
from collections.abc import Awaitable, Callable

from actors.values.spec import Http
from supervisor.text.urls import http_target

MOST_HEAD = 16_384  # bytes of answer until its status is known, with the interim answers (1xx) before it
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9]{2}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?")


def request_of(http: Http) -> bytes:
    """Return what is sent; a header that is given replaces ours."""
    target = http_target(http.url)
    headers = {
        "host": ("Host", target.authority),
        "user-agent": ("User-Agent", "panevisor"),
        "accept": ("Accept", "*/*"),
    }
    headers |= {name.lower(): (name, value) for name, value in http.headers}
    headers["connection"] = ("Connection", "close")
    lines = [f"GET {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.values())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def fault_of(http: Http, receive: Callable[[], Awaitable[bytes]]) -> str | None:
    """Read until the status is known; return None when it is as it should be, else what is wrong."""
    status = await _status(receive)
    if status is None:
        return "what answers is no HTTP server"
    good = status in http.status if http.status else 200 <= status <= 399
    return None if good else f"answered {status}"


async def _status(receive: Callable[[], Awaitable[bytes]]) -> int | None:
    head, left = b"", MOST_HEAD
    while left > 0:
        while interim := _INTERIM.match(head):
            head = head[interim.end() :]
        line, ended, _ = head.partition(b"\n")
        found = _STATUS.fullmatch(line) if ended else None
        if ended and not (found and found[1].startswith(b"1")):
            return int(found[1]) if found else None
        chunk = await receive()
        if not chunk:
            return None
        head += chunk
        left -= len(chunk)
    return None
