"""Answers as bytes that are made once: JSON, its ETag, and its gzip form at the first demand."""

import gzip
import hashlib
from functools import cached_property
from typing import Any

from pydantic_core import to_json

_WORTH = 1_000  # bytes; below it gzip gains nothing


def json_of(value: Any) -> bytes:
    """Return plain values as JSON; text that is no valid Unicode has lost its surrogates."""
    try:
        return to_json(value)
    except ValueError:
        return to_json(_repaired(value))


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_repaired(key): _repaired(inner) for key, inner in value.items()}
    return [_repaired(inner) for inner in value] if isinstance(value, list | tuple) else value


class Packed:
    """A body, and what goes with it."""

    def __init__(self, body: bytes, kind: str = "application/json") -> None:
        self.body, self.kind = body, kind

    @classmethod
    def of(cls, value: Any) -> "Packed":
        """Return plain values as JSON."""
        return cls(json_of(value))

    @cached_property
    def etag(self) -> str:
        """A strong one is not possible: the body also goes out compressed."""
        return f'W/"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'

    @cached_property
    def zipped(self) -> bytes | None:
        """The body compressed; None where that is not worth it."""
        return gzip.compress(self.body, 1, mtime=0) if len(self.body) >= _WORTH else None
