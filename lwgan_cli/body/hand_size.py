"""How large the open body's hands are, and that clothes leave them bare.

MakeHuman's hands measure 11.5 % of the stature from the wrist to the middle finger's tip, people's 10.8 % (Drillis and
Contini, 1966). Each hand is scaled about its wrist, surface, finger joints and all, so that whatever fingers do to the
one they do to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from lwgan_cli.body.model import BodyModel

SCALE = 0.108 / 0.115
JOINTS = ((20, 22), (21, 23))  # wrist and hand, left and right
CUFF = (0.4, 0.9)  # a hand's share of the skinning weights between which sleeves end, about 2 cm at the wrist


def with_human_hands(arrays: Mapping[str, np.ndarray], scale: float = SCALE) -> dict[str, np.ndarray]:
    """The arrays of a body file with each hand `scale` times as large; the skinning weights blend it over the wrist.

    Reads and changes v_template, shapedirs and the finger_ and J_regressor_ arrays; of the joints those of the hands
    alone move, for every shape.
    """
    vertices, shapedirs = (np.asarray(arrays[key], np.float64) for key in ("v_template", "shapedirs"))
    fingers, finger_dirs = (np.asarray(arrays[key], np.float64) for key in ("finger_template", "finger_shapedirs"))
    weights = np.asarray(arrays["weights"], np.float64)
    regressor = np.zeros((weights.shape[1], len(vertices)))
    regressor[arrays["J_regressor_joint"], arrays["J_regressor_vertex"]] = arrays["J_regressor_value"]
    for (wrist, hand), own in zip(JOINTS, np.split(np.arange(len(fingers)), len(JOINTS)), strict=True):
        shrink = 1 + (scale - 1) * weights[:, [wrist, hand]].sum(1)
        # a vertex goes to w + shrink·(v - w), with w = regressor[wrist]·v
        root, root_dirs = regressor[wrist] @ vertices, np.einsum("v,vck->ck", regressor[wrist], shapedirs)
        vertices = root + shrink[:, None] * (vertices - root)
        shapedirs = root_dirs + shrink[:, None, None] * (shapedirs - root_dirs)
        fingers[own] = root + scale * (fingers[own] - root)
        finger_dirs[own] = root_dirs + scale * (finger_dirs[own] - root_dirs)
        # and comes from w + (v - w)/shrink: regressors of what was there, applied to what is there now
        back = regressor / shrink
        back[wrist] /= back[wrist].sum()
        others = np.arange(len(back)) != wrist
        back[others] += np.outer(1 - back[others].sum(1), back[wrist])
        back[hand] = back[wrist] + scale * (back[hand] - back[wrist])
        regressor = back
    joint, vertex = np.nonzero(regressor)
    return {
        **arrays,
        "v_template": vertices.astype(np.float32),
        "shapedirs": shapedirs.astype(np.float32),
        "finger_template": fingers.astype(np.float32),
        "finger_shapedirs": finger_dirs.astype(np.float32),
        "J_regressor_joint": joint,
        "J_regressor_vertex": vertex,
        "J_regressor_value": regressor[joint, vertex].astype(np.float32),
    }


def bare_hands(model: BodyModel, offsets: torch.Tensor) -> torch.Tensor:
    """T-pose offsets (V, 3) m of clothes that end at the wrists: what swells a sleeve makes no hand thicker."""
    hands = model.lbs_weights[:, [joint for pair in JOINTS for joint in pair]].sum(1)
    start, end = CUFF
    return offsets * (1 - (hands - start) / (end - start)).clamp(0, 1)[:, None].to(offsets)
