from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.errors import UsageError, WeightsError
from lwgan_cli.evaluation.methods import OURS, Method, coarse, parse_methods
from lwgan_cli.generator.architectures import build
from lwgan_cli.generator.checkpoints import About, save_generator

TINY = dict(width=8, n_blocks=1, n_down=1, background_width=4)


def trained(path: Path, architecture: str = "default") -> Path:
    torch.manual_seed(0)
    network = build(architecture, **TINY)
    save_generator(path, network.state_dict(), About(architecture, TINY, {"steps": 7}))
    return path


def test_switches_are_told_from_names() -> None:
    assert Method.parse("none") == Method("none", "none")
    assert Method.parse("none-offsets") == Method("none-offsets", "none", offsets=False)
    both = Method.parse("none-detail-face+photos")
    assert both == Method("none-detail-face+photos", "none", detail=False, face=False, photos=True)
    for name in OURS[1:]:  # each addition alone: one thing differs from none
        other = Method.parse(name)
        assert sum(getattr(other, f) != getattr(Method.parse("none"), f) for f in vars(other)) == 2  # its name, too


def test_a_file_may_be_called_like_a_switch(tmp_path: Path) -> None:
    path = trained(tmp_path / "mine-face")
    assert Method.parse(str(path)) == Method(str(path), str(path))
    assert Method.parse(f"ours={path}") == Method("ours", str(path))
    network, training = Method.parse(f"ours={path}").network(None, "cpu")
    assert network is not None and training == {"architecture": "default", "steps": 7}
    assert Method.parse("none").network(None, "cpu") == (None, {})


def test_the_papers_ablations_are_files_of_the_weights_folder(tmp_path: Path) -> None:
    for name, architecture in (("W_C", "concat"), ("W_T", "texture"), ("W_F", "feature")):
        with pytest.raises(WeightsError, match=f"generator-{architecture}.*lwgan train --architecture"):
            Method.parse(name, tmp_path)
        trained(tmp_path / f"generator-{architecture}.safetensors", f"default-{architecture}")
        _, training = Method.parse(name, tmp_path).network(tmp_path, "cpu")
        assert training["architecture"] == f"default-{architecture}"
    assert Method.parse("LWB").generator == "default"


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="given twice"):
        parse_methods(("none", "none"), None)
    with pytest.raises(WeightsError, match="no such file"):
        Method.parse(str(tmp_path / "nowhere.safetensors"))


def test_coarse_photos_keep_what_is_large_and_what_stands_around() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (400, 300, 3), np.uint8)
    alpha = np.zeros((400, 300), np.float32)
    alpha[20:380, 100:200] = 1  # 360 px tall
    seen = coarse(picture, alpha, 90)
    assert np.array_equal(seen[:, :80], picture[:, :80])
    inner = slice(60, 340), slice(120, 180)
    assert seen[inner].std() < 0.35 * picture[inner].std()  # a mean over 4×4 px of noise has a quarter of its spread
    shrunk = cv2.resize(picture, (75, 100), interpolation=cv2.INTER_AREA)
    again = cv2.resize(seen, (75, 100), interpolation=cv2.INTER_AREA)
    assert np.abs(again[20:80, 30:45].astype(int) - shrunk[20:80, 30:45]).mean() < 12
    assert np.array_equal(coarse(picture, alpha, 360), picture)
