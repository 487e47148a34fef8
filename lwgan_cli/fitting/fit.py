"""From keypoints to a body in motion: pose and camera per frame, one shape for the clip.

The fit sees the detector's points in the picture, and the depth order of the limbs from its 3D points. The
whole clip is solved together (`solver`), in windows, so that smoothing looks both ways and lags nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.body.kinematics import Skeleton, State, place, project
from lwgan_cli.body.landmarks import DEPTH_PAIRS, Landmarks
from lwgan_cli.body.leg_length import COMPONENT, has_leg_length
from lwgan_cli.body.model import BodyModel, joints_rest
from lwgan_cli.fitting.contact import contact_evidence, sole_places, soles_in_view, standing
from lwgan_cli.fitting.initial import first_guess, fit_camera
from lwgan_cli.fitting.plane import Plane, plane_of
from lwgan_cli.fitting.solver import Priors, optimise
from lwgan_cli.fitting.stance import facing, hands_behind_head, hands_by_thighs, stance, without_perspective
from lwgan_cli.fitting.terms import DepthEvidence, PointEvidence, differences
from lwgan_cli.records import N_BETAS, Keypoints

WINDOW, OVERLAP = 256, 16
SHAPE_FRAMES = 64
SHAPE_STEPS = 4
POINT_SPREAD = 0.008  # of the person's height, added to each landmark's own
LEAN = 0.6  # share of `Landmarks.depth_bias` that is found on people in clothes: it was learned on bare bodies
DEPTH_SPREAD = 0.06  # m, within which no difference of depths is trusted, however well the detector knows it
BETA_SPREAD = 0.5
LEG_SPREAD, LEG_MEAN = 1.2, 0.5  # of the legs' own component, of a body that has one: people's are shorter
SHAPE_VOTES = 2.0  # frames that a long clip counts as, against the prior
STILL = 30.0  # frames per second that a single picture is treated as: without neighbours it makes no difference

BEYOND_SPREAD = 0.03  # L, of how far within the picture's edge a point is that the detector has beyond it
WHOLE = (25, 26, 27, 28)  # knees and ankles
GUESSED = 0.5  # visibility below which a point is a guess
AT_EDGE = 0.05  # of the person's crop, from where on to the picture's edge a guessed arm has left it
FADES = 0.15  # of the person's crop, beyond the picture's edge: what is further out has been seen by nobody …
OUTSIDE = 0.3  # … and keeps this share of its visibility
LEFT_BY = 0.5  # share of the way beyond the edge that the detector guesses, which such a point goes at least
OUTWARDS = np.array([[-1, 0], [0, -1], [1, 0], [0, 1]], np.float32)  # px, across left, upper, right and lower edge
ARMS = range(13, 23)  # elbows, wrists and hands, left and right in turn
# landmark and those that hang from it, from the trunk outwards
LIMBS = (
    (13, (15,)), (15, (17, 19, 21)), (14, (16,)), (16, (18, 20, 22)), (25, (27,)), (27, (29, 31)), (26, (28,)),
    (28, (30, 32)),
)  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """A fitted clip: state over T frames in `plane`, shape betas (10,), valid (T,) bool (somebody was found),
    shots (T,) int."""

    state: State
    betas: torch.Tensor
    plane: Plane
    valid: np.ndarray
    shots: np.ndarray


def priors(fps: float) -> Priors:
    """Joint ranges and stiffness; the time terms are set for motion per second, so that a clip of few frames a
    second is not held back. Angles of a human body, from anatomy: knees and elbows bend one way, spines little."""
    degrees = torch.full((24, 3), 60.0)
    for joints, spread in (
        ((0,), (60, 1000, 40)),
        ((3, 6, 9), (14, 12, 9)),
        ((12,), (16, 22, 12)),
        ((15,), (14, 22, 12)),
        ((13, 14), (8, 12, 12)),
        ((1, 2), (60, 25, 30)),
        ((4, 5), (60, 8, 8)),
        ((7, 8), (25, 15, 12)),
        ((10, 11), (6, 4, 4)),
        ((16, 17), (50, 70, 80)),
        ((18, 19), (35, 70, 15)),
        ((20, 21), (25, 15, 25)),
        ((22, 23), (2, 2, 2)),
    ):
        degrees[list(joints)] = torch.tensor(spread, dtype=torch.float32)
    mean = torch.zeros(24, 3)
    mean[16, 2], mean[17, 2] = -0.8, 0.8  # arms hang
    mean[18, 1], mean[19, 1] = -0.4, 0.4
    mean[4, 0] = mean[5, 0] = 0.2
    hinges = ((4, 0, 0.0, 2.6), (5, 0, 0.0, 2.6), (18, 1, -2.6, 0.0), (19, 1, 0.0, 2.6))
    rate = min(fps / 30, 2.0)
    acceleration = torch.full((24,), 120.0)
    acceleration[[0, 3, 6, 9]] = 250.0
    acceleration[[20, 21, 22, 23, 7, 8, 10, 11]] = 80.0
    return Priors(
        mean=mean,
        stiffness=1 / torch.deg2rad(degrees) ** 2,
        hinges=hinges,
        hinge=40.0,
        acceleration=acceleration * rate**4,
        drift=torch.full((24,), 1.0) * rate**2,
        camera=torch.tensor([3e4, 3e4, 3e4]) * rate**4,
    )


def _trust(keypoints: Keypoints, landmarks: Landmarks) -> torch.Tensor:
    """(T, 33) inverse variances in 1/L². A point that the detector only guesses counts little; the further outside the
    picture, the less of it was seen, whatever the detector says; of a limb that leaves the picture, guesses count
    nothing."""
    seen, size = np.nan_to_num(keypoints.points, nan=-1e6), np.array(keypoints.image_size)
    beyond = np.maximum(-seen, seen - size).max(-1).clip(0) / keypoints.crop[:, 2:]
    near = 1 - np.minimum(beyond / FADES, 1)
    visibility = keypoints.visibility * (OUTSIDE + (1 - OUTSIDE) * near) * (out_of_sight(keypoints) < 0)
    confidence = torch.from_numpy((visibility**2 * keypoints.found[:, None]).astype(np.float32))
    return confidence / (landmarks.spread**2 + POINT_SPREAD**2)


def out_of_sight(keypoints: Keypoints) -> np.ndarray:
    """(T, 33) int: by which of the picture's edges, row of `OUTWARDS`, the points of limbs leave it, from where they
    do; -1 for all others. There the detector makes up something, such as hands before the face where arms hang below a
    picture of head and shoulders; guesses of arms right at the edge lie beyond it."""
    return _edges(keypoints, AT_EDGE)


def _edges(keypoints: Keypoints, near: float) -> np.ndarray:
    """As of `out_of_sight`, guesses of arms counting as beyond an edge from `near`, part of the person's crop, on."""
    points, size = np.nan_to_num(keypoints.points), np.array(keypoints.image_size)
    beyond = np.concatenate([-points, points - size], -1)
    guessed, of_arms = keypoints.visibility < GUESSED, np.isin(np.arange(points.shape[1]), ARMS)
    gone = guessed & (beyond.max(-1) > -near * of_arms * keypoints.crop[:, 2:])
    edge = np.where(gone, beyond.argmax(-1), -1)
    for before, after in LIMBS:
        for point in after:
            goes_on = guessed[:, point] & (edge[:, point] < 0)
            edge[:, point] = np.where(goes_on, edge[:, before], edge[:, point])
    return edge


