"""What a face's points leave over, as offsets of the body."""

from __future__ import annotations

import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.face_places import FacePlaces, eyeballs, load_face_places
from lwgan_cli.dressing.features import Spread


@pytest.fixture(scope="module")
def whole() -> BodyModel:
    return load_body("open", find_weights_dir(), hidden=True)


@pytest.fixture(scope="module")
def places() -> FacePlaces:
    return load_face_places(find_weights_dir())


@pytest.fixture(scope="module")
def spread(whole: BodyModel, places: FacePlaces) -> Spread:
    return Spread.of(whole, places)


def test_the_face_moves_as_its_points_do_and_the_body_stays(
    whole: BodyModel, places: FacePlaces, spread: Spread
) -> None:
    wave = 0.003 * torch.sin(places.of(whole.v_template) / 0.03)
    features = torch.stack([torch.zeros(478, 3), wave])
    offsets = torch.full_like(whole.v_template, 0.01)
    moved = spread.add(offsets, features.half()) - offsets
    assert moved.shape == (2, whole.n_vertices, 3) and not moved[0].any()
    both = torch.stack([offsets, 2 * offsets])
    torch.testing.assert_close(spread.add(both, features.half()) - both, moved, atol=1e-6, rtol=0)
    skin = ~torch.zeros(478, dtype=torch.bool).index_fill(0, torch.arange(468, 478), True)
    error = (places.of(moved[1]) - wave).norm(dim=-1)[skin]
    assert error.median() < 4e-4 and wave.norm(dim=-1).median() > 2e-3
    far = (whole.v_template - places.of(whole.v_template).mean(0)).norm(dim=1) > 0.35
    assert moved[1][far].abs().max() < 1e-6


def test_lips_part_and_teeth_and_eyeballs_keep_their_shape(
    whole: BodyModel, places: FacePlaces, spread: Spread
) -> None:
    """The upper lip rises, with what is above it."""
    at, features = places.of(whole.v_template), torch.zeros(1, 478, 3)
    features[0, :, 1] = 0.004 * torch.exp(-((at - at[13]).norm(dim=1) / 0.015).square()) * (at[:, 1] >= at[13, 1])
    features[0, 468:473] = torch.tensor([0.002, 0.001, 0.0])
    moved = spread.add(torch.zeros_like(whole.v_template), features)[0]
    lips = places.of(moved)
    assert lips[13, 1] > 0.0025 and lips[14, 1].abs() < 0.0008
    assert not moved[whole.faces[whole.of_group("teeth")]].any()
    right, _ = (moved[torch.from_numpy(rows)] for rows in eyeballs(whole))
    torch.testing.assert_close(right, torch.tensor([0.002, 0.001, 0.0]).expand_as(right), atol=1e-6, rtol=0)
