"""What is remembered across a death of the service: through JSON and back, line by line."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.values.facts import Handle
from actors.values.records import Head, Intent, Record, Records
from actors.values.spec import (
    WorkerSpec,
)
from supervisor.state.records import Folding
from supervisor.text.values import rebuilt

# each key that is added to a record or a spec is drawn, too; nan is not equal to itself
st.register_type_strategy(float, st.floats(allow_nan=False))
TEXT = st.text(max_size=8)
SPECS = st.from_type(WorkerSpec)
RECORDS = st.from_type(Record)
HEADS = st.from_type(Head)

API = WorkerSpec(name="api", command="x", cwd="/")
DB = WorkerSpec(name="db", command="y", cwd="/")
assert rebuilt(Record, {"spec": API}).spec == API  # now: at its first use pydantic builds what reads a record


def through_json(value: dict[str, Any]) -> Any:
    return json.loads(json.dumps(value))


def folded(*entries: Any) -> Records:
    folding = Folding()
    for entry in entries:
        folding.take(entry)
    return folding.records


def line(record: Record) -> dict[str, Any]:
    loaded: dict[str, Any] = through_json({"worker": record.spec.name, "record": record.to_json()})
    return loaded


@given(RECORDS, HEADS)
def test_a_record_and_a_head_survive_json(record: Record, head: Head) -> None:
    back = rebuilt(Record, through_json(record.to_json()))
    assert back == record
    assert back.spec.digest == record.spec.digest == record.to_json()["digest"]  # the last one is for people
    assert hash(back.spec) == hash(record.spec)
    assert rebuilt(Head, through_json(head.to_json())) == head


@given(HEADS, st.lists(RECORDS, max_size=4, unique_by=lambda record: record.spec.name))
def test_the_file_folds_to_what_was_written(head: Head, records: list[Record]) -> None:
    assert folded(through_json({"head": head.to_json()}), *map(line, records)) == Records(head, tuple(records))


@given(RECORDS, RECORDS)
def test_a_line_without_the_spec_changes_all_but_that(before: Record, after: Record) -> None:
    state = through_json({"of": before.spec.name, "state": after.state_to_json()})
    assert folded(line(before), state).workers == (replace(after, spec=before.spec),)


def test_folding_a_line_copies_nothing_of_those_before() -> None:
    """A copy for each line made a start with many workers quadratic."""
    folding = Folding()
    folding.take(line(Record(spec=API)))
    workers, known = folding.workers, folding.workers["api"]
    folding.take(line(Record(spec=DB)))
    folding.take({"of": "db", "state": through_json(Record(spec=DB, ready=True).state_to_json())})
    assert folding.workers is workers
    assert workers["api"] is known


def test_a_later_line_takes_the_place_of_an_earlier_one_and_keeps_its_turn() -> None:
    records = folded(line(Record(spec=API)), line(Record(spec=DB)), line(Record(spec=API, intent=Intent.STOPPED)))
    assert [(r.spec.name, r.intent) for r in records.workers] == [("api", Intent.STOPPED), ("db", Intent.WANTED)]


def test_a_line_without_a_record_forgets_the_worker_and_a_head_leaves_the_others() -> None:
    both = line(Record(spec=API)), line(Record(spec=DB))
    assert [r.spec.name for r in folded(*both, {"worker": "api", "record": None}).workers] == ["db"]
    assert folded(*both, {"worker": "nobody"}) == folded(*both)
    records = folded(*both, {"head": {"boot_id": "b"}})
    assert (records.head.boot_id, len(records.workers)) == ("b", 2)


def test_a_bad_line_leaves_what_was_known() -> None:
    folding = Folding()
    folding.take(line(Record(spec=API)))
    before = folding.records
    with pytest.raises(ValueError, match="spec: Field required"):
        folding.take({"worker": "api", "record": {}})
    assert folding.records == before


def test_keys_of_a_newer_version_are_left_out() -> None:
    newer = Record(spec=API).to_json() | {"mood": "good"}
    newer["spec"]["moons"] = 3
    newer["spec"]["backoff"]["speed"] = 1
    assert rebuilt(Record, through_json(newer)) == Record(spec=API)


def test_what_an_older_version_did_not_write_has_its_default() -> None:
    spare = {"spec": {"name": "api", "command": "x", "cwd": "/"}}
    assert rebuilt(Record, spare) == Record(spec=API)
    assert folded({"head": {}}).head == Head(clean=False)  # a service that did not say so did not end cleanly
    old = through_json(API.to_json())
    for key in ("on_exit", "max_restarts_in", "retry", "live"):
        del old[key]
    for key in ("kind", "steps"):
        del old["backoff"][key]
    assert rebuilt(WorkerSpec, old | {"ready": {"delay": 0.0, "timeout": 60.0, "tcp": None}}) == API


def test_a_head_of_a_version_that_knew_one_tmux_server_names_the_first_one() -> None:
    assert folded({"head": {"server": {"pid": 7, "ticks": 70}}}).head.servers == (Handle(7, 70),)
    assert folded({"head": {"server": None}}).head.servers == ()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"record": {}},
        {"worker": "api", "record": {}},
        {"worker": "api", "record": []},
        {"worker": "api", "record": "x"},
        {"worker": "api", "record": {"spec": None}},
        {"worker": "api", "record": {"spec": []}},
        {"worker": "api", "record": {"spec": {"name": "api"}}},
        {"worker": "api", "record": {"spec": API.to_json(), "intent": "asleep"}},
        {"worker": "api", "record": {"spec": API.to_json(), "process": 5}},
        {"worker": "api", "record": {"spec": API.to_json(), "process": {"pid": 5}}},
        {"worker": "api", "record": {"spec": API.to_json(), "exit": [1, 2, 3]}},
        {"worker": "api", "record": {"spec": API.to_json() | {"backoff": {"factor": "x"}}}},
        {"worker": "api", "record": {"spec": API.to_json() | {"restart": "sometimes"}}},
        {"worker": "db", "record": {"spec": API.to_json()}},
        {"head": None},
        {"head": 5},
        {"head": {"server": 7}},
        {"of": "api"},
        {"of": ["api"], "state": {}},
        {"of": "api", "state": Record(spec=API).state_to_json()},  # of a worker that is not known
        *(None, 5, [], "head", "worker"),
    ],
    ids=str,
)
def test_a_bad_line_raises_one_of_the_documented_errors(entry: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        folded(entry)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["head", "worker", "record", "of", "state"])
SPOILT = st.tuples(st.sampled_from(sorted(API.to_json())), JSON).map(lambda change: API.to_json() | dict([change]))


@given(st.dictionaries(KEYS, JSON) | SPOILT.map(lambda spec: {"worker": "api", "record": {"spec": spec}}))
def test_whatever_a_line_holds_it_folds_or_raises_one_of_the_documented_errors(entry: Any) -> None:
    with contextlib.suppress(KeyError, TypeError, ValueError):
        folded(entry)
