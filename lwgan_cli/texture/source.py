"""The source: everything about a photo that is worked out once and then read for every frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.nn.functional import grid_sample

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.body.skirt import settled
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import directions, facing, vertex_normals, vertex_visibility, visible_faces
from lwgan_cli.dressing.clearance import Clearance
from lwgan_cli.flow.sources import face_scores
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Motion
from lwgan_cli.texture.bare import (
    BETWEEN,
    PERHAPS,
    bare_edges,
    bare_stretches,
    in_glare,
    limb_likeness,
    limb_skins,
    skin_trust,
)
from lwgan_cli.texture.face_mask import wears_mask
from lwgan_cli.texture.glimpses import GLIMPSED, glimpse_trust
from lwgan_cli.texture.hairline import HeadHair
from lwgan_cli.texture.occlusion import arm_trust
from lwgan_cli.texture.shoes import NONE, shoe_edge
from lwgan_cli.texture.skin_light import skin_light
from lwgan_cli.texture.skin_tone import Tone, to_lab
from lwgan_cli.texture.sleeves import sleeve_ends
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import View
from lwgan_cli.texture.underlay import Shown, Underlay, underlays
from lwgan_cli.texture.waist import bent_thighs, overhang_trust

RASTER = 512  # px of the photo's crop at which visibility is decided
MASK_SIDE = 768  # … and of the whole photo, at most, at which values of vertices are drawn
ARMS = ((18, 20, 22), (19, 21, 23))  # elbow, wrist and hand: they carry forearm, palm and fingers
PALM_VERTICES = 12
EYEBALLS = ("eye_front.L", "eye_front.R")
EYE_TRUST = 0.62
OUTDONE = (0.4, 0.75)  # times the cosine of the face's other side, over which a side is as good as that
NO_EDGE = 0.9  # of its visibility, what is beside the head loses: too much to be seen, and no edge of what is
SAME_CLOTH = 8.0  # Lab between a hand and its forearm, below which one piece of cloth covers both
PALER = 0.04  # … and less of their share of red than the face's: no skin in other light
FOREIGN = 0.13  # summed difference of the shares of red, green and blue from which a hand is no hand of theirs


@dataclass(frozen=True)
class Source:
    """One photo of the person, ready to be warped.

    pixels      (4, H, W) float32 [0, 1]: colours carried outward past the person's edge, and alpha
    ndc         (V, 3) the dressed body in the photo, NDC of the whole picture
    visibility  (V,) in [0, 1]: the photo shows this vertex
    score       (F,) how well it shows each face, see `flow.sources.face_scores`
    scale       px per metre
    sleeves     (2,) m beyond the wrist where left and right sleeve end, see `sleeves.sleeve_ends`; None: not known
    bare        (2, 2) m along arms and legs between which they are bare, see `bare.bare_stretches`; None: not known
    head        its hair on the head, see `hairline.HeadHair`; None: not known
    shoes       m along the legs at which shoes begin in front, see `shoes.shoe_edge`; NaN: there are none, or not known
    underlays   what it would show without arms, and beyond its edge
    overhung    (N,) int, vertices of the body that a top hides, see `waist.overhang_trust`
    softness    px, of the person's outline, see `layers.softness.edge_softness`; 0: not known
    outdone     (V,) in [0, 1]: how far the mirrored side shows the face better, see `outdone`; None: not known
    laid        the body's face lies on the photo's, feature by feature
    masked      a mask covers mouth and nose, see `face_mask.wears_mask`
    light       (V, 4) of bare limbs' skin, see `skin_light.skin_light`; None: not known
    """

    pixels: torch.Tensor
    ndc: torch.Tensor
    visibility: torch.Tensor
    score: torch.Tensor
    scale: float
    sleeves: np.ndarray | None = None
    bare: np.ndarray | None = None
    head: HeadHair | None = None
    shoes: float = NONE
    underlays: tuple[Underlay, ...] = ()
    overhung: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    softness: float = 0.0
    outdone: torch.Tensor | None = None
    laid: bool = False
    masked: bool = False
    light: torch.Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px."""
        return self.pixels.shape[2], self.pixels.shape[1]

    def vertices_px(self) -> np.ndarray:
        """(V, 2) picture px."""
        return to_px(self.ndc, self.size)

    def view(self, colours: np.ndarray) -> View:
        """What the atlas is completed from; colours (H, W, 3) uint8, carried outward past the person's edge."""
        outdone = None if self.outdone is None else self.outdone.cpu().numpy()
        seen, bounds = self.visibility.cpu().numpy(), (self.sleeves, self.bare, self.shoes)
        light = None if self.light is None else self.light[:, 3].cpu().numpy()
        return View(colours, self.vertices_px(), seen, *bounds, outdone, self.laid, self.masked, light)

    def with_underlays(self, surface: Surface) -> Source:
        """With what the photo would show if no arms were before the body, and the picture larger."""
        surface = (surface if self.bare is None else surface.with_bare(self.bare)).with_shoes(self.shoes)
        picture = self.pixels.permute(1, 2, 0).cpu().numpy()
        depth = self.ndc[:, 2:].cpu().numpy() * (self.size[0] / 2)
        places = np.concatenate([self.vertices_px(), depth], 1)
        seen = self.visibility.cpu().numpy()
        skin = surface.with_mask().skin if self.masked else surface.skin
        face = read(self.pixels, self.ndc).cpu().numpy()[skin & (seen > 0.5)]
        tone = Tone.of(face[face[:, 3] > 0.9, :3] * 255)
        overhung = np.isin(np.arange(len(seen)), self.overhung)
        shown = Shown(picture[..., :3] * 255, picture[..., 3], places, seen, self.scale, tone, overhung)
        made = underlays(surface, shown)
        return replace(self, underlays=tuple(each.to(self.pixels) for each in made))


