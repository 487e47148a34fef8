"""A face is followed through a clip as well as it is found in its single pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.detection.face_detect import FaceDetector
from lwgan_cli.synthetic.face_places import SIZE, shoot_head
from lwgan_cli.synthetic.person import random_person


@pytest.mark.slow
def test_a_window_that_jumps_loses_no_face() -> None:
    """The window follows a head that has gone a fifth of its side: what was tracked lies elsewhere in it."""
    model = load_body("open", find_weights_dir())
    person = random_person(model, 3, 512)
    _, head = shoot_head(model, person, torch.zeros(52), Rotation.from_euler("y", 5, degrees=True).as_rotvec())
    pad = SIZE // 2
    picture = np.pad(head, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    window = np.array([SIZE, SIZE, SIZE], np.float32)  # the head's middle, in the padded picture
    aside = window + np.array([0.22 * SIZE, 0.16 * SIZE, 0], np.float32)
    with FaceDetector(static=True) as detector:
        alone = detector(picture, aside)
    with FaceDetector() as detector:
        followed = [detector(picture, each) for each in (window, window, window, aside)]
    assert alone is not None and followed[-1] is not None and followed[0] is not None
    across = np.linalg.norm(alone[33, :2] - alone[263, :2])
    off = np.linalg.norm(followed[-1] - alone, axis=1)[:468].mean() / across
    assert off == pytest.approx(0, abs=0.03)
