"""Hands behind the head or in the hair, which a detector of single pictures takes for hands before the face.

A hand before a face covers it. Where the points say that one is, the face is therefore compared with what other frames
of the clip show there: if it looks as it always does, and the hand isn't found either, the hand is behind the head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import cv2
import numpy as np

from lwgan_cli.detection.face_detect import FacePoints
from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.detection.keypoints import LEFT_ARM, RIGHT_ARM, cut
from lwgan_cli.records import Keypoints

ARMS = (LEFT_ARM, RIGHT_ARM)  # shoulder, elbow, wrist, three points of the hand
LOOK = 96  # px of a face as it is kept …
AROUND_FACE = 1.5  # … whose square is so many times as large as the face
SIDE = 64  # px at which faces are compared …
SPREAD = 15.0  # … px in it that the face's points are from their middle, root mean square
EYES = (33, 263)  # outer corners, right and left
GROWN = 1.25  # times the face's outline: hair and chin beside it are compared as well
FINGERS = 2.0  # times as far from the wrist as the knuckles, the fingertips are at most
BROAD = 0.45  # of its length, that a hand is broad
LEAST = 0.06  # share of the face that a hand would have to cover to be missed
REFERENCES = 7  # frames with the face turned most alike, and …
FEWEST = 3  # … how few there may be
SAME, COVERED = (8.0, 1.0), (12.0, 1.3)  # difference, and times that of the face elsewhere: up to, from
FLOOR = 2.0  # added to the difference elsewhere: noise of pictures that are all but the same
NEAR = 1.2  # faces' heights from the middle of a face, within which a hand may be behind the head
VOTES, APART = 2, 8  # frames, so far apart at most, that have to show the face uncovered
UNSURE, HARDLY = 0.9, 0.75  # mean visibility of its points, below which a hand may be hidden, and below which it is …
# … beside frames in which it is told to be


def face_square(points: np.ndarray) -> np.ndarray:
    """(centre x, centre y, side) px around a face's points (478, 3)."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return np.array([*(low + high) / 2, AROUND_FACE * max(float((high - low).max()), 4.0)], np.float32)


