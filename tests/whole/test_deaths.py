"""Death records of a real service: 20 deaths with all their last words, with and without the service."""

import json
import os
import sys

from kit.support import Site, wait_until

from supervisor.state.deaths import read_deaths

# it ends when its words are in its log: tmux itself loses what it has not read by then (docs/decisions.md)
BOOM = """
import glob, sys, time
def logged():
    return sum(open(path).read().count("line 29 of life") for path in glob.glob(f"state/logs/{sys.argv[1]}.*"))
before = logged()
for n in range(30):
    print(f"line {n} of life", flush=True)
while logged() == before:
    time.sleep(0.02)
sys.exit(3)
"""


def test_last_words_are_whole_in_record_command_and_why_with_and_without_a_service(site: Site) -> None:
    (site.place / "boom.py").write_text(BOOM)
    policy = "max_restarts = 4\nbackoff = { initial = '0s', max = '0s', jitter = 0 }\n"
    tables = (f"[workers.w{n}]\ncommand = ['{sys.executable}', 'boom.py', 'w{n}']\n{policy}" for n in range(4))
    site.write("".join(tables))
    site.up(check=1)
    for n in range(4):
        site.wait_state(f"w{n}", "failed")
    whole = [f"line {n} of life" for n in range(30)]
    file = site.state / "deaths.jsonl"
    wait_until(lambda: len(read_deaths(file)) == 20)
    assert [death["lines"] for death in json.loads(site.run("deaths", "-o", "json", check=0).stdout)] == [whole] * 20
    shown = site.run("deaths", "w1", check=0).stdout.splitlines()
    assert (len(shown), shown[1].split()[1:4]) == (6, ["w1", "exit", "3"])
    assert shown[1].endswith("failed")
    assert shown[2].endswith("restart 4 after 0.0s")
    assert site.run("deaths", "w1", "-n", "1", check=0).stdout.count("  | line ") == 30
    told = site.run("why", "w1", check=0).stdout
    assert "  | line 27 of life\n    | line 28 of life\n    | line 29 of life" in told
    assert json.loads(site.run("why", "w1", "-o", "json", check=0).stdout)["last_death"]["lines"] == whole[-3:]
    assert site.run("deaths", "nobody", check=4).stdout == ""
    site.run("remove", "w0", check=0)
    wait_until(lambda: len(read_deaths(file)) == 15)
    site.run("down", check=0)
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert len(site.run("deaths", check=0).stdout.splitlines()) == 16
    site.run("deaths", "w0", check=4)
