"""What is worked out once for a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.correspondence.visibility import face_normals
from lwgan_cli.texture.source import ARMS, on_photo, own_hands, picture_ndc, prepare_source, read
from tests.body.acting import body
from tests.texture.clothed import dressed, painted
from tests.texture.staging import CAMERA, SIZE, flat, mask, motion, pattern, pose, source, surface, vertices


def test_picture_ndc_is_the_camera_in_px() -> None:
    points = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(0))
    cameras = torch.tensor([[190.0, 150.0, 180.0], [80.0, -20.0, 410.0]])
    ndc = picture_ndc(points, cameras, SIZE).numpy()
    for b, (scale, x, y) in enumerate(cameras.tolist()):
        px = np.stack([x + scale * points[b, :, 0], y - scale * points[b, :, 1]], 1)
        assert np.allclose((ndc[b, :, 0] + 1) / 2 * SIZE[0], px[:, 0], atol=1e-3)
        assert np.allclose((1 - ndc[b, :, 1]) / 2 * SIZE[1], px[:, 1], atol=1e-3)
        # depth in the units of x, away from the viewer
        assert np.allclose(ndc[b, :, 2], -scale * points[b, :, 2] / (SIZE[0] / 2), atol=1e-4)


def test_a_photo_is_described_in_its_own_pixels() -> None:
    picture, rows = pattern(), pose(20)
    alpha = mask(rows).astype(np.float32) * 0.7
    prepared = source(rows, picture, alpha)
    assert prepared.size == SIZE and prepared.scale == pytest.approx(CAMERA[0], rel=1e-5)
    assert np.allclose(prepared.pixels[:3].permute(1, 2, 0) * 255, picture, atol=1e-3)
    assert np.allclose(prepared.pixels[3], alpha)
    scale, x, y = CAMERA
    flat_px = np.stack([x + scale * vertices(rows)[0, :, 0], y - scale * vertices(rows)[0, :, 1]], 1)
    assert np.allclose(prepared.vertices_px(), flat_px, atol=0.01)


def test_the_crop_decides_nothing_but_sharpness() -> None:
    """The same body, fitted in another crop of the same photo."""
    rows = pose()
    fitted = motion(rows)
    scale, x, y = CAMERA
    side, cx, cy = 520.0, 160.0, 190.0
    camera = np.array([[scale / (side / 2), (x - cx) / (side / 2), (cy - y) / (side / 2)]], np.float32)
    wider = replace(fitted, crop=np.array([[cx, cy, side]], np.float32), camera=camera)
    offsets, alpha = torch.zeros_like(body().v_template), mask(rows).astype(np.float32)
    first, second = (prepare_source(body(), m, offsets, flat((90, 90, 90)), alpha, surface()) for m in (fitted, wider))
    assert np.allclose(first.vertices_px(), second.vertices_px(), atol=0.01)
    assert first.scale == pytest.approx(second.scale, rel=1e-5)
    assert float(second.score.sum() / first.score.sum()) == pytest.approx(1, rel=0.02)  # px², not NDC²
    assert float((first.visibility - second.visibility).abs().mean()) < 0.03


@pytest.mark.parametrize("turn", [0.0, 180.0, 90.0])
def test_a_photo_shows_the_side_that_faces_it(turn: float) -> None:
    rows = pose(turn)
    prepared = source(rows, flat((120, 110, 100)))
    body_side = vertices(rows)[0]
    normals = face_normals(torch.stack([body_side[:, 0], body_side[:, 1], -body_side[:, 2]], -1)[None], body().faces)[0]
    cosine = normals[:, 2] / normals.norm(dim=1).clamp_min(1e-12)
    trunk = torch.isin(body().parts, torch.tensor([0, 3, 6, 9]))
    at_trunk = trunk[body().faces].all(1)
    away, towards = at_trunk & (cosine < -0.2), at_trunk & (cosine > 0.5)
    assert away.sum() > 200 and towards.sum() > 200
    assert prepared.score[away].max() == 0
    if turn != 90:  # from the side an arm hangs before the trunk
        assert (prepared.score[towards] > 0).float().mean() > 0.98
        seen = prepared.visibility[body().faces[towards]].mean(1)
        assert seen.mean() > 0.95
    assert prepared.visibility[body().faces[away]].mean() < 0.2
    assert (prepared.visibility >= 0).all() and (prepared.visibility <= 1).all()


def test_scores_add_up_to_the_pixels_seen() -> None:
    """A face scores its area in px times its cosine, so that the body's faces add up to less than its pixels."""
    rows = pose()
    prepared = source(rows, flat((120, 110, 100)))
    pixels = mask(rows).sum()
    assert 0.5 * pixels < float(prepared.score.sum()) < pixels


