"""An entry of the service's log: from an event and any facts to one line of strict JSON."""

import json
import math
import time
import traceback
from collections.abc import Mapping
from typing import Any

from structlog.processors import JSONRenderer

from actors.events.table import level_of
from actors.events.words import iso

LONGEST = 2000  # characters of one string
DEEPEST = 6  # levels of a fact; what lies below is shown by repr
_OURS = ("seq", "ts", "level", "event")
_render = JSONRenderer(serializer=json.dumps)


def json_line(entry: Mapping[str, Any]) -> str:
    return str(_render(None, "", dict(entry)))


def stamped(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the entry begins; its `seq` is given when it is written."""
    return {"seq": 0, "ts": iso(time.time()), "level": level_of(event, facts), "event": event}


def entry_of(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry, stamped now; nothing of it is shared with `facts`. The traceback may be the exception."""
    entry = stamped(event, facts)
    for key, value in facts.items():
        name = shortened(str(key))
        raised = name == "traceback" and isinstance(value, BaseException)
        said = "".join(traceback.format_exception(value)) if raised else value
        entry[f"{name}_" if name in _OURS else name] = encodable(said)
    return entry


def encodable(value: Any, depth: int = DEEPEST) -> Any:
    """Return what JSON can say of a fact; the rest as repr. Long strings lose their middle."""
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 2**64:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case str():
            return shortened(str(value))
        case Mapping() if depth:
            return {shortened(str(key)): encodable(item, depth - 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [encodable(item, depth - 1) for item in value]
        case _:
            return shortened(_repr(value))


def shortened(text: str) -> str:
    """Return at most `LONGEST` characters: of a traceback both ends tell most."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # any code may stand behind a repr, and the log never raises
        return f"<{type(value).__name__}: {type(error).__name__} in its repr>"
