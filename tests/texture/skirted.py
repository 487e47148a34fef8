"""Painted people in skirts and in trousers. A skirt is painted row by row of the picture, from the outermost pixel of
one leg to that of the other, without any mesh of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import torch

from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.dressing.dress import dress
from lwgan_cli.dressing.skirt_fit import Outline
from lwgan_cli.texture.hem import find_skirt
from lwgan_cli.texture.source import picture_ndc
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, motion, vertices

SKIN, SHIRT, CLOTH, BACKGROUND = (215, 165, 140), (60, 90, 190), (190, 30, 40), (120, 150, 110)
HIPS, CROTCH = -0.06, -0.17  # m, height on the mean shape
HEM = -0.40  # m
LEGS = (1, 2, 4, 5)


@dataclass(frozen=True)
class Painted:
    """picture (H, W, 3) uint8, person and skirt (H, W) bool, the pose (24, 3)."""

    picture: np.ndarray
    person: np.ndarray
    skirt: np.ndarray
    rows: np.ndarray


def standing(apart: float = 0.0, turned: float = 0.0) -> np.ndarray:
    """(24, 3) arms off the body; each leg `apart` rad to its side."""
    rows = np.zeros((24, 3), np.float32)
    rows[0, 1] = np.radians(turned)
    rows[16, 2], rows[17, 2] = -0.7, 0.7
    rows[1, 2], rows[2, 2] = apart, -apart
    return rows


def painted(rows: np.ndarray, garment: str, hem: float = HEM, flare: float = 0.04) -> Painted:
    """garment "skirt": to `hem` m below the origin and `flare` m wider there than the legs; "trousers": on the legs
    alone, to that height of theirs, and so much wider; "none"."""
    model, (scale, _, y) = body(), CAMERA
    ndc = picture_ndc(vertices(rows), torch.tensor([CAMERA]), SIZE)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    fragments = rasterize(ndc, model.faces, (SIZE[1], SIZE[0]))
    person = fragments.mask[0].numpy()
    rest = interpolate(fragments, model.faces, model.v_template)[0].numpy()
    part = np.where(person, model.parts.numpy()[model.faces.numpy()[fragments.pix_to_face[0].clamp(min=0), 0]], -1)
    picture = np.full((SIZE[1], SIZE[0], 3), BACKGROUND, np.uint8)
    picture[person] = SKIN
    trunk = person & ~np.isin(part, [12, 15, 18, 19, 20, 21, 22, 23])
    picture[trunk & (rest[..., 1] > -0.02)] = SHIRT
    below = trunk & (rest[..., 1] <= -0.02)
    skirt = np.zeros_like(person)
    if garment == "trousers":
        cloth = below & (rest[..., 1] > hem)
        wide = max(1, round(flare * scale))
        skirt = cv2.dilate(cloth.astype(np.uint8), np.ones((1, 2 * wide + 1), np.uint8)) > 0 if flare else cloth
    if garment == "skirt":
        for row in range(round(y + 0.02 * scale), round(y - hem * scale)):
            at = np.flatnonzero(below[row])
            if len(at):
                drop = np.clip((row - y + HIPS * scale) / (-hem * scale + HIPS * scale), 0, 1)
                wide = round(drop * flare * scale)
                skirt[row, max(0, at[0] - wide) : at[-1] + wide + 1] = True
    columns = np.arange(SIZE[0])[None] * np.ones((SIZE[1], 1))
    first = np.where(skirt.any(1), skirt.argmax(1), 0)[:, None]
    width = np.maximum(skirt.sum(1), 1)[:, None]
    light = 0.75 + 0.35 * np.clip((columns - first) / width, 0, 1)  # from its left to its right side
    picture[skirt] = (np.array(CLOTH) * light[..., None]).clip(0, 255).astype(np.uint8)[skirt]
    return Painted(picture, person | skirt, skirt, rows)


@lru_cache(maxsize=2)
def worn_offsets(apart: float = 0.0) -> torch.Tensor:
    """(V, 3) m: the body of a painted skirt's photo, dressed as trousers are."""
    photo = painted(standing(apart), "skirt")
    shown = motion(photo.rows)
    crop = cv2.copyMakeBorder(photo.person.astype(np.float32), 0, 0, 50, 50, cv2.BORDER_CONSTANT)
    pose, camera = torch.from_numpy(photo.rows), torch.from_numpy(shown.camera[0])
    return dress(body(), pose, torch.zeros(10), camera, crop).offsets


def found(photo: Painted) -> Outline | None:
    return find_skirt(body(), motion(photo.rows), photo.picture, photo.person.astype(np.float32))


def hem_row(outline: Outline) -> float:
    """The picture's row at which most of the hem lies."""
    columns = np.flatnonzero(np.isfinite(outline.hem))
    places = np.stack([columns, outline.hem[columns]], 1) @ cv2.invertAffineTransform(outline.matrix)[:, :2].T
    return float(np.median(places[:, 1]) + cv2.invertAffineTransform(outline.matrix)[1, 2])


def side_columns(outline: Outline, row: int) -> np.ndarray:
    """(2,) the sides' columns at a row of the picture."""
    level = (outline.matrix @ [0, row + 0.5, 1])[1]
    inverse = cv2.invertAffineTransform(outline.matrix)
    return np.array([(inverse @ [outline.sides[round(level), side], level, 1])[0] for side in (0, 1)])


def cropped(photo: Painted, below: float) -> Painted:
    """A photo that ends so many m below the body's origin."""
    row = round(CAMERA[2] + below * CAMERA[0])
    return replace(photo, picture=photo.picture[:row], person=photo.person[:row], skirt=photo.skirt[:row])
