"""The web process beside a real service: who may ask, what is answered, what is streamed, and what it survives."""

import gzip
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from kit import ROOT
from kit.fuzz import requests_of
from kit.support import DEADLINE, Site, wait_until
from kit.web import Stream, Web, web_of

WORKERS = """
[workers.web]
command = 'i=0; while :; do i=$((i+1)); printf "\\033[3$((i%8))mtick $i\\033[0m\\n"; sleep 0.2; done'
project = "a"
labels = { tier = "front" }
[workers.agent]
command = "cat"
project = "b"
[workers.safe]
command = "cat"
protected = true
[workers.shell]
command = ["bash", "--norc", "--noprofile", "-i"]
[workers.broken]
command = "echo my last words; exit 3"
max_restarts = 0
[workers.fuzzed]
command = "cat"
[web]
enabled = true
unix = "web.sock"
[workers.idle]
command = "trap '' USR1; sleep 1000"
"""


@pytest.fixture(scope="module")
def web(shared_site: Site) -> Iterator[Web]:
    shared_site.write(WORKERS)
    shared_site.up(check=1)
    with web_of(shared_site) as running:
        yield running


@pytest.fixture(scope="module")
def token(web: Web) -> str:
    return web.token()


@pytest.fixture(scope="module")
def client(web: Web, token: str) -> Iterator[httpx.Client]:
    with web.client(token) as client:
        yield client


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem of a refused request."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    found: dict[str, Any] = response.json()
    assert (found["status"], found["code"], found["type"]) == (status, code, f"urn:panevisor:{code}")
    assert found["detail"]
    return found


# ── who may ask ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_path_but_the_page_and_the_login_needs_a_token(web: Web) -> None:
    with web.client(None) as nobody:
        for path in ("/api/v1/workers", "/api/v1/stream?view=abcdefgh", "/api/v1/nothing", "/api/v1/health"):
            refused(nobody.get(path), 401, "unauthenticated")
        refused(nobody.post("/api/v1/workers/agent/stop", json={}), 401, "unauthenticated")
    with web.client("not-a-token") as stranger:
        refused(stranger.get("/api/v1/me"), 401, "unauthenticated")


def test_an_expired_token_and_a_removed_one_are_not_known(web: Web) -> None:
    with web.client(web.token("read", "brief", "--expires", "1ms")) as late:
        refused(late.get("/api/v1/me"), 401, "unauthenticated")
    with web.client(web.token("read", "gone")) as gone:
        assert gone.get("/api/v1/me").json()["role"] == "read"
        web.site.run("web", "token", "remove", "gone", check=0)
        refused(gone.get("/api/v1/me"), 401, "unauthenticated")


def test_a_token_to_read_orders_nothing(web: Web) -> None:
    with web.client(web.token("read", "reader")) as reader:
        assert reader.get("/api/v1/workers/agent").json()["name"] == "agent"
        for path in (
            "workers/agent/stop",
            "workers/agent/send",
            "workers/agent/keys",
            "workers/agent/keyboard",
            "apply",
        ):
            refused(reader.post(f"/api/v1/{path}", json={}), 403, "read-only")
        assert reader.put("/api/v1/views/abcdefgh", json={"visible": ["agent"]}).status_code == 204


def test_a_host_and_an_origin_that_are_not_ours_are_refused_whoever_asks(web: Web, client: httpx.Client) -> None:
    refused(client.get("/api/v1/me", headers={"Host": "evil.example"}), 421, "host")
    refused(client.get("/", headers={"Host": "evil.example"}), 421, "host")
    refused(client.get("/api/v1/me", headers={"Origin": "http://evil.example"}), 403, "origin")
    refused(client.get("/api/v1/me", headers={"Origin": "null"}), 403, "origin")
    port = web.url.rpartition(":")[2]
    refused(client.get("/api/v1/me", headers={"Origin": f"https://127.0.0.1:{port}"}), 403, "origin")
    assert client.get("/api/v1/me", headers={"Host": f"localhost:{port}"}).status_code == 200


