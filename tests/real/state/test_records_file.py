"""The records file: what was acknowledged is there again, whatever happened to the file or its writer."""

import json
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples

from actors.values.facts import Exit, Handle
from actors.values.records import Head, Intent, Record, Records
from actors.values.spec import WorkerSpec
from supervisor.state.records import (
    COMPACT_ABOVE,
    KEPT_DAMAGED,
    Folding,
    RecordsFile,
    examined,
    kept_beside,
    read_records,
)

HEAD = Head(boot_id="b", servers=(Handle(7, 70),), config_digest="d", clean=False)


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


def keep(file: RecordsFile, name: str, record: Record | None, *, durable: bool = False) -> None:
    file.keep_all({name: record}, durable=durable)


def written(path: Path, *records: Record) -> RecordsFile:
    file = opened(path)
    file.keep_head(HEAD)
    for one in records:
        keep(file, one.spec.name, one)
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


def test_what_was_kept_is_loaded_again_and_a_missing_file_is_an_empty_record(path: Path) -> None:
    assert loaded(path) == Records()
    assert not path.exists()
    file = written(path, record("api"), record("db"), record("api", life="s-2"))
    assert loaded(path) == Records(HEAD, (record("api", life="s-2"), record("db")))
    keep(file, "api", None, durable=True)
    assert loaded(path).workers == (record("db"),)


def test_only_the_owner_may_read_the_file_compacted_or_not(path: Path) -> None:
    file = written(path, record())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.repair([record()], HEAD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_must_last_is_on_disk_after_a_power_cut_and_the_rest_does_not_wait_for_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    file = opened(path)
    keep(file, "api", record())
    assert synced == [str(path.parent)]  # of the new file
    keep(file, "api", record(), durable=True)  # what is there already is to last now
    assert synced[1:] == [str(path)]
    file.repair([record()], HEAD)
    assert synced[2:] == [f"{path}.tmp", str(path.parent)]
    del synced[:]
    file.keep_all({f"w{n}": record(f"w{n}", intent=Intent.STOPPED) for n in range(50)}, durable=True)
    assert synced == [str(path)]
    assert len(loaded(path).workers) == 51


def test_a_file_torn_at_any_byte_loads_what_was_acknowledged_and_goes_on(path: Path, tmp_path: Path) -> None:
    keep(written(path, record("api"), record("db")), "api", None, durable=True)
    content = path.read_bytes()
    torn = tmp_path / "torn.jsonl"
    for cut in range(len(content) + 1):
        torn.write_bytes(content[:cut])
        lines = content[:cut].splitlines(keepends=True)
        folding = Folding()
        for line in lines:
            if line.endswith(b"\n"):
                folding.take(json.loads(line))
        expected = folding.records
        file = RecordsFile(torn)
        assert file.load() == expected
        assert (file.damage, file.lost, file.torn) == ((), None, not content[:cut].endswith(b"\n") and cut > 0)
        keep(file, "new", record("new"))
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
    damaged = path.read_bytes() + bad + b"\n"
    path.write_bytes(damaged)
    found, said = examined(path)  # a reader sees what the service would, and changes nothing
    assert found == read_records(path) == Records(replace(HEAD, clean=False), (record("api"),))
    assert said
    assert said.startswith("1 of 3 lines of records.jsonl are damaged: ")
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == damaged
    file = opened(path)
    assert [one.line for one in file.damage] == [3]
    assert file.kept
    assert file.lost == f"{said}; {file.kept.name} is the file as it was: delete it when that is settled"
    assert file.kept.read_bytes() == damaged
    assert stat.S_IMODE(file.kept.stat().st_mode) == 0o600
    keep(file, "db", record("db"))
    again = RecordsFile(path)
    assert again.load().workers == (record("api"), record("db"))
    assert (again.damage, again.lost) == ((), None)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]


