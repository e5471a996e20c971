"""What a worker finds around it: its umask, its niceness, its standard input, folders whose names are not ASCII."""

import grp
import os
import pwd
import subprocess

import pytest
from kit.support import Site, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a program as somebody else")
WORKERS = """
[workers.low]
command = "umask >low; nice >>low; wc -c >>low"
umask = "027"
nice = 3
stdin = "null"
[workers.limited]
command = "ulimit -n >limited; ulimit -Hn >>limited; ulimit -c >>limited"
rlimits = { nofile = 77, core = 0, stack = "16MiB" }
[workers.bold]
command = "sleep 1000"
rlimits = { nofile = 9223372036854775807 }
[workers.lost]
command = "sleep 1000"
user = "no-such-user"
"""
OTHER = """
[workers.other]
command = "(id -un; id -gn; echo $HOME $USER; echo hello >/dev/stderr && echo open) >>other && sleep 1000"
user = "nobody"
ready = { command = ["sh", "-c", "test $(id -un) = nobody"] }
"""


@pytest.fixture(scope="module")
def shared(shared_site: Site) -> Site:
    os.chmod(shared_site.place, 0o755)
    (shared_site.place / "other").touch()
    (shared_site.place / "other").chmod(0o666)
    shared_site.write(WORKERS + (OTHER if os.geteuid() == 0 else ""))
    shared_site.up(check=1)
    return shared_site


def told(site: Site, name: str) -> list[str]:
    return (site.place / name).read_text().split()


def test_a_worker_has_the_umask_the_niceness_and_the_input_of_its_file(shared: Site) -> None:
    shared.wait_state("low", "completed")
    assert told(shared, "low") == ["0027", str(min(19, os.nice(0) + 3)), "0"]


def test_a_worker_has_the_limits_of_its_file_and_one_above_the_hard_limit_cannot_start(shared: Site) -> None:
    shared.wait_state("limited", "completed")
    assert told(shared, "limited") == ["77", "77", "0"]
    assert "rlimits.nofile = 9,223,372,036,854,775,807 is above the hard limit here" in shared.worker("bold")["reason"]


def test_a_user_that_does_not_exist_is_said(shared: Site) -> None:
    assert "there is no such user" in shared.worker("lost")["reason"]


@as_root
def test_a_worker_of_root_runs_as_somebody_else_and_is_ended_like_any_other(shared: Site) -> None:
    pid = shared.living("other")
    user = pwd.getpwnam("nobody")
    wait_until(lambda: told(shared, "other")[-1:] == ["open"])
    group = grp.getgrgid(user.pw_gid).gr_name
    assert told(shared, "other") == ["nobody", group, user.pw_dir, "nobody", "open"]
    assert os.stat(f"/proc/{pid}").st_uid == user.pw_uid
    shared.run("restart", "other", check=0)
    shared.living("other", but=pid)
    shared.run("stop", "other", check=0)
    assert "other" not in shared.truth()


def test_a_worker_does_not_start_by_itself_until_somebody_has_started_it(site: Site) -> None:
    site.write('[workers.lazy]\ncommand = "sleep 1000"\nautostart = false\n')
    assert "stopped, by autostart = false" in site.run("plan", check=10).stdout
    site.up()
    assert (site.worker("lazy")["state"], site.worker("lazy")["reason"]) == ("stopped", "autostart = false")
    assert "stopped" in site.run("why", "lazy").stdout.splitlines()[0]
    site.kill_service()
    site.up()
    assert site.worker("lazy")["state"] == "stopped"
    site.run("start", "lazy", check=0)
    site.run("down", check=0)
    site.up()
    site.living("lazy")


def test_names_of_files_are_utf8_whatever_the_locale_says(site: Site) -> None:
    """A shell in an ASCII or Latin-1 locale must not decide which files the service can name."""
    (site.place / "größe 日本").mkdir()
    site.write(
        '[workers.there]\ncommand = "sleep 1000"\ncwd = "größe 日本"\n[workers.gone]\ncommand = "true"\ncwd = "日"\n'
    )
    ascii_only = site.environment() | {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    begun = subprocess.run(site.argv("up"), cwd=site.place, env=ascii_only, capture_output=True, text=True, check=False)
    assert begun.returncode == 1, begun
    assert "cwd does not exist or is no folder" in begun.stdout
    assert (site.worker("there")["state"], site.worker("gone")["state"]) == ("running", "failed")
