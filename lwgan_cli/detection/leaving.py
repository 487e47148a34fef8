"""Arms that leave the picture, and what of them is beyond its edge.

A detector that has to place every point puts what it doesn't see somewhere in the picture: wrists just within its edge,
whole arms before the trunk. The person's mask says better where such an arm goes: the edge cuts it off there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.detection.keypoints import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG
from lwgan_cli.records import Keypoints

ARMS = (LEFT_ARM, RIGHT_ARM)  # shoulder, elbow, wrist, three points of the hand
# Shoulders' widths that the detector's points of a person are apart, about
UPPER_ARM, FOREARM, HAND, TRUNK = 0.85, 0.75, 0.25, 1.4
THIN, WIDE = 0.06, 0.7  # shoulders' widths of an edge that a limb covers: less is the mask's fringe, more is a trunk
BESIDE = 0.35  # shoulders' widths from another limb, within which it is that which the edge cuts
HEAD, OVER_HEAD = slice(0, 11), 0.3  # its points, and shoulders' widths from their middle, within which all is head
WHOLE = 0.95  # share of the way to the edge on which the mask has to show somebody
GUESSED, SURE = 0.5, 0.95  # visibility below which a point is a guess, and from which on it is where it is
CONFIRMED = 0.2  # visibility from which on an elbow is believed if the mask shows a limb from there to the edge
NEAR = 0.25  # shoulders' widths from an edge, within which a half seen wrist may have been put there for want of better
SHOWN = 0.7  # of the forearm at most, that the picture shows of one whose wrist is beyond the edge
AROUND = 2  # frames on either side, of which as many as not have to agree
TOLD = 0.5  # visibility of what is known to be beyond the edge, but not quite where: as much a guess as not


@dataclass(frozen=True)
class Exit:
    """Where an edge of the picture cuts a person: at (2,) px, the middle of the cut, which is `width` px wide."""

    at: np.ndarray
    width: float


@dataclass(frozen=True)
class Way:
    """An arm out of the picture: from the elbow, or else from the shoulder, at start (2,) px, and through (2,) px of an
    edge."""

    elbow: bool
    start: np.ndarray
    through: np.ndarray


@dataclass(frozen=True)
class Shown:
    """One frame's person: points (33, 2) px, visibility (33,), mask (M, M) bool of crop (3,) px, and the picture's size
    (2,) px; unit: px of the shoulders' width, however they are turned."""

    points: np.ndarray
    visibility: np.ndarray
    mask: np.ndarray
    crop: np.ndarray
    size: np.ndarray
    unit: float

    @classmethod
    def of(cls, keypoints: Keypoints, row: int) -> Shown:
        """A frame in which somebody was found."""
        points, crop = (each[row].astype(np.float64) for each in (keypoints.points, keypoints.crop))
        across = np.linalg.norm(points[11] - points[12])
        trunk = np.linalg.norm(points[[11, 12]].mean(0) - points[[23, 24]].mean(0))
        unit = max(float(across), float(trunk) / TRUNK, 1.0)
        size = np.array(keypoints.image_size, np.float64)
        return cls(points, keypoints.visibility[row], keypoints.masks[row] > 127, crop, size, unit)

    @property
    def inwards(self) -> np.ndarray:
        """(33,) px from the nearest edge, below 0 beyond it."""
        return np.asarray(np.minimum(self.points, self.size - self.points).min(1))

    def person(self, places: np.ndarray) -> np.ndarray:
        """(N,) bool: the mask has the person at places (N, 2) px of the picture."""
        cells = np.floor(((places - self.crop[:2]) / self.crop[2] + 0.5) * len(self.mask)).astype(int)
        held = ((cells >= 0) & (cells < len(self.mask))).all(1)
        x, y = cells.clip(0, len(self.mask) - 1).T
        return np.asarray(self.mask[y, x] & held)

    def joined(self, start: np.ndarray, end: np.ndarray) -> bool:
        """The mask has the person nearly all the way between two places (2,) px."""
        steps = max(int(np.linalg.norm(end - start) * len(self.mask) / self.crop[2]), 2)
        way = np.linspace(start, end, steps).clip(0.5, self.size - 0.5)
        return bool(self.person(way).mean() >= WHOLE)

    def exits(self) -> Iterator[Exit]:
        """Where the picture's edges cut something as slim as a limb."""
        pixel = self.crop[2] / len(self.mask)
        for axis in (0, 1):
            for edge in (0.0, self.size[axis]):
                along = np.arange(pixel / 2, self.size[1 - axis], pixel)
                places = np.empty((len(along), 2))
                # a little within: the mask's outermost pixel is frayed
                places[:, axis] = edge + np.sign(self.size[axis] / 2 - edge) * 1.5 * pixel
                places[:, 1 - axis] = along
                changes = np.flatnonzero(np.diff(np.concatenate([[0], self.person(places), [0]])))
                for first, last in changes.reshape(-1, 2):
                    if THIN * self.unit < (last - first) * pixel < WIDE * self.unit:
                        at = places[first:last].mean(0)
                        at[axis] = edge
                        yield Exit(at, (last - first) * pixel)


