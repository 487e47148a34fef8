"""Learn where the detector's points lie on the body, from people that we render.

    python -m lwgan_cli.synthetic.landmarks -o weights/landmarks.npz

The detector works on plain rendered bodies. Pose, shape and camera of a render are known, so each point's place
in the joints' frames is a linear least-squares problem. Needs mediapipe; takes a few minutes.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.kinematics import Skeleton, kinematics
from lwgan_cli.body.landmarks import DEPTH_PAIRS, Landmarks, save_landmarks
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, axis_angle_to_matrix, joints_rest, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_normals
from lwgan_cli.detection.keypoints import MIRROR, PoseDetector
from lwgan_cli.fitting.stance import facing
from lwgan_cli.records import N_BETAS, N_LANDMARKS
from lwgan_cli.synthetic.poses import random_pose

SIZE = 512
ELEVATION = (4.0, 4.0)  # degrees that cameras look down, mean and standard deviation
HEAD = ((15,),)
CANDIDATES: dict[int, tuple[tuple[int, ...], ...]] = {
    **dict.fromkeys(range(11), HEAD),
    11: ((13,), (16,), (13, 16), (9, 16), (9, 13)),
    13: ((16,), (18,), (16, 18)),
    15: ((18,), (20,), (18, 20)),
    17: ((20,), (22,), (20, 22)),
    19: ((20,), (22,), (20, 22)),
    21: ((20,), (22,), (20, 22)),
    23: ((0,), (1,), (0, 1)),
    25: ((1,), (4,), (1, 4)),
    27: ((4,), (7,), (4, 7)),
    29: ((7,), (10,), (7, 10)),
    31: ((7,), (10,), (7, 10)),
}
LEFT_JOINTS = (1, 4, 7, 10, 13, 16, 18, 20, 22)
RIGHT_JOINTS = (2, 5, 8, 11, 14, 17, 19, 21, 23)


def mirrored_joint(joint: int) -> int:
    """SMPL's joint on the other side."""
    if joint in LEFT_JOINTS:
        return RIGHT_JOINTS[LEFT_JOINTS.index(joint)]
    return LEFT_JOINTS[RIGHT_JOINTS.index(joint)] if joint in RIGHT_JOINTS else joint