def test_a_cookie_reads_and_writes_only_with_our_header_and_our_origin(web: Web, token: str) -> None:
    with web.browser(token) as browser:
        cookie = next(iter(browser.cookies.jar))
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "strict"
        assert token not in str(cookie.value)
        assert browser.get("/api/v1/me").json()["name"] == "me"
        del browser.headers["X-Panevisor"]
        refused(browser.post("/api/v1/workers/agent/send", json={"text": "x"}), 403, "csrf")
        browser.headers["X-Panevisor"] = "1"
        del browser.headers["Origin"]
        refused(browser.post("/api/v1/workers/agent/send", json={"text": "x"}), 403, "origin")
        browser.headers["Origin"] = web.url
        assert browser.post("/api/v1/workers/idle/signal", json={"signal": "USR1"}).json() == {"names": ["idle"]}
        assert browser.post("/api/v1/logout").status_code == 204
        refused(browser.get("/api/v1/me"), 401, "unauthenticated")


def test_every_answer_has_the_headers_that_keep_a_browser_safe(web: Web) -> None:
    with web.client(None) as nobody:
        for path in ("/", "/static/none.js", "/api/v1/me", "/nothing"):
            headers = nobody.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
            assert "require-trusted-types-for 'script'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "server" not in headers


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_snapshot_is_what_status_prints(web: Web, client: httpx.Client) -> None:
    told = client.get("/api/v1/snapshot").json()
    printed = web.site.status()
    assert told.keys() == printed.keys()
    assert [row.keys() for row in told["workers"]] == [row.keys() for row in printed["workers"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("project=a", ["web"]),
        ("project=a&project=b", ["web", "agent"]),
        ("label=tier=front", ["web"]),
        ("state=stopped", []),
        ("state=running&project=b", ["agent"]),
    ],
)
def test_workers_are_filtered(client: httpx.Client, query: str, names: list[str]) -> None:
    found = client.get(f"/api/v1/workers?{query}").json()
    assert [row["name"] for row in found["workers"]] == names
    assert found["totals"]["workers"] == len(names)


def test_what_has_not_changed_is_304_and_what_is_large_is_compressed(client: httpx.Client) -> None:
    plain = client.get("/api/v1/workers/idle/deaths", headers={"Accept-Encoding": "identity"})
    again = client.get("/api/v1/workers/idle/deaths", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with client.stream("GET", "/api/v1/snapshot", headers={"Accept-Encoding": "gzip"}) as zipped:
        assert zipped.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(b"".join(zipped.iter_raw())))["schema"] == 1


