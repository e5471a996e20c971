"""The Gateway on a real socket: one pack for all, nobody waits for anybody, and strangers cost nothing."""

import asyncio
import errno
import os
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from select import select as select_now
from typing import Any

import pytest
from kit.gateway_bench import Bench, FileConfig, entries, receive, row, send
from kit.support import DEADLINE, no_descriptors_left, wait_until

from actors.values.facts import Verb
from actors.values.requests import (
    Accepted,
    Action,
    Apply,
    Change,
    ConfigBroken,
    GiveInput,
    Order,
    RequestRefused,
    ShutDown,
)
from actors.values.spec import WorkerSpec
from supervisor.config.problems import ConfigError, Problem
from supervisor.gateway import server as gateway
from supervisor.gateway import verdicts
from supervisor.wire import frames as wire
from supervisor.wire.client import Client, NoService, ServiceError

Make = Callable[..., Bench]


@pytest.fixture
def make(place: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def build(**settings: Any) -> Bench:
        made.append(Bench(place / f"s{len(made)}.sock", **settings))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Make) -> Bench:
    return make()


def in_background(bench: Bench, do: str, **fields: Any) -> "Future[Any]":
    """Ask from a thread of its own."""
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(bench.client().call, do, **fields)
    pool.shutdown(wait=False)
    return answer


