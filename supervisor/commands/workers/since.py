"""What a worker prints after a prompt, until a pattern comes or it falls silent.

    before the prompt: where its log ends, and what its screen shows ──▶ afterwards: what is new in either

The log of a program that draws its whole screen cannot be read as lines: of such a program the new rows of the screen
are looked at.
"""

import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from actors.events.words import some_of
from supervisor.commands.workers.panes import Look, pane_of, screen
from supervisor.logs.reading import follow
from supervisor.state.place import LOGS, Place
from supervisor.text.patterns import Pattern, compiled
from supervisor.text.plain import plain, visible
from supervisor.tmux.panes import WorkerPane, ask
from supervisor.wire.errors import EXIT_CODES, CommandError

IDLE = 2.0  # seconds without output after which a program counts as idle
REMEMBERED = 1 << 20  # bytes of the log that are searched and printed
_BLANKS = re.compile(r"\s+")


@dataclass(slots=True)
class Until:
    """Waits for `pattern`, or (None) until the worker is idle, for at most `timeout` seconds."""

    pattern: Pattern | None
    timeout: float

    @classmethod
    def of(cls, text: str, timeout: float) -> Self:
        """Read `--wait-for`; raises CommandError."""
        try:
            return cls(None if text == "idle" else compiled(text), timeout)
        except ValueError as error:
            raise CommandError("usage", f"--wait-for {error}") from None

    def only(self, names: Sequence[str]) -> str:
        """Return the one name; raises CommandError where it is not one."""
        if len(names) != 1:
            raise CommandError("usage", f"--wait-for waits for one worker, not for {some_of(names, 5)}")
        return names[0]

    def watching(self, place: Place, name: str, prompt: str) -> "Watched":
        """Note how things are before the prompt."""
        return Watched(self, place, pane_of(place, name), prompt)


class Watched:
    """One worker while a prompt is carried out."""

    def __init__(self, until: Until, place: Place, pane: WorkerPane, prompt: str) -> None:
        self._until, self._place, self._pane = until, place, pane
        self._echo = [_BLANKS.sub("", line) for line in prompt.splitlines() if line.strip()]
        self._before = frozenset(screen(place, pane, Look()).splitlines())
        self._pieces = follow(place.state_dir / LOGS, pane.name, wait=self._paused)
        self._came = b""
        self._grew = self._deadline = 0.0
        self._over = False

    def until_over(self) -> int:
        """Wait, print what came, and return 0; or the exit code of a timeout."""
        until, self._grew = self._until, time.monotonic()
        self._deadline = self._grew + until.timeout
        for piece in self._pieces:
            self._grew = time.monotonic()
            self._came = (self._came + piece)[-REMEMBERED:]
        for line in self._new_lines():
            print(visible(line, keep="\t"))
        if self._over:
            return 0
        said = "it has not fallen silent" if until.pattern is None else "no such output has come"
        print(f"{self._pane.name}: {said} within {until.timeout:g} s", file=sys.stderr)
        return EXIT_CODES["timeout"]

    def _paused(self, seconds: float) -> bool:
        """Whether the waiting ends, at a pause of the log."""
        time.sleep(seconds)
        now, pattern = time.monotonic(), self._until.pattern
        if pattern is None:
            self._over = now - self._grew >= IDLE
        else:
            self._over = any(pattern.search(line) for line in self._new_lines() if not self._is_echo(line))
        return self._over or now >= self._deadline

    def _is_echo(self, line: str) -> bool:
        """Whether the line shows the prompt itself."""
        shown = _BLANKS.sub("", line)
        return any(text in shown for text in self._echo)

    def _new_lines(self) -> list[str]:
        if not self._draws():
            return plain(self._came).splitlines()
        rows = screen(self._place, self._pane, Look()).splitlines()
        return [row for row in rows if row not in self._before]

    def _draws(self) -> bool:
        """Whether the program draws a whole screen."""
        return ask(self._place, "display-message", "-p", "-t", self._pane.id, "#{alternate_on}").strip() == b"1"
