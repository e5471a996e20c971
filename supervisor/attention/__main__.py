"""`python -m supervisor.attention`: the table of presets in docs/attention.md, each tried on all recorded screens."""

from supervisor.attention.presets import Preset, seen_in_title, seen_on, shipped


def table() -> str:
    """Return a line for each preset: how many of its own screens it finds, and how many others it takes for its own."""
    presets = shipped()
    lines = [
        "| preset | says | looks at | answers | own screens | right | others tried | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for preset in presets:
        own = preset.shows
        others = _others(preset, presets)
        right = sum(_first(preset, screen, presets) is preset for screen in own)
        wrong = sum(_first(preset, screen, presets) is preset for screen in others)
        where = {"row": "the last row", "title": "the title"}.get(preset.region, "the last rows")
        numbers = f"{len(own)} | {right} | {len(others)} | {wrong}"
        answers = ", ".join(f"`{answer}`" for answer, _ in preset.keys)
        lines.append(f"| `{preset.name}` | {preset.says} | {where} | {answers} | {numbers} |")
    return "\n".join(lines)


def _others(preset: Preset, presets: tuple[Preset, ...]) -> list[str]:
    """Return all recorded screens that do not show it; titles among titles."""
    titles = preset.region == "title"
    alike = [other for other in presets if (other.region == "title") is titles]
    shows = [screen for other in alike if other is not preset for screen in other.shows]
    return [*shows, *(screen for other in alike for screen in other.unlike)]


def _first(preset: Preset, recorded: str, presets: tuple[Preset, ...]) -> Preset | None:
    titles = preset.region == "title"
    sign = seen_in_title(recorded, presets) if titles else seen_on(recorded.encode(), presets)
    return sign.preset if sign else None


if __name__ == "__main__":
    print(table())