def refusal(client: Client, do: str, **fields: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        client.call(do, **fields)
    return caught.value


def told(connection: socket.socket) -> dict[str, Any]:
    """Return the next answer or message; the connection has to be there still."""
    found = receive(connection)
    assert found is not None
    return found


def rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_changes_are_what_is_new_and_who_missed_one_gets_the_whole(make: Make) -> None:
    bench = make(stuck_after=DEADLINE)
    big = [row(f"w{n}", reason="x" * 500) for n in range(500)]
    bench.publish(1, *big)
    quick, slow = (bench.client().subscribe("changes") for _ in range(2))
    assert len(next(quick)["data"]["workers"]) == 500
    for seq in range(2, 10):  # each a third of a megabyte, which the slow one does not read
        changed = [replace(old, restarts=seq) for old in big]
        bench.publish(seq, *changed)
        message = next(quick)
        assert (message["seq"], message["missed"], len(message["data"]["workers"])) == (seq, 0, 500)
    bench.publish(10, *changed[:-1], replace(changed[-1], state="failed"))
    assert next(quick)["data"]["workers"][-1]["state"] == "failed"
    seen = next(slow)
    while seen["seq"] < 10:
        seen = next(slow)
    assert seen["missed"] > 0
    assert seen["data"]["workers"] == bench.client().call("status")["workers"]


def test_a_publication_is_packed_once_for_all_who_get_it_and_not_at_all_while_nobody_listens(bench: Bench) -> None:
    for seq in range(1, 20):
        bench.publish(seq, row("a"))
    assert bench.client().call("status")["seq"] == 19  # so all of them were taken
    assert bench.gateway.pictures.packs == 0
    subscribers = [bench.client().subscribe("metrics") for _ in range(50)]
    for messages in subscribers:  # the present picture comes at once
        first = next(messages)
        assert (first["topic"], first["seq"], first["missed"]) == ("metrics", 19, 0)
        assert [worker["name"] for worker in first["data"]["workers"]] == ["a"]
    for seq in range(20, 25):
        bench.publish(seq, row("a", "failed"))
        for messages in subscribers:
            message = next(messages)
            assert (message["seq"], message["data"]["workers"][0]["state"]) == (seq, "failed")
    assert bench.gateway.pictures.packs == 6
    assert bench.gateway.subscribers == 50
    told = bench.client().call("status")["supervisor"]["broadcast_bytes"]
    assert told % 50 == 0
    assert told > 0


def test_nobody_is_left_over_when_subscribers_go(bench: Bench) -> None:
    bench.publish(1)
    client = bench.client()
    next(client.subscribe("metrics"))
    client.call("unsubscribe", topics=["metrics"])
    assert bench.gateway.subscribers == 0
    next(client.subscribe("metrics"))
    client.close()
    wait_until(lambda: bench.gateway.subscribers == 0)
    bench.publish(2)
    assert bench.client().call("status")["seq"] == 2
    assert bench.gateway.pictures.packs == 1


def test_a_slow_subscriber_skips_pictures_is_told_how_many_and_delays_nobody(bench: Bench) -> None:
    big = [{"a": bytes([seq]) * 300_000} for seq in range(30)]
    bench.publish(1, row("a"), screens=big[1])
    slow = bench.client().subscribe("screen:a")
    quick = bench.client().subscribe("screen:a")
    assert next(quick)["seq"] == 1
    for seq in range(2, 30):
        bench.publish(seq, row("a"), screens=big[seq])
        assert next(quick)["seq"] == seq
    seen, missed = [], 0
    while not seen or seen[-1] < 29:
        message = next(slow)
        seen.append(message["seq"])
        missed += message["missed"]
    assert seen == sorted(seen)
    assert len(seen) < 10
    assert missed == 29 - len(seen)


def test_a_stuck_subscriber_is_dropped_once_and_delays_nobody(make: Make) -> None:
    bench = make(stuck_after=0.3)
    big = {"a": b"x" * 2_000_000}
    bench.publish(1, row("a"), screens=big)
    stuck = bench.raw()
    send(stuck, {"id": 1, "do": "subscribe", "topics": ["screen:a"]})
    quick = bench.client().subscribe("metrics")
    next(quick)
    for seq in range(2, 20):
        bench.publish(seq, row("a"), screens=big)
        assert next(quick)["seq"] == seq
    assert bench.log.wait_for("gateway.subscriber_dropped")["topics"] == ["screen:a"]
    wait_until(lambda: bench.gateway.subscribers == 1)
    assert bench.log.events().count("gateway.subscriber_dropped") == 1


def test_a_subscriber_that_reads_slowly_but_reads_is_kept(make: Make) -> None:
    """It takes 2 s until the socket can be written to again: less than that alone would have it dropped."""
    bench = make(stuck_after=1.5)
    bench.publish(1, row("a"), screens={"a": b"x" * 400_000})
    slow = bench.raw()
    send(slow, {"id": 1, "do": "subscribe", "topics": ["screen:a"]})
    got, pause = 0, threading.Event()
    while got < 400_000:
        pause.wait(0.05)
        chunk = slow.recv(4_000)
        assert chunk, bench.log.events()
        got += len(chunk)
    assert "gateway.subscriber_dropped" not in bench.log.events()


def test_a_half_open_frame_is_refused_and_dropped_and_who_asks_nothing_may_stay(make: Make) -> None:
    bench = make(stuck_after=0.3)
    idle = bench.client()
    halves = [bench.raw() for _ in range(4)]
    for half, sent in zip(halves, (b"\x00", b"\x00\x00\x00d", b"\x00\x00\x00dabc", LARGE + b"x" * 1000), strict=True):
        half.sendall(sent)
    for half in halves:
        what = {"code": "bad-frame", "message": "a request that is not complete after 0.3s"}
        assert told(half)["error"] == what
        assert receive(half) is None
    assert idle.call("hello")["pid"]
    assert gateway.STUCK_AFTER == Bench.stuck_after == 5


LARGE = (2**20).to_bytes(4, "big")


def test_a_frame_that_waits_for_its_place_is_not_held_to_be_half_open(make: Make) -> None:
    bench = make(stuck_after=1.0)
    for _ in range(3 * gateway.LARGE_AT_ONCE):
        bench.raw().sendall(LARGE + b"x" * 1000)
    honest = bench.client()
    honest.call("hello")  # so the half-open ones have been read before
    assert "is none of: hello" in refusal(honest, "x" * 200_000).message


def test_a_subscriber_that_read_once_and_then_no_more_is_dropped_too(make: Make) -> None:
    bench = make(stuck_after=1.0)
    bench.publish(1, row("a"), screens={"a": b"x" * 4_000_000})
    stuck = bench.raw()
    send(stuck, {"id": 1, "do": "subscribe", "topics": ["screen:a"]})
    assert stuck.recv(65536)
    assert bench.log.wait_for("gateway.subscriber_dropped")["after_s"] == 1.0


def test_screens_are_last_lines_as_plain_text_and_one_screen_is_whole(bench: Bench) -> None:
    screen = b"one\ntwo\nthree\n\x1b[31mfour\x1b[0m\nfive\nsix\xff\n\n\n"
    bench.publish(1, row("a"), screens={"a": screen})
    client = bench.client()
    assert next(client.subscribe("screens"))["data"] == {"a": "two\nthree\nfour\nfive\nsix\ufffd"}
    assert next(bench.client().subscribe("screen:a"))["data"] == screen.decode(errors="replace")


def test_status_tells_of_the_present_subscribers_and_takes_names_and_projects(bench: Bench) -> None:
    bench.publish(1, row("a", project="x"), row("b", "failed"), row("c"))
    client = bench.client()
    assert client.call("status")["supervisor"]["subscribers"] == 0
    next(bench.client().subscribe("metrics"))
    assert client.call("status")["supervisor"]["subscribers"] == 1
    assert client.call("status")["supervisor"]["broadcast_bytes"] == 0  # the first picture is an answer to it alone
    part = client.call("status", names=["b"])
    assert [worker["name"] for worker in part["workers"]] == ["b"]
    assert part["totals"]["workers"] == 1
    assert [worker["name"] for worker in client.call("status", project="x")["workers"]] == ["a"]
    refused = refusal(client, "status", names=["a", "nobody"])
    assert (refused.exit_code, refused.message) == (4, 'no worker is called "nobody"')


def test_before_the_first_picture_the_service_says_that_it_is_starting(bench: Bench) -> None:
    client = bench.client()
    assert client.call("hello")["ready"] is False
    assert refusal(client, "status").code == refusal(client, "subscribe", topics=["metrics"]).code == "starting"
    bench.publish(1)
    assert client.call("hello") == {"version": "0.1.0", "pid": 1, "config": "/etc/x.toml", "ready": True}


# ── activity ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_activity_is_whole_and_newest_first_then_comes_in_numbered_increments(bench: Bench) -> None:
    bench.publish(1)
    bench.gateway.activity(entries(1, 2, 3))
    messages = bench.client().subscribe("activity")
    first = next(messages)
    assert [entry["seq"] for entry in first["data"]] == [3, 2, 1]
    assert first["data"][0] == {
        "seq": 3,
        "ts": "1970-01-01T00:00:03.000Z",
        "event": "worker.ready",
        "level": "info",
        "facts": {"worker": "w3"},
    }
    bench.gateway.activity(entries(1, 2, 3, 4))
    increment = next(messages)
    assert (increment["seq"], [entry["seq"] for entry in increment["data"]]) == (4, [4])


def test_activity_resumes_after_a_number_and_says_what_is_lost(bench: Bench) -> None:
    bench.publish(1)
    bench.gateway.activity(entries(*range(50, 60)))
    resumed = next(bench.client().subscribe("activity", since=57))
    assert ([entry["seq"] for entry in resumed["data"]], resumed["missed"]) == ([59, 58], 0)
    late = next(bench.client().subscribe("activity", since=39))
    assert (len(late["data"]), late["missed"]) == (10, 10)
    assert bench.client().call("events", n=2)[0]["seq"] == 59
    assert [entry["seq"] for entry in bench.client().call("events", since=58)] == [59]


def test_activity_that_outruns_a_slow_subscriber_is_bounded_and_counted(bench: Bench) -> None:
    bench.publish(1, row("a"), screens={"a": b"x" * 2_000_000})
    client = bench.client()
    client.call("subscribe", topics=["activity", "screen:a"])
    for last in range(1, 301):
        bench.gateway.activity(entries(*range(max(1, last - 99), last + 1)))
    assert bench.client().call("events", n=1)[0]["seq"] == 300
    seen, missed = [], 0
    for message in client.messages():
        if message["topic"] == "activity":
            seen += [entry["seq"] for entry in reversed(message["data"])]
            missed += message["missed"]
            if seen and seen[-1] == 300:
                break
    assert seen == sorted(set(seen))
    assert len(seen) + missed == 300
    assert len(seen) < 250


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def waits(bench: Bench) -> bool:
    """Tell whether a request waits for the next picture."""
    return bool(bench.gateway._waiting)


def test_an_order_reaches_the_supervisor_checked_and_without_repeats(bench: Bench) -> None:
    bench.publish(1, row("a"))
    answer = bench.client().call("stop", names=["a", "b", "a"], force=True)
    assert bench.asked == [Order(Verb.STOP, ("a", "b"), True)]
    assert answer == {"number": 7, "names": ["a", "b"], "verdicts": [], "changes": [], "unrecorded": None}


def test_a_selection_is_one_order_in_the_order_of_the_workers(bench: Bench) -> None:
    bench.publish(1, row("a"), row("b1", project="p"), row("b2", labels=(("tier", "x"),)))
    cases: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"patterns": ["b*", "a"]}, ("a", "b1", "b2")),
        ({"patterns": [["b1"], ["b2"]]}, ("b1", "b2")),
        ({"project": "p"}, ("b1",)),
        ({"labels": [["tier", "x"]]}, ("b2",)),
        ({"all": True}, ("a", "b1", "b2")),
    ]
    client = bench.client()
    for select, names in cases:
        assert tuple(client.call("stop", select=select)["names"]) == names
    assert [order.names for order in bench.asked] == [names for _, names in cases]


