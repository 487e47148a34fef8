"""The legs' length is a component of the open body's shape, and moves nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lwgan_cli.body.leg_length import COMPONENT, SHARE, has_leg_length
from lwgan_cli.body.model import JOINT_NAMES, BodyModel, joints_rest, rest_vertices
from tests.body.acting import body

LEGS = [JOINT_NAMES.index(f"{side}_{name}") for side in ("left", "right") for name in ("knee", "ankle", "foot")]


def shaped(model: BodyModel, amount: float) -> tuple[np.ndarray, np.ndarray]:
    betas = torch.zeros(10)
    betas[COMPONENT] = amount
    return rest_vertices(model, betas).numpy(), joints_rest(model, betas).numpy()


def test_legs_are_scaled_and_all_above_them_stays() -> None:
    (mean, joints), (short, short_joints) = shaped(body(), 0.0), shaped(body(), 2.0)
    others = np.setdiff1d(np.arange(24), LEGS)
    assert np.abs(short_joints - joints)[others].max() < 3e-3
    assert np.abs(short - mean)[mean[:, 1] > joints[1, 1]].max() == 0
    for upper, lower in ((4, 7), (5, 8)):  # shanks lie below the blend: scaled in full
        before, after = (np.abs(at[upper, 1] - at[lower, 1]) for at in (joints, short_joints))
        assert np.isclose(after / before, 1 + 2 * SHARE, atol=2e-3)
    # no vertex passes another on the way down
    edges = body().faces.numpy()[:, [0, 1]]
    assert ((short[edges[:, 0], 1] - short[edges[:, 1], 1]) * (mean[edges[:, 0], 1] - mean[edges[:, 1], 1]) >= 0).all()


def test_a_body_whose_last_component_is_something_else_is_known() -> None:
    assert has_leg_length(body())
    other = body().shapedirs.clone()
    other[:, 0, COMPONENT] = 1e-3
    assert not has_leg_length(replace(body(), shapedirs=other))
