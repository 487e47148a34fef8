"""How long the open body's legs are against its trunk.

People of one stature differ in this by several per cent, MakeHuman's hardly at all: their ten components change it by
two per cent at most. A body whose legs are too long for a picture can only bend its knees. The last component, which
moves the surface by 2 mm, makes room for one that scales the legs along their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lwgan_cli.body.model import BodyModel

COMPONENT = 9
SHARE = -0.05  # of the legs' length, per unit of the component: they grow shorter, as the head's top seems to rise
HIPS = (1, 2)
BLEND = (0.02, 0.14)  # m below the hip joints between which the scaling sets in


def with_leg_length(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a body file, its last shape component the length of the legs.

    Reads v_template and the J_regressor_ arrays, changes shapedirs and finger_shapedirs. The joints above the thighs
    stay where they are.
    """
    vertices = np.asarray(arrays["v_template"], np.float64)
    shapedirs = np.array(arrays["shapedirs"], np.float32)
    hips = np.isin(arrays["J_regressor_joint"], HIPS)
    at = vertices[arrays["J_regressor_vertex"][hips], 1] * arrays["J_regressor_value"][hips]
    below = at.sum() / len(HIPS) - vertices[:, 1]
    start, end = BLEND
    # the integral of a factor that rises from 0 to 1 between start and end: no kink in the surface
    into = (below - start).clip(0, end - start)
    down = into**2 / (2 * (end - start)) + (below - end).clip(0)
    shapedirs[..., COMPONENT] = 0
    shapedirs[:, 1, COMPONENT] = -SHARE * down
    changed = {**arrays, "shapedirs": shapedirs}
    if "finger_shapedirs" in arrays:
        fingers = np.array(arrays["finger_shapedirs"], np.float32)
        fingers[..., COMPONENT] = 0
        changed["finger_shapedirs"] = fingers
    return changed


def has_leg_length(model: BodyModel) -> bool:
    """Whether the body's last component is the length of its legs, and nothing else."""
    return not model.shapedirs[:, [0, 2], COMPONENT].any()
