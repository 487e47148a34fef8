"""The skin of those who give clothes: its pixels in their photos, and how these are taken on to the wearer's skin."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from lwgan_cli.texture.parsing import FEW, FURTHEST, NEAR, Look
from lwgan_cli.texture.skin_tone import INNER, OUTER, Tone, from_log, to_lab, to_log
from lwgan_cli.texture.source import Source, on_photo
from lwgan_cli.texture.surface_graph import Cloth

MASK_REACH, MASK_HOLE = 0.025, 0.008  # m around bare vertices; of what may lie within skin
SPREAD, SPREAD_LAB = 0.1, 8.0  # m and Lab that count alike where skin and cloth are told apart
STEP_SMOOTH = 7.0  # edges², over which steps between two people's skin are evened out
STEP_FADES = 0.0035  # … and 1 / edges² by how much they fade beyond where they are known, about 25 cm


def skin_mask(
    source: Source, faces: torch.Tensor, look: Look, limbs: np.ndarray, tones: Sequence[Tone], picture: np.ndarray
) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the skin of a photo (H, W, 3) uint8, on and around those of the `limbs` (V,) bool that
    are bare, to the pixel by its colour, which is that of any of the tones and not that of the clothes beside it."""
    near, glare = on_photo(source, faces, np.stack([look.bare & limbs, look.upper], 1)).transpose(2, 0, 1)
    shrink = max(near.shape) / max(picture.shape)
    reach = max(1, round(MASK_REACH * source.scale * shrink))
    near = cv2.blur(cv2.dilate(near, np.ones((2 * reach + 1,) * 2)), (reach, reach))
    near *= _no_cloth(source, look, near > 0, picture)
    near, glare = (cv2.resize(each, source.size, interpolation=cv2.INTER_LINEAR) for each in (near, glare))
    rows, columns = np.nonzero(near > 0)
    skin = np.zeros(picture.shape[:2], np.float32)
    away = np.min([tone.distance(picture[rows, columns]) for tone in tones], 0)
    further = (FURTHEST - OUTER) * glare[rows, columns]
    skin[rows, columns] = np.clip((OUTER + further - away) / (OUTER - INNER), 0, 1)
    # nails, freckles and the shade between fingers are skin too
    hole = max(1, round(MASK_HOLE * source.scale))
    skin = cv2.morphologyEx(skin, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * hole + 1,) * 2))
    return cv2.GaussianBlur(skin * near, (0, 0), 1.0)


def _no_cloth(source: Source, look: Look, where: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """(h, w) float32, 0 for those of the pixels `where` (h, w) bool whose colour and place in the photo (H, W, 3) are
    nearer to clothes than to skin; 1 elsewhere."""
    out = np.ones(where.shape, np.float32)
    kinds = [look.seen & look.bare, look.seen & ~look.bare & ~look.hair]
    rows, columns = np.nonzero(where)
    if not len(rows) or min(np.count_nonzero(kind) for kind in kinds) < NEAR:
        return out
    small = cv2.resize(picture, where.shape[::-1], interpolation=cv2.INTER_AREA)
    shrink = max(where.shape) / max(picture.shape)
    px = source.vertices_px() / (SPREAD * source.scale)
    at = np.stack([columns, rows], 1) / (SPREAD * source.scale * shrink)
    at = np.concatenate([at, to_lab(small[rows, columns]) / SPREAD_LAB], 1)
    points = np.concatenate([px, to_lab(look.colours) / SPREAD_LAB], 1)
    skin, clothes = (cKDTree(points[kind]).query(at, FEW)[0].mean(1) for kind in kinds)
    out[rows, columns] = skin < clothes
    return cv2.medianBlur(out, 3)


def steps_of_skin(cloth: Cloth, look: Look, colours: np.ndarray, wearer: Look) -> np.ndarray:
    """(V, 3) of log colours: what takes skin of `colours` (V, 3) 0 … 255 to the wearer's where both photos show it;
    it fades out over the skin that the wearer's doesn't show."""
    known = look.bare & look.seen & wearer.bare & wearer.seen
    apart = np.where(known[:, None], to_log(wearer.colours) - to_log(colours), 0)
    near = cloth.edges.sign()
    laplace = sparse.diags(np.asarray(near.sum(1)).ravel()) - near
    system = sparse.diags(known.astype(float)) + STEP_SMOOTH * (laplace + STEP_FADES * sparse.identity(len(known)))
    steps: np.ndarray = splu(system.tocsc()).solve(apart)
    return steps


def relit(picture: np.ndarray, mask: np.ndarray, source: Source, faces: torch.Tensor, steps: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 with what is `mask` (H, W) in [0, 1] taken on by steps (V, 3) of log colours."""
    drawn = on_photo(source, faces, np.concatenate([steps, np.ones((len(steps), 1))], 1))
    reach = 2 * max(1, round(MASK_REACH * source.scale * max(drawn.shape) / max(picture.shape))) + 1
    drawn = cv2.blur(drawn, (reach, reach))
    field = cv2.resize(drawn[..., :3] / np.maximum(drawn[..., 3:], 1e-3), source.size, interpolation=cv2.INTER_LINEAR)
    rows, columns = np.nonzero(mask > 0)
    out, share = picture.copy(), mask[rows, columns, None]
    given = picture[rows, columns].astype(np.float32)
    changed = from_log(to_log(given) + field[rows, columns])
    out[rows, columns] = np.rint(share * changed + (1 - share) * given).astype(np.uint8)
    return out
