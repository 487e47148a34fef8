"""The face on the body: the head turned as the face says, and the surface laid on the photo's features."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, rest_vertices, skin, skinning_transforms
from lwgan_cli.detection.face_places import IRIS, FacePlaces, eyeballs
from lwgan_cli.dressing.features import mouth_opened
from lwgan_cli.fitting.face import EYES, LIPS, Face, FaceModel
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Motion

NECK, HEAD = 12, 15
FURTHEST = np.radians(45)  # a head is turned by no more than that …
FARTHEST = 0.05  # m, and moved by no more: the body's fit is never so wrong
PROFILE = np.radians(60), np.radians(75)  # from straight ahead, over which what a small face shows counts no more
NOISE = 0.0008  # m of a point
KEEN = 3.0  # times as exact must lips and lids be
COVERED = 0.008  # m that heads differ by without hair
LIDS_ROUNDS = 3
REACHES = ((0.020, 0.040), (0.004, 0.010))  # m: how far the surface may have to move, and over which distance alike


def turn_head(
    model: BodyModel, places: FacePlaces, stiff: np.ndarray, motion: Motion, face: Face, nods: bool = True
) -> np.ndarray:
    """Poses (T, 24, 3) of a motion with the head turned and placed as the face shows, to the share of its trust.

    stiff (478,) weights of the points that `Face.centres` are the middle of. The head takes the face's orientation;
    the neck swings so that the middle of the face comes to lie where it was seen. Where no face was found, what the
    nearest that was differed by goes on, and fades. nods False: a face of few px tells how the nod changes, and not how
    far it goes, on which detectors of body and face don't agree, nor its place, and nothing of a head in profile;
    frames without a face so go on as those with one.
    """
    betas = torch.from_numpy(motion.betas)
    rest = joints_rest(model, betas)
    transforms, joints = forward_kinematics(torch.from_numpy(motion.poses), rest, model.parents)
    world = transforms[..., :3, :3].double().numpy()

    head = Rotation.from_matrix(world[:, HEAD])
    lacks = _limited((head.inv() * Rotation.from_matrix(face.turns)).as_rotvec(), FURTHEST)
    ahead = np.ones(len(lacks))
    if not nods:
        ahead = 1 - smoothstep(np.abs(np.arctan2(world[:, HEAD, 0, 2], world[:, HEAD, 2, 2])), *PROFILE)
        shown = ahead * (face.trust >= 1)
        lacks[:, 0] -= (shown @ lacks[:, 0]) / max(shown.sum(), 1e-6)
    turned = head * Rotation.from_rotvec(_held(face, ahead[:, None] * lacks))

    neck = Rotation.from_matrix(world[:, NECK])
    if nods:
        middle = stiff @ places.of(rest_vertices(model, betas)).double().numpy()
        neck = _reached(face, motion, turned.apply(middle - rest[HEAD].double().numpy()), joints) * neck
    chest = Rotation.from_matrix(world[:, model.parents[NECK]])
    poses = motion.poses.copy()
    poses[:, NECK], poses[:, HEAD] = (chest.inv() * neck).as_rotvec(), (neck.inv() * turned).as_rotvec()
    return poses


def _reached(face: Face, motion: Motion, arm: np.ndarray, joints: torch.Tensor) -> Rotation:
    """The swings of the neck, T of them, with which the middle of the face, arm (T, 3) m from the head's joint, comes
    to lie where it was seen; joints (T, 24, 3) m."""
    place = joints.double().numpy()
    scale, x, y = motion.picture_camera().T
    seen = np.stack([face.centres[:, 0] - x, y - face.centres[:, 1]], 1) / scale[:, None]
    bone = place[:, HEAD] - place[:, NECK]
    length = np.linalg.norm(bone, axis=1, keepdims=True)
    move = _held(face, _limited(seen - arm[:, :2] - place[:, HEAD, :2], FARTHEST))
    aim = np.concatenate([bone[:, :2] + move, bone[:, 2:]], 1)
    across = np.linalg.norm(aim[:, :2], axis=1, keepdims=True)
    aim[:, :2] *= np.clip(0.98 * length / np.maximum(across, 1e-6), 0, 1)
    left = np.maximum(length**2 - (aim[:, :2] ** 2).sum(1, keepdims=True), 0)
    aim[:, 2:] = np.where(bone[:, 2:] < 0, -1, 1) * np.sqrt(left)
    return _swing(bone, aim)


def _limited(vectors: np.ndarray, most: float) -> np.ndarray:
    """(T, C), none of them longer than `most`."""
    return vectors * np.clip(most / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), 0, 1)


def _held(face: Face, values: np.ndarray) -> np.ndarray:
    """Values (T, C) of the frames that show a face, in all others those of the nearest, to the share of the trust."""
    every, rows = np.arange(len(face)), np.flatnonzero(face.trust >= 1)
    if not len(rows):
        return values * face.trust[:, None]
    nearest = rows[np.abs(every[:, None] - rows).argmin(1)]
    return values[nearest] * face.trust[:, None]


def _swing(a: np.ndarray, b: np.ndarray) -> Rotation:
    """The smallest rotations that take the directions (T, 3) of a to those of b."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, (a * b).sum(1, keepdims=True))
    return Rotation.from_rotvec(axis / np.maximum(sine, 1e-12) * angle)


