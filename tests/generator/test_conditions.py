"""What the network sees, against what the pictures and bodies it is made from say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion

from lwgan_cli.flow.transform import OUTSIDE, warp
from lwgan_cli.generator.compositor import Drawn, TextureWarp, Warped
from lwgan_cli.generator.conditions import (
    STRIDE,
    Conditions,
    Resolution,
    SourceInput,
    carry_outwards,
    conditions,
    cut,
    source_input,
)
from lwgan_cli.generator.window import Window, project_px
from lwgan_cli.texture.source import Source
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, flat, mask, pattern, pose, source, vertices

ATLAS = torch.full((3, 16, 16), 0.5)
PLACES = slice(12, 15)  # among the target's planes
WORKING = Resolution.of(CAMERA[0], SIZE, 192)


@pytest.fixture(scope="module")
def photo() -> Source:
    return source(pose(), pattern())


def drawn(texture: TextureWarp, rows: np.ndarray, window: Window | None = None) -> tuple[Drawn, Warped]:
    cameras = torch.tensor([CAMERA])
    window = window or WORKING.window(Window.around(project_px(vertices(rows), cameras)))
    shape = texture.rasterize(vertices(rows), cameras, window)
    return shape, texture(shape)


def seen(
    sources: list[Source], rows: np.ndarray, window: Window | None = None
) -> tuple[Conditions, list[SourceInput], Window]:
    texture = TextureWarp(body(), sources, ATLAS, 256)
    shape, warped = drawn(texture, rows, window)
    plate = torch.full((1, 3, *WORKING.shape(shape.window)), 0.25)
    inputs = [source_input(body(), s, WORKING.of_source(CAMERA[0], s.scale)) for s in sources]
    return conditions(texture, shape, warped, plate, inputs), inputs, shape.window


# -- the resolution ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "picture", "zoom"),
    [
        (360.0, (1280, 720), 256 / 720),  # a whole person, 630 px high
        (250.0, (1280, 720), 256 / 500),  # … a smaller one
        (1500.0, (720, 1280), 256 / 1280),  # head and shoulders: as the picture's longer side
        (90.0, (640, 480), 1.0),  # smaller than the working size: as it is
    ],
)
def test_a_standing_person_is_about_as_high_as_asked_for(scale: float, picture: tuple[int, int], zoom: float) -> None:
    assert STRIDE / Resolution.of(scale, picture, 256).cell == pytest.approx(zoom, rel=0.02)


def test_in_photo_and_target_a_metre_is_as_long() -> None:
    target = Resolution.of(360.0, (1280, 720), 256)
    metre = STRIDE / target.cell * 360
    assert STRIDE / target.of_source(360.0, 900.0).cell * 900 == pytest.approx(metre, rel=0.02)
    assert target.of_source(360.0, 50.0).cell == STRIDE  # a photo isn't enlarged


def test_windows_are_whole_cells_with_room() -> None:
    window = Window((-13, 77), (212, 101))
    found = WORKING.window(window)
    cell = WORKING.cell
    for k in range(2):
        assert found.corner[k] % cell == 0 and found.size[k] % cell == 0
        assert cell // 2 <= window.corner[k] - found.corner[k] < cell // 2 + cell
        room = found.corner[k] + found.size[k] - window.corner[k] - window.size[k]
        assert cell // 2 <= room < cell // 2 + cell
    assert WORKING.shape(found) == (found.size[1] // cell * STRIDE, found.size[0] // cell * STRIDE)


def test_working_pixels_stay_in_place_when_the_window_moves(photo: Source) -> None:
    """One cell more on the left and above: the rest sees the same."""
    first, _, window = seen([photo], pose(20))
    cell = WORKING.cell
    larger = Window(
        (window.corner[0] - cell, window.corner[1] - cell), (window.size[0] + cell, window.size[1] + cell)
    )  # fmt: skip
    second, _, _ = seen([photo], pose(20), larger)
    inner = second.planes[..., STRIDE:, STRIDE:]
    body_mask = first.planes[:, 8] > 0.99
    assert (inner - first.planes)[:, 3:].abs().mean() < 2e-3
    assert (inner - first.planes)[:, :3][body_mask[:, None].expand(-1, 3, -1, -1)].abs().mean() < 2e-3
    assert ((second.flows[0].mask[:, STRIDE:, STRIDE:] != first.flows[0].mask).float().mean()) < 2e-3


# -- the planes --------------------------------------------------------------------------------------------


def test_the_planes_show_what_they_say(photo: Source) -> None:
    found, (given,), window = seen([photo], pose())
    assert found.planes.shape == (1, 18, *WORKING.shape(window))
    planes = dict(zip(("colour", "alpha", "seen", "plate", "mask", "normals", "places", "map"),
                      found.planes[0].split([3, 1, 1, 3, 1, 3, 3, 3]), strict=True))  # fmt: skip
    inside = torch.from_numpy(binary_erosion(planes["mask"][0].numpy() > 0.99, iterations=3))
    assert inside.sum() > 800
    # the pose of the photo: the photo's own colours, all seen
    picture = torch.from_numpy(pattern().astype(np.float32) / 255).permute(2, 0, 1)[None]
    wanted = torch.nn.functional.adaptive_avg_pool2d(cut(picture, window), WORKING.shape(window))[0]
    assert ((planes["colour"] + 1) / 2 - wanted).abs().mean(0)[inside].median() < 0.02
    assert (planes["alpha"][0][inside] > 0.99).float().mean() > 0.98
    assert (planes["seen"][0][inside] > 0.99).float().mean() > 0.85
    assert torch.all(planes["plate"] == -0.5)
    silhouette = torch.from_numpy(mask(pose()).astype(np.float32))[None, None]
    area = torch.nn.functional.adaptive_avg_pool2d(cut(silhouette, window), WORKING.shape(window))[0, 0]
    assert (planes["mask"][0] - area).abs().mean() < 0.01
    # towards the viewer, and turned by no more than a right angle
    lengths = planes["normals"].norm(dim=0)
    assert torch.allclose(lengths[inside], torch.ones(1), atol=1e-4)
    assert (planes["normals"][2][inside] > 0).float().mean() > 0.98
    # the left arm (body's left is the viewer's right) hangs from the left shoulder
    arm = planes["places"][0] > 0.5
    columns = torch.arange(arm.shape[1]).expand_as(arm)
    assert arm.sum() > 20 and columns[arm].float().mean() > columns[inside].float().mean()
    for name in ("normals", "places"):
        assert planes[name][:, planes["mask"][0] == 0].abs().max() == 0
    # the paper's map: one of the faces' places in the atlas, or background
    on_body = planes["map"][2] == 0
    assert torch.equal(planes["map"][2], (~on_body).float()) and bool(on_body[inside].all())
    assert not on_body[planes["mask"][0] == 0].any() and planes["map"][:2, ~on_body].abs().max() == 0
    middles = body().uv[body().uv_faces].mean(1)
    exact = "donot_use_mm_for_euclid_dist"
    assert torch.cdist(planes["map"][:2, on_body].T, middles, compute_mode=exact).amin(1).max() < 1e-5
    assert torch.equal(found.colour * 2 - 1, found.planes[:, :3])
    assert given.planes.shape[1] == 14 and given.photo == SIZE


@pytest.mark.parametrize("turn", [0, 40])
def test_t_finds_in_the_photo_the_surface_that_the_target_shows(photo: Source, turn: int) -> None:
    """The photo's map of places, read along T, is the target's."""
    found, (given,), _ = seen([photo], pose(turn))
    (flow,) = found.flows
    carried = warp(given.planes[:, 8:11], flow.grid)
    good = flow.visible > 0.95
    assert good.sum() > 800
    apart = (carried - found.planes[:, PLACES]).norm(dim=1)[good]
    assert apart.median() < 0.01 and apart.quantile(0.95) < 0.05  # m; a working pixel is 1 cm
    hidden = flow.mask & (flow.visible < 0.05)
    assert bool((flow.grid[~flow.mask] == OUTSIDE).all())
    if turn:
        apart = (carried - found.planes[:, PLACES]).norm(dim=1)[hidden]
        assert apart.median() > 0.05


def test_of_two_photos_the_one_that_shows_the_surface_counts() -> None:
    front, back = source(pose(), flat((200, 0, 0))), source(pose(180), flat((0, 0, 200)))
    found, _, _ = seen([front, back], pose())
    inside = torch.from_numpy(binary_erosion(found.planes[0, 8].numpy() > 0.99, iterations=3))[None]
    first, second = (flow.visible[inside] for flow in found.flows)
    assert (first > 0.95).float().mean() > 0.8 and (second < 0.05).float().mean() > 0.9


def test_of_equal_photos_each_counts_in_full() -> None:
    """Relative to the best, so that the block's mean of them is as strong as one alone."""
    twins = [source(pose(), pattern()) for _ in range(2)]
    alone, _, _ = seen(twins[:1], pose(30))
    found, _, _ = seen(twins, pose(30))
    strongest = torch.maximum(found.flows[0].visible, found.flows[1].visible)
    assert torch.allclose(strongest, alone.flows[0].visible, atol=1e-5)
    assert (found.planes - alone.planes)[:, 3:].abs().mean() < 1e-3
    inside = (alone.planes[:, 3:4] > 0.99).expand(-1, 3, -1, -1)
    assert (found.colour - alone.colour)[inside].abs().mean() < 1e-3