def to_px(ndc: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """(V, 2 or 3) NDC of a picture (width, height) → (V, 2) px."""
    x, y = ndc[:, 0].cpu().numpy(), ndc[:, 1].cpu().numpy()
    return np.stack([(x + 1) / 2 * size[0], (1 - y) / 2 * size[1]], 1)


def picture_ndc(vertices: torch.Tensor, camera_px: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(B, V, 3) m under cameras (B, 3) in px (`Motion.picture_camera`) → NDC of a picture (width, height):
    x right, y up, depth in the units of x."""
    width, height = size
    scale, x, y = camera_px[:, None].unbind(-1)
    return torch.stack(
        [
            (scale * vertices[..., 0] + x) * (2 / width) - 1,
            1 - (y - scale * vertices[..., 1]) * (2 / height),
            -scale * vertices[..., 2] * (2 / width),
        ],
        -1,
    )


def prepare_source(
    model: BodyModel,
    motion: Motion,
    offsets: torch.Tensor,
    colours: np.ndarray,
    alpha: np.ndarray,
    surface: Surface,
    backend: str = "auto",
    softness: float = 0.0,
) -> Source:
    """A `Source` of a fitted photo.

    motion   one frame; offsets (V, 3) m T-pose
    colours  (H, W, 3) uint8, extended past the person's edge; alpha (H, W) float32 [0, 1]
    surface  of the model, see `texture.Surface.of_body`
    softness of the person's outline, px
    """
    device = model.v_template.device
    poses, betas = torch.from_numpy(motion.poses).to(device), torch.from_numpy(motion.betas).to(device)
    hands = None if motion.hands is None else torch.from_numpy(motion.hands).to(device)
    face = None if motion.face is None else torch.from_numpy(motion.face).to(device)
    vertices, joints = skin(model, poses, betas, offsets.to(device), hands=hands, face=face)
    vertices = settled(model, vertices, poses, betas, offsets.to(device))
    vertices = Clearance.of(model, offsets.to(device)).kept(vertices, joints)
    crop_ndc = project(vertices, torch.from_numpy(motion.camera).to(device))
    fragments = rasterize(crop_ndc, model.faces, RASTER, backend)
    height, width = alpha.shape
    camera = torch.from_numpy(motion.picture_camera().astype(np.float32)).to(device)
    ndc = picture_ndc(vertices, camera, (width, height))[0]
    picture = np.concatenate([colours.astype(np.float32) / 255, alpha[..., None].astype(np.float32)], 2)
    pixels = torch.from_numpy(picture.transpose(2, 0, 1).copy()).to(device)
    visibility = vertex_visibility(fragments, crop_ndc, model.faces)[0] * inside_picture(ndc)
    if model.skirt is not None:
        visibility[: len(model.skirt.known)] *= model.skirt.known
    shown_colours = read(pixels, ndc)
    scale = float(camera[0, 0])
    shown = ((visibility > 0.5) & (shown_colours[:, 3] > 0.9)).cpu().numpy()
    rgb = shown_colours[:, :3].cpu().numpy() * 255
    masked = wears_mask(surface, rgb, shown)
    bare_face = surface.with_mask().skin if masked else surface.skin
    skin_shown = torch.from_numpy(bare_face).to(device) & (visibility > 0.5)
    tone = Tone.of(rgb[bare_face & shown])
    bare = bare_stretches(surface, rgb, shown, tone)
    shoes = shoe_edge(surface, rgb, shown, tone)
    surface = surface.with_bare(bare).with_shoes(shoes)
    sleeves = sleeve_ends(surface, rgb, shown, tone)
    surface = surface.with_sleeves(sleeves)
    px = to_px(ndc, (width, height))
    arms = arm_trust(surface, colours, alpha, px, ndc[:, 2].cpu().numpy(), scale, tone)
    visibility = visibility * torch.from_numpy(arms).to(device)
    bent = bent_thighs(model, poses[0])
    solid = (visibility * (shown_colours[:, 3] > 0.9)).cpu().numpy()
    overhang = overhang_trust(surface, rgb, solid, px, scale, bent)
    visibility = visibility * torch.from_numpy(overhang).to(device)
    glimpses = glimpse_trust(surface, visibility.cpu().numpy(), px, scale)
    visibility = visibility * torch.from_numpy(glimpses).to(device)
    visibility = (
        visibility * own_hands(model, shown_colours, visibility, skin_shown, inside_picture(ndc)) * eye_trust(model)
    )
    if tone is not None:
        visibility = visibility * _skin_trust(surface, bare, pixels, ndc, shown_colours, visibility, tone, scale)
    front = facing(vertex_normals(crop_ndc, model.faces))[0]
    head = HeadHair.of(surface, rgb, shown, offsets.cpu().numpy(), front.cpu().numpy())
    if head is not None:
        visibility = visibility * (1 - NO_EDGE * torch.from_numpy(head.beside).to(device))
    faces = visible_faces(fragments, crop_ndc, model.faces)[0]
    faces = faces * visibility[model.faces].amin(1).clamp(0, 1).sqrt()
    score = face_scores(crop_ndc[0], model.faces, faces, float(motion.crop[0, 2]) / 2)
    rows = np.flatnonzero(overhang < 1)
    better = outdone(surface, front, visibility)
    light = None
    if tone is not None and surface.bare.any():
        clear = shown & (visibility > 0.5).cpu().numpy()
        clear &= limb_likeness(limb_skins(surface, rgb, shown, tone), surface.of_limbs, rgb) > 0.5
        normals = directions(ndc[None], (width, height, width), model.faces)[0].cpu().numpy()
        light = torch.from_numpy(skin_light(surface, normals, rgb, clear)).to(device)
    return Source(
        pixels, ndc, visibility, score, scale, sleeves, bare, head, shoes,
        overhung=rows, softness=softness, outdone=better, laid=motion.face is not None, masked=masked, light=light,
    )  # fmt: skip


def outdone(surface: Surface, front: torch.Tensor, visibility: torch.Tensor) -> torch.Tensor:
    """(V,) in [0, 1]: how far a head that looks aside shows its near side better than this one, whose few px would be
    smeared over half of a face that looks ahead; front (V,) cosines between the surface and the view, visibility (V,)
    in [0, 1]. 0 but on the head."""
    mirror, head = (torch.from_numpy(each).to(front.device) for each in (surface.mirror, surface.head))
    share = front.clamp_min(0) / front[mirror].clamp_min(1e-3)
    return head * visibility[mirror] * (1 - smoothstep(share, *OUTDONE))


def _skin_trust(
    surface: Surface, bare: np.ndarray, pixels: torch.Tensor, ndc: torch.Tensor, colours: torch.Tensor,
    visibility: torch.Tensor, tone: Tone, scale: float,
) -> torch.Tensor:  # fmt: skip
    """(V,) in [0, 1], see `bare.skin_trust`: of the photo's pixels (4, H, W), with colours (V, 4) at the vertices;
    scale px per metre."""
    if not surface.bare.any():
        return torch.ones_like(visibility)
    rows = bare_edges(surface)
    start, end = (ndc[torch.from_numpy(each).to(ndc.device)] for each in rows)
    rgb = colours[:, :3].cpu().numpy() * 255
    shown, glimpsed = ((visibility > least).cpu().numpy() for least in (0.5, GLIMPSED))
    skins, limbs = limb_skins(surface, rgb, shown, tone), surface.of_limbs
    between = np.stack([read(pixels[:3], start + share * (end - start)).cpu().numpy() * 255 for share in BETWEEN])
    skinny = np.stack([limb_likeness(skins, limbs[:, rows[0]], each, PERHAPS) for each in between])
    likeness = limb_likeness(skins, limbs, rgb, PERHAPS)
    lengths = np.linalg.norm((end - start)[:, :2].cpu().numpy() * pixels.shape[:0:-1], axis=1) / (2 * scale)
    likeness[in_glare(surface, skins, shown, rgb, likeness, between, lengths)] = 1
    trust = skin_trust(surface, bare, shown, glimpsed, likeness, skinny)
    return torch.from_numpy(trust).to(visibility)


def inside_picture(ndc: torch.Tensor) -> torch.Tensor:
    """(V,) 1 for what lies in the picture, 0 beyond its edge, where reading it only repeats that; ndc (V, 3) of it."""
    return (ndc[:, :2].abs() <= 1).all(1).to(ndc.dtype)


def eye_trust(model: BodyModel) -> torch.Tensor:
    """(V,) below 1 on the eyeballs, whose few vertices would let lids and lashes pass for eyes; and 0 on teeth, which
    lips would pass for: `inside.paint_inside` looks at both pixel by pixel."""
    trust = torch.ones_like(model.v_template[:, 0])
    trust[model.faces[model.of_group(*EYEBALLS)]] = EYE_TRUST
    trust[model.faces[model.of_group("teeth")]] = 0
    return trust


def read(pixels: torch.Tensor, ndc: torch.Tensor) -> torch.Tensor:
    """Pixels (C, H, W) at vertices (V, 2 or 3) NDC of the picture: (V, C)."""
    grid = ndc[:, :2] * ndc.new_tensor([1.0, -1.0])
    return grid_sample(pixels[None], grid[None, None], padding_mode="border", align_corners=False)[0, :, 0].T


def on_photo(source: Source, faces: torch.Tensor, values: np.ndarray) -> np.ndarray:
    """(h, w, C) float32: vertex values (V, C) drawn where the body lies in the photo, within MASK_SIDE px; 0
    elsewhere."""
    width, height = source.size
    shrink = min(1.0, MASK_SIDE / max(width, height))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    ndc, faces = source.ndc.cpu(), faces.cpu()
    ndc = torch.cat([ndc[:, :2], ndc[:, 2:] - ndc[:, 2:].amin() + 1], 1)
    return interpolate(rasterize(ndc[None], faces, size), faces, torch.from_numpy(values.astype(np.float32)))[0].numpy()


def own_hands(
    model: BodyModel, colours: torch.Tensor, visibility: torch.Tensor, face: torch.Tensor, inside: torch.Tensor
) -> torch.Tensor:
    """(V,) 0 on a hand whose colour is neither the face's nor the other hand's, 1 elsewhere.

    Where a hand should be, the photo may show the ball that it holds. A pair of gloves is alike, and stays; not so
    where the picture cuts hands off, and may do so above the wrist: sleeves are alike, too, and those that cover hands
    go on from the forearm.

    colours (V, 4) of the photo at the vertices, alpha last; visibility (V,); face (V,) bool, bare skin that is seen;
    inside (V,) 1 for what lies in the picture.
    """
    trust = torch.ones_like(visibility)
    solid = colours[:, 3] > 0.9
    places = [face & solid, *((model.parts == wrist) & (visibility > 0.5) & solid for _, wrist, _ in ARMS)]
    tints = [_tint(colours[place, :3]) if int(place.sum()) >= PALM_VERTICES else None for place in places]
    if tints[0] is None:
        return trust
    for (elbow, wrist, hand), own, other in zip(ARMS, tints[1:], tints[:0:-1], strict=True):
        if own is None:
            continue
        whole = (model.parts == wrist) | (model.parts == hand)
        sleeve, palm = (solid & (visibility > 0.5) & (model.parts == part) for part in (elbow, wrist))
        covered = int(sleeve.sum()) >= PALM_VERTICES and float(tints[0][0] - own[0]) > PALER
        covered = covered and _apart(colours[sleeve], colours[palm]) < SAME_CLOTH
        like = [tints[0]] if other is None or covered or not inside[whole].all() else [tints[0], other]
        if all(float((own - tint).abs().sum()) > FOREIGN for tint in like):
            trust[whole] = 0
    return trust


def _apart(some: torch.Tensor, others: torch.Tensor) -> float:
    """Lab between the medians of colours (N, 3 or 4) in [0, 1]."""
    medians = np.stack([each[:, :3].median(0).values.cpu().numpy() * 255 for each in (some, others)])
    lab = to_lab(medians)
    return float(np.linalg.norm(lab[0] - lab[1]))


def _tint(colours: torch.Tensor) -> torch.Tensor:
    """(3,) the shares of red, green and blue in the median of colours (N, 3)."""
    median = colours.median(0).values
    return median / median.sum().clamp_min(1e-3)
