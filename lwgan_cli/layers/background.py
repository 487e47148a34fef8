"""The background plate: the scene without its person, from one picture or pieced together from several."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from lwgan_cli.errors import InputError, LwganError
from lwgan_cli.frames.camera_motion import EXPLAINED, NONE, View, displacement, of_centres
from lwgan_cli.layers.below_feet import below_feet
from lwgan_cli.layers.cast_shadow import soft_shadow, specks
from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.layers.left_behind import left_behind
from lwgan_cli.layers.loose_hair import loose_strands
from lwgan_cli.layers.patch_fill import fill_patches

_CLIP_FRAMES = 24  # frames that a plate is pieced together from, at most
_STILL = 0.3  # px at the picture's corners: less is no camera movement
_SPECK = 0.01  # of the person's longer side: no less of the scene than its square stays within the hole
_STEP = 0.15  # of the person's longer side: so much higher in the picture one foot may stand than the other
_HAND, _FINGERS = 0.08, 0.03  # of that side: so far from its knuckles a hand reaches, and fingers beyond what is seen
_ALIKE = 6.0  # grey levels: pictures that differ by no more need no motion that would explain it


def background_plate(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The person removed from a picture, what stood behind made up from the rest of it.

    rgb     (H, W, 3) uint8
    alpha   (H, W) float32 in [0, 1], the person
    returns (H, W, 3) uint8; equal to `rgb` a little away from the person
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise LwganError(f"a picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    if alpha.shape != rgb.shape[:2]:
        raise LwganError(f"a mask of {alpha.shape} doesn't fit a picture of {rgb.shape[:2]}: resize it first")
    return fill_hole(rgb, person_hole(alpha, rgb))


def person_hole(
    alpha: np.ndarray,
    rgb: np.ndarray | None = None,
    head: tuple[np.ndarray, float] | None = None,
    hands: np.ndarray | None = None,
) -> np.ndarray:
    """(H, W) bool: the person with its soft rim, what the mask may have missed, and the shadow underfoot.

    alpha  (H, W) in [0, 1]
    rgb    (H, W, 3) uint8: with it, the soft shadow on a plain backdrop too, and what a floor shows below the feet
    head   the middle of the face (2,) px and px from there to the middle of the shoulders: with it, and rgb, strands of
           hair that the mask missed
    hands  (N, 2) px, those that are seen: with them, and rgb, limbs in motion that the mask missed, and things held
    """
    person = alpha > 0.05
    solid = alpha > 0.5
    if not solid.any():
        return person
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    longer = int(max(np.ptp(rows), np.ptp(columns))) + 1
    hole = cv2.dilate(person.astype(np.uint8), disk(max(2, round(0.012 * longer)))) > 0
    # What touches the ground darkens it: the lower end of each leg reaches further, down and sideways.
    height = len(person)
    lowest = height - 1 - solid[::-1].argmax(0)  # of each column, rows
    ends = solid.any(0) & (lowest > rows[-1] - _STEP * longer)
    feet = person & ends & (np.arange(height)[:, None] >= lowest - round(0.04 * longer))
    radius = max(2, round(0.02 * longer))
    # (anchored in its last row, the kernel looks up from each pixel, so that the feet spread down)
    reach = np.ones((2 * radius, 4 * radius + 1), np.uint8)
    shadow = cv2.dilate(feet.astype(np.uint8), reach, anchor=(2 * radius, 2 * radius - 1))
    hole |= cv2.dilate(shadow, disk(max(1, radius // 2))) > 0
    if rgb is not None:
        strands = False if head is None else loose_strands(rgb, alpha, hole, *head)
        hole |= soft_shadow(rgb, hole) | below_feet(rgb, hole, feet) | strands
    if rgb is not None and hands is not None:
        hole |= _around_hands(person, hands, longer)
        hole |= left_behind(rgb, alpha, hole, hands)
    return hole | specks(~hole, (_SPECK * longer) ** 2)


def _around_hands(person: np.ndarray, hands: np.ndarray, longer: int) -> np.ndarray:
    """(H, W) bool: hands (N, 2) px of the person (H, W) with the tips of fingers, thinner than any mask's doubt."""
    palms = np.zeros(person.shape, np.uint8)
    for x, y in np.rint(hands).astype(int).tolist():
        cv2.circle(palms, (x, y), round(_HAND * longer), 1, -1)
    palms[~person] = 0
    return cv2.dilate(palms, disk(max(1, round(_FINGERS * longer)))) > 0


