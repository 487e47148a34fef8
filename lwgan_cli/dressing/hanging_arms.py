"""Arms that hang against the trunk in loose clothes: the person's outline shows neither's edge between them.

The trunk's own outline would be pulled as far as the arm, and the arm, which nothing pulls on that side, kept thin:
raised, it would come out of a swollen waist as a stick. A sleeve is about as wide towards the trunk as it is away from
it, where the outline shows it, and wider where it falls against a wide shirt: what the mask closes between the two is
the arm's by as much, and the trunk's beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.dressing.side_by_side import Alone
from lwgan_cli.fitting.outline import Outline, match, outline, within

ARMS = (16, 18), (17, 19)  # joints of either
HANDS = (20, 21, 22, 23)  # with wrists: neither arm nor trunk
CLEAR = 0.05  # skinning weight of others up to which a point is an arm's alone, or the trunk's: nothing is cut there
WIDEST = 0.2  # m between an arm and the trunk: further apart, what lies between isn't a sleeve and a shirt that meet
SHORTEST = 0.1  # m of an arm along which it meets the trunk
FALLS = 2.0  # times as wide as on its other side that a sleeve is at most where it falls against a shirt
THICK = 0.2  # m: wider than an arm
OPPOSED = -0.5  # cosine below which outlines face one another
TOWARDS = 0.5  # cosine from which a point lies on the side that a normal shows
ALONG = 0.05  # m along an arm over which its sleeve's width is told
STRAIGHT, NEAR = 0.7, 3  # cosine between a pull and the normal from which it isn't past the seam's end; px, or nearby
STEPS = 16  # between arm and trunk at which it is looked for the background

NOTHING = Outline(np.zeros((0, 2)), np.zeros((0, 2)))


@dataclass(frozen=True)
class Pulled:
    """What pulls arms and trunk to their seam: vectors (N, 2) px from points (N, 2) px of the outlines, outward normals
    (N, 2) there, anchors (N, V)."""

    points: np.ndarray
    pull: np.ndarray
    direction: np.ndarray
    anchors: sparse.csr_matrix


@dataclass(frozen=True)
class _Parts:
    """Arms and the trunk, as if each stood alone. Of the outlines there is left what is an arm's or the trunk's alone:
    nothing of where shoulders and wrists are cut."""

    arms: list[Alone]
    trunk: Alone

    @classmethod
    def of(cls, model: BodyModel, vertices: torch.Tensor, known: np.ndarray) -> _Parts:
        weights = model.lbs_weights.cpu().numpy()
        arms = [Alone.of(model, joints, vertices, known) for joints in ARMS]
        alone = [arm.anchors @ weights[:, joints].sum(1) for arm, joints in zip(arms, ARMS, strict=True)]
        rest = np.setdiff1d(np.arange(weights.shape[1]), [*ARMS[0], *ARMS[1], *HANDS])
        trunk = Alone.of(model, rest.tolist(), vertices, known)
        free = trunk.anchors @ weights[:, [*ARMS[0], *ARMS[1]]].sum(1) < CLEAR
        return cls([arm.some(own > 1 - CLEAR) for arm, own in zip(arms, alone, strict=True)], trunk.some(free))


def find_seam(
    model: BodyModel, vertices: torch.Tensor, person: np.ndarray, known: np.ndarray, px_per_m: float
) -> Outline:
    """Where arms meet the trunk: the edge that the arms' outlines have there, normals towards the trunk; of a naked
    body, drawn at vertices (1, V, 3) NDC of the crop, in its clothes. Empty where arms stand free, with background
    beside them, or lie over the trunk.

    person (S, S) bool, its mask; known (S, S) bool, where the crop lies in the picture; px_per_m of the crop
    """
    parts = _Parts.of(model, vertices, known)
    target = within(outline(person), known)
    points, normals = [NOTHING.points], [NOTHING.normals]
    for arm in parts.arms:
        inner, apart = _facing(arm, parts.trunk, person, px_per_m)
        if not len(target.points) or inner.sum() * max(1, len(person) // 256) < SHORTEST * px_per_m:
            continue
        wide = np.linalg.norm(apart[inner], axis=1)
        told = _sleeve(arm.edge, inner, target, px_per_m)
        share = np.maximum(told, np.minimum(wide / 2, FALLS * told)).clip(0, wide) / wide
        points.append(arm.edge.points[inner] + share[:, None] * apart[inner])
        normals.append(arm.edge.normals[inner])
    return Outline(np.concatenate(points), np.concatenate(normals))


def _facing(arm: Alone, trunk: Alone, person: np.ndarray, px_per_m: float) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool, which points of an arm's outline face the trunk's beside it with nothing but the person in between,
    and (N, 2) px the way there."""
    own, other = arm.edge, trunk.edge
    if not len(own.points) or not len(other.points):
        return np.zeros(len(own.points), bool), np.zeros((len(own.points), 2))
    weight = 0.25 * WIDEST * px_per_m  # a normal that doesn't face costs like this many px
    tree = cKDTree(np.hstack([other.points, weight * other.normals]))
    _, nearest = tree.query(np.hstack([own.points, -weight * own.normals]))
    apart = other.points[nearest] - own.points
    wide = np.linalg.norm(apart, axis=1)
    facing = (own.normals * other.normals[nearest]).sum(1) < OPPOSED
    facing &= ((own.normals * apart).sum(1) > TOWARDS * wide) & (wide < WIDEST * px_per_m) & (wide > 1)
    along = own.points[:, None] + np.linspace(0, 1, STEPS)[:, None] * apart[:, None]
    x, y = along.astype(int).clip(0, len(person) - 1).transpose(2, 0, 1)
    inside: np.ndarray = person[y, x].all(1) & ~trunk.mask[y, x][:, 0]
    return facing & inside, apart