def test_pixels_are_read_at_their_centres() -> None:
    y, x = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(30) + 0.5, indexing="ij")
    planes = torch.stack([x, y])
    px = torch.tensor([[0.5, 0.5], [12.25, 33.0], [29.5, 39.5], [7.0, 1.75]])
    ndc = torch.stack([px[:, 0] / 30 * 2 - 1, 1 - px[:, 1] / 40 * 2], 1)
    assert torch.allclose(read(planes, ndc), px, atol=1e-4)


def test_values_are_drawn_where_the_body_lies() -> None:
    photo = painted(dressed())
    drawn = on_photo(photo, body().faces, surface().vertices[:, 1:2])[..., 0]
    assert drawn.shape == SIZE[::-1]
    px = np.floor(photo.vertices_px()).astype(int)
    front = photo.visibility.numpy() > 0.99
    apart = np.abs(drawn[px[front, 1], px[front, 0]] - surface().vertices[front, 1])
    assert np.median(apart) < 0.005 and (apart < 0.03).mean() > 0.98
    small = replace(photo, pixels=torch.zeros(4, 2000, 1500))
    assert max(on_photo(small, body().faces, np.ones((len(px), 1))).shape) == 768


# -- hands -------------------------------------------------------------------------------------------------

SKIN = torch.tensor([0.8, 0.6, 0.5])
BLUE = torch.tensor([0.2, 0.3, 0.7])
LEFT, RIGHT = (torch.isin(body().parts, torch.tensor(arm[1:])) for arm in ARMS)
FOREARMS = torch.isin(body().parts, torch.tensor([arm[0] for arm in ARMS]))


NOWHERE = torch.zeros(body().n_vertices, dtype=torch.bool)


def handed(
    left: torch.Tensor,
    right: torch.Tensor,
    face: torch.Tensor = SKIN,
    cut: torch.Tensor = NOWHERE,
    forearms: torch.Tensor = SKIN,
) -> torch.Tensor:
    """(V,) trust in hands of these colours."""
    colours = torch.cat([face.expand(body().n_vertices, 3), torch.ones(body().n_vertices, 1)], 1)
    colours[LEFT, :3], colours[RIGHT, :3], colours[FOREARMS, :3] = left, right, forearms
    inside = 1 - cut.float()
    return own_hands(body(), colours, torch.ones(body().n_vertices), torch.from_numpy(surface().skin), inside)


def test_what_a_hand_holds_is_not_the_hand() -> None:
    trust = handed(SKIN, BLUE)
    assert (trust[RIGHT] == 0).all() and (trust[~RIGHT] == 1).all()


@pytest.mark.parametrize(
    ("left", "right"), [(SKIN, SKIN), (0.3 * SKIN, SKIN), (BLUE, BLUE), (0.4 * BLUE, BLUE)], ids=str
)
def test_bare_hands_in_the_shade_and_gloves_are_hands(left: torch.Tensor, right: torch.Tensor) -> None:
    assert (handed(left, right) == 1).all()


def test_hands_that_the_picture_cuts_off_may_be_sleeves() -> None:
    trust = handed(BLUE, BLUE, cut=LEFT & (torch.arange(body().n_vertices) % 2 == 0))
    assert (trust[LEFT] == 0).all() and (trust[~LEFT] == 1).all()
    assert (handed(SKIN, SKIN, cut=LEFT) == 1).all()


def test_sleeves_over_hands_are_no_gloves() -> None:
    assert (handed(BLUE, BLUE, forearms=BLUE)[LEFT | RIGHT] == 0).all()
    white = torch.tensor([0.9, 0.9, 0.9])
    assert (handed(white, white, forearms=0.3 * white) == 1).all()  # gloves
    red = torch.tensor([0.9, 0.4, 0.4])
    assert (handed(red, red, forearms=red) == 1).all()  # bare arms in other light than the face


def test_without_a_face_no_hand_is_judged() -> None:
    nothing = torch.zeros(body().n_vertices, dtype=torch.bool)
    colours = torch.rand(body().n_vertices, 4, generator=torch.Generator().manual_seed(0))
    assert (
        own_hands(body(), colours, torch.ones(body().n_vertices), nothing, torch.ones(body().n_vertices)) == 1
    ).all()


@pytest.mark.parametrize("turn", [0.0, 55.0, -55.0])
def test_a_face_that_looks_aside_shows_its_near_side_better(turn: float) -> None:
    shown = source(pose(turn), flat((120, 110, 100)))
    better, twin = shown.outdone, shown.visibility[body().mirror].numpy() > 0.9
    assert better is not None
    x, face = body().v_template[:, 0].numpy(), surface().face
    assert not better[~torch.from_numpy(surface().head)].any()
    cheeks = face & (body().v_template[:, 2].numpy() > body().v_template[face, 2].max().item() - 0.07)
    if turn == 0:
        assert better.max() < 0.3
    else:  # turned to its own left, the picture's right
        side = np.sign(turn)
        far, near = cheeks & (side * x > 0.02) & twin, cheeks & (side * x < -0.02)
        assert far.sum() > 50
        assert better[torch.from_numpy(far)].mean() > 0.8 and better[torch.from_numpy(near)].mean() < 0.06
