"""Which frames of a driving show a pose like the photo's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest
from lwgan_cli.records import Motion

LEGS = ((1, 4, 7), (2, 5, 8))
# Leg lengths, root mean square over the joints: poses this much less alike than the best count e^-½ of it; and
# how unlike the best may be before it says little about the photo's.
LIKENESS, ALIKE = 0.032, 0.13
# Leg lengths again: poses no less alike are one pose, and so are bones that the pictures have no further apart; fits
# that have one point so far aside of the other, cosine, have it on different sides of the picture plane
ONE_POSE, ONE_BONE, ASIDE = 0.045, 0.15, 0.5
BONES = np.array([(1, 4), (4, 7), (2, 5), (5, 8), (16, 18), (18, 20), (17, 19), (19, 21)])


def leg_length(model: BodyModel, betas: np.ndarray) -> float:
    """Hip to ankle, m, mean of both sides."""
    joints = joints_rest(model, torch.from_numpy(betas)).numpy()
    bones = [np.linalg.norm(joints[b] - joints[a]) for leg in LEGS for a, b in pairwise(leg)]
    return float(np.sum(bones) / 2)


@dataclass(frozen=True)
class Likeness:
    """apart (T,): how unlike the photo's pose each frame of a driving is, see `unlikeness`; inf where nobody was
    found."""

    apart: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """(T,) of each frame in the pose that is most like the photo's, 1 in all."""
        if not np.isfinite(self.least):
            return np.full(len(self.apart), 1 / len(self.apart))
        share = np.exp((self.least**2 - self.apart**2) / (2 * LIKENESS**2))
        return np.asarray(share / share.sum())

    @property
    def least(self) -> float:
        """By how much the frame most like the photo differs."""
        return float(self.apart.min())

    @property
    def best(self) -> int:
        """The frame most like the photo."""
        return int(self.apart.argmin())

    @property
    def sure(self) -> float:
        """In [0, 1]: how much the pose says of the photo's."""
        return float(np.exp(-((self.least / ALIKE) ** 2)))

    @classmethod
    def of(cls, model: BodyModel, source: Motion, driving: Motion) -> Likeness:
        """source: one frame."""
        apart = unlikeness(figure(model, source), figure(model, driving))
        return cls(np.where(driving.valid, apart, np.inf))


def folded(model: BodyModel, source: Motion, driving: Motion) -> int | None:
    """The frame of a driving that shows the pose of a photo, `source` of one frame, while in one of the two fits a limb
    comes towards the camera that goes away from it in the other: pictures show both alike. None where there is none."""
    like = Likeness.of(model, source, driving)
    first = int(np.isfinite(like.apart).argmax())
    frame = first if like.apart[first] < ONE_POSE else like.best
    if not like.apart[frame] < ONE_POSE:
        return None
    ours, theirs = (_places(model, motion)[row] for motion, row in ((source, 0), (driving, frame)))
    seen = figure(model, source).seen[0] & figure(model, driving[slice(frame, frame + 1)]).seen[0]
    one, other = (places[BONES[:, 1]] - places[BONES[:, 0]] for places in (ours, theirs))
    alike = np.linalg.norm((one - other)[:, :2], axis=1) < ONE_BONE
    cosine = (one * other).sum(1) / np.maximum(np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1), 1e-6)
    return frame if (seen[BONES].all(1) & alike & (cosine < ASIDE)).any() else None


@dataclass(frozen=True)
class Figure:
    """Joints (T, 24, 2) as the picture shows them, leg lengths, y up; low and high (T, 2), the picture's corners
    likewise."""

    joints: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """(T, 24) bool: joints that lie in the picture."""
        return ((self.joints > self.low[:, None]) & (self.joints < self.high[:, None])).all(-1)


def unlikeness(ours: Figure, theirs: Figure) -> np.ndarray:
    """(T,) leg lengths, root mean square over the joints: how unlike one pose, a figure of one frame, others are (T).

    A joint outside a picture may be anywhere outside: it is off by its way to the edge, where the other picture shows
    it, and says nothing, where that doesn't either. Figures lie on one another by the joints that both show, or else by
    all.
    """
    own, seen = ours.joints[0], theirs.seen
    both = ours.seen & seen
    both[~both.any(1)] = True
    share = both / both.sum(1, keepdims=True)
    shift = np.einsum("tj,tjc->tc", share, theirs.joints - own)[:, None]  # from ours to theirs
    off = np.linalg.norm(theirs.joints - own - shift, axis=-1)
    off = np.where(seen, off, _way_out(own + shift, theirs))
    off = np.where(ours.seen, off, seen * _way_out(theirs.joints - shift, ours))
    counted = np.maximum((ours.seen | seen).sum(1), 1)
    apart: np.ndarray = np.sqrt((off**2).sum(1) / counted)
    return apart


def _way_out(points: np.ndarray, figure: Figure) -> np.ndarray:
    """(T, N) how far points (T, N, 2) are from the nearest edge of a figure's picture; 0 outside."""
    inside: np.ndarray = np.minimum(points - figure.low[:, None], figure.high[:, None] - points).min(-1).clip(0)
    return inside


def figure(model: BodyModel, motion: Motion) -> Figure:
    """A motion's figures, about the body's origin."""
    leg = leg_length(model, motion.betas)
    scale, x, y = motion.picture_camera().T
    width, height = motion.image_size
    low, high = np.stack([-x, y - height], 1), np.stack([width - x, y], 1)
    return Figure(_places(model, motion)[..., :2], *(corner / (scale * leg)[:, None] for corner in (low, high)))


def _places(model: BodyModel, motion: Motion) -> np.ndarray:
    """(T, 24, 3) joints from the body's origin, leg lengths."""
    rest = joints_rest(model, torch.from_numpy(motion.betas))
    places: np.ndarray = forward_kinematics(torch.from_numpy(motion.poses), rest, model.parents)[1].numpy()
    return places / leg_length(model, motion.betas)
