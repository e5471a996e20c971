"""Looks at panes for signs that their workers wait, work or idle, after each capture beat, in a thread of its own.

    a sweep of all panes ──take──▶ the thread ──┬─ screens that changed, against the presets     (source: screen)
                                                ├─ new bytes of logs that grew: calls, titles    (source: terminal)
                                                └─ quiet ones that show no sign: the kernel      (source: kernel)
                                                        └──▶ AttentionSaid, where a word differs from the last one

A sign on the screen counts when two looks agree, a call when the program has printed nothing after it. The thread is
behind when a disk is slow; then sweeps are skipped, and nobody waits for it.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from actors.ports import PaneSweep, SweepFailed
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.facts import Pane
from actors.values.requests import Attend
from supervisor.attention.foreground import reader_of
from supervisor.attention.presets import Preset, seen_in_title, seen_on
from supervisor.attention.signs import Signs, signs_in

CHUNK = 1 << 16  # bytes of a log that are read at a beat, its last ones
QUIET = 2  # looks without output after which the kernel is asked
KERNEL_EVERY = 3  # looks between two questions to the kernel
SAY_AGAIN = 12  # looks after which a word is said again, as an actor that failed has forgotten it

Heard = tuple[Word, str]


@dataclass(slots=True)
class Log:
    """How far the log of a worker has been read."""

    path: Path
    inode: int = 0
    offset: int = 0
    kept: bytes = b""

    def news(self) -> Signs | None:
        """Read what is new, but no more than its last CHUNK bytes; return the signs in it, None where nothing is."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            found = os.fstat(descriptor)
            if found.st_ino != self.inode or found.st_size < self.offset:
                self.inode, self.offset, self.kept = found.st_ino, 0, b""
            start = max(self.offset, found.st_size - CHUNK)
            before = self.kept if start == self.offset else b""
            data = os.pread(descriptor, found.st_size - start, start)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        self.offset = start + len(data)
        if not data:
            return None
        signs = signs_in(before + data)
        self.kept = signs.kept
        return signs


@dataclass(slots=True)
class Look:
    """What is known of one life, from look to look."""

    life: str
    number: int  # spreads the questions to the kernel over the beats
    log: Log
    activity: int = -1
    quiet: int = 0  # looks since the last output
    seen: Heard | None = None  # on the last screen
    title: Heard | None = None
    call: str | None = None  # waits for a look without output
    called: bool = False
    reads: str | None = None
    said: dict[Source, Heard | None] = field(default_factory=dict)


class SignWatch:
    """Gets each sweep of panes by `take`. `tell` leads to the Supervisor."""

    def __init__(
        self,
        logs: Path,
        presets: Sequence[Preset],
        tell: Callable[[Attend], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._logs, self._tell, self._on_error = logs, tell, on_error
        self._presets = presets
        self._looks: dict[str, Look] = {}
        self._count = 0
        self._sweep: PaneSweep | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="signs", daemon=True)
        self._thread.start()

    def take(self, sweep: PaneSweep | SweepFailed) -> None:
        """Look at this sweep. While one is looked at, the next one waits; its screens stay among those to look at."""
        if isinstance(sweep, SweepFailed):
            return
        with self._changed:
            if self._sweep is not None:
                screens = {**self._sweep.screens, **sweep.screens}
                sweep = PaneSweep(sweep.taken, sweep.panes, screens)
            self._sweep = sweep
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; a look at a disk that hangs is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._sweep is not None or self._closed)
                sweep, self._sweep = self._sweep, None
            if self._closed or sweep is None:
                return
            try:
                self.look(sweep)
            except Exception as error:  # the next beat looks again
                self._on_error(error)

    def look(self, sweep: PaneSweep) -> None:
        """Look at all panes once, and tell what is new."""
        self._count += 1
        for gone in self._looks.keys() - sweep.panes.keys():
            del self._looks[gone]
        for name, pane in sweep.panes.items():
            if pane.dead or pane.life is None:
                self._looks.pop(name, None)
                continue
            look = self._looks.get(name)
            if look is None or look.life != pane.life:
                look = self._looks[name] = Look(pane.life, len(self._looks), Log(self._logs / f"{name}.log"))
            for source, heard in self._heard(look, pane, sweep.screens.get(name)):
                self._say(name, look, source, heard)

    def _heard(self, look: Look, pane: Pane, screen: bytes | None) -> Iterator[tuple[Source, Heard | None]]:
        moved = pane.activity != look.activity
        look.activity, look.quiet = pane.activity, 0 if moved else look.quiet + 1
        on_screen = self._on_screen(look, screen)
        yield Source.SCREEN, on_screen
        in_bytes = self._in_bytes(look, moved or screen is not None, attached=pane.attached)
        yield Source.TERMINAL, in_bytes
        known = on_screen is not None or in_bytes is not None
        yield Source.KERNEL, None if known else self._by_kernel(look, pane)

    def _on_screen(self, look: Look, screen: bytes | None) -> Heard | None:
        """Return what two looks agree on; a screen that was not captured is as it was."""
        if screen is None:
            return look.seen
        sign = seen_on(screen, self._presets)
        before, look.seen = look.seen, (sign.preset.says, sign.text) if sign else None
        agree = before is not None and look.seen is not None and before[0] is look.seen[0]
        return look.seen if agree else None

    def _in_bytes(self, look: Look, grown: bool, *, attached: bool) -> Heard | None:
        """Return what the last call or the last title says. A call to somebody who is attached is heard."""
        signs = look.log.news() if grown else None
        if signs:
            if signs.title is not None:
                sign = seen_in_title(signs.title, self._presets)
                look.title = (sign.preset.says, sign.text) if sign else None
            look.call, look.called = None if attached else signs.call, False
        elif look.call is not None:
            look.called = True
        return (Word.WAITING, look.call) if look.called and look.call is not None else look.title

    def _by_kernel(self, look: Look, pane: Pane) -> Heard | None:
        if look.quiet < QUIET:
            look.reads = None
        elif look.quiet == QUIET or (self._count + look.number) % KERNEL_EVERY == 0:
            look.reads = reader_of(pane.pid)
        return None if look.reads is None else (Word.WAITING, f"{look.reads} reads its terminal")

    def _say(self, name: str, look: Look, source: Source, heard: Heard | None) -> None:
        again = heard is not None and (self._count + look.number) % SAY_AGAIN == 0
        if look.said.get(source) == heard and not again:
            return
        look.said[source] = heard
        word, text = heard or (None, "")
        self._tell(Attend(name, AttentionSaid(by=source, word=word, life=look.life, text=text)))
