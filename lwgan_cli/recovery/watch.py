"""One pass over a clip: where the person is in every frame, what they look like, and where the shots end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from lwgan_cli.detection.crowd import Follower, Seen
from lwgan_cli.detection.face_detect import FaceDetector, FacePoints, head_window
from lwgan_cli.detection.hand_detect import NO_HANDS, HandDetector, HandPoints, made_up
from lwgan_cli.detection.hidden_hands import face_look, hidden
from lwgan_cli.detection.keypoints import (
    MASK_SIZE,
    cut,
    doubt_doubled,
    doubt_spikes,
    drop_jumps,
    gather,
    mask_in,
    uncut,
)
from lwgan_cli.detection.leaving import let_out
from lwgan_cli.detection.sides import unswap
from lwgan_cli.errors import LwganError
from lwgan_cli.frames.camera_motion import CameraFollower
from lwgan_cli.records import Keypoints, Masks
from lwgan_cli.threads import ahead

JPEG_QUALITY = 95
BACKGROUND_SIDE = 256  # px, the longer side of masks of what is nobody
CUT_HISTOGRAM = 0.35  # Bhattacharyya distance of neighbouring frames' colours …
CUT_DIFFERENCE = 22.0  # … and mean difference of their thumbnails, of 255, that make a shot change together


class CropStore:
    """Pictures of the person, (256, 256, 3) uint8 RGB, on disk rather than in memory: a clip may be long.

    The file has no name and is gone with the object.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="lwgan-")  # noqa: SIM115 (as long as the object lives)
        self._places: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._places)

    def append(self, crop: np.ndarray) -> None:
        """Raises LwganError where the temporary folder is full."""
        _, data = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        try:
            start = self._file.seek(0, 2)
            self._file.write(data.tobytes())
            self._file.flush()
        except OSError as error:
            raise LwganError(
                f"the temporary folder {tempfile.gettempdir()} can't be written ({error.strerror}): free some"
                " room, or set TMPDIR to another folder"
            ) from error
        self._places.append((start, len(data)))

    def __getitem__(self, row: int) -> np.ndarray:
        start, size = self._places[row]
        self._file.seek(start)
        data = np.frombuffer(self._file.read(size), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


class ShotCounter:
    """Numbers the shots of a clip, frame by frame."""

    def __init__(self) -> None:
        self._shot = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, picture: np.ndarray) -> int:
        """The shot that this frame, (H, W, 3) uint8, belongs to."""
        small = cv2.resize(picture, (64, 36), interpolation=cv2.INTER_AREA)
        colours = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
        if self._last is not None:
            thumbnail, before = self._last
            changed = cv2.compareHist(before, colours, cv2.HISTCMP_BHATTACHARYYA) > CUT_HISTOGRAM
            moved = float(np.abs(small.astype(np.float32) - thumbnail).mean()) > CUT_DIFFERENCE
            self._shot += changed and moved
        self._last = (small.astype(np.float32), colours)
        return self._shot


@dataclass(frozen=True)
class Watched:
    """A clip as the fit sees it: keypoints (T), the person's pictures (T), shots (T,) int32, what of each crop other
    people cover (T masks), how many people the first picture shows that shows anybody; the face's and the hands' points
    (T), None where they weren't looked for; scene (T, 2, 3): see `records.Motion`."""

    keypoints: Keypoints
    crops: CropStore
    shots: np.ndarray
    others: Masks
    people: int
    face: FacePoints | None = None
    hands: HandPoints | None = None
    scene: np.ndarray | None = None


