"""Masks over mouth and nose: the face's skin then shows around the eyes alone, and no hand has a mask's colour."""

from __future__ import annotations

import numpy as np

from lwgan_cli.texture.skin_tone import LEAST
from lwgan_cli.texture.surface import Surface

BELOW_NOSE = 0.4  # of the height from chin to eyes
REDDER = 0.03  # by how much more of their light is red around the eyes than below the nose, at least
PALE = 0.1  # of the light: red less blue, of which skin has more, in any but blue light, and beards too …
PALER = 0.15  # … and so much less of it than around the eyes nothing on a face has in any light


def wears_mask(surface: Surface, colours: np.ndarray, shown: np.ndarray) -> bool:
    """Whether what a photo shows below the nose is no skin, as what it shows around the eyes is.

    colours (V, 3), RGB in 0 … 255, at the vertices; shown (V,) bool. False where too little of either is shown.
    """
    if not surface.skin.any():
        return False
    high = surface.vertices[:, 1]
    chin, eyes = high[surface.skin].min(), high[surface.skin].max()
    below = surface.skin & (high < chin + BELOW_NOSE * (eyes - chin))
    shares = []
    for part in (surface.with_mask().skin & shown, below & shown):
        if np.count_nonzero(part) < LEAST:
            return False
        median = np.median(colours[part], 0)
        shares.append(median / max(float(median.sum()), 1e-3))
    around, there = shares
    warm, cold = around[0] - around[2], there[0] - there[2]
    return bool(around[0] - there[0] > REDDER and (cold < PALE < warm or warm - cold > PALER))
