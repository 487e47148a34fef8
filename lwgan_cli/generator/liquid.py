"""The Liquid Warping Block (paper, section 3.3): features of the sources, carried along T into the target's."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lwgan_cli.flow.resize import resize_flow
from lwgan_cli.flow.transform import warp
from lwgan_cli.records import Flow

MODES = ("share", "sum")


def liquid_warp(
    features: Sequence[torch.Tensor], flows: Sequence[Flow], target: torch.Tensor, mode: str = "share"
) -> torch.Tensor:
    """X_t and what the sources show of the same surface, (B, C, h, w).

    features  X_si (S, C, h_i, w_i), S = B or 1, one tensor for each source
    flows     T_i (B, H, W) of any resolution; they are brought to the target's
    target    X_t (B, C, h, w)
    mode      "sum": X_t + Σ BS(X_si, T_i), BS the bilinear sampler, as the paper has it; flows are meant to
              cover disjoint parts, as each adds its features in full
              "share": X_t + v · Σ v_i BS(X_si, T_i) / Σ v_i with v_i how far source i sees the surface and
              v the largest of them: a source given twice changes nothing, and what none sees stays X_t
    Raises ValueError for another mode.
    """
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: one of {', '.join(MODES)}")
    flows = [resize_flow(flow, (target.shape[2], target.shape[3])) for flow in flows]
    carried = [warp(feature, flow.grid) for feature, flow in zip(features, flows, strict=True)]
    if mode == "share":
        seen = torch.stack([flow.visible[:, None] for flow in flows])
        weights = seen * (seen.amax(0) / seen.sum(0).clamp_min(1e-6))
        carried = [weight.to(target.dtype) * each for weight, each in zip(weights, carried, strict=True)]
    for each in carried:
        target = target + each
    return target


def flow_pyramid(flows: Sequence[Flow], size: tuple[int, int], levels: int) -> list[list[Flow]]:
    """The flows at (H, W) = size and at its halves, quarters, …: what `liquid_warp` would make of them each time.

    Each level is made from the one before, which costs a third more than the first alone.
    """
    pyramid: list[list[Flow]] = []
    for level in range(levels):
        finer = pyramid[-1] if pyramid else flows
        pyramid.append([resize_flow(flow, (size[0] >> level, size[1] >> level)) for flow in finer])
    return pyramid