@pytest.mark.parametrize("verb", ["stop", "deaths"])
def test_a_selection_that_means_nobody_is_refused(bench: Bench, verb: str) -> None:
    bench.publish(1, row("a", labels=(("tier", "x"),)))
    client = bench.client()
    for select, code, said in (
        ({}, "usage", "name the workers"),
        ({"all": True, "patterns": ["a"]}, "usage", "not both"),
        ({"patterns": [1]}, "usage", "select.patterns must be a list of text"),
        ({"patterns": "a"}, "usage", "select.patterns must be a list of text"),
        ({"labels": [["a"]]}, "usage", "select.labels must be a list of pairs of text"),
        ({"project": 1}, "usage", "select.project must be text"),
        ({"mood": "good"}, "usage", 'unknown key "mood" in select'),
        (5, "usage", "select must be a table"),
        ({"patterns": ["nobody"]}, "unknown-worker", "nobody"),
        ({"project": "nobody"}, "unknown-worker", "nobody"),
        ({"labels": [["tier", "y"], ["tier", "x"]]}, "unknown-worker", "tier=y"),
    ):
        refused = refusal(client, verb, select=select)
        assert refused.code == code
        assert said in refused.message
    assert "not both" in refusal(client, verb, select={"all": True}, names=["a"]).message
    assert bench.asked == []


