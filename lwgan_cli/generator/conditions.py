"""What the network sees: the pipeline's own stages, at the resolution that it works at.

Colours are in [0, 1] outside the network and in [-1, 1] in its inputs; all other planes are as they are
described. A *cell* is the square of a picture that STRIDE by STRIDE working pixels stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import avg_pool2d, interpolate, normalize

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.maps import correspondence_map
from lwgan_cli.correspondence.maps import interpolate as draw
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import vertex_normals
from lwgan_cli.flow.transform import OUTSIDE
from lwgan_cli.generator.compositor import Drawn, TextureWarp, Warped
from lwgan_cli.generator.window import Window
from lwgan_cli.records import Flow, Fragments
from lwgan_cli.texture.source import Source

STRIDE = 16  # working px that the sides of what the network sees are multiples of
STATURE = 2.0  # m that a person with some room takes
HALVINGS = 4  # of STRIDE, down to 1
SOURCE_PLANES, TARGET_PLANES = 11, 15  # that the default network sees
# of the target's planes: the warp's alpha, how far the photos saw it, and the body's mask
ALPHA, SEEN, BODY = slice(3, 4), slice(4, 5), slice(8, 9)
MAP = slice(-3, None)  # the last planes, that the paper's network sees
LEAST_ALPHA = 0.25  # colours below it fade into what surrounds them


@dataclass(frozen=True)
class Resolution:
    """Where the working pixels lie: in a grid over the whole picture, so that they stay in place from frame to frame
    however the window moves.

    cell  picture px that STRIDE working px stand for, at least STRIDE
    """

    cell: int

    @classmethod
    def of(cls, scale: float, picture: tuple[int, int], size: int) -> Resolution:
        """At which a standing person is about `size` px high, and a picture that shows less than a whole one is `size`
        px long; never larger than the picture itself.

        scale    px per metre of the person in the picture, one number for a whole clip
        picture  (width, height) px
        """
        zoom = min(1.0, size / min(STATURE * scale, max(picture)))
        return cls(max(STRIDE, round(STRIDE / zoom)))

    def of_source(self, target_scale: float, source_scale: float) -> Resolution:
        """For a photo, so that a metre is as many working px as in the target; never larger than the photo."""
        return Resolution(max(STRIDE, round(self.cell * source_scale / target_scale)))

    def window(self, window: Window) -> Window:
        """The whole cells that hold a window and half a cell around it, which may lie outside the picture."""
        cell, margin = self.cell, self.cell // 2
        low = [(at - margin) // cell for at in window.corner]
        high = [-((-at - side - margin) // cell) for at, side in zip(window.corner, window.size, strict=True)]
        return Window(
            (low[0] * cell, low[1] * cell), ((high[0] - low[0]) * cell, (high[1] - low[1]) * cell)
        )  # fmt: skip

    def shape(self, window: Window) -> tuple[int, int]:
        """(h, w) working px of a window of whole cells."""
        return window.size[1] // self.cell * STRIDE, window.size[0] // self.cell * STRIDE


@dataclass(frozen=True)
class SourceInput:
    """A photo as G_SID sees it.

    planes  (1, 14, h, w): colours 3 in [-1, 1]; alpha, the body's mask in [0, 1]; normals 3, x right, y up, z towards
            the viewer; the surface's place on the mean body in T-pose 3, m; the paper's correspondence map 3. Normals
            and places are 0 outside the body
    window  the part of the photo that they show
    photo   (width, height) px
    """

    planes: torch.Tensor
    window: Window
    photo: tuple[int, int]


@dataclass(frozen=True)
class Conditions:
    """B target frames as G_TSF sees them, at working resolution.

    planes  (B, 18, h, w): the warped colours 3 in [-1, 1], carried outwards; their alpha, how far the photos saw
            them in [0, 1]; the background 3 in [-1, 1]; the body's mask in [0, 1]; normals 3, places 3 and the
            correspondence map 3 as in `SourceInput`
    flows   T (B, h, w) from each source: places in its `SourceInput.planes`; `visible` is 1 where the source shows the
            surface as well as any does
    colour  (B, 3, h, w) in [0, 1]: the warped colours once more
    """

    planes: torch.Tensor
    flows: tuple[Flow, ...]
    colour: torch.Tensor

    @classmethod
    def stack(cls, samples: Sequence[Conditions]) -> Conditions:
        """One batch of samples of one size, with equally many sources each."""
        flows = [
            Flow(*(torch.cat([getattr(flow, name) for flow in each]) for name in ("grid", "visible", "mask")))
            for each in zip(*(sample.flows for sample in samples), strict=True)
        ]
        planes, colour = (torch.cat([getattr(s, name) for s in samples]) for name in ("planes", "colour"))
        return cls(planes, tuple(flows), colour)


def source_input(model: BodyModel, source: Source, resolution: Resolution, window: Window | None = None) -> SourceInput:
    """The person in a photo, once for all frames.

    resolution  of the photo, see `Resolution.of_source`
    window      of whole cells; None for what the person takes
    """
    if window is None:
        person = Window.around(source.vertices_px()).clipped(source.size) or Window((0, 0), source.size)
        window = resolution.window(person)
    size = resolution.shape(window)
    pixels = shrink(cut(source.pixels[None], window), size)
    ndc = _window_ndc(source.ndc, source.size, window)[None]
    fragments = rasterize(ndc, model.faces, (2 * size[0], 2 * size[1]))
    mask = avg_pool2d(fragments.mask[:, None].float(), 2)
    planes = torch.cat([pixels[:, :3] * 2 - 1, pixels[:, 3:], mask, _surface(model, fragments, ndc, window, size)], 1)
    return SourceInput(planes, window, source.size)


def conditions(
    texture: TextureWarp, drawn: Drawn, warped: Warped, plate: torch.Tensor, sources: Sequence[SourceInput]
) -> Conditions:
    """What the texture warp drew, for the network to go on with.

    drawn, warped  of a window of whole cells
    plate          (B or 1, 3, h, w) in [0, 1]: the background there, at working resolution, which decides on h and w
    sources        one for each of the texture warp's
    """
    size = (plate.shape[2], plate.shape[3])
    # frame by frame: at the picture's resolution, a chunk of them would fill the memory
    small = torch.cat([shrink(_premultiplied(*frame), size) for frame in zip(warped.rgba, warped.seen, strict=True)])
    colour = carry_outwards(small[:, :3], small[:, 3:4])
    mask = shrink(drawn.fragments.mask[:, None].float(), size)
    fragments = _sampled(drawn.fragments, size)
    surface = _surface(texture.model, drawn.fragments, drawn.vertices, drawn.window, size)
    behind = plate.expand(len(colour), -1, -1, -1)
    planes = torch.cat([colour * 2 - 1, small[:, 3:], behind * 2 - 1, mask, surface], 1)
    flows, share = texture.flows(fragments)
    if share is not None:
        # relative to the best one's: on a seam each of two sources counts in full, and the block takes their mean
        share = share / share.amax(0).clamp_min(1e-6)
        flows = tuple(
            replace(flow, visible=flow.visible * part) for flow, part in zip(flows, share, strict=True)
        )  # fmt: skip
    return Conditions(planes, tuple(_into(flow, s) for flow, s in zip(flows, sources, strict=True)), colour)


def _premultiplied(rgba: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """(4, H, W) and (1, H, W) → (1, 5, H, W)."""
    return torch.cat([rgba[:3] * rgba[3:], rgba[3:], seen])[None]


def shrink(planes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(B, C, H, W) at size (h, w), each pixel a mean over its surroundings."""
    if planes.shape[2:] == size:
        return planes
    return interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)


