"""One GET: what is sent, and how an answer is judged, however it comes."""

import asyncio

import pytest

from actors.values.spec import Http
from supervisor.probes.http import fault_of, request_of

NO_HTTP = "what answers is no HTTP server"
FOUND = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        (FOUND, (), None),
        (b"HTTP/1.0 204\r\n\r\n", (), None),
        (b"HTTP/1.1 3|02 Found\r|\nLocation: /x\r\n\r\n", (), None),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r|\n" + FOUND, (), None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n", (), "answered 503"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", (), "answered 404"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", (404,), None),
        (FOUND, (204,), "answered 200"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", (), NO_HTTP),
        (b"", (), NO_HTTP),
        (b"|".join([b"x" * 4096] * 25), (), NO_HTTP),
        (b"|".join([b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000) + FOUND, (), NO_HTTP),
    ],
)
def test_an_answer_is_judged_by_its_status(answer: bytes, status: tuple[int, ...], fault: str | None) -> None:
    parts = iter(answer.split(b"|"))

    async def receive() -> bytes:
        return next(parts, b"")

    async def judged() -> str | None:
        return await fault_of(Http("http://127.0.0.1/", status), receive)

    assert asyncio.run(judged()) == fault


def test_a_request_has_the_path_with_its_query_and_the_headers_given() -> None:
    headers = (("Authorization", "Bearer x"), ("host", "api.internal"))
    head, *lines = request_of(Http("http://127.0.0.1:80/a?b=c", headers=headers)).decode().split("\r\n")
    assert head == "GET /a?b=c HTTP/1.1"
    assert {"Authorization: Bearer x", "host: api.internal", "Connection: close"} <= set(lines)
    assert not [line for line in lines if line.startswith("Host:")]
