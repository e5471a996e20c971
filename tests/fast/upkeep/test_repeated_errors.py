"""An error that comes again and again: one incident, told at its beginning and at its end."""

from supervisor.upkeep.repeated_errors import KINDS_KEPT, OVER_AFTER, Incident, RepeatedErrors


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_error_is_news_once_until_it_has_stayed_away_for_long() -> None:
    time = Time()
    errors = RepeatedErrors(time)
    assert [errors.is_news(OSError(24, "no descriptor", file)) for file in ("/a", "/b", "/c")] == [True, False, False]
    assert errors.is_news(OSError(5, "the disk fails"))
    time.now += OVER_AFTER - 1
    assert not errors.is_news(OSError(24, "no descriptor"))
    assert errors.over() == []
    time.now += 1
    assert errors.over() == [Incident("OSError(5, 'the disk fails')", 1, 0.0)]
    time.now += OVER_AFTER
    assert errors.over() == [Incident("OSError(24, 'no descriptor')", 4, OVER_AFTER - 1)]
    assert errors.is_news(OSError(24, "no descriptor"))


def test_errors_that_never_look_alike_are_not_kept_for_ever() -> None:
    time = Time()
    errors = RepeatedErrors(time)
    for number in range(2 * KINDS_KEPT):
        errors.is_news(ValueError(number))
    time.now += OVER_AFTER
    assert len(errors.over()) == KINDS_KEPT
