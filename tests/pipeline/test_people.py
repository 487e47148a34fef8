"""Who is in a photo: the person's mask as the fit sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.body.keypoints import FEET
from lwgan_cli.pipeline.people import DRESS_SIZE, crop_alpha
from lwgan_cli.records import Keypoints
from tests.body.acting import act, seen


@pytest.mark.parametrize("whole", [True, False])
def test_a_mask_goes_on_below_the_picture_only_for_people_who_do(whole: bool) -> None:
    keypoints: Keypoints = seen(act(1, seed=1))
    width, height = keypoints.image_size
    points = keypoints.points.copy()
    points[0, FEET] = (width / 2, height - 3 if whole else height + 200)
    keypoints = replace(keypoints, points=points, crop=np.array([[width / 2, height, 200]], np.float32))
    alpha = np.zeros((height, width), np.float32)
    alpha[height // 2 :, width // 2 - 20 : width // 2 + 20] = 1  # stands on the picture's lower edge
    found = crop_alpha(alpha, keypoints)
    assert found.shape == (DRESS_SIZE, DRESS_SIZE)
    middle = DRESS_SIZE // 2
    assert found[: middle - 4, middle].min() == 1
    assert found[middle + 4 :, middle].mean() == pytest.approx(0 if whole else 1, abs=1e-3)
