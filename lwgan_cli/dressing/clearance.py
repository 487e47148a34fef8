"""Clearance: arms lie on clothes, not in them.

A wide shirt stands off the trunk by more than a forearm before the belly does, which would sink into it. No picture
shows how far away either is: arms that are before the trunk, or behind it, stay there, by as much as it is clothed.
They move along the line of sight alone, and so stay where they are in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.ramps import smoothstep

TRUNK, PELVIS, NECK = (0, 3, 6, 9), 0, 12
SHOULDERS, ELBOWS = (16, 17), (18, 19)
LOWER_ARMS = (18, 19, 20, 21, 22, 23)
OWN = 0.5  # skinning weight from which surface is the trunk's
MOST_OF = 0.9  # quantile of the clothes' thickness that counts
THICKEST = 0.08  # m
BESIDE = 0.06  # m before or behind the middle of the trunk over which arms come to be there and not beside it


@dataclass(frozen=True)
class Clearance:
    """How thick the trunk is clothed, m, in front or behind, whichever is more: a body may be seen from any side; and
    share (V,) in [0, 1] how far surface is an arm's that is kept clear of it: none of it at the shoulders, all from the
    elbows on."""

    thick: float
    share: torch.Tensor

    @classmethod
    def of(cls, model: BodyModel, offsets: torch.Tensor) -> Clearance:
        """offsets (V, 3) m T-pose, of the clothes."""
        places, weights = model.v_template, model.lbs_weights
        trunk = weights[:, list(TRUNK)].sum(1) > OWN
        ahead = places[:, 2] > model.joint_template[list(TRUNK), 2].mean()
        out = offsets[:, 2] * (2 * ahead.to(offsets) - 1)
        sides = (out[trunk & side] for side in (ahead, ~ahead))
        thick = max(float(each.quantile(MOST_OF).clamp(0, THICKEST)) for each in sides)
        begin, end = (model.joint_template[list(joints), 0].abs().mean() for joints in (SHOULDERS, ELBOWS))
        along = ((places[:, 0].abs() - begin) / (end - begin)).clamp(0, 1)
        share = weights[:, list(SHOULDERS)].sum(1) * along + weights[:, list(LOWER_ARMS)].sum(1)
        return cls(thick, share.clamp(0, 1))

    def kept(self, vertices: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        """vertices (B, V, 3) m of dressed bodies with joints (B, 24, 3) m, x right, y up, z towards the viewer, their
        arms as far before the trunk, or behind it, as it is clothed there."""
        low, high = joints[:, None, PELVIS], joints[:, None, NECK]
        spine = high - low
        up = ((vertices - low)[..., :2] * spine[..., :2]).sum(-1) / spine[..., :2].square().sum(-1).clamp_min(1e-4)
        before = vertices[..., 2] - (low + up.clamp(0, 1)[..., None] * spine)[..., 2]
        moved = self.thick * self.share * before.sign() * smoothstep(before.abs(), 0.0, BESIDE)
        return torch.cat([vertices[..., :2], (vertices[..., 2] + moved)[..., None]], -1)
