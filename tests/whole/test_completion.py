"""Completion in real shells, installed as a user does it; without a service the file's names are offered."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import Site
from kit.terminal import Terminal

SHELLS = {"bash": ["bash", "-i"], "zsh": ["zsh", "-i"], "fish": ["fish", "-i"]}
WORKERS = '[workers.webserver]\ncommand = "cat"\nproject = "shopping"\nlabels = { tier = "front" }\n'


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_verbs_options_workers_projects_and_labels(site: Site, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    site.write(WORKERS)
    program = site.place / "bin" / "panevisor"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m supervisor "$@"\n')
    program.chmod(0o755)
    environment = {
        "HOME": str(site.place),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "SHELL": f"/bin/{shell}",
        "XDG_STATE_HOME": str(site.place / "xdg"),
    }
    (site.place / ".hushlogin").touch()
    (site.place / ".zshrc").write_text("PS1='> '\n")
    (site.place / ".bashrc").write_text("PS1='> '\n")
    with Terminal(["panevisor", "completion", "install"], cwd=site.place, environment=environment) as installing:
        assert installing.ended() == 0
        assert b"to undo" in installing.seen
    with Terminal(SHELLS[shell], cwd=site.place, environment=environment, columns=120) as terminal:
        for typed, completed in (
            ("panevisor resta", "restart "),
            ("panevisor restart webs", "webserver "),
            ("panevisor restart -p shop", "shopping "),
            ("panevisor restart -l ti", "tier=front"),
            ("panevisor restart --no-w", "--no-wait "),
            ("panevisor signal webserver WIN", "WINCH "),
        ):
            terminal.type(b"echo rea''dy\r")
            terminal.until(b"ready", plain=True)
            terminal.forget()
            terminal.type(f"{typed}\t".encode())
            end = re.escape(completed.strip())
            terminal.until_matches(rf"panevisor .*{end}")
            terminal.type(b"\x15")  # Ctrl-U: the line is dropped
            terminal.forget()


def test_install_again_changes_nothing_and_a_line_is_added_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(site.place))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for _ in range(2):
        site.run("completion", "install", "bash", check=0)
    rc = (site.place / ".bashrc").read_text()
    assert rc.count("completion of panevisor") == 1
    assert Path(rc.split('"')[1]).read_text() == site.run("completion", "bash", check=0).stdout
