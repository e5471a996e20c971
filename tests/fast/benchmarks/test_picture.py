"""The picture of how long killed workers wait: valid SVG, a line for each keeper and number of workers."""

from xml.etree import ElementTree

from benchmarks.picture import picture


def test_each_keeper_has_a_colour_and_each_number_of_workers_its_dashes() -> None:
    drawn = picture([("tmux", 100, [5.0, 4.0]), ("ours", 100, [0.5, 20_000.0]), ("tmux", 500, [9.0])])
    paths = ElementTree.fromstring(drawn).findall(".//{*}path")
    lines = [path for path in paths if path.get("fill") == "none"]
    colours, dashes = ([line.get(key) for line in lines] for key in ("stroke", "stroke-dasharray"))
    assert colours[0] == colours[2] != colours[1]
    assert dashes[0] is dashes[1] is None
    assert dashes[2]
    assert lines[0].get("d", "").index("H") < lines[0].get("d", "").rindex("H")
