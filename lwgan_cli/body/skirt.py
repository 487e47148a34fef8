"""Skirts: a tube of cloth around both legs, worn over the body.

The body's surface has nothing between the legs; what hangs around both of them moves otherwise than trousers do. The
tube is the convex hull of the legs at each height, from the hips to the hem. Its halves follow one leg each, and the
cloth between them both, so that it stretches when the legs part and hangs when they close. Worn, it becomes part of
the body model, vertices and faces behind the body's own: what draws, warps or paints bodies goes on as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import JOINT_NAMES, BodyModel, Worn, rest_vertices, skinning_transforms
from lwgan_cli.body.skirt_hang import Rest
from lwgan_cli.ramps import smoothstep

ROWS, COLUMNS = 18, 64  # of vertices, from the hips to the hem and around
BAND, EDGE = 0.02, 0.008  # m of height that a ring of the body is taken from; and the upper edge, which lies on it
FEW = 24  # vertices that make a ring at least
EVEN = 4  # rounds of evening it out from row to row
EASE = 0.008  # m between legs and cloth
LINING = 0.003  # m that the cloth's inner side lies within
HANGS = 0.10  # m below its upper edge from where on the tube moves with the legs, not with the hips' own surface
FOLLOWS = 4  # vertices of the hips that the upper edge moves with
BORDER = 0.02  # m of leg below the hem that are not read from the photo: hems wave
TUCKED = 0.3  # m that what a skirt covers is drawn further away, so that it comes through on no side
HEM_FADE, HIP_FADE = 0.05, 0.02  # m from the skirt's lower and upper edge over which that begins
LEGS = ("hip", "knee", "ankle", "foot")


@dataclass(frozen=True, eq=False)
class Skirt:
    """What one person wears around both legs.

    places   (ROWS, COLUMNS, 3) m, T-pose, on the shape betas (10,); columns go from the front to the body's left
    weights  (ROWS, COLUMNS, 24) skinning weights
    hooks    (ROWS, COLUMNS, 2) vertices of left and right leg whose shape and drape it shares
    share    (ROWS, COLUMNS) of the left one
    rest     how it hangs in its photo; None: it lies close to the legs
    """

    places: np.ndarray
    betas: np.ndarray
    weights: np.ndarray
    hooks: np.ndarray
    share: np.ndarray
    rest: Rest | None = None


def hung(model: BodyModel, betas: np.ndarray, offsets: torch.Tensor, top: float, hem: float) -> Skirt:
    """A tube that lies close around hips and legs, from height `top` to `hem`, m in T-pose.

    betas (10,); offsets (V, 3) m T-pose of the dressed body, on which its upper edge lies.
    """
    shape = torch.from_numpy(betas)
    naked = rest_vertices(model, shape).numpy()
    dressed = rest_vertices(model, shape, offsets=offsets).numpy()
    joint_weights = model.lbs_weights.numpy()
    heights = np.linspace(top, hem, ROWS)
    angles = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    swap = _other_side()
    places, weights = np.zeros((ROWS, COLUMNS, 3)), np.zeros((ROWS, COLUMNS, len(JOINT_NAMES)))
    share = np.zeros((ROWS, COLUMNS))
    for row, height in enumerate(heights):
        body = dressed if row == 0 else naked
        places[row] = _around(body[_at(body, height, BAND if row else EDGE)], angles, EASE if row else 0.0, height)
        left = _at(naked, height, BAND) & (naked[:, 0] > 0)
        leg = joint_weights[left].mean(0)
        middle = naked[left, 0].mean()
        share[row] = smoothstep(places[row, :, 0], -middle, middle)
        weights[row] = share[row][:, None] * leg + (1 - share[row])[:, None] * leg[swap]
    for _ in range(EVEN):  # no bump of a muscle shows
        places[1:-1] = places[1:-1] / 2 + (places[:-2] + places[2:]) / 4
    near = cKDTree(dressed).query(places.reshape(-1, 3), FOLLOWS)[1]
    own = joint_weights[near].mean(1).reshape(weights.shape)
    hangs = smoothstep(top - heights, 0.0, HANGS)[:, None, None]
    weights = hangs * weights + (1 - hangs) * own
    return Skirt(places, betas, weights / weights.sum(-1, keepdims=True), _hooks(naked, places), share)


def _at(body: np.ndarray, height: float, reach: float) -> np.ndarray:
    """(V,) bool: vertices (V, 3) within `reach` m of a height; FEW at least, on a coarse mesh."""
    away = np.abs(body[:, 1] - height)
    near: np.ndarray = away <= max(reach, float(np.partition(away, FEW)[FEW]))
    return near


def _around(points: np.ndarray, angles: np.ndarray, ease: float, height: float) -> np.ndarray:
    """(C, 3) the convex hull of points (N, 3) seen from above: before and behind the same shares of its width, whatever
    that is, angles (C,) being those of a circle, from +z to +x."""
    flat = points[:, [0, 2]].astype(np.float64)
    middle = np.array([0.0, (flat[:, 1].min() + flat[:, 1].max()) / 2])
    normals = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    reach = ((flat - middle) @ np.stack([np.sin(normals), np.cos(normals)])).max(0) + ease
    half = reach[[90, 270]]
    x = 0.9999 * np.where(np.sin(angles) > 0, half[0], half[1]) * np.sin(angles)
    ahead = np.cos(normals) > 1e-3
    front = ((reach - x[:, None] * np.sin(normals)) / np.cos(normals))[:, ahead].min(1)
    behind = np.cos(normals) < -1e-3
    back = ((reach - x[:, None] * np.sin(normals)) / np.cos(normals))[:, behind].max(1)
    z = np.where(np.cos(angles) > 0, front, back) + middle[1]
    return np.stack([x, np.full_like(x, height), z], 1)


def _hooks(naked: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(R, C, 2) the vertices nearest to places (R, C, 3) on the body's left and right."""
    out = np.zeros((*places.shape[:2], 2), np.int64)
    for column, side in enumerate((1, -1)):
        rows = np.flatnonzero(side * naked[:, 0] > 0.01)
        nearest = cKDTree(naked[rows]).query(places.reshape(-1, 3))[1]
        out[..., column] = rows[nearest].reshape(places.shape[:2])
    return out


