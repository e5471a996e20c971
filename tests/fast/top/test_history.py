"""Sparklines."""

from kit.pictures import worker

from supervisor.top.history import EVERY, Histories, is_flat


def used(*samples: tuple[float | None, int | None]) -> Histories:
    histories = Histories()
    for number, (cpu, rss) in enumerate(samples):
        assert histories.sample([worker("web", cpu_percent=cpu, rss_bytes=rss)], number * EVERY)
    return histories


def test_cpu_is_drawn_against_one_processor() -> None:
    histories = used((0.0, 1), (50.0, 1), (100.0, 1), (800.0, 1), (None, 1))
    assert histories.cpu("web", 6) == "▁▅██  "


def test_memory_is_drawn_between_the_least_and_the_most_so_that_growth_shows() -> None:
    assert used((0.0, 100), (0.0, 150), (0.0, 200)).memory("web", 3) == "▁▅█"


def test_memory_that_hardly_changes_is_flat() -> None:
    drawn = used((0.0, 1_000_000), (0.0, 1_000_100), (0.0, 1_000_000)).memory("web", 3)
    assert drawn == "▁▁▁"
    assert is_flat(drawn)


def test_the_newest_samples_are_drawn_where_there_are_more_than_cells() -> None:
    assert used((100.0, 1), (0.0, 1), (0.0, 1)).cpu("web", 2) == "▁▁"


def test_samples_are_as_far_apart_as_they_should_be_and_those_of_the_gone_go() -> None:
    histories = Histories()
    assert histories.sample([worker("web", cpu_percent=100.0)], 0.0)
    assert not histories.sample([worker("web")], EVERY / 2)
    assert histories.sample([worker("api")], EVERY)
    assert histories.cpu("web", 2) == histories.memory("nobody", 2) == "  "