def test_an_order_waits_for_rows_that_speak_of_the_time_after_it(bench: Bench) -> None:
    bench.publish(1, row("a", order=6), row("b", order=6))
    answer = in_background(bench, "restart", names=["a", "b"], wait=20)
    wait_until(lambda: waits(bench))
    bench.publish(2, row("a", order=7), row("b", "stopping", order=7))
    bench.publish(3, row("a", "starting", order=8), row("b", "backoff", order=7, reason="exited with code 1"))
    verdicts = [(v["name"], v["ok"], v["state"]) for v in answer.result(DEADLINE)["verdicts"]]
    assert verdicts == [("a", True, "running"), ("b", False, "backoff")]


def test_a_life_that_ends_at_once_was_never_well(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "SETTLE", 2 * DEADLINE)  # so it stays a new life, however slow the machine is
    now = time.time()
    bench.publish(1, row("a", order=7, since=now), row("b", order=7))
    answer = in_background(bench, "start", names=["a", "b"], wait=20)
    wait_until(lambda: waits(bench))
    bench.publish(2, row("a", order=7, since=now, pid=None), row("b", order=7))
    bench.publish(3, row("a", "backoff", order=7, reason="exited with code 127"), row("b", order=7))
    assert [verdict["state"] for verdict in answer.result(DEADLINE)["verdicts"]] == ["backoff", "running"]


