"""Evidence of where a body's points are, and its derivatives.

A piece of evidence is a point on the body (a landmark or any spot of the surface, both follow the skeleton by linear
blend skinning) and the place in the picture where it was seen. Derivatives are closed-form: a turn ω of joint k moves
a skinned point by ω × Σ_j w_j (x_j − J_k), j over the joints that hang from k. These lever arms are linear in what
skinning mixes, so that all of a frame's come of one product of matrices.

Units as in `kinematics`: residuals are fractions of the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lwgan_cli.body.kinematics import Skeleton, State, kinematics
from lwgan_cli.records import N_JOINTS

N_POSE = 3 * N_JOINTS
N_UNKNOWNS = N_POSE + 3  # per frame: rotation increments; log scale, x, y of the camera


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
    least    points may lie any further along the axes than their targets
    """

    rest: torch.Tensor
    weights: torch.Tensor
    targets: torch.Tensor
    trust: torch.Tensor
    scale: float = float("inf")
    axes: torch.Tensor | None = None
    least: bool = False


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


def differences(pairs: Sequence[tuple[int, int]], points: int) -> torch.Tensor:
    """(P, N) a `DepthEvidence.mix`: the second of each pair less the first."""
    mix = torch.zeros(len(pairs), points)
    for row, (first, second) in enumerate(pairs):
        mix[row, first], mix[row, second] = -1, 1
    return mix


@dataclass(frozen=True)
class Blend:
    """What skinning mixes for N points, whatever the pose: mix (…, 96, N), each joint's weight times (x, y, z, 1) of
    the place at rest; total (…, 1, N), the sum of the weights."""

    mix: torch.Tensor
    total: torch.Tensor

    @classmethod
    def of(cls, rest: torch.Tensor, weights: torch.Tensor) -> Blend:
        """rest (…, N, 3), weights (…, N, 24)."""
        rest, weights = rest.transpose(-1, -2), weights.transpose(-1, -2)
        at = torch.cat([rest, torch.ones_like(rest[..., :1, :])], -2)
        return cls((weights[..., :, None, :] * at[..., None, :, :]).flatten(-3, -2), weights.sum(-2, keepdim=True))

    def __getitem__(self, rows: slice) -> Blend:
        return Blend(self.mix[rows], self.total[rows])


