"""One clip of results against the pictures that should have come out.

Everything is compared in one box: where the real person is over the clip, and 15 % around it, 512 px along its
longer side. Frames without a person to be found count as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from lwgan_cli.detection.keypoints import PoseDetector
from lwgan_cli.errors import InputError
from lwgan_cli.evaluation.judges import Features, Judges
from lwgan_cli.frames.photo import over
from lwgan_cli.metrics.keypoints import akd, trusted
from lwgan_cli.metrics.mask import iou
from lwgan_cli.metrics.picture import l1, mean_ssim, ms_ssim, psnr, sharpness, ssim_map
from lwgan_cli.metrics.temporal import jitter, lag, speed, warping_error
from lwgan_cli.records import N_LANDMARKS

MARGIN, SIDE = 0.15, 512
REACH = 9  # px around the person that count as it
GREY = (128, 128, 128)  # behind transparent pictures
THUMBNAIL = 256  # px high


@dataclass(frozen=True)
class Box:
    """left, top, right, bottom px of the pictures; size (width, height) px that it is brought to."""

    edges: tuple[int, int, int, int]
    size: tuple[int, int]

    @classmethod
    def around(cls, seen: np.ndarray) -> Box:
        """Of what a mask (H, W) bool covers."""
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        height, width = seen.shape
        margin = MARGIN * max(np.ptp(rows), np.ptp(columns))
        left, right = max(int(columns[0] - margin), 0), min(int(columns[-1] + margin) + 1, width)
        top, bottom = max(int(rows[0] - margin), 0), min(int(rows[-1] + margin) + 1, height)
        scale = SIDE / max(right - left, bottom - top)
        size = max(8, round((right - left) * scale)), max(8, round((bottom - top) * scale))
        return cls((left, top, right, bottom), size)

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Of a picture (H, W, …)."""
        left, top, right, bottom = self.edges
        part = picture[top:bottom, left:right]
        mode = cv2.INTER_AREA if self.size[0] < right - left else cv2.INTER_LINEAR
        return cv2.resize(part, self.size, interpolation=mode)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (…, 2) px of the picture in the box's."""
        left, top, right, bottom = self.edges
        scale = np.array([self.size[0] / (right - left), self.size[1] / (bottom - top)])
        return (points - [left, top]) * scale


@dataclass(frozen=True)
class Glance:
    """One picture: colours (H, W, 3) uint8, mask (H, W) float32 [0, 1] of the person, points (33, 2) px, NaN where
    nobody is found or looked for, visibility (33,)."""

    picture: np.ndarray
    mask: np.ndarray
    points: np.ndarray
    visibility: np.ndarray


def look(pictures: Iterable[np.ndarray]) -> Iterator[Glance]:
    """At pictures (H, W, 3) uint8, whose person the detector finds, or (H, W, 4), where alpha shows them."""
    nobody = np.full((N_LANDMARKS, 2), np.nan), np.zeros(N_LANDMARKS)
    with ExitStack() as stack:
        detector: PoseDetector | None = None
        for picture in pictures:
            if picture.shape[2] == 4:
                yield Glance(over(picture, GREY), picture[..., 3].astype(np.float32) / 255, *nobody)
                continue
            if detector is None:
                detector = stack.enter_context(PoseDetector(static=True))
            hit = detector(picture)
            if hit is None:
                yield Glance(picture, np.zeros(picture.shape[:2], np.float32), *nobody)
            else:
                mask = cv2.resize(hit[3], (picture.shape[1], picture.shape[0]))
                yield Glance(picture, mask, hit[0].astype(np.float64), hit[1])


