"""Rendered people for training: as many as there are seeds, with the truth about every pixel.

The photos go the way that real ones go, through fits, masks and a camera that are wrong as real ones are; the
targets are rendered clean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, joints_rest, rest_vertices, skin
from lwgan_cli.layers.matte import refine_mask
from lwgan_cli.synthetic.motion import KINDS, Performance, perform
from lwgan_cli.synthetic.person import Person, random_person
from lwgan_cli.synthetic.poses import about, random_pose
from lwgan_cli.synthetic.render import Light
from lwgan_cli.synthetic.scene import View, make_scene
from lwgan_cli.synthetic.truth import Film, make_film, standing_heights
from lwgan_cli.texture.surface import Surface
from lwgan_cli.training.disturb import (
    disturbed_alpha,
    disturbed_camera,
    disturbed_pose,
    disturbed_shape,
    exposed,
    stored,
)
from lwgan_cli.training.prepare import Photo, dressed_offsets, make_subject
from lwgan_cli.training.subject import Subject

_CYCLE, _HELD_OUT = 100_000, 1_000  # scenes repeat their noise after a cycle of seeds
_FPS = 25.0
_SHARP, _SOFTEST = 0.2, 0.8  # px
_GRAINIEST = 1.5  # grey levels
_GRAINS, _ROUGHEST = (2, 4, 10), 0.12  # texels; share of the brightness
_LIVELY = tuple(kind for kind in KINDS if kind != "sway")


def training_seed(index: int) -> int:
    """The seed of the index-th person that may be trained on."""
    usable = _CYCLE - _HELD_OUT
    return index // usable * _CYCLE + index % usable


def held_out_seed(index: int) -> int:
    """The seed of the index-th person kept for tests: neither person nor textures nor scene is trained on."""
    if not 0 <= index < _HELD_OUT:
        raise ValueError(f"there are {_HELD_OUT} people to test on, none with number {index}")
    return _CYCLE - _HELD_OUT + index


@dataclass(frozen=True)
class Lens:
    """A camera's: blur, px (standard deviation), and noise, grey levels; the same in photos and targets, so that
    there is nothing to learn but to keep them."""

    blur: float
    grain: float

    def blurred(self, picture: torch.Tensor) -> np.ndarray:
        """(C, H, W) in [0, 1] → (H, W, C) uint8."""
        values = picture.permute(1, 2, 0).contiguous().numpy()
        if self.blur > _SHARP:
            values = cv2.GaussianBlur(values, (0, 0), self.blur)
        return np.rint(values * 255).astype(np.uint8)


@dataclass(frozen=True)
class Recipe:
    """How people are shown.

    size      px that 2 m of a standing person take in the targets' pictures, on average
    targets   pictures of each
    atlas     side of their texture, px
    """

    size: int = 512
    targets: int = 12
    atlas: int = 1024


def render_subject(model: BodyModel, surface: Surface, seed: int, recipe: Recipe = Recipe()) -> Subject:
    """The subject of a seed, the same on every run; everything on the CPU."""
    rng = np.random.default_rng([seed, 11])
    person = _worn(random_person(model, seed, recipe.atlas), rng)
    ankle, stature = standing_heights(model, person)
    view = _framing(stature, recipe.size, rng)
    scene = make_scene(None, seed, view)
    joints = joints_rest(model, person.betas).numpy().astype(np.float64)
    count = 1 if rng.random() < 0.65 else 2
    acted = _acted(model, person, joints, ankle, recipe.targets + count, rng, seed)
    posed = _photo_poses(model, person, joints, ankle, count, rng, seed, acted)

    photographed = make_film(model, person, posed, replace(scene, light=_relit(scene.light, rng)), _FPS)
    played = make_film(model, person, _rows(acted, slice(count, None)), scene, _FPS)
    betas = disturbed_shape(photographed.motion.betas, rng)
    grown = _stature(model, person.betas) / _stature(model, torch.from_numpy(betas))
    lens = Lens(float(rng.uniform(0, _SOFTEST)), float(rng.uniform(0, _GRAINIEST)))
    photos, masks = _photos(model, photographed, betas, grown, lens, rng)
    offsets = _dressing(model, photos[0], betas, masks[0], rng)
    targets = [_rgba(picture, alpha) for picture, alpha in _shot(played, lens, rng)]
    cameras = played.motion.picture_camera()
    cameras[:, 0] *= grown
    return make_subject(
        model,
        surface,
        photos,
        betas,
        offsets,
        lens.blurred(scene.background),
        targets,
        played.motion.poses,
        cameras,
        True,
    )


def _worn(person: Person, rng: np.random.Generator) -> Person:
    """With the fine texture that paint lacks, wrinkles, knit, wear: without it nothing would be lost by blurring."""
    strength = rng.uniform(0, _ROUGHEST)
    size = person.texture.shape[-1]
    total = np.zeros((size, size), np.float32)
    for grain in _GRAINS:
        cells = round(size / grain)
        field = rng.standard_normal((cells, cells)).astype(np.float32)
        total += cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    shade = 1 + strength * torch.from_numpy(total / np.sqrt(len(_GRAINS)))
    return replace(person, texture=(person.texture * shade).clamp(0, 1))


def _framing(stature: float, size: int, rng: np.random.Generator) -> View:
    """A camera; two in five pictures cut the person somewhere below the hips."""
    scale = size / 2 * rng.uniform(0.8, 1.2)
    tall = stature * scale
    if rng.random() < 0.6:
        head, height = rng.uniform(0.14, 0.3) * tall, tall * rng.uniform(1.25, 1.4)
    else:
        scale, tall = 1.3 * scale, 1.3 * tall
        head, height = rng.uniform(0.08, 0.2) * tall, tall * rng.uniform(0.55, 0.95)
    width = max(height * rng.uniform(0.62, 0.9), 0.5 * tall)
    picture = (round(width / 16) * 16, round(height / 16) * 16)
    return View(picture, scale, float(rng.uniform(2, 9)), picture[0] * rng.uniform(0.42, 0.58), head + tall)


def _acted(
    model: BodyModel, person: Person, joints: np.ndarray, ankle: float, count: int, rng: np.random.Generator, seed: int
) -> Performance:
    """Moments of a motion, and poses of no motion at all, half and half; some of them turned anywhere."""
    kind = str(rng.choice(_LIVELY))
    motion = perform(kind, seed, 100, _FPS, joints, ankle)
    moments = _rows(motion, rng.choice(100, count - count // 2, replace=False))
    yaw = np.where(rng.random(len(moments.poses)) < 0.3, rng.uniform(-180, 180, len(moments.poses)), 0)
    freely = _standing(model, person, np.stack([random_pose(rng) for _ in range(count // 2)]))
    return _shuffled(_joined(_turned(moments, yaw), freely), rng)


def _photo_poses(
    model: BodyModel, person: Person, joints: np.ndarray, ankle: float, count: int, rng: np.random.Generator,
    seed: int, acted: Performance,
) -> Performance:  # fmt: skip
    """How people stand for a photo, at times a moment of the motion; a second photo shows another side."""
    posing = _rows(perform("sway", seed, 1, _FPS, joints, ankle), np.zeros(count, int))
    poses = posing.poses.copy()
    if rng.random() < 0.3:  # arms half way down, palms to the front: the A-pose
        for joint, side in ((16, 1), (17, -1)):
            poses[:, joint], poses[:, joint + 2] = (0, 0, -side * rng.uniform(0.6, 1.0)), 0
    posing = replace(posing, poses=poses)
    chance = rng.random()
    if chance > 0.8:
        posing = _rows(acted, slice(0, count))
    elif chance > 0.6:
        posing = _standing(model, person, np.stack([random_pose(rng, float(rng.normal(0, 20))) for _ in range(count)]))
    if count < 2:
        return posing
    aside = random_pose(rng, float(rng.uniform(60, 300)))
    return _joined(_rows(posing, slice(0, 1)), _standing(model, person, aside[None]))


def _standing(model: BodyModel, person: Person, poses: np.ndarray) -> Performance:
    """Poses (T, 24, 3) set down on the floor."""
    pelvis = joints_rest(model, person.betas)[0].numpy()
    vertices, _ = skin(model, torch.from_numpy(poses.astype(np.float32)), person.betas, person.offsets)
    place = np.zeros((len(poses), 3), np.float32)
    place[:, 1] = pelvis[1] - vertices[..., 1].amin(1).numpy()
    return Performance(poses.astype(np.float32), place, np.zeros((len(poses), 2), bool))


def _turned(performance: Performance, degrees: np.ndarray) -> Performance:
    """Each frame turned by so much (T,) about the world's vertical."""
    turn = about("y", degrees)
    poses = performance.poses.copy()
    poses[:, 0] = (turn * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    return Performance(poses, turn.apply(performance.place).astype(np.float32), performance.planted)


def _rows(performance: Performance, rows: slice | np.ndarray) -> Performance:
    return Performance(performance.poses[rows], performance.place[rows], performance.planted[rows])


def _joined(one: Performance, other: Performance) -> Performance:
    return Performance(*(np.concatenate([a, b]) for a, b in zip(vars(one).values(), vars(other).values(), strict=True)))


def _shuffled(performance: Performance, rng: np.random.Generator) -> Performance:
    return _rows(performance, rng.permutation(len(performance.poses)))


def _relit(light: Light, rng: np.random.Generator) -> Light:
    """The scene's light a little later."""
    x, y, z = (np.array(light.direction) + rng.normal(0, 0.12, 3)).tolist()
    red, green, blue = ((1 + rng.normal(0, 0.02)) * np.array(light.colour)).tolist()
    return replace(light, direction=(x, y, z), colour=(red, green, blue))


def _stature(model: BodyModel, betas: torch.Tensor) -> float:
    """m, of the naked body in T-pose."""
    heights = rest_vertices(model, betas)[:, 1]
    return float(heights.max() - heights.min())


def _photos(
    model: BodyModel, film: Film, betas: np.ndarray, grown: float, lens: Lens, rng: np.random.Generator
) -> tuple[list[Photo], list[np.ndarray]]:
    """The film's frames as photos with what was found in them, and the masks that dressing sees."""
    joints = joints_rest(model, torch.from_numpy(betas)).numpy()
    cameras = film.motion.picture_camera()
    cameras[:, 0] *= grown
    cameras = disturbed_camera(cameras, rng)
    careless = rng.uniform(0.4, 1.6)
    photos, masks = [], []
    for row, (picture, alpha) in enumerate(_shot(film, lens, rng)):
        pose = disturbed_pose(film.motion.poses[row], joints, model.parents, rng, careless)
        wave = 0.04 * cameras[row, 0]
        mask = disturbed_alpha(alpha, rng, 3 * wave, 0.005 * cameras[row, 0])
        seen = stored(picture, rng)
        if rng.random() < 0.3 and hasattr(cv2, "ximgproc"):  # which not every build of OpenCV has
            matte = refine_mask(seen, mask)
        else:
            matte = disturbed_alpha(alpha, rng, wave, float(rng.uniform(0, 0.003)) * cameras[row, 0])
        photos.append(Photo(seen, matte, pose, cameras[row]))
        masks.append(mask)
    return photos, masks


def _dressing(
    model: BodyModel, photo: Photo, betas: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(V, 3) as the pipeline's; naked, or dressed in haste, in one case of five."""
    chance = rng.random()
    if chance < 0.08:
        return np.zeros((model.n_vertices, 3), np.float32)
    rounds = dict(swells=1, moves=1) if chance < 0.2 else {}
    return dressed_offsets(model, photo, betas, mask, **rounds)


def _shot(film: Film, lens: Lens, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures (H, W, 3) uint8 and alphas (H, W) float32."""
    pairs = []
    for part in film.frames(1):
        picture = exposed(lens.blurred(part.pictures[0]), lens.grain, rng)
        alpha = lens.blurred(part.alpha).reshape(picture.shape[:2])
        pairs.append((picture, alpha.astype(np.float32) / 255))
    return pairs


def _rgba(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([picture, np.rint(alpha * 255).astype(np.uint8)])
