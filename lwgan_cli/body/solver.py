"""Gauss–Newton over a whole clip: every frame's pose and camera at once, coupled over time.

The unknowns of a frame are 24 rotation increments and three camera increments. A piece of evidence is a point
on the body (a landmark or any spot of the surface, both follow the skeleton by linear blend skinning) and the
place in the picture where it was seen. Derivatives are closed-form: a turn ω of joint k moves a skinned point
by ω × Σ_j w_j (x_j − J_k), j over the joints that hang from k. The normal equations are block-pentadiagonal
(frames are coupled by second differences), so that a clip is solved in time linear in its length.

Units: body space in metres; pictures in units of a length L (about the person's height) with y up, so that
residuals are fractions of the person. A camera (s, tx, ty) takes metres to that plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.linalg import solveh_banded

from lwgan_cli.body.model import axis_angle_to_matrix
from lwgan_cli.records import N_JOINTS

N_POSE = 3 * N_JOINTS
N_UNKNOWNS = N_POSE + 3  # per frame: rotation increments; log scale, x, y of the camera


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


@dataclass(frozen=True)
class PointEvidence:
    """Points of the body and where they were seen.

    rest     (N, 3) or (T, N, 3) m, T-pose place
    weights  (N, 24) or (T, N, 24), skinning weights
    targets  (T, N, 2), picture plane (unit L, y up)
    trust    (T, N) ≥ 0, inverse variance in 1/L²
    scale    residual at which the robust weight (Geman–McClure) starts to fall, in L; inf: least squares
    axes     None, or (T, N, R, 2): only the distances along these count (a contour slides freely along itself,
             an edge's flow is known across it alone); their squared lengths are shares of the trust
    """

    rest: torch.Tensor
    weights: torch.Tensor
    targets: torch.Tensor
    trust: torch.Tensor
    scale: float = float("inf")
    axes: torch.Tensor | None = None


@dataclass(frozen=True)
class TrackEvidence:
    """Points of the body followed from each frame to the next.

    rest, weights  (T - 1, N, 3), (T - 1, N, 24), as above
    moved          (T - 1, N, 2), from where the body has the point in one frame to where it is seen in the next
    trust          (T - 1, N) in 1/L²; scale in L; axes (T - 1, N, R, 2), all as above
    """

    rest: torch.Tensor
    weights: torch.Tensor
    moved: torch.Tensor
    trust: torch.Tensor
    axes: torch.Tensor
    scale: float = float("inf")


@dataclass(frozen=True)
class DepthEvidence:
    """What is known of the points' depths against one another: from a monocular 3D detector, from balance.

    rest (N, 3), weights (N, 24) as above; mix (P, N) or (T, P, N), rows that sum to 0; difference (T, P) m, the
    points' z (towards the viewer positive) summed by each row; trust (T, P) in 1/m²; scale in m, robust as above.
    """

    rest: torch.Tensor
    weights: torch.Tensor
    mix: torch.Tensor
    difference: torch.Tensor
    trust: torch.Tensor
    scale: float = float("inf")


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


def differences(pairs: Sequence[tuple[int, int]], points: int) -> torch.Tensor:
    """(P, N) a `DepthEvidence.mix`: the second of each pair less the first."""
    mix = torch.zeros(len(pairs), points)
    for row, (first, second) in enumerate(pairs):
        mix[row, first], mix[row, second] = -1, 1
    return mix


# -- rotations ---------------------------------------------------------------------------------------------


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


# -- kinematics --------------------------------------------------------------------------------------------


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


def _moments(
    rest: torch.Tensor, weights: torch.Tensor, world: torch.Tensor, joints: torch.Tensor, skeleton: Skeleton
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (T, N, 3) and lever arms (T, N, 24, 3): a world turn ω of joint k moves a point by ω × arm_k."""
    parts = skinned_parts(rest, weights, world, joints, skeleton)
    hanging = torch.einsum("kj,tnjc->tnkc", skeleton.subtree, parts)
    share = weights @ skeleton.subtree.T  # (…, N, 24)
    return parts.sum(2), hanging - share[..., None] * joints[:, None]


def _turn_jacobian(arms: torch.Tensor, world: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Derivative of `rows`·point by the local increments.

    arms (T, N, 24, 3), rows (T, N, R, 3) → (T, N, R, 72).
    row · (G δ × arm) = (arm × row) · G δ.
    """
    lever = torch.linalg.cross(arms[:, :, None], rows[:, :, :, None, :].expand(-1, -1, -1, N_JOINTS, -1), dim=-1)
    return torch.einsum("tnrkc,tkcd->tnrkd", lever, world).flatten(-2)


# -- normal equations --------------------------------------------------------------------------------------


def _robust(residual2: torch.Tensor, scale: float) -> torch.Tensor:
    return torch.ones_like(residual2) if scale == float("inf") else 1 / (1 + residual2 / scale**2) ** 2


def _add(
    hessian: torch.Tensor,
    gradient: torch.Tensor,
    jacobian: torch.Tensor,
    residual: torch.Tensor,
    weight: torch.Tensor,
) -> None:
    """jacobian (T, M, 75), residual (T, M), weight (T, M)."""
    weighted = jacobian * weight[..., None]
    hessian += weighted.transpose(1, 2) @ jacobian
    gradient += (weighted.transpose(1, 2) @ residual[..., None])[..., 0]


def _add_points(
    term: PointEvidence, state: State, world: torch.Tensor, joints: torch.Tensor, skeleton: Skeleton,
    hessian: torch.Tensor, gradient: torch.Tensor,
) -> None:  # fmt: skip
    points, arms = _moments(term.rest, term.weights, world, joints, skeleton)
    residual = project(points, state.camera) - term.targets  # (T, N, 2)
    residual = torch.where(term.trust[..., None] > 0, residual, torch.zeros_like(residual))
    steps, n = residual.shape[:2]
    directions = torch.eye(2, dtype=points.dtype).expand(steps, n, 2, 2) if term.axes is None else term.axes
    residual = (directions * residual[:, :, None]).sum(-1)  # (T, N, R)
    rows = torch.cat([directions, torch.zeros_like(directions[..., :1])], -1) * state.camera[:, None, None, :1]
    turn = _turn_jacobian(arms, world, rows)
    scale = (rows * points[:, :, None]).sum(-1, keepdim=True)
    jacobian = torch.cat([turn, scale, directions], -1)
    weight = term.trust * _robust((residual**2).sum(-1), term.scale)
    weight = weight[..., None].expand(residual.shape)
    _add(hessian, gradient, jacobian.flatten(1, 2), residual.flatten(1), weight.flatten(1))


def _add_tracks(
    term: TrackEvidence, state: State, world: torch.Tensor, joints: torch.Tensor, skeleton: Skeleton,
    hessian: torch.Tensor, gradient: torch.Tensor, between: torch.Tensor,
) -> None:  # fmt: skip
    """between (T - 1, 75, 75): the Hessian's blocks of rows of frame t + 1 and columns of frame t."""
    places, jacobians = [], []
    for rows in (slice(None, -1), slice(1, None)):
        points, arms = _moments(term.rest, term.weights, world[rows], joints[rows], skeleton)
        camera = state.camera[rows]
        along = torch.cat([term.axes, torch.zeros_like(term.axes[..., :1])], -1) * camera[:, None, None, :1]
        turn = _turn_jacobian(arms, world[rows], along)
        scale = (along * points[:, :, None]).sum(-1, keepdim=True)
        places.append(project(points, camera))
        jacobians.append(torch.cat([turn, scale, term.axes], -1).flatten(1, 2))
    before, after = jacobians
    residual = (term.axes * (places[1] - places[0] - term.moved)[:, :, None]).sum(-1)  # (T - 1, N, R)
    weight = term.trust * _robust((residual**2).sum(-1), term.scale)
    weight = weight[..., None].expand(residual.shape).flatten(1)
    flat = residual.flatten(1)
    _add(hessian[1:], gradient[1:], after, flat, weight)
    _add(hessian[:-1], gradient[:-1], before, -flat, weight)
    between -= (after * weight[..., None]).transpose(1, 2) @ before


def _add_depth(
    term: DepthEvidence, world: torch.Tensor, joints: torch.Tensor, skeleton: Skeleton,
    hessian: torch.Tensor, gradient: torch.Tensor,
) -> None:  # fmt: skip
    points, arms = _moments(term.rest, term.weights, world, joints, skeleton)
    mix = term.mix.expand(len(points), -1, -1)
    residual = (mix @ points[..., 2:])[..., 0] - term.difference
    towards = torch.tensor([0.0, 0.0, 1.0], dtype=points.dtype).expand(*residual.shape, 1, 3)
    levers = (mix @ arms.flatten(2)).unflatten(-1, arms.shape[2:])
    turn = _turn_jacobian(levers, world, towards)[:, :, 0]
    jacobian = torch.cat([turn, torch.zeros(*residual.shape, 3, dtype=turn.dtype)], -1)
    _add(hessian, gradient, jacobian, residual, term.trust * _robust(residual**2, term.scale))


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


def _differences(length: int, order: int, breaks: np.ndarray) -> np.ndarray:
    """Difference operator (R, T) of first or second order that never reaches across a break.

    breaks (T,) int: frames with different numbers belong to different shots.
    """
    stencil = {1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0]}[order]
    rows = []
    for start in range(length - order):
        if breaks[start] == breaks[start + order]:
            row = np.zeros(length)
            row[start : start + order + 1] = stencil
            rows.append(row)
    return np.array(rows).reshape(-1, length)


def _solve(
    hessian: np.ndarray, gradient: np.ndarray, coupling: list[np.ndarray], between: np.ndarray | None = None
) -> np.ndarray:
    """Solve the block-pentadiagonal system.

    hessian (T, n, n), gradient (T, n), coupling: for time distance d = 0, 1, 2 the diagonals (T - d, n) that
    couple frame t with frame t + d; between (T - 1, n, n): whole blocks at rows of t + 1 and columns of t.
    Returns the step (T, n) = -H⁻¹ g.
    """
    steps, n = gradient.shape
    if between is None and not any(
        diagonal.any() for diagonal in coupling[1:]
    ):  # unrelated frames: solve each on its own
        alone = hessian + coupling[0][:, :, None] * np.eye(n)
        return -np.linalg.solve(alone, gradient[..., None])[..., 0]
    reach = min(2, steps - 1)
    bandwidth = n * reach if reach else n - 1
    bandwidth = max(bandwidth, n - 1 if between is None else 2 * n - 1)
    banded = np.zeros((bandwidth + 1, steps * n))  # lower form: banded[i - j, j] = A[i, j]
    rows, columns = np.tril_indices(n)
    start = (np.arange(steps) * n)[:, None]
    banded[np.broadcast_to(rows - columns, (steps, len(rows))), start + columns] = hessian[:, rows, columns]
    banded[0] += coupling[0].ravel()
    for d in range(1, reach + 1):
        banded[d * n, : (steps - d) * n] += coupling[d].ravel()
    if between is not None:
        below, right = np.indices((n, n)).reshape(2, -1)
        banded[n + below - right, start[:-1] + right] += between.reshape(steps - 1, -1)
    return -solveh_banded(banded, gradient.ravel(), lower=True, overwrite_ab=True, check_finite=False).reshape(steps, n)


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
    operators = [(_differences(steps, 2, shots), "acceleration"), (_differences(steps, 1, shots), "drift")]
    grams = {name: op.T @ op for op, name in operators}
    time_weights = {
        "acceleration": torch.cat([priors.acceleration.repeat_interleave(3), priors.camera]).double().numpy(),
        "drift": torch.cat([priors.drift.repeat_interleave(3), torch.zeros(3)]).double().numpy(),
    }
    coupling = []
    for d in range(3):
        diagonal = np.zeros((max(steps - d, 0), N_UNKNOWNS))
        for name, gram in grams.items():
            if steps > d:
                diagonal += np.diagonal(gram, d)[:, None] * time_weights[name]
        coupling.append(diagonal)
    if held is not None:
        coupling[0] = coupling[0] + 1e9 * held[:, None]
    for _ in range(iterations):
        world, joints = kinematics(state.rotations, skeleton)
        hessian = torch.zeros(steps, N_UNKNOWNS, N_UNKNOWNS)
        gradient = torch.zeros(steps, N_UNKNOWNS)
        for point_term in points:
            _add_points(point_term, state, world, joints, skeleton, hessian, gradient)
        between = None
        if tracks is not None and steps > 1:
            blocks = torch.zeros(steps - 1, N_UNKNOWNS, N_UNKNOWNS)
            _add_tracks(tracks, state, world, joints, skeleton, hessian, gradient, blocks)
            between = blocks.double().numpy()
        for depth_term in depths:
            _add_depth(depth_term, world, joints, skeleton, hessian, gradient)
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
        g = g + _time_gradient(velocity.double().numpy(), shots, time_weights)
        step = torch.from_numpy(_solve(h, g, coupling, between)).float()
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


def _time_gradient(motion: np.ndarray, shots: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Gradient of the time terms. motion (T, 75): the turn since the frame before (72), camera values (3)."""
    speed = motion.copy()
    speed[1:, N_POSE:] = np.diff(motion[:, N_POSE:], axis=0)
    same = shots[1:] == shots[:-1]
    gradient = np.zeros_like(motion)
    first = speed[1:] * same[:, None] * weights["drift"]
    gradient[1:] += first
    gradient[:-1] -= first
    both = same[1:] & same[:-1]
    second = (speed[2:] - speed[1:-1]) * both[:, None] * weights["acceleration"]
    gradient[2:] += second
    gradient[1:-1] -= 2 * second
    gradient[:-2] += second
    return gradient