def test_a_new_life_is_well_when_it_has_lasted_a_moment_and_no_picture_is_needed_for_that(bench: Bench) -> None:
    begun = time.monotonic()
    bench.publish(1, row("a", order=7, since=time.time()))
    assert bench.client().call("start", names=["a"], wait=20)["verdicts"][0]["ok"]
    assert time.monotonic() - begun > 0.2
    bench.publish(2, row("a", order=7, since=time.time()))
    assert bench.client().call("start", names=["a"], wait=0.01)["verdicts"][0]["ok"]


def test_an_order_that_takes_too_long_names_those_without_a_verdict(bench: Bench) -> None:
    bench.publish(1, row("a", order=7), row("b", "pending", order=7, reason="waiting for a to be ready"))
    refused = refusal(bench.client(), "start", names=["a", "b"], wait=0.1)
    assert refused.exit_code == 8
    assert refused.message.startswith("no verdict within 0.1s on b (pending: waiting for a")


def test_what_the_supervisor_refuses_or_does_not_answer_keeps_its_code_and_a_bug_is_logged(bench: Bench) -> None:
    errors = {
        "not-permitted": RequestRefused("not-permitted", "protected: a; use --force to do it all the same"),
        "timeout": TimeoutError(),
        "failed": KeyError("boom"),
    }
    client = bench.client()
    for code, error in errors.items():
        bench.answer = lambda _request, _timeout, error=error: (_ for _ in ()).throw(error)
        refused = refusal(client, "stop", names=["a"])
        assert refused.code == code
        assert code != "not-permitted" or "--force" in refused.message
    assert "boom" in bench.log.wait_for("gateway.request_failed")["traceback"]
    assert client.call("hello")["pid"]


def test_orders_do_not_hold_up_pictures_and_are_asked_a_few_at_a_time(make: Make) -> None:
    gate = threading.Event()
    running: list[int] = []

    def slow(request: Any, _timeout: float) -> object:
        running.append(1)
        gate.wait(DEADLINE)
        return Accepted(1, request.names)

    bench = make(answer=slow)
    bench.publish(1, row("a"))
    clients = [bench.raw() for _ in range(40)]
    for client in clients:
        send(client, {"id": 1, "do": "stop", "names": ["a"]})
    wait_until(lambda: len(running) == 16)
    assert bench.client().call("status")["seq"] == 1
    assert len(running) == 16
    gate.set()
    assert all(told(client)["ok"] for client in clients)


def test_input_is_handed_on_in_the_order_of_its_requests_and_holds_up_no_order(make: Make) -> None:
    gate = threading.Event()

    def taken(request: Any, _timeout: float) -> object:
        if isinstance(request, GiveInput):
            gate.wait(DEADLINE)
            request.answered(None)
        return Accepted(1, ("a",))

    bench = make(answer=taken)
    client = bench.raw()
    for text in ("one", "two", "three"):
        send(client, {"id": text, "do": "send", "name": "a", "content": text})
    send(client, {"id": "stop", "do": "stop", "names": ["a"]})
    assert told(client)["id"] == "stop"
    assert [type(request) for request in bench.asked].count(GiveInput) == 1
    gate.set()
    answers = [told(client) for _ in range(3)]
    assert [(answer["id"], answer["ok"]) for answer in answers] == [("one", True), ("two", True), ("three", True)]
    assert [request.content for request in bench.asked if isinstance(request, GiveInput)] == [b"one", b"two", b"three"]


