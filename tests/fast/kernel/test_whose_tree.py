"""Whose tree a process belongs to: pure, on tables made by hand."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.values.facts import Handle
from supervisor.kernel.proc_table import Entry, Table, escaped, members
from supervisor.kernel.usage import members_of

MARK = "0badcafe/api/l1"
OTHERS = "0badcafe/web/l7"
SERVER = 50  # the tmux server's pid
REAPER = Handle(SERVER, SERVER)
ROOT = Handle(100, 100)


def process(pid: int, ppid: int, *, sid: int = 0, ticks: int = 0, state: str = "S", **more: Any) -> Entry:
    return Entry(pid, ppid, sid or pid, ticks or pid, state, more.pop("threads", 1), 0, **more)


def table(*entries: Entry) -> Table:
    return Table([process(1, 0), process(SERVER, 1), *entries])


# ── who belongs to a life ─────────────────────────────────────────────────────────────────────────────────────────


def tree(*entries: Entry, foreign: frozenset[int] = frozenset(), **hints: Any) -> set[int]:
    hints = {"root": None, "last": ()} | hints
    return members(table(*entries), mark=MARK, foreign_roots=foreign, own={1, SERVER}, **hints)


def test_the_first_process_and_its_descendants_belong_to_a_life() -> None:
    entries = process(100, SERVER), process(101, 100), process(102, 101), process(200, SERVER)
    assert tree(*entries, root=ROOT) == {100, 101, 102}
    another = process(100, SERVER, ticks=900), process(101, 100), process(102, 1, sid=100, ticks=901)
    assert tree(*another, root=ROOT) == set()
    zombies = process(100, SERVER, state="Z"), process(101, SERVER, sid=100, state="Z", threads=2)
    assert tree(*zombies, root=ROOT) == {101}  # but a thread of it that lives


def test_a_first_process_with_an_unknown_start_time_must_bear_the_mark() -> None:
    unknown = Handle(100, 0)
    assert tree(process(100, SERVER), process(101, 100), root=unknown) == set()
    assert tree(process(100, SERVER, mark=MARK), process(101, 100), root=unknown) == {100, 101}
    assert tree(process(101, SERVER, sid=100), root=unknown) == {101}


def test_an_escapee_is_known_by_its_mark_or_as_it_was_seen_before_and_brings_its_children() -> None:
    marked = process(300, SERVER, mark=MARK), process(301, 300), process(302, SERVER, mark="0badcafe/api/l0")
    assert tree(*marked) == {300, 301}
    seen = process(400, SERVER), process(401, 400), process(500, SERVER)
    assert tree(*seen, last=(Handle(400, 400), Handle(500, 499), Handle(600, 600))) == {400, 401}


def test_the_session_of_a_dead_first_process_belongs_to_it_unless_another_one_led_it() -> None:
    """A person logged in, got the pid, started something in the background, and logged out: tmux got no orphans."""
    assert tree(process(150, SERVER, sid=100), process(90, SERVER, sid=100), root=ROOT) == {150}
    assert tree(process(150, SERVER, sid=100, mark=OTHERS), root=ROOT) == set()
    entries = process(150, 1, sid=100), process(151, 150), process(160, SERVER, sid=100)
    assert tree(*entries, root=ROOT, reapers=[REAPER]) == {160}
    # but what is older than the tmux server was orphaned when that was not there yet
    assert tree(process(150, 1, sid=100), root=ROOT, reapers=[Handle(SERVER, 900)]) == {150}


def test_an_orphan_of_one_of_several_tmux_servers_went_to_that_or_is_older_than_all() -> None:
    servers = [REAPER, Handle(51, 900)]
    orphans = process(150, 1, sid=100), process(160, 51, sid=100), process(51, 1, ticks=900)
    assert tree(*orphans, root=ROOT, reapers=servers) == {160}
    assert tree(process(150, 1, sid=100), root=ROOT, reapers=[Handle(SERVER, 800), Handle(51, 900)]) == {150}
    assert tree(process(150, 1, sid=100), root=ROOT, reapers=[]) == {150}  # its own server has ended


def test_a_persons_pane_the_service_and_the_tmux_server_are_left_alone() -> None:
    split = process(100, SERVER, mark=MARK), process(700, SERVER, mark=MARK), process(701, 700, mark=MARK)
    assert tree(*split, root=ROOT, foreign=frozenset({700})) == {100}
    inside = process(100, SERVER), process(101, 100), process(102, 101)
    assert tree(*inside, root=ROOT, foreign=frozenset({101})) == {100}
    assert tree(process(100, 1), process(SERVER, 100, mark=MARK), process(200, SERVER), root=ROOT) == {100}


@given(
    parents=st.lists(st.integers(0, 30), min_size=30, max_size=30),
    marked=st.sets(st.integers(2, 31)),
    foreign=st.sets(st.integers(2, 31)),
    last=st.sets(st.integers(2, 31)),
)
def test_whatever_the_table_nothing_foreign_is_touched_and_children_follow(
    parents: list[int], marked: set[int], foreign: set[int], last: set[int]
) -> None:
    """Parents can form rings here: a table is not read in one moment."""
    entries = [process(pid, ppid, mark=MARK if pid in marked else None) for pid, ppid in enumerate(parents, 2)]
    found_in = Table([process(1, 0), *entries])
    seen = tuple(Handle(pid, pid) for pid in last)
    found = members(found_in, mark=MARK, root=None, last=seen, foreign_roots=foreign, own={1})
    assert not found & (foreign | {1})
    assert found >= {pid for pid in marked | last if not found_in.below(pid, foreign, {1})}
    assert all(child in found for pid in found for child in found_in.children[pid] if child not in foreign | {1})


PTY = 136 << 8
TMUX_FORK = process(200, SERVER, sid=SERVER)  # it has just been forked, and is in tmux's session still
NEW_SESSION = process(201, SERVER)  # a moment later: it leads a session that has no terminal yet
NEW_PANE = process(202, SERVER, terminal=PTY)  # it has not come to its exec, and so to its mark
LEFT = process(300, SERVER, sid=299)  # `env -i setsid` of a process that has ended
CHILD = process(301, 300)


def away(*entries: Entry, having_terminal: int = 0, **hints: Any) -> set[int]:
    return escaped(
        table(*entries),
        is_mark=lambda mark: mark.startswith("0badcafe/api/"),
        has_terminal=lambda pid: pid == having_terminal,
        reapers=[REAPER],
        foreign_roots=set(),
        own={1, SERVER},
        **({"leaders": (), "since": 0} | hints),
    )


def test_an_orphan_with_the_terminal_a_session_or_a_mark_of_the_tree_has_escaped_with_its_children() -> None:
    assert away(LEFT, CHILD, having_terminal=300) == {300, 301}
    assert away(LEFT, CHILD, leaders=(Handle(299, 250),)) == {300, 301}
    assert away(LEFT._replace(mark="0badcafe/api/l0")) == {300}


def test_who_only_seems_to_have_left_the_tree_has_not() -> None:
    assert away(LEFT, CHILD) == set()
    assert away(LEFT, having_terminal=300, since=301) == set()  # begun before the tree
    assert away(LEFT._replace(mark=OTHERS), leaders=(Handle(299, 250),), having_terminal=300) == set()
    # a session is told from a later one with its number by its leader
    assert away(NEW_SESSION, leaders=(Handle(201, 100),)) == set()
    assert away(LEFT, process(299, 1, ticks=280), leaders=(Handle(299, 250),)) == set()
    assert away(LEFT, leaders=(Handle(299, 301),)) == set()
    for fork in (TMUX_FORK, NEW_PANE):  # of tmux, which has not come to its exec
        assert away(fork, having_terminal=fork.pid) == set()
        assert away(fork, leaders=(Handle(fork.pid, 100),)) == set()


@given(
    parents=st.lists(st.integers(0, 30), min_size=30, max_size=30),
    sessions=st.lists(st.integers(1, 31), min_size=30, max_size=30),
    marks=st.lists(st.sampled_from([None, "0badcafe/api/l0", "0badcafe/web/l1"]), min_size=30, max_size=30),
    terminals=st.lists(st.sampled_from([0, PTY]), min_size=30, max_size=30),
    leaders=st.sets(st.integers(2, 31)),
)
def test_whatever_the_table_no_pane_no_fork_and_no_other_workers_process_is_accused(
    parents: list[int], sessions: list[int], marks: list[str | None], terminals: list[int], leaders: set[int]
) -> None:
    """All orphans have the terminal open, and each pid has been another process's before. 31 is the tmux server."""
    rows = zip(range(2, 32), parents, sessions, marks, terminals, strict=True)
    seen = Table(
        [process(1, 0)]
        + [process(pid, ppid, sid=sid, mark=mark, terminal=tty, ticks=100) for pid, ppid, sid, mark, tty in rows]
    )
    panes = set(seen.pane_roots(31))
    found = escaped(
        seen,
        is_mark=lambda mark: mark.startswith("0badcafe/api/"),
        leaders=[Handle(pid, 50) for pid in leaders],
        has_terminal=lambda pid: True,
        since=0,
        reapers=[Handle(31, 0)],
        foreign_roots=panes,
        own={1, 31},
    )
    assert not found & (panes | {1, 31})
    alone = {pid for pid in found if seen[pid].ppid not in found}
    forks = {pid for pid in alone if seen[pid].ppid == 31 and seen[pid].sid == seen[31].sid}
    assert all(seen[pid].mark == "0badcafe/api/l0" for pid in forks)
    assert all(seen[pid].mark in (None, "0badcafe/api/l0") for pid in alone)


