from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.errors import WeightsError
from lwgan_cli.evaluation.config import JUDGES
from lwgan_cli.evaluation.judges import Judges, cut_close, faces, head_points
from tests.metrics import official_networks as official
from tests.training.official_features import sphere_state


def head(turned: bool = False) -> np.ndarray:
    """(33, 2) px: a head at (100, 60), shoulders at 100 px; from behind where `turned`."""
    points = np.full((33, 2), (100.0, 60.0))
    side = -1 if turned else 1
    points[7], points[8] = (100 + 15 * side, 60), (100 - 15 * side, 60)
    points[11], points[12] = (100 + 30 * side, 100), (100 - 30 * side, 100)
    return points


@pytest.mark.parametrize("name", JUDGES)
def test_measures_without_their_files_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"--metric {name}: .* give "):
        Judges({name: ()}, None, "cpu")
    with pytest.raises(WeightsError, match="no such weights file"):
        Judges({name: (tmp_path / "nowhere.pth",)}, None, "cpu")


def test_faces_are_those_that_look_here() -> None:
    assert faces(head()) and not faces(head(turned=True))
    assert not faces(np.full((33, 2), np.nan))
    points = head_points(head())
    assert points.shape == (13, 2) and tuple(points[11]) == (100, 100)
    assert tuple(points[12]) == (100, pytest.approx(28))  # as far above the ears as they are above the neck, · 0.8


def test_pairs_are_judged(tmp_path: Path) -> None:
    files = {}
    states = {
        "alex.pth": official.linear((64, 192, 384, 256, 256)), "alexnet.pth": official.backbone(official.ALEX),
        "sphere.pth": sphere_state(),
    }  # fmt: skip
    for name, state in states.items():
        files[name] = tmp_path / name
        torch.save(state, files[name])
    judges = Judges({"lpips": (files["alex.pth"], files["alexnet.pth"]), "face": (files["sphere.pth"],)}, None, "cpu")
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 160, 200, 3), np.uint8)
    same = judges.pair(one, one, head(), head())
    assert same == {"lpips": 0, "face": pytest.approx(0, abs=1e-5)}
    apart = judges.pair(one, other, head(), head())
    assert apart["lpips"] > 0.01 and apart["face"] > 1e-3
    assert np.isnan(judges.pair(one, one, head(), head(turned=True))["face"])
    assert judges.compare(judges.features(one, one[..., 0] > 0), judges.features(one, one[..., 0] > 0)) == {}


def test_people_are_cut_out_closely() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    mask = np.zeros((4, 4), bool)
    mask[1:3, 2] = True
    assert np.array_equal(cut_close(picture, mask), picture[1:3, 2:3])
    assert cut_close(picture, np.zeros((4, 4), bool)).shape == (4, 4, 3)
