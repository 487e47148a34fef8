"""Body points and person masks, by mediapipe's BlazePose (its models travel in the wheel: no download).

Everything behind it works on `Keypoints`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from lwgan_cli.detection.solutions import solution
from lwgan_cli.records import N_LANDMARKS, Keypoints, Masks

MASK_SIZE = 256
MAX_SIDE = 1280  # more pixels cost time and don't change a detector that works on 256² inside
CROP_MARGIN = 0.12

NOSE, LEFT_EAR, RIGHT_EAR = 0, 7, 8
LEFT_ARM = (11, 13, 15, 17, 19, 21)
RIGHT_ARM = (12, 14, 16, 18, 20, 22)
HANDS = (19, 20)  # their first knuckles, in the middle of what holds things
LEFT_LEG = (23, 25, 27, 29, 31)
RIGHT_LEG = (24, 26, 28, 30, 32)
FEET = slice(27, 33)
MIRROR = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9]
    + [i + 1 if i % 2 else i - 1 for i in range(11, N_LANDMARKS)]
)  # fmt: skip
EDGES = (
    (7, 0), (0, 8), (11, 12), (11, 13), (13, 15), (15, 19), (12, 14), (14, 16), (16, 20), (11, 23), (12, 24),
    (23, 24),
    (23, 25), (25, 27), (27, 29), (29, 31), (27, 31), (24, 26), (26, 28), (28, 30), (30, 32), (28, 32),
)  # fmt: skip


# One person in a picture: points (33, 2) picture px, visibility (33,), world (33, 3) m in body space's axes, person
# probability (h, w) float32 over the whole picture
Hit = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


_stderr = threading.RLock()  # of two threads that silence it at once, one would restore the other's silence


@contextlib.contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """mediapipe's C++ side writes start-up noise straight to file descriptor 2."""
    with _stderr:
        sys.stderr.flush()
        saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)


class PoseDetector:
    """BlazePose over one picture or the frames of one clip, in order.

    static: treat every picture on its own. Otherwise the person is searched for where the last
    frame had it, which is faster and keeps to one person.
    """

    def __init__(self, static: bool = False) -> None:
        self._static = static
        self._pose: Any = None
        self._seen = False

    def __enter__(self) -> PoseDetector:
        with native_stderr_silenced():
            # no smoothing inside the detector: it lags, and the fit smooths over both directions of time
            self._pose = solution("pose").Pose(
                static_image_mode=self._static,
                model_complexity=1,
                enable_segmentation=True,
                smooth_landmarks=False,
                smooth_segmentation=False,
            )
            self._pose.process(np.zeros((64, 64, 3), np.uint8))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with native_stderr_silenced():
            self._pose.close()

    def __call__(self, picture: np.ndarray) -> Hit | None:
        """picture: (H, W, 3) uint8 RGB → one person; None where nobody is found."""
        height, width = picture.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        # the graph says a few things more when it first sees a person
        with contextlib.nullcontext() if self._seen else native_stderr_silenced():
            result = self._pose.process(np.ascontiguousarray(picture))
        if result.pose_landmarks is None:
            return None
        self._seen = True
        marks, world = result.pose_landmarks.landmark, result.pose_world_landmarks.landmark
        points = np.array([(p.x * width, p.y * height) for p in marks], np.float32)
        visibility = np.array([p.visibility for p in marks], np.float32)
        # mediapipe: y down, z away from the viewer
        world_points = np.array([(p.x, -p.y, -p.z) for p in world], np.float32)
        return points, visibility, world_points, result.segmentation_mask


def mirrored(hit: Hit, width: int) -> Hit:
    """What was found in a picture that is `width` px wide, in its mirror image."""
    points, visibility, world, probability = hit
    points, world = points[MIRROR].copy(), world[MIRROR] * np.array([-1, 1, 1], np.float32)
    points[:, 0] = width - points[:, 0]
    return points, visibility[MIRROR], world, np.ascontiguousarray(probability[:, ::-1])


