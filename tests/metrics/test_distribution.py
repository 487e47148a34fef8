from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.special import softmax

from lwgan_cli.metrics.distribution import cosine_distance, frechet_distance, inception_score


def by_square_root(one: np.ndarray, other: np.ndarray) -> float:
    """The definition, by scipy's matrix square root, as the reference has it."""
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    means = one.mean(0) - other.mean(0)
    return float(means @ means + np.trace(first + second - 2 * sqrtm(first @ second).real))


def test_frechet_distance_is_the_definition() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(2, 12, 12))
    one, other = rng.normal(size=(80, 12)) @ mix[0], rng.normal(size=(50, 12)) @ mix[1] + 0.4
    assert frechet_distance(one, other) == pytest.approx(by_square_root(one, other), rel=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, one + 2) == pytest.approx(12 * 4)


def test_frechet_distance_of_few_pictures_with_many_features() -> None:
    """One direction each: μ apart by 3, deviations 1 and 2 along axes at a right angle, so no overlap at all."""
    one, other = np.zeros((2, 500)), np.zeros((3, 500))
    one[:, 0] = np.array([-1, 1]) / np.sqrt(2)
    other[:, 1] = np.array([-2.0, 0.0, 2.0])
    other[:, 2] = 3
    assert frechet_distance(one, other) == pytest.approx(9 + 1 + 4)
    assert np.isnan(frechet_distance(one[:1], other))


def test_inception_score_by_the_definition() -> None:
    logits = np.random.default_rng(1).normal(0, 3, (30, 20))
    p = softmax(logits, 1)
    halves = [np.exp(np.mean([np.sum(q * np.log(q / part.mean(0))) for q in part])) for part in (p[:15], p[15:])]
    assert inception_score(logits, 2) == pytest.approx((np.mean(halves), np.std(halves)))


def test_inception_score_at_its_ends() -> None:
    sure = 1000 * np.eye(10)
    assert inception_score(sure, 1)[0] == pytest.approx(10)  # every class, each surely
    assert inception_score(np.repeat(sure[:1], 10, 0), 1)[0] == pytest.approx(1)  # always the same
    assert inception_score(np.zeros((10, 10)), 1)[0] == pytest.approx(1)  # nothing sure
    assert inception_score(sure[:3])[0] == pytest.approx(1)  # as many splits as pictures


def test_cosine_distance() -> None:
    one = np.array([[1.0, 0], [1, 0], [2, 2]])
    other = np.array([[5.0, 0], [0, 3], [-1, -1]])
    assert cosine_distance(one, other) == pytest.approx([0, 1, 2])
