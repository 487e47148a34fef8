"""The face: head turn, gaze and facial actions from the face mesh's points.

A face is its owner's neutral shape plus actions, seen under weak perspective: p = s·R·(n + D·a) + t. The neutral shape
differs from person to person, smoothly (a Gaussian process over the surface); actions are sparse and never negative.
What a photo or a clip's calmest frames show is neutral, unless no neutral face could look like that: parted lips and
closed eyes are actions anywhere. The actions that move a driver then move any other neutral face. Actions are the
body's, and no mouth purses or frowns just as they have it: what they leave over of the points is kept beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve, solveh_banded
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.face_detect import FacePoints
from lwgan_cli.detection.face_places import IRIS, FacePlaces
from lwgan_cli.records import N_ACTIONS

NOISE = 0.0010  # m, of a detected point, beside its own spread
DEPTH_NOISE = 3.0  # times as much along the line of sight
IDENTITY = ((0.005, 0.030), (0.0025, 0.007))  # m: how far neutral faces differ, and over which distance alike
POINT_SHARE = 0.3  # of the points' trust in a single frame: neighbours err together
KEEN = 20.0  # times that trust in the few points that show what eyes and lips do
MOST, MOST_GAZE = 1.2, 1.6  # strengths: faces go a little beyond the body's actions, eyes far
ACTION_SPREAD = 0.6  # prior of a strength …
ACTION_COST = 2.0  # … and what it costs to use one at all
CALM = 0.25  # share of a clip's frames that its neutral face is taken from
CERTAIN, CERTAIN_BLINK = 0.2, 0.5  # less of an action in a neutral face is its shape
UNSEEN = ("tongueOut", "cheekPuff", "jawForward", "mouthClose")  # the mesh's points say nothing of them
OPEN = 0.8  # share of a clip's frames in which eyes are open no wider than they usually are
STILL_TURN, STILL_ACTION = np.radians(0.7), 0.02  # noise of a frame that smoothing takes out
STILL_FEATURE = 0.0003  # m, likewise, of a point
FURTHEST = 0.015  # m that a point may lie off what the actions make of it
LINGER = 0.2  # s, in which a face that is lost goes back to neutral
LIPS = (13, 14, 61, 291, 78, 308, 81, 82, 311, 312, 87, 178, 317, 402, 0, 17)  # inner edges, corners, middles
EYES = (159, 145, 158, 153, 160, 144, 157, 154, 161, 163, 386, 374, 385, 380, 387, 373, 384, 381, 388, 390)
LIDS = (((159, 145), (158, 153), (160, 144)), ((386, 374), (385, 380), (387, 373)))  # upper and lower, right and left
MOVED = 0.004  # m: points that actions move further say less of the head
LEAST_OPENING = 0.003  # m
SHUT = 0.16  # of the opening of open eyes, that the mesh's lids stay apart by in shut ones
BLINKS = ("eyeBlinkRight", "eyeBlinkLeft")
WIDE = ("eyeWideRight", "eyeWideLeft")
IRISES = (slice(468, 473), slice(473, 478))  # right and left
EYE_CORNERS = ((33, 133), (263, 362))  # of right and left eye
AROUND_EYE = 0.016  # m from the iris: what lids and gaze move
ASIDE = (("eyeLookInRight", "eyeLookOutRight"), ("eyeLookInLeft", "eyeLookOutLeft"))


@dataclass(frozen=True)
class FaceModel:
    """A body's face as the points see it, metres in T-pose.

    neutral  (478, 3) of the mean shape: how a person differs from it is left to `Face.neutral`, size to the camera
    actions  (52, 478, 3) displacement at full strength
    noise    (478,) m of a point
    names    of the actions; most (52,) strength that is looked for, 0 where the points can't tell
    """

    neutral: np.ndarray
    actions: np.ndarray
    noise: np.ndarray
    names: tuple[str, ...]
    most: np.ndarray

    @classmethod
    def of(cls, model: BodyModel, places: FacePlaces) -> FaceModel | None:
        """None for a body without facial actions."""
        if model.actions is None:
            return None
        moved = torch.zeros(N_ACTIONS, model.n_vertices, 3)
        moved[:, model.actions.vertices] = model.actions.offsets.cpu()
        names = model.actions.names
        return cls(
            places.of(model.v_template.cpu()).double().numpy(),
            places.of(moved).double().numpy(),
            np.hypot(places.spread.numpy().astype(np.float64), NOISE),
            names,
            np.array([0 if n in UNSEEN else MOST_GAZE if n.startswith("eyeLook") else MOST for n in names]),
        )

    @cached_property
    def stiff(self) -> np.ndarray:
        """(478,) weights, 1 in all, of the points by how little the actions move them: they tell of the head."""
        weight = 1 / self.noise**2 / (1 + (np.linalg.norm(self.actions, axis=-1).max(0) / MOVED) ** 2)
        return weight / weight.sum()

    @cached_property
    def around_eyes(self) -> np.ndarray:
        """(2, 478) bool: right and left eye, and what of the face lids and gaze move."""
        middles = np.stack([self.neutral[iris].mean(0) for iris in IRISES])
        return np.linalg.norm(self.neutral - middles[:, None], axis=-1) < AROUND_EYE

    def covariance(self) -> np.ndarray:
        """(478, 478) m² of neutral faces' differences, for each axis."""
        return kernel(self.neutral, self.neutral)

    def lids(self, neutral: np.ndarray) -> np.ndarray:
        """(52, 52) that turns strengths of a `Face` into those of this body's actions with the neutral shape (478, 3):
        body = face @ lids.

        Blinks are shares of the eye's opening, whatever else the face does: where gaze or cheeks move this body's lids
        too, its blink makes up for it. All other actions are the body's.
        """
        matrix = np.eye(len(self.names))
        closes = -self.opening(self.actions)
        for side, (blink, wide) in enumerate(zip(BLINKS, WIDE, strict=True)):
            at, opens = self.names.index(blink), self.names.index(wide)
            opening = max(self.opening(neutral)[side], LEAST_OPENING)
            matrix[:, at] = -closes[:, side] / closes[at, side]
            matrix[opens, [opens, at]] = opening / self.opening(self.neutral)[side], 0.0
            matrix[at, at] = opening / closes[at, side]
        return matrix

    def shut(self, neutral: np.ndarray, shape: np.ndarray) -> np.ndarray:
        """(T, 2) how far points (T, 478, 3) m in T-pose have the right and the left eye shut: 0 as wide open as they
        usually are, and at least as the neutral face (478, 3) has them, 1 shut, below 0 wider.

        The calmest frames may be those of somebody who looks down.
        """
        opening = self.opening(shape)
        usual = np.maximum(np.quantile(opening, OPEN, axis=0), np.maximum(self.opening(neutral), LEAST_OPENING))
        return np.minimum((1 - opening / usual) / (1 - SHUT), 1.0)

    def opening(self, shape: np.ndarray) -> np.ndarray:
        """(..., 2) m between the lids of right and left eye of points (..., 478, 3)."""
        upper, lower = np.moveaxis(np.array(LIDS), -1, 0)  # (2, 3) each
        return (shape[..., upper, 1] - shape[..., lower, 1]).mean(-1)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) covariance m² of the neutral shape's differences at places (N, 3) and (M, 3) m in T-pose."""
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return sum((spread**2 * np.exp(-squared / (2 * reach**2)) for spread, reach in IDENTITY), np.zeros_like(squared))


