"""`env_file`: what it sets, and what is said of a wrong one."""

import os
from pathlib import Path

import pytest
from kit.config import said_of_worker

from supervisor.config.load import load
from supervisor.config.on_disk import FileOnDisk, digest_on_disk
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a config and its env files lie."""
    return tmp_path


def load_in(folder: Path, text: str, **files: str | bytes) -> Config:
    """Load this config with env files beside it: `a="X=1"` is a.env."""
    for name, content in files.items():
        (folder / f"{name}.env").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "panevisor.toml").write_text(text)
    return load(folder / "panevisor.toml")


def said_in(folder: Path, text: str, **files: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_in(folder, text, **files)
    return [str(problem).removeprefix(str(folder / "panevisor.toml")) for problem in caught.value.problems]


def env_in(folder: Path, text: str, **files: str | bytes) -> dict[str, str]:
    return dict(load_in(folder, f"[workers.a]\ncommand = 'x'\n{text}", **files).workers[0].env)


def test_later_env_files_win_over_earlier_ones_and_env_wins_over_all(folder: Path) -> None:
    text = "env_file = ['a.env', './b.env']\nenv = { Z = 'env' }\n[defaults.env]\nY = 'defaults'"
    files = {"a": "W=a\nX=a\nY=a\nZ=a\n", "b": "X=b\nY=b\nZ=b\n"}
    assert env_in(folder, text, **files) == {"W": "a", "X": "b", "Y": "defaults", "Z": "env"}


def test_the_env_file_of_the_defaults_is_inherited_and_a_worker_s_own_replaces_it(folder: Path) -> None:
    text = """
        [defaults]
        env_file = "a.env"
        [workers]
        inherits.command = "x"
        own = { command = "x", env_file = "b.env" }
        none = { command = "x", env_file = [] }
    """
    config = load_in(folder, text, a="A=1", b="B=1")
    assert [spec.env for spec in config.workers] == [(("A", "1"),), (("B", "1"),), ()]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=x", "x"),
        ("export A=x", "x"),
        ("A = x y  # a comment", "x y"),
        ("A='x # y' # a comment", "x # y"),
        (r"A='$HOME ${HOME} \n'", r"$HOME ${HOME} \n"),
        (r'A="$HOME `id` \n"', "$HOME `id` \n"),
        ('A="two\nlines"', "two\nlines"),
        ("A=", ""),
        ("A=1\n\n# A=3\nA=2", "2"),
        ("\ufeffA=x\r\n", "x"),
        ("A=a=b==", "a=b=="),
    ],
)
def test_an_env_file_is_read_as_a_shell_would_but_without_expansion(folder: Path, line: str, value: str) -> None:
    assert env_in(folder, "env_file = 'a.env'", a=line) == {"A": value}


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        ("hunter2", "whose line 1 is not NAME=value, or has a quote that does not close"),
        ("\r\n\n# hunter2\n\nexport hunter2\n", "whose line 5 is not NAME=value"),
        ("A=1\nB='hunter2\nC=1\n", "whose line 2 is not NAME=value, or has a quote that does not close"),
        ("A=1\nB='hunter2' hunter2\n", "whose line 2 is not NAME=value"),
        ("A=1\nhunter-2=hunter2\n", "whose line 2 has a name that is not a valid name for a variable"),
        ("A=1\nPANEVISOR_WORKER=hunter2", "whose line 2 has a name that is set by Panevisor itself"),
        ("A=hunter\x002", "whose line 1 has a NUL character in its value"),
        (b"A=hunter2\nB=\xffhunter2", "whose line 2 is not UTF-8 (save the file as UTF-8)"),
        (b"#" * 1_000_001, "which is larger than 1 MB"),
    ],
)
def test_a_wrong_env_file_is_one_problem_that_shows_nothing_of_it(
    folder: Path, content: str | bytes, clause: str
) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = 'a.env'\n"
    (found,) = said_in(folder, text, a=content)
    assert found.startswith(f':3: worker "w": env_file names "a.env", {clause}')
    assert "hunter" not in found


def test_an_env_file_that_cannot_be_read_is_named_with_its_reason(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = [\n'no.env',\n'pipe',\n'.',\n'{}']\n".format("x" * 300)
    os.mkfifo(folder / "pipe")
    assert said_in(folder, text) == [
        f':4: worker "w": env_file[0] names "no.env", and there is no such file (looked for {folder}/no.env)',
        ':5: worker "w": env_file[1] names "pipe", which is no regular file',
        ':6: worker "w": env_file[2] names ".", which is no regular file',
        f':7: worker "w": env_file[3] names "{"x" * 59}…", which cannot be read: File name too long',
    ]


def test_an_env_file_without_the_right_to_read_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    (found,) = said_of_worker("env_file = 'a.env'")
    assert found == '1: env_file names "a.env", which this user may not read'


def test_a_wrong_env_file_of_the_defaults_is_told_once_and_though_no_worker_uses_it(folder: Path) -> None:
    text = "[defaults]\nenv_file = 'a.env'\n[workers]\na = { command = 'x', env_file = [] }\n"
    (found,) = said_in(folder, text, a="oops")
    assert found.startswith(':2: [defaults]: env_file names "a.env", whose line 1')
    assert said_in(folder, f"{text}b.command = 'x'\nc.command = 'x'\n", a="oops") == [found]


def test_what_env_files_set_counts_towards_the_size(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv.B = 'y'\nenv_file = 'a.env'\n"
    assert load_in(folder, text, a="A=" + "x" * 99_900).workers
    (found,) = said_in(folder, text, a="A=" + "x" * 100_000)
    assert found.startswith(':4: worker "w": command and environment together are longer than 100,000 bytes')


def test_the_digest_covers_the_env_files_and_so_does_that_of_what_is_on_disk(folder: Path) -> None:
    text = "[defaults]\nenv_file = ['a.env', 'b.env']\n[workers.w]\ncommand = 'x'\nenv_file = 'c.env'"
    on_disk = FileOnDisk(folder / "panevisor.toml")
    seen = set()
    for files in ({"a": "", "b": "", "c": ""}, {"a": "A=1"}, {"b": "A=1"}, {"a": "", "c": "A=1"}, {"c": "A=2"}):
        config = load_in(folder, text, **files)
        assert on_disk.digest() == digest_on_disk(folder / "panevisor.toml") == config.digest
        seen.add(config.digest)
    assert len(seen) == 5
    (folder / "c.env").unlink()
    assert on_disk.digest() not in seen
    (folder / "panevisor.toml").unlink()
    assert on_disk.digest() == ""


def test_a_changed_value_is_a_spec_that_needs_a_new_process(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = 'a.env'"
    first, second = (load_in(folder, text, a=f"A={value}").workers[0] for value in "12")
    assert first.digest != second.digest
    assert load_in(folder, text, a="# a comment\nA=2").workers[0].digest == second.digest