def _other_side() -> np.ndarray:
    """(24,) the joint on the other side of the body."""
    names = [name.replace("left", "*").replace("right", "left").replace("*", "right") for name in JOINT_NAMES]
    return np.array([JOINT_NAMES.index(name) for name in names])


def put_around(model: BodyModel, skirt: Skirt) -> BodyModel:
    """The body model with a skirt over it. Its faces come before the hidden ones; it has an inner side of its own."""
    device = model.v_template.device
    if device.type != "cpu":
        return put_around(model.to("cpu"), skirt).to(device)
    count = ROWS * COLUMNS
    middle = skirt.places.mean(1, keepdims=True) * [1, 0, 1] + skirt.places * [0, 1, 0]
    inward = middle - skirt.places
    inner = skirt.places + LINING * inward / np.maximum(np.linalg.norm(inward, axis=-1, keepdims=True), 1e-6)
    hooks = torch.from_numpy(np.tile(skirt.hooks.reshape(-1, 2), (2, 1)))
    left = np.tile(skirt.share.reshape(-1), 2)
    share = torch.from_numpy(np.stack([left, 1 - left], 1).astype(np.float32))

    def hooked(values: torch.Tensor) -> torch.Tensor:
        return (values[hooks] * share.view(-1, 2, *[1] * (values.ndim - 1))).sum(1)

    shapedirs = hooked(model.shapedirs)
    both = torch.from_numpy(np.concatenate([skirt.places, inner]).reshape(-1, 3).astype(np.float32))
    template = both - shapedirs @ torch.from_numpy(skirt.betas)
    weights = torch.from_numpy(np.tile(skirt.weights.reshape(count, -1), (2, 1)).astype(np.float32))

    def joined(own: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        return torch.cat([own[: model.n_shown], more.to(own), own[model.n_shown :]])

    first = model.n_vertices
    outside, mirror = _faces(), _mirror()
    faces = torch.from_numpy(np.concatenate([outside, outside[:, ::-1] + count]) + first)
    uv, uv_faces = _chart()
    shrunk = model.uv * model.uv.new_tensor([1.0, _BODY_SHARE])
    hips = skirt.places[0, :, 1].mean()
    rest = rest_vertices(model, torch.from_numpy(skirt.betas)).numpy()
    height, ring = rest[:, 1], skirt.places[-1]
    hem = ring[cKDTree(ring[:, [0, 2]]).query(rest[:, [0, 2]])[1], 1]  # above each vertex, or below it
    covered = smoothstep(height, hem, hem + HEM_FADE) * smoothstep(height, hips, hips - HIP_FADE)
    below = np.isin(model.parts.numpy(), joints_of("pelvis", *LEGS))
    covered = covered * below
    known = 1 - below * smoothstep(height, hem - BORDER, hem) * smoothstep(height, hips, hips - HEM_FADE)
    near_face = _face_at(model)[hooks[faces[:, 0] - first, 0]]
    own = torch.arange(len(faces)) + model.n_shown
    moved = torch.where(model.mirror_faces >= model.n_shown, model.mirror_faces + len(faces), model.mirror_faces)
    groups = None if model.groups is None else joined(model.groups, torch.full((len(faces),), -1))
    posedirs = model.posedirs
    if posedirs is not None:
        posedirs = torch.cat([posedirs, posedirs.new_zeros(2 * count, *posedirs.shape[1:])])
    return replace(
        model,
        v_template=torch.cat([model.v_template, template]),
        shapedirs=torch.cat([model.shapedirs, shapedirs]),
        J_regressor=torch.cat([model.J_regressor, model.J_regressor.new_zeros(len(JOINT_NAMES), 2 * count)], 1),
        lbs_weights=torch.cat([model.lbs_weights, weights]),
        parts=torch.cat([model.parts, weights.argmax(1)]),
        mirror=torch.cat([model.mirror, torch.from_numpy(mirror) + first]),
        faces=joined(model.faces, faces),
        uv=torch.cat([shrunk, uv]),
        uv_faces=joined(model.uv_faces, uv_faces + len(model.uv)),
        mirror_faces=joined(moved, own),
        groups=groups,
        posedirs=posedirs,
        map_uv=joined(model.face_uv, model.face_uv[near_face]),
        n_shown=model.n_shown + len(faces),
        skirt=Worn(model, hooks, share, _float(covered), _float(known), skirt.rest),
    )


_BODY_SHARE = 0.8  # of the atlas' height: the skirt's charts lie below, outside left and inside right


def joints_of(*names: str) -> list[int]:
    """Rows of the joints so called, of both sides."""
    return [row for row, joint in enumerate(JOINT_NAMES) if joint.split("_")[-1] in names]


def _faces() -> np.ndarray:
    """(F, 3) of one layer, counter-clockwise as seen from outside."""
    row, column = np.divmod(np.arange((ROWS - 1) * COLUMNS), COLUMNS)
    after = (column + 1) % COLUMNS
    a, b = row * COLUMNS + column, row * COLUMNS + after
    c, d = a + COLUMNS, b + COLUMNS
    return np.concatenate([np.stack([a, c, d], 1), np.stack([a, d, b], 1)])


def _mirror() -> np.ndarray:
    """(2·S,) what unseen vertices look like: the back like the front, the inner side like the outer."""
    column = np.arange(COLUMNS)
    across = (COLUMNS // 2 - column) % COLUMNS
    ahead = (column < COLUMNS // 4) | (column > 3 * COLUMNS // 4)
    rows = np.arange(ROWS)[:, None] * COLUMNS
    return np.concatenate([(rows + across).ravel(), (rows + np.where(ahead, column, across)).ravel()])


def _chart() -> tuple[torch.Tensor, torch.Tensor]:
    """uv of both layers, and their faces, as those of `put_around` lie. The seam is at the back."""
    column = np.arange(COLUMNS + 1)
    u, v = (column + 0.5) / (COLUMNS + 1) / 2, (np.arange(ROWS) + 0.5) / ROWS
    v = _BODY_SHARE + (1 - _BODY_SHARE) * (0.06 + 0.92 * v)
    grid = np.stack(np.broadcast_arrays(0.98 * u[None] + 0.005, v[:, None]), -1).reshape(-1, 2)
    uv = np.concatenate([grid, grid + np.array([0.5, 0.0])])
    turned = (np.arange((ROWS - 1) * COLUMNS) % COLUMNS + COLUMNS // 2) % COLUMNS
    row = np.arange((ROWS - 1) * COLUMNS) // COLUMNS
    wide = COLUMNS + 1
    a = row * wide + turned
    b, c, d = a + 1, a + wide, a + wide + 1
    outside = np.concatenate([np.stack([a, c, d], 1), np.stack([a, d, b], 1)])
    faces = np.concatenate([outside, outside[:, ::-1] + len(grid)])
    return torch.from_numpy(uv.astype(np.float32)), torch.from_numpy(faces)


def _face_at(model: BodyModel) -> torch.Tensor:
    """(V,) a face at each vertex."""
    out = torch.zeros(model.n_vertices, dtype=torch.int64)
    out[model.faces.flatten()] = torch.arange(len(model.faces)).repeat_interleave(3)
    return out


def with_skirt_offsets(model: BodyModel, offsets: torch.Tensor) -> torch.Tensor:
    """T-pose offsets (V, 3) m of the body as those of the model with its skirt, which brings its own shape."""
    return torch.cat([offsets, offsets.new_zeros(model.n_vertices - len(offsets), 3)])


def settled(
    model: BodyModel, vertices: torch.Tensor, poses: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor
) -> torch.Tensor:
    """Skinned vertices (B, V, 3) m, z towards the viewer, with the skirt as it hangs, and what it covers drawn further
    away: no thigh comes through the cloth. A model without a skirt leaves them as they are.

    poses (B, 24, 3), betas (10,) and T-pose offsets (V, 3) m that they were skinned with; what offsets a skirt has is
    added to how it hangs.
    """
    if model.skirt is None:
        return vertices
    if model.skirt.rest is not None:
        first, count = len(model.skirt.covered), ROWS * COLUMNS
        rows = slice(first, first + count)
        turns = skinning_transforms(model, poses, betas, torch.arange(first, first + count, device=poses.device))[0]
        rest, shift = model.skirt.rest, (turns @ offsets[rows, :, None])[..., 0]
        posed = vertices[:, rows] - shift
        close = posed - (turns @ rest.slack.reshape(-1, 3, 1))[..., 0]
        hangs = rest.hanging(posed.unflatten(1, (ROWS, COLUMNS)), close.unflatten(1, (ROWS, COLUMNS)), poses[:, 0])
        moved = (hangs.flatten(1, 2) - posed).repeat(1, 2, 1)
        vertices = torch.cat([vertices[:, :first], vertices[:, first:] + moved], 1)
    away = torch.zeros_like(vertices)
    away[:, : len(model.skirt.covered), 2] = TUCKED * model.skirt.covered
    return vertices - away


def _float(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
