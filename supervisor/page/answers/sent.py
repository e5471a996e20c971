"""Answers on their way out: 304 for who has it already, compressed for who can read that, problems as problem+json."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from supervisor.page.answers.packed import Packed
from supervisor.page.answers.problems import problem
from supervisor.wire.errors import CommandError


def answer_of(
    packed: Packed, asked: Headers, *, status: int = 200, more: Mapping[str, str] | None = None, cached: bool = False
) -> Response:
    """Return a body as the answer to a request with these headers. One that may be `cached` has an ETag."""
    headers = {"Vary": "Accept-Encoding, Accept, Authorization, Cookie", **(more or {})}
    if cached:
        headers |= {"ETag": packed.etag, "Cache-Control": "private, no-cache"}
        if _has(asked.get("if-none-match", ""), packed.etag):
            return Response(status_code=304, headers=headers)
    if "gzip" in asked.get("accept-encoding", "") and packed.zipped is not None:
        return Response(packed.zipped, status, {**headers, "Content-Encoding": "gzip"}, media_type=packed.kind)
    return Response(packed.body, status, headers, media_type=packed.kind)


async def send_problem(error: CommandError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the problem."""
    status, packed, headers = problem(error)
    await answer_of(packed, Headers(scope=scope), status=status, more=headers)(scope, receive, send)


def _has(known: str, etag: str) -> bool:
    return known.strip() == "*" or etag.removeprefix("W/") in (
        tag.strip().removeprefix("W/") for tag in known.split(",")
    )
