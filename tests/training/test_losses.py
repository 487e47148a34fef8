from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lwgan_cli.training import losses


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two pictures, and weights."""
    return noise(0, 2, 3, 56, 48), noise(1, 2, 3, 56, 48), noise(2, 2, 1, 56, 48)


def test_l1_is_the_weighted_mean(pair: tuple[torch.Tensor, ...]) -> None:
    a, b, weight = pair
    slow = sum(
        float(weight[i, 0, y, x]) * float((2 * a[i, :, y, x] - 2 * b[i, :, y, x]).abs().mean())
        for i in range(2) for y in range(56) for x in range(48)
    )  # fmt: skip
    assert losses.l1(a, b, weight).item() == pytest.approx(slow / float(weight.sum()), rel=1e-4)


def test_equal_pictures_cost_nothing(pair: tuple[torch.Tensor, ...]) -> None:
    a, _, weight = pair
    for loss in (losses.l1, losses.colour, losses.gradient, losses.detail):
        assert loss(a, a, weight).item() == 0.0


def test_colour_is_the_l1_of_means(pair: tuple[torch.Tensor, ...]) -> None:
    a, b, weight = (each[..., :54, :48] for each in pair)
    small = [each.unflatten(3, (16, 3)).unflatten(2, (18, 3)).mean((3, 5)) for each in (a, b, weight)]
    assert torch.allclose(losses.colour(a, b, weight), losses.l1(*small), rtol=1e-5)


def test_copying_counts_what_was_seen_and_how_rough_the_change_is() -> None:
    residual, gate, seen = noise(0, 1, 3, 4, 4) - 0.5, noise(1, 1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    assert losses.copying(residual, gate, seen) == 0
    seen[..., 0, 0] = 1
    expected = (residual[0, :, 0, 0].abs().mean() + 0.5 * gate[0, 0, 0, 0]) / 16
    assert losses.copying(residual, gate, seen).item() == pytest.approx(float(expected))
    everywhere, none = torch.ones_like(seen), torch.zeros_like(gate)
    even, board = torch.full_like(residual, 0.1), 0.1 * (-1.0) ** (torch.arange(4)[:, None] + torch.arange(4))
    assert losses.copying(even, none, everywhere).item() == pytest.approx(0.1)
    assert losses.copying(board.expand(1, 3, 4, 4), none, everywhere).item() == pytest.approx(0.1 + 2 * 2 * 0.2)


def test_gradient_ignores_brightness_and_sees_edges(pair: tuple[torch.Tensor, ...]) -> None:
    a, b, weight = pair
    assert losses.gradient(0.5 * a, 0.5 * a + 0.25, weight).item() == pytest.approx(0, abs=1e-6)
    assert losses.gradient(a, b, weight) > losses.gradient(0.5 * a + 0.5 * b, b, weight) > 0


def test_detail_prefers_a_sharp_shifted_picture_to_a_blurred_one() -> None:
    """Where L1 does the opposite: that is what the loss is for."""
    generator = torch.Generator().manual_seed(3)
    real = F.avg_pool2d(torch.rand(1, 3, 66, 66, generator=generator), 3, 1)
    shifted = real.roll((2, 1), (2, 3))
    blurred = F.avg_pool2d(F.pad(real, (3, 3, 3, 3), "reflect"), 7, 1)
    weight = torch.ones(1, 1, 64, 64)
    assert losses.l1(blurred, real, weight) < losses.l1(shifted, real, weight)
    assert losses.detail(shifted, real, weight) < 0.3 * losses.detail(blurred, real, weight)


def test_weight_is_full_on_the_person_and_near() -> None:
    alpha = torch.zeros(1, 1, 60, 60)
    alpha[..., 30, 30] = 1
    weight = losses.person_weight(alpha, 8)[0, 0]
    assert weight[22:39, 22:39].min() == 1
    assert weight[21, 30] == weight[30, 39] == weight[0, 0] == 0.25


def test_attention_is_the_papers() -> None:
    alpha, silhouette = noise(0, 2, 1, 9, 7), noise(1, 2, 1, 9, 7)
    known = torch.ones_like(alpha)
    tv = (alpha[..., 1:, :] - alpha[..., :-1, :]).abs().mean() + (alpha[..., 1:] - alpha[..., :-1]).abs().mean()
    expected = ((alpha - silhouette) ** 2).mean() + tv
    assert losses.attention(alpha, silhouette, known).item() == pytest.approx(float(expected), rel=1e-5)
    assert losses.attention(alpha, silhouette, 0 * known).item() == pytest.approx(float(tv), rel=1e-5)


def test_lsgan_targets() -> None:
    """0 for the generator, -1 and +1 for the discriminator (paper, section 3.4)."""
    assert losses.adversarial(torch.zeros(2, 1, 3, 3)) == 0
    assert losses.adversarial(torch.full((2, 1, 3, 3), -1.0)) == 1
    assert losses.discrimination(torch.ones(2, 1, 3, 3), -torch.ones(2, 1, 3, 3)) == 0
    assert losses.discrimination(-torch.ones(2, 1, 3, 3), torch.ones(2, 1, 3, 3)) == 8


def test_features_are_matched_without_the_scores() -> None:
    ours = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 2, 2), torch.zeros(1, 1, 1, 1)]
    theirs = [torch.ones(1, 2, 4, 4), 3 * torch.ones(1, 4, 2, 2), 100 * torch.ones(1, 1, 1, 1)]
    assert losses.feature_matching(ours, theirs) == 2
    assert losses.feature_distance(ours[:2], theirs[:2]) == 4
    assert losses.feature_distance(ours[:2], theirs[:2], (0.5, 1.0)) == 3.5


def test_every_loss_can_be_learnt_from(pair: tuple[torch.Tensor, ...]) -> None:
    a, b, weight = pair
    for loss in (losses.l1, losses.colour, losses.gradient, losses.detail):
        result = a.clone().requires_grad_(True)
        value = loss(result, b, weight)
        value.backward()
        assert result.grad is not None and result.grad.isfinite().all()
        with torch.no_grad():
            moved = result - 1e-3 * result.grad / result.grad.norm()
        assert loss(moved, b, weight) < value
