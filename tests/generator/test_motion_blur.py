"""Smears, against the mean of many moments."""

from __future__ import annotations

import pytest
import torch

from lwgan_cli.generator.motion_blur import smeared

SIZE = 64


def board(left: float, top: float, width: int = 20, height: int = 24, size: int = SIZE) -> torch.Tensor:
    """(1, 4, size, size): an opaque board with a slope of colours, its corner at any place."""
    at = torch.arange(size) + 0.5
    across = ((at - left).clamp(-0.5, 0.5) + 0.5) * ((left + width - at).clamp(-0.5, 0.5) + 0.5)
    down = ((at - top).clamp(-0.5, 0.5) + 0.5) * ((top + height - at).clamp(-0.5, 0.5) + 0.5)
    alpha = down[:, None] * across
    red = ((at - left) / width).clamp(0, 1).expand(size, size)
    return torch.stack([red, torch.full_like(red, 0.25), 1 - red, alpha])[None]


def exposed(left: float, top: float, way: tuple[float, float]) -> torch.Tensor:
    """Premultiplied mean of the moments while the shutter is open."""
    moments = [board(left + t * way[0], top + t * way[1]) for t in torch.linspace(-0.5, 0.5, 65).tolist()]
    return torch.stack([torch.cat([m[:, :3] * m[:, 3:], m[:, 3:]], 1) for m in moments]).mean(0)


def premultiplied(rgba: torch.Tensor) -> torch.Tensor:
    return torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], 1)


def ways(still: torch.Tensor, way: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(way)[None, :, None, None] * (still[:, 3:] > 0.5)


@pytest.mark.parametrize("way", [(12.0, 0.0), (0.0, -9.0), (7.0, 7.0)])
def test_a_board_in_motion_is_the_mean_of_its_moments(way: tuple[float, float]) -> None:
    still = board(20, 18)
    expected = exposed(20, 18, way)
    off_still = (premultiplied(still) - expected).abs()
    off = (premultiplied(smeared(still, ways(still, way))) - expected).abs()
    assert off.mean() < 0.25 * off_still.mean()
    assert off.max() < 0.35 < off_still.max()


def test_what_stays_stays_sharp() -> None:
    still = board(20, 18)
    assert torch.equal(smeared(still, torch.zeros(1, 2, SIZE, SIZE)), still)
    slow = smeared(still, ways(still, (0.5, 0.0)))
    assert torch.equal(slow, still)


def test_a_still_board_before_a_moving_one_keeps_its_place() -> None:
    """Pixels far from the motion are untouched, and the still board's own are hardly."""
    layer, moving = board(4, 4, 16, 16), board(40, 40, 16, 16)
    both = torch.where(moving[:, 3:] > 0.5, moving, layer)
    way = ways(moving, (10.0, 0.0))
    out = smeared(both, way)
    assert torch.equal(out[..., :28, :28], both[..., :28, :28])
    assert not torch.equal(out[..., 36:, 30:], both[..., 36:, 30:])


def test_each_frame_has_its_own_motion() -> None:
    still = torch.cat([board(20, 18), board(20, 18)])
    way = torch.cat([ways(still[:1], (8.0, 0.0)), torch.zeros(1, 2, SIZE, SIZE)])
    out = smeared(still, way)
    assert torch.equal(out[1], still[1]) and not torch.equal(out[0], still[0])
    alone = smeared(still[:1], way[:1])
    assert torch.allclose(out[:1], alone, atol=1e-6)


def test_where_the_layer_begins_changes_nothing() -> None:
    still, way = board(20, 18), (7.0, 5.0)
    whole = smeared(still, ways(still, way))
    cut = still[..., 3:, 5:]
    assert torch.allclose(smeared(cut, ways(cut, way), corner=(5, 3)), whole[..., 3:, 5:], atol=1e-5)
