"""The hands' points in pictures, by mediapipe's hands (its models travel in the wheel: no download).

Hands are looked for where BlazePose has the wrists, in a window at the picture's own resolution that is turned so that
the forearm points up: the network was trained on upright hands. It misses many that bend away from the arm, are seen
edge on or blurred; those are looked for in other windows, and in clips followed from frame to frame.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from lwgan_cli.detection.keypoints import cut, native_stderr_silenced
from lwgan_cli.detection.solutions import solution
from lwgan_cli.records import Keypoints

N_POINTS = 21  # wrist, then four each of thumb, index, middle, ring and pinky, from the palm to the tip
WINDOW = 288  # px, more doesn't change a network that sees 192² for the palm, and then 224² around the hand
SMALLEST = 90.0  # px of the window, below which fingers can't be told apart
REACH = 1.5  # window's side over the forearm's length …
BEYOND = 0.35  # … and how far its middle lies beyond the wrist, in that length
APART = 0.6  # of the window's side that the wrists have to be apart
# Windows in which a hand is looked for: side over that of `hand_windows`, and degrees to the forearm's right
LOOKS = ((1.4, 0.0), (1.0, 45.0), (1.4, -45.0), (0.75, 0.0))
FOUND, PRESENT = 0.5, 0.4  # scores of palms, and of hands around them or where the last frame had them
OTHER = 0.8  # score of being the other arm's hand, of which this one is taken for it: its back for its palm
ASTRAY = 0.3  # of the window's side: a hand whose wrist is further from the arm's is another one
SPAN = (0.13, 0.45)  # of the window's side, from the wrist to the furthest knuckle: hands are no smaller, nor larger
KNUCKLES = (5, 9, 13, 17)
EDGE = 0.08  # of the person's crop: an elbow so near to the picture's edge may lie beyond it
ASIDE = 0.7  # of the shoulders' width from their middle: further aside there is no trunk
AROUND = 8  # frames within which a hand that is there is found once: in each of its windows it is looked for twice
NO_HANDS = np.full((2, N_POINTS, 3), np.nan, np.float32)
LABELS = ("Right", "Left")  # of a left and a right hand: mediapipe takes pictures for mirrored
ARMS = ((13, 15), (14, 16))  # BlazePose's elbow and wrist, left and right
HANDS = ((15, 17, 19, 21), (16, 18, 20, 22))  # its points of the hands


@dataclass(frozen=True)
class HandPoints:
    """points (T, 2, 21, 3) float32 of left and right hand: x right, y down, picture px, and z away from the viewer on
    the same scale, 0 at the wrist; NaN where no hand was found."""

    points: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(T, 2) bool."""
        return np.isfinite(self.points[..., 0, 0])

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(cls, found: Iterable[np.ndarray]) -> HandPoints:
        """From what `HandDetector` returns, frame by frame."""
        return cls(np.stack(list(found)))


def hand_windows(points: np.ndarray, visibility: np.ndarray) -> list[np.ndarray | None]:
    """The squares (centre x, centre y, side) px around left and right hand, from BlazePose's points (33, 2) px and
    their visibility (33,); None where a hand isn't seen or too small."""
    across = float(np.linalg.norm(points[11] - points[12]))
    windows: list[np.ndarray | None] = []
    for elbow, wrist in ARMS:
        arm = points[wrist] - points[elbow]
        length = max(float(np.linalg.norm(arm)), 0.6 * across)  # a forearm towards the viewer looks short
        side = REACH * length
        seen = np.isfinite(points[[elbow, wrist]]).all() and visibility[wrist] > 0.5 and side >= SMALLEST
        windows.append(np.array([*(points[wrist] + BEYOND * arm), side], np.float32) if seen else None)
    first, second = windows
    if first is not None and second is not None:
        apart = float(np.linalg.norm(points[ARMS[0][1]] - points[ARMS[1][1]]))
        if apart < APART * max(first[2], second[2]):  # hands that touch are taken for one another
            return [None, None]
    return windows


