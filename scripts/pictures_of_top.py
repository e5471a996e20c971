"""Write docs/pictures/top-*.svg: what `panevisor top` shows of 3, 60 and 1,000 workers, in 80 × 24 and in 200 × 50.

    a real service with telling workers ──▶ `panevisor top` in a tmux of its own, typed to ──▶ its pane as an SVG

`scripts/pictures top` runs it; `scripts/pictures top 3 60` without the 1,000, which take minutes.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pictures import PICTURES, service
from terminal_svg import drawn

SMALL, LARGE = (80, 24), (200, 50)
BEATS = '[supervisor]\ncapture_interval = "500ms"\nhealth_interval = "1s"\n'
ASKS = r"""
panevisor report working --ttl 1h "writes tests"
printf '\033[1m● I have changed 3 files:\033[0m\n'
printf '  cart.py      \033[32m+41\033[0m \033[31m-7\033[0m\n'
printf '  prices.py    \033[32m+12\033[0m \033[31m-30\033[0m\n'
printf '  test_cart.py \033[32m+88\033[0m\n\n'
printf '╭───────────────────────────────────────────╮\n'
printf '│ May I run \033[36mmake test\033[0m?                      │\n'
printf '│ \033[1;35m❯ 1. Yes\033[0m                                  │\n'
printf '│   2. Yes, and do not ask again            │\n'
printf '│   3. No, and tell me what to do instead   │\n'
printf '╰───────────────────────────────────────────╯\n'
panevisor report waiting "may I run make test?"
exec sleep 100000"""
SERVES = r"""
n=0
while n=$((n + 1)); do
  case $((n % 7)) in 3) code=404 colour=33;; 5) code=500 colour=31;; *) code=200 colour=32;; esac
  printf '\033[2m%s\033[0m \033[36mGET\033[0m /items/%d ' "$(date +%T)" $((n * 377 % 9999))
  printf '\033[%sm%s\033[0m %d ms\n' $colour $code $((n * 13 % 90))
  sleep 0.7
