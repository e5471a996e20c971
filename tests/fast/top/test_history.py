"""Sparklines."""

from kit.pictures import worker

from supervisor.top.history import EVERY, Histories


def used(*samples: tuple[float | None, int | None]) -> Histories:
    histories = Histories()
    for number, (cpu, rss) in enumerate(samples):
        assert histories.sample([worker("web", cpu_percent=cpu, rss_bytes=rss)], number * EVERY)
    return histories


def test_cpu_is_drawn_against_one_processor() -> None:
    histories = used((0.0, 1), (50.0, 1), (100.0, 1), (800.0, 1), (None, 1))
    assert histories.cpu("web", 6) == "▁▅██  "


def test_memory_is_drawn_above_the_least_so_that_growth_shows() -> None:
    assert used((0.0, 100), (0.0, 150), (0.0, 200)).memory("web", 3) == "▁▅█"


def test_memory_that_hardly_changes_and_a_processor_that_hardly_works_are_not_drawn() -> None:
    histories = used((0.0, 3_400_000), (12.0, 3_300_000), (0.0, 3_500_000))
    assert histories.memory("web", 3) == histories.cpu("web", 3) == "   "
    assert used((0.0, 100), (0.0, 125)).memory("web", 3) == "▁▅ "


def test_the_newest_samples_are_drawn_where_there_are_more_than_cells() -> None:
    assert used((100.0, 1), (0.0, 1), (50.0, 1)).cpu("web", 2) == "▁▅"


def test_samples_are_as_far_apart_as_they_should_be_and_those_of_the_gone_go() -> None:
    histories = Histories()
    assert histories.sample([worker("web", cpu_percent=100.0)], 0.0)
    assert not histories.sample([worker("web")], EVERY / 2)
    assert histories.sample([worker("api")], EVERY)
    assert histories.cpu("web", 2) == histories.memory("nobody", 2) == "  "
