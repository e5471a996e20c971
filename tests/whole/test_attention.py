"""Who waits for a person: a worker's own word, told by its hook, reaches status, why and the log."""

import shlex
import sys

from kit import ROOT
from kit.support import Site, comes_to, wait_until


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
    listed = site.run("status", "--waiting", check=0).stdout.splitlines()
    assert listed[0].startswith("agent  waiting for ")
    assert listed[0].endswith("(report): may I run make?")
    assert any("may report for agent alone" in line for line in listed[1:])
    assert site.run("status", "--need-first", check=0).stdout.splitlines()[1].startswith("agent ")
    site.run("send", "agent", "yes", check=0)
    comes_to(lambda: seen("agent")[:2], ("working", "report"))
    told = [line for line in site.log_text().splitlines() if '"worker.attention"' in line]
    assert len(told) == 2
    assert site.run("report", "idle", check=2).stderr
    site.run("report", "idle", "--name", "other", check=0)
    comes_to(lambda: seen("other")[:2], ("idle", "report"))
