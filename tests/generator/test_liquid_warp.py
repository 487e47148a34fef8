"""A network around the texture warp: nothing before training, the same everywhere in the picture after."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.generator.architectures import ARCHITECTURES, build
from lwgan_cli.generator.compositor import TextureWarp, Warped
from lwgan_cli.generator.conditions import STRIDE, Resolution
from lwgan_cli.generator.liquid_warp import LiquidWarp
from lwgan_cli.generator.refiner import DefaultGenerator
from lwgan_cli.generator.window import Window, paste, project_px
from lwgan_cli.texture.source import Source
from tests.body.acting import body
from tests.generator.test_refiner import awake
from tests.texture.staging import CAMERA, SIZE, flat, pattern, pose, source, vertices

ATLAS = torch.full((3, 16, 16), 0.5)
TINY = dict(width=8, n_blocks=1)
WORKING = 160  # px, --size
CELL = Resolution.of(CAMERA[0], SIZE, WORKING).cell


@pytest.fixture(scope="module")
def photo() -> Source:
    return source(pose(), pattern())


@pytest.fixture(scope="module")
def back() -> Source:
    return source(pose(180), pattern(2))


def tiny(seed: int = 0) -> DefaultGenerator:
    torch.manual_seed(seed)
    return DefaultGenerator(**TINY).eval().requires_grad_(False)


def liquid(photos: list[Source], net: DefaultGenerator, plate: np.ndarray | None = None) -> LiquidWarp:
    texture = TextureWarp(body(), photos, ATLAS, 256)
    return LiquidWarp(texture, net, pattern(1) if plate is None else plate, CAMERA[0], WORKING)


def drawn(
    warp: TextureWarp | LiquidWarp, rows: np.ndarray, camera: tuple[float, float, float] = CAMERA
) -> tuple[Warped, Window]:
    cameras = torch.tensor([camera])
    window = warp.window(project_px(vertices(rows), cameras), SIZE)
    assert window is not None
    return warp(warp.rasterize(vertices(rows), cameras, window)), window


def pasted(warp: TextureWarp | LiquidWarp, rows: np.ndarray, plate: np.ndarray) -> np.ndarray:
    warped, window = drawn(warp, rows)
    return paste(plate, warped.rgba[0], window.corner).astype(int)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("turn", [0, 70])
def test_untrained_it_draws_what_the_texture_warp_draws(photo: Source, back: Source, count: int, turn: int) -> None:
    photos = [photo, back][:count]
    plate = pattern(1)
    without = pasted(TextureWarp(body(), photos, ATLAS, 256), pose(turn), plate)
    within = pasted(liquid(photos, tiny()), pose(turn), plate)
    assert np.abs(within - without).max() <= 1
    assert np.abs(without - plate).mean() > 1  # somebody is there


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_runs(photo: Source, name: str) -> None:
    torch.manual_seed(0)
    net = build(name, **TINY).eval().requires_grad_(False)
    warped, window = drawn(liquid([photo, photo], net), pose(30))  # type: ignore[arg-type]
    assert warped.rgba.shape == (1, 4, window.size[1], window.size[0])
    assert warped.rgba.isfinite().all() and warped.rgba.min() >= 0 and warped.rgba.max() <= 1


def test_a_network_adds_beyond_the_warp(photo: Source) -> None:
    """Alpha where the body isn't, in the colours of the body."""
    net = tiny()
    with torch.no_grad():
        net.decoder.head[0].bias[4 * 4 :] = 0.3  # alpha, of the head's planes before they are shuffled
    red = source(pose(), flat((220, 20, 20)))
    warped, _ = drawn(liquid([red], net), pose())
    plain = drawn(liquid([red], tiny()), pose())[0].rgba
    beyond = (plain[0, 3] == 0) & torch.nn.functional.max_pool2d(plain[:, 3:], 9, 1, 4)[0, 0].bool()
    assert beyond.sum() > 500
    assert torch.allclose(warped.rgba[0, 3][beyond], torch.tensor(0.3).tanh(), atol=0.02)
    colour = warped.rgba[0, :3, beyond]
    assert colour[0].mean() > 0.7 and colour[1:].mean() < 0.2


