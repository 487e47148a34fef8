"""Work side by side: in order, not far ahead, and nothing left behind when it fails."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline.draw import side_by_side
from tests.pipeline.runner import SIDE, Lwgan
from tests.pipeline.test_motion_input import numbered_motion


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers: int) -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.03 if item == 0 else 0.0)
        return item * item

    assert list(side_by_side(slow_at_first, range(9), workers)) == [item * item for item in range(9)]


def test_threads_work_at_the_same_time_with_one_thread_each() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(item: int) -> int:
        meeting.wait()  # passes only if two are here
        return torch.get_num_threads()

    assert list(side_by_side(meet, range(4), 2)) == [1] * 4


def test_no_thread_runs_far_ahead_of_who_reads() -> None:
    begun: list[int] = []
    results = side_by_side(lambda item: begun.append(item), range(50), 2)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 3
    results.close()  # type: ignore[attr-defined]  # a generator
    assert len(begun) <= 3


def test_a_failure_reaches_who_reads_and_the_threads_end() -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise ValueError("no 2")
        return item

    before, threads = torch.get_num_threads(), threading.active_count()
    results = side_by_side(fail, range(50), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="no 2"):
        next(results)
    assert (torch.get_num_threads(), threading.active_count()) == (before, threads)


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
