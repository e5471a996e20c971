"""CPU time as the kernel accounts it."""

import contextlib
import mmap
import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

import psutil


def own_cpu() -> float:
    """Return the CPU seconds of this process, all its threads, and its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process with one thread, to the nanosecond."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def cpu_of_all(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds of these processes, of all their descendants, and of those that have ended.

    Accurate to 10 ms a process: for measurements of many seconds.
    """
    seconds = 0.0
    for process in processes:
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def switches_of(process: psutil.Process) -> int:
    """Return the context switches of a process's threads that live."""
    found = 0
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/task/{task}/status") as file:
            found += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return found


def touched_pages(pid: int, seconds: float) -> int:
    """Return how many pages of memory the process touches in this time, by the kernel's marks (proc_pid_smaps(5))."""
    process = Path(f"/proc/{pid}")
    (process / "clear_refs").write_text("1")
    time.sleep(seconds)
    referenced = (line.split() for line in (process / "smaps_rollup").read_text().splitlines())
    return sum(int(words[1]) for words in referenced if words[0] == "Referenced:") // 4


def cold_page() -> float:
    """Return the CPU microseconds to touch a page of memory that was not touched for 5 s.

    Below 0.1 where memory stays where it is. A host that takes the memory of its idle guests makes it tens: then what
    sleeps most of the time, as an idle service does, pays for each waking.
    """
    pages = 2000
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
        memory[:: mmap.PAGESIZE] = bytes(pages)
        time.sleep(5)
        began = time.process_time()
        memory[:: mmap.PAGESIZE]
        return 1e6 * (time.process_time() - began) / pages
