"""What `top` says where it can't be shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.gateway_bench import Bench
from kit.terminal import Terminal

TOP = [sys.executable, "-m", "supervisor", "--socket", "s", "top"]
WITHOUT_TEXTUAL = "import sys; sys.modules['textual'] = None; from supervisor.__main__ import main; main()"


def environment(place: Path) -> dict[str, str]:
    return dict(os.environ) | {"XDG_STATE_HOME": str(place), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}


def test_without_a_terminal_it_says_what_goes_without(place: Path) -> None:
    done = subprocess.run(TOP, cwd=place, env=environment(place), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "top needs a terminal" in done.stderr


@pytest.mark.parametrize(
    ("argv", "serves", "code", "said"),
    [
        (TOP, False, 7, b"nothing runs here"),
        ([sys.executable, "-c", WITHOUT_TEXTUAL, *TOP[3:]], True, 1, b"-m pip install 'panevisor[top]'"),
    ],
)
def test_without_a_service_or_textual_it_says_so_in_a_line(
    argv: list[str], serves: bool, code: int, said: bytes, place: Path
) -> None:
    bench = Bench(place / "s") if serves else None
    try:
        with Terminal(argv, cwd=place, environment=environment(place)) as terminal:
            assert terminal.ended() == code
            assert said in terminal.seen
            assert b"\x1b[?1049h" not in terminal.seen
    finally:
        if bench:
            bench.close()


def test_the_version_loads_no_textual() -> None:
    look = "import sys; import supervisor.command_line; print('textual' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
