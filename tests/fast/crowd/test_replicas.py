"""Replicas: one table, several workers of their own; how they are named, told apart, found, and counted."""

from dataclasses import replace
from pathlib import Path

import pytest
from kit.crowd import Story, decide, member, spec

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
        ("{{index}}", "{index}"),
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
