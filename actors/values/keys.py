"""What a file may say for a field of a spec: plain metadata that stands in the field's `Annotated`.

Nothing here checks a value. `supervisor.config.tables` reads a file by this metadata, and `scripts/config_reference.py`
describes the keys with it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from actors.frozen import frozen


@frozen
class Seconds:
    """A duration like "1m30s" of at least `least`. With `never` that word is allowed too, and gives None."""

    least: str = "0s"
    never: bool = False


@frozen
class Bytes:
    """A size like "20MB" of at least `least`."""

    least: str


@frozen
class Between:
    """A number from `least` to `most`; None: without an upper limit, but finite."""

    least: int
    most: int | None = None


@frozen
class Unwritten:
    """What the file means when it leaves out a key whose field has no default; `said` is that in words."""

    value: Any
    said: str


@frozen
class Before:
    """What makes a value of the field's own type, which is then read as that; a ValueError says what is wrong."""

    read: Callable[[Any], object]


class Elsewhere:
    """A field that is no key of its table: what reads the table knows it already."""


class Form(StrEnum):
    """A value that is written in a form of its own; the text describes it to people."""

    TEXT = "text"
    PATH = "path, relative to the folder of the file"
    COMMAND = "array (executed without a shell) or text for `/bin/sh -c`"
    VARIABLE = "name of an environment variable"
    LABEL = "name of a label"
    DEPENDENCIES = 'table of worker = condition, or array of workers that have to be "ready"'
    UMASK = 'octal digits, as "027"'
    RLIMIT = "name of a limit"
    RLIMIT_VALUE = 'whole number, size for those in bytes, or "unlimited"'
    ACCOUNT = "name, or number in quotes"
    STOP_PLAN = "array of steps and waits in turn"
    JITTER = 'number from 0 to 1, or "full"'
    PAUSES = "array of durations"
    SIGNAL = 'signal, as "SEGV" or 11'
    ADDRESS = '"host:port" or "[IPv6]:port"'
    PATTERN = "RE2 pattern"
    RATE = 'text like "3 per 1h"'
    URL = 'URL ("http://…")'
    HEADER = "name of a header"
    HEADER_TEXT = "text on one line"
    ATTEMPTS = "whole number from 1, or -1 for any number"
    KEY_NAME = "name of a key, as tmux has it"
    KEY_NAMES = "array of names of keys, as tmux has them"
    MEMORY_LIMIT = 'size of at least 1MB, table of `value` and `do`, or "none"'
    CPU_LIMIT = 'number from 1, table of `value` and `do`, or "none"'
    COUNT_LIMIT = 'whole number from 1, table of `value` and `do`, or "none"'
    AGE_LIMIT = 'duration of at least 1s, table of `value` and `do`, or "never"'
    MEMORY = 'size, or share of the machine\'s memory like "5%"'
    ENV_FILES = "path, or array of paths"
    HOURS = 'hours of the day, as "22:00-07:00"'
    SECRETS = "array of texts"


Text = Annotated[str, Form.TEXT]
PathText = Annotated[str, Form.PATH]
Command = Annotated[tuple[str, ...] | str, Form.COMMAND]
MANY = 10**9  # of anything counted: what is packed and stored has to fit 64 bits with room for sums
