"""Why a request was refused, as problem+json (RFC 9457); the codes are those of the wire, and a few of HTTP's own.

{"type": "urn:panevisor:not-met", "title": "Conflict", "status": 409, "code": "not-met", "detail": "web is …"}
"""

from http import HTTPStatus
from typing import Any

from supervisor.page.answers.packed import Packed
from supervisor.wire.errors import EXIT_CODES, CommandError

KIND = "application/problem+json"
STATUS = dict.fromkeys(EXIT_CODES, 500) | {
    "usage": 400,
    "not-met": 409,
    "unknown-worker": 404,
    "config": 422,
    "not-permitted": 403,
    "no-service": 503,
    "starting": 503,
    "shutting-down": 503,
    "busy": 503,
    "parked": 409,
    "timeout": 409,
    "unknown": 409,
    "conflict": 409,
    "too-large": 413,
    # of this process
    "no-answer": 504,
    "unauthenticated": 401,
    "csrf": 403,
    "origin": 403,
    "host": 421,
    "read-only": 403,
    "rate-limited": 429,
    "not-found": 404,
    "method": 405,
    "media-type": 415,
    "keyboard-taken": 409,
    "no-keyboard": 409,
    "internal": 500,
}
"""By code: the status of the answer. `failed` is the service's own trouble, so the answer is 502.

`timeout` and `unknown` are no failures of a server: a worker has not come to a state in the time that was asked for.
"""
STATUS["failed"] = STATUS["bad-frame"] = 502


class Refused(CommandError):
    """A request is refused; `headers` go with the answer."""

    def __init__(self, code: str, message: str, **headers: str) -> None:
        super().__init__(code, message)
        self.headers = headers


def problem(error: CommandError) -> tuple[int, Packed, dict[str, str]]:
    """Return the status, the body and further headers."""
    status = STATUS.get(error.code, 502)
    headers = dict(error.headers) if isinstance(error, Refused) else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="panevisor"'
    return status, Packed(Packed.of(told(error.code, error.message)).body, KIND), headers


def told(code: str, message: str) -> dict[str, Any]:
    """Return the body as plain values."""
    status = STATUS.get(code, 502)
    title = HTTPStatus(status).phrase
    return {"type": f"urn:panevisor:{code}", "title": title, "status": status, "code": code, "detail": message}