def fill_hole(rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 with its hole (H, W) bool filled from the rest of the picture."""
    if not hole.any():
        return rgb.copy()
    if hole.all():
        raise InputError("the person covers the whole picture: no background is left; use --background COLOUR")
    filled = fill_patches(rgb.astype(np.float32), hole)
    return np.where(hole[..., None], np.clip(np.rint(filled), 0, 255).astype(np.uint8), rgb)


def plate_from_clip(frames: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> np.ndarray:
    """The scene of a clip, or of several photos from one tripod, without the person who moves in it.

    Each pixel is the median over the frames that show it free. Frames are brought into the first one's
    view where the camera moved, and left out where that fails. What no frame shows is filled as by
    `background_plate`.

    frames  (H, W, 3) uint8 each, all of one size; only some two dozen are held at a time
    masks   (H, W) in [0, 1] each, the person; as many as frames
    returns (H, W, 3) uint8 in the view of the first frame
    """
    kept = _spread(frames, masks)
    first, first_hole = kept[0]
    pictures, holes, view = [first], [first_hole], View(first, ~first_hole)
    for picture, hole in kept[1:]:
        if picture.shape != first.shape:
            raise LwganError(f"frames of {picture.shape[:2]} and {first.shape[:2]}: a plate needs one size")
        moved = _camera_motion(view, View(picture, ~hole))
        if moved is None:
            continue
        size = (first.shape[1], first.shape[0])
        if displacement(moved, size) > _STILL:
            moved = of_centres(moved)
            picture = cv2.warpAffine(picture, moved, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            hole = cv2.warpAffine(
                hole.astype(np.uint8), moved, size, flags=cv2.WARP_INVERSE_MAP, borderValue=1
            ) > 0  # fmt: skip
        pictures.append(picture)
        holes.append(hole)
    plate, count = _free_median(pictures, holes)
    # A pixel that hardly any frame shows free is one the masks missed the person at.
    needed = 1 if len(pictures) < 4 else max(2, round(0.12 * len(pictures)))
    return fill_hole(plate, count < needed)


def _spread(frames: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures and holes of evenly spread frames, the first among them, however many there are."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    stride = 1
    for index, (frame, mask) in enumerate(zip(frames, masks, strict=False)):
        if index % stride:
            continue
        if len(kept) == _CLIP_FRAMES:
            kept = kept[::2]
            stride *= 2
            if index % stride:
                continue
        kept.append((frame, person_hole(mask)))
    if not kept:
        raise InputError("a background plate needs at least one frame, and the clip has none")
    return kept


def _free_median(pictures: list[np.ndarray], holes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 median over the pictures outside their holes; (H, W) int how many those are."""
    out = np.empty_like(pictures[0])
    count = len(holes) - np.sum(holes, 0, dtype=np.int64)
    for top in range(0, len(out), 64):
        band = slice(top, top + 64)
        values = np.stack([picture[band] for picture in pictures]).astype(np.int16)
        values[np.stack([hole[band] for hole in holes])] = np.iinfo(np.int16).max  # sorted last
        values.sort(axis=0)
        middle = np.maximum(count[band] - 1, 0) // 2
        out[band] = np.take_along_axis(values, middle[None, ..., None], 0)[0].clip(0, 255)
    return out, count


def _camera_motion(first: View, other: View) -> np.ndarray | None:
    """(2, 3) float64, takes places in the first picture, px, to those in the other; None where unknown."""
    motion = first.to(other)
    moved_to, resting = first.unlike(other, NONE if motion is None else motion)
    if motion is not None and moved_to < EXPLAINED * resting:
        return motion
    return NONE if resting < _ALIKE else None  # a bare wall: nothing that a small movement would spoil
