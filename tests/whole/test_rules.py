"""Rules in a real service: a line fires its rule once wherever it is printed, and never less than once."""

import json
import sys
from pathlib import Path
from typing import Any

from kit.support import FAST, Site, wait_until

SLOW = FAST.replace('"200ms"', '"1m"').replace('"500ms"', '"1m"')  # so that no beat helps out


def fired(site: Site, **facts: Any) -> list[dict[str, Any]]:
    return site.events("worker.rule", **facts)


def prints(site: Site, name: str, text: str) -> None:
    """Let the worker, which is a `cat` of a FIFO's lines, print this."""
    with open(site.place / name, "w") as fifo:
        fifo.write(text)


def worker(name: str, *rules: str, more: str = "") -> str:
    """Return the table of a worker that prints what is written to the FIFO of its name."""
    tables = "".join(f"[[workers.{name}.rules]]\n{rule}\n" for rule in rules)
    loop = f"test -p {name} || mkfifo {name}; exec 3<> {name}; exec cat <&3"
    return f"[workers.{name}]\ncommand = '{loop}'\n{more}\n{tables}"


def is_open(site: Site, name: str) -> bool:
    return (site.place / name).is_fifo()


def test_a_line_that_has_scrolled_off_before_any_beat_fires_its_rule_once_across_rotation(site: Site) -> None:
    rule = "name = 'hit'\nmatch = 'hit (?P<n>\\d+)'\nat_most = '999 per 1s'\ndo = 'event'"
    site.write(worker("api", rule, more='log = { max_size = "4kB", keep = 1000 }'), SLOW)
    site.up()
    wait_until(lambda: is_open(site, "api"))
    for number in range(30):
        prints(site, "api", f"hit {number}\n" + "filler\n" * 200)
    wait_until(lambda: len(fired(site)) >= 30)
    assert [line["text"] for line in fired(site)] == [f"hit {number}" for number in range(30)]
    assert len(list((site.state / "logs").glob("api.*.0*"))) > 5


def test_what_a_rule_does_is_done_and_told(site: Site) -> None:
    site.write(
        worker("restarts", "name = 'oom'\nmatch = 'out of memory'\ndo = 'restart'")
        + worker("stops", "name = 'banned'\nmatch = 'banned'\ndo = ['event', 'stop']")
        + worker(
            "runs",
            "name = 'limit'\nmatch = 'resets at (?P<when>.*)'\n"
            "do = { run = ['sh', '-c', 'cat > facts; echo \"$1|$PANEVISOR_RULE|$PANEVISOR_GROUP_WHEN\" > said',"
            " 'sh', '{when}'] }",
            "name = 'fails'\nmatch = 'fail'\ndo = [{ run = ['false'] }, { run = ['sleep', '99'], timeout = '100ms' }]",
        )
        + '[workers.asks]\ncommand = "read answer; echo got $answer; sleep 1000"\n'
        "[[workers.asks.rules]]\non = 'state'\nstates = ['running']\ndo = { send = 'yes please' }\n"
        "[[workers.asks.rules]]\nname = 'got'\nmatch = 'got yes please'\ndo = 'event'\n",
        SLOW,
    )
    site.up()
    wait_until(lambda: all(is_open(site, name) for name in ("restarts", "stops", "runs")))
    old = site.living("restarts")
    prints(site, "restarts", "fatal: out of memory\n")
    prints(site, "stops", "you are banned\n")
    prints(site, "runs", "limit resets at 9pm; rm -rf /\nfail\n")
    assert site.living("restarts", but=old)
    site.wait_state("stops", "stopped")
    assert "one of its rules ordered it to stop: rule banned" in site.run("why", "stops", check=0).stdout
    assert 'its rule oom fired: "fatal: out of memory"' in site.run("why", "restarts", check=0).stdout
    said = site.place / "said"
    wait_until(lambda: said.exists() and said.read_text())
    assert said.read_text() == "9pm; rm -rf /|limit|9pm; rm -rf /\n"
    facts = json.loads((site.place / "facts").read_text())
    assert (facts["worker"], facts["rule"], facts["text"]) == ("runs", "limit", "limit resets at 9pm; rm -rf /")
    wait_until(lambda: len(site.events("worker.rule_command")) == 2)
    assert {line["reason"] for line in site.events("worker.rule_command")} == {
        *("exited with code 1", "has not ended within 0.1s")
    }
    wait_until(lambda: fired(site, rule="got"))


