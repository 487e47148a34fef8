"""The body: SMPL's parameterisation and linear blend skinning (SMPL, Loper et al., 2015, section 3).

`BodyModel` only holds tensors; the functions below it are pure. Batches are frames: poses are
(B, 24, 3) axis-angle in rad, betas (10,) or (B, 10), lengths metres in body space (see records.py).
The pelvis of the open body lies at the origin for every shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.articulation import Actions, Fingers
from lwgan_cli.body.rotations import axis_angle_to_matrix as axis_angle_to_matrix
from lwgan_cli.body.skirt_hang import Rest
from lwgan_cli.correspondence.maps import face_barycentres
from lwgan_cli.records import N_BETAS, N_JOINTS

JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A body in T-pose and how it deforms. All indices are int64, all else float32.

    v_template   (V, 3) vertices of the mean shape in T-pose, arms at ±x, palms down, face towards +z
    shapedirs    (V, 3, 10) displacement per beta; betas have unit variance over people
    J_regressor  (24, V) joints of a T-posed shape; for T-posed vertices only
    lbs_weights  (V, 24) skinning weights, rows sum to 1
    parents      parent joint of each joint, -1 for the pelvis
    faces        (F, 3) counter-clockwise from outside; the hidden ones (mouth, eye sockets) left out
    uv           (U, 2) texture coordinates in [0, 1], u right, v **down**: uv·size is atlas px
    uv_faces     (F, 3) rows of uv for each face's corners; charts don't overlap
    parts        (V,) joint that moves the vertex most, see JOINT_NAMES
    mirror       (V,) vertex on the other side of the body (itself on the middle line)
    mirror_faces (F,) face on the other side, whose corners are the mirrored ones in some order
    landmarks    name → vertex: nose, chin, head_top, {left,right}_{eye, eye_inner, eye_outer, ear, mouth,
                 heel, big_toe, small_toe}, and _tip and _knuckle of thumb, index, middle, ring, pinky
    name         "open", "smpl-neutral", …
    sha256       of the file, hexadecimal
    posedirs     (V, 3, 207) pose correctives of the official files, else None
    fingers      the finger joints, None where the body has none; actions the facial actions, likewise
    groups       (F,) int64, what of the body each face belongs to, rows of `group_names`; None where not known
    n_shown      number of leading faces that are in sight while the mouth is shut: all, unless the body was
                 loaded with its hidden ones, which come last
    map_uv       (F, 2) in [0, 1], each face's place in the paper's correspondence map; None for the middle of its
                 texture coordinates
    skirt        what is worn around both legs, whose vertices come last, see `skirt.put_around`; None: nothing
    """

    v_template: torch.Tensor
    shapedirs: torch.Tensor
    J_regressor: torch.Tensor
    lbs_weights: torch.Tensor
    parents: tuple[int, ...]
    faces: torch.Tensor
    uv: torch.Tensor
    uv_faces: torch.Tensor
    parts: torch.Tensor
    mirror: torch.Tensor
    mirror_faces: torch.Tensor
    landmarks: Mapping[str, int]
    name: str
    sha256: str
    posedirs: torch.Tensor | None = field(default=None)
    fingers: Fingers | None = field(default=None)
    actions: Actions | None = field(default=None)
    n_shown: int = field(default=-1)
    groups: torch.Tensor | None = field(default=None)
    group_names: tuple[str, ...] = ()
    map_uv: torch.Tensor | None = field(default=None)
    skirt: Worn | None = field(default=None)

    def to(self, device: torch.device | str) -> BodyModel:
        """The same body with its tensors on `device`."""
        moved: dict[str, Any] = {
            f.name: value.to(device) for f in fields(self) if hasattr(value := getattr(self, f.name), "to")
        }
        return replace(self, **moved)

    def shown(self) -> BodyModel:
        """The same body without the faces that are out of sight while the mouth is shut."""
        rows = slice(self.n_shown)
        groups = None if self.groups is None else self.groups[rows]
        map_uv = None if self.map_uv is None else self.map_uv[rows]
        return replace(
            self, faces=self.faces[rows], uv_faces=self.uv_faces[rows], mirror_faces=self.mirror_faces[rows],
            groups=groups, map_uv=map_uv,
        )  # fmt: skip

    @cached_property
    def face_uv(self) -> torch.Tensor:
        """(F, 2) in [0, 1]: what the paper's correspondence map says of each face."""
        return face_barycentres(self.uv, self.uv_faces) if self.map_uv is None else self.map_uv

    def of_group(self, *names: str) -> torch.Tensor:
        """(F,) bool: the faces of these groups; none where groups aren't known."""
        if self.groups is None:
            return torch.zeros(len(self.faces), dtype=torch.bool, device=self.faces.device)
        rows = [row for row, name in enumerate(self.group_names) if name in names]
        return torch.isin(self.groups, torch.tensor(rows, dtype=torch.int64, device=self.groups.device))

    @property
    def identity(self) -> str:
        """ "name:sha256", what `Motion.body` says."""
        return f"{self.name}:{self.sha256}"

    @property
    def n_vertices(self) -> int:
        return len(self.v_template)

    @cached_property
    def joint_template(self) -> torch.Tensor:
        """(24, 3) joints of the mean shape."""
        return self.J_regressor @ self.v_template

    @cached_property
    def joint_shapedirs(self) -> torch.Tensor:
        """(24, 3, 10) displacement of the joints per beta."""
        return torch.einsum("jv,vck->jck", self.J_regressor, self.shapedirs)


