"""The dashboard in a real tmux: filter, sort, prompt, attach and back, a killed service, a hostile screen."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.support import FAST, Site, wait_until

HOSTILE = (
    r"\033]0;taken\007\033]2;taken\033\\\033]52;c;dGFrZW4=\007\033[?1049h\033[2J\033[10;20Hdrawn\033[5;1Hrow five"
    r"\033(0lqqk\033(B\033[?25l\033[r\033[4h\033[?1000h\033Ptaken\033\\\033[31mred\033[0m \342\200\256flipped "
    r"\033[8mhidden\033[28m\033[2;999H|"
)
WORKERS = f"""
[workers.console]
command = ["python3", "-i", "-q"]
[workers.hostile]
command = '''printf '{HOSTILE}'; exec sleep 1000'''
[workers.broken]
command = "echo no disk; exit 3"
restart = "never"
"""


class Person:
    """Sits at a terminal of 100 × 30, a pane of a tmux of his own, in which `top` runs."""

    def __init__(self, site: Site, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        environment = {**site.environment(), "TERM": "xterm-256color"}
        command = shlex.join(site.argv("top"))
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", f"exec {command}", environment=environment)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run([*self._tmux, *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def lines(self) -> list[str]:
        return self.tmux("capture-pane", "-p").split("\n")

    def ended_with(self) -> str:
        """Return the exit code of `top`, "" while it runs. The signal lets Debian's tmux notice a missed end."""
        os.kill(int(self.tmux("display-message", "-p", "#{pid}")), signal.SIGCHLD)
        return self.tmux("display-message", "-p", "#{pane_dead_status}").strip()

    def sees(self, *texts: str) -> None:
        """Wait until all of these are on his screen."""
        try:
            wait_until(lambda: all(text in "\n".join(self.lines()) for text in texts))
        except AssertionError:
            raise AssertionError(f"no {texts} in\n" + "\n".join(self.lines())) from None

    def finds(self, name: str) -> None:
        """Filter for this worker, and clear the filter: it stays selected."""
        self.press("/", *f"name={name}", "Enter")
        self.sees("1 of 3 workers", f"── {name} ")
        self.press("Escape")
        self.sees("  3 workers", f"── {name} ")


@pytest.fixture
def person(site: Site, place: Path) -> Iterator[Person]:
    site.write(WORKERS, FAST)
    site.up(check=1)
    person = Person(site, place / "outer.sock")
    yield person
    subprocess.run([*person._tmux, "kill-server"], check=False)


def test_a_person_sees_and_reaches_his_workers_whatever_they_show_and_whatever_becomes_of_the_service(
    site: Site, person: Person
) -> None:
    person.sees("3 workers", "! broken", "failed", "exited with code 3", "── broken", "no disk")

    # a hostile screen: its text is there, and what it ordered happened to nobody
    person.finds("hostile")
    person.sees("drawn", "row five", "┌──┐", "red flipped")
    assert person.lines()[0].startswith(" panevisor")
    assert person.tmux("display-message", "-p", "#{pane_title} #{mouse_any_flag}").split()[-1] == "0"
    assert "taken" not in person.tmux("display-message", "-p", "#{pane_title}")
    assert "taken" not in person.tmux("list-buffers")

    # sorting, and a prompt
    person.press(">")
    person.sees("NAME▾")
    person.press("<")
    person.finds("console")
    person.press("p")
    person.sees("prompt console:")
    person.press("-l", "print(6*7, 'q')")
    person.press("Enter")
    person.sees("console: submitted", "42 q")

    # into its terminal, and back
    person.press("a")
    person.sees("detach: ")
    person.press("C-b", "d")
    person.sees("back from console", "3 workers")

    # the log, why and deaths of the one that failed
    person.finds("broken")
    person.press("2")
    person.sees("no disk", "logs -f broken")
    person.press("3")
    person.sees("What led here", "exited with code 3")
    person.press("4")
    person.sees("deaths --full broken", "| no disk")
    person.press("1")

    # the service dies, and comes back
    site.kill_service()
    person.sees("no contact for", "── broken", "! broken")
    site.up(check=1)
    wait_until(lambda: "no contact" not in person.lines()[0])
    person.sees("3 workers", "── broken")
    person.press("r")
    person.sees("restart broken? y / n")
    person.press("n")
    person.sees("left alone")

    person.press("q")
    wait_until(lambda: person.ended_with() == "0")
    assert "no contact" not in "".join(person.lines())
