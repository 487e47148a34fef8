"""Whether a driving shows the photo's own face, with its own expression.

What a single photo shows of a face is shape or action, and only a guess says which. Where the driving has that very
face, its frames say it.
"""

from __future__ import annotations

import numpy as np

from lwgan_cli.fitting.face import FaceModel, rigid, to_view
from lwgan_cli.records import Motion

SAME = (
    0.0010  # m, root mean square over the points: one face detected twice differs by half, two people by twice as much
)


def frame_of(face: FaceModel, points: np.ndarray, driving: Motion) -> int | None:
    """The driving's frame that shows the face of a photo, points (478, 3) px as `FacePoints` has them, with the same
    expression; None where none does."""
    if driving.face is None or driving.features is None or driving.neutral is None:
        return None
    told = ~face.around_eyes.any(
        0
    )  # what eyes do is kept as their opening alone: they only say which frame is the best
    neutral = driving.neutral.astype(np.float64)
    shapes = neutral + np.einsum("ta,anc->tnc", driving.face @ face.lids(neutral), face.actions) + driving.features
    seen = np.repeat(to_view(points)[None], len(shapes), 0)
    pose = rigid(seen, shapes, told.astype(float))
    lacks, sight = pose.back(seen) - shapes, pose.turns[:, 2]
    squared = (lacks**2).sum(-1) - np.einsum("tnc,tc->tn", lacks, sight) ** 2
    best = int(np.where(driving.valid, squared.mean(1), np.inf).argmin())
    return best if driving.valid[best] and squared[best, told].mean() < SAME**2 else None
