"""Misfit: what of a photo's offsets doesn't hold in all poses.

Clothes lie around an arm much the same on all sides, however it is held: that thickness turns with the arm. What its
outline shows beyond it doesn't. A shoulder that is broader or narrower than the skeleton's is so wherever its arm
points: that part goes with the chest. And what rises with a lifted arm towards the neck, flesh and cloth pushed
together there, a sleeve that hangs down, holds in the photo's pose only, as the one example of a pose space deformation
(Lewis et al., 2000), and fades as the arm leaves that. Turned with raised arms that come down, all of it would stand
off the shoulders' outer sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch.nn.functional import normalize

from lwgan_cli.body.model import BodyModel, forward_kinematics, skinning_transforms
from lwgan_cli.dressing.clothe import swell_normals
from lwgan_cli.dressing.dress import factor
from lwgan_cli.dressing.lattice import lattice
from lwgan_cli.ramps import smoothstep

CHEST = 9
# a limb's joint, the one that its bone ends at, and those that deform with it
BONES = {16: (18, (13, 16)), 17: (19, (14, 17)), 18: (20, (18,)), 19: (21, (19,))}
COLLARS, ARMS, HANDS = (13, 14), (16, 17, 18, 19), (20, 21, 22, 23)
SHOULDERS = (*COLLARS, 16, 17)
HOLDS, GONE = np.radians(30), np.radians(90)  # between a bone's directions, up to where a misfit stays, and is gone
BEND, STEP, RING = 4.0, 0.5, 50.0  # of what an arm wears all round, against what was measured
FLAT = 0.1  # volume of a unit cube that skinning has turned, below which it is flattened
AROUND = 0.5  # of skinning weights: from there on a vertex is an arm's
MEASURED = 0.5  # trust in an arm's outline; what a collar wears, where neck, chest and arm meet, is made up from theirs


@dataclass(frozen=True)
class Misfit:
    """What of the offsets that are worn, (V, 3) m T-pose, was measured in R photos and doesn't hold in all poses.

    poses    (R, 24, 3) of the photos
    pushed   (R, V, 3) m, T-pose, part of the offsets, that hold in their pose only
    rows     (S,) vertices of the shoulders
    placed   (R, S, 3) m, T-pose, part of the offsets in the photo's pose, that go with the chest
    """

    poses: torch.Tensor
    pushed: torch.Tensor
    rows: torch.Tensor
    placed: torch.Tensor

    @classmethod
    def of(cls, model: BodyModel, pose: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor) -> Misfit:
        """That of one photo; pose (24, 3), betas (10,), offsets (V, 3) m, all that its person wears."""
        nodes, weights = lattice(model), model.lbs_weights.cpu().numpy()
        collar, arm, hand = (weights[:, list(joints)].sum(1) for joints in (COLLARS, ARMS, HANDS))
        normals = swell_normals(model, betas)
        trust = (1 - collar) ** 4 * (1 - (1 - MEASURED) * arm) * (1 - hand)
        held = nodes.spread.T @ sparse.diags(trust)
        system = held @ nodes.spread + BEND * nodes.bend + STEP * nodes.step + RING * nodes.ring
        measured = torch.cat([(offsets * normals).sum(1, keepdim=True), offsets], 1).numpy()
        even = torch.from_numpy((nodes.spread @ factor(system)(held @ measured)).astype(np.float32))
        thick, moved = even[:, :1] * normals, even[:, 1:]
        shoulder = model.lbs_weights[:, list(SHOULDERS)].sum(1, keepdim=True)
        around = torch.from_numpy(smoothstep(collar + arm, 0, AROUND).astype(np.float32))[:, None]
        rows = (shoulder[:, 0] > 0).nonzero()[:, 0]
        pushed = around * (offsets - thick) - shoulder * moved
        return cls(pose[None], pushed[None], rows, (shoulder * moved)[rows][None])

    @classmethod
    def together(cls, misfits: Sequence[Misfit], shares: torch.Tensor) -> Misfit:
        """Those of several photos, of which each says shares (R, V) of what is worn."""
        rows = misfits[0].rows
        pushed = torch.cat([share[:, None] * each.pushed for each, share in zip(misfits, shares, strict=True)])
        placed = torch.cat([share[rows, None] * each.placed for each, share in zip(misfits, shares, strict=True)])
        return cls(torch.cat([each.poses for each in misfits]), pushed, rows, placed)

    def to(self, device: torch.device | str) -> Misfit:
        """The same with its tensors on `device`."""
        return Misfit(*(each.to(device) for each in (self.poses, self.pushed, self.rows, self.placed)))

    def worn(self, model: BodyModel, offsets: torch.Tensor, poses: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """(T, V, 3) m, T-pose: offsets (V, 3) as they are in poses (T, 24, 3) of a body of shape betas (10,)."""
        worn = offsets.repeat(len(poses), 1, 1)
        turns = self._turns(model, poses, betas)
        for pose, pushed, placed in zip(self.poses, self.pushed, self.placed, strict=True):
            worn -= ((1 - hold(model, pose, poses)) @ model.lbs_weights.T)[..., None] * pushed
            stays = (self._turns(model, pose[None], betas) @ placed[..., None])[..., 0]
            worn[:, self.rows] += _turned_back(turns, stays) - placed
        return worn

    def _turns(self, model: BodyModel, poses: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """(T, S, 3, 3): how the shoulders' surface is turned from T-pose, seen from the chest."""
        chest = forward_kinematics(poses, model.joint_template, model.parents)[0][:, None, CHEST, :3, :3]
        return chest.transpose(2, 3) @ skinning_transforms(model, poses, betas, self.rows)[0]


def _turned_back(turns: torch.Tensor, ways: torch.Tensor) -> torch.Tensor:
    """(T, S, 3) what turns (T, S, 3, 3) take to ways (1, S, 3), by Cramer's rule; less where these are flat, as
    skinning blends turns that are half a revolution apart."""
    a, b, c = turns.unbind(-1)
    across = torch.stack([torch.linalg.cross(*pair) for pair in ((b, c), (c, a), (a, b))], -2)
    volume = (a * across[..., 0, :]).sum(-1, keepdim=True)
    return (across @ ways[..., None])[..., 0] / volume.clamp_min(FLAT)


def hold(model: BodyModel, photo: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """(T, 24) in [0, 1]: how much of a photo's misfit there still is around each joint, by how far the arms' bones in
    poses (T, 24, 3) point away from where they do in the photo's (24, 3), seen from the chest."""
    rest = model.joint_template
    turns = forward_kinematics(torch.cat([photo[None], poses]), rest, model.parents)[0][..., :3, :3]
    chest = turns[:, CHEST].transpose(1, 2)
    out = poses.new_ones(len(poses), len(model.parents))
    for joint, (end, around) in BONES.items():
        way = (chest @ turns[:, joint] @ normalize(rest[end] - rest[joint], dim=0)[:, None])[..., 0]
        apart = (way[1:] @ way[0]).clamp(-1, 1).arccos()
        out[:, list(around)] = (1 - smoothstep(apart, HOLDS, GONE))[:, None]
    return out
