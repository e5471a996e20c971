"""The filter language; the cases are those of its twin on the page, too."""

import json
from pathlib import Path

import pytest

from supervisor.explain.filter import FIELDS, parsed

CASES = json.loads((Path(__file__).parent / "filters.json").read_text())


@pytest.mark.parametrize(("line", "names"), CASES["means"].items())
def test_a_filter_means_these_workers(line: str, names: list[str]) -> None:
    chosen = parsed(line)
    assert [worker["name"] for worker in CASES["workers"] if chosen.matches(worker)] == names


@pytest.mark.parametrize("line", CASES["refused"])
def test_what_cannot_be_compared_is_refused_with_the_term_in_front(line: str) -> None:
    with pytest.raises(ValueError, match=r"must be|can be compared") as refused:
        parsed(line)
    assert str(refused.value).startswith(line.partition(" ")[0][:3])


def test_each_field_can_be_asked_for_of_a_worker_that_has_nothing() -> None:
    bare = {"name": "", "state": ""}
    assert not any(parsed(f"{field}:1").matches(bare) for field in FIELDS)