def _arms_out(keypoints: Keypoints) -> list[int]:
    """Points of those arms that the detector has out of the picture, from elbow or wrist on, in all frames."""
    out = (_edges(keypoints, 0.0) >= 0)[keypoints.found].all(0)
    return [point for side in (0, 1) if out[ARMS[side + 2]] for point in ARMS[side::2]]


def edges_left(keypoints: Keypoints, plane: Plane) -> tuple[torch.Tensor, torch.Tensor]:
    """Of points of arms that are out of the picture in all frames: (T, 33, 2) plane, how far they have
    left it at least, and (T, 33, 2) the direction outwards; that is 0 for all other points. An arm that comes in comes
    as it is seen to, however little the detector knows of it in between."""
    edge, size = out_of_sight(keypoints), np.array(keypoints.image_size)
    gone = (edge >= 0) & np.isin(np.arange(edge.shape[1]), _arms_out(keypoints)) & keypoints.found[:, None]
    outwards = OUTWARDS[edge] * gone[..., None]
    points = np.nan_to_num(keypoints.points)
    low, high = LEFT_BY * np.minimum(points, 0), size + LEFT_BY * np.maximum(points - size, 0)
    places = np.where(edge[..., None] < 2, low, high)
    return plane.points(places), torch.from_numpy(outwards * np.array([1, -1], np.float32))


