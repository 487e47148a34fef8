"""Clearance: arms lie on clothes, not in them.

A wide shirt stands off the trunk by more than a forearm before the belly does, which would sink into it. No picture
shows how far away either is: arms that are before the trunk, or behind it, stay there, by as much as it is clothed.
They move along the line of sight alone, and so stay where they are in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lwgan_cli.body.model import BodyModel

TRUNK, PELVIS, NECK = (0, 3, 6, 9), 0, 12
SHOULDERS, ELBOWS = (16, 17), (18, 19)
LOWER_ARMS = (18, 19, 20, 21, 22, 23)
OWN = 0.5  # skinning weight from which surface is the trunk's
MOST_OF = 0.9  # quantile of the clothes' thickness that counts
THICKEST = 0.08  # m
BESIDE = 0.06  # m before or behind the middle of the trunk over which arms come to be there and not beside it


@dataclass(frozen=True)
class Clearance:
    """How thick the trunk is clothed in front and behind, m, and share (V,) in [0, 1] how far surface is an arm's that
    is kept clear of it: none of it at the shoulders, all from the elbows on."""

    front: float
    back: float
    share: torch.Tensor

    @classmethod
    def of(cls, model: BodyModel, offsets: torch.Tensor) -> Clearance:
        """offsets (V, 3) m T-pose, of the clothes."""
        places, weights = model.v_template, model.lbs_weights
        trunk = weights[:, list(TRUNK)].sum(1) > OWN
        middle = model.joint_template[list(TRUNK), 2].mean()
        thick = []
        for sign in (1, -1):
            side = trunk & (sign * (places[:, 2] - middle) > 0)
            out = sign * offsets[side, 2]
            thick.append(float(out.quantile(MOST_OF).clamp(0, THICKEST)) if len(out) else 0.0)
        begin, end = (model.joint_template[list(joints), 0].abs().mean() for joints in (SHOULDERS, ELBOWS))
        along = ((places[:, 0].abs() - begin) / (end - begin)).clamp(0, 1)
        share = weights[:, list(SHOULDERS)].sum(1) * along + weights[:, list(LOWER_ARMS)].sum(1)
        return cls(thick[0], thick[1], share.clamp(0, 1))

    def to(self, device: torch.device | str) -> Clearance:
        """The same with its tensor on `device`."""
        return Clearance(self.front, self.back, self.share.to(device))

    def kept(self, vertices: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        """vertices (B, V, 3) m of dressed bodies with joints (B, 24, 3) m, x right, y up, z towards the viewer, their
        arms as far before the trunk, or behind it, as it is clothed there."""
        low, high = joints[:, None, PELVIS], joints[:, None, NECK]
        spine = high - low
        up = ((vertices - low)[..., :2] * spine[..., :2]).sum(-1) / spine[..., :2].square().sum(-1).clamp_min(1e-4)
        before = vertices[..., 2] - (low + up.clamp(0, 1)[..., None] * spine)[..., 2]
        moved = self.front * _ramp(before) - self.back * _ramp(-before)
        return torch.cat([vertices[..., :2], (vertices[..., 2] + self.share * moved)[..., None]], -1)


def _ramp(before: torch.Tensor) -> torch.Tensor:
    """From 0 at 0 m to 1 at `BESIDE`, smoothly."""
    share = (before / BESIDE).clamp(0, 1)
    return share.square() * (3 - 2 * share)
