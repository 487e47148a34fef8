"""Learn where the face mesh's points lie on the body, from heads that we render.

    python -m lwgan_cli.synthetic.face_places -o weights/face.npz

Every picture's pixels are known spots of the surface: a point that the detector puts on one of them votes for that
spot. Mouths are open in all of the pictures, or the lips' inner edges couldn't be told apart. Needs mediapipe; takes
a few minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from lwgan_cli.assets import find_weights_dir, record_sha256
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, articulate
from lwgan_cli.correspondence.visibility import face_normals
from lwgan_cli.detection.face_detect import N_POINTS, FaceDetector
from lwgan_cli.detection.face_places import IRIS, FacePlaces, eyeballs, save_face_places
from lwgan_cli.records import N_ACTIONS, N_BETAS
from lwgan_cli.synthetic.person import Person, random_person
from lwgan_cli.synthetic.render import Rendering, render

SIZE = 384
FIELD = 0.34  # m that the picture shows
NEAR_PX = 5.0  # a point may lie so far beside the surface that it belongs to
HEAD = 15
CAVITY = torch.tensor([0.25, 0.07, 0.07])
# Strongest random strength of the actions that the pictures show.
ACTED = {
    "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "mouthPucker": 0.3, "browInnerUp": 0.6,
    "browDownLeft": 0.4, "browDownRight": 0.4, "eyeLookInLeft": 0.4, "eyeLookOutRight": 0.4, "eyeLookUpLeft": 0.4,
    "eyeLookUpRight": 0.4, "eyeBlinkLeft": 0.3, "eyeBlinkRight": 0.3,
}  # fmt: skip
OPEN = "jawOpen"
OPENED = (0.25, 0.65)


def random_face(model: BodyModel, rng: np.random.Generator) -> torch.Tensor:
    """(52,) a random mild expression, mouth open."""
    face = open_face(model, rng.uniform(*OPENED))
    for name, most in ACTED.items():
        if model.actions is not None and rng.random() < 0.5:
            face[model.actions.names.index(name)] = most * rng.random()
    return face


def open_face(model: BodyModel, strength: float) -> torch.Tensor:
    """(52,) nothing but an open mouth. Raises ValueError for a body without facial actions."""
    if model.actions is None:
        raise ValueError(f"the body {model.name} has no facial actions")
    face = torch.zeros(N_ACTIONS)
    face[model.actions.names.index(OPEN)] = strength
    return face


def shoot_head(
    model: BodyModel, person: Person, face: torch.Tensor, turn: np.ndarray, size: int = SIZE, field: float = FIELD
) -> tuple[Rendering, np.ndarray]:
    """A head, turned by `turn` (3,) axis-angle rad, in a picture of `field` metres: the rendering and the picture
    (size, size, 3) uint8 with the inside of the mouth dark."""
    pose = torch.zeros(1, 24, 3)
    pose[0, HEAD] = torch.from_numpy(turn.astype(np.float32))
    middle = model.joint_template[HEAD] + torch.tensor([0.0, 0.06, 0.0])
    scale = size / field
    camera = torch.stack([torch.tensor(scale), size / 2 - scale * middle[0], size / 2 + scale * middle[1]])[None]
    grey = torch.full((3, size, size), 0.6)
    shot = render(model, person, pose, camera, (size, size), background=grey, face=face[None])
    away = face_normals(shot.vertices_ndc, model.faces)[0, :, 2] < 0
    inside = shot.fragments.mask[0] & away[shot.fragments.pix_to_face[0].clamp_min(0)]
    picture = torch.where(inside, CAVITY[:, None, None], shot.pictures[0]).permute(1, 2, 0)
    return shot, (picture.clamp(0, 1) * 255).byte().numpy()


def vote(model: BodyModel, shot: Rendering, points: np.ndarray, eyeball: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The spots of the surface at points (478, 2) px: face (478,), -1 where there is none, and bary (478, 3)."""
    face, bary = shot.fragments.pix_to_face[0].numpy(), shot.fragments.bary_coords[0].numpy()
    away = (face_normals(shot.vertices_ndc, model.faces)[0, :, 2] < 0).numpy()
    good = (face >= 0) & ~away[face]
    eye = eyeball[model.faces.numpy()].all(1)[face] & good
    chosen, shares = np.full(N_POINTS, -1), np.zeros((N_POINTS, 3))
    at = np.clip(np.rint(points - 0.5).astype(int), 0, len(face) - 1)
    for rows, allowed in ((np.arange(IRIS.start), good & ~eye), (np.arange(IRIS.start, IRIS.stop), eye)):
        distance, (row, column) = distance_transform_edt(~allowed, return_indices=True)
        x, y = at[rows].T
        near = distance[y, x] < NEAR_PX
        spot = row[y, x], column[y, x]
        chosen[rows] = np.where(near, face[spot], -1)
        shares[rows] = bary[spot]
    return chosen, shares


