"""Where the URL of a probe leads. Pure."""

import re

from actors.frozen import frozen

_URL = re.compile(
    r"http://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255})(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?].*)?"
)


@frozen
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
