"""Camera motion, against films whose camera was moved by a known amount."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from lwgan_cli.frames.camera_motion import (
    NONE,
    CameraFollower,
    View,
    after,
    displacement,
    inverse,
    moved,
    of_centres,
)

SIZE = (320, 240)  # px
ALL = np.ones((60, 80), bool)


def room(seed: int = 0) -> np.ndarray:
    """(480, 640, 3) uint8: a wall with a few frames and a skirting board, which hardly has corners."""
    rng = np.random.default_rng(seed)
    picture = np.full((480, 640, 3), (190, 180, 170), np.uint8)
    picture[330:] = (120, 90, 70)
    for _ in range(9):
        x, y = rng.integers(0, 560), rng.integers(0, 300)
        w, h = rng.integers(20, 120, 2)
        cv2.rectangle(picture, (x, y), (x + w, y + h), rng.integers(0, 255, 3).tolist(), -1)
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def turned(degrees: float, zoom: float, right: float, down: float) -> np.ndarray:
    """The motion of a camera over the picture's middle."""
    angle = np.radians(degrees)
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(SIZE) / 2
    return np.concatenate([linear, (centre - linear @ centre + [right, down])[:, None]], 1)


def shot(scene: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """What the camera sees of a scene of which it sees the middle at first."""
    to_frame = after(np.array([[1.0, 0, -160], [0, 1.0, -120]]), motion)
    return cv2.warpAffine(scene, of_centres(to_frame), SIZE, flags=cv2.INTER_AREA)


def sway(count: int) -> Iterator[np.ndarray]:
    """A hand that holds a camera, and zooms a little."""
    for t in range(count):
        yield turned(1.5 * np.sin(t / 5), 1 - 0.004 * t, 9 * np.sin(t / 7), -6 * np.sin(t / 4))


def followed(frames: list[np.ndarray], free: list[np.ndarray] | None = None) -> np.ndarray | None:
    follower = CameraFollower()
    for t, frame in enumerate(frames):
        follower(frame, ALL if free is None else free[t], t == 0)
    return follower.motions(np.zeros(len(frames), int), SIZE)


def off(found: np.ndarray, real: np.ndarray) -> float:
    """px at the picture's corners."""
    return displacement(after(inverse(real), found), SIZE)


def test_a_hand_held_camera_is_followed() -> None:
    real = list(sway(25))
    found = followed([shot(room(), each) for each in real])
    assert found is not None
    assert max(off(*pair) for pair in zip(found, real, strict=True)) < 0.5


def test_people_who_walk_past_are_not_the_scene() -> None:
    """They cover a third of the picture; where they are is known but for its rim."""
    real = list(sway(20))
    frames, free = [], []
    for t, each in enumerate(real):
        frame, nobody = shot(room(), each), np.ones((240, 320), bool)
        x = 20 + 9 * t
        frame[30:, x : x + 100] = np.random.default_rng(1).integers(0, 255, (210, 100, 3))
        nobody[30:, x + 2 : x + 98] = False
        frames.append(frame)
        free.append(nobody)
    found = followed(frames, free)
    assert found is not None
    assert max(off(*pair) for pair in zip(found, real, strict=True)) < 0.5


def test_a_pan_goes_on_from_key_frame_to_key_frame() -> None:
    """At the end nothing is seen of what was seen at first; errors of a few key frames may add up."""
    wide = np.concatenate([room(0), room(1), room(2)], 1)
    real = [turned(0, 1, -10.0 * t, 0) for t in range(60)]
    found = followed([shot(wide, each) for each in real])
    assert found is not None
    assert max(off(*pair) for pair in zip(found, real, strict=True)) < 3


def test_a_camera_that_stands() -> None:
    """Noise, a lamp that is turned up, and something that moves behind the person are no camera."""
    frames = []
    for t in range(16):
        frame = shot(room(), NONE).astype(float) * (1 + 0.01 * t) + np.random.default_rng(t).normal(0, 3, (240, 320, 3))
        frame[60:140, 10 * t : 10 * t + 60] = (20, 40, 200)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    assert followed(frames) is None


def test_a_zoom_before_a_wall_with_little_on_it_is_told_by_that_little() -> None:
    rows, columns = np.mgrid[:480, :640]
    scene = np.where((np.abs(rows - 0.8 * columns - 20) < 25)[..., None], (150, 210, 230), (225, 222, 240))
    scene[340:] = (200, 180, 160)
    scene = cv2.rectangle(scene.astype(np.uint8), (430, 130), (460, 190), (120, 110, 220), 6)
    scene = np.clip(scene + np.random.default_rng(0).normal(0, 1, scene.shape), 0, 255).astype(np.uint8)
    real = turned(0, 0.9, -6, 1)
    found = View(shot(scene, NONE), ALL).to(View(shot(scene, real), ALL))
    assert found is not None
    assert off(found, real) < 1


def test_a_shadow_that_moves_is_not_the_camera() -> None:
    """A person's, hard and large, on a wall with faint marks."""
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 60, (480, 640, 1)), (0, 0), 3)[..., None]
    wall = np.clip(190 + noise + np.zeros(3), 0, 255)

    def shaded(right: float) -> np.ndarray:
        light = np.ones((480, 640, 1), np.float32)
        cv2.ellipse(light, (round(300 + right), 260), (50, 90), 20, 0, 360, 0.55, -1)
        return (wall * light).astype(np.uint8)

    found = View(shot(shaded(0), NONE), ALL).to(View(shot(shaded(14), real := turned(0, 1.01, 3, -2)), ALL))
    assert found is not None
    assert off(found, real) < 1


def test_a_bare_wall_says_nothing() -> None:
    noise = np.random.default_rng(0)
    assert followed([np.clip(noise.normal(180, 2, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(8)]) is None


def test_another_place_is_no_motion_of_this_one() -> None:
    one, other = (View(shot(room(seed), NONE), ALL) for seed in (0, 5))
    motion = one.to(other)
    assert motion is None or one.unlike(other, motion)[0] > 0.85 * one.unlike(other, motion)[1]


def test_every_shot_begins_anew() -> None:
    real = list(sway(12))
    frames = [shot(room(), each) for each in real] + [shot(room(3), each) for each in real]
    follower = CameraFollower()
    for t, frame in enumerate(frames):
        follower(frame, ALL, t in (0, 12))
    found = follower.motions(np.repeat([0, 1], 12), SIZE)
    assert found is not None
    assert max(off(*pair) for pair in zip(found, real + real, strict=True)) < 0.5


def test_frames_that_show_nothing_are_bridged_if_they_are_few() -> None:
    real = list(sway(30))
    frames = [shot(room(), each) for each in real]
    frames[11] = np.zeros_like(frames[0])
    found = followed(frames)
    assert found is not None and off(found[11], real[11]) < 3
    for t in range(8, 16):
        frames[t] = np.zeros_like(frames[0])
    assert followed(frames) is None


def test_pixels_are_taken_where_the_motion_says() -> None:
    """OpenCV counts from the middle of the first pixel, the motions from its corner."""
    motion = turned(0, 2, 0, 0)
    picture = np.zeros((240, 320), np.float32)
    picture[120, 160] = 1  # centre at (160.5, 120.5)
    there = cv2.warpAffine(picture, of_centres(motion), SIZE)
    rows, columns = np.nonzero(there > 0.2)
    x, y = (np.average(places + 0.5, weights=there[rows, columns]) for places in (columns, rows))
    assert (x, y) == pytest.approx(moved(np.array([160.5, 120.5]), motion), abs=1e-3)
