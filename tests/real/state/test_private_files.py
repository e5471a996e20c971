"""Files and directories of the service's own: how they are made, opened and replaced."""

import contextlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.deaths import DEATH

from actors.values.records import Head
from actors.values.spec import Attaching, PaneSize
from supervisor.kernel import files as private_files
from supervisor.kernel.files import claim, content_of, opened, replace_file
from supervisor.state import paths
from supervisor.state.deaths import DeathRecords
from supervisor.state.entries import entry_of
from supervisor.state.journal import ServiceLog
from supervisor.state.lock import hold
from supervisor.state.records import RecordsFile
from supervisor.state.status import StatusFile
from supervisor.tmux.server import write_conf
from supervisor.upkeep.keeper import place_of_keeper


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat(follow_symlinks=False).st_mode)


@pytest.mark.parametrize("umask", [0, 0o277, 0o777])
def test_files_and_directories_are_their_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    (tmp_path / "old").touch(mode=0o666)
    before = os.umask(umask)
    try:
        for name in ("old", "new"):
            os.close(opened(tmp_path / name, os.O_WRONLY | os.O_CREAT))
        replace_file(tmp_path / "whole", b"text", sync=True)
    finally:
        os.umask(before)
    assert {file.name: mode(file) for file in tmp_path.iterdir()} == {"old": 0o600, "new": 0o600, "whole": 0o600}
    claim(tmp_path / "deep" / "down")
    assert (mode(tmp_path / "deep"), mode(tmp_path / "deep" / "down")) == (0o700, 0o700)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_link_is_refused_in_words(tmp_path: Path, flags: int) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / "link").symlink_to("precious")
    with pytest.raises(OSError, match=r"is a link, .* remove it"):
        opened(tmp_path / "link", flags)
    assert (tmp_path / "precious").read_text() == "text"


@pytest.mark.parametrize("left", ["file", "link"])
def test_a_file_is_replaced_though_a_killed_writer_or_a_stranger_left_something_beside_it(
    tmp_path: Path, left: str
) -> None:
    (tmp_path / "precious").write_text("text")
    if left == "link":
        (tmp_path / "file.tmp").symlink_to("precious")
    else:
        (tmp_path / "file.tmp").write_text("longer than what is written")
    replace_file(tmp_path / "file", b"new", sync=False)
    assert content_of(tmp_path / "file") == b"new"
    assert (tmp_path / "precious").read_text() == "text"
    assert not os.path.lexists(tmp_path / "file.tmp")


def test_a_link_at_the_path_itself_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / "file").symlink_to("precious")
    replace_file(tmp_path / "file", b"new", sync=False)
    assert (content_of(tmp_path / "file"), (tmp_path / "precious").read_text()) == (b"new", "text")


def test_what_could_not_be_written_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    replace_file(tmp_path / "file", b"old", sync=False)
    monkeypatch.setattr(private_files, "write_all", full)
    with pytest.raises(OSError, match="disk full"):
        replace_file(tmp_path / "file", b"new", sync=False)
    assert [(file.name, content_of(file)) for file in tmp_path.iterdir()] == [("file", b"old")]


# ── each file in the state directory ──────────────────────────────────────────────────────────────────────────────


def write_records(place: Path) -> None:
    records = RecordsFile(place / "records.jsonl")
    with contextlib.suppress(OSError):
        records.load()
    records.keep_head(Head())


def write_log(place: Path) -> None:
    log = ServiceLog(place / "service.log", level="info", max_size=1000, keep=2)
    log.write(entry_of("test.line", {}))
    assert log.failing


def write_deaths(place: Path) -> None:
    records = DeathRecords(place / "deaths.jsonl", place)
    records.keep(DEATH)
    records.close()


def write_status(place: Path) -> None:
    StatusFile(place / "status.json", version="1", started_at=time.time(), on_problem=print).stopped("test")


def take_keepers_place(place: Path) -> None:
    with place_of_keeper(place):
        raise AssertionError("it follows a link")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (hold, "lock"),
        (take_keepers_place, "keeper"),
        (write_records, "records.jsonl"),
        (write_deaths, "deaths.jsonl"),
        (write_status, "status.json"),
        (write_log, "service.log"),
        (lambda place: write_conf(place, PaneSize(), Attaching()), "tmux.conf"),
    ],
)
def test_no_link_in_the_state_directory_leads_a_write_elsewhere(
    place: Path, write: Callable[[Path], object], name: str
) -> None:
    """Such links may be left from a time when the directory was open to others."""
    precious = place / "precious"
    precious.write_text("PRECIOUS\n")
    precious.chmod(0o644)
    state = place / "state"
    state.mkdir(mode=0o700)
    for planted in (name, f"{name}.tmp"):
        (state / planted).symlink_to(precious)
    with contextlib.suppress(OSError):
        write(state)
    assert (precious.read_text(), mode(precious)) == ("PRECIOUS\n", 0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="a second user can be taken on by root only")
def test_a_pointer_of_another_user_leads_nobody(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    paths.write_pointer(place / "panevisor.toml", place / "elsewhere")
    assert paths.read_pointer(place / "panevisor.toml") == place / "elsewhere"
    os.chown(paths.pointer_path(place / "panevisor.toml"), 1000, 1000)
    assert paths.read_pointer(place / "panevisor.toml") is None
