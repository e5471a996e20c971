"""One message of the streamable HTTP transport, for the web surface: the body of a POST in, the body of its answer out.

    body ──answer──▶ body of `application/json` (200), or None for a notification (202)

There is no session: each POST stands for itself, so there is nothing to keep, and nothing that `cancelled` could end.
"""

import json

from supervisor.mcp.calls import Access
from supervisor.mcp.protocol import PARSE_ERROR, Session, handle, refusal


def answer(body: bytes, access: Access, version: str) -> bytes | None:
    """Return the answer to one JSON-RPC message. It blocks as long as a tool runs: call it in a thread."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        reply = refusal(None, PARSE_ERROR, "not JSON")
    else:
        if (found := handle(message, Session(access, version))) is None:
            return None
        reply = found
    return json.dumps(reply).encode()
