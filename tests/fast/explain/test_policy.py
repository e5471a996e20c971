"""A restart policy, a time and a size in words."""

from typing import Any

import pytest
from kit.config import read

from actors.events.words import short_size, short_time
from actors.values.spec import Backoff, Restart, WorkerSpec
from supervisor.explain.policy import in_words, waits_in_vain


@pytest.mark.parametrize(
    ("news", "said"),
    [
        ({"restart": Restart.NEVER}, "never restarted: completed after exit 0, else failed"),
        ({"restart": Restart.ALWAYS, "max_restarts": 0}, "restarted whenever it ends, not once"),
        ({"max_restarts": 3}, "failed after 3 restarts (a crash at once: in 7s), unless a life of 1m forgives them"),
        ({"max_restarts": -1}, "forever: at most 60 restarts an hour"),
        ({"max_restarts": -1, "backoff": Backoff(initial=0.0)}, "at most any number of restarts an hour"),
    ],
)
def test_a_policy_in_words(news: dict[str, Any], said: str) -> None:
    assert said in in_words(WorkerSpec(name="a", command="true", cwd="/", **news))


@pytest.mark.parametrize(
    ("policy", "on", "warning"),
    [
        ("restart = 'always'", "completed", 'which its restart = "always" never lets happen by itself'),
        (
            "restart = 'always'\nmax_restarts = -1",
            "exited",
            'which its restart = "always" with max_restarts = -1 never',
        ),
        ("restart = 'always'\nretry = '1h'", "exited", 'which its restart = "always" with retry never'),
        ("restart = 'always'\non_exit = [{ codes = [3], do = 'complete' }]", "completed", None),
        ("restart = 'always'\nretry = '1h'\non_exit = [{ codes = [3], do = 'fail' }]", "exited", None),
        ("restart = 'always'\nmax_restarts = -1\nmax_restarts_in = { restarts = 5, within = '1m' }", "exited", None),
        ("restart = 'always'", "exited", None),
        ("restart = 'always'\nmax_restarts = -1", "ready", None),
        ("max_restarts = -1", "completed", None),
        ("restart = 'never'", "exited", None),
    ],
)
def test_who_waits_for_an_end_that_never_comes_is_warned_of(policy: str, on: str, warning: str | None) -> None:
    waiting = f"[workers.api]\ncommand = 'x'\ndepends_on = {{ db = '{on}' }}\n"
    found = list(waits_in_vain(read(f"[workers.db]\ncommand = 'x'\n{policy}\n{waiting}").workers))
    assert len(found) == (warning is not None)
    assert all(line.startswith(f'worker "api" waits for "db" to be {on}, {warning}') for line in found)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.04, "0.0s"), (9.5, "9.5s"), (59, "59s"), (63, "1m 3s"), (7260, "2h 1m"), (90_000, "1d 1h")],
)
def test_times_are_short(seconds: float | None, said: str) -> None:
    assert short_time(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(None, "-"), (0, "0 B"), (999, "999 B"), (3_400_000, "3.4 MB"), (21_000_000, "21 MB")]
)
def test_sizes_are_short(count: int | None, said: str) -> None:
    assert short_size(count) == said
