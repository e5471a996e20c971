"""The recipes of docs/rules.md, each run as it stands there, with small programs in the place of the real ones."""

import re
from pathlib import Path

from kit import ROOT
from kit.support import FAST, Site, wait_until

PROGRAMS = {
    "approval": "printf 'Do you want to proceed? '; read answer",
    "limit": "echo usage limit reached, it resets in 1s; read line; echo got $line; exec sleep 1000",
    "banned": "for n in 1 2 3; do echo 'HTTP 429 Too Many Requests'; done; exec sleep 1000",
    "oom": "test -e begun && exec sleep 1000; touch begun; echo java.lang.OutOfMemoryError; exec sleep 1000",
    "save": "echo server is overloaded; read line; echo got $line; echo saved; exec sleep 1000",
}


def recipes() -> dict[str, str]:
    """Return the recipes by the name of their first rule."""
    section = (ROOT / "docs/rules.md").read_text().partition("## Recipes")[2]
    found = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    return {re.findall(r'^name = "(\w+)"', recipe, re.MULTILINE)[0]: recipe for recipe in found}


def as_program(place: Path, name: str, text: str) -> str:
    file = place / f"{name}.sh"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)
    return str(file)


def in_one_file(place: Path) -> str:
    """Return all recipes as the workers of one file, each called after its rule."""
    notify = as_program(place, "notify-me", 'echo "$PANEVISOR_NAME: $1" >> notified')
    tables = []
    for name, recipe in recipes().items():
        program = as_program(place, name, PROGRAMS[name])
        table = re.sub(r"^\[workers\.\w+\]", f"[workers.{name}]", recipe, flags=re.MULTILINE)
        table = re.sub(r"^\[\[workers\.\w+\.rules", f"[[workers.{name}.rules", table, flags=re.MULTILINE)
        table = re.sub(r'^command = \["\w+"\]', f'command = ["{program}"]', table, flags=re.MULTILINE)
        tables.append(table.replace('"notify-me"', f'"{notify}"'))
    return "\n".join(tables)


def test_each_recipe_does_what_it_says(site: Site) -> None:
    assert recipes().keys() == PROGRAMS.keys()
    site.write(in_one_file(site.place), FAST)
    site.up(check=None)
    notified = site.place / "notified"
    wait_until(lambda: notified.exists() and len(notified.read_text().splitlines()) == 2)
    assert set(notified.read_text().splitlines()) == {"approval: Do you want to proceed?", "limit: in 1s"}
    wait_until(lambda: site.worker("approval")["attention"] == "waiting")
    assert site.worker("approval")["attention_by"] == "rule"
    wait_until(lambda: site.worker("limit")["attention"] == "held")
    site.run("release", "limit", check=0)  # its jitter is 5 minutes
    site.wait_state("banned", "stopped")
    wait_until(lambda: len(site.events("worker.starting", worker="oom")) == 2)
    (line,) = site.events("worker.rule", worker="oom")
    assert (line["cause"], line["to"]) == ("rule", "backoff")
    site.living("oom")
    site.wait_state("save", "stopped")
    assert [line["rule"] for line in site.events("worker.rule", worker="save")] == ["save", "saved"]
    wait_until(lambda: "got continue" in site.run("logs", "limit", check=0).stdout)
    assert "got save-all" in site.run("logs", "save", check=0).stdout
