"""Eyes of a photo that was painted: white, a round brown iris, and lids in the skin's colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.detection.face_places import eyeballs, load_face_places
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import Window
from lwgan_cli.texture.eyes import REACH, lids, paint_eyes
from lwgan_cli.texture.inside import IRIS_RADIUS
from lwgan_cli.texture.source import Source, picture_ndc
from tests.texture.staging import close_up

SIZE = 240  # px
SCALE = 1600.0  # px per metre
SKIN, WHITE, BROWN = np.array([[0.80, 0.58, 0.50], [0.86, 0.83, 0.81], [0.30, 0.18, 0.10]])


@pytest.fixture(scope="module")
def whole() -> BodyModel:
    return load_body("open", find_weights_dir(), hidden=True)


@pytest.fixture(scope="module")
def irises(whole: BodyModel) -> np.ndarray:
    places = load_face_places(find_weights_dir()).of(whole.v_template).numpy()
    return np.stack([places[468:473].mean(0), places[473:478].mean(0)])


def acting(
    whole: BodyModel, scale: float = SCALE, size: int = SIZE, **strengths: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """See `close_up`: of the eyes."""
    return close_up(whole, "eye", scale, size, **strengths)


def photo(whole: BodyModel, irises: np.ndarray, scale: float = SCALE, size: int = SIZE, **strengths: float) -> Source:
    """What a camera sees of it, evenly lit."""
    vertices, camera = acting(whole, scale, size, **strengths)
    ndc = picture_ndc(vertices, camera, (size, size))
    ndc[..., 2] += 1 - ndc[..., 2].min()
    fragments = rasterize(ndc, whole.faces, size)
    rest = interpolate(fragments, whole.faces, whole.v_template)[0].numpy()
    eye = whole.of_group("eye_front.L", "eye_front.R").numpy()[fragments.pix_to_face[0]]
    near = np.min([np.linalg.norm(rest - iris, axis=-1) for iris in irises], 0) < IRIS_RADIUS
    picture = np.where(eye[..., None], np.where(near[..., None], BROWN, WHITE), SKIN)
    pixels = np.dstack([picture, np.ones((size, size))]).transpose(2, 0, 1)
    seen = torch.ones(whole.n_vertices)
    return Source(torch.from_numpy(pixels).float(), ndc[0], seen, torch.ones(len(whole.faces)), scale)


def painted(whole: BodyModel, irises: np.ndarray, **strengths: float) -> np.ndarray:
    """(S, 2S, 3)."""
    eyes = paint_eyes(whole, irises, photo(whole, irises, **strengths))
    assert eyes is not None
    return eyes.picture.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("blink", [0.0, 0.35])
def test_the_whole_eye_is_known_from_what_the_lids_leave(whole: BodyModel, irises: np.ndarray, blink: float) -> None:
    """A round iris in its own colour and size, the rest white: nothing of lids, however far they are shut."""
    picture = painted(whole, irises, eyeBlinkLeft=blink, eyeBlinkRight=blink)
    side = len(picture)
    for half, eye in enumerate(np.split(picture, 2, 1)):
        away = np.linalg.norm(eye[..., None, :] - [SKIN, WHITE, BROWN], axis=-1)
        dark = eye.mean(-1) < (WHITE.mean() + BROWN.mean()) / 2
        radius = np.sqrt(dark.sum() / np.pi) / (side / 2) / REACH * np.pi / 2 * 0.0155  # m along the eyeball
        assert 0.9 < radius / IRIS_RADIUS < 1.12, half
        row, column = np.argwhere(dark).mean(0)
        assert np.ptp(np.argwhere(dark)[:, 0]) / np.ptp(np.argwhere(dark)[:, 1]) == pytest.approx(1, abs=0.12)
        np.testing.assert_allclose(eye[round(row), round(column)], BROWN, atol=0.05)
        front = np.hypot(*np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]) < 0.7 * REACH
        light = eye[front & (np.hypot(*(np.indices(dark.shape) - np.array([row, column])[:, None, None])) > 0.3 * side)]
        assert (light.min(-1) > 0.65).all() and (np.ptp(light, axis=-1) < 0.12).all()  # grey, neither dark nor pink
        assert (away[front][:, 0] > 0.1).mean() > 0.98


def test_shut_eyes_are_made_up(whole: BodyModel, irises: np.ndarray) -> None:
    picture = painted(whole, irises, eyeBlinkLeft=0.8, eyeBlinkRight=0.8)
    dark = picture.mean(-1) < 0.5
    assert 0.02 < dark.mean() < 0.1 and np.median(picture[~dark]) > 0.55


def test_a_face_far_away_keeps_the_photos_eyes(whole: BodyModel, irises: np.ndarray) -> None:
    assert paint_eyes(whole, irises, photo(whole, irises, scale=250.0)) is None


def test_an_eye_that_looks_aside_shows_its_picture_and_nothing_else_does(whole: BodyModel, irises: np.ndarray) -> None:
    source = photo(whole, irises)
    green = torch.tensor([0.0, 1.0, 0.0])[:, None, None].expand(3, 64, 128)
    eyes = paint_eyes(whole, irises, source)
    assert eyes is not None
    vertices, camera = acting(whole, eyeLookInLeft=1.2, eyeLookOutRight=1.2)
    atlas = torch.from_numpy(SKIN).float()[:, None, None].expand(3, 8, 8)
    shown = []
    for given in (None, replace(eyes, picture=green)):
        warp = TextureWarp(whole, [source], atlas, 256, eyes=given)
        drawn = warp.rasterize(vertices, camera, Window((0, 0), (SIZE, SIZE)))
        shown.append(warp(drawn).rgba[0, :3])
    eyeball = whole.of_group("eye_front.L", "eye_front.R")[drawn.fragments.pix_to_face[0]] & drawn.fragments.mask[0]
    assert eyeball.sum() > 300
    is_green = ((shown[1] - torch.tensor([0.0, 1.0, 0.0])[:, None, None]).abs().sum(0) < 0.2)[eyeball]
    assert is_green.float().mean() > 0.6  # a rim of two px is soft
    changed = (shown[1] - shown[0]).abs().sum(0) > 0.01
    far = torch.nn.functional.max_pool2d(eyeball[None].float(), 7, 1, 3)[0] == 0
    assert not changed[far].any()


def test_a_blink_unfolds_skin_and_not_the_open_eyes_fold(whole: BodyModel, irises: np.ndarray) -> None:
    """A photo of open eyes whose upper lids are nothing but dark fold, up to 5 mm above their edge."""
    source = photo(whole, irises)
    eyes = paint_eyes(whole, irises, source)
    assert eyes is not None
    fold = rasterize(source.ndc[None] + torch.tensor([0, 0, 2.0]), whole.faces, SIZE)
    dark = fold.mask[0] & eyes.unfolds[fold.pix_to_face[0]]
    dark &= interpolate(fold, whole.faces, eyes.margin[:, None])[0, ..., 0] < 0.005
    assert dark.sum() > 150
    pixels = source.pixels.clone()
    pixels[:3, dark] = 0.1
    source = replace(source, pixels=pixels)
    eyes = paint_eyes(whole, irises, source)
    assert eyes is not None
    shown = {}
    unfolds = eyes.unfolds
    for name, given in (("folded", replace(eyes, unfolds=torch.zeros_like(unfolds))), ("unfolded", eyes)):
        warp = TextureWarp(whole, [source], torch.full((3, 8, 8), 0.1), 256, eyes=given)
        for blink in (0.0, 1.0):
            vertices, camera = acting(whole, eyeBlinkLeft=blink, eyeBlinkRight=blink)
            drawn = warp.rasterize(vertices, camera, Window((0, 0), (SIZE, SIZE)))
            margin = interpolate(drawn.fragments, whole.faces, eyes.margin[:, None])[0, ..., 0]
            lid = (
                drawn.fragments.mask[0]
                & unfolds[drawn.fragments.pix_to_face[0]]
                & (margin > 0.0035)
                & (margin < 0.0048)
            )
            shown[name, blink] = warp(drawn).rgba[0, :3].permute(1, 2, 0)[lid].mean(-1)
    torch.testing.assert_close(shown["folded", 0.0], shown["unfolded", 0.0])  # as the photo has it
    skin_like = {name: float((shown[name, 1.0] > SKIN.mean() - 0.1).float().mean()) for name in ("folded", "unfolded")}
    assert skin_like["folded"] < 0.2 and skin_like["unfolded"] > 0.7, skin_like


def dark_runs(column: np.ndarray) -> int:
    """How many stretches of a column (N,) of brightnesses are well below the skin's."""
    dark = column < SKIN.mean() - 0.15
    return int(dark[0]) + int((dark[1:] & ~dark[:-1]).sum())


