"""What no photo shows of a face: teeth, the mouth's inside, the white of the eyes under the lids.

A mouth that opens in the result must not be a hole. Where the photos saw nothing, the atlas is painted with anatomy's
colours, as light as the photo's face is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.layers.neighbours import mean
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.source import Source

TOOTH = np.array([0.97, 0.86, 0.79])  # in the light that lips and skin throw on it, where no skin is seen
# Of 14 faces in films the lighter teeth are 1.12 times as light as the skin beside them at its 75th percentile, in the
# middle, 1.21 at the most, whatever its tone, and have 0 to 0.6 of its tint, which is the light's too
TOOTH_LIGHT, TOOTH_TINT, LIGHTEST_TOOTH = 1.15, 0.4, 0.95
EYE_WHITE = np.array([0.88, 0.84, 0.82])
IRIS = np.array([0.23, 0.15, 0.10])
LIPS = np.array([0.62, 0.38, 0.36])
LIGHT_FACE = 0.78  # brightness of a well-lit face, to which the colours above belong
IRIS_RADIUS = 0.0059  # m
GUM = 0.0095  # m from a tooth's edge
UPPER_GAPS = np.array([0.0, 8.6, 15.2, 22.6, 29.4]) / 1e3  # m along the arch from the middle
LOWER_GAPS = np.array([0.0, 5.4, 11.2, 18.0, 25.0]) / 1e3
CORNERS = (0.008, 0.036)  # m along the arch, over which it gets dark behind the corners of the mouth …
BETWEEN = 0.25  # … where teeth are as lips' colour, so light
LIP_UP, LIP_REACH = 0.004, 0.006  # m from the line between lips to either's middle, and around that where it is seen
LIP_DEPTH = (0.004, 0.007)  # m from the mouth's inside, up to which skin that nothing shows is lip
LIPS_SEEN = 0.2  # share of the lips that must be seen, to know that
SOCKETS = ("eye_cavity.L", "eye_cavity.R", "eye_back.L", "eye_back.R")
MOUTH = ("mouth_cavity", "tongue", "teeth")
INSIDE = (*MOUTH, *SOCKETS)
EYES = ("eye_front.L", "eye_front.R")
UNDER_NOSE, NOSTRILS = (0.0, -0.008, -0.014), 0.015  # m from its tip to the middle of the nostrils, and their reach
SEEN = (0.15, 0.6)  # visibility between which paint gives way to the photo
FINER = 2  # px as which faces are drawn, along a px of the photo
LIP_EDGE = (0.0002, 0.0008)  # m from the lips, between which teeth are believed to be such …
LIP_LIKE = (0.2, 0.6)  # … and of the way from teeth's redness to lips', over which they aren't any more
LEAST_TEETH, SURE_TEETH = 12, 25  # texels of teeth that must be seen, to know their colour, and to be half sure of it
OWN_LIGHT = 1.15  # times as light as expected that teeth are at the most
TOOTH_CLEAR = 60  # percentile of their brightness from which they are taken for that
TOOTH_GAIN = (0.4, 1.2)  # of which it may be, of what is painted
TOOTH_DARK = (0.35, 0.5)  # of the light that teeth are expected to have, over which what lips leave open may be teeth
OPENING = 0.003  # m around a place in the mouth: what of it lips leave open lets light in, …
SHADED, OPEN_SHADE = 0.4, (0.15, 0.6)  # … to this share where nothing is open, and fully from so much on
NEAR_FACE = 0.05  # m around the nose: the skin that says how light the face is


@dataclass(frozen=True)
class _Texels:
    """Texels of some faces: rows of the flat atlas, face (N,) of the model, barycentric coordinates bary (N, 3) there,
    place (N, 3) m in T-pose, visibility; the atlas is of size px."""

    rows: np.ndarray
    face: np.ndarray
    bary: np.ndarray
    place: np.ndarray
    seen: np.ndarray
    size: int

    @classmethod
    def of(cls, model: BodyModel, chosen: torch.Tensor, visibility: np.ndarray, size: int) -> _Texels:
        faces = chosen.nonzero()[:, 0]
        flat = torch.cat([model.uv * 2 - 1, torch.ones_like(model.uv[:, :1])], 1) * model.uv.new_tensor([1, -1, 1])
        fragments = rasterize(flat[None].cpu(), model.uv_faces[faces].cpu(), size, "torch")
        row = fragments.pix_to_face[0].flatten()
        rows = (row >= 0).nonzero()[:, 0]
        face = faces.cpu()[row[rows]]
        bary = fragments.bary_coords[0].reshape(-1, 3)[rows].numpy()
        corners = model.faces.cpu()[face].numpy()
        rest = model.v_template.cpu().numpy()
        place = (rest[corners] * bary[..., None]).sum(1)
        seen = (visibility[corners] * bary).sum(1)
        return cls(rows.numpy(), face.numpy(), bary, place, seen, size)

    def among(self, chosen: torch.Tensor) -> np.ndarray:
        """(N,) bool: texels of these faces (F,)."""
        return chosen.cpu().numpy()[self.face]


def paint_inside(
    model: BodyModel, atlas: np.ndarray, visibility: np.ndarray, photo: Source | None = None
) -> np.ndarray:
    """The atlas (A, A, 3) float32 in [0, 1] with the face's inside painted where nothing of it was seen.

    visibility (V,) in [0, 1] of the vertices, the best of all photos; photo: whose teeth those are, as far as it shows
    any. A body without a mouth's inside stays as it is.
    """
    inside, eyes = model.of_group(*INSIDE), model.of_group(*EYES)
    if not bool(inside.any()):
        return atlas
    size = len(atlas)
    nostrils = _nostrils(model)
    lip = _lip_share(model)
    of_lips = torch.from_numpy(lip > 0)[model.faces.cpu()].any(1).to(inside.device)
    of_lips[model.n_shown :] = False
    of_lips &= bool((visibility[lip > 0.5] > SEEN[1]).mean() > LIPS_SEEN) & ~nostrils
    texels = _Texels.of(model, inside | eyes | nostrils | of_lips, visibility, size)
    flat = atlas.reshape(-1, 3).astype(np.float64)
    skin = _face_colours(model, flat, visibility, size)
    light, tooth = face_light(skin), tooth_colour(skin)
    lips = _lip_colour(model, flat, visibility, size, light)
    paint = np.zeros_like(texels.place)
    for faces, colour in (
        (nostrils, np.broadcast_to(0.4 * lips, paint.shape)),
        (model.of_group("mouth_cavity"), _deep(texels.place, lips, 0.2, 0.55)),
        (model.of_group("tongue"), _deep(texels.place, lips, 0.25, 0.75)),
        (model.of_group("teeth"), _teeth(model, texels.place, lips, tooth)),
        (model.of_group(*SOCKETS), np.broadcast_to(0.35 * lips, paint.shape)),
        (eyes, _eyes(model, texels, flat, light)),
    ):
        rows = texels.among(faces)
        paint[rows] = colour[rows]
    share = np.clip((texels.seen - SEEN[0]) / (SEEN[1] - SEEN[0]), 0, 1)[:, None]
    rows = texels.among(of_lips)
    above = texels.place[:, 1] > _mouth_middle(model)[1]
    for side, half in ((1, rows & above), (-1, rows & ~above)):
        paint[half] = _lip_colour(model, flat, visibility, size, light, side)
    of_lip = (lip[model.faces.cpu().numpy()[texels.face[rows]]] * texels.bary[rows]).sum(1)
    share[rows] = 1 - (1 - share[rows]) * of_lip[:, None]
    if photo is not None:
        teeth = texels.among(model.of_group("teeth"))
        paint[teeth], share[teeth] = _own_teeth(model, photo, texels, teeth, paint[teeth], lips, tooth), 0.0
    flat[texels.rows] = share * flat[texels.rows] + (1 - share) * paint
    return flat.reshape(atlas.shape).clip(0, 1).astype(np.float32)


def light_within(inside: torch.Tensor, px_per_m: float) -> torch.Tensor:
    """(B, 1, H, W) share of the light that comes in between the lips, where a mouth's inside (B, 1, H, W) is drawn."""
    opened = mean(inside.float(), max(1, round(OPENING * px_per_m)))
    share = ((opened - OPEN_SHADE[0]) / (OPEN_SHADE[1] - OPEN_SHADE[0])).clamp(0, 1)
    return SHADED + (1 - SHADED) * share.square() * (3 - 2 * share)


