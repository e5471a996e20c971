"""`watch_config`: what has come to rest is applied once, and nothing else is."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.support import DEADLINE, FAST, Site, wait_until

from supervisor.config.on_disk import digest_on_disk
from supervisor.config.watch import POLL, SETTLE, ConfigWatch, Seen, look, pause

A, B, GONE = ((1,),), ((2,),), (None,)
SLEEPER = 'command = ["sleep", "1000"]\n'
WATCHING = f"{FAST}watch_config = true\n"


# the decision


def test_what_never_changes_is_never_due() -> None:
    assert look(Seen(A), A, 1000.0) == (Seen(A), False)


def test_a_change_is_due_once_when_it_was_at_rest_for_the_settle_time() -> None:
    seen, due = look(Seen(A), B, 10.0)
    assert (seen, due) == (Seen(B, since=10.0), False)
    assert look(seen, B, 10.0 + SETTLE - 0.01) == (seen, False)
    seen, due = look(seen, B, 10.0 + SETTLE)
    assert (seen, due) == (Seen(B), True)
    assert look(seen, B, 99.0) == (seen, False)


def test_each_further_write_begins_the_settle_time_anew() -> None:
    seen, _ = look(Seen(A), GONE, 10.0)
    seen, due = look(seen, B, 10.0 + SETTLE)
    assert (seen, due) == (Seen(B, since=10.0 + SETTLE), False)


def test_a_change_is_looked_at_in_the_moment_when_it_may_be_at_rest() -> None:
    assert pause(Seen(A), 10.0) == POLL
    assert pause(Seen(A, since=10.0), 10.0) == POLL
    assert pause(Seen(A, since=10.0), 10.4) == pytest.approx(0.1)
    assert pause(Seen(A, since=10.0), 99.0) == 0.0


@given(st.lists(st.sampled_from([A, B, GONE]), max_size=60))
def test_every_content_that_rests_is_due_within_a_poll_and_the_settle_time(
    stamps: list[tuple[tuple[int], ...]],
) -> None:
    seen, now, changed_at, before, told = Seen(A), 0.0, None, A, 0
    for found in stamps:
        now += pause(seen, now)
        changed_at = now if found != before else changed_at
        before = found
        seen, due = look(seen, found, now)
        if due:
            assert changed_at is not None
            assert now - changed_at == pytest.approx(SETTLE)
            changed_at, told = None, told + 1
    assert changed_at is None or now - changed_at < SETTLE


# the thread


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

    def apply(self) -> None:
        self.applies.put(self.file.read_text() if self.file.exists() else "-")

    def applied(self) -> str:
        return self.applies.get(timeout=DEADLINE)

    def applied_nothing_else(self) -> bool:
        """Whether the next apply is that of a change which is made now."""
        self.file.write_text("the end")
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
    other = file.with_name("panevisor.toml~")
    other.write_text("new")
    other.rename(file)


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
    file.write_text("new = 0")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("change", [by_renaming, by_making_it_anew, by_swapping_a_link, by_the_same_size_and_time])
def test_a_change_is_applied_once_however_it_is_made(watched: Watched, change: Callable[[Path], None]) -> None:
    watched.file.write_text("old = 0")
    assert watched.applied() == "old = 0"  # from now on only stamps tell of a change
    change(watched.file)
    assert watched.applied().startswith("new")
    assert watched.applied_nothing_else()
    assert watched.errors == []


def test_a_file_that_is_gone_is_tried_once_and_again_when_it_is_back(watched: Watched) -> None:
    watched.file.unlink()
    assert watched.applied() == "-"
    watched.running = None  # that was refused
    watched.file.write_text("env = 0")
    assert watched.applied() == "env = 0"
    assert watched.applied_nothing_else()


def test_what_somebody_else_applied_meanwhile_is_not_applied_again(watched: Watched) -> None:
    looked = threading.Event()
    watched.file.write_text("by up")

    def applied() -> str:
        digest = digest_on_disk(watched.file)
        looked.set()  # only now: the test goes on to write the file
        return digest

    watched.watch._applied = applied
    assert looked.wait(DEADLINE)
    watched.watch._applied = lambda: None
    assert watched.applied_nothing_else()


def test_an_env_file_is_watched_too_also_one_that_is_named_later(watched: Watched) -> None:
    watched.file.write_text("[workers.a]\nenv_file = 'a.env'")
    assert watched.applied()
    for content in ("A=1", "A=2"):
        (watched.file.parent / "a.env").write_text(content)
        assert watched.applied()
    assert watched.applied_nothing_else()


def test_an_apply_that_raises_is_reported_and_does_not_end_the_watch(watched: Watched) -> None:
    watched.watch._apply = lambda: (_ for _ in ()).throw(RuntimeError("oops"))
    watched.file.write_text("one")
    wait_until(lambda: watched.errors)
    watched.watch._apply = watched.apply
    assert watched.applied_nothing_else()


# the whole machine


def applied(site: Site) -> list[dict[str, Any]]:
    """Return the lines of what was applied since `up`: its own is the second of a new service."""
    return site.events("config.applied")[2:]


def when(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()


def a_second_goes_by(site: Site) -> None:
    """Wait until the service has looked at all panes five times more, each 0.2 s."""
    tick = site.status()["supervisor"]["tick"]
    wait_until(lambda: site.status()["supervisor"]["tick"] > tick + 5)


def config(site: Site) -> dict[str, Any]:
    return site.status()["supervisor"]["config"]


def test_a_half_written_file_is_one_apply_soon_after_it_is_whole(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}", WATCHING)
    site.up()
    before = site.worker("a")["pid"]
    whole = f"{site.config.read_text()}[workers.b]\n{SLEEPER}".encode()
    with site.config.open("wb", buffering=0) as file:  # truncates
        file.write(whole[:70])
        time.sleep(0.1)  # the fault itself
        file.write(whole[70:])
    written = time.time()
    wait_until(lambda: applied(site))
    assert when(applied(site)[0]) - written < 10.0  # 1 s, as long as the machine is not busy
    wait_until(lambda: "b" in site.workers())
    os.utime(site.config)  # touching is no change
    a_second_goes_by(site)
    assert [(line["create"], line["none"]) for line in applied(site)] == [(1, 1)]
    assert site.events("config.error") == []
    assert site.worker("a")["pid"] == before


def test_a_broken_file_changes_nothing_and_is_said_once_a_change(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}env_file = 'a.env'\n", WATCHING)
    (site.place / "a.env").write_text("A=1\n")
    site.up()
    before, good = site.worker("a")["pid"], site.config.read_text()
    for count, broken in enumerate((f"{good}comand = 1\n", f"{good}\ncomand = 1\n"), 1):
        site.config.write_text(broken)
        wait_until(lambda count=count: len(site.events("config.error")) == count)
    a_second_goes_by(site)
    assert len(site.events("config.error")) == 2
    site.config.write_text(good)
    wait_until(lambda: len(applied(site)) == 1)
    wait_until(lambda: config(site)["error"] is None)
    (site.place / "a.env").write_text("oops\n")
    wait_until(lambda: len(site.events("config.error")) == 3)
    assert site.worker("a")["pid"] == before
    (site.place / "a.env").write_text("A=2\n")
    wait_until(lambda: len(applied(site)) == 2)
    assert applied(site)[1]["replace"] == 1
    assert len(site.events("config.error")) == 3


def test_an_emptied_file_is_refused_by_the_watch_too(site: Site) -> None:
    site.write("".join(f"[workers.w{n}]\n{SLEEPER}" for n in range(5)), WATCHING)
    site.up()
    before = site.workers()
    site.write("", WATCHING)
    wait_until(lambda: site.events("config.error"))
    assert "--force" in site.events("config.error")[0]["error"]
    assert {n: w["pid"] for n, w in site.workers().items()} == {n: w["pid"] for n, w in before.items()}
    site.run("up", "--force", check=0)
    assert site.workers() == {}


def test_what_changed_while_no_service_ran_is_not_applied_but_a_later_change_is(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}", WATCHING)
    site.up()
    site.kill_service()
    site.write(f"[workers.a]\n{SLEEPER}[workers.b]\n{SLEEPER}", WATCHING)
    with site.serving() as service:
        a_second_goes_by(site)
        assert config(site)["changed_on_disk"]
        assert applied(site) == []
        site.write(f"[workers.a]\n{SLEEPER}[workers.c]\n{SLEEPER}", WATCHING)
        wait_until(lambda: len(applied(site)) == 1)
        wait_until(lambda: set(site.workers()) == {"a", "c"})
        service.terminate()
        service.wait(DEADLINE)


def test_without_the_setting_a_change_waits_for_a_person(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    site.up()
    site.write(f"[workers.a]\n{SLEEPER}[workers.b]\n{SLEEPER}")
    wait_until(lambda: config(site)["changed_on_disk"])
    a_second_goes_by(site)
    assert applied(site) == []
