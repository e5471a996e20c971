"""A web process of a site, and clients of it: with a token, with a cookie, of a stream."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import httpx

from kit.support import DEADLINE, Site

Event = tuple[str, dict[str, Any]]


class Web:
    """`panevisor web` of a site; `url` as it says itself."""

    def __init__(self, site: Site, *arguments: str) -> None:
        self.site = site
        self.errors = site.place / "web.err"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                site.argv("web", "--port", "0", *arguments),
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=site.place,
                env=site.environment(),
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().rpartition(" ")[2].strip().rstrip("/")
        assert self.url.startswith("http"), self.errors.read_text()

    def token(self, role: str = "operate", name: str = "me", *more: str) -> str:
        """Make a token."""
        return self.site.run("web", "token", "add", "--role", role, name, *more, check=0).stdout.split()[0]

    def client(self, token: str | None, **headers: str) -> httpx.Client:
        """Return a client that shows this token."""
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers={**shown, **headers}, timeout=DEADLINE, trust_env=False)

    @contextlib.contextmanager
    def browser(self, token: str) -> Iterator[httpx.Client]:
        """Give a client that has logged in, as the page does."""
        with self.client(None, Origin=self.url, **{"X-Panevisor": "1"}) as client:
            assert client.post("/api/v1/login", json={"token": token}).status_code == 200
            yield client

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Stream:
    """The events of a stream, as they come."""

    def __init__(self, client: httpx.Client, view: str = "view-0001", **headers: str) -> None:
        self._opened = client.stream("GET", f"/api/v1/stream?view={view}", headers=headers)
        self.response = self._opened.__enter__()
        assert self.response.status_code == 200, self.response.read()
        self.last_id = ""
        self._events = self._read()
        self._kept: dict[str, deque[dict[str, Any]]] = {}

    def until(self, name: str, wanted: Any = lambda _data: True) -> dict[str, Any]:
        """Return the data of the next event of this name that is wanted; events of other names are kept for later."""
        deadline, waiting = time.monotonic() + DEADLINE, self._kept.setdefault(name, deque())
        while True:
            while waiting:
                if wanted(data := waiting.popleft()):
                    return data
            event, data = next(self._events, ("", {}))
            assert event, f"the stream ended without such a {name}"
            assert time.monotonic() < deadline, (
                f"no such {name}, but {[(key, len(v)) for key, v in self._kept.items()]}"
            )
            self._kept.setdefault(event, deque()).append(data)

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Iterator[Event]:
        name = ""
        for line in self.response.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                self.last_id = value
            elif key == "data":
                yield name, json.loads(value)


@contextlib.contextmanager
def web_of(site: Site, *arguments: str) -> Iterator[Web]:
    """Run the web process of a site."""
    web = Web(site, *arguments)
    try:
        yield web
    finally:
        web.close()
