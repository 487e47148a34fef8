"""Photos of one person under different light and white balance: each brought to the first one's colours.

Two photos are compared where they show surface next to each other, which a front and a back do along the body's
sides. One gain for each channel, of linear light, is what exposure and white balance change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.texture.skin_tone import DARKEST, GAMMA, to_log
from lwgan_cli.texture.source import Source, read

SHOWN = 0.3  # visibility from which a vertex is compared
NEAR = 0.04  # m on the body in T-pose, between what two photos show, to be compared
LEAST = 60  # vertices
MOST = np.log(2.5)  # gains beyond that are no light: the photos show other clothes


def match_colours(sources: Sequence[Source], places: np.ndarray) -> list[np.ndarray]:
    """Gains (3,) of linear light for each source, the first one's 1; places (V, 3) m of the vertices in T-pose."""
    gains = [np.ones(3)]
    known_places, known = _shown(sources[0], places)
    for source in sources[1:]:
        at, logs = _shown(source, places)
        gain = np.zeros(3)
        if len(known) and len(at):
            away, near = cKDTree(known_places).query(at)
            close = away < NEAR
            if np.count_nonzero(close) >= LEAST:
                gain = np.clip(np.median(known[near[close]] - logs[close], 0), -MOST, MOST)
        gains.append(np.exp(gain))
        known_places, known = np.concatenate([known_places, at]), np.concatenate([known, logs + gain])
    return gains


def with_gain(picture: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 under gains (3,) of linear light; what grows too bright stays at full light."""
    levels = np.arange(256) / 255
    curves = np.clip(levels[:, None] ** GAMMA * gain, 0, 1) ** (1 / GAMMA) * 255
    return np.stack([np.rint(curves[:, k]).astype(np.uint8)[picture[..., k]] for k in range(3)], 2)


def _shown(source: Source, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, 3) and log colours (N, 3) of what a photo shows, neither black nor burnt out."""
    values = read(source.pixels, source.ndc).cpu().numpy()
    colours = values[:, :3] * 255
    lit = (colours > 255 * (2 * DARKEST) ** (1 / GAMMA)).all(1) & (colours < 250).all(1)
    keep = (source.visibility.cpu().numpy() > SHOWN) & (values[:, 3] > 0.9) & lit
    return places[keep], to_log(colours[keep])
