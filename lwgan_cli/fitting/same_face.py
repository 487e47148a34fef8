"""Whether a driving shows the photo's own face, with its own expression.

What a single photo shows of a face is shape or action, and only a guess says which. Where the driving has that very
face, its frames say it.
"""

from __future__ import annotations

import numpy as np

from lwgan_cli.detection.face_places import IRIS
from lwgan_cli.fitting.face import FaceModel, rigid, to_view
from lwgan_cli.records import Motion

SAME = 0.0008  # m, root mean square over the points: one face detected twice; two people differ by twice as much


def frame_of(face: FaceModel, points: np.ndarray, driving: Motion) -> int | None:
    """The driving's frame that shows the face of a photo, points (478, 3) px as `FacePoints` has them, with the same
    expression; None where none does."""
    if driving.face is None or driving.features is None or driving.neutral is None:
        return None
    seen = to_view(points)[None, : IRIS.start]
    neutral = driving.neutral.astype(np.float64)
    acted = np.einsum("ta,anc->tnc", driving.face @ face.lids(neutral), face.actions)
    shapes = (neutral + acted + driving.features)[:, : IRIS.start]
    seen = np.repeat(seen, len(shapes), 0)
    pose = rigid(seen, shapes, np.ones(IRIS.start))
    lacks = pose.back(seen) - shapes
    sight = pose.turns[:, 2]
    apart = (lacks**2).sum(-1) - np.einsum("tnc,tc->tn", lacks, sight) ** 2
    apart = np.sqrt(apart.mean(1))
    best = int(np.where(driving.valid, apart, np.inf).argmin())
    return best if apart[best] < SAME else None
