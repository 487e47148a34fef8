"""How people stand: what a single picture can't tell of depth, gravity and anatomy do.

A limb that leans a little towards the viewer or away looks all but the same, and a detector's depths are guesses: of
people who stand upright in front of a near camera they say that they lean and bend their knees. All of it is robust:
who squats, sits or bows shows it by limbs that look short, and is left alone.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import normalize

from lwgan_cli.body.landmarks import Landmarks
from lwgan_cli.fitting.terms import DepthEvidence
from lwgan_cli.ramps import smoothstep

BALANCE_SPREAD = 0.05  # m, from the lower foot to under the centre of mass
LOOKING_DOWN = 3.6  # degrees that cameras do, most of them: who stands leans as much towards them
CENTRE = 0.95  # m that the centre of mass is over the floor
FOOT_LIFT = 0.03  # of the height: a foot so much higher carries less than half
SITTING, UPRIGHT = 0.15, 0.1  # of the height: hips so low over the feet, shoulders so low over the hips don't stand
DISTANCE = 4.0  # m from which most people are filmed
KNEE_SPREAD = 0.03  # m that a straight leg's knee is off the line from hip to ankle, in depth
KNEE_BENT = (0.1, 0.05)  # m from which it counts as bent: of a first guess, of a better one
HIP_SPREAD, HIP_BENT = 0.06, 0.1  # m, likewise, of the shoulders off the line of the legs
TRUNK_SPREAD, BOWED = 0.06, 0.3  # m that the shoulders of who is seen in part are before the hips, and in a bow
FEET_SEEN = 0.1  # of the trust of what is seen best: feet that are in the picture
LEANING = 0.7  # cosine of how far aside a trunk leans in the picture of which nothing is known

OVER_THIGH = (0.03, 0.06)  # m from a thigh's axis in the picture, over which a hand ceases to lie before or behind it …
BY_THIGH, BY_SPREAD = 0.12, 0.05  # … and m that it lies so from the axis at least
BEHIND_HEAD, BEHIND_SPREAD = 0.1, 0.03  # m that a hand which is behind the head is behind the ears
SEEN, HIDDEN = (0.3, 0.6), (0.03, 0.1)  # squares of the visibility, over which a hand is seen, and ceases to be hidden

FEET = ((29, 31), (30, 32))
LEGS = ((23, 25, 27), (24, 26, 28))  # hip, knee, ankle
HANDS = (19, 20)  # knuckles of the forefingers
EARS, WRISTS = (7, 8), (15, 16)
# landmarks and the share of the body's mass that each of them stands for
MASSES = (
    ((0,), 0.08), ((11, 12), 0.14), ((13, 14), 0.03), ((15, 16), 0.02), ((23, 24), 0.18), ((25, 26), 0.07),
    ((27, 28), 0.03),
)  # fmt: skip


def facing(points: torch.Tensor) -> torch.Tensor:
    """Landmarks (…, 33, 3), y up, z towards the viewer → (…, 1) in [-1, 1]: how much the trunk faces the viewer."""
    across = points[..., 11, :] - points[..., 12, :] + points[..., 23, :] - points[..., 24, :]
    up = points[..., [11, 12], :].mean(-2) - points[..., [23, 24], :].mean(-2)
    return normalize(torch.linalg.cross(across, up, dim=-1), dim=-1)[..., 2:]


def without_perspective(points: torch.Tensor) -> torch.Tensor:
    """The detector's 3D points (…, 33, 3) m, hips at 0, as a camera far away would have them: a near one looks down on
    feet, so that upright shanks seem to lean back."""
    below = points[..., 1].clamp_max(0)
    return torch.cat([points[..., :2], (points[..., 2] + below**2 / (2 * DISTANCE))[..., None]], -1)


def stance(
    landmarks: Landmarks,
    rest: torch.Tensor,
    targets: torch.Tensor,
    trust: torch.Tensor,
    towards: torch.Tensor,
    guessed: bool = False,
) -> list[DepthEvidence]:
    """What is known of people who stand: balance, straight knees, the trunk in line with the legs.

    rest (33, 3) m, T-pose places; targets (T, 33, 2), trust (T, 33) of the points, plane; towards (T, 1), see
    `facing`; guessed: of a state that is but a first guess.
    """
    return [
        balance(rest, landmarks, targets, trust),
        straight_knees(rest, landmarks, trust, towards, KNEE_BENT[0 if guessed else 1]),
        straight_hips(rest, landmarks, trust, towards),
        upright_trunk(rest, landmarks, targets, trust, towards),
    ]


def balance(rest: torch.Tensor, landmarks: Landmarks, targets: torch.Tensor, trust: torch.Tensor) -> DepthEvidence:
    """Who stands has the centre of mass over the feet: a picture alone can't tell it from leaning.

    The lower foot carries more; nothing is said of people who don't stand upright, and of feet that aren't seen.
    Arguments as of `stance`.
    """
    mass = torch.zeros(len(rest))
    for rows, share in MASSES:
        mass[list(rows)] = share
    height = targets[..., 1]
    soles = torch.stack([height[:, list(foot)].amin(1) for foot in FEET], 1)  # (T, 2)
    carried = torch.softmax(-soles / FOOT_LIFT, 1)
    mix = (mass / mass.sum()).repeat(len(targets), 1)
    for foot, rows in enumerate(FEET):
        mix[:, list(rows)] -= carried[:, foot, None] / len(rows)
    hips, shoulders = height[:, [23, 24]].mean(1), height[:, [11, 12]].mean(1)
    standing = ((hips - soles.amin(1)) / SITTING - 1).clamp(0, 1) * (shoulders - hips > UPRIGHT)
    seen = (trust[:, 27:33] / (trust.amax() + 1e-6)).mean(1).sqrt()
    lean = torch.full((len(targets), 1), CENTRE * math.sin(math.radians(LOOKING_DOWN)))
    return DepthEvidence(
        rest, landmarks.weights, mix[:, None], lean, (standing * seen / BALANCE_SPREAD**2)[:, None], scale=0.3
    )


def hands_by_thighs(
    rest: torch.Tensor, landmarks: Landmarks, world: torch.Tensor, confidence: torch.Tensor
) -> DepthEvidence:
    """A hand over a thigh lies before it where it is seen, if the detector has it there by however little, and behind
    it where it isn't: fitted some centimetres off it would be in the leg, and the picture's hand would be painted onto
    the trousers, or the other way round.

    world (T, 33, 3) m, the detector's points, z towards the viewer; confidence (T, 33) in [0, 1], squares of their
    visibility; else as of `stance`.
    """
    pairs = [(hand, hip, knee) for hand in HANDS for hip, knee, _ in LEGS]
    hand, hip, knee = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
    at, thigh = world[:, hand] - world[:, hip], world[:, knee] - world[:, hip]
    along = (at[..., :2] * thigh[..., :2]).sum(-1) / (thigh[..., :2] ** 2).sum(-1).clamp_min(1e-6)
    along = along.clamp(0, 1)
    off = at - along[..., None] * thigh
    over = 1 - smoothstep(off[..., :2].norm(dim=-1), *OVER_THIGH)
    mix = torch.zeros(len(world), len(pairs), len(rest))
    for row, points in enumerate(pairs):
        mix[:, row, points[0]] = 1
        mix[:, row, points[1]], mix[:, row, points[2]] = along[:, row] - 1, -along[:, row]
    depth, seen = off[..., 2], confidence[:, hand]
    before, behind = smoothstep(seen, *SEEN) * (depth > 0), 1 - smoothstep(seen, *HIDDEN)
    doubtful = 1 - smoothstep(depth.abs(), BY_THIGH, 1.5 * BY_THIGH)  # further off its depth is well told by itself
    trust = torch.maximum(before, behind) * over * doubtful * confidence[:, hip] / BY_SPREAD**2
    difference = torch.where(behind > 0, depth.clamp_max(-BY_THIGH), depth.clamp_min(BY_THIGH))
    return DepthEvidence(rest, landmarks.weights, mix, difference, trust, scale=0.3)


def hands_behind_head(rest: torch.Tensor, landmarks: Landmarks, behind: torch.Tensor) -> DepthEvidence:
    """Wrists and knuckles lie behind the ears in frames in which that is known; behind (T, 2) in [0, 1], left and right
    hand; else as of `stance`. The head's depth and the hand's are else a chain of guesses apart."""
    mix = torch.zeros(4, len(rest))
    for row, points in enumerate((*WRISTS, *HANDS)):
        mix[row, points], mix[row, list(EARS)] = 1, -0.5
    difference = torch.full((len(behind), 4), -BEHIND_HEAD)
    return DepthEvidence(
        rest, landmarks.weights, mix, difference, behind.repeat(1, 2) / BEHIND_SPREAD**2, scale=0.3
    )  # fmt: skip


def straight_knees(
    rest: torch.Tensor, landmarks: Landmarks, trust: torch.Tensor, towards: torch.Tensor, bent: float
) -> DepthEvidence:
    """Each knee lies, in depth, where it lies between hip and ankle of a straight leg, unless it is `bent` m off."""
    mix = torch.zeros(len(LEGS), len(rest))
    for row, (hip, knee, ankle) in enumerate(LEGS):
        thigh, shank = (rest[hip] - rest[knee]).norm(), (rest[knee] - rest[ankle]).norm()
        mix[row, knee] = 1
        mix[row, hip], mix[row, ankle] = -shank / (thigh + shank), -thigh / (thigh + shank)
    return _aligned(rest, landmarks, mix, trust[:, torch.tensor(LEGS)], trust, towards, KNEE_SPREAD, bent)


def straight_hips(
    rest: torch.Tensor, landmarks: Landmarks, trust: torch.Tensor, towards: torch.Tensor
) -> DepthEvidence:
    """The shoulders lie, in depth, on the line from the ankles through the hips, as they do in T-pose."""
    shoulders, hips, ankles = [11, 12], [23, 24], [27, 28]
    trunk = (rest[shoulders].mean(0) - rest[hips].mean(0)).norm()
    share = float(trunk / (rest[ankles].mean(0) - rest[hips].mean(0)).norm())
    mix = torch.zeros(1, len(rest))
    mix[0, shoulders], mix[0, hips], mix[0, ankles] = 0.5, -0.5 * (1 + share), 0.5 * share
    points = trust[:, None, shoulders + hips + ankles]
    return _aligned(rest, landmarks, mix, points, trust, towards, HIP_SPREAD, HIP_BENT)


def upright_trunk(
    rest: torch.Tensor, landmarks: Landmarks, targets: torch.Tensor, trust: torch.Tensor, towards: torch.Tensor
) -> DepthEvidence:
    """Of people of whom feet aren't seen, the shoulders lie over the hips in depth, as in T-pose: near cameras, that
    show heads large, make a detector say that they bow. Nothing is said of who leans aside or lies. Arguments as of
    `stance`."""
    shoulders, hips, feet = [11, 12], [23, 24], slice(27, 33)
    mix = torch.zeros(1, len(rest))
    mix[0, shoulders], mix[0, hips] = 0.5, -0.5
    trunk = targets[:, shoulders].mean(1) - targets[:, hips].mean(1)
    upright = ((normalize(trunk, dim=1)[:, 1] - LEANING) / (1 - LEANING)).clamp_min(0)
    seen = ((trust[:, feet] / (trust.amax() + 1e-6)).mean(1) / FEET_SEEN).clamp(0, 1)
    return DepthEvidence(
        rest, landmarks.weights, mix, towards * (mix @ rest[:, 2]),
        ((1 - seen) * upright / TRUNK_SPREAD**2)[:, None], scale=BOWED,
    )  # fmt: skip


def _aligned(
    rest: torch.Tensor, landmarks: Landmarks, mix: torch.Tensor, points: torch.Tensor, trust: torch.Tensor,
    towards: torch.Tensor, spread: float, bent: float,
) -> DepthEvidence:  # fmt: skip
    """Depths summed by mix (P, 33) as at rest; points (T, P, n) trust of those that each row needs."""
    seen = (points / (trust.amax() + 1e-6)).amin(-1).sqrt()
    return DepthEvidence(
        rest, landmarks.weights, mix, towards * (mix @ rest[:, 2]), seen / spread**2, scale=bent
    )  # fmt: skip