def lay_face(
    model: BodyModel,
    places: FacePlaces,
    face_model: FaceModel,
    motion: Motion,
    offsets: torch.Tensor,
    points: np.ndarray,
    strengths: np.ndarray,
) -> tuple[torch.Tensor, np.ndarray]:
    """Offsets (V, 3) m, T-pose, with which the body's face lies on the photo's, and this face's lids (52, 52), see
    `FaceModel.lids`.

    motion of the photo (one frame), its offsets so far, points (478, 3) px as `FacePoints` has them, and the strengths
    (52,) of the actions that it shows, see `FaceModel.lids`. How much a blink has to move depends on how far the eyes
    of the laid face are open; where they lie depends on how far the photo's blink has moved them: found in turns.
    """
    laid, betas = offsets, torch.from_numpy(motion.betas)
    for _ in range(LIDS_ROUNDS):
        lids = face_model.lids(places.of(rest_vertices(model, betas, offsets=laid)).double().numpy())
        acted = torch.from_numpy((strengths @ lids).astype(np.float32))
        laid = lay_surface(model, places, motion, offsets, points, acted)
    return laid, lids


def lay_surface(
    model: BodyModel,
    places: FacePlaces,
    motion: Motion,
    offsets: torch.Tensor,
    points: np.ndarray,
    face: torch.Tensor,
) -> torch.Tensor:
    """Offsets (V, 3) m, T-pose, with which the body's face lies on the photo's.

    motion, offsets and points as for `lay_face`, and the strengths (52,) of the body's actions that the photo shows.
    The surface moves in the picture plane, smoothly; each eyeball as a whole, with its iris.
    """
    poses, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    vertices, _ = skin(model, poses, betas, offsets, face=face)
    matrix, _, _ = skinning_transforms(model, poses, betas)
    scale, x, y = motion.picture_camera()[0]
    now = places.of(vertices[0]).double().numpy()
    lacks = np.zeros_like(now)
    lacks[:, 0] = (points[:, 0] - x) / scale - now[:, 0]
    lacks[:, 1] = (y - points[:, 1]) / scale - now[:, 1]
    inverse = np.linalg.inv(places.of(matrix[0].flatten(1)).double().numpy().reshape(-1, 3, 3))
    lacks = np.einsum("nij,nj->ni", inverse, lacks)
    skin_points = slice(0, IRIS.start)
    opened = mouth_opened(model)
    rest, at = opened.double().numpy(), places.of(opened).double().numpy()[skin_points]
    noise = np.hypot(places.spread.numpy()[skin_points].astype(np.float64), NOISE)
    noise[[*LIPS, *EYES]] /= KEEN
    # where the surface stands off, hair covers the face, whose points lie beneath it
    stands_off = np.linalg.norm(places.of(offsets).double().numpy()[skin_points], axis=1)
    noise = np.hypot(noise, np.maximum(stands_off - COVERED, 0))
    solve = cho_solve(cho_factor(_kernel(at, at) + np.diag(noise**2)), lacks[skin_points])
    near = np.flatnonzero(model.lbs_weights[:, [NECK, HEAD]].sum(1).numpy() > 0.05)
    moves = np.zeros_like(rest)
    hair = np.linalg.norm(offsets[near].double().numpy(), axis=1, keepdims=True) - COVERED
    moves[near] = _kernel(rest[near], at) @ solve * np.clip(1 - hair / COVERED, 0, 1)
    for eye, iris in zip(eyeballs(model), (range(468, 473), range(473, 478)), strict=True):
        moves[eye] = lacks[list(iris)].mean(0)
    return offsets + torch.from_numpy(moves.astype(np.float32))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return sum((move**2 * np.exp(-squared / (2 * reach**2)) for move, reach in REACHES), np.zeros_like(squared))