@dataclass(frozen=True)
class Face:
    """What a clip's or a photo's face does.

    strengths  (T, 52) of the actions, see `FaceModel.lids`
    turns      (T, 3, 3) of the head, T-pose's axes to the viewer's
    centres    (T, 2) px, y down: middle of the points, weighted by `FaceModel.stiff`
    trust      (T,) in [0, 1]: falls to 0 where no face is seen
    neutral    (478, 3) m, T-pose: the owner's neutral face
    features   (T, 478, 3) m, T-pose: what the actions leave over, see `left_over`
    """

    strengths: np.ndarray
    turns: np.ndarray
    centres: np.ndarray
    trust: np.ndarray
    neutral: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.strengths)


def fit_face(face: FaceModel, points: FacePoints, shots: np.ndarray, fps: float) -> Face | None:
    """Head turns, actions and the neutral face of one person's frames; None where no face is found at all.

    points of T frames, shots (T,) int (nothing is smoothed across a change), fps frames per second.
    """
    rows = np.flatnonzero(points.found)
    if not len(rows):
        return None
    seen = to_view(points.points[rows])
    first = rigid(seen, face.neutral, 1 / face.noise**2)
    strengths, pose = follow(face, face.neutral, seen, first, rounds=2)
    calm = calmest(strengths)
    neutral = neutral_face(face, seen[calm], pose[calm])
    strengths, pose = follow(face, neutral, seen, pose, rounds=3)
    strengths = together(face, strengths, calm)
    shape = pose.back(seen)
    strengths = with_lids(face, strengths, face.shut(neutral, shape))
    features = left_over(face, strengths, neutral, shape, pose.turns[:, 2])
    always = np.median(features[calm], 0)
    features, neutral = nearby(features - always), neutral + always
    centres = np.einsum("n,tnc->tc", face.stiff, points.points[rows, :, :2].astype(np.float64))
    return spread_out(rows, len(points), strengths, pose.turns, centres, shots, fps, neutral, features)


