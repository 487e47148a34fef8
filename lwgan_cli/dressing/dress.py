"""Clothed offsets: the naked body's surface pulled onto the person's outline.

Hair, clothes and shoes lie outside the body that the fit finds. Smooth T-pose offsets move the surface until its
silhouette is the person mask's, so that they travel with the body. First the surface swells along its normals, on
the far side as much as on the near one (a coat is thick all round), and on both sides of the body alike; but what
stands far off at the sides, an open jacket, a skirt, is taken to hang wide, not to be as thick in depth. Then what
is left moves in the picture plane. What the outline doesn't show, arms against the trunk, thighs that touch, so
takes its thickness from the same limb's free side; legs end where they meet, see `side_by_side`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import ConvexHull, cKDTree
from torch.nn.functional import normalize

from lwgan_cli.body.hand_size import bare_hands
from lwgan_cli.body.model import BodyModel, skin, skinning_transforms
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_normals
from lwgan_cli.dressing.hanging_arms import find_seam, pulled
from lwgan_cli.dressing.lattice import lattice
from lwgan_cli.dressing.side_by_side import Met, anchored, legs_met
from lwgan_cli.dressing.unfold import flipped_faces, unfold
from lwgan_cli.fitting.outline import REACH, Outline, match, outline, within
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Fragments

HEAD, HANDS, ANKLES, TOES, WRISTS = 15, (22, 23), (7, 8), (10, 11), (20, 21)
ARMS = (16, 17, 18, 19, *WRISTS, *HANDS)
LEGS = (1, 4), (2, 5)
HIPS = (0, 1, 2)  # pelvis and thighs
STEPS = 24  # along a pull at which it is looked for an arm or the other leg
SHOE, BEHIND_TOES = 0.004, 0.05  # m of leather around a foot; from the toes back to the middle of the foot
TOES_CLOSED = 0.85  # share of the way out to the foot's hull
SWELL_BEND, SWELL_STEP, SWELL_RING, SWELL_MIRROR, SWELL_KEEP = 4.0, 0.02, 0.2, 0.15, 0.002
MOVE_BEND, MOVE_STEP, MOVE_KEEP = 1.0, 0.05, 0.1
THICK, FLARE = 0.02, 0.3  # m of cloth that may lie all round a body; of what is more, the share that depth gets
FACE_KEEP = 1.0  # beyond SWELL_KEEP: no hair pushes the face out
HAND_KEEP = 1.0  # beyond the others: a forearm's swelling doesn't go on, ever thicker, over the hand that it ends at
CHEEK_KEEP = 3.0  # likewise: hair beside a neck, or over ears, doesn't go on over the cheeks
CHEEKS = (0.1, 0.5)  # share of the way from ears to eyes over which they begin …
TEMPLES = (0.5, 0.1)  # … and of the height from the eyes to the head's top, over which they end
STRETCHED = 3.0
STRETCHED_M = 0.02  # m; tiny faces may well grow threefold
APART = 1 / 128  # of the crop's side, beyond which outline points aren't neighbours
HAND_REACH = 0.07  # m that a hand in the photo is beside the fitted one at most


def _face_front(model: BodyModel) -> np.ndarray:
    """(V,) in [0, 1]: the face, whose depth no hair should push out."""
    seen_from_front = model.v_template * torch.tensor([1.0, 1.0, -1.0])  # depth away from the viewer
    normals = normalize(vertex_normals(seen_from_front[None], model.faces)[0], dim=-1)
    return (model.lbs_weights[:, HEAD] * normals[:, 2].clamp(0, 1)).numpy()


def _cheeks(model: BodyModel) -> np.ndarray:
    """(V,) in [0, 1]: the face as far as the ears, cheeks and jaw. Beside hair the outline there is that of the hair;
    the face's own is known by its features, see `face_dress.lay_face`."""
    places, marks = model.v_template.cpu().numpy(), model.landmarks
    eye, ear = (places[[marks[f"left_{part}"], marks[f"right_{part}"]]].mean(0) for part in ("eye", "ear"))
    ahead = smoothstep((places[:, 2] - ear[2]) / (eye[2] - ear[2]), *CHEEKS)
    low = smoothstep((places[:, 1] - eye[1]) / (places[marks["head_top"], 1] - eye[1]), *TEMPLES)
    cheeks: np.ndarray = model.lbs_weights[:, HEAD].cpu().numpy() * ahead * low
    return cheeks


@dataclass(frozen=True)
class Dressed:
    """offsets (V, 3) m, T-pose; iou of naked and dressed silhouettes against the mask."""

    offsets: torch.Tensor
    iou_naked: float
    iou: float


