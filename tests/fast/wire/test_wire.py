"""The wire: what is refused, and that refusing costs little."""

import contextlib
import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples

from supervisor.wire import frames as wire
from supervisor.wire.errors import EXIT_CODES, CommandError


def refused(payload: bytes) -> str:
    with pytest.raises(CommandError) as caught:
        wire.unpack_request(payload)
    assert caught.value.code in EXIT_CODES
    return caught.value.code


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_request_comes_back_as_it_was_packed() -> None:
    request = {
        "id": 7,
        "do": "start",
        "names": ["a", "ü"],
        "force": False,
        "wait": 1.5,
        "nothing": None,
        "raw": b"\xff",
    }
    assert wire.unpack_request(wire.pack(request)) == request


def test_a_frame_is_its_length_and_its_parts_uncopied() -> None:
    part = b"x" * 300
    header, same = wire.frame(part)
    assert header == b"\x00\x00\x01\x2c"
    assert same is part


def test_a_length_beyond_the_limit_is_refused_unread() -> None:
    assert wire.request_length(wire.MAX_REQUEST.to_bytes(4, "big")) == wire.MAX_REQUEST
    for length in (wire.MAX_REQUEST + 1, 2**32 - 1):
        with pytest.raises(CommandError) as caught:
            wire.request_length(length.to_bytes(4, "big"))
        assert caught.value.code == "too-large"


def test_depth_arrays_and_maps_are_bounded() -> None:
    numbers = range(max(wire.MAX_ARRAY, wire.MAX_MAP) + 1)
    for fits, beyond in (
        (nested(14), nested(15)),
        ([0] * wire.MAX_ARRAY, [0] * (wire.MAX_ARRAY + 1)),
        ({str(n): n for n in numbers[: wire.MAX_MAP]}, {str(n): n for n in numbers[: wire.MAX_MAP + 1]}),
    ):
        assert wire.unpack_request(wire.pack({"a": fits}))
        assert refused(wire.pack({"a": beyond})) == "bad-frame"


EXTS = (msgpack.ExtType(5, b""), msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 0))


@pytest.mark.parametrize(
    "payload",
    [
        *map(wire.pack, ([1], 1, None, "text", True)),
        b"\x81\xa1a" + b"\x91" * 100_000 + b"\x01",  # a depth that recursion would not survive
        *(wire.pack({"a": ext}) for ext in EXTS),
        *(msgpack.packb({key: 1}) for key in (b"a", 1)),
        b"\x81\xa1a\xa2\xff\xfe",  # no UTF-8
    ],
    ids=lambda payload: repr(payload[:12]),
)
def test_what_is_no_map_of_plain_values_is_refused(payload: bytes) -> None:
    assert refused(payload) == "bad-frame"


BOMBS = {
    "a million empty maps in one array": b"\x81\xa1a\xdd" + (2**20).to_bytes(4, "big") + b"\x80" * (2**20 - 8),
    "1 MB of 0x80": b"\x80" * 2**20,
    "arrays of arrays of empty maps": b"\x81\xa1a\xdc\x04\x00" + (b"\xdc\x04\x00" + b"\x80" * 1024) * 1020,
    "arrays of arrays of nil": b"\x81\xa1a\xdc\x04\x00" + (b"\xdc\x04\x00" + b"\xc0" * 1024) * 1020,
    "unfinished arrays, each 1,024 long": b"\x81\xa1a" + b"\xdc\x04\x00" * 300_000,
    "a length that never comes": b"\x81\xa1a\xdb\xff\xff\xff\xff",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_early_in_little_memory(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        refused(bomb)
        assert tracemalloc.get_traced_memory()[1] < 9_000_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=400))
@examples(300)
def test_any_bytes_are_a_request_or_a_wire_error(payload: bytes) -> None:
    with contextlib.suppress(CommandError):
        assert isinstance(wire.unpack_request(payload), dict)


PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)),
        max_size=5,
    ),
    st.data(),
)
@examples(100)
def test_a_request_with_one_byte_changed_is_a_request_or_a_wire_error(
    request: dict[str, object], data: st.DataObject
) -> None:
    payload = bytearray(wire.pack(request))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CommandError):
        assert isinstance(wire.unpack_request(bytes(payload)), dict)


def test_a_message_assembled_from_shared_bytes_reads_like_one_that_was_packed_whole() -> None:
    shared = wire.pack({"workers": [1, 2]})
    payload = b"".join(wire.message("metrics", 9, shared, 3)[1:])
    assert wire.unpack(payload) == {"topic": "metrics", "seq": 9, "data": {"workers": [1, 2]}, "missed": 3}
    assert wire.unpack(b"".join(wire.answer("x", shared)[1:])) == {"id": "x", "ok": True, "data": {"workers": [1, 2]}}
    refusal = wire.unpack(b"".join(wire.refusal(None, "busy", "later")[1:]))
    assert refusal == {"id": None, "ok": False, "error": {"code": "busy", "message": "later"}}
