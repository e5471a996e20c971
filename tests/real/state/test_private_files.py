"""Files and directories of the service's own: how they are made, opened and replaced."""

import os
import stat
from pathlib import Path

import pytest

from supervisor.kernel import files as private_files
from supervisor.kernel.files import claim, content_of, opened, replace_file


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
