"""What the generator is asked to make small. Pictures are (B, 3, H, W) in [0, 1] and count as in [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

SCALES = 3  # that detail is counted at
MISPLACED = 3  # px that a fit may put surface beside its place; no multiple of the network's own 2 and 4
_GRAIN = 9  # px, window in which detail is counted
_FLOOR = 1e-3  # detail too weak to be seen
_ROUGH = 2.0  # weight of the residual's steps against the residual
_BACKGROUND = 0.25  # weight of what lies away from the person


def person_weight(alpha: torch.Tensor, reach: int = 8) -> torch.Tensor:
    """(B, 1, H, W) weight of pixels: 1 on the person (alpha (B, 1, H, W)) and within `reach` px, less elsewhere."""
    side = 2 * reach + 1
    near = F.max_pool2d(F.max_pool2d(alpha, (1, side), 1, (0, reach)), (side, 1), 1, (reach, 0))
    return _BACKGROUND + (1 - _BACKGROUND) * near


def l1(result: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference under `weight` (B, 1, H, W)."""
    return 2 * ((result - real).abs() * weight).sum() / (3 * weight.sum().clamp(min=1e-6))


def colour(result: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`l1` of means over MISPLACED px: says nothing about detail, which a fit puts beside its place."""
    result, real, weight = (F.avg_pool2d(each, MISPLACED) for each in (result, real, weight))
    return l1(result, real, weight)


def gradient(result: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the steps between neighbours, of means over MISPLACED px and over twice that."""
    total = result.new_zeros(())
    difference, weight = F.avg_pool2d(result - real, MISPLACED), F.avg_pool2d(weight, MISPLACED)
    for scale in range(2):
        if scale:
            difference, weight = F.avg_pool2d(difference, 2), F.avg_pool2d(weight, 2)
        for dim in (2, 3):
            step, near = difference.diff(dim=dim).abs(), weight.narrow(dim, 1, weight.shape[dim] - 1)
            total = total + 2 * (step * near).sum() / (3 * near.sum().clamp(min=1e-6))
    return total / 4


def detail(result: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """How much fine detail there is, wherever exactly it lies: mean absolute difference of the Laplacian's root
    mean square within windows, over SCALES scales.

    Differences of pixels are smallest for a blurred result where surface is misplaced by a pixel or two; this one
    is not. Pictures are 44 px or more on each side.
    """
    total = result.new_zeros(())
    for scale in range(SCALES):
        if scale:
            result, real, weight = (F.avg_pool2d(each, 2) for each in (result, real, weight))
        difference = (_energy(result) - _energy(real)).abs()
        inner = F.avg_pool2d(weight, _GRAIN + 2, stride=_GRAIN // 2)
        total = total + 2 * (difference * inner).sum() / inner.sum().clamp(min=1e-6)
    return total / SCALES


def _energy(picture: torch.Tensor) -> torch.Tensor:
    """(B, 1, h, w) root mean square of the brightness's Laplacian within overlapping windows."""
    grey = picture.mean(1, keepdim=True)
    laplacian = (
        grey[..., 1:-1, :-2] + grey[..., 1:-1, 2:] + grey[..., :-2, 1:-1] + grey[..., 2:, 1:-1]
        - 4 * grey[..., 1:-1, 1:-1]
    )  # fmt: skip
    return (F.avg_pool2d(laplacian**2, _GRAIN, stride=_GRAIN // 2) + _FLOOR**2).sqrt()


def attention(alpha: torch.Tensor, silhouette: torch.Tensor, clear: torch.Tensor) -> torch.Tensor:
    """The paper's attention regularisation ‖A − S‖² + TV(A), as means over pixels (section 3.4).

    alpha, silhouette (B, 1, H, W); clear (B, 1, H, W) in [0, 1]: where the silhouette is what alpha should be, which
    it is not under a shadow
    """
    apart = ((alpha - silhouette) ** 2 * clear).mean()
    return apart + sum((alpha.diff(dim=dim).abs().mean() for dim in (2, 3)), alpha.new_zeros(()))


def copying(residual: torch.Tensor, gate: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """How much is done to what the photos show, where little need be, and nothing but smoothly: means over what was
    seen (B, 1, h, w) of |residual| (B, 3, h, w), of half the gate (B, 1, h, w), and of the residual's steps between
    neighbours."""
    done = (seen * (residual.abs().mean(1, keepdim=True) + 0.5 * gate)).mean()
    for dim in (2, 3):
        near = torch.minimum(seen.narrow(dim, 1, seen.shape[dim] - 1), seen.narrow(dim, 0, seen.shape[dim] - 1))
        done = done + _ROUGH * (near * residual.diff(dim=dim).abs()).mean()
    return done


def adversarial(scores: torch.Tensor) -> torch.Tensor:
    """LSGAN for the generator: its pictures should score 0, halfway (paper, section 3.4)."""
    return (scores**2).mean()


def discrimination(real_scores: torch.Tensor, fake_scores: torch.Tensor) -> torch.Tensor:
    """LSGAN for the discriminator: 1 for real pictures, -1 for the generator's (paper, section 3.4)."""
    return ((real_scores - 1) ** 2).mean() + ((fake_scores + 1) ** 2).mean()


def feature_matching(fake: Sequence[torch.Tensor], real: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean absolute difference of the discriminator's features (Wang et al., 2018); the scores, last, don't count."""
    pairs = list(zip(fake[:-1], real[:-1], strict=True))
    return torch.stack([(a - b.detach()).abs().mean() for a, b in pairs]).mean()


def feature_distance(
    result: Sequence[torch.Tensor], real: Sequence[torch.Tensor], weights: Sequence[float] | None = None
) -> torch.Tensor:
    """Weighted sum of the mean absolute differences of a frozen network's features; weights 1 if none are given."""
    shares = weights if weights is not None else [1.0] * len(result)
    return torch.stack([share * (a - b).abs().mean() for share, a, b in zip(shares, result, real, strict=True)]).sum()
