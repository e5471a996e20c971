"""The records file: what was acknowledged is there again, whatever happened to the file or its writer."""

import json
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.messages import Exit, Handle
from actors.records import Head, Intent, Record, Records
from actors.spec import WorkerSpec
from supervisor.records_file import COMPACT_ABOVE, RecordsFile

HEAD = Head(boot_id="b", server=Handle(7, 70), config_digest="d", clean=False)


def record(name: str = "api", life: str = "s-1", intent: Intent = Intent.WANTED) -> Record:
    spec = WorkerSpec(name=name, command=("run", "it"), cwd="/", env=(("KEY", "väl\udc80ue"),))
    return Record(spec=spec, life=life, process=Handle(1, 2), exit=Exit(3, None, 4.5), intent=intent)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


def opened(path: Path) -> RecordsFile:
    file = RecordsFile(path)
    file.load()
    return file


def written(path: Path, *records: Record) -> RecordsFile:
    file = opened(path)
    file.keep_head(HEAD)
    for one in records:
        file.keep(one.spec.name, one, durable=False)
    return file


def loaded(path: Path) -> Records:
    return RecordsFile(path).load()


@contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` (the kernel says EFBIG where a full disk says ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def killed(act: Callable[[], object]) -> bool:
    """Run `act` in a child process; return whether it died of SIGKILL."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_missing_file_is_an_empty_record(path: Path) -> None:
    assert loaded(path) == Records()
    assert not path.exists()


def test_what_was_kept_is_loaded_again(path: Path) -> None:
    written(path, record("api"), record("db"), record("api", life="s-2"))
    assert loaded(path) == Records(HEAD, (record("api", life="s-2"), record("db")))


def test_a_forgotten_worker_is_not_loaded(path: Path) -> None:
    written(path, record("api"), record("db")).keep("api", None, durable=True)
    assert loaded(path).workers == (record("db"),)


def test_only_the_owner_may_read_the_file_compacted_or_not(path: Path) -> None:
    file = written(path, record())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.repair([record()], HEAD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_what_must_last_waits_for_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(path)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    file.keep("api", record(), durable=False)
    assert not synced
    file.keep("api", record(), durable=True)
    assert len(synced) == 1


def test_a_new_file_is_there_after_a_power_cut_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    file = opened(path)
    file.keep("api", record(), durable=True)
    assert synced == [str(path.parent), str(path)]
    file.repair([record()], HEAD)
    assert synced[2:] == [f"{path}.tmp", str(path.parent)]


def test_a_file_torn_at_any_byte_loads_what_was_acknowledged_and_goes_on(path: Path, tmp_path: Path) -> None:
    written(path, record("api"), record("db")).keep("api", None, durable=True)
    content = path.read_bytes()
    torn = tmp_path / "torn.jsonl"
    for cut in range(len(content) + 1):
        torn.write_bytes(content[:cut])
        lines = content[:cut].splitlines(keepends=True)
        expected = Records()
        for line in lines:
            if line.endswith(b"\n"):
                expected = expected.fold(json.loads(line))
        file = RecordsFile(torn)
        assert file.load() == expected
        assert not file.problems
        file.keep("new", record("new"), durable=False)
        file.close()
        assert loaded(torn).workers == (*expected.workers, record("new"))


@pytest.mark.parametrize(
    "bad",
    [
        *(b"", b"{", b"\xff\x00", b"1", b'"head"', b"[]", b"null", b'{"head": 1}', b'{"worker": "x", "record": 5}'),
        *(b'{"worker": "x", "record": {}}', b'{"worker": "x", "record": {"spec": {"name": 1}}}', b"[" * 100_000),
    ],
    ids=lambda bad: repr(bad[:20]),
)
def test_a_bad_line_costs_itself_only_and_is_named(path: Path, bad: bytes) -> None:
    written(path, record("api")).close()
    with path.open("ab") as file:
        file.write(bad + b"\n")
    written_again = RecordsFile(path)
    written_again.load()
    written_again.keep("db", record("db"), durable=False)
    again = RecordsFile(path)
    assert again.load().workers == (record("api"), record("db"))
    assert len(again.problems) == 1
    assert again.problems[0].startswith(f"{path}:3: ")
    again.load()
    assert len(again.problems) == 1


def test_records_that_exist_and_cannot_be_read_are_not_taken_for_none(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        RecordsFile(path).load()


def test_a_full_disk_raises_nothing_and_is_told(path: Path) -> None:
    path.symlink_to("/dev/full")
    file = RecordsFile(path)
    file.keep("api", record(), durable=True)
    assert file.failing == f"{path}: No space left on device"


@pytest.mark.parametrize("room", [0, 1, 40])
def test_after_a_torn_write_nothing_is_glued_to_it_and_repair_mends_all(path: Path, room: int) -> None:
    file = written(path, record("api"))
    with disk_full_beyond(path.stat().st_size + room):
        file.keep("db", record("db"), durable=True)
    assert file.failing
    torn = path.read_bytes()
    file.keep("web", record("web"), durable=True)
    assert path.read_bytes() == torn
    assert loaded(path).workers == (record("api"),)
    file.repair([record("api"), record("db"), record("web")], HEAD)
    assert file.failing is None
    file.keep("last", record("last"), durable=True)
    assert [one.spec.name for one in loaded(path).workers] == ["api", "db", "web", "last"]


def test_a_repair_that_fails_leaves_the_old_file_and_no_other(path: Path) -> None:
    file = written(path, record("api"))
    before = path.read_bytes()
    with disk_full_beyond(10):
        file.repair([record("db")], HEAD)
    assert file.failing == f"{path}: File too large"
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_what_could_not_be_written_is_loaded_by_the_same_service(path: Path) -> None:
    file = written(path, record("api"))
    with disk_full_beyond(path.stat().st_size):
        file.keep("api", record(intent=Intent.STOPPED), durable=True)
    assert file.load() == Records(HEAD, (record(intent=Intent.STOPPED),))


@pytest.mark.parametrize("moved_to", [None, "elsewhere"])
def test_a_file_taken_away_is_noticed_at_the_next_write(path: Path, moved_to: str | None) -> None:
    file = written(path, record("api"))
    path.rename(path.with_name("elsewhere"))
    if moved_to is None:
        path.with_name("elsewhere").unlink()
    file.keep("db", record("db"), durable=True)
    assert file.failing
    file.repair([record("api"), record("db")], HEAD)
    assert loaded(path).workers == (record("api"), record("db"))


def test_a_long_file_is_compacted_and_says_the_same(path: Path) -> None:
    file = written(path, record("db"))
    for life in range(COMPACT_ABOVE):
        file.keep("api", record(life=f"s-{life}"), durable=False)
    assert len(path.read_bytes().splitlines()) < 10
    assert loaded(path) == Records(HEAD, (record("db"), record(life=f"s-{COMPACT_ABOVE - 1}")))


def test_a_file_is_not_compacted_while_most_of_its_lines_count(path: Path) -> None:
    names = [f"w{number}" for number in range(COMPACT_ABOVE // 2)]
    file = opened(path)
    for _ in range(3):
        for name in names:
            file.keep(name, record(name), durable=False)
    assert len(path.read_bytes().splitlines()) == 3 * len(names)


def test_a_compaction_that_finds_no_room_costs_nothing(path: Path) -> None:
    file = opened(path)
    many = [record(f"w{number}") for number in range(3)]
    for _ in range(COMPACT_ABOVE // 3):
        for one in many:
            file.keep(one.spec.name, one, durable=False)
    os.mkdir(f"{path}.tmp")
    for _ in range(10):
        file.keep("w0", record("w0"), durable=False)
    assert file.failing is None
    assert len(path.read_bytes().splitlines()) > COMPACT_ABOVE
    assert loaded(path).workers == tuple(many)
    os.rmdir(f"{path}.tmp")
    file.keep("w0", record("w0"), durable=False)
    assert len(path.read_bytes().splitlines()) > COMPACT_ABOVE  # not at each line anew
    for _ in range(COMPACT_ABOVE):
        file.keep("w0", record("w0"), durable=False)
    assert len(path.read_bytes().splitlines()) < COMPACT_ABOVE


REAL_WRITE, REAL_RENAME = os.write, os.rename


def renamed(old: Path, new: Path) -> None:
    REAL_RENAME(old, new)
    die()


def half_written(fd: int, content: memoryview) -> int:
    if len(content) < 10_000:  # a line
        return REAL_WRITE(fd, content)
    REAL_WRITE(fd, content[: len(content) // 2])
    die()
    return 0


STEPS: dict[str, tuple[str, Callable[..., object]]] = {
    "in the middle of the write": ("write", half_written),
    "before the fsync": ("fsync", die),
    "before the rename": ("rename", die),
    "after the rename": ("rename", renamed),
}


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_in_a_compaction_leaves_a_whole_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    many = [record(f"w{number}") for number in range(20)]
    file = written(path, *many)
    while len(path.read_bytes().splitlines()) < COMPACT_ABOVE:
        file.keep("w0", record("w0"), durable=False)
    name, failpoint = STEPS[step]
    monkeypatch.setattr(os, name, failpoint)
    assert killed(lambda: file.keep("w1", record("w1", life="s-9"), durable=False))
    monkeypatch.undo()
    after = RecordsFile(path)
    assert after.load().workers == tuple(record("w1", life="s-9") if one == many[1] else one for one in many)
    assert not after.problems
    after.repair(many, HEAD)
    assert after.failing is None
    assert os.listdir(path.parent) == [path.name]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from(["keep", "forget", "reload", "full"])),
        max_size=30,
    )
)
def test_whatever_is_kept_in_whatever_order_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, str]]
) -> None:
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    file, model = opened(path), dict[str, Record]()
    for name, life, act in acts:
        if act == "reload":
            file.close()
            file = opened(path)
            continue
        one = None if act == "forget" else record(name, life=f"s-{life}")
        model.pop(name, None) if one is None else model.update({name: one})
        if act == "full":
            with disk_full_beyond(path.stat().st_size + life * 50 if path.exists() else 0):
                file.keep(name, one, durable=True)
            file.repair(model.values(), HEAD)
        else:
            file.keep(name, one, durable=False)
        assert file.failing is None
    assert loaded(path).workers == tuple(model.values())
    file.close()
