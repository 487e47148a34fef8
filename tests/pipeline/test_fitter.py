"""`--fitter hmr`: where the network comes from, and what becomes of its first guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lwgan_cli.fitting.hmr import Hmr
from tests.pipeline.runner import SIDE, Lwgan


class Standing(Hmr):
    """Sees everybody stand upright in T-pose."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []
        self.joints = torch.rand(24, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert -1 <= images.min() < images.max() <= 1
        self.seen.append(tuple(images.shape))
        theta = torch.zeros(len(images), 85)
        theta[:, 0], theta[:, 3] = 0.9, np.pi
        return theta


def test_the_fit_goes_on_from_what_hmr_sees(
    lwgan: Lwgan, steps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, asked = Standing(), list[Any]()
    monkeypatch.setattr("lwgan_cli.pipeline.bodies.find_hmr", lambda weights: asked.append(weights) or network)
    cut = ("--max-side", str(SIDE), "--max-frames", "3", "--no-cache", "--weights", tmp_path)
    run = lwgan(tmp_path, "fit", steps, *cut, "--fitter", "hmr", "-o", "hmr.npz")
    assert run.code == 0, run.errors
    assert asked == [tmp_path] and network.seen == [(3, 3, 224, 224)]
    assert run.report["backends"]["fitter"] == "hmr"
    assert run.report["fit"]["driving"]["reprojection"] < 1.5  # % of the height: the fit left the T-pose


def test_without_hmr_it_says_how_to_get_it(lwgan: Lwgan, steps: Path, tmp_path: Path) -> None:
    run = lwgan(tmp_path, "fit", steps, "--fitter", "hmr")
    assert run.code == 4 and len(run.errors) == 1
    assert "lwgan weights import" in run.errors[0] and "--fitter best" in run.errors[0]
    assert not list(tmp_path.iterdir())
