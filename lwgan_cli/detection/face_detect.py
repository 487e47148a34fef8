"""The face's points in pictures, by mediapipe's face mesh (its models travel in the wheel: no download).

478 points: 468 on the skin and five on each iris. The mesh is looked for in a window around the head, at the
picture's own resolution: in the whole picture of a standing person a face would be too small for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from lwgan_cli.detection.keypoints import cut, native_stderr_silenced
from lwgan_cli.detection.solutions import solution
from lwgan_cli.records import N_FACE_POINTS

N_POINTS = N_FACE_POINTS
WINDOW = 256  # px, more doesn't change a network that sees 192²
SMALLEST = 28.0  # px of a head's window, below which a face has no features
REACH = 2.5  # window's side over the largest distance between nose, eyes, ears and mouth
FINE = 224.0  # px of a head's window from which on it matters where exactly lids and lips are
WIDER = 2.0  # times the window's side within which a face is looked for once more, the picture turned …
TURNED = (0.0, -25.0, 25.0)  # … by so many degrees: heads in profile, or bent, are found so that else aren't
FROM_MIDDLE = 0.25  # of the window's side that the middle of a face found there may be off the head's
SIZES = (0.1, 0.6)  # of the window's side that such a face may be high, or wide
KEEP = 0.15  # of the window's side: the head may move so far before the window follows, so that tracking holds


@dataclass(frozen=True)
class FacePoints:
    """points (T, 478, 3) float32: x right, y down, picture px, and z away from the viewer on the same scale with any
    origin; NaN where no face was found."""

    points: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(T,) bool."""
        return np.isfinite(self.points[:, 0, 0])

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(cls, found: Iterable[np.ndarray | None]) -> FacePoints:
        """From what `FaceDetector` returns, frame by frame."""
        nothing = np.full((N_POINTS, 3), np.nan, np.float32)
        return cls(np.stack([nothing if points is None else points for points in found]))


def head_window(points: np.ndarray, visibility: np.ndarray) -> np.ndarray | None:
    """The square (centre x, centre y, side) px around a head, from BlazePose's points (33, 2) px and their
    visibility (33,); None where the head isn't seen or too small for its face to show."""
    head = points[:11]
    if not np.isfinite(head).all() or visibility[:11].mean() < 0.5:
        return None
    side = REACH * float(np.linalg.norm(head[:, None] - head[None], axis=-1).max())
    return np.array([*head.mean(0), side], np.float32) if side >= SMALLEST else None


class FaceDetector:
    """Face mesh over single pictures (static) or the frames of one clip, in order."""

    def __init__(self, static: bool = False) -> None:
        self._static = static
        self._mesh: Any = None
        self._window: np.ndarray | None = None
        self._seen = False

    def __enter__(self) -> FaceDetector:
        with native_stderr_silenced():
            self._mesh = solution("face_mesh").FaceMesh(
                static_image_mode=self._static, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.4
            )
            self._mesh.process(np.zeros((WINDOW, WINDOW, 3), np.uint8))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with native_stderr_silenced():
            self._mesh.close()

    def __call__(self, picture: np.ndarray, window: np.ndarray | None) -> np.ndarray | None:
        """picture (H, W, 3) uint8 RGB, window (3,) as `head_window` gives it → points (478, 3), see `FacePoints`;
        None where no face is found."""
        if window is None:
            self._window = None
            return None
        window = self._steady(window)
        marks = self._marks(cut(picture, window, WINDOW, fill=None))
        if marks is not None:
            cx, cy, side = (float(v) for v in window)
            return (marks * side + np.array([cx - side / 2, cy - side / 2, 0.0])).astype(np.float32)
        return self._turned(picture, window) if self._static else None

    def _marks(self, crop: np.ndarray) -> np.ndarray | None:
        """(478, 3) of a square picture, in its sides; None where no face is found."""
        if self._seen:
            result = self._mesh.process(np.ascontiguousarray(crop))
        else:  # the graph says a few things more when it first sees a face
            with native_stderr_silenced():
                result = self._mesh.process(np.ascontiguousarray(crop))
        if not result.multi_face_landmarks:
            return None
        self._seen = True
        return np.array([(p.x, p.y, p.z) for p in result.multi_face_landmarks[0].landmark], np.float32)

    def _turned(self, picture: np.ndarray, window: np.ndarray) -> np.ndarray | None:
        """Points (478, 3) px of a face that a wider look finds in the middle of the window, the picture turned."""
        cx, cy, side = (float(v) for v in window)
        for degrees in TURNED:
            there = cv2.getRotationMatrix2D((cx, cy), degrees, WINDOW / side)
            there[:, 2] += WIDER * WINDOW / 2 - np.array([cx, cy])
            size = (round(WIDER * WINDOW),) * 2
            crop = cv2.warpAffine(picture, there, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            marks = self._marks(crop)
            if marks is None:
                continue
            back = cv2.invertAffineTransform(there)
            places = marks[:, :2] * (WIDER * WINDOW) @ back[:, :2].T + back[:, 2]
            span = np.ptp(places, axis=0) / side
            off = np.abs((places.min(0) + places.max(0)) / 2 - (cx, cy)).max() / side
            if off < FROM_MIDDLE and span.max() < SIZES[1] and span.min() > SIZES[0]:
                return np.concatenate([places, marks[:, 2:] * (WIDER * side)], 1).astype(np.float32)
        return None

    def _steady(self, window: np.ndarray) -> np.ndarray:
        last = self._window
        if last is not None and not self._static:
            moved = float(np.linalg.norm(window[:2] - last[:2])) / last[2]
            if moved < KEEP and 0.75 < window[2] / last[2] < 1.33:
                return last
            # it would look for the face where that was in the last window; but a small one, which only says how the
            # head is turned, is often not found anew, and moves in a blur
            if window[2] >= FINE:
                with native_stderr_silenced():
                    self._mesh.reset()
        self._window = window
        return window
