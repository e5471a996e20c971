"""Programs that go into the background, on a real service."""

import os
import signal

from kit.support import Site, alive, wait_until

LEAVES = "setsid sh -c 'echo $$ >{pid}; exec sleep 1000' & until [ -s {pid} ]; do sleep 0.05; done"
HANGS_ON = "sleep 1000 & echo $! >{pid}"  # in the process group of the terminal


def pid_in(site: Site, name: str) -> int:
    return int((site.place / name).read_text())


def test_what_goes_into_the_background_fails_or_lives_on_as_the_file_says(site: Site) -> None:
    site.write(
        f"""
[workers.daemon]
command = "{LEAVES.format(pid=site.place / "d")}"
ready = {{ delay = "30s" }}
[workers.needs]
command = "sleep 1000"
depends_on = ["daemon"]
[workers.allowed]
command = "{HANGS_ON.format(pid=site.place / "a")}"
background = "allow"
[workers.ends]
command = "sleep 1000 &"
[workers.brief]
command = "setsid sleep 0.3 & exit 0"
"""
    )
    site.up(check=1)
    failed = site.worker("daemon")
    assert (failed["state"], failed["exit_code"]) == ("failed", 0)
    assert f"went into the background: 1 process (sleep (pid {pid_in(site, 'd')})) was ended" in failed["reason"]
    wait_until(lambda: "into the background" in site.run("deaths", "daemon", check=0).stdout)
    wait_until(lambda: not alive(pid_in(site, "d")))
    assert "(sleep (pid" in site.wait_state("ends", "failed")["reason"]
    assert site.worker("needs")["state"] == "pending"
    assert site.worker("brief")["state"] == "completed"
    site.wait_state("allowed", "running")
    wait_until(lambda: site.worker("allowed")["pid"] == pid_in(site, "a"))
    site.kill_service()
    site.up(check=1)
    wait_until(lambda: site.worker("allowed")["pid"] == pid_in(site, "a"))
    before = pid_in(site, "a")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: pid_in(site, "a") != before and site.worker("allowed")["pid"] == pid_in(site, "a"))
    site.run("stop", "allowed", check=0)
    assert not alive(pid_in(site, "a"))