@dataclass(frozen=True)
class Posed:
    """A state of T frames and what moves its points.

    levers (T, 72, 96): `Blend.mix` → lever arms; root (T, 3, 1) m; camera (T, 3); turn (T, 76, 76): a world turn of
    each joint, axis by axis, camera increments and residual → increments in the joints' own frames, and the same.
    """

    levers: torch.Tensor
    root: torch.Tensor
    camera: torch.Tensor
    turn: torch.Tensor

    @classmethod
    def of(cls, state: State, skeleton: Skeleton) -> Posed:
        world, joints = kinematics(state.rotations, skeleton)
        shift = joints - (world @ skeleton.joints_rest[..., None])[..., 0]
        chain = torch.cat([world, shift[..., None]], -1).transpose(1, 2)  # (T, 3, 24, 4)
        levers = chain[:, :, None] * skeleton.subtree[..., None]  # (T, 3, 24 that turn, 24 that hang, 4)
        levers[..., 3] -= joints.transpose(1, 2)[..., None] * skeleton.subtree
        turn = torch.eye(N_UNKNOWNS + 1, dtype=world.dtype).repeat(len(world), 1, 1)
        own = world.transpose(1, 2)[..., None, :] * torch.eye(N_JOINTS, dtype=world.dtype)[..., None]
        turn[:, :N_POSE, :N_POSE] = own.reshape(-1, N_POSE, N_POSE)
        return cls(levers.flatten(3).flatten(1, 2), joints[:, 0, :, None], state.camera, turn)

    def __getitem__(self, rows: slice) -> Posed:
        return Posed(self.levers[rows], self.root[rows], self.camera[rows], self.turn[rows])

    def points(self, blend: Blend) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (T, 3, N) m and lever arms (T, 3, 24, N): a world turn ω of joint k moves a point by ω × arm_k."""
        arms = (self.levers @ blend.mix).unflatten(1, (3, N_JOINTS))
        return arms[:, :, 0] + self.root * blend.total, arms

    def project(self, points: torch.Tensor) -> torch.Tensor:
        """(T, 3, N) m → (T, 2, N) picture plane."""
        return self.camera[:, :1, None] * points[:, :2] + self.camera[:, 1:, None]


def _robust(residual2: torch.Tensor, scale: float) -> torch.Tensor:
    return torch.ones_like(residual2) if scale == float("inf") else 1 / (1 + residual2 / scale**2) ** 2


def _rows_along(
    posed: Posed, points: torch.Tensor, arms: torch.Tensor, axes: torch.Tensor, residual: torch.Tensor,
    weight: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """Derivatives of the points' places along axes, and residuals, times the root of the weights.

    axes (T, R, 2, N) in the picture, residual (T, R, N), weight (T, N) → (T, 76, R · N): world turns axis by axis
    (72), camera (3), residual.
    """
    x, y, z = arms.unbind(1)
    root = weight.sqrt()
    axes = axes * root[:, None, None]
    rows = arms.new_empty(len(arms), N_UNKNOWNS + 1, *residual.shape[1:])
    for r in range(residual.shape[1]):
        right, up = (axes[:, r] * posed.camera[:, :1, None]).unbind(1)
        # row · (ω × arm) = ω · (arm × row), and the row has no depth
        torch.mul(z, -up[:, None], out=rows[:, :N_JOINTS, r])
        torch.mul(z, right[:, None], out=rows[:, N_JOINTS : 2 * N_JOINTS, r])
        about_z = rows[:, 2 * N_JOINTS : N_POSE, r]
        torch.mul(x, up[:, None], out=about_z)
        about_z.addcmul_(y, right[:, None], value=-1)
        rows[:, N_POSE, r] = right * points[:, 0] + up * points[:, 1]
    rows[:, N_POSE + 1 : -1] = axes.transpose(1, 2)
    rows[:, -1] = residual * root[:, None]
    return rows.flatten(2)


def _along(axes: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """axes (T, R, 2, N), moved (T, 2, N) → (T, R, N)."""
    return (axes * moved[:, None]).sum(2)


@dataclass(frozen=True)
class PointRows:
    """A `PointEvidence` laid out for `_rows_along`: targets (T, 2, N), axes (T, R, 2, N), trust (T, N)."""

    blend: Blend
    targets: torch.Tensor
    axes: torch.Tensor
    trust: torch.Tensor
    scale: float
    least: bool

    @classmethod
    def of(cls, term: PointEvidence) -> PointRows:
        steps, n = term.trust.shape
        both = torch.eye(2, dtype=term.trust.dtype)[..., None].expand(steps, 2, 2, n)
        axes = both if term.axes is None else term.axes.permute(0, 2, 3, 1).contiguous()
        # where nothing was seen the target may be anything
        targets = torch.where(term.trust[..., None] > 0, term.targets, 0.0).transpose(1, 2)
        return cls(Blend.of(term.rest, term.weights), targets, axes, term.trust, term.scale, term.least)

    def __call__(self, posed: Posed) -> torch.Tensor:
        points, arms = posed.points(self.blend)
        residual = _along(self.axes, posed.project(points) - self.targets)
        residual = torch.where(self.trust[:, None] > 0, residual, 0.0)
        weight = self.trust * _robust((residual**2).sum(1), self.scale)
        if self.least:
            weight = weight * (residual < 0).any(1)
        return _rows_along(posed, points, arms, self.axes, residual, weight)


@dataclass(frozen=True)
class TrackRows:
    """A `TrackEvidence` laid out likewise: moved (T - 1, 2, N)."""

    blend: Blend
    moved: torch.Tensor
    axes: torch.Tensor
    trust: torch.Tensor
    scale: float

    @classmethod
    def of(cls, term: TrackEvidence) -> TrackRows:
        axes, moved = term.axes.permute(0, 2, 3, 1).contiguous(), term.moved.transpose(1, 2)
        return cls(Blend.of(term.rest, term.weights), moved, axes, term.trust, term.scale)

    def __call__(self, posed: Posed) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows by the frame before and by the one after, both with the residual as the former has it."""
        first, second = posed[:-1], posed[1:]
        (before, arms_before), (after, arms_after) = first.points(self.blend), second.points(self.blend)
        residual = _along(self.axes, first.project(before) - second.project(after) + self.moved)
        weight = self.trust * _robust((residual**2).sum(1), self.scale)
        return (
            _rows_along(first, before, arms_before, self.axes, residual, weight),
            _rows_along(second, after, arms_after, -self.axes, residual, weight),
        )


@dataclass(frozen=True)
class DepthRows:
    """A `DepthEvidence` laid out likewise: mix (…, N, P)."""

    blend: Blend
    mix: torch.Tensor
    difference: torch.Tensor
    trust: torch.Tensor
    scale: float

    @classmethod
    def of(cls, term: DepthEvidence) -> DepthRows:
        blend = Blend.of(term.rest, term.weights)
        return cls(blend, term.mix.transpose(-1, -2), term.difference, term.trust, term.scale)

    def __call__(self, posed: Posed) -> torch.Tensor:
        points, arms = posed.points(self.blend)
        residual = (points[:, 2:] @ self.mix)[:, 0] - self.difference
        x, y, _ = (arms.flatten(1, 2) @ self.mix).chunk(3, 1)
        rows = torch.cat([y, -x, torch.zeros_like(x), torch.zeros_like(x[:, :3]), residual[:, None]], 1)
        return rows * (self.trust * _robust(residual**2, self.scale)).sqrt()[:, None]
