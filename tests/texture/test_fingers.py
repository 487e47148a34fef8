"""Hands through the warp: a rendered person's fingers stay five."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from lwgan_cli.body.hands import JOINTS_A_HAND, FingerAxes, bent
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.detection.hand_detect import HandDetector
from lwgan_cli.fitting.hand_pose import CHAINS, HandShape, solve_hand
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import Window, project_px
from lwgan_cli.layers.matte import extend_colours
from lwgan_cli.records import Motion
from lwgan_cli.synthetic.person import random_person
from lwgan_cli.synthetic.render import Rendering, render
from lwgan_cli.texture.source import prepare_source
from lwgan_cli.texture.surface import Surface

SIZE = (1300, 620)
SCALE = 700.0  # px per metre: a hand is about 130 px long
LEFT = slice(0, JOINTS_A_HAND)
TIPS = ("thumb", "index", "middle", "ring", "pinky")


@lru_cache(maxsize=1)
def body() -> BodyModel:
    return load_body("open")


def spread_hands(flexion: float, spread: float) -> torch.Tensor:
    """(1, 30, 3): every joint bent by so many degrees, fingers spread so many times as far as in T-pose."""
    fingers = body().fingers
    assert fingers is not None
    axes = FingerAxes.of(fingers)
    aside = torch.zeros(2 * JOINTS_A_HAND)
    aside[::3] = (spread - 1) * axes.spread_angle[::3]
    return bent(axes, torch.full((2 * JOINTS_A_HAND,), float(np.radians(flexion))), aside)[None]


def palms_forward(lift: float) -> np.ndarray:
    """(1, 24, 3): arms out, lifted by degrees, palms to the viewer."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = np.radians(lift), -np.radians(lift)
    pose[0, 18, 0] = pose[0, 19, 0] = -np.pi / 2
    return pose


def motion_of(pose: np.ndarray, betas: torch.Tensor, hands: torch.Tensor) -> Motion:
    side = max(SIZE)
    camera = np.array([[2 * SCALE / side, 0, 2 * (-0.25 * SCALE) / side]], np.float32)
    return Motion(
        poses=pose, betas=betas.numpy(), camera=camera, crop=np.array([[SIZE[0] / 2, SIZE[1] / 2, side]], np.float32),
        image_size=SIZE, fps=25.0, valid=np.ones(1, bool), body=body().identity, shots=np.zeros(1, np.int32),
        hands=hands.numpy(),
    )  # fmt: skip


@lru_cache(maxsize=1)
def photo() -> tuple[Motion, Rendering, torch.Tensor]:
    """A person who shows both palms, and their T-pose offsets."""
    person = random_person(body(), 3, 512)
    motion = motion_of(palms_forward(-10), person.betas, spread_hands(5, 1.2))
    camera = torch.from_numpy(motion.picture_camera().astype(np.float32))
    backdrop = torch.tensor([0.35, 0.45, 0.6])[:, None, None].expand(3, SIZE[1], SIZE[0])
    assert motion.hands is not None
    hands = torch.from_numpy(motion.hands)
    shown = render(
        body(), person, torch.from_numpy(motion.poses), camera, SIZE, background=backdrop, supersample=1, hands=hands
    )
    return motion, shown, person.offsets


def points_px(motion: Motion, offsets: torch.Tensor) -> dict[str, np.ndarray]:
    """Of the left hand, px: wrist, and each digit's tip."""
    assert motion.hands is not None
    vertices, joints = skin(
        body(), torch.from_numpy(motion.poses), torch.from_numpy(motion.betas), offsets,
        hands=torch.from_numpy(motion.hands),
    )  # fmt: skip
    camera = torch.from_numpy(motion.picture_camera().astype(np.float32))
    wrist = project_px(joints[:, 20:21], camera)[0, 0]
    tips = {name: project_px(vertices[:, [body().landmarks[f"left_{name}_tip"]]], camera)[0, 0] for name in TIPS}
    return {"wrist": np.asarray(wrist), **{name: np.asarray(place) for name, place in tips.items()}}


def runs_round(mask: np.ndarray, centre: np.ndarray, radius: float, towards: np.ndarray) -> int:
    """How many separate pieces of a mask (H, W) bool an arc meets: half a circle round `centre`, open to `towards`."""
    middle = np.arctan2(towards[1] - centre[1], towards[0] - centre[0])
    angles = middle + np.linspace(-np.pi / 2, np.pi / 2, 721)
    x, y = (centre[0] + radius * np.cos(angles)).astype(int), (centre[1] + radius * np.sin(angles)).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    met = np.zeros(len(angles), bool)
    met[inside] = mask[y[inside], x[inside]]
    return int(met[0]) + int((np.diff(met.astype(int)) == 1).sum())


