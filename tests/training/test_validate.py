from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.metrics.picture import psnr
from lwgan_cli.training.sample import Sample
from lwgan_cli.training.step import Painted, composed
from lwgan_cli.training.synthetic import held_out_seed, training_seed
from lwgan_cli.training.validate import score, scored_samples, scored_seeds
from tests.training.people import body, fill


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    bank = tmp_path_factory.mktemp("bank")
    fill(bank, 0)
    with torch.no_grad():
        return scored_samples(body(), bank, scored_seeds(1), targets=2)


def truth(sample: Sample) -> Painted:
    return Painted(sample.target, sample.alpha, sample.scene)


def test_the_truth_scores_best(samples: list[Sample]) -> None:
    scores = score(truth, samples)
    assert scores.ssim == scores.iou == scores.sharp == 1.0 and scores.psnr == scores.person_psnr == 99.0
    plain = score(None, samples)
    assert plain.ssim < 0.99 and plain.iou < 0.99 and plain.person_psnr < plain.psnr < 40


def test_scores_are_means_over_targets(samples: list[Sample]) -> None:
    values = []
    for sample in samples:
        result, real = (
            (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
            for picture in (composed(sample, None, None).picture, sample.target)
        )
        values.append(psnr(result, real))
    assert score(None, samples).psnr == pytest.approx(np.mean(values), abs=1e-6)


def test_the_test_set_is_always_the_same(samples: list[Sample], tmp_path: Path) -> None:
    fill(tmp_path, 0)
    with torch.no_grad():
        again = scored_samples(body(), tmp_path, scored_seeds(1), targets=2)
    assert len(again) == len(samples) == 2
    assert all(torch.equal(one.rgba, other.rgba) for one, other in zip(again, samples, strict=True))


def test_nobody_is_both_trained_on_and_tested_on() -> None:
    trained = [training_seed(index) for index in range(250_000)]
    tested = {held_out_seed(index) for index in range(1_000)}
    assert len(set(trained)) == len(trained) and tested.isdisjoint(trained)
    # scenes repeat their noise after a cycle of 100,000 seeds
    assert {seed % 100_000 for seed in tested}.isdisjoint(seed % 100_000 for seed in trained)
    with pytest.raises(ValueError, match="1000 people to test on"):
        held_out_seed(1_000)
