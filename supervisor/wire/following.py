"""The picture of a client that follows `changes`: the whole comes first, then only what is new."""

from typing import Any

Picture = dict[str, Any]


class Following:
    """`picture` is as `status -o json` has it, as of the last message that was taken; None before the first."""

    def __init__(self) -> None:
        self.picture: Picture | None = None

    def take(self, data: Picture) -> Picture:
        """Return the picture after a message of `changes`.

        A row that did not change has lived on meanwhile: its uptime grows by as much as the service's own.
        """
        if "base" not in data or self.picture is None:
            self.picture = data
            return data
        aged = data["supervisor"]["uptime_s"] - self.picture["supervisor"]["uptime_s"]
        rows = {row["name"]: _older(row, aged) for row in self.picture["workers"]}
        for name in data["left"]:
            rows.pop(name, None)
        rows |= {row["name"]: row for row in data["workers"]}
        head = {key: value for key, value in data.items() if key not in ("base", "left")}
        self.picture = {**head, "workers": list(rows.values())}
        return self.picture


def _older(row: dict[str, Any], seconds: float) -> dict[str, Any]:
    if row["uptime_s"] is None or not seconds:
        return row
    return {**row, "uptime_s": round(max(0.0, row["uptime_s"] + seconds), 3)}
