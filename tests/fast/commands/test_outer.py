"""What is known of the terminal that a person attaches from."""

import pytest

from supervisor.commands.workers.outer import has_true_colour, through


@pytest.mark.parametrize(
    ("environment", "shows"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, True),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, True),
        ({"TERM": "xterm-256color", "COLORTERM": "1"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-ghostty"}, True),
        ({"TERM": "alacritty"}, True),
        ({"TERM": "wezterm"}, True),
        ({"TERM": "foot-extra"}, True),
        ({"TERM": "xterm-direct"}, True),
        ({"TERM": "linux"}, False),
        ({"TERM": "screen", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
        ({"TERM": "screen"}, False),
        ({}, False),
    ],
)
def test_24_bit_colours_go_to_terminals_that_say_they_show_them_or_are_known_to(
    environment: dict[str, str], shows: bool
) -> None:
    assert has_true_colour(environment) is shows


def test_a_prefix_needs_help_only_through_an_outer_tmux_that_takes_it_or_from_within_a_worker() -> None:
    nobody = {"TMUX": "/nowhere,1,0", "PATH": "/nowhere"}
    assert through("C-b", nobody) == "C-b C-b"  # an outer tmux that does not answer has the usual keys
    assert through("C-a", nobody) == ""
    assert through("C-a", {"PANEVISOR_WORKER": "1/api/l1"}) == "C-a C-a"
    assert through("C-b", {}) == ""
