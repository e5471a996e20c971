"""Who waits for a person: a worker's own word, told by its hook, reaches status, why and the log."""

import shlex
import sys

from kit import ROOT
from kit.support import FAST, Site, comes_to, wait_until


def test_a_hook_reports_for_its_worker_and_for_no_other(site: Site) -> None:
    report = shlex.join([sys.executable, "-m", "supervisor", "report"])
    script = site.place / "agent"
    script.write_text(
        f"cd /; {report} waiting 'may I run make?' --ttl 1h --cost 0.5 --tokens 1200\n"
        f"env -u TMUX {report} --name other idle; echo exit $?; read answer; {report} working; exec sleep 1000\n"
    )
    site.write(
        f"[defaults]\nenv = {{ PYTHONPATH = '{ROOT}', XDG_STATE_HOME = '{site.place / 'xdg'}' }}\n"
        f"[workers.agent]\ncommand = 'sh {script}'\n[workers.other]\ncommand = 'sleep 1000'\n"
    )
    site.up()

    def seen(name: str) -> tuple[object, ...]:
        worker = site.worker(name)
        return tuple(worker[key] for key in ("attention", "attention_by", "attention_text", "cost", "tokens"))

    comes_to(lambda: seen("agent"), ("waiting", "report", "may I run make?", 0.5, 1200))
    wait_until(lambda: "exit 6" in site.run("logs", "agent").stdout)  # not permitted
    assert seen("other")[0] is None
    said = site.run("why", "agent", check=0).stdout
    assert "it is waiting for" in said
    assert "1,200 tokens" in said
    wait_until(lambda: "may report for agent alone" in site.run("status", "--waiting", check=0).stdout)
    listed = site.run("status", "--waiting", check=0).stdout.splitlines()
    assert listed[0].startswith("agent  waiting for ")
    assert listed[0].endswith("(report): may I run make?")
    assert site.run("status", "--need-first", check=0).stdout.splitlines()[1].startswith("agent ")
    site.run("send", "agent", "yes", check=0)
    comes_to(lambda: seen("agent")[:2], ("working", "report"))
    told = [line for line in site.log_text().splitlines() if '"worker.attention"' in line]
    assert len(told) == 2
    assert site.run("report", "idle", check=2).stderr
    site.run("report", "idle", "--name", "other", check=0)
    comes_to(lambda: seen("other")[:2], ("idle", "report"))
    site.run("down", "--keep-workers", check=0)
    site.up()
    comes_to(lambda: seen("other")[:2], ("idle", "report"))  # it has printed nothing since


PROMPTS = r"""
[deploy]
says = "waiting"
match = '^Deploy now\? \(.*\)\z'
shows = ["Deploy now? (type the name)"]
"""

WAITERS = r"""
[workers.pager]
command = "seq 500 | less"
[workers.question]
command = "printf 'Go on? [y/N] '; exec sleep 1000"
[workers.password]
command = ["python3", "-c", "import getpass; getpass.getpass()"]
[workers.python]
command = "python3 -q -i"
[workers.mine]
command = "printf 'Deploy now? (type the name) '; exec sleep 1000"
[workers.bell]
command = '''printf 'done\a'; exec sleep 1000'''
[workers.works]
command = '''while :; do printf '\033[2J\033[HThinking (3s, esc to interrupt)'; sleep 0.3; done'''
[workers.sleep]
command = "sleep 1000"
"""


def test_those_that_wait_are_found_without_their_help(site: Site) -> None:
    (site.place / "prompts.toml").write_text(PROMPTS)
    site.write(WAITERS, supervisor=FAST + 'prompts = "prompts.toml"\n')
    site.up()

    def seen() -> dict[str, tuple[object, object]]:
        return {name: (each["attention"], each["attention_by"]) for name, each in site.workers().items()}

    waits = dict.fromkeys(("pager", "question", "password", "python", "mine"), ("waiting", "screen"))
    others = {"bell": ("waiting", "terminal"), "works": ("working", "screen"), "sleep": (None, None)}
    comes_to(seen, waits | others)
    listed = site.run("status", "--waiting", check=0).stdout
    assert "Deploy now? (type the name)" in listed
    assert "it rang the bell" in listed
    assert "sleep" not in listed
    site.run("send", "question", "n", check=0)
    comes_to(lambda: seen()["question"], (None, None))


def test_a_broken_file_of_prompts_is_refused_with_what_is_wrong(site: Site) -> None:
    (site.place / "prompts.toml").write_text(PROMPTS.replace("Deploy now?", "Deploy then?", 1))
    site.write("", supervisor=FAST + 'prompts = "prompts.toml"\n')
    said = site.run("check", check=5).stderr
    assert "deploy: its match does not find shows[1]" in said
