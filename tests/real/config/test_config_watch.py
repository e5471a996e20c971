"""`watch_config`, the thread: each content of a real file that comes to rest is applied once."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from kit.support import DEADLINE, wait_until

from supervisor.config.on_disk import digest_on_disk
from supervisor.config.watch import ConfigWatch


class Watched:
    """A file under watch; `applied` gets the text at each apply."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "panevisor.toml"
        self.file.write_text("env = 0")
        self.running: str | None = digest_on_disk(self.file)
        self.applies: SimpleQueue[str] = SimpleQueue()
        self.errors: list[BaseException] = []
        self.watch = ConfigWatch(
            self.file,
            tried=digest_on_disk(self.file),
            applied=lambda: self.running,
            apply=self.apply,
            on_error=self.errors.append,
        )

    def put(self, text: str) -> None:
        """Write the file so that it is never seen half-written."""
        other = self.file.with_name("next")
        other.write_text(text)
        other.rename(self.file)

    def apply(self) -> None:
        self.applies.put(self.file.read_text() if self.file.exists() else "-")

    def applied(self) -> str:
        return self.applies.get(timeout=DEADLINE)

    def applied_nothing_else(self) -> bool:
        """Whether the next apply is that of a change which is made now."""
        self.put("the end")
        return self.applied() == "the end" and self.nothing_waits()

    def nothing_waits(self) -> bool:
        try:
            self.applies.get_nowait()
        except Empty:
            return True
        return False


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    found.watch.start()
    yield found
    found.watch.close()


def by_renaming(file: Path) -> None:
    """As vim and most others save."""
    file.with_name("panevisor.toml~").write_text("new")
    file.with_name("panevisor.toml~").rename(file)


def by_making_it_anew(file: Path) -> None:
    file.unlink()
    file.write_text("new")


def by_swapping_a_link(file: Path) -> None:
    """As a ConfigMap is changed."""
    (file.parent / "v2").write_text("new")
    (file.parent / "link").symlink_to("v2")
    (file.parent / "link").rename(file)


def by_the_same_size_and_time(file: Path) -> None:
    stat = file.stat()
    with file.open("r+") as same:
        same.write("new = 0")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("change", [by_renaming, by_making_it_anew, by_swapping_a_link, by_the_same_size_and_time])
def test_a_change_is_applied_once_however_it_is_made(watched: Watched, change: Callable[[Path], None]) -> None:
    watched.put("old = 0")
    assert watched.applied() == "old = 0"  # from now on only stamps tell of a change
    change(watched.file)
    if (found := watched.applied()) == "-":  # a slow machine has left it deleted for so long
        found = watched.applied()
    assert found.startswith("new")
    assert watched.applied_nothing_else()
    assert watched.errors == []


def test_a_file_that_is_gone_is_tried_once_and_again_when_it_is_back(watched: Watched) -> None:
    watched.file.unlink()
    assert watched.applied() == "-"
    watched.running = None  # that was refused
    watched.put("env = 0")
    assert watched.applied() == "env = 0"
    assert watched.applied_nothing_else()


def test_what_somebody_else_applied_meanwhile_is_not_applied_again(watched: Watched) -> None:
    looked = threading.Event()

    def applied() -> str:
        digest = digest_on_disk(watched.file)
        looked.set()  # only now: the test goes on to write the file
        return digest

    watched.watch._applied = applied
    watched.put("by up")
    assert looked.wait(DEADLINE)
    watched.watch._applied = lambda: None
    assert watched.applied_nothing_else()


def test_an_env_file_is_watched_too_also_one_that_is_named_later(watched: Watched) -> None:
    watched.put("[workers.a]\nenv_file = 'a.env'")
    assert watched.applied()
    for content in ("A=1", "A=2"):
        (watched.file.parent / "a.env").write_text(content)
        assert watched.applied()
    assert watched.applied_nothing_else()


def test_an_apply_that_raises_is_reported_and_does_not_end_the_watch(watched: Watched) -> None:
    watched.watch._apply = lambda: (_ for _ in ()).throw(RuntimeError("oops"))
    watched.put("one")
    wait_until(lambda: watched.errors)
    watched.watch._apply = watched.apply
    assert watched.applied_nothing_else()
