"""The text of the units that are written: the shipped one, with the command, the user and the target filled in."""

from dataclasses import replace

import pytest
from kit import ROOT

from supervisor.upkeep.units import NAMES, Found, Installation, filled_in, found, quoted, texts

OURS = Installation(("/opt/pv/bin/python", "-P", "-m", "supervisor"), ("-c", "/srv/a b/panevisor.toml"), None)
SYSTEM = replace(OURS, user="ada")
SHIPPED = {name: (ROOT / "config/systemd" / name).read_text() for name in NAMES}


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("installation", [OURS, SYSTEM], ids=["user", "system"])
def test_what_is_written_is_the_shipped_unit_but_for_its_command_user_and_target(
    name: str, installation: Installation
) -> None:
    written = settings(texts(installation)[name])
    changed = ("ExecStart", "User=", "WantedBy=")
    assert [line for line in written if not line.startswith(changed)] == [
        line for line in settings(SHIPPED[name]) if not line.startswith(changed)
    ]
    commands = [line for line in written if line.startswith("ExecStart")]
    assert len(commands) == len([line for line in settings(SHIPPED[name]) if line.startswith("ExecStart")])
    begin = '"/opt/pv/bin/python" "-P" "-m" "supervisor" "-c" "/srv/a b/panevisor.toml" '
    assert all(line.partition("=")[2].startswith(begin) for line in commands)


def test_a_system_unit_runs_as_its_user_for_the_multi_user_target() -> None:
    for name in NAMES:
        written = settings(texts(SYSTEM)[name])
        assert written[written.index("[Service]") + 1] == "User=ada"
        assert written[-2:] == ["[Install]", "WantedBy=multi-user.target"]
        own = settings(texts(OURS)[name])
        assert own[-2:] == ["[Install]", "WantedBy=default.target"]
        assert not any(line.startswith("User=") for line in own)


def test_each_word_is_read_back_by_systemd_as_it_is() -> None:
    odd = replace(
        OURS, options=("-c", '/srv/50% of "it"/$HOME/back\\slash/tab\t.toml'), environment=(("X", "100% $Y"),)
    )
    (command,) = (line for line in settings(texts(odd)["panevisor.service"]) if line.startswith("ExecStart="))
    assert command.endswith('"-c" "/srv/50%% of \\"it\\"/$$HOME/back\\\\slash/tab\\x09.toml" serve')
    assert 'Environment="X=100%% $Y"' in texts(odd)["panevisor.service"]
    assert quoted("/srv/größe\u2028") == '"/srv/größe\\xe2\\x80\\xa8"'


def test_what_lies_there_is_known() -> None:
    text = texts(OURS)["panevisor.service"]
    older = filled_in(SHIPPED["panevisor.service"].replace("WatchdogSec=60", "WatchdogSec=30"), OURS)
    moved = texts(replace(OURS, program=("/opt/new/bin/python", "-m", "supervisor")))["panevisor.service"]
    another = texts(replace(OURS, options=("-c", "/srv/other.toml")))["panevisor.service"]
    assert found(None, text) is Found.NOTHING
    assert found(text, text) is Found.SAME
    assert found(older, text) is Found.OLDER
    assert found(moved, text) is Found.OLDER
    assert found(another, text) is Found.ANOTHER
    assert found(text.replace("WatchdogSec=60", "WatchdogSec=90"), text) is Found.EDITED
    assert found(SHIPPED["panevisor.service"], text) is Found.FOREIGN
    assert found("", text) is Found.FOREIGN
