from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.inside import MOUTH, light_within, paint_inside
from lwgan_cli.texture.source import Source, picture_ndc
from tests.tiny import tiny_body

SIZE = 512
SKIN = np.array([0.8, 0.6, 0.5])


@pytest.fixture(scope="module")
def whole() -> BodyModel:
    return load_body("open", find_weights_dir(), hidden=True)


def texels(whole: BodyModel, *groups: str) -> np.ndarray:
    """(A, A) bool: the atlas' pixels of these groups."""
    flat = torch.cat([whole.uv * 2 - 1, torch.ones(len(whole.uv), 1)], 1) * torch.tensor([1.0, -1.0, 1.0])
    return rasterize(flat[None], whole.uv_faces[whole.of_group(*groups)], SIZE).mask[0].numpy()


def seen(whole: BodyModel) -> np.ndarray:
    """Visibility of a photo that shows the whole outside, eyes shut."""
    visibility = np.zeros(whole.n_vertices)
    visibility[whole.faces[: whole.n_shown].numpy()] = 1
    visibility[whole.faces[whole.of_group("eye_front.L", "eye_front.R")].numpy()] = 0
    return visibility


def test_teeth_are_light_and_the_mouth_dark_but_not_black(whole: BodyModel) -> None:
    atlas = np.broadcast_to(SKIN, (SIZE, SIZE, 3)).astype(np.float32)
    painted = paint_inside(whole, atlas, seen(whole))
    teeth, cavity = (painted[texels(whole, group)] for group in ("teeth", "mouth_cavity"))
    assert np.percentile(teeth, 75) > 0.6 and (teeth[:, 0] >= teeth[:, 2] - 1e-6).all()
    assert 0.08 < np.median(cavity) < 0.45 and cavity.min() > 0.02
    assert (cavity[:, 0] > cavity[:, 2]).all()  # red
    eye = painted[texels(whole, "eye_front.L")].mean(1)
    assert np.median(eye) > 0.6 and eye.min() < 0.4  # the iris is a texel or two
    outside = ~texels(whole, *whole.group_names[-10:])
    np.testing.assert_array_equal(painted[outside], atlas[outside])


def test_a_dark_photo_has_dark_teeth(whole: BodyModel) -> None:
    rows = texels(whole, "teeth")
    light, dark = (
        paint_inside(whole, np.broadcast_to(SKIN * share, (SIZE, SIZE, 3)).astype(np.float32), seen(whole))[rows]
        for share in (1.0, 0.4)
    )
    assert np.median(dark) < 0.55 * np.median(light)


def test_what_the_photo_shows_stays(whole: BodyModel) -> None:
    """A photo with an open mouth and open eyes."""
    atlas = np.random.default_rng(0).uniform(size=(SIZE, SIZE, 3)).astype(np.float32)
    np.testing.assert_allclose(paint_inside(whole, atlas, np.ones(whole.n_vertices)), atlas, atol=1e-6)


def test_teeth_that_the_photo_shows_are_its_own(whole: BodyModel) -> None:
    """An open mouth with bluish teeth, as dark as its opening leaves them: they are so in full light, seen or not, and
    lips are none of them."""
    assert whole.actions is not None
    face = torch.zeros(1, 52)
    for name in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight"):
        face[0, whole.actions.names.index(name)] = 0.4
    vertices, _ = skin(whole, torch.zeros(1, 24, 3), torch.zeros(10), face=face)
    x, y, _ = vertices[0, [whole.landmarks["left_mouth"], whole.landmarks["right_mouth"]]].mean(0)
    scale, size, blue, lips = 1500.0, 240, np.array([0.5, 0.55, 0.65]), np.array([0.7, 0.3, 0.3])
    ndc = picture_ndc(vertices, torch.tensor([[scale, size / 2 - scale * x, size / 2 + scale * y]]), (size, size))
    ndc[..., 2] += 1 - ndc[..., 2].min()
    drawn = rasterize(ndc, whole.faces, size).pix_to_face[0]
    light = light_within((drawn >= 0)[None, None] & whole.of_group(*MOUTH)[drawn], scale)[0, 0, ..., None].numpy()
    teeth = whole.of_group("teeth").numpy()[drawn]
    assert teeth.sum() > 300
    picture = np.where(teeth[..., None], blue * light, lips)
    pixels = torch.from_numpy(np.dstack([picture, np.ones((size, size))]).transpose(2, 0, 1)).float()
    photo = Source(pixels, ndc[0], torch.ones(whole.n_vertices), torch.ones(len(whole.faces)), scale)
    atlas = np.broadcast_to(SKIN, (SIZE, SIZE, 3)).astype(np.float32)
    rows = texels(whole, "teeth")
    own, painted = (paint_inside(whole, atlas, seen(whole), each)[rows] for each in (photo, None))
    lightest = own[own.mean(1) > np.percentile(own.mean(1), 60)]
    assert np.abs(np.median(lightest, 0) - blue).max() < 0.08
    assert np.abs(np.median(painted, 0) - blue).max() > 0.15
    assert (own[:, 0] - own[:, 2] > 0.2).mean() < 0.25  # gums alone


def test_the_wider_a_mouth_the_lighter() -> None:
    shades = []
    for height in (2, 5, 14):
        inside = torch.zeros(1, 1, 40, 80, dtype=torch.bool)
        inside[..., 20 - height // 2 : 20 - height // 2 + height, 10:70] = True
        shades.append(float(light_within(inside, 1000.0)[0, 0, 20, 40]))
    assert 0.4 < shades[0] < shades[1] - 0.15 and shades[2] > 0.95


def test_a_body_without_a_mouth_keeps_its_atlas() -> None:
    body = tiny_body()
    atlas = np.full((64, 64, 3), 0.5, np.float32)
    assert paint_inside(body, atlas, np.zeros(body.n_vertices)) is atlas
