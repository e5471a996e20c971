"""The known prompts: each finds its own recorded screens and no other, and prose that looks like a prompt is none."""

import re
from pathlib import Path

import pytest
from kit import ROOT

from actors.values.attention import Word
from supervisor.attention.__main__ import table
from supervisor.attention.presets import (
    SHIPPED,
    Preset,
    PresetsWrong,
    proved,
    rows_of,
    seen_in_title,
    seen_on,
    shipped,
    with_those_of,
)
from supervisor.text.plain import plain

PRESETS = shipped()
CASES = [(preset, screen) for preset in PRESETS for screen in preset.shows]


def test_no_preset_is_about_a_screen_without_text() -> None:
    assert [preset.name for preset in PRESETS if preset.found_in("")] == []
    assert seen_on(b" \n\xe2\x94\x82   \xe2\x94\x82\n", PRESETS) is None


def test_ours_are_right_as_those_of_a_user_have_to_be() -> None:
    assert tuple(proved(SHIPPED.read_text())) == PRESETS


LOOK_ALIKES = [
    "Do you want to proceed? That is the question the manual asks.",
    "● I asked: Do you want to proceed?\n  The user said yes.\n\n  Done.",
    "INFO 12:00:01 waiting for input",
    "warning: [y/N] prompts are skipped in batch mode",
    "echo 'Continue? [y/N]' >> prompts.txt\n$ ls\nprompts.txt",
    "Continue? [y/N] n\nAborted.",
    "Password: ********\nWelcome, alice.",
    "the password is stored in /etc/shadow",
    "GET /password: 200",
    "  password: changed 3 days ago",
    'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: password',
    ">>> this line was quoted from a mail",
    "> quoted",
    "$ ",
    "alice@host:~/app$",
    "step 3: press any key in the simulator, then look\nok",
    "results:\n  total: 12",
    "the end (END) of the story",
    "--More-- was printed by the pager, and 12 lines followed",
    "lines 1-23 of the file were read\ndone",
    "error: expected ':'",
    "build finished in 12 s (press h for help)",
    "[12:00:01] Thinking about it… (12s)",
    "1. Yes\n2. No",
    "❯ 1. Yes is what the transcript shows at this place.\n\nBut then it goes on.\n" + "text\n" * 15,
    "Allow execution of scripts: enabled",
    "Waiting for user confirmation was switched off\n" + "line\n" * 15,
    "rm: cannot remove 'x?': No such file",
    "Serving HTTP on 0.0.0.0 port 8080 (http://0.0.0.0:8080/) ...",
    "select * from users where login: true",
    "10% 20% 30%",
    "Enter the dragon: a film from 1973",
    "",
    "\n\n\n",
]


@pytest.mark.parametrize(("preset", "screen"), CASES, ids=[f"{p.name}-{n}" for n, (p, _) in enumerate(CASES)])
def test_a_recorded_screen_is_known_by_its_own_preset_alone(preset: Preset, screen: str) -> None:
    titles = preset.region == "title"
    sign = seen_in_title(screen, PRESETS) if titles else seen_on(screen.encode(), PRESETS)
    assert sign
    assert (sign.preset.name, bool(sign.text)) == (preset.name, True)


@pytest.mark.parametrize("screen", [*LOOK_ALIKES, *(each for preset in PRESETS for each in preset.unlike)])
def test_what_only_looks_like_a_prompt_is_none(screen: str) -> None:
    sign = seen_on(screen.encode(), PRESETS)
    assert sign is None, sign and (sign.preset.name, sign.text)


def test_the_table_in_the_docs_is_what_the_presets_do() -> None:
    page = (ROOT / "docs/attention.md").read_text()
    assert table() in page, "put the output of `python -m supervisor.attention` into docs/attention.md"
    for line in table().splitlines()[2:]:
        own, right, _, wrong = [int(cell) for cell in re.findall(r"(?<=\| )\d+(?= \|)", line)]
        assert (right, wrong) == (own, 0), line


def test_rows_are_looked_at_without_boxes_colours_and_empty_ones() -> None:
    screen = "\x1b[1m╭────╮\x1b[0m\n│ \x1b[32mmay I?\x1b[0m │\n│    │\n╰────╯\n\n\n"
    rows = rows_of(plain(screen.encode()))
    assert (rows.row, rows.rows) == ("may I?", "may I?")


def test_an_agent_that_asks_does_not_pass_for_one_that_works() -> None:
    asks = next(preset for preset in PRESETS if preset.name == "claude-question").shows[0]
    sign = seen_on(f"✻ Thinking… (12s · esc to interrupt)\n{asks}".encode(), PRESETS)
    assert sign
    assert sign.preset.says is Word.WAITING


# ── a file of the user's ──────────────────────────────────────────────────────────────────────────────────────────

MINE = """
[deploy]
says = "waiting"
match = '''^Deploy to \\w+\\? \\z'''
shows = ['Deploy to production? ']
"""


def written(place: Path, text: str) -> Path:
    path = place / "prompts.toml"
    path.write_text(text)
    return path


def test_presets_of_the_user_come_first_and_replace_those_of_their_name(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        MINE.replace(r"\\", "\\").replace(r"\? \z", r"\?\z")
        + MINE.replace("deploy", "yes-no").replace(r"\? \z", r"\?\z"),
    )
    presets = with_those_of(own)
    assert [preset.name for preset in presets[:2]] == ["deploy", "yes-no"]
    assert len(presets) == len(PRESETS) + 1
    sign = seen_on(b"Deploy to production?", presets)
    assert sign
    assert sign.preset.name == "deploy"
    assert seen_on(b"Go on? [y/N]", presets) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a", "not valid TOML"),
        ("a = 1", "a: must be a table"),
        (MINE.replace("waiting", "sleeping"), "says must be one of waiting, working, idle"),
        (MINE.replace("shows", "show"), "unknown key 'show'"),
        (MINE.replace("shows", "show"), "at least one recorded screen"),
        (MINE.replace("^Deploy", "(Deploy"), "match is no pattern for RE2"),
        (MINE, r"its match does not find shows[1]"),
        (MINE + "keys = { yes = ['Entr'] }", "Entr"),
        (MINE + "in = 'column'", "in must be one of row, input, rows, title"),
        (MINE.replace(r"\? \z", "") + "unlike = ['Deploy to nowhere']", "its match finds unlike[1]"),
    ],
)
def test_a_file_is_refused_with_what_is_wrong_in_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PresetsWrong, match=re.escape(said)):
        with_those_of(written(tmp_path, text))
