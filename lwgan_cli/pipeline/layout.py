"""Several pictures as one: side by side, and as a grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lwgan_cli.frames.clip import Clip


@dataclass(frozen=True)
class Grid:
    """columns and rows of cells; cell (width, height) px, even."""

    columns: int
    rows: int
    cell: tuple[int, int]

    @classmethod
    def of(cls, count: int, size: tuple[int, int], max_side: int) -> Grid:
        """Nearly square, for `count` pictures (width, height), within `max_side` px (0: no limit)."""
        width, height = size
        columns = min(count, max(1, round(math.sqrt(count * height / width))))
        rows = -(-count // columns)
        columns = -(-count // rows)
        scale = min(1.0, max_side / max(columns * width, rows * height)) if max_side else 1.0
        return cls(columns, rows, (_even(width * scale), _even(height * scale)))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the whole."""
        return self.columns * self.cell[0], self.rows * self.cell[1]

    def fill(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """The pictures (H, W, C) uint8 row by row; cells that stay empty are white, or transparent."""
        width, height = self.cell
        whole: np.ndarray | None = None
        for index, picture in enumerate(pictures):
            if whole is None:
                channels = picture.shape[2]
                whole = np.full((self.size[1], self.size[0], channels), 255 if channels == 3 else 0, np.uint8)
            top, left = index // self.columns * height, index % self.columns * width
            small = cv2.resize(picture, self.cell, interpolation=cv2.INTER_AREA)
            whole[top : top + height, left : left + width] = small
        if whole is None:
            raise ValueError("a grid of no pictures")
        return whole


def contained(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture (H, W, 3) in the middle of (width, height) px of white, as large as fits."""
    scale = min(size[0] / picture.shape[1], size[1] / picture.shape[0])
    width, height = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    whole = np.full((size[1], size[0], 3), 255, np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    whole[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=mode)
    return whole


def _even(side: float) -> int:
    return max(2, int(side / 2 + 1e-6) * 2)


def held(pictures: Iterable[np.ndarray], rows: Sequence[int]) -> Iterator[np.ndarray]:
    """The picture of each of `rows`, which never go down."""
    each = enumerate(pictures)
    index, picture = next(each)
    for row in rows:
        while index < row:
            index, picture = next(each)
        yield picture


def beside(photo: np.ndarray, driving: Iterable[np.ndarray], results: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Photo, driving and result in one picture, all as high as the result."""
    for theirs, ours in zip(driving, results, strict=False):
        height = ours.shape[0]
        yield np.hstack([as_high(photo, height), as_high(theirs, height), ours[..., :3]])


def beside_size(photo: tuple[int, int], clip: Clip, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of what `beside` makes of a photo, a clip and results of these sizes (width, height)."""
    width, height = size
    driving = clip.whole.width, clip.whole.height
    return width + sum(_even_width(w, h, height) for w, h in (photo, driving)), height


def as_high(picture: np.ndarray, height: int) -> np.ndarray:
    """Scaled to a height, its width even."""
    width = _even_width(picture.shape[1], picture.shape[0], height)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _even_width(width: int, height: int, new_height: int) -> int:
    return max(2, round(width * new_height / height / 2) * 2)