def fit_keypoints(
    model: BodyModel, landmarks: Landmarks, keypoints: Keypoints, shots: np.ndarray, fps: float,
    given: torch.Tensor | None = None,
) -> Fit:  # fmt: skip
    """Fit pose, shape and camera to a clip's keypoints. Frames in which nobody was found are bridged.

    shots (T,) int; fps frames per second; given (T, 24, 3, 3), rotations to begin with, None for a guess from the
    detector's 3D points. Raises InputError where nobody was found at all.
    """
    plane = plane_of(keypoints)
    valid, in_view = keypoints.found, soles_in_view(keypoints)
    filled = _nearest_valid(valid, shots)
    targets = plane.points(np.nan_to_num(keypoints.points[filled]))
    trust = _trust(keypoints, landmarks)
    world = torch.from_numpy(keypoints.world[filled])
    edges, outwards = (each[filled] for each in edges_left(keypoints, plane))
    confidence, behind = trust[filled] / trust.max().clamp_min(1e-6), _behind(keypoints)[filled]

    def guess(skeleton: Skeleton, rows: np.ndarray) -> State:
        places = landmarks.rest(skeleton.joints_rest)
        if given is not None:
            rotations = given[filled[rows]]
            camera = fit_camera(skeleton, rotations, places, targets[rows], confidence[rows])
            return State(rotations, camera)
        return first_guess(skeleton, places, world[rows], targets[rows], confidence[rows], priors(fps).mean)

    betas = torch.zeros(N_BETAS)
    skeleton = Skeleton.of(joints_rest(model, betas), tuple(model.parents))
    rows = _shape_rows(valid, trust)
    still = np.arange(len(rows))  # the frames of the shape are no sequence: each its own shot
    sample = guess(skeleton, rows)
    for step in range(SHAPE_STEPS):
        evidence = _evidence(landmarks, skeleton, targets[rows], trust[rows], world[rows], step > 0)
        sample = optimise(sample, skeleton, priors(fps), *evidence, still, iterations=12 if step == 0 else 6)
        betas = fit_shape(model, landmarks, sample, targets[rows], trust[rows])
        skeleton = Skeleton.of(joints_rest(model, betas), tuple(model.parents))
    state = guess(skeleton, np.arange(len(targets)))
    for start in range(0, len(state), WINDOW):
        low, high = max(start - OVERLAP, 0), min(start + WINDOW, len(state))
        held = np.arange(low, high) < start
        window = state[slice(low, high)]
        inside = (filled[low:high] >= low) & (filled[low:high] < high) & ~held
        nearest = torch.from_numpy(np.where(inside, filled[low:high], np.arange(low, high)) - low)
        for step, iterations in enumerate((6, 4, 4)):
            if step == 1:  # frames with nobody start again from a neighbour, now that it is known: they swing far out
                window = State(window.rotations[nearest], window.camera[nearest])
            points, depths = _evidence(
                landmarks, skeleton, targets[low:high], trust[low:high], world[low:high], step > 0, valid[low:high],
                behind[low:high],
            )  # fmt: skip
            points.append(beyond_evidence(landmarks, skeleton, edges[low:high], outwards[low:high]))
            if step > 0:
                stands = standing(sole_places(landmarks, skeleton, window), fps, shots[low:high]) * in_view[low:high]
                points.append(contact_evidence(landmarks, skeleton, window, stands))
            window = optimise(
                window, skeleton, priors(fps), points, depths, shots[low:high], held=held, iterations=iterations
            )
        state.rotations[start:high] = window.rotations[start - low :]
        state.camera[start:high] = window.camera[start - low :]
    return Fit(state, betas, plane, valid, shots)


def _nearest_valid(valid: np.ndarray, shots: np.ndarray) -> np.ndarray:
    """(T,) for each frame the nearest frame with somebody in it, of the same shot where there is one."""
    rows = np.flatnonzero(valid)
    distance = np.abs(np.arange(len(valid))[:, None] - rows) + 1e6 * (shots[:, None] != shots[rows])
    return rows[distance.argmin(1)]


