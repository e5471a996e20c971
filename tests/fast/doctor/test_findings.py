"""What `panevisor doctor` judges of what it was told, and how its findings are printed."""

from pathlib import Path

import pytest

from supervisor.doctor import namesake, tmux
from supervisor.doctor import place as files
from supervisor.doctor import service as services
from supervisor.doctor.findings import Finding, Level, as_json, as_table, error, healthy, ok, warning
from supervisor.doctor.machine import Demand, of_clock, of_descriptors, of_processes, of_terminals
from supervisor.state.status import StatusReport

OK, WARNING, ERROR = Level.OK, Level.WARNING, Level.ERROR


def test_the_table_is_aligned_and_a_mend_stands_below_its_finding() -> None:
    found = [("tmux", ok("tmux 3.3a")), ("tmux server", warning("an\x1boption", "set it")), ("disk", error("full", ""))]
    assert as_table(found).splitlines() == [
        "ok       tmux         tmux 3.3a",
        r"warning  tmux server  an\x1boption",
        "                          → set it",
        "error    disk         full",
        "",
        "1 error, 1 warning",
    ]
    assert "\x1b[31;1merror  \x1b[0m" in as_table(found, colour=True)


def test_only_an_error_makes_the_machine_unfit() -> None:
    assert healthy([("a", ok("")), ("b", warning("", ""))])
    assert as_json([("a", error("x", "y"))]) == {
        "ok": False,
        "findings": [{"check": "a", "level": "error", "what": "x", "mend": "y"}],
    }


# ── one finding ───────────────────────────────────────────────────────────────────────────────────────────────────

HERE, THERE, CONFIG = Path("/a/st"), Path("/b/st"), Path("/a/panevisor.toml")


def report(verdict: str) -> StatusReport:
    return StatusReport(verdict=verdict, pid=7)


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        # an error for the workers of the file, a warning for max_workers
        (of_descriptors(1024, Demand(sure=5, most=320)), OK),
        (of_descriptors(1024, Demand(sure=5, most=321)), WARNING),
        (of_descriptors(1024, Demand(sure=321, most=321)), ERROR),
        (of_terminals(4096, 4090, Demand(sure=7, most=7)), ERROR),
        (of_processes("", 19, Demand(sure=9, most=10), ""), WARNING),
        (tmux.of_open_files(7, 40, 1024), OK),
        (tmux.of_open_files(7, 950, 1024), WARNING),
        (tmux.of_open_files(7, 1000, 1024), ERROR),
        (tmux.of_open_files(7, 1100, 1024), ERROR),
        # the clock, that it went back, and that it never was set
        (of_clock(1_800_000_000.0, None), OK),
        (of_clock(1_800_000_000.0, 1_800_000_030.0), OK),
        (of_clock(1_800_000_000.0, 1_800_003_600.0), WARNING),
        (of_clock(100.0, None), WARNING),
        (files.of_bytes(HERE, 2_000_000_000, 10_000_000_000), OK),
        (files.of_bytes(HERE, 999_000_000, 10_000_000_000), WARNING),
        (files.of_bytes(HERE, 4_000_000_000, 100_000_000_000), WARNING),
        (files.of_bytes(HERE, 49_000_000, 100_000_000), ERROR),
        (files.of_inodes(HERE, 9_000, 10_000), OK),
        (files.of_inodes(HERE, 400, 10_000), WARNING),
        (files.of_inodes(HERE, 99, 10_000), ERROR),
        # a service of before an upgrade
        (services.of_version(services.Running(7, "0.1.0"), "0.1.0"), OK),
        (services.of_version(services.Running(7, "0.1.0"), "0.2.0"), WARNING),
        (services.of_version(services.Running(7, None), "0.2.0"), OK),
        # the status file, beside nobody who answers, and beside a service that does
        (services.of_absence(report("running")), ERROR),
        (services.of_absence(report("stale")), ERROR),
        (services.of_absence(report("gone")), WARNING),
        (services.of_absence(report("crashed")), WARNING),
        (services.of_absence(report("stopped")), OK),
        (services.of_absence(report("unreadable")), OK),
        (services.of_heartbeat(report("running")), OK),
        (services.of_heartbeat(report("stale")), WARNING),
        (services.of_heartbeat(report("gone")), WARNING),
        (services.of_heartbeat(report("crashed")), WARNING),
        (services.of_heartbeat(report("stopped")), WARNING),
        (services.of_heartbeat(report("unreadable")), OK),
    ],
)
def test_the_level_of(finding: Finding, level: Level) -> None:
    assert finding.level is level


