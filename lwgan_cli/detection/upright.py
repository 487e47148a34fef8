"""Who is found standing on their head under a face that is upright: found wrongly, and looked for again.

The detector tells from head and hips how a person is turned. Where a head is large for its body, as cartoons' are, it
may take the cap for the hips, lays an upside-down body over the face, and tracks that from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from lwgan_cli.detection.face_detect import FaceDetector, head_window
from lwgan_cli.detection.keypoints import Hit, cut
from lwgan_cli.detection.sighting import Sighting

FOREHEAD, CHIN = 10, 152  # of the face mesh
BODY = 10.0  # heights of a face, from forehead to chin, that a window has room for: a body's, with some to spare
ABOVE = 1.2  # heights of a face that are left in it above the face's middle
WINDOW = 384  # px
TWISTED = -0.5  # cosine of the furthest that a trunk may be turned against the face in the picture: no neck does more

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
        if points is None or not twisted(hit, points):
            return None
        window = _body_window(points)
        again = detector(cut(picture, window, WINDOW))
        if again is None:
            return None
        found = Sighting.within(again, window, WINDOW, picture).hit
        return None if twisted(found, points) else found


def _up(hit: Hit) -> np.ndarray:
    """(2,) px, from the hips to the shoulders; y is down."""
    points = hit[0]
    return np.asarray(points[[11, 12]].mean(0) - points[[23, 24]].mean(0))


def twisted(hit: Hit, face: np.ndarray) -> bool:
    """The trunk is turned against the face, points (478, 3) px, as no neck allows."""
    ups = _up(hit), face[FOREHEAD, :2] - face[CHIN, :2]
    lengths = np.prod([np.linalg.norm(up) for up in ups])
    return bool(ups[0] @ ups[1] < TWISTED * lengths)


def _body_window(face: np.ndarray) -> np.ndarray:
    """The square (centre x, centre y, side) px that holds the body which hangs from a face, points (478, 3) px."""
    up = face[FOREHEAD, :2] - face[CHIN, :2]
    middle = (face[FOREHEAD, :2] + face[CHIN, :2]) / 2
    return np.array([*(middle - up * (BODY / 2 - ABOVE)), BODY * np.linalg.norm(up)], np.float32)
