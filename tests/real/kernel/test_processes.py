"""Ends of processes are told at once, and whole trees are ended: against real processes.

What the fake port promises too is held in test_fake_ports; whose a process is, in fast/kernel.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from kit.processes import House
from kit.support import DEADLINE, LEAVES, no_descriptors_left, wait_until

from actors.values.effects import SeekTree, Signal, Watch
from actors.values.facts import TICKS_PER_SECOND, Fact, Handle, ProcessEnded, TreeEscaped, TreeFound, TreeGone, TreeLeft
from supervisor.kernel import endings, pidfds, trees
from supervisor.kernel.endings import untold
from supervisor.kernel.proc_table import Table, handle_of, lives, read_table
from supervisor.kernel.trees import ProcessPort

IGNORES_TERM = "trap '' TERM; echo there; while :; do read _; done"
ESCAPES = "import os, sys\nos.fork() and os._exit(0)\nos.setsid()\nos.fork() and os._exit(0)\n"
STORM = """
import fcntl, os, random, signal, sys, time
place, slots, until = sys.argv[1], int(sys.argv[2]), time.monotonic() + 20
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first, mine = os.getpid(), None

def take_slot():
    slot = os.open(f"{place}/{random.randrange(slots)}", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return slot
    except OSError:
        os.close(slot)

print("there", flush=True)
while time.monotonic() < until:
    if (slot := take_slot()) is None:
        time.sleep(0.005)
    elif os.fork():
        os.close(slot)
        time.sleep(0.1)
        if os.getpid() % 2 and os.getpid() != first:
            os._exit(0)
    else:
        if mine is not None:
            os.close(mine)
        mine = slot
        random.seed()
        os.getpid() % 3 or os.setsid()
"""
NAMED = ESCAPES + "print(os.getpid(), flush=True)\nos.execvp(sys.argv[1], sys.argv[1:])\n"


# ── watching ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_process_with_the_same_pid_counts_as_ended(house: House) -> None:
    first = house.shell("read _")
    house.port.watch(Watch("l1", Handle(first.pid, first.ticks + 1)), house.facts.put)
    assert house.next() == ProcessEnded("l1")
    house.end(first)
    house.until_gone()


def test_with_an_unknown_start_time_whoever_has_the_pid_is_watched(house: House) -> None:
    first = house.shell("read _")
    house.port.watch(Watch("l1", Handle(first.pid, 0)), house.facts.put)
    house.end(first, life="l1")
    assert ProcessEnded("l1") in house.until_gone()
    assert house.idle()


def test_a_later_watch_of_a_life_replaces_the_first(house: House) -> None:
    first, second = house.shell("read _"), house.shell("read _")
    house.watch("l1", first)
    house.watch("l1", second)
    house.kill(first)
    house.port.watch(Watch("l2", first), house.facts.put)
    assert house.next() == ProcessEnded("l2")
    os.kill(second.pid, signal.SIGKILL)
    assert house.next() == ProcessEnded("l1")


def test_the_end_of_the_tmux_server_is_told_once_and_before_those_of_its_workers(house: House) -> None:
    workers = [house.shell("read _", life=f"l{n}") for n in range(5)]
    server = house.shell("read _", life="server")
    told: queue.SimpleQueue[Fact | str] = queue.SimpleQueue()
    for n, worker in enumerate(workers):
        house.port.watch(Watch(f"l{n}", worker), told.put)
    house.port.watch_server(0, server, lambda: told.put("server"))
    with house.held():
        for process in [*workers, server]:
            house.kill(process)
    heard = [told.get(timeout=DEADLINE) for _ in range(6)]
    assert heard[0] == "server"
    assert house.idle()
    house.port.watch_server(0, server, lambda: told.put("gone already"))
    assert told.get(timeout=DEADLINE) == "gone already"
    assert told.empty()


# ── ending trees ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_background_groups_and_nohup_children_end_with_the_first_process(house: House) -> None:
    first = house.shell("sleep 1000 & echo $!; nohup sleep 1000 & echo $!; read _")
    pids = {first.pid, int(house.said()), int(house.said())}
    house.end(first, "TERM")
    left, *_, gone = house.until_gone()
    assert left == TreeLeft("l1", tuple(sorted(pids)))
    assert gone == TreeGone("l1")
    assert house.idle()
    assert house.facts.empty()


def left_by(house: House) -> Handle:
    """Return the process that said its pid, once it has become the `sleep` that it shall be."""
    process = house.stranger(house.said())
    wait_until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"sleep"))
    return process


def orphaned_by(house: House) -> Handle:
    """Return such a process once its parent has ended, too."""
    process = left_by(house)
    wait_until(lambda: psutil.Process(process.pid).ppid() == os.getpid())
    return process


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ('"$2" -c "$1" sleep 1000', False),
        ('"$2" -c "$1" env -i sleep 1000', True),
        ("env -i sleep 1000 & echo $!", False),
    ],
    ids=["by its mark", "as it was seen before", "by its session"],
)
def test_what_a_dead_first_process_has_left_is_found(house: House, script: str, seen: bool) -> None:
    first = house.shell(f"{script}; read _", NAMED, sys.executable)
    left_over = left_by(house)
    house.kill(first)
    house.end(first, last=(first, left_over) if seen else ())
    left, *_ = house.until_gone()
    assert isinstance(left, TreeLeft)
    assert left_over.pid in left.pids  # a fork between may be on its way out


def reaper(house: House) -> None:
    """The test is what the tmux server is: whoever is orphaned becomes its child."""
    server = handle_of(os.getpid())
    assert server is not None
    house.port.watch_server(0, server, lambda: None)


def test_who_had_left_the_tree_unseen_is_named_and_ended_too(house: House) -> None:
    reaper(house)
    first = house.start(sys.executable, "-c", LEAVES)
    leader = int(house.said())
    house.end(first, "TERM")
    (escapee,) = house.escaped()
    assert escapee not in (first.pid, leader)
    left = read_table(with_marks=False).get(escapee)
    assert left is None or left.zombie


def test_who_was_left_in_the_session_of_one_seen_in_the_tree_has_escaped(house: House) -> None:
    reaper(house)
    first = house.shell("env -i setsid sh -c 'echo $$; sleep 1000 & echo $!; read _'; read _")
    seen, escapee = house.stranger(house.said()), house.stranger(house.said())
    os.kill(seen.pid, signal.SIGKILL)
    wait_until(lambda: not lives(seen))
    house.end(first, last=(first, seen))
    assert house.escaped() == [escapee.pid]
    assert not lives(escapee)


@pytest.fixture
def terminal() -> Iterator[str]:
    """The path of a terminal that nobody has: a leader of a session who opens it gets it."""
    ends = os.openpty()
    yield os.ttyname(ends[1])
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("crashed", [False, True])
def test_who_was_never_seen_but_has_the_terminal_open_has_escaped(house: House, terminal: str, crashed: bool) -> None:
    reaper(house)
    first = house.shell(f'exec 3<>{terminal}; "{sys.executable}" -c "$1" env -i sleep 1000; read _', NAMED)
    escapee = orphaned_by(house)
    if crashed:  # its terminal is known from when it was watched
        house.watch("l1", first)
        house.kill(first)
        assert house.next() == ProcessEnded("l1")
    house.end(first, "TERM")
    assert house.escaped() == [escapee.pid]
    assert not lives(escapee)
    assert house.port.tables()["terminals"] == 0


def test_an_orphan_without_the_terminal_and_one_of_a_life_before_have_not_escaped(house: House, terminal: str) -> None:
    reaper(house)
    house.shell(f'("{sys.executable}" -c "$1" env -i sleep 1000 3<>{terminal}); :', NAMED, life="l0")
    before = orphaned_by(house)
    time.sleep(2 / TICKS_PER_SECOND)
    script = f'exec 3<>{terminal}; "{sys.executable}" -c "$1" env -i sleep 1000 3<&-; read _'
    first = house.shell(script, NAMED)
    without = orphaned_by(house)
    with house.kept(before, without):
        house.end(first, "TERM")
        assert house.escaped() == []


def test_of_the_workers_marks_those_of_a_watched_life_and_of_a_persons_split_are_left_alone(house: House) -> None:
    """A Worker that was replaced may begin the next life while the port ends the last one still."""
    reaper(house)
    first, old, next_one = (house.there(life=life) for life in ("l1", "l0", "l2"))
    splits = house.there(life="l0"), house.there(life="l1")
    house.watch("l2", next_one)
    house.foreign["l1"] = set(splits)
    with house.kept(next_one, *splits):
        house.end(first)
        told = house.until_gone()
        assert told[0] == TreeLeft("l1", (first.pid,))
        assert [fact for fact in told if isinstance(fact, TreeEscaped)] == [TreeEscaped("l1", (old.pid,))]
    assert not lives(old)


def test_who_ignores_term_is_named_and_a_later_kill_replaces_it(house: House) -> None:
    first = house.shell(IGNORES_TERM)
    house.said()
    house.end(first, "TERM")
    assert house.next() == TreeLeft("l1", (first.pid,))
    house.end(first, "KILL")
    assert house.next() == TreeLeft("l1", (first.pid,))
    assert house.next() == TreeGone("l1")
    assert house.idle()


def test_a_kill_that_came_too_late_for_anybody_names_nobody(house: House) -> None:
    first = house.shell(IGNORES_TERM)
    house.said()
    house.end(first, "TERM")
    assert house.next() == TreeLeft("l1", (first.pid,))
    with house.held():
        house.kill(first)
        house.end(first, "KILL")
    assert house.until_gone() == [TreeLeft("l1", ()), TreeGone("l1")]


def test_a_stopped_process_handles_its_term(house: House) -> None:
    first = house.shell("trap 'echo handled; exit' TERM; echo there; while :; do read _; done")
    house.said()
    os.kill(first.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WNOWAIT)
    house.end(first, "TERM")
    assert house.said() == "handled"
    house.until_gone()


PREFORK = """
import os, signal
main = os.getpid()
def say(text):
    os.write(1, text.encode() + b"\\n")  # print must not be called again in the middle of a print
def term(*_):
    if os.getpid() == main:
        say("main")
    else:
        say("lost")
        os._exit(1)
signal.signal(signal.SIGTERM, term)
for _ in range(2):
    if not os.fork():
        say("there")  # only now: Python forgets signals that came before a child has begun
        os.read(0, 1)
        os._exit(0)
say("there")
for _ in range(2):
    say(f"clean {os.waitstatus_to_exitcode(os.wait()[1])}")
"""


def test_a_term_goes_to_the_main_process_alone_which_lets_its_children_finish(house: House) -> None:
    first = house.start(sys.executable, "-c", PREFORK)
    assert [house.said() for _ in range(3)] == ["there"] * 3
    house.end(first, "TERM")
    assert house.said() == "main"
    house.tell("go")  # each child reads one byte
    assert [house.said(), house.said()] == ["clean 0", "clean 0"]
    house.until_gone()


def test_a_term_for_the_whole_tree_goes_to_all_of_it_at_once(house: House) -> None:
    first = house.start(sys.executable, "-c", PREFORK)
    assert [house.said() for _ in range(3)] == ["there"] * 3
    house.end(first, "TERM", whole=True)
    assert sorted(house.said() for _ in range(5)) == ["clean 1", "clean 1", "lost", "lost", "main"]
    house.until_gone()


def test_what_the_main_process_leaves_gets_the_signal_when_it_has_ended(house: House) -> None:
    deaf = "(trap 'echo told; exit' TERM; echo there; while :; do read _ || wait; done)"
    first = house.shell(f"sleep 1000 & {deaf} & read _")
    house.said()
    house.end(first, "TERM")
    assert house.said() == "told"
    house.until_gone()


ANSWERS_TERM = "trap 'echo told; exit 7' TERM; echo there; while :; do read _; done"


@pytest.mark.parametrize("wrap", ["{}; exit $?", "sh -c '{}; exit $?'; exit $?"], ids=["one shell", "shells in shells"])
def test_a_shell_that_only_wraps_a_program_ends_by_itself_with_its_code(
    house: House, monkeypatch: pytest.MonkeyPatch, wrap: str
) -> None:
    monkeypatch.setattr(endings, "WRAPPER", DEADLINE)
    wrapped = wrap.format('sh -c "$ANSWERS"')
    first = house.start("sh", "-c", wrapped, env={**house.marked("l1"), "ANSWERS": ANSWERS_TERM})
    house.said()
    house.end(first, "TERM")
    assert house.said() == "told"
    house.until_gone()
    assert house.started[-1].wait(DEADLINE) == 7


def test_a_shell_that_goes_on_after_its_program_gets_the_signal_itself(house: House) -> None:
    first = house.shell("echo there; while :; do sleep 1000; done")
    house.said()
    house.end(first, "TERM")
    house.until_gone()
    assert house.started[-1].wait(DEADLINE) == -signal.SIGTERM


def test_a_shell_that_catches_the_signal_gets_it_and_its_child_does_not(house: House) -> None:
    child = "trap 'echo lost' TERM; echo there; read _; echo clean"
    first = house.start("sh", "-c", f"trap 'echo told' TERM; sh -c \"{child}\"; echo end")
    house.said()
    house.end(first, "TERM")
    assert isinstance(house.next(), TreeLeft)  # told when the signal is sent
    house.tell("go")
    assert [house.said() for _ in range(3)] == ["clean", "told", "end"]
    house.until_gone()


@pytest.mark.parametrize("whole", [False, True])
def test_a_signal_is_sent_once_to_whom_it_is_meant_for_and_nothing_is_told_of_it(house: House, whole: bool) -> None:
    child = "trap 'echo child' USR1; echo there; while :; do read _ || wait; done"
    first = house.start("sh", "-c", f"trap 'echo main' USR1; sh -c \"{child}\" & while :; do wait; done")
    house.said()
    house.watch("l1", first)
    house.port.send_signal("api", Signal("l1", first, (), "USR1", whole))
    assert sorted(house.said() for _ in range(1 + whole)) == (["child", "main"] if whole else ["main"])
    house.settle()
    assert house.facts.empty()
    house.end(first)
    house.until_gone()
    assert house.idle()


def test_nobody_gets_a_signal_while_the_tree_is_being_ended(house: House) -> None:
    first = house.shell("trap '' TERM; trap 'echo lost' HUP; echo there; while :; do read _; done")
    house.said()
    house.end(first, "TERM")
    assert isinstance(house.next(), TreeLeft)
    house.port.send_signal("api", Signal("l1", first, (), "HUP"))
    house.settle()
    house.end(first)
    house.until_gone()
    assert house.said() == ""


def test_who_is_born_after_a_term_to_the_whole_tree_is_named_but_not_signalled(house: House) -> None:
    first = house.shell("trap 'sleep 1000 & echo $!; exit' TERM; echo there; while :; do read _; done")
    house.said()
    house.end(first, "TERM", whole=True)
    born = int(house.said())
    assert house.next() == TreeLeft("l1", (first.pid,))
    assert house.next() == TreeLeft("l1", (born,))
    house.end(first, "KILL")
    assert house.until_gone() == [TreeLeft("l1", (born,)), TreeGone("l1")]


def test_who_escapes_while_an_ending_is_open_is_found_at_a_later_look(house: House) -> None:
    script = f"""trap '"{sys.executable}" -c "$1" sleep 1000 &' TERM; echo there; while :; do read _ || wait; done"""
    first = house.shell(script, NAMED)
    house.said()
    house.end(first, "TERM")
    assert house.next() == TreeLeft("l1", (first.pid,))
    escapee = int(house.said())
    left: Fact = TreeLeft("l1", ())
    while not (isinstance(left, TreeLeft) and escapee in left.pids):
        left = house.next()
    house.end(first, "KILL")
    house.until_gone()


def test_before_a_kill_all_are_stopped_but_the_first_process_as_tmux_would_resume_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.shell("sleep 1000 & echo $!; read _")
    child, send, sent = int(house.said()), signal.pidfd_send_signal, []

    def noted(descriptor: int, number: int) -> None:
        facts = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        sent.append((int(facts.partition("Pid:")[2].split()[0]), number))
        send(descriptor, number)

    monkeypatch.setattr(signal, "pidfd_send_signal", noted)
    house.end(first)
    house.until_gone()
    assert sent == [(first.pid, signal.SIGKILL), (child, signal.SIGSTOP), (child, signal.SIGKILL)]


def test_a_fork_storm_that_fills_every_freed_slot_is_ended(house: House, tmp_path: Path) -> None:
    """A process holds one of 200 slots while it lives; 20 s bound the storm if it could not be ended."""
    first = house.start(sys.executable, "-S", "-c", STORM, str(tmp_path), "200")
    house.said()
    wait_until(lambda: len(os.listdir(tmp_path)) > 170)
    house.end(first, "TERM")
    house.next()
    house.end(first)
    house.until_gone()
    assert not house.living()


def test_a_chain_of_escapees_that_fork_and_die_is_ended(house: House) -> None:
    """Each link lives for a moment only, in a session of its own; 2,000 links bound it if it could not be ended."""
    chain = "import os\nprint('there', flush=True)\nfor _ in range(2000):\n os.fork() and os._exit(0)\n os.setsid()\n"
    first = house.start(sys.executable, "-c", chain)
    house.said()
    house.end(first)
    house.until_gone()
    assert not house.living()


def test_the_service_never_signals_itself(house: House) -> None:
    ourselves = handle_of(os.getpid())
    assert ourselves is not None
    house.end(None, "CONT", last=(ourselves,))
    assert house.next() == TreeGone("l1")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the times of the port's reads of the process table, as they come."""
    times: list[float] = []

    def read(*args: object) -> Table:
        times.append(time.monotonic())
        return read_table(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(trees, "read_table", read)
    return times


def test_the_looks_at_a_tree_that_was_sought_are_the_two_before_it_is_gone(house: House, reads: list[float]) -> None:
    first = house.shell("read _")
    house.kill(first)
    house.port.seek("api", SeekTree("l1", first, (), server=0), untold)
    wait_until(lambda: len(reads) == 2)
    house.settle()
    house.end(first)
    assert house.until_gone() == [TreeGone("l1")]
    assert len(reads) == 2
    assert reads[1] - reads[0] >= trees.SECOND_LOOK


@pytest.mark.parametrize("first_too", [True, False])
def test_a_look_for_another_process_or_with_less_known_of_its_tree_does_not_count(
    house: House, reads: list[float], *, first_too: bool
) -> None:
    first = house.shell("read _")
    house.kill(first)
    house.port.seek("api", SeekTree("l1", first if first_too else None, (), server=0), untold)
    wait_until(lambda: len(reads) == 2)
    house.settle()
    house.end(first, last=(first,) if first_too else ())
    house.until_gone()
    assert len(reads) == 4


def test_that_nobody_is_left_is_told_when_it_is_sure_and_not_kept_after_the_life_is_forgotten(house: House) -> None:
    first = house.shell("read _")
    house.kill(first)
    house.port.seek("api", SeekTree("l1", first, (), server=0), house.facts.put)
    assert house.facts.get(timeout=DEADLINE) == TreeFound("l1", ())  # in all of /proc there are some without a mark
    assert house.facts.get(timeout=DEADLINE) == TreeFound("l1", (), sure=True)
    house.port.forget("l1")
    assert house.idle()


def test_who_is_sought_is_not_signalled_and_is_ended_by_the_order(house: House, reads: list[float]) -> None:
    first = house.shell("sleep 1000 & echo $!; read _")
    child = int(house.said())
    house.kill(first)
    house.port.seek("api", SeekTree("l1", first, (), server=0), house.facts.put)
    wait_until(lambda: len(reads) == 1)
    house.settle()
    (told,) = (house.facts.get_nowait() for _ in range(house.facts.qsize()))
    assert [(each.process.pid, each.name in ("sh", "sleep")) for each in told.left] == [(child, True)]
    assert child in house.living()
    house.end(first)
    assert house.until_gone() == [TreeLeft("l1", (child,)), TreeGone("l1")]


def test_nobody_is_signalled_while_the_foreign_panes_are_unknown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = house.shell("read _")
    unknown = RuntimeError("tmux does not answer")

    def fail(life: str) -> set[int]:
        monkeypatch.undo()
        raise unknown

    monkeypatch.setattr(house.port, "_foreign_roots", fail)
    house.end(first)
    assert house.errors.get(timeout=DEADLINE) is unknown
    assert house.until_gone() == [TreeLeft("l1", (first.pid,)), TreeGone("l1")]


def test_who_refuses_a_signal_stays_in_what_is_left_and_does_not_shield_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.shell("sleep 1000 & echo $!; read _")
    setuid = int(house.said())
    send, refused = signal.pidfd_send_signal, threading.Event()

    def send_as_a_user(descriptor: int, number: int) -> None:
        with open(f"/proc/self/fdinfo/{descriptor}") as facts:
            if f"Pid:\t{setuid}\n" in facts.read():
                refused.set()
                raise PermissionError(1, "Operation not permitted")
        send(descriptor, number)

    monkeypatch.setattr(signal, "pidfd_send_signal", send_as_a_user)
    house.end(first)
    assert house.next() == TreeLeft("l1", tuple(sorted((first.pid, setuid))))
    house.started[-1].wait()
    assert refused.wait(DEADLINE)
    assert house.facts.empty()
    monkeypatch.undo()
    assert house.next() == TreeGone("l1")  # it is tried again at the next look


def test_a_hundred_endings_share_their_looks_at_the_process_table(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it takes half of the time at most: each read is followed by a rest as long, up to LONGEST_REST."""
    firsts = {f"l{n}": house.shell("read _", life=f"l{n}") for n in range(100)}
    told_at, read_at = [], []

    def noted(with_marks: bool, between: Callable[[], None], listing: Callable[[], list[int]]) -> Table:
        told_at.append(house.facts.qsize())
        began = time.monotonic()
        table = read_table(with_marks, between, listing)
        read_at.append((began, time.monotonic()))
        return table

    monkeypatch.setattr(trees, "read_table", noted)
    with house.held():
        for life, first in firsts.items():
            house.end(first, life=life)
    wait_until(lambda: house.facts.qsize() == 200)
    facts = [house.next() for _ in range(200)]
    assert {fact.life for fact in facts if isinstance(fact, TreeGone)} == set(firsts)
    assert house.idle()
    assert told_at[1] >= 100
    for (began, ended), (next_began, _) in pairwise(read_at):
        assert next_began - ended >= min(trees.LONGEST_REST, ended - began)


# ── when things go wrong ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("problem", [RuntimeError("the actor is dead"), SystemExit(1)])
def test_a_callback_that_raises_harms_nobody_else(house: House, problem: BaseException) -> None:
    first = house.shell("read _")

    def fail(_: Fact) -> None:
        raise problem

    house.port.watch(Watch("l1", first), fail)
    house.end(first)
    house.until_gone()
    assert house.errors.get(timeout=DEADLINE) is problem
    assert house.idle()


def test_without_descriptors_ends_are_told_and_trees_are_ended_all_the_same(house: House) -> None:
    first, other = house.shell("sleep 1000 & echo $!; read _"), house.shell("read _", life="l2")
    child = int(house.said(0))
    with no_descriptors_left():
        house.port.watch(Watch("l1", first), house.facts.put)
        house.port.watch(Watch("l2", Handle(other.pid, 0)), house.facts.put)
        os.kill(other.pid, signal.SIGKILL)
        assert house.next() == ProcessEnded("l2")
        assert house.port.tables()["polled"] == 1
        house.end(first)
        facts = {house.next() for _ in range(3)}
    assert facts == {TreeLeft("l1", tuple(sorted((first.pid, child)))), ProcessEnded("l1"), TreeGone("l1")}
    assert house.idle()


def test_an_order_that_met_no_descriptor_at_all_is_carried_out_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.start("true")
    house.started[-1].wait()
    failures = [OSError(24, "Too many open files")] * 3

    def rarely(pid: int) -> Handle | None:
        if failures:
            raise failures.pop()
        return handle_of(pid)

    monkeypatch.setattr(pidfds, "handle_of", rarely)
    house.port.watch(Watch("l1", Handle(first.pid, 0)), house.facts.put)
    assert house.next() == ProcessEnded("l1")
    assert house.errors.get(timeout=DEADLINE).args[0] == 24
    while not house.errors.empty():
        house.errors.get()


def test_closing_in_the_middle_of_a_turn_is_no_error(house: House) -> None:
    for _ in range(100):
        port = ProcessPort("digest", foreign_roots=lambda life: set(), own=set, on_error=house.errors.put)
        port.watch(Watch("l1", Handle(2**22 + 1, 1)), house.facts.put)
        port.close()


def test_closing_ends_the_thread_and_gives_back_every_descriptor(house: House) -> None:
    first = house.shell("read _")
    before = set(os.listdir("/proc/self/fd"))
    port = ProcessPort("digest", foreign_roots=lambda life: set(), own=set, on_error=house.errors.put)
    watched = threading.Event()
    port.watch(Watch("l1", first), house.facts.put)
    port.watch(Watch("l2", Handle(2**22 + 1, 1)), lambda fact: watched.set())
    assert watched.wait(DEADLINE)
    port.close()
    port.close()
    port.watch(Watch("l3", first), house.facts.put)
    assert set(os.listdir("/proc/self/fd")) == before
    assert not any(port.tables().values())
    house.end(first)
    assert house.until_gone() == [TreeLeft("l1", (first.pid,)), TreeGone("l1")]
