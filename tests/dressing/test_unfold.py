"""Offsets that fold the surface over, and what becomes of them."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from lwgan_cli.body.model import skin
from lwgan_cli.dressing.unfold import TRIALS, flipped_faces, trial_poses, unfold
from tests.body.acting import act, body


def normals() -> torch.Tensor:
    """(V, 3) outward unit normals in T-pose."""
    a, b, c = body().v_template[body().faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a, dim=-1)
    sums = torch.zeros_like(body().v_template)
    for corner in body().faces.unbind(1):
        sums.index_add_(0, corner, across)
    return normalize(sums, dim=-1)


def rough(seed: int) -> torch.Tensor:
    """(V, 3) m: a thick suit with noise finer than a fold of cloth."""
    noise = torch.randn(body().n_vertices, 3, generator=torch.Generator().manual_seed(seed))
    return 0.03 * normals() + 0.004 * noise


def test_flipped_faces_are_those_that_look_into_the_naked_body() -> None:
    poses = torch.from_numpy(act(2, 1.0, seed=3, beat=1.0).poses)
    vertices = skin(body(), poses, torch.zeros(10), rough(1))[0]
    plain = skin(body(), poses, torch.zeros(10))[0]
    found = flipped_faces(body(), poses, torch.zeros(10), rough(1))
    for t, face in ((0, 17), (1, 17), (0, 900), (1, 2000)):
        corners = [v[t, body().faces[face]] for v in (plain, vertices)]
        first, second = (torch.linalg.cross(c[1] - c[0], c[2] - c[0], dim=0) for c in corners)
        assert bool(found[t, face]) == bool(first @ second < 0)


def test_folds_are_smoothed_away_in_poses_that_were_never_tried() -> None:
    pose, betas = torch.zeros(24, 3), torch.zeros(10)
    later = torch.from_numpy(act(4, 1.0, seed=9, beat=1.0).poses)
    before = rough(2)
    after = unfold(body(), pose, betas, before)
    count = [int(flipped_faces(body(), later, betas, offsets).sum()) for offsets in (before, after)]
    assert count[0] > 200 and count[1] < 0.25 * count[0]
    assert float((after * normals()).sum(1).median()) > 0.02  # the suit itself stays


def test_what_folds_nowhere_stays_as_it_is() -> None:
    pose, betas = torch.zeros(24, 3), torch.zeros(10)
    nothing = torch.zeros_like(body().v_template)
    assert torch.equal(unfold(body(), pose, betas, nothing), nothing)
    # a single vertex drawn through the body: only its surroundings move
    spoilt = nothing.clone()
    vertex = body().landmarks["nose"]
    spoilt[vertex, 2] = -0.1
    after = unfold(body(), pose, betas, spoilt)
    far = (body().v_template - body().v_template[vertex]).norm(dim=1) > 0.15
    assert after[far].abs().max() == 0
    assert after[vertex].norm() < 0.05


def test_the_photos_pose_comes_before_the_trials() -> None:
    pose = torch.full((24, 3), 0.1)
    poses = trial_poses(pose)
    assert poses.shape == (2 + len(TRIALS), 24, 3)
    assert torch.equal(poses[0], pose) and not poses[1].any() and poses[2:].flatten(1).any(1).all()
