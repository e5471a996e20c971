"""The Model Context Protocol over HTTP: a message in each POST, answered by the tools of `panevisor mcp`."""

import asyncio

from starlette.responses import Response

from supervisor.mcp.calls import Access, words_for
from supervisor.mcp.http import answer
from supervisor.page.asked import Asked
from supervisor.version import VERSION

_AT_ONCE = asyncio.Semaphore(8)  # each call may run a command
_KIND = "application/json"


async def mcp(asked: Asked) -> Response:
    """Answer one message; tools that change something are there for who may operate."""
    place, known = asked.page.place, asked.known
    access = Access(
        socket=place.socket,
        words=words_for(place.state_dir, place.socket),
        operate=known.operates,
        project=asked.query.project,
        by=known.name,
    )
    async with _AT_ONCE:
        told = await asyncio.to_thread(answer, await asked.request.body(), access, VERSION)
    return Response(status_code=202) if told is None else Response(told, media_type=_KIND)
