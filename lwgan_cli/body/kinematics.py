"""The skeleton: its joints, its poses, and the points that hang on it by linear blend skinning.

Units: body space in metres; pictures in units of a length L (about the person's height) with y up. A camera
(s, tx, ty) takes metres to that plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lwgan_cli.records import N_JOINTS


@dataclass(frozen=True)
class Skeleton:
    """joints_rest (24, 3) m, T-pose joints of one shape; parents (24,), -1 at the root; subtree (24, 24)
    float, [k, j] = 1 where joint j hangs from k (k itself included)."""

    joints_rest: torch.Tensor
    parents: tuple[int, ...]
    subtree: torch.Tensor

    @classmethod
    def of(cls, joints_rest: torch.Tensor, parents: tuple[int, ...]) -> Skeleton:
        subtree = torch.zeros(N_JOINTS, N_JOINTS, dtype=joints_rest.dtype)
        for joint in range(N_JOINTS):
            above = joint
            while above >= 0:
                subtree[above, joint] = 1
                above = parents[above]
        return cls(joints_rest, tuple(parents), subtree)


@dataclass(frozen=True)
class State:
    """rotations (T, 24, 3, 3) of each joint in its parent's frame; camera (T, 3) = s, tx, ty."""

    rotations: torch.Tensor
    camera: torch.Tensor

    def __len__(self) -> int:
        return len(self.rotations)

    def __getitem__(self, rows: slice) -> State:
        return State(self.rotations[rows], self.camera[rows])


def log_so3(rotation: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (…, 3, 3) → axis-angle (…, 3) rad, angle in [0, π]. By quaternions, stable at π."""
    m = rotation
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    # four times the squared quaternion components; build the quaternion around the largest
    diag = torch.diagonal(m, dim1=-2, dim2=-1)
    q2 = torch.cat([(1 + trace)[..., None], 1 + 2 * diag - trace[..., None]], -1).clamp_min(0)
    largest = q2.argmax(-1)
    w = torch.stack(
        [1 + trace, m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1
    )
    x = torch.stack([w[..., 1], q2[..., 1], m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0]], -1)
    y = torch.stack([w[..., 2], m[..., 0, 1] + m[..., 1, 0], q2[..., 2], m[..., 1, 2] + m[..., 2, 1]], -1)
    z = torch.stack([w[..., 3], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1], q2[..., 3]], -1)
    q = torch.stack([w, x, y, z], -2)
    q = torch.take_along_dim(q, largest[..., None, None].expand(*largest.shape, 1, 4), -2)[..., 0, :]
    q = q / q.norm(dim=-1, keepdim=True)
    q = torch.where(q[..., :1] < 0, -q, q)
    sine = q[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, q[..., :1])
    return q[..., 1:] * torch.where(sine > 1e-7, angle / sine.clamp_min(1e-7), torch.full_like(sine, 2.0))


def kinematics(rotations: torch.Tensor, skeleton: Skeleton) -> tuple[torch.Tensor, torch.Tensor]:
    """rotations (T, 24, 3, 3) → world rotations (T, 24, 3, 3) and joints (T, 24, 3) m."""
    world, joints = [rotations[:, 0]], [skeleton.joints_rest[0].expand(len(rotations), 3)]
    for joint in range(1, N_JOINTS):
        above = skeleton.parents[joint]
        bone = skeleton.joints_rest[joint] - skeleton.joints_rest[above]
        world.append(world[above] @ rotations[:, joint])
        joints.append(joints[above] + world[above] @ bone)
    return torch.stack(world, 1), torch.stack(joints, 1)


def skinned_parts(
    rest: torch.Tensor, weights: torch.Tensor, world: torch.Tensor, joints: torch.Tensor, skeleton: Skeleton
) -> torch.Tensor:
    """(T, N, 24, 3): where each joint would take each point, times its weight; the points are the sums."""
    offset = rest[..., :, None, :] - skeleton.joints_rest  # (…, N, 24, 3)
    if offset.dim() == 3:
        turned = torch.einsum("tjab,njb->tnja", world, offset)
    else:
        turned = torch.einsum("tjab,tnjb->tnja", world, offset)
    return (turned + joints[:, None]) * weights[..., None]


def place(rest: torch.Tensor, weights: torch.Tensor, state: State, skeleton: Skeleton) -> torch.Tensor:
    """Skinned points (T, N, 3) m of one state."""
    world, joints = kinematics(state.rotations, skeleton)
    return skinned_parts(rest, weights, world, joints, skeleton).sum(2)


def project(points: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """points (T, N, 3) m, camera (T, 3) → (T, N, 2) picture plane."""
    return camera[:, None, :1] * points[..., :2] + camera[:, None, 1:]
