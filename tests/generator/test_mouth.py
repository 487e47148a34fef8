"""A mouth that opens though the photo shows it shut, and eyes that are small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.generator import compositor
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import Window
from lwgan_cli.texture.inside import MOUTH
from lwgan_cli.texture.source import Source, picture_ndc
from tests.texture.staging import close_up

SIZE, SCALE = 90, 1100.0  # px, px per metre
GREEN, RED = torch.tensor([0.1, 0.8, 0.1]), torch.tensor([0.8, 0.1, 0.1])


@pytest.fixture(scope="module")
def whole() -> BodyModel:
    return load_body("open", find_weights_dir(), hidden=True)


def green_photo(whole: BodyModel) -> Source:
    """A shut mouth, everything in green, its inside unseen."""
    ndc = picture_ndc(*close_up(whole, "mouth", SCALE, SIZE), (SIZE, SIZE))
    ndc[..., 2] += 1 - ndc[..., 2].min()
    seen = torch.ones(whole.n_vertices)
    seen[whole.faces[whole.n_shown :]] = 0
    pixels = torch.cat([GREEN, torch.ones(1)])[:, None, None].expand(4, SIZE, SIZE).contiguous()
    return Source(pixels, ndc[0], seen, torch.ones(len(whole.faces)), SCALE)


def drawn(whole: BodyModel, source: Source, zoom: int, **strengths: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) of a picture so many times as large, brought back, and where (H, W) the mouth is."""
    warp = TextureWarp(whole, [source], RED[:, None, None].expand(3, 8, 8), 2048)
    vertices, camera = close_up(whole, "mouth", SCALE, SIZE, **strengths)
    shape = warp.rasterize(vertices, zoom * camera, Window((0, 0), (zoom * SIZE, zoom * SIZE)))
    colours = warp(shape).rgba[0, :3].permute(1, 2, 0).numpy()
    mouth = (whole.of_group(*MOUTH)[shape.fragments.pix_to_face[0]] & shape.fragments.mask[0]).float().numpy()
    return (cv2.resize(each, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for each in (colours, mouth))  # type: ignore[return-value]


def test_a_mouth_has_smooth_edges(whole: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    source, smile = green_photo(whole), {"jawOpen": 0.25, "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}
    near, mouth = drawn(whole, source, 1, **smile)
    monkeypatch.setattr(compositor, "CLOSE_FROM", np.inf)
    plain, _ = drawn(whole, source, 1, **smile)
    wanted, share = drawn(whole, source, 5, **smile)
    edge = (share > 0.05) & (share < 0.95)
    assert edge.sum() > 60
    off = [((each - wanted) ** 2)[edge].mean() for each in (near, plain)]
    assert off[0] < 0.7 * off[1], off
    far = cv2.dilate(mouth, np.ones((11, 11))) == 0
    assert np.array_equal(near[far], plain[far])


def test_an_open_mouth_shows_its_inside_and_nothing_beside_the_head(whole: BodyModel) -> None:
    """A narrow one isn't taken for a sliver of lip, nor a wide one's depth for what hair may lie before."""
    source = green_photo(whole)
    for opened in (0.12, 0.6):
        colours, mouth = drawn(whole, source, 1, jawOpen=opened)
        inside = cv2.erode(mouth, np.ones((3, 3))) > 0.99
        assert inside.sum() > 8
        assert (colours[inside][:, 0] > 2 * colours[inside][:, 1]).mean() > 0.95, opened


@pytest.mark.parametrize("scale", [150.0, 250.0])
def test_small_eyes_are_not_smoothed_away(whole: BodyModel, scale: float) -> None:
    size = 40
    vertices, camera = close_up(whole, "eye", scale, size)
    colours = np.full((size, size, 3), 0.8, np.float32)
    for side in ("left", "right"):
        place = vertices[0, whole.landmarks[f"{side}_eye"], :2].numpy() * [scale, -scale] + camera[0, 1:].numpy()
        x, y = np.rint(place).astype(int)
        colours[y - 1 : y + 2, x - 2 : x + 3] = 0.1
    ndc = picture_ndc(vertices, camera, (size, size))[0]
    ndc[:, 2] += 1 - ndc[:, 2].min()
    pixels = torch.from_numpy(np.dstack([colours, np.ones((size, size), np.float32)]).transpose(2, 0, 1).copy())
    seen, score = torch.ones(whole.n_vertices), torch.ones(len(whole.faces))
    warp = TextureWarp(whole, [Source(pixels, ndc, seen, score, scale)], RED[:, None, None].expand(3, 8, 8), 2048)
    shown = warp(warp.rasterize(vertices, camera, Window((0, 0), (size, size)))).rgba[0, :3].permute(1, 2, 0).numpy()
    assert np.abs(shown - colours).max() < 0.06
