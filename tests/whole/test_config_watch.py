"""`watch_config` on the whole machine: what has come to rest is applied once, and nothing else is."""

import os
from typing import Any

from kit.support import FAST, Site, wait_until

SLEEPER = 'command = ["sleep", "1000"]\n'
WATCHING = f"{FAST}watch_config = true\n"


def applied(site: Site) -> list[dict[str, Any]]:
    """Return the lines of what was applied since `up`: its own is the second of a new service."""
    return site.events("config.applied")[2:]


def a_second_goes_by(site: Site) -> None:
    """Wait until the service has looked at all panes five times more, each 0.2 s."""
    tick = site.status()["supervisor"]["tick"]
    wait_until(lambda: site.status()["supervisor"]["tick"] > tick + 5)


def config(site: Site) -> dict[str, Any]:
    return site.status()["supervisor"]["config"]


def test_each_change_that_is_right_is_applied_once_and_a_wrong_one_is_said_once(site: Site) -> None:
    """Changed, touched, broken and mended, broken in its env file and mended, emptied."""
    site.write(f"[workers.a]\n{SLEEPER}env_file = 'a.env'\n", WATCHING)
    (site.place / "a.env").write_text("A=1\n")
    site.up()
    before = site.worker("a")["pid"]
    more = "".join(f"[workers.w{n}]\n{SLEEPER}" for n in range(4))
    good = f"{site.config.read_text()}{more}"
    site.config.write_text(good)
    wait_until(lambda: "w3" in site.workers())
    os.utime(site.config)  # touching is no change
    a_second_goes_by(site)
    assert [(line["create"], line["none"]) for line in applied(site)] == [(4, 1)]
    assert site.events("config.error") == []

    for count, broken in enumerate((f"{good}comand = 1\n", f"{good}\ncomand = 1\n"), 1):
        site.config.write_text(broken)
        wait_until(lambda count=count: len(site.events("config.error")) == count)
    a_second_goes_by(site)
    assert len(site.events("config.error")) == 2
    site.config.write_text(good)
    wait_until(lambda: len(applied(site)) == 2)
    wait_until(lambda: config(site)["error"] is None)
    (site.place / "a.env").write_text("oops\n")
    wait_until(lambda: len(site.events("config.error")) == 3)
    assert site.worker("a")["pid"] == before
    (site.place / "a.env").write_text("A=2\n")
    wait_until(lambda: len(applied(site)) == 3)
    assert applied(site)[2]["replace"] == 1

    wait_until(lambda: site.worker("a")["pid"] not in (None, before))
    pids = {name: worker["pid"] for name, worker in site.workers().items()}
    site.write("", WATCHING)
    wait_until(lambda: len(site.events("config.error")) == 4)
    assert "--force" in site.events("config.error")[3]["error"]
    assert {name: worker["pid"] for name, worker in site.workers().items()} == pids
    site.run("up", "--force", check=0)
    assert site.workers() == {}


def test_what_changed_while_nobody_watched_is_not_applied_but_a_later_change_is(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    site.up()
    changed = f"[workers.a]\n{SLEEPER}[workers.b]\n{SLEEPER}"
    site.write(changed)
    wait_until(lambda: config(site)["changed_on_disk"])
    a_second_goes_by(site)
    assert applied(site) == []
    site.kill_service()
    site.write(changed, WATCHING)
    with site.serving():
        a_second_goes_by(site)
        assert config(site)["changed_on_disk"]
        assert applied(site) == []
        site.write(f"[workers.a]\n{SLEEPER}[workers.c]\n{SLEEPER}", WATCHING)
        wait_until(lambda: len(applied(site)) == 1)
        wait_until(lambda: set(site.workers()) == {"a", "c"})
