"""Replicas: one table, several workers of their own; how they are named, told apart, found, and scaled."""

import os
import signal
import socket
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from kit.crowd import Story, decide, member, spec
from kit.support import Site, alive

from actors.crowd.members import Member
from actors.crowd.reconcile import ordered, together, wanted
from actors.life.state import State
from actors.values.facts import Ordered, Verb
from actors.values.gates import Room
from actors.values.records import Head, Scaled
from actors.values.spec import Condition, Family, WorkerSpec
from supervisor.config.load import load_text
from supervisor.config.problems import ConfigError
from supervisor.config.replicas import filled
from supervisor.config.settings import Config
from supervisor.explain.policy import waits_in_vain
from supervisor.text.values import rebuilt
from supervisor.wire.selection import Selection, select

S = State


def read(text: str, path: Path = Path("/srv/panevisor.toml")) -> Config:
    return load_text(text.encode(), path)


def said(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_replica_is_a_worker_with_its_own_number_wherever_one_may_stand() -> None:
    config = read(
        "[workers.web]\nreplicas = 3\ncommand = ['serve', '--port', '{8080+index}', '{name}']\ncwd = 'w{index0}'\n"
        "env = { N = '{index}' }\nready = { tcp = '127.0.0.1:{8080+index}', timeout = '5s' }\nlabels = { a = 'b' }\n"
    )
    assert [spec.name for spec in config.workers] == ["web-1", "web-2", "web-3"]
    two = config.workers[1]
    assert two.command == ("serve", "--port", "8082", "web-2")
    assert (two.cwd, two.env, two.ready.tcp) == ("/srv/w1", (("N", "2"),), "127.0.0.1:8082")
    assert two.labels == (("a", "b"), ("replica_of", "web"))
    assert two.replica_of == "web"
    assert rebuilt(WorkerSpec, two.to_json()) == two


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{index}", "2"),
        ("{index0}", "1"),
        ("{name}", "web-2"),
        ("{8080+index}", "8082"),
        ("{8080+index0}", "8081"),
        ("a{index}b{index0}c", "a2b1c"),
        *((text, text) for text in ("{}", "{ index }", "{index+1}", "{indexed}", "${PATH}", '{"a": {"b": 1}}')),
        ("${index}", "$2"),
        ("{{index}}", "{2}"),
        ("{-1+index}", "{-1+index}"),
    ],
)
def test_only_the_exact_words_are_replaced(text: str, told: str) -> None:
    assert filled({"command": [text], "project": text}, "web-2", 2) == {"command": [told], "project": text}


def test_one_replica_is_the_worker_itself_and_without_the_key_no_word_is_replaced() -> None:
    config = read("workers.a = { command = '{index} {name}', replicas = 1 }\nworkers.b.command = '{index}'")
    assert [(spec.name, spec.command) for spec in config.workers] == [("a", "1 a"), ("b", "{index}")]
    assert config.families == ()


def test_no_replicas_are_no_workers_but_a_family_that_can_be_scaled() -> None:
    config = read("workers.a = { command = 'x{index}', replicas = 0 }")
    assert config.workers == ()
    (family,) = config.families
    assert [spec.command for spec in family.specs(2)] == ["x1", "x2"]


def test_what_is_wrong_with_all_replicas_is_said_once_and_where() -> None:
    assert said("[workers.a]\ncommand = 'x'\nreplicas = 9\nmax_restarts = -2") == [
        "4: max_restarts must be at least -1, not -2"
    ]
    assert "h:65536" in said("[workers.a]\ncommand = 'x'\nreplicas = 9\nready.tcp = 'h:{65534+index}'")[0]
    assert said("[workers.a]\ncommand = 'x'\nreplicas = 0\nmax_restarts = -2")


def test_names_that_clash_or_are_too_long_are_said_with_the_line() -> None:
    text = "[workers.a]\ncommand = 'x'\nreplicas = 2\n[workers.a-2]\ncommand = 'x'\n"
    assert said(text) == ['3: replicas gives a worker "a-2", and one of that name stands here too (rename one)']
    (long,) = said(f"[workers.{'a' * 62}]\ncommand = 'x'\nreplicas = 10\n")
    assert long == "3: replicas gives names longer than 64 characters"
    assert len(read(f"[workers.{'a' * 62}]\ncommand = 'x'\nreplicas = 9\n").workers) == 9


