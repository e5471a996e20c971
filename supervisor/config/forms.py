"""Values that are written in a form of their own: how a file's text becomes what a spec holds.

A reader raises ValueError with a predicate that follows the key ("must be …"), or Refused with several of them, each
at its own part of the value.
"""

import ipaddress
import os
import re
import signal
from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import CoreSchema
from pydantic_core import core_schema as cs

from actors.frozen import frozen
from actors.values.keys import MANY, Before, Form
from actors.values.rules import Rate
from actors.values.spec import FULL, REPLICA_OF, Condition, Reaction, SignalTree, StopStep, TypeKeys, TypeText
from supervisor.config.problems import Refused
from supervisor.config.slips import of_a_shell, several_words, sourced
from supervisor.text.keys import KeyUnknown, checked
from supervisor.text.moments import hours
from supervisor.text.patterns import compiled
from supervisor.text.quantities import memory, seconds, size
from supervisor.text.urls import http_target
from supervisor.text.words import Keys, nearest, shown

SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")
IDENTITY = "PANEVISOR_WORKER"
OF_THE_TMUX_AROUND = ("TMUX", "TMUX_PANE")  # every program of a worker is started without them
_LONGEST_TEXT = 1000  # of a step of a stop plan, in characters


def refuse(verdicts: Iterable[tuple[Keys, str | None]]) -> None:
    """Raise one error for all wrong parts of a value; the verdict on a right part is None."""
    if bad := [(at, verdict) for at, verdict in verdicts if verdict]:
        raise Refused(*bad)


def _fault(read: Callable[[Any], object], value: object) -> str | None:
    """Return the message with which `read` refuses the value; None if it accepts the value."""
    try:
        read(value)
    except ValueError as verdict:
        return str(verdict)
    return None


def _array(value: object, like: str, *, part: Callable[[Any], str | None], what: str = "array") -> list[Any]:
    """Return a non-empty array whose parts are all right."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be an {what} like {like}, not {'an empty array' if value == [] else shown(value)}")
    refuse(((index,), part(each)) for index, each in enumerate(value))
    return value


# ── text ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _writable_path(text: str) -> str:
    if not _no_nul(text).strip():
        raise ValueError('must not be empty (for the folder of this file write ".")')
    if wrong := of_a_shell(text):
        raise ValueError(wrong)
    return text


def _path(text: str, info: cs.ValidationInfo) -> str:
    """Return the path below the context's folder, without `..`."""
    return os.path.normpath(os.path.join((info.context or {}).get("folder", "/"), _writable_path(text)))


def _env_files(value: object) -> tuple[str, ...]:
    """Read one path or an array of paths; they are resolved later."""
    if isinstance(value, str):
        return (_writable_path(value),)
    if not isinstance(value, list):
        raise ValueError(f'must be a path like ".env" or an array of paths, not {shown(value)}')
    refuse(((index,), _text_fault(part) or _fault(_writable_path, part)) for index, part in enumerate(value))
    return tuple(value)


def _text_fault(part: object) -> str | None:
    return None if isinstance(part, str) else f"must be text in quotes, not {shown(part)}"


def variable_name(name: str) -> str:
    """Return the name of an environment variable; a ValueError says what is wrong with it."""
    if name == IDENTITY:
        raise ValueError("is set by Panevisor itself, to tell whose a process is (leave it out)")
    if name in OF_THE_TMUX_AROUND:
        raise ValueError("is never set in a worker, which is not to command the tmux around it (leave it out)")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("is not a valid name for a variable (letters, digits and _, not beginning with a digit)")
    return name


def _umask(value: object) -> str | None:
    if value is None or (isinstance(value, str) and re.fullmatch("0?[0-7]{3}", value)):
        return value
    raise ValueError(f'must be octal digits in quotes like "027", not {shown(value)}')