def brightness(colours: np.ndarray) -> np.ndarray:
    """(...,) luma of colours (..., 3)."""
    return colours @ [0.3, 0.59, 0.11]


def face_light(skin: np.ndarray) -> float:
    """How light a face is whose skin's colours (N, 3) in [0, 1] are seen; 1 well lit, and where none is seen."""
    return float(np.clip(np.percentile(brightness(skin), 75) / LIGHT_FACE, 0.15, 1.1)) if len(skin) else 1.0


def tooth_colour(skin: np.ndarray) -> np.ndarray:
    """(3,) teeth in the light of a face whose skin's colours (N, 3) in [0, 1] are seen: near white, a little warm."""
    if not len(skin):
        return TOOTH
    tint = np.median(skin, 0)
    tint = tint / max(float(brightness(tint)), 1e-3)
    light = TOOTH_LIGHT * float(np.percentile(brightness(skin), 75))
    return np.clip(min(light, LIGHTEST_TOOTH) * (1 + TOOTH_TINT * (tint - 1)), 0, 1)


def _nostrils(model: BodyModel) -> torch.Tensor:
    """(F,) bool: faces below the tip of the nose that look down."""
    corners = model.v_template[model.faces]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    down = normal[:, 1] < -0.3 * normal.norm(dim=1)
    away = corners.mean(1) - model.v_template[model.landmarks["nose"]] - corners.new_tensor(UNDER_NOSE)
    near = away.norm(dim=1) < NOSTRILS
    near[model.n_shown :] = False
    return near & down


