"""Typing into a worker's terminal: exact bytes, in order, acknowledged; and told when it cannot be."""

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from kit.support import DEADLINE, Site, alive, wait_until

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


def got(out: Path, expected: bytes) -> None:
    """Wait until the reader has read this, and nothing else, since the last look."""
    wait_until(lambda: out.exists() and len(out.read_bytes()) >= len(expected), what=f"{len(expected)} bytes in {out}")
    assert out.read_bytes() == expected
    os.truncate(out, 0)


def test_what_is_sent_is_typed_exactly_in_order_and_is_in_no_file(site: Site) -> None:
    out, ready = site.place / "out", site.place / "raw"
    site.write(
        f"[workers.raw]\ncommand = 'stty raw -echo; touch {ready}; exec cat >> {out}'\n"
        "[workers.gone]\ncommand = 'exit 0'\n[workers.stopped]\ncommand = 'sleep 1000'\n"
    )
    site.up()
    wait_until(ready.exists)
    for text in (*HORRORS, "a-secret-word"):
        site.run("send", "raw", "--", text, check=0)
    got(out, b"".join(text.encode() + b"\r" for text in (*HORRORS, "a-secret-word")))

    noise = random.Random(1).randbytes(200_000)
    command = site.argv("send", "raw", "--no-enter", "-")
    done = subprocess.run(command, input=noise, env=site.environment(), capture_output=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, b"")
    got(out, noise)

    site.run("send", "raw", "--keys", "C-c", "Up", "-", "Enter", check=0)
    got(out, b"\x03\x1b[A-\r")

    with Client.connect(Path(site.status()["supervisor"]["socket"])) as client:
        for number in range(320):
            client._send({"do": "send", "name": "raw", "content": f"{number}\n"}, time.monotonic() + 20)
            if number % 32 == 31:
                assert all(client._receive(None, "")["ok"] for _ in range(32))
    got(out, b"".join(b"%d\n" % number for number in range(320)))

    site.run("stop", "stopped", check=0)
    for arguments, code, said in (
        (("raw", "--keys", "Entre"), 2, '"Entre" is not a key (did you mean "Enter"?)'),
        (("gone", "x"), 3, "gone is completed"),
        (("stopped", "x"), 3, "stopped is stopped"),
        (("nobody", "x"), 4, "nobody"),
        (("gone",), 2, ""),
        (("gone", "two", "words"), 4, "TEXT of several words goes in quotes"),
    ):
        refused = site.run("send", *arguments, check=code).stderr
        assert refused
        assert said in refused
    assert alive(site.tmux_pid())
    files = [path for path in site.state.rglob("*") if path.is_file()]
    assert not [path for path in files if b"a-secret-word" in path.read_bytes()]


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
        for deaths in (10, 40):  # few senders come at a moment at which they are refused
            while told["typed"] < 20 or len(site.events("worker.exited", worker="dies")) < deaths:
                told[outcome_of(client)] += 1
            if told["refused"]:
                break
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


@pytest.mark.long
def test_neither_what_was_typed_nor_what_nobody_reads_is_kept_in_the_memory_of_tmux(site: Site) -> None:
    """`if-shell` of tmux 3.3a never frees the commands that it is given: 4 bytes for each byte that was sent."""
    site.write(
        "[workers.sink]\ncommand = 'stty raw -echo; exec cat > /dev/null'\n"
        "[workers.deaf]\ncommand = 'stty raw -echo; exec sleep 1000'\n"
    )
    site.up()
    tmux = site.tmux_pid()
    assert send_noise(site, "sink", 300_000).returncode == 0
    before = resident(tmux)
    assert send_noise(site, "sink", 1_500_000).returncode == 0
    assert resident(tmux) - before < 2_000_000
    before = resident(tmux)
    done = send_noise(site, "deaf", 1_000_000)
    assert done.returncode == 3
    assert b"deaf does not read its input" in done.stderr
    assert resident(tmux) - before < 3_000_000
    assert site.events("worker.input_dropped", worker="deaf")


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send_noise(site: Site, name: str, size: int) -> "subprocess.CompletedProcess[bytes]":
    command = site.argv("send", name, "--no-enter", "-")
    return subprocess.run(
        command, input=os.urandom(size), env=site.environment(), capture_output=True, timeout=DEADLINE
    )
