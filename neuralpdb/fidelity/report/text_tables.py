"""Text tables for a terminal of any width: columns where they fit, two lines a row where they do not.

It knows cells and widths. Cells are inert text already.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAPS = ("  ", " ")
"""Between columns: the first where it fits."""
LEAST = 10
"""Least cells that a name keeps where columns stand beside it: enough to recognise most names."""
INDENT = "  "
_UNIT = re.compile(r"(\d) %")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    head: its title.
    name: the cells are texts, left-aligned and cut to the free width; otherwise they are figures, right-aligned.
    """

    head: str
    name: bool = False
    style: str = ""


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[Text]:
    """Return a line for the heads and one for each row; none is wider than `width`.

    Columns that are `-`, empty or 0 in every row are left out. Where the figures do not fit beside the first column,
    each row is its first cell and, below it, its figures by name.
    """
    kept = [i for i, column in enumerate(columns) if column.name or any(row[i] not in ("", "-", "0") for row in rows)]
    columns = [columns[i] for i in kept]
    rows = [[row[i] for i in kept] for row in rows]
    widths = [max([cell_len(column.head), *(cell_len(row[i]) for row in rows)]) for i, column in enumerate(columns)]
    names = [i for i, column in enumerate(columns) if column.name]
    for gap in GAPS:
        room = width - sum(cells for i, cells in enumerate(widths) if i not in names) - len(gap) * (len(columns) - 1)
        if room >= sum(min(LEAST, widths[i]) for i in names):
            shared = _shared(widths, names, room)
            heads = _line(columns, [column.head for column in columns], shared, gap, dim=True)
            return [heads, *(_line(columns, row, shared, gap) for row in rows)]
    title = Text(cut(f"{columns[0].head}:", width), style="dim")
    return [title, *(line for row in rows for line in _stacked(columns, row, width))]


def _shared(widths: Sequence[int], names: Sequence[int], room: int) -> list[int]:
    """Return the widths, those of the name columns cut to `room` in all: the widest is cut first."""
    cut_widths = list(widths)
    while sum(cut_widths[i] for i in names) > room and any(cut_widths[i] > 1 for i in names):
        cut_widths[max(names, key=lambda i: cut_widths[i])] -= 1
    return cut_widths


def _line(
    columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int], gap: str, *, dim: bool = False
) -> Text:
    line = Text()
    for i, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        text = fitted(cell, width) if column.name else " " * (width - cell_len(cell)) + cell
        line.append(gap if i else "")
        line.append(text, style="dim" if dim else column.style)
    line.rstrip()
    return line


def _stacked(columns: Sequence[Column], row: Sequence[str], width: int) -> list[Text]:
    """Return the names in one line and the figures by name below it, in as many lines as they need."""
    named = [cell for column, cell in zip(columns, row, strict=True) if column.name]
    figures = [
        f"{column.head} {cell}"
        for column, cell in zip(columns, row, strict=True)
        if not column.name and cell not in ("", "-", "0")
    ]
    head = Text(cut("  ".join(named), width), style="bold")
    return [head, *(Text(f"  {line}") for line in packed(figures, max(width - 2, 1)))]


def packed(words: Sequence[str], width: int, between: str = ", ") -> list[str]:
    """Return `words` in lines of at most `width` cells; a word that is wider is cut."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{between}{word}" if lines else ""
        if longer and cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(cut(word, width))
    return lines


def wrapped(text: str, width: int, style: str = "") -> list[Text]:
    """Return `text` broken at spaces, lines after the first indented; `12.3 %` stays together."""
    words = _UNIT.sub("\\1\N{NO-BREAK SPACE}%", text).split(" ")
    lines = packed(words, max(width - len(INDENT), 1), " ")
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    return [Text(f"{INDENT if i else ''}{line}", style=style) for i, line in enumerate(lines)]


def fitted(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells: cut, or filled with spaces."""
    return set_cell_size(cut(text, width), width)


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; `..` in its middle where characters are missing."""
    if cell_len(text) <= width:
        return text
    if width <= 4:
        return set_cell_size(text, max(width, 0))
    half = (width - 2) // 2
    tail = text[-half:]
    while cell_len(tail) > half:
        tail = tail[1:]
    return f"{set_cell_size(text, width - 2 - cell_len(tail))}..{tail}"
