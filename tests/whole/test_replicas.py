"""Replicas on the whole machine: each a worker of its own, scaled by an order, and found by the name of the family."""

import os
import signal
import urllib.request

from kit.support import Site, alive, wait_until

SLEEP = "command = ['sleep', '1000']\n"
FIRST = 20_000  # port; the address is this process's alone, so that no other test listens there
HOST = "127." + ".".join(map(str, os.getpid().to_bytes(3)))


def web(replicas: int) -> str:
    serve = f"['python3', '-m', 'http.server', '{{{FIRST}+index}}', '--bind', '{HOST}']"
    where = f"cwd = '{{name}}'\nready = {{ tcp = '{HOST}:{{{FIRST}+index}}' }}\n"
    return f"[workers.web]\nreplicas = {replicas}\ncommand = {serve}\n{where}"


def answer(number: int) -> str:
    return urllib.request.urlopen(f"http://{HOST}:{FIRST + number}/who", timeout=30).read().decode()


def pids(site: Site) -> dict[str, int]:
    return {name: worker["pid"] for name, worker in site.workers().items()}


def test_replicas_answer_at_their_own_ports_and_scale_keeps_those_that_stay(site: Site) -> None:
    for n in range(1, 6):
        (site.place / f"web-{n}").mkdir()
        (site.place / f"web-{n}" / "who").write_text(f"web-{n}")
    site.write(web(3))
    site.up()
    assert [answer(n) for n in (1, 2, 3)] == ["web-1", "web-2", "web-3"]
    before = pids(site)
    done = site.run("scale", "web", "5", check=0)
    assert "web: 5 replicas, 2 new, 0 to go" in done.stdout
    assert answer(5) == "web-5"
    five = pids(site)
    assert list(five) == [f"web-{n}" for n in (1, 2, 3, 4, 5)]
    assert {name: pid for name, pid in five.items() if name in before} == before
    site.kill_service()
    site.up()  # the file says 3 as before: what was ordered still counts
    assert pids(site) == five
    assert "scaled to 5; the file says 3" in site.run("plan", check=0).stdout
    assert "web-5: removed" in site.run("scale", "web", "2", check=0).stdout
    assert pids(site) == {name: five[name] for name in ("web-1", "web-2")}
    assert not any(alive(five[f"web-{n}"]) for n in (3, 4, 5))
    assert set(site.truth()) == {"web-1", "web-2"}
    site.write(web(4))
    assert "it was scaled to 2" in site.run("plan", check=10).stdout
    site.run("apply", check=0)
    assert list(pids(site)) == [f"web-{n}" for n in (1, 2, 3, 4)]
    assert pids(site)["web-1"] == five["web-1"]
    assert site.run("scale", "web", "4", check=0).stdout == "web: 4 replicas, as before\n"


def test_a_scaled_number_survives_a_clean_end_and_each_replica_is_a_worker_of_its_own(site: Site) -> None:
    site.write(
        f"[workers.a]\nreplicas = 2\n{SLEEP}[workers.b]\n{SLEEP}"
        "[workers.c]\nreplicas = 2\ncommand = 'echo I am {name}; sleep 1000'\nbackoff = { initial = '50ms' }\n"
    )
    site.up()
    killed = site.worker("c-2")["pid"]
    os.kill(killed, signal.SIGKILL)
    site.living("c-2", but=killed)
    assert (site.worker("c-1")["restarts"], site.worker("c-2")["restarts"]) == (0, 1)
    wait_until(lambda: site.run("logs", "c-1", check=0).stdout == "I am c-1\n")

    assert site.run("stop", "c", check=0).stdout == "c-1: stopped\nc-2: stopped\n"
    site.run("scale", "c", "3", check=0)
    states = {name: worker["state"] for name, worker in site.workers().items() if name.startswith("c")}
    assert states == {"c-1": "stopped", "c-2": "stopped", "c-3": "running"}
    (line,) = site.events("workers.scaled")
    assert (line["family"], line["replicas"], line["before"]) == ("c", 3, 2)

    site.run("scale", "a", "0", check=0)
    site.run("down", check=0)
    assert "scaled to 0; the file says 2" in site.run("plan", check=10).stdout
    site.up()
    assert set(site.workers()) == {"b", "c-1", "c-2", "c-3"}
    site.run("scale", "a", "1", check=0)
    assert set(site.workers()) == {"a-1", "b", "c-1", "c-2", "c-3"}


def test_a_family_is_a_name_everywhere_also_while_it_has_no_replica_and_what_cannot_be_scaled_says_why(
    site: Site,
) -> None:
    family = "[workers.a]\nreplicas = 2\nprotected = true\n"
    rest = f"[workers.b]\n{SLEEP}[workers.zero]\nreplicas = 0\n{SLEEP}"
    site.write(f"{family}{SLEEP}{rest}")
    site.run("scale", "a", "2", check=7)
    site.up()
    refused = site.run("run", "--name", "a", "--", "true", check=9).stderr
    assert "a is a family, of a-1, a-2: take another name" in refused
    for verb in ("why", "screen"):
        said = site.run(verb, "a", check=0).stdout
        assert ("a-1" in said, "a-2" in said) == (True, True)
    assert 'name one worker: "a" means a-1, a-2' in site.run("attach", "a", check=2).stderr
    assert site.run("send", "a", "hi", check=0).stdout.split("\n")[:2] == ["a-1: typed", "a-2: typed"]
    assert 'no worker is called "a-11" (did you mean "a-1"?)' in site.run("send", "a-11", "hi", check=4).stderr
    site.config.write_text(f"{site.config.read_text()}[workers.waits]\n{SLEEP}depends_on = ['zero']\n")
    site.run("apply", check=1)
    assert "scale zero 1" in site.run("why", "waits", check=0).stdout
    for argv in (["status", "zero"], ["stop", "zero"], ["why", "zero"], ["logs", "zero"]):
        assert f"zero has no replica now: `panevisor -c {site.config} scale zero 1`" in site.run(*argv, check=4).stderr
    site.run("scale", "zero", "1", check=0)
    site.wait_state("waits", "running")
    site.write(f"{family}{SLEEP}{rest}")
    site.run("apply", "--force", check=0)

    site.run("scale", "c", "2", check=4)
    assert "only what has `replicas = N`" in site.run("scale", "b", "2", check=2).stderr
    site.run("scale", "a", "-1", check=2)
    assert "protected: a-2" in site.run("scale", "a", "1", check=6).stderr
    site.run("run", "--name", "a-3", "--", "sleep", "1000", check=0)
    assert "panevisor remove a-3" in site.run("scale", "a", "3", check=9).stderr
    site.write(f"{family}command = ['sleep', '999']\n{rest}")
    assert "panevisor apply" in site.run("scale", "a", "2", check=9).stderr
    site.write(f"{family}command = 1\n")
    assert "command" in site.run("scale", "a", "2", check=5).stderr
    site.write(f"{family}{SLEEP}{rest}")
    site.run("scale", "a", "3", check=9)
    assert set(site.workers()) == {"a-1", "a-2", "a-3", "b", "zero-1"}