def _sleeve(edge: Outline, inner: np.ndarray, target: Outline, px_per_m: float) -> np.ndarray:
    """(M,) px: how far a sleeve reaches beyond the inner points of an arm's outline: as far as beyond the ones across.
    Where it ends inside of those, the arm was fitted beside its place, which takes its inner side along."""
    outer = np.flatnonzero(~inner)
    forward, good = match(Outline(edge.points[outer], edge.normals[outer]), target, WIDEST * px_per_m)
    outer, forward = outer[good], forward[good]
    if not len(outer):
        return np.zeros(int(inner.sum()))
    off = ((target.points[forward] - edge.points[outer]) * edge.normals[outer]).sum(1)
    across = edge.points[inner][:, None] - edge.points[outer][None]
    distance = np.linalg.norm(across, axis=2)
    turned = edge.normals[inner] @ edge.normals[outer].T < OPPOSED
    turned &= (edge.normals[inner][:, None] * across).sum(2) > TOWARDS * distance
    turned &= distance < THICK * px_per_m
    nearest = np.where(turned, distance, np.inf).min(1, keepdims=True)
    beyond = np.where(np.isfinite(nearest), distance - nearest, np.inf)
    weight = turned * np.exp(-0.5 * (beyond / (ALONG * px_per_m / 2)) ** 2)
    told = (weight @ np.abs(off)) / np.maximum(weight.sum(1), 1e-6)
    near = np.linalg.norm(edge.points[inner][:, None] - edge.points[inner][None], axis=2)
    smooth = np.exp(-0.5 * (near / (ALONG * px_per_m)) ** 2)
    width: np.ndarray = (smooth @ told) / smooth.sum(1)
    return width


def pulled(model: BodyModel, seam: Outline, vertices: torch.Tensor, known: np.ndarray, px_per_m: float) -> Pulled:
    """What pulls the arms and the trunk, drawn at vertices (1, V, 3) NDC of the crop, to their seam; known (S, S) bool,
    where the crop lies in the picture; px_per_m of the crop."""
    if not len(seam.points):
        return Pulled(seam.points, seam.points, seam.points, sparse.csr_matrix((0, model.n_vertices)))
    parts = _Parts.of(model, vertices, known)
    of_trunk = Outline(seam.points, -seam.normals)
    found = []
    for part, edge in (*((arm, seam) for arm in parts.arms), (parts.trunk, of_trunk)):
        pull, good = _straight(part.edge, edge, WIDEST * px_per_m)
        found.append((part.some(good), pull[good]))
    return Pulled(
        np.concatenate([own.edge.points for own, _ in found]),
        np.concatenate([pull for _, pull in found]),
        np.concatenate([own.edge.normals for own, _ in found]),
        sparse.vstack([own.anchors for own, _ in found]).tocsr(),
    )


def _straight(own: Outline, other: Outline, far: float) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) px from each point of an outline to the other one, at most `far`, and (N,) bool whether that lies straight
    before or behind it, and not past the other's end."""
    nearest, good = match(own, other, far)
    if not good.any():
        return np.zeros_like(own.points), good
    pull = other.points[nearest] - own.points
    long = np.linalg.norm(pull, axis=1)
    return pull, good & ((np.abs((pull * own.normals).sum(1)) >= STRAIGHT * long) | (long < NEAR))
