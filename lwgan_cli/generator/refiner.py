"""The generator that ships: it corrects the texture warp, at a lower resolution than the picture's.

Three ResUnets as in the paper (section 3.3), G_BG for the background, G_SID for the sources, G_TSF for the target,
joined by Liquid Warping Blocks at every level and residual block. What differs: streams begin with pixels unshuffled,
as narrow layers at full resolution cost more than they give; nothing is normalised over the window, whose size
changes; and G_TSF paints no picture but a `Correction`. Untrained, every correction is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool2d

from lwgan_cli.generator.conditions import ALPHA, BODY, SEEN, SOURCE_PLANES, TARGET_PLANES, Conditions, SourceInput
from lwgan_cli.generator.liquid import flow_pyramid, liquid_warp
from lwgan_cli.generator.networks import Features, Inject

# The paper's block and its ablations (section 4.2): W_C, W_T, W_F. All correct the same texture warp.
WARPINGS = ("liquid", "concat", "texture", "feature")
UNSHUFFLE = 2  # working px that a stream's finest features stand for
SLOPE = 0.1  # of the activations below 0
EDGE = 2  # working px from the body's outline within which it may become transparent
LEAST_ALPHA = 1 / 255  # from which the warp's own colours show


@dataclass(frozen=True)
class Correction:
    """What is to be done to the texture warp, at working resolution; all 0 leaves it as it is.

    residual  (B, 3, h, w) in [-1, 1]: added to the colours
    gate      (B, 1, h, w) in [0, 1]: 0 keeps the detail of full resolution, 1 takes `colour`
    alpha     (B, 1, h, w) in [-1, 1]: added to alpha
    colour    (B, 3, h, w) in [0, 1], `Conditions.colour`: also what lies beyond the warp
    """

    residual: torch.Tensor
    gate: torch.Tensor
    alpha: torch.Tensor
    colour: torch.Tensor

    def __getitem__(self, rows: slice) -> Correction:
        return Correction(self.residual[rows], self.gate[rows], self.alpha[rows], self.colour[rows])


def correct(rgba: torch.Tensor, correction: Correction) -> torch.Tensor:
    """The corrected warp (B, 4, H, W) from rgba (B, 4, H, W) in [0, 1], at its own resolution."""
    planes = torch.cat([correction.residual, correction.gate, correction.alpha, correction.colour], 1)
    if planes.shape[2:] != rgba.shape[2:]:
        planes = interpolate(planes, rgba.shape[2:], mode="bilinear", align_corners=False)
    residual, gate, more, low = planes.split([3, 1, 1, 3], 1)
    alpha = rgba[:, 3:]
    smooth = torch.maximum(gate, 1 - alpha / LEAST_ALPHA)
    colour = torch.lerp(rgba[:, :3], low, smooth.clamp(0, 1)) + residual
    corrected: torch.Tensor = UnitClamp.apply(torch.cat([colour, alpha + more], 1))
    return corrected


class SourceFeatures(NamedTuple):
    """A source as G_TSF reads it: what went into G_SID, (1, 11, h, w), and its features; None where none are warped."""

    planes: torch.Tensor
    features: Features | None


class DefaultGenerator(nn.Module):
    """Corrects the texture warp.

    width, n_blocks, n_down  channels of the finest features, residual blocks, down-samplings of G_SID and G_TSF
    background_width         channels of G_BG's finest features
    warping                  "liquid", or one of the paper's ablations as far as they apply: "concat" W_C, the first
                             source's planes beside the target's, unwarped; "texture" W_T, no source but through the
                             texture warp; "feature" W_F, features warped at the coarsest level alone
    Heights and widths are multiples of UNSHUFFLE · 2^n_down, those of backgrounds of twice that.
    Raises ValueError for another warping.
    """

    def __init__(
        self, width: int = 24, n_blocks: int = 4, n_down: int = 2, background_width: int = 8, warping: str = "liquid"
    ) -> None:
        super().__init__()
        if warping not in WARPINGS:
            raise ValueError(f"warping {warping!r}: one of {', '.join(WARPINGS)}")
        self.warping, self.n_down = warping, n_down
        planes = TARGET_PLANES + (SOURCE_PLANES if warping == "concat" else 0)
        self.source = Encoder(SOURCE_PLANES, width, n_blocks, n_down) if warping in ("liquid", "feature") else None
        self.target = Encoder(planes, width, n_blocks, n_down)
        self.decoder = Decoder(5, width, n_down)
        # one level more: what a person leaves behind is wide
        self.plate_encoder = Encoder(4, background_width, min(n_blocks, 4), n_down + 1)
        self.plate_decoder = Decoder(3, background_width, n_down + 1)

    def encode(self, sources: Sequence[SourceInput]) -> list[SourceFeatures]:
        """G_SID: what `forward` reads of the sources, once for all frames."""
        planes = [source.planes[:, :SOURCE_PLANES] for source in sources]
        return [SourceFeatures(each, None if self.source is None else self.source(each)) for each in planes]

    def forward(self, conditions: Conditions, sources: Sequence[SourceFeatures]) -> Correction:
        """G_TSF: the correction of B frames; sources of 1 or B photos each."""
        planes = conditions.planes[:, :TARGET_PLANES]
        if self.warping == "concat":
            first = interpolate(sources[0].planes, planes.shape[2:], mode="bilinear", align_corners=False)
            planes = torch.cat([planes, first.expand(len(planes), -1, -1, -1)], 1)
        at_level, at_block = self._blocks(conditions, [s.features for s in sources if s.features is not None])
        out = self.decoder(self.target(planes, at_level, at_block))
        # What a photo shows stays as it shows it: light and folds that rendered people teach to expect there are
        # more often wrong on real ones than the photo is.
        unseen = 1 - planes[:, ALPHA] * planes[:, SEEN]
        residual, gate = out[:, :3].tanh() * unseen, UnitClamp.apply(out[:, 3:4]) * unseen
        # nor can the body be seen through, however uncertain its place: only near its outline may it give way
        inside = -max_pool2d(-planes[:, BODY], 2 * EDGE + 1, 1, EDGE)
        alpha = out[:, 4:].tanh()
        alpha = torch.maximum(alpha, alpha * (1 - inside))
        return Correction(residual, gate, alpha, conditions.colour)

    def _blocks(self, conditions: Conditions, features: list[Features]) -> tuple[Inject | None, Inject | None]:
        """The Liquid Warping Blocks of the levels and of the residual blocks; None where there are none."""
        if self.source is None:
            return None, None
        height, width = conditions.planes.shape[2:]
        flows = flow_pyramid(conditions.flows, (height // UNSHUFFLE, width // UNSHUFFLE), self.n_down + 1)

        def at_level(level: int, x: torch.Tensor) -> torch.Tensor:
            if self.warping == "feature" and level < self.n_down:
                return x
            return liquid_warp([f.levels[level] for f in features], flows[level], x)

        def at_block(block: int, x: torch.Tensor) -> torch.Tensor:
            return liquid_warp([f.blocks[block] for f in features], flows[-1], x)

        return at_level, at_block if self.warping == "liquid" else None

    def plate(self, plate: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        """G_BG: what was made up of the background, made better.

        plate    (B, 3, h, w) in [0, 1], at working resolution
        hole     (B, 1, h, w) in [0, 1]: where it was made up; elsewhere nothing changes
        returns  (B, 3, h, w), not clipped to [0, 1], so that its difference to `plate` is the network's own
        """
        out = self.plate_decoder(self.plate_encoder(torch.cat([plate * 2 - 1, hole], 1)))
        return plate + hole * out.tanh()


class Encoder(nn.Module):
    """Planes (B, dim_in, H, W) → `Features`: levels of width · 2^i at 1/2^(i+1) of the size, then residual blocks."""

    def __init__(self, dim_in: int, width: int, n_blocks: int, n_down: int) -> None:
        super().__init__()
        dims = [width * 2**i for i in range(n_down + 1)]
        stem = nn.Sequential(nn.PixelUnshuffle(UNSHUFFLE), *conv(dim_in * UNSHUFFLE**2, width), *conv(width, width))
        down = (nn.Sequential(*conv(fine, coarse, stride=2), *conv(coarse, coarse)) for fine, coarse in pairwise(dims))
        self.levels = nn.ModuleList([stem, *down])
        self.blocks = nn.ModuleList(ResidualBlock(dims[-1]) for _ in range(n_blocks))

    def forward(self, x: torch.Tensor, at_level: Inject | None = None, at_block: Inject | None = None) -> Features:
        """at_level, at_block: called after each level and each residual block, as the Liquid Warping Block is."""
        levels, blocks = [], []
        for index, level in enumerate(self.levels):
            x = level(x)
            levels.append(x := at_level(index, x) if at_level else x)
        for index, block in enumerate(self.blocks):
            x = block(x)
            blocks.append(x := at_block(index, x) if at_block else x)
        return Features(tuple(levels), tuple(blocks))


class Decoder(nn.Module):
    """`Features` → (B, dim_out, H, W); all 0 before training. Skips are concatenated."""

    def __init__(self, dim_out: int, width: int, n_down: int) -> None:
        super().__init__()
        dims = [width * 2**i for i in reversed(range(n_down + 1))]
        steps = list(pairwise(dims))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in steps)
        self.merge = nn.ModuleList(nn.Sequential(*conv(2 * fine, fine), *conv(fine, fine)) for _, fine in steps)
        self.head = nn.Sequential(conv(width, dim_out * UNSHUFFLE**2, gain=0.0)[0], nn.PixelShuffle(UNSHUFFLE))

    def forward(self, features: Features) -> torch.Tensor:
        x = features.blocks[-1] if features.blocks else features.levels[-1]
        for narrow, merge, skip in zip(self.narrow, self.merge, features.levels[-2::-1], strict=True):
            larger = interpolate(narrow(x), skip.shape[2:], mode="bilinear", align_corners=False)
            x = merge(torch.cat([larger, skip], 1))
        out: torch.Tensor = self.head(x)
        return out


class ResidualBlock(nn.Module):
    """x + two 3×3 convolutions of x, which start small: nothing else keeps a stack without norms in bounds."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.main = nn.Sequential(*conv(dim, dim), conv(dim, dim, gain=0.1)[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.main(x)
        return out


def conv(dim_in: int, dim_out: int, stride: int = 1, gain: float = 1.0) -> tuple[nn.Conv2d, nn.LeakyReLU]:
    """A 3×3 convolution and its activation, which together scale the variance by gain²."""
    layer = nn.Conv2d(dim_in, dim_out, 3, stride, 1)
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    with torch.no_grad():
        layer.weight *= gain
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # it has one
    return layer, nn.LeakyReLU(SLOPE, inplace=True)


class UnitClamp(torch.autograd.Function):
    """Clamps to [0, 1], with a gradient wherever a step along it leads back inside.

    Under a plain clamp what is once outside stays there; a sigmoid, which has no outside, is nowhere 0.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        outwards = ((x < 0) & (gradient > 0)) | ((x > 1) & (gradient < 0))
        return gradient.masked_fill(outwards, 0.0)
