"""Which tool a file is of, and the way from there to the text of a config."""

import re
from collections.abc import Callable
from pathlib import Path

from actors.frozen import frozen
from supervisor.move_in import circus, pm2, process_compose, procfile, supervisord, tmuxp
from supervisor.move_in.documents import Item, json_of, text_of, tree_of
from supervisor.move_in.draft import Draft, Unreadable
from supervisor.move_in.settle import settled

FORMATS: dict[str, Callable[[Path], Draft]] = {
    supervisord.TOOL: supervisord.read,
    procfile.TOOL: procfile.read,
    pm2.TOOL: pm2.read,
    process_compose.TOOL: process_compose.read,
    circus.TOOL: circus.read,
    tmuxp.TOOL: tmuxp.read,
}


@frozen
class Converted:
    """The text of a valid config, and the draft with all its notes."""

    text: str
    draft: Draft


def convert(path: Path, tool: str | None = None) -> Converted:
    """Return the config made from a file; `tool` None: recognised. Raises Unreadable."""
    draft = FORMATS[tool or recognised(path)](path)
    return Converted(settled(draft), draft)


def recognised(path: Path) -> str:
    """Return the tool of a file, by its name and by what stands in it; raises Unreadable."""
    name = path.name.lower()
    if name.endswith((".js", ".cjs", ".mjs", ".ts")):
        raise Unreadable(pm2.is_a_program(path))
    text = text_of(path)
    if name.endswith(".json"):
        return _of_tree(json_of(text), name)
    if name.endswith((".yaml", ".yml")):
        return _of_tree(tree_of(text), name)
    if name.startswith("procfile") or name.endswith(".procfile"):
        return procfile.TOOL
    return _of_text(text)


def _of_tree(tree: Item, name: str) -> str:
    keys = set(tree.value) if isinstance(tree.value, dict) else set()
    if "processes" in keys:
        return process_compose.TOOL
    if "apps" in keys or (not keys and tree.value and "ecosystem" in name) or (keys and {"script", "exec"} & keys):
        return pm2.TOOL
    if "windows" in keys and "session_name" in keys:
        return tmuxp.TOOL
    if "services" in keys:
        what = (
            "is a Docker Compose file: it describes containers, not programs; `panevisor init` proposes workers for it"
        )
        raise Unreadable(what)
    raise Unreadable(f"is of no tool that this import knows ({_known()})")


def _of_text(text: str) -> str:
    sections = re.findall(r"^\[([^\]\n]+)\]", text, re.MULTILINE)
    if any(section.startswith(("watcher:", "circus")) for section in sections):
        return circus.TOOL
    if any(re.match(r"(program|supervisor|group|include|eventlistener|fcgi-program)", section) for section in sections):
        return supervisord.TOOL
    if not sections and re.search(procfile.LINE, text, re.MULTILINE):
        return procfile.TOOL
    raise Unreadable(f"is of no tool that this import knows ({_known()})")


def _known() -> str:
    return f"name one with --format: {', '.join(FORMATS)}"