def test_questions_about_one_worker(client: httpx.Client) -> None:
    assert client.get("/api/v1/workers/agent").json()["name"] == "agent"
    why = client.get("/api/v1/workers/agent/why").json()
    assert why["text"][0].startswith("agent: running")
    assert any("restart agent" in line for line in why["can"])
    screen = client.get("/api/v1/workers/web/screen").json()
    assert any("tick" in row and row.startswith("\x1b[") for row in screen["rows"])
    plain = client.get("/api/v1/workers/web/screen", headers={"Accept": "text/plain"})
    assert "\x1b" not in plain.text
    wait_until(lambda: client.get("/api/v1/workers/web/logs?n=3&grep=tick").json()["lines"])
    assert len(client.get("/api/v1/workers/web/logs?n=3").json()["lines"]) <= 3
    assert client.get("/api/v1/workers/agent/history").json()["name"] == "agent"
    assert client.get("/api/v1/health").json()["status"] == "ok"
    assert client.get("/api/v1/plan").json()["refusal"] is None
    assert client.get("/api/v1/activity?n=1").json()["entries"][0]["text"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("workers/nobody", 404, "unknown-worker"),
        ("workers/nobody/why", 404, "unknown-worker"),
        ("workers/nobody/screen", 404, "unknown-worker"),
        ("workers/agent/logs?n=-1", 400, "usage"),
        ("workers/agent/logs?grep=(", 400, "usage"),
        ("workers/agent/logs?since=soon", 400, "usage"),
        ("workers?colour=red", 400, "usage"),
        ("workers?label=x", 400, "usage"),
        ("me?x=1", 400, "usage"),
        ("stream?view=!", 400, "usage"),
        ("nothing", 404, "not-found"),
        ("workers/agent/stop", 405, "method"),
    ],
)
def test_bad_questions_get_a_problem(client: httpx.Client, path: str, status: int, code: str) -> None:
    refused(client.get(f"/api/v1/{path}"), status, code)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("workers/nobody/stop", {}, 404, "unknown-worker"),
        ("workers/agent/stop", {"wait": -1}, 400, "usage"),
        ("workers/agent/stop", {"kil": True}, 400, "usage"),
        ("workers/agent/stop", [], 400, "usage"),
        ("workers/safe/stop", {}, 403, "not-permitted"),
        ("workers/safe/send", {"text": "x"}, 403, "not-permitted"),
        ("workers/safe/keyboard", {}, 403, "not-permitted"),
        ("workers/agent/keys", {"keys": ["Entre"]}, 400, "usage"),
        ("workers/agent/signal", {"signal": "NOPE"}, 400, "usage"),
        ("workers/agent/prompt", {"text": "a\x1bb"}, 400, "usage"),
        ("orders", {"do": "stop"}, 400, "usage"),
    ],
)
def test_bad_orders_get_a_problem(client: httpx.Client, path: str, body: Any, status: int, code: str) -> None:
    refused(client.post(f"/api/v1/{path}", json=body), status, code)


def test_a_body_has_to_be_json_and_has_a_limit(client: httpx.Client) -> None:
    refused(client.post("/api/v1/workers/agent/send", content=b"text=x"), 400, "usage")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(client.post("/api/v1/workers/agent/send", content=b"text=x", headers=form), 415, "media-type")
    refused(client.post("/api/v1/workers/agent/send", content=b"x" * 1_000_001), 413, "too-large")
    refused(client.post("/api/v1/workers/agent/send", content=iter([b"x" * 600_000] * 2)), 413, "too-large")


def test_the_api_as_its_document_has_it_never_fails(client: httpx.Client, web: Web) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    with web.client(web.token("operate", "fuzz")) as fuzzer:
        requests_of(document, fuzzer)


