"""How alike two sets of pictures are, or how plain and varied one is, by a network's features."""

from __future__ import annotations

import numpy as np


def inception_score(logits: np.ndarray, splits: int = 10) -> tuple[float, float]:
    """Mean and standard deviation over splits of exp(E KL(p(y|x) ‖ p(y))) (Salimans et al., 2016).

    logits  (N, classes), in the pictures' order; fewer than `splits` pictures make as many splits as there are.
    The reference cuts 50,000 pictures into ten splits; the score of few is below what it would be of many.
    """
    count = len(logits)
    splits = min(splits, count)
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    scores = []
    for index in range(splits):
        part = log_p[index * count // splits : (index + 1) * count // splits]
        p = np.exp(part)
        marginal = np.log(np.maximum(p.mean(0), 1e-300))
        scores.append(np.exp((p * (part - marginal)).sum(1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Fréchet distance of the Gaussians of two sets of features (N, D) and (M, D) (Heusel et al., 2017):
    |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 √(Σ₁Σ₂)), covariances over N − 1.

    With Σ = RᵀR, the trace of √(Σ₁Σ₂) is the sum of the singular values of R₁R₂ᵀ: exact also where there are fewer
    pictures than features, and the covariances have no full rank. NaN for fewer than two pictures in a set.
    """
    if min(len(one), len(other)) < 2:
        return float("nan")
    roots: list[np.ndarray] = []
    for features in (one, other):
        centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
        root: np.ndarray = np.linalg.qr(centred / np.sqrt(len(features) - 1), mode="r")  # type: ignore[assignment]
        roots.append(root)
    means = one.mean(0, dtype=np.float64) - other.mean(0, dtype=np.float64)
    common = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return float(max(means @ means + sum((root**2).sum() for root in roots) - 2 * common, 0.0))


def cosine_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) 1 − cosine of the angle between features (N, D): 0 the same, 1 unrelated, 2 opposite."""
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    distance: np.ndarray = 1 - (one * other).sum(1) / np.maximum(norms, 1e-12)
    return distance
