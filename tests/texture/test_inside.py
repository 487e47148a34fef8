from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.inside import MOUTH, brightness, light_within, paint_inside, tooth_colour
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


@pytest.mark.parametrize("tone", [(0.85, 0.68, 0.62), (0.70, 0.52, 0.44), (0.45, 0.28, 0.22), (0.25, 0.15, 0.11)])
def test_teeth_are_lighter_and_less_red_than_skin_of_any_tone(tone: tuple[float, float, float]) -> None:
    skin = np.array(tone) * np.random.default_rng(0).uniform(0.8, 1.1, (500, 1))
    tooth = tooth_colour(skin)
    light = float(brightness(tooth))
    assert 1.04 < light / np.percentile(brightness(skin), 75) < 1.25 and tooth.max() <= 1
    red = [np.ptp(each) / brightness(each) for each in (tooth, np.array(tone))]
    assert 0 < red[0] < 0.5 * red[1] and tooth[0] >= tooth[1] >= tooth[2]


def test_teeth_get_darker_and_redder_towards_the_corners_of_the_mouth(whole: BodyModel) -> None:
    atlas = np.broadcast_to(SKIN, (SIZE, SIZE, 3)).astype(np.float32)
    teeth = whole.of_group("teeth")
    corner = whole.uv[whole.uv_faces[teeth]].mean(1).numpy()
    middle = whole.v_template[whole.faces[teeth]].mean(1).numpy()
    row, column = (corner[:, ::-1] * SIZE).astype(int).T
    painted = paint_inside(whole, atlas, seen(whole))[row, column]
    edge = np.abs(middle[:, 1] - np.median(middle[:, 1])) < 0.006  # no gums
    front, side = (painted[edge & near].mean(0) for near in (abs(middle[:, 0]) < 0.006, abs(middle[:, 0]) > 0.023))
    assert brightness(side) < 0.6 * brightness(front)
    assert side[0] / side[2] > 1.05 * front[0] / front[2]


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


def test_the_dark_between_parted_lips_is_no_teeth(whole: BodyModel) -> None:
    """A photo of lips with nothing but black between them leaves teeth as they are made up."""
    assert whole.actions is not None
    face = torch.zeros(1, 52)
    face[0, whole.actions.names.index("jawOpen")] = 0.2
    vertices, _ = skin(whole, torch.zeros(1, 24, 3), torch.zeros(10), face=face)
    x, y, _ = vertices[0, [whole.landmarks["left_mouth"], whole.landmarks["right_mouth"]]].mean(0)
    scale, size = 1500.0, 240
    ndc = picture_ndc(vertices, torch.tensor([[scale, size / 2 - scale * x, size / 2 + scale * y]]), (size, size))
    ndc[..., 2] += 1 - ndc[..., 2].min()
    drawn = rasterize(ndc, whole.faces, size).pix_to_face[0]
    inside = ((drawn >= 0) & whole.of_group(*MOUTH)[drawn]).numpy()
    assert inside.sum() > 200
    picture = np.where(inside[..., None], 0.2, np.array([0.7, 0.3, 0.3]))
    pixels = torch.from_numpy(np.dstack([picture, np.ones((size, size))]).transpose(2, 0, 1)).float()
    photo = Source(pixels, ndc[0], torch.ones(whole.n_vertices), torch.ones(len(whole.faces)), scale)
    atlas = np.broadcast_to(SKIN, (SIZE, SIZE, 3)).astype(np.float32)
    own, painted = (paint_inside(whole, atlas, seen(whole), each) for each in (photo, None))
    np.testing.assert_allclose(own, painted, atol=1e-6)


def test_what_lips_hide_of_themselves_is_as_what_they_show(whole: BodyModel) -> None:
    """A dark red upper lip and a pink lower one, in an atlas that knows no more of their inner sides than skin."""
    dark, pink = np.array([0.45, 0.05, 0.10]), np.array([0.80, 0.35, 0.40])
    middle = whole.v_template[[whole.landmarks["left_mouth"], whole.landmarks["right_mouth"]]].mean(0)
    away = whole.v_template - middle
    cavity = whole.v_template[whole.faces[whole.of_group("mouth_cavity")].unique()]
    deep = torch.cdist(whole.v_template, cavity).amin(1)
    lip = (deep < 0.014) & (away[:, :2].norm(dim=1) < 0.02)
    hidden = lip & (deep < 0.004)
    colours = torch.from_numpy(SKIN).repeat(whole.n_vertices, 1)
    for side, colour in ((away[:, 1] > 0, dark), (away[:, 1] <= 0, pink)):
        colours[lip & side & ~hidden] = torch.from_numpy(colour)
    faces, size = slice(whole.n_shown), 512
    flat = torch.cat([whole.uv * 2 - 1, torch.ones(len(whole.uv), 1)], 1) * torch.tensor([1.0, -1.0, 1.0])
    drawn = rasterize(flat[None], whole.uv_faces[faces], size)
    atlas = (colours[whole.faces[drawn.pix_to_face[0].clamp_min(0)]] * drawn.bary_coords[0][..., None]).sum(2)
    visibility = seen(whole)
    visibility[hidden.numpy()] = 0
    painted = paint_inside(whole, atlas.float().numpy(), visibility)
    inner = hidden[whole.faces[faces]].all(1)
    up = away[whole.faces[faces], 1].mean(1)
    texel = (whole.uv[whole.uv_faces[faces]].mean(1) * size).long()
    for chosen, colour in ((inner & (up > 0.0005), dark), (inner & (up < -0.0005), pink)):
        assert chosen.sum() >= 8
        column, row = texel[chosen].T
        assert np.abs(np.median(painted[row, column], 0) - colour).max() < 0.06


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
