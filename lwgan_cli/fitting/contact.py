"""Feet that stand: when heels and toes rest on the floor, and what holds them there.

A foot that carries weight doesn't move against the floor, so that in a picture whose camera rests it keeps its place.
Heels and toes are told apart: a heel lifts while the toes still stand.
"""

from __future__ import annotations

import numpy as np
import torch

from lwgan_cli.body.kinematics import Skeleton, State, place, project
from lwgan_cli.body.landmarks import Landmarks
from lwgan_cli.fitting.terms import PointEvidence
from lwgan_cli.records import Keypoints

HEELS_AND_TOES = (29, 31, 30, 32)  # the detector's points: left heel and toes, right heel and toes
RESTING = 0.15  # heights a second: what moves more slowly may stand
WANDER = 0.012  # heights that a standing point may seem to be off its place
SHORTEST = 0.2  # s that a foot stands at least
LOOK = 0.05  # s before and after, between which speed is measured
CONTACT_SPREAD = 0.004  # of the person's height


def standing(places: np.ndarray, fps: float, shots: np.ndarray) -> np.ndarray:
    """When points stand: slow for a while, and within `WANDER` of one place.

    places (T, K, 2) in the person's heights; shots (T,) int, numbers of the shots. Returns (T, K) int: 0 where a point
    moves, else the number of its stand, from 1 on, different for every stand of every point.
    """
    frames, count = places.shape[:2]
    stands = np.zeros((frames, count), np.int64)
    reach, shortest = max(1, round(LOOK * fps)), max(2, round(SHORTEST * fps))
    rows = np.arange(frames)
    before, after = np.maximum(rows - reach, 0), np.minimum(rows + reach, frames - 1)
    apart = np.linalg.norm(places[after] - places[before], axis=-1)
    slow = apart < RESTING * ((after - before) / fps)[:, None]
    number = 0
    for point in range(count):
        start = 0
        while start < frames:
            end, middle = start, places[start, point]
            while end < frames and slow[end, point] and shots[end] == shots[start]:
                if np.linalg.norm(places[end, point] - middle) > WANDER:
                    break
                end += 1
                middle = middle + (places[min(end, frames - 1), point] - middle) / (end - start + 1)
            if end - start >= shortest:
                number += 1
                stands[start:end, point] = number
            start = max(end, start + 1)
    return stands


def soles_in_view(keypoints: Keypoints) -> np.ndarray:
    """(T, 4) bool: `HEELS_AND_TOES` that the picture shows; of one that ends above the feet, nothing says that they
    rest."""
    points = np.nan_to_num(keypoints.points[:, list(HEELS_AND_TOES)], nan=-1.0)
    inside: np.ndarray = ((points > 0) & (points < np.array(keypoints.image_size))).all(-1)
    return inside & keypoints.found[:, None]


def middles(places: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """(T, K, 2): the mean place of each point's stand; the point's own place where it moves. places (T, K, 2), stands
    (T, K) int, see `standing`."""
    number = stands.ravel()
    count = np.maximum(np.bincount(number), 1)
    sums = [np.bincount(number, places[..., axis].ravel()) for axis in (0, 1)]
    mean = np.stack([total / count for total in sums], -1)[stands]
    return np.where(stands[..., None] > 0, mean, places)


def sole_places(landmarks: Landmarks, skeleton: Skeleton, state: State) -> np.ndarray:
    """(T, 4, 2) picture plane: `HEELS_AND_TOES` of a state."""
    rows = list(HEELS_AND_TOES)
    rest = landmarks.rest(skeleton.joints_rest)[rows]
    return project(place(rest, landmarks.weights[rows], state, skeleton), state.camera).double().numpy()


def contact_evidence(landmarks: Landmarks, skeleton: Skeleton, state: State, stands: np.ndarray) -> PointEvidence:
    """Standing heels and toes lie where they lie in the mean of their stand.

    state of T frames, plane in units of the person's height; stands (T, 4) int, see `standing`.
    """
    rows = list(HEELS_AND_TOES)
    targets = middles(sole_places(landmarks, skeleton, state), stands)
    trust = torch.from_numpy((stands > 0).astype(np.float32)) / CONTACT_SPREAD**2
    return PointEvidence(
        landmarks.rest(skeleton.joints_rest)[rows], landmarks.weights[rows],
        torch.from_numpy(targets.astype(np.float32)), trust, scale=WANDER,
    )  # fmt: skip
