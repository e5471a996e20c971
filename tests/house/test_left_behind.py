"""A run that leaves something behind is seen, ended, and failed."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.left_behind import TAG, end, processes_of
from kit.support import DEADLINE, Site, wait_until

LEAVES = """
subprocess.Popen(['setsid', 'sleep', '1007'])
subprocess.Popen(['sleep', '1008'], env={}, cwd=folder)  # known by its folder alone
subprocess.run(['tmux', '-S', f'{folder}/t.sock', '-f', '/dev/null', 'new-session', '-d', 'sleep 1009'])
"""


def run(place: Path, body: str) -> "subprocess.CompletedProcess[str]":
    """Run pytest on one test with this body; it makes `folder` and takes it away unless it is left."""
    test = place / "test_it.py"
    lines = ["import shutil, subprocess, tempfile", "from kit.left_behind import folder_prefix", "def test_it():"]
    test.write_text("\n".join([*lines, *(f"    {line}" for line in body.splitlines())]))
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT / "tests")}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "kit.left_behind", "-c", "/dev/null", "--rootdir", str(place)]
    call = [*argv, "-p", "no:cacheprovider", str(test)]
    return subprocess.run(call, cwd=place, env=environment, capture_output=True, text=True, timeout=DEADLINE)


MAKE = "folder = tempfile.mkdtemp(prefix=folder_prefix(), dir='/tmp')\n"


def test_a_run_that_leaves_processes_a_tmux_server_and_a_folder_behind_fails_and_names_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANEVISOR_TEST_GRACE", "0")
    done = run(place, f"{MAKE}{LEAVES}")
    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    _, _, left = done.stdout.partition("left behind by the tests")
    for what in ("sleep 1007", "sleep 1008", "tmux -S", "sleep 1009", "folder /tmp/pv-"):
        assert what in left, done.stdout


def test_a_run_that_leaves_nothing_passes(place: Path) -> None:
    done = run(place, f"{MAKE}subprocess.run(['sleep', '0.01'])\nshutil.rmtree(folder)")
    assert done.returncode == 0, done.stdout
    assert "left behind" not in done.stdout


def test_those_of_another_run_are_left_alone() -> None:
    mine, other = secrets.token_hex(3), secrets.token_hex(3)
    ours, theirs = (subprocess.Popen(["sleep", "1000"], env={TAG: run}) for run in (mine, other))
    try:
        wait_until(lambda: [process.pid for process in processes_of(mine)] == [ours.pid])
        end(mine)
        assert ours.wait(DEADLINE) == -9
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_a_mark_that_another_test_has_made_up_is_no_worker_of_a_site(place: Path) -> None:
    site = Site(place)
    marks = ("of-somebody", "", f"{site.marker}/api/l1")
    others = [subprocess.Popen(["sleep", "1010"], env={"PANEVISOR_WORKER": mark}) for mark in marks]
    try:
        wait_until(lambda: site.truth() == {"api": [others[-1].pid]})
    finally:
        for other in others:
            other.kill()
            other.wait()