def made_up(keypoints: Keypoints, hands: HandPoints, shots: np.ndarray) -> np.ndarray:
    """(T, 33) bool: points of hands that BlazePose sees where there are none, as before the chest of people whose arms
    hang out of the picture. Such an arm's elbow lies at the picture's edge, which cuts the person off there, and in the
    hand's place none is found for a while, though it would be large enough. A hand beside the trunk, of which the mask
    shows that something is there, is one all the same: a fist, blurred by its move. shots (T,) int.
    """
    points, visibility = keypoints.points, keypoints.visibility
    out = np.zeros(visibility.shape, bool)
    frames = np.arange(len(shots))
    near = (np.abs(frames[:, None] - frames) <= AROUND) & (shots[:, None] == shots)
    looked = np.array([[w is not None for w in hand_windows(*each)] for each in zip(points, visibility, strict=True)])
    for side, (elbow, wrist) in enumerate(ARMS):
        found, sought = ((near & each[:, side]).any(1) for each in (hands.found, looked))
        missing = np.flatnonzero(sought & ~found & ~_beside_trunk(keypoints, points[:, wrist]))
        leaves = [row for row in missing if _cut_off(keypoints, row, np.nan_to_num(points[row, elbow]))]
        out[np.ix_(leaves, HANDS[side])] = True
    return out


def _beside_trunk(keypoints: Keypoints, places: np.ndarray) -> np.ndarray:
    """(T,) bool: the mask shows the person at places (T, 2) px, further aside than the trunk reaches."""
    shoulders = keypoints.points[:, [11, 12]]
    across, away = shoulders[:, 0] - shoulders[:, 1], places - shoulders.mean(1)
    aside = np.abs((away * across).sum(1)) / np.maximum((across**2).sum(1), 1e-6)
    beside = np.zeros(len(places), bool)
    for row in np.flatnonzero(aside > ASIDE):
        x, y, side = keypoints.crop[row]
        cell = np.floor(((places[row] - [x, y]) / side + 0.5) * keypoints.masks.size).astype(int)
        inside = ((cell >= 0) & (cell < keypoints.masks.size)).all()
        beside[row] = inside and keypoints.masks[row][cell[1], cell[0]] > 127
    return beside


def _cut_off(keypoints: Keypoints, row: int, place: np.ndarray) -> bool:
    """A place (2,) px of a person in one frame lies beyond the picture's edge, or at one that cuts the person off."""
    size, (*centre, side) = np.array(keypoints.image_size), keypoints.crop[row]
    margin = EDGE * side
    inwards = np.stack([place, size - place])  # from left, upper; right, lower edge
    if inwards.min() < 0:
        return True
    if inwards.min() > margin:
        return False
    mask = keypoints.masks[row] > 127
    to_mask = len(mask) / side
    for end, axis in zip(*np.nonzero(inwards <= margin), strict=True):
        along = np.linspace(-margin, margin, 2 * int(np.ceil(margin * to_mask)) + 1)
        edge = np.tile(place, (len(along), 1))
        edge[:, 1 - axis] += along
        edge[:, axis] = end * size[axis] + (0.5 - end) * 2 / to_mask  # a px of the mask within the picture
        edge = edge[((edge > 0) & (edge < size)).all(1)]
        x, y = np.floor((edge - centre + side / 2) * to_mask).astype(int).clip(0, len(mask) - 1).T
        if mask[y, x].any():
            return True
    return False


@dataclass(frozen=True)
class Look:
    """A square of a picture, centre (2,) and side px, turned by `angle` degrees so that what points to that angle from
    upright, clockwise, stands upright in it."""

    centre: np.ndarray
    side: float
    angle: float

    @classmethod
    def along(cls, window: np.ndarray, arm: np.ndarray, grown: float, aside: float) -> Look:
        """The window (centre x, centre y, side) px, `grown` times as large and upright `aside` degrees from the forearm
        (2,) px."""
        upright = np.degrees(np.arctan2(arm[0], -arm[1]))
        return cls(window[:2].astype(np.float64), float(window[2]) * grown, float(upright) + aside)

    def _axes(self) -> np.ndarray:
        """(2, 2): picture → crop, but for scale."""
        sine, cosine = np.sin(np.radians(self.angle)), np.cos(np.radians(self.angle))
        return np.array([[cosine, sine], [-sine, cosine]])

    def crop(self, picture: np.ndarray) -> np.ndarray:
        """(WINDOW, WINDOW, 3) uint8."""
        wide = int(np.ceil(WINDOW * np.sqrt(2) / 2)) * 2  # px that hold the window however it is turned
        square = cut(picture, np.array([*self.centre, self.side * wide / WINDOW]), wide, fill=None)
        turn = self._axes()
        corner = (wide - 1) / 2 - turn.T @ np.full(2, (WINDOW - 1) / 2)
        onto = np.concatenate([turn.T, corner[:, None]], 1)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(square, onto, (WINDOW, WINDOW), flags=flags)

    def back(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) in shares of the crop's side → picture px, depth on the same scale."""
        flat = self.centre + (points[:, :2] - 0.5) @ self._axes() * self.side
        return np.concatenate([flat, points[:, 2:] * self.side], 1).astype(np.float32)