def test_a_family_can_be_depended_on_and_not_on_itself() -> None:
    text = "workers.a = { command = 'x', depends_on = ['web'] }\nworkers.web = { command = 'x', replicas = 2 }"
    config = read(text)
    assert config.workers[0].depends_on == (("web", Condition.READY),)
    assert list(waits_in_vain(config.workers)) == []
    always = read(text.replace("['web']", "{ web = 'completed' }").replace("= 2", "= 2, restart = 'always'"))
    assert len(list(waits_in_vain(always.workers))) == 1
    assert said("workers.web = { command = 'x', replicas = 2, depends_on = ['web'] }")


# ── who depends on a family ───────────────────────────────────────────────────────────────────────────────────────


def replicas(**states: State) -> dict[str, Member]:
    """web_1 … are replicas of web; api waits for web."""
    found = {}
    for name, state in states.items():
        needs = spec("api", web=Condition.READY) if name == "api" else spec(name.replace("_", "-"), "web")
        found[needs.name] = member(state, needs)
    return found


def test_who_depends_on_a_family_waits_for_each_replica() -> None:
    both = replicas(web_1=S.RUNNING, web_2=S.STARTING, api=S.PENDING)
    assert decide(["api"], both, Room(9)) == {"api": "waiting for web-2 to be ready"}
    both |= replicas(web_2=S.RUNNING)
    assert decide(["api"], both, Room(9)) == {"api": None}
    del both["web-1"], both["web-2"]
    assert decide(["api"], both, Room(9)) == {"api": "web does not exist"}


def test_replicas_end_after_those_who_depend_on_their_family() -> None:
    known = replicas(web_1=S.RUNNING, web_2=S.RUNNING, api=S.RUNNING)
    assert Story(known).join(*known, order=Ordered(Verb.STOP, 1)).told(Ordered) == ["api"]


# ── how many there are ────────────────────────────────────────────────────────────────────────────────────────────

WEB = Family("web", 2, lambda index: spec(f"web-{index}", "web"))
OF_FILE = (spec("a"), *WEB.specs(2), spec("z"))


@pytest.mark.parametrize(
    ("order", "names", "kept"),
    [
        (Scaled("web", 3, 2), ["a", "web-1", "web-2", "web-3", "z"], True),
        (Scaled("web", 1, 2), ["a", "web-1", "z"], True),
        (Scaled("web", 0, 2), ["a", "z"], True),
        (Scaled("web", 5, 4), ["a", "web-1", "web-2", "z"], False),  # the file says another number since
        (Scaled("gone", 5, 2), ["a", "web-1", "web-2", "z"], False),
    ],
)
def test_what_was_ordered_counts_until_the_file_says_another_number(
    order: Scaled, names: list[str], kept: bool
) -> None:
    specs, orders = wanted(OF_FILE, [WEB], [order])
    assert [found.name for found in specs] == names
    assert orders == ((order,) if kept else ())


def test_a_family_of_none_in_the_file_is_scaled_to_the_end() -> None:
    specs, _ = wanted([spec("a")], [replace(WEB, replicas=0)], [Scaled("web", 2, 0)])
    assert [found.name for found in specs] == ["a", "web-1", "web-2"]


def test_an_order_that_says_what_the_file_says_is_none() -> None:
    assert ordered([Scaled("web", 5, 2)], Scaled("web", 2, 2)) == ()
    assert ordered([Scaled("b", 1, 2)], Scaled("web", 3, 2)) == (Scaled("b", 1, 2), Scaled("web", 3, 2))


def test_the_order_is_on_record() -> None:
    head = Head(scaled=(Scaled("web", 3, 2),))
    assert rebuilt(Head, head.to_json()) == head
    assert rebuilt(Head, {}).scaled == ()


