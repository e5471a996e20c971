"""Write docs/pictures/: what `status`, `why`, `events`, `deaths` and `ps` show on a dark terminal.

    a real service with telling workers ──▶ each command in a pseudo-terminal of 80 and of 160 columns ──▶ an SVG each

`scripts/pictures` runs it. The pictures are made of what the commands print; nothing of them is drawn by hand.
"""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from terminal_svg import drawn

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLUMNS = (80, 160)
COMMANDS = ("status", "why importer", "events -n 14", "deaths", "ps")
ENOUGH = 15.0  # seconds until every worker is in its telling state
WORKERS = """
[supervisor]
health_interval = "1s"
capture_interval = "1s"

[workers.web]
project = "shop"
command = ["python3", "-u", "-m", "http.server", "28471", "--bind", "127.0.0.1"]
ready = { tcp = "127.0.0.1:28471" }

[workers.api]
project = "shop"
replicas = 2
command = "exec sleep 1000"
depends_on = { web = "ready" }

[workers.mailer]
project = "shop"
command = "exec sleep 1000"
live = { tcp = "127.0.0.1:28472", interval = "1s", failures = 2, do = "notify" }

[workers.feature-checkout-with-the-new-payment-provider-2]
project = "東京"
command = "echo thinking; exec sleep 1000"
stall = { after = "3s", by = "output" }

[workers.crawler]
project = "東京"
command = "exec sleep 1000"
cwd = "日本語のフォルダ"

[workers.importer]
project = "shop"
command = '''echo "reading größe.csv"; sleep 1; echo "KeyError: 'preis' in row 17"; exit 3'''
max_restarts = 2
backoff = { kind = "constant", initial = "1s" }

[workers.renderer]
project = "shop"
command = ["python3", "-c", "import os, time; time.sleep(3); os.kill(os.getpid(), 11)"]
backoff = { kind = "constant", initial = "5m", max = "5m" }

[workers.proxy]
project = "shop"
command = "sleep 1000 & echo the proxy is up"

[workers.nightly]
command = "echo 1,204 rows; exit 0"

[workers.console]
command = "exec sleep 1000"
"""


def main() -> None:
    """Write a picture of each command in each width."""
    PICTURES.mkdir(exist_ok=True)
    with service(WORKERS, ENOUGH) as (folder, environment):
        subprocess.run(["panevisor", "stop", "console"], cwd=folder, env=environment, check=False)
        for command in COMMANDS:
            for columns in COLUMNS:
                shown = _on_a_terminal(["panevisor", *command.split()], columns, folder, environment)
                if command == "ps":
                    shown = _ours(shown, folder, environment)
                name = f"{command.split()[0]}-{columns}"
                (PICTURES / f"{name}.svg").write_text(
                    drawn(f"\x1b[1m$ panevisor {command}\x1b[0m\n{shown}", columns, name)
                )


def _ours(shown: str, folder: Path, environment: dict[str, str]) -> str:
    """Return the head of `ps` and the row of this service: what else runs on this machine is no picture for others."""
    told = subprocess.check_output(["panevisor", "status", "-o", "json"], cwd=folder, env=environment)
    pid = str(json.loads(told)["supervisor"]["pid"])
    head, *rows = shown.splitlines()
    return "\n".join((head, *(row for row in rows if row.split()[:1] == [pid]), ""))


@contextlib.contextmanager
def service(workers: str, enough: float) -> Iterator[tuple[Path, dict[str, str]]]:
    """Run these workers for `enough` seconds in a folder of their own; give it and what commands need to find it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "shop"
        folder.mkdir()
        (folder / "panevisor.toml").write_text(workers)
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": f"{place}/state"}
        environment = {key: value for key, value in environment.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}

        def panevisor(*words: str) -> None:
            subprocess.run(["panevisor", *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=False)

        panevisor("up", "--timeout", "5m")
        try:
            time.sleep(enough)
            yield folder, environment
        finally:
            panevisor("down")


def _on_a_terminal(command: list[str], columns: int, folder: Path, environment: dict[str, str]) -> str:
    """Return what the command prints on a terminal of this width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its)
    os.close(its)
    printed = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while part := os.read(ours, 65536):
            printed += part
    os.close(ours)
    process.wait()
    return printed.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
