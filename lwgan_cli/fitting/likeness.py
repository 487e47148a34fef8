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


def leg_length(model: BodyModel, betas: np.ndarray) -> float:
    """Hip to ankle, m, mean of both sides."""
    joints = joints_rest(model, torch.from_numpy(betas)).numpy()
    bones = [np.linalg.norm(joints[b] - joints[a]) for leg in LEGS for a, b in pairwise(leg)]
    return float(np.sum(bones) / 2)


@dataclass(frozen=True)
class Likeness:
    """share (T,) of each frame of the driving in the pose that is most like the photo's, 1 in all; least: leg lengths,
    root mean square over the joints, by which the best differs; inf where nobody was found."""

    share: np.ndarray
    least: float

    @property
    def best(self) -> int:
        """The frame most like the photo."""
        return int(self.share.argmax())

    @property
    def sure(self) -> float:
        """In [0, 1]: how much the pose says of the photo's."""
        return float(np.exp(-((self.least / ALIKE) ** 2)))

    @classmethod
    def of(cls, model: BodyModel, source: Motion, driving: Motion) -> Likeness:
        """source: one frame. Frames in which nobody was found count nothing."""
        ours, theirs = (_figure(model, motion) for motion in (source, driving))
        apart = np.sqrt(((theirs - ours) ** 2).sum(-1).mean(1))
        apart[~driving.valid] = np.inf
        least = apart.min()
        if not np.isfinite(least):
            return cls(np.full(len(apart), 1 / len(apart)), float(least))
        share = np.exp((least**2 - apart**2) / (2 * LIKENESS**2))
        return cls(share / share.sum(), float(least))


def _figure(model: BodyModel, motion: Motion) -> np.ndarray:
    """(T, 24, 2) joints as the picture shows them, about their mean, in leg lengths."""
    rest = joints_rest(model, torch.from_numpy(motion.betas))
    places = forward_kinematics(torch.from_numpy(motion.poses), rest, model.parents)[1].numpy()[..., :2]
    figure: np.ndarray = (places - places.mean(1, keepdims=True)) / leg_length(model, motion.betas)
    return figure