def test_new_replicas_stand_beside_the_old_ones() -> None:
    assert together(["a", "web-1", "z", "web-2"], ("web-1", "web-2")) == ["a", "web-1", "web-2", "z"]


def test_the_name_of_a_family_means_all_its_replicas() -> None:
    workers = [{"name": f"web-{n}", "labels": {"replica_of": "web"}} for n in (1, 2)] + [{"name": "webs", "labels": {}}]
    assert select(workers, Selection(patterns=("web",))) == ["web-1", "web-2"]
    assert select(workers, Selection(patterns=("web-2",))) == ["web-2"]
    assert select(workers, Selection(labels=(("replica_of", "web"),))) == ["web-1", "web-2"]
    assert select([*workers, {"name": "web", "labels": {}}], Selection(patterns=("web",))) == ["web"]


# ── a real service ────────────────────────────────────────────────────────────────────────────────────────────────


def free_ports(count: int) -> int:
    """Return a port after which so many are free."""
    for first in range(20_000 + os.getpid() % 10_000, 60_000, 50):
        try:
            for port in range(first + 1, first + count + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no ports are free")


def web(first: int, replicas: int, more: str = "") -> str:
    serve = f"['python3', '-m', 'http.server', '{{{first}+index}}', '--bind', '127.0.0.1']"
    where = f"cwd = '{{name}}'\nready = {{ tcp = '127.0.0.1:{{{first}+index}}' }}\n"
    return f"[workers.web]\nreplicas = {replicas}\ncommand = {serve}\n{where}{more}"


def answer(port: int) -> str:
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/who", timeout=5).read().decode()


def pids(site: Site) -> dict[str, int]:
    return {name: worker["pid"] for name, worker in site.workers().items()}


def folders(site: Site, count: int) -> None:
    for n in range(1, count + 1):
        (site.place / f"web-{n}").mkdir()
        (site.place / f"web-{n}" / "who").write_text(f"web-{n}")


def test_replicas_answer_at_their_own_ports_and_scale_keeps_those_that_stay(site: Site) -> None:
    first = free_ports(5)
    folders(site, 5)
    site.write(web(first, 3))
    site.up()
    assert [answer(first + n) for n in (1, 2, 3)] == ["web-1", "web-2", "web-3"]
    before = pids(site)
    done = site.run("scale", "web", "5", check=0)
    assert "web: 5 replicas, 2 new, 0 to go" in done.stdout
    assert answer(first + 5) == "web-5"
    assert list(pids(site)) == [f"web-{n}" for n in (1, 2, 3, 4, 5)]
    assert {name: pid for name, pid in pids(site).items() if name in before} == before
    five = pids(site)
    site.kill_service()
    site.up()  # the file says 3 as before: what was ordered still counts
    assert pids(site) == five
    assert "scaled to 5; the file says 3" in site.run("plan", check=0).stdout
    assert "web-5: removed" in site.run("scale", "web", "2", check=0).stdout
    assert pids(site) == {name: five[name] for name in ("web-1", "web-2")}
    assert not any(alive(five[f"web-{n}"]) for n in (3, 4, 5))
    assert set(site.truth()) == {"web-1", "web-2"}
    site.write(web(first, 4))
    assert "it was scaled to 2" in site.run("plan", check=10).stdout
    site.run("apply", check=0)
    assert list(pids(site)) == [f"web-{n}" for n in (1, 2, 3, 4)]
    assert pids(site)["web-1"] == five["web-1"]
    assert site.run("scale", "web", "4", check=0).stdout == "web: 4 replicas, as before\n"


SLEEP = "command = ['sleep', '1000']\n"


def test_a_scaled_number_survives_a_clean_end_and_none_is_none(site: Site) -> None:
    site.write(f"[workers.a]\nreplicas = 2\n{SLEEP}[workers.b]\n{SLEEP}")
    site.up()
    site.run("scale", "a", "0", check=0)
    assert set(site.workers()) == {"b"}
    site.run("down", check=0)
    assert "scaled to 0; the file says 2" in site.run("plan", check=10).stdout
    site.up()
    assert set(site.workers()) == {"b"}
    site.run("scale", "a", "1", check=0)
    assert set(site.workers()) == {"a-1", "b"}


def test_the_name_of_the_family_orders_all_and_a_stopped_one_stays_stopped_when_scaled(site: Site) -> None:
    site.write(f"[workers.a]\nreplicas = 2\n{SLEEP}")
    site.up()
    assert site.run("stop", "a", check=0).stdout == "a-1: stopped\na-2: stopped\n"
    site.run("scale", "a", "3", check=0)
    assert {name: w["state"] for name, w in site.workers().items()} == {
        "a-1": "stopped",
        "a-2": "stopped",
        "a-3": "running",
    }
    (line,) = site.events("workers.scaled")
    assert (line["family"], line["replicas"], line["before"]) == ("a", 3, 2)


def test_what_cannot_be_scaled_says_why(site: Site) -> None:
    site.write(f"[workers.a]\nreplicas = 2\nprotected = true\n{SLEEP}[workers.b]\n{SLEEP}")
    assert site.run("scale", "a", "2").returncode == 7
    site.up()
    assert site.run("scale", "c", "2", check=4).stderr
    assert "only what has `replicas = N`" in site.run("scale", "b", "2", check=2).stderr
    assert site.run("scale", "a", "-1").returncode == 2
    assert "protected: a-2" in site.run("scale", "a", "1", check=6).stderr
    site.run("run", "--name", "a-3", "--", "sleep", "1000", check=0)
    assert "panevisor remove a-3" in site.run("scale", "a", "3", check=9).stderr
    site.write(f"[workers.a]\nreplicas = 2\nprotected = true\ncommand = ['sleep', '999']\n[workers.b]\n{SLEEP}")
    assert "panevisor apply" in site.run("scale", "a", "2", check=9).stderr
    site.write("[workers.a]\nreplicas = 2\nprotected = true\ncommand = 1\n")
    assert site.run("scale", "a", "2", check=5).stderr
    site.write(f"[workers.a]\nreplicas = 2\n{SLEEP}[workers.b]\n{SLEEP}")
    assert site.run("scale", "a", "3").returncode == 9
    assert set(site.workers()) == {"a-1", "a-2", "a-3", "b"}


def test_a_family_is_a_name_everywhere_also_while_it_has_no_replica(site: Site) -> None:
    site.write(f"[workers.a]\nreplicas = 2\n{SLEEP}[workers.zero]\nreplicas = 0\n{SLEEP}")
    site.up()
    refused = site.run("run", "--name", "a", "--", "true", check=9).stderr
    assert "a is a family, of a-1, a-2 …: take another name" in refused
    for argv in (["why", "a"], ["send", "a", "hi"], ["attach", "a"], ["screen", "a"]):
        assert 'name one worker: "a" means a-1, a-2' in site.run(*argv, check=2).stderr
    assert 'no worker is called "a-11" (did you mean "a-1"?)' in site.run("send", "a-11", "hi", check=4).stderr
    waiting = f"[workers.b]\n{SLEEP}depends_on = ['zero']\n"
    site.config.write_text(site.config.read_text() + waiting)
    site.run("apply", check=1)
    assert "scale zero 1" in site.run("why", "b", check=0).stdout
    for argv in (["status", "zero"], ["stop", "zero"], ["why", "zero"], ["logs", "zero"]):
        assert f"zero has no replica now: `panevisor -c {site.config} scale zero 1`" in site.run(*argv, check=4).stderr
    site.run("scale", "zero", "1", check=0)
    site.wait_state("b", "running")


def test_a_replica_has_counters_and_a_log_of_its_own(site: Site) -> None:
    site.write("[workers.a]\nreplicas = 2\ncommand = 'echo I am {name}; sleep 1000'\nbackoff = { initial = '50ms' }\n")
    site.up()
    os.kill(site.worker("a-2")["pid"], signal.SIGKILL)
    site.wait_state("a-2", "backoff", "running")
    assert site.worker("a-1")["restarts"] == 0
    assert "I am a-1" in site.run("logs", "a-1", check=0).stdout
    assert "a-2" not in site.run("logs", "a-1", check=0).stdout
