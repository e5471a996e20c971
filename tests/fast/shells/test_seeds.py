"""What the ids of lives begin with."""

from itertools import islice

from supervisor.build import seeds


def test_no_two_workers_that_begin_in_one_moment_share_a_life() -> None:
    assert len(set(islice(seeds(lambda: 1_000_000.0), 5000))) == 5000


def test_two_services_that_count_alike_share_no_life_unless_they_begin_in_one_moment() -> None:
    moments = map(float, range(2000))
    assert len({next(seeds(lambda: next(moments))) for _ in range(1000)}) == 1000
