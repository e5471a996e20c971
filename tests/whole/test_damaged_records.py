"""Records that were damaged while no service ran: what is lost is said, what lives is shown, and nothing is doubled."""

import json
import os
import stat
from pathlib import Path

import pytest
from kit.support import Site, alive, sleepers, wait_until


def records(site: Site) -> Path:
    return site.state / "records.jsonl"


def kept(site: Site) -> list[Path]:
    return sorted(site.state.glob("records.jsonl.damaged-*"))


def degraded(site: Site, what: str) -> str:
    """Return what is said of this part, "" when it is well."""
    found = [line for line in site.status()["supervisor"]["degraded"] if line.startswith(f"{what}: ")]
    assert len(found) <= 1
    return found[0] if found else ""


def spoil(site: Site, *words: str) -> None:
    """Kill the service, and flip a bit in each line of its records that has all these words."""
    site.kill_service()
    lines = records(site).read_bytes().splitlines(keepends=True)
    hit = [all(word.encode() in line for word in words) for line in lines]
    assert any(hit)
    bad = [line[:-4] + bytes([line[-4] ^ is_hit]) + line[-3:] for line, is_hit in zip(lines, hit, strict=True)]
    records(site).write_bytes(b"".join(bad))


def without(site: Site, *names: str) -> None:
    """Kill the service, and take every line about these workers out of its records."""
    site.kill_service()
    lines = records(site).read_text().splitlines(keepends=True)
    records(site).write_text("".join(line for line in lines if not any(f'"{name}"' in line for name in names)))


def test_what_damaged_lines_said_is_told_once_and_the_file_is_kept(site: Site) -> None:
    site.write(sleepers(3))
    site.up()
    site.run("stop", "w1", check=0)
    before = site.workers()
    spoil(site, '"w1"', "stopped")
    shown = site.run("up", check=0).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("degraded: records: ")]
    assert "lines of records.jsonl are damaged: what they said of w1 is lost" in line
    assert "by the log w1 was stopped by a person" in line
    (file,) = kept(site)
    assert file.name in line
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(site.events("service.degraded", what="records")) == 1
    after = site.workers()
    assert [after[name]["pid"] for name in ("w0", "w2")] == [before[name]["pid"] for name in ("w0", "w2")]
    doctor = site.run("doctor").stdout
    assert "1 damaged records file kept" in doctor
    file.unlink()
    wait_until(lambda: not degraded(site, "records"))
    site.run("stop", "w1", check=0)
    site.kill_service()
    site.up()
    site.wait_state("w1", "stopped")
    assert kept(site) == []


def test_an_order_that_was_cut_off_is_told_from_the_log(site: Site) -> None:
    site.write(sleepers(2))
    site.up()
    site.run("stop", "w1", check=0)
    site.kill_service()
    content = records(site).read_bytes()
    records(site).write_bytes(content[: content.index(b'"stopped"')])
    site.up()
    said = degraded(site, "records")
    assert "the end of records.jsonl was cut off: by the log w1 was stopped by a person" in said
    assert len(kept(site)) == 1


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_was_emptied_or_deleted_is_told_from_the_log(site: Site, gone: bool) -> None:
    site.write(sleepers(2))
    site.up()
    pid = site.worker("w0")["pid"]
    site.run("stop", "w1", check=0)
    site.kill_service()
    records(site).unlink() if gone else records(site).write_bytes(b"")
    site.up()
    assert "records.jsonl is missing or empty: by the log w1 was stopped by a person" in degraded(site, "records")
    assert site.worker("w0")["pid"] == pid


def test_an_unclean_end_that_tore_the_last_line_loses_nothing_and_says_nothing(site: Site) -> None:
    site.write(sleepers(2))
    site.up()
    site.run("stop", "w1", check=0)
    site.kill_service()
    with records(site).open("ab") as file:
        file.write(b'{"crc":"00000000","of":"w0","st')
    site.up()
    assert degraded(site, "records") == ""
    assert kept(site) == []
    site.wait_state("w1", "stopped")


# ── who lives and is on no record ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def unknown(site: Site) -> int:
    """Leave a worker that lives and is on no record; return its pid."""
    site.write(sleepers(1))
    site.up()
    site.run("run", "--name", "adhoc", "--", "sleep", "2000", check=0)
    pid = int(site.worker("adhoc")["pid"])
    without(site, "adhoc")
    doctor = site.run("doctor").stdout
    assert "1 living worker, adhoc: neither the records nor the file know it" in doctor
    site.up()
    assert alive(pid)
    assert degraded(site, "unknown panes").startswith("unknown panes: adhoc (%")
    assert "adhoc" in site.run("status", check=0).stdout
    assert "adhoc" in site.run("doctor").stdout
    return pid


def test_what_is_unknown_is_ended_when_a_person_removes_it(site: Site, unknown: int) -> None:
    site.run("remove", "--all", check=0)
    assert alive(unknown)
    site.run("remove", "adhoc", check=0)
    wait_until(lambda: not alive(unknown))
    assert degraded(site, "unknown panes") == ""
    site.kill_service()
    site.up()
    assert "adhoc" not in site.workers()


def test_what_is_unknown_is_taken_over_by_the_same_run_and_by_no_other(site: Site, unknown: int) -> None:
    refused = site.run("run", "--name", "adhoc", "--", "sleep", "3000", check=9)
    assert "something else lives in tmux under the name adhoc" in refused.stderr
    site.run("run", "--name", "adhoc", "--", "sleep", "2000", check=0)
    assert site.worker("adhoc")["pid"] == unknown
    assert degraded(site, "unknown panes") == ""
    site.kill_service()
    site.up()
    assert site.worker("adhoc")["pid"] == unknown


def test_what_is_unknown_and_ends_by_itself_is_forgotten(site: Site, unknown: int) -> None:
    os.kill(unknown, 15)
    wait_until(lambda: not degraded(site, "unknown panes"))


def test_a_worker_of_the_file_without_a_good_line_is_adopted_and_not_doubled(site: Site) -> None:
    site.write(sleepers(3))
    site.up()
    before = {name: worker["pid"] for name, worker in site.workers().items()}
    without(site, "w1", "w2")
    site.up()
    assert {name: worker["pid"] for name, worker in site.workers().items()} == before
    assert {name: len(pids) for name, pids in site.truth().items()} == dict.fromkeys(before, 1)
    assert site.events("worker.quarantined") == []
    assert len(site.events("service.degraded", what="unknown panes")) == 1  # until the file was applied
    assert degraded(site, "unknown panes") == ""
    assert json.loads(site.run("status", "w1", "-o", "json", check=0).stdout)["workers"][0]["state"] == "running"