def _shape_rows(valid: np.ndarray, trust: torch.Tensor) -> np.ndarray:
    """The frames that the shape is taken from: spread over the clip, the better seen half of twice as many."""
    rows = np.flatnonzero(valid)
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, 2 * SHAPE_FRAMES).astype(int))]
    if len(spread) <= SHAPE_FRAMES:
        return spread
    best = np.argsort(-trust[spread].sum(1).numpy())[:SHAPE_FRAMES]
    return np.sort(spread[best])


def keypoint_evidence(
    landmarks: Landmarks, skeleton: Skeleton, keypoints: Keypoints, plane: Plane, rows: slice | np.ndarray
) -> tuple[list[PointEvidence], list[DepthEvidence]]:
    """Robust evidence of some frames' keypoints; frames with nobody in them count nothing."""
    targets = plane.points(np.nan_to_num(keypoints.points[rows]))
    valid = keypoints.found[rows]
    points, depths = _evidence(
        landmarks, skeleton, targets, _trust(keypoints, landmarks)[rows], torch.from_numpy(keypoints.world[rows]),
        True, valid, _behind(keypoints)[rows],
    )  # fmt: skip
    edges, outwards = (each[rows] for each in edges_left(keypoints, plane))
    return [*points, beyond_evidence(landmarks, skeleton, edges, outwards)], depths


def _behind(keypoints: Keypoints) -> torch.Tensor:
    """(T, 2) 1 where a hand is known to be behind the head, else 0."""
    none = np.zeros((len(keypoints), 2), bool)
    return torch.from_numpy((none if keypoints.behind is None else keypoints.behind).astype(np.float32))


def beyond_evidence(
    landmarks: Landmarks, skeleton: Skeleton, edges: torch.Tensor, outwards: torch.Tensor
) -> PointEvidence:
    """Arms that have left the picture are nowhere in it: they lie beyond `edges_left`, however far."""
    trust = outwards.abs().sum(-1) / BEYOND_SPREAD**2
    rest = landmarks.rest(skeleton.joints_rest)
    return PointEvidence(rest, landmarks.weights, edges, trust, 0.05, outwards[:, :, None], least=True)


def _evidence(
    landmarks: Landmarks,
    skeleton: Skeleton,
    targets: torch.Tensor,
    trust: torch.Tensor,
    world: torch.Tensor,
    robust: bool,
    valid: np.ndarray | None = None,
    behind: torch.Tensor | None = None,
) -> tuple[list[PointEvidence], list[DepthEvidence]]:
    rest = landmarks.rest(skeleton.joints_rest)
    points = PointEvidence(rest, landmarks.weights, targets, trust, scale=0.05 if robust else float("inf"))
    pairs = torch.tensor(DEPTH_PAIRS)
    seen = (trust[:, pairs] / (trust.amax() + 1e-6)).amin(-1)
    seen = torch.where(seen > 0, seen.sqrt().clamp_min(0.05), 0.0)
    size = (rest[pairs[:, 0]] - rest[pairs[:, 1]]).norm(dim=-1).sum()
    spans = (world[:, pairs[:, 0]] - world[:, pairs[:, 1]]).norm(dim=-1).sum(-1)
    if spans.any():  # frames with nobody in them, often the most, have no size
        size = size / spans[spans > 0].median()
    towards, depth = facing(world), without_perspective(world)[..., 2]
    # of people who are seen whole: others aren't leant forwards
    confidence = trust * (landmarks.spread**2 + POINT_SPREAD**2)
    whole = (confidence[:, WHOLE] / (confidence.amax() + 1e-6)).mean(1, keepdim=True).sqrt()
    bias = LEAN * landmarks.depth_bias * towards * whole
    difference = (depth[:, pairs[:, 1]] - depth[:, pairs[:, 0]]) * size - bias
    limbs = DepthEvidence(
        rest, landmarks.weights, differences(DEPTH_PAIRS, len(rest)), difference,
        seen / landmarks.depth_spread.clamp_min(DEPTH_SPREAD) ** 2, scale=0.3,
    )  # fmt: skip
    depths = [limbs, *stance(landmarks, rest, targets, trust, towards, guessed=not robust)]
    depths.append(hands_by_thighs(rest, landmarks, without_perspective(world) * size, confidence.clamp_max(1)))
    if behind is not None and behind.any():
        depths.append(hands_behind_head(rest, landmarks, behind))
    if valid is not None:
        found = torch.from_numpy(valid.astype(np.float32))[:, None]
        depths = [replace(term, trust=term.trust * found) for term in depths]
    return [points], depths


