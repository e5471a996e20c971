"""Who follows a service outlives it: `events -f`, `status --watch` and `logs -f` go on with the next one."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kit.support import Site, alive, wait_until
from kit.terminal import Terminal


@contextlib.contextmanager
def follower(site: Site, *arguments: str) -> Iterator["tuple[subprocess.Popen[bytes], Path, Path]"]:
    """Run a command; give it, and the files with its output and its errors."""
    out, err = site.place / f"{arguments[0]}.out", site.place / f"{arguments[0]}.err"
    with out.open("wb") as to, err.open("wb") as errors:
        process = subprocess.Popen(
            site.argv(*arguments), stdout=to, stderr=errors, cwd=site.place, env=site.environment()
        )
    try:
        yield process, out, err
    finally:
        process.kill()
        process.wait()


def test_followers_go_on_when_the_service_was_killed_and_when_it_was_taken_down_and_up(site: Site) -> None:
    site.write("[workers.a]\ncommand = 'while :; do date +%N; sleep 0.2; done'\n[workers.b]\ncommand = 'cat'\n")
    site.up()
    with (
        follower(site, "events", "-f", "-o", "json") as (events, told, said),
        follower(site, "logs", "-f", "a") as (logs, printed, _),
        Terminal(site.argv("status", "-w"), cwd=site.place, environment=site.environment()) as watch,
    ):
        watch.until(b"2 workers: ")
        wait_until(lambda: told.read_text())
        service = site.service_pid()
        os.kill(service, signal.SIGKILL)
        wait_until(lambda: not alive(service) and site.service_pid() != service)
        wait_until(lambda: "another service runs now" in said.read_text())
        site.run("stop", "b", check=0)
        wait_until(lambda: '"stopped"' in told.read_text())
        watch.until(b"1 stopped")
        site.run("down", check=0)
        watch.forget()
        site.run("up", check=0)
        watch.until(b"2 workers: ")
        wait_until(lambda: said.read_text().count("the service is gone; waiting") == 2)
        before = printed.stat().st_size
        wait_until(lambda: printed.stat().st_size > before)
        assert [events.poll(), logs.poll(), watch.process.poll()] == [None] * 3
        watch.forget()
        watch.resize(40, 4)  # a new size is drawn at once
        watch.until(b"2 workers: ")
        lines = [json.loads(line) for line in told.read_text().splitlines()]
        numbers = [(line["ts"], line["seq"], line["event"]) for line in lines]
        assert len(set(numbers)) == len(numbers)
        events.send_signal(signal.SIGINT)
        assert events.wait() == 130
