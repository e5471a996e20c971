"""Rules: how long after a line is printed its rule fires, and what the patterns of all workers cost."""

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.figures import Figure, NotDone
from benchmarks.keepers import Panevisor, kept, started, until
from benchmarks.parts.output import CHATTY
from supervisor.wire.client import Client

PRINTED = 500  # lines whose delay is measured
PATTERNS = 2000
SECONDS = 30

# each line that the bench writes to the FIFO is printed with the time; 200 lines after it let it scroll off
PRINTS = """if [ "$1" = w0 ]; then
  mkfifo lines; exec 3<>lines
  while read -r n; do echo "hit $n $(date +%s%N)"; seq 200; done <&3
fi; exec sleep 100000"""


def delays(n: int) -> Iterator[Figure]:
    """Yield the time from a line's being printed to its line in the log of the service; no beat looks meanwhile."""
    rule = "[[defaults.rules]]\nmatch = 'hit \\d+ \\d+'\nat_most = '9999 per 1s'\ndo = 'event'\n"
    with kept(Panevisor, n, PRINTS, f'capture_interval = "1m"\n{rule}') as keeper:
        started(keeper)
        until(lambda: (keeper.place / "lines").exists(), "the FIFO")
        with open(keeper.place / "lines", "w", buffering=1) as lines:
            for number in range(PRINTED):
                lines.write(f"{number}\n")
                time.sleep(0.02 + number % 50 / 1000)  # at any moment of a pass and its rest
        log = keeper.place / "state" / "service.log"
        until(lambda: log.read_text().count('"worker.rule"') >= PRINTED, "the firings")
        found = _delays(log)
    if len(found) != PRINTED:
        raise NotDone(f"{len(found)} firings of {PRINTED} lines")
    reference = f"{PRINTED} lines, each once"
    yield Figure(18, "printed → rule fired: p99", n, statistics.quantiles(found, n=100)[98], "s", 0.25, reference)
    yield Figure(18, "printed → rule fired: median", n, statistics.median(found), "s")
    yield Figure(18, "printed → rule fired: longest", n, max(found), "s")


def _delays(log: Path) -> list[float]:
    import datetime

    found = {}
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == "worker.rule":
            _, number, printed = entry["text"].split()
            if number in found:
                raise NotDone(f"line {number} fired twice")
            found[number] = datetime.datetime.fromisoformat(entry["ts"]).timestamp() - int(printed) / 1e9
    return list(found.values())


def patterns(n: int) -> Iterator[Figure]:
    """Yield the CPU of the service while n workers print a line a second, without rules and with 2,000 patterns."""
    words = ("error", "banned", "refused", "out of memory", "limit reached", "denied", "panic")
    rules = "".join(
        f"[[workers.w{number % n}.rules]]\ndo = 'event'\n"
        f"match = '{words[number % len(words)]}.*\\b(job|code)[ =-]{number}\\b'\n"
        for number in range(PATTERNS)
    )
    used = []
    for settings in ("", rules):
        with kept(Panevisor, n, CHATTY, settings) as keeper:
            started(keeper)
            time.sleep(10)
            with Client.connect(keeper.place / "state" / "panevisor.sock") as wire:
                service = psutil.Process(wire.call("status")["supervisor"]["pid"])
            before = sum(service.cpu_times()[:2])
            time.sleep(SECONDS)
            used.append(sum(service.cpu_times()[:2]) - before)
            memory = service.memory_info().rss
        what = f"a line a second each, {SECONDS} s: service"
        name = f"{what}, {PATTERNS:,} patterns" if settings else f"{what}, no rules"
        yield Figure(18, name, n, used[-1], "s CPU")
        yield Figure(18, f"{name}: memory", n, memory / 1e6, "MB")
    yield Figure(18, f"CPU with {PATTERNS:,} patterns", n, used[1] / used[0], "×", None, "without rules")
