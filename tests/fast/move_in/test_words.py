"""What is said of a pm2 file has the words that stand in it."""

import json
import tomllib
from pathlib import Path

from supervisor.move_in.convert import convert


def test_keys_are_named_as_the_file_has_them(tmp_path: Path) -> None:
    app = {
        "script": "artisan",
        "interpreter": "php",
        "args": "serve",
        "out_file": "a.log",
        "error": "b.log",
        "cron": "@daily",
    }
    (tmp_path / "pm2.json").write_text(json.dumps({"apps": [app]}))
    found = convert(tmp_path / "pm2.json")
    assert tomllib.loads(found.text)["workers"]["artisan"]["command"] == ["php", "artisan", "serve"]
    assert "# script, interpreter, args" in found.text
    said = [note.what.partition(":")[0] for table in found.draft.workers for note in table.notes]
    assert said == ["out_file = a.log", "error = b.log", "cron = @daily"]
