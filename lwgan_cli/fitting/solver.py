"""Gauss–Newton over a whole clip: every frame's pose and camera at once, coupled over time.

The unknowns of a frame are 24 rotation increments and three camera increments; `terms` has the evidence and its
derivatives. The normal equations are block-pentadiagonal (frames are coupled by second differences), so that a clip is
solved in time linear in its length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.body.kinematics import Skeleton, State, log_so3
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.fitting.banded import solve_banded, time_coupling, time_gradient
from lwgan_cli.fitting.terms import (
    N_POSE,
    N_UNKNOWNS,
    DepthEvidence,
    DepthRows,
    PointEvidence,
    PointRows,
    Posed,
    TrackEvidence,
    TrackRows,
)
from lwgan_cli.records import N_JOINTS


@dataclass(frozen=True)
class Priors:
    """What holds a pose where the picture says nothing.

    mean          (24, 3) axis-angle rad
    stiffness     (24, 3) 1/rad², pull of each axis towards the mean
    hinges        ((joint, axis, low, high), …): joints that bend one way, the allowed range in rad
    hinge         1/rad², for leaving the range
    acceleration  (24,) 1/rad², on second differences of rotations over time
    drift         (24,) 1/rad², on first differences: holds a limb that nobody sees
    camera        (3,), on second differences of log scale, x, y
    """

    mean: torch.Tensor
    stiffness: torch.Tensor
    hinges: tuple[tuple[int, int, float, float], ...]
    hinge: float
    acceleration: torch.Tensor
    drift: torch.Tensor
    camera: torch.Tensor


def _add_priors(priors: Priors, pose: torch.Tensor, hessian: torch.Tensor, gradient: torch.Tensor) -> None:
    """pose (T, 24, 3) axis-angle. Near the mean an increment changes it one to one: near enough here."""
    stiffness = priors.stiffness.expand(pose.shape).clone()
    pull = (pose - priors.mean) * priors.stiffness
    for joint, axis, low, high in priors.hinges:
        value = pose[:, joint, axis]
        beyond = (value - high).clamp_min(0) + (value - low).clamp_max(0)
        stiffness[:, joint, axis] += priors.hinge * (beyond != 0)
        pull[:, joint, axis] += priors.hinge * beyond
    hessian[:, range(N_POSE), range(N_POSE)] += stiffness.flatten(1)
    gradient[:, :N_POSE] += pull.flatten(1)


def optimise(
    state: State,
    skeleton: Skeleton,
    priors: Priors,
    points: list[PointEvidence],
    depths: list[DepthEvidence],
    shots: np.ndarray,
    tracks: TrackEvidence | None = None,
    held: np.ndarray | None = None,
    stay: State | None = None,
    stay_trust: tuple[float, float] = (0.0, 0.0),
    iterations: int = 10,
    damping: float = 1e-2,
) -> State:
    """Minimise evidence + priors over all frames' poses and cameras.

    shots       (T,) int, no smoothing across a change of number
    tracks      points followed between neighbouring frames
    held        (T,) bool: frames that must stay as they are (solved before, they only pass on their speed)
    stay        a state to stay near, with inverse variances `stay_trust` = (1/rad², 1/L²)
    iterations  Gauss–Newton steps
    damping     Levenberg's constant relative to the mean diagonal
    """
    steps = len(state)
    acceleration = torch.cat([priors.acceleration.repeat_interleave(3), priors.camera]).double().numpy()
    drift = torch.cat([priors.drift.repeat_interleave(3), torch.zeros(3)]).double().numpy()
    coupling = time_coupling(shots, acceleration, drift)
    if held is not None:
        coupling[0] = coupling[0] + 1e9 * held[:, None]
    terms: list[PointRows | DepthRows] = [*map(PointRows.of, points), *map(DepthRows.of, depths)]
    track_rows = TrackRows.of(tracks) if tracks is not None and steps > 1 else None
    for _ in range(iterations):
        posed = Posed.of(state, skeleton)
        normal = torch.zeros(steps, N_UNKNOWNS + 1, N_UNKNOWNS + 1)
        for term in terms:
            rows = term(posed)
            normal.baddbmm_(rows, rows.mT)
        between = None
        if track_rows is not None:
            before, after = track_rows(posed)
            normal[:-1].baddbmm_(before, before.mT)
            normal[1:].baddbmm_(after, after.mT)
            blocks = posed.turn[1:].mT @ (after @ before.mT) @ posed.turn[:-1]
            between = blocks[:, :-1, :-1].double().numpy()
        normal = posed.turn.mT @ normal @ posed.turn
        hessian, gradient = normal[:, :-1, :-1], normal[:, :-1, -1]
        _add_priors(priors, log_so3(state.rotations), hessian, gradient)
        if stay is not None:
            turned = log_so3(stay.rotations.transpose(-1, -2) @ state.rotations).flatten(1)
            # the camera's increments are log s, tx, ty; one of log s moves the person's ends by about L/2
            shift = torch.cat(
                [(state.camera[:, :1] / stay.camera[:, :1]).log(), state.camera[:, 1:] - stay.camera[:, 1:]],
                1,
            )
            pull = torch.cat([torch.full((N_POSE,), stay_trust[0]), torch.full((3,), stay_trust[1])])
            hessian[:, range(N_UNKNOWNS), range(N_UNKNOWNS)] += pull
            gradient += torch.cat([turned, shift], 1) * pull
        h, g = hessian.double().numpy(), gradient.double().numpy()
        diagonal = np.einsum("tii->ti", h)
        diagonal += damping * diagonal.mean() / 10 + damping * diagonal
        velocity = torch.cat(
            [
                torch.cat([torch.zeros(1, N_POSE), _turns(state.rotations)]),
                torch.cat([state.camera[:, :1].log(), state.camera[:, 1:]], 1),
            ],
            1,
        )
        g = g + time_gradient(velocity.double().numpy(), shots, acceleration, drift)
        step = torch.from_numpy(solve_banded(h, g, coupling, between)).float()
        step[:, :N_POSE] = step[:, :N_POSE].clamp(-0.5, 0.5)
        camera = torch.cat(
            [state.camera[:, :1] * step[:, -3:-2].clamp(-0.3, 0.3).exp(), state.camera[:, 1:] + step[:, -2:]],
            1,
        )
        turned_by = axis_angle_to_matrix(step[:, :N_POSE].reshape(steps, N_JOINTS, 3))
        state = replace(state, rotations=state.rotations @ turned_by, camera=camera)
    return state


def _turns(rotations: torch.Tensor) -> torch.Tensor:
    """Rotation from each frame to the next (T - 1, 72), axis-angle in the joint's own frame. Unlike the poses
    themselves, these don't wrap when somebody turns all the way round."""
    return log_so3(rotations[:-1].transpose(-1, -2) @ rotations[1:]).flatten(1)
