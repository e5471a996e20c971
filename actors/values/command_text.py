"""What a worker's command may be: which text needs no shell, and a second command that takes up a session."""

import itertools
import re
import shlex
from typing import Annotated

from actors.frozen import frozen
from actors.values.keys import Form, PathText, Text

SESSION = "{session}"
_ID = re.compile(r"[A-Za-z0-9_./:][A-Za-z0-9_./:@=+~-]{0,255}")

# Possessive: a text that is not simple is told in one pass, however long its words are.
_BARE, _QUOTED, _DOUBLE = r"[A-Za-z0-9_@%+=:,./-]++", r"'[^'\n]*+'", r'"[^"$`\\!\n]*+"'
_WORD = rf"(?:{_BARE}|{_QUOTED}|{_DOUBLE})++"
_SIMPLE = re.compile(rf"[ \t]*{_WORD}(?:[ \t]+{_WORD})*[ \t]*")
_OF_THE_SHELL = frozenset(
    [
        ".",
        ":",
        "[",
        "alias",
        "bg",
        "break",
        "builtin",
        "case",
        "cd",
        "command",
        "continue",
        "declare",
        "do",
        "done",
        "echo",
        "elif",
        "else",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
        "false",
        "fc",
        "fg",
        "fi",
        "for",
        "function",
        "getopts",
        "hash",
        "if",
        "in",
        "jobs",
        "kill",
        "let",
        "local",
        "printf",
        "pwd",
        "read",
        "readonly",
        "return",
        "select",
        "set",
        "shift",
        "source",
        "test",
        "then",
        "time",
        "times",
        "trap",
        "true",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
    ]
)


_SHELLS = frozenset(["ash", "bash", "dash", "fish", "ksh", "mksh", "sh", "zsh"])
_TEXT_FOLLOWS = re.compile(r"-[a-zA-Z]*c")


def is_text_for_a_shell(argv: tuple[str, ...]) -> bool:
    """Whether a list calls a shell with a text, like `bash -lc "…"`."""
    options = itertools.takewhile(lambda word: word.startswith("-"), argv[1:])
    return bool(argv) and argv[0].rpartition("/")[2] in _SHELLS and any(map(_TEXT_FOLLOWS.fullmatch, options))


def words_of(text: str) -> tuple[str, ...] | None:
    """Return the program and its arguments, as /bin/sh would call it; None where only a shell can tell."""
    if not _SIMPLE.fullmatch(text):
        return None
    words = tuple(shlex.split(text))
    first = text.split(None, 1)[0]
    return None if "=" in first or words[0] in _OF_THE_SHELL or not words[0] else words


def argv_of(command: tuple[str, ...] | str) -> tuple[str, ...]:
    """Return what is executed: the command itself, or `/bin/sh -c` around a text that needs a shell."""
    if not isinstance(command, str):
        return command
    return words_of(command) or ("/bin/sh", "-c", command)


@frozen(kw_only=True)
class SessionSource:
    """How the id of a session is known: exactly one of these."""

    log: Annotated[str | None, Form.PATTERN] = None
    """The worker prints such a line; the group `session`, or else the first one, is the id."""
    file: PathText | None = None
    """The worker writes the id into this file."""
    report: bool = False
    """The worker says it: `panevisor report --session ID`."""


@frozen(kw_only=True)
class Resume:
    """How a later life takes up the session of the one before, as a conversation with an agent."""

    command: tuple[Text, ...]
    """What is run instead of the worker's `command` from the second life on; `{session}` in it is the id."""
    session: SessionSource | None = None
    """How the id is known; only for a command with `{session}`."""


@frozen(kw_only=True)
class Session:
    """What is known of a worker's sessions.

    `id`: of the last one; "": not known. `life`: the life that has taken it up, as far as that is known. `spent`: the
    id that was taken up in vain; after that the next life begins `by_command`.
    """

    id: str = ""
    life: str = ""
    spent: str = ""
    by_command: bool = False


@frozen
class TakeUp:
    """Take up a session by this command; with a `file` its content is the id, unless that is `spent`."""

    command: tuple[str, ...]
    file: str | None = None
    spent: str = ""


def is_session(text: str) -> bool:
    """Whether this can be the id of a session: one word, which no program takes for an option."""
    return _ID.fullmatch(text) is not None


def taking_up(command: tuple[str, ...], session: str) -> tuple[str, ...]:
    """Return the command with the id in it."""
    return tuple(argument.replace(SESSION, session) for argument in command)
