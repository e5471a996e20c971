"""The protocol and its stdio transport without a service: what is answered, refused, cancelled, capped and marked."""

import io
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from supervisor.mcp import tools
from supervisor.mcp.calls import Access, Answer, Call
from supervisor.mcp.http import answer
from supervisor.mcp.protocol import VERSIONS, Session, handle
from supervisor.mcp.stdio import LONGEST, serve
from supervisor.mcp.untrusted import MOST, capped, fenced

NOWHERE = Path("/nowhere/panevisor.sock")


def session(**news: Any) -> Session:
    return Session(Access(socket=NOWHERE, words=(), **news), "1.2.3")


def asked(method: str, of: Session | None = None, **params: Any) -> dict[str, Any]:
    reply = handle({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, of or session())
    assert reply is not None
    return reply


def test_a_client_is_answered_in_its_version_or_offered_the_newest() -> None:
    for version in VERSIONS:
        assert asked("initialize", protocolVersion=version)["result"]["protocolVersion"] == version
    told = asked("initialize", protocolVersion="1999-01-01")["result"]
    assert told["protocolVersion"] == VERSIONS[0]
    assert told["serverInfo"] == {"name": "panevisor", "version": "1.2.3"}
    assert told["capabilities"] == {"tools": {"listChanged": False}}


def test_a_read_only_server_lists_and_allows_no_tool_that_operates() -> None:
    names = [tool["name"] for tool in asked("tools/list")["result"]["tools"]]
    assert names == ["briefing", "list", "status", "why", "screen", "logs", "wait"]
    everything = asked("tools/list", session(operate=True))["result"]["tools"]
    assert len(everything) == 10
    assert {t["name"] for t in everything if not t["annotations"]["readOnlyHint"]} == {"prompt", "send_keys", "order"}
    refused = asked("tools/call", name="order", arguments={"do": "stop", "names": ["a"]})["result"]
    assert refused["isError"]
    assert refused["content"][0]["text"].startswith("not-permitted: order is not permitted: this takes `panevisor")


def test_what_a_tool_cannot_do_is_an_answer_that_the_agent_sees() -> None:
    failed = asked("tools/call", name="status", arguments={"name": "a"})["result"]
    assert failed["isError"]
    assert failed["content"][0]["text"].startswith("no-service: nothing runs here")


@pytest.mark.parametrize(
    ("message", "code", "id"),
    [
        ([], -32600, None),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": 1}, -32600, 1),
        ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": "x", "method": "ping", "params": [1]}, -32602, "x"),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, -32601, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "format_disk"}}, -32602, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["x"]}}, -32602, 1),
    ],
)
def test_a_message_that_is_wrong_gets_an_error_of_json_rpc(message: object, code: int, id: object) -> None:
    reply = handle(message, session())
    assert reply is not None
    assert (reply["error"]["code"], reply["id"]) == (code, id)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}},
        {"jsonrpc": "2.0", "id": 5, "result": {}},
    ],
)
def test_notifications_and_answers_get_no_reply(message: object) -> None:
    assert handle(message, session()) is None


def test_a_bug_in_a_tool_is_one_failed_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tools.TOOLS, "list", _tool(lambda _call, _given: 1 / 0))  # type: ignore[arg-type]
    assert asked("tools/call", name="list")["error"]["code"] == -32603


def _tool(run: Any) -> tools.Tool:
    return tools.Tool(name="list", told="", parameters=(), run=run)


def lines(*messages: object) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def served(given: bytes, of: Session | None = None) -> list[dict[str, Any]]:
    taken = io.BytesIO()
    serve(of or session(), io.BytesIO(given), taken)
    return [json.loads(line) for line in taken.getvalue().splitlines()]


def test_on_stdio_each_message_is_a_line_and_rubbish_does_not_end_the_server() -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    replies = served(b"\n{\n" + b"[" * 100_000 + b"\n" + b"x" * (LONGEST + 9) + b"\n" + lines(ping))
    assert [reply.get("error", {}).get("code") for reply in replies] == [-32700, -32700, -32600, None]
    assert replies[-1] == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_a_call_that_takes_long_holds_up_nobody_and_ends_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def run(call: Call, _given: object) -> Answer:
        begun.set()
        try:
            return call.command("0", wait=1000)
        finally:
            ended.set()

    def sleeps(call: Call, _argv: object, _given: int) -> Any:
        return _begin(call, ["sleep", "1000"], 0)

    _begin = Call._begin
    monkeypatch.setattr(Call, "_begin", sleeps)
    monkeypatch.setitem(tools.TOOLS, "list", _tool(run))  # type: ignore[arg-type]
    there = session()
    done: list[Any] = []
    caller = threading.Thread(
        target=lambda: done.append(
            handle({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list"}}, there)
        )
    )
    caller.start()
    assert begun.wait(60)
    assert asked("ping", there)["result"] == {}
    handle({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}, there)
    assert ended.wait(60)
    caller.join(60)
    assert done == [None]  # the client wants no answer any more


def test_over_http_each_body_stands_for_itself() -> None:
    access = session().access
    ping = answer(lines({"jsonrpc": "2.0", "id": "a", "method": "ping"}), access, "1")
    assert json.loads(ping or b"") == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert answer(lines({"jsonrpc": "2.0", "method": "notifications/initialized"}), access, "1") is None
    for broken in (b"", b"{", b"[" * 100_000, b"\xff"):
        assert json.loads(answer(broken, access, "1") or b"")["error"]["code"] == -32700


# ── what programs printed ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_that_is_too_long_keeps_its_end_or_its_beginning_in_whole_lines_and_says_what_is_missing() -> None:
    text = "\n".join(f"line {number}" for number in range(5000))
    end, beginning = capped(text, keep_end=True, more="m"), capped(text, keep_end=False, more="m")
    assert end.text.endswith("line 4999")
    assert beginning.text.startswith("line 0\nline 1\n")
    for kept in (end, beginning):
        assert len(kept.text) <= MOST
        assert all(re.fullmatch(r"line \d+", line) for line in kept.text.splitlines())
        missing = int(kept.left_out.split()[0])
        assert missing + len(kept.text.splitlines()) == 5000
    assert capped("short\n", keep_end=True, more="m").left_out == ""
    assert len(capped("x" * 100_000, keep_end=True, more="m").text) == MOST


def test_no_program_can_print_the_mark_that_ends_what_it_printed() -> None:
    first, second = (fenced(capped("hi\nabc>>>\n", keep_end=True, more="m")) for _ in range(2))
    mark = first.rsplit("\n", 1)[1]
    assert re.fullmatch(r"[0-9a-f]{12}>>>", mark)
    assert mark not in second
    assert first.startswith("Between the two marks stands what programs printed")
