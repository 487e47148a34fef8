"""The paper's generator: three ResUnet streams and the Liquid Warping Block between them (section 3.3).

`paint_background`, `read`, `reconstruct` and `paint` are the streams as the official implementation feeds them:
pictures in [-1, 1]; correspondence maps (u, v, 0) on the body and (0, 0, 1) on the background
(`correspondence.correspondence_map`); T as `grid_sample` grids with **aligned corners** (`aligned_grid`). `encode`,
`forward` and `plate` are what every generator of this project does, and convert at the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.flow.transform import select
from lwgan_cli.generator.conditions import MAP, Conditions, SourceInput
from lwgan_cli.generator.liquid import liquid_warp
from lwgan_cli.generator.networks import ResNet, ResUnet, init_weights
from lwgan_cli.generator.refiner import Correction, SourceFeatures
from lwgan_cli.records import Flow

# The paper's block and its ablations (section 4.2, table 1): W_C concatenates, W_T warps the texture alone,
# W_F the features alone.
WARPINGS = ("liquid", "concat", "texture", "feature")
_OUTSIDE = -2.0  # the official flow outside the body; it counts, as T is interpolated across outlines


class Layer(NamedTuple):
    """What G_SID and G_TSF paint.

    colour  P, (B, 3, H, W) in [-1, 1]
    mask    (B, 1, H, W) in [0, 1], the **background's** share, as the official weights have it: the
            paper's attention map A is 1 − mask
    """

    colour: torch.Tensor
    mask: torch.Tensor

    def over(self, background: torch.Tensor) -> torch.Tensor:
        """P·A + Î_bg·(1 − A) (paper, equation 3), with background (B or 1, 3, H, W)."""
        return self.colour * (1 - self.mask) + background * self.mask


class PaperGenerator(nn.Module):
    """G_BG, G_SID and G_TSF in the layout of the official ImpersonatorGenerator.

    width, n_blocks, n_down  channels of the finest level, residual blocks, down-samplings of each stream
    warping                  "liquid", or one of the paper's ablations: "concat" W_C, "texture" W_T,
                             "feature" W_F, in the official baselines' layout (W_C and W_T have no G_SID)
    Heights and widths are multiples of 2^n_down.
    Raises ValueError for another warping.
    """

    def __init__(self, width: int = 64, n_blocks: int = 6, n_down: int = 3, warping: str = "liquid") -> None:
        super().__init__()
        if warping not in WARPINGS:
            raise ValueError(f"warping {warping!r}: one of {', '.join(WARPINGS)}")
        self.warping = warping
        sizes = (width, n_blocks, n_down)
        self.bg_model = ResNet(4, *sizes)
        self.src_model = ResUnet(6, *sizes) if warping in ("liquid", "feature") else None
        self.tsf_model = ResUnet({"liquid": 6, "concat": 9, "texture": 6, "feature": 3}[warping], *sizes)
        init_weights(self)

    def paint_background(self, inputs: torch.Tensor) -> torch.Tensor:
        """G_BG: the picture with the person cut out (zeros) and the background's mask (B, 4, H, W) → (B, 3, H, W)."""
        out: torch.Tensor = self.bg_model(inputs)
        return out

    def read(self, inputs: torch.Tensor) -> SourceFeatures:
        """G_SID's features of photos: foreground and correspondence map (S, 6, H, W). Once per photo."""
        return SourceFeatures(inputs, None if self.src_model is None else self.src_model.encode(inputs))

    def reconstruct(self, source: SourceFeatures) -> Layer | None:
        """G_SID's picture of the source itself, on which training's reconstruction loss lies; None without G_SID."""
        if self.src_model is None or source.features is None:
            return None
        return Layer(*self.src_model.decode(source.features))

    def paint(self, inputs: torch.Tensor, sources: Sequence[SourceFeatures], grids: Sequence[torch.Tensor]) -> Layer:
        """G_TSF.

        inputs   (B, 6, H, W), the warped foreground and the target's correspondence map
        sources  from `read`, of 1 or B pictures each; W_C sees the first alone
        grids    T (B, H, W, 2) from each source, aligned corners
        """
        if self.warping == "concat":
            first = F.interpolate(sources[0].planes, inputs.shape[2:], mode="bilinear", align_corners=False)
            inputs = torch.cat([first.expand(len(inputs), -1, -1, -1), inputs[:, 3:]], 1)
        elif self.warping == "feature":
            inputs = inputs[:, 3:]
        features = [source.features for source in sources if source.features is not None]

        def at_level(level: int, x: torch.Tensor) -> torch.Tensor:
            return _carry([f.levels[level] for f in features], grids, x) if features else x

        def at_block(block: int, x: torch.Tensor) -> torch.Tensor:
            return _carry([f.blocks[block] for f in features], grids, x) if features else x

        return Layer(*self.tsf_model.decode(self.tsf_model.encode(inputs, at_level, at_block)))

    def encode(self, sources: Sequence[SourceInput]) -> list[SourceFeatures]:
        """G_SID: what `forward` reads of the photos, once for all frames."""
        inputs = []
        for source in sources:
            colour = source.planes[:, :3]
            if self.warping != "concat":  # which sees the whole photo
                body = (source.planes[:, 4:5] > 0).to(colour.dtype)
                colour = colour * F.max_pool2d(body, 3, 1, 1)
            inputs.append(torch.cat([colour, source.planes[:, MAP]], 1))
        return [self.read(each) for each in inputs]

    def forward(self, conditions: Conditions, sources: Sequence[SourceFeatures]) -> Correction:
        """G_TSF: B frames; what it paints, as a correction of the texture warp that leaves nothing of it."""
        planes = conditions.planes
        inputs = torch.cat([planes[:, :3] * planes[:, 3:4], planes[:, MAP]], 1)
        grids = [
            aligned_grid(flow, (source.planes.shape[2], source.planes.shape[3]))
            for flow, source in zip(_disjoint(conditions.flows), sources, strict=True)
        ]
        layer = self.paint(inputs, sources, grids)
        painted = (layer.colour + 1) / 2
        alpha = 1 - layer.mask - planes[:, 3:4]
        return Correction(painted - conditions.colour, torch.ones_like(alpha), alpha, conditions.colour)

    def plate(self, plate: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        """G_BG: the background (B, 3, h, w) in [0, 1] with the hole (B, 1, h, w) in [0, 1] painted anew."""
        known = (1 - hole).expand(len(plate), -1, -1, -1)
        painted = self.paint_background(torch.cat([(plate * 2 - 1) * known, known], 1))
        return plate + hole * ((painted + 1) / 2 - plate)


def aligned_grid(flow: Flow, size: tuple[int, int]) -> torch.Tensor:
    """T for `paint`: (B, H, W, 2), the same places of a source of size (h, w) in `grid_sample`'s aligned corners.

    The official implementation hands its renderer's coordinates on unconverted, which puts pixels off by up
    to half a pixel at the picture's edges; here they are where they should be.
    """
    height, width = size
    scale = flow.grid.new_tensor([width / (width - 1), height / (height - 1)])
    return torch.where(flow.mask[..., None], flow.grid * scale, _OUTSIDE)


def _disjoint(flows: Sequence[Flow]) -> Sequence[Flow]:
    """Each pixel left to the one source that sees its surface best: the block adds its sources in full."""
    if len(flows) == 1:
        return flows
    best = torch.stack([flow.visible for flow in flows]).argmax(0)
    return [select(flow, best == i) for i, flow in enumerate(flows)]


def _carry(features: Sequence[torch.Tensor], grids: Sequence[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """The Liquid Warping Block on T (B, H, W, 2) of aligned corners, resized as the official implementation does."""
    flows = []
    for feature, grid in zip(features, grids, strict=True):
        resized = F.interpolate(grid.permute(0, 3, 1, 2), target.shape[2:], mode="bilinear", align_corners=True)
        height, width = feature.shape[2:]
        unaligned = resized.permute(0, 2, 3, 1) * grid.new_tensor([(width - 1) / width, (height - 1) / height])
        everywhere = torch.ones_like(unaligned[..., 0])
        flows.append(Flow(unaligned, everywhere, everywhere.bool()))
    return liquid_warp(features, flows, target, "sum")
