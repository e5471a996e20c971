"""The light line discipline and a real terminal show the same."""

import itertools
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.examples import LONG
from kit.support import wait_until

from supervisor.text.rows import laid_out
from supervisor.tmux.command import batch
from supervisor.tmux.server import TmuxServer

END = "\x1b[30;1H#"
moves = st.builds("\x1b[{}{}".format, st.integers(1, 9), st.sampled_from("ABCDEFGdPX@"))
erasures = (
    st.builds("\x1b[{}{}".format, st.integers(0, 2), st.just("K")) | st.just("\x1b[2;2H\x1b[0J") | st.just("\x1b[1J")
)
addresses = st.builds("\x1b[{};{}{}".format, st.integers(1, 9), st.integers(1, 20), st.sampled_from("Hf"))
others = st.sampled_from(
    ["\r", "\r\n", "\b", "\x1bD", "\x1bE", "\x1b7", "\x1b8", "\x1b[s", "\x1b[u", "\x0b", "ab\x1b[3b"]
)
texts = st.text(st.sampled_from("abcxyz .é"), min_size=1, max_size=6)
number = itertools.count()


@settings(max_examples=1000 if LONG else 40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(texts, moves, erasures, addresses, others), max_size=25).map("".join))
def test_they_show_the_same_rows(place: Path, tmux_server: TmuxServer, text: str) -> None:
    text = f"\x1b[2J\x1b[H{text}{END}"
    (place / "text").write_bytes(text.encode())
    name = f"s{next(number)}"
    batch(place, f"new-session -d -s {name} -x 100 -y 50 'cd {place}; stty raw; cat text; sleep 1000'\n", timeout=10)

    def shown() -> list[str]:
        rows = batch(place, f"capture-pane -p -t ={name}:\n", timeout=10).decode().split("\n")
        return [row for row in rows if row]

    wait_until(lambda: "#" in shown())
    assert [row for row in laid_out(text).lines() if row] == shown(), repr(text)
    batch(place, f"kill-session -t ={name}\n", timeout=10)
