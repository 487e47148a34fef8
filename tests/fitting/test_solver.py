"""The solver against finite differences, scipy's rotations and poses known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.kinematics import Skeleton, State, log_so3, place, project
from lwgan_cli.body.model import axis_angle_to_matrix
from lwgan_cli.fitting import terms
from lwgan_cli.fitting.banded import solve_banded, time_coupling
from lwgan_cli.fitting.solver import Priors, optimise
from lwgan_cli.fitting.terms import DepthEvidence, PointEvidence, TrackEvidence, differences

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


@pytest.fixture
def skeleton() -> Skeleton:
    rng = torch.Generator().manual_seed(0)
    joints = [torch.zeros(3)]
    for joint in range(1, 24):
        joints.append(joints[PARENTS[joint]] + 0.2 * torch.randn(3, generator=rng))
    return Skeleton.of(torch.stack(joints), PARENTS)


@pytest.fixture
def cloud(skeleton: Skeleton) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around every bone, each hanging from two joints."""
    rng = torch.Generator().manual_seed(1)
    rest, weights = [], []
    for joint in range(24):
        for _ in range(4):
            rest.append(skeleton.joints_rest[joint] + 0.1 * torch.randn(3, generator=rng))
            row = torch.zeros(24)
            row[joint] += 0.7
            row[max(PARENTS[joint], 0)] += 0.3
            weights.append(row)
    return torch.stack(rest), torch.stack(weights)


def random_state(frames: int, spread: float, seed: int) -> State:
    rng = torch.Generator().manual_seed(seed)
    start = spread * torch.randn(1, 24, 3, generator=rng)
    drift = 0.05 * torch.randn(frames, 24, 3, generator=rng).cumsum(0)
    camera = torch.tensor([0.5, 0.1, -0.2]).repeat(frames, 1) + 0.01 * torch.randn(frames, 3, generator=rng)
    return State(axis_angle_to_matrix(start + drift), camera)


def no_priors(**changes: torch.Tensor) -> Priors:
    free = Priors(
        mean=torch.zeros(24, 3), stiffness=torch.full((24, 3), 1e-6), hinges=(), hinge=0.0,
        acceleration=torch.zeros(24), drift=torch.zeros(24), camera=torch.zeros(3),
    )  # fmt: skip
    return replace(free, **changes)


def test_rotations_agree_with_scipy() -> None:
    vectors = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).double()
    vectors = torch.cat([vectors, 1e-6 * vectors, torch.zeros(1, 3).double()])
    matrices = axis_angle_to_matrix(vectors)
    assert np.allclose(matrices, Rotation.from_rotvec(vectors.numpy()).as_matrix(), atol=1e-9)
    random = Rotation.random(200, random_state=0)
    half_turns = Rotation.from_rotvec(np.pi * np.eye(3))
    for rotations in (random, half_turns):
        logs = log_so3(torch.from_numpy(rotations.as_matrix()))
        assert np.allclose(Rotation.from_rotvec(logs.numpy()).as_matrix(), rotations.as_matrix(), atol=1e-6)
        assert (logs.norm(dim=-1) <= np.pi + 1e-6).all()