@dataclass(frozen=True, eq=False)
class Worn:
    """What a body model with a skirt knows of it.

    body     the model without
    hooks    (S, 2) vertices of the body that each of the S vertices hangs by; share (S, 2) of each, sums to 1
    covered  (V,) in [0, 1], vertices of the body that the skirt hides, less and less towards its edges
    known    (V,) in [0, 1]: 0 on what of the body it hides and just below its hem, where photos show the skirt's edge
    rest     as the skirt's
    """

    body: BodyModel
    hooks: torch.Tensor
    share: torch.Tensor
    covered: torch.Tensor
    known: torch.Tensor
    rest: Rest | None

    def to(self, device: torch.device | str) -> Worn:
        rest = None if self.rest is None else self.rest.to(device)
        hooks, share, covered, known = (each.to(device) for each in (self.hooks, self.share, self.covered, self.known))
        return Worn(self.body.to(device), hooks, share, covered, known, rest)


def joints_rest(model: BodyModel, betas: torch.Tensor) -> torch.Tensor:
    """Joints of a shape in T-pose: betas (10,) or (B, 10) → (24, 3) or (B, 24, 3)."""
    return model.joint_template + torch.einsum("jck,...k->...jc", model.joint_shapedirs, betas)


def forward_kinematics(
    poses: torch.Tensor, joints: torch.Tensor, parents: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Poses (B, 24, 3) of a skeleton with rest joints (24, 3) or (B, 24, 3).

    Returns the joints' global transforms (B, 24, 4, 4), that take a joint's own frame (the rest
    pose's axes, origin at the joint) to body space, and the posed joints (B, 24, 3).
    """
    rotations = axis_angle_to_matrix(poses)
    joints = joints.expand(len(poses), -1, -1)
    root, *rest = parents
    if root != -1 or any(p >= i for i, p in enumerate(parents)):
        raise ValueError(f"parents must come before their children, and -1 first; got {parents}")
    steps = torch.cat([joints[:, :1], joints[:, 1:] - joints[:, rest]], 1)
    # A level of the tree at a time: the whole body takes nine steps instead of 23.
    order, globals_r, globals_t = [0], [rotations[:, :1]], [steps[:, :1]]
    level = [0]
    while level:
        children = [i for i, p in enumerate(parents) if p in level]
        if not children:
            break
        above = [level.index(parents[i]) for i in children]
        r, t = globals_r[-1][:, above], globals_t[-1][:, above]
        globals_t.append(t + (r @ steps[:, children, :, None])[..., 0])
        globals_r.append(r @ rotations[:, children])
        order += children
        level = children
    back = sorted(range(len(order)), key=order.__getitem__)
    r, t = torch.cat(globals_r, 1)[:, back], torch.cat(globals_t, 1)[:, back]
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=r.dtype, device=r.device)
    transforms = torch.cat([torch.cat([r, t[..., None]], -1), last.expand(*t.shape[:2], 1, 4)], -2)
    return transforms, t


def skinning_transforms(
    model: BodyModel,
    poses: torch.Tensor,
    betas: torch.Tensor,
    vertices: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What skinning does to each vertex: x_posed = R·x_T-pose + t.

    `vertices` (N,) int64 restricts it to some vertices, at their share of the cost. Returns
    R (B, V, 3, 3) (a blend of rotations, so not quite one), t (B, V, 3), joints (B, 24, 3).
    """
    rest = joints_rest(model, betas)
    transforms, joints = forward_kinematics(poses, rest, model.parents)
    rotations = transforms[..., :3, :3]
    shift = joints - (rotations @ rest.expand(len(poses), -1, -1)[..., None])[..., 0]
    weights = model.lbs_weights if vertices is None else model.lbs_weights[vertices]
    affine = torch.cat([rotations, shift[..., None]], -1).flatten(2)  # (B, 24, 12)
    blended = (weights @ affine).unflatten(-1, (3, 4))
    return blended[..., :3], blended[..., 3], joints


def rest_vertices(
    model: BodyModel,
    betas: torch.Tensor,
    poses: torch.Tensor | None = None,
    offsets: torch.Tensor | None = None,
    vertices: torch.Tensor | None = None,
) -> torch.Tensor:
    """T-posed vertices of a shape, with offsets (V, 3) and, where the model has them, pose correctives.

    (V, 3), or (B, V, 3) where betas or correctives are per frame; V is len(vertices) if those are given.
    """

    def some(values: torch.Tensor) -> torch.Tensor:
        return values if vertices is None else values[vertices]

    shapedirs = some(model.shapedirs)
    flat = shapedirs.flatten(0, 1) @ betas.unsqueeze(-1)  # (3V, 1) or (B, 3V, 1)
    shaped = some(model.v_template) + flat.squeeze(-1).unflatten(-1, (-1, 3))
    if model.posedirs is not None and poses is not None:
        eye = torch.eye(3, dtype=poses.dtype, device=poses.device)
        feature = (axis_angle_to_matrix(poses[:, 1:]) - eye).flatten(1)  # (B, 207)
        shaped = shaped + (feature @ some(model.posedirs).flatten(0, 1).T).unflatten(-1, (-1, 3))
    return shaped if offsets is None else shaped + some(offsets)


def skin(
    model: BodyModel,
    poses: torch.Tensor,
    betas: torch.Tensor,
    offsets: torch.Tensor | None = None,
    vertices: torch.Tensor | None = None,
    hands: torch.Tensor | None = None,
    face: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear blend skinning (SMPL, equations 2–6).

    poses (B, 24, 3), betas (10,) or (B, 10), offsets (V, 3) in T-pose metres for all vertices (they
    don't move the joints), `vertices` (N,) int64 to skin only some. hands (30, 3) or (B, 30, 3) rad bend the
    fingers of a body that has them (of one shape for all frames), face (52,) or (B, 52) are strengths of its
    facial actions. Returns vertices (B, V, 3) or (B, N, 3), and joints (B, 24, 3).
    """
    if poses.ndim != 3 or poses.shape[1:] != (N_JOINTS, 3):
        raise ValueError(f"poses must be (B, {N_JOINTS}, 3), got {tuple(poses.shape)}")
    if betas.shape[-1] != N_BETAS:
        raise ValueError(f"betas must have {N_BETAS} columns, got {tuple(betas.shape)}")
    matrix, shift, joints = skinning_transforms(model, poses, betas, vertices)
    articulated = (hands is not None and model.fingers is not None) or (face is not None and model.actions is not None)
    if articulated:
        shaped = articulate(model, rest_vertices(model, betas, poses, offsets), betas, hands, face)
        shaped = shaped if vertices is None else shaped[:, vertices]
    else:
        shaped = rest_vertices(model, betas, poses, offsets, vertices)
    return (matrix @ shaped[..., None])[..., 0] + shift, joints


def articulate(
    model: BodyModel,
    rest: torch.Tensor,
    betas: torch.Tensor,
    hands: torch.Tensor | None = None,
    face: torch.Tensor | None = None,
) -> torch.Tensor:
    """T-posed vertices (V, 3) or (B, V, 3) of one shape (10,) with fingers and face moved: (B, V, 3).

    hands and face as in `skin`; what the body has no data for is left as it is.
    """
    if face is not None and model.actions is not None:
        rest = model.actions.add(rest, face.reshape(-1, face.shape[-1]))
    if hands is not None and model.fingers is not None:
        rest = model.fingers.bend(rest, hands.reshape(-1, *hands.shape[-2:]), betas)
    return rest if rest.ndim == 3 else rest[None]


def make_body(arrays: Mapping[str, Any], name: str, sha256: str) -> BodyModel:
    """A BodyModel from numpy arrays of any float and integer type.

    Keys: v_template, shapedirs, J_regressor, weights, parents, f, vt, ft, mirror, landmarks, and
    posedirs and map_uv where the model has them. Weights are renormalised (stored as float16 they miss 1 by 3e-4).
    """

    def real(key: str) -> torch.Tensor:
        return torch.from_numpy(np.array(arrays[key], np.float32))

    def index(key: str) -> torch.Tensor:
        return torch.from_numpy(np.array(arrays[key], np.int64))

    weights = np.array(arrays["weights"], np.float64)
    weights /= weights.sum(1, keepdims=True)
    faces, mirror = np.array(arrays["f"], np.int64), np.array(arrays["mirror"], np.int64)
    return BodyModel(
        v_template=real("v_template"),
        shapedirs=real("shapedirs"),
        J_regressor=real("J_regressor"),
        lbs_weights=torch.from_numpy(weights.astype(np.float32)),
        parents=tuple(int(p) for p in arrays["parents"]),
        faces=index("f"),
        uv=real("vt"),
        uv_faces=index("ft"),
        parts=torch.from_numpy(weights.argmax(1)),
        mirror=index("mirror"),
        mirror_faces=torch.from_numpy(_mirror_faces(faces, mirror, np.asarray(arrays["v_template"]))),
        landmarks=dict(arrays["landmarks"]),
        name=name,
        sha256=sha256,
        posedirs=real("posedirs") if "posedirs" in arrays else None,
        map_uv=real("map_uv") if "map_uv" in arrays else None,
        n_shown=len(faces),
    )


def _mirror_faces(faces: np.ndarray, mirror: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(F,) the face on the other side: the one with the mirrored corners, else the nearest centre."""
    base = np.array([len(vertices) ** 2, len(vertices), 1])
    keys = np.sort(faces, 1) @ base
    wanted = np.sort(mirror[faces], 1) @ base
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    result = np.where(keys[order][place] == wanted, order[place], -1)
    centres = np.asarray(vertices, np.float64)[faces].mean(1)
    lost = np.flatnonzero(result < 0)
    result[lost] = cKDTree(centres).query(centres[lost] * [-1, 1, 1])[1]
    return result
