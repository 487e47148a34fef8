"""The hands' points in pictures, by mediapipe's hands (its models travel in the wheel: no download).

Hands are looked for where BlazePose has the wrists, in a window at the picture's own resolution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from lwgan_cli.body.keypoints import cut, native_stderr_silenced
from lwgan_cli.errors import LwganError

N_POINTS = 21  # wrist, then four each of thumb, index, middle, ring and pinky, from the palm to the tip
WINDOW = 224  # px, more doesn't change a network that sees 192² and 224²
SMALLEST = 90.0  # px of the window, below which fingers can't be told apart
REACH = 1.5  # window's side over the forearm's length …
BEYOND = 0.35  # … and how far its middle lies beyond the wrist, in that length
APART = 0.6  # of the window's side that the wrists have to be apart
SURE = 0.8  # score of being a left or a right hand
ASTRAY = 0.3  # of the window's side: a hand whose wrist is further from the arm's is another one
NO_HANDS = np.full((2, N_POINTS, 3), np.nan, np.float32)
LABELS = ("Right", "Left")  # of a left and a right hand: mediapipe takes pictures for mirrored
ARMS = ((13, 15), (14, 16))  # BlazePose's elbow and wrist, left and right


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


class HandDetector:
    """Both hands of one person, picture by picture."""

    def __init__(self) -> None:
        self._hands: Any = None
        self._seen = False

    def __enter__(self) -> HandDetector:
        with native_stderr_silenced():
            try:
                from mediapipe.python.solutions import hands
            except ImportError as error:
                raise LwganError(f"mediapipe can't be imported ({error}): install lwgan again") from error
            # each picture on its own: two windows take turns, and a track of one is none of the other
            self._hands = hands.Hands(static_image_mode=True, max_num_hands=2, min_detection_confidence=0.5)
            self._hands.process(np.zeros((WINDOW, WINDOW, 3), np.uint8))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with native_stderr_silenced():
            self._hands.close()

    def __call__(self, picture: np.ndarray, points: np.ndarray, visibility: np.ndarray) -> np.ndarray:
        """picture (H, W, 3) uint8 RGB, points (33, 2) px and visibility (33,) of BlazePose → (2, 21, 3), see
        `HandPoints`."""
        found = NO_HANDS.copy()
        for side, window in enumerate(hand_windows(points, visibility)):
            if window is not None:
                hand = self._look(picture, window, points[ARMS[side][1]], LABELS[side])
                if hand is not None:
                    found[side] = hand
        return found

    def _look(self, picture: np.ndarray, window: np.ndarray, wrist: np.ndarray, label: str) -> np.ndarray | None:
        cx, cy, side = (float(v) for v in window)
        crop = np.ascontiguousarray(cut(picture, window, WINDOW, fill=None))
        if self._seen:
            result = self._hands.process(crop)
        else:  # the graph says a few things more when it first sees a hand
            with native_stderr_silenced():
                result = self._hands.process(crop)
        best, nearest = None, ASTRAY * side
        for marks, sides in zip(result.multi_hand_landmarks or (), result.multi_handedness or (), strict=True):
            self._seen = True
            named = sides.classification[0]
            if named.label != label or named.score < SURE:
                continue
            hand = np.array([(p.x, p.y, p.z) for p in marks.landmark], np.float32) * side
            hand[:, :2] += np.array([cx - side / 2, cy - side / 2])
            away = float(np.linalg.norm(hand[0, :2] - wrist))
            if away < nearest:
                best, nearest = hand, away
        return best
