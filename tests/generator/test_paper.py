"""The paper's generator against the official forward pass, recomputed by plain calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from lwgan_cli.flow import OUTSIDE
from lwgan_cli.generator.conditions import Conditions, SourceInput
from lwgan_cli.generator.networks import PatchDiscriminator
from lwgan_cli.generator.paper import WARPINGS, Layer, PaperGenerator, aligned_grid
from lwgan_cli.generator.refiner import correct
from lwgan_cli.generator.window import Window
from lwgan_cli.records import Flow
from tests.generator import official_layout as official


def pictures(channels: int, batch: int, size: tuple[int, int], seed: int) -> torch.Tensor:
    return torch.rand((batch, channels, *size), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def flows(batch: int, size: tuple[int, int], seed: int) -> torch.Tensor:
    """Smooth flows that leave the picture here and there, with -2 outside a disc."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn((batch, 2, 4, 4), generator=generator) * 0.7
    grid = F.interpolate(coarse, size, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    return torch.where((x**2 + y**2 < 0.8)[..., None], grid, -2.0)


@pytest.mark.parametrize("n_sources", [1, 2])
@pytest.mark.parametrize(
    ("width", "n_blocks", "size"), [(4, 2, (48, 32)), pytest.param(64, 6, (64, 64), marks=pytest.mark.slow)]
)
def test_equals_the_official_forward_pass(width: int, n_blocks: int, size: tuple[int, int], n_sources: int) -> None:
    state = official.random_state(official.shapes(width, n_blocks))
    net = PaperGenerator(width, n_blocks)
    net.load_state_dict(state)
    bg = pictures(4, 2, size, 1)
    sources = [pictures(6, 2, size, 2 + i) for i in range(n_sources)]
    target = pictures(6, 2, size, 7)
    grids = [flows(2, size, 8 + i) for i in range(n_sources)]
    with torch.no_grad():
        expected = official.front(state, sources, target, grids, n_blocks)
        features = [net.read(source) for source in sources]
        own = net.reconstruct(features[0])
        assert own is not None
        got = (*own, *net.paint(target, features, grids))
        plate = net.paint_background(bg)
        expected_plate = official.background(bg, state, n_blocks)
    for a, b in zip((plate, *got), (expected_plate, *expected), strict=True):
        assert b.std() > 0.05  # neither saturated nor flat: a difference would show
        assert (a - b).abs().max() < 1e-4


def test_has_the_official_layout_and_size() -> None:
    net = PaperGenerator()
    assert {name: tuple(value.shape) for name, value in net.state_dict().items()} == official.shapes()
    assert sum(p.numel() for p in net.parameters()) == 97_452_736


def test_one_photo_serves_a_batch_of_frames() -> None:
    size = (32, 32)
    net = PaperGenerator(4, 1).eval()
    source, target, grid = pictures(6, 1, size, 0), pictures(6, 3, size, 1), flows(3, size, 2)
    with torch.no_grad():
        together = net.paint(target, [net.read(source)], [grid])
        for i in range(3):
            alone = net.paint(target[i : i + 1], [net.read(source)], [grid[i : i + 1]])
            assert torch.allclose(together.colour[i], alone.colour[0], atol=1e-5)
            assert torch.allclose(together.mask[i], alone.mask[0], atol=1e-5)


@pytest.mark.parametrize("warping", WARPINGS)
def test_what_each_ablation_looks_at(warping: str) -> None:
    """W_C sees the photo and no flow; W_T the warped picture alone; W_F the features and not the warped
    picture; the block both."""
    size = (32, 32)
    torch.manual_seed(0)
    net = PaperGenerator(4, 1, warping=warping).eval()
    photo, target, grid = pictures(6, 1, size, 0), pictures(6, 1, size, 1), flows(1, size, 2)
    warped = target.clone()
    warped[:, :3] = pictures(3, 1, size, 5)
    with torch.no_grad():
        base = net.paint(target, [net.read(photo)], [grid]).colour
        saw_photo = not torch.equal(base, net.paint(target, [net.read(photo.flip(3))], [grid]).colour)
        saw_flow = not torch.equal(base, net.paint(target, [net.read(photo)], [grid.flip(3)]).colour)
        saw_warped = not torch.equal(base, net.paint(warped, [net.read(photo)], [grid]).colour)
    seen = {
        "concat": (True, False, False),
        "texture": (False, False, True),
        "feature": (True, True, False),
        "liquid": (True, True, True),
    }
    assert (saw_photo, saw_flow, saw_warped) == seen[warping]


def working(batch: int, size: tuple[int, int], photo_size: tuple[int, int]) -> tuple[Conditions, SourceInput]:
    """What the pipeline would hand over: random planes, masks and maps that are some."""
    target, photo = pictures(18, batch, size, 1), pictures(14, 1, photo_size, 2)
    for planes, rows in ((target, (3, 4, 8)), (photo, (3, 4))):
        planes[:, list(rows)] = (planes[:, list(rows)] > 0).float()
    grid = flows(batch, size, 3)
    mask = grid[..., 0] > -2
    flow = Flow(torch.where(mask[..., None], grid, OUTSIDE), mask.float(), mask)
    source = SourceInput(photo, Window((0, 0), (photo_size[1], photo_size[0])), (photo_size[1], photo_size[0]))
    return Conditions(target, (flow,), (target[:, :3] + 1) / 2), source


def test_in_the_pipeline_it_paints_what_the_official_streams_paint() -> None:
    """Colours and alpha after `correct` are P and A of the streams fed as the official implementation does."""
    size = (48, 32)
    state = official.random_state(official.shapes(4, 1))
    net = PaperGenerator(4, 1)
    net.load_state_dict(state)
    given, source = working(2, size, size)
    rgba = torch.cat([given.colour, given.planes[:, 3:4]], 1)
    with torch.no_grad():
        corrected = correct(rgba, net(given, net.encode([source])))
    body = F.conv2d(source.planes[:, 4:5], torch.ones(1, 1, 3, 3), padding=1) > 0
    foreground = torch.cat([source.planes[:, :3] * body, source.planes[:, 11:]], 1)
    warped = torch.cat([given.planes[:, :3] * given.planes[:, 3:4], given.planes[:, 15:]], 1)
    flow = given.flows[0]
    grid = torch.where(flow.mask[..., None], flow.grid * torch.tensor([32 / 31, 48 / 47]), -2.0)
    *_, colour, mask = official.front(state, [foreground.expand(2, -1, -1, -1)], warped, [grid], 1)
    assert torch.allclose(corrected[:, 3:], 1 - mask, atol=1e-4)
    assert torch.allclose(corrected[:, :3], (colour + 1) / 2, atol=1e-4)


def test_a_photo_given_twice_counts_once() -> None:
    """The block adds its sources, so in the pipeline each pixel is left to one of them."""
    given, source = working(1, (48, 32), (48, 32))
    net = PaperGenerator(4, 1)
    with torch.no_grad():
        once = net(given, net.encode([source]))
        twice = net(replace(given, flows=given.flows * 2), net.encode([source] * 2))
    assert torch.allclose(twice.residual, once.residual, atol=1e-5)
    assert torch.allclose(twice.alpha, once.alpha, atol=1e-5)


@pytest.mark.parametrize("warping", WARPINGS)
def test_every_ablation_runs_in_the_pipeline(warping: str) -> None:
    given, source = working(2, (48, 32), (32, 64))
    net = PaperGenerator(4, 1, warping=warping)
    found = net(given, net.encode([source]))
    assert found.residual.shape == (2, 3, 48, 32) and found.gate.min() == 1
    (found.residual.square().mean() + found.alpha.square().mean()).backward()
    unused = {name for name, parameter in net.named_parameters() if parameter.grad is None}
    assert all(name.startswith(("bg_model", "src_model.decoders", "src_model.skippers", "src_model.img_reg",
                                "src_model.attetion_reg")) for name in unused)  # fmt: skip


def test_the_background_changes_in_the_hole_alone() -> None:
    net = PaperGenerator(4, 1)
    plate, hole = torch.rand(1, 3, 32, 48), torch.zeros(1, 1, 32, 48)
    hole[..., 8:20, 10:30] = 1
    with torch.no_grad():
        painted = net.plate(plate, hole)
        wild = plate.clone()
        wild[..., 8:20, 10:30] = 0.9  # what was made up there is not looked at
        again = net.plate(wild, hole)
        inputs = torch.cat([(plate * 2 - 1) * (1 - hole), 1 - hole], 1)
        expected = (net.paint_background(inputs) + 1) / 2
    inside = hole.expand(-1, 3, -1, -1) > 0
    assert torch.equal(painted[~inside], plate[~inside])
    assert torch.allclose(painted[inside], expected[inside], atol=1e-6)
    assert torch.allclose(again[inside], painted[inside], atol=1e-6)


def test_unknown_warping_is_refused() -> None:
    with pytest.raises(ValueError, match="'solid'"):
        PaperGenerator(4, 1, warping="solid")


def test_aligned_grid_reads_the_same_pixels() -> None:
    size = (24, 40)
    picture = pictures(3, 1, size, 0)
    grid = torch.rand((1, *size, 2)) * 1.8 - 0.9
    mask = torch.rand((1, *size)) > 0.3
    flow = Flow(torch.where(mask[..., None], grid, OUTSIDE), mask.float(), mask)
    expected = F.grid_sample(picture, flow.grid, align_corners=False) * mask
    got = F.grid_sample(picture, aligned_grid(flow, size), align_corners=True)
    assert torch.allclose(got, expected, atol=1e-5)


def test_mask_is_the_backgrounds_share() -> None:
    colour, background = pictures(3, 1, (2, 2), 0), pictures(3, 1, (2, 2), 1)
    assert torch.equal(Layer(colour, torch.ones(1, 1, 2, 2)).over(background), background)
    assert torch.equal(Layer(colour, torch.zeros(1, 1, 2, 2)).over(background), colour)


def test_discriminator_equals_the_official_one() -> None:
    net = PatchDiscriminator(6, width=4)
    dims = [(4, 6), (8, 4), (16, 8), (32, 16), (32, 32), (1, 32)]
    places = [0, 2, 5, 8, 11, 14]
    layout = {f"model.{i}.weight": (*dim, 4, 4) for i, dim in zip(places, dims, strict=True)}
    layout |= {f"model.{i}.bias": dim[:1] for i, dim in zip(places, dims, strict=True)}
    state = official.random_state(layout)
    net.load_state_dict(state)
    x = pictures(6, 2, (96, 64), 3)
    out = x
    for i, stride in zip(places, (2, 2, 2, 2, 1, 1), strict=True):
        out = F.conv2d(out, state[f"model.{i}.weight"], state[f"model.{i}.bias"], stride, 1)
        if i not in (0, 14):
            out = F.instance_norm(out)
        if i != 14:
            out = F.leaky_relu(out, 0.2)
    with torch.no_grad():
        assert torch.allclose(net(x), out, atol=1e-4)
        features = net.features(x)
    assert len(features) == 6
    assert torch.allclose(features[-1], out, atol=1e-4)
