"""A later life takes up the session of the one before, by a line, a file or a report; and falls back where it dies."""

import os
import signal

from kit.support import Site, wait_until

RESUMES = r"""command = ["sh", "-c", 'echo "$1" >> "$0.resumed"; exec sleep 1000', "NAME", "{session}"]"""


def worker(name: str, session: str, says: str = "") -> str:
    return (
        f"[workers.{name}]\ncommand = '''{says}echo by itself >> {name}.begun; exec sleep 1000'''\n"
        f"backoff = ['10ms']\n[workers.{name}.resume]\n{RESUMES.replace('NAME', name)}\nsession = {{ {session} }}\n"
    )


def lines(site: Site, file: str) -> list[str]:
    path = site.place / file
    return path.read_text().splitlines() if path.exists() else []


def test_a_session_is_taken_up_across_services_and_given_up_where_its_life_dies_young(site: Site) -> None:
    site.write(
        worker("log", r"log = 'session: (?P<session>\S+)'", "echo session: a1; ")
        + worker("file", "file = 'file.session'", "echo f1 > file.session; ")
        + worker("report", "report = true")
    )
    site.up()
    names = ("file", "log", "report")
    site.run("report", "--session", "r1", "--name", "report", check=0)
    refused = site.run("report", "--session", "x", "--name", "log", check=2)
    assert "log has no resume.session = { report = true }" in refused.stderr
    assert "does not begin with -" in site.run("report", "--session=-x", "--name", "report", check=2).stderr
    wait_until(lambda: '"id":"a1"' in (site.state / "records.jsonl").read_text())
    site.kill_service()
    site.up()
    site.run("restart", "--all", check=0)
    wait_until(lambda: all(lines(site, f"{name}.resumed") for name in names))
    assert [lines(site, f"{name}.resumed") for name in names] == [["f1"], ["a1"], ["r1"]]
    assert [lines(site, f"{name}.begun") for name in names] == [["by itself"]] * 3
    assert {line["worker"] for line in site.events("worker.resumed")} == set(names)
    site.kill_service()
    site.up()
    for name in names:
        os.kill(site.living(name), signal.SIGKILL)
    wait_until(lambda: all(len(lines(site, f"{name}.begun")) == 2 for name in names))
    assert [lines(site, f"{name}.resumed") for name in names] == [["f1"], ["a1"], ["r1"]]
    assert {line["worker"] for line in site.events("worker.resume_failed")} == set(names)
    why = site.run("why", "report", check=0).stdout
    assert "after it had taken up its session: its next life begins by its own command" in why
