"""`wait`, `run --wait` and `run --rm`: a script goes on when a job has ended, with its exit code."""

import signal
import subprocess

from kit.support import DEADLINE, Site, wait_until

IDLE = "[workers.idle]\ncommand = ['sleep', '1000']\n"


def test_a_script_gets_the_exit_code_of_a_job_also_across_a_restart_of_the_service(site: Site) -> None:
    site.write(IDLE)
    site.up()
    told = site.place / "go"
    job = ("sh", "-c", f"until test -e {told}; do sleep 0.05; done; exit 7")
    site.run("run", "--name", "job", "--restart", "never", "--", *job, check=0)
    waits = subprocess.Popen(site.argv("wait", "job", "--exit-code"), env=site.environment(), stdout=subprocess.PIPE)
    wait_until(lambda: site.status()["supervisor"]["subscribers"] == 1)
    site.kill_service()
    site.up(check=0)
    wait_until(lambda: site.status()["supervisor"]["subscribers"] == 1)
    assert waits.poll() is None
    told.touch()
    said, _ = waits.communicate(timeout=DEADLINE)
    assert (waits.returncode, said.decode()) == (7, 'job: failed: exited with code 7; restart = "never"\n')
    site.run("wait", "job", "--for", "completed", check=3)
    site.run("run", "--no-wait", "--restart", "never", "--name", "crashes", "--", "false", check=0)
    assert "crashes is failed" in site.run("wait", "crashes", "--for", "ready", check=3).stderr
    site.run("wait", "idle", "--timeout", "100ms", check=8)
    site.run("wait", "idle", "--for", "ready", check=0)


def test_a_job_that_is_run_to_its_end_runs_once_and_is_forgotten_with_rm_even_when_its_caller_is_gone(
    site: Site,
) -> None:
    site.write(IDLE)
    site.up()
    for _ in range(2):  # its name is free again at once
        site.run("run", "--wait", "--rm", "--name", "job", "--", "sh", "-c", "kill -9 $$", check=137)
    for program, code in (("/nonexistent", 127), ("no-such-program", 127), ("/tmp", 126)):  # as a shell has it
        site.run("run", "--wait", "--rm", "--name", "job", "--", program, check=code)
    assert set(site.workers()) == {"idle"}
    left = ("--wait", "--rm", "--set", "cleanup_after = '0s'", "--name", "left", "--", "sleep", "1000")
    caller = subprocess.Popen(site.argv("run", *left), env=site.environment(), stderr=subprocess.PIPE)
    site.wait_state("left", "running")
    wait_until(lambda: site.status()["supervisor"]["subscribers"] == 1)
    caller.send_signal(signal.SIGINT)
    _, said = caller.communicate(timeout=DEADLINE)
    assert caller.returncode == 130
    assert "left goes on: `panevisor wait left --exit-code` waits for it again" in said.decode()
    site.run("stop", "left", check=0)
    wait_until(lambda: set(site.workers()) == {"idle"})
