"""`panevisor doctor` of a real service: while it runs, with something to mend, and after it was killed."""

import json

from kit.support import Site, wait_until


def test_a_service_is_examined_while_it_runs_and_after_it_was_killed(site: Site) -> None:
    site.write(
        "[workers.a]\ncommand = 'sleep 1000'\n[workers.bad]\ncommand = 'exit 3'\nrestart = 'never'\n",
        '[supervisor]\nstate_dir = "state"\n',
    )
    site.up(check=1)
    wait_until((site.state / "status.json").exists)
    site.wait_state("bad", "failed")
    found = findings(site)
    wrong = {what for check in ("tmux server", "rights", "service") for level, what in found[check] if level != "ok"}
    assert wrong == {"a person has to see to bad (failed)"}
    assert found["tmux server"][0][1].startswith(f"pid {site.tmux_pid()}, version ")
    assert found["service"][0][1].startswith(f"runs (pid {site.service_pid()}, version ")
    assert [what for _, what in found["rights"] if "sock is ours alone" in what][1:]
    assert "no problems found" not in site.run("doctor", check=0).stdout
    pid = site.service_pid()
    site.kill_service()
    level, said = findings(site)["service"][0]
    assert (level, f"pid {pid} was killed" in said) == ("warning", True)


def findings(site: Site) -> dict[str, list[tuple[str, str]]]:
    """Return the level and the words of each finding, by its check."""
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in json.loads(site.run("doctor", "-o", "json", check=0).stdout)["findings"]:
        found.setdefault(finding["check"], []).append((finding["level"], finding["what"]))
    return found
