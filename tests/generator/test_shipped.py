"""The generator that ships, on people whom nobody has trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli import api
from lwgan_cli.api import DrawConfig
from lwgan_cli.assets import find_example, find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.generator.checkpoints import DEFAULT, find_generator, load_generator
from lwgan_cli.training.bank import Casting, make_people
from lwgan_cli.training.step import Painter
from lwgan_cli.training.synthetic import Recipe
from lwgan_cli.training.validate import score, scored_samples, scored_seeds

PEOPLE = 4
SHIPPED = find_weights_dir() / DEFAULT


def test_it_says_how_it_was_trained() -> None:
    net, about = load_generator(SHIPPED)
    assert find_generator("default") == SHIPPED and not net.training
    assert about.architecture == "default" and about.sizes["width"] > 0
    assert about.training["steps"] > 0 and about.training["data"] == "synthetic"
    assert SHIPPED.stat().st_size < 16e6


@pytest.mark.slow
def test_it_is_nearer_to_the_truth_than_no_network_and_as_sharp(tmp_path: Path) -> None:
    make_people(tmp_path, Casting(tuple(scored_seeds(PEOPLE)), Recipe()))
    with torch.no_grad():
        samples = scored_samples(load_body("open"), tmp_path, scored_seeds(PEOPLE))
    with_it, without = score(Painter(load_generator(SHIPPED)[0]), samples), score(None, samples)
    assert with_it.person_psnr > without.person_psnr + 0.2 and with_it.psnr > without.psnr + 0.2
    assert with_it.ssim > without.ssim and with_it.iou > without.iou - 0.01
    assert with_it.sharp > 0.9 * without.sharp


@pytest.mark.slow
def test_it_draws_the_examples(tmp_path: Path) -> None:
    """Another picture than without a network, and not a very different one."""
    made = {}
    for generator in ("none", "default"):
        output = tmp_path / f"{generator}.mp4"
        config = DrawConfig(output=output, generator=generator, max_frames=4, max_side=320, audio=False)
        report = api.imitate(find_example("person.jpg"), find_example("dance.mp4"), config)
        assert report.backends["generator"] == generator
        made[generator] = np.stack(list(open_clip(output))).astype(float)
    apart = np.abs(made["default"] - made["none"])
    assert made["none"].shape == made["default"].shape
    assert 0.05 < apart.mean() < 4 and apart.max() > 10