def left_over(
    face: FaceModel, strengths: np.ndarray, neutral: np.ndarray, shape: np.ndarray, sight: np.ndarray
) -> np.ndarray:
    """(T, 478, 3) m, T-pose: how far a face's points (T, 478, 3) lie off what its strengths (T, 52) make of its neutral
    shape (478, 3), across the line of sight (T, 3).

    Eyes, whose lids are known from their opening alone, move as a whole.
    """
    left = shape - neutral - np.einsum("ta,anc->tnc", strengths @ face.lids(neutral), face.actions)
    left -= np.einsum("tnc,tc->tn", left, sight)[..., None] * sight[:, None]
    for corners, around in zip(EYE_CORNERS, face.around_eyes, strict=True):
        left[:, around] = left[:, corners].mean(1, keepdims=True)
    return left


def nearby(moves: np.ndarray) -> np.ndarray:
    """Moves (T, 478, 3) m, none of them further than a detector that makes no mistake shows."""
    return moves * np.minimum(FURTHEST / np.maximum(np.linalg.norm(moves, axis=-1, keepdims=True), 1e-9), 1)


def with_lids(face: FaceModel, strengths: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """Strengths (T, 52) of the body's actions as a `Face` has them: eyes as far shut (T, 2) as their lids show."""
    strengths = strengths.copy()
    for side, (blink, wide) in enumerate(zip(BLINKS, WIDE, strict=True)):
        gain = face.opening(face.actions[face.names.index(wide)])[side] / face.opening(face.neutral)[side]
        strengths[:, face.names.index(blink)] = np.maximum(shut[:, side], 0)
        strengths[:, face.names.index(wide)] = np.minimum(np.maximum(-shut[:, side], 0) / gain, MOST)
    return strengths


def to_view(points: np.ndarray) -> np.ndarray:
    """Picture px, y down and z away → y up and z towards the viewer, float64."""
    return points.astype(np.float64) * np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class HeadPose:
    """turns (T, 3, 3), scale (T,) px per metre, shift (T, 3) px of the T-pose's origin, view axes."""

    turns: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> HeadPose:
        return HeadPose(self.turns[rows], self.scale[rows], self.shift[rows])

    def back(self, seen: np.ndarray) -> np.ndarray:
        """Points (T, N, 3) px, view axes → metres in T-pose."""
        return np.einsum("tji,tnj->tni", self.turns, seen - self.shift[:, None]) / self.scale[:, None, None]


def rigid(seen: np.ndarray, shape: np.ndarray, weight: np.ndarray) -> HeadPose:
    """Weighted similarities from a shape (N, 3) or (T, N, 3) m to points (T, N, 3) px (Umeyama, 1991)."""
    shape = np.broadcast_to(shape, seen.shape)
    share = weight / weight.sum()
    middle_seen, middle = np.einsum("n,tnc->tc", share, seen), np.einsum("n,tnc->tc", share, shape)
    centred_seen, centred = seen - middle_seen[:, None], shape - middle[:, None]
    u, values, vt = np.linalg.svd(np.einsum("n,tni,tnj->tij", share, centred_seen, centred))
    sign = np.ones_like(values)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    turns = (u * sign[:, None]) @ vt
    scale = (values * sign).sum(1) / np.einsum("n,tnc->t", share, centred**2)
    return HeadPose(turns, scale, middle_seen - scale[:, None] * np.einsum("tij,tj->ti", turns, middle))


def follow(
    face: FaceModel, neutral: np.ndarray, seen: np.ndarray, pose: HeadPose, rounds: int
) -> tuple[np.ndarray, HeadPose]:
    """Actions (T, 52) and head poses in turns, for a known neutral face (478, 3)."""
    weight = POINT_SHARE / face.noise**2
    weight[[*LIPS, *EYES, *range(IRIS.start, IRIS.stop)]] *= KEEN
    moves = face.actions * (face.most > 0)[:, None, None]
    products = np.einsum("n,ani,bnj->abij", weight, moves, moves, optimize=True)
    strengths = np.zeros((len(seen), N_ACTIONS))
    for _ in range(rounds):
        left = pose.back(seen) - neutral
        sight = pose.turns[:, 2]  # the line of sight in T-pose's axes
        metric = np.eye(3) - (1 - DEPTH_NOISE**-2) * sight[:, :, None] * sight[:, None]
        hessian = np.einsum("abij,tij->tab", products, metric, optimize=True)
        gradient = np.einsum("n,anj,tni,tij->ta", weight, moves, left, metric, optimize=True)
        strengths = solve_strengths(hessian, gradient, face.most)
        shape = neutral + np.einsum("ta,anc->tnc", strengths, moves, optimize=True)
        pose = rigid(seen, shape, face.stiff)
    return strengths, pose


def solve_strengths(hessian: np.ndarray, gradient: np.ndarray, most: np.ndarray, sweeps: int = 60) -> np.ndarray:
    """Minimise ½aᵀHa − gᵀa + prior over 0 ≤ a ≤ most, by coordinates, all frames at once: (T, 52)."""
    hessian = np.ascontiguousarray(hessian.transpose(2, 1, 0))  # frames side by side: all are done at once
    hessian += (np.eye(len(most)) / ACTION_SPREAD**2)[..., None]
    strengths = np.zeros(gradient.T.shape)
    slope = np.ascontiguousarray(gradient.T) - ACTION_COST
    steps = np.zeros_like(strengths)
    for _ in range(sweeps):
        for index in np.flatnonzero(most):
            old = strengths[index]
            new = np.minimum(np.maximum(old + slope[index] / hessian[index, index], 0), most[index])
            steps[index] = new - old
            if np.count_nonzero(steps[index]):
                slope -= hessian[index] * steps[index]
                strengths[index] = new
        if np.abs(steps).max() < 1e-3:
            break
    return np.ascontiguousarray(strengths.T)


def calmest(strengths: np.ndarray) -> np.ndarray:
    """Rows of the frames in which the face does least."""
    effort = (strengths**2).sum(1)
    return np.argsort(effort)[: max(1, round(CALM * len(effort)))]


def neutral_face(face: FaceModel, seen: np.ndarray, pose: HeadPose) -> np.ndarray:
    """(478, 3) the neutral face of somebody who is seen calm: all that isn't surely an action is its shape."""
    left = np.median(pose.back(seen) - face.neutral, 0)
    shape = face.covariance()
    flat = cho_factor(shape + np.diag(face.noise**2))
    deep = cho_factor(shape + np.diag((DEPTH_NOISE * face.noise) ** 2))
    moves = face.actions * (face.most > 0)[:, None, None]
    factors = (flat, flat, deep)
    whitened = np.stack([cho_solve(f, moves[:, :, axis].T) for axis, f in enumerate(factors)], -1)  # (478, 52, 3)
    hessian = np.einsum("anc,nbc->ab", moves, whitened)
    gradient = np.einsum("nac,nc->a", whitened, left)
    strengths = solve_strengths(hessian[None], gradient[None], face.most)[0]
    least = np.where([name in BLINKS for name in face.names], CERTAIN_BLINK, CERTAIN)
    acted = np.where(strengths > least, strengths, 0.0)
    left = left - np.einsum("a,anc->nc", acted, moves)
    neutral = face.neutral + np.stack([shape @ cho_solve(f, left[:, axis]) for axis, f in enumerate(factors)], 1)
    return own_eyes(face, neutral, acted)


def own_eyes(face: FaceModel, neutral: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """The neutral face (478, 3) with its irises as far apart as a calm face's actions (52,) have them: eyes look aside
    together, and what turns both inward is how far apart this person's are."""
    inward = turned_in(face, strengths).mean()
    neutral = neutral.copy()
    for iris, (looks_in, _) in zip(IRISES, ASIDE, strict=True):
        neutral[iris] += inward * face.actions[face.names.index(looks_in), iris]
    return neutral


def turned_in(face: FaceModel, strengths: np.ndarray) -> np.ndarray:
    """(..., 2) how far actions (..., 52) turn right and left eye towards the nose; below 0 away from it."""
    looks_in, looks_out = ([face.names.index(pair[k]) for pair in ASIDE] for k in (0, 1))
    return strengths[..., looks_in] - strengths[..., looks_out]


def together(face: FaceModel, strengths: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """Strengths (T, 52) without what is left of a squint in the calm frames."""
    inward = turned_in(face, strengths)
    inward = inward - np.median(inward[calm].mean(1))
    strengths = strengths.copy()
    for side, (looks_in, looks_out) in enumerate(ASIDE):
        strengths[:, face.names.index(looks_in)] = np.maximum(inward[:, side], 0)
        strengths[:, face.names.index(looks_out)] = np.maximum(-inward[:, side], 0)
    return strengths


def spread_out(
    rows: np.ndarray, count: int, strengths: np.ndarray, turns: np.ndarray, centres: np.ndarray, shots: np.ndarray,
    fps: float, neutral: np.ndarray, features: np.ndarray,
) -> Face:  # fmt: skip
    """From the frames `rows` that show a face to all `count` of them: smoothed, held in gaps, and faded out there."""
    strengths, turns, features = strengths.copy(), turns.copy(), features.copy()
    for shot in np.unique(shots[rows]):
        here = np.flatnonzero(shots[rows] == shot)
        strengths[here] = smooth(strengths[here], rows[here], STILL_ACTION)
        flat = features[here].reshape(len(here), -1)
        features[here] = smooth(flat, rows[here], STILL_FEATURE).reshape(features[here].shape)
        mean = Rotation.from_matrix(turns[here]).mean()
        vectors = (mean.inv() * Rotation.from_matrix(turns[here])).as_rotvec()
        turns[here] = (mean * Rotation.from_rotvec(smooth(vectors, rows[here], STILL_TURN))).as_matrix()
    every = np.arange(count)
    distance = np.abs(every[:, None] - rows) + 1e6 * (shots[:, None] != shots[rows])
    nearest = distance.argmin(1)
    trust = np.exp(-distance[every, nearest] / max(LINGER * fps, 1.0))
    shown = np.maximum(strengths[nearest], 0) * trust[:, None]
    fading = features[nearest] * trust[:, None, None]
    return Face(shown, turns[nearest], centres[nearest], trust, neutral, fading)


def smooth(values: np.ndarray, times: np.ndarray, noise: float, rounds: int = 3) -> np.ndarray:
    """Values (N, C) at integer times with noise taken out, both ways of time so that nothing lags. Changes well
    beyond the noise, a blink, stay as quick as they are: the penalty on them vanishes (Geman–McClure).
    """
    if len(values) < 3:
        return values
    result = values.astype(np.float64)
    gap = np.diff(times).astype(np.float64)
    for _ in range(rounds):
        steps = np.diff(result, axis=0) / gap[:, None]
        quick = np.linalg.norm(steps, axis=1) if values.shape[1] == 3 else None
        weight = 2.0 / (1 + ((quick[:, None] if quick is not None else steps) / (3 * noise)) ** 2) ** 2 / gap[:, None]
        weight = np.broadcast_to(weight, steps.shape).T
        # a tridiagonal system for each column, one after the other in a single one
        banded = np.zeros((2, *values.T.shape))
        banded[0] = 1
        banded[0, :, :-1] += weight
        banded[0, :, 1:] += weight
        banded[1, :, :-1] = -weight
        result = solveh_banded(banded.reshape(2, -1), values.T.ravel(), lower=True).reshape(values.T.shape).T
    return result
