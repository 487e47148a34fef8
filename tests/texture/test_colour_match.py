"""Photos of one painted body, some under another light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import project_px
from lwgan_cli.texture.colour_match import match_colours, with_gain
from lwgan_cli.texture.skin_tone import GAMMA
from lwgan_cli.texture.source import Source
from lwgan_cli.texture.texture import View, complete_views
from tests.body.acting import body
from tests.texture.clothed import dressed, painted
from tests.texture.staging import CAMERA, SIZE, pose, source, surface, vertices

PLACES = surface().vertices


def mottled() -> np.ndarray:
    """(V, 3) colours of the body, soft spots on beige."""
    waves = np.random.default_rng(1).normal(0, 25, (3, 3, 8))
    spots = sum(np.sin(PLACES @ waves[..., k] + k) for k in range(8))
    return np.clip([150, 120, 95] + 8 * spots, 20, 230)


def seam(matched: bool) -> float:
    """From the side, where one photo gives way to the other: how much the result changes there, over how much it does
    around; the back was taken in less, and colder, light."""
    front, back = painted(mottled()), painted(mottled(), 180.0, np.array([0.6, 0.7, 0.8]))
    gains = match_colours([front, back], PLACES)
    if matched:
        picture = with_gain(np.rint(back.pixels[:3].permute(1, 2, 0).numpy() * 255).astype(np.uint8), gains[1])
        back = source(pose(180.0), picture, back.pixels[3].numpy())
    views = [
        View(
            (photo.pixels[:3].permute(1, 2, 0).numpy() * 255).astype(np.uint8),
            photo.vertices_px(),
            photo.visibility.numpy(),
        )
        for photo in (front, back)
    ]
    atlas = torch.from_numpy(complete_views(views, surface(), 256).colours.transpose(2, 0, 1).copy())
    warp = TextureWarp(body(), [front, back], atlas, 256)
    window = warp.window(project_px(vertices(pose(90.0)), torch.tensor([CAMERA])), SIZE)
    assert window is not None
    drawn = warp.rasterize(vertices(pose(90.0)), torch.tensor([CAMERA]), window)
    _, share = warp.flows(drawn.fragments)
    assert share is not None
    warped = warp(drawn)
    grey = warped.rgba[0, :3].mean(0).numpy() * 255
    size = (grey.shape[1], grey.shape[0])
    first = cv2.resize(share[0, 0].numpy(), size, interpolation=cv2.INTER_LINEAR)
    inside = cv2.erode((warped.rgba[0, 3].numpy() > 0.99).astype(np.uint8), np.ones((5, 5))) > 0
    border = inside & ((np.abs(first - 0.5) < 0.4) | (warped.seen[0, 0].numpy() < 0.9))
    around = inside & ~border
    across, along = np.gradient(grey)
    slope = np.hypot(across, along)
    assert border.sum() > 50 and around.sum() > 100
    return float(slope[border].mean() / slope[around].mean())


def test_no_seam_shows_between_front_and_back() -> None:
    assert seam(matched=True) < min(1.5, seam(matched=False))


def in_light(photo: Source, gain: tuple[float, float, float]) -> Source:
    """The same photo as another camera would have taken it."""
    picture = np.rint(photo.pixels[:3].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    return source(pose(), with_gain(picture, np.array(gain)), photo.pixels[3].numpy())


def test_gains_are_of_linear_light() -> None:
    picture = np.random.default_rng(0).integers(1, 200, (20, 30, 3), np.uint8)
    gain = np.array([1.2, 1.0, 0.7])
    linear = (with_gain(picture, gain) / 255.0) ** GAMMA
    bright = picture > 80
    wanted = (picture / 255.0) ** GAMMA * gain
    assert linear[bright] == pytest.approx(wanted[bright], rel=0.02)
    assert (with_gain(picture, np.ones(3)) == picture).all()
    assert with_gain(np.full((2, 2, 3), 250, np.uint8), gain).max() == 255


@pytest.mark.parametrize("gain", [(1.0, 1.0, 1.0), (0.8, 0.9, 1.1), (0.6, 0.6, 0.6)])
def test_another_light_is_undone(gain: tuple[float, float, float]) -> None:
    photo = painted(dressed())
    first, found = match_colours([photo, in_light(photo, gain)], PLACES)
    assert (first == 1).all()
    assert found == pytest.approx(1 / np.array(gain), rel=0.04)


def test_a_third_photo_is_matched_to_all_before_it() -> None:
    photo = painted(dressed())
    found = match_colours([photo, in_light(photo, (0.7, 0.8, 0.9)), in_light(photo, (1.1, 1.0, 0.9))], PLACES)
    assert found[2] == pytest.approx(1 / np.array([1.1, 1.0, 0.9]), rel=0.04)


def test_photos_that_share_no_surface_stay_as_they_are() -> None:
    photo = painted(dressed())
    left, right = (
        Source(photo.pixels, photo.ndc, photo.visibility * (side * PLACES[:, 0] > 0.1), photo.score, photo.scale)
        for side in (1, -1)
    )
    assert (match_colours([left, right], PLACES)[1] == 1).all()


def test_other_clothes_are_no_light() -> None:
    found = match_colours([painted(dressed(top=(230, 230, 230))), painted(dressed(top=(20, 20, 20)))], PLACES)
    assert (found[1] <= 2.51).all()
