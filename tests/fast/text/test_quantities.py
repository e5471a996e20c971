"""Durations and sizes as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.text.quantities import seconds, size

HUGE = pytest.param(10**5000, id="huge")  # past the digits that str() makes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0.0),
        ("100ms", 0.1),
        ("700ms", 0.7),
        ("5s", 5.0),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1d1h1m1s1ms", 90061.001),
        ("36500d", 36500 * 86400.0),
    ],
)
def test_a_duration_is_its_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "value", ["", "10", "s", "-1s", "1 s", "1s1m", "1s1s", "1m 30s", "5S", "1e3s", "inf", "nans", "٣s", "1s\n", ".5s"]
)
def test_what_is_no_duration_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ValueError, match='must be a duration like "10s" or "1m30s", not '):
        seconds(value)


@pytest.mark.parametrize(("value", "hint"), [(10, "10s"), ("10", "10s"), (0.5, "0.5s")])
def test_a_number_without_unit_is_refused_with_what_was_probably_meant(value: object, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'(for seconds write "{hint}")')):
        seconds(value)


@pytest.mark.parametrize("value", [True, None, [], {}, -1, HUGE, float("nan"), "99999999999d", "36501d"])
def test_odd_values_are_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        seconds(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1B", 1),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("20MB", 20_000_000),
        ("1MiB", 2**20),
        ("1.5GB", 1_500_000_000),
        *(pytest.param(f"20{unit}", 20_000, id=unit) for unit in ("k", "K", "kB", "KB", " kB")),
        *(pytest.param(f"20{unit}", 20_480, id=unit) for unit in ("Ki", "KiB")),
        ("1TiB", 2**40),
        (7, 7),
        (0, 0),
    ],
)
def test_a_size_is_its_bytes(value: object, expected: int) -> None:
    assert size(value) == expected


@pytest.mark.parametrize(
    "value", ["", "10", "MB", "1  MB", "1mb", "10Mb", "1XB", "1iB", "-1B", "2000TB", 1.5, True, None, -1, HUGE]
)
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        size(value)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.from_regex(r"([0-9.]+(d|h|m|s|ms|kB|MiB))+"))
def test_any_value_is_a_quantity_in_range_or_a_refusal(value: object) -> None:
    for reader in (seconds, size):
        try:
            verdict = str(0 <= reader(value) <= 10**15)
        except ValueError as refusal:
            verdict = str(refusal)
        assert verdict == "True" or verdict.startswith("must be ")
