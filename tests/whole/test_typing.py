"""Text is typed as a person types it: Enter by itself, a prompt seen before and after, nothing while hands are on."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import DEADLINE, Site, wait_until
from kit.terminal import Terminal

from supervisor.wire.client import Client

COMPOSER = ROOT / "tests/kit/composer.py"
LINES = "\n".join(f"line {number} of a long prompt" for number in range(200))


def log_of(site: Site, mode: str) -> Path:
    return site.place / f"{mode}.log"


def composer(site: Site, mode: str, each: str = "") -> str:
    """Return the table of a composer of this mode, called like it."""
    return (
        f"[workers.{mode}]\ncommand = ['{sys.executable}', '{COMPOSER}', '{log_of(site, mode)}', '{mode}']\n"
        f"ready = {{ screen = 'agent ready' }}\n{each}"
    )


def composers(site: Site, *modes: str, each: str = "") -> dict[str, Path]:
    """Run a composer of each mode."""
    site.write("".join(composer(site, mode, each) for mode in modes))
    site.up()
    return {mode: log_of(site, mode) for mode in modes}


def submitted(log: Path) -> list[str]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_send_prompt_ladder_and_stop_plan_submit_what_they_type(site: Site) -> None:
    each = (
        "stall = { after = '2s', ladder = [{ do = 'send', text = 'continue' }] }\n"
        "stop = [{ text = '/exit' }, '2s', 'KILL']\n"
    )
    log = composers(site, "plain", each=each)["plain"]
    site.run("send", "plain", "fix the test", check=0)
    assert site.run("prompt", "plain", LINES, check=0).stdout == "plain: submitted\n"
    site.run("prompt", "plain", "--command", "/compact", check=0)
    wait_until(lambda: submitted(log)[3:] == ["continue"])
    site.run("stop", "plain", check=0)
    assert submitted(log) == ["fix the test", LINES, "/compact", "continue", "/exit"]


@pytest.mark.long
def test_each_outcome_of_a_prompt_is_told_and_nothing_is_entered_twice(site: Site) -> None:
    logs = composers(site, "late", "loses", "draft", "dialog", "update", "folds", "hidden")
    text = "first line\nsecond line"
    outcomes = {mode: site.run("prompt", mode, "--timeout", "60", text) for mode in logs}
    assert {mode: done.returncode for mode, done in outcomes.items()} == {
        "loses": 0,
        "late": 8,
        "draft": 9,
        "dialog": 0,
        "update": 8,
        "folds": 0,
        "hidden": 0,
    }
    assert {mode: submitted(log) for mode, log in logs.items()} == {
        "loses": [text],
        "late": [],
        "draft": [],
        "dialog": [text],
        "update": [],
        "folds": [text],
        "hidden": [text],
    }
    assert "text that was not sent from here" in outcomes["draft"].stderr
    site.run("send", "draft", "x", check=9)
    site.run("send", "draft", "--force", "--no-enter", " and the rest", check=0)


def test_nothing_is_typed_into_the_draft_of_a_person(site: Site) -> None:
    site.write(
        "[workers.sh]\ncommand = ['bash', '--norc', '-i']\nenv = { PS1 = '$ ' }\n"
        "stall = { after = '2s', ladder = [{ do = 'send', text = 'echo ladder' }] }\n"
    )
    site.up()
    with Terminal(site.argv("attach", "sh"), cwd=site.place, environment=site.environment()) as person:
        person.until(b"$ ")
        person.type(b"echo half a")
        person.until(b"half a")
        refused = site.run("send", "sh", "echo status", check=9).stderr
        assert "a person is attached" in refused
        site.run("prompt", "sh", "echo status", check=9)
        site.run("send", "sh", "--keys", "Enter", check=9)
    wait_until(lambda: not site.worker("sh")["hands_on"])
    assert "text that was not sent from here" in site.run("send", "sh", "echo status", check=9).stderr
    wait_until(lambda: site.events("worker.input_held", worker="sh", why="draft"))
    wait_until(lambda: site.worker("sh")["queued_input"] == 1)
    assert site.run("screen", "sh", check=0).stdout.strip() == "$ echo half a"
    site.run("send", "sh", "--keys", "C-c", check=0)
    wait_until(lambda: "\nladder" in site.run("screen", "sh", check=0).stdout)


def test_several_workers_get_it_by_glob_project_or_all(site: Site) -> None:
    tables = [f"[workers.cat-{n}]\ncommand = 'cat >> {site.place}/{n}'\nproject = 'cats'\n" for n in (1, 2)]
    site.write("".join(tables) + "[workers.gone]\ncommand = 'exit 0'\n")
    site.up()
    wait_until((site.place / "2").exists)
    assert site.run("send", "cat-*", "to both", check=0).stdout == "cat-1: typed\ncat-2: typed\n"
    site.run("send", "cat-1", "cat-2", "by names", check=0)
    site.run("send", "-p", "cats", "by project", check=0)
    said = site.run("send", "--all", "to all", check=3)
    assert "gone is completed" in said.stderr
    site.run("send", "-p", "cats", "--keys", "x", "Enter", check=0)
    expected = "to both\nby names\nby project\nto all\nx\n"
    wait_until(lambda: all((site.place / n).read_text() == expected for n in ("1", "2")))


# ── one site, whose tests disturb their own workers only ──────────────────────────────────────────────────────────


READER = """
import os, sys, tty
tty.setraw(0)
print("ready", flush=True)
while got := os.read(0, 5).decode():
    with open(sys.argv[1], "a") as file:
        file.write(got + "\\n")
    if got == "00030":
        os._exit(1)
