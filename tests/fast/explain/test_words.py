"""The small forms in sentences."""

import pytest

from actors.events.words import exit_in_words


@pytest.mark.parametrize(
    ("code", "signal", "said"),
    [
        (3, None, "exited with code 3"),
        (None, 11, "killed by signal 11 (SEGV)"),
        (None, 37, "killed by signal 37"),  # a real-time signal has no name
        (None, None, "ended, exit code not known"),
    ],
)
def test_an_end_is_told_with_the_name_of_its_signal(code: int | None, signal: int | None, said: str) -> None:
    assert exit_in_words(code, signal) == said
