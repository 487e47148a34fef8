"""The paper's generator: three ResUnet streams and the Liquid Warping Block between them (section 3.3).

Pictures are in [-1, 1]; correspondence maps are (u, v, 0) on the body and (0, 0, 1) on the background
(`correspondence.correspondence_map`). Transformation flows T are what the official implementation feeds:
`grid_sample` grids with **aligned corners**, see `aligned_grid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.generator.networks import Features, ResNet, ResUnet, init_weights
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


class Source(NamedTuple):
    """One photo, as G_TSF reads it.

    inputs    (S, 6, H, W), what went into G_SID
    features  of G_SID; None where the warping needs none
    """

    inputs: torch.Tensor
    features: Features | None


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
        self.src_model = ResUnet(6, *sizes) if self.warps_features else None
        self.tsf_model = ResUnet({"liquid": 6, "concat": 9, "texture": 6, "feature": 3}[warping], *sizes)
        init_weights(self)

    @property
    def warps_features(self) -> bool:
        return self.warping in ("liquid", "feature")

    def background(self, inputs: torch.Tensor) -> torch.Tensor:
        """G_BG: picture with the person cut out (zeros) and the background's mask (B, 4, H, W) → (B, 3, H, W)."""
        out: torch.Tensor = self.bg_model(inputs)
        return out

    def encode(self, inputs: torch.Tensor) -> Source:
        """G_SID's features of photos: foreground and correspondence map (S, 6, H, W). Once per photo."""
        return Source(inputs, None if self.src_model is None else self.src_model.encode(inputs))

    def reconstruct(self, source: Source) -> Layer | None:
        """G_SID's picture of the source itself, on which training's reconstruction loss lies; None without G_SID."""
        if self.src_model is None or source.features is None:
            return None
        return Layer(*self.src_model.decode(source.features))

    def forward(self, inputs: torch.Tensor, sources: Sequence[Source], grids: Sequence[torch.Tensor]) -> Layer:
        """G_TSF.

        inputs   (B, 6, H, W), the warped foreground and the target's correspondence map
        sources  photos, of 1 or B pictures each; W_C sees the first alone
        grids    T (B, H, W, 2) from each source, aligned corners
        """
        if self.warping == "concat":
            source = sources[0].inputs.expand(len(inputs), -1, -1, -1)
            inputs = torch.cat([source, inputs[:, 3:]], 1)
        elif self.warping == "feature":
            inputs = inputs[:, 3:]
        if not self.warps_features:
            return Layer(*self.tsf_model(inputs))

        features = [source.features for source in sources if source.features is not None]

        def at_level(level: int, x: torch.Tensor) -> torch.Tensor:
            return liquid_warp([f.levels[level] for f in features], grids, x)

        def at_block(block: int, x: torch.Tensor) -> torch.Tensor:
            return liquid_warp([f.blocks[block] for f in features], grids, x)

        return Layer(*self.tsf_model.decode(self.tsf_model.encode(inputs, at_level, at_block)))


def aligned_grid(flow: Flow) -> torch.Tensor:
    """T for the streams: (B, H, W, 2), the same places of the picture in `grid_sample`'s aligned corners.

    The official implementation hands its renderer's coordinates on unconverted, which puts pixels off by up
    to half a pixel at the picture's edges; here they are where they should be.
    """
    height, width = flow.mask.shape[1:]
    scale = flow.grid.new_tensor([width / (width - 1), height / (height - 1)])
    return torch.where(flow.mask[..., None], flow.grid * scale, _OUTSIDE)


def liquid_warp(features: Sequence[torch.Tensor], grids: Sequence[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """X_t + Σ BS(X_si, T_i) (paper, section 3.3), T resized to the features' size with aligned corners.

    features  X_si (S, C, h, w), S = B or 1
    grids     T_i (B, H, W, 2), aligned corners
    target    X_t (B, C, h, w)
    """
    for feature, grid in zip(features, grids, strict=True):
        resized = F.interpolate(grid.permute(0, 3, 1, 2), target.shape[2:], mode="bilinear", align_corners=True)
        source = feature.expand(len(target), -1, -1, -1)
        target = target + F.grid_sample(source, resized.permute(0, 2, 3, 1), align_corners=True)
    return target
