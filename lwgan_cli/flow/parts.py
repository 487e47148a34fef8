"""Parts of pictures: what needs work is often little of what is drawn."""

from __future__ import annotations

import numpy as np
import torch

Part = tuple[slice, slice]  # rows and columns, both ends given

PIECE = 128  # px, rows of a piece, and columns beside one that would be worked on in vain


def extent(mask: torch.Tensor) -> Part | None:
    """The smallest part that has all of a mask (…, h, w); None where it is empty."""
    any_of = mask.flatten(0, -3).any(0)
    held = torch.cat([any_of.any(1), any_of.any(0)]).cpu()  # a GPU is waited for once
    row, column = (each.nonzero() for each in held.split(list(any_of.shape)))
    if not len(row):
        return None
    return slice(int(row[0]), int(row[-1]) + 1), slice(int(column[0]), int(column[-1]) + 1)


def reached(mask: torch.Tensor, size: tuple[int, int]) -> Part | None:
    """The part of a size (H, W) that what a mask (…, h, w) holds reaches when it is resized; None where it is empty."""
    if (box := extent(mask)) is None:
        return None
    rows, columns = (
        slice(max(0, int((held.start - 0.5) * new / old) - 1), min(new, int((held.stop + 0.5) * new / old) + 2))
        for held, new, old in zip(box, size, mask.shape[-2:], strict=True)
    )
    return rows, columns


def pieces(mask: torch.Tensor) -> list[Part]:
    """Parts beside one another that have all of a mask (…, h, w): of a thin one, such as an outline, much less than its
    extent. Of a GPU's, which little work keeps no busier than much, that extent alone."""
    if not mask.is_cpu:
        whole = extent(mask)
        return [] if whole is None else [whole]
    held = mask.numpy().reshape(-1, *mask.shape[-2:])
    held = held[0] if len(held) == 1 else held.any(0)
    found = []
    for top in range(0, len(held), PIECE):
        band = held[top : top + PIECE]
        columns = np.flatnonzero(band.any(0))
        if not len(columns):
            continue
        rows = np.flatnonzero(band.any(1))
        ends = np.flatnonzero(np.diff(columns) > PIECE)
        for first, last in zip(columns[[0, *(ends + 1)]], columns[[*ends, -1]], strict=True):
            found.append((slice(top + int(rows[0]), top + int(rows[-1]) + 1), slice(int(first), int(last) + 1)))
    return found


def widened(part: Part, margin: int, size: tuple[int, int]) -> tuple[Part, Part]:
    """A part of a picture (H, W) with a margin of px where there are some, and where the part lies within that."""
    around, within = [], []
    for held, end in zip(part, size, strict=True):
        start = max(0, held.start - margin)
        around.append(slice(start, min(end, held.stop + margin)))
        within.append(slice(held.start - start, held.stop - start))
    return (around[0], around[1]), (within[0], within[1])