def shaded_person(
    model: BodyModel, pose: np.ndarray, betas: np.ndarray, camera: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A plainly lit body on a flat ground, (512, 512, 3) uint8 RGB."""
    vertices, _ = skin(model, torch.from_numpy(pose)[None], torch.from_numpy(betas))
    ndc = project(vertices, torch.from_numpy(camera)[None])
    fragments = rasterize(ndc, model.faces, SIZE)
    normals = torch.nn.functional.normalize(vertex_normals(ndc, model.faces)[0], dim=-1).numpy()
    light = rng.normal(0, 0.5, 3) + np.array([0, 0.6, 1.0])
    shade = 0.35 + 0.65 * np.clip(normals @ (light / np.linalg.norm(light)), 0, 1)
    tone = rng.uniform(0.35, 0.95) * np.array([1, rng.uniform(0.75, 0.95), rng.uniform(0.6, 0.9)])
    faces = model.faces.numpy()[fragments.pix_to_face[0].clamp_min(0).numpy()]
    value = (shade[faces] * fragments.bary_coords[0].numpy()).sum(-1)
    ground = rng.uniform(0.1, 0.95, 3)
    picture = np.where(fragments.mask[0].numpy()[..., None], value[..., None] * tone, ground)
    picture += rng.normal(0, 0.01, picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def observe(model: BodyModel, count: int, seed: int) -> dict[str, np.ndarray]:
    """Render and detect `count` people.

    Returns world (N, 24, 3, 3), joints (N, 24, 3), rest (N, 24, 3) m; camera (N, 3); places (N, 33, 2) NDC, y up;
    visibility (N, 33); space (N, 33, 3) m, the detector's 3D points; height (N,) of the person in NDC. People that the
    detector misses are left out.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[np.ndarray, ...]] = []
    with PoseDetector(static=True) as detector:
        for _ in tqdm(range(count), desc="rendered people"):
            pose = random_pose(rng)
            looks_down = Rotation.from_euler("x", rng.normal(*ELEVATION), degrees=True)
            pose[0] = (looks_down * Rotation.from_rotvec(pose[0])).as_rotvec()
            betas = np.clip(rng.normal(0, 0.8, N_BETAS), -2, 2).astype(np.float32)
            rest = joints_rest(model, torch.from_numpy(betas))
            world, joints = kinematics(
                axis_angle_to_matrix(torch.from_numpy(pose)[None]), Skeleton.of(rest, tuple(model.parents))
            )
            low, high = joints[0, :, :2].amin(0), joints[0, :, :2].amax(0)
            scale = float(rng.uniform(1.2, 1.6) / (high - low).max())
            camera = np.array([scale, *(-scale * (low + high) / 2 + torch.from_numpy(rng.normal(0, 0.05, 2)))])
            camera = camera.astype(np.float32)
            hit = detector(shaded_person(model, pose, betas, camera, rng))
            if hit is None:
                continue
            points, visibility, space, mask = hit
            ndc = (points / SIZE * 2 - 1) * np.array([1, -1])
            height = np.ptp(np.flatnonzero((mask > 0.5).any(1))) / SIZE * 2 if (mask > 0.5).any() else np.nan
            rows.append(
                (world[0].numpy(), joints[0].numpy(), rest.numpy(), camera, ndc, visibility, space, np.array(height))
            )
    names = ("world", "joints", "rest", "camera", "places", "visibility", "space", "height")
    return {name: np.stack(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def solve_offset(seen: dict[str, np.ndarray], landmark: int, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The offset (3,) m of one landmark for given joint weights (24,), and the distances (M,) that remain,
    as fractions of the person's height. Robust: re-weighted five times."""
    use = (seen["visibility"][:, landmark] > 0.6) & np.isfinite(seen["height"])
    world, joints, rest, camera = (seen[k][use] for k in ("world", "joints", "rest", "camera"))
    base_rest = np.einsum("j,njc->nc", row, rest)
    base = np.einsum("j,njab,njb->na", row, world, base_rest[:, None] - rest) + np.einsum("j,njc->nc", row, joints)
    turn = np.einsum("j,njab->nab", row, world)
    scale = camera[:, 0][:, None]
    target = (seen["places"][use, landmark] - camera[:, 1:]) / scale - base[:, :2]
    matrix = turn[:, :2]  # (M, 2, 3)
    weight = np.ones(len(target))
    for _ in range(6):
        offset = np.linalg.lstsq(
            (matrix * weight[:, None, None]).reshape(-1, 3), (target * weight[:, None]).ravel(), rcond=None
        )[0]
        distance = np.linalg.norm(matrix @ offset - target, axis=1)
        weight = 1 / (1 + (distance / max(np.median(distance), 1e-6) / 2) ** 2)
    return offset, distance * scale[:, 0] / seen["height"][use]


def solve_depths(
    seen: dict[str, np.ndarray], weights: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`Landmarks.depth_bias` and `depth_spread` (P,) m, given the landmarks' weights (33, 24) and offsets (33, 3).
    Robust: re-weighted ten times."""
    world, joints, rest = (seen[k] for k in ("world", "joints", "rest"))
    at_rest = np.einsum("lj,njc->nlc", weights, rest) + offsets
    out = at_rest[:, :, None] - rest[:, None]  # (N, 33, 24, 3) from each joint
    depth = np.einsum("lj,njc,nljc->nl", weights, world[:, :, 2], out) + np.einsum("lj,nj->nl", weights, joints[..., 2])
    pairs = np.array(DEPTH_PAIRS)
    ends = [each[:, pairs] for each in (seen["space"], at_rest)]
    size = [np.linalg.norm(each[:, :, 1] - each[:, :, 0], axis=-1).sum(1) for each in ends]
    found = (seen["space"][:, pairs[:, 1], 2] - seen["space"][:, pairs[:, 0], 2]) * (size[1] / size[0])[:, None]
    off = found - (depth[:, pairs[:, 1]] - depth[:, pairs[:, 0]])
    towards = facing(torch.from_numpy(seen["space"])).numpy()
    trusted = seen["visibility"][:, pairs].min(-1) > 0.5
    bias, weight = np.zeros(len(pairs)), trusted.astype(float)
    for _ in range(10):
        bias = (weight * towards * off).sum(0) / (weight * towards**2).sum(0)
        left = np.abs(off - bias * towards)
        spread = 1.48 * np.nanmedian(np.where(trusted, left, np.nan), axis=0)
        weight = trusted / (1 + (left / (2 * spread)) ** 2)
    return bias, spread


def learn(seen: dict[str, np.ndarray]) -> Landmarks:
    """Choose each landmark's joints among the candidates and solve its offset; left and right are mirror images."""
    weights = np.zeros((N_LANDMARKS, 24))
    offsets, spread = np.zeros((N_LANDMARKS, 3)), np.zeros(N_LANDMARKS)
    flip = np.array([-1, 1, 1])
    for left in range(N_LANDMARKS):
        right = int(MIRROR[left])
        if right < left:
            continue
        options = []
        for joints in CANDIDATES[left]:
            shares = (0.25, 0.5, 0.75) if len(joints) == 2 else (1.0,)
            for joint_set, share in itertools.product((joints,), shares):
                row = np.zeros(24)
                row[joint_set[0]] += share
                row[joint_set[-1]] += 1 - share
                other = np.zeros(24)
                for joint in range(24):
                    other[mirrored_joint(joint)] = row[joint]
                a, a_left = solve_offset(seen, left, row)
                b, b_left = solve_offset(seen, right, other)
                offset = (a + flip * b) / 2
                error = np.concatenate([a_left, b_left])
                options.append((float(np.median(error)), row, other, offset))
        best = min(options, key=lambda option: option[0])
        spread[[left, right]] = best[0]
        weights[left], weights[right] = best[1], best[2]
        offsets[left] = best[3] * (np.array([0, 1, 1]) if left == right else 1)
        offsets[right] = offsets[left] * (1 if left == right else flip)
    # left and right are mirror images: means of both; what turns over with the mirror has no bias
    bias, off = solve_depths(seen, weights, offsets)
    mirrored = [_mirrored_pair(pair) for pair in DEPTH_PAIRS]
    bias = (bias + np.array([sign * bias[row] for row, sign in mirrored])) / 2
    off = (off + off[[row for row, _ in mirrored]]) / 2
    learned = (weights, offsets, spread, bias, off)
    return Landmarks(*(torch.from_numpy(each.astype(np.float32)) for each in learned))


def _mirrored_pair(pair: tuple[int, int]) -> tuple[int, int]:
    """The row of `DEPTH_PAIRS` that is the pair's mirror image, and -1 where it goes the other way round."""
    first, second = (int(MIRROR[point]) for point in pair)
    if (first, second) in DEPTH_PAIRS:
        return DEPTH_PAIRS.index((first, second)), 1
    return DEPTH_PAIRS.index((second, first)), -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = load_body("open", find_weights_dir())
    seen = observe(model, arguments.people, arguments.seed)
    landmarks = learn(seen)
    save_landmarks(arguments.output, landmarks)
    tqdm.write(f"{len(seen['height'])} of {arguments.people} people detected; spread per point, % of the height:")
    tqdm.write(str(np.round(100 * landmarks.spread.numpy(), 2)))


if __name__ == "__main__":
    main()
