"""Typing into a worker's terminal: exact bytes, in order, acknowledged; and told when it cannot be."""

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from kit.support import DEADLINE, Site, alive, wait_until

from supervisor.text.keys import KeyUnknown, checked
from supervisor.tmux.client import ControlClient
from supervisor.tmux.server import TmuxServer
from supervisor.tmux.words import MARK_OPTION, TYPED, type_into, words
from supervisor.wire.client import Client, ServiceError

HORRORS = [
    "-x",
    "--keys",
    "ends in a semicolon;",
    ";",
    "#{pane_id} #(touch /tmp/never) ##",
    "'single' \"double\" `back` $HOME ~root \\n",
    "~",
    "two\nlines\n",
    "tab\tand é ü 漢字 🙂",
    " leading and trailing ",
    "} ; kill-server ; {",
    "%end 1 2 1",
]


@pytest.fixture
def reader(site: Site) -> Path:
    """A program on a raw terminal that writes what it reads into this file."""
    out = site.place / "out"
    ready = site.place / "raw"
    site.write(f"[workers.raw]\ncommand = 'stty raw -echo; touch {ready}; exec cat > {out}'\n")
    site.up()
    wait_until(ready.exists)
    return out


def got(out: Path, expected: bytes) -> None:
    wait_until(lambda: out.exists() and len(out.read_bytes()) >= len(expected), what=f"{len(expected)} bytes in {out}")
    assert out.read_bytes() == expected


def test_text_arrives_byte_by_byte_and_enter_after_it(site: Site, reader: Path) -> None:
    for text in HORRORS:
        site.run("send", "raw", "--", text, check=0)
    got(reader, b"".join(text.encode() + b"\r" for text in HORRORS))
    assert alive(site.tmux_pid())


def test_standard_input_of_any_bytes_and_size_arrives_as_it_is(site: Site, reader: Path) -> None:
    noise = random.Random(1).randbytes(200_000)
    command = site.argv("send", "raw", "--no-enter", "-")
    done = subprocess.run(command, input=noise, env=site.environment(), capture_output=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, b"")
    got(reader, noise)


def test_keys_go_by_their_names(site: Site, reader: Path) -> None:
    site.run("send", "raw", "--keys", "C-c", "Up", "-", "Enter", check=0)
    got(reader, b"\x03\x1b[A-\r")
    assert '"Entre" is not a key (did you mean "Enter"?)' in site.run("send", "raw", "--keys", "Entre", check=2).stderr


def test_requests_are_typed_in_the_order_in_which_they_came(site: Site, reader: Path) -> None:
    socket = Path(site.status()["supervisor"]["socket"])
    with Client.connect(socket) as client:
        for number in range(320):
            client._send({"do": "send", "name": "raw", "content": f"{number}\n"}, time.monotonic() + 20)
            if number % 32 == 31:
                for _ in range(32):
                    assert client._receive(None, "")["ok"]
    got(reader, b"".join(b"%d\n" % number for number in range(320)))


def test_nothing_is_typed_where_nothing_lives_and_the_sender_is_told(site: Site) -> None:
    site.write("[workers.gone]\ncommand = 'exit 0'\n[workers.stopped]\ncommand = 'sleep 1000'\n")
    site.up()
    site.run("stop", "stopped", check=0)
    assert "gone is completed" in site.run("send", "gone", "x", check=3).stderr
    assert "stopped is stopped" in site.run("send", "stopped", "x", check=3).stderr
    assert "nobody" in site.run("send", "nobody", "x", check=4).stderr
    assert site.run("send", "gone", check=2).stderr
    assert site.run("send", "gone", "two", "words", check=2).stderr


