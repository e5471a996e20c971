"""Prompts of real programs are answered by presets with the keys of their dialogs; texts and people are left alone."""

import json
import shutil
import sys

from kit import ROOT
from kit.screens import RULES, SCREENS
from kit.support import Site, wait_until
from kit.terminal import Terminal

COMPOSER = ROOT / "tests/kit/composer.py"
GIT = (
    "git init -q; git config user.email a@example.org; git config user.name a; seq 9 > f; git add f; git commit -qm 1; "
    "echo 10 >> f; exec git add -p"
)


def worker(name: str, command: str, more: str = "") -> str:
    return f"[workers.{name}]\ncommand = '''{command}'''\nrestart = 'never'\n{more}{RULES.format(name=name)}\n"


def answered(site: Site, name: str) -> list[str]:
    return [line["text"] for line in site.events("worker.answered", worker=name)]


def test_real_programs_get_their_answers_and_what_only_looks_like_a_prompt_gets_none(site: Site) -> None:
    repository, log = site.place / "repository", site.place / "composer"
    repository.mkdir()
    for name in ("a", "b", "c"):
        (site.place / name).write_text(name)
    prose = ("log-bare-question", "log-question-last", "docs-claude-dialog", "old-unanswered")
    site.write(
        worker("rm", "touch a; exec rm -i a")
        + worker("cp", "exec cp -i b c")
        + worker("wraps", f"printf '{'x' * 300} go on? [y/N] '; read a; echo $a > wrapped")
        + worker("echoes", "echo 'go on? [y/N]'; read a; echo $a > echoed")
        + worker("permits", f"exec {sys.executable} {COMPOSER} {log} permits")
        + (worker("git", GIT, f"cwd = '{repository}'\n") if shutil.which("git") else "")
        + "".join(worker(name, f"cat {SCREENS}/prose/{name}.txt; exec sleep 1000") for name in prose)
    )
    site.up(check=None)
    wait_until(lambda: not (site.place / "a").exists())
    wait_until(lambda: (site.place / "c").read_text() == "b")
    for name in ("wrapped", "echoed"):
        wait_until(lambda name=name: (site.place / name).exists() and (site.place / name).read_text() == "y\n")
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
    assert {json.loads(line) for line in log.read_text().splitlines()} == {"YES"}
    if shutil.which("git"):
        site.wait_state("git", "completed")
        wait_until(lambda: len(answered(site, "git")) == 1)
    for name in ("rm", "cp", "wraps", "echoes"):
        wait_until(lambda name=name: len(answered(site, name)) == 1)
    first = [f"Run tool {number}? (yes/no)" for number in range(3)]
    wait_until(lambda: answered(site, "permits")[:3] == first)
    assert [name for name in prose if answered(site, name)] == []
    said = site.run("why", "rm", check=0).stdout
    assert "answered \"rm: remove regular file 'a'?\"" in said


def test_nothing_is_answered_while_a_person_is_attached_and_a_new_rule_answers_what_stands_already(site: Site) -> None:
    table = "[workers.asks]\ncommand = \"printf 'go on? [y/N] '; read a; echo $a > said; exec sleep 1000\"\n"
    site.write(table)
    site.up()
    with Terminal(site.argv("attach", "asks"), cwd=site.place, environment=site.environment()) as person:
        person.until(b"[y/N]")
        site.write(table + RULES.format(name="asks"))
        site.run("apply", check=0)
        tick = site.status()["supervisor"]["tick"]
        wait_until(lambda: site.status()["supervisor"]["tick"] >= tick + 10)
        assert answered(site, "asks") == []
    wait_until(lambda: (site.place / "said").exists() and (site.place / "said").read_text() == "y\n")
    wait_until(lambda: answered(site, "asks") == ["go on? [y/N]"])