def test_samples_stack(photo: Source) -> None:
    window = WORKING.window(Window((0, 0), SIZE))
    samples = [seen([photo], pose(turn), window)[0] for turn in (0, 40)]
    both = Conditions.stack(samples)
    assert both.planes.shape[0] == len(both.flows[0].grid) == len(both.colour) == 2
    for row, sample in enumerate(samples):
        assert torch.equal(both.planes[row], sample.planes[0])
        assert torch.equal(both.flows[0].grid[row], sample.flows[0].grid[0])


# -- the arithmetic ----------------------------------------------------------------------------------------


def test_colours_go_on_outwards() -> None:
    alpha = torch.zeros(1, 1, 32, 48)
    alpha[..., 8:20, 4:20] = 1.0
    alpha[..., 7, 4:20] = 0.4
    colour = torch.zeros(1, 3, 32, 48)
    colour[:, 0, :, :12], colour[:, 1, :, 12:] = 0.8, 0.6
    found = carry_outwards(colour * alpha, alpha)
    inside = alpha[0, 0] == 1
    assert torch.allclose(found[0][:, inside], colour[0][:, inside], atol=1e-6)
    assert torch.allclose(found[0, :, 7, 4:20], colour[0, :, 7, 4:20], atol=1e-6)  # straight, not premultiplied
    assert torch.allclose(found[0, :2, 2, 6], torch.tensor([0.8, 0.0]), atol=0.25)  # the nearer of the two
    assert found.min() >= 0 and found.max() <= 0.8 + 1e-6
    plain = carry_outwards(alpha.expand(-1, 3, -1, -1) * 0.3, alpha)
    assert torch.allclose(plain, torch.full_like(plain, 0.3), atol=1e-5)
    assert carry_outwards(colour * 0, alpha * 0).abs().max() == 0  # nobody there


def test_a_window_beyond_the_edge_goes_on_with_what_lies_there() -> None:
    picture = torch.arange(12.0).view(1, 1, 3, 4)
    found = cut(picture, Window((-1, 1), (3, 4)))
    assert torch.equal(found[0, 0], torch.tensor([[4.0, 4, 5], [8, 8, 9], [8, 8, 9], [8, 8, 9]]))