def fingers_of(mask: np.ndarray, points: dict[str, np.ndarray]) -> int:
    """Fingers of the left hand in a mask: what arcs about the wrist meet at most, just short of the thumb's tip."""
    reach = float(np.linalg.norm(points["thumb"] - points["wrist"]))
    return max(runs_round(mask, points["wrist"], share * reach, points["middle"]) for share in (0.88, 0.92, 0.96))


@lru_cache(maxsize=1)
def warped() -> TextureWarp:
    """The photo, ready to be drawn in other poses."""
    motion, shown, offsets = photo()
    picture = (shown.pictures[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    alpha = shown.alpha[0].numpy()
    source = prepare_source(body(), motion, offsets, extend_colours(picture, alpha), alpha, Surface.of_body(body()))
    return TextureWarp(body(), [source], torch.zeros(3, 64, 64), 512)


@pytest.mark.parametrize(("lift", "flexion"), [(-10.0, 5.0), (25.0, 5.0), (-35.0, 0.0), (-25.0, 8.0)])
def test_five_fingers_are_drawn_of_the_photos_five(lift: float, flexion: float) -> None:
    motion, shown, offsets = photo()
    assert fingers_of(shown.alpha[0].numpy() > 0.5, points_px(motion, offsets)) == 5  # the measure itself
    warp = warped()
    target = motion_of(palms_forward(lift), torch.from_numpy(motion.betas), spread_hands(flexion, 1.2))
    assert target.hands is not None
    vertices, _ = skin(
        body(), torch.from_numpy(target.poses), torch.from_numpy(target.betas), offsets,
        hands=torch.from_numpy(target.hands),
    )  # fmt: skip
    camera = torch.from_numpy(target.picture_camera().astype(np.float32))
    window = warp.window(project_px(vertices, camera), SIZE)
    assert isinstance(window, Window)
    rgba = warp(warp.rasterize(vertices, camera, window)).rgba[0].numpy()
    points = {name: place - np.array(window.corner) for name, place in points_px(target, offsets).items()}
    assert fingers_of(rgba[3] > 0.5, points) == 5
    blue = rgba[2] > rgba[0]  # the backdrop, which no finger may bring along
    near = np.zeros(rgba.shape[1:], bool)
    for name in TIPS:
        x, y = points[name].astype(int)
        near[max(y - 12, 0) : y + 12, max(x - 12, 0) : x + 12] = True
    drawn = near & (rgba[3] > 0.9)
    assert drawn.sum() > 300 and (blue & drawn).sum() < 0.03 * drawn.sum()


def test_the_detectors_fingers_lie_where_they_are_rendered() -> None:
    """Tips within a tenth of the hand, and joints about as bent as they are."""
    motion, shown, offsets = photo()
    picture = (shown.pictures[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    camera = torch.from_numpy(motion.picture_camera().astype(np.float32))
    assert motion.hands is not None
    _, joints = skin(body(), torch.from_numpy(motion.poses), torch.from_numpy(motion.betas), offsets)
    arms = np.asarray(project_px(joints, camera))[0]
    points, visibility = np.zeros((33, 2), np.float32), np.ones(33, np.float32)
    for landmark, joint in ((11, 16), (12, 17), (13, 18), (14, 19), (15, 20), (16, 21)):
        points[landmark] = arms[joint]
    with HandDetector() as detector:
        found = detector(picture, points, visibility)
    assert np.isfinite(found).all()  # both hands, each named as what it is
    true = points_px(motion, offsets)
    hand = float(np.linalg.norm(true["middle"] - true["wrist"]))
    tips = np.array([np.linalg.norm(found[0, CHAINS[name][3], :2] - true[name]) for name in TIPS])
    assert tips.mean() < 0.1 * hand and tips.max() < 0.2 * hand
    shape = HandShape.of(body())
    assert shape is not None
    _, poses = solve_hand(shape, 0, found[:1].astype(np.float64) * [1, -1, -1])
    wrong = np.degrees(np.linalg.norm(poses[0] - motion.hands[0, LEFT], axis=-1))
    assert np.median(wrong) < 20  # degrees a joint
