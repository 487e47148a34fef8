"""A page of numbers: how well bodies are fitted to films of synthetic people, by keypoints and aligned.

    python -m lwgan_cli.synthetic.fit_page --people 20 --frames 16

Every film is rendered with camera noise, the detector runs on its pictures, and both fits are compared with the
truth (`truth.FitErrors`). The people are dressed differently, and move from slowly to fast.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch

from lwgan_cli.body.landmarks import Landmarks, load_landmarks
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.fitting.fit import fit_keypoints
from lwgan_cli.recovery.align import align
from lwgan_cli.recovery.recover import to_motion
from lwgan_cli.recovery.watch import watch
from lwgan_cli.synthetic.motion import KINDS
from lwgan_cli.synthetic.truth import FitErrors, GroundTruth, fit_errors, ground_truth

CAMERA_NOISE = 4.0  # of 255, standard deviation of a pixel
FPS = (30.0, 24.0, 15.0)  # the fewer frames a second, the further people move between two


@dataclass(frozen=True)
class Row:
    """One film: its name, and the errors of the keypoint fit and of the aligned one."""

    name: str
    keypoints: FitErrors
    aligned: FitErrors


def measure(model: BodyModel, landmarks: Landmarks, truth: GroundTruth, seed: int) -> tuple[FitErrors, FitErrors]:
    """Detect and fit a rendered film: errors by keypoints, then aligned. Raises InputError where nobody is found."""
    rng = np.random.default_rng([seed, 5])
    noisy = truth.pictures + rng.normal(0, CAMERA_NOISE, truth.pictures.shape)
    watched = watch(list(np.clip(noisy, 0, 255).round().astype(np.uint8)))
    fps, keypoints = truth.motion.fps, watched.keypoints
    fit = fit_keypoints(model, landmarks, keypoints, watched.shots, fps)
    aligned = align(model, landmarks, fit, watched, fps)
    motions = (to_motion(f, keypoints.crop, keypoints.image_size, fps, model.identity) for f in (fit, aligned.fit))
    by_keypoints, dense = motions
    return fit_errors(truth, by_keypoints), fit_errors(truth, dense, aligned.offsets)


def rows(model: BodyModel, landmarks: Landmarks, people: int, frames: int, first_seed: int = 0) -> Iterator[Row]:
    """Films of `people` seeds; kinds of motion and speeds take turns."""
    for seed in range(first_seed, first_seed + people):
        kind, fps = KINDS[seed % len(KINDS)], FPS[seed % len(FPS)]
        truth = ground_truth(model, seed, frames, kind=kind, fps=fps)
        yield Row(f"{kind} {fps:.0f}/s, person {seed}", *measure(model, landmarks, truth, seed))


def means(errors: FitErrors) -> dict[str, float]:
    """The mean of each error over the frames that have it; NaN where none has."""
    kept = {name: np.atleast_1d(values) for name, values in asdict(errors).items()}
    return {name: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for name, v in kept.items()}


def line(name: str, before: dict[str, float], after: dict[str, float]) -> str:
    """One line of the page."""
    form = {"iou": "{:5.3f} > {:5.3f}", "lag": "{:5.2f} > {:5.2f}"}
    cells = [form.get(key, "{:5.1f} > {:5.1f}").format(before[key], after[key]) for key in before]
    return f"{name:28}" + "  ".join(f"{cell:>13}" for cell in cells)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--frames", type=int, default=16, help="of each film; the clothes need a few to agree on")
    parser.add_argument("--seed", type=int, default=0, help="of the first person")
    given = parser.parse_args()
    names = FitErrors.__dataclass_fields__
    _write(f"{'mm; keypoints > aligned':28}" + "  ".join(f"{name:>13}" for name in names))
    every: list[tuple[dict[str, float], dict[str, float]]] = []
    with torch.no_grad():
        for row in rows(load_body("open"), load_landmarks(), given.people, given.frames, given.seed):
            every.append((means(row.keypoints), means(row.aligned)))
            _write(line(row.name, *every[-1]))
    before, after = ({name: float(np.nanmean([pair[i][name] for pair in every])) for name in names} for i in (0, 1))
    _write(line("mean", before, after))


if __name__ == "__main__":
    main()
