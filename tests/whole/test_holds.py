"""Holds in a real service: a worker is left alone until its time, and that is honoured once, whoever runs."""

from typing import Any

from kit.support import Site, wait_until

READS = "while read line; do echo $line >> %s; done"


def held(name: str, says: str, more: str = "", *, then: str = READS) -> str:
    """Return the table of a worker that prints its limit once, and then reads lines."""
    program = then % f"{name}.got" if "%s" in then else then
    return (
        f"[workers.{name}]\nproject = 'limited'\n"
        f"command = '''test -e {name}.said || echo \"limit reached, resets {says}\"; touch {name}.said; {program}'''\n"
        f"[[workers.{name}.rules]]\nname = 'limit'\nmatch = 'resets (?P<when>.*)'\n"
        f"do = {{ hold = {{ until = 'when', {more} jitter = '0s' }} }}\n"
    )


def got(site: Site, name: str) -> list[str]:
    file = site.place / f"{name}.got"
    return file.read_text().splitlines() if file.exists() else []


def over(site: Site, name: str) -> list[dict[str, Any]]:
    return site.events("worker.released", worker=name)


def test_a_hold_ends_once_at_its_time_across_a_kill_of_the_service_or_when_a_person_says_so(site: Site) -> None:
    later = "$(( $(date +%s) + 4000 ))"
    site.write(
        held("agent", "$(( $(date +%s) + 4 ))", "send = 'go on',")
        + held("batch", "in 2s", "then = 'restart',", then="exec sleep 1000")
        + held("ends", "in 2s", then="test -e ends.again && exec sleep 1000; touch ends.again; exit 1")
        + held("one", later, "send = 'go on',")
        + held("two", later, "send = 'go on',")
        + held("odd", "soon", "max = '30m',")
    )
    site.up(check=None)
    wait_until(lambda: len(site.events("worker.held")) == 6)
    wait_until(lambda: {site.worker(name)["attention"] for name in ("one", "two", "odd")} == {"held"})
    row = site.worker("one")
    assert (row["attention_by"], row["held_until"] > row["attention_since"]) == ("rule", True)
    assert "held for" in site.run("status", "one").stdout
    assert "What happens next\n  it is held; then it goes on at" in site.run("why", "one", check=0).stdout
    (odd,) = site.events("worker.held", worker="odd")
    assert (odd["unclear"], odd["found"], odd["hold_s"], odd["level"]) == ("unread", "soon", 1800.0, "warning")
    site.kill_service()
    site.up(check=None)
    assert site.worker("two")["attention"] == "held"
    wait_until(lambda: over(site, "batch") and over(site, "ends"))
    assert [line["do"] for line in (*over(site, "batch"), *over(site, "ends"))] == ["restart", "start"]
    site.living("ends")
    assert site.run("release", "o*", "--cancel", check=0).stdout.splitlines() == [
        f"{name}: its hold is cancelled, and nothing is done" for name in ("one", "odd")
    ]
    assert site.run("release", "-p", "limited", "t*", check=0).stdout == "two: its hold is over\n"
    wait_until(lambda: got(site, "two") == ["go on"])
    wait_until(lambda: got(site, "agent"))
    assert "it is typed to" in site.run("why", "agent", check=0).stdout
    site.kill_service()
    site.up(check=None)
    refused = site.run("release", "--all", check=3)
    assert "none of them is held" in refused.stderr
    assert (got(site, "agent"), got(site, "one")) == (["go on"], [])
    assert [line["cause"] for line in over(site, "agent")] == ["time"]
