"""The outline of drawn persons, on planes whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from lwgan_cli.generator.outline import DRAWN_SOFTNESS, over_slivers, soften_outline
from lwgan_cli.layers.neighbours import gaussian


@pytest.mark.parametrize(("wide", "taken"), [(3, True), (40, False)])
def test_slivers_that_no_photo_shows_take_the_colours_beside_them(wide: int, taken: bool) -> None:
    """A photo seen left and right of a strip, red and blue, on a body that ends in the lower half."""
    trust, outline = torch.ones(1, 1, 60, 80), torch.ones(1, 1, 60, 80)
    strip = slice(40 - wide // 2, 40 + wide // 2 + 1)
    trust[..., strip], outline[..., 30:, :] = 0, 0
    shown = torch.zeros(1, 4, 60, 80)
    shown[:, 0, :, :40], shown[:, 2, :, 40:], shown[:, 3] = 1, 1, 1
    shown *= trust
    given = shown.clone()
    over_slivers(shown, trust, outline, torch.tensor([700.0]), torch.zeros_like(outline))
    inside = shown[0, :, :29, strip]
    assert torch.equal(shown[..., 31:, :], given[..., 31:, :])  # beyond the body nothing is invented
    if not taken:
        assert trust[..., strip].max() == 0 and inside.abs().max() == 0
        return
    assert trust[..., :29, strip].min() == 1
    torch.testing.assert_close(inside.sum(0), torch.full_like(inside[0], 2.0))  # opaque, and no darker
    assert (inside[0, :, 0] > inside[2, :, 0]).all() and (inside[2, :, -1] > inside[0, :, -1]).all()


def test_an_open_mouth_is_no_sliver_and_lips_beside_it_are() -> None:
    """A mouth of five px, and above it six that no photo shows of a red lip."""
    trust, within = torch.ones(1, 1, 60, 80), torch.zeros(1, 1, 60, 80)
    lip, mouth = slice(24, 30), slice(30, 35)
    within[..., mouth, 20:60] = 1
    trust[..., lip, 20:60] = trust[..., mouth, 20:60] = 0
    shown = torch.cat([torch.tensor([0.7, 0.1, 0.1, 1.0])[None, :, None, None] * trust])
    over_slivers(shown, trust, torch.ones_like(trust), torch.tensor([1200.0]), within)
    assert trust[..., mouth, 20:60].max() == 0 and shown[..., mouth, 20:60].max() == 0
    above = slice(24, 27)  # within reach of what is seen: 3 px
    assert trust[..., above, 20:60].min() == 1
    torch.testing.assert_close(shown[0, :, 26, 40], torch.tensor([0.7, 0.1, 0.1, 1.0]))


@pytest.mark.parametrize("softness", [0.9, 2.0, 3.0])
def test_a_softened_outline_is_the_blur_of_all_that_is_drawn(softness: float) -> None:
    """Of a disc cut by the picture's edge and a speck beside it, though the blur is worked out at outlines alone."""
    y, x = torch.meshgrid(torch.arange(300.0), torch.arange(420.0), indexing="ij")
    alpha = torch.maximum(132 - torch.hypot(x - 200, y - 120), 4 - torch.hypot(x - 390, y - 280)).clamp(0, 1)[None]
    given = torch.cat([torch.stack([x / 420, y / 300, (x + y) / 720]), alpha])
    drawn = given[None].clone()
    soften_outline(drawn, torch.tensor([softness]))
    blurred = gaussian(torch.cat([given[:3] * alpha, alpha]), math.sqrt(softness**2 - DRAWN_SOFTNESS**2))
    colour = torch.lerp(blurred[:3] / blurred[3:].clamp_min(1e-3), given[:3], alpha)
    torch.testing.assert_close(drawn[0, 3:], blurred[3:], atol=2e-3, rtol=0)
    torch.testing.assert_close(drawn[0, :3] * drawn[0, 3:], colour * blurred[3:], atol=2e-3, rtol=0)
    torch.testing.assert_close(drawn[0, :, 120, 200], given[:, 120, 200])
