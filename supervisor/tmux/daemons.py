"""Which commands may go into the background: known daemons and their options, scripts, a shell text that ends in `&`.

When a session's leader ends, the kernel hangs up the terminal's process group: a daemon that has not called setsid yet
ends of it, before anybody can see it. These commands begin with SIGHUP ignored, so that they live to be told of. A
program that handles SIGHUP handles it all the same; a shell cannot trap what it began with ignored.
"""

import os
import re
from collections.abc import Sequence

from actors.events.words import FOREGROUND

_DAEMONS = frozenset(FOREGROUND) | {
    "chronyd", "keepalived", "lighttpd", "mosquitto", "mysqld", "named", "ntpd", "pg_ctl", "proftpd", "rsyslogd",
    "snmpd", "stunnel", "supervisord", "unbound", "varnishd", "vsftpd",
}  # fmt: skip
_SCRIPTS = re.compile(r"(?:python|pypy|perl|ruby|php)[0-9.]*|.*\.(?:py|pl|rb|php)")
_OPTION = re.compile(r"--?(?:daemon|daemoni[sz]e|background|fork|detach)(?:=(?:yes|true|1|on|/.*))?")
_SHELLS = frozenset({"sh", "dash", "bash", "ash", "zsh", "ksh", "mksh"})
_TEXT_OPTION = re.compile(r"-[a-z]*c")
_MOST = 65_536  # bytes of a script that are looked at
_BEHIND = re.compile(r"(?<![&>|<\\])&(?!&|>|\d)")
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_TRAPS = re.compile(r"\btrap\b[^\n]*\b(?:SIG)?HUP\b")
_SHORT = re.compile(  # what start scripts do when they have started a server
    r"\s*(?:(?:disown|echo|exit|printf|return|sleep|true|trap|umask|:)\b[^&|]*|:|\w+=\S*|fi|esac|[)}\s]*)\s*"
)


def goes_behind(argv: Sequence[str], script: str = "") -> bool:
    """Whether the command may go into the background, by its words or by the text of its shell `script`."""
    program = os.path.basename(argv[0])
    if program in _SHELLS or script:
        return _ends_behind(script or _text_of(argv))
    return program in _DAEMONS or bool(_SCRIPTS.fullmatch(program)) or any(_OPTION.fullmatch(word) for word in argv[1:])


def shell_script(argv: Sequence[str], cwd: str) -> str:
    """Return the text of the script that a shell is to read; "" where there is none, or where it can't be read."""
    words = [word for word in argv[1:] if not word.startswith(("-", "+"))]
    by_name = os.path.basename(argv[0]) in _SHELLS
    if (by_name and (not words or _text_of(argv))) or (not by_name and "/" not in argv[0]):
        return ""
    try:
        with open(os.path.join(cwd, words[0] if by_name else argv[0]), "rb") as file:
            text = file.read(_MOST).decode(errors="replace")
    except OSError:
        return ""
    interpreter = text.partition("\n")[0].removeprefix("#!").split() if text.startswith("#!") else []
    of_a_shell = any(os.path.basename(word) in _SHELLS for word in interpreter)
    return text if by_name or of_a_shell else ""


def _ends_behind(text: str) -> bool:
    """Whether the last command that takes its time is put behind by `&`; `X & exec Y` stays as long as Y does.

    A loop stays, and who traps HUP has to get it.
    """
    *before, last = _BEHIND.split(_COMMENT.sub("", text))
    if not before or _TRAPS.search(text):
        return False
    return all(map(_SHORT.fullmatch, re.split(r"[;\n]", last)))


def _text_of(argv: Sequence[str]) -> str:
    """Return the text that a shell is given to read; "" where it reads something else."""
    at = next((number for number, word in enumerate(argv) if number and _TEXT_OPTION.fullmatch(word)), len(argv))
    return argv[at + 1].rstrip() if at + 1 < len(argv) else ""
