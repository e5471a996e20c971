"""`ps` and `--state-dir`: what lives is found and reached, whatever became of its file."""

import json
import os
import signal
from typing import Any

from kit.support import Site, freeze, wait_until

SLEEPERS = "[workers.a]\ncommand = ['sleep', '1000']\n[workers.b]\ncommand = ['sleep', '1000']\n"


def listed(site: Site) -> dict[str, Any] | None:
    """Return what `ps` says of this site; others live on this machine too."""
    found = json.loads(site.run("ps", "-o", "json", check=0).stdout)
    return next((one for one in found if one["state_dir"] == str(site.state)), None)


def test_ps_lists_a_service_also_while_it_hangs_and_what_lives_without_one_and_all_can_be_reached_there(
    site: Site,
) -> None:
    site.write(SLEEPERS)
    site.up()
    service = site.service_pid()
    wait_until(lambda: (listed(site) or {}).get("workers") == {"running": 2})
    freeze(service)
    try:
        hangs = listed(site)
    finally:
        os.kill(service, signal.SIGCONT)
    assert hangs
    assert (hangs["pid"], hangs["answers"], hangs["living"]) == (service, False, ["a", "b"])

    site.config.unlink()
    gone = listed(site)
    assert gone
    assert (gone["config"], gone["config_exists"]) == (str(site.config), False)
    site.run("--state-dir", str(site.state), "status", "a", check=0)
    site.kill_service()
    left = listed(site)
    assert left
    assert (left["pid"], left["config"], left["living"]) == (None, str(site.config), ["a", "b"])
    ended = site.run_alone("--state-dir", str(site.state), "down")
    assert (ended.returncode, listed(site), site.truth()) == (0, None, {})
