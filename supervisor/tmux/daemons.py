"""Which commands may go into the background: known daemons and their options, scripts, a text that ends in `&`.

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
_ENDS_BEHIND = re.compile(r"(?<![&>|<\\])&\s*(?:(?:disown|echo|exit|true)\b[^&\n]*)?\Z")


def goes_behind(argv: Sequence[str]) -> bool:
    """Whether the command may go into the background, by its words."""
    program = os.path.basename(argv[0])
    if program in _SHELLS:
        return _ENDS_BEHIND.search(_text_of(argv)) is not None
    return program in _DAEMONS or bool(_SCRIPTS.fullmatch(program)) or any(_OPTION.fullmatch(word) for word in argv[1:])


def _text_of(argv: Sequence[str]) -> str:
    """Return the text that a shell is given to read; "" where it reads something else."""
    at = next((number for number, word in enumerate(argv) if number and _TEXT_OPTION.fullmatch(word)), len(argv))
    return argv[at + 1].rstrip() if at + 1 < len(argv) else ""
