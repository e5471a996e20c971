"""Commands of panevisor in the test's own process: the real command line, without the start of an interpreter.

What is looked at is its output and its exit code. A test of signals, of standard input, of a terminal or of what a
command imports runs the executable.
"""

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

import supervisor.__main__
from supervisor.command_line import run

BECOME_ANOTHER = frozenset({"attach", "serve", "tmux-server"})
"""Verbs that replace the process, or that have it to themselves until it ends."""


def can_run_here(arguments: tuple[str, ...]) -> bool:
    """Whether this command may run in this process: the folder and the streams are changed for all its threads."""
    return threading.current_thread() is threading.main_thread() and BECOME_ANOTHER.isdisjoint(arguments[:1])


def run_here(argv: list[str], place: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run one command line in this process, in `place` and with `environment`, as if it had one of its own."""
    with _folder(place), _streams() as (out, err), mock.patch.dict(os.environ, environment, clear=True):
        code = run(argv)
    return subprocess.CompletedProcess(argv, code, _text(out), _text(err))


@contextlib.contextmanager
def _folder(place: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _streams() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Standard streams as a process has them whose output is read through pipes, and whose input is empty."""
    none, out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(3))
    out.reconfigure(errors="surrogateescape")
    err.reconfigure(errors="backslashreplace")
    program = [supervisor.__main__.__file__]
    with (
        mock.patch.multiple(sys, stdin=none, argv=program),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        yield out, err


def _text(stream: io.TextIOWrapper) -> str:
    """Return what was written, as a reader of text does who knows line ends of all kinds."""
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode().replace("\r\n", "\n").replace("\r", "\n")