def test_text_sent_in_the_moment_of_death_harms_neither_tmux_nor_the_next_life(site: Site) -> None:
    seen = site.place / "seen"
    site.write(
        f"[workers.dies]\ncommand = 'read line; echo \"$line\" >> {seen}; exit 1'\nmax_restarts = -1\n"
        "backoff = { initial = '20ms', max = '20ms' }\n[workers.other]\ncommand = 'sleep 1000'\n"
    )
    site.up(check=None)
    tmux, other = site.tmux_pid(), site.worker("other")["pid"]
    told = {"typed": 0, "refused": 0}
    with Client.connect(Path(site.status()["supervisor"]["socket"])) as client:
        while told["typed"] < 40:
            told[outcome_of(client)] += 1
    assert told["refused"] > 5
    assert len(site.events("worker.exited", worker="dies")) >= 5
    assert (site.tmux_pid(), site.worker("other")["pid"]) == (tmux, other)


def outcome_of(client: Client) -> str:
    """Send a line; it is typed, or the sender is told that nothing lives there, within moments either way."""
    try:
        client.call("send", name="dies", content="line\n")
    except ServiceError as refused:
        if refused.code != "not-met":
            raise
        return "refused"
    return "typed"


def test_a_program_that_reads_nothing_costs_tmux_no_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write("[workers.deaf]\ncommand = 'stty raw -echo; exec sleep 1000'\n")
    site.up()
    before = resident(site.tmux_pid())
    command = site.argv("send", "deaf", "--no-enter", "-")
    noise = os.urandom(3_000_000)
    done = subprocess.run(
        command, input=noise, env=site.environment(), capture_output=True, timeout=DEADLINE, text=False
    )
    assert done.returncode == 3
    assert b"deaf does not read its input" in done.stderr
    assert resident(site.tmux_pid()) - before < 3_000_000
    assert site.events("worker.input_dropped", worker="deaf")
    assert "xyz" not in site.log_text()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_typed_input_never_gets_into_the_log(site: Site, reader: Path) -> None:
    site.run("send", "raw", "a-secret-word", check=0)
    got(reader, b"a-secret-word\r")
    files = [path for path in site.state.rglob("*") if path.is_file()]
    assert not [path for path in files if b"a-secret-word" in path.read_bytes()]


@pytest.mark.parametrize("key", ["", "Entre", "C-", "hello", "C-Enter2", "é", "C-C-C-C-c"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(KeyUnknown):
        checked([key])


@pytest.mark.parametrize("key", ["C-c", "M-x", "C-M-Up", "a", ";", "-", "F12", "Enter", "S-Tab"])
def test_what_is_a_key_passes(key: str) -> None:
    assert checked([key]) == (key,)


def test_what_was_typed_is_not_kept_in_the_memory_of_tmux(site: Site) -> None:
    """`if-shell` of tmux 3.3a never frees the commands that it is given: 4 bytes for each byte that was sent."""
    site.write("[workers.sink]\ncommand = 'stty raw -echo; exec cat > /dev/null'\n")
    site.up()
    tmux = site.tmux_pid()
    send_noise(site, "sink", 1_000_000)
    before = resident(tmux)
    send_noise(site, "sink", 4_000_000)
    assert resident(tmux) - before < 2_000_000


def send_noise(site: Site, name: str, size: int) -> None:
    command = site.argv("send", name, "--no-enter", "-")
    subprocess.run(command, input=os.urandom(size), env=site.environment(), timeout=DEADLINE, check=True)


def test_typing_is_guarded_against_a_dead_pane_and_another_life(place: Path, tmux_server: TmuxServer) -> None:
    client = ControlClient(place)
    (((pane,),),) = [[[b.text for b in client.run("new-session -d -P -F '#{pane_id}' 'exec sleep 100'")[0]]]]
    client.run(words("set-option", "-p", "-t", pane, MARK_OPTION, '{"life": "abc-1"}'))

    def said(life: str) -> list[str]:
        return [block.text for block in client.run(type_into(pane, life, b"x", ()))[0]]

    assert TYPED in said("abc-1")
    assert said("abc-2") == ["invalid option: not-typed"]
    client.run(f"set-option -g remain-on-exit on ; respawn-pane -k -t {pane} 'exit 0'")
    wait_until(lambda: client.run(f"display-message -p -t {pane} '#{{pane_dead}}'")[0][0].text == "1")
    assert said("abc-1") == ["invalid option: not-typed"]
    client.close()
