"""Who keeps a service, as it reads it from its environment, and as `status` tells it."""

import os

import pytest

from supervisor.text.tables import summary
from supervisor.upkeep.keeper import KEEPER, VARIABLE, Kept


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        ({VARIABLE: f"{os.getppid()} 2 137 0.5"}, Kept(KEEPER, os.getppid(), 2, 137, 0.5)),
        ({VARIABLE: f"{os.getpid()} 2 137 0.5"}, Kept()),  # another process started it
        ({VARIABLE: "x"}, Kept()),
        ({"NOTIFY_SOCKET": "/run/notify"}, Kept("systemd")),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": str(os.getpid())}, Kept("systemd")),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "1"}, Kept()),
        ({"INVOCATION_ID": "x"}, Kept()),
    ],
)
def test_who_keeps_a_service_is_read_from_its_environment(environment: dict[str, str], kept: Kept) -> None:
    assert Kept.from_environment(environment) == kept
    assert VARIABLE not in environment


def test_a_restart_is_told_with_the_code_or_the_signal() -> None:
    facts = {"keeper": 1, "restart": 2, "pause_s": 0.5}
    assert Kept(KEEPER, 1, 2, 70, 0.5).restart() == facts | {"exit_code": 70}
    assert Kept(KEEPER, 1, 2, 137, 0.5).restart() == facts | {"exit_signal": 9}
    assert Kept(KEEPER, 1).restart() is None


def test_status_says_that_nobody_keeps_a_service_started_by_hand() -> None:
    service = {"kept_by": None, "pid": 2, "tmux": "ok", "degraded": [], "config": {"error": None, "changed_on_disk": 0}}
    lines = summary({"totals": {"workers": 0}, "workers": [], "supervisor": service})
    assert any("nothing starts this service again" in line for line in lines)
    assert len(summary({"totals": {"workers": 0}, "workers": [], "supervisor": service | {"kept_by": "systemd"}})) == 1
