"""What the web process costs: requests a second beside uvicorn that answers the same bytes, streams, memory."""

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.clocks import cpu_of_all
from benchmarks.figures import Figure, NotDone
from benchmarks.keepers import ROOT, Panevisor, kept, started, surroundings

SECONDS = 20.0  # of each count of streams
REQUESTS = 400
STREAMS = (0, 1, 20)
VISIBLE = 30  # tiles of a page
CHANGING = "while :; do date +%N; sleep 2; done"
_BARE = """
import sys, uvicorn
body = open(sys.argv[1], "rb").read()
async def app(scope, receive, send):
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[2]), http="h11", loop="asyncio", lifespan="off", log_level="error", access_log=False)
"""


def web(n: int) -> Iterator[Figure]:
    """Yield its figures; `n` workers, of which each prints a line in 2 s."""
    with kept(Panevisor, n, CHANGING, 'capture_interval = "5s"\nhealth_interval = "10s"\n') as keeper:
        assert isinstance(keeper, Panevisor)
        started(keeper)
        service = keeper.processes()[0]
        before = service.memory_info().rss / 1e6
        with _running(keeper, "--port", "0") as (process, port):
            token = _token(keeper, "bench")
            yield from _requests(n, process, port, token, keeper.place)
            tokens = [_token(keeper, f"page{number}") for number in range(5)]
            for count in STREAMS:
                yield from _streams(n, count, service, process, port, tokens)
            yield Figure(0, "web: RSS after that", n, process.memory_info().rss / 1e6, "MB")
        yield Figure(0, "web: RSS of the service before, without it", n, before, "MB")
        yield Figure(0, "web: RSS of the service after", n, service.memory_info().rss / 1e6, "MB")


def _requests(n: int, process: psutil.Process, port: int, token: str, place: Path) -> Iterator[Figure]:
    head = {"Authorization": f"Bearer {token}", "Host": f"127.0.0.1:{port}"}
    body = _get(port, "/api/v1/workers", head)
    file = place / "body"
    file.write_bytes(body)
    bare_port = port + 1 if port < 65_000 else port - 1
    command = [sys.executable, "-c", _BARE, str(file), str(bare_port)]
    with contextlib.ExitStack() as ending:
        bare = ending.enter_context(subprocess.Popen(command))
        ending.callback(bare.kill)
        _until(lambda: bool(_get(bare_port, "/", {})))
        ours = _rate(port, "/api/v1/workers", head, process)
        theirs = _rate(bare_port, "/", {}, psutil.Process(bare.pid))
        again = _rate(port, "/api/v1/workers", {**head, "Accept-Encoding": "gzip"}, process)
    yield Figure(0, "web: bytes of /api/v1/workers", n, len(body), "B")
    for what, (rate, cpu) in (("/api/v1/workers", ours), ("uvicorn, same bytes", theirs), ("gzip", again)):
        yield Figure(0, f"web: {what}", n, rate, "/s")
        yield Figure(0, f"web: {what}, CPU a request", n, 1000 * cpu, "ms")


def _rate(port: int, path: str, head: dict[str, str], process: psutil.Process) -> tuple[float, float]:
    """Return requests a second over one connection, and the CPU seconds of the server for each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    used = 0.0
    for number in range(REQUESTS + 20):
        if number == 20:
            began, used = time.perf_counter(), cpu_of_all([process])
        connection.request("GET", path, headers=head)
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read():
            raise NotDone(f"{path}: {answer.status}")
    took = time.perf_counter() - began
    connection.close()
    return REQUESTS / took, (cpu_of_all([process]) - used) / REQUESTS


def _streams(
    n: int, count: int, service: psutil.Process, process: psutil.Process, port: int, tokens: list[str]
) -> Iterator[Figure]:
    read = [0] * count
    ended = threading.Event()
    readers = [
        threading.Thread(target=_read, args=(port, tokens[number // 4], number, n, read, ended), daemon=True)
        for number in range(count)
    ]
    for reader in readers:
        reader.start()
    _until(lambda: all(read))
    time.sleep(5)
    before = [cpu_of_all([one]) for one in (service, process)]
    bytes_before = sum(read)
    time.sleep(SECONDS)
    used = [100 * (cpu_of_all([one]) - was) / SECONDS for one, was in zip((service, process), before, strict=True)]
    yield Figure(0, f"web: {count} streams, CPU of the service", n, used[0], "% of 1")
    yield Figure(0, f"web: {count} streams, CPU of the web process", n, used[1], "% of 1")
    if count:
        each = (sum(read) - bytes_before) / count / SECONDS / 1000
        yield Figure(0, f"web: {count} streams, each", n, each, "kB/s")
    ended.set()
    for reader in readers:
        reader.join(30)


def _read(port: int, token: str, number: int, n: int, read: list[int], ended: threading.Event) -> None:
    """Be a page that shows 30 workers, other ones than its neighbour."""
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    visible = [f"w{(number * VISIBLE + at) % n}" for at in range(VISIBLE)]
    view = json.dumps({"visible": visible, "focus": visible[0]})
    connection.request("PUT", f"/api/v1/views/page-{number:05}", view, head)
    connection.getresponse().read()
    connection.request("GET", f"/api/v1/stream?view=page-{number:05}", headers=head)
    answer = connection.getresponse()
    while not ended.is_set():
        read[number] += len(answer.read1(65_536))
    connection.close()


@contextlib.contextmanager
def _running(keeper: Panevisor, *arguments: str) -> Iterator[tuple[psutil.Process, int]]:
    argv = [sys.executable, "-m", "supervisor", "-c", str(keeper.place / "panevisor.toml"), "web", *arguments]
    there = surroundings({"XDG_STATE_HOME": str(keeper.place / "xdg"), "PYTHONPATH": str(ROOT)})
    with subprocess.Popen(argv, cwd=ROOT, env=there, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        try:
            yield psutil.Process(running.pid), port
        finally:
            running.terminate()


def _token(keeper: Panevisor, name: str) -> str:
    return keeper.command("web", "token", "add", name).split()[0]


def _get(port: int, path: str, head: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=head)
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            raise NotDone("it did not begin")
        time.sleep(0.05)