def dress(
    model: BodyModel,
    pose: torch.Tensor,
    betas: torch.Tensor,
    camera: torch.Tensor,
    mask: np.ndarray,
    swells: int = 2,
    moves: int = 4,
    known: np.ndarray | None = None,
) -> Dressed:
    """Offsets that put the body's silhouette on a person mask.

    pose (24, 3) rad, betas (10,), camera (3,) for the crop that `mask` (S, S) float [0, 1] shows;
    swells and moves: rounds along the normals, then in the picture plane; known (S, S) bool: where the crop lies in
    the picture, None: everywhere. Beyond the picture's edge clothes and hair go on as they reach it.
    """
    size = mask.shape[0]
    person = mask > 0.5
    known = np.ones_like(person) if known is None else known
    target = within(outline(person), known)
    offsets = torch.zeros_like(model.v_template)
    nodes = lattice(model)
    count = nodes.spread.shape[1]
    still = HAND_KEEP * nodes.mean(model.lbs_weights.numpy()[:, list(HANDS + WRISTS)].sum(1))
    still = still + CHEEK_KEEP * nodes.mean(_cheeks(model))
    stays = SWELL_KEEP + FACE_KEEP * nodes.mean(_face_front(model)) + still
    swelling = SWELL_BEND * nodes.bend + SWELL_STEP * nodes.step + SWELL_RING * nodes.ring
    swelling = swelling + SWELL_MIRROR * nodes.mirror + sparse.diags(stays)
    moving = MOVE_BEND * nodes.bend + MOVE_STEP * nodes.step + sparse.diags(MOVE_KEEP + still)
    swell, moved = np.zeros(count), np.zeros((count, 2))  # px, so far
    inverse = torch.linalg.inv(skinning_transforms(model, pose[None], betas)[0][0])
    px_per_m = float(camera[0]) * size / 2
    thick = nodes.spread @ nodes.radius * px_per_m  # an outline further inside isn't this limb's: the mask lacks that
    iou_naked = iou = 0.0
    best = (-1.0, offsets)

    def drawn(worn: torch.Tensor) -> tuple[torch.Tensor, Fragments]:
        vertices, _ = skin(model, pose[None], betas, worn)
        vertices_ndc = project(vertices, camera[None])
        return vertices_ndc, rasterize(vertices_ndc, model.faces, size)

    for step in range(swells + moves + 1):
        vertices_ndc, fragments = drawn(offsets)
        body = fragments.mask[0].numpy()
        iou = _overlap(body & known, person & known)
        iou_naked = iou if step == 0 else iou_naked
        if iou > best[0]:
            best = (iou, offsets)
        if step == swells + moves:
            break
        edge = within(outline(body, step=max(1, size // 256)), known)
        met = legs_met(model, vertices_ndc, person, known, px_per_m)
        if step == 0:
            seam = find_seam(model, vertices_ndc, person, known, px_per_m)
        hung = pulled(model, seam, vertices_ndc, known, px_per_m)
        pull, direction, anchors, trust = _pulls(
            fragments, model, edge, target, met, hung.points, HAND_REACH * px_per_m
        )
        lacking = (pull * direction).sum(1) < -(anchors @ thick)
        pull, direction, anchors, trust = (each[~lacking] for each in (pull, direction, anchors, trust))
        anchors = sparse.vstack([anchors, met.anchors, hung.anchors]).tocsr()
        pull = np.concatenate([pull, met.pull, hung.pull])
        direction = np.concatenate([direction, met.direction, hung.direction])
        trust = np.concatenate([trust, met.trust, np.ones(len(hung.pull))])
        if not len(pull):
            break
        if step < swells:
            normals = nodes.smoothed(normalize(vertex_normals(vertices_ndc, model.faces)[0], dim=-1).numpy())
            normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
            flat = normals[:, :2] * np.array([1, -1])
            along = sparse.diags(direction[:, 0]) @ anchors @ sparse.diags(flat[:, 0])
            along = (along + sparse.diags(direction[:, 1]) @ anchors @ sparse.diags(flat[:, 1])) @ nodes.spread
            solve = factor(along.T @ sparse.diags(trust) @ along + swelling)
            grow = solve(along.T @ (trust * (pull * direction).sum(1)) - swelling @ swell)
            before = nodes.spread @ swell / px_per_m
            swell = swell + grow
            after = nodes.spread @ swell / px_per_m
            move = normals * ((after - before) * px_per_m)[:, None]
            move[:, 2] = normals[:, 2] * (in_depth(after) - in_depth(before)) * px_per_m
        else:
            held = anchors @ nodes.spread
            solve = factor(held.T @ sparse.diags(trust) @ held + moving)
            right = held.T @ (trust[:, None] * pull) - moving @ moved
            shift = np.stack([solve(right[:, axis]) for axis in (0, 1)], 1)
            moved = moved + shift
            flat = nodes.spread @ shift
            move = np.concatenate([flat * np.array([1, -1]), np.zeros((len(flat), 1))], 1)
        step_m = torch.from_numpy((move / px_per_m).astype(np.float32))
        offsets = offsets + torch.einsum("vij,vj->vi", inverse, step_m)
    offsets = unfold(model, pose, betas, bare_hands(model, best[1])) + _joined_toes(model)
    body = drawn(offsets)[1].mask[0].numpy()
    return Dressed(offsets, iou_naked, _overlap(body & known, person & known))


def in_depth(thickness: np.ndarray) -> np.ndarray:
    """How thick clothes are towards the viewer and away, m, that stand off the body by thickness m at its sides."""
    return np.minimum(thickness, THICK) + FLARE * np.maximum(thickness - THICK, 0)


def _joined_toes(model: BodyModel) -> torch.Tensor:
    """(V, 3) m: toes as one, as in a shoe: carried outwards, away from the middle of the foot, onto the foot's convex
    hull. Most people wear shoes, and no outline shows gaps between toes.

    What lies further inside stays so by a little: no surface folds over another.
    """
    places, weights = model.v_template.cpu().double().numpy(), model.lbs_weights.cpu().numpy()
    out = np.zeros_like(places)
    for ankle, toes in zip(ANKLES, TOES, strict=True):
        foot = weights[:, [ankle, toes]].sum(1) > 0.5
        shell = ConvexHull(places[foot & (places[:, 1] < float(model.joint_template[ankle, 1]))]).equations
        own = weights[:, toes] > 0
        share = weights[own, toes]
        middle = places[own][(share > 0.2) & (share < 0.8)].mean(0) - [0, 0, BEHIND_TOES]
        direction = places[own] - middle
        away = np.linalg.norm(direction, axis=1, keepdims=True)
        direction /= np.maximum(away, 1e-6)
        towards, room = direction @ shell[:, :3].T, SHOE - shell[:, 3] - shell[:, :3] @ middle
        reach = np.where(towards > 1e-6, room / np.maximum(towards, 1e-6), np.inf).min(1)
        carried = np.maximum(reach[:, None] - away, 0)
        out[own] = smoothstep(share, 0.0, 0.6)[:, None] * TOES_CLOSED * carried * direction
    return torch.from_numpy(out).to(model.v_template)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def factor(system: sparse.spmatrix) -> Callable[[np.ndarray], np.ndarray]:
    """Solves with a sparse symmetric positive matrix: no pivots need to be looked for, which takes half the time."""
    solve: Callable[[np.ndarray], np.ndarray] = splu(
        system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    ).solve
    return solve


def _pulls(
    fragments: Fragments, model: BodyModel, edge: Outline, target: Outline, met: Met, held: np.ndarray, beside: float
) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix, np.ndarray]:
    """What pulls on the surface: vectors (N, 2) px, the outline's normals there (N, 2), anchors (N, V), trust (N,);
    held (M, 2) px: points of outlines that something else pulls; beside: px to either side of a hand within which the
    person's outline is its.

    Both ways: each point of the body's outline to the person's, and each point of the person's to the body's, so
    that no bulge of either is missed. What of a leg lies over the other one, with background between them, is of the
    body's outline, too.
    """
    face = fragments.pix_to_face[0].numpy()
    reach, shown = REACH * len(face), len(edge.points)
    anchors = anchored(fragments, model.faces, len(model.v_template), edge)
    anchors = sparse.vstack([anchors, met.beyond_anchors]).tocsr()
    edge = Outline(np.concatenate([edge.points, met.beyond.points]), np.concatenate([edge.normals, met.beyond.normals]))
    hands = anchors @ model.lbs_weights.numpy()[:, list(HANDS + WRISTS)].sum(1)
    still = np.maximum(hands, anchors @ _cheeks(model))
    forward, good = match(edge, target, reach)
    back, back_good = match(target, edge, reach)
    if len(held):
        own = cKDTree(held).query(edge.points)[0] > APART * len(face)
        good, back_good = good & own, back_good & own[back]
    # the outline of a hand pulls nothing: neither the hand itself nor the trousers beside it; nor does that of a cheek
    good &= (still < 0.5) & ((hands[back[forward]] < 0.5) if len(back) else False)
    back_good &= still[back] < 0.5 if len(still) else False
    pull = (
        np.concatenate([target.points[forward] - edge.points, target.points - edge.points[back]])
        if len(target.points)
        else np.zeros((0, 2))
    )
    if not len(pull):
        return pull, pull, anchors[:0], np.zeros(0)
    direction = np.concatenate([edge.normals, edge.normals[back]])
    every = sparse.vstack([anchors, anchors[back]]).tocsr()
    # … nor thighs outwards where it lies beside the fitted one; hair beside raised hands isn't theirs
    outwards = ((pull * direction).sum(1) > 0) & (every @ model.lbs_weights.numpy()[:, list(HIPS)].sum(1) > 0.5)
    of_hand = _of_hands(face, model, target, beside)
    keep = np.concatenate([good, back_good]) & ~(outwards & np.concatenate([of_hand[forward], of_hand]))
    free = np.concatenate([np.arange(len(edge.points)), back]) < shown
    pull[free] = to_limbs(fragments, model, np.concatenate([edge.points, edge.points[back]])[free], pull[free])
    trust = np.concatenate([np.ones(len(forward)), np.full(len(back), 0.5 * len(forward) / max(len(back), 1))])
    return pull[keep], direction[keep], every[keep], trust[keep]


def _of_hands(face: np.ndarray, model: BodyModel, target: Outline, beside: float) -> np.ndarray:
    """(N,) bool: points of the person's outline straight inwards or outwards of which, `beside` px at most, a hand of
    the drawn body lies, whose faces (S, S) are shown, -1 for none: next to a skirt's edge, hands are off to the side.
    """
    hand = (face >= 0) & np.isin(model.parts.numpy()[model.faces.numpy()[:, 0]], HANDS + WRISTS)[face]
    along = target.points - np.linspace(-beside, beside, 2 * STEPS)[:, None, None] * target.normals
    columns, rows = along.astype(int).clip(0, len(face) - 1).transpose(2, 0, 1)
    within: np.ndarray = hand[rows, columns].any(0)
    return within


def to_limbs(fragments: Fragments, model: BodyModel, points: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Pulls (N, 2) px on outline points (N, 2) px of the drawn body, none across an arm or from one leg across the
    other: where an arm hangs against the trunk the person's outline beyond it is the arm's own, and the shirt reaches
    to the arm; thighs that touch meet halfway, since both are pulled."""
    face, parts = fragments.pix_to_face[0].numpy(), model.parts.numpy()[model.faces.numpy()[:, 0]]
    share = np.linspace(0, 1, STEPS)
    along = points[:, None] + share[:, None] * pull[:, None]
    x, y = along.astype(int).clip(0, len(face) - 1).transpose(2, 0, 1)
    part = np.where(face >= 0, parts[face], -1)[y, x]
    arm, left, right = (np.isin(part, limb) for limb in (ARMS, *LEGS))
    leg = (right & left[:, :1]) | (left & right[:, :1])
    met = (arm & ~arm[:, :1]) | leg
    first = met.argmax(1)
    half = np.where(leg[np.arange(len(leg)), first], 0.5, 1.0)
    reach = np.where(met.any(1), half * share[first], 1)
    return pull * reach[:, None]


@dataclass(frozen=True)
class Tears:
    """What clothes do to the surface in given poses, faces a frame: flipped ones face the other way than the naked
    body's, stretched ones have an edge more than STRETCHED times as long as it has there."""

    flipped: float
    stretched: float


def tears(model: BodyModel, poses: torch.Tensor, betas: torch.Tensor, offsets: torch.Tensor) -> Tears:
    """Count them over the poses (T, 24, 3); betas (10,), offsets (V, 3) or (T, V, 3) m, T-pose."""
    offsets = offsets.expand(len(poses), -1, -1)
    flipped = stretched = 0
    for pose, worn in zip(poses.split(1), offsets.split(1), strict=True):
        naked, dressed = (skin(model, pose, betas, o)[0][0][model.faces] for o in (None, worn))
        edges = [(c - c.roll(1, 1)).norm(dim=-1).amax(1) for c in (naked, dressed)]
        flipped += int(flipped_faces(model, pose, betas, worn).sum())
        stretched += int(((edges[1] > STRETCHED * edges[0]) & (edges[1] > STRETCHED_M)).sum())
    return Tears(flipped / len(poses), stretched / len(poses))
