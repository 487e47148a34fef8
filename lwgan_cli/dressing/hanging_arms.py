"""Arms that hang against the trunk in loose clothes: the person's outline shows neither's edge between them.

The trunk's own outline would be pulled as far as the arm, and the arm, which nothing pulls on that side, kept thin:
raised, it would come out of a swollen waist as a stick. A sleeve is about as wide towards the trunk as it is away from
it, where the outline shows it: what the mask closes between the two is the arm's by as much, and the trunk's beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.dressing.side_by_side import anchored
from lwgan_cli.fitting.outline import Outline, match, outline, within

ARMS = (16, 18), (17, 19)  # joints of either, hands left out
BESIDE = (20, 21, 22, 23)  # wrists and hands: neither arm nor trunk
CLEAR = 0.05  # skinning weight of the chest and collar up to which a point is an arm's alone: nothing is cut there
WIDEST = 0.2  # m between an arm and the trunk: further apart, what lies between isn't a sleeve and a shirt that meet
THICK = 0.2  # m: wider than an arm
OPPOSED = -0.5  # cosine below which outlines face one another
TOWARDS = 0.5  # cosine from which a point lies on the side that a normal shows
ALONG = 0.05  # m along an arm over which its sleeve's width is told
STRAIGHT, NEAR = 0.7, 3  # cosine between a pull and the normal from which it isn't past the seam's end; px, or nearby
STEPS = 16  # between arm and trunk at which it is looked for the background


@dataclass(frozen=True)
class Seam:
    """Where arms meet the trunk: the edge (N,) that the arms' outlines have there, normals towards the trunk."""

    edge: Outline

    @property
    def of_trunk(self) -> Outline:
        """The same as the trunk's edge."""
        return Outline(self.edge.points, -self.edge.normals)


@dataclass(frozen=True)
class Pulled:
    """What pulls arms and trunk to their seam: vectors (N, 2) px from points (N, 2) px, outward normals (N, 2) there,
    anchors (N, V)."""

    points: np.ndarray
    pull: np.ndarray
    direction: np.ndarray
    anchors: sparse.csr_matrix


@dataclass(frozen=True)
class _Alone:
    """A part of the body as if it stood alone: its mask (S, S) bool, outline, and the anchors (N, V) of that."""

    mask: np.ndarray
    edge: Outline
    anchors: sparse.csr_matrix

    @classmethod
    def of(cls, model: BodyModel, joints: np.ndarray, vertices: torch.Tensor, known: np.ndarray) -> _Alone:
        size = len(known)
        own = model.faces[torch.isin(model.parts[model.faces], torch.from_numpy(joints)).all(1)]
        fragments = rasterize(vertices, own, size)
        mask = fragments.mask[0].numpy()
        edge = within(outline(mask, step=max(1, size // 256)), known)
        return cls(mask, edge, anchored(fragments, own, len(model.v_template), edge))

    def some(self, rows: np.ndarray) -> _Alone:
        """With some points of the outline only."""
        return _Alone(self.mask, Outline(self.edge.points[rows], self.edge.normals[rows]), self.anchors[rows])


def _alone(model: BodyModel, vertices: torch.Tensor, known: np.ndarray) -> tuple[list[_Alone], _Alone]:
    """Both arms, without what of their outlines is cut off at the shoulder and the wrist, and the trunk."""
    weights = model.lbs_weights.cpu().numpy()
    arms = [_Alone.of(model, np.array(joints), vertices, known) for joints in ARMS]
    arms = [
        arm.some(arm.anchors @ weights[:, list(joints)].sum(1) > 1 - CLEAR)
        for arm, joints in zip(arms, ARMS, strict=True)
    ]  # fmt: skip
    rest = np.setdiff1d(np.arange(weights.shape[1]), [*ARMS[0], *ARMS[1], *BESIDE])
    trunk = _Alone.of(model, rest, vertices, known)
    limbs = weights[:, [*ARMS[0], *ARMS[1]]].sum(1)
    return arms, trunk.some(trunk.anchors @ limbs < CLEAR)


def find_seam(
    model: BodyModel, vertices: torch.Tensor, person: np.ndarray, known: np.ndarray, px_per_m: float
) -> Seam:
    """The seam of a naked body, drawn at vertices (1, V, 3) NDC of the crop, in its clothes; empty where arms stand
    free, with background beside them, or lie over the trunk.

    person (S, S) bool, its mask; known (S, S) bool, where the crop lies in the picture; px_per_m of the crop
    """
    arms, trunk = _alone(model, vertices, known)
    target = within(outline(person), known)
    points, normals = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for arm in arms:
        if not len(arm.edge.points) or not len(trunk.edge.points) or not len(target.points):
            continue
        inner, apart = _facing(arm, trunk, person, px_per_m)
        if not inner.any():
            continue
        wide = np.linalg.norm(apart[inner], axis=1)
        share = _sleeve(arm.edge, inner, target, px_per_m).clip(0, wide) / np.maximum(wide, 1e-6)
        points.append(arm.edge.points[inner] + share[:, None] * apart[inner])
        normals.append(arm.edge.normals[inner])
    return Seam(Outline(np.concatenate(points), np.concatenate(normals)))


def _facing(arm: _Alone, trunk: _Alone, person: np.ndarray, px_per_m: float) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool, which points of an arm's outline face the trunk's beside it with nothing but the person in between,
    and (N, 2) px the way there."""
    own, other = arm.edge, trunk.edge
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


def pulled(model: BodyModel, seam: Seam, vertices: torch.Tensor, known: np.ndarray, px_per_m: float) -> Pulled:
    """What pulls the arms and the trunk, drawn at vertices (1, V, 3) NDC of the crop, to their seam; known (S, S) bool,
    where the crop lies in the picture; px_per_m of the crop."""
    arms, trunk = _alone(model, vertices, known)
    found = [(trunk.some(np.zeros(len(trunk.edge.points), bool)), np.zeros((0, 2)))]
    for part, edge in ((arms[0], seam.edge), (arms[1], seam.edge), (trunk, seam.of_trunk)):
        nearest, good = match(part.edge, edge, WIDEST * px_per_m)
        if good.any():
            pull = edge.points[nearest] - part.edge.points
            straight = np.abs((pull * part.edge.normals).sum(1)) >= STRAIGHT * np.linalg.norm(pull, axis=1)
            good &= straight | (np.linalg.norm(pull, axis=1) < NEAR)
            found.append((part.some(good), pull[good]))
    return Pulled(
        np.concatenate([own.edge.points for own, _ in found]),
        np.concatenate([pull for _, pull in found]),
        np.concatenate([own.edge.normals for own, _ in found]),
        sparse.vstack([own.anchors for own, _ in found]).tocsr(),
    )
