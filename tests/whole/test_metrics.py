"""Metrics, alerts and briefing of a real service: all well, a crash loop, one that waits, a silent tmux."""

import json
import os
import signal
import time

from kit.promql import alerts, series
from kit.support import FAST, Site, freeze, wait_until

WORKERS = """
[workers.api]
command = "sleep 1000"
project = "shop"
labels = { tier = "web" }
[workers.agent]
command = "sleep 1000"
[workers.loop]
command = "exit 3"
autostart = false
backoff = { initial = "100ms", factor = 1, jitter = 0 }
max_restarts = 1000
"""


def metrics(site: Site) -> bytes:
    return site.run("metrics", check=0).stdout.encode()


def raised(text: bytes, before: bytes | None = None) -> dict[str, set[str]]:
    """Return the alerts of now, but for those that a busy machine raises."""
    busy = {"PanevisorBeatsLate", "PanevisorDegraded"}
    return {name: who for name, who in alerts(text, time.time(), before).items() if name not in busy}


def briefing(site: Site) -> str:
    return site.run("briefing", check=0).stdout


def value(text: bytes, name: str, **labels: str) -> float:
    (found,) = (
        number
        for (key, having), number in series(text).items()
        if key == name and labels.items() <= dict(having).items()
    )
    return found


def test_what_a_real_service_exports_alerts_and_tells_briefly_in_four_situations(site: Site) -> None:
    site.write(WORKERS, FAST)
    site.up()
    site.living("api")
    _all_is_well(site)
    _a_crash_loop(site)
    _one_waits(site)
    site.run("stop", "loop", "--kill", check=0)
    _tmux_is_silent(site)
    _nobody_answers(site)


def _all_is_well(site: Site) -> None:
    wait_until(lambda: value(metrics(site), "panevisor_beat_seconds_count", beat="health"))
    wait_until(lambda: site.worker("api")["rss_bytes"])  # a beat may have begun before the worker did
    text = metrics(site)
    assert raised(text) == {}
    assert value(text, "panevisor_worker_memory_bytes", worker="api", project="shop") > 0
    assert value(text, "panevisor_worker_state", worker="loop", state="stopped") == 1.0
    assert value(text, "panevisor_worker_info", worker="api", label_tier="web") == 1.0
    assert value(text, "panevisor_sweep_seconds_count", beat="capture") > 0
    wait_until(lambda: "Nothing needs you." in briefing(site))


def _a_crash_loop(site: Site) -> None:
    before = metrics(site)
    site.run("start", "loop", "--no-wait", check=0)
    wait_until(lambda: site.worker("loop")["attempt"] >= 7)
    text = metrics(site)
    assert raised(text, before) == {"WorkerCrashLoop": {"loop"}, "WorkerFlapping": {"loop"}}
    assert value(text, "panevisor_worker_exits_total", worker="loop", cause="exit") >= 7
    told = briefing(site)
    assert "Crashed, restarts by itself:\n- loop: " in told
    assert "exited with code 3" in told


def _one_waits(site: Site) -> None:
    site.run("report", "--name", "agent", "--ttl", "1h", "waiting", "Deploy to production?", check=0)
    wait_until(lambda: site.worker("agent")["attention"] == "waiting")
    text = metrics(site)
    assert "WorkerWaitsForPerson" not in alerts(text, time.time() + 590)
    assert alerts(text, time.time() + 610)["WorkerWaitsForPerson"] == {"agent"}
    assert "Needs you:\n- agent: waiting for " in (told := briefing(site))
    assert "(report): Deploy to production?" in told


def _tmux_is_silent(site: Site) -> None:
    tmux = site.tmux_pid()
    freeze(tmux)
    try:
        wait_until(lambda: json.loads(site.run("status", "-o", "json").stdout)["supervisor"]["tmux"] != "ok")
        assert raised(metrics(site)) == {"PanevisorTmuxUnreachable": {""}}
        assert "The service:\n- tmux does not answer: this is the last picture" in briefing(site)
    finally:
        os.kill(tmux, signal.SIGCONT)


def _nobody_answers(site: Site) -> None:
    """The file is written all the same, and says that; the command that only prints fails as others do."""
    file = site.place / "panevisor.prom"
    site.run("metrics", "--write", str(file), check=0)
    assert b"panevisor_up 1.0" in file.read_bytes()
    site.kill_service()
    site.run("metrics", check=7)
    site.run("metrics", "--write", str(file), check=0)
    assert (file.stat().st_mode & 0o777, [line.name for line in site.place.glob("*.prom*")]) == (0o644, [file.name])
    assert alerts(file.read_bytes() + b"# EOF\n", time.time()) == {"PanevisorDown": {""}}
