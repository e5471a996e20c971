"""`panevisor send`: exact bytes, or keys, into a worker's terminal; each part is acknowledged before the next goes."""

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from supervisor.commands.conflicts import service_of
from supervisor.commands.known_workers import call_for_one
from supervisor.state.place import Place
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

PART = 1 << 19  # bytes in a request, which may have 1 MiB
ENTER = b"\r"  # what a terminal sends for the key


def send(place: Place, name: str, words: tuple[str, ...], *, keys: bool, enter: bool, wait: float) -> int:
    """Type the text and Enter, or these keys; return when tmux has taken all of it, or raise why it has not."""
    with service_of(place) as client:
        if keys:
            if not words:
                raise CommandError("usage", "name the keys: send NAME --keys C-c …")
            call_for_one(client, "send", name, keys=list(words), wait=wait)
            return 0
        _send_text(client, name, _text(words), enter=enter, wait=wait)
    return 0


def _text(words: tuple[str, ...]) -> str:
    if len(words) != 1:
        raise CommandError("usage", "send takes one TEXT: put it in quotes, or use `-` to read standard input")
    return words[0]


def _send_text(client: Client, name: str, text: str, *, enter: bool, wait: float) -> None:
    parts = _from(sys.stdin.buffer) if text == "-" else iter([os.fsencode(text)])
    sent, end = 0, ENTER if enter else b""
    for part, is_last in _with_last(parts):
        content = part + (end if is_last else b"")
        if content:
            call_for_one(client, "send", name, content=content, wait=wait)
        sent += len(content)
        _show(sent, is_last=is_last)


def _from(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(PART):
        yield part


def _with_last(parts: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Give each part, and whether it is the last; nothing at all is one empty part."""
    before = next(parts, b"")
    for part in parts:
        yield before, False
        before = part
    yield before, True


def _show(sent: int, *, is_last: bool) -> None:
    """Say on a terminal how far a long sending has come."""
    if sys.stderr.isatty() and (not is_last or sent > PART):
        print(f"\r\x1b[K{sent:,} bytes typed", end="\n" if is_last else "", file=sys.stderr, flush=True)
