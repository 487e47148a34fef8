"""The outline of drawn persons, on planes whose answer is known."""

from __future__ import annotations

import pytest
import torch

from lwgan_cli.generator.outline import over_slivers


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
    over_slivers(shown, trust, outline, torch.tensor([700.0]))
    inside = shown[0, :, :29, strip]
    assert torch.equal(shown[..., 31:, :], given[..., 31:, :])  # beyond the body nothing is invented
    if not taken:
        assert trust[..., strip].max() == 0 and inside.abs().max() == 0
        return
    assert trust[..., :29, strip].min() == 1
    torch.testing.assert_close(inside.sum(0), torch.full_like(inside[0], 2.0))  # opaque, and no darker
    assert (inside[0, :, 0] > inside[2, :, 0]).all() and (inside[2, :, -1] > inside[0, :, -1]).all()