@dataclass(frozen=True)
class Hand:
    """points (21, 3) as in `HandPoints`; sure in [-1, 1] that it is of the arm's side, below 0 where it is taken for
    the other arm's."""

    points: np.ndarray
    sure: float


class HandDetector:
    """Both hands of one person over one picture or the frames of one clip, in order.

    static: treat every picture on its own, and look in all of the windows. Otherwise hands are followed, and one that
    isn't found is looked for in another window in the next frame.
    """

    def __init__(self, static: bool = False) -> None:
        self._static = static
        self._graphs: list[Any] = []
        self._looks = [0, 0]
        self._seen = False

    def __enter__(self) -> HandDetector:
        with native_stderr_silenced():
            for _ in (0,) if self._static else (0, 1):  # a track of one hand is none of the other
                self._graphs.append(
                    solution("hands").Hands(
                        static_image_mode=self._static,
                        max_num_hands=2 if self._static else 1,
                        min_detection_confidence=FOUND,
                        min_tracking_confidence=PRESENT,
                    )
                )
                self._graphs[-1].process(np.zeros((WINDOW, WINDOW, 3), np.uint8))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with native_stderr_silenced():
            for graph in self._graphs:
                graph.close()

    def __call__(self, picture: np.ndarray, points: np.ndarray, visibility: np.ndarray) -> np.ndarray:
        """picture (H, W, 3) uint8 RGB, points (33, 2) px and visibility (33,) of BlazePose → (2, 21, 3), see
        `HandPoints`."""
        found = NO_HANDS.copy()
        for side, window in enumerate(hand_windows(points, visibility)):
            if window is None:
                continue
            elbow, wrist = points[list(ARMS[side])]
            looks = [Look.along(window, wrist - elbow, *how) for how in LOOKS]
            now = self._looks[side]
            hands = [
                hand
                for look in (looks if self._static else looks[now : now + 1])
                for hand in self._look(picture, look, side)
                if belongs(hand, wrist, float(window[2]))
            ]
            if not hands:
                self._looks[side] = (now + 1) % len(LOOKS)
            if hands:
                found[side] = max(hands, key=lambda hand: hand.sure).points
        return found

    def _look(self, picture: np.ndarray, look: Look, side: int) -> list[Hand]:
        crop, graph = np.ascontiguousarray(look.crop(picture)), self._graphs[0 if self._static else side]
        # the graph says a few things more when it first sees a hand
        with contextlib.nullcontext() if self._seen else native_stderr_silenced():
            result = graph.process(crop)
        hands = []
        for marks, sides in zip(result.multi_hand_landmarks or (), result.multi_handedness or (), strict=True):
            self._seen = True
            points = look.back(np.array([(p.x, p.y, p.z) for p in marks.landmark]))
            named = sides.classification[0]
            hands.append(Hand(points, named.score if named.label == LABELS[side] else -named.score))
        return hands


def belongs(hand: Hand, wrist: np.ndarray, side: float) -> bool:
    """The hand may be that of an arm whose wrist (2,) px BlazePose has there; side px of its window."""
    span = float(np.linalg.norm(hand.points[list(KNUCKLES)] - hand.points[0], axis=1).max()) / side
    near = float(np.linalg.norm(hand.points[0, :2] - wrist)) < ASTRAY * side
    return near and hand.sure > -OTHER and SPAN[0] < span < SPAN[1]
