"""Black bars around a picture, as of a film on a screen of another shape: where the picture itself is.

What a bar hides was filmed by nobody: the picture ends at its edge, people who leave it are cut off there, and a bar
stays a bar in what is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lwgan_cli.frames.clip import Box, Clip

# Brightness is the largest of red, green and blue, 0 … 255
BLACK, SPECKS = 8.0, 24.0  # a bar's line: its mean at most, and 99 of 100 px
THINNEST = 0.01  # of the picture across it: thinner ones are the frames' own dark rims, in which little is to be seen
EDGE = 4  # px, over which a bar's edge is blurred at most …
LIT, ALONG = 40.0, 0.5  # … before more of the picture than this share of the edge is at least so bright
SOLID = 0.8  # of the brightness behind the edge, from where on a blurred edge is the picture's
LEAST = 0.25  # of width and height: a picture within bars
SAMPLES = 24  # frames of a clip


@dataclass(frozen=True, eq=False)
class Around:
    """What lies around a picture without its bars: whole (H, W, 3 or 4) uint8, and the picture's corner (x, y) px."""

    whole: np.ndarray
    corner: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole, px."""
        return self.whole.shape[1], self.whole.shape[0]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture (h, w, C) uint8 where it belongs."""
        (x, y), (height, width) = self.corner, picture.shape[:2]
        framed = self.whole.copy()
        framed[y : y + height, x : x + width] = picture
        return framed


def without_bars(clip: Clip) -> Clip:
    """The part of a clip's frames that bars leave free in all of them; the clip itself where there are none. A clip is
    read through only where its first frame has a black side."""
    brightest: np.ndarray | None = None
    step = max(1, clip.count // SAMPLES)
    for index, frame in enumerate(clip):
        if not _has_black_side(frame):
            return clip
        if index % step == 0:
            light = frame.max(2)
            brightest = light if brightest is None else np.maximum(brightest, light)
    box = None if brightest is None else picture_in(brightest)
    return clip if box is None else clip.within(box)


def _has_black_side(frame: np.ndarray) -> bool:
    """Of (H, W, 3) uint8."""
    across = frame.transpose(1, 0, 2)
    return any(bool(_black(side[:2].max(2)).all()) for side in (frame, frame[::-1], across, across[::-1]))


def around(clip: Clip) -> Around | None:
    """The bars of a clip that is without them now, as its first frame has them; None where it had none."""
    return None if clip.whole is clip else Around(clip.whole.first(), clip.corner)


def picture_in(brightness: np.ndarray) -> Box | None:
    """The box within black bars in (H, W) uint8, None where there are none. Its sides are even where it has bars.

    A bar is black all along its side, and ends in an edge that is straight, sharp, and bright behind for the most of
    its length: a dark room or stage has no such edge.
    """
    height, width = brightness.shape
    left, top, right, bottom = 0, 0, width, height
    before = None
    while before != (left, top, right, bottom):
        before = left, top, right, bottom
        top += _bar(brightness[top:bottom, left:right])
        bottom -= _bar(brightness[top:bottom, left:right][::-1])
        left += _bar(brightness[top:bottom, left:right].T)
        right -= _bar(brightness[top:bottom, left:right].T[::-1])
    if (left, top, right, bottom) == (0, 0, width, height):
        return None
    if right - left < LEAST * width or bottom - top < LEAST * height:
        return None
    (left, right), (top, bottom) = _even(left, right, width), _even(top, bottom, height)
    return left, top, right, bottom


def _bar(brightness: np.ndarray) -> int:
    """How many of the first rows are a bar's."""
    black = _black(brightness)
    rows = int(np.argmin(black)) if not black.all() else 0
    if rows < THINNEST * len(brightness) or rows + EDGE >= len(brightness):
        return 0
    behind = brightness[rows + EDGE]
    if (behind > LIT).mean() < ALONG:
        return 0
    levels = brightness[rows : rows + EDGE].mean(1)
    return rows + int(np.argmax(np.append(levels, np.inf) >= SOLID * behind.mean()))


def _black(brightness: np.ndarray) -> np.ndarray:
    """(H,) bool: rows that could be a bar's."""
    black: np.ndarray = (brightness.mean(1) <= BLACK) & (np.percentile(brightness, 99, axis=1) <= SPECKS)
    return black


def _even(low: int, high: int, end: int) -> tuple[int, int]:
    if (high - low) % 2 == 0 or (low, high) == (0, end):
        return low, high
    return (low, high - 1) if high < end else (low + 1, high)
