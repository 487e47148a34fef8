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
    told = ~face.around_eyes.any(0)  # what eyes do is kept as their opening alone
    neutral = driving.neutral.astype(np.float64)
    acted = np.einsum("ta,anc->tnc", driving.face @ face.lids(neutral), face.actions)
    shapes = (neutral + acted + driving.features)[:, told]
    seen = np.repeat(to_view(points)[None, told], len(shapes), 0)
    pose = rigid(seen, shapes, np.ones(shapes.shape[1]))
    lacks, sight = pose.back(seen) - shapes, pose.turns[:, 2]
    squared = (lacks**2).sum(-1) - np.einsum("tnc,tc->tn", lacks, sight) ** 2
    apart = np.where(driving.valid, np.sqrt(squared.mean(1)), np.inf)
    best = int(apart.argmin())
    return best if apart[best] < SAME else None
