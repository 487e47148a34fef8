"""Hands: how fingers bend, and how they lie when nobody looks.

Angles are anatomy's: flexion bends a finger towards the palm, abduction turns it within the palm's plane. In T-pose
palms look down; a joint's axes follow from that and from where its bone points.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import normalize

from lwgan_cli.body.articulation import Fingers
from lwgan_cli.body.kinematics import log_so3
from lwgan_cli.body.model import BodyModel, axis_angle_to_matrix

DIGITS = ("index", "middle", "pinky", "ring", "thumb")  # SMPL-H's order, three joints each, left hand first
JOINTS_A_HAND = 15

# A hand that hangs at rest, degrees: flexion of each finger's joints from the palm on (the little finger curls most),
# the part of the T-pose's spread that is left, and the thumb: turned towards the index finger, its outer joints bent.
_REST_FLEXION = {"index": (14, 22, 12), "middle": (20, 26, 14), "ring": (24, 30, 15), "pinky": (28, 30, 15)}
_REST_SPREAD = -0.4
_REST_THUMB = (22.0, 12.0, 18.0)


@dataclass(frozen=True)
class FingerAxes:
    """Axes (30, 3) in T-pose, unit vectors: about `flexion` a positive turn bends a joint towards the palm, about
    `spread` one turns it as the fingers of the T-pose are spread; (30,) `spread_angle` rad is how far the T-pose's
    finger lies from the middle one's direction. Thumbs bend towards the index finger."""

    flexion: torch.Tensor
    spread: torch.Tensor
    spread_angle: torch.Tensor

    @classmethod
    def of(cls, fingers: Fingers) -> FingerAxes:
        joints = fingers.template
        along = torch.zeros_like(joints)
        for row in range(len(joints)):
            outer = row % 3 == 2  # the last joint has none beyond it, and points as the one before
            along[row] = along[row - 1] if outer else normalize(joints[row + 1] - joints[row], dim=0)
        palm = torch.zeros_like(joints)
        palm[:, 1] = -1.0
        flexion, spread, angle = normalize(torch.linalg.cross(along, palm), dim=1), -palm, torch.zeros(len(joints))
        for hand in (0, JOINTS_A_HAND):
            middle = along[hand + 3 * DIGITS.index("middle")]
            for digit, name in enumerate(DIGITS):
                rows = slice(hand + 3 * digit, hand + 3 * digit + 3)
                aim = along[hand + 3 * DIGITS.index("index")] if name == "thumb" else middle
                towards = torch.linalg.cross(aim.expand(3, 3), along[rows])
                if name == "thumb":
                    flexion[rows] = -normalize(towards, dim=1)
                else:
                    flat = along[rows] * torch.tensor([1.0, 0.0, 1.0])
                    straight = normalize(aim * torch.tensor([1.0, 0.0, 1.0]), dim=0)
                    sine = torch.linalg.cross(straight.expand(3, 3), normalize(flat, dim=1))[:, 1]
                    angle[rows] = torch.asin(sine.clamp(-1, 1))
        return cls(flexion, spread, angle)


def bent(axes: FingerAxes, flexion: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Angles (..., 30) rad of flexion and spread, 0 in T-pose → finger poses (..., 30, 3) axis-angle."""
    turn = axis_angle_to_matrix(axes.spread * spread[..., None]) @ axis_angle_to_matrix(
        axes.flexion * flexion[..., None]
    )
    return log_so3(turn)


def relaxed_hands(model: BodyModel) -> torch.Tensor | None:
    """Finger poses (30, 3) of hands at rest: fingers a little curled and together. None for a body without fingers."""
    if model.fingers is None:
        return None
    axes = FingerAxes.of(model.fingers)
    flexion, spread = torch.zeros(2 * JOINTS_A_HAND), torch.zeros(2 * JOINTS_A_HAND)
    for hand in (0, JOINTS_A_HAND):
        for digit, name in enumerate(DIGITS):
            first = hand + 3 * digit
            flexion[first : first + 3] = torch.tensor(_REST_THUMB if name == "thumb" else _REST_FLEXION[name])
            spread[first] = (_REST_SPREAD - 1) * axes.spread_angle[first]
    return bent(axes, torch.deg2rad(flexion), spread)