def spec(name: str) -> WorkerSpec:
    return WorkerSpec(name=name, command=("true",), cwd="/")


def test_apply_hands_on_the_file_and_waits_for_all_of_it(make: Make) -> None:
    changes = (Change("new", Action.CREATE), Change("old", Action.STOP), Change("same", Action.NONE))
    bench = make(
        config=lambda: FileConfig((spec("new"), spec("same"))),
        answer=lambda _request, _timeout: Accepted(3, ("new", "same"), changes),
    )
    bench.publish(1, row("same"), row("old", "stopping", order=3))
    answer = in_background(bench, "apply", force=True, wait=20)
    wait_until(lambda: bench.asked)
    assert bench.asked == [Apply((spec("new"), spec("same")), "abc", True)]
    bench.publish(2, row("same", order=3), row("old", "stopping", order=3), row("new", "starting", order=3))
    bench.publish(3, row("same", order=3), row("new", "running", order=3))
    data = answer.result(DEADLINE)
    found = {verdict["name"]: verdict["state"] for verdict in data["verdicts"]}
    assert found == {"new": "running", "same": "running", "old": "removed"}
    assert data["changes"][1] == {"name": "old", "action": "stop", "keys": [], "note": ""}


def test_a_broken_file_changes_nothing_is_told_to_the_supervisor_when_it_is_applied_and_refused(make: Make) -> None:
    problem = Problem("x.toml", 3, "api", "comand", 'unknown key "comand"')
    bench = make(config=lambda: (_ for _ in ()).throw(ConfigError((problem,))))
    for do, fields in (("plan", {}), ("scale", {"name": "a", "replicas": 1}), ("apply", {})):
        refused = refusal(bench.client(), do, **fields)
        assert (refused.exit_code, refused.message) == (5, str(problem))
    assert bench.asked == [ConfigBroken(str(problem))]


def test_down_says_whose_end_to_wait_for(bench: Bench, place: Path) -> None:
    bench.publish(1)
    answer = bench.client().call("down", keep_workers=False)
    assert answer == {"pid": os.getpid(), "tmux_pid": None}
    assert bench.asked == [ShutDown(False)]


