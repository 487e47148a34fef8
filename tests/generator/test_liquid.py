"""The Liquid Warping Block against what it must not depend on, and against slow sums."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import binary_erosion
from torch.nn.functional import affine_grid, grid_sample

from lwgan_cli.flow.resize import resize_flow
from lwgan_cli.flow.transform import OUTSIDE, select
from lwgan_cli.generator.liquid import MODES, flow_pyramid, liquid_warp
from lwgan_cli.records import Flow

SIZE = 64


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disk(radius: float = 26.0) -> torch.Tensor:
    """(1, SIZE, SIZE) bool."""
    at = torch.arange(SIZE) + 0.5 - SIZE / 2
    return (at[:, None] ** 2 + at**2 < radius**2)[None]


def affine_flow(turn: float, shift: float, mask: torch.Tensor, visible: float | torch.Tensor = 1.0) -> Flow:
    """T that turns by `turn` rad about the middle and shifts to the right; 1 sample."""
    c, s = torch.tensor(turn).cos(), torch.tensor(turn).sin()
    matrix = torch.tensor([[[c, -s, shift], [s, c, 0.0]]])
    grid = affine_grid(matrix, [1, 1, SIZE, SIZE], align_corners=False)
    return Flow(torch.where(mask[..., None], grid, OUTSIDE), mask * visible, mask)


@pytest.mark.parametrize("mode", MODES)
def test_the_identity_gives_the_features_back(mode: str) -> None:
    everywhere = torch.ones(1, SIZE, SIZE, dtype=torch.bool)
    flow = affine_flow(0.0, 0.0, everywhere)
    source, target = noise(1, 5, SIZE, SIZE), noise(1, 5, SIZE, SIZE, seed=1)
    assert torch.allclose(liquid_warp([source], [flow], target, mode), source + target, atol=1e-5)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_source_split_into_parts_equals_the_whole(level: int) -> None:
    """Away from the borders between the parts, where an interpolated T has no neighbours to take."""
    whole = affine_flow(0.3, 0.1, disk())
    stripe = (torch.arange(SIZE) // 16 % 2 == 0).expand(1, SIZE, SIZE)
    parts = [select(whole, stripe), select(whole, ~stripe)]
    size = SIZE >> level
    source, target = noise(1, 4, size, size), noise(1, 4, size, size, seed=1)
    once = liquid_warp([source], [whole], target, "sum")
    twice = liquid_warp([source, source], parts, target, "sum")
    masks = [resize_flow(part, (size, size)).mask[0].numpy() for part in parts]
    inside = sum(binary_erosion(mask, border_value=1) for mask in masks) > 0
    assert inside.mean() > 0.1
    assert (once - twice)[0][:, torch.from_numpy(inside)].abs().max() < 1e-3
    # … and it isn't the target alone
    assert (once - target)[0][:, torch.from_numpy(inside)].abs().mean() > 0.3


def test_in_the_papers_form_a_repeated_source_counts_twice() -> None:
    flow, source, target = affine_flow(0.2, 0.0, disk()), noise(1, 3, SIZE, SIZE), torch.zeros(1, 3, SIZE, SIZE)
    once, twice = (liquid_warp([source] * n, [flow] * n, target, "sum") for n in (1, 2))
    assert torch.allclose(2 * once, twice, atol=1e-5)


def test_shared_a_repeated_source_changes_nothing() -> None:
    visible = noise(1, SIZE, SIZE).abs().clamp(max=1)
    flow, source = affine_flow(0.2, 0.05, disk(), visible), noise(1, 3, SIZE, SIZE)
    target = noise(1, 3, SIZE, SIZE, seed=1)
    once, thrice = (liquid_warp([source] * n, [flow] * n, target) for n in (1, 3))
    assert torch.allclose(once, thrice, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_sources_does_not_matter(mode: str) -> None:
    flows = [affine_flow(0.4 * k, 0.0, disk(20 + 3 * k), 0.3 * k + 0.2) for k in range(3)]
    sources, target = [noise(1, 3, 32, 32, seed=k) for k in range(3)], noise(1, 3, 32, 32, seed=9)
    order = [2, 0, 1]
    found = liquid_warp(sources, flows, target, mode)
    shuffled = liquid_warp([sources[k] for k in order], [flows[k] for k in order], target, mode)
    assert torch.allclose(found, shuffled, atol=1e-5)


def test_shared_weights_are_the_visibilities() -> None:
    """Against the formula, one pixel at a time."""
    visible = [torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    visible[1][..., : SIZE // 2] = 0
    flows = [affine_flow(0.1, 0.0, disk(), visible[0]), affine_flow(-0.2, 0.1, disk(), visible[1])]
    sources, target = [noise(1, 2, SIZE, SIZE, seed=k) for k in range(2)], noise(1, 2, SIZE, SIZE, seed=9)
    found = liquid_warp(sources, flows, target)
    for row, column in [(30, 10), (30, 40), (12, 33), (50, 50), (0, 0), (40, 31)]:
        seen = [float(flow.visible[0, row, column]) for flow in flows]
        read = [
            grid_sample(s, f.grid, align_corners=False)[0, :, row, column] for s, f in zip(sources, flows, strict=True)
        ]
        mean = sum(v * x for v, x in zip(seen, read, strict=True)) / sum(seen) if sum(seen) else torch.zeros(2)
        assert torch.allclose(found[0, :, row, column], target[0, :, row, column] + max(seen) * mean, atol=1e-5)


def test_what_no_source_sees_stays_the_target() -> None:
    flow = affine_flow(0.1, 0.0, disk(), 0.0)
    target = noise(1, 3, SIZE, SIZE, seed=1)
    assert torch.equal(liquid_warp([noise(1, 3, SIZE, SIZE)], [flow], target), target)
    outside = ~disk()[0]
    seen = liquid_warp([noise(1, 3, SIZE, SIZE)], [affine_flow(0.1, 0.0, disk())], target)
    assert torch.equal(seen[0][:, outside], target[0][:, outside])


def test_a_batch_shares_one_photo() -> None:
    flows = [affine_flow(0.3 * k, 0.0, disk()) for k in range(2)]
    both = Flow(*(torch.cat([getattr(f, name) for f in flows]) for name in ("grid", "visible", "mask")))
    source, target = noise(1, 3, SIZE, SIZE), noise(2, 3, SIZE, SIZE, seed=1)
    found = liquid_warp([source], [both], target)
    for row in range(2):
        alone = liquid_warp([source], [flows[row]], target[row : row + 1])
        assert torch.allclose(found[row : row + 1], alone, atol=1e-5)


def test_a_pyramid_holds_the_flow_at_every_level() -> None:
    flow = affine_flow(0.3, 0.1, disk())
    for level, (found,) in enumerate(flow_pyramid([flow], (SIZE, SIZE), 4)):
        size = SIZE >> level
        assert found.mask.shape == (1, size, size)
        want = resize_flow(flow, (size, size))
        both = found.mask & want.mask
        assert both.sum() > 0.8 * want.mask.sum()
        assert (found.grid - want.grid)[both].abs().max() < 1e-4


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mean"):
        liquid_warp([], [], torch.zeros(1, 1, 4, 4), "mean")
