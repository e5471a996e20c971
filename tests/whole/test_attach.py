"""People attach to workers: what their terminals can show, what detaches them, and whose size counts."""

import os
import signal
import subprocess

import pytest
from kit.support import FAST, Site, wait_until
from kit.terminal import Terminal

PAINTS = "printf '\\033[38;2;1;2;3mdeep\\033[0m\\n'; exec sleep 1000"
RGB = b"\x1b[38;2;1;2;3m"
SETTINGS = f'{FAST}pane = {{ columns = 120, rows = 40 }}\nattach = {{ prefix = "C-a", mouse = true }}\n'
LEAVE = b"\x01d"  # C-a d
ATTACHED = b"detach: "


@pytest.fixture(scope="module")
def shared(shared_site: Site) -> Site:
    """One service for this module."""
    workers = f"[workers.paints]\ncommand = '''{PAINTS}'''\n[workers.sizes]\ncommand = 'sleep 1000'\n"
    workers += '[workers.brief]\ncommand = "sleep 1000"\nbackoff = ["5s"]\n'
    for name in ("broken", "other"):
        workers += f'[workers.{name}]\ncommand = "exit 3"\nrestart = "never"\n'
    workers += "[workers.question]\ncommand = \"printf 'Go on? [y/N] '; exec sleep 1000\"\n"
    shared_site.write(workers, SETTINGS)
    shared_site.up(check=1)
    for name in ("broken", "other"):
        shared_site.wait_state(name, "failed")
    return shared_site


def person(site: Site, *arguments: str, columns: int = 80, rows: int = 24, **variables: str) -> Terminal:
    """Attach from a terminal."""
    environment = site.environment() | {"TERM": "xterm-256color", "COLORTERM": ""} | variables
    return Terminal(
        site.argv("attach", *arguments), cwd=site.place, environment=environment, columns=columns, rows=rows
    )


def size(site: Site, name: str) -> str:
    return site.tmux("display-message", "-p", "-t", f"={name}:", "#{window_width}x#{window_height}").strip()


def test_a_terminal_that_shows_24_bit_colours_gets_them_and_another_one_the_nearest_it_has(shared: Site) -> None:
    for variables, deep in (({"COLORTERM": "truecolor"}, True), ({"TERM": "xterm-kitty"}, True), ({}, False)):
        with person(shared, "paints", **variables) as terminal:
            assert (RGB in terminal.until(b"deep")) is deep, variables
            terminal.until(ATTACHED, plain=True)
            assert terminal.ended(LEAVE) == 0


@pytest.mark.parametrize("term", ["nobodys-terminal", "dumb", ""])
def test_a_terminal_that_tmux_cannot_draw_on_is_taken_for_a_usual_one_and_that_is_said(shared: Site, term: str) -> None:
    with person(shared, "paints", TERM=term) as terminal:
        said = terminal.until(b"deep").splitlines()[0]
        assert said == f'panevisor: tmux can\'t draw on TERM="{term}" here: it is taken for xterm-256color'.encode()
        terminal.until(ATTACHED, plain=True)
        assert terminal.ended(LEAVE) == 0


def test_no_terminal_changes_the_size_of_the_pane_or_of_another_one_s_view(shared: Site) -> None:
    """The small one comes and goes while a large one looks on; then the large one goes."""
    with person(shared, "sizes", columns=150, rows=50) as large:
        large.until(ATTACHED, plain=True)
        with person(shared, "sizes") as small:
            small.until(b"part of 120x40", plain=True)
            assert size(shared, "sizes") == "120x40"
            assert small.ended(LEAVE) == 0
        assert size(shared, "sizes") == "120x40"
        assert large.ended(LEAVE) == 0
    assert size(shared, "sizes") == "120x40"