def test_a_client_that_goes_takes_its_waiting_with_it(bench: Bench) -> None:
    bench.publish(1, row("a", "starting", order=7))
    client = bench.raw()
    send(client, {"id": 1, "do": "start", "names": ["a"], "wait": 60})
    wait_until(lambda: bench.asked)
    wait_until(lambda: bench.gateway._requests)
    client.close()
    wait_until(lambda: not bench.gateway._requests)


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"do": "__class__"}, "is none of: hello"),
        ({"do": "gateway.close"}, "is none of: hello"),
        ({"do": None}, "is none of: hello"),
        ({"do": {"a": 1}}, "is none of: hello"),
        ({"do": "hello", "extra": 1}, 'hello takes no "extra"'),
        ({"do": "stop"}, "names must be a list"),
        ({"do": "stop", "names": []}, "names must be a list"),
        ({"do": "stop", "names": ["a", 1]}, "names must be a list"),
        ({"do": "stop", "names": ["a"], "force": 1}, "force must be true or false"),
        ({"do": "stop", "names": ["a"], "wait": -1}, "wait must be at least 0"),
        ({"do": "stop", "names": ["a"], "wait": float("nan")}, "wait must be a finite number"),
        ({"do": "stop", "names": ["a"], "wait": True}, "wait must be a number"),
        ({"do": "events", "n": 1.5}, "n must be a whole number"),
        ({"do": "events", "n": 101}, "n must be at most 100"),
        ({"do": "why"}, "name is missing"),
        ({"do": "why", "name": ""}, "name must be the name of one worker"),
        ({"do": "scale", "name": "a"}, "replicas is missing"),
        ({"do": "scale", "name": "a", "replicas": True}, "replicas must be a whole number"),
        ({"do": "send", "name": "a", "content": 5}, "content must be bytes or text"),
        ({"do": "send", "name": "a", "keys": ["Entr"]}, '"Entr" is not a key'),
        ({"do": "run", "name": "a", "command": ["x"], "env": [["A"]]}, "env must be a list of pairs of text"),
        ({"do": "run", "name": "a", "command": ["x"], "policy": []}, "policy must be a table"),
        ({"do": "run", "name": "a", "command": ["x"], "policy": {"cwd": "/"}}, "cwd cannot be set"),
        ({"do": "status", "project": 1}, "project must be text"),
        ({"do": "subscribe", "topics": ["metric"]}, 'topic "metric" is none of'),
        ({"do": "subscribe", "topics": ["screen:../x"]}, "is none of"),
    ],
)
def test_a_wrong_request_is_refused_in_words_and_the_connection_lives(
    bench: Bench, request_: dict[str, Any], said: str
) -> None:
    bench.publish(1, row("a"))
    client = bench.raw()
    send(client, {"id": "x", **request_})
    answer = told(client)
    assert (answer["id"], answer["error"]["code"]) == ("x", "usage")
    assert said in answer["error"]["message"]
    send(client, {"id": 2, "do": "hello"})
    assert told(client)["ok"]
    assert bench.asked == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\xff\xff\xff\xff", "too-large"),
        ((wire.MAX_REQUEST + 1).to_bytes(4, "big"), "too-large"),
        (b"\x00\x00\x00\x00", "bad-frame"),
        (b"\x00\x00\x00\x01\xc1", "bad-frame"),
        (b"\x00\x00\x00\x01\x90", "bad-frame"),
        ((2**20).to_bytes(4, "big") + b"\x80" * 2**20, "bad-frame"),
        (b"".join(wire.frame(wire.pack({"names": ["a"] * 1025}))), "bad-frame"),
    ],
)
def test_a_bad_frame_is_answered_and_ends_that_connection_alone(bench: Bench, sent: bytes, code: str) -> None:
    other, bad = bench.client(), bench.raw()
    bad.sendall(sent)
    answer = told(bad)
    assert (answer["id"], answer["ok"], answer["error"]["code"]) == (None, False, code)
    assert receive(bad) is None
    assert other.call("hello")["pid"]


def test_more_than_sixty_four_requests_in_flight_end_the_connection(make: Make) -> None:
    gate = threading.Event()
    bench = make(answer=lambda request, _timeout: gate.wait(DEADLINE) and Accepted(1, request.names))
    client = bench.raw()
    for id in range(wire.MAX_IN_FLIGHT + 1):
        send(client, {"id": id, "do": "stop", "names": ["a"]})
    assert told(client)["error"]["code"] == "busy"
    assert receive(client) is None
    gate.set()


def test_connections_beyond_the_limit_are_told_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_CONNECTIONS", 3)
    kept = [bench.client() for _ in range(3)]
    assert [client.call("hello")["pid"] for client in kept]
    assert refusal(bench.client(), "hello").code == "busy"
    kept[0].close()
    wait_until(lambda: len(bench.gateway._connections) == 2)
    assert bench.client().call("hello")["pid"]


@pytest.fixture
def unconnected() -> Iterator[list[socket.socket]]:
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in clients:
        client.settimeout(DEADLINE)
    yield clients
    for client in clients:
        client.close()


def test_out_of_descriptors_each_client_is_told_so_at_once(make: Make, unconnected: list[socket.socket]) -> None:
    failures: list[Any] = []
    bench = make(on_error=failures.append)
    with no_descriptors_left():
        for client in unconnected:
            client.connect(str(bench.path))
            answer = told(client)
            assert (answer["id"], answer["error"]["code"]) == (None, "busy")
            assert "out of file descriptors: its limit of" in answer["error"]["message"]
            assert receive(client) is None
    assert {failure.errno for failure in failures} == {errno.EMFILE}
    assert bench.client().call("hello")["pid"]
    assert bench.log.events().count("gateway.accept_failed") == 1