def test_a_step_by_whole_cells_moves_everything_along(photo: Source) -> None:
    """Nothing depends on where in the picture the person is."""
    warp = liquid([photo], awake(tiny()), flat((90, 90, 90)))
    first, window = drawn(warp, pose(20))
    second, there = drawn(warp, pose(20), (CAMERA[0], CAMERA[1] + CELL, CAMERA[2]))
    assert there.corner == (window.corner[0] + CELL, window.corner[1]) or there.size != window.size
    left = there.corner[0] - window.corner[0]
    same = min(window.size[0], there.size[0] - (CELL - left))
    ours = first.rgba[..., STRIDE : same - STRIDE]
    theirs = second.rgba[..., CELL - left + STRIDE : CELL - left + same - STRIDE]
    assert (ours - theirs).abs().quantile(0.99) < 5e-3
    assert (ours - drawn(liquid([photo], tiny()), pose(20))[0].rgba[..., STRIDE : same - STRIDE]).abs().max() > 0.02


def test_a_transparent_background_is_grey(photo: Source) -> None:
    clear = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    net = awake(tiny())
    found, _ = drawn(liquid([photo], net, clear), pose())
    grey, _ = drawn(liquid([photo], net, flat((128, 128, 128))), pose())
    assert torch.equal(found.rgba, grey.rgba)


def test_the_plate_behind_is_the_one_that_the_network_sees(photo: Source) -> None:
    """A blue square far from the person changes nothing at the person; one behind changes something there."""
    net = awake(tiny())
    plates = [flat((90, 90, 90)) for _ in range(3)]
    plates[1][:30, :30] = (0, 0, 255)
    plates[2][150:200, 130:170] = (0, 0, 255)
    plain, far, behind = (drawn(liquid([photo], net, plate), pose())[0].rgba[..., 140:210, 120:180] for plate in plates)
    assert (plain - far).abs().max() < 1e-5 and (plain - behind).abs().max() > 0.01


def test_a_plate_that_moves_is_seen_where_it_is(photo: Source) -> None:
    """A picture given for a frame is what the network would have seen, had it stood there all the time."""
    net, plate = awake(tiny()), pattern(1)
    away = np.roll(plate, (7, 11), (0, 1))
    still, moving = liquid([photo], net, plate), liquid([photo], net, flat((10, 200, 30)))
    cameras = torch.tensor([CAMERA, CAMERA])
    both = vertices(pose(20)).expand(2, -1, -1)
    window = still.window(project_px(both, cameras), SIZE)
    assert window is not None
    drawn_both = moving.rasterize(both, cameras, window)
    first, second = moving(drawn_both, [plate, away]).rgba
    assert (first - still(drawn_both).rgba[0]).abs().max() < 1 / 255
    assert (second - liquid([photo], net, away)(drawn_both).rgba[1]).abs().max() < 1 / 255
    assert (first - second).abs().max() > 0.01


# -- the background ----------------------------------------------------------------------------------------


def test_untrained_the_background_stays_as_it_is(photo: Source) -> None:
    plate, hole = pattern(1), np.zeros((SIZE[1], SIZE[0]), bool)
    hole[100:300, 80:220] = True
    assert np.array_equal(liquid([photo], tiny(), plate).completed(plate, hole), plate)


def test_the_background_changes_in_its_hole(photo: Source) -> None:
    plate, hole = pattern(1), np.zeros((SIZE[1], SIZE[0]), bool)
    hole[100:300, 80:220] = True
    net = tiny()
    with torch.no_grad():
        net.plate_decoder.head[0].bias[:4] = -0.2  # red
    found = liquid([photo], net, plate).completed(plate, hole).astype(int) - plate
    inside, outside = hole.copy(), hole.copy()
    inside[:108], inside[292:], inside[:, :88], inside[:, 212:] = False, False, False, False
    outside[92:308, 72:228] = True
    assert np.abs(found[~outside]).max() == 0 and np.abs(found[..., 1:]).max() == 0
    wanted = np.maximum(-255 * np.tanh(0.2), -plate[..., 0].astype(int))
    assert np.abs(found[..., 0] - wanted)[inside].max() <= 1