def test_room_is_never_less_than_none() -> None:
    assert "room for 320 more" in of_descriptors(1024, Demand(0, 0)).what
    assert "room for 0 more" in of_descriptors(10, Demand(0, 0)).what


@pytest.mark.parametrize(
    ("said", "version", "first", "notes"),
    [
        ("tmux 3.1c", (3, 1), ERROR, 0),
        ("tmux 3.2a", (3, 2), OK, 3),
        ("tmux 3.3a", (3, 3), OK, 2),
        ("tmux 3.5", (3, 5), OK, 3),  # one of them: scopes
        ("tmux 3.7", (3, 7), OK, 1),
        ("tmux 3.10", (3, 10), OK, 1),
        ("tmux next-3.7", (3, 7), OK, 1),
        ("tmux master", (99, 0), OK, 1),
        ("tmux openbsd-7.5", (99, 0), OK, 1),
        ("screen", None, WARNING, 0),
        ("", None, WARNING, 0),
    ],
)
def test_a_version_of_tmux_is_read_and_refused_or_comes_with_what_it_lacks(
    said: str, version: tuple[int, int] | None, first: Level, notes: int
) -> None:
    assert tmux.parsed(said) == version
    assert [finding.level for finding in tmux.of_version(said, "/usr/bin/tmux")] == [first] + [OK] * notes


SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
USER_UNIT = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/panevisor.service\n"
SYSTEM_UNIT = "0::/system.slice/panevisor-tmux.service\n"
HYBRID = "9:name=systemd:/user.slice/user-1000.slice/session-3.scope\n8:pids:/\n0::/\n"


@pytest.mark.parametrize(
    ("text", "lingers", "level"),
    [
        (SESSION, False, WARNING),
        (SESSION, True, WARNING),  # lingering keeps user@.service, not a login's scope
        (HYBRID, True, WARNING),
        (USER_UNIT, False, WARNING),
        (USER_UNIT, True, OK),
        (SYSTEM_UNIT, False, OK),
    ],
)
def test_a_cgroup_that_ends_at_logout_is_a_warning(text: str, lingers: bool, level: Level) -> None:
    found = tmux.of_cgroup(text, tmux.Systemd(runs=True, lingers=lingers), "it lives")
    assert found is not None
    assert found.level is level
    assert ("enable-linger" in found.mend) is (level is WARNING)
    assert tmux.of_cgroup(text, tmux.Systemd(runs=False, lingers=lingers), "it lives") is None


def test_a_network_file_system_is_a_warning() -> None:
    mounts = [("/", "rootfs"), ("/", "ext4"), ("/home", "nfs4"), ("/home/a b", "tmpfs")]
    where = {"/var/lib": "ext4", "/home/x": "nfs4", "/homely": "ext4", "/home/a b/c": "tmpfs"}
    assert {path: files.filesystem(Path(path), mounts) for path in where} == where
    assert [finding.level for finding in files.of_filesystem(Path("/home/x"), mounts)] == [WARNING]
    assert list(files.of_filesystem(Path("/var/lib"), mounts)) == []


def test_whatever_degrades_the_health_is_a_finding_with_its_mend() -> None:
    well = {"supervisor": {"degraded": [], "tmux": "ok"}, "workers": [{"name": "a", "state": "running"}]}
    assert list(services.of_health(well)) == []
    service = {"degraded": ["log: disk is full"], "tmux": "unreachable"}
    workers = [{"name": f"w{n}", "state": state} for n, state in enumerate(["failed", "running", "quarantined"])]
    found = list(services.of_health({"supervisor": service, "workers": workers}))
    assert [finding.level for finding in found] == [WARNING] * 3
    assert all(finding.mend for finding in found)
    assert found[0].what == "degraded: log: disk is full"
    assert found[2].what == "a person has to see to w0 (failed), w2 (quarantined)"


def test_a_pointer_that_leads_elsewhere_is_a_warning() -> None:
    assert list(services.of_pointer(None, HERE, CONFIG)) == list(services.of_pointer(HERE, HERE, CONFIG)) == []
    assert [finding.level for finding in services.of_pointer(THERE, HERE, CONFIG)] == [WARNING]


def test_a_deleted_init_file_is_told() -> None:
    assert namesake.in_words(None, "/site-packages/supervisor/__init__.py") is None
    assert "__init__.py is missing" in str(namesake.in_words(None, None))
