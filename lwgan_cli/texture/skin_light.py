"""Light on bare limbs: how much of it a photo's skin gets from where it looks, so that it is lit anew when it turns.

A limb in a photo is darkest at its edges, and lighter on the side that the light comes from. What goes on around it
isn't, once it faces the viewer; and what was at the middle is darker once it is at the edge. The logarithm of light is
taken to grow with the normal's components, as it does on a matt surface in soft light.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.made_up import SURE
from lwgan_cli.texture.pieces import Pieces
from lwgan_cli.texture.skin_tone import from_log, to_log
from lwgan_cli.texture.surface import Surface

USUAL = np.array([0.0, 0.2, 0.4])  # log light by which most photos' skin is lighter right, up and to the viewer …
WEIGHT = 0.1  # … and variance of normals that it weighs as much as
FRONT = np.array([0.0, 0.0, 0.8])  # the mean of the normals that are seen of a limb, whose light is the skin's own
SHARES = np.array([0.88, 1.02, 1.1])  # of it in red, green and blue: skin in the shade is redder
ODD = 0.25  # log light off from which a vertex loses its say: hairs, creases, a cast shadow
ROUNDS = 4
LEAST = 30  # vertices, and texels, that a limb tells anything by
FADE = 0.06  # m from where limbs are no longer bare over which light comes to count
OWN = 0.75  # of what left and right differ in light: shade that an arm hangs in is left behind when it rises
MOST = 0.8  # log light between left and right of one person: more is no light


def skin_light(surface: Surface, normals: np.ndarray, colours: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(V, 4) float32 for the skin of bare limbs, 0 elsewhere: log light by which it grows with its normal's components,
    x right, y up, z to the viewer; and what that makes of it in the photo.

    surface  with what is bare; normals (V, 3) unit vectors in the photo; colours (V, 3) 0 … 255 at the vertices
    shown    (V,) bool: which of them the photo shows to be skin
    """
    off_bare = surface.vertices[~surface.bare]
    lit = surface.bare.astype(np.float64)
    if len(off_bare):
        lit = smoothstep(cKDTree(off_bare).query(surface.vertices)[0], 0.0, FADE)
    slope = _slope([(normals[rows], to_log(colours[rows]).mean(1)) for rows in surface.of_limbs & surface.bare & shown])
    light = np.column_stack([np.broadcast_to(slope, normals.shape), (normals - FRONT) @ slope])
    return (lit[:, None] * light).astype(np.float32)


def _slope(limbs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(3,) from normals (N, 3) and log light (N,) of each limb, which are as light as they are."""
    limbs = [each for each in limbs if len(each[1]) >= LEAST]
    slope = USUAL
    for _ in range(ROUNDS if limbs else 0):
        left, right = WEIGHT * np.eye(3), WEIGHT * USUAL
        for normals, light in limbs:
            off = light - normals @ slope
            trust = 1 / (1 + ((off - np.median(off)) / ODD) ** 2)
            trust /= trust.sum()
            normals, light = normals - trust @ normals, light - trust @ light
            left += (normals.T * trust) @ normals
            right += (normals.T * trust) @ light
        slope = np.linalg.solve(left, right)
    return slope


def lit_alike(pieces: Pieces, own: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """What was seen of the mirrored side, twin (N, 4), with bare limbs in the light of this one, own (N, 4): one arm is
    in the sun, the other one in the shade."""
    out, vertex = twin.copy(), pieces.texels.vertex(pieces.surface.faces)
    for limb in pieces.surface.of_limbs[:, vertex] & pieces.bare:
        for side in (limb & (pieces.places[:, 0] > 0), limb & (pieces.places[:, 0] <= 0)):
            logs = [to_log(each[side & (each[:, 3] >= SURE), :3]) for each in (own, twin)]
            if min(map(len, logs)) >= LEAST:
                step = np.clip(np.median(logs[0].mean(1)) - np.median(logs[1].mean(1)), -MOST, MOST)
                out[side, :3] = from_log(to_log(twin[side, :3]) + OWN * step * SHARES)
    return out
