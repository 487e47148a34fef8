"""A first guess of pose and camera from the detector's 3D points, near enough for Gauss–Newton to finish."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from lwgan_cli.body.kinematics import Skeleton, State, kinematics
from lwgan_cli.body.model import axis_angle_to_matrix

TORSO = (11, 12, 23, 24)
# joint, its child, (landmark at the joint, at the child, at the child's child), axis of the hinge and its
# sign: the hinge's axis in the T-pose is sign · (bone × next bone)
LIMBS = (
    (16, 18, (11, 13, 15), 1, -1.0),
    (17, 19, (12, 14, 16), 1, 1.0),
    (1, 4, (23, 25, 27), 0, 1.0),
    (2, 5, (24, 26, 28), 0, 1.0),
)
ARMS = (16, 17)
STRAIGHT = 0.25  # sine of the bend below which a limb's hinge can't be told from its bones


def kabsch(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The rotations (T, 3, 3) that best take centred source (N, 3) to centred target (T, N, 3)."""
    a = source - source.mean(-2, keepdim=True)
    b = target - target.mean(-2, keepdim=True)
    u, _, v = torch.linalg.svd(torch.einsum("tni,nj->tij", b, a))
    sign = torch.ones(len(u), 3)
    sign[:, 2] = torch.det(u @ v).sign()
    return u @ torch.diag_embed(sign) @ v


def shortest_turn(start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Rotations (T, 3, 3) that take unit vectors start to end (T, 3) the shortest way."""
    axis = torch.linalg.cross(start, end, dim=-1)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (start * end).sum(-1, keepdim=True))
    fallback = torch.tensor([0.0, 1.0, 0.0]).expand_as(axis)
    return axis_angle_to_matrix(torch.where(sine > 1e-6, axis / sine.clamp_min(1e-6), fallback) * angle)


def first_guess(
    skeleton: Skeleton, places: torch.Tensor, world: torch.Tensor, points: torch.Tensor, trust: torch.Tensor,
    mean: torch.Tensor,
) -> State:  # fmt: skip
    """From the detector's points to a state.

    places (33, 3) m T-pose landmarks; world (T, 33, 3) m detected, body space's axes; points (T, 33, 2)
    picture plane; trust (T, 33) in [0, 1]; mean (24, 3) axis-angle rad, how arms hang of which nothing is seen.
    """
    frames = len(world)
    rotations = torch.eye(3).repeat(frames, 24, 1, 1)
    root = kabsch(places[list(TORSO)], world[:, list(TORSO)])
    rotations[:, 0] = root
    for joint, child, (a, b, c), hinge, sign in LIMBS:
        rest = normalize(skeleton.joints_rest[child] - skeleton.joints_rest[joint], dim=0).expand(frames, 3)
        upper = normalize(world[:, b] - world[:, a], dim=-1)
        lower = normalize(world[:, c] - world[:, b], dim=-1)
        upper, lower = (torch.einsum("tji,tj->ti", root, v) for v in (upper, lower))  # into the parent's frame
        turn = shortest_turn(rest, upper)
        # twist about the bone until the hinge's axis is square to both bones; a straight limb keeps the
        # short way
        axis_rest = torch.eye(3)[hinge].expand(frames, 3)
        axis_now = torch.einsum("tij,tj->ti", turn, axis_rest)
        square = sign * torch.linalg.cross(upper, lower, dim=-1)
        bend = square.norm(dim=-1, keepdim=True)
        wanted = normalize(torch.where(bend > STRAIGHT, square, axis_now), dim=-1)
        wanted = normalize(wanted - (wanted * upper).sum(-1, keepdim=True) * upper, dim=-1)
        axis_now = normalize(axis_now - (axis_now * upper).sum(-1, keepdim=True) * upper, dim=-1)
        twist = torch.atan2((torch.linalg.cross(axis_now, wanted, dim=-1) * upper).sum(-1), (axis_now * wanted).sum(-1))
        rotations[:, joint] = axis_angle_to_matrix(upper * twist[:, None]) @ turn
        local = torch.einsum("tji,tj->ti", rotations[:, joint], lower)
        straight = normalize(rest, dim=-1)
        rotations[:, child] = shortest_turn(straight, local)
        if joint in ARMS:  # what is said of arms that leave the picture is made up, and nothing would correct it
            for turned, seen in ((joint, trust[:, b] > 0), (child, trust[:, c] > 0)):
                hanging = axis_angle_to_matrix(mean[turned])
                rotations[:, turned] = torch.where(seen[:, None, None], rotations[:, turned], hanging)
    return State(rotations, fit_camera(skeleton, rotations, places, points, trust))


def fit_camera(
    skeleton: Skeleton,
    rotations: torch.Tensor,
    places: torch.Tensor,
    points: torch.Tensor,
    trust: torch.Tensor,
) -> torch.Tensor:
    """Least squares (T, 3) camera of the torso's landmarks, carried by their root rotation."""
    rows = list(TORSO)
    world, joints = kinematics(rotations, skeleton)
    turned = torch.einsum("tij,nj->tni", world[:, 0], places[rows] - skeleton.joints_rest[0]) + joints[:, :1]
    flat, seen, weight = turned[..., :2], points[:, rows], trust[:, rows, None].clamp_min(1e-3)
    total = weight.sum(1, keepdim=True)
    flat_mean, seen_mean = (
        (flat * weight).sum(1, keepdim=True) / total,
        (seen * weight).sum(1, keepdim=True) / total,
    )
    a, b = flat - flat_mean, seen - seen_mean
    scale = (weight * a * b).sum((1, 2)) / (weight * a * a).sum((1, 2)).clamp_min(1e-6)
    # a torso seen edge on says little about scale: stay near the other frames'
    scale = scale.clamp(0.5 * scale.median(), 2 * scale.median()).clamp_min(1e-3)
    return torch.cat([scale[:, None], (seen_mean - scale[:, None, None] * flat_mean)[:, 0]], 1)
