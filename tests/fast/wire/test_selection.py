"""Which workers a command means."""

from typing import Any

import pytest

from supervisor.wire import selection
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, match, parse_label, select

WORKERS: list[dict[str, Any]] = [
    {"name": "api-1", "project": "shop", "labels": {"tier": "front", "zone": "a"}},
    {"name": "api-2", "project": "shop", "labels": {"tier": "front", "zone": "b"}},
    {"name": "db", "project": "shop", "labels": {"tier": "back"}},
    {"name": "cron", "project": "", "labels": {}},
]


def refused(selection: Selection) -> CommandError:
    with pytest.raises(CommandError) as caught:
        select(WORKERS, selection)
    return caught.value


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["api-1", "api-2", "db", "cron"]),
        (Selection(all=True), ["api-1", "api-2", "db", "cron"]),
        (Selection(patterns=("db", "api-1")), ["api-1", "db"]),
        (Selection(patterns=("api-*",)), ["api-1", "api-2"]),
        (Selection(patterns=("api-[13]", "c?on")), ["api-1", "cron"]),
        (Selection(labels=(("tier", "front"),)), ["api-1", "api-2"]),
        (Selection(labels=(("tier", "front"), ("zone", "b"))), ["api-2"]),
        (Selection(project="shop"), ["api-1", "api-2", "db"]),
        (Selection(project=""), ["cron"]),
        (Selection(patterns=("*",), project="shop", labels=(("tier", "back"),)), ["db"]),
    ],
)
def test_patterns_say_which_and_labels_and_project_narrow_them_down(selection: Selection, names: list[str]) -> None:
    assert select(WORKERS, selection) == names


def test_what_is_watched_may_go_and_leaves_the_others() -> None:
    assert select(WORKERS, Selection(patterns=("gone", "db")), strict=False) == ["db"]
    assert select(WORKERS, Selection(labels=(("tier", "none"),)), strict=False) == []


def test_who_is_meant_has_to_be_there_and_the_nearest_name_is_told() -> None:
    for meant, said in (
        (Selection(patterns=("db", "api_1")), 'no worker is called "api_1" (did you mean "api-1"?)'),
        (Selection(patterns=("x*",)), 'no worker is called "x*"'),
        (Selection(patterns=("\x1b[31mred",)), r'no worker is called "\u001b[31mred"'),
        (Selection(labels=(("tier", "none"),), project="shop"), 'no worker has label "tier=none" and project "shop"'),
        (Selection(patterns=("db",), labels=(("tier", "x"),)), 'no worker has label "tier=x" among those named'),
    ):
        error = refused(meant)
        assert (error.exit_code, error.message) == (4, said)


def test_no_selection_and_one_that_contradicts_itself_are_refused_where_one_is_required() -> None:
    for wrong, said in ((Selection(), "name the workers"), (Selection(all=True, patterns=("a",)), "not both")):
        with pytest.raises(CommandError, match=said) as caught:
            wrong.require()
        assert caught.value.exit_code == 2
    for enough in (Selection(all=True), Selection(patterns=("a",)), Selection(project="")):
        enough.require()


def test_a_label_is_a_pair_whose_value_may_be_empty_or_hold_a_sign() -> None:
    assert parse_label("a=b=c") == ("a", "b=c")
    assert parse_label("a=") == ("a", "")
    for wrong in ("a", "=b", ""):
        with pytest.raises(CommandError) as caught:
            parse_label(wrong)
        assert caught.value.exit_code == 2


def test_a_name_is_itself_before_it_is_a_pattern() -> None:
    assert match(["a[1]"], ["a[1]", "a1"]) == ["a[1]"]


def test_a_list_of_names_that_is_cut_says_how_many_more_there_are() -> None:
    with pytest.raises(CommandError, match=r"means w0, w1, w2, w3, w4 … and 2 more$"):
        selection.require_one("w*", [f"w{n}" for n in range(7)], {})


def test_the_label_of_a_replica_is_the_specs() -> None:
    from actors.values.spec import REPLICA_OF

    assert selection.REPLICA_OF == REPLICA_OF
