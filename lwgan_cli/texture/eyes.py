"""The eyes' own picture: all of both eyeballs, of which a photo shows what the lids leave.

Warped as it is, a photo would carry lids and lashes along with an eye that looks aside. Here each eyeball is unrolled
around the middle of its front (azimuthal equidistant). What the photo shows well inside the lids stays; the rest of
the iris is as the seen part is at the same distance from its middle, and the rest of the white as the white that is
seen. Of an upper lid an open eye shows a dark crease and lashes: a shut one is as the skin around the eye down to its
edge, along which lashes draw a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.detection.face_places import eyeballs
from lwgan_cli.fitting.face import BLINKS
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.inside import (
    EYE_WHITE,
    EYES,
    FINER,
    IRIS,
    IRIS_RADIUS,
    NEAR_FACE,
    SOCKETS,
    brightness,
    drawn_around,
    face_light,
)
from lwgan_cli.texture.source import Source, read

REACH = 0.9  # of the half side of an eye's picture that its front hemisphere takes
SIDES = (64, 1024)  # px, smallest and largest
LEAST_IRIS = 2.0  # px, radius of an iris below which nobody sees what it does
LIDS = (0.0002, 0.0009)  # m from the lids, between which the photo is believed
RING = 0.0004  # m, width of the rings that an iris is completed by …
LEAST_RING = 4  # … and places in it that must be seen
PLAIN_IRIS = ((0.32, 0.3), (0.42, 1.0), (0.85, 1.0), (1.0, 0.6))  # radius, share of its colour: pupil, iris, limbus
RED_SPREAD = 0.08  # redder than the iris around it, [0, 1], and it is lid or the eye's corner
DIMMEST_WHITE = 0.7  # of the white of a face as light as this, that a shaded eye has: less is seen between lashes
LEAST_WHITE = 8  # places of the white that must be seen, to know its colour
WHITE_FROM, WHITE_TO = 1.1, 1.3  # iris radii, between which the iris' colours give way to the white
WHITE_SPREAD = 0.10  # difference of colour from the white, [0, 1], beyond which it is lid or lash
LID_MOVES, LID_STILL = 0.003, 0.001  # m: a blink moves upper lids further, and lower ones less …
LID_NEAR = 0.020  # … which lie as near as that to the eyeball's middle
LID_SKIN, LID_SKIN_NEAR = 0.022, 0.008  # m around the eyeball's middle, and from a lid, in which skin is like the lid's
LID_SKIN_OFF = 0.003  # m from the eye, or the upper lid's edge: nearer there are lashes
LID_BRIGHT = (0.4, 0.7)  # of the skin near a lid is darker, from which on it is neither brow, lash nor fold
LID_PX = 400  # px that the surface around an eye is drawn with, to find its upper lid's edge
LID_REACH = 0.036  # m around the eyeball's middle, in which all of that lid lies
LID_FOLD = (0.004, 0.008)  # m above its edge, over which a shut lid gives way to what is above the open eye's fold
LID_ABOVE = (-0.002, 0.0)  # m above where the socket begins, over which the corners' skin becomes the upper lid's
LID_OPENS = (0.0003, 0.0015)  # m by which a blink moves its edge, less at the corners, where nothing opens nor shuts
LASHES = (0.0006, 0.0034)  # m above a shut lid's edge, over which lashes' line ends …
LASHES_GROW, LASH_STEPS = (-0.0005, 0.0020), 8  # … and above an open one's, where it is looked for, so many times
EDGE_SHADE = 0.15  # darker is the white at the hemisphere's rim, which turns away from the light


@dataclass(frozen=True, eq=False)
class Eyes:
    """picture  (3, S, 2S) float32 [0, 1], right and left eyeball side by side
    ndc      (V, 2) where the eyeballs' vertices lie in it, x right, y up, in [-1, 1]; 0 for all others
    lids     (V, 3) float32 [0, 1], the colour of what a blink unfolds of the upper lids; 0 for all others
    lashes   (V, 3) that of the line that lashes draw along a shut lid's margin
    margin   (V,) m from an upper lid's edge
    shut     (2, V) in [0, 1]: how far skin is as a right or left lid's when that is shut, and no open eye's fold
    unfolds  (F,) bool: those of the model's faces that blinks or those colours are for
    """

    picture: torch.Tensor
    ndc: torch.Tensor
    lids: torch.Tensor
    lashes: torch.Tensor
    margin: torch.Tensor
    shut: torch.Tensor
    unfolds: torch.Tensor


def paint_eyes(model: BodyModel, irises: np.ndarray, source: Source) -> Eyes | None:
    """The eyes of the person in a photo on which the body's eyes lie.

    irises  (2, 3) m, T-pose: the middle of right and left iris
    None for a body without eyes, and where they are too small to be looked at.
    """
    if not bool(model.of_group(*EYES).any()) or IRIS_RADIUS * source.scale < LEAST_IRIS:
        return None
    colours = source.pixels[:3].permute(1, 2, 0).cpu().numpy()
    skin = _skin(model, source)
    rest, ndc, halves = model.v_template.cpu().numpy(), torch.zeros(model.n_vertices, 2), []
    balls = [np.flatnonzero(vertices) for vertices in eyeballs(model)]
    side = int(np.clip(FINER * np.pi / 2 * np.ptp(rest[balls[0], 0]) / REACH * source.scale, *SIDES))
    for half, (rows, iris) in enumerate(zip(balls, irises, strict=True)):
        centre = (rest[rows].min(0) + rest[rows].max(0)) / 2
        chart = np.zeros((len(rest), 2))
        chart[rows] = _unrolled(rest[rows] - centre)
        halves.append(_paint_eye(model, source, colours, chart, rows, centre, iris, side, skin))
        ndc[rows] = torch.from_numpy(chart[rows] * [0.5, 1.0] + [half - 0.5, 0.0]).float()
    picture = torch.from_numpy(np.concatenate(halves, 1).transpose(2, 0, 1).astype(np.float32).copy())
    margin, shut, lashes = np.full(len(rest), np.inf), np.zeros((2, len(rest))), np.zeros((len(rest), 3))
    for lid, own in zip(_upper_lids(model), shut, strict=False):
        nearer = lid.margin < margin
        margin[nearer], lashes[nearer] = lid.margin[nearer], _lash_colour(source, lid)
        own[:] = lid.shut
    unfolds = (_blinked(model) > LID_STILL) | torch.from_numpy(shut > 0).any(0)
    unfolds = _of_lids(model, unfolds[model.faces.cpu()].any(1))
    lid_colours = _lid_colours(model, source, unfolds, margin)
    unfolds &= torch.from_numpy(lid_colours.any(1))[model.faces.cpu()].all(1)
    return Eyes(
        picture=picture.to(source.pixels),
        ndc=ndc.to(source.pixels),
        lids=torch.from_numpy(lid_colours).to(source.pixels),
        lashes=torch.from_numpy(lashes).to(source.pixels),
        margin=torch.from_numpy(margin.clip(max=LID_NEAR)).to(source.pixels),
        shut=torch.from_numpy(shut).to(source.pixels),
        unfolds=unfolds.to(source.pixels.device),
    )


def _blinked(model: BodyModel) -> torch.Tensor:
    """(V,) m by which blinks move the surface."""
    moved = torch.zeros(model.n_vertices)
    if model.actions is not None:
        rows = [model.actions.names.index(name) for name in BLINKS]
        moved[model.actions.vertices.cpu()] = model.actions.offsets[rows].cpu().norm(dim=-1).amax(0)
    return moved


@dataclass(frozen=True)
class _Lid:
    """An upper lid of the open eye. margin (V,) m above its edge along the skin, negative below it, and infinite far
    from it; shut (V,) as in `Eyes`; the edge, seen from before, as corners (N, 3) of its surface and their shares."""

    margin: np.ndarray
    shut: np.ndarray
    corners: np.ndarray
    bary: np.ndarray


def _upper_lids(model: BodyModel) -> list[_Lid]:
    """Right and left; none for a body whose lids don't move, or that has nothing behind them.

    Skin turns in at a lid's edge and goes on for some mm before the socket begins.
    """
    rest, moved, faces = model.v_template.cpu().numpy(), _blinked(model).numpy(), model.faces.cpu().numpy()
    skin, outside = _of_lids(model, torch.ones(len(faces), dtype=torch.bool)).numpy(), np.zeros(len(rest), bool)
    outside[faces[skin]] = True
    rims = np.zeros(len(rest), bool)
    rims[faces[model.of_group(*SOCKETS).cpu().numpy()]] = True
    rims &= outside & (moved > LID_STILL)
    found = []
    for eye in eyeballs(model):
        away = rest - (rest[eye].min(0) + rest[eye].max(0)) / 2
        distance = np.linalg.norm(away, axis=1)
        rim, near = (np.flatnonzero(each) for each in (rims & (distance < LID_NEAR), outside & (distance < LID_REACH)))
        if not len(rim):
            continue
        deep = np.zeros(len(rest))
        deep[near], nearest = cKDTree(rest[rim]).query(rest[near])
        behind = rim[nearest]  # where the socket begins
        drawn = torch.from_numpy(away / [LID_NEAR, LID_NEAR, -LID_NEAR] + [0, 0, 3]).float()
        fragments = rasterize(drawn[None], model.faces.cpu(), LID_PX, "torch")
        face, bary = fragments.pix_to_face[0].numpy(), fragments.bary_coords[0].numpy()
        ball = (face >= 0) & eye[faces[face, 0]]
        edge = np.zeros_like(ball)
        edge[:-1] = (face >= 0)[:-1] & skin[face[:-1]] & ball[1:]
        row, column = edge.nonzero()
        corners, bary = faces[face[row, column]], bary[row, column]
        if not len(corners):
            continue
        at, at_deep = (np.einsum("nk...,nk->n...", values[corners], bary) for values in (rest, deep))
        margin, shut = np.full(len(rest), np.inf), np.zeros(len(rest))
        from_edge, of_edge = cKDTree(at).query(rest[near])
        margin[near] = np.where(deep[near] > at_deep[of_edge], from_edge, -from_edge)
        above = smoothstep(rest[near, 1] - rest[behind, 1], *LID_ABOVE)
        opens = smoothstep(moved[behind], *LID_OPENS)
        shut[near] = (1 - smoothstep(margin[near], *LID_FOLD)) * opens * above
        found.append(_Lid(margin, shut, corners, bary))
    return found


def _lash_colour(source: Source, lid: _Lid) -> np.ndarray:
    """(3,) the darkest that the photo shows right above an open lid's edge."""
    photo, up = source.pixels[:3].permute(1, 2, 0).cpu().numpy(), np.linspace(*LASHES_GROW, LASH_STEPS) * source.scale
    along = np.einsum("nkc,nk->nc", source.vertices_px()[lid.corners], lid.bary)
    places = np.stack(np.broadcast_arrays(along[:, :1], along[:, 1:] - up), -1).astype(np.float32)
    shown = cv2.remap(photo, places - 0.5, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    colour: np.ndarray = np.median(shown[np.arange(len(shown)), brightness(shown).argmin(1)], 0)
    return colour


def _of_lids(model: BodyModel, chosen: torch.Tensor) -> torch.Tensor:
    """(F,) bool: those of the chosen faces that are seen from outside, and no eyeball's."""
    return chosen & (torch.arange(len(model.faces)) < model.n_shown) & ~model.of_group(*EYES).cpu()


def _lid_colours(model: BodyModel, source: Source, unfolds: torch.Tensor, margin: np.ndarray) -> np.ndarray:
    """(V, 3) for the vertices of faces that a blink unfolds, the brighter of the skin that the photo shows near each:
    the rest of it are brows, lashes, and what glasses and lids shade."""
    rest, colours = model.v_template.cpu().numpy(), np.zeros((model.n_vertices, 3))
    shown = read(source.pixels, source.ndc)[:, :3].cpu().numpy()
    skin = np.zeros(len(rest), bool)
    skin[model.faces[: model.n_shown].cpu().numpy()] = True
    skin &= (margin > LID_SKIN_OFF) & (source.visibility > 0.5).cpu().numpy()
    moved = np.zeros(len(rest), bool)
    moved[model.faces.cpu()[unfolds].numpy()] = True
    for eye in eyeballs(model):
        middle = (rest[eye].min(0) + rest[eye].max(0)) / 2
        lid = np.flatnonzero(moved & (np.linalg.norm(rest - middle, axis=1) < LID_REACH))
        around = skin & ~eye & (np.linalg.norm(rest - middle, axis=1) < LID_SKIN)
        around[around] = cKDTree(rest[eye]).query(rest[around])[0] > LID_SKIN_OFF
        if not len(lid) or not around.any():
            continue
        there = np.flatnonzero(around)[brightness(shown[around]).argsort()]
        squared = ((rest[lid][:, None] - rest[there]) ** 2).sum(-1)
        share = np.exp(-squared / (2 * LID_SKIN_NEAR**2)) + 1e-6
        darker = share.cumsum(1) / share.sum(1, keepdims=True)
        share *= smoothstep(darker, *LID_BRIGHT)
        colours[lid] = share @ shown[there] / share.sum(1, keepdims=True)
    return colours


def lids(model: BodyModel) -> torch.Tensor:
    """(2, F) bool: faces of the upper lids, which a blink moves, and of the lower ones, where it ends."""
    moved = _blinked(model)
    lower = torch.zeros(model.n_vertices, dtype=torch.bool)
    if model.actions is not None:
        rest = model.v_template.cpu()
        for eye in eyeballs(model):
            away = rest - rest[torch.from_numpy(eye)].mean(0)
            lower |= (away.norm(dim=1) < LID_NEAR) & (away[:, 1] < 0) & (moved < LID_STILL)
    faces = model.faces.cpu()
    return torch.stack([_of_lids(model, each[faces].all(1)) for each in (moved > LID_MOVES, lower)])


def _unrolled(away: np.ndarray) -> np.ndarray:
    """Directions (N, 3) from an eyeball's middle → (N, 2) in its picture, x right, y up: straight ahead in the middle,
    the rim of the front hemisphere at REACH."""
    angle = np.arccos(np.clip(away[:, 2] / np.linalg.norm(away, axis=1), -1, 1))
    across = np.linalg.norm(away[:, :2], axis=1)
    return away[:, :2] / np.maximum(across, 1e-9)[:, None] * (angle / (np.pi / 2) * REACH)[:, None]


def _skin(model: BodyModel, source: Source) -> np.ndarray:
    """(N, 3) colours of the seen skin around the nose."""
    near = (model.v_template - model.v_template[model.landmarks["nose"]]).norm(dim=1) < NEAR_FACE
    return read(source.pixels, source.ndc[near & (source.visibility > 0.6)])[:, :3].cpu().numpy()


def _paint_eye(
    model: BodyModel, source: Source, colours: np.ndarray, chart: np.ndarray, rows: np.ndarray, centre: np.ndarray,
    iris: np.ndarray, side: int, skin: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(side, side, 3) one eyeball's picture; chart (V, 2) where its vertices `rows` lie in it, skin (N, 3)
    colours of the face."""
    # the back hemisphere folds into a fan of slivers that nobody sees
    front = np.isin(np.arange(len(chart)), rows)[model.faces.cpu().numpy()].all(1)
    front &= (np.linalg.norm(chart, axis=1) < 1.2 * REACH)[model.faces.cpu().numpy()].all(1)
    faces = model.faces[torch.from_numpy(front)].cpu()
    flat = torch.from_numpy(np.concatenate([chart, np.ones((len(chart), 1))], 1)).float()
    fragments = rasterize(flat[None], faces, side, "torch")
    inside = fragments.mask[0].numpy()
    corners, bary = faces[fragments.pix_to_face[0][inside]].numpy(), fragments.bary_coords[0][inside].numpy()
    ahead = np.einsum("nkc,nk->nc", model.v_template.cpu().numpy()[corners] - centre, bary)
    places = np.einsum("nkc,nk->nc", source.vertices_px()[corners], bary).astype(np.float32)
    grid = np.zeros((side, side, 2), np.float32)  # a list of places could be longer than OpenCV takes
    grid[inside] = places - 0.5
    shown = cv2.remap(colours, grid, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[inside]
    seen = smoothstep(_from_lids(model, source, rows, places) / source.scale, *LIDS)

    radius = np.linalg.norm(ahead, axis=1).mean()
    axis = (iris - centre) / np.linalg.norm(iris - centre)
    arc = radius * np.arccos(np.clip(ahead @ axis / np.linalg.norm(ahead, axis=1), -1, 1))
    white = _white(shown[(seen > 0.5) & (arc > 1.25 * IRIS_RADIUS)], skin)
    shaded = white * (1 - EDGE_SHADE * (1 - ahead[:, 2:] / radius))
    ring = _iris(arc, shown, seen > 0.5, white, face_light(skin))
    outer = smoothstep(arc / IRIS_RADIUS, WHITE_FROM, WHITE_TO)[:, None]
    white_alike = np.exp(-((np.linalg.norm(shown - shaded, axis=1) / WHITE_SPREAD) ** 2))
    iris_alike = np.exp(-((np.maximum(_redness(shown) - _redness(ring), 0) / RED_SPREAD) ** 2))
    believed = (seen * (iris_alike + outer[:, 0] * (white_alike - iris_alike)))[:, None]
    made_up = ring + outer * (shaded - ring)
    picture = np.empty((side, side, 3))
    picture[:] = white * (1 - EDGE_SHADE)
    picture[inside] = made_up + believed * (shown - made_up)
    return picture.clip(0, 1)


def _from_lids(model: BodyModel, source: Source, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N,) px of the photo from the lids' edges to places (N, 2) on an eyeball, 0 where the photo doesn't show it."""
    drawn, corner = drawn_around(model, source, places)
    eyeball = np.isin(model.faces[:, 0].cpu().numpy(), rows)
    shown = (drawn >= 0) & eyeball[drawn]
    away = cv2.distanceTransform(np.pad(shown, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] / FINER
    column, row = np.clip(((places - corner) * FINER).astype(int), 0, np.array(drawn.shape[::-1]) - 1).T
    return away[row, column]


def _white(shown: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(3,) the colour of an eye's white, of which (N, 3) are seen in a face with colours skin (M, 3): lids, lashes and
    their shadow can only have darkened it, and have made it the more like skin the less it is to be believed."""
    plain = EYE_WHITE * face_light(skin)
    if len(shown) < LEAST_WHITE or not len(skin):
        return plain
    whiteness = shown.min(1)
    own = shown[whiteness >= np.percentile(whiteness, 67)].mean(0)
    own *= max(1.0, DIMMEST_WHITE * float(brightness(plain)) / max(float(brightness(own)), 1e-3))
    share = np.clip(1 - _redness(own) / max(_redness(np.median(skin, 0)), 1e-3), 0, 1)
    return plain + share * (own - plain)


def _redness(colours: np.ndarray) -> np.ndarray:
    """(...,) of colours (..., 3): skin and the eyes' corners are redder than eyes."""
    return colours[..., 0] - colours[..., 2]


def _iris(arc: np.ndarray, shown: np.ndarray, seen: np.ndarray, white: np.ndarray, light: float) -> np.ndarray:
    """(N, 3) colours of an iris at distances arc (N,) m from its middle, from those that are seen."""
    rings = np.arange(0, WHITE_TO * IRIS_RADIUS, RING)
    share = np.interp(rings / IRIS_RADIUS, *np.array(PLAIN_IRIS).T)[:, None]
    plain = np.where((rings < IRIS_RADIUS)[:, None], IRIS * light * share, white)
    members = [seen & (np.abs(arc - ring) < RING) for ring in rings]
    known = [row for row, each in enumerate(members) if each.sum() >= LEAST_RING]
    if known:
        medians = np.array([np.median(shown[members[row]], 0) for row in known])
        plain = np.stack([np.interp(rings, rings[known], medians[:, k]) for k in range(3)], 1)
    return np.stack([np.interp(arc, rings, plain[:, k]) for k in range(3)], 1)
