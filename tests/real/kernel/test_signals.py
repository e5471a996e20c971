"""A signal is told by a thread of its own, in the moment in which it comes."""

import os
import signal
import subprocess
import sys

from kit.support import DEADLINE

WAITS = """
import queue, signal
from supervisor.signals import SignalThread
told = queue.SimpleQueue()
thread = SignalThread([signal.SIGUSR1, signal.SIGUSR2], told.put)
print("listens", flush=True)
print(told.get(), told.get(), flush=True)
thread.close()
"""


def test_each_signal_is_told_and_the_process_goes_on() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout
    assert process.stdout.readline() == "listens\n"
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGUSR2)
    said, _ = process.communicate(timeout=DEADLINE)
    assert sorted(map(int, said.split())) == [signal.SIGUSR1, signal.SIGUSR2]
    assert process.returncode == 0
