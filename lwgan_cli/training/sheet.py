"""A picture to look at while training: what the network is given, what it makes of it, what it should make."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.training.sample import Sample
from lwgan_cli.training.step import Painted, composed
from lwgan_cli.training.subject import whole_file

_HEIGHT = 384  # px of a row


def write_sheet(path: Path, pairs: list[tuple[Sample, Painted]]) -> None:
    """A PNG with a row for each sample's first target: photo, texture warp, result, truth, result's alpha, plate."""
    rows = []
    for sample, painted in pairs:
        photo = sample.sources[0].planes[0]
        plain = composed(sample, None, None)
        columns = (
            photo[:3] * 0.5 + 0.5, plain.picture[0], painted.picture[0], sample.target[0],
            painted.alpha[0].expand(3, -1, -1), painted.plate[0],
        )  # fmt: skip
        rows.append(np.hstack([_shown(column) for column in columns]))
    width = max(row.shape[1] for row in rows)
    sheet = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
    with whole_file(path) as temporary:
        cv2.imwrite(str(temporary), sheet[..., ::-1])


def _shown(picture: torch.Tensor) -> np.ndarray:
    """(3, h, w) in [0, 1] → (_HEIGHT, W, 3) uint8."""
    values = (picture.detach().float().cpu().clamp(0, 1) * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    width = max(1, round(values.shape[1] * _HEIGHT / values.shape[0]))
    return cv2.resize(values, (width, _HEIGHT), interpolation=cv2.INTER_AREA)