def learn(model: BodyModel, people: int, pictures: int, seed: int) -> FacePlaces:
    """Places voted for by `pictures` pictures of each of `people` people."""
    rng = np.random.default_rng(seed)
    eyeball = np.logical_or(*eyeballs(model))
    opened = articulate(model, model.v_template, torch.zeros(N_BETAS), face=open_face(model, sum(OPENED) / 2))
    surface = opened[0].double().numpy()  # places are averaged with the lips apart
    corners = model.faces.numpy()
    votes: list[np.ndarray] = []
    with FaceDetector(static=True) as detector:
        for index in tqdm(range(people), desc="people"):
            person = random_person(model, seed * 1000 + index)
            for _ in range(pictures):
                turn = Rotation.from_euler("yxz", rng.normal(0, [14, 7, 5]), degrees=True).as_rotvec()
                shot, picture = shoot_head(model, person, random_face(model, rng), turn)
                points = detector(picture, np.array([SIZE / 2, SIZE / 2, SIZE], np.float32))
                if points is None:
                    continue
                face, bary = vote(model, shot, points[:, :2], eyeball)
                place = (surface[corners[face.clip(0)]] * bary[..., None]).sum(1)
                votes.append(np.where(face[:, None] >= 0, place, np.nan))
    places = np.stack(votes)
    middle = np.nanmedian(places, 0)
    spread = np.nanmedian(np.linalg.norm(places - middle, axis=-1), 0)
    mirrored = middle * [-1, 1, 1]
    partner = cKDTree(middle).query(mirrored)[1]
    paired = partner[partner] == np.arange(N_POINTS)
    middle = np.where(paired[:, None], (middle + mirrored[partner]) / 2, middle)
    tqdm.write(f"{len(votes)} heads; {paired.sum()} points in pairs; spread {1e3 * np.median(spread):.1f} mm")
    eye_faces = eyeball[corners].all(1)
    found = [
        nearest_spot(middle[rows], surface, corners[mask])
        for rows, mask in ((slice(0, IRIS.start), ~eye_faces), (IRIS, eye_faces))
    ]
    return FacePlaces(
        torch.from_numpy(np.concatenate([f[0] for f in found])),
        torch.from_numpy(np.concatenate([f[1] for f in found]).astype(np.float32)),
        torch.from_numpy(spread.astype(np.float32)),
    )


def nearest_spot(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest spot of a surface to each point (N, 3): its face's corners (N, 3) and their shares (N, 3)."""
    centres = vertices[faces].mean(1)
    _, near = cKDTree(centres).query(points, 40)
    corners = vertices[faces[near]]  # (N, 40, 3, 3)
    bary = _closest_bary(points[:, None], corners)
    distance = np.linalg.norm((corners * bary[..., None]).sum(2) - points[:, None], axis=-1)
    best = distance.argmin(1)
    rows = np.arange(len(points))
    return faces[near[rows, best]], bary[rows, best]


def _closest_bary(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (..., 3) of the closest point of triangles (..., 3, 3): inside, or on the best edge."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, point - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-18)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    options = [np.stack([1 - v - w, v, w], -1)]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = corners[..., first, :], corners[..., second, :]
        along = ((point - start) * (end - start)).sum(-1) / np.maximum(((end - start) ** 2).sum(-1), 1e-18)
        share = np.zeros_like(options[0])
        share[..., first], share[..., second] = 1 - along.clip(0, 1), along.clip(0, 1)
        options.append(share)
    every = np.stack(options)
    distance = np.linalg.norm((every[..., None] * corners).sum(-2) - point, axis=-1)
    distance[0][(every[0] < 0).any(-1)] = np.inf
    return np.take_along_axis(every, distance.argmin(0)[None, ..., None], 0)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = load_body("open", find_weights_dir())
    save_face_places(arguments.output, learn(model, arguments.people, arguments.pictures, arguments.seed))
    record_sha256(arguments.output)


if __name__ == "__main__":
    main()
