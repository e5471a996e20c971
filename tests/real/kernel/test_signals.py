"""A signal is told by a thread of its own, in the moment in which it comes; one that came before is told first."""

import os
import signal
import subprocess
import sys

import pytest
from kit.support import DEADLINE

from supervisor.signals import is_service

WAITS = """
import queue, signal
from supervisor.signals import SignalThread, catch_early
told = queue.SimpleQueue()
catch_early()
for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR2):
    signal.raise_signal(number)
thread = SignalThread(told.put)
print("listens", flush=True)
print(*(told.get() for _ in range(4)), flush=True)
thread.close()
"""


def test_each_signal_is_told_and_the_process_goes_on() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout
    assert process.stdout.readline() == "listens\n"
    process.send_signal(signal.SIGUSR2)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=DEADLINE)
    numbers = [int(word) for word in said.split()]
    assert numbers[:2] == [signal.SIGUSR2, signal.SIGHUP]  # these came before there was the thread
    assert sorted(numbers[2:]) == [signal.SIGUSR2, signal.SIGTERM]
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("argv", "serves"),
    [
        (["serve"], True),
        (["-c", "panevisor.toml", "--socket", "s", "serve"], True),
        (["--config=serve", "status"], False),
        (["-c", "serve", "up"], False),
        (["logs", "serve"], False),
        ([], False),
    ],
)
def test_only_serve_takes_signals_early(argv: list[str], serves: bool) -> None:
    assert is_service(argv) is serves