"""
READERS = 4


@pytest.fixture(scope="module")
def shared(shared_site: Site) -> Site:
    place = shared_site.place
    (place / "reader.py").write_text(READER)
    readers = [
        f"[workers.r{n}]\ncommand = 'stty raw; exec cat > {place}/r{n}'\nready = {{ delay = '300ms' }}\n"
        for n in range(READERS)
    ]
    shared_site.write(
        composer(shared_site, "deaf")
        + composer(shared_site, "plain")
        + "[workers.sh]\ncommand = ['bash', '--norc', '-i']\nenv = { PS1 = '$ ' }\n"
        + "".join(readers)
        + f"[workers.reads]\ncommand = ['{sys.executable}', '{place}/reader.py', '{place}/out']\n"
        "ready = { screen = 'ready' }\nbackoff = { initial = '300ms' }\n"
    )
    shared_site.up()
    return shared_site


def test_a_prompt_whose_enter_is_not_taken_is_parked_and_what_is_sent_then_does_not_extend_it(shared: Site) -> None:
    log = log_of(shared, "deaf")
    refused = shared.run("prompt", "deaf", "--timeout", "4", "a text", check=3).stderr
    assert "not submitted" in refused
    assert "its Enter was not taken" in shared.run("send", "deaf", "another text", check=9).stderr
    assert submitted(log) == []
    shared.run("send", "deaf", "--keys", "C-c", check=0)


def test_200_kilobytes_are_one_paste(shared: Site) -> None:
    log = log_of(shared, "plain")
    text = "\n".join(f"{number:06} " + "x" * 93 for number in range(2000))
    (shared.place / "prompt.txt").write_text(text + "\n")
    shared.run("prompt", "plain", "--file", str(shared.place / "prompt.txt"), check=0)
    assert submitted(log) == [text]


def test_a_prompt_waits_for_what_comes_and_prints_it(shared: Site) -> None:
    told = shared.run(
        "prompt", "sh", "echo begun; sleep 0.5; echo all $((1+1)) done", "--wait-for", "^all 2 done", check=0
    )
    assert "begun\nall 2 done" in told.stdout
    assert shared.run("prompt", "sh", "echo quiet", "--wait-for", "idle", check=0).stdout.count("\nquiet\n") == 1
    shared.run("prompt", "sh", "true", "--wait-for", "never", "--timeout", "3", check=8)


def test_text_waits_for_the_next_life_and_a_death_loses_only_what_was_not_read(shared: Site) -> None:
    out = shared.place / "out"
    with Client.connect(Path(shared.status()["supervisor"]["socket"])) as client:
        for number in range(60):
            client.call("send", name="reads", content=f"{number:05}", wait=60.0)
    wait_until(lambda: out.read_text().split()[-1] == "00059")
    got = out.read_text().split()
    assert got == sorted(set(got))
    lost = {f"{number:05}" for number in range(60)} - set(got)
    assert lost == {f"{number:05}" for number in range(31, 31 + len(lost))}


def test_random_bytes_arrive_once_and_in_order_at_many_readers(shared: Site) -> None:
    sent = [[os.urandom(1 + number % 40) for number in range(50)] for _ in range(READERS)]

    def type_all(n: int) -> None:
        with Client.connect(Path(shared.status()["supervisor"]["socket"])) as client:
            for content in sent[n]:
                client.call("send", name=f"r{n}", content=content, wait=60.0)

    socket_there = shared.status()
    assert socket_there
    threads = [threading.Thread(target=type_all, args=(n,)) for n in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for n in range(READERS):
        expected = b"".join(sent[n])
        wait_until(lambda n=n, expected=expected: (shared.place / f"r{n}").read_bytes() == expected)


def test_a_prompt_needs_a_text(shared: Site) -> None:
    for arguments in ((), ("--file", "missing")):
        assert shared.run("prompt", "plain", *arguments).returncode in (1, 2)
    command, given = shared.argv("prompt", "plain", "-"), b"\x1b[201~"
    done = subprocess.run(command, input=given, env=shared.environment(), capture_output=True, timeout=DEADLINE)
    assert done.returncode == 2
    assert b"send --raw" in done.stderr
