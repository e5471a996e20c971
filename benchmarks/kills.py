"""Does the service tell the truth though it is killed? `python -m benchmarks.kills [ROUNDS] [WORKERS]`.

Kills the service with SIGKILL at random moments and starts it again, while workers print numbered lines, exit with
codes of their own, and start again. The truth comes from files that the workers write themselves; the service's log
and the workers' logs are judged by it afterwards:

    lost, doubled     workers that no longer run, or ran twice at a time (each life holds a lock)
    exits             each must be told once, with its true code
    lines             each printed line must stand in the worker's log; a lost one is told by its place in the life
"""

import collections
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.site import Site

ALIVE = ("running", "backoff", "starting")
EXITERS = 0.4  # part of the workers that exit by themselves, after 2 to 11 s
PROGRAM = r"""
name=$1 own=$2 mode=$3 life=${PANEVISOR_WORKER##*/} n=0
exec 9>"$own/$name.lock"
flock -n 9 || echo "DOUBLE $name $$ $life" >>"$own/$name"
exec 9>&-; exec 9>"$own/$name.lock"; flock -n 9
ttl=$(( ($$ * 7919 / 13) % 20 + 4 )) code=$(( $$ % 120 + 1 ))
echo "B $name $$ $life" >>"$own/$name"
while :; do
    n=$((n + 1))
    echo "L $name $$ $life $n" >>"$own/$name"
    echo "L $name $$ $life $n"
    if [ "$mode" = exiter ] && [ "$n" -ge "$ttl" ]; then
        echo "X $name $$ $life $code" >>"$own/$name"
        exit $code
    fi
    sleep 0.5 9>&-
done
"""
HEAD = """[supervisor]
state_dir = "state"
capture_interval = "1s"
health_interval = "2s"
log = { max_size = "100MB", keep = 2 }
[defaults]
restart = "always"
max_restarts = -1
backoff = { kind = "constant", initial = "300ms", jitter = 0.5 }
log = { max_size = "4kB", keep = 1000 }
"""


def main(rounds: int, workers: int) -> int:
    place = Path(tempfile.mkdtemp(prefix="pvb-", dir="/tmp"))
    own = place / "own"
    own.mkdir()
    (place / "program.sh").write_text(PROGRAM)
    names = [f"w{n:03d}" for n in range(workers)]
    exiters = set(names[: int(workers * EXITERS)])
    tables = "".join(
        f"[workers.{name}]\ncommand = ['sh', '{place}/program.sh', '{name}', '{own}', "
        f"'{'exiter' if name in exiters else 'steady'}']\n"
        for name in names
    )
    (place / "panevisor.toml").write_text(HEAD + tables)
    site = Site(place)
    steady_names = [name for name in names if name not in exiters]
    try:
        site.run("up", "--timeout", "60s", codes=(0, 1))  # 1: one has just exited
        steady = pids(own, steady_names)
        for number in range(rounds):
            kill_and_start(site)
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        time.sleep(4)
        after = pids(own, steady_names)
        living = {row["name"] for row in site.status()["workers"] if row["state"] in ALIVE}
    finally:
        site.run("down", codes=(0, 1, 7))
    found = judge(place, own, names, steady, after, living)
    if found:
        print(f"kept for a look: {place}")
    else:
        shutil.rmtree(place)
    return found


def kill_and_start(site: Site) -> None:
    """Kill the service at a random moment, and start it again after up to a second."""
    time.sleep(random.uniform(0, 1.5))
    os.kill(site.service_pid(), signal.SIGKILL)
    time.sleep(random.choice((0, random.uniform(0, 1))))
    site.run("up", "--timeout", "60s", codes=(0, 1))


def pids(own: Path, names: list[str]) -> dict[str, str]:
    """Return the pid of each worker's last life, by what it wrote itself."""
    return {name: [line.split()[2] for line in truth(own, name) if line[0] == "B"][-1] for name in names}


def truth(own: Path, name: str) -> list[str]:
    return (own / name).read_text().splitlines()


def judge(
    place: Path, own: Path, names: list[str], steady: dict[str, str], after: dict[str, str], living: set[str]
) -> int:
    """Print the table; return 1 when anything was lost, doubled or told wrongly."""
    lines = [line for name in names for line in truth(own, name)]
    doubled = [line for line in lines if line.startswith("DOUBLE")]
    true_exits = {(f[1], f[3]): int(f[4]) for f in map(str.split, lines) if f[0] == "X"}
    told: dict[tuple[str, str], list[int | None]] = collections.defaultdict(list)
    for event in events(place):
        if event["event"] == "worker.exited":
            told[event["worker"], event["life"]].append(event.get("exit_code"))
    wrong = {key: told.get(key) for key, code in true_exits.items() if set(told.get(key, [code])) != {code}}
    twice = [key for key in true_exits if len(told.get(key, [])) > 1]
    untold = [key for key in true_exits if key not in told]
    lost = lost_lines(place, names, [line for line in lines if line[0] == "L"])
    last = last_lines(lines)
    lost_last = [line for line in lost if line in last]
    rows = {
        "workers": len(names),
        "lost": len(set(names) - living),
        "doubled": len(doubled),
        "steady ones with another pid": sum(steady[name] != after[name] for name in steady),
        "exits": len(true_exits),
        "told wrongly": len(wrong),
        "told twice": len(twice),
        "never told": len(untold),
        "printed lines": sum(line[0] == "L" for line in lines),
        "lines lost": len(lost),
        "of them the last of a life that exited": len(lost_last),
    }
    for what, count in rows.items():
        print(f"{count:>9,}  {what}")
    for what, found in (("wrong", wrong), ("twice", twice), ("untold", untold), ("lost", lost), ("doubled", doubled)):
        for item in list(found)[:5]:
            print(f"  {what}: {item}")
    return int(any((doubled, wrong, twice, untold, set(names) - living)))


def events(place: Path) -> list[dict[str, Any]]:
    found = []
    for file in glob.glob(f"{place}/state/service.log*"):
        with open(file) as log:
            found += [json.loads(line) for line in log]
    return found


def lost_lines(place: Path, names: list[str], printed: list[str]) -> list[str]:
    """Return the lines that no segment of any worker's log has."""
    logged: set[str] = set()
    for name in names:
        segments = sorted(glob.glob(f"{place}/state/logs/{name}.*-*"))
        whole = b"".join(Path(segment).read_bytes() for segment in segments if not os.path.islink(segment))
        logged.update(re.sub(r"[^ -~\n]", "", whole.decode(errors="replace")).splitlines())
    return [line for line in printed if line not in logged]


def last_lines(lines: list[str]) -> set[str]:
    """Return the last printed line of each life that exited by itself."""
    last: dict[str, str] = {}
    ended: set[str] = set()
    for line in lines:
        if line[0] == "L":
            last[line.split()[3]] = line
        elif line[0] == "X":
            ended.add(line.split()[3])
    return {last[life] for life in ended if life in last}


if __name__ == "__main__":
    subprocess.run(["sh", "-c", "command -v flock"], check=True, stdout=subprocess.DEVNULL)
    sys.exit(main(*(int(number) for number in sys.argv[1:3] or ("20", "40"))))