def test_the_pane_fits_a_terminal_that_asks_for_it_until_all_have_left(shared: Site) -> None:
    with person(shared, "sizes", "--fit") as fitted:
        fitted.until(ATTACHED, plain=True)
        wait_until(lambda: size(shared, "sizes") == "80x23")
        with person(shared, "sizes", columns=150, rows=50) as other:
            other.until(ATTACHED, plain=True)
            wait_until(lambda: shared.worker("sizes")["hands_on"])
            assert fitted.ended(LEAVE) == 0
            assert size(shared, "sizes") == "80x23"
            with person(shared, "sizes", "--fit") as late:
                assert late.ended() == 9
                assert b"somebody is attached to sizes" in late.seen
            assert other.ended(LEAVE) == 0
    wait_until(lambda: size(shared, "sizes") == "120x40")


@pytest.mark.parametrize(
    ("outer", "hint"),
    [
        (None, b"detach: C-a d"),
        ("prefix C-b", b"detach: C-a d"),
        ("prefix C-a ; bind-key C-a send-prefix", b"detach: C-a C-a d"),
        ("prefix C-a ; bind-key a send-prefix", b"detach: C-a a d"),
    ],
)
def test_the_hint_says_which_keys_leave_through_an_outer_tmux(shared: Site, outer: str | None, hint: bytes) -> None:
    if outer is None:
        with person(shared, "sizes") as terminal:
            terminal.until(hint)
        return
    socket = str(shared.place / f"outer{len(outer)}.sock")
    tmux = ["tmux", "-u", "-S", socket, "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "sleep 1000"], check=True)
    try:
        subprocess.run([*tmux, "unbind-key", "C-b", ";", "set-option", "-g", *outer.split()], check=True)
        with person(shared, "sizes", TMUX=f"{socket},1,0") as nested, person(shared, "sizes") as plain:
            nested.until(hint)
            plain.until(b"detach: C-a d")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def test_next_goes_through_those_in_need_and_leaves_out_whom_somebody_is_attached_to(shared: Site) -> None:
    wait_until(lambda: shared.worker("question")["attention"] == "waiting")
    with person(shared, "--next") as first:
        first.until(b"panevisor: broken: failed: exited with code 3")
        first.until(ATTACHED, plain=True)
        with person(shared, "--next") as second:
            second.until(b"panevisor: other: failed: exited with code 3")
            second.until(ATTACHED, plain=True)
            with person(shared, "--next") as third:
                third.until(b"panevisor: question: waiting for ")
                third.until(b"(screen): Go on? [y/N]")
                third.until(ATTACHED, plain=True)
                with person(shared, "--next") as fourth:
                    assert fourth.ended() == 3
                    assert b"in need: broken, other, question" in fourth.seen
        assert first.ended(LEAVE) == 0
    wait_until(lambda: not shared.worker("other")["hands_on"])


def test_a_pattern_attaches_to_the_one_worker_it_fits_and_several_are_named(shared: Site) -> None:
    with person(shared, "pain*") as terminal:
        terminal.until(b"deep")
    assert 'name one worker: "*s" means paints, sizes' in shared.run("attach", "*s", check=2).stderr


def test_who_is_attached_is_told_how_it_ended_and_what_comes_next(shared: Site) -> None:
    with person(shared, "brief", columns=150) as terminal:
        terminal.until(ATTACHED, plain=True)
        wait_until(lambda: shared.worker("brief")["hands_on"])
        os.kill(shared.living("brief"), signal.SIGUSR1)
        terminal.until(b"brief: killed by signal 10", plain=True)
        terminal.until(b"restart 1 of 5, after a pause of", plain=True)
        shared.run("stop", "brief", check=0)
        terminal.until(b"brief: stopped", plain=True)
        shared.run("start", "brief", check=0)
        shared.living("brief")
        notice = ("show-options", "-p", "-v", "-t", "=brief:", "@notice")
        assert shared.tmux(*notice).strip() == ""
        assert terminal.ended(LEAVE) == 0


def test_a_worker_cannot_attach_to_itself(shared: Site) -> None:
    with person(shared, "sizes", PANEVISOR_WORKER=f"{shared.marker}/sizes/l1") as terminal:
        assert terminal.ended() == 2
        assert b"this is the terminal of sizes itself" in terminal.seen
