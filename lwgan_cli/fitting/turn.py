"""The camera walks around the person (the paper's novel view: M_t = M(θ_s, β_s) turned by R, t)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, joints_rest, skin
from lwgan_cli.fitting.retarget import Target, lowest_place

HIPS_AND_KNEES = (0, 4, 5)


def turn(
    model: BodyModel, target: Target, betas: np.ndarray, degrees: np.ndarray, elevation: float, pivot: int = 0,
    looks_down: float = 0.0, size: tuple[int, int] | None = None,
) -> Target:  # fmt: skip
    """The target seen from another side: turned about the vertical axis through the pelvis of frame `pivot`, or through
    the middle of what the picture shows of them, where it is of head and shoulders.

    degrees    (T,) 0: as it is; positive: the person turns to their left, that is, the camera walks to their right
    elevation  degrees that the camera looks down from; negative: up
    looks_down degrees that the target's own camera looks down: people lean towards it, and not aside when they turn
    size       (width, height) px of the picture; None: it shows all of them

    The camera keeps its scale, and that frame's feet keep their place. A weak-perspective camera knows nothing of
    depth: the way that the person has gone since the pivot counts as gone across the picture.
    """
    yaw, pitch = np.radians(degrees), np.radians(elevation)
    tilt = Rotation.from_euler("x", looks_down, degrees=True)
    around = tilt * Rotation.from_rotvec(np.outer(yaw, [0.0, 1.0, 0.0])) * tilt.inv()
    down_from = Rotation.from_rotvec([pitch, 0.0, 0.0])
    view = down_from * around
    poses = target.poses.copy()
    poses[:, 0] = (view * Rotation.from_rotvec(poses[:, 0])).as_rotvec()

    pelvis = joints_rest(model, torch.from_numpy(betas))[0].cpu().numpy().astype(np.float64)
    scale, x, y = target.camera.T
    across, down = x + scale * pelvis[0], y - scale * pelvis[1]
    floor = lowest_place(model, target.poses[pivot], betas) - pelvis[1]  # over the pelvis, m: below 0
    across = across[pivot] + (across - across[pivot]) * np.cos(yaw)
    down = down[pivot] + (down - down[pivot]) * np.cos(pitch) - scale * floor * (1 - np.cos(pitch))
    middle = np.zeros(3) if size is None else _middle(model, target, betas, pivot, size) - pelvis
    moved = down_from.apply(middle - around.apply(middle))
    across, down = across + scale * moved[:, 0], down - scale * moved[:, 1]
    return Target(poses, np.stack([scale, across - scale * pelvis[0], down + scale * pelvis[1]], 1))


def _middle(model: BodyModel, target: Target, betas: np.ndarray, pivot: int, size: tuple[int, int]) -> np.ndarray:
    """(3,) m from the body's origin: the pelvis where the picture shows it and the knees, else the middle of the
    surface that it shows, of which the most is face."""
    pose = torch.from_numpy(target.poses[pivot])[None].float()
    vertices, joints = (each[0].numpy().astype(np.float64) for each in skin(model, pose, torch.from_numpy(betas)))
    scale, x, y = target.camera[pivot]

    def shown(places: np.ndarray) -> np.ndarray:
        px = np.stack([x + scale * places[:, 0], y - scale * places[:, 1]], 1)
        within: np.ndarray = ((px > 0) & (px < np.array(size))).all(1)
        return within

    seen = vertices[shown(vertices)]
    if shown(joints)[list(HIPS_AND_KNEES)].all() or not len(seen):
        return joints[0]
    middle: np.ndarray = seen.mean(0)
    return middle
