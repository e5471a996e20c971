"""One command line, from its words to its exit code.

argv ──run──▶ click (cli/) ──▶ verb ──▶ exit code
                └── CommandError, Ctrl-C, a closed pipe ──▶ their exit codes, here and nowhere else
"""

import io
import os
import signal
import sys
from typing import Any

import click

from supervisor.cli import NAME, Given, panevisor
from supervisor.cli.encodings import open_leniently
from supervisor.kernel.files import as_known
from supervisor.wire.errors import CommandError, UnknownWorker

INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Run the command line of this process, and exit."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited as ignored, it would hide how our children end
    _open_standard_streams()
    if instruction := os.environ.get("_PANEVISOR_COMPLETE"):  # a shell asks what Tab offers
        from supervisor.cli.completion import complete

        sys.exit(complete(instruction))
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code; every failure has been said on stderr."""
    try:
        with panevisor.make_context(NAME, list(argv)) as context:
            code = _invoked(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show(shown := io.StringIO())
        print(_visible(shown.getvalue()), end="", file=sys.stderr)
        return error.exit_code
    except CommandError as error:
        return _say(error)
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the shell's prompt begins a line of its own
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        what = f"{as_known(error.filename)}: {error.strerror}" if error.filename else error.strerror or str(error)
        print(_visible(f"panevisor: {what}"), file=sys.stderr)
        return 6 if isinstance(error, PermissionError) else 1
    return int(code or 0)


def _invoked(context: click.Context) -> Any:
    """Carry it out; an unknown name that is a family's in the file is said to be that of no replica.

    Where no service answers because its directory or its file was moved, the answer is where it is now.
    """
    try:
        return panevisor.invoke(context)
    except UnknownWorker as error:
        from supervisor.state.place import is_family

        given: Given = context.obj
        if not is_family(given.place(), error.name):
            raise
        scale = f"`{given.command()} scale {error.name} 1` starts one"
        raise UnknownWorker(error.name, f"{error.name} has no replica now: {scale}") from error
    except CommandError as error:
        if error.code == "no-service" and (said := _elsewhere(context.obj)):
            raise CommandError(error.code, said) from error
        raise


def _elsewhere(given: Given) -> str | None:
    """Return where what was asked for is instead: a service in another place, or a config above this folder."""
    from supervisor.config.astray import astray
    from supervisor.state.paths import unfound

    if given.socket is not None or given.state_dir is not None:
        return None
    if found := astray(given.own_place()):
        return f"no service answers here. {found.what}. {found.mend}"
    return unfound() if given.config is None else None


def _open_standard_streams() -> None:
    """Give /dev/null to each standard stream that the caller closed, so that no socket or file takes its place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    open_leniently(sys.stdout, sys.stderr)


def _say(error: CommandError) -> int:
    """Print what is wrong; a config's problems stand for themselves, as `file:line:` is for editors to jump to."""
    said = error.message if error.code == "config" else f"panevisor: {error.message}"
    print(_visible(said), file=sys.stderr)
    return error.exit_code


def _visible(said: str) -> str:
    from supervisor.text.plain import visible  # only now: most commands go well

    return visible(said, keep="\n")


def _reader_gone() -> int:
    """Return 0: `panevisor … | head` has what it wanted. Python must not try to flush the rest at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return 0