def test_across_a_kill_of_the_service_each_line_fires_at_least_once_and_repetitions_are_marked(site: Site) -> None:
    rule = "name = 'hit'\nmatch = 'hit \\d+'\nat_most = '999 per 1s'\ndo = 'event'"
    site.write(worker("api", rule), SLOW)
    site.up()
    wait_until(lambda: is_open(site, "api"))
    prints(site, "api", "hit 1\n")
    wait_until(lambda: fired(site, text="hit 1"))
    judged = site.state / "judged.json"
    wait_until(lambda: judged_to_its_end(site, judged))
    prints(site, "api", "hit 2\n")
    wait_until(lambda: fired(site, text="hit 2"))
    site.kill_service()
    prints(site, "api", "hit 3\n")
    site.up()
    wait_until(lambda: fired(site, text="hit 3"))
    site.run("down", "--keep-workers", check=0)
    prints(site, "api", "hit 4\n")
    site.up()
    wait_until(lambda: fired(site, text="hit 4"))
    lines = [(line["text"], line.get("again", False)) for line in fired(site)]
    assert lines[0] == ("hit 1", False)
    assert lines[1] == ("hit 2", False)
    assert lines[-2:] == [("hit 3", True), ("hit 4", False)]
    assert all(again for _, again in lines[2:-1])


DIALOGS = """
import sys, termios, tty
tty.setraw(0)
for number, request in enumerate(["make", "rm -rf /", "ls"]):
    sys.stdout.write(f"\\033[2J\\033[Hrun: {request}\\r\\nDo you want to proceed?\\r\\n  1. Yes\\r\\n  2. No\\r\\n")
    sys.stdout.flush()
    key = sys.stdin.read(1)
    open("keys", "a").write(f"{request}={key}\\n")
    if key == "2": break
sys.stdout.write("\\033[2Jdone\\r\\n"); sys.stdout.flush()
sys.stdin.read(1)
"""


def test_a_dialog_is_answered_with_its_keys_once_and_one_that_must_not_be_is_left_to_a_person(site: Site) -> None:
    (site.place / "dialogs.py").write_text(DIALOGS)
    rule = (
        "name = 'proceed'\non = 'prompt'\nmatch = 'Do you want to proceed\\?'\nunless = ['rm -rf']\n"
        "do = [{ attention = 'waiting' }, { keys = ['1'] }]\n"
    )
    site.write(f"[workers.agent]\ncommand = ['{sys.executable}', 'dialogs.py']\n[[workers.agent.rules]]\n{rule}")
    site.up()
    keys = site.place / "keys"
    wait_until(lambda: keys.exists() and keys.read_text())
    assert len(fired(site)) == 1
    tick = site.status()["supervisor"]["tick"]
    wait_until(lambda: site.status()["supervisor"]["tick"] >= tick + 15)  # so many looks find the one it must not take
    assert keys.read_text() == "make=1\n"
    site.run("send", "agent", "--keys", "1", check=0)
    wait_until(lambda: keys.read_text() == "make=1\nrm -rf /=1\nls=1\n")
    assert [line["do"] for line in fired(site)] == [["attention", "keys"]] * 2


def judged_to_its_end(site: Site, judged: Path) -> bool:
    if not judged.exists():
        return False
    found = json.loads(judged.read_bytes())["judged"].get("api")
    newest = max((site.state / "logs").glob("api.*.0*"), default=None)
    return newest is not None and found is not None and found[1:] == [newest.name, newest.stat().st_size]
