"""The fields of a request, read and checked: what is not of its kind raises WireError("usage")."""

from collections.abc import Mapping
from typing import Any

from supervisor.wire.frames import MAX_WAIT, WireError

Request = Mapping[str, Any]


def names(request: Request) -> tuple[str, ...]:
    """Return the workers that are named, each once."""
    return tuple(dict.fromkeys(texts(request, "names")))


def texts(request: Request, key: str) -> list[str]:
    """Return a list of text with something in it."""
    found = request.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(text, str) for text in found):
        raise WireError("usage", f"{key} must be a list of text with something in it")
    return found


def text(request: Request, key: str) -> str | None:
    value = request.get(key)
    if value is not None and not isinstance(value, str):
        raise WireError("usage", f"{key} must be text")
    return value


def pairs(request: Request, key: str) -> list[tuple[str, str]]:
    """Return a list of pairs of text; a map on the wire holds 64 entries only, an environment may be larger."""
    found = request.get(key, [])
    if not isinstance(found, list) or not all(_is_pair(item) for item in found):
        raise WireError("usage", f"{key} must be a list of pairs of text")
    return [(item[0], item[1]) for item in found]


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item)


def table(request: Request, key: str) -> dict[str, Any]:
    found = request.get(key, {})
    if not isinstance(found, dict):
        raise WireError("usage", f"{key} must be a map")
    return found


def content(request: Request, key: str) -> bytes:
    """Return bytes, or text as UTF-8."""
    value = request.get(key, b"")
    if not isinstance(value, bytes | str):
        raise WireError("usage", f"{key} must be bytes or text")
    return value if isinstance(value, bytes) else value.encode()


def flag(request: Request, key: str) -> bool:
    value = request.get(key, False)
    if not isinstance(value, bool):
        raise WireError("usage", f"{key} must be true or false")
    return value


def whole(request: Request, key: str, least: int, most: int) -> int | None:
    value = request.get(key)
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise WireError("usage", f"{key} must be a whole number from {least} to {most}")
    return value


def wait(request: Request) -> float:
    value = request.get("wait", 0)
    if type(value) not in (int, float) or not 0 <= value <= MAX_WAIT:
        raise WireError("usage", f"wait must be a number of seconds from 0 to {MAX_WAIT:g}")
    return float(value)
