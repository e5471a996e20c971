"""`panevisor init`: a first config, from what lies in the folder, or the starter where nothing does."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import supervisor
from actors.events.words import counted
from supervisor.kernel.files import absolute
from supervisor.move_in.folder import Offer, offers, proposed
from supervisor.move_in.settle import settled
from supervisor.state.paths import FILE_NAME
from supervisor.text.plain import visible
from supervisor.wire.errors import CommandError

_STARTER = Path(supervisor.__file__).parent / "starter.toml"
_SHOWN = 8  # names of workers in a line


def init(*, yes: bool) -> int:
    """Write ./panevisor.toml; raises CommandError where one is already. Nothing is written before all is answered."""
    path = absolute(FILE_NAME)
    if os.path.lexists(path):
        raise CommandError("conflict", f"./{FILE_NAME} exists already; nothing was changed")
    found = offers(path.parent)
    try:
        chosen = _chosen(found, yes=yes)
    except (KeyboardInterrupt, click.Abort):
        print("\nnothing was written", file=sys.stderr)
        raise
    _write(path, _text(path.parent, chosen))
    taken = sum(len(offer.names) for offer, take in chosen if take)
    print(f"wrote ./{FILE_NAME}: {_next(found, taken)}")
    return 0


def _chosen(found: Sequence[Offer], *, yes: bool) -> list[tuple[Offer, bool]]:
    """Show what was found and return what is taken: as somebody answers, all with `yes`, else nothing."""
    if found:
        print("found in this folder:")
    for offer in found:
        print(f"  {visible(offer.file)}: {visible(offer.wrong or _named(offer.names))}")
    if yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        if found and not yes:
            print("not a terminal, so nothing is asked: they are proposed as comments (`init --yes` takes them all)")
        return [(offer, yes and not offer.wrong) for offer in found]
    return [(offer, not offer.wrong and _asked(offer)) for offer in found]


def _asked(offer: Offer) -> bool:
    what = (
        f"Take the {counted(len(offer.names), 'worker')} of {visible(offer.file)}? (no: they are written as comments)"
    )
    return click.confirm(what, default=offer.sure)


def _named(names: Sequence[str]) -> str:
    more = f" … and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _text(folder: Path, chosen: Sequence[tuple[Offer, bool]]) -> str:
    """Return the starter, or what was found under its first lines."""
    starter = _STARTER.read_text()
    if not any(offer.names for offer, _ in chosen):
        return starter
    return settled(proposed(folder, chosen, starter.partition("\n[")[0].rstrip("\n").split("\n")))


def _write(path: Path, text: str) -> None:
    """Write the file whole, or not at all."""
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError("conflict", f"./{FILE_NAME} exists already; nothing was changed") from None
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _next(found: Sequence[Offer], taken: int) -> str:
    if taken:
        return f"{counted(taken, 'worker')}; look at it, then `panevisor check` and `panevisor up`"
    if any(offer.names for offer in found):
        return "uncomment what you want, then `panevisor up`"
    return "edit it, then `panevisor up`"
