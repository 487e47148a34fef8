"""Legs that stand, seen from another side.

A camera that is near, or looks down, shows legs short, and a weak-perspective fit has no way to say so but knees that
bend, and feet behind the body. In the photo's own view those are as good as straight legs; from the side somebody who
stands would crouch and fall. Moved in depth alone, knees come back into line and feet below the body, and the photo's
view stays as it is.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, joints_rest, skin, skinning_transforms
from lwgan_cli.fitting.stance import LOOKING_DOWN
from lwgan_cli.ramps import smoothstep

LEGS = ((1, 4, 7, 10), (2, 5, 8, 11))  # hip, knee, ankle, foot
NECK = 12
CENTRE = 0.35  # of the way from hips to neck: about the centre of mass
LONG_THIGH = (0.9, 1.05)  # of what it has of a shank at rest: from where on a thigh looks long …
SHORT_SHANK = (1.4, 1.8)  # … and up to where the shank doesn't point away
LIFTED = (0.05, 0.12)  # m that an ankle is above the other, between which its leg ceases to stand
UPRIGHT = (0.6, 0.75)  # cosine to the vertical in the picture, between which a bone comes to stand
IN_LINE = (0.9, 0.97)  # cosine between thigh and shank in the picture, between which they come to be one line


def straight_legs(model: BodyModel, pose: np.ndarray, betas: np.ndarray, offsets: torch.Tensor) -> torch.Tensor:
    """Offsets (V, 3) m, T-pose, with which legs that only look short are straight and below the body.

    pose (24, 3) rad, z towards the viewer of the picture that shows it; betas (10,). Knees that do bend make the thigh
    look short against the shank, or show it beside the line from hip to ankle; legs that don't carry are left alone.
    """
    poses, shape = torch.from_numpy(pose)[None].float(), torch.from_numpy(betas).float()
    places, joints = (each[0].numpy().astype(np.float64) for each in skin(model, poses, shape, offsets))
    rest = joints_rest(model, shape).numpy().astype(np.float64)
    weights, depth = model.lbs_weights.numpy(), np.zeros(len(places))
    stands = np.array([_stands(joints[list(leg[:3])], rest[list(leg[:3])]) for leg in LEGS])
    ankles = joints[[leg[2] for leg in LEGS]]
    below = _below(joints, ankles) * float(np.min(stands))
    stands *= 1 - smoothstep(ankles[:, 1] - np.min(ankles[:, 1]), *LIFTED)
    for leg, standing in zip(LEGS, stands, strict=True):
        bones = list(leg[:3])
        back = standing * (_off_line(rest[bones]) - _off_line(joints[bones]))
        upper, lower = (_along(places, joints, *ends) for ends in (bones[:2], bones[:0:-1]))
        part = _thighs_part(joints[bones])
        thigh, shank = back * upper + below * part * upper, back * lower + below * (1 - (1 - part) * lower)
        depth += weights[:, leg[0]] * thigh + weights[:, leg[1]] * shank + below * weights[:, leg[2:]].sum(1)
    turns = skinning_transforms(model, poses, shape)[0][0]
    moved = torch.zeros_like(offsets)
    moved[:, 2] = torch.from_numpy(depth).to(offsets)
    return offsets + torch.linalg.solve(turns, moved)


def _along(places: np.ndarray, joints: np.ndarray, start: int, end: int) -> np.ndarray:
    """(V,) in [0, 1]: how far places (V, 3) lie, in the picture, from one joint to the other."""
    along = joints[end, :2] - joints[start, :2]
    share: np.ndarray = ((places[:, :2] - joints[start, :2]) @ along / max(along @ along, 1e-9)).clip(0, 1)
    return share


def _below(joints: np.ndarray, ankles: np.ndarray) -> float:
    """m towards the viewer that both ankles (2, 3) have to go to be below the body as cameras see it, which mostly look
    down a little."""
    hips = joints[[leg[0] for leg in LEGS]].mean(0)
    centre = hips + CENTRE * (joints[NECK] - hips)
    middle = ankles.mean(0)
    return float(centre[2] - (centre[1] - middle[1]) * math.tan(math.radians(LOOKING_DOWN)) - middle[2])


def _off_line(leg: np.ndarray) -> float:
    """m that a knee lies before the line from hip to ankle; places (3, 3)."""
    return float(leg[1, 2] - leg[0, 2] - _thighs_part(leg) * (leg[2, 2] - leg[0, 2]))


def _thighs_part(leg: np.ndarray) -> float:
    """In [0, 1]: of the leg's length in the picture; hip, knee and ankle (3, 3)."""
    thigh, shank = (float(np.linalg.norm(leg[1, :2] - leg[end, :2])) for end in (0, 2))
    return thigh / max(thigh + shank, 1e-9)


def _stands(leg: np.ndarray, rest: np.ndarray) -> float:
    """In [0, 1]: hip, knee and ankle (3, 3) m look like those of a leg, at rest (3, 3), that is straight but short."""
    thigh, shank = np.diff(leg[:, :2], axis=0)
    lengths, bones = (np.linalg.norm(np.diff(each, axis=0), axis=1) for each in (leg[:, :2], rest))
    if np.any(lengths < 1e-3):
        return 0.0
    ratio = np.asarray(lengths[0] / lengths[1] / (bones[0] / bones[1]))
    long = smoothstep(ratio, *LONG_THIGH) * (1 - smoothstep(ratio, *SHORT_SHANK))
    upright = smoothstep(np.minimum(-thigh[1] / lengths[0], -shank[1] / lengths[1]), *UPRIGHT)
    return float(long * upright * smoothstep(np.asarray(thigh @ shank / lengths.prod()), *IN_LINE))
