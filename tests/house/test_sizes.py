"""What a newcomer can hold in mind: no long module, and no folder of many."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = [path for top in ("actors", "supervisor") for path in (ROOT / top).rglob("*.py")]
LONGEST, MOST = 450, 14
MANY = {ROOT / "actors" / "life"}  # one clause of a worker's life each


def test_no_module_has_more_than_450_lines() -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in MODULES}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_no_folder_has_more_than_14_modules() -> None:
    folders = Counter(path.parent for path in MODULES if path.name != "__init__.py" and path.parent not in MANY)
    assert {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > MOST} == {}
