"""Whose face acts, whose only turns the head, and who has a face too small for either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lwgan_cli.config import DrawConfig
from lwgan_cli.detection.face_detect import head_window
from lwgan_cli.dressing.drape import headless, is_headless, nodes_of
from lwgan_cli.fitting.face import Face
from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline import driving
from lwgan_cli.pipeline.bodies import TURNING, Bodies
from lwgan_cli.progress import Silent
from lwgan_cli.records import Masks
from lwgan_cli.recovery.watch import CropStore, Watched
from tests.body.acting import act, seen
from tests.pipeline.test_motion_input import numbered_motion


def test_a_face_acts_only_where_the_driving_shows_it_large(
    dance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DrawConfig()
    bodies, clip = Bodies.load(config), driving.open_driving(dance, config)
    assert bodies.face is not None and clip is not None
    given = driving.acting(bodies, dance, clip, config, Silent())
    assert given.face is bodies.face and not given.acts and not given.nods  # a whole person, 640 px high
    monkeypatch.setattr(driving, "TURNING", 40.0)
    given = driving.acting(bodies, dance, clip, config, Silent())
    assert given.face is bodies.face and not given.acts and given.nods
    monkeypatch.setattr(driving, "ACTING", 40.0)
    assert driving.acting(bodies, dance, clip, config, Silent()) is bodies
    motion = numbered_motion(2, 25.0)
    for face in (None, np.zeros((2, 52), np.float32)):  # what a motion file was fitted with decides
        save_motion(tmp_path / "m.npz", replace(motion, face=face))
        given = driving.acting(bodies, tmp_path / "m.npz", None, config, Silent())
        assert given.acts == given.nods == (face is not None)
    monkeypatch.undo()
    nodes = nodes_of(bodies.model)
    drape = np.ones((2, len(nodes), 3), np.float16)
    for field in (drape, headless(bodies.model, drape)):  # a face that only turned the head is in the drape
        save_motion(tmp_path / "m.npz", replace(motion, drape=field))
        given = driving.acting(bodies, tmp_path / "m.npz", None, config, Silent())
        assert given.nods == (field is not drape) and not given.acts


def test_a_small_face_turns_the_head_and_says_nothing_else() -> None:
    bodies = Bodies.load(DrawConfig())
    assert bodies.face is not None
    motion = numbered_motion(2, 25.0)
    motion = replace(motion, drape=np.ones((2, len(nodes_of(bodies.model)), 3), np.float16))
    turned = Rotation.from_euler("y", [[20], [20]], degrees=True).as_matrix()
    left = np.zeros((2, 478, 3))
    shown = Face(np.full((2, 52), 0.5), turned, np.zeros((2, 2)), np.ones(2), bodies.face.neutral, left)
    watched = Watched(seen(act(2, seed=1)), CropStore(), np.zeros(2, np.int32), Masks((), 256), 1)
    acted, quiet = (replace(bodies, acts=acts).refine(watched, shown, motion) for acts in (True, False))
    np.testing.assert_array_equal(acted.poses, quiet.poses)
    assert not np.array_equal(quiet.poses, motion.poses)
    assert acted.face is not None and quiet.face is None
    assert acted.features is not None and acted.neutral is not None and quiet.features is None
    assert is_headless(bodies.model, quiet) and not is_headless(bodies.model, motion)
    small = replace(bodies, acts=False, nods=False).refine(watched, shown, motion)
    assert not np.array_equal(small.poses, motion.poses) and not is_headless(bodies.model, small)


def test_a_large_face_of_a_photo_is_laid_on_even_if_the_drivings_is_small() -> None:
    bodies = replace(Bodies.load(DrawConfig()), acts=False)
    watched = Watched(seen(act(1, seed=1)), CropStore(), np.zeros(1, np.int32), Masks((), 256), 1)
    points = watched.keypoints.points.copy()
    window = head_window(points[0], watched.keypoints.visibility[0])
    assert window is not None
    for side, acts in ((TURNING - 2, False), (TURNING + 2, True)):
        keypoints = replace(watched.keypoints, points=points * (side / window[2]))
        photo = replace(watched, keypoints=keypoints)
        assert bodies.of_photo(photo).acts == acts
        assert not replace(bodies, nods=False).of_photo(photo).acts