def watch(
    pictures: Iterable[np.ndarray],
    done: Callable[[int], None] = lambda n: None,
    static: bool = False,
    face: bool = False,
    hands: bool = False,
    follower: Follower | None = None,
    scene: bool = False,
) -> Watched:
    """Detect the person in a stream of pictures (H, W, 3) uint8 RGB of one size; memory stays flat.

    static: the pictures are no sequence; face, hands: look for their points too; scene: and for how the camera moves;
    follower: who is meant where there are several, the largest if not given. Raises LwganError where mediapipe is
    missing, InputError where the one who is meant isn't there.
    """
    found: list[dict[str, Any] | None] = []
    crops, looks, count, shots = CropStore(), CropStore(), ShotCounter(), [0]
    others: list[bytes] = []
    faces: list[np.ndarray | None] = []
    pairs: list[np.ndarray] = []
    size = (0, 0)
    camera = CameraFollower()
    nobody = Masks.pack([np.zeros((MASK_SIZE, MASK_SIZE), np.uint8)], MASK_SIZE).packed
    with ExitStack() as stack:
        follow = stack.enter_context(follower or Follower(static=static))
        mesh = stack.enter_context(FaceDetector(static)) if face else None
        grip = stack.enter_context(HandDetector(static)) if hands else None

        def followed() -> Iterator[tuple[np.ndarray, Seen | None]]:
            for picture in pictures:
                shots.append(count(picture))
                yield picture, follow(picture, new_shot=shots[-1] != shots[-2])

        for picture, seen in ahead(followed()):  # face and hands of one are looked for while the next is found
            size = (picture.shape[1], picture.shape[0])
            hit = None if seen is None else seen.found
            shown = picture if seen is None else seen.picture  # a face or a hand beside them is somebody else's
            if mesh is not None:
                window = None if hit is None else head_window(hit["points"], hit["visibility"])
                faces.append(mesh(shown, window))
                looks.append(face_look(shown, faces[-1]))
            if grip is not None:
                pairs.append(NO_HANDS if hit is None else grip(shown, hit["points"], hit["visibility"]))
            beside = None if seen is None else seen.others
            if scene:
                new = shots[len(found) + 1] != shots[len(found)]
                camera(picture, _background(hit, beside, size), new or not found)
            if hit is not None:  # packed at once: raw masks of a long clip would fill the memory
                hit = {**hit, "mask": Masks.pack([hit["mask"]], MASK_SIZE).packed[0]}
            found.append(hit)
            crop = hit["crop"] if hit is not None else np.array([size[0] / 2, size[1] / 2, max(size)], np.float32)
            others += nobody if beside is None else Masks.pack([mask_in(beside, crop, size)], MASK_SIZE).packed
            crops.append(cut(picture, crop, MASK_SIZE, fill=None))
            done(1)
    numbers = np.array(shots[1:], np.int32)
    points = FacePoints.of(faces) if faces else None
    mended, grips = _mended(gather(found, size), HandPoints.of(pairs) if pairs else None, numbers, points, looks)
    return Watched(
        mended,
        crops,
        numbers,
        Masks(tuple(others), MASK_SIZE),
        len(follow.people),
        points,
        grips,
        camera.motions(numbers, size) if scene else None,
    )


def _background(hit: dict[str, Any] | None, others: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: nobody is here, in a picture of size (width, height)."""
    scale = BACKGROUND_SIDE / max(size)
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    covered = np.zeros(small[::-1], np.uint8)
    if hit is not None:
        covered = uncut(hit["mask"], hit["crop"] * scale, small)
    if others is not None:
        covered = np.maximum(covered, cv2.resize((others * 255).astype(np.uint8), small, interpolation=cv2.INTER_AREA))
    return cv2.dilate(covered, np.ones((7, 7), np.uint8)) < 64


def _mended(
    keypoints: Keypoints, hands: HandPoints | None, shots: np.ndarray, face: FacePoints | None = None,
    looks: CropStore | None = None,
) -> tuple[Keypoints, HandPoints | None]:  # fmt: skip
    """What can be told from neighbouring frames of a shot: who is turned round, whose limbs are swapped, and the hands
    with the arms; which frames saw somebody else, which points something else, and hands where there are none, beyond
    the picture's edge or, by the face's `looks`, behind the head."""
    points, visibility, world = keypoints.points.copy(), keypoints.visibility.copy(), keypoints.world.copy()
    crossed = np.zeros(len(shots), bool)
    for shot in np.unique(shots):
        rows = np.flatnonzero(shots == shot)
        seen = replace(
            keypoints, points=points[rows], visibility=visibility[rows], world=world[rows], crop=keypoints.crop[rows]
        )
        part, crossed[rows] = unswap(seen)
        part = doubt_doubled(doubt_spikes(drop_jumps(part)))
        points[rows], visibility[rows], world[rows] = part.points, part.visibility, part.world
    mended = replace(keypoints, points=points, visibility=visibility, world=world)
    if hands is not None:
        hands = HandPoints(np.where(crossed[:, None, None, None], hands.points[:, ::-1], hands.points))
        mended = replace(mended, visibility=np.where(made_up(mended, hands, shots), 0, visibility).astype(np.float32))
        mended, hands = let_out(mended, hands, shots)
        if face is not None and looks is not None:
            mended = replace(mended, behind=hidden(mended, face, looks.__getitem__, hands, shots))
    return mended, hands
