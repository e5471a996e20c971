"""Which text commands need no shell: a program and its arguments, without any word that means something to a shell."""

import itertools
import re
import shlex

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
