"""The user's own person for training: photos that have to be made from themselves, and from one another.

A network that sees a photo whole learns only to copy it. So parts of the body's surface are hidden from it, as they
would be by a turn of the body; what was hidden is then known, as the target shows it. Each photo is used mirrored
too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, rest_vertices
from lwgan_cli.cache import FitCache
from lwgan_cli.errors import UsageError
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.driving import FIT_VERSION
from lwgan_cli.pipeline.people import Person, recover_person, source_views
from lwgan_cli.progress import Progress
from lwgan_cli.texture.surface import Surface
from lwgan_cli.training.bank import Bank
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.prepare import Photo, Scene, make_subject
from lwgan_cli.training.subject import Subject

VARIANTS = 4  # of what is hidden from each photo, besides nothing
_SOFT = 0.04  # m over which the hidden surface begins
_SIDES = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21), (22, 23))  # left and right joints


@dataclass(frozen=True)
class Portrait:
    """A photo with the body in it: pose (24, 3), camera (3,) px, betas (10,), offsets (V, 3) m."""

    photo: Photo
    betas: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, person: Person, size: int) -> Portrait:
        """With a metre of the person no more than `size` px."""
        motion = person.dressed.motion
        camera = motion.picture_camera()[0]
        shrink = min(1.0, size / float(camera[0]))
        side = (round(person.size[0] * shrink), round(person.size[1] * shrink))
        picture, alpha = (cv2.resize(p, side, interpolation=cv2.INTER_AREA) for p in (person.picture, person.alpha))
        photo = Photo(picture, alpha, motion.poses[0], camera * shrink)
        return cls(photo, motion.betas, person.dressed.offsets.cpu().numpy())

    def mirrored(self, model: BodyModel) -> Portrait:
        """Left and right exchanged."""
        pose, photo = self.photo.pose.copy(), self.photo
        for left, right in _SIDES:
            pose[[left, right]] = pose[[right, left]]
        pose *= [1, -1, -1]
        camera = photo.camera * [1, -1, 1] + [0, photo.picture.shape[1], 0]
        picture, alpha = (np.ascontiguousarray(values[:, ::-1]) for values in (photo.picture, photo.alpha))
        offsets = self.offsets[model.mirror.numpy()] * [-1, 1, 1]
        return Portrait(Photo(picture, alpha, pose, camera), self.betas, offsets.astype(np.float32))


def prepare_own(config: TrainConfig, bank: Path, progress: Progress) -> list[str]:
    """Puts the person of `config.personalize` into the bank, unless there already, and returns the names there.

    Raises InputError for a photo in which nobody is found, UsageError for one that isn't there.
    """
    for path in config.personalize:
        if not path.is_file():
            raise UsageError(f"--personalize {path}: no such file")
    stamps = [f"{path.resolve()} {path.stat().st_mtime_ns}" for path in config.personalize]
    bodies = Bodies.load(config)
    key = FitCache.key(FIT_VERSION, bodies.model.identity, str(config.size), str(config.seed), *stamps)[:16]
    held = sorted(path.stem for path in bank.glob(f"own-{key}-*.npz"))
    if (bank / f"own-{key}.whole").exists():
        return held
    people: list[Person] = []
    with progress.stage("source", len(config.personalize)) as done:
        for path in config.personalize:
            people += [
                recover_person(view.picture, str(path), bodies, progress, view.choice)
                for view in source_views(path, config, progress)
            ]
            done(1)
    names = []
    with progress.stage("prepare", None) as done:
        portraits = [Portrait.of(person, config.size) for person in people]
        made = own_subjects(bodies.model, portraits, np.random.default_rng(config.seed))
        for index, subject in enumerate(made):
            names.append(f"own-{key}-{index:03d}")
            subject.save(Bank(bank).path(names[-1]))
            done(1)
    (bank / f"own-{key}.whole").touch()
    return names


def own_subjects(model: BodyModel, portraits: Sequence[Portrait], rng: np.random.Generator) -> list[Subject]:
    """Subjects of a person: each photo and its mirror image, with more or less hidden, has to become each of the
    photos. A photo's own pose counts as exact, and is disturbed; the others' are as wrong as fits are."""
    surface = Surface.of_body(model)
    mirrored = [portrait.mirrored(model) for portrait in portraits]
    subjects: list[Subject] = []
    with torch.no_grad():
        for group in (portraits, mirrored):
            for portrait, target in itertools.product(group, group):
                subjects += _subjects(model, surface, portrait, target, rng)
    return subjects


def _subjects(
    model: BodyModel, surface: Surface, portrait: Portrait, target: Portrait, rng: np.random.Generator
) -> Iterator[Subject]:
    """The target is brought to the portrait's picture size and body; the scene is the target's."""
    width, height = portrait.photo.picture.shape[1::-1]
    photo = target.photo
    rgba = np.dstack([photo.picture, np.rint(photo.alpha * 255).astype(np.uint8)])
    zoom = min(width / rgba.shape[1], height / rgba.shape[0])
    side = (max(1, round(rgba.shape[1] * zoom)), max(1, round(rgba.shape[0] * zoom)))
    rgba = cv2.resize(rgba, side, interpolation=cv2.INTER_AREA)
    rgba = cv2.copyMakeBorder(rgba, 0, height - side[1], 0, width - side[0], cv2.BORDER_REPLICATE)
    scene = Scene.behind(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3].astype(np.float32) / 255)
    taller = _stature(model, target.betas) / _stature(model, portrait.betas)
    camera = photo.camera * zoom * [taller, 1, 1]
    for variant in range(VARIANTS + 1):
        yield make_subject(
            model, surface, [portrait.photo], portrait.betas, portrait.offsets, None, [rgba], photo.pose[None],
            camera[None], exact=target is portrait, shown=_partly(model, portrait, rng) if variant else None,
            scene=scene,
        )  # fmt: skip


def _stature(model: BodyModel, betas: np.ndarray) -> float:
    heights = rest_vertices(model, torch.from_numpy(betas))[:, 1]
    return float(heights.max() - heights.min())


def _partly(model: BodyModel, portrait: Portrait, rng: np.random.Generator) -> np.ndarray:
    """(V,) in [0, 1]: the surface on one side of some plane through the body in T-pose is hidden."""
    vertices = rest_vertices(model, torch.from_numpy(portrait.betas)).numpy()
    direction = rng.normal(0, 1, 3) * [1, 0.7, 0.3]  # what lies behind is seldom seen anyway
    along = vertices @ (direction / np.linalg.norm(direction))
    edge = np.quantile(along, rng.uniform(0.25, 0.65))
    return np.clip((along - edge) / _SOFT + 0.5, 0, 1).astype(np.float32)
