"""Offsets made fit to move: where clothes would fold the surface over in some pose they are smoothed away.

Cloth that lies well in the photo's pose may turn faces inside out in another: behind a knee, in an armpit, where
a swollen thigh meets the trunk. A few trial poses show nearly all such places before any driver does.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from lwgan_cli.body.model import BodyModel, skin

ROUNDS = 8
RING = 2  # edges that the smoothing reaches beyond a folded face
SPREAD = 4  # edges over which the mean is taken
SHRINK = 0.85  # of the mean: what still folds after several rounds ends up on the naked body
# joints and their axis-angles, rad, of the trial poses, T-pose and the photo's own pose aside
TRIALS: tuple[dict[int, tuple[float, float, float]], ...] = (
    {16: (0, 0, -1.25), 17: (0, 0, 1.25), 1: (-1.2, 0, 0), 4: (1.4, 0, 0)},  # arms hang, one knee up
    {13: (0, 0, 0.3), 14: (0, 0, -0.3), 16: (0, 0, 1.2), 17: (0, 0, -1.2), 15: (0, 0.8, 0),
     1: (0, 0, 0.4), 2: (-0.5, 0, -0.4)},  # arms up, legs apart
    {16: (0, -1.2, 0), 17: (0, 1.2, 0), 18: (0, -1.6, 0), 19: (0, 1.6, 0), 3: (0.5, 0, 0),
     1: (-1.5, 0, 0), 2: (-1.5, 0, 0), 4: (1.8, 0, 0), 5: (1.8, 0, 0)},  # a squat, arms crossed
)  # fmt: skip


def trial_poses(pose: torch.Tensor) -> torch.Tensor:
    """(2 + len(TRIALS), 24, 3): the pose given (24, 3), T-pose and the trials."""
    poses = torch.zeros(1 + len(TRIALS), 24, 3)
    for row, joints in enumerate(TRIALS, 1):
        for joint, turn in joints.items():
            poses[row, joint] = torch.tensor(turn, dtype=torch.float32)
    return torch.cat([pose[None], poses.to(pose)])


def flipped_faces(
    model: BodyModel, poses: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor, naked: torch.Tensor | None = None
) -> torch.Tensor:
    """(T, F) bool: faces that look the other way than the naked body's in poses (T, 24, 3).

    naked (T, F, 3): the naked body's normals in these poses, where they are known already.
    """
    if naked is None:
        naked = posed_normals(model, poses, betas, None)
    return (posed_normals(model, poses, betas, offsets) * naked).sum(-1) < 0


def posed_normals(
    model: BodyModel, poses: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor | None
) -> torch.Tensor:
    """(T, F, 3) normals, their length twice the face's area, of the body in poses (T, 24, 3)."""
    a, b, c = skin(model, poses, betas, offsets)[0][:, model.faces].unbind(2)
    return torch.linalg.cross(b - a, c - a, dim=-1)


def unfold(model: BodyModel, pose: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Offsets (V, 3) m that fold fewer faces over in the photo's pose (24, 3) and in the trial poses; elsewhere
    as they are. betas (10,)."""
    poses = trial_poses(pose)
    naked = posed_normals(model, poses, betas, None)
    faces = model.faces.cpu().numpy()
    mean = _neighbour_mean(faces, len(offsets))
    moved = offsets.cpu().numpy()
    for _ in range(ROUNDS):
        folded = flipped_faces(model, poses, betas, torch.from_numpy(moved).to(offsets), naked).any(0).cpu().numpy()
        if not folded.any():
            break
        share = np.zeros((len(moved), 1), np.float32)
        share[faces[folded]] = 1
        for _ in range(RING):
            share = np.maximum(share, mean @ share)
        smooth = moved
        for _ in range(SPREAD):
            smooth = mean @ smooth
        moved = moved + share * (SHRINK * smooth - moved)
    return torch.from_numpy(moved).to(offsets)


def _neighbour_mean(faces: np.ndarray, count: int) -> sparse.csr_matrix:
    """(V, V): each vertex's mean over those that it shares an edge with."""
    start, end = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    both = (np.concatenate([start, end]), np.concatenate([end, start]))
    adjacency = sparse.coo_matrix((np.ones(len(both[0]), np.float32), both), shape=(count, count)).tocsr()
    degree = np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1)
    return (sparse.diags((1 / degree).astype(np.float32)) @ adjacency).tocsr()