def test_a_shut_lid_is_smooth_and_ends_in_one_dark_line(whole: BodyModel, irises: np.ndarray) -> None:
    """A photo of open eyes with black lashes, and a dark fold between 4 and 5.5 mm above the lids' edges."""
    source = photo(whole, irises)
    eyes = paint_eyes(whole, irises, source)
    assert eyes is not None
    drawn = rasterize(source.ndc[None] + torch.tensor([0, 0, 2.0]), whole.faces, SIZE)
    margin = interpolate(drawn, whole.faces, eyes.margin[:, None])[0, ..., 0]
    lid = drawn.mask[0] & (eyes.unfolds & (eyes.shut[:, whole.faces] > 0).any(0).any(1))[drawn.pix_to_face[0]]
    pixels = source.pixels.clone()
    pixels[:3, lid & (margin < 0.0015)] = 0.05
    pixels[:3, lid & (margin > 0.004) & (margin < 0.0055)] = 0.3
    source = replace(source, pixels=pixels)
    eyes = paint_eyes(whole, irises, source)
    assert eyes is not None
    vertices, camera = acting(whole, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    centre = camera[0, 1:].numpy() + SCALE * irises[:, :2].mean(0) * [1, -1]
    runs = {}
    for name, given in (("made up", eyes), ("photo", replace(eyes, unfolds=torch.zeros_like(eyes.unfolds)))):
        warp = TextureWarp(whole, [source], torch.full((3, 8, 8), 0.7), 256, eyes=given)
        picture = warp(warp.rasterize(vertices, camera, Window((0, 0), (SIZE, SIZE)))).rgba[0, :3].mean(0).numpy()
        rows = slice(int(centre[1] - 0.010 * SCALE), int(centre[1] + 0.012 * SCALE))
        middles = [int(centre[0] + SCALE * (iris[0] - irises[:, 0].mean())) for iris in irises]
        across = [middle + step for middle in middles for step in range(-8, 9)]
        runs[name] = np.array([dark_runs(picture[rows, column]) for column in across])
    assert (runs["made up"] == 1).all(), runs
    assert (runs["photo"] > 1).mean() > 0.5, runs


def test_both_eyeballs_lie_in_their_halves(whole: BodyModel, irises: np.ndarray) -> None:
    eyes = paint_eyes(whole, irises, replace(photo(whole, irises)))
    assert eyes is not None
    right, left = (eyes.ndc[torch.from_numpy(rows)] for rows in eyeballs(whole))
    assert right[:, 0].max() <= 0.5 and left[:, 0].min() >= -0.5
    ahead = eyes.ndc[[whole.landmarks["right_eye"], whole.landmarks["left_eye"]]]
    assert ahead[0, 0] == pytest.approx(-0.5, abs=0.1) and ahead[1, 0] == pytest.approx(0.5, abs=0.1)


def test_lids_lie_above_and_below_the_eyes_and_meet_in_a_blink(whole: BodyModel) -> None:
    upper, lower = lids(whole)
    middle = whole.v_template[whole.faces].mean(1)
    eyes = whole.v_template[[whole.landmarks["right_eye"], whole.landmarks["left_eye"]]]
    for chosen, side in ((upper, 1), (lower, -1)):
        assert chosen.sum() > 100 and not (chosen & whole.of_group("eye_front.L", "eye_front.R")).any()
        away = middle[chosen][:, None] - eyes
        near = away.norm(dim=-1).argmin(1)
        away = away[torch.arange(len(away)), near]
        assert away.norm(dim=1).max() < 0.025
        assert ((side * away[:, 1]) > -0.006).float().mean() > 0.95
    for blink, meet in ((0.0, False), (0.75, True)):
        vertices, camera = acting(whole, eyeBlinkLeft=blink, eyeBlinkRight=blink)
        ndc = picture_ndc(vertices, camera, (SIZE, SIZE))
        ndc[..., 2] += 1 - ndc[..., 2].min()
        face = rasterize(ndc, whole.faces, SIZE).pix_to_face[0]
        touching = (upper[face][:-1] & lower[face][1:]).any(0)
        assert touching.sum() > 30 if meet else touching.sum() < 8


def test_a_face_that_fills_a_large_photo(whole: BodyModel, irises: np.ndarray) -> None:
    """More pixels of an eye than OpenCV reads in one list."""
    eyes = paint_eyes(whole, irises, photo(whole, irises, 6400.0, 900))
    assert eyes is not None and eyes.picture.shape[1] > 250
    middle = eyes.picture[:, eyes.picture.shape[1] // 2, eyes.picture.shape[2] // 4].numpy()
    assert np.abs(middle - BROWN).max() < 0.1
