"""The wire: frames, and the limits of the contract.

    frame    = length (4 bytes, big-endian) + one msgpack map
    request  = {"id", "do", …}          answer = {"id", "ok", "data" | "error": {"code", "message"}}
    message  = {"topic", "seq", "data", "missed"}

A length is checked before anything of that size is read, and a decoded request is never larger than a small multiple
of its bytes: 1 MB of 0x80 would else become a million dicts.
"""

import struct
from typing import Any

import msgpack

from supervisor.wire.errors import CommandError

MAX_REQUEST = 1 << 20
MAX_DEPTH = 16
MAX_ARRAY = 1024
MAX_MAP = 64
MAX_VALUES = 16_384  # of one request, all levels together: 16 × what one array may hold
MAX_IN_FLIGHT = 64
MAX_CONNECTIONS = 2000
MAX_WAIT = 3600.0  # seconds that a request may wait for verdicts
HEADER = 4

_SCALARS = (type(None), bool, int, float, str, bytes)
_LENGTH = struct.Struct(">I")


def pack(value: Any) -> bytes:
    """Return a value as msgpack; what msgpack does not know (a path, an enum) becomes its text."""
    packed: bytes = msgpack.packb(value, default=str)
    return packed


def frame(*parts: bytes) -> tuple[bytes, ...]:
    """Return the parts of one packed map as a frame, without copying them together."""
    return (_LENGTH.pack(sum(map(len, parts))), *parts)


def request_length(header: bytes | bytearray) -> int:
    """Return how many bytes of a request follow; raises CommandError before any of them is read."""
    length: int = _LENGTH.unpack(header)[0]
    if length > MAX_REQUEST:
        what = f"a request of {length:,} bytes is larger than {MAX_REQUEST:,}: send it in parts"
        raise CommandError("too-large", what)
    return length


def message_length(header: bytes | bytearray) -> int:
    """Return how many bytes of an answer or message follow; the service is trusted, so any length is."""
    return int(_LENGTH.unpack(header)[0])


def unpack_request(payload: bytes | bytearray) -> dict[str, Any]:
    """Return the request; raises CommandError for all that is not a map of plain values within the limits."""
    request = _decoded(payload)
    _check(request)
    if not isinstance(request, dict):
        raise CommandError("bad-frame", "a request is a map")
    return request


def unpack(payload: bytes | bytearray) -> dict[str, Any]:
    """Return what the service sent, of any size, since it is as large as the whole picture; raises ValueError."""
    message = msgpack.unpackb(payload)
    if not isinstance(message, dict):
        raise ValueError("it sent something that is not a map")
    return message


def answer(id: Any, packed: bytes) -> tuple[bytes, ...]:
    """Return the frame of a good answer around data that is packed already."""
    return frame(b"\x83" + pack("id") + pack(id) + pack("ok") + pack(True) + pack("data"), packed)


def refusal(id: Any, code: str, message: str) -> tuple[bytes, ...]:
    """Return the frame of a refused request."""
    return frame(pack({"id": id, "ok": False, "error": {"code": code, "message": message}}))


def message(topic: str, seq: int, packed: bytes, missed: int) -> tuple[bytes, ...]:
    """Return the frame of one publication. The packed data is shared by all subscribers, `missed` is each one's own."""
    head = b"\x84" + pack("topic") + pack(topic) + pack("seq") + pack(seq) + pack("data")
    return frame(head, packed, pack("missed") + pack(missed))


# ── decoding what a stranger sent ─────────────────────────────────────────────────────────────────────────────────


class _Budget:
    """Counts values while they are decoded; a bomb ends in the middle of it."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def spend_list(self, values: list[Any]) -> list[Any]:
        self._spend(len(values))
        return values

    def spend_map(self, values: dict[Any, Any]) -> dict[Any, Any]:
        self._spend(len(values))
        return values

    def _spend(self, count: int) -> None:
        self.left -= 1 + count
        if self.left < 0:
            raise CommandError("too-large", f"a request holds at most {MAX_VALUES:,} values")


def _decoded(payload: bytes | bytearray) -> Any:
    budget = _Budget()
    try:
        return msgpack.unpackb(
            payload,
            max_array_len=MAX_ARRAY,
            max_map_len=MAX_MAP,
            max_ext_len=0,
            strict_map_key=True,
            list_hook=budget.spend_list,
            object_hook=budget.spend_map,
            ext_hook=_no_ext,
        )
    except CommandError:
        raise
    except (ValueError, msgpack.UnpackException, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise CommandError("bad-frame", f"not a msgpack map within the limits: {str(error)[:200]}") from None


def _no_ext(code: int, _data: bytes) -> Any:
    raise CommandError("bad-frame", f"ext types are not supported (type {code})")


def _check(value: Any) -> None:
    """Refuse what is too deep or no plain value, by a stack of our own: a bomb would find recursion's limit."""
    stack = [(value, 1)]
    while stack:
        here, depth = stack.pop()
        if isinstance(here, dict):
            if not all(isinstance(key, str) for key in here):
                raise CommandError("bad-frame", "the keys of a map are text")
            stack += [(inner, depth + 1) for inner in here.values()]
        elif isinstance(here, list):
            stack += [(inner, depth + 1) for inner in here]
        elif not isinstance(here, _SCALARS):
            raise CommandError("bad-frame", "only plain values are supported")
        if depth > MAX_DEPTH:
            raise CommandError("bad-frame", f"nested deeper than {MAX_DEPTH}")
