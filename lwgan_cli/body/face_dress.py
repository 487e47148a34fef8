"""The face on the body: the head turned as the face says, and the surface laid on the photo's features."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.transform import Rotation

from lwgan_cli.body.face_places import IRIS, FacePlaces, eyeballs
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, skin, skinning_transforms
from lwgan_cli.records import Motion

NECK, HEAD = 12, 15
NECK_SHARE = 0.5  # of what the fitted head lacks
FURTHEST = np.radians(45)  # a face that says more of the body's fit than that is a wrong one
NOISE = 0.0008  # m of a point
REACHES = ((0.020, 0.040), (0.004, 0.010))  # m: how far the surface may have to move, and over which distance alike


def turn_head(model: BodyModel, motion: Motion, turns: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Poses (T, 24, 3) of a motion with the head's orientation that the face shows.

    turns (T, 3, 3) of the head, T-pose's axes to the viewer's; trust (T,) in [0, 1] is the share of the way there.
    Neck and head each make up for half of what the fit lacks.
    """
    poses = torch.from_numpy(motion.poses)
    transforms, _ = forward_kinematics(poses, joints_rest(model, torch.from_numpy(motion.betas)), model.parents)
    world = transforms[..., :3, :3].double().numpy()
    chest = Rotation.from_matrix(world[:, model.parents[NECK]])
    neck, head = (Rotation.from_rotvec(motion.poses[:, joint]) for joint in (NECK, HEAD))
    wanted = chest.inv() * Rotation.from_matrix(turns)
    lacks = (wanted * (neck * head).inv()).as_rotvec()
    angle = np.linalg.norm(lacks, axis=1)
    lacks *= (trust * np.clip(FURTHEST / np.maximum(angle, 1e-6), 0, 1))[:, None]
    turned = Rotation.from_rotvec(NECK_SHARE * lacks) * neck
    rest = turned.inv() * Rotation.from_rotvec(lacks) * neck * head
    result = motion.poses.copy()
    result[:, NECK], result[:, HEAD] = turned.as_rotvec(), rest.as_rotvec()
    return result


def lay_face(
    model: BodyModel,
    places: FacePlaces,
    motion: Motion,
    offsets: torch.Tensor,
    points: np.ndarray,
    face: torch.Tensor,
) -> torch.Tensor:
    """Offsets (V, 3) m, T-pose, with which the body's face lies on the photo's.

    motion of the photo (one frame), its offsets so far, points (478, 3) px as `FacePoints` has them, and the strengths
    (52,) of the body's actions that the photo shows. The surface moves in the picture plane, smoothly; each eyeball as
    a whole, with its iris.
    """
    poses, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    vertices, _ = skin(model, poses, betas, offsets, face=face)
    matrix, _, _ = skinning_transforms(model, poses, betas)
    scale, x, y = motion.picture_camera()[0]
    now = places.of(vertices[0]).double().numpy()
    lacks = np.zeros_like(now)
    lacks[:, 0] = (points[:, 0] - x) / scale - now[:, 0]
    lacks[:, 1] = (y - points[:, 1]) / scale - now[:, 1]
    inverse = np.linalg.inv(places.of(matrix[0].flatten(1)).double().numpy().reshape(-1, 3, 3))
    lacks = np.einsum("nij,nj->ni", inverse, lacks)
    skin_points = slice(0, IRIS.start)
    rest = model.v_template.double().numpy()
    at = places.of(model.v_template).double().numpy()[skin_points]
    noise = np.hypot(places.spread.numpy()[skin_points].astype(np.float64), NOISE)
    solve = cho_solve(cho_factor(_kernel(at, at) + np.diag(noise**2)), lacks[skin_points])
    near = np.flatnonzero(model.lbs_weights[:, [NECK, HEAD]].sum(1).numpy() > 0.05)
    moves = np.zeros_like(rest)
    moves[near] = _kernel(rest[near], at) @ solve
    for eye, iris in zip(eyeballs(model), (range(468, 473), range(473, 478)), strict=True):
        moves[eye] = lacks[list(iris)].mean(0)
    return offsets + torch.from_numpy(moves.astype(np.float32))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return sum((move**2 * np.exp(-squared / (2 * reach**2)) for move, reach in REACHES), np.zeros_like(squared))