def fit_shape(
    model: BodyModel, landmarks: Landmarks, state: State, targets: torch.Tensor, trust: torch.Tensor
) -> torch.Tensor:
    """Least squares betas (10,) given poses: the landmarks are linear in the shape. Every frame's camera is
    solved along with it, else scale and stature would hold each other where they are."""
    base = joints_rest(model, torch.zeros(N_BETAS))
    unit = torch.stack([joints_rest(model, row) for row in torch.eye(N_BETAS)]) - base
    parents = tuple(model.parents)

    def flat(joints: torch.Tensor) -> torch.Tensor:
        skeleton = Skeleton.of(joints, parents)
        return place(landmarks.rest(joints), landmarks.weights, state, skeleton)[..., :2]

    origin = flat(base)  # (T, 33, 2)
    columns = torch.stack([flat(base + direction) - origin for direction in unit], -1)  # (T, 33, 2, 10)
    frames = len(state)
    scale = state.camera[:, 0]
    unknowns = N_BETAS + 3 * frames
    normal = torch.eye(unknowns, dtype=torch.float64) * 1e-9
    right = torch.zeros(unknowns, dtype=torch.float64)
    mean, spread = torch.zeros(N_BETAS, dtype=torch.float64), torch.full((N_BETAS,), BETA_SPREAD, dtype=torch.float64)
    if has_leg_length(model):
        mean[COMPONENT], spread[COMPONENT] = LEG_MEAN, LEG_SPREAD
    normal[range(N_BETAS), range(N_BETAS)] += 1 / spread**2
    right[:N_BETAS] += mean / spread**2
    residual0 = project(origin, state.camera) - targets
    robust = trust / (1 + (residual0**2).sum(-1) / 0.05**2) ** 2
    for t in range(frames):
        jacobian = torch.zeros(33, 2, N_BETAS + 3)
        jacobian[..., :N_BETAS] = columns[t] * scale[t]
        jacobian[..., N_BETAS] = origin[t]
        jacobian[:, 0, N_BETAS + 1] = 1
        jacobian[:, 1, N_BETAS + 2] = 1
        index = torch.cat([torch.arange(N_BETAS), N_BETAS + 3 * t + torch.arange(3)])
        rows = jacobian.reshape(66, -1).double()
        weight = robust[t].repeat_interleave(2).double()
        # many frames of one clip see the same wrong thing: their sum must not drown the prior
        weight = weight * min(1.0, SHAPE_VOTES / frames)
        normal[index[:, None], index] += rows.T @ (rows * weight[:, None])
        right[index] -= rows.T @ (weight * residual0[t].reshape(-1).double())
    return torch.linalg.solve(normal, right)[:N_BETAS].clamp(-3, 3).float()


def landmark_places(fit: Fit, model: BodyModel, landmarks: Landmarks) -> np.ndarray:
    """(T, 33, 2) px: where the fitted body has the detector's points."""
    skeleton = Skeleton.of(joints_rest(model, fit.betas), tuple(model.parents))
    rest = landmarks.rest(skeleton.joints_rest)
    return fit.plane.px(project(place(rest, landmarks.weights, fit.state, skeleton), fit.state.camera))


def reprojection(fit: Fit, model: BodyModel, landmarks: Landmarks, keypoints: Keypoints) -> float:
    """Mean distance of the fitted landmarks from the detected ones that are well seen (visibility above 0.5,
    inside the picture), in % of the person's height (the crop less its margins)."""
    distance = np.linalg.norm(landmark_places(fit, model, landmarks) - keypoints.points, axis=-1)
    inside = ((keypoints.points > 0) & (keypoints.points < np.array(keypoints.image_size))).all(-1)
    counted = inside & (keypoints.visibility > 0.5)
    height = keypoints.crop[:, 2:] / 1.24
    return float(100 * (distance / height)[counted].mean()) if counted.any() else float("nan")
