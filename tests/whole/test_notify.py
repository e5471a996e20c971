"""A real service tells people of incidents: once, also across its death, and a dead receiver holds nobody up."""

import json
from pathlib import Path
from typing import Any

from kit.support import FAST, Site, comes_to, wait_until

CANARY = "canary-4711"
RECEIVER = 'settle = "1s"\nbatch = "0s"\n'


def told(file: Path) -> list[str]:
    """Return what the receiver got: news, occasion and worker, one a line of the file."""
    lines = file.read_text().splitlines() if file.exists() else []
    found: list[dict[str, Any]] = [each for line in lines for each in json.loads(line)["incidents"]]
    return [f"{each['news']} {each['occasion']} {each['worker']}" for each in found]


def test_an_incident_is_told_once_also_across_the_death_of_the_service_and_its_end_is_told(site: Site) -> None:
    ops = f"[notify.ops]\ncommand = 'cat >> told; echo >> told'\n{RECEIVER}"
    dead = f"[notify.dead]\ncommand = 'echo {CANARY} >&2; exec sleep 1000'\n{RECEIVER}"
    site.write(f"[workers.api]\ncommand = 'test -e mended && exec sleep 1000'\nrestart = 'never'\n{ops}{dead}", FAST)
    site.up(check=1)
    file = site.place / "told"
    comes_to(lambda: told(file), ["new failed api"])
    wait_until(lambda: site.events("notify.sent"))  # it is in the log a moment later
    site.kill_service()
    site.up(check=None)
    (site.place / "mended").touch()
    site.run("start", "api", check=0)
    comes_to(lambda: told(file), ["new failed api", "over failed api"])
    wait_until(lambda: len(site.events("notify.sent")) == 2)
    assert CANARY not in site.log_text()


def test_an_applied_file_brings_its_receivers_at_once(site: Site) -> None:
    worker = "[workers.api]\ncommand = 'exit 3'\nrestart = 'never'\n"
    site.write(worker, FAST)
    site.up(check=1)
    ops = f"[notify.ops]\ncommand = 'cat >> told; echo >> told'\n{RECEIVER}"
    site.write(worker + ops, FAST)
    site.run("apply", check=None)
    comes_to(lambda: told(site.place / "told"), ["new failed api"])


def test_a_rule_tells_what_a_worker_prints(site: Site) -> None:
    rule = "[[workers.api.rules]]\nmatch = 'banned'\ndo = 'notify'\n"
    ops = f"[notify.ops]\ncommand = 'cat >> told; echo >> told'\n{RECEIVER}"
    site.write(f"[workers.api]\ncommand = 'sleep 1; echo 403 banned; exec sleep 1000'\n{rule}{ops}", FAST)
    site.up()
    comes_to(lambda: told(site.place / "told"), ["new rule api"])