@dataclass
class Reference:
    """A real clip, seen once for all methods: its box, and in it each picture (as PNG: a clip may be long), mask,
    points (T, 33, 2) and visibility (T, 33); height of the person, px of the box."""

    box: Box
    size: tuple[int, int]
    pictures: list[bytes]
    masks: list[np.ndarray]
    points: np.ndarray
    visibility: np.ndarray
    height: float

    @classmethod
    def of(cls, real: Iterable[np.ndarray], first: int) -> Reference:
        """From the `first` picture on; `real` is gone through twice. Raises InputError where nobody is found."""
        seen: np.ndarray | None = None
        glances = []
        for row, glance in enumerate(look(real)):
            if row >= first:
                inside = glance.mask > 0.5
                seen = inside if seen is None else seen | inside
                glances.append((np.packbits(inside), glance.points, glance.visibility))
        if seen is None or not seen.any():
            raise InputError("nobody was found in the real pictures; use a clip that shows a person")
        box = Box.around(seen)
        cuts = (box.cut(_opaque(picture)) for row, picture in enumerate(real) if row >= first)
        masks = []
        for packed, _, _ in glances:
            whole = np.unpackbits(packed, count=seen.size).reshape(seen.shape)
            masks.append(box.cut(whole.astype(np.float32)) > 0.5)
        tall = [np.ptp(np.flatnonzero(mask.any(1))) for mask in masks if mask.any()]
        return cls(
            box, (seen.shape[1], seen.shape[0]), [_png(cut) for cut in cuts], masks,
            box.place(np.array([points for _, points, _ in glances])), np.array([v for _, _, v in glances]),
            float(np.median(tall)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> np.ndarray:
        """(h, w, 3) uint8."""
        return cv2.imdecode(np.frombuffer(self.pictures[row], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]

    def sure(self) -> np.ndarray:
        """(T, 13), see `keypoints.trusted`."""
        return trusted(self.points, self.visibility, self.box.size)

    @cached_property
    def warping_error(self) -> float:
        """See `metrics.temporal`."""
        return warping_error(self[row] for row in range(len(self)))


@dataclass
class Measured:
    """What came out of one method in one case.

    frames      a number for each frame, by measure
    clip        one number for all of them, by measure
    thumbnails  JPEGs of the box
    features    for what compares sets
    """

    frames: dict[str, list[float]] = field(default_factory=dict)
    clip: dict[str, float] = field(default_factory=dict)
    thumbnails: list[bytes] = field(default_factory=list)
    features: Features = field(default_factory=Features)


def measure(results: Iterable[np.ndarray], reference: Reference, judges: Judges) -> Measured:
    """Results (H, W, 3 or 4) uint8, one for each picture of the reference, at its size.

    ssim, ms_ssim, psnr, l1   of the box; p_ssim, p_psnr, p_l1 of the persons in both and 9 px around
    iou, sharp                of the persons' masks; Laplacian energy on the real person, result over real
    akd, mkr, jitter, speed, lag, warp   over the clip, see `metrics`; only where the detector looked; warp is the
                              warping error, result over real
    """
    made = Measured()
    points, visibility, cuts = [], [], []
    for row, glance in enumerate(look(results)):
        if glance.picture.shape[:2] != reference.size[::-1]:
            raise ValueError(f"a result of {glance.picture.shape} against real pictures of {reference.size}")
        ours, real = reference.box.cut(glance.picture), reference[row]
        mask, true = reference.box.cut(glance.mask) > 0.5, reference.masks[row]
        person = cv2.dilate((mask | true).astype(np.uint8), np.ones((REACH, REACH), np.uint8)) > 0
        place = reference.box.place(glance.points)
        similar = ssim_map(ours, real)
        values = {
            "ssim": mean_ssim(similar), "ms_ssim": ms_ssim(ours, real), "psnr": psnr(ours, real), "l1": l1(ours, real),
            "p_ssim": mean_ssim(similar, person), "p_psnr": psnr(ours, real, person), "p_l1": l1(ours, real, person),
            "iou": iou(mask, true), "sharp": sharpness(ours, real, true),
            **judges.pair(ours, real, place, reference.points[row]),
        }  # fmt: skip
        for name, value in values.items():
            made.frames.setdefault(name, []).append(value)
        made.features.extend(judges.features(ours, mask))
        made.thumbnails.append(thumbnail(ours))
        points.append(place)
        visibility.append(glance.visibility)
        cuts.append(_png(ours))
    if len(points) != len(reference):
        raise ValueError(f"{len(points)} results for {len(reference)} real pictures")
    if np.isfinite(reference.points).any():
        ours_at, sure = np.array(points), reference.sure()
        distance, missing = akd(ours_at, np.array(visibility), reference.points, sure, reference.height)
        made.clip = {
            "akd": distance, "mkr": missing, **motion(ours_at, reference.points, sure),
            "warp": warping_error(map(_decoded, cuts)) / max(reference.warping_error, 1e-9),
        }  # fmt: skip
    return made


def watch_cross(results: Iterable[np.ndarray], driver: Reference, judges: Judges) -> Measured:
    """Results of somebody else's motion: nobody knows how they should look, but they move as the driver does, each
    measured by their own height: jitter, speed and lag, as in `measure`."""
    made = Measured()
    points, tall = [], []
    for cut, mask, place in _boxed(look(results)):
        made.features.extend(judges.features(cut, mask))
        made.thumbnails.append(thumbnail(cut))
        tall.append(float(np.ptp(np.flatnonzero(mask.any(1)))) if mask.any() else float("nan"))
        points.append(place)
    scale = driver.height / float(np.nanmedian(tall)) if np.isfinite(tall).any() else float("nan")
    made.clip = motion(np.array(points) * scale, driver.points, driver.sure())
    return made


def show(results: Iterable[np.ndarray], judges: Judges) -> Measured:
    """Results that nobody knows the truth of, to look at, and for what compares sets."""
    made = Measured()
    for cut, mask, _ in _boxed(look(results)):
        made.features.extend(judges.features(cut, mask))
        made.thumbnails.append(thumbnail(cut))
    return made


def motion(ours: np.ndarray, real: np.ndarray, sure: np.ndarray) -> dict[str, float]:
    """jitter, speed and lag, see `metrics.temporal`."""
    return {"jitter": jitter(ours, real, sure), "speed": speed(ours, real, sure), "lag": lag(ours, real, sure)}


def _boxed(glances: Iterable[Glance]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Whole pictures at SIDE px, masks and points with them."""
    for glance in glances:
        box = Box((0, 0, glance.picture.shape[1], glance.picture.shape[0]), _at_side(glance.picture))
        yield box.cut(glance.picture), box.cut(glance.mask) > 0.5, box.place(glance.points)


def _at_side(picture: np.ndarray) -> tuple[int, int]:
    scale = SIDE / max(picture.shape[:2])
    return max(8, round(picture.shape[1] * scale)), max(8, round(picture.shape[0] * scale))


def thumbnail(picture: np.ndarray) -> bytes:
    """A small JPEG of a picture (h, w, 3) uint8, for the report."""
    scale = min(1.0, THUMBNAIL / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _opaque(picture: np.ndarray) -> np.ndarray:
    return over(picture, GREY) if picture.shape[2] == 4 else picture


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _decoded(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
