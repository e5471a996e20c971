"""Where the config, its state directory and the pointer between them are."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT

from supervisor.state.paths import (
    config_path,
    default_state_dir,
    hint_above,
    pointer_path,
    read_pointer,
    unfound,
    write_pointer,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a current directory of our own, and nothing in the environment that says otherwise."""
    for variable in ("PANEVISOR_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_given_path_wins_then_the_environment_then_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "panevisor.toml").touch()
    monkeypatch.setenv("PANEVISOR_CONFIG", "b.toml")
    assert config_path("sub/../a.toml") == tmp_path / "a.toml"
    assert config_path("") == tmp_path  # which does not fall back to another config
    assert config_path(None) == tmp_path / "b.toml"
    monkeypatch.setenv("PANEVISOR_CONFIG", "")
    assert config_path(None) == tmp_path / "panevisor.toml"


def test_without_any_hint_the_xdg_place_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_path(None) == home / ".config/panevisor/panevisor.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/xdg-mine")
    assert config_path(None) == Path("/etc/xdg-mine/panevisor/panevisor.toml")


def test_a_symlinked_config_keeps_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "real.toml").touch()
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert config_path("link.toml") == tmp_path / "link.toml"


def test_state_directory_and_pointer_are_named_by_the_absolute_path(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # which is ignored
    assert default_state_dir(Path("/a/b.toml")).parent == home / ".local/state/panevisor"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    digest = hashlib.sha256(b"/a/web.toml").hexdigest()
    assert default_state_dir(Path("/a/web.toml")) == Path(f"/state/panevisor/web-{digest[:8]}")
    assert default_state_dir(Path("/b/web.toml")) != default_state_dir(Path("/a/web.toml"))
    assert default_state_dir(Path("web.toml")) == default_state_dir(tmp_path / "web.toml")
    assert pointer_path(Path("/a/web.toml")) == Path(f"/state/panevisor/by-config/{digest[:16]}.json")


def test_the_longest_file_name_still_gives_a_name_that_a_directory_can_have() -> None:
    name = default_state_dir(Path("/a") / ("€" * 83 + ".toml")).name
    assert len(os.fsencode(name)) <= 255


def test_what_was_pointed_to_is_read_back_and_the_last_one_counts(tmp_path: Path) -> None:
    config = tmp_path / "web.toml"
    write_pointer(config, tmp_path / "one")
    write_pointer(config, tmp_path / "two")
    assert read_pointer(config) == tmp_path / "two"
    assert read_pointer(Path("web.toml")) == tmp_path / "two"
    assert read_pointer(tmp_path / "other.toml") is None
    no_utf8 = tmp_path / os.fsdecode(b"caf\xe9.toml")
    write_pointer(no_utf8, tmp_path / os.fsdecode(b"\xff"))
    assert read_pointer(no_utf8) == tmp_path / os.fsdecode(b"\xff")


def test_pointers_and_their_directories_are_private_and_nothing_else_is_left(home: Path) -> None:
    old = os.umask(0)
    try:
        write_pointer(Path("web.toml"), Path("/state"))
    finally:
        os.umask(old)
    directory = pointer_path(Path("web.toml")).parent
    assert (mode(directory), mode(directory.parent), mode(home)) == (0o700, 0o700, 0o700)
    assert [mode(file) for file in directory.iterdir()] == [0o600]


def test_a_failed_write_keeps_the_old_pointer_and_leaves_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "web.toml"
    write_pointer(config, tmp_path / "one")

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", full)
        with pytest.raises(OSError, match="disk full"):
            write_pointer(config, tmp_path / "two")
    assert read_pointer(config) == tmp_path / "one"
    assert len(list(pointer_path(config).parent.iterdir())) == 1


def test_a_pointer_that_says_so_already_is_not_written_and_a_rest_of_a_killed_writer_is_no_obstacle(
    tmp_path: Path,
) -> None:
    config = tmp_path / "web.toml"
    write_pointer(config, tmp_path / "one")
    before = pointer_path(config).stat()
    write_pointer(config, tmp_path / "one")
    assert pointer_path(config).stat().st_ino == before.st_ino
    pointer_path(config).with_name(f"{pointer_path(config).name}.tmp").symlink_to("/dev/full")
    write_pointer(config, tmp_path / "two")
    assert read_pointer(config) == tmp_path / "two"


@pytest.mark.parametrize(
    "noted",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"state_dir": "/x"}',
        b'{"config": "/another.toml", "state_dir": "/x"}',
        b'{"config": "CONFIG"}',
        b'{"config": "CONFIG", "state_dir": 5}',
        b'{"config": "CONFIG", "state_dir": "relative"}',
        b'{"config": "CONFIG", "state_dir": "/nul\\u0000"}',
    ],
)
def test_a_pointer_that_makes_no_sense_is_none(noted: bytes, tmp_path: Path) -> None:
    config = tmp_path / "web.toml"
    write_pointer(config, tmp_path)
    pointer_path(config).write_bytes(noted.replace(b'"CONFIG"', json.dumps(str(config)).encode()))
    assert read_pointer(config) is None


def test_importing_it_loads_nothing_from_outside_the_standard_library() -> None:
    root = ROOT
    heavy = "[m for m in ('pydantic', 'rapidfuzz', 'actors') if m in sys.modules]"
    script = f"import sys, supervisor.state.paths; print({heavy})"
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_in_a_folder_that_is_gone_whole_paths_are_found_and_others_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.delenv("PANEVISOR_CONFIG", raising=False)
    gone.rmdir()
    assert config_path("/etc/a.toml") == Path("/etc/a.toml")
    for given in ("a.toml", None):
        with pytest.raises(FileNotFoundError, match="the folder that you are in is gone"):
            config_path(given)
    assert hint_above() == ""


def test_where_no_config_is_found_it_is_said_where_one_was_looked_for_and_which_is_above(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a project" / "sub"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    said = unfound()
    assert said
    assert "neither ./panevisor.toml nor /" in said
    (folder.parent / "panevisor.toml").touch()
    assert f"there is {folder.parent}/panevisor.toml: `cd '{folder.parent}'`, or name it with -c" in (unfound() or "")
    (folder / "panevisor.toml").touch()
    assert unfound() is None