def test_a_flipped_bit_anywhere_is_known_though_the_line_reads_as_json(path: Path, tmp_path: Path) -> None:
    keep(written(path, record("api")), "api", record("api", intent=Intent.STOPPED), durable=True)
    content = path.read_bytes()
    last = content.rindex(b"\n", 0, -1) + 1
    flipped_file = tmp_path / "flipped.jsonl"
    for at in range(last, len(content) - 1):
        flipped_file.write_bytes(flipped(content, at))
        file = RecordsFile(flipped_file)
        assert file.load().workers == (record("api"),), flipped(content, at)[last:]
        assert [one.line for one in file.damage] == [3]
        file.close()
    at = content.index(b'"stopped"', last)
    flipped_file.write_bytes(content[:at] + b'"wanted" ' + content[at + 9 :])
    assert read_records(flipped_file).workers == (record("api"),)


def test_the_workers_of_damaged_lines_are_named_and_what_was_said_before_counts(path: Path) -> None:
    file = written(path, record("api"), record("db"))
    keep(file, "api", record("api", intent=Intent.STOPPED), durable=True)
    keep(file, "web", record("web"), durable=True)
    head, api, db, stopped, web = path.read_bytes().splitlines(keepends=True)
    spoilt = stopped.replace(b"stopped", b"wanted ", 1)
    path.write_bytes(head + api + db + spoilt + web.replace(b'"run"', b'"ran"') + b"\0" * 40 + b"\n")
    again = RecordsFile(path)
    assert again.load() == Records(replace(HEAD, clean=False), (record("api"), record("db")))
    assert [one.worker for one in again.damage] == ["api", "web", None]
    assert again.lost is not None
    assert "what they said of api, web (nothing is left of it), workers whose names can't be read is lost" in again.lost


def test_damage_to_the_last_word_of_a_service_is_not_taken_for_a_clean_end(path: Path) -> None:
    written(path, record("api")).keep_head(replace(HEAD, clean=True))
    assert loaded(path).head.clean
    path.write_bytes(path.read_bytes() + b"\0\n")
    assert not loaded(path).head.clean


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\xff\x17garbage", b"{}", b'{"crc":"00000000","worker":"a\0'])
def test_what_no_write_of_ours_leaves_at_the_end_is_damage_and_no_torn_line(path: Path, tail: bytes) -> None:
    written(path, record("api")).close()
    with path.open("ab") as file:
        file.write(tail)
    again = RecordsFile(path)
    assert again.load().workers == (record("api"),)
    assert ([one.line for one in again.damage], again.torn) == ([3], False)


def test_only_the_newest_damaged_files_are_kept(path: Path) -> None:
    for number in range(KEPT_DAMAGED + 3):
        path.write_bytes(b"bad %d\n" % number)
        loaded(path)
    kept = kept_beside(path)
    assert [one.read_bytes() for one in kept] == [b"bad %d\n" % number for number in range(3, KEPT_DAMAGED + 3)]


def test_a_damaged_file_that_cannot_be_kept_is_read_all_the_same(path: Path) -> None:
    written(path, record("api")).close()
    path.write_bytes(path.read_bytes() + b"bad\n")
    with disk_full_beyond(10):
        again = RecordsFile(path)
        assert again.load().workers == (record("api"),)
    assert again.lost is not None
    assert "it could not be kept (File too large)" in again.lost
    assert again.failing
    again.repair([record("api")], HEAD)
    assert again.failing is None


def test_a_file_of_an_older_version_reads_as_it_is(path: Path) -> None:
    api = {"worker": "api", "record": record("api").to_json()}
    lines = [{"head": HEAD.to_json()}, api, {"worker": "b", "record": None}]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    file = opened(path)
    keep(file, "api", record("api", intent=Intent.STOPPED), durable=True)
    again = RecordsFile(path)
    assert again.load() == Records(HEAD, (record("api", intent=Intent.STOPPED),))
    assert again.damage == ()


# ── how much is written ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_of_state_does_not_write_the_spec_again(path: Path) -> None:
    spec = WorkerSpec(name="api", command="x", cwd="/", env=tuple((f"KEY{n}", "v" * 100) for n in range(100)))
    file = opened(path)
    keep(file, "api", Record(spec=spec))
    whole = path.stat().st_size
    assert whole > 10_000
    keep(file, "api", Record(spec=spec, life="l", process=Handle(1, 2)))
    assert path.stat().st_size - whole < 300
    changed = replace(spec, command="y")
    keep(file, "api", Record(spec=changed))
    assert path.stat().st_size > 2 * whole
    assert loaded(path).workers == (Record(spec=changed),)


