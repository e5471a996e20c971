"""tmux's language: what is quoted arrives byte by byte, and nothing in it is executed or expanded."""

import errno
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from kit.examples import examples
from kit.support import DEADLINE, no_descriptors_left, wait_until

from actors.errors import TerminalUnreachable
from actors.ports import PaneQuestion
from actors.values.effects import Start, Type
from actors.values.facts import Refusal, Started, Typed, TypeHeld, TypeRefused, TypeUnknown
from actors.values.spec import PaneSize, WorkerSpec
from supervisor.logs.segments import Segments
from supervisor.tmux.client import Block, ControlClient, _Lost
from supervisor.tmux.command import batch
from supervisor.tmux.server import TmuxServer, TmuxServers
from supervisor.tmux.sweep import PaneSweeper
from supervisor.tmux.terminal import TmuxTerminal
from supervisor.tmux.typing import bytes_to_read
from supervisor.tmux.words import EXPIRED, in_time, words

HORRORS = [
    *("", ";", "a;", "a\\;", "\\", "'", '"', "''", "a b", "$HOME", "${HOME}", "`id`", "$(touch X)"),
    *("#(touch X)", "#{pane_id}", "##", "%H", "~", "~root", "-t", "--", "-l;", "{", "}", "{ }", "a\nb"),
    *("a\n   b\n# no comment", "\r", "\t", "\x1b[31m", "\x7f", "é€𝄞", "kill-server ; kill-server", "%if 1"),
    *("\\n", "A=b"),
]
SHOW = """
import json, os, sys
env = [os.environ[key] for key in sorted(os.environ) if key.startswith("V") and key[1:].isdigit()]
open(sys.argv[1] + "~", "w").write(json.dumps([sys.argv[2:], env, os.getcwd()]))
os.rename(sys.argv[1] + "~", sys.argv[1])
"""


def start(terminal: TmuxTerminal, name: str, argv: tuple[str, ...], env: tuple[tuple[str, str], ...] = ()) -> object:
    spec = WorkerSpec(name=name, command=argv, cwd="/tmp", env=env)
    return terminal.start([Start("life-1", spec, None)])[0]


