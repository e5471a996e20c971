"""`init`: what lies in the folder is proposed; without a terminal nothing is asked and nothing is active."""

import tomllib
from pathlib import Path

import click
import pytest
from kit.command import run_here

from supervisor.commands.files import init as command
from supervisor.config.load import load_text
from supervisor.move_in.folder import offers
from supervisor.wire.errors import CommandError

pytest.importorskip("yaml", reason="part of the extra [test]; this .venv was made before it was")
PACKAGE = '{"scripts": {"build": "tsc", "dev": "vite", "start": "node s.js", "worker:mail": "node m.js", "test": "x"}}'
COMPOSE = """
services:
  db: {image: "postgres:16", ports: ["5432:5432"]}
  app: {build: ., depends_on: {db: {condition: service_started}}, ports: ["127.0.0.1:8080:80/tcp"]}
"""
MAKEFILE = "build:\n\tcc\nrun: build\n\t./a\nserve-docs:\n\tx\nVAR := 1\nrun:\n"


def lay(place: Path, **files: str) -> None:
    for name, text in files.items():
        (place / name.replace("__", ".").replace("_", "-")).write_text(text)


def lay_all(place: Path) -> None:
    lay(
        place,
        Procfile="web: serve\nworker: work\n",
        package__json=PACKAGE,
        docker_compose__yml=COMPOSE,
        Makefile=MAKEFILE,
    )


def test_each_file_offers_what_sounds_like_something_to_keep_running(tmp_path: Path) -> None:
    lay_all(tmp_path)
    lay(tmp_path, ecosystem__config__js="module.exports = {}")
    found = {offer.file: offer for offer in offers(tmp_path)}
    assert {file: (offer.names, offer.sure) for file, offer in found.items()} == {
        "Procfile": (["web", "worker"], True),
        "ecosystem.config.js": ([], True),
        "package.json": (["dev", "start", "worker-mail"], False),
        "docker-compose.yml": (["db", "app"], False),
        "Makefile": (["run", "serve-docs"], False),
    }
    assert "JavaScript" in found["ecosystem.config.js"].wrong


def test_without_a_terminal_all_is_proposed_in_comments_and_init_says_so(tmp_path: Path) -> None:
    lay_all(tmp_path)
    run = run_here(["init"], tmp_path, {})
    assert run.returncode == 0
    assert "not a terminal, so nothing is asked" in run.stdout
    assert "  Procfile: web, worker\n" in run.stdout
    text = (tmp_path / "panevisor.toml").read_text()
    assert tomllib.loads(text) == {}
    assert text.startswith("#:schema ")
    for part in ('# [workers.web]\n# command = "serve"', "# [workers.db]", '# command = ["npm", "run", "dev"]'):
        assert part in text
    again = run_here(["init"], tmp_path, {})
    assert (again.returncode, again.stdout) == (9, "")


def test_what_is_proposed_is_valid_when_it_is_uncommented(tmp_path: Path) -> None:
    lay_all(tmp_path)
    assert run_here(["init", "--yes"], tmp_path, {}).returncode == 0
    config = load_text((tmp_path / "panevisor.toml").read_bytes(), tmp_path / "panevisor.toml")
    specs = {spec.name: spec for spec in config.workers}
    assert set(specs) == {"web", "worker", "dev", "worker-mail", "db", "app", "run", "serve-docs"}  # start: as dev
    assert specs["app"].ready.tcp == "127.0.0.1:8080"
    assert specs["app"].depends_on == (("db", "ready"),)


def test_each_file_is_asked_for_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    answers = {"Procfile": True, "package.json": False, "docker-compose.yml": False, "Makefile": True}
    asked: list[tuple[str, bool]] = []

    def confirm(what: str, *, default: bool) -> bool:
        (file,) = [name for name in answers if name in what]
        asked.append((file, default))
        return answers[file]

    _on_a_terminal(monkeypatch)
    monkeypatch.setattr(click, "confirm", confirm)
    assert command.init(yes=False) == 0
    assert asked == [("Procfile", True), ("package.json", False), ("docker-compose.yml", False), ("Makefile", False)]
    text = (tmp_path / "panevisor.toml").read_text()
    assert set(tomllib.loads(text)["workers"]) == {"web", "worker", "run", "serve-docs"}
    assert "# [workers.dev]" in text


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def write(self, _text: str) -> None: ...

        def flush(self) -> None: ...

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())


def test_an_interrupted_question_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    _on_a_terminal(monkeypatch)

    def interrupted(_what: str, *, default: bool) -> bool:
        raise click.Abort

    monkeypatch.setattr(click, "confirm", interrupted)
    with pytest.raises(click.Abort):
        command.init(yes=False)
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "panevisor.toml").exists()


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "panevisor.toml").symlink_to("elsewhere.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match="exists already"):
        command.init(yes=True)