def test_a_client_that_comes_when_there_are_descriptors_again_is_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, refused = bench.gateway._loop.sock_accept, []

    async def late_refusal(listener: socket.socket) -> Any:
        """Refuse once, as the kernel has done before the client came."""
        while not refused and not select_now([listener], [], [], 0)[0]:
            await asyncio.sleep(0.01)
        if not refused:
            refused.append(errno.EMFILE)
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listener)

    monkeypatch.setattr(bench.gateway._loop, "sock_accept", late_refusal)
    assert bench.client().call("hello")["pid"]  # the accept that was under way
    assert bench.client().call("hello")["pid"]
    assert refused


def test_another_user_is_closed_without_an_answer_also_out_of_descriptors_and_noted_once(
    make: Make, unconnected: list[socket.socket]
) -> None:
    bench = make(uid=os.getuid() + 1)
    with no_descriptors_left():
        unconnected[0].connect(str(bench.path))
        assert receive(unconnected[0]) is None
    for _ in range(3):
        assert receive(bench.raw()) is None
    assert bench.log.wait_for("gateway.foreign_peer")["uid"] == os.getuid()
    assert bench.log.events().count("gateway.foreign_peer") == 1
    with pytest.raises(NoService):
        bench.client().call("hello")


def test_half_open_clients_cost_what_they_have_sent_and_delay_no_honest_status(bench: Bench) -> None:
    bench.publish(1, *(row(f"w{n}") for n in range(100)))
    honest = bench.client()
    honest.call("status")
    before = rss()
    for _ in range(64):
        bench.raw().sendall(b"\x00\x0f\xff\xff" + b"x" * 1000)  # of 1 MB
    for _ in range(200):  # 1 ms each where nobody else is at work
        honest.call("status")
    assert rss() - before < 20_000_000


# ── the socket ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_socket_is_private_gone_afterwards_and_left_where_another_service_put_it(bench: Bench, place: Path) -> None:
    found = bench.path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert found.st_mode & 0o777 == 0o600
    other = Bench(bench.path)
    bench.gateway.close()
    bench.publish(1)  # which is harmless now
    bench.gateway.activity(entries(1))
    assert other.client().call("hello")["pid"]
    other.close()
    assert list(place.iterdir()) == []
    with pytest.raises(NoService):
        Client.connect(bench.path)


def test_a_path_longer_than_the_kernel_takes_works(place: Path) -> None:
    deep = place / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    long = Bench(deep / "panevisor.sock")
    try:
        assert long.client().call("hello")["pid"]
    finally:
        long.close()


def test_closing_writes_out_what_is_queued_and_refuses_what_waits(bench: Bench) -> None:
    bench.publish(1, row("a", "starting", order=7), screens={"a": b"x" * 1_000_000})
    client = bench.raw()
    send(client, {"id": 1, "do": "start", "names": ["a"], "wait": 60})
    wait_until(lambda: bench.asked)
    send(client, {"id": 2, "do": "subscribe", "topics": ["screen:a"]})
    assert told(client)["id"] == 2
    closing = threading.Thread(target=bench.gateway.close)
    closing.start()
    rest = {message.get("topic"): message for message in (told(client), told(client))}
    closing.join(DEADLINE)
    assert rest.keys() == {"screen:a", None}
    assert (rest[None]["id"], rest[None]["error"]["code"]) == (1, "shutting-down")
    assert receive(client) is None


def test_no_call_from_many_threads_at_once_is_left_lying(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who appends his call beside another's must not take that one for the one that wakes the loop."""
    bench.publish(1)

    class Slow(deque[Any]):
        def append(self, call: Any) -> None:
            super().append(call)
            time.sleep(0.0005)  # another thread comes in between

    monkeypatch.setattr(bench.gateway, "_calls", Slow())
    for seq in range(2, 22, 2):
        threads = [threading.Thread(target=bench.publish, args=(seq + one,)) for one in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: bench.gateway.snapshot is not None and bench.gateway.snapshot.seq >= seq)  # noqa: B023
        wait_until(lambda: not bench.gateway._calls)
