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


@pytest.mark.long
def test_what_damaged_records_said_is_told_once_and_the_file_is_kept(site: Site) -> None:
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
    assert "1 damaged records file kept" in doctor(site)
    file.unlink()
    wait_until(lambda: not degraded(site, "records"))
    site.run("stop", "w1", check=0)
    site.kill_service()
    site.up()
    site.wait_state("w1", "stopped")
    assert kept(site) == []
    what_is_missing_is_told_from_the_log(site)


def what_is_missing_is_told_from_the_log(site: Site) -> None:
    """A torn last line is no loss; a file that was deleted, emptied or cut off is."""
    pid = site.worker("w0")["pid"]
    site.run("start", "w1", check=0)
    missing = "records.jsonl is missing or empty: by the log w1 was stopped by a person"
    cut = "the end of records.jsonl was cut off: by the log w1 was stopped by a person"
    for damage, said in ((tear, ""), (Path.unlink, missing), (empty, missing), (cut_off, cut)):
        site.run("stop", "w1", check=0)
        site.kill_service()
        damage(records(site))
        site.up()
        assert said in degraded(site, "records")
        assert bool(degraded(site, "records")) == bool(said)
        assert site.worker("w0")["pid"] == pid
        assert site.worker("w1")["state"] == ("running" if said else "stopped")
        assert kept(site) or damage is not cut_off
        assert not kept(site) or damage is not tear


def tear(file: Path) -> None:
    """An unclean end, in the middle of a line."""
    with file.open("ab") as stream:
        stream.write(b'{"crc":"00000000","of":"w0","st')


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut_off(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b'"stopped"')])


# ── who lives and is on no record ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.long
def test_what_lives_and_is_on_no_record_is_adopted_by_the_file_or_named_until_it_is_removed_taken_over_or_ends(
    site: Site,
) -> None:
    site.write(sleepers(3))
    site.up()
    before = {name: worker["pid"] for name, worker in site.workers().items()}
    without(site, "w1", "w2")
    site.up()
    assert {name: worker["pid"] for name, worker in site.workers().items()} == before
    assert {name: len(pids) for name, pids in site.truth().items()} == dict.fromkeys(before, 1)
    assert site.events("worker.quarantined") == []
    assert len(site.events("service.degraded", what="unknown panes")) == 1  # until the file was applied
    wait_until(lambda: degraded(site, "unknown panes") == "")
    assert json.loads(site.run("status", "w1", "-o", "json", check=0).stdout)["workers"][0]["state"] == "running"

    names = ("ends", "removed", "taken")
    for name in names:
        site.run("run", "--name", name, "--", "sleep", "2000", check=0)
    pids = {name: int(site.worker(name)["pid"]) for name in names}
    without(site, *names)
    assert "3 living workers, ends, removed, taken: neither the records nor the file know" in doctor(site)
    site.up()
    assert all(map(alive, pids.values()))
    said = degraded(site, "unknown panes")
    for name in names:
        assert f"{name} (%" in said
        assert name in site.run("status", check=0).stdout
        assert name in doctor(site)

    site.run("remove", "--all", check=0)
    assert all(map(alive, pids.values()))
    site.run("remove", "removed", check=0)
    wait_until(lambda: not alive(pids["removed"]))
    refused = site.run("run", "--name", "taken", "--", "sleep", "3000", check=9)
    assert "something else lives in tmux under the name taken" in refused.stderr
    site.run("run", "--name", "taken", "--", "sleep", "2000", check=0)
    assert site.worker("taken")["pid"] == pids["taken"]
    os.kill(pids["ends"], 15)
    wait_until(lambda: not degraded(site, "unknown panes"))

    site.kill_service()
    site.up()
    after = site.workers()
    assert after["taken"]["pid"] == pids["taken"]
    assert not {"removed", "ends"} & after.keys()


def doctor(site: Site) -> str:
    return site.run("doctor").stdout