def person_box(points: np.ndarray, visibility: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The square (centre x, centre y, side), px, that holds the person with a margin.

    points (33, 2) px, visibility (33,), mask (h, w) probability over the picture, size (width, height).
    """
    seen = points[visibility > 0.5]
    low = seen.min(0) if len(seen) else points.min(0)
    high = seen.max(0) if len(seen) else points.max(0)
    rows, columns = np.flatnonzero((mask > 0.5).any(1)), np.flatnonzero((mask > 0.5).any(0))
    if len(rows) and len(columns):
        to_px = np.array(size, np.float32) / mask.shape[::-1]
        low = np.minimum(low, np.array([columns[0], rows[0]]) * to_px)
        high = np.maximum(high, np.array([columns[-1] + 1, rows[-1] + 1]) * to_px)
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    side = max(float((high - low).max()) * (1 + 2 * CROP_MARGIN), 16.0)
    return np.array([*(low + high) / 2, side], np.float32)


def feet_inside(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Ankles, heels and toes of points (33, 2) px all lie in the picture (width, height)."""
    feet = points[FEET]
    return bool(((feet > 0) & (feet < size)).all())


def cut(picture: np.ndarray, crop: np.ndarray, size: int, fill: int | None = 0) -> np.ndarray:
    """Resample the square `crop` (centre x, centre y, side; px) of a picture to size × size.

    Outside the picture lies `fill`, or the nearest edge pixel where fill is None. Pixel centres at +0.5.
    """
    cx, cy, side = (float(v) for v in crop)
    scale = size / side
    height, width = picture.shape[:2]
    reach = side / 2 + 4 / min(scale, 1)  # only what the crop shows is worked on, with room for the filter
    left, top = (int(np.clip(np.floor(at - reach), 0, end - 1)) for at, end in ((cx, width), (cy, height)))
    right, bottom = (int(np.clip(np.ceil(at + reach), 1, end)) for at, end in ((cx, width), (cy, height)))
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    picture, cx, cy = picture[top:bottom, left:right], cx - left, cy - top
    matrix = np.array([[scale, 0, size / 2 - cx * scale], [0, scale, size / 2 - cy * scale]])
    matrix[:, 2] += 0.5 * scale - 0.5  # OpenCV counts from pixel centres
    if scale < 0.6:  # warpAffine has no area filter: shrink first, so that nothing aliases
        height, width = picture.shape[:2]
        shrunk = max(round(width * 2 * scale), 1), max(round(height * 2 * scale), 1)
        picture = cv2.resize(picture, shrunk, interpolation=cv2.INTER_AREA)
        for axis, (centre, ratio) in enumerate(((cx, shrunk[0] / width), (cy, shrunk[1] / height))):
            inner = scale / ratio  # a little more or less than 1/2: whole pixels only
            matrix[axis, axis], matrix[axis, 2] = inner, size / 2 - centre * scale + 0.5 * inner - 0.5
    border = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    return cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(fill or 0,) * 4
    )


