from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import rasterize


@pytest.fixture(scope="module")
def whole() -> BodyModel:
    return load_body("open", find_weights_dir(), hidden=True)


def teeth_px(whole: BodyModel, jaw: float) -> tuple[int, np.ndarray]:
    """How many pixels of a 300 px picture of the mouth (10 cm) show teeth, and their heights in it, m."""
    face = torch.zeros(1, 52)
    assert whole.actions is not None
    face[0, whole.actions.names.index("jawOpen")] = jaw
    vertices, _ = skin(whole, torch.zeros(1, 24, 3), torch.zeros(10), face=face)
    middle = whole.v_template[[whole.landmarks["left_mouth"], whole.landmarks["right_mouth"]]].mean(0)
    ndc = (vertices - middle) / 0.05 * torch.tensor([1.0, 1.0, -1.0])
    fragments = rasterize(ndc + torch.tensor([0.0, 0.0, 9.0]), whole.faces, 300)
    shown = whole.of_group("teeth")[fragments.pix_to_face[0].clamp_min(0)] & fragments.mask[0]
    rows = np.flatnonzero(shown.any(1).numpy())
    return int(shown.sum()), 0.05 * (1 - (rows + 0.5) / 150)


def test_teeth_show_where_the_mouth_opens_and_only_there(whole: BodyModel) -> None:
    assert teeth_px(whole, 0.0)[0] < 200  # a hair's breadth between the lips
    count, heights = teeth_px(whole, 0.5)
    assert count > 600
    assert np.ptp(heights) > 0.012  # both rows, apart


def test_the_lower_row_follows_the_jaw_and_the_upper_one_does_not(whole: BodyModel) -> None:
    rows = whole.faces[whole.of_group("teeth")].unique()
    upper, lower = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    face = torch.zeros(1, 52)
    assert whole.actions is not None
    face[0, whole.actions.names.index("jawOpen")] = 1.0
    moved = skin(whole, torch.zeros(1, 24, 3), torch.zeros(10), face=face)[0][0] - whole.v_template
    assert moved[upper].abs().max() < 1e-6
    chin = moved[whole.landmarks["chin"]]
    assert (moved[lower] - moved[lower][0]).abs().max() < 1e-6
    assert moved[lower][0, 1] < 0.5 * chin[1] < 0


def test_lips_that_part_a_little_show_an_edge_of_the_upper_row(whole: BodyModel) -> None:
    """Dentists measure 2 to 3.5 mm below the line where lips meet, and what talk shows ends there."""
    rows = whole.faces[whole.of_group("teeth")].unique()
    edge = whole.v_template[rows[: len(rows) // 2], 1].min()
    cavity = whole.v_template[whole.faces[whole.of_group("mouth_cavity")].unique()]
    middle = cavity[cavity[:, 0].abs() < 1e-3]
    lips = middle[middle[:, 2].argsort(descending=True)[:2], 1].mean()
    assert 0.002 < lips - edge < 0.0035


def test_both_sides_are_alike(whole: BodyModel) -> None:
    rows = whole.faces[whole.of_group("teeth")].unique()
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(whole.v_template[whole.mirror[rows]], whole.v_template[rows] * flip, atol=1e-6, rtol=0)


def test_teeth_have_a_piece_of_the_atlas_to_themselves(whole: BodyModel) -> None:
    def covered(faces: torch.Tensor) -> torch.Tensor:
        flat = torch.cat([whole.uv * 2 - 1, torch.ones(len(whole.uv), 1)], 1)
        return rasterize(flat[None], whole.uv_faces[faces], 512).mask[0]

    teeth = whole.of_group("teeth")
    assert not (covered(teeth) & covered(~teeth)).any()
    assert covered(teeth).sum() > 3000
