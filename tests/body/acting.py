"""People whose pose, shape and camera are known, and what a perfect or a poor detector would see of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial.transform import Rotation, Slerp

from lwgan_cli.body.kinematics import Skeleton, State, place
from lwgan_cli.body.landmarks import DEPTH_PAIRS, Landmarks, load_landmarks
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, axis_angle_to_matrix, joints_rest, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.detection.keypoints import MASK_SIZE
from lwgan_cli.fitting.fit import LEAN
from lwgan_cli.fitting.stance import DISTANCE, facing
from lwgan_cli.fitting.terms import differences
from lwgan_cli.records import Keypoints, Masks
from lwgan_cli.synthetic.poses import random_pose

SIZE = (480, 640)  # width, height px
HEIGHT = 420.0  # of the person, px


@lru_cache(maxsize=1)
def body() -> BodyModel:
    return load_body("open")


@lru_cache(maxsize=1)
def landmarks() -> Landmarks:
    return load_landmarks()


@dataclass(frozen=True)
class Act:
    """poses (T, 24, 3) axis-angle, betas (10,), camera (T, 3): px per metre, and x, y px of the origin."""

    poses: np.ndarray
    betas: np.ndarray
    camera: np.ndarray

    def __len__(self) -> int:
        return len(self.poses)

    def skeleton(self) -> Skeleton:
        model = body()
        return Skeleton.of(joints_rest(model, torch.from_numpy(self.betas)), tuple(model.parents))

    def places(self) -> np.ndarray:
        """(T, 33, 3) m: the detector's points on the body."""
        skeleton, marks = self.skeleton(), landmarks()
        state = State(axis_angle_to_matrix(torch.from_numpy(self.poses)), torch.zeros(len(self), 3))
        return place(marks.rest(skeleton.joints_rest), marks.weights, state, skeleton).numpy()

    def joints(self) -> np.ndarray:
        """(T, 24, 3) m."""
        return skin(body(), torch.from_numpy(self.poses), torch.from_numpy(self.betas))[1].numpy()

    def vertices(self, offsets: torch.Tensor | None = None) -> torch.Tensor:
        """(T, V, 3) m."""
        return skin(body(), torch.from_numpy(self.poses), torch.from_numpy(self.betas), offsets)[0]

    def px(self, places: np.ndarray) -> np.ndarray:
        """(T, N, 3) m → (T, N, 2) picture px."""
        scale, x, y = self.camera.T[:, :, None]
        return np.stack([x + scale * places[..., 0], y - scale * places[..., 1]], -1)


def interpolated(keys: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Poses (K, 24, 3) at `times` (K,) → (T, 24, 3) at `at` (T,), eased into and out of each key."""
    step = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    share = (at - times[step]) / (times[step + 1] - times[step])
    eased = times[step] + (times[step + 1] - times[step]) * share**2 * (3 - 2 * share)
    joints = [Slerp(times, Rotation.from_rotvec(keys[:, joint]))(eased).as_rotvec() for joint in range(24)]
    return np.stack(joints, 1).astype(np.float32)


def act(frames: int, fps: float = 24.0, seed: int = 0, beat: float = 0.6, yaw: float = 20.0) -> Act:
    """Somebody who takes a new random pose every `beat` seconds and wanders a little."""
    rng = np.random.default_rng(seed)
    length = (frames - 1) / fps
    times = np.arange(int(np.ceil(length / beat)) + 2) * beat
    keys = np.stack([random_pose(rng, rng.uniform(-yaw, yaw)) for _ in times])
    at = np.arange(frames) / fps
    betas = np.clip(rng.normal(0, 0.8, 10), -1.5, 1.5).astype(np.float32)
    sway = np.stack([0.05 * np.sin(at), 0.06 * SIZE[0] * np.sin(1.3 * at), 8 * np.sin(2 * at)], 1)
    tall = np.ptp(body().v_template[:, 1].numpy())
    camera = np.array([HEIGHT / tall, SIZE[0] / 2, 0.45 * SIZE[1]]) + sway
    camera[:, 0] = HEIGHT / tall * np.exp(sway[:, 0])
    return Act(interpolated(keys, times, at), betas, camera)


def crops(points: np.ndarray) -> np.ndarray:
    """(T, 3) px squares round points (T, 33, 2), with the detector's margin."""
    low, high = points.min(1), points.max(1)
    low[:, 1] -= 0.06 * (high - low)[:, 1]  # the top of the head is no landmark
    side = (high - low).max(1) * 1.24
    return np.concatenate([(low + high) / 2, side[:, None]], 1).astype(np.float32)


@lru_cache(maxsize=1)
def leaning() -> np.ndarray:
    """(33,) m by which the detector has each point too near, of who faces the viewer."""
    nearer = np.linalg.pinv(differences(DEPTH_PAIRS, 33).numpy()) @ landmarks().depth_bias.numpy()
    return (LEAN * nearer).astype(np.float32)


def seen(film: Act, noise: float = 0.0, seed: int = 1, masks: Masks | None = None) -> Keypoints:
    """What a detector sees, who leans people forwards as the real one does, from near by.

    noise: of the points, standard deviation as a fraction of the person's height; in depth ten times as much.
    """
    rng = np.random.default_rng(seed)
    places = film.places()
    points = film.px(places)
    crop = crops(points)
    points = points + rng.normal(0, 1, points.shape) * noise * HEIGHT
    world = places - places[:, [23, 24]].mean(1, keepdims=True)
    towards = facing(torch.from_numpy(world).float()).numpy()
    world[..., 2] += towards * leaning() - world[..., 1].clip(max=0) ** 2 / (2 * DISTANCE)
    world = world + rng.normal(0, 1, world.shape) * noise * 1.7 * np.array([1, 1, 10])
    if masks is None:
        masks = Masks.pack([np.zeros((MASK_SIZE, MASK_SIZE), np.uint8)] * len(film), MASK_SIZE)
    visibility = np.full(points.shape[:2], 0.98, np.float32)
    return Keypoints(points.astype(np.float32), visibility, world.astype(np.float32), masks, crop, SIZE)


def crop_cameras(film: Act, crop: np.ndarray) -> torch.Tensor:
    """(T, 3) weak-perspective cameras of the film in crops (T, 3)."""
    cx, cy, half = crop[:, 0], crop[:, 1], crop[:, 2] / 2
    scale, x, y = film.camera.T
    return torch.from_numpy(np.stack([scale / half, (x - cx) / half, (cy - y) / half], 1).astype(np.float32))


def silhouettes(film: Act, crop: np.ndarray, offsets: torch.Tensor | None = None, size: int = MASK_SIZE) -> np.ndarray:
    """(T, size, size) bool: the body in crops (T, 3) of the picture."""
    ndc = project(film.vertices(offsets), crop_cameras(film, crop))
    return rasterize(ndc, body().faces, size).mask.numpy()


def pa_mpjpe(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(T,) mm: mean distance of joints (T, J, 3) m after the best similarity (Procrustes) of each frame."""
    a = truth - truth.mean(1, keepdims=True)
    b = found - found.mean(1, keepdims=True)
    u, s, v = np.linalg.svd(np.einsum("tja,tjb->tab", a, b))
    flip = np.ones_like(s)
    flip[:, 2] = np.sign(np.linalg.det(u @ v))
    turn = np.einsum("tab,tb,tbc->tac", u, flip, v)
    scale = (s * flip).sum(1) / (b**2).sum((1, 2))
    aligned = scale[:, None, None] * np.einsum("tab,tjb->tja", turn, b)
    return 1000 * np.linalg.norm(aligned - a, axis=-1).mean(1)
