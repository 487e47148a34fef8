"""Shoes: where on a foot they begin, and what they cover of it that the photo doesn't show.

From in front a photo shows where a shoe's opening ends on the instep, and hardly ever its heel. The opening's edge goes
around the foot from there to the back, where shoes hold the heel: that is as high as in front, or higher where the shoe
is cut out low.
"""

from __future__ import annotations

import numpy as np

from lwgan_cli.texture.bare import ALIKE, limb_likeness, limb_skins
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.surface import Surface

STEP = 0.01  # m of foot whose colours are taken together …
MOST = 3.0  # … and as how many vertices they count at most: toes have many
LEAST = 9.0  # vertices of a shoe, and not of skin, that must be seen
NONE = float("nan")


def shoe_edge(surface: Surface, colours: np.ndarray, shown: np.ndarray, skin: Tone | None) -> float:
    """m along the legs, see `Surface.along`, at which shoes begin in front, no higher than feet do; NaN for bare feet,
    and where nothing is known.

    colours (V, 3) 0 … 255 at the vertices, shown (V,) bool: which of them the photo shows; skin the person's
    """
    foot, along = surface.feet, surface.along
    rows = shown & foot
    if skin is None or not rows.any():
        return NONE
    start = float(along[foot].min())
    cell = ((along[rows] - start) / STEP).astype(int)
    likeness = limb_likeness(limb_skins(surface, colours, shown, skin), surface.of_limbs[:, rows], colours[rows])
    count = np.bincount(cell)
    share = np.bincount(cell, likeness > ALIKE) / np.maximum(count, 1)
    weight = np.minimum(count, MOST)
    # the most of a shoe, and the least of skin, that lies beyond an edge
    shoe = np.cumsum((weight * (1 - 2 * share))[::-1])[::-1]
    return start + STEP * int(shoe.argmax()) if shoe.max() >= LEAST else NONE
