"""Films of synthetic people with everything that a fit has to find: pose, shape, camera, clothes, mask.

What else is known (fragments, depth, atlas coordinates) comes from `render` with `Film.motion`'s poses and
`picture_camera()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, joints_rest, rest_vertices, skin
from lwgan_cli.records import Motion
from lwgan_cli.synthetic.motion import KINDS, Performance, perform
from lwgan_cli.synthetic.person import ATLAS, Person, random_person
from lwgan_cli.synthetic.render import Rendering, render
from lwgan_cli.synthetic.scene import Scene, View, make_scene, with_shadow

_CHUNK = 4  # frames rendered at once


@dataclass(frozen=True, eq=False)
class Film:
    """A person who moves in front of a scene; nothing is rendered yet.

    motion: what a perfect fit would find; its crop is the square round the whole picture, in every frame
    """

    model: BodyModel
    person: Person
    scene: Scene
    performance: Performance
    motion: Motion

    def __len__(self) -> int:
        return len(self.motion)

    def frames(self, chunk: int = _CHUNK) -> Iterator[Rendering]:
        """Renders the film, `chunk` frames at a time, on the body's device."""
        like, view = self.model.v_template, self.scene.view
        poses, place = like.new_tensor(self.motion.poses), like.new_tensor(self.performance.place)
        camera = like.new_tensor(self.motion.picture_camera().astype(np.float32))
        pelvis = joints_rest(self.model, self.person.betas)[0]
        for start in range(0, len(self), chunk):
            rows = slice(start, start + chunk)
            vertices, _ = skin(self.model, poses[rows], self.person.betas, self.person.offsets)
            world = (vertices - pelvis) @ like.new_tensor(view.turn) + place[rows, None]
            yield render(
                self.model,
                self.person,
                poses[rows],
                camera[rows],
                view.size,
                self.scene.light,
                with_shadow(self.scene, world, self.model.faces),
            )


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """A rendered film and what a fit of it is scored against.

    pictures  (T, H, W, 3) uint8 RGB
    masks     (T, H, W) uint8, the share of each pixel that the person covers · 255
    film      with `film.motion` (poses, betas, camera), `film.person.offsets` and the body
    """

    pictures: np.ndarray
    masks: np.ndarray
    film: Film

    @property
    def motion(self) -> Motion:
        return self.film.motion

    def vertices_px(self) -> np.ndarray:
        """(T, V, 3) float64: where the dressed vertices lie, see `body_px`."""
        return body_px(self.film.model, self.motion, self.film.person.offsets)[0]


@dataclass(frozen=True)
class FitErrors:
    """How far a fit is from the truth, mm of the true person, (T,) means over joints or vertices.

    joints   in space, the pelvises brought to one depth
    plane    joints, in the picture's plane alone
    surface  dressed vertices, as `joints`; NaN without offsets
    """

    joints: np.ndarray
    plane: np.ndarray
    surface: np.ndarray


