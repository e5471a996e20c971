"""A service gzips closed segments where the file says so, and `logs`, death records and rules read on."""

import os
import time

from kit.support import FAST, Site, wait_until

LINES = 1200


def printed(site: Site) -> str:
    return site.run("logs", "api", "-n", "9999").stdout


def test_closed_segments_are_gzipped_and_everything_reads_on(site: Site) -> None:
    program = f"n=0; while [ $n -lt {LINES} ]; do n=$((n+1)); echo line $n of the log; done; read go; echo end; exit 3"
    site.write(
        f"[workers.api]\ncommand = '{program}'\nlog = {{ max_size = '4kB', keep = 100 }}\nrestart = 'never'\n"
        "[[workers.api.rules]]\nmatch = 'line 7 of'\ndo = 'event'\n",
        f"{FAST}gzip_logs = true\n",
    )
    site.up()
    logs = site.state / "logs"
    whole = "".join(f"line {n} of the log\n" for n in range(1, LINES + 1))
    wait_until(lambda: printed(site) == whole)
    closed = sorted(path for path in logs.glob("api.*-*.0*"))[:-1]
    assert len(closed) > 3
    for path in closed:
        os.utime(path, (time.time() - 120, time.time() - 120))
    wait_until(lambda: all(path.with_name(f"{path.name}.gz").exists() and not path.exists() for path in closed))
    assert printed(site) == whole
    assert site.run("logs", "api", "-n", "600", check=0).stdout == "".join(whole.splitlines(True)[-600:])
    assert "line 7 of the log" in site.run("rules", "test", "api", check=0).stdout
    site.kill_service()
    site.up()
    site.run("send", "api", "go", check=0)
    site.wait_state("api", "failed")
    assert printed(site) == f"{whole}go\nend\n"
    wait_until(lambda: f"line {LINES} of the log" in site.run("deaths", "api", "-o", "json", check=0).stdout)
    assert len(site.events("worker.rule")) == 1
    assert site.events("worker.lines_skipped") == []
    site.run("remove", "api", check=0)
    wait_until(lambda: not list(logs.glob("api.*")))
