"""What is typed into workers' terminals: `send` and `prompt`.

the text ──part by part──▶ service ──▶ each worker's queue ──▶ one result for each worker
                                             prompt ──submitted──▶ what came since, if that is waited for
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from actors.frozen import frozen
from supervisor.commands.service.conflicts import service_of
from supervisor.commands.workers.panes import call_for
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client
from supervisor.wire.errors import EXIT_CODES, CommandError, UnknownWorker
from supervisor.wire.selection import Selection, Worker, select

PART = 1 << 19  # bytes in a request, which may have 1 MiB
LONGEST_PROMPT = 900_000  # bytes: a prompt goes in one request
STDIN = "-"
_WAITS = frozenset({"pending", "backoff", "stopping"})

Result = Mapping[str, Any]


@frozen(kw_only=True)
class How:
    """How it is typed. `manner`: as the service takes it; `wait`: seconds until it is given up."""

    manner: str = "line"
    force: bool = False
    wait: float = 30.0


def send_keys(place: Place, selection: Selection, keys: Sequence[str], how: How) -> int:
    """Press these keys in each worker's terminal."""
    with service_of(place) as client:
        _tell_who_waits(client, selection, how.wait)
        return report(_asked(client, "send", selection, keys=list(keys), force=how.force, wait=how.wait))


def send(place: Place, selection: Selection, text: str | Path, how: How) -> int:
    """Type the text; return when tmux has taken all of it, or say of whom it has not, and why.

    Text goes in parts. Enter follows the last one. A worker that did not take a part gets no more.
    """
    sent, results = 0, dict[str, Result]()
    with service_of(place) as client:
        _tell_who_waits(client, selection, how.wait)
        for part, is_last in _with_last(_parts_of(text)):
            manner = how.manner if is_last or how.manner == "exact" else "text"
            if part or manner == "line":
                fields = {"content": part, "manner": manner, "force": how.force or sent > 0, "wait": how.wait}
                for result in _asked(client, "send", selection, **fields):
                    results[result["name"]] = result
                selection = Selection(patterns=tuple(name for name, told in results.items() if told["ok"]))
            sent += len(part)
            _show(sent, is_last=is_last)
            if results and selection.empty:
                break
    return report(list(results.values()))


def prompt(
    place: Place, selection: Selection, text: str | Path, how: How, *, command: bool, until: str | None = None
) -> int:
    """Submit the text as a prompt; with `until`, a pattern or "idle", wait for that, and print what came since."""
    said = b"".join(_parts_of(text))
    if len(said) > LONGEST_PROMPT:
        raise CommandError("too-large", f"a prompt has at most {LONGEST_PROMPT:,} bytes, this one has {len(said):,}")
    if not said.strip():
        raise CommandError("usage", "the prompt is empty")
    whole = _decoded(said)
    fields = {"text": whole, "command": command, "force": how.force, "wait": how.wait}
    with service_of(place) as client:
        _tell_who_waits(client, selection, how.wait, also=("starting",))
        if until is None:
            return report(_asked(client, "prompt", selection, **fields), well="submitted")
        from supervisor.commands.workers.since import Until  # only now: it reads logs and patterns

        then = Until.of(until, how.wait)
        watched = then.watching(place, then.only(_names(client, selection)), whole)
        report(_asked(client, "prompt", selection, **fields))
        return watched.until_over()


def report(results: Sequence[Result], well: str = "") -> int:
    """Return the exit code, the first that is not 0. One worker's failure is raised; of several each gets a line."""
    if len(results) == 1 and not results[0]["ok"]:
        raise CommandError(results[0]["code"], _said(results[0]))
    for result in results:
        if not result["ok"]:
            print(_said(result), file=sys.stderr)
        elif well or len(results) > 1:
            print(f"{visible(result['name'])}: {well or 'typed'}")
    return next((EXIT_CODES.get(result["code"], 1) for result in results if not result["ok"]), 0)


def _said(result: Result) -> str:
    name, message = result["name"], result["message"]
    return visible(message if message.startswith(f"{name} ") else f"{name}: {message}")


def _asked(client: Client, verb: str, selection: Selection, **fields: Any) -> list[Result]:
    results: list[Result] = call_for(client, verb, selection, **fields)["results"]
    return results


def _names(client: Client, selection: Selection) -> list[str]:
    return _meant(client.call("status")["workers"], selection)


def _meant(workers: Sequence[Worker], selection: Selection) -> list[str]:
    selection.require()
    try:
        return select(workers, selection)
    except UnknownWorker as error:
        hint = " (TEXT of several words goes in quotes)" if len(selection.patterns) > 1 else ""
        raise UnknownWorker(error.name, f"{error.message}{hint}") from None


def _tell_who_waits(client: Client, selection: Selection, wait: float, also: tuple[str, ...] = ()) -> None:
    """Say of which workers the text waits, because they do not run yet."""
    workers = client.call("status")["workers"]
    for name in _meant(workers, selection):
        state = next(worker["state"] for worker in workers if worker["name"] == name)
        if state in _WAITS or state in also:
            print(f"{visible(name)} is {state}: this waits until it runs, at most {wait:g} s", file=sys.stderr)


# ── the text ──────────────────────────────────────────────────────────────────────────────────────────────────────


def text_in(words: Sequence[str], *, several: bool, file: str | None) -> tuple[tuple[str, ...], str | Path]:
    """Return the names and the text that a command line gives; `several`: -l, -p or --all say to whom."""
    if file is not None:
        return tuple(words), Path(file)
    if not words or (len(words) == 1 and not several):
        raise CommandError("usage", "say to whom and what: NAME… TEXT (`-` reads the text from standard input)")
    return tuple(words[:-1]), words[-1]


def _parts_of(text: str | Path) -> Iterator[bytes]:
    if isinstance(text, Path):
        try:
            with text.open("rb") as file:
                yield from _from(file)
        except OSError as error:
            raise CommandError("failed", f"{text}: {error.strerror}") from None
    elif text == STDIN:
        yield from _from(sys.stdin.buffer)
    else:
        yield os.fsencode(text)


def _from(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(PART):
        yield part


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise CommandError(
            "usage", f"the prompt is not UTF-8 (byte {error.start:,}): send --raw types any bytes"
        ) from None


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
