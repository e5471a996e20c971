"""A service that is told to end while it starts ends: with 0, workers untouched, and nothing of it left."""

import os
import signal
import subprocess
import time

import pytest
from kit.examples import LONG
from kit.support import DEADLINE, FAST, Site, alive, sleepers, wait_until


def begin(site: Site) -> "subprocess.Popen[bytes]":
    with (site.place / "out").open("wb") as output:
        return subprocess.Popen(site.argv("serve"), env=site.environment(), stdout=output, stderr=output)


def ended(site: Site, process: "subprocess.Popen[bytes]", number: int) -> int:
    """Send the signal, and return how it ended.

    Before our code runs, the signal itself ends it, or Python while it imports its own modules.
    """
    by_python = not has_lock(site, process)
    process.send_signal(number)
    code = process.wait(DEADLINE)
    said = (site.place / "out").read_text()
    if not (by_python and "supervisor/" not in said):
        assert code in (0, -number), (code, said, site.log_text()[-2000:])
    return code


def has_lock(site: Site, process: "subprocess.Popen[bytes]") -> bool:
    try:
        return site.service_pid() == process.pid
    except (OSError, ValueError, IndexError):
        return False


@pytest.mark.long
def test_a_signal_at_any_moment_of_a_start_ends_it_cleanly_and_a_hangup_ends_nothing(site: Site) -> None:
    site.write(sleepers(3), FAST)
    for moment in range(0, 12, 1 if LONG else 4):  # before there are workers: it starts none, or all live on
        process = begin(site)
        time.sleep(0.1 * moment)
        ended(site, process, signal.SIGTERM)
    assert not os.path.exists(site.state / "panevisor.sock")
    site.up()
    before = site.truth()
    assert {name: len(pids) for name, pids in before.items()} == {"w0": 1, "w1": 1, "w2": 1}
    site.kill_service()
    for moment in range(0, 40, 1 if LONG else 5):
        process = begin(site)
        time.sleep(moment * 0.05)
        listens = has_lock(site, process)  # so Python has long begun
        code = ended(site, process, (signal.SIGTERM, signal.SIGINT)[moment % 2])
        assert not (listens and code)
        assert site.truth() == before
    assert "Traceback" not in site.log_text()
    process = begin(site)
    wait_until(lambda: has_lock(site, process))  # before that Python's own handler ends it
    for _ in range(40):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.02)
    wait_until(lambda: site.run("status").returncode == 0)
    assert (site.truth(), alive(process.pid)) == (before, True)
    assert ended(site, process, signal.SIGTERM) == 0
