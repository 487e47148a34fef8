"""People with skin, hair and clothes painted on the body, photos of them, and what these show."""

from __future__ import annotations

import numpy as np
import torch

from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.colour_match import with_gain
from lwgan_cli.texture.parsing import PARTS, Look, part_of
from lwgan_cli.texture.source import Source, picture_ndc
from lwgan_cli.texture.surface_graph import Cloth
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, pose, source, surface, vertices

SKIN, HAIR, RED, BLUE, WHITE = (205, 150, 125), (60, 38, 25), (190, 30, 40), (40, 60, 140), (235, 235, 230)
LOOKS: dict[bytes, Look] = {}  # by the colours painted on: many tests ask for the same


def painted(colours: np.ndarray, turned: float = 0.0, gain: np.ndarray | None = None) -> Source:
    """A photo of the body with colours (V, 3) painted on, turned about the vertical, in light of a gain (3,)."""
    rows = pose(turned)
    ndc = picture_ndc(vertices(rows), torch.tensor([CAMERA]), SIZE)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    fragments = rasterize(ndc, body().faces, (SIZE[1], SIZE[0]))
    picture = interpolate(fragments, body().faces, torch.from_numpy(colours.astype(np.float32)))[0].numpy()
    picture = np.where(fragments.mask[0].numpy()[..., None], picture, 128).round().astype(np.uint8)
    return source(rows, picture if gain is None else with_gain(picture, gain))


def dressed(
    sleeve: float = 0.35, hem: float = -0.12, locks: bool = False, top: tuple[int, int, int] = RED
) -> np.ndarray:
    """(V, 3) colours: face, forearms and hands bare, hair, a top down to `hem` m with sleeves to `sleeve` m, blue
    trousers, white shoes; locks hang down in front of the shoulders."""
    places, part = surface().vertices, part_of(body())
    colours = np.tile(np.array(SKIN, float), (len(places), 1))
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface().arms[surface().groups]
    colours[trunk] = np.where(places[trunk, 1:2] > hem, top, BLUE)
    colours[surface().arms[surface().groups] & (np.abs(places[:, 0]) < sleeve)] = top
    colours[part == PARTS.index("shoes")] = WHITE
    colours[surface().hair] = HAIR
    if locks:
        chin = places[body().landmarks["chin"], 1]
        colours[lock(chin)] = HAIR
    return colours


def lock(chin: float) -> np.ndarray:
    """(V,) bool: two strips from the ears down to 20 cm below the chin."""
    x, y, z = surface().vertices.T
    side = (np.abs(x) > 0.045) & (np.abs(x) < 0.1)
    return side & (y < chin + 0.15) & (y > chin - 0.2) & (z > -0.02) & ~surface().skin


def look_of(colours: np.ndarray, cloth: Cloth) -> Look:
    key = colours.tobytes()
    if key not in LOOKS:
        LOOKS[key] = Look.of(body(), surface(), cloth, painted(colours), np.zeros_like(surface().vertices))
    return LOOKS[key]