def test_the_lines_of_the_page_on_the_api_work(web: Web, token: str) -> None:
    lines = [line for line in (ROOT / "docs/api.md").read_text().splitlines() if line.startswith("curl -")]
    assert len(lines) > 25
    (web.site.place / "token.header").write_text(f"Authorization: Bearer {token}\n")
    script = 'set -e; curl() { command curl -fsS --max-time 60 "$@"; }\n'
    script += "\n".join(f"{line} > /dev/null || {{ echo {shlex.quote(line)} >&2; exit 1; }}" for line in lines)
    there = {"env": {**os.environ, "URL": web.url}, "cwd": web.site.place}
    done = subprocess.run(["bash", "-c", script], **there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_metrics_and_the_briefing_are_served(client: httpx.Client) -> None:
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert metrics.text.endswith("# EOF\n")
    assert "service" in client.get("/api/v1/briefing?since=10m").json() or client.get("/api/v1/briefing").json()
    assert client.get("/api/v1/briefing", headers={"Accept": "text/plain"}).text


def test_agents_get_the_tools_that_their_token_allows(web: Web, client: httpx.Client) -> None:
    def tools(asking: httpx.Client) -> set[str]:
        told = asking.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).json()
        return {tool["name"] for tool in told["result"]["tools"]}

    with web.client(web.token("read", "watcher")) as watcher:
        assert tools(watcher) < tools(client)
        assert watcher.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202
        call = {"name": "list", "arguments": {}}
        told = watcher.post("/mcp", json={"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}).json()
        assert "idle" in told["result"]["content"][0]["text"]
        refused(watcher.get("/mcp"), 405, "method")


def test_the_service_keeps_it_as_a_worker_where_the_file_says_so(web: Web, token: str) -> None:
    web.site.wait_state("panevisor-web", "running")
    by_socket = httpx.HTTPTransport(uds=str(web.site.place / "web.sock"))
    with httpx.Client(transport=by_socket, base_url="http://localhost", timeout=DEADLINE) as client:
        refused(client.get("/api/v1/me"), 401, "unauthenticated")
        found = client.get("/api/v1/workers/panevisor-web", headers={"Authorization": f"Bearer {token}"}).json()
        assert found["project"] == "panevisor"


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_carried_out_once_a_key_and_logged_with_the_name_of_its_token(
    web: Web, client: httpx.Client
) -> None:
    key = {"Idempotency-Key": "order-0001"}
    before = len(web.site.events("order.given", do="restart", by="me"))
    first = client.post("/api/v1/workers/idle/restart", json={}, headers=key)
    assert first.json()["verdicts"][0]["state"] == "running", first.text
    again = client.post("/api/v1/workers/idle/restart", json={}, headers=key)
    assert again.content == first.content
    refused(client.post("/api/v1/workers/idle/stop", json={}, headers=key), 409, "conflict")
    given = web.site.events("order.given", do="restart", by="me")
    assert [line["names"] for line in given[before:]] == [["idle"]]


def test_several_workers_take_one_order(client: httpx.Client) -> None:
    body = {"do": "restart", "select": {"project": "b"}, "wait": 20}
    assert client.post("/api/v1/orders", json=body).json()["names"] == ["agent"]


# ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_shows_the_picture_what_changes_and_the_screens_that_are_looked_at(
    web: Web, client: httpx.Client
) -> None:
    with Stream(client) as stream:
        assert stream.until("contact")["service"] == "here"
        picture = stream.until("snapshot")
        assert {row["name"] for row in picture["workers"]} >= {"agent", "web"}
        assert picture["missed"] == 0
        assert stream.until("activity")["entries"]
        view = {"visible": ["web", "nobody"], "focus": "shell"}
        assert client.put("/api/v1/views/view-0001", json=view).status_code == 204
        first = stream.until("rows", lambda data: data["rows"].get("web"))["rows"]["web"]
        assert len(first) <= 12
        assert stream.until("rows", lambda data: data["rows"]["web"] != first)
        assert stream.until("screen")["name"] == "shell"
        client.post("/api/v1/workers/idle/restart", json={})
        assert stream.until("delta", lambda data: any(row["name"] == "idle" for row in data["workers"]))


def test_a_stream_goes_on_after_the_last_event_that_its_client_has(client: httpx.Client) -> None:
    with Stream(client) as stream:
        stream.until("snapshot")
        stream.until("delta")
        last = stream.last_id
    with Stream(client, **{"Last-Event-ID": last}) as stream:
        base = stream.until("delta")["base"]
        assert base == int(last.rpartition("-")[2])
    with Stream(client, **{"Last-Event-ID": "1-1"}) as stream:
        assert stream.until("snapshot")["missed"] == 0


def test_one_that_has_ended_shows_its_last_words(client: httpx.Client) -> None:
    with Stream(client, "two-tabs") as stream:
        view = {"visible": ["broken"], "focus": ["broken", "shell"]}
        assert client.put("/api/v1/views/two-tabs", json=view).status_code == 204
        stream.until("rows", lambda data: data["rows"].get("broken") == ["my last words"])
        seen: dict[str, list[str] | None] = {}

        def has_both(data: dict[str, Any]) -> bool:
            seen[data["name"]] = data["rows"]
            return bool(seen.get("broken") and seen.get("shell"))

        stream.until("screen", has_both)
        assert (seen["broken"] or [])[0] == "my last words"


def test_the_fifth_stream_of_a_login_ends_the_first(web: Web) -> None:
    with web.client(web.token("read", "many")) as many:
        streams = [Stream(many, f"view-{number:04}") for number in range(5)]
        assert streams[0].until("closed")["code"] == "too-many-streams"
        assert streams[4].until("snapshot")
        for stream in streams:
            stream.close()


def test_keys_are_typed_only_while_the_keyboard_is_taken(web: Web, client: httpx.Client) -> None:
    path = "/api/v1/workers/shell/keyboard"
    refused(client.put(f"{path}/nothing", json={"input": [{"text": "x"}]}), 409, "no-keyboard")
    with Stream(client, "keyboard") as stream, web.client(web.token("operate", "other")) as other:
        client.put("/api/v1/views/keyboard", json={"focus": "shell"})
        lease = client.post(path, json={}).json()["lease"]
        assert stream.until("keyboard") == {"name": "shell", "by": "me"}
        refused(other.post(path, json={}), 409, "keyboard-taken")
        typed = [{"text": "echo ty''ped"}, {"keys": ["Enter"]}]
        assert client.put(f"{path}/{lease}", json={"input": typed}).status_code == 200
        assert stream.until("screen", lambda data: "typed" in data["rows"])
        assert client.delete(f"{path}/{lease}").status_code == 204
        assert stream.until("keyboard") == {"name": "shell", "by": None}
        refused(client.put(f"{path}/{lease}", json={"input": typed}), 409, "no-keyboard")


def test_the_web_process_outlives_the_service(web: Web, client: httpx.Client) -> None:
    with Stream(client) as stream:
        stream.until("snapshot")
        service = web.site.service_pid()
        os.kill(service, signal.SIGKILL)
        stream.until("contact", lambda data: data["service"] == "lost")
        assert stream.until("contact")["service"] == "here"
        now = stream.until("snapshot")["supervisor"]["pid"]
        assert now == web.site.service_pid() != service
    assert client.get("/api/v1/health").json()["status"] == "ok"
    assert web.process.poll() is None


def test_without_a_service_it_says_so_and_serves_all_the_same(site: Site) -> None:
    site.write(WORKERS)
    with web_of(site) as early, early.client(early.token()) as client:
        wait_until(lambda: "no service answers yet" in early.errors.read_text())
        assert client.get("/api/v1/health").json()["status"] == "no-service"


def test_it_ends_without_a_word_though_streams_are_open(web: Web, token: str) -> None:
    with web_of(web.site) as other, other.client(token) as client, Stream(client) as stream:
        stream.until("snapshot")
        other.close()
        assert other.errors.read_text() == ""


def slowed_down(ask: Callable[[], httpx.Response]) -> None:
    """Ask until it is too often."""
    found = next(answer for answer in (ask() for _ in range(2000)) if answer.status_code == 429)
    refused(found, 429, "rate-limited")
    assert int(found.headers["retry-after"]) >= 1


def test_who_asks_for_too_many_views_is_told_to_come_later(web: Web) -> None:
    with web.client(web.token("read", "eager")) as eager:
        answers = [eager.put(f"/api/v1/views/view-{number:04}", json={}) for number in range(33)]
    assert {answer.status_code for answer in answers[:-1]} == {204}
    refused(answers[-1], 429, "rate-limited")
    assert answers[-1].headers["retry-after"] == "60"


def test_many_wrong_tokens_are_slowed_down_and_the_right_ones_are_not(web: Web, client: httpx.Client) -> None:
    with web.client("wrong") as stranger:
        slowed_down(lambda: stranger.get("/api/v1/me"))
        ours = {"X-Panevisor": "1"}
        slowed_down(lambda: stranger.post("/api/v1/login", json={"token": "wrong"}, headers=ours))
    assert client.get("/api/v1/me").status_code == 200


def test_no_secret_is_in_any_log(web: Web, token: str) -> None:
    said = web.site.log_text() + web.errors.read_text()
    assert token not in said
    assert "typed" not in web.site.log_text()
    kept = web.site.state / "web-tokens.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert token not in kept.read_text()
