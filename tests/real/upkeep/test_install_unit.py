"""`panevisor install-unit` in a HOME of its own: what it writes, says and refuses."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kit.command import run_here

from supervisor.commands.service import install_unit
from supervisor.commands.service.install_unit import install
from supervisor.state.place import place_to_serve
from supervisor.wire.errors import CommandError

NAMES = ["panevisor-tmux.service", "panevisor.service"]
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def config(place: Path) -> Path:
    folder = place / "100% $HOME of it"
    folder.mkdir()
    (folder / "panevisor.toml").write_text('[workers.a]\ncommand = ["sleep", "1000"]\n')
    return folder / "panevisor.toml"


@pytest.fixture
def units(place: Path) -> Path:
    return place / ".config" / "systemd" / "user"


def run(config: Path, place: Path, *words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    environment = {"HOME": str(place), "PATH": os.environ["PATH"], "XDG_STATE_HOME": str(place / "xdg")}
    done = run_here(["-c", str(config), "install-unit", "--user", *words], place, environment)
    assert done.returncode == code, done
    return done


def verified(scope: str, folder: Path) -> tuple[int, list[str]]:
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    files = [str(folder / name) for name in NAMES]
    done = subprocess.run(
        ["systemd-analyze", scope, "verify", "--man=no", *files], capture_output=True, text=True, env=environment
    )
    return done.returncode, [line for line in done.stderr.splitlines() if "panevisor" in line]


def test_units_are_written_once_and_said_to_be_unchanged_then(config: Path, place: Path, units: Path) -> None:
    said = run(config, place).stdout
    assert said.splitlines()[:2] == [f"wrote {units / name}" for name in NAMES]
    for command in ("daemon-reload", "enable --now panevisor-tmux panevisor"):
        assert f"    systemctl --user {command}\n" in said
    assert "    loginctl enable-linger" in said
    assert [stat.S_IMODE((units / name).stat().st_mode) for name in NAMES] == [0o644, 0o644]
    assert sorted(path.name for path in units.iterdir()) == NAMES
    text = (units / "panevisor.service").read_text()
    assert f'"{sys.executable}" "-P" "-m" "supervisor" "-c" "{place}/100%% $$HOME of it/panevisor.toml" serve' in text
    assert f'Environment="XDG_STATE_HOME={place}/xdg"' in text  # the state directory lies there for the commands too
    inodes = [(units / name).stat().st_ino for name in NAMES]
    assert run(config, place).stdout.splitlines()[:2] == [f"unchanged {units / name}" for name in NAMES]
    assert [(units / name).stat().st_ino for name in NAMES] == inodes


@needs_systemd
def test_systemd_understands_what_is_written(config: Path, place: Path, units: Path) -> None:
    run(config, place)
    assert verified("--user", units) == (0, [])


def test_a_service_that_runs_already_is_told_of_with_what_to_do_first(
    config: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_unit, "answering", lambda _place: 77)
    monkeypatch.setattr(install_unit, "unit_of", lambda _pid: None)
    said = run(config, place).stdout
    assert said.index(f"-c '{config}' down --keep-workers") < said.index("enable --now")
    monkeypatch.setattr(install_unit, "unit_of", lambda _pid: "panevisor.service")
    said = run(config, place).stdout
    assert "systemctl --user restart panevisor" in said
    assert "down" not in said


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_in_the_way_is_left_and_nothing_is_written_without_force(
    config: Path, place: Path, units: Path, name: str
) -> None:
    units.mkdir(parents=True)
    (units / name).write_text("[Unit]\nDescription=mine\n")
    said = run(config, place, code=9).stderr
    assert f"{units / name} was not written by panevisor" in said
    assert "--force" in said
    assert [path.read_text() for path in units.iterdir()] == ["[Unit]\nDescription=mine\n"]
    run(config, place, "--force")
    assert "install-unit" in (units / name).read_text()


def test_a_masked_or_edited_unit_and_one_for_another_config_are_in_the_way(
    config: Path, place: Path, units: Path
) -> None:
    run(config, place)
    unit = units / "panevisor.service"
    written = unit.read_text()
    unit.write_text(written.replace("WatchdogSec=60", "WatchdogSec=90"))
    assert "edited by hand" in run(config, place, code=9).stderr
    unit.write_text(written)
    other = place / "other.toml"
    other.write_bytes(config.read_bytes())
    assert "is for another config" in run(other, place, code=9).stderr
    unit.unlink()
    unit.symlink_to("/dev/null")
    assert "was not written by panevisor" in run(config, place, code=9).stderr
    run(config, place, "--force")
    assert unit.read_text() == written
    assert Path("/dev/null").is_char_device()


def test_a_broken_or_missing_config_gets_no_units(config: Path, place: Path, units: Path) -> None:
    config.write_text("[workers.a]\ncomand = 1\n")
    assert "comand" in run(config, place, code=5).stderr
    config.unlink()
    run(config, place, code=5)
    assert not units.exists()


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes system units")
def test_system_units_run_as_the_owner_of_the_config(config: Path, place: Path) -> None:
    os.chown(config, pwd.getpwnam("daemon").pw_uid, -1)
    folder = place / "system"
    install(place_to_serve(str(config)), (), of_user=False, force=False, command="panevisor", system=folder)
    assert "\nUser=daemon\n" in (folder / "panevisor.service").read_text()
    assert verified("--system", folder) == (0, [])


def test_who_is_not_root_is_told_the_two_ways(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="--user") as caught:
        install(place_to_serve(str(config)), (), of_user=False, force=False, command="panevisor")
    assert caught.value.exit_code == 6
    assert "sudo" in str(caught.value)
