"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

PLAIN_WIDTH = 200  # columns, where stdout is no terminal


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], strong: AbstractSet[tuple[int, int]] = frozenset()
) -> None:
    """On stdout; the first column is flush left, the others right. strong: cells (row, column) that stand out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column, head in enumerate(heads):
        table.add_column(head, justify="right" if column else "left")
    for number, row in enumerate(rows):
        table.add_row(*(Text(cell, "bold" if (number, at) in strong else "") for at, cell in enumerate(row)))
    Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH).print(table)
