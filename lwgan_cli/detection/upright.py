"""Who is found standing on their head and doesn't: looked for again.

The detector tells from head and hips how a person is turned. Where a head is large for its body, as cartoons' are, it
may take the cap for the hips, lays an upside-down body over the face, and tracks that from then on: the face tells.
From behind, or with a bar across the neck, people are taken for their own mirror image at the ground in one view of
them and found right in the next; those who do stand on their hands are found so in every view.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from lwgan_cli.detection.face_detect import FaceDetector, head_window
from lwgan_cli.detection.keypoints import Hit, cut, mirrored
from lwgan_cli.detection.sighting import COVERED, ROOM, WINDOW, Sighting

FOREHEAD, CHIN = 10, 152  # of the face mesh
BODY = 10.0  # heights of a face, from forehead to chin, that a window has room for: a body's, with some to spare
ABOVE = 1.2  # heights of a face that are left in it above the face's middle
TWISTED = -0.5  # cosine of the furthest that a trunk may be turned against the face in the picture: no neck does more
ROOMS = (ROOM, 1.0)  # sides of closer views, in heights of who was found

Face = Callable[[np.ndarray, np.ndarray | None], np.ndarray | None]


class Righter:
    """Looks again at people who were found on their head; the face detector is opened when it is first needed.

    face: looks for a face, as `FaceDetector` does; None: mediapipe's
    """

    def __init__(self, face: Face | None = None) -> None:
        self._face, self._stack = face, ExitStack()

    def __enter__(self) -> Righter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, detector: Callable[[np.ndarray], Hit | None], picture: np.ndarray, hit: Hit) -> Hit | None:
        """Whoever was found on their head in a picture (H, W, 3) uint8, found upright in a closer view; None where they
        are as they were found. `detector` takes each picture on its own."""
        if _up(hit)[1] <= 0:
            return None
        if self._face is None:
            self._face = self._stack.enter_context(FaceDetector(static=True))
        points = self._face(picture, head_window(hit[0], hit[1]))
        if points is None:
            return _another_way_up(detector, picture, hit) if _stands_on_hands(hit) else None
        if not twisted(hit, points):
            return None
        window = _body_window(points)
        again = detector(cut(picture, window, WINDOW))
        if again is None:
            return None
        found = Sighting.within(again, window, WINDOW, picture).hit
        return None if twisted(found, points) else found


def _another_way_up(detector: Callable[[np.ndarray], Hit | None], picture: np.ndarray, hit: Hit) -> Hit | None:
    """The same person the other way up, in the first of some closer views that finds them so."""
    person = Sighting.of(hit, picture)
    mask = hit[3] > 0.5
    for room in ROOMS:
        window = person.surroundings * np.array([1, 1, room / ROOM], np.float32)
        view = cut(picture, window, WINDOW)
        for turned in (False, True):
            again = detector(np.ascontiguousarray(view[:, ::-1]) if turned else view)
            if again is None:
                continue
            found = Sighting.within(mirrored(again, WINDOW) if turned else again, window, WINDOW, picture).hit
            same = found[3] > 0.5
            if _cosine(_up(hit), _up(found)) < TWISTED and (mask & same).sum() > COVERED * max((mask | same).sum(), 1):
                return found
    return None


def _stands_on_hands(hit: Hit) -> bool:
    """The legs are up, too: nobody who only bends down."""
    points = hit[0]
    return bool(points[[27, 28], 1].mean() < points[[23, 24], 1].mean())


def _up(hit: Hit) -> np.ndarray:
    """(2,) px, from the hips to the shoulders; y is down."""
    points = hit[0]
    return np.asarray(points[[11, 12]].mean(0) - points[[23, 24]].mean(0))


def twisted(hit: Hit, face: np.ndarray) -> bool:
    """The trunk is turned against the face, points (478, 3) px, as no neck allows."""
    return _cosine(_up(hit), face[FOREHEAD, :2] - face[CHIN, :2]) < TWISTED


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of the angle between (2,) and (2,)."""
    return float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), 1e-6))


def _body_window(face: np.ndarray) -> np.ndarray:
    """The square (centre x, centre y, side) px that holds the body which hangs from a face, points (478, 3) px."""
    up = face[FOREHEAD, :2] - face[CHIN, :2]
    middle = (face[FOREHEAD, :2] + face[CHIN, :2]) / 2
    return np.array([*(middle - up * (BODY / 2 - ABOVE)), BODY * np.linalg.norm(up)], np.float32)