RLIMITS = (
    *("as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice"),
    *("nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
"""The kernel's limits, by their names in prlimit(1)."""


def _rlimit(name: str) -> str:
    if name not in RLIMITS:
        raise ValueError(f"is no limit of the kernel{nearest(name.lower(), list(RLIMITS))}")
    return name


def _rlimit_value(value: object) -> int:
    """Read a limit; -1 stands for none."""
    if value == "unlimited":
        return -1
    if isinstance(value, str):
        return size(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f'must be a whole number from 0, a size like "64MiB", or "unlimited", not {shown(value)}')
    return value


_NAMED = re.compile(r"[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")


def _account(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _NAMED.fullmatch(value)):
        return value
    raise ValueError(f'must be a name like "www-data", or a number in quotes, not {shown(value)}')


def _secrets(value: object) -> tuple[str, ...]:
    """Read an array of texts; no message shows one of them."""
    if not isinstance(value, list):
        raise ValueError("must be an array of texts")
    refuse(
        ((index,), None if isinstance(part, str) and part else "must be text in quotes")
        for index, part in enumerate(value)
    )
    return tuple(value)


def _label(name: str) -> str:
    if not _no_nul(name) or "=" in name:
        raise ValueError("could not be selected by `-l LABEL=VALUE` (name it, without =)")
    if name == REPLICA_OF:
        raise ValueError("is set by Panevisor itself, to tell whose replica a worker is (leave it out)")
    return name


def _command(value: object) -> tuple[str, ...] | str:
    if not isinstance(value, str):
        return tuple(_arguments(value))
    if not value.strip():
        raise ValueError("must not be blank")
    if (file := sourced(value)) and os.path.basename(os.path.realpath("/bin/sh")) == "dash":
        raise ValueError(f"has `source`, and this is /bin/sh: use `. {file}`, or bash")
    return _no_nul(value)


def _arguments(value: object) -> list[str]:
    found = _array(value, '["sleep", "60"], or text for /bin/sh', part=_argument)
    if not found[0].strip():
        raise Refused(((0,), "must name the program, and is empty"))
    if wrong := of_a_shell(found[0]):
        raise Refused(((0,), wrong))
    if several_words(found[0]):
        raise Refused(((0,), f"must be one word an item, like {', '.join(map(shown, found[0].split()[:3]))}"))
    return found


def _argument(part: object) -> str | None:
    return _text_fault(part) or _fault(_no_nul, part)


# ── dependencies and stop plans ───────────────────────────────────────────────────────────────────────────────────


def _conditions(value: object) -> dict[str, str]:
    """Return the table of conditions; an array is short for workers that have to be ready."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        raise ValueError(f'must be a table like {{ db = "ready" }} or an array of names, not {shown(value)}')
    names = [(index, name) for index, name in enumerate(value) if not isinstance(name, str)]
    refuse(((index,), f"must be the name of a worker in quotes, not {shown(name)}") for index, name in names)
    return dict.fromkeys(value, Condition.READY.value)


def _stop(value: object) -> tuple[StopStep, ...]:
    """Read steps and waits in turn: `[{ keys = ["C-c"] }, "2s", "KILL"]` gives `(TypeKeys(("C-c",)), 2.0, "KILL")`."""
    steps: list[StopStep] = []
    verdicts: list[tuple[Keys, str | None]] = []
    for index, step in enumerate(_array(value, '["TERM", "10s", "KILL"]', part=lambda _: None)):
        try:
            steps.append(seconds(step) if index % 2 else _action(step))
        except ValueError as verdict:
            verdicts.append(((index,), f"{verdict}{_turn(index, step)}"))
    if not verdicts and steps[-1] != "KILL":
        verdicts.append(((), 'must end with "KILL": a worker deaf to all the rest would never end'))
    refuse(verdicts)
    return tuple(steps)


def _action(step: object) -> StopStep:
    return _table(step) if isinstance(step, dict) else _signal(step)


def _table(step: dict[Any, Any]) -> StopStep:
    match step:
        case {"signal": signal, "to": "tree" | "main" as to, **rest} if not rest:
            return SignalTree(_signal(signal)) if to == "tree" else _signal(signal)
        case {"signal": signal, **rest} if not rest:
            return _signal(signal)
        case {"text": str() as text, **rest} if not rest:
            return TypeText(_typed_text(text))
        case {"keys": list() as keys, **rest} if keys and not rest:
            return TypeKeys(_keys(keys))
    forms = '{ keys = ["C-c"] }, { text = "exit" } or { signal = "TERM", to = "tree" }'
    raise ValueError(f"must be {forms}, not {shown(step)}")


def _typed_text(text: str) -> str:
    if not text or len(text) > _LONGEST_TEXT or any(ord(char) < 32 for char in text):
        raise ValueError(f"text must be one line of 1 to {_LONGEST_TEXT:,} characters (Enter is typed after it)")
    return text


def _keys(keys: list[Any]) -> tuple[str, ...]:
    for key in keys:
        if not isinstance(key, str):
            raise ValueError(f"keys must be names of keys in quotes, not {shown(key)}")
    try:
        return checked(keys)
    except KeyUnknown as unknown:
        raise ValueError(f"keys must be names of keys: {unknown}") from None


def _signal(step: object) -> str:
    name = step.removeprefix("SIG") if isinstance(step, str) else None
    if name not in SIGNALS:
        hint = nearest(name.upper(), list(SIGNALS)) if name else ""
        raise ValueError(f"must be one of the signals {', '.join(SIGNALS)}, not {shown(step)}{hint}")
    return name


def _turn(index: int, step: object) -> str:
    """Explain the order where a step would have been right in the other kind of place."""
    if index % 2 == 0 and isinstance(step, str) and step[:1].isdigit():
        return " (signals and waits take turns, a signal first)"
    is_action = isinstance(step, dict) or (isinstance(step, str) and step.removeprefix("SIG") in SIGNALS)
    return " (put a wait between two signals)" if index % 2 and is_action else ""


# ── probes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _address(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not _is_host(host) or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ValueError(
            f'must be "host:port" with a port from 1 to 65535, or "[::1]:port" for IPv6, not {shown(address)}'
        )
    return address


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return re.fullmatch(r"[A-Za-z0-9._-]{1,255}", host, re.ASCII) is not None
    try:
        return host.endswith("]") and ipaddress.IPv6Address(host[1:-1]) is not None
    except ValueError:
        return False


def _pattern(text: str) -> str:
    """Check an RE2 pattern, so that a bad one is reported with its line. The text is kept."""
    compiled(text)
    return text


def _rate(value: object) -> Rate:
    """Read "3 per 1h"."""
    if isinstance(value, Rate):
        return value
    count, _, period = value.partition(" per ") if isinstance(value, str) else ("", "", "")
    if not re.fullmatch(r"[1-9][0-9]{0,3}", count):
        raise ValueError(f'must be text like "3 per 1h", with a count from 1 to 9999, not {shown(value)}')
    return Rate(int(count), seconds(period.strip(), least="1s"))


def _url(text: str) -> str:
    http_target(text)
    return text


def _header(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError("is not a valid name for a header")
    return name


def _header_text(text: str) -> str:
    if not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", text):
        raise ValueError("must be text on one line, of characters up to U+00FF")
    return text


def _not_zero(count: int) -> int:
    if count == 0:
        raise ValueError("must be at least 1, or -1 for any number, not 0")
    return count


# ── restarts and limits ───────────────────────────────────────────────────────────────────────────────────────────


def pauses(value: object) -> tuple[float, ...]:
    """Read the pauses of a back-off, in seconds."""
    found = _array(value, '["1s", "5s"]', what="array of pauses", part=lambda step: _fault(seconds, step))
    return tuple(map(seconds, found))


def _jitter(value: object) -> object:
    if value == FULL or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1):
        return value
    raise ValueError(f'must be a number from 0 to 1, or "full", not {shown(value)}')


def _exit_signal(value: object) -> int:
    """Read a signal by its number or its name, with or without SIG."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= signal.NSIG - 1:
        return value
    known = {name.name.removeprefix("SIG"): name.value for name in signal.Signals}
    name = value.removeprefix("SIG") if isinstance(value, str) else None
    if name not in known:
        hint = nearest(name.upper(), list(known)) if name else ""
        raise ValueError(f'must be a signal like "SEGV" or 11, not {shown(value)}{hint}')
    return known[name]


@frozen
class LimitGiven:
    """A limit as the file has it; `do` None: as the table's."""

    value: float
    do: Reaction | None = None


def _limit(read: Callable[[object], float], none: tuple[str, ...] = ("none",)) -> CoreSchema:
    """Read a limit in its three ways: a value, a table of value and do, or a word for none."""

    def limit(value: object) -> LimitGiven | None:
        if value in none:
            return None
        if not isinstance(value, dict):
            return LimitGiven(read(value))
        refuse(((key,), _part_fault(key, part, read)) for key, part in ({"value": None} | value).items())
        return LimitGiven(read(value["value"]), value.get("do"))

    return _read(limit)


def _part_fault(key: str, part: object, read: Callable[[object], float]) -> str | None:
    if key not in ("value", "do"):
        return f"is none of value and do{nearest(key, ['value', 'do'])}"
    if key == "do":
        return None if part in ("restart", "notify") else f'must be "restart" or "notify", not {shown(part)}'
    return "is missing" if part is None else _fault(read, part)


def _number(value: object, what: str, *, most: int, whole: bool = False) -> float:
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not 1 <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"must be {kind} of {what} from 1 to {most}, not {shown(value)}")
    return value


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────


_read = cs.no_info_plain_validator_function


def _text(reader: Callable[[str], object]) -> CoreSchema:
    return cs.no_info_after_validator_function(reader, cs.str_schema())


def duration(least: str, never: bool) -> CoreSchema:
    """Return how a duration is read; with `never`, None for that word."""

    def read(value: object) -> float | None:
        return None if never and value == "never" else seconds(value, least=least, never=never)

    return _read(read)


def byte_count(least: str) -> CoreSchema:
    """Return how a size is read."""
    return _read(lambda value: size(value, least=least))


FORMS: dict[Form, CoreSchema | Before] = {
    Form.TEXT: _text(_no_nul),
    Form.PATH: cs.with_info_after_validator_function(_path, cs.str_schema()),
    Form.COMMAND: _read(_command),
    Form.VARIABLE: _text(variable_name),
    Form.LABEL: _text(_label),
    Form.DEPENDENCIES: Before(_conditions),
    Form.UMASK: _read(_umask),
    Form.RLIMIT: _text(_rlimit),
    Form.RLIMIT_VALUE: _read(_rlimit_value),
    Form.ACCOUNT: _read(_account),
    Form.STOP_PLAN: _read(_stop),
    Form.JITTER: _read(_jitter),
    Form.PAUSES: _read(pauses),
    Form.SIGNAL: _read(_exit_signal),
    Form.ADDRESS: _text(_address),
    Form.PATTERN: _text(_pattern),
    Form.RATE: _read(_rate),
    Form.URL: _text(_url),
    Form.HEADER: _text(_header),
    Form.HEADER_TEXT: _text(_header_text),
    Form.ATTEMPTS: cs.no_info_after_validator_function(_not_zero, cs.int_schema(ge=-1, le=MANY)),
    Form.KEY_NAME: _text(lambda key: checked([key])[0]),
    Form.KEY_NAMES: cs.no_info_after_validator_function(checked, cs.list_schema(cs.str_schema())),
    Form.MEMORY_LIMIT: _limit(lambda value: size(value, least="1MB")),
    Form.CPU_LIMIT: _limit(lambda value: _number(value, "percent of one core", most=1_000_000)),
    Form.COUNT_LIMIT: _limit(lambda value: _number(value, "processes", most=MANY, whole=True)),
    Form.AGE_LIMIT: _limit(lambda value: seconds(value, least="1s"), none=("none", "never")),
    Form.MEMORY: _read(memory),
    Form.ENV_FILES: _read(_env_files),
    Form.HOURS: _read(hours),
    Form.SECRETS: _read(_secrets),
}
"""How a value is read in the place of the field's own type, or `Before` it is read as that."""