def cut(planes: torch.Tensor, window: Window) -> torch.Tensor:
    """The window of planes (B, C, H, W); beyond their edge goes on what lies there."""
    (x, y), (width, height) = window.corner, window.size
    rows = torch.arange(y, y + height, device=planes.device).clamp(0, planes.shape[2] - 1)
    columns = torch.arange(x, x + width, device=planes.device).clamp(0, planes.shape[3] - 1)
    return planes.index_select(2, rows).index_select(3, columns)


def carry_outwards(colour: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Colours (B, 3, h, w), premultiplied with alpha (B, 1, h, w), as straight ones that go on where alpha fades.

    What is missing comes from means over ever larger surroundings; h and w are multiples of STRIDE.
    """
    levels = [_counting(torch.cat([colour, alpha], 1))]
    for _ in range(HALVINGS):
        levels.append(_counting(avg_pool2d(levels[-1], 2)))
    total = levels[-1].sum((2, 3), keepdim=True)
    found = total[:, :3] / total[:, 3:].clamp_min(1e-6)
    for level in reversed(levels):
        larger = interpolate(found, level.shape[2:], mode="bilinear", align_corners=False)
        found = level[:, :3] + (1 - level[:, 3:]) * larger
    return found


def _counting(premultiplied: torch.Tensor) -> torch.Tensor:
    """Colours premultiplied with alpha (B, 4, h, w), in full from LEAST_ALPHA on."""
    return premultiplied / premultiplied[:, 3:].clamp_min(LEAST_ALPHA)


def _window_ndc(ndc: torch.Tensor, photo: tuple[int, int], window: Window) -> torch.Tensor:
    """(V, 3) NDC of a photo (width, height), depth in the units of x → of a window of it, depth in those of y, from 1
    on."""
    (width, height), (x, y), (w, h) = photo, window.corner, window.size
    across = ((ndc[:, 0] + 1) * (width / 2) - x) * (2 / w) - 1
    up = 1 - ((1 - ndc[:, 1]) * (height / 2) - y) * (2 / h)
    depth = ndc[:, 2] * (width / h)
    return torch.stack([across, up, depth - depth.amin() + 1], 1)


def _surface(
    model: BodyModel, fragments: Fragments, ndc: torch.Tensor, window: Window, size: tuple[int, int]
) -> torch.Tensor:
    """(B, 9, h, w): normals and places in T-pose at the pixels' middles, 0 outside the body, and correspondence map.

    ndc  (B, V, 3) of the window, as rasterized
    """
    width, height = window.size
    normals = normalize(vertex_normals(ndc * ndc.new_tensor([width / height, 1.0, 1.0]), model.faces), dim=-1)
    values = torch.cat([normals, model.v_template.expand(len(ndc), -1, -1)], 2)
    sampled = _sampled(fragments, size)
    planes = draw(sampled, model.faces, values)
    surface = torch.cat([normalize(planes[..., :3], dim=-1), planes[..., 3:]], -1).permute(0, 3, 1, 2)
    return torch.cat([surface, correspondence_map(sampled, model.face_uv)], 1)


def _sampled(fragments: Fragments, size: tuple[int, int]) -> Fragments:
    """The fragments nearest to the middles of (h, w) pixels."""
    height, width = fragments.mask.shape[1:]
    device = fragments.mask.device
    rows = ((torch.arange(size[0], device=device) + 0.5) * (height / size[0])).long()
    columns = ((torch.arange(size[1], device=device) + 0.5) * (width / size[1])).long()
    face, bary, depth = (
        part.index_select(1, rows).index_select(2, columns)
        for part in (fragments.pix_to_face, fragments.bary_coords, fragments.zbuf)
    )
    return Fragments(face, bary, depth)


def _into(flow: Flow, source: SourceInput) -> Flow:
    """T into the whole photo as T into the window that the network saw of it."""
    like = flow.grid
    photo, corner, size = (like.new_tensor(pair) for pair in (source.photo, source.window.corner, source.window.size))
    grid = ((flow.grid + 1) * (photo / 2) - corner) * (2 / size) - 1
    return replace(flow, grid=torch.where(flow.mask[..., None], grid, OUTSIDE))
