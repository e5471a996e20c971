"""README.md and docs/ keep their word: examples run, commands parse, paths and links lead somewhere."""

import configparser
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from kit import ROOT
from kit.gateway_bench import Bench, row
from kit.support import DEADLINE

from actors.life.budget import full_pause
from actors.values.spec import WorkerSpec
from supervisor.cli import panevisor
from supervisor.config.load import load_text

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
WORKER = '[workers.example]\ncommand = ["sleep", "1000"]\n'


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text_of(page), re.DOTALL)


def test_the_readme_has_at_most_120_lines() -> None:
    assert len(text_of("README.md").splitlines()) <= 120


def test_the_readme_tells_the_default_policy() -> None:
    spec = WorkerSpec(name="x", command="x", cwd="/")
    assert (spec.max_restarts, spec.healthy_after, spec.retry) == (5, 60.0, None)  # "the sixth crash", "1 minute"
    assert [full_pause(spec.backoff, attempt) for attempt in (0, 1, 2, 9)] == [1.0, 2.0, 4.0, 60.0]


def configs() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for example in examples(page, "toml"):
            yield page, example if "[" in re.findall(r"^[^#\s]", example, re.MULTILINE) else WORKER + example


@pytest.mark.parametrize(("page", "example"), [*configs()])
def test_each_config_that_is_shown_is_valid(page: str, example: str, place: Path) -> None:
    load_text(example.encode(), place / "panevisor.toml")


def test_the_config_page_is_what_the_model_says() -> None:
    script = "scripts/config_reference.py"
    made = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert text_of("docs/config.md") == made, f"run: python {script} > docs/config.md"


def test_the_demo_config_is_valid() -> None:
    path = ROOT / "config/demo.toml"
    assert len(load_text(path.read_bytes(), path).workers) == 5


def commands() -> Iterator[tuple[str, str]]:
    """Give each command line that a page shows, without its comment; VERB and [OPTION] are no words to type."""
    for page in PAGES:
        lines = re.findall(r"^    (?:\$ )?(panevisor .*)$", text_of(page), re.MULTILINE)
        for line in [*lines, *re.findall(r"`(panevisor [^`]*)`", text_of(page))]:
            if "VERB" not in line and "[" not in line:
                yield page, re.sub(r"  +#.*| [<>] \S+$", "", line)


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_each_command_that_is_shown_is_understood(page: str, line: str) -> None:
    outer = panevisor.make_context("panevisor", shlex.split(line)[1:])
    words = [*outer._protected_args, *outer.args]  # click has no public name for what is left for the verb
    name, verb, arguments = panevisor.resolve_command(outer, words)
    assert verb is not None
    try:
        verb.make_context(name, arguments, parent=outer)
    except click.MissingParameter:
        assert not arguments, "a line with arguments has to be whole"


@pytest.mark.parametrize("page", PAGES)
def test_each_path_that_is_named_exists(page: str) -> None:
    folders = "actors|supervisor|tests|docs|config|scripts|benchmarks"
    named = re.findall(rf"(?<![\w/.<-])(?:\./)?((?:{folders})/[\w./-]*\w)", text_of(page))
    modules = re.findall(r"python -m ((?:supervisor|benchmarks)[\w.]*)", text_of(page))
    named += [module.replace(".", "/") + ".py" for module in modules]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_each_walk_counts_its_modules() -> None:
    section = text_of("docs/architecture.md").partition("## Three walks")[2].partition("\n## ")[0]
    walks = re.findall(r"\((\d+) modules\)(.*?)(?=\n\*\*|\Z)", section, re.DOTALL)
    assert len(walks) == 3
    for count, walk in walks:
        assert int(count) == len(set(re.findall(r"`(\w+/[^`]*\.py)`", walk)))


def test_the_import_order_that_is_drawn_is_the_one_that_is_held() -> None:
    (drawing,) = re.findall(r"^    (actors ◂ .*(?:\n .*)*)", text_of("docs/architecture.md"), re.MULTILINE)
    drawn = [set(layer.split(" · ")) for layer in " ".join(drawing.split()).split(" ◂ ")]
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    held = contracts["importlinter:contract:direction"]["layers"].split("\n")
    layers = [{part.strip().removeprefix("supervisor.") for part in layer.split("|")} for layer in held if layer]
    assert drawn == [layer for layer in reversed(layers) if layer != {"__main__"}]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page: str) -> None:
    dead = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_the_client_of_the_wire_document_prints_three_pictures(place: Path) -> None:
    (client,) = examples("docs/wire.md", "python")
    assert len(client.splitlines()) <= 24
    bench = Bench(place / "s")
    try:
        bench.publish(1, row("a"))
        argv = [sys.executable, "-c", client, str(place / "s")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            lines = [process.stdout.readline()]  # a picture that comes before the last was read takes its place
            for seq in (2, 3):
                bench.publish(seq, row("a", "stopping"))
                lines.append(process.stdout.readline())
            rest, errors = process.communicate(timeout=DEADLINE)
    finally:
        bench.close()
    assert (rest, errors) == ("", "")
    assert "{'a': 'running'} missed 0" in lines[0]
    assert all("{'a': 'stopping'} missed 0" in line for line in lines[1:])