def body_px(model: BodyModel, motion: Motion, offsets: torch.Tensor | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (T, V, 3) and joints (T, 24, 3) of a motion, float64, picture px: x right, y down, and depth
    away from the viewer on the same scale, 0 at the body's origin."""
    like = model.v_template
    skinned = skin(model, like.new_tensor(motion.poses), like.new_tensor(motion.betas), offsets)
    scale, x, y = motion.picture_camera().T[:, :, None]
    placed = []
    for points in skinned:
        right, up, near = np.moveaxis(points.cpu().double().numpy(), -1, 0)
        placed.append(np.stack([x + scale * right, y - scale * up, -scale * near], -1))
    return placed[0], placed[1]


def fit_errors(truth: GroundTruth, motion: Motion, offsets: torch.Tensor | None = None) -> FitErrors:
    """Scores what was fitted to `truth.pictures`: its motion, and T-pose offsets (V, 3) where there are some.

    Depth and size can't be told from a picture; both bodies are compared at the size they have in it.
    """
    film = truth.film
    true_vertices, true_joints = body_px(film.model, truth.motion, film.person.offsets)
    vertices, joints = body_px(film.model, motion, offsets)
    to_mm = 1000 / truth.motion.picture_camera()[:, :1]

    def distance(found: np.ndarray, true: np.ndarray) -> np.ndarray:
        apart = found - true
        apart[..., 2] -= joints[:, :1, 2] - true_joints[:, :1, 2]
        return (np.linalg.norm(apart, axis=-1) * to_mm).mean(1)

    plane = (np.linalg.norm((joints - true_joints)[..., :2], axis=-1) * to_mm).mean(1)
    nowhere = np.full(len(motion), np.nan)
    surface = nowhere if offsets is None else distance(vertices, true_vertices)
    return FitErrors(distance(joints, true_joints), plane, surface)


def standing_heights(model: BodyModel, person: Person) -> tuple[float, float]:
    """m from the ankle joints down to the soles, and from the soles to the top, of a person in T-pose."""
    rest = rest_vertices(model, person.betas, offsets=person.offsets)
    ankle = joints_rest(model, person.betas)[[7, 8], 1].mean()
    low, high = rest[:, 1].min(), rest[:, 1].max()
    return float(ankle - low), float(high - low)


def make_film(
    model: BodyModel,
    person: Person,
    performance: Performance,
    scene: Scene,
    fps: float = 25.0,
) -> Film:
    """Puts a person who performs in front of a scene."""
    view = scene.view
    turn = Rotation.from_matrix(view.turn)
    poses = performance.poses.astype(np.float64)
    poses[:, 0] = (turn * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    pelvis = joints_rest(model, person.betas)[0].cpu().numpy().astype(np.float64)
    origin = turn.apply(performance.place) - pelvis  # of the body, in the camera's axes
    width, height = view.size
    side, frames = max(view.size), len(poses)
    x, y = view.centre + view.scale * origin[:, 0], view.floor - view.scale * origin[:, 1]
    camera = np.stack(
        [np.full(frames, 2 * view.scale / side), 2 * (x - width / 2) / side, 2 * (height / 2 - y) / side], 1
    )
    motion = Motion(
        poses=poses.astype(np.float32),
        betas=person.betas.cpu().numpy(),
        camera=camera.astype(np.float32),
        crop=np.tile(np.array([width / 2, height / 2, side], np.float32), (frames, 1)),
        image_size=view.size,
        fps=fps,
        valid=np.ones(frames, bool),
        body=model.identity,
        shots=np.zeros(frames, np.int32),
    )
    return Film(model, person, scene, performance, motion)


def random_film(
    model: BodyModel,
    seed: int,
    frames: int,
    size: tuple[int, int] = (384, 512),
    kind: str | None = None,
    scene: str | None = None,
    fps: float = 25.0,
    atlas: int = ATLAS,
) -> Film:
    """The film of a seed: somebody, somewhere, doing something (`kind` one of `motion.KINDS`, `scene` one of
    `scene.KINDS`; None for any). size (width, height) px."""
    rng = np.random.default_rng([seed, 77])
    person = random_person(model, seed, atlas)
    ankle, stature = standing_heights(model, person)
    # room for raised arms
    view = View.framing(size, stature, float(rng.uniform(0.68, 0.8)), float(rng.uniform(3, 9)))
    drawn = KINDS[int(rng.integers(len(KINDS)))]
    joints = joints_rest(model, person.betas).cpu().numpy().astype(np.float64)
    performance = perform(kind or drawn, seed, frames, fps, joints, ankle)
    return make_film(model, person, performance, make_scene(scene, seed, view, model.v_template.device), fps)


def ground_truth(
    model: BodyModel,
    seed: int,
    frames: int,
    size: tuple[int, int] = (384, 512),
    kind: str | None = None,
    scene: str | None = None,
    fps: float = 25.0,
) -> GroundTruth:
    """The film of a seed, rendered; arguments as in `random_film`. Holds all pictures: for short films."""
    return shoot(random_film(model, seed, frames, size, kind, scene, fps))


def shoot(film: Film) -> GroundTruth:
    """Renders a film whole."""
    pictures, masks = [], []
    for part in film.frames():
        pictures.append(to_uint8(part.pictures).permute(0, 2, 3, 1).cpu().numpy())
        masks.append(to_uint8(part.alpha).cpu().numpy())
    return GroundTruth(np.concatenate(pictures), np.concatenate(masks), film)


def to_uint8(values: torch.Tensor) -> torch.Tensor:
    """[0, 1] → 0 … 255, rounded."""
    return (values.clamp(0, 1) * 255).round().to(torch.uint8)
