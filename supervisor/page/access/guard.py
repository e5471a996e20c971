"""What every request passes before anything is looked at: host, origin, size, who asks; and headers of every answer.

    Host not ours ─▶ 421    Origin not ours ─▶ 403    body too large ─▶ 413
    nobody we know ─▶ 401, often: 429    a write by cookie without our header ─▶ 403

A page of another site can have a browser send requests here, also to loopback, and by a name of its own that it points
at 127.0.0.1 (DNS rebinding). So the name in `Host` has to be one of ours, whatever the address was.
"""

import time
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.frozen import frozen
from supervisor.page.access.rates import Rate
from supervisor.page.access.tokens import Known, Tokens
from supervisor.page.answers.problems import Refused
from supervisor.page.answers.sent import send_problem
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError

CSRF = "x-panevisor"
LARGEST = 1_000_000  # bytes of a body
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_ALWAYS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_OPEN = ("/static/",)
_OPEN_PATHS = frozenset({"/", "/favicon.ico", "/api/v1/login"})


@frozen
class Names:
    """Under which names we are known: `hosts` as in Host, with the port unless it is the scheme's own; `origins`.

    `secure`: whether browsers come by https, to us or to a proxy before us.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    secure: bool = False


class Guard:
    """Puts who asks into the scope, as `known`; None on the few paths that are open to all."""

    def __init__(self, app: ASGIApp, *, names: Names, tokens: Tokens) -> None:
        self._app, self._names, self._tokens = app, names, tokens
        self._failures = Rate(per_second=0.5, burst=20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # uvicorn serves no WebSocket here
        safe = _with_headers(send, cached=scope["path"].startswith(_OPEN))
        try:
            scope["known"] = self._admit(scope, Headers(scope=scope))
        except CommandError as refused:
            await send_problem(refused, scope, receive, safe)
            return
        await self._app(scope, _bounded(receive), safe)

    def _admit(self, scope: Scope, headers: Headers) -> Known | None:
        if (host := headers.get("host", "")).lower() not in self._names.hosts:
            raise Refused("host", f"{shown(host)} is no name of this service: add it with --name, if it is one")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._names.origins:
            raise Refused("origin", f"a page of {shown(origin)} may not ask here")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > LARGEST:
            raise Refused("too-large", f"a request has at most {LARGEST:,} bytes")
        if _is_open(scope["path"]):
            return None
        return self._known(scope, headers, origin)

    def _known(self, scope: Scope, headers: Headers, origin: str | None) -> Known:
        bearer = headers.get("authorization")
        if bearer is not None:
            scheme, _, token = bearer.partition(" ")
            known = self._tokens.of_token(token.strip()) if scheme.lower() == "bearer" else None
        else:
            cookie = _cookie(headers.get("cookie", ""), self._tokens.cookie)
            known = self._tokens.of_cookie(cookie) if cookie else None
        if known is None:
            self.failed(scope)
            raise Refused("unauthenticated", "a token is needed (`panevisor web token add NAME`), or it has expired")
        if bearer is None and scope["method"] in WRITES:
            if origin is None:
                raise Refused("origin", "a browser that writes has to name its Origin")
            if CSRF not in headers:
                raise Refused("csrf", "a write by cookie needs the header X-Panevisor: 1")
        return known

    def failed(self, scope: Scope) -> None:
        """Count a token that is not known; raises Refused when that happens too often."""
        if wait := self._failures.wait((scope.get("client") or ("local",))[0], time.monotonic()):
            raise Refused("rate-limited", "too many wrong tokens", **{"Retry-After": str(int(wait) + 1)})


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN)


def _cookie(header: str, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _with_headers(send: Send, *, cached: bool) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-cache" if cached else "no-store")
        await send(message)

    return with_headers


def _bounded(receive: Receive) -> Receive:
    """Return what gives the body, and refuses more of it than is allowed, whatever its length was said to be."""
    taken = 0

    async def bounded() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST:
            raise Refused("too-large", f"a request has at most {LARGEST:,} bytes")
        return message

    return bounded
