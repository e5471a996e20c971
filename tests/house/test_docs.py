"""The examples in README.md and docs/ are run: what a reader copies works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import DEADLINE, Site

from supervisor.config.load import load_text


def examples(file: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_each_config_of_the_readme_is_valid(number: int, place: Path) -> None:
    config = load_text(examples("README.md", "toml")[number].encode(), place / "panevisor.toml")
    assert config.workers


def test_the_config_reference_shows_the_defaults(place: Path) -> None:
    reference = examples("README.md", "toml")[1]
    shown = "\n".join(line for line in reference.splitlines() if "# e.g." not in line and "file: e.g." not in line)
    shown = shown.replace("[workers.api]", '[workers.api]\ncommand = ["sleep", "1000"]')
    bare = '[workers.api]\ncommand = ["sleep", "1000"]\n'
    path = place / "panevisor.toml"
    assert load_text(shown.encode(), path).workers == load_text(bare.encode(), path).workers
    assert load_text(shown.encode(), path).supervisor == load_text(bare.encode(), path).supervisor


def test_the_demo_config_is_valid() -> None:
    path = ROOT / "config/demo.toml"
    assert len(load_text(path.read_bytes(), path).workers) == 5


def test_the_client_of_the_wire_document_prints_three_pictures(site: Site) -> None:
    site.write("[workers.a]\ncommand = 'while :; do date +%N; sleep 0.1; done'\n")
    site.up()
    (client,) = examples("docs/wire.md", "python")
    assert len(client.splitlines()) <= 24
    socket = site.status()["supervisor"]["socket"]
    done = subprocess.run([sys.executable, "-c", client, socket], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "{'a': 'running'} missed 0" in lines[0]