def _lip_share(model: BodyModel) -> np.ndarray:
    """(V,) in [0, 1]: how far a vertex near the mouth's inside is a lip's."""
    rest = model.v_template.cpu().numpy()
    cavity = model.faces[model.of_group("mouth_cavity")].unique().cpu().numpy()
    if not len(cavity):
        return np.zeros(len(rest))
    share: np.ndarray = 1 - smoothstep(cKDTree(rest[cavity]).query(rest)[0], *LIP_DEPTH)
    return share


def _face_colours(model: BodyModel, flat: np.ndarray, visibility: np.ndarray, size: int) -> np.ndarray:
    """(N, 3) colours of the seen skin around the nose."""
    nose = model.v_template[model.landmarks["nose"]].cpu().numpy()
    return _colours_at(model, flat, visibility, size, nose, NEAR_FACE)


def _mouth_middle(model: BodyModel) -> np.ndarray:
    """(3,) m, between the corners of the mouth."""
    marks = [model.landmarks["left_mouth"], model.landmarks["right_mouth"]]
    middle: np.ndarray = model.v_template.cpu().numpy()[marks].mean(0)
    return middle


def _lip_colour(
    model: BodyModel, flat: np.ndarray, visibility: np.ndarray, size: int, light: float, side: int = 0
) -> np.ndarray:
    """(3,) of both lips, or of the upper one, side 1, or the lower, -1."""
    colour, middle = LIPS * light, _mouth_middle(model) + np.array([0.0, 0.0, 0.012])
    places = [(middle, 0.011, 20)]
    if side:
        places.append((middle + np.array([0.0, side * LIP_UP, 0.002]), LIP_REACH, 5))
    for place, reach, least in places:
        seen = _colours_at(model, flat, visibility, size, place, reach)
        colour = np.median(seen, 0) if len(seen) > least else colour
    return colour


