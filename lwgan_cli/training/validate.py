"""Scores on people who are never trained on, always the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.generator.conditions import Resolution, source_input
from lwgan_cli.generator.window import Window, project_px
from lwgan_cli.metrics.mask import iou
from lwgan_cli.metrics.picture import psnr, sharpness, ssim
from lwgan_cli.training.bank import Bank, named
from lwgan_cli.training.sample import CELL, Sample, Staged, draw_sample, moved, stack
from lwgan_cli.training.step import Painted, composed
from lwgan_cli.training.synthetic import held_out_seed

_REACH = 9  # px around the person that count as it
_FULL = 3  # targets of each person


@dataclass(frozen=True)
class Scores:
    """Means over a test set of results against true pictures, in the person's window.

    ssim, psnr          of the whole window
    person_psnr         of the person and 4 px around, dB
    iou                 of the person's mask
    sharp               energy of the Laplacian on the person, result over truth: 1 is as sharp
    """

    ssim: float
    psnr: float
    person_psnr: float
    iou: float
    sharp: float


def scored_seeds(count: int) -> list[int]:
    """The seeds of the first people of the test set."""
    return [held_out_seed(index) for index in range(count)]


def scored_samples(model: BodyModel, bank: Path, seeds: Sequence[int], targets: int = _FULL) -> list[Sample]:
    """Some targets of each prepared person in the bank, one a sample, whole, with a fit's errors; always the same.

    Raises InputError for a person that the bank lacks.
    """
    samples = []
    for seed in seeds:
        staged = Staged(model, Bank(bank).load(named(seed)))
        rng = np.random.default_rng([seed, 5])
        rows = np.arange(min(targets, len(staged.subject)))
        poses, cameras = staged.cameras(rows, rng)
        windows = staged.photo_windows(float(cameras[:, 0].mean()), Resolution(CELL))
        photos = [
            source_input(model, source, own, window)
            for source, (own, window) in zip(staged.sources, windows, strict=True)
        ]
        for row, pose, camera in zip(rows, poses, cameras, strict=True):
            window = _whole(staged, pose, camera)
            sample = draw_sample(staged, int(row), window, pose, camera, photos)
            samples.append(stack([sample], [photos]))
    return samples


def _whole(staged: Staged, pose: np.ndarray, camera: np.ndarray) -> Window:
    """The cells that hold a target."""
    like = staged.model.v_template
    vertices, _ = skin(staged.model, like.new_tensor(pose[None]), staged.betas, staged.offsets)
    places = project_px(vertices, like.new_tensor(camera[None].astype(np.float32)))
    size = staged.subject.size
    return Resolution(CELL).window(Window.around(places).clipped(size) or Window((0, 0), size))


@torch.no_grad()
def score(paint: Callable[[Sample], Painted] | None, samples: Sequence[Sample], device: str = "cpu") -> Scores:
    """What `paint` (a `Painter`) makes of the samples against the truth; None: the texture warp over the plate."""
    rows = []
    for sample in samples:
        there = moved(sample, device)
        painted = paint(there) if paint is not None else composed(there, None, None)
        for result, alpha, real, true in zip(painted.picture, painted.alpha, sample.target, sample.alpha, strict=True):
            rows.append(_scores(_uint8(result), alpha[0].float().cpu().numpy(), _uint8(real), true[0].numpy()))
    return Scores(*(float(np.nanmean([getattr(row, f.name) for row in rows])) for f in fields(Scores)))


def _scores(result: np.ndarray, alpha: np.ndarray, real: np.ndarray, true: np.ndarray) -> Scores:
    either = (np.maximum(alpha, true) > 0.5).astype(np.uint8)
    person = cv2.dilate(either, np.ones((_REACH, _REACH), np.uint8)) > 0
    return Scores(
        ssim(result, real), psnr(result, real), psnr(result, real, person), iou(alpha, true),
        sharpness(result, real, true > 0.5),
    )  # fmt: skip


def _uint8(picture: torch.Tensor) -> np.ndarray:
    """(3, H, W) in [0, 1] → (H, W, 3) uint8."""
    values = (picture.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())