def way_out(shown: Shown, side: int) -> Way | None:
    """How an arm, 0 left and 1 right, leaves the picture; None where it doesn't."""
    shoulder, elbow, wrist, *_ = ARMS[side]
    visibility, inwards, unit = shown.visibility, shown.inwards, shown.unit
    clamped = visibility[wrist] < SURE and inwards[wrist] < NEAR * unit
    if not (visibility[wrist] < GUESSED or clamped) or inwards[shoulder] < 0:
        return None
    cuts = [cut for cut in shown.exits() if not _of_others(shown, side, cut)]
    if visibility[elbow] > CONFIRMED and inwards[elbow] > 0:
        start, back = shown.points[elbow], shown.points[wrist] - shown.points[elbow]
        # a forearm that is seen to come back from an elbow at the edge doesn't leave there
        cuts_on = [cut for cut in cuts if visibility[elbow] < GUESSED or back @ (cut.at - start) >= 0]
        through = _nearest(shown, start, cuts_on, SHOWN * FOREARM)
        if through is not None:
            return Way(True, start, through)
    if visibility[elbow] >= GUESSED:
        return None
    start, other = shown.points[shoulder], shown.points[ARMS[1 - side][0]]
    own = [cut for cut in cuts if (cut.at - (start + other) / 2) @ (start - other) > 0]
    own = [cut for cut in own if _away(shown.points[HEAD].mean(0), start, cut.at) > OVER_HEAD * unit]
    through = _nearest(shown, start, own, UPPER_ARM + SHOWN * FOREARM)
    return None if through is None else Way(False, start, through)


def _away(place: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """px of a place (2,) from the straight way between two others."""
    bone = end - start
    share = np.clip((place - start) @ bone / max(bone @ bone, 1e-6), 0, 1)
    return float(np.linalg.norm(place - start - share * bone))


def _nearest(shown: Shown, start: np.ndarray, cuts: list[Exit], reach: float) -> np.ndarray | None:
    """The nearest of some exits to which a limb goes straight from a place (2,) px; reach in shoulders' widths."""
    ways = [(float(np.linalg.norm(cut.at - start)), cut) for cut in cuts]
    ways = [(far, cut) for far, cut in ways if far <= reach * shown.unit and shown.joined(start, cut.at)]
    return min(ways, key=lambda way: way[0])[1].at if ways else None


def _of_others(shown: Shown, side: int, cut: Exit) -> bool:
    """What the edge cuts there is the other arm, or a leg."""
    shoulder, elbow, wrist, _, knuckle, _ = ARMS[1 - side]
    for chain in ((shoulder, elbow, wrist, knuckle), LEFT_LEG[:3], RIGHT_LEG[:3]):
        for first, second in pairwise(chain):
            away = _away(cut.at, shown.points[first], shown.points[second])
            if away < max(cut.width, BESIDE * shown.unit) and shown.visibility[[first, second]].min() >= GUESSED:
                return True
    return False


def let_out(keypoints: Keypoints, hands: HandPoints, shots: np.ndarray) -> tuple[Keypoints, HandPoints]:
    """Arms that leave the picture go on straight beyond its edge, wherever the detector has put what it didn't see, and
    have no hands.

    shots (T,) int. The frames around have to agree; one that doesn't know goes with them.
    """
    points, visibility, world = keypoints.points.copy(), keypoints.visibility.copy(), keypoints.world.copy()
    seen = hands.points.copy()
    around = _around(np.flatnonzero(keypoints.found), shots)
    within = ((hands.points[..., :2] > 0) & (hands.points[..., :2] < keypoints.image_size)).all(-1).mean(-1) > 0.5
    for side, arm in enumerate(ARMS):
        # of a hand that is found in one frame alone nothing says that it is one
        held = {
            row for row, near in around.items() if within[row, side] and within[near, side].sum() >= min(2, len(near))
        }
        free = [row for row in around if row not in held and visibility[row, arm[2]] < SURE]
        every = {row: way_out(Shown.of(keypoints, row), side) for row in free}
        ways = {row: way for row, way in every.items() if way is not None}
        for row in free:
            near = around[row]
            if sum(other in ways for other in near) < len(near) / 2:
                continue
            way = ways.get(row) or _between(keypoints.points[row], ways, side, row, near)
            if way is not None:
                _go_on(points[row], world[row], side, way, Shown.of(keypoints, row).unit)
                visibility[row, list(arm[1 + way.elbow :])] = TOLD
                seen[row, side] = np.nan
    return replace(keypoints, points=points, visibility=visibility, world=world), HandPoints(seen)


def _around(rows: np.ndarray, shots: np.ndarray) -> dict[int, list[int]]:
    """Of each of some frames, those near it, itself included, of the same shot."""
    known = set(rows.tolist())
    return {
        row: [t for t in range(row - AROUND, row + AROUND + 1) if t in known and shots[t] == shots[row]]
        for row in rows.tolist()
    }


def _between(points: np.ndarray, ways: dict[int, Way], side: int, row: int, near: list[int]) -> Way | None:
    """The way out in a frame that doesn't tell, between those of the nearest frames before and after that do; points
    (33, 2) px of this frame, near: the frames that are."""
    before = max((other for other in near if other < row and other in ways), default=None)
    after = min((other for other in near if other > row and other in ways), default=None)
    if before is None or after is None:
        return None
    first, second, share = ways[before], ways[after], (row - before) / (after - before)
    elbow = first.elbow and second.elbow
    start = points[ARMS[side][elbow]].astype(np.float64)
    return Way(elbow, start, (1 - share) * first.through + share * second.through)


def _go_on(points: np.ndarray, world: np.ndarray, side: int, way: Way, unit: float) -> None:
    """Lay one arm's points (33, 2) px and 3D points (33, 3) m out along its way, flat in the picture, in place."""
    shoulder, elbow, wrist, *hand = ARMS[side]
    along = way.through - way.start
    towards = along / max(float(np.linalg.norm(along)), 1e-6)
    metres = float(np.linalg.norm(world[11] - world[12]))
    bones = [(shoulder, elbow, UPPER_ARM), (elbow, wrist, FOREARM), *((wrist, each, HAND) for each in hand)]
    for start, end, length in bones[way.elbow :]:
        points[end] = points[start] + towards * length * unit
        world[end] = world[start] + np.array([towards[0], -towards[1], 0]) * length * metres
