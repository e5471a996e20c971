"""`panevisor metrics`: prints what Prometheus is to read, or keeps it in a file for node_exporter.

service ──status──▶ picture ──classic──▶ FILE.tmp ──rename──▶ FILE, again every 15 s
"""

import sys
import time
from pathlib import Path
from typing import Any

from supervisor.kernel.files import as_known, replace_file
from supervisor.metrics.exposition import classic, openmetrics
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

MODE = 0o644  # node_exporter runs as a user of its own
_AWAY = ("no-service", "starting", "busy", "timeout")


def show(place: Place) -> int:
    """Print the metrics once, as OpenMetrics."""
    sys.stdout.buffer.write(openmetrics(_picture(place)))
    return 0


def keep(place: Place, path: Path, every: float | None) -> int:
    """Write the metrics to the file, and again `every` so many seconds, until a signal ends this.

    While no service answers, the file says so. A file that can't be written is told once, and tried again.
    """
    problem: str | None = None
    while True:
        before, problem = problem, _write(place, path)
        if problem and every is None:
            raise CommandError("failed", problem)
        if problem and problem != before:
            print(f"panevisor: {visible(problem)}", file=sys.stderr, flush=True)
        if every is None:
            return 0
        time.sleep(every)


def _write(place: Place, path: Path) -> str | None:
    """Write the file; return why that was not possible."""
    try:
        picture = _picture(place)
    except CommandError as error:
        if error.code not in _AWAY:
            raise
        picture = None
    try:
        replace_file(path, classic(picture), sync=False, mode=MODE)
    except OSError as error:
        return f"{as_known(path)}: {error.strerror}"
    return None


def _picture(place: Place) -> dict[str, Any]:
    with Client.connect(place.socket) as client:
        picture: dict[str, Any] = client.call("status")
    return picture