# ── who counts in what a tree uses ────────────────────────────────────────────────────────────────────────────────


def counted(*others: Entry, before: tuple[Handle, ...]) -> list[int]:
    first = process(100, SERVER, terminal=9)
    found = members_of(table(first, *others), first.handle, (first.handle, *before))
    assert found is not None
    return [entry.pid for entry in found if entry != first]


def test_who_was_in_the_tree_before_and_came_to_tmux_counts_with_its_session() -> None:
    assert counted(process(32, SERVER), before=(Handle(32, 32),)) == [32]
    assert counted(process(133, SERVER, sid=32), before=(Handle(32, 32),)) == [133]
    assert counted(process(32, SERVER), before=(Handle(32, 4),)) == []  # another has its pid
    assert counted(process(30, SERVER), process(31, 30), before=(Handle(31, 31),)) == []  # it has another parent
    assert counted(process(132, SERVER, terminal=9), before=(Handle(132, 132),)) == []  # a pane
    assert counted(process(133, SERVER, sid=140, ticks=130), before=(Handle(140, 135),)) == []  # older than its leader


def test_a_dead_orphan_is_not_asked_which_terminals_it_has_open() -> None:
    """Hundreds that end at once are all orphans of tmux until it has reaped them."""
    reaper = Entry(10, 1, 10, 5, "S", 1, 0)
    dead = [Entry(pid, 10, pid, 7, "Z", 1, 0) for pid in range(20, 23)]
    living = Entry(30, 10, 29, 7, "S", 1, 0)
    asked: list[int] = []
    found = escaped(
        Table([reaper, *dead, living]),
        is_mark=lambda _: False,
        leaders=(),
        has_terminal=lambda pid: asked.append(pid) is None,
        since=6,
        reapers=[Handle(10, 0)],
        foreign_roots=frozenset(),
        own=frozenset(),
    )
    assert (asked, found) == ([30], {30})
