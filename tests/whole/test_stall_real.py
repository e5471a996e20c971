"""Stalls and limits on real programs, T = 0.2 s: found in time, the ladder followed, the tree gone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from kit.support import FAST, Site, wait_until

T = 0.2  # the capture interval of FAST
AFTER = 2.0
STOP = 0.5
LADDER = """stall = { after = "2s", ladder = [
  { do = "notify" }, { do = "send", text = "continue", wait = "300ms" },
  { do = "send", keys = ["Escape"], wait = "300ms" }, { do = "interrupt", wait = "300ms" },
  { do = "restart", wait = "300ms" },
] }
"""
SLOW_HEALTH = FAST.replace('health_interval = "500ms"', 'health_interval = "1m"')  # so that no beat helps out
FAST_HEALTH = FAST.replace('health_interval = "500ms"', 'health_interval = "200ms"')


def at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"]).timestamp()


def the(site: Site, event: str, **facts: Any) -> dict[str, Any]:
    """Return the first line of this event, as soon as there is one."""
    wait_until(lambda: site.events(event, **facts), what=f"{event} {facts}")
    return site.events(event, **facts)[0]


def looks_on(site: Site, beats: int = 8) -> None:
    """Return when the panes have been looked at so many times more."""
    tick = site.status()["supervisor"]["tick"]
    wait_until(lambda: site.status()["supervisor"]["tick"] >= tick + beats)


@pytest.mark.long
def test_a_worker_that_hangs_for_ever_is_stalled_in_time_and_its_tree_ended_by_the_ladder(site: Site) -> None:
    """Beside it one that only waits for a word, and one program whose output goes on while its screen does not."""
    hangs = 'command = ["sh", "-c", "trap \'\' INT TERM; echo begun; sleep 1000 & exec sleep 1001"]\n'
    waits = "command = 'read line; while :; do date +%N; sleep 0.2; done'\n"
    spins = "command = \"while :; do printf '\\\\rworking'; sleep 0.3; done\"\n"
    site.write(
        f'[workers.hang]\n{hangs}stop = ["TERM", "{STOP}s", "KILL"]\nmax_restarts = 0\n{LADDER}'
        f'[workers.agent]\n{waits}stall = {{ after = "2s", ladder = [{{ do = "send", text = "go on" }}] }}\n'
        f'[workers.screen]\n{spins}stall = {{ after = "2s", by = "screen" }}\n'
        f'[workers.output]\n{spins}stall = {{ after = "2s", by = "output" }}\n',
        SLOW_HEALTH,
    )
    site.up()
    stalled = the(site, "worker.stalled", worker="hang")
    silent = at(stalled) - at(the(site, "worker.ready", worker="hang"))
    assert silent >= AFTER - T
    ended = the(site, "worker.stall_step", do="restart")
    wait_until(lambda: not site.truth().get("hang"))
    steps = site.events("worker.stall_step", worker="hang")
    assert [step["do"] for step in steps] == ["notify", "send", "send", "interrupt", "restart"]
    # each waits from the decision on the one before, which is written down a moment later; it is done at a look
    assert all(at(b) - at(a) >= 0.25 for a, b in pairwise(steps))
    assert site.wait_state("hang", "failed")["reason"].startswith("stalled: no output for ")
    gone = the(site, "worker.exited", worker="hang")
    assert at(ended) <= at(gone)
    assert len(site.events("worker.stalled", worker="hang")) == 1
    assert not site.events("worker.unstalled", worker="hang")  # the echo of what was typed is no sign of life
    assert not any(typed in site.log_text() for typed in ("continue", "go on"))
    the(site, "worker.unstalled", worker="agent")
    wait_until(lambda: site.worker("agent")["health"] == "ok")
    assert site.worker("agent")["restarts"] == 0
    the(site, "worker.stalled", worker="screen")
    assert not site.events("worker.stalled", worker="output")


@contextmanager
def attached(site: Site, *names: str) -> Iterator[None]:
    """People sit at 80×24 terminals, which another tmux plays."""
    terminals = ["tmux", "-S", str(site.place / "terminals.sock"), "-f", "/dev/null"]
    try:
        for name in names:
            small = [
                "new-session",
                "-d",
                "-x",
                "80",
                "-y",
                "24",
                f"exec {' '.join(site.argv('attach', name, '--fit'))}",
            ]
            subprocess.run([*terminals, *small], check=True, cwd=site.place, env=site.environment())
        wait_until(lambda: all(site.worker(name)["hands_on"] for name in names))
        yield
    finally:
        subprocess.run([*terminals, "kill-server"], check=False)
        wait_until(lambda: not any(site.worker(name)["hands_on"] for name in names))


@pytest.mark.long
def test_those_who_attach_in_small_terminals_end_no_stall_cause_none_and_the_ladder_waits_for_them(site: Site) -> None:
    draws = 'command = ["bash", "-c", "trap \'printf drawn\' WINCH; echo begun; sleep 1000 & while :; do wait; done"]\n'
    prints = "command = 'while :; do date; sleep 0.5; done'\n"
    ladder = 'ladder = [{ do = "notify" }, { do = "restart", wait = "15s" }]'
    both = ("output", "screen")
    site.write(
        "".join(
            f'[workers.hangs-{by}]\n{draws}stall = {{ after = "2s", by = "{by}", {ladder} }}\n'
            f'[workers.prints-{by}]\n{prints}stall = {{ after = "2s", by = "{by}" }}\n'
            for by in both
        )
    )
    site.up()
    before = site.workers()
    for by in both:
        the(site, "worker.stalled", worker=f"hangs-{by}")
    with attached(site, *before):
        looks_on(site, 15)
        for by in both:
            name = f"hangs-{by}"
            assert site.tmux("display-message", "-p", "-t", f"={name}:", "#{window_width}").strip() == "80"
            assert site.worker(name)["health"] == "stalled"
            assert site.worker(name)["pid"] == before[name]["pid"]
    looks_on(site, 15)
    for by in both:
        the(site, "worker.stall_step", worker=f"hangs-{by}", do="restart")
        assert not site.events("worker.stalled", worker=f"prints-{by}")
    assert not site.events("worker.unstalled")


PROGRAMS = {
    "memory": "exec python3 -c 'import time\nk = []\nwhile True: k.append(bytearray(2_000_000)); time.sleep(0.05)'",
    "cpu": "while :; do :; done",
    "processes": "for n in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait",
}
LIMITS = {"memory": '"60MB"', "cpu": "20", "processes": "5"}


@pytest.mark.long
def test_a_tree_that_uses_too_much_is_ended_as_after_a_crash_restarted_for_its_age_or_notified_of(site: Site) -> None:
    notify = 'limits = { processes = 5, do = "notify" }\n'
    site.write(
        "".join(
            f'[workers.{which}]\ncommand = """{command}"""\nmax_restarts = 0\n'
            f"limits = {{ {which} = {LIMITS[which]}, cpu_samples = 3 }}\n"
            for which, command in PROGRAMS.items()
        )
        + '[workers.old]\ncommand = ["sleep", "1000"]\nmax_restarts = 0\nlimits.age = "1s"\n'
        + f'[workers.many]\ncommand = "{PROGRAMS["processes"]}"\n{notify}',
        FAST_HEALTH,
    )
    site.up(check=None)
    for which in PROGRAMS:
        breach = the(site, "worker.limit", worker=which)
        assert (breach["which"], breach["to"]) == (which, "failed")
        assert breach["value"] > breach["limit"]
        assert site.wait_state(which, "failed")["reason"].startswith(f"{which} is ")
        wait_until(lambda which=which: not site.truth().get(which))
        assert f"above its limit: {which} " in site.run("why", which, check=0).stdout
    first, again = the(site, "worker.limit", worker="old", which="age"), "it is restarted for its age"
    wait_until(lambda: site.events("worker.ready", worker="old")[1:])
    assert site.events("worker.ready", worker="old")[1]["seq"] > first["seq"]
    assert site.worker("old")["attempt"] == 0
    wait_until(lambda: again in site.run("why", "old", check=0).stdout)
    the(site, "worker.limit", worker="many", which="processes")
    looks_on(site, 10)
    assert len(site.events("worker.limit", worker="many")) == 1
    site.wait_state("many", "running")
