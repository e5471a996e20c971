"""A run that leaves something behind is seen, ended, and failed."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.left_behind import TAG, end, processes_of
from kit.support import DEADLINE, wait_until

LEAVES = {
    "a process": "subprocess.Popen(['setsid', 'sleep', '1007'])",
    "one without an environment, in a folder of the run": "subprocess.Popen(['sleep', '1007'], env={}, cwd=folder)",
    "a tmux server": (
        "subprocess.run(['tmux', '-S', f'{folder}/t.sock', '-f', '/dev/null', 'new-session', '-d', 'sleep 1007'])"
    ),
    "a folder": "pass",
}


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


@pytest.mark.parametrize("what", LEAVES)
def test_a_run_that_leaves_something_behind_fails_and_names_it(
    place: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANEVISOR_TEST_GRACE", "0")
    done = run(place, f"{MAKE}{LEAVES[what]}" + ("" if what == "a folder" else "\nshutil.rmtree(folder)"))
    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert "left behind by the tests" in done.stdout
    assert ("folder /tmp/pv-" if what == "a folder" else "sleep 1007") in done.stdout


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
