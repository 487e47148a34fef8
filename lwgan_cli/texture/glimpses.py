"""Glimpses: slits between what lies in front, in which the photo shows a little of a limb behind.

A fit is a centimetre or two off. Of a limb that is seen in a slit no wider than that, the photo may as well show the
rim of what is in front, a shadow or another limb there, and that would be painted around all of it.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lwgan_cli.texture.bare import edges_of
from lwgan_cli.texture.surface import Surface

GLIMPSED = 0.02  # visibility from which the photo shows something of a vertex
NARROW = 0.012  # m in the photo's plane from the rim of what is seen to its middle, up to which it tells nothing


def glimpse_trust(surface: Surface, visibility: np.ndarray, px: np.ndarray, scale: float) -> np.ndarray:
    """(V,) float32, 0 for what is seen of arms and legs in narrow patches that hang together with nothing wider, else
    1. Fingers and toes are narrow.

    visibility (V,) in [0, 1]; px (V, 2) where the vertices lie, picture px; scale px per metre
    """
    seen = visibility > GLIMPSED
    start, end = edges_of(surface)
    rim = np.zeros(len(seen), bool)
    rim[start[seen[start] & ~seen[end]]] = True
    if not rim.any():
        return np.ones(len(seen), np.float32)
    joined = seen[start] & seen[end]
    graph = sparse.coo_matrix((np.ones(joined.sum(), bool), (start[joined], end[joined])), shape=(len(seen),) * 2)
    count, label = connected_components(graph, directed=False)
    wide = seen & (cKDTree(px[rim]).query(px)[0] > NARROW * scale)
    narrow = np.bincount(label, wide, count) == 0
    limbs = surface.limbs[surface.groups] & ~surface.hands[surface.groups] & ~surface.toes & ~surface.of_skirt
    return 1 - (narrow[label] & seen & limbs).astype(np.float32)
