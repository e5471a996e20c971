"""What lies in a folder that could become workers: files of other tools, scripts of package.json, services, targets.

    folder ──offers──▶ Offer, Offer, … ──chosen by somebody──▶ proposed() ──▶ a Draft that `settle` holds to the model

An offer is `sure` when its file says what is to be kept running. Others are guesses, and are proposed as comments.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.frozen import frozen
from supervisor.move_in import circus, pm2, process_compose, procfile, supervisord, tmuxp
from supervisor.move_in.documents import Item, json_of, text_of, tree_of
from supervisor.move_in.draft import Draft, Note, Table, Unreadable
from supervisor.state.paths import FILE_NAME

_RUNS = re.compile(r"(start|dev|develop|serve|server|run|watch|worker|web|api)([:_-].*)?")
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}


@dataclass(slots=True)
class Offer:
    """What one file offers. `wrong`: why nothing of it can be offered."""

    file: str
    draft: Draft
    sure: bool = True
    wrong: str = ""

    @property
    def names(self) -> list[str]:
        return [table.name for table in self.draft.workers]


@frozen
class _Kind:
    names: Sequence[str]
    read: Callable[[Path], Draft]
    sure: bool = True


def offers(folder: Path) -> list[Offer]:
    """Return what each file that is known by its name offers; files without anything to run are left out."""
    found = []
    for kind in _KINDS:
        path = next((folder / name for name in kind.names if (folder / name).is_file()), None)
        if path and ((offer := _offer(path, kind)).wrong or offer.draft.workers):
            found.append(offer)
    return found


def _offer(path: Path, kind: _Kind) -> Offer:
    try:
        return Offer(path.name, kind.read(path), kind.sure)
    except Unreadable as error:
        where = f"line {error.line}: " if error.line else ""
        return Offer(path.name, Draft("", path), kind.sure, f"{where}{error.what}")


def proposed(folder: Path, chosen: Sequence[tuple[Offer, bool]], title: Sequence[str]) -> Draft:
    """Return one draft of all offers; those that are not taken are written as comments."""
    whole = Draft("init", folder / FILE_NAME, title=list(title))
    taken = [offer for offer, take in chosen if take]
    for offer, take in chosen:
        whole.head += offer.draft.head if take else []
        whole.notes += [Note(f"{offer.file}: {note.what}", note.line) for note in offer.draft.notes]
        whole.notes += [Note(f"{offer.file}: {offer.wrong}")] if offer.wrong else []
        if taken == [offer]:
            whole.defaults = offer.draft.defaults
        for table in offer.draft.workers:
            _add(whole, table, offer, take=take, with_defaults=take and taken != [offer])
    return whole


def _add(whole: Draft, table: Table, offer: Offer, *, take: bool, with_defaults: bool) -> None:
    """Add a worker of an offer; where several files are taken, each worker has the defaults of its own tool."""
    added = whole.worker(table.name, f"{offer.file}: {table.about}", table.line)
    added.notes += [Note(note.what, note.line) for note in table.notes]
    added.settings = (offer.draft.defaults.settings if with_defaults else {}) | table.settings
    added.needless = table.needless
    added.active = table.active and take


# ── files that say nothing of a supervisor ────────────────────────────────────────────────────────────────────────


def _package(path: Path) -> Draft:
    """Offer the scripts that sound like something to keep running."""
    draft = Draft("package.json", path)
    top = json_of(text_of(path)).table("package.json")
    scripts = top["scripts"].table("scripts") if "scripts" in top else {}
    manager = next((tool for lock, tool in _LOCKS.items() if (path.parent / lock).exists()), "npm")
    for name, item in scripts.items():
        if _RUNS.fullmatch(name) and item.is_scalar:
            table = draft.worker(name, f"script {name}: {item.text}")
            table.put("command", [manager, "run", name])
            if name == "start" and "dev" in scripts:
                table.set_aside("`dev` stands above, and is most likely the same server")
    return draft


def _services(path: Path) -> Draft:
    """Offer each service of a Docker Compose file, run in the foreground."""
    draft = Draft("docker compose", path)
    top = tree_of(text_of(path)).table("the file")
    services = top["services"].table("services") if "services" in top else {}
    for name, item in services.items():
        options = item.table(name) if not item.value or isinstance(item.value, dict) else {}
        what = options["image"].text if "image" in options else "built here"
        table = draft.worker(name, f"service {name} ({what})", item.line)
        table.put("command", ["docker", "compose", "-f", path.name, "up", "--no-deps", name])
        table.put("stop", ["INT", "30s", "KILL"], "docker compose stops the container")
        if port := _published(options.get("ports")):
            table.put("ready", {"tcp": f"127.0.0.1:{port}"}, "ports")
        wanted = options["depends_on"] if "depends_on" in options else Item(None)
        names = list(wanted.value) if isinstance(wanted.value, dict) else [part.text for part in wanted.array()]
        if known := [each for each in names if each in services]:
            table.put("depends_on", known, "depends_on")
    return draft


def _published(item: Item | None) -> str | None:
    """Return the first port that is published on this machine: "8080:80", "127.0.0.1:8080:80/tcp"."""
    for part in item.array() if item else []:
        if found := re.fullmatch(r"(?:[\d.]+:)?(\d{1,5}):\d+(?:/tcp)?", part.text):
            return found[1]
    return None


def _targets(path: Path) -> Draft:
    """Offer the targets of a Makefile that sound like something to keep running."""
    draft = Draft("make", path)
    for number, line in enumerate(text_of(path).splitlines(), 1):
        found = re.match(r"([A-Za-z][\w.-]*)\s*:(?!=)", line)
        if found and _RUNS.fullmatch(found[1]) and found[1] not in (table.name for table in draft.workers):
            draft.worker(found[1], f"target {found[1]}, line {number}", number).put("command", ["make", found[1]])
    return draft


_KINDS = (
    _Kind(("Procfile", "Procfile.dev"), procfile.read),
    _Kind(("supervisord.conf", "supervisor.conf", "supervisord.ini"), supervisord.read),
    _Kind(("ecosystem.config.json", "ecosystem.json", "pm2.json", "process.json"), pm2.read),
    _Kind(("ecosystem.config.js", "ecosystem.config.cjs", "ecosystem.config.mjs"), pm2.read),
    _Kind(("process-compose.yaml", "process-compose.yml"), process_compose.read),
    _Kind(("circus.ini",), circus.read),
    _Kind((".tmuxp.yaml", ".tmuxp.json", ".tmuxp.yml"), tmuxp.read),
    _Kind(("package.json",), _package, sure=False),
    _Kind(_COMPOSE, _services, sure=False),
    _Kind(("Makefile", "makefile", "GNUmakefile"), _targets, sure=False),
)
