"""From flow to picture without a network: the paper's texture warp (W_T), composited.

Seen surface is read from the photo at full resolution along T; surface that no photo saw comes from the
completed atlas; the photo's own soft edges travel with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, interpolate

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.cracks import without_cracks
from lwgan_cli.correspondence.maps import interpolate as draw
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import directions
from lwgan_cli.flow.parts import Part, pieces, reached, widened
from lwgan_cli.flow.resize import bilinear, resize_flow
from lwgan_cli.flow.sources import best_source, source_weights
from lwgan_cli.flow.transform import grown, transformation_flow
from lwgan_cli.generator.fringe import Fringes
from lwgan_cli.generator.outline import DRAWN_SOFTNESS, WIDEST, closed, inside, over_slivers, soften_outline
from lwgan_cli.generator.window import MARGIN, Window
from lwgan_cli.layers.neighbours import largest, mean, smallest
from lwgan_cli.layers.reading import detailed, photographed, sampled
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Flow, Fragments
from lwgan_cli.texture.eyes import LASHES, Eyes, lids
from lwgan_cli.texture.inside import MOUTH, OPENING, light_within
from lwgan_cli.texture.skin_light import FRONT, SHARES
from lwgan_cli.texture.skin_tone import GAMMA
from lwgan_cli.texture.source import EYEBALLS, Source

OVERSAMPLE = 3  # a body is cheap to draw larger than a network would work
SOFTEST = 3.0  # px
BOX = math.sqrt(3)  # times its deviation, half the width of a box
DEPTH_STEP = 0.03  # m between neighbouring pixels, from which (to twice that) one lies in front of the other
STEP_SHARE = 0.4  # of a blur that pixels at such a step take: as if drawn finer, and shrunk
EYEBALL = 1
SMEARED = (0.2, 0.5)  # times that surface may be narrower in the photo than here, over which the atlas gives way to it
AS_THERE = (0.55, 0.9)  # … and over which a face's far side gives way to its near side, mirrored
UNFOLDED = (1.5, 3.0)  # times the photo's area, over which a lid's skin takes over what the photo shows of its fold
CLOSER = 2  # px of a close-up along one of the picture
CLOSE_FROM = 300.0  # px per m of a face that has close-ups: smaller ones' lids and lips are no more than a px or two
CLOSE_TO = 4000.0  # px per m from which the picture's own px are fine enough
CLOSE_AROUND = 2  # px beside eyes and mouth that are taken from their close-ups
SHUT = (1.15, 1.4)  # times the photo's area of an upper lid, over which it is drawn as one that is shut
MOST_LIGHT = 0.5  # log light that skin gains or loses at most by turning
LIGHTEST = 0.92  # of white, which no skin is: what is lighter already stays so
NARROW = 0.1  # cosine to the viewer below which surface is at its outline
SEEN_LOW, SEEN_HIGH = 0.15, 0.6  # visibility between which the atlas gives way to the photo


@dataclass(frozen=True)
class Drawn:
    """The target's body in a window, before it has colours.

    vertices   (B, V, 3) NDC of the window, as rasterized
    fragments  (B, H, W), of the window or smaller
    window     the part of the picture that it lies in
    scale      (B,) px per metre
    finer      px along one of the picture's, 1 but for close-ups; window and scale are of these
    """

    vertices: torch.Tensor
    fragments: Fragments
    window: Window
    scale: torch.Tensor
    finer: int = 1


@dataclass(frozen=True)
class Warped:
    """The person in a window.

    rgba   (B, 4, h, w) of the window, colours with straight alpha
    seen   (B, 1, h, w) in [0, 1]: how far the photos and not the atlas gave the colour
    flows  T from each source, (B, h, w)
    """

    rgba: torch.Tensor
    seen: torch.Tensor
    flows: tuple[Flow, ...]


class TextureWarp:
    """Draws a person from one or several sources.

    model, sources; atlas (3, A, A) float32 [0, 1], completed colours of the whole surface; size px, working
    resolution of the window; backend of the rasterizer; weights (S, V) and owners of the sources, see
    `flow.sources.part_weights`, where they show several people; eyes, that replace what the photos show of them.
    """

    def __init__(
        self,
        model: BodyModel,
        sources: list[Source],
        atlas: torch.Tensor,
        size: int,
        backend: str = "auto",
        weights: torch.Tensor | None = None,
        owners: Sequence[int] | None = None,
        eyes: Eyes | None = None,
    ) -> None:
        self.model, self.sources, self._eyes = model, sources, eyes
        self._pictures = [detailed(source.pixels) for source in sources]
        self._underlays = [(row, under) for row, source in enumerate(sources) for under in source.underlays]
        self._atlas, self._size, self._backend = atlas, size, backend
        self._fronting = [directions(s.ndc[None], (*s.size, s.size[0]), model.faces)[..., 2] for s in sources]
        if weights is None and len(sources) > 1:
            weights = source_weights(torch.stack([s.score for s in sources]), model.faces, model.n_vertices)
        self._weights, self._owners = weights, owners
        self._slopes = self._light_slopes()
        # EYEBALL, 2 the inside of mouth and sockets, 0 all else of the surface, by face
        self._hidden = hidden = torch.arange(len(model.faces), device=model.faces.device) >= model.n_shown
        self._lids = None if eyes is None else lids(model).to(model.faces.device)
        of_head = [row for row in range(len(sources)) if owners is None or owners[row] == 0]
        theirs = None if weights is None else weights[of_head].sum(0)
        self._fringes = Fringes(model, [sources[row] for row in of_head], backend, theirs)
        self._kinds = EYEBALL * model.of_group(*EYEBALLS).int() + 2 * hidden.int()
        self._mouth = model.of_group(*MOUTH)
        self._has_kinds = bool(self._kinds.any())

    def _light_slopes(self) -> torch.Tensor | None:
        """(V, 3) log light by which bare limbs' skin grows with its normal, see `skin_light`; None where it isn't
        known."""
        slopes = [torch.zeros_like(s.ndc) if s.light is None else s.light[:, :3] for s in self.sources]
        if all(source.light is None for source in self.sources):
            return None
        if self._weights is None:
            return slopes[0]
        return (self._weights[..., None] * torch.stack(slopes)).sum(0)

    def window(self, places: np.ndarray, size: tuple[int, int]) -> Window | None:
        """What to draw of a picture (width, height) for vertices at places (B, V, 2) px; None where none is inside."""
        return Window.around(places, MARGIN + self._fringes.beyond(places)).clipped(size)

    def rasterize(self, vertices: torch.Tensor, cameras: torch.Tensor, window: Window) -> Drawn:
        """The target's body: vertices (B, V, 3) m under cameras (B, 3) px (`Motion.picture_camera`). A window of up
        to OVERSAMPLE times the working size is drawn pixel by pixel; a larger one at that size, and enlarged
        afterwards."""
        width, height = window.size
        shrink = min(1.0, OVERSAMPLE * self._size / max(width, height))
        size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        ndc = window.ndc(vertices, cameras)
        fragments = rasterize(ndc, self.model.faces, size, self._backend)
        return Drawn(ndc, without_cracks(fragments, ndc, self.model.faces), window, cameras[:, 0])

    def flows(self, fragments: Fragments) -> tuple[tuple[Flow, ...], torch.Tensor | None]:
        """T from each source to the pixels of fragments (B, H, W), and each source's share (S, B, H, W), see
        `flow.sources.best_source`; None where there is but one source."""
        faces = self.model.faces
        flows = tuple(transformation_flow(s.ndc, s.visibility, fragments, faces) for s in self.sources)
        share = None if self._weights is None else best_source(flows, fragments, faces, self._weights, self._owners)
        return flows, share

    def __call__(self, drawn: Drawn, behind: Sequence[np.ndarray] | None = None) -> Warped:
        """The drawn body in the sources' colours, whatever stands `behind` it, which only networks look at."""
        shown, trust, outline, flows = self._coloured(drawn)
        if self._has_kinds:
            self._add_close_ups(shown, drawn)
        soften_outline(shown, self._softness(drawn))
        self._fringes.lay(shown, trust, drawn.vertices, drawn.fragments, drawn.scale)
        # Surface that lies beside the person in the photo and not at the target's outline is a slit, which closes.
        shown[:, 3:] = torch.maximum(shown[:, 3:], torch.minimum(closed(shown[:, 3:]), outline))
        return Warped(shown, trust, flows)

    def _coloured(self, drawn: Drawn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, tuple[Flow, ...]]:
        """(B, 4, h, w) of the window before its outline is softened, and how far (B, 1, h, w) the photos gave it; the
        mesh's outline (B, 1, h, w); T from each source."""
        fragments, window = drawn.fragments, drawn.window
        size = (window.size[1], window.size[0])
        flows, share = self.flows(fragments)
        if share is not None:
            share = _enlarge(share.transpose(0, 1), fragments.mask, size)
        zoom = window.size[1] / fragments.mask.shape[1]
        large = tuple(
            resize_flow(grown(flow, source.scale / drawn.scale * zoom, source.size), size, 0.0)
            for source, flow in zip(self.sources, flows, strict=True)
        )
        batch = len(fragments.mask)
        shown = torch.zeros(batch, 4, *size, device=fragments.mask.device)
        trust = torch.zeros(batch, 1, *size, device=fragments.mask.device)
        normals = directions(drawn.vertices, (*window.size, window.size[1]), self.model.faces)
        light = None if self._slopes is None else ((normals - normals.new_tensor(FRONT)) * self._slopes).sum(-1)
        for index, (picture, flow, source) in enumerate(zip(self._pictures, large, self.sources, strict=True)):
            believed = smoothstep(flow.visible[:, None], SEEN_LOW, SEEN_HIGH)
            if share is not None:
                believed *= share[:, index : index + 1]
            believed *= 1 - bilinear(self._turned(index, normals[..., 2], fragments), size)
            read = photographed(picture, flow.grid, flow.mask)
            self._relight(read, drawn.fragments, light, source.light)
            shown.addcmul_(believed, read)
            trust += believed
        # smoothed where it was drawn, so that the steps of its pixels don't show when enlarged
        coverage = mean(fragments.mask[:, None].float())
        coverage = bilinear(coverage, size)
        # Where the photo shows an edge, its own alpha draws it; the mesh only keeps it from growing outwards. An
        # edge of the photo that lies inside the target's outline has turned into it and is none any more.
        # Where nothing was seen, the mesh's outline is all there is.
        own = torch.maximum(shown[:, 3:] / trust.clamp_min(1e-6), inside(fragments.mask, window.corner, size))
        edge = torch.minimum(smoothstep(coverage, 0.1, 0.55), own)
        outline = smoothstep(coverage, 0.25, 0.75)
        within = bilinear((self._hidden[fragments.pix_to_face.clamp_min(0)] & fragments.mask)[:, None].float(), size)
        over_slivers(shown, trust, outline, drawn.scale, within, WIDEST * drawn.finer)
        alpha = trust * edge + (1 - trust) * outline
        lacking = _lacking(fragments, trust)
        fill = self._fill(fragments, lacking, size)
        self._relight(fill, fragments, light)
        fill = self._underlaid(fill, lacking, fragments, share)
        colour = shown[:, :3].addcmul_(1 - trust, fill)
        if self._eyes is not None:
            self._add_lids(self._eyes, colour, drawn)
            self._add_eyes(self._eyes, colour, fragments)
        self._shade_mouth(colour, drawn)
        self._soften_steps(colour, alpha, drawn, zoom, float(self._softness(drawn).max()))
        shown[:, 3:] = alpha
        return shown, trust, outline, large

    def _add_close_ups(self, shown: torch.Tensor, drawn: Drawn) -> None:
        """Colours (B, 4, h, w) around eyes and in the mouth take those of a finer drawing: lids and lips, teeth and
        what is between them are thin, and a px that is one or the other makes them jagged."""
        fragments, size = drawn.fragments, (shown.shape[2], shown.shape[3])
        face = fragments.pix_to_face.clamp_min(0)
        mouth = fragments.mask & self._mouth[face]
        eyes = fragments.mask & (self._kinds[face] > 0) & ~mouth
        if self._lids is not None:
            upper, lower = (self._lids[:, face] & fragments.mask).float()
            eyes |= largest(upper[:, None])[:, 0] * largest(lower[:, None])[:, 0] > 0
        for row, kind in product(range(len(face)), (eyes, mouth)):
            scale, kind = float(drawn.scale[row]), kind[row : row + 1]
            if scale < CLOSE_FROM or (part := reached(kind, size)) is None:
                continue
            (rows, columns), _ = widened(part, CLOSE_AROUND + math.ceil(OPENING * scale), size)
            finer = CLOSER if scale < CLOSE_TO else 1
            near = self._nearer(drawn, row, rows, columns, finer)
            fine, *_ = self._coloured(near)
            solid = fine[:, 3:] * near.fragments.mask[:, None]
            colour, solid = avg_pool2d(fine[:, :3] * solid, finer), avg_pool2d(solid, finer)
            share = mean(largest(bilinear(kind[:, None].float(), size, (rows, columns)), CLOSE_AROUND))
            share *= smoothstep(solid, 0.9, 1.0)
            shown[row : row + 1, :3, rows, columns].lerp_(colour / solid.clamp_min(1e-3), share)

    def _nearer(self, drawn: Drawn, row: int, rows: slice, columns: slice, finer: int) -> Drawn:
        """A frame's part of the window, drawn so many times as fine."""
        width, height = columns.stop - columns.start, rows.stop - rows.start
        old, ndc = drawn.window.size, drawn.vertices[row : row + 1]
        across = ((ndc[..., 0] + 1) * old[0] / 2 - columns.start) * (2 / width) - 1
        up = 1 - ((1 - ndc[..., 1]) * old[1] / 2 - rows.start) * (2 / height)
        depth = (ndc[..., 2] - 1) * (old[1] / height) + 1
        ndc = torch.stack([across, up, depth], -1)
        x, y = drawn.window.corner
        corner = (finer * (x + columns.start), finer * (y + rows.start))
        window = Window(corner, (finer * width, finer * height))
        fragments = rasterize(ndc, self.model.faces, (window.size[1], window.size[0]), self._backend)
        fragments = without_cracks(fragments, ndc, self.model.faces)
        return Drawn(ndc, fragments, window, finer * drawn.scale[row : row + 1], finer)

    def _softness(self, drawn: Drawn) -> torch.Tensor:
        """(B,) px by which the person's outline is soft in the photos, enlarged as the person is."""
        relative = float(np.mean([source.softness / source.scale for source in self.sources]))
        return (relative * drawn.scale).clamp_max(SOFTEST * drawn.finer)

    def _relight(
        self, colours: torch.Tensor, fragments: Fragments, light: torch.Tensor | None, was: torch.Tensor | None = None
    ) -> None:
        """Colours (B, 3 or 4, h, w) take the light (B, V) instead of what a photo has, `was` (V, 4), see `skin_light`;
        those of the atlas are evenly lit."""
        if light is None:
            return
        faces, size = self.model.faces, (colours.shape[2], colours.shape[3])
        gain = light if was is None else light - was[:, 3]
        lit = fragments.mask & (gain != 0).any(0)[faces].any(1)[fragments.pix_to_face.clamp_min(0)]
        part = reached(lit, size)
        if part is None:
            return
        rows, columns = part
        gain = draw(fragments, faces, gain[..., None], lit).permute(0, 3, 1, 2)
        gain = bilinear(gain, size, part).clamp(-MOST_LIGHT, MOST_LIGHT)
        shares = gain.new_tensor(SHARES / GAMMA)[:, None, None]
        held = colours[:, :3, rows, columns]
        room = (LIGHTEST / held.amax(1, keepdim=True).clamp_min(1e-3)).clamp_min(1)
        held.mul_(torch.minimum((gain * shares).exp(), room))

    def _turned(self, index: int, here: torch.Tensor, fragments: Fragments) -> torch.Tensor:
        """(B, 1, h, w) in [0, 1] of the fragments: 1 for surface that the source in that row shows at its rim,
        foreshortened, and that now faces the viewer, by cosines (B, V), where its few pixels would be smeared; 0 also
        outside the body."""
        faces, outdone = self.model.faces, self.sources[index].outdone
        share = self._fronting[index].clamp_min(NARROW) / here.clamp_min(NARROW)
        narrow = 1 - smoothstep(share, *SMEARED)
        if outdone is not None:
            narrow = torch.maximum(narrow, outdone * (1 - smoothstep(share, *AS_THERE)))
        return draw(fragments, faces, narrow[..., None])[..., 0][:, None]

    def _add_lids(self, eyes: Eyes, colour: torch.Tensor, drawn: Drawn) -> None:
        """Colours (B, 3, h, w) take the lids' own where these unfold further than the first photo shows them."""
        fragments, faces = drawn.fragments, self.model.faces
        size = (colour.shape[2], colour.shape[3])
        lid = fragments.mask & eyes.unfolds[fragments.pix_to_face.clamp_min(0)]
        part = reached(lid, size)
        if part is None:
            return
        source, (width, height), corners = self.sources[0], drawn.window.size, faces[eyes.unfolds]
        here = _areas(drawn.vertices, (width, height, height), corners) / drawn.scale[:, None] ** 2
        there = _areas(source.ndc[None], (*source.size, source.size[0]), corners) / source.scale**2
        areas = here.new_zeros(len(here), self.model.n_vertices, 2)
        areas.index_add_(1, corners.T.flatten(), torch.stack([here, there.expand_as(here)], -1).repeat(1, 3, 1))
        unfolded = smoothstep(areas[..., :1] / areas[..., 1:].clamp_min(1e-12), *UNFOLDED)
        moving = eyes.shut[:, corners].amin(-1)  # (2, F)
        shut = smoothstep((here @ moving.T) / (there @ moving.T).clamp_min(1e-12), *SHUT)  # (B, 2)
        unfolded = torch.maximum(unfolded, (shut @ eyes.shut)[..., None])
        colours = torch.cat([eyes.margin[:, None], eyes.lids, eyes.lashes], 1)
        values = torch.cat([colours.expand(len(here), -1, -1), unfolded], -1)
        margin, skin, lashes, share = draw(fragments, faces, values, lid).permute(0, 3, 1, 2).split([1, 3, 3, 1], 1)
        skin = torch.lerp(lashes, skin, smoothstep(margin, *LASHES))
        share, skin = bilinear(torch.cat([share, share * skin], 1), size, part).split([1, 3], 1)
        rows, columns = part
        colour[..., rows, columns].mul_(1 - share).add_(skin)

    def _add_eyes(self, eyes: Eyes, colour: torch.Tensor, fragments: Fragments) -> None:
        """Colours (B, 3, h, w) take those of the eyes' own picture where the eyeballs are."""
        size = (colour.shape[2], colour.shape[3])
        eyeball = fragments.mask & (self._kinds[fragments.pix_to_face.clamp_min(0)] == EYEBALL)
        part = reached(eyeball, size)
        if part is None:
            return
        only = replace(fragments, pix_to_face=torch.where(eyeball, fragments.pix_to_face, -1))
        flow = transformation_flow(eyes.ndc, torch.ones_like(eyes.ndc[:, 0]), only, self.model.faces)
        flow = resize_flow(flow, size, 0.0, part)
        drawn = sampled(eyes.picture, flow.grid, flow.mask)
        rows, columns = part
        colour[..., rows, columns].lerp_(drawn, bilinear(eyeball[:, None].float(), size, part))

    def _shade_mouth(self, colour: torch.Tensor, drawn: Drawn) -> None:
        """Colours (B, 3, h, w) darkened inside the mouth where lips let little light in."""
        size, fragments = (colour.shape[2], colour.shape[3]), drawn.fragments
        inside = fragments.mask & self._mouth[fragments.pix_to_face.clamp_min(0)]
        part = reached(inside, size)
        if part is None:
            return
        px_per_m = float(drawn.scale.mean()) * fragments.mask.shape[1] / drawn.window.size[1]
        shade = 1 - inside[:, None] * (1 - light_within(inside[:, None], px_per_m))
        rows, columns = part
        colour[..., rows, columns].mul_(bilinear(shade, size, part))

    def _soften_steps(
        self, colour: torch.Tensor, alpha: torch.Tensor, drawn: Drawn, zoom: float, softness: float
    ) -> None:
        """Colours (B, 3, h, w) of alpha (B, 1, h, w) with the steps at inner edges smoothed, an arm's before the body
        and those between lips and teeth, lids and eyes: they lie inside the person's outline, where no alpha softens
        them. An arm's become as soft as the person's outline, softness px."""
        fragments = drawn.fragments
        inside = fragments.mask[:, None]
        reach = max(1, round(zoom))
        # from NDC to m, see `Window.ndc`
        depth = fragments.zbuf[:, None] * (drawn.window.size[1] / 2 / drawn.scale)[:, None, None, None]
        far, near = (largest(each.masked_fill(~inside, -torch.inf)) for each in (depth, -depth))
        apart = (far + near).masked_fill(~inside, 0.0)
        wide = max(reach, round(softness * BOX - 0.5))
        how_far = max(STEP_SHARE * zoom, (softness**2 - DRAWN_SOFTNESS**2) / ((wide + 0.5) / BOX) ** 2)
        edge = smoothstep(apart, DEPTH_STEP, 2 * DEPTH_STEP) * min(1.0, how_far)
        if (beside := round(wide / zoom) - 1) > 0:
            edge = largest(edge, beside)
        smoothed = [_smoothed(colour, alpha, edge, (wide,))]
        close = drawn.scale >= CLOSE_FROM * drawn.finer  # smaller eyes would be smoothed away
        if self._has_kinds and bool(close.any()):
            kind = self._kinds[fragments.pix_to_face.clamp_min(0)] * fragments.mask
            kind = kind[:, None].float()
            edge = mean((largest(kind) > smallest(kind)).float())
            if self._lids is not None:  # where they meet
                upper, lower = (self._lids[:, fragments.pix_to_face.clamp_min(0)] * fragments.mask).float()
                edge = torch.maximum(edge, mean(largest(upper) * largest(lower))[:, None])
            edge *= close[:, None, None, None]
            smoothed.append(_smoothed(colour, alpha, edge, (reach, 1)))
        for (rows, columns), smooth, share in chain(*smoothed):
            colour[..., rows, columns].lerp_(smooth, share)

    def _underlaid(
        self, fill: torch.Tensor, lacking: torch.Tensor, fragments: Fragments, share: torch.Tensor | None
    ) -> torch.Tensor:
        """The fill (B, 3, h, w) with the sources' underlays over it where something is `lacking` (B, H, W) bool; share
        (B, S, h, w) of the sources."""
        size = (fill.shape[2], fill.shape[3])
        only = replace(fragments, pix_to_face=torch.where(lacking, fragments.pix_to_face, -1))
        for index, under in self._underlays:
            flow = transformation_flow(under.ndc, under.visibility, only, self.model.faces)
            part = reached(flow.visible > 0, size)
            if part is None:
                continue
            flow = resize_flow(flow, size, 0.0, part)
            rows, columns = part
            believed = smoothstep(flow.visible[:, None], SEEN_LOW, SEEN_HIGH)
            if share is not None:
                believed = believed * share[:, index : index + 1, rows, columns]
            fill[..., rows, columns].lerp_(sampled(under.pixels, flow.grid, flow.mask), believed)
        return fill

    def _fill(self, fragments: Fragments, lacking: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """The atlas' colours on the body, (B, 3, *size), carried a little past its outline, where something is
        `lacking` (B, H, W) bool."""
        uv = draw(fragments, self.model.uv_faces, self.model.uv, lacking)
        colour = sampled(self._atlas, uv * 2 - 1, lacking)
        # a blur across the outline carries the colours to the half-covered pixels beyond it
        both = mean(torch.cat([colour, lacking[:, None].float()], 1))
        colour = torch.where(lacking[:, None], colour, both[:, :3] / both[:, 3:].clamp_min(1e-6))
        return bilinear(colour, size)


def _areas(ndc: torch.Tensor, size: tuple[int, int, int], faces: torch.Tensor) -> torch.Tensor:
    """(B, F) px² of faces; ndc (B, V, 3) of a picture, size (width, height, depth) px that its NDC range over."""
    places = ndc * (ndc.new_tensor(size) / 2)
    a, b, c = (places[:, each] for each in faces.unbind(1))
    return torch.linalg.cross(b - a, c - a).norm(dim=-1) / 2


def _lacking(fragments: Fragments, trust: torch.Tensor) -> torch.Tensor:
    """(B, H, W) bool: where the photos are not all that counts on the body, trust (B, 1, h, w), or right beside."""
    missing = 1 - trust
    if fragments.mask.shape[1:] != missing.shape[2:]:
        missing = interpolate(missing, (fragments.mask.shape[1], fragments.mask.shape[2]), mode="area")
    return fragments.mask & (largest(missing)[:, 0] > 0)


def _enlarge(planes: torch.Tensor, mask: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(B, C, h, w) known inside the mask (B, h, w) → (B, C, *size), never mixing in what lies outside."""
    inside = mask[:, None].to(planes.dtype)
    both = torch.cat([planes * inside, inside], 1)
    both = bilinear(both, size)
    return both[:, :-1] / both[:, -1:].clamp_min(1e-3)


def _smoothed(
    colour: torch.Tensor, alpha: torch.Tensor, share: torch.Tensor, reaches: tuple[int, ...]
) -> list[tuple[Part, torch.Tensor, torch.Tensor]]:
    """Colours (B, 3, H, W) of alpha (B, 1, H, W) smoothed where there is a share (B, 1, h, w) of them to take: in which
    parts, what, and how much of it."""
    size, found = (colour.shape[2], colour.shape[3]), []
    share = bilinear(share, size)
    for part in pieces(share > 0):
        around, within = ((..., *each) for each in widened(part, sum(reaches), size))
        solid = alpha[around]
        smooth = torch.cat([colour[around] * solid, solid], 1)
        for reach in reaches:
            smooth = mean(smooth, reach)
        smooth = smooth[within]
        held = (..., *part)
        smooth = torch.where(smooth[:, 3:] > 0.02, smooth[:, :3] / smooth[:, 3:].clamp_min(0.02), colour[held])
        found.append((part, smooth, share[held]))
    return found
