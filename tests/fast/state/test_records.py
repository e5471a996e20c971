"""What is remembered across a death of the service: through JSON and back, line by line."""

import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.values.facts import Exit, Handle
from actors.values.records import Head, Intent, Record, Records
from actors.values.spec import (
    Backoff,
    Condition,
    ExitAction,
    ExitRule,
    Growth,
    Limit,
    Limits,
    LogLimits,
    PaneSize,
    Ready,
    Restart,
    Rung,
    Stall,
    TypeKeys,
    TypeText,
    Window,
    WorkerSpec,
)
from supervisor.state.records import Folding
from supervisor.text.values import rebuilt

TEXT = st.text(max_size=8)
SECONDS = st.floats(0, 1e9)
COUNT = st.integers(0, 10**9)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
HANDLES = st.builds(Handle, COUNT, COUNT)
EXITS = st.builds(Exit, st.none() | st.integers(0, 255), st.none() | st.integers(1, 64), SECONDS)
RUNGS = st.builds(
    Rung,
    do=st.sampled_from(["notify", "send", "interrupt", "restart"]),
    wait=SECONDS,
    text=st.none() | TEXT,
    keys=st.lists(TEXT, max_size=2).map(tuple),
)
LIMIT = st.none() | st.builds(Limit, SECONDS, st.sampled_from(["restart", "notify"]))
SPECS = st.builds(
    WorkerSpec,
    name=NAMES,
    command=TEXT | st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    cwd=TEXT,
    env=PAIRS,
    project=TEXT,
    labels=PAIRS,
    protected=st.booleans(),
    restart=st.sampled_from(Restart),
    ok_exit_codes=st.lists(st.integers(0, 255), max_size=3).map(tuple),
    backoff=st.builds(
        Backoff,
        initial=SECONDS,
        factor=SECONDS,
        max=SECONDS,
        jitter=SECONDS | st.just("full"),
        kind=st.sampled_from(Growth),
        steps=st.lists(SECONDS, max_size=3).map(tuple),
    ),
    max_restarts=st.integers(-1, 10**9),
    healthy_after=SECONDS,
    depends_on=st.lists(st.tuples(NAMES, st.sampled_from(Condition)), max_size=3).map(tuple),
    ready=st.builds(Ready, delay=SECONDS, timeout=SECONDS, tcp=st.none() | TEXT),
    stop=st.lists(
        st.sampled_from(["TERM", "INT", "KILL", TypeKeys(("C-c", "q")), TypeText("exit")]) | SECONDS, max_size=4
    ).map(tuple),
    cleanup_after=st.none() | SECONDS,
    log=st.builds(LogLimits, max_size=COUNT, keep=COUNT),
    pane=st.builds(PaneSize, columns=COUNT, rows=COUNT, history=COUNT),
    stall=st.builds(
        Stall,
        after=st.none() | SECONDS,
        by=st.sampled_from(["output", "screen"]),
        ladder=st.lists(RUNGS, max_size=3).map(tuple),
    ),
    limits=st.builds(Limits, memory=LIMIT, cpu=LIMIT, cpu_samples=COUNT, processes=LIMIT, age=LIMIT),
    on_exit=st.lists(
        st.builds(
            ExitRule,
            do=st.sampled_from(ExitAction),
            codes=st.lists(st.integers(0, 255), max_size=2).map(tuple),
            signals=st.lists(st.integers(1, 64), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    max_restarts_in=st.none() | st.builds(Window, COUNT, SECONDS),
    retry=st.none() | SECONDS,
)
RECORDS = st.builds(
    Record,
    spec=SPECS,
    intent=st.sampled_from(Intent),
    ready=st.booleans(),
    life=st.none() | TEXT,
    process=st.none() | HANDLES,
    exit=st.none() | EXITS,
    judged=st.none() | TEXT,
    reason=TEXT,
)
HEADS = st.builds(Head, boot_id=TEXT, server=st.none() | HANDLES, config_digest=TEXT, clean=st.booleans())

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


@given(SPECS)
def test_a_spec_survives_json(spec: WorkerSpec) -> None:
    back = rebuilt(WorkerSpec, through_json(spec.to_json()))
    assert back == spec
    assert back.digest == spec.digest
    assert hash(back) == hash(spec)


@given(RECORDS)
def test_a_record_survives_json(record: Record) -> None:
    assert rebuilt(Record, through_json(record.to_json())) == record


@given(HEADS)
def test_a_head_survives_json(head: Head) -> None:
    assert rebuilt(Head, through_json(head.to_json())) == head


@given(HEADS, st.lists(RECORDS, max_size=4, unique_by=lambda record: record.spec.name))
def test_the_file_folds_to_what_was_written(head: Head, records: list[Record]) -> None:
    assert folded(through_json({"head": head.to_json()}), *map(line, records)) == Records(head, tuple(records))


@given(RECORDS, RECORDS)
def test_a_line_without_the_spec_changes_all_but_that(before: Record, after: Record) -> None:
    state = through_json({"of": before.spec.name, "state": after.state_to_json()})
    assert folded(line(before), state).workers == (replace(after, spec=before.spec),)


def test_a_line_without_the_spec_says_nothing_of_a_worker_that_is_not_known() -> None:
    with pytest.raises(KeyError):
        folded({"of": "api", "state": Record(spec=API).state_to_json()})


def test_many_workers_are_folded_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        lines = [line(Record(spec=replace(API, name=f"w{n}"))) for n in range(count)]
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            folded(*lines)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(8000) < 100 * seconds(500)  # 16 times as many; a copy for each line made it 256 times


def test_a_later_line_takes_the_place_of_an_earlier_one_and_keeps_its_turn() -> None:
    records = folded(line(Record(spec=API)), line(Record(spec=DB)), line(Record(spec=API, intent=Intent.STOPPED)))
    assert [(r.spec.name, r.intent) for r in records.workers] == [("api", Intent.STOPPED), ("db", Intent.WANTED)]


def test_a_line_without_a_record_forgets_the_worker() -> None:
    both = line(Record(spec=API)), line(Record(spec=DB))
    assert [r.spec.name for r in folded(*both, {"worker": "api", "record": None}).workers] == ["db"]
    assert folded(*both, {"worker": "nobody"}) == folded(*both)


def test_a_head_leaves_the_workers() -> None:
    records = folded(line(Record(spec=API)), {"head": {"boot_id": "b"}})
    assert (records.head.boot_id, len(records.workers)) == ("b", 1)


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


def test_a_record_shows_the_digest_to_people() -> None:
    assert Record(spec=API).to_json()["digest"] == API.digest


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
    ],
    ids=str,
)
def test_a_bad_line_raises_one_of_the_documented_errors(entry: dict[str, Any]) -> None:
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


@pytest.mark.parametrize("entry", [None, 5, [], "head", "worker"])
def test_a_line_that_is_no_table_raises_one_of_the_documented_errors(entry: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        folded(entry)


def test_a_record_from_before_on_exit_and_windows_has_their_defaults() -> None:
    old = through_json(API.to_json())
    for key in ("on_exit", "max_restarts_in", "retry"):
        del old[key]
    for key in ("kind", "steps"):
        del old["backoff"][key]
    assert rebuilt(WorkerSpec, old) == API