def test_derivatives_equal_finite_differences(skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor]) -> None:
    rest, weights = (t.double() for t in cloud)
    double = Skeleton(skeleton.joints_rest.double(), PARENTS, skeleton.subtree.double())
    state = random_state(2, 0.4, 3)
    state = State(state.rotations.double(), state.camera.double())
    rng = torch.Generator().manual_seed(5)
    frames, n = len(state), len(rest)
    axes = torch.randn(frames, n, 2, 2, generator=rng).double()
    targets = torch.randn(frames, n, 2, generator=rng).double()
    trust = 1 + torch.rand(frames, n, generator=rng).double()
    mix = differences([(0, 9), (30, 4)], n).double()
    difference = torch.randn(frames, 2, generator=rng).double()
    points = terms.PointRows.of(PointEvidence(rest, weights, targets, trust, axes=axes))
    depths = terms.DepthRows.of(DepthEvidence(rest, weights, mix, difference, 1 + 0 * difference))

    def residuals(at: State) -> torch.Tensor:
        """(T, rows), by skinning and projection alone."""
        places = place(rest, weights, at, double)
        beside = (axes * (project(places, at.camera) - targets)[:, :, None]).sum(-1) * trust.sqrt()[..., None]
        behind = (mix @ places[..., 2:])[..., 0] - difference
        return torch.cat([beside.transpose(1, 2).flatten(1), behind], 1)

    posed = terms.Posed.of(state, double)
    rows = torch.cat([points(posed), depths(posed)], 2)
    jacobian = posed.turn.mT @ rows
    now = residuals(state)
    assert torch.allclose(jacobian[:, -1], now, atol=1e-12)
    step = 1e-6
    for unknown in (0, 5, 30, 50, 71, 72, 73, 74):
        delta = torch.zeros(2, 75).double()
        delta[:, unknown] = step
        turned = state.rotations @ axis_angle_to_matrix(delta[:, :72].reshape(2, 24, 3))
        camera = torch.cat([state.camera[:, :1] * delta[:, 72:73].exp(), state.camera[:, 1:] + delta[:, 73:]], 1)
        numeric = (residuals(State(turned, camera)) - now) / step
        assert torch.allclose(jacobian[:, unknown], numeric, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
@pytest.mark.parametrize("tracked", [False, True])
def test_banded_system_equals_the_dense_one(frames: int, tracked: bool) -> None:
    """Sum of squares of the differences, written out, against the bands; two shots."""
    rng = np.random.default_rng(frames)
    n, shots = 5, np.arange(frames) // 4
    acceleration, drift = rng.random(n) + 0.5, rng.random(n)
    root = rng.normal(size=(frames, n, n))
    hessian, gradient = root @ root.transpose(0, 2, 1) + 5 * np.eye(n), rng.normal(size=(frames, n))
    between = 0.5 * rng.normal(size=(frames - 1, n, n)) if tracked and frames > 1 else None
    dense = np.zeros((frames, n, frames, n))
    for t in range(frames):
        dense[t, :, t] += hessian[t]
    for weights, stencil in ((drift, (-1, 1)), (acceleration, (1, -2, 1))):
        for t in range(frames - len(stencil) + 1):
            if shots[t] == shots[t + len(stencil) - 1]:
                for i, a in enumerate(stencil):
                    for j, b in enumerate(stencil):
                        dense[t + i, :, t + j] += np.diag(a * b * weights)
    for t in range(frames - 1 if between is not None else 0):
        dense[t + 1, :, t] += between[t]
        dense[t, :, t + 1] += between[t].T
    wanted = -np.linalg.solve(dense.reshape(frames * n, -1), gradient.ravel()).reshape(frames, n)
    found = solve_banded(hessian, gradient, time_coupling(shots, acceleration, drift), between)
    assert np.allclose(found, wanted)


@pytest.mark.parametrize("sliding", [False, True])
def test_recovers_a_known_motion_from_its_pictures(
    skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor], sliding: bool
) -> None:
    rest, weights = cloud
    truth, start = random_state(6, 0.3, 4), random_state(6, 0.3, 4)
    nudge = 0.15 * torch.randn(6, 24, 3, generator=torch.Generator().manual_seed(9))
    start = State(start.rotations @ axis_angle_to_matrix(nudge), start.camera * 1.1)
    places = place(rest, weights, truth, skeleton)
    targets = project(places, truth.camera)
    axes = None
    if sliding:  # two terms, each sees only one direction
        angle = torch.rand(6, len(rest), 1, generator=torch.Generator().manual_seed(2)) * 6.28
        axes = torch.stack([angle.cos(), angle.sin()], -1)
    evidence = [PointEvidence(rest, weights, targets, torch.full(targets.shape[:2], 1e4), axes=axes)]
    if axes is not None:
        turned = torch.stack([-axes[..., 1], axes[..., 0]], -1)
        evidence.append(replace(evidence[0], axes=turned))
    pairs = torch.tensor([[i, i + 4] for i in range(92)])
    mix = differences(pairs.tolist(), len(rest))
    depth = DepthEvidence(
        rest, weights, mix, places[:, pairs[:, 1], 2] - places[:, pairs[:, 0], 2], torch.full((6, 92), 1e3)
    )
    found = optimise(start, skeleton, no_priors(), evidence, [depth], np.zeros(6, int), iterations=25, damping=1e-4)
    error = (place(rest, weights, found, skeleton) - places).norm(dim=-1)
    assert error.max() < 2e-3
    assert (found.camera - truth.camera).abs().max() < 2e-3


