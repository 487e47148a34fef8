"""How a clip's camera moves: a turn, a zoom and a shift of the scene behind the person, frame by frame.

Direct alignment (Lucas and Kanade, 1981): the similarity that makes a key frame's background look like another frame's,
by Gauss–Newton with robust weights, from coarse to fine; where that is clearly better, from lenient to strict too
(graduated non-convexity, Blake and Zisserman, 1987). Edges say as much as corners do, so that a bare room will do.
A motion is (2, 3) float64 and takes places px to places px, pixel centres lying at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 480  # px, the longer side at which it is measured
LEVELS = 4  # each half as large as the one before
POINTS, LEAST = 1000, 60  # looked at on a level, at most and at least
CELLS = 24  # a picture's longer side is divided into so many, which share the points
STEPS = 8
ENOUGH = 0.01  # px that a step moves the picture's corners: it has converged
HOLD = 1e-3  # of the normal equations' diagonal: what the points don't tell stays as expected
NOISE = 2.0  # grey levels
DOUBT = 60.0  # grey levels that most points may be out by at first, halved at every step, but on the finest level
CLEARER = 0.75  # times as far apart, where being lenient at first pays: it may as well go astray
ALIKE = 0.5  # correlation of what the points show in both frames
GONE = 0.6  # share of a key frame's points that are still seen, below which another frame becomes the key
LOOK = 4  # frames, of which one is compared with the shot's first
CLEARLY = 30.0  # grey levels that are as unlike as can be
STILL = 0.8  # px of `SIDE` that the picture's corners move: a camera that stands
EXPLAINED = 0.75  # of the difference between frames may remain, or it isn't the camera that moves
LOST = 0.1  # share of a shot's frames that may be bridged

NONE = np.eye(2, 3)


class View:
    """A frame as it is looked at: grey levels (h, w) float32 and the background (h, w) bool, finest first; scale: px of
    the finest for one px of the frame."""

    def __init__(self, picture: np.ndarray, free: np.ndarray) -> None:
        """picture (H, W, 3) uint8 RGB; free (h, w) bool, of any size: no person is here."""
        height, width = picture.shape[:2]
        self.scale = min(1.0, SIDE / max(height, width))
        size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        self.greys = [cv2.GaussianBlur(grey.astype(np.float32), (3, 3), 0)]
        room = cv2.resize(free.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        self.frees = [_inner(room == 1)]
        while len(self.greys) < LEVELS and min(self.greys[-1].shape) >= 32:
            self.greys.append(cv2.pyrDown(self.greys[-1]))
            shape = self.greys[-1].shape[::-1]
            self.frees.append(_inner(cv2.resize(room, shape, interpolation=cv2.INTER_AREA) == 1))
        self._points: list[Points | None] = [None] * len(self.greys)

    def points(self, level: int) -> Points:
        """What is looked at on a level."""
        points = self._points[level]
        if points is None:
            points = self._points[level] = Points.of(self.greys[level], self.frees[level])
        return points

    def to(self, other: View, expected: np.ndarray = NONE) -> np.ndarray | None:
        """The motion to another view; None where too little of the background is seen in both."""
        near, far = (self._aligned(other, expected, doubt) for doubt in (0.0, DOUBT))
        if near is None or (far is not None and far[1] < CLEARER * near[1]):
            near = far
        return None if near is None else near[0]

    def _aligned(self, other: View, expected: np.ndarray, doubt: float) -> tuple[np.ndarray, float] | None:
        """The motion to another view, found from the expected one, and by how many grey levels it leaves them apart;
        None where too little of the background is seen in both. doubt: see `Points.align`."""
        motion = expected
        for level in reversed(range(len(self.greys))):
            px = self.scale * 0.5**level
            there = other.greys[level], other.frees[level]
            motion = scaled(self.points(level).align(*there, scaled(motion, px), doubt * (level > 0)), 1 / px)
        values, seen = self.points(0).read(other.greys[0], other.frees[0], scaled(motion, self.scale))
        if seen.sum() < LEAST or _correlation(values[seen], self.points(0).values[seen]) < ALIKE:
            return None
        error = values[seen] - self.points(0).values[seen]
        return motion, float(np.minimum(np.abs(error - np.median(error)), CLEARLY).mean())

    def seen(self, other: View, motion: np.ndarray) -> float:
        """Share of the points that another view shows too."""
        points = self.points(0)
        inside = points.read(other.greys[0], other.frees[0], scaled(motion, self.scale))[1]
        return float(inside.mean()) if len(inside) else 0.0

    def unlike(self, other: View, motion: np.ndarray) -> np.ndarray:
        """(2,) grey levels: how far another view's background is from this one's, moved there, and as it is."""
        level = min(1, len(self.greys) - 1)
        grey, free = self.greys[level], self.frees[level].astype(np.uint8)
        size = grey.shape[::-1]
        to_there = of_centres(scaled(motion, self.scale * 0.5**level))
        there = cv2.warpAffine(grey, to_there, size), cv2.warpAffine(free, to_there, size, flags=cv2.INTER_NEAREST)
        both = (free & there[1] & other.frees[level]) > 0
        if not both.any():
            return np.zeros(2)
        apart = [np.minimum(np.abs(other.greys[level] - each)[both], CLEARLY).mean() for each in (there[0], grey)]
        return np.array(apart, float)


@dataclass(frozen=True, eq=False)
class Points:
    """Where a level of a view is looked at: places (N, 2) px, values (N,) grey levels, slopes (N, 2) of them per px."""

    places: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of(cls, grey: np.ndarray, free: np.ndarray) -> Points:
        """The steepest of the background, from every part of the picture."""
        slopes = np.stack(
            [cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)], -1
        )
        steep = np.linalg.norm(slopes, axis=-1) * free
        height, width = grey.shape
        cell = max(4, -(-max(height, width) // CELLS))
        each = max(1, POINTS * cell**2 // (height * width))
        rows: list[np.ndarray] = []
        for top in range(0, height, cell):
            for left in range(0, width, cell):
                part = steep[top : top + cell, left : left + cell]
                best = np.argpartition(part.ravel(), -min(each, part.size))[-min(each, part.size) :]
                at = np.stack([best % part.shape[1] + left, best // part.shape[1] + top], 1)
                rows.append(at[part.ravel()[best] > NOISE / 2])
        places = np.concatenate(rows)
        at = tuple(places.T[::-1])
        return cls(places + 0.5, grey[at], slopes[at])

    def read(self, grey: np.ndarray, free: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What another picture shows at the points moved: grey levels (N,), and whether it is background there."""
        if not len(self.places):
            return self.values, np.zeros(0, bool)
        at = (moved(self.places, motion) - 0.5).astype(np.float32)
        values = cv2.remap(grey, at[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
        height, width = grey.shape
        inside = ((at >= 0) & (at <= [width - 1, height - 1])).all(1)
        inside[inside] = free[tuple(np.rint(at[inside]).astype(int).T[::-1])]
        return values, inside

    def align(self, grey: np.ndarray, free: np.ndarray, motion: np.ndarray, doubt: float = 0.0) -> np.ndarray:
        """The motion that takes them to places of another picture that look the same, near a given one; that itself
        where too few are seen, or nothing near is more alike. doubt: grey levels that they may be out by at first."""
        centre = np.array(grey.shape[::-1]) / 2
        half = float(centre.max())
        x, y = ((self.places - centre) / half).T
        sx, sy = self.slopes.T.astype(np.float64)
        # columns: growth, turn, shift x, shift y (px at the picture's edge), gain and bias of the exposure
        jacobian = np.stack([sx * x + sy * y, sy * x - sx * y, sx, sy, -self.values / 128, -np.ones_like(x)], 1)
        best, least = motion, np.inf
        for step in range(STEPS + 1):
            values, seen = self.read(grey, free, motion)
            if seen.sum() < LEAST:
                break
            error = np.where(seen, values - self.values, 0.0).astype(np.float64)
            middle = np.median(error[seen])
            apart = np.abs(error[seen] - middle)
            cost = float(np.minimum(apart, CLEARLY).mean())
            if cost < least:
                best, least = motion, cost
            # before a bare wall most points agree wherever they go: the few that show an edge must be heard first
            lenient = doubt * 0.5**step
            strict = lenient < 2 * NOISE
            if step == STEPS or (strict and cost > least):
                break
            spread = max(1.48 * float(np.median(apart)) + NOISE, lenient)
            weight = seen / (1 + ((error - middle) / (2 * spread)) ** 2) ** 2  # Geman–McClure
            normal = jacobian.T @ (weight[:, None] * jacobian)
            normal[np.diag_indices(6)] += HOLD * np.trace(normal[:4, :4]) / 4
            grow, turn, right, down, _, _ = -np.linalg.solve(normal, jacobian.T @ (weight * error))
            change = np.array([[1 + grow / half, -turn / half, right], [turn / half, 1 + grow / half, down]])
            change[:, 2] += centre - change[:, :2] @ centre
            motion = after(change, motion)
            if strict and np.abs([grow, turn, right, down]).max() < ENOUGH:
                return motion
        return best


class CameraFollower:
    """Follows the scene through a stream of frames, from key frames, so that small errors don't add up."""

    def __init__(self) -> None:
        self._first: View | None = None
        self._key: tuple[View, np.ndarray] | None = None
        self._last = NONE
        self._age = 0  # of the shot, frames
        self._found: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, picture: np.ndarray, free: np.ndarray, new_shot: bool) -> None:
        """The next frame, (H, W, 3) uint8 RGB; free (h, w) bool, of any size: no person is here."""
        view = View(picture, free)
        self._age += 1
        motion, unlike = np.full((2, 3), np.nan), np.zeros(2)
        if new_shot or self._first is None or self._key is None:
            motion, self._age = NONE, 0
            self._first, self._key, self._last = view, (view, NONE), NONE
        else:
            key, since = self._key
            step = key.to(view, after(inverse(since), self._last))
            if step is not None:
                motion = self._last = after(since, step)
                if key.seen(view, step) < GONE:
                    self._key = (view, motion)
                if self._age % LOOK == 1:
                    unlike = self._first.unlike(view, motion)
        self._found.append((motion, unlike))

    def motions(self, shots: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
        """(T, 2, 3): where the scene of each shot's first frame lies in every frame, for shots (T,) and size (width,
        height) of the frames; `NONE` in shots whose camera stands or whose motion can't be told; None where that is so
        in all."""
        found, unlike = (np.array(each) for each in zip(*self._found, strict=True))
        out = np.tile(NONE, (len(found), 1, 1))
        still = STILL * max(1.0, max(size) / SIDE)
        for shot in np.unique(shots):
            rows = np.flatnonzero(shots == shot)
            known = np.isfinite(found[rows]).all((1, 2))
            moved_to, resting = unlike[rows].sum(0)
            furthest = max(displacement(each, size) for each in found[rows][known])
            if known.mean() < 1 - LOST or furthest < still or moved_to >= EXPLAINED * resting:
                continue
            for i, j in np.ndindex(2, 3):
                out[rows, i, j] = np.interp(rows, rows[known], found[rows[known], i, j])
        return out if (out != NONE).any() else None


def _inner(free: np.ndarray) -> np.ndarray:
    """Where a person doesn't reach by smoothing either."""
    return cv2.erode(free.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / max(np.sqrt((one**2).sum() * (other**2).sum()), 1e-6))


def after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The first motion and then the second."""
    return np.concatenate([second[:, :2] @ first[:, :2], moved(first[:, 2], second)[:, None]], 1)


def inverse(motion: np.ndarray) -> np.ndarray:
    """The motion back."""
    return np.asarray(cv2.invertAffineTransform(motion))


def moved(places: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Where places (…, 2) come to."""
    return np.asarray(places @ motion[:, :2].T + motion[:, 2])


def scaled(motion: np.ndarray, scale: float) -> np.ndarray:
    """The same motion in a picture of another size."""
    return np.concatenate([motion[:, :2], motion[:, 2:] * scale], 1)


def of_centres(motion: np.ndarray) -> np.ndarray:
    """The same motion where pixel centres lie at whole numbers, as OpenCV has them."""
    half = np.array([[0.0, 0.0, 0.5]])
    return after(after(NONE + half, motion), NONE - half)


def displacement(motion: np.ndarray, size: tuple[int, int]) -> float:
    """How far the corners of a picture of size (width, height) go at most, px."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], float)
    return float(np.abs(moved(corners, motion) - corners).max())