def _colours_at(
    model: BodyModel, flat: np.ndarray, visibility: np.ndarray, size: int, middle: np.ndarray, reach: float
) -> np.ndarray:
    """Atlas colours at the centres of seen, shown faces within `reach` m of a place."""
    corners = model.faces[: model.n_shown].cpu().numpy()
    near = np.linalg.norm(model.v_template.cpu().numpy()[corners].mean(1) - middle, axis=1) < reach
    near &= (visibility[corners].min(1) > SEEN[1]) & ~model.of_group(*EYES)[: model.n_shown].cpu().numpy()
    uv = model.uv.cpu().numpy()[model.uv_faces[: model.n_shown].cpu().numpy()[near]].mean(1)
    column, row = np.clip((uv * size).astype(int), 0, size - 1).T
    return flat[row * size + column]


def _deep(place: np.ndarray, colour: np.ndarray, back: float, front: float) -> np.ndarray:
    """A colour that darkens into the mouth: its share at the throat and behind the lips."""
    depth = np.clip((place[:, 2] - 0.09) / 0.075, 0, 1)[:, None]
    return (back + (front - back) * depth**1.5) * colour


def _teeth(model: BodyModel, place: np.ndarray, lips: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Teeth of a colour (3,) with gaps between them, and gums."""
    rows = model.faces[model.of_group("teeth")].unique().cpu().numpy()
    grid = model.v_template.cpu().numpy()[rows]
    upper_rows, lower_rows = np.split(grid, 2)
    front = grid[:, 2].max()
    upper = np.abs(place[:, 1] - upper_rows[:, 1].mean()) < np.abs(place[:, 1] - lower_rows[:, 1].mean())
    edge = np.where(upper, upper_rows[:, 1].min(), lower_rows[:, 1].max())
    from_edge = np.abs(place[:, 1] - edge)
    along = np.hypot(place[:, 0], 0.6 * (front - place[:, 2]))
    gaps = np.where(
        upper, np.abs(along[:, None] - UPPER_GAPS).min(1), np.abs(along[:, None] - LOWER_GAPS).min(1)
    )  # fmt: skip
    shade: np.ndarray = 1 - smoothstep(along, *CORNERS)
    shade *= 1 - 0.10 * np.exp(-((gaps / 0.0006) ** 2))
    tooth = colour * shade[:, None] + BETWEEN * lips * (1 - shade[:, None])  # what light is there comes off lips
    shade = BETWEEN + (1 - BETWEEN) * shade
    gum = np.clip((from_edge - GUM - 0.0012 * np.cos(gaps / 0.004 * np.pi)) / 0.0012, 0, 1)[:, None]
    return tooth + gum * (0.9 * lips * shade[:, None] - tooth)


def _own_teeth(
    model: BodyModel, photo: Source, texels: _Texels, teeth: np.ndarray, paint: np.ndarray, lips: np.ndarray,
    tooth: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(N, 3) colours of those texels that are teeth, bool, from their paint (N, 3) of colour tooth (3,): what the photo
    shows of them between lips of colour lips (3,), in full light, and the rest of them as light and as yellow as that.
    No tooth is much lighter than that, and what is much darker is the line between lips, or the mouth behind.

    A row of teeth has too few vertices to say what of it is seen through a gap of some millimetres.
    """
    corners, bary = model.faces.cpu().numpy()[texels.face[teeth]], texels.bary[teeth]
    places = np.einsum("nkc,nk->nc", photo.vertices_px()[corners], bary)
    drawn, corner = drawn_around(model, photo, places)
    group = model.of_group(*MOUTH).cpu().numpy()
    inside = (drawn >= 0) & group[drawn]
    if not inside.any():
        return paint
    light = light_within(torch.from_numpy(inside)[None, None], FINER * photo.scale)[0, 0].numpy()
    column, row = np.clip(((places - corner) * FINER).astype(int), 0, np.array(drawn.shape[::-1]) - 1).T
    at = drawn[row, column]
    upper = model.v_template[model.faces[:, 0].cpu()][:, 1].cpu().numpy()  # which of the two rows is drawn there
    same = (at >= 0) & model.of_group("teeth").cpu().numpy()[at] & (np.abs(upper[at] - upper[texels.face[teeth]]) < GUM)
    away = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    seen = same * smoothstep(away[row, column] / (FINER * photo.scale), *LIP_EDGE)
    colours = photo.pixels[:3].permute(1, 2, 0).cpu().numpy()
    grid = (places - 0.5).astype(np.float32)[None]
    shown = cv2.remap(colours, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    alike = smoothstep(brightness(shown) / max(float(brightness(tooth)), 1e-3), *TOOTH_DARK)
    shown = shown / light[row, column, None]
    shown *= np.minimum(1, OWN_LIGHT * brightness(tooth) / np.maximum(brightness(shown), 1e-3))[:, None]
    redness = (shown[:, 0] - shown[:, 1:].mean(1)) / np.maximum(brightness(shown), 1e-3)
    of_lips, of_teeth = ((c[0] - c[1:].mean()) / max(brightness(c), 1e-3) for c in (lips, tooth))
    alike *= 1 - smoothstep((redness - of_teeth) / max(of_lips - of_teeth, 0.1), *LIP_LIKE)
    plane = np.ones(texels.size**2, np.float32)  # right beside what are none, they are teeth by half
    plane[texels.rows[teeth]] = alike
    around = cv2.blur(cv2.erode(plane.reshape(texels.size, -1), np.ones((3, 3))), (3, 3)).ravel()
    seen *= np.minimum(alike, around[texels.rows[teeth]])
    known = seen > 0.5
    if known.sum() >= LEAST_TEETH:
        # the darker ones lie in the lips' shadow, or are the dark between them by half
        known &= brightness(shown) >= np.percentile(brightness(shown[known]), TOOTH_CLEAR)
        gain = np.median(shown[known], 0) / np.maximum(np.median(paint[known], 0), 1e-3)
        paint = paint * np.clip(gain, *TOOTH_GAIN) ** (known.sum() / (known.sum() + SURE_TEETH))
    return paint + seen[:, None] * (shown - paint)


def drawn_around(model: BodyModel, photo: Source, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) the faces drawn in the part of a photo that holds places (N, 2) px, -1 where none is, FINER px along a px
    of the photo, and its upper left corner (2,) px."""
    corner = np.floor(places.min(0)) - 2
    width, height = (np.ceil(places.max(0)) + 2 - corner).astype(int)
    ndc = photo.ndc.clone()
    px = torch.from_numpy((photo.vertices_px() - corner) / [width, height] * 2 - 1).to(ndc)
    ndc[:, 0], ndc[:, 1] = px[:, 0], -px[:, 1]
    ndc[:, 2] += 1 - ndc[:, 2].min()
    drawn = rasterize(ndc[None], model.faces, (FINER * int(height), FINER * int(width))).pix_to_face[0].cpu().numpy()
    return drawn, corner


def _eyes(model: BodyModel, texels: _Texels, flat: np.ndarray, light: float) -> np.ndarray:
    """White and iris in the photo's colours, where it shows the eyes open."""
    paint = np.zeros_like(texels.place)
    for side, name in (("left_eye", EYES[0]), ("right_eye", EYES[1])):
        here = texels.among(model.of_group(name))
        centre = model.v_template[model.landmarks[side]].cpu().numpy()
        radius = np.linalg.norm((texels.place - centre)[:, :2], axis=1)
        shown = flat[texels.rows]
        seen = here & (texels.seen > SEEN[1])
        outer, inner = seen & (radius > 1.25 * IRIS_RADIUS), seen & (radius < 0.8 * IRIS_RADIUS)
        white = EYE_WHITE * light
        if outer.sum() > 8:
            lightness = shown[outer].mean(1)
            own = shown[outer][lightness >= np.median(lightness)].mean(0)
            white = np.maximum(own, 0.6 * white)  # lashes and lids can only have darkened it
        iris = np.median(shown[inner], 0) if inner.sum() > 8 else IRIS * light
        rim = np.clip((IRIS_RADIUS * 1.05 - radius) / (0.15 * IRIS_RADIUS), 0, 1)[:, None]
        paint[here] = (white + rim * (iris - white))[here]
    return paint
