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
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.fitting.contact import middles
from lwgan_cli.records import Motion
from lwgan_cli.synthetic.motion import KINDS, Performance, perform
from lwgan_cli.synthetic.person import ATLAS, Person, random_person
from lwgan_cli.synthetic.render import Rendering, render
from lwgan_cli.synthetic.scene import Scene, View, make_scene, with_shadow

SOLES = ("left_heel", "left_big_toe", "right_heel", "right_big_toe")
ALIKE = 0.5  # correlation of speeds from which a lag is told
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
    """How far a fit is from the truth, in every frame; all but lag (T,), lengths in mm of the true person.

    joints        mean over joints in space, the pelvises brought to one depth (MPJPE, less what a picture can't tell)
    plane         the same in the picture's plane alone
    procrustes    after the best similarity of each frame (PA-MPJPE)
    surface       as `joints`, over vertices: dressed ones, or the naked bodies' where the fit has no clothes
    acceleration  as `joints`, of second differences over time, mm per frame²; NaN in the first and last frame
    iou           of the silhouette, dressed where the fit is, with the true mask
    slide         of standing feet: heels and toes from the middle of their stand, in the picture's plane, less what the
                  true ones move; NaN where no foot stands
    lag           frames that the joints' speeds come late (see `lag`)
    """

    joints: np.ndarray
    plane: np.ndarray
    procrustes: np.ndarray
    surface: np.ndarray
    acceleration: np.ndarray
    iou: np.ndarray
    slide: np.ndarray
    lag: float


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
    worn = None if offsets is None else film.person.offsets
    true_vertices, true_joints = body_px(film.model, truth.motion, worn)
    vertices, joints = body_px(film.model, motion, offsets)
    to_mm = 1000 / truth.motion.picture_camera()[:, 0]
    iou = _overlap(film.model, vertices, truth.masks)
    slide = _slide(film, body_px(film.model, motion)[0], body_px(film.model, truth.motion)[0]) * to_mm
    depth = np.array([0.0, 0.0, 1.0])
    vertices, joints = vertices - joints[:, :1] * depth, joints - joints[:, :1] * depth
    true_vertices, true_joints = true_vertices - true_joints[:, :1] * depth, true_joints - true_joints[:, :1] * depth

    def distance(apart: np.ndarray) -> np.ndarray:
        mean: np.ndarray = np.linalg.norm(apart, axis=-1).mean(1) * to_mm
        return mean

    acceleration = np.full(len(motion), np.nan)
    acceleration[1:-1] = np.linalg.norm(np.diff(joints - true_joints, 2, axis=0), axis=-1).mean(1) * to_mm[1:-1]
    return FitErrors(
        joints=distance(joints - true_joints),
        plane=distance((joints - true_joints)[..., :2]),
        procrustes=distance(_procrustes(joints, true_joints) - true_joints),
        surface=distance(vertices - true_vertices),
        acceleration=acceleration,
        iou=iou,
        slide=slide,
        lag=lag(joints[..., :2], true_joints[..., :2]),
    )


def _slide(film: Film, vertices: np.ndarray, true_vertices: np.ndarray) -> np.ndarray:
    """(T,) px: see `FitErrors.slide`; vertices (T, V, 3) of both, px, naked."""
    soles = [film.model.landmarks[name] for name in SOLES]
    off = (vertices - true_vertices)[:, soles, :2]
    planted = np.repeat(film.performance.planted, len(SOLES) // 2, 1)
    begins = np.diff(planted.astype(int), axis=0, prepend=0) > 0
    stands = planted * (np.cumsum(begins, 0) + len(planted) * np.arange(len(SOLES)))
    away = np.where(planted, np.linalg.norm(off - middles(off, stands), axis=-1), 0).sum(1)
    count = planted.sum(1)
    return np.where(count > 0, away / np.maximum(count, 1), np.nan)


def lag(places: np.ndarray, true_places: np.ndarray, most: int = 4) -> float:
    """Frames that places (T, J, 2) come after the true ones, by the cross-correlation of their speeds at -most … most
    frames, the peak to a fraction by a parabola; NaN where it can't be told: films too short or even, speeds unlike."""
    speed, true_speed = (np.linalg.norm(np.diff(p, axis=0), axis=-1) for p in (places, true_places))
    inner = slice(most, len(speed) - most)
    if len(true_speed[inner]) < 3:
        return float("nan")
    wanted = true_speed[inner] - true_speed[inner].mean(0)
    agree = []
    for late in range(-most, most + 1):
        found = speed[most + late : len(speed) - most + late]
        found = found - found.mean(0)
        agree.append((wanted * found).sum() / max(np.sqrt((wanted**2).sum() * (found**2).sum()), 1e-9))
    peak = int(np.argmax(agree))
    if agree[peak] < ALIKE or not 0 < peak < 2 * most:
        return float("nan")
    before, at, after = agree[peak - 1 : peak + 2]
    return peak - most + float((before - after) / (2 * (before - 2 * at + after)))


def _procrustes(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Points found (T, J, 3), moved, turned and scaled onto the true ones as well as they can be (Umeyama, 1991)."""
    middle, true_middle = found.mean(1, keepdims=True), true.mean(1, keepdims=True)
    a, b = found - middle, true - true_middle
    u, size, v = np.linalg.svd(b.transpose(0, 2, 1) @ a)
    flip = np.ones_like(size)
    flip[:, 2] = np.sign(np.linalg.det(u @ v))
    scale = (size * flip).sum(1) / (a**2).sum((1, 2))
    turned: np.ndarray = a @ ((u * flip[:, None]) @ v).transpose(0, 2, 1)
    return scale[:, None, None] * turned + true_middle


def _overlap(model: BodyModel, vertices: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(T,) IoU of silhouettes of vertices (T, V, 3), see `body_px`, with masks (T, H, W) uint8."""
    height, width = masks.shape[1:]
    values = []
    for points, mask in zip(vertices, masks, strict=True):
        x, y, away = points.T
        ndc = np.stack([2 * x / width - 1, 1 - 2 * y / height, 2 * (away - away.min()) / height + 1], 1)
        drawn = rasterize(torch.from_numpy(ndc[None].astype(np.float32)), model.faces.cpu(), (height, width)).mask[0]
        body, person = drawn.numpy(), mask > 127
        values.append((body & person).sum() / max((body | person).sum(), 1))
    return np.array(values)


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
