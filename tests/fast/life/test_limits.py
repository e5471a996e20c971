"""What a process tree may use at most: each limit told once a breach, CPU only after samples in a row."""

import pytest

from actors.life.limits import Breach, LimitWatch, Usage, judge
from actors.values.spec import Limit, Limits

ALL = Limits(memory=Limit(1000), cpu=Limit(150), cpu_samples=3, processes=Limit(5), age=Limit(60))


def usage(rss: int = 0, cpu: float | None = None, processes: int = 1, age: float = 0.0) -> Usage:
    return Usage(rss, cpu, processes, age)


def told(limits: Limits, *samples: Usage) -> list[list[str]]:
    """Return which breaches each of the samples gives."""
    watch, found = LimitWatch(), []
    for sample in samples:
        watch, breaches = judge(watch, limits, sample)
        found.append([breach.which for breach in breaches])
    return found


def test_what_is_at_its_limit_is_within_it() -> None:
    assert told(ALL, *[usage(1000, 150.0, 5, 60.0)] * 5) == [[]] * 5


def test_cpu_counts_only_after_so_many_samples_in_a_row() -> None:
    hot, cool = usage(cpu=200.0), usage(cpu=100.0)
    assert told(ALL, hot, hot, cool, hot, hot, hot, hot) == [[], [], [], [], [], ["cpu"], []]


def test_a_limit_that_was_changed_is_told_anew() -> None:
    watch, _ = judge(LimitWatch(), Limits(memory=Limit(1000, "notify")), usage(rss=2000))
    _, breaches = judge(watch, Limits(memory=Limit(1000, "restart")), usage(rss=2000))
    assert breaches == (Breach("memory", 2000, Limit(1000, "restart")),)


@pytest.mark.parametrize(
    ("breach", "words"),
    [
        (Breach("memory", 2.13e9, Limit(2e9)), "memory is 2.1 GB, the limit 2.0 GB"),
        (Breach("memory", 5.1e7, Limit(5e7)), "memory is 51 MB, the limit 50 MB"),
        (Breach("cpu", 199.6, Limit(150)), "cpu is 200 %, the limit 150 %"),
        (Breach("processes", 201, Limit(200)), "processes is 201, the limit 200"),
        (Breach("age", 61.5, Limit(60)), "age is 1m 2s, the limit 1m"),
    ],
)
def test_a_breach_says_what_and_how_much(breach: Breach, words: str) -> None:
    assert str(breach) == words
