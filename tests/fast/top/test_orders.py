"""Orders: their commands, and what is said of their answers."""

import shlex

import pytest
from kit import ROOT

from supervisor.cli import panevisor
from supervisor.top.keys import KEYS
from supervisor.top.orders import Order, command_line


@pytest.mark.parametrize(
    "order",
    [Order("start", "web"), Order("stop", "-web"), Order("prompt", "web", "it's\nfine"), Order("prompt", "w", "-v")],
)
def test_the_command_of_an_order_is_understood_and_means_the_same(order: Order) -> None:
    outer = panevisor.make_context("panevisor", list(order.words))
    name, verb, arguments = panevisor.resolve_command(outer, [*outer._protected_args, *outer.args])
    assert verb is not None
    read = verb.make_context(name, arguments, parent=outer).params
    words = read.get("words") or read.get("names")
    assert tuple(words) == ((order.name, order.text) if order.text else (order.name,))


def test_a_command_can_be_pasted() -> None:
    line = command_line("panevisor -c 'my file'", *Order("prompt", "web", "it's 3 o'clock").words)
    assert shlex.split(line) == ["panevisor", "-c", "my file", "prompt", "web", "it's 3 o'clock"]


def test_an_answer_is_told_in_a_line() -> None:
    verdict = {"name": "web", "ok": True, "text": "running \x1b[2J"}
    answer = {"verdicts": [verdict], "unrecorded": None}
    assert Order("start", "web").told(answer) == ("web: running \\x1b[2J", True)
    assert Order("start", "web").told({**answer, "verdicts": [verdict | {"ok": False}]})[1] is False
    assert Order("start", "web").told({**answer, "unrecorded": "disk full"}) == (
        "done, but not on record: disk full",
        False,
    )
    assert Order("prompt", "web", "x").told({"outcome": "submitted"}) == ("web: submitted", True)


def test_the_page_has_the_table_of_keys() -> None:
    page = (ROOT / "docs" / "top.md").read_text()
    for key in KEYS:
        shown = " ".join(f"`{part}`" for part in key.shown.split())
        command = f"`panevisor {key.command}`" if key.command else ""
        assert f"| {shown} | {key.does} | {command} |" in page


def test_each_key_means_one_thing() -> None:
    keys = [key for entry in KEYS for key in entry.keys]
    assert len(keys) == len(set(keys))
    assert len({entry.action for entry in KEYS}) == len(KEYS)