def test_a_motion_is_known_from_one_frame_and_its_tracks(
    skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Only the first frame's place is seen; from there on points are followed, of which some are lost."""
    rest, weights = cloud
    frames, n = 5, len(rest)
    truth = random_state(frames, 0.3, 4)
    start = State(truth.rotations[:1].repeat(frames, 1, 1, 1), truth.camera[:1].repeat(frames, 1))
    places = place(rest, weights, truth, skeleton)
    targets = project(places, truth.camera)
    seen = torch.zeros(frames, n)
    seen[0] = 1e4
    angle = torch.rand(frames - 1, n, generator=torch.Generator().manual_seed(2)) * 6.28
    along, across = torch.stack([angle.cos(), angle.sin()], -1), torch.stack([-angle.sin(), angle.cos()], -1)
    moved = targets[1:] - targets[:-1]
    moved[:, ::7] += 0.5
    tracks = TrackEvidence(
        rest.expand(frames - 1, n, 3), weights.expand(frames - 1, n, 24), moved, torch.full((frames - 1, n), 1e4),
        torch.stack([along, 0.5 * across], -2), scale=0.05,
    )  # fmt: skip
    pairs = torch.tensor([[i, i + 4] for i in range(92)])
    mix = differences(pairs.tolist(), len(rest))
    depth = DepthEvidence(
        rest, weights, mix, places[:, pairs[:, 1], 2] - places[:, pairs[:, 0], 2], torch.full((frames, 92), 1e3)
    )
    found = optimise(
        start, skeleton, no_priors(), [PointEvidence(rest, weights, targets, seen)], [depth],
        np.zeros(frames, int), tracks, iterations=30, damping=1e-4,
    )  # fmt: skip
    error = (place(rest, weights, found, skeleton) - places).norm(dim=-1)
    before = (place(rest, weights, start, skeleton) - places).norm(dim=-1)
    assert error.max() < 0.02 * before.max()


def test_wild_points_are_outvoted(skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor]) -> None:
    rest, weights = cloud
    truth = random_state(3, 0.2, 5)
    targets = project(place(rest, weights, truth, skeleton), truth.camera)
    wild = targets.clone()
    wild[:, ::9] += 0.4
    errors = {}
    for scale in (float("inf"), 0.03):
        evidence = PointEvidence(rest, weights, wild, torch.full(wild.shape[:2], 1e4), scale=scale)
        found = optimise(truth, skeleton, no_priors(), [evidence], [], np.zeros(3, int), iterations=15)
        errors[scale] = (project(place(rest, weights, found, skeleton), found.camera) - targets).abs().mean()
    assert errors[0.03] < 0.1 * errors[float("inf")]


def test_time_terms_smooth_within_a_shot_and_not_across(skeleton: Skeleton) -> None:
    frames, shots = 12, np.repeat([0, 1], 6)
    noise = 0.1 * torch.randn(frames, 24, 3, generator=torch.Generator().manual_seed(6))
    level = torch.zeros(frames, 24, 3)
    level[6:, 4, 0] = 1.0  # a knee that jumps at the cut
    noisy = State(axis_angle_to_matrix(level + noise), torch.tensor([0.5, 0, 0]).repeat(frames, 1))
    priors = no_priors(acceleration=torch.full((24,), 100.0), camera=torch.full((3,), 100.0))
    for cut, jump in ((shots, True), (np.zeros(frames, int), False)):
        found = optimise(noisy, skeleton, priors, [], [], cut, stay=noisy, stay_trust=(1.0, 1.0), iterations=8)
        knee = log_so3(found.rotations)[:, 4, 0]
        assert (knee[6] - knee[5] > 0.7) == jump
        bend = torch.diff(log_so3(found.rotations), 2, dim=0)[:4].abs().mean()
        assert bend < 0.3 * torch.diff(level + noise, 2, dim=0)[:4].abs().mean()


def test_held_frames_stay(skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor]) -> None:
    rest, weights = cloud
    state = random_state(5, 0.2, 7)
    targets = torch.zeros(5, len(rest), 2)
    held = np.array([True, True, False, False, False])
    evidence = PointEvidence(rest, weights, targets, torch.full(targets.shape[:2], 1e3))
    found = optimise(state, skeleton, no_priors(), [evidence], [], np.zeros(5, int), held=held, iterations=5)
    assert (found.rotations[:2] - state.rotations[:2]).abs().max() < 1e-4
    assert (found.rotations[2:] - state.rotations[2:]).abs().max() > 0.05


def test_hinges_bend_one_way(skeleton: Skeleton) -> None:
    bent = torch.zeros(1, 24, 3)
    bent[0, 4, 0] = -0.6
    state = State(axis_angle_to_matrix(bent), torch.tensor([[0.5, 0.0, 0.0]]))
    priors = replace(no_priors(), hinges=((4, 0, 0.0, 2.6),), hinge=10.0)
    found = optimise(state, skeleton, priors, [], [], np.zeros(1, int), iterations=10)
    assert log_so3(found.rotations)[0, 4, 0] > -0.02


def test_points_may_lie_further_out_than_they_must(
    skeleton: Skeleton, cloud: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Only what lies within is pulled, and no further than it must."""
    rest, weights = cloud
    start = random_state(2, 0.2, seed=7)
    seen = project(place(rest, weights, start, skeleton), start.camera)
    low = seen[..., 1].quantile(0.3)
    down = torch.tensor([0.0, -1.0]).expand(2, len(rest), 1, 2)
    targets, trust = torch.zeros_like(seen) + low, torch.full(seen.shape[:2], 1e3)
    evidence = PointEvidence(rest, weights, targets, trust, axes=down, least=True)
    rows = terms.PointRows.of(evidence)(terms.Posed.of(start, skeleton))
    np.testing.assert_allclose(rows[:, -1] != 0, seen[..., 1] > low)
    assert not rows.transpose(1, 2)[seen[..., 1] < low].any()
    moved = optimise(start, skeleton, no_priors(), [evidence], [], np.zeros(2, int))
    now = project(place(rest, weights, moved, skeleton), moved.camera)[..., 1]
    assert (now - low).clamp_min(0).sum() < 0.1 * (seen[..., 1] - low).clamp_min(0).sum()
