"""Columns for people: as wide as they have to be, and cut where a terminal ends so that no line wraps. Pure.

What does not fit, in this order:
1. the last column that can be cut is cut, down to its `least`;
2. so are the others, names in their middle;
3. columns that say nothing are left out, then others in the order of `goes`;
4. what is left is cut down to a few cells. A column without `least` is never cut.
What becomes free goes to the names, then to the last column.
"""

from collections.abc import Callable, Container, Iterable, Sequence

from actors.frozen import frozen
from supervisor.text.cells import cut, cut_middle, padded, width
from supervisor.text.colours import BOLD, painted

GAP = "  "
_NOTHING = ("-", "")


@frozen(kw_only=True)
class Column:
    """How one is shown. `usual`: a cell that says nothing, beside "-". `goes`: when it is left out; 0: never."""

    head: str
    right: bool = False
    least: int | None = None
    middle: bool = False
    goes: int = 0
    usual: str = "-"
    paint: Callable[[str], str] | None = None


Rows = Sequence[Sequence[str]]


def laid_out(columns: Sequence[Column], rows: Rows, *, cells: int | None = None, colour: bool = False) -> list[str]:
    """Return the heads, then a line for each row; at most `cells` wide, None: as wide as they are."""
    by_column = list(zip(*([column.head for column in columns], *rows), strict=True))
    whole = [max(map(width, texts)) for texts in by_column]
    widths = dict(enumerate(whole)) if cells is None else _fitted(columns, by_column, whole, cells)
    shown = [_formed(columns[number], by_column[number], room, colour) for number, room in widths.items()]
    return [GAP.join(line).rstrip() for line in zip(*shown, strict=True)]


def aligned(rows: Rows, right: Container[int] = ()) -> list[str]:
    """Return a line for each row of cells, whose columns are as wide as they have to be; `right`: those set right."""
    return laid_out([Column(head=head, right=n in right) for n, head in enumerate(rows[0])], rows[1:]) if rows else []


def _formed(column: Column, texts: Iterable[str], room: int, colour: bool) -> list[str]:
    """Return the texts of a column, cut and padded, the head first."""
    shorten = cut_middle if column.middle else cut
    fitting = [padded(shorten(text, room), room, right=column.right) for text in texts]
    if not colour:
        return fitting
    return [_painted(fitting[0], _bold), *(_painted(text, column.paint) for text in fitting[1:])]


def _bold(head: str) -> str:
    return painted(head, BOLD)


def _painted(cell: str, paint: Callable[[str], str] | None) -> str:
    word = cell.strip(" ")
    return cell.replace(word, paint(word), 1) if paint and word else cell


# ── how wide each column may be ───────────────────────────────────────────────────────────────────────────────────


def _fitted(columns: Sequence[Column], texts: Rows, whole: Sequence[int], most: int) -> dict[int, int]:
    """Return the columns that are shown, by number, each with its width."""
    widths = dict(enumerate(whole))
    flexible = [number for number in reversed(widths) if columns[number].least is not None]
    _shrink(widths, {number: columns[number].least or 0 for number in flexible}, most)
    for number in _leaving(columns, texts):
        if _over(widths, most) <= 0:
            break
        del widths[number]
    left = [number for number in flexible if number in widths]
    for least in (8, 1):
        _shrink(widths, dict.fromkeys(left, least), most)
    for number in reversed(left):
        widths[number] += max(0, min(whole[number] - widths[number], -_over(widths, most)))
    return widths


def _shrink(widths: dict[int, int], least: dict[int, int], most: int) -> None:
    """Take what is too much from these columns, one after the other."""
    for number, smallest in least.items():
        widths[number] -= max(0, min(widths[number] - smallest, _over(widths, most)))


def _over(widths: dict[int, int], most: int) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1) - most


def _leaving(columns: Sequence[Column], texts: Rows) -> list[int]:
    """Return the columns that may be left out, in that order."""
    may = sorted((number for number, column in enumerate(columns) if column.goes), key=lambda n: columns[n].goes)
    silent = [n for n in may if all(text in (*_NOTHING, columns[n].usual) for text in texts[n][1:])]
    return [*silent, *(number for number in may if number not in silent)]
