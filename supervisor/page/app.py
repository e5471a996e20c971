"""The application: the table of routes, the stream, the page's files, behind the guard.

request ──▶ Guard ──▶ route: role, rate ──▶ query and body, checked ──▶ endpoint ──▶ answer, ETag, gzip
"""

import asyncio
import contextlib
import mimetypes
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Rule
from starlette.types import Receive, Scope, Send

from supervisor.page import bodies
from supervisor.page.access.guard import Guard
from supervisor.page.access.repeats import Repeats
from supervisor.page.answers.packed import Packed
from supervisor.page.answers.problems import Refused, problem
from supervisor.page.answers.sent import answer_of
from supervisor.page.asked import Asked, Page
from supervisor.page.picture.board import Place
from supervisor.page.routes import API, ROUTES, Route
from supervisor.page.stream import Stream
from supervisor.wire.errors import CommandError

_THREADS = 24  # that read logs and screens, and wait for tools of agents
STATIC = Path(__file__).resolve().with_name("static")


def application(page: Page, failed: Callable[[BaseException], object]) -> Guard:
    """Return the whole; `failed` is told of an error of ours that has ended the contact to the service for good."""
    repeats = Repeats()

    @contextlib.asynccontextmanager
    async def living(_app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "web"))
        contact = asyncio.ensure_future(page.contact.run(page.streams.wanted))
        contact.add_done_callback(lambda done: None if done.cancelled() else failed(done.exception() or EOFError()))
        yield
        contact.cancel()

    routes: list[BaseRoute] = [
        *(Rule(route.path, _endpoint(page, route, repeats), methods=[route.method]) for route in ROUTES),
        Rule(f"{API}/stream", _StreamOf(page)),
        Rule(f"{API}/openapi.json", _document),
        Rule("/", _index),
        Rule("/static/{path:path}", _file),
    ]
    told: Mapping[Any, Any] = {HTTPException: _refused, Exception: _broken}
    app = Starlette(routes=routes, lifespan=living, exception_handlers=told)
    page.guard = Guard(app, names=page.names, tokens=page.tokens)
    return page.guard


# ── one request ───────────────────────────────────────────────────────────────────────────────────────────────────


def _endpoint(page: Page, route: Route, repeats: Repeats) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            _allowed(page, route, request)
            asked = Asked(page, request, _query(route.query, request.query_params), await _body(route, request))
            key = request.headers.get("idempotency-key")
            if key is None or route.rate is None:
                return await _answer(route, asked)
            what = f"{request.method} {request.url.path}\n".encode() + await request.body()
            return await repeats.once((asked.known.name, key), what, lambda: _answer(route, asked))
        except CommandError as error:
            return _problem(error, request)

    return endpoint


async def _answer(route: Route, asked: Asked) -> Response:
    try:
        found = await route.run(asked)
    except CommandError as error:
        return _problem(error, asked.request)
    if isinstance(found, Response):
        return found
    packed = found if isinstance(found, Packed) else Packed.of(found)
    return answer_of(packed, asked.request.headers, status=route.status, cached=route.method == "GET")


def _allowed(page: Page, route: Route, request: Request) -> None:
    """Raise Refused where this token may not do this, or not so often."""
    known = request.scope["known"]
    if route.role == "operate" and not known.operates:
        raise Refused("read-only", f"the token {known.name} may read only")
    if route.rate is not None:
        rate = page.orders if route.rate == "orders" else page.keys
        if wait := rate.wait(known.name, time.monotonic()):
            raise Refused("rate-limited", "too many orders at once", **{"Retry-After": str(int(wait) + 1)})


def _query(kind: Any, given: QueryParams) -> Any:
    """Return the query as the endpoint takes it; raises CommandError."""
    if kind is None:
        if given:
            raise CommandError("usage", f"this takes no query ({next(iter(given))})")
        return None
    lists = {field.name for field in fields(kind) if "list" in str(field.type)}
    values = {name: given.getlist(name) if name in lists else given[name] for name in given}
    return _checked(kind, lambda adapter: adapter.validate_python(values))


async def _body(route: Route, request: Request) -> Any:
    """Return the body as the endpoint takes it; none at all is an empty one. Raises CommandError."""
    if route.body is None:
        return None
    content = await request.body()
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content and kind != "application/json":
        raise Refused("media-type", "a body is application/json")
    return _checked(route.body, lambda adapter: adapter.validate_json(content or b"{}"))


def _checked(kind: type, read: Callable[[TypeAdapter[Any]], Any]) -> Any:
    try:
        return read(_adapter(kind))
    except ValidationError as wrong:
        raise CommandError("usage", _said(wrong)) from None


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _said(wrong: ValidationError) -> str:
    """Say what is wrong, without what was given: that may be a token, or what is typed."""
    first = wrong.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = first["msg"]
    return f"{where}: {said}" if where else said


# ── what is no endpoint of the table ──────────────────────────────────────────────────────────────────────────────


class _StreamOf:
    """`GET /api/v1/stream`, an ASGI application of its own: it is answered for as long as the client stays."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        page, known = self._page, scope["known"]
        try:
            if scope["method"] != "GET":
                raise Refused("method", "a stream is read by GET", Allow="GET")
            asked: bodies.StreamOf = _query(bodies.StreamOf, request.query_params)
            after = request.headers.get("last-event-id") or asked.after or ""
            view = page.streams.view((known.name, asked.view))
        except CommandError as error:
            await _problem(error, request)(scope, receive, send)
            return
        stream = Stream(page.contact, page.keyboards, view, Place.read(after), lambda: page.tokens.still(known))
        page.streams.enter(stream, known.name)
        try:
            await stream.serve(receive, send)
        finally:
            page.streams.leave(stream, known.name)


async def _document(request: Request) -> Response:
    from supervisor.page.openapi import document  # only now: few ask for it

    return answer_of(Packed.of(document()), request.headers, cached=True)


async def _index(request: Request) -> Response:
    return _answer_with(STATIC / "index.html", request)


async def _file(request: Request) -> Response:
    return _answer_with(STATIC / request.path_params["path"], request)


def _answer_with(path: Path, request: Request) -> Response:
    """Return a file of the page; it is read again when it has changed."""
    file = path.resolve()
    if not file.is_relative_to(STATIC) or not file.is_file():
        return _problem(Refused("not-found", f"{request.url.path} is no file of the page"), request)
    return answer_of(_packed(file, file.stat().st_mtime_ns), request.headers, cached=True)


@lru_cache(maxsize=64)
def _packed(file: Path, _changed_at: int) -> Packed:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Packed(file.read_bytes(), f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)


def _problem(error: CommandError, request: Request) -> Response:
    status, packed, headers = problem(error)
    return answer_of(packed, request.headers, status=status, more=headers)


def _refused(request: Request, error: HTTPException) -> Response:
    code = {404: "not-found", 405: "method", 413: "too-large"}.get(error.status_code, "usage")
    return _problem(
        Refused(code, f"{request.method} {request.url.path}: {error.detail}", **(error.headers or {})), request
    )


def _broken(request: Request, error: Exception) -> Response:
    """An error of ours: the traceback goes to stderr, the client is told that much."""
    return _problem(Refused("internal", f"an error of panevisor web: {type(error).__name__}"), request)
