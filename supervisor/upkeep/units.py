"""The units of systemd for one config: the shipped ones, filled in. Pure, but for reading those.

    config/systemd/*.service ──(supervisor/systemd is a link)──▶ filled_in ──▶ a line that says whose it is, the unit

The first line holds the options that name the config, and a digest of what follows. So a unit that somebody has edited,
or that is for another config, is known from one that may be replaced.
"""

import hashlib
from enum import Enum, auto
from pathlib import Path

from actors.frozen import frozen

NAMES = ("panevisor-tmux.service", "panevisor.service")
_SHIPPED = Path(__file__).parent.parent / "systemd"
_COMMAND = "panevisor -c %E/panevisor/panevisor.toml "
_SET_BY_HAND = ("#User=", "#StateDirectory", "WantedBy=", "#WantedBy=")
_OURS = "# Written by `panevisor install-unit` for "
_DIGEST = "; digest of what follows: "


class Found(Enum):
    """What lies where a unit is to be written."""

    NOTHING = auto()
    SAME = auto()
    OLDER = auto()  # for the same config, and as it was written
    EDITED = auto()
    ANOTHER = auto()  # for another config
    FOREIGN = auto()


@frozen
class Installation:
    """What a unit runs. `user`: as whom a system unit runs; None for a unit of the user's own manager."""

    program: tuple[str, ...]
    options: tuple[str, ...]  # before the verb
    user: str | None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> str:
        program, *arguments = self.program
        words = [quoted(program), *(quoted(word).replace("$", "$$") for word in (*arguments, *self.options))]
        return " ".join(words)


def texts(installation: Installation) -> dict[str, str]:
    """Return the text of each unit, by its name."""
    return {name: filled_in((_SHIPPED / name).read_text(), installation) for name in NAMES}


def filled_in(shipped: str, installation: Installation) -> str:
    """Return a shipped unit with the command, the user and the target of this installation."""
    _, section, rest = shipped.partition("[Unit]\n")  # what stands above is about copying it by hand
    lines = [line for line in (section + rest).splitlines() if not line.startswith(_SET_BY_HAND)]
    lines = [line.replace(_COMMAND, f"{installation.command} ") for line in lines]
    service, install = lines.index("[Service]"), lines.index("[Install]")
    target = "default.target" if installation.user is None else "multi-user.target"
    lines.insert(install + 1, f"WantedBy={target}")
    own = [f"User={installation.user}"] if installation.user else []
    own += [f"Environment={quoted(f'{key}={value}')}" for key, value in installation.environment]
    lines[service + 1 : service + 1] = own
    body = "\n".join([*lines, ""])
    return f"{_first_line(installation, body)}\n{body}"


def found(text: str | None, wanted: str) -> Found:
    """Say what lies where a unit is to be written; None: nothing does."""
    if text is None:
        return Found.NOTHING
    if text == wanted:
        return Found.SAME
    first, _, body = text.partition("\n")
    if not first.startswith(_OURS):
        return Found.FOREIGN
    whose, _, digest = first.rpartition(_DIGEST)
    if digest != _digest(body):
        return Found.EDITED
    return Found.OLDER if wanted.startswith(f"{whose}{_DIGEST}") else Found.ANOTHER


def quoted(word: str) -> str:
    """Return a word as systemd reads it back: in quotes, with `%` doubled. See systemd.syntax(7)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + "".join(each if each.isprintable() else _escape(each) for each in escaped) + '"'


def _escape(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _first_line(installation: Installation, body: str) -> str:
    return f"{_OURS}{' '.join(map(quoted, installation.options))}{_DIGEST}{_digest(body)}"


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
