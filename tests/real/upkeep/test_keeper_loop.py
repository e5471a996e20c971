"""The loop of the keeper, with a line of shell for its service."""

import os
import signal
import time
from pathlib import Path

import pytest
from kit.support import DEADLINE, alive, wait_until

from supervisor.upkeep.keeper import VARIABLE, keeper_of, place_of_keeper, start_keeper


class Loop:
    """A keeper whose service is a line of shell; each start of it is one line of `starts`."""

    def __init__(self, place: Path, service: str, once: str = "") -> None:
        self.place = place
        self.starts = place / "starts"
        self.output = place / "out"
        argv = ["/bin/sh", "-c", f'echo "${VARIABLE} $*" >>{self.starts}; {service}', "service"]
        with place_of_keeper(place) as file, open(self.output, "ab") as output:
            assert file
            self.process = start_keeper(file, argv, once=once, output=output, environment=os.environ)

    def started(self) -> list[list[str]]:
        return [line.split() for line in self.starts.read_text().splitlines()] if self.starts.exists() else []

    def __enter__(self) -> "Loop":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


@pytest.mark.parametrize("code", [0, 2, 5, 6, 9])
def test_an_end_that_no_restart_mends_ends_the_keeper_with_it(place: Path, code: int) -> None:
    with Loop(place, f"exit {code}") as loop:
        assert loop.process.wait(DEADLINE) == code
        assert len(loop.started()) == 1


@pytest.mark.parametrize(("end", "told"), [("exit 70", "70"), ("exit 1", "1"), ("kill -9 $$", "137")])
def test_after_any_other_end_it_starts_again_and_tells_the_service_what_happened(
    place: Path, end: str, told: str
) -> None:
    with Loop(place, f"[ $(wc -l <{place}/starts) -lt 3 ] || exit 0; {end}", once="--force") as loop:
        assert loop.process.wait(DEADLINE) == 0
        pid = str(loop.process.pid)
        assert loop.started() == [[pid, "0", "0", "0", "--force"], [pid, "1", told, "0.2"], [pid, "2", told, "0.5"]]
        assert loop.output.read_text().count("panevisor: the service has ended with") == 2


def test_the_pauses_grow_and_a_signal_only_cuts_one_short(place: Path) -> None:
    """With a signal in each pause, twelve failures take no minute; the output of the last of many alone is kept."""
    with Loop(place, "exit 70") as loop:
        for count in range(1, 12):
            wait_until(lambda count=count: loop.output.read_text().count("ended with") or len(loop.started()) > count)
            while len(loop.started()) <= count:
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
                    loop.process.send_signal(number)
                time.sleep(0.02)
        pauses = [line[3] for line in loop.started()[:12]]
        assert pauses == ["0", "0.2", "0.5", "1", "2", "5", "5", "5", "5", "5", "30", "30"]
        assert loop.process.poll() is None


def test_the_lock_of_a_keeper_is_held_while_it_lives_and_no_child_has_it(place: Path) -> None:
    with Loop(place, "exec sleep 1000 >/dev/null 2>&1") as loop:
        wait_until(lambda: keeper_of(place) is not None and loop.started())
        with place_of_keeper(place) as file:
            assert file is None
        child = int(Path(f"/proc/{loop.process.pid}/task/{loop.process.pid}/children").read_text())
        try:
            loop.process.kill()
            loop.process.wait()
            assert alive(child)
            assert keeper_of(place) is None
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_dismissed_keeper_starts_nothing_any_more(place: Path) -> None:
    with Loop(place, f"until [ -e {place}/ends ]; do sleep 0.02; done; exit 70") as loop:
        wait_until(lambda: keeper_of(place) is not None and loop.started())
        with keeper_of(place) as keeper:
            keeper.dismiss()
            (place / "ends").touch()
            assert keeper.ended(DEADLINE)
        assert loop.process.wait() == 0
        assert len(loop.started()) == 1