@pytest.fixture
def terminal(place: Path, tmux_server: TmuxServer) -> Iterator[TmuxTerminal]:
    terminal = TmuxTerminal(place, tmux_server, marker="test", nofile=1024, segments=Segments(place / "logs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ControlClient.run, "__kwdefaults__", {"timeout": DEADLINE})  # a busy machine may take its time
        yield terminal
    terminal.close_client()


def test_argv_and_environment_arrive_byte_by_byte_and_nothing_is_executed(place: Path, terminal: TmuxTerminal) -> None:
    out = place / "out.json"
    env = tuple((f"V{number:02}", value) for number, value in enumerate(HORRORS))
    answer = start(terminal, "all", ("python3", "-c", SHOW, str(out), *HORRORS), env)
    assert isinstance(answer, Started), answer
    wait_until(lambda: out.exists() and out.read_text())
    assert json.loads(out.read_text()) == [HORRORS, HORRORS, "/tmp"]
    for number, last in enumerate((";", "a;", "-l;")):  # tmux splits a line of argv there
        file = place / f"last{number}"
        start(terminal, f"w{number}", ("python3", "-c", SHOW, str(file), last))
        wait_until(lambda file=file: file.exists() and file.read_text())
        assert json.loads(file.read_text())[0] == [last]
    assert not (place / "X").exists()
    assert not Path("/tmp/X").exists()


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_any_text_survives_as_an_option_value(place: Path, tmux_server: TmuxServer, text: str) -> None:
    printed = batch(place, words("set-option", "-g", "@x", text) + "\nshow-options -gv @x\n")
    if text.isprintable():  # what tmux shows raw can be compared to the letter
        assert printed.decode() == f"{text}\n"
    assert len(printed) >= len(text.encode()) or not text.isprintable()


def test_a_missing_program_and_a_missing_cwd_are_told_from_a_crash(terminal: TmuxTerminal, place: Path) -> None:
    assert "program not found: nosuch" in start(terminal, "a", ("nosuch",)).reason
    assert "is a folder" in start(terminal, "b", (str(place),)).reason
    (place / "plain").write_text("x")
    assert "may not be executed" in start(terminal, "c", (str(place / "plain"),)).reason
    spec = WorkerSpec(name="d", command="true", cwd=str(place / "gone"))
    answer = terminal.start([Start("l", spec, None)])[0]
    assert "cwd does not exist" in answer.reason


def test_what_is_typed_into_a_dead_pane_is_refused_though_the_next_one_with_its_terminal_does_not_read(
    place: Path, terminal: TmuxTerminal
) -> None:
    for number in range(50):  # anybody on the machine may be quicker to get the terminal's number
        dead, first = start(terminal, f"dead{number}", ("sleep", "60")), tty_of(place, f"dead{number}")
        assert isinstance(dead, Started)
        os.kill(dead.process.pid, signal.SIGKILL)
        look_again = [PaneQuestion(f"dead{number}", dead.pane)]
        wait_until(lambda asked=look_again: terminal._server.nudge() or terminal.look(asked)[1][0].dead)
        deaf = start(terminal, f"deaf{number}", ("sleep", "60"))
        if tty_of(place, f"deaf{number}") == first:
            break
    else:
        pytest.fail("no pane got the terminal of a dead one")
    assert isinstance(deaf, Started)
    terminal.type(Type("life-1", 1, deaf.pane, b"unread\n", (), if_taken=False))
    wait_until(lambda: bytes_to_read(first) > 0)
    assert isinstance(terminal.type(Type("life-1", 1, deaf.pane, b"x", (), if_taken=True)), TypeHeld)
    refused = terminal.type(Type("life-1", 1, dead.pane, b"x", (), if_taken=True))
    assert refused == TypeRefused("life-1", 1, "its pane is dead")


def tty_of(place: Path, name: str) -> str:
    return batch(place, f"display-message -p -t ={name}: '#{{pane_tty}}'\n").decode().strip()


def test_one_refused_start_of_a_chunk_harms_no_other(place: Path, terminal: TmuxTerminal) -> None:
    first = start(terminal, "same", ("sleep", "60"))
    spec = WorkerSpec(name="same", command=("sleep", "61"), cwd="/tmp")
    other = WorkerSpec(name="other", command=("sleep", "62"), cwd="/tmp")
    chunk = [Start("x", spec, None), Start("y", other, None)]
    refused, started = terminal.start(chunk)
    assert refused.refusal == "name-taken"
    assert isinstance(started, Started)
    _, (pane,) = terminal.look([PaneQuestion("same", first.pane)])
    assert pane.life == "life-1"
    assert pane.pid == first.process.pid


def test_a_look_is_answered_though_descriptors_have_run_out(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(terminal, "a", ("sleep", "60"))

    def no_descriptor(_process: object) -> bool:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("supervisor.tmux.server.lives", no_descriptor)
    _, (pane,) = terminal.look([PaneQuestion("a", started.pane, nudge=True)])
    assert pane.life == "life-1"
    monkeypatch.undo()


def test_a_server_is_not_taken_for_ended_when_descriptors_have_run_out(place: Path, tmux_server: TmuxServer) -> None:
    servers = TmuxServers(place, PaneSize(), known=[tmux_server.process])
    with no_descriptors_left():
        assert servers.ensure() == ((tmux_server.process,), ANY)
        assert servers.there == [0]


def test_tmux_is_made_to_reap_who_is_dead_without_an_exit_and_nobody_else(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal that has hung up makes a pane dead; its exit is known when tmux has reaped the process."""
    hung_up = start(terminal, "a", ("sh", "-c", "trap '' HUP; exec <&- >&- 2>&- 9>&-; exec sleep 60"))
    living = start(terminal, "b", ("sleep", "60"))
    wait_until(lambda: terminal.look([PaneQuestion("a", hung_up.pane)])[1][0].dead)
    nudges: list[int] = []
    nudge = terminal._server.nudge
    monkeypatch.setattr(terminal._server, "nudge", lambda: (nudges.append(1), nudge()))
    _, (pane,) = terminal.look([PaneQuestion("b", living.pane)])
    assert (pane.dead, pane.exit, len(nudges)) == (False, None, 0)
    _, (pane,) = terminal.look([PaneQuestion("a", hung_up.pane)])
    assert (pane.dead, pane.exit, bool(nudges)) == (True, None, True)


def test_one_look_answers_for_all_who_ask_and_asks_the_kernel_about_those_alone(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    panes = {name: start(terminal, name, ("sleep", "60")).pane for name in ("a", "b", "c")}
    read: list[int] = []
    monkeypatch.setattr("supervisor.tmux.terminal.handle_of", lambda pid: read.append(pid))
    asked = [PaneQuestion("a", panes["a"]), PaneQuestion("b", None), PaneQuestion("gone", "%999")]
    _, (a, b, gone) = terminal.look(asked)
    assert ((a.name, a.id), (b.name, b.id), gone) == (("a", panes["a"]), ("b", panes["b"]), None)
    assert len(read) == 2
    _, (others,) = terminal.look([PaneQuestion("b", panes["c"])])
    assert others is None  # the pane is there, but it is another worker's


def test_an_exit_is_told_in_one_order_and_what_lives_is_asked_for_when_tmux_has_settled(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, living = start(terminal, "a", ("sleep", "60")), start(terminal, "b", ("sleep", "60"))
    question = PaneQuestion("a", dead.pane)
    os.kill(dead.process.pid, signal.SIGKILL)
    wait_until(lambda: terminal._server.nudge() or terminal.look([question])[1][0].exit)
    ordered: list[tuple[str, ...]] = []
    run = ControlClient.run
    monkeypatch.setattr(ControlClient, "run", lambda *a, **k: (ordered.append(a[1:]), run(*a, **k))[1])
    _, (pane,) = terminal.look([question])
    assert (pane.exit.signal, len(ordered)) == (9, 1)
    _, panes = terminal.look([question, PaneQuestion("b", living.pane)])
    assert [pane.dead for pane in panes] == [True, False]
    assert any("settled" in line for lines in ordered for line in lines)


def test_a_list_that_tmux_refuses_is_no_proof_that_a_pane_is_gone(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(terminal, "a", ("sleep", "60"))
    refused = [[Block("server is busy", error=True)]]
    monkeypatch.setattr("supervisor.tmux.client.ControlClient.run", lambda *a, **k: refused)
    with pytest.raises(TerminalUnreachable, match="server is busy"):
        terminal.look([PaneQuestion("a", started.pane)])


@pytest.mark.parametrize("error", [OSError(errno.EAGAIN, "fork"), TerminalUnreachable("not yet"), _Lost("lost")])
def test_what_has_not_reached_tmux_is_tried_again(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    started = start(terminal, "a", ("sleep", "60"))
    terminal.close_client()
    with monkeypatch.context() as patch:
        patch.setattr(ControlClient, "_connect", lambda *_: (_ for _ in ()).throw(error))
        assert start(terminal, "b", ("sleep", "60")).refusal is Refusal.UNREACHABLE
        held = terminal.type(Type("life-1", 1, started.pane, b"x", (), if_taken=False))
        assert held == TypeHeld("life-1", 1, unasked=True)
    assert isinstance(start(terminal, "b", ("sleep", "60")), Started)


@pytest.mark.parametrize("said", ["duplicate session: b", "can't find pane: %1", "no space for new pane", EXPIRED])
def test_no_sentence_of_tmux_makes_a_refusal_final(terminal: TmuxTerminal, said: str) -> None:
    """There is no session of that name, whatever was said; and where there is one, it is looked up."""
    new = Start("l", WorkerSpec(name="b", command=("sleep", "60"), cwd="/"), None)
    assert terminal._answer(new, [Block(said, error=True)]).refusal is Refusal.UNREACHABLE
    start(terminal, "b", ("sleep", "60"))
    assert terminal._answer(new, [Block(said, error=True)]).refusal is Refusal.NAME_TAKEN


def test_an_answer_is_typed_only_while_the_rows_stand_that_it_answers(terminal: TmuxTerminal) -> None:
    rows = ("│ Do you want to proceed? │", '❯ 1. Yes, #{pane_id} "now" 100%; it\'s fine')
    asks = 'printf "%s\\n" "$@"; read -r answer; printf "\\033[2Jgone\\n"; exec sleep 1000'
    started = start(terminal, "a", ("sh", "-c", asks, "sh", *rows))
    order = Type("life-1", 1, started.pane, b"", ("Enter",), if_taken=False, stands=rows)
    wait_until(lambda: terminal.type(replace(order, keys=(), content=b"y")) == Typed("life-1", 1))
    other = replace(order, stands=(rows[0], "2. No"))
    assert terminal.type(other) == TypeHeld("life-1", 1, moved=True)
    assert terminal.type(order) == Typed("life-1", 1)
    wait_until(lambda: terminal.type(order) == TypeHeld("life-1", 1, moved=True))


def test_what_tmux_reads_too_late_is_typed_later(terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    started = start(terminal, "a", ("sleep", "60"))
    order = Type("life-1", 1, started.pane, b"x", (), if_taken=False)
    monkeypatch.setattr("supervisor.tmux.typing.EXPIRY", -10)
    assert terminal.type(order) == TypeHeld("life-1", 1, unasked=True)
    monkeypatch.undo()
    assert terminal.type(order) == Typed("life-1", 1)
    assert terminal.type(replace(order, life="life-2")) == TypeRefused("life-2", 1, "its pane is dead")
    assert terminal.type(replace(order, pane="%999")) == TypeRefused("life-1", 1, "its pane is dead")
    assert terminal.type(replace(order, content=b"", keys=("C-c",))) == Typed("life-1", 1)


def test_a_line_that_fails_half_way_is_typed_for_all_that_is_known(
    terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [("", False), ("life", False), ("", False), ("no buffer", True)]
    blocks = [Block(text, error=error) for text, error in said]
    monkeypatch.setattr(ControlClient, "run", lambda *_: [blocks])
    order = Type("life-1", 1, "%0", b"x", (), if_taken=False)
    assert terminal.type(order) == TypeUnknown("life-1", 1)


def test_every_pane_is_captured_whatever_its_number(place: Path, terminal: TmuxTerminal) -> None:
    """display-message reads "%3" as a date, and pads it: panes from the third on had no screen."""
    for number in range(12):
        start(terminal, f"w{number}", ("sh", "-c", f"echo hello{number}; exec sleep 60"))
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    sweeper = PaneSweeper(place, TmuxServers(place, PaneSize()), answers.put)
    shown: dict[str, bytes] = {}

    def all_shown() -> bool:
        sweeper.sweep_panes(answers.put)
        shown.update(getattr(answers.get(timeout=DEADLINE), "screens", {}))
        return all(f"hello{number}".encode() in shown.get(f"w{number}", b"") for number in range(12))

    wait_until(all_shown)
    sweeper.close()


def test_secrets_are_not_left_in_the_session(place: Path, terminal: TmuxTerminal) -> None:
    start(terminal, "w", ("sleep", "60"), (("TOKEN", "hunter2"),))
    shown = batch(place, "show-environment -t =w\nshow-environment -g\n")
    assert b"hunter2" not in shown
    assert b"PANEVISOR_WORKER" not in shown


def test_an_order_that_expired_is_not_carried_out(place: Path, tmux_server: TmuxServer) -> None:
    client = ControlClient(place)
    (blocks,) = client.run(in_time(1, "set-option -g @late yes"))
    assert [(block.text, block.error) for block in blocks] == [("invalid option: expired", True)]
    (blocks,) = client.run("show-options -gv @late")
    assert blocks[0].error or blocks[0].text == ""
    client.close()


def test_a_look_that_waited_for_a_stopped_tmux_shows_what_was_printed_meanwhile(
    place: Path, terminal: TmuxTerminal, tmux_server: TmuxServer
) -> None:
    """It is as of the answer: one as of the question had a printing worker stalled for the length of an outage."""
    ticks = place / "ticks"
    started = start(terminal, "a", ("sh", "-c", f"while :; do echo tick; echo >>{ticks}; sleep 0.2; done"))
    question = [PaneQuestion("a", started.pane)]
    terminal.look(question)
    os.kill(tmux_server.pid, signal.SIGSTOP)
    answers: list[Any] = []
    looking = threading.Thread(target=lambda: answers.append(terminal.look(question)))
    looking.start()
    time.sleep(1.2)  # tmux tells whole seconds
    wait_until(ticks.exists)
    before = ticks.stat().st_size
    wait_until(lambda: ticks.stat().st_size > before)
    went_on, wall = time.monotonic(), int(time.time())
    os.kill(tmux_server.pid, signal.SIGCONT)
    looking.join()
    ((taken, (pane,)),) = answers
    assert taken >= went_on
    assert pane.activity >= wall
