"""What a worker finds around it: its umask, its niceness, its standard input, folders whose names are not ASCII."""

import grp
import os
import pwd
import subprocess

import pytest
from kit.support import Site, wait_until


def test_a_worker_has_the_umask_the_niceness_and_the_input_of_its_file(site: Site) -> None:
    site.write(
        f"""
[workers.low]
command = "umask >{site.place}/told; nice >>{site.place}/told; wc -c >>{site.place}/told"
umask = "027"
nice = 3
stdin = "null"
"""
    )
    site.up()
    site.wait_state("low", "completed")
    assert (site.place / "told").read_text().split() == ["0027", str(min(19, os.nice(0) + 3)), "0"]


def test_a_worker_has_the_limits_of_its_file_and_one_above_the_hard_limit_cannot_start(site: Site) -> None:
    site.write(
        f"""
[workers.limited]
command = "ulimit -n >{site.place}/told; ulimit -Hn >>{site.place}/told; ulimit -c >>{site.place}/told"
rlimits = {{ nofile = 77, core = 0, stack = "16MiB" }}
[workers.bold]
command = "sleep 1000"
rlimits = {{ nofile = 9223372036854775807 }}
"""
    )
    site.up(check=1)
    site.wait_state("limited", "completed")
    assert (site.place / "told").read_text().split() == ["77", "77", "0"]
    assert "rlimits.nofile = 9,223,372,036,854,775,807 is above the hard limit here" in site.worker("bold")["reason"]


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a program as somebody else")
def test_a_worker_of_root_runs_as_somebody_else_and_is_ended_like_any_other(site: Site) -> None:
    os.chmod(site.place, 0o755)
    told = site.place / "told"
    told.touch()
    told.chmod(0o666)
    site.write(
        f"""
[workers.other]
command = "(id -un; id -gn; echo $HOME $USER; echo hello >/dev/stderr && echo open) >>{told} && sleep 1000"
user = "nobody"
ready = {{ command = ["sh", "-c", "test $(id -un) = nobody"] }}
[workers.nobody-such]
command = "sleep 1000"
user = "no-such-user"
"""
    )
    site.up(check=1)
    pid = site.living("other")
    user = pwd.getpwnam("nobody")
    wait_until(lambda: told.read_text().split()[-1:] == ["open"])
    group = grp.getgrgid(user.pw_gid).gr_name
    assert told.read_text().split() == ["nobody", group, user.pw_dir, "nobody", "open"]
    assert os.stat(f"/proc/{pid}").st_uid == user.pw_uid
    assert "there is no such user" in site.worker("nobody-such")["reason"]
    site.run("restart", "other", check=0)
    site.living("other", but=pid)
    site.run("stop", "other", check=0)
    assert site.truth() == {}


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