def uncut(mask: np.ndarray, crop: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Put a mask (M, M) back to where `crop` (3,) px was cut: (H, W) of size (width, height), 0 outside."""
    cx, cy, side = (float(v) for v in crop)
    scale = side / mask.shape[0]
    left, top = cx - side / 2, cy - side / 2
    matrix = np.array([[scale, 0, left + 0.5 * scale - 0.5], [0, scale, top + 0.5 * scale - 0.5]])
    return cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)


def found_in(picture: np.ndarray, hit: Hit) -> dict[str, Any]:
    """What the detector said of a picture, as `gather` takes it: points, visibility, world, mask (256, 256) uint8 and
    crop (3,) as `Keypoints` has them."""
    points, visibility, world, probability = hit
    size = (picture.shape[1], picture.shape[0])
    crop = person_box(points, visibility, probability, size)
    # where the picture cuts a person off, no outline is seen: they go on beyond as they are at its edge
    mask = mask_in(probability, crop, size, fill=0 if feet_inside(points, size) else None)
    return dict(points=points, visibility=visibility, world=world, mask=mask, crop=crop)


def mask_in(probability: np.ndarray, crop: np.ndarray, size: tuple[int, int], fill: int | None = 0) -> np.ndarray:
    """(256, 256) uint8: the part of a probability (h, w) over a picture of size (width, height) that `crop` shows."""
    to_mask = probability.shape[1] / size[0]
    return cut((probability * 255).astype(np.uint8), crop * to_mask, MASK_SIZE, fill=fill)


def gather(found: list[dict[str, Any] | None], image_size: tuple[int, int]) -> Keypoints:
    """One `Keypoints` of what `found_in` gave for each picture, None for nobody; masks are packed (`Masks`) already."""
    nobody: dict[str, Any] = dict(
        points=np.full((N_LANDMARKS, 2), np.nan, np.float32),
        visibility=np.zeros(N_LANDMARKS, np.float32),
        world=np.zeros((N_LANDMARKS, 3), np.float32),
        mask=Masks.pack([np.zeros((MASK_SIZE, MASK_SIZE), np.uint8)], MASK_SIZE).packed[0],
        crop=np.array([image_size[0] / 2, image_size[1] / 2, max(image_size)], np.float32),
    )
    rows = [f or nobody for f in found]
    points, visibility, world, crop = (
        np.stack([row[name] for row in rows]) for name in ("points", "visibility", "world", "crop")
    )
    masks = Masks(tuple(row["mask"] for row in rows), MASK_SIZE)
    return Keypoints(points, visibility, world, masks, crop, image_size)


JUMP = 0.3  # of the person's crop: a torso this far from where it was just before and after is somebody else's
JUMP_FRAMES = 3  # … for at most about so long


def drop_jumps(keypoints: Keypoints) -> Keypoints:
    """Take frames for empty in which the detector was on somebody or something else for a moment: the torso is far
    from its median over the neighbouring frames, while those agree among themselves."""
    rows = np.flatnonzero(keypoints.found)
    if len(rows) < 2 * JUMP_FRAMES + 1:
        return keypoints
    torso = keypoints.points[rows][:, [11, 12, 23, 24]].mean(1)
    reach = JUMP * float(np.median(keypoints.crop[rows, 2]))
    points, visibility = keypoints.points.copy(), keypoints.visibility.copy()
    for index, row in enumerate(rows):
        low, high = max(index - JUMP_FRAMES, 0), min(index + JUMP_FRAMES + 1, len(rows))
        around = np.delete(torso[low:high], index - low, 0)
        middle = np.median(around, 0)
        apart = np.linalg.norm(around - middle, axis=1)
        if np.linalg.norm(torso[index] - middle) > reach and np.median(apart) < reach / 2:
            points[row], visibility[row] = np.nan, 0.0
    return replace(keypoints, points=points, visibility=visibility)


SPIKE = 0.05  # of the person's crop, and …
SPIKES = 4.0  # … times what a point is off in the median frame, and …
BOW = 0.3  # … of its way from the frame before to the one after: it isn't so far from where those lead


def doubt_spikes(keypoints: Keypoints) -> Keypoints:
    """Points that jump aside for one frame lose their visibility: an arm laid on the trunk, a shoulder on the other.

    Where a point may be follows from the frame before, the one after, or both, whether it stays or moves on as it did:
    a fast move, its beginning and its turning point included, is no jump.
    """
    found = keypoints.found
    if not found.any():
        return keypoints
    points = keypoints.points / np.median(keypoints.crop[found, 2])
    off = np.fmin(_off_course(points), _off_course(points[::-1])[::-1])
    before, after = points[:-2], points[2:]
    off[1:-1] = np.fmin(off[1:-1], np.linalg.norm(points[1:-1] - (before + after) / 2, axis=-1))
    usual = np.median(off[found], 0)
    off[1:-1] -= BOW * np.linalg.norm(after - before, axis=-1)
    off[~(found & np.roll(found, 1) & np.roll(found, -1))] = 0
    off[[0, -1]] = 0  # with frames on one side alone, nothing is told from a move that begins
    spiky = off > SPIKE + SPIKES * usual
    return replace(keypoints, visibility=np.where(spiky, 0, keypoints.visibility).astype(np.float32))


TOGETHER, APART = 0.04, 0.1  # of the person's crop, between ankles: on one leg; on two, in the frames beside
STRAYED = 2.0  # times as far off its way as the other: that ankle is the one that isn't there


def doubt_doubled(keypoints: Keypoints) -> Keypoints:
    """Feet that are found on the other leg for one frame, their own being hidden, lose their visibility: the ankles lie
    together, while they are apart just before and after, and one of them has left its way to be there."""
    if len(keypoints) < 3 or not keypoints.found.any():
        return keypoints
    ankles = keypoints.points[:, [27, 28]] / np.median(keypoints.crop[keypoints.found, 2])
    apart = np.linalg.norm(ankles[:, 0] - ankles[:, 1], axis=-1)
    off = np.linalg.norm(ankles[1:-1] - (ankles[:-2] + ankles[2:]) / 2, axis=-1)
    doubled = (apart[1:-1] < TOGETHER) & (apart[:-2] > APART) & (apart[2:] > APART)
    visibility = keypoints.visibility.copy()
    for leg, other, feet in ((0, 1, LEFT_LEG[2:]), (1, 0, RIGHT_LEG[2:])):
        strayed = doubled & (off[:, leg] > APART / 2) & (off[:, leg] > STRAYED * off[:, other])
        visibility[1 + np.flatnonzero(strayed)[:, None], feet] = 0
    return replace(keypoints, visibility=visibility)


def _off_course(points: np.ndarray) -> np.ndarray:
    """(T, N) how far points (T, N, 2) are from where they were one frame before, or from where they went then."""
    off = np.zeros(points.shape[:2])
    off[1:] = np.linalg.norm(points[1:] - points[:-1], axis=-1)
    off[2:] = np.fmin(off[2:], np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=-1))
    return off
