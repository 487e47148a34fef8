"""Drawing: its threads, fast limbs, and people out of the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.dressing.misfit import Misfit
from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline.draw import few_threads
from lwgan_cli.pipeline.shelf import Shelf
from lwgan_cli.threads import side_by_side
from tests.pipeline.runner import SIDE, Lwgan
from tests.pipeline.test_motion_input import numbered_motion


def test_threads_that_draw_compute_with_one_thread_each() -> None:
    before = torch.get_num_threads()
    with few_threads(2) as prepare:
        assert list(side_by_side(lambda _: torch.get_num_threads(), range(4), 2, prepare=prepare)) == [1] * 4
    assert torch.get_num_threads() == before
    with few_threads(1) as prepare:
        assert list(side_by_side(lambda _: torch.get_num_threads(), range(2), 1, prepare=prepare)) == [before] * 2


@pytest.mark.slow
def test_fast_limbs_are_smeared_and_the_rest_is_not(lwgan: Lwgan, photo: Path, dance: Path, tmp_path: Path) -> None:
    cut = ("--start", "0.8", "--max-frames", "3", "--max-side", str(SIDE))
    sharp, smeared = (
        lwgan(tmp_path, "imitate", photo, dance, *cut, "--motion-blur", share, "-o", f"shutter{share}").pictures()
        for share in ("0", "1")
    )
    change = [np.abs(one.astype(int) - other).max(-1) > 8 for one, other in zip(sharp, smeared, strict=True)]
    moved = [np.abs(sharp[after].astype(int) - sharp[before]).max(-1) > 8 for before, after in ((0, 1), (1, 2))]
    near = cv2.dilate((moved[0] | moved[1]).astype(np.uint8), np.ones((9, 9))) > 0
    assert change[1].sum() > 50  # px
    assert (change[1] & near).sum() > 0.9 * change[1].sum()


@pytest.mark.slow
def test_raised_arms_are_drawn_without_what_their_outline_showed_only_as_they_hung(
    lwgan: Lwgan, photo: Path, tmp_path: Path
) -> None:
    """Of which the photo seems to show everything but the hands 5 cm aside."""
    motion = numbered_motion(1, 25.0)
    poses = motion.poses.copy()
    poses[:, 16, 2], poses[:, 17, 2] = 1.2, -1.2
    camera, crop = np.array([[0.9, 0, 0]], np.float32), np.array([[100, 100, 100]], np.float32)
    motion = replace(motion, poses=poses, camera=camera, crop=crop, image_size=(200, 200))
    save_motion(tmp_path / "raised.npz", motion)

    def moved(model: BodyModel, pose: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor) -> Misfit:
        shift = 0.05 * (1 - model.lbs_weights[:, 20:24].sum(1))[:, None] * torch.tensor([1.0, 0, 0])
        return Misfit(pose[None], shift[None], torch.zeros(0, dtype=torch.long), torch.zeros(1, 0, 3))

    nothing = mock.patch.object(
        Misfit, "worn", lambda self, model, offsets, poses, betas: offsets.expand(len(poses), -1, -1)
    )
    pictures = []
    dressed_anew = lwgan.with_shelf(Shelf())
    for name, draw, patched in (
        ("all", lwgan, nothing),
        ("without", dressed_anew, mock.patch.object(Misfit, "of", moved)),
    ):
        with patched:
            run = draw(
                tmp_path, "imitate", photo, "raised.npz", "--camera", "source", "--max-side", str(SIDE), "-o", name
            )
        assert run.code == 0, run.errors
        pictures.append(run.pictures()[0].astype(int))
    change = np.abs(pictures[0] - pictures[1]).max(-1) > 24
    assert change.sum() > 1000 and not change[len(change) // 2 :].any()  # px; arms and shoulders alone


def test_who_is_outside_the_picture_is_counted(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    """In chunks that several threads draw: the background alone, and one warning that counts every frame."""
    motion = numbered_motion(12, 25.0)
    camera = motion.camera.copy()
    camera[4:, 1] = 40.0  # of the crop's half sides, to the right
    save_motion(tmp_path / "away.npz", replace(motion, camera=camera))
    run = lwgan(tmp_path, "imitate", photo, "away.npz", "--camera", "driving", "--max-side", str(SIDE), "-o", "frames")
    assert run.code == 0
    assert any("is outside the picture in 8 of 12 frames" in each for each in run.report["warnings"]), run.report[
        "warnings"
    ]
    pictures = run.pictures()
    assert all(np.array_equal(each, pictures[-1]) for each in pictures[4:])
