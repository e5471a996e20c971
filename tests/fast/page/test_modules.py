"""The modules of the page that need no browser, by node's own test runner; skipped only where node is absent."""

import configparser
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STATIC = ROOT / "supervisor" / "page" / "static"
LIT = STATIC / "vendor" / "lit-html"  # 3.3.3, untouched: npm pack lit-html@3.3.3
DIGESTS = {
    "directive-helpers.js": "f7fb1154b8f72ed2cc08b05eaeed71c99270e9ad2d48620ed24688a1af4c2b62",
    "directive.js": "3344c4f41c69cd0701d3937e8f9ef90bd845614bf6456d0b8314b7c51d415b9d",
    "directives/repeat.js": "083140026ecd8665fedd15b17769f9d516252a9f1502f1e91e6967686ee82626",
    "lit-html.js": "b878e7f95dec8a9b6e9b217faca6b6a11bad82ebc44c0caa77419ed83edd81f2",
}


@pytest.mark.skipif(shutil.which("node") is None, reason="node is absent; the browser tests run the modules too")
@pytest.mark.parametrize("cases", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name.partition(".")[0])
def test_modules_do_what_their_cases_say(cases: Path, tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for shared in ("text/sgr.json", "explain/filters.json"):
        shutil.copy(HERE.parent / shared, tmp_path)
    shutil.copy(cases, tmp_path)
    done = subprocess.run(["node", "--test", cases.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_the_page_is_in_the_wheel() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    globs = [glob.strip() for glob in config["options.package_data"]["supervisor"].split(",")]
    packed = {path for glob in globs for path in (ROOT / "supervisor").glob(glob)}
    assert {path for path in STATIC.rglob("*") if path.is_file()} <= packed


def test_the_page_asks_nobody_but_its_server() -> None:
    for path in (*STATIC.glob("*.js"), *STATIC.glob("*.html"), *STATIC.glob("*.css")):
        addresses = re.findall(r"https?://[^\s\"']+", path.read_text(encoding="utf-8"))
        assert [
            address for address in addresses if not address.startswith(("https://www.w3.org/", "http://www.w3.org/"))
        ] == []


def test_a_terminal_has_the_same_ground_in_colours_and_in_the_style_sheet() -> None:
    themes = re.findall(r'ground: "(#\w+)",\s+ink: "(#\w+)"', (STATIC / "colours.js").read_text(encoding="utf-8"))
    style = (STATIC / "style.css").read_text(encoding="utf-8")
    for name, at in (("ground", 0), ("ink", 1)):
        assert re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", style).groups() == tuple(  # type: ignore[union-attr]
            theme[at] for theme in themes
        )


def test_vendored_files_are_as_they_were_published() -> None:
    found = {str(path.relative_to(LIT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in LIT.rglob("*.*")}
    assert found == DIGESTS
    assert "BSD 3-Clause" in (LIT / "LICENSE").read_text()