def face_look(picture: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """(96, 96, 3) uint8 of a picture (H, W, 3), a face as `hidden` compares it; black for none."""
    if points is None:
        return np.zeros((LOOK, LOOK, 3), np.uint8)
    return cut(picture, face_square(points), LOOK, fill=None)


@dataclass(frozen=True)
class Faces:
    """A clip's faces, each laid on their mean by an affine map: frames (N,), shapes (N, 478, 2) but for place, size and
    tilt; maps (N, 2, 3), picture px → 64 px; zone (64, 64) bool: face, and hair beside it."""

    frames: np.ndarray
    shapes: np.ndarray
    maps: np.ndarray
    zone: np.ndarray

    @classmethod
    def of(cls, face: FacePoints, frames: np.ndarray) -> Faces:
        """Of the frames (N,) in which one was found."""
        points = face.points[frames, :, :2].astype(np.float64)
        shapes = np.stack([_upright(each) for each in points]).astype(np.float32)
        mean = np.median(shapes, 0) * SPREAD + SIDE / 2
        ones = np.ones((len(mean), 1))
        maps = [np.linalg.lstsq(np.concatenate([each, ones], 1), mean, rcond=None)[0].T for each in points]
        outline = cv2.convexHull(mean.astype(np.float32))[:, 0]
        middle = outline.mean(0)
        zone = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(zone, np.rint((outline - middle) * GROWN + middle).astype(np.int32), 1)
        return cls(frames, shapes, np.stack(maps), zone > 0)

    def laid(self, row: int, look: np.ndarray, square: np.ndarray) -> np.ndarray:
        """(64, 64, 3) float32 Lab of one of the faces; look as of `face_look`, from square (3,) px."""
        scale = square[2] / LOOK
        back = np.array([[scale, 0, square[0] - square[2] / 2 + scale / 2], [0, scale, 0], [0, 0, 1]])
        back[1, 2] = square[1] - square[2] / 2 + scale / 2
        onto = self.maps[row] @ back  # OpenCV counts from pixel centres
        small = cv2.warpAffine(look, onto, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)

    def under(self, row: int, points: np.ndarray) -> np.ndarray:
        """(2, 64, 64) bool: what of one of the faces left and right hand are before, by the body's points (33, 2)
        px."""
        covered = np.zeros((2, *self.zone.shape), np.uint8)
        for (_, _, wrist, *hand), under in zip(ARMS, covered, strict=True):
            start = points[wrist]
            end = start + FINGERS * (points[hand[:2]].mean(0) - start)
            ends = np.stack([start, end]) @ self.maps[row][:, :2].T + self.maps[row][:, 2]
            if np.abs(ends).max() < 10 * SIDE:  # others are far from it, and more than OpenCV can count
                broad = max(int(BROAD * np.linalg.norm(ends[1] - ends[0])), 3)
                first, last = np.rint(ends).astype(int).tolist()
                cv2.line(under, first, last, 1, broad)
        return (covered > 0) & self.zone


def _upright(points: np.ndarray) -> np.ndarray:
    """Points (478, 2) about their middle, the eyes level, 1 from it in the root mean square."""
    about = points - points.mean(0)
    x, y = points[EYES[1]] - points[EYES[0]]
    turn = np.array([[x, -y], [y, x]]) / max(float(np.hypot(x, y)), 1e-6)
    return about @ turn / max(float(np.sqrt((about**2).sum(1).mean())), 1e-6)


def difference(one: np.ndarray, others: list[np.ndarray], part: np.ndarray, rest: np.ndarray) -> tuple[float, float]:
    """How much a face differs from that of other frames, at best, in a part (64, 64) bool of it, and how much in the
    rest, of 255 in the sum of Lab's channels; looks (64, 64, 3) Lab. A pixel may have moved by one, and light is
    evened out."""
    best = (np.inf, np.inf)
    for other in others:
        light = np.median((one - other)[rest], 0)
        shifted = [np.roll(other, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        apart = np.min([np.abs(one - each - light).sum(-1) for each in shifted], 0)
        best = min(best, (float(apart[part].mean()), float(apart[rest].mean())))
    return best


def looked_at(
    keypoints: Keypoints, face: FacePoints, look: Callable[[int], np.ndarray], hands: HandPoints
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) bool each: a hand that should be before the face isn't seen there, as the face is; and something is.

    look: a frame's picture as of `face_look`. The frames are those of one shot.
    """
    bare, covered = np.zeros(hands.found.shape, bool), np.zeros(hands.found.shape, bool)
    frames = np.flatnonzero(face.found & keypoints.found)
    if len(frames) <= FEWEST:
        return bare, covered
    faces = Faces.of(face, frames)
    share = np.array([faces.under(row, keypoints.points[t]).sum((1, 2)) for row, t in enumerate(frames)])
    share = share / faces.zone.sum()
    free = np.flatnonzero(share.max(1) < LEAST / 3)

    def laid(row: int) -> np.ndarray:
        return faces.laid(row, look(int(frames[row])), face_square(face.points[frames[row]]))

    for row in np.flatnonzero(share.max(1) >= LEAST) if len(free) >= FEWEST else ():
        alike = np.abs(faces.shapes[free] - faces.shapes[row]).mean((1, 2))
        others = [laid(each) for each in free[np.argsort(alike)[:REFERENCES]]]
        parts = faces.under(row, keypoints.points[frames[row]])
        rest = faces.zone & ~parts.any(0)
        for side in np.flatnonzero(share[row] >= LEAST) if rest.any() else ():
            here, elsewhere = difference(laid(row), others, parts[side], rest)
            times, at = here / (elsewhere + FLOOR), (frames[row], side)
            bare[at] = here < SAME[0] and times < SAME[1] and not hands.found[at]
            covered[at] = here > COVERED[0] and times > COVERED[1]
    return bare, covered


def hidden(
    keypoints: Keypoints, face: FacePoints, look: Callable[[int], np.ndarray], hands: HandPoints, shots: np.ndarray
) -> np.ndarray:
    """(T, 2) bool: left and right hands that are behind the head. look: a frame's picture as of `face_look`; shots (T,)
    int."""
    behind = np.zeros((len(shots), 2), bool)
    for shot in np.unique(shots):
        rows = np.flatnonzero(shots == shot)
        points, visibility = keypoints.points[rows], keypoints.visibility[rows]
        part = replace(keypoints, points=points, visibility=visibility)
        looks = partial(_of_part, look, rows)
        behind[rows] = _hidden(part, FacePoints(face.points[rows]), looks, HandPoints(hands.points[rows]))
    return behind


def _of_part(look: Callable[[int], np.ndarray], rows: np.ndarray, frame: int) -> np.ndarray:
    return look(int(rows[frame]))


def _hidden(keypoints: Keypoints, face: FacePoints, look: Callable[[int], np.ndarray], hands: HandPoints) -> np.ndarray:
    """As of `hidden`, the frames being those of one shot.

    Of two hands at the head of which neither is surely seen, one that is behind it says so of the other.
    """
    bare, covered = looked_at(keypoints, face, look, hands)
    visibility = np.stack([keypoints.visibility[:, list(arm[3:])].mean(1) for arm in ARMS], 1)
    near = _near_head(keypoints, face)
    may = near & ~_joined(covered & near, near, VOTES)
    behind = _joined(bare & may, may, VOTES)
    goes_on, pairs = may & (visibility < HARDLY), list(pairwise(range(len(may))))
    for known, next_to in (*pairs, *(pair[::-1] for pair in reversed(pairs))):
        behind[next_to] |= behind[known] & goes_on[next_to]
    behind |= behind[:, ::-1] & may & (bare | (visibility < UNSURE))
    return _joined(behind, may, 1)


def _joined(marks: np.ndarray, may: np.ndarray, least: int) -> np.ndarray:
    """Marks (T, 2) bool, and what may be (T, 2) between those of each column that are `APART` at most; where fewer than
    `least` hang together so, none of them."""
    joined = np.zeros_like(marks)
    for side in (0, 1):
        rows = np.flatnonzero(marks[:, side])
        broken = [b - a > APART or not may[a:b, side].all() for a, b in pairwise(rows)]
        for group in np.split(rows, np.flatnonzero(broken) + 1):
            if len(group) >= max(least, 1):
                joined[group[0] : group[-1] + 1, side] = True
    return joined


def _near_head(keypoints: Keypoints, face: FacePoints) -> np.ndarray:
    """(T, 2) bool: a hand is about where the head is in the picture."""
    points = face.points[..., :2]
    middle, height = (points.min(1) + points.max(1)) / 2, np.ptp(points, axis=1).max(1)
    knuckles = np.stack([keypoints.points[:, arm[3:5]].mean(1) for arm in ARMS], 1)
    away = np.linalg.norm(knuckles - middle[:, None], axis=-1)
    return np.nan_to_num(away, nan=np.inf) < NEAR * np.nan_to_num(height)[:, None]
