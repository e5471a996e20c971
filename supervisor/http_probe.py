"""One GET, as a probe needs it: a connection is given, the status code comes back, the body is never read.

A few lines over our own sockets, instead of a library: see docs/decisions.md.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actors.spec import Http

MOST_HEAD = 16_384  # bytes of answer until its status is known, with the interim answers (1xx) before it
_URL = re.compile(
    r"http://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255})(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?].*)?"
)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9]{2}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads; `path` begins with "/" and has the query."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"


def http_target(url: str) -> Target:
    """Take a URL apart; a ValueError is a predicate, which shows nothing of it: it may hold a secret."""
    if url.startswith("https:"):
        raise ValueError(
            'must begin with "http://" (for https let a command ask, such as ["curl", "-fsS", "https://…"])'
        )
    found = _URL.fullmatch(url)
    port = int(found["port"] or 80) if found else 0
    if found is None or not 1 <= port <= 65_535:
        raise ValueError('must be a URL like "http://127.0.0.1:8080/health" (without user and password)')
    path = found["path"] or "/"
    if not re.fullmatch(r"[!-~]*", path) or "#" in path:
        raise ValueError("must have neither blanks nor # nor anything but ASCII in its path (write %20 and the like)")
    return Target(found["host"], port, path if path.startswith("/") else f"/{path}")


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