done"""
WORKS = """["python3", "-c", '''
import time
kept, n = [], 0
while n := n + 1:
    until = time.time() + 0.9 * ({index} * n % 7) / 7
    while time.time() < until:
        pass
    kept.append(bytes(400_000 * {index}))
    del kept[: len(kept) - 30 if n % 40 else 0]
    time.sleep(max(0.0, until - time.time()) + 1)
''']"""
THREE = f"""
[workers.web]
command = '''{SERVES}'''
[workers.reviewer]
command = '''{ASKS}'''
[workers.importer]
command = '''echo "reading prices.csv"; sleep 0.5; echo "KeyError: 'price' in row 17"; exit 3'''
max_restarts = 1
backoff = ["1s"]
"""
MORE = f"""
[defaults]
project = "shop"
{THREE}
[workers.simulation]
project = "science"
command = {WORKS}
replicas = 4
[workers.api]
command = "exec sleep 100000"
replicas = 12
depends_on = {{ web = "started" }}
[workers.planner]
project = "agents"
command = '''panevisor report working --ttl 1h; exec sleep 100000'''
replicas = 10
[workers.coder]
project = "agents"
command = '''panevisor report idle --ttl 1h; exec sleep 100000'''
replicas = 20
[workers.painter]
project = "agents"
command = '''{ASKS}'''
[workers.mailer]
command = "exec sleep 100000"
live = {{ tcp = "127.0.0.1:9", interval = "1s", failures = 2, do = "notify" }}
[workers.renderer]
command = "sleep 2; kill -SEGV $$"
backoff = ["3m"]
[workers.nightly]
command = "echo 1,204 rows; exit 0"
[workers.console]
command = ["python3", "-i"]
autostart = false
[workers.queue]
command = "exec sleep 100000"
replicas = 6
"""
MANY = (
    MORE.replace("replicas = 12", "replicas = 646")
    .replace("replicas = 20", "replicas = 300")
    .replace("replicas = 10", "replicas = 36")
)
_FIND_REVIEWER = ("/", *"name=reviewer", "Enter", "Escape")  # it stays selected when all are shown again


def main() -> None:
    """Write the pictures of so many workers as the command line says, or of all."""
    PICTURES.mkdir(exist_ok=True)
    chosen = sys.argv[1:] or [*_SCENES]
    for workers in chosen:
        _SCENES[workers]()


def _three() -> None:
    with service(BEATS + THREE, 6) as (folder, environment):
        with _top(folder, environment, *SMALL) as top:
            top.shot("top-3-80x24", "Down", "Down")
        with _top(folder, environment, *LARGE) as top:
            top.shot("top-3-200x50")
        with _top(folder, environment, *SMALL) as top:
            top.press("/", *"name=web", "Enter", "Escape", "2")
            _kill_service_and_keeper(folder, environment)
            time.sleep(12)
            top.shot("top-lost-80x24")


def _sixty() -> None:
    with service(BEATS + MORE, 10) as (folder, environment):
        with _top(folder, environment, *LARGE) as top:
            time.sleep(80)  # the plots fill
            top.shot("top-60-200x50", *_FIND_REVIEWER)
            top.shot("top-60-why-200x50", "Home", "3")
        with _top(folder, environment, *SMALL) as top:
            top.shot("top-60-80x24")
            top.shot("top-60-filter-80x24", "/", *"is:need -failed", "Enter", "Down", "1")


def _thousand() -> None:
    with service(BEATS.replace("500ms", "2s").replace('"1s"', '"5s"') + MANY, 30) as (folder, environment):
        with _top(folder, environment, *LARGE) as top:
            time.sleep(20)
            top.shot("top-1000-200x50", "5")
            top.shot("top-1000-grid-200x50", "1", *_FIND_REVIEWER, "g")
        with _top(folder, environment, *SMALL) as top:
            top.shot("top-1000-80x24", *_FIND_REVIEWER)


_SCENES = {"3": _three, "60": _sixty, "1000": _thousand}


class _Top:
    """`panevisor top` in a pane of this size."""

    def __init__(self, folder: Path, environment: dict[str, str], columns: int, rows: int) -> None:
        self._tmux = ["tmux", "-S", str(folder / "picture.sock"), "-f", "/dev/null"]
        self._columns = columns
        size = ("-x", str(columns), "-y", str(rows))
        self._run("new-session", "-d", *size, "exec panevisor top", cwd=folder, environment=environment)
        time.sleep(4)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._run("send-keys", *(("-l", key) if len(key) == 1 else (key,)))
            time.sleep(0.5 if key == "Escape" else 0)  # else it is taken for Alt and the next key
        time.sleep(2)

    def shot(self, name: str, *keys: str) -> None:
        """Press these keys, and write what is seen then."""
        self.press(*keys)
        seen = self._run("capture-pane", "-p", "-e", "-N")
        (PICTURES / f"{name}.svg").write_text(drawn(seen, self._columns, name))

    def end(self) -> None:
        self._run("kill-server")

    def _run(self, *words: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
        argv = [*self._tmux, *words]
        return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def _top(folder: Path, environment: dict[str, str], columns: int, rows: int) -> Iterator[_Top]:
    top = _Top(folder, environment, columns, rows)
    try:
        yield top
    finally:
        top.end()
        time.sleep(0.5)  # until the socket is free


def _kill_service_and_keeper(folder: Path, environment: dict[str, str]) -> None:
    """Kill those whose pids are in the state directory of this folder's service."""
    (state,) = Path(environment["XDG_STATE_HOME"], "panevisor").glob("panevisor-*")
    for file in ("keeper", "lock"):
        os.kill(int((state / file).read_text().split()[0]), signal.SIGKILL)


if __name__ == "__main__":
    main()