def test_what_is_on_record_already_is_not_written_again(path: Path) -> None:
    file = written(path, record("api"))
    size = path.stat().st_size
    keep(file, "api", record("api"))
    keep(file, "nobody", None)
    assert path.stat().st_size == size


def test_records_that_exist_and_cannot_be_read_are_not_taken_for_none(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        RecordsFile(path).load()


@pytest.mark.parametrize("room", [0, 1, 40])
def test_after_a_torn_write_nothing_is_glued_to_it_and_repair_mends_all(path: Path, room: int) -> None:
    file = written(path, record("api"))
    with disk_full_beyond(path.stat().st_size + room):
        keep(file, "db", record("db"), durable=True)
    assert file.failing == f"{path}: File too large"
    torn = path.read_bytes()
    keep(file, "web", record("web"), durable=True)
    assert path.read_bytes() == torn
    assert loaded(path).workers == (record("api"),)
    file.repair([record("api"), record("db"), record("web")], HEAD)
    assert file.failing is None
    keep(file, "last", record("last"), durable=True)
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
        keep(file, "api", record(intent=Intent.STOPPED), durable=True)
    assert file.load() == Records(HEAD, (record(intent=Intent.STOPPED),))


@pytest.mark.parametrize("moved_to", [None, "elsewhere"])
def test_a_file_taken_away_is_noticed_at_the_next_write(path: Path, moved_to: str | None) -> None:
    file = written(path, record("api"))
    path.rename(path.with_name("elsewhere"))
    if moved_to is None:
        path.with_name("elsewhere").unlink()
    keep(file, "db", record("db"), durable=True)
    assert file.failing
    file.repair([record("api"), record("db")], HEAD)
    assert loaded(path).workers == (record("api"), record("db"))


def test_a_long_file_is_compacted_and_says_the_same_but_not_while_most_of_its_lines_count(path: Path) -> None:
    file = written(path, record("db"))
    for life in range(COMPACT_ABOVE):
        keep(file, "api", record(life=f"s-{life}"))
    assert len(path.read_bytes().splitlines()) < 10
    assert loaded(path) == Records(HEAD, (record("db"), record(life=f"s-{COMPACT_ABOVE - 1}")))
    before = len(path.read_bytes().splitlines())
    names = [f"w{number}" for number in range(COMPACT_ABOVE // 2)]
    for life in range(3):
        for name in names:
            keep(file, name, record(name, life=f"s-{life}"))
    assert len(path.read_bytes().splitlines()) == before + 3 * len(names)


def test_a_compaction_that_finds_no_room_costs_nothing(path: Path) -> None:
    file = opened(path)

    def lives(count: int, name: str = "w0") -> None:
        for number in range(count):
            keep(file, name, record(name, life=f"s-{number % 2}"))

    for number in range(3):
        lives(COMPACT_ABOVE // 3, f"w{number}")
    os.mkdir(f"{path}.tmp")
    lives(10)
    assert file.failing is None
    assert len(path.read_bytes().splitlines()) > COMPACT_ABOVE
    assert loaded(path).workers == tuple(record(f"w{number}") for number in range(3))
    os.rmdir(f"{path}.tmp")
    lives(1)
    assert len(path.read_bytes().splitlines()) > COMPACT_ABOVE  # not at each line anew
    lives(COMPACT_ABOVE)
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
    while (lines := len(path.read_bytes().splitlines())) < COMPACT_ABOVE:
        keep(file, "w0", record("w0", life=f"t-{lines}"))
    name, failpoint = STEPS[step]
    monkeypatch.setattr(os, name, failpoint)
    assert killed(lambda: keep(file, "w1", record("w1", life="s-9")))
    monkeypatch.undo()
    after = RecordsFile(path)
    assert after.load().workers[1] == record("w1", life="s-9")
    assert after.damage == ()
    after.repair(many, HEAD)
    assert after.failing is None
    assert os.listdir(path.parent) == [path.name]


@examples(30)
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
                keep(file, name, one, durable=True)
            file.repair(model.values(), HEAD)
        else:
            keep(file, name, one)
        assert file.failing is None
    assert loaded(path).workers == tuple(model.values())
    file.close()
