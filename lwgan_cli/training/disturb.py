"""What real fits, masks and cameras get wrong, done to what a renderer knows exactly.

A network that trains on perfect bodies learns to trust them. Sizes follow what the fits of this project are off by
on rendered people: 8 to 17 mm in the picture's plane, 30 to 80 mm in depth, a few per cent in shape.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

# The joint that a bone ends at; -1 where a joint moves nothing beyond it.
_BONE_END = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, -1, 15, 16, 17, -1, 18, 19, 20, 21, 22, 23, -1, -1)
_DEPTH = 0.055  # m, standard deviation of a bone's end along the viewer's axis
_PLANE = 0.004  # m, the same across it
_SHORTEST = 0.25  # m: shorter bones turn no more than this one
_TWIST = 0.10  # rad about the bone itself, which shows least
_LEAF = 0.10  # rad of feet, hands and head
_SHAPE = (0.12, 0.2)  # of the stature's beta, of the others


def disturbed_pose(
    pose: np.ndarray, joints: np.ndarray, parents: tuple[int, ...], rng: np.random.Generator, amount: float = 1.0
) -> np.ndarray:
    """A pose (24, 3) axis-angle as a fit would have found it.

    Each bone is turned by itself, so that errors don't add up along a limb: mostly towards or away from the viewer,
    where a picture says little, and less so the more the bone points there already.

    joints   (24, 3) m of the shape in T-pose; parents as in `BodyModel`
    amount   1 for a usual fit, 0 for none
    """
    local = Rotation.from_rotvec(pose.astype(np.float64)).as_matrix()
    world = np.empty_like(local)
    for joint, parent in enumerate(parents):
        world[joint] = local[joint] if parent < 0 else world[parent] @ local[joint]
    away = np.array([0.0, 0.0, 1.0])
    turns = rng.normal(0, _LEAF, (len(parents), 3))
    shifts, twists = rng.normal(0, [_PLANE, _PLANE, _DEPTH], (len(parents), 3)), rng.normal(0, _TWIST, len(parents))
    for joint, end in enumerate(_BONE_END):
        if end < 0:
            continue
        bone = world[joint] @ (joints[end] - joints[joint])
        length = float(np.linalg.norm(bone))
        along = bone / max(length, 1e-6)
        depth = (away - along[2] * along) * (1 - along[2] ** 2)
        shift = shifts[joint] * [1, 1, 0] + shifts[joint, 2] * depth
        turns[joint] = np.cross(along, shift) / max(length, _SHORTEST) + twists[joint] * along
    world = Rotation.from_rotvec(amount * turns).as_matrix() @ world
    for joint, parent in enumerate(parents):
        local[joint] = world[joint] if parent < 0 else world[parent].T @ world[joint]
    return Rotation.from_matrix(local).as_rotvec().astype(np.float32)


def disturbed_shape(betas: np.ndarray, rng: np.random.Generator, amount: float = 1.0) -> np.ndarray:
    """Betas (10,) as a fit would have found them."""
    spread = np.full(len(betas), _SHAPE[1])
    spread[0] = _SHAPE[0]
    return (betas + amount * rng.normal(0, spread)).astype(np.float32)


def disturbed_camera(camera_px: np.ndarray, rng: np.random.Generator, amount: float | np.ndarray = 1.0) -> np.ndarray:
    """Cameras (T, 3) px (`Motion.picture_camera`), off by 1 % of scale and 4 mm of place times amount, () or (T, 1)."""
    scale, place = camera_px[:, :1], camera_px[:, 1:]
    scale = scale * (1 + amount * rng.normal(0, 0.01, scale.shape))
    return np.concatenate([scale, place + amount * scale * rng.normal(0, 0.004, place.shape)], 1)


def disturbed_alpha(alpha: np.ndarray, rng: np.random.Generator, wave: float, depth: float) -> np.ndarray:
    """A person mask (H, W) float32 [0, 1] whose outline wanders.

    wave   px, length of the outline's waves
    depth  px, how far it wanders (standard deviation), with a steady part of half as much in or out
    """
    inside = (alpha > 0.5).astype(np.uint8)
    if not inside.any() or inside.all():
        return alpha.astype(np.float32)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    # next to the edge the fraction that a pixel is covered by says where it runs
    distance = np.where(np.abs(distance) <= 1, alpha - 0.5, distance - 0.5 * np.sign(distance))
    height, width = alpha.shape
    field = rng.normal(0, 1, (max(2, round(height / wave)), max(2, round(width / wave)))).astype(np.float32)
    field = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    wandered = distance + depth * (field + 0.5 * rng.normal())
    return np.clip(wandered / rng.uniform(1.0, 2.5) + 0.5, 0, 1).astype(np.float32)


def exposed(picture: np.ndarray, grain: float, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) uint8 with a sensor's noise of `grain` grey levels."""
    noisy = picture + grain * rng.standard_normal(picture.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def stored(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) uint8 that was a JPEG before, of better or worse quality."""
    quality = int(rng.integers(75, 98))
    done, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]) if done else picture
