"""A draft held to the model: what `check` would refuse is taken out and becomes a note, until nothing is refused."""

import re

from supervisor.config.load import load_text
from supervisor.config.problems import DEFAULTS, ConfigError, Problem
from supervisor.move_in.draft import Draft
from supervisor.move_in.writer import written
from supervisor.state.paths import FILE_NAME

_MOST_ROUNDS = 200  # each takes up to 100 problems out


class NeverValid(Exception):
    """What is left of a draft is refused all the same. This is a bug."""


def settled(draft: Draft) -> str:
    """Return the text of the draft, which is a valid config beside the imported file; the draft is changed."""
    for _ in range(_MOST_ROUNDS):
        text = written(draft)
        try:
            load_text(text.encode(), draft.path.absolute().parent / FILE_NAME)
        except ConfigError as error:
            for problem in error.problems:
                _give_way(draft, problem)
            continue
        return text
    raise NeverValid(text)


def _give_way(draft: Draft, problem: Problem) -> None:
    """Take out the key that a problem names; a worker whose command is refused is written as a comment."""
    table = next((each for each in draft.workers if each.name == problem.worker and each.active), None)
    if problem.worker == DEFAULTS:
        table = draft.defaults
    if table is None:
        return
    key = re.split(r"[.\[]", problem.key or "", maxsplit=1)[0]
    if key in table.settings and (key != "command" or table is draft.defaults):
        setting = table.settings.pop(key)
        table.drop(setting.origin or key, f"left out, because {problem.message}")
    elif table is draft.defaults:
        table.settings.clear()
    else:
        table.set_aside(problem.message)
