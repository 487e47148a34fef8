"""Drawing: its threads, fast limbs, and people out of the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline.draw import few_threads
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
