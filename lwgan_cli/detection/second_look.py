"""A second look at a photo, and at a clip's first frame, where the detector doubts a limb: at its mirror image.

It sees the two with different eyes. What it takes for a forearm in one, a cardigan's edge, it often has right in the
other, and is surer of. Later in a clip the neighbours of a frame tell as much.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lwgan_cli.detection.keypoints import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG, Hit, mirrored
from lwgan_cli.detection.sighting import Sighting

# points of each limb beyond shoulder or hip, those first of which the detector says best whether it sees them
LIMBS = tuple(limb[1:] for limb in (LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG))
TOLD_BY = 2
ELSEWHERE = 0.06  # of the person's height from one view's place to the other's, from which one of both is wrong
SURER = 0.1  # more visible, so that the mirror image's is believed


def doubted(hit: Hit, size: tuple[int, int]) -> list[list[int]]:
    """The limbs that may be elsewhere: not surely seen, but placed in the picture (width, height)."""
    points, visibility = hit[:2]
    inside = ((points > 0) & (points < size)).all(1)
    limbs = (list(limb) for limb in LIMBS)
    return [limb for limb in limbs if visibility[limb[:TOLD_BY]].min() < 1 - SURER and inside[limb[:TOLD_BY]].all()]


def second_look(detector: Callable[[np.ndarray], Hit | None], picture: np.ndarray, hit: Hit) -> Hit:
    """Who was found in a picture (H, W, 3) uint8, with limbs that its mirror image shows elsewhere, and more surely.
    `detector` takes each picture on its own."""
    limbs = doubted(hit, (picture.shape[1], picture.shape[0]))
    turned = detector(np.ascontiguousarray(picture[:, ::-1])) if limbs else None
    if turned is None:
        return hit
    other, person = mirrored(turned, picture.shape[1]), Sighting.of(hit, picture)
    if not person.agrees(Sighting.of(other, picture)):
        return hit
    points, visibility, world = (each.copy() for each in hit[:3])
    for limb in limbs:
        told = limb[:TOLD_BY]
        off = np.linalg.norm(points[told] - other[0][told], axis=1).max()
        if off > ELSEWHERE * person.height and other[1][told].min() > visibility[told].min() + SURER:
            points[limb], visibility[limb], world[limb] = (each[limb] for each in other[:3])
    return points, visibility, world, hit[3]
