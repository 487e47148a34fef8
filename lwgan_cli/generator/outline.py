"""The outline of a drawn person: kept from growing, closed where it is torn, and as soft as the photo's."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import avg_pool2d, pad

from lwgan_cli.flow.parts import pieces, widened
from lwgan_cli.flow.resize import bilinear
from lwgan_cli.layers.neighbours import bell_reach, gaussian, largest, mean, smallest
from lwgan_cli.ramps import smoothstep

RIM = 4  # px of the drawn body that its outline is soft over
SLIT = 4  # px
DRAWN_SOFTNESS = 0.65  # px, of outlines as they are drawn
LEAST = 1e-3  # of alpha or of what the photos give, less than a picture's levels can show
SLIVER, WIDEST = 0.003, 8  # m and at most px, half the width of unseen surface that takes the colours beside it


def inside(mask: torch.Tensor, corner: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """(B, 1, *size) in [0, 1]: 1 well inside the mask (B, h, w), 0 within a few px of its outline.

    corner  of the window: what is worked out for cells of RIM px must not depend on where the window begins
    """
    height, width = mask.shape[1:]
    left, top = corner[0] % RIM, corner[1] % RIM
    whole = pad(mask[:, None].float(), (left, -(left + width) % RIM, top, -(top + height) % RIM), mode="replicate")
    cells = smallest(avg_pool2d(whole, RIM))
    cells = bilinear(cells, (whole.shape[2], whole.shape[3]))
    cells = cells[..., top : top + height, left : left + width]
    return smoothstep(bilinear(cells, size), 0.3, 1.0)


def closed(alpha: torch.Tensor) -> torch.Tensor:
    """Alpha (B, 1, h, w) with slits and holes of up to SLIT px filled: the morphological closing."""
    return smallest(largest(alpha, SLIT // 2), SLIT // 2)


def over_slivers(
    shown: torch.Tensor, trust: torch.Tensor, outline: torch.Tensor, scale: torch.Tensor,
    within: torch.Tensor, widest: int = WIDEST,
) -> None:  # fmt: skip
    """Carries what the photos show over slivers of the body that they don't: surface that they see edge-on shows, when
    it turns a little, no more than what is beside it, and a colour from the atlas would be a line there.

    shown (B, 4, h, w) weighted by trust (B, 1, h, w), both of which grow; outline (B, 1, h, w), the body's; scale (B,)
    px per m; within (B, 1, h, w), where a mouth's inside is drawn: that is no sliver, what is between it and the lips
    that they see may be; widest px half of a sliver's width
    """
    for frame, seen, inside, hidden, px in zip(shown, trust, outline, within, scale.tolist(), strict=True):
        reach = min(int(SLIVER * px), widest)
        if reach < 1:
            continue
        near = largest(seen, reach)
        gain = smallest(torch.maximum(near, largest(hidden, reach)), reach)
        gain = (torch.minimum(gain, near) - seen).clamp_min(0) * inside * (1 - hidden)
        _carry(frame, seen, gain, reach + 1)
        seen += gain


def _carry(frame: torch.Tensor, seen: torch.Tensor, gain: torch.Tensor, reach: int) -> None:
    """Adds to a frame (4, h, w), weighted by seen (1, h, w), a gain (1, h, w) of the mean of what lies within reach."""
    size, found = (gain.shape[1], gain.shape[2]), []
    for part in pieces(gain > LEAST):
        around, within = ((..., *each) for each in widened(part, reach, size))
        near = mean(torch.cat([frame[around], seen[around]]), reach)[within]
        found.append(((..., *part), near[:4] / near[4:].clamp_min(1e-3)))
    for held, near in found:
        frame[held].addcmul_(gain[held], near)


def soften_outline(rgba: torch.Tensor, softness: torch.Tensor) -> None:
    """Blurs the outline of persons, rgba (B, 4, h, w) with straight alpha, to a softness (B,) px; colours inside
    stay."""
    for frame, soft in zip(rgba, softness.tolist(), strict=True):
        if soft > DRAWN_SOFTNESS:
            _blur_outline(frame, math.sqrt(soft**2 - DRAWN_SOFTNESS**2))


def _blur_outline(frame: torch.Tensor, sigma: float) -> None:
    """Blurs the outline of a frame (4, h, w) by a Gaussian of deviation sigma px, and looks nowhere else."""
    reach, size, found = bell_reach(sigma), (frame.shape[1], frame.shape[2]), []
    alpha = frame[3:]
    for part in pieces(largest(alpha, reach) - smallest(alpha, reach) > LEAST):
        around, within = ((..., *each) for each in widened(part, reach, size))
        solid = frame[around][3:]
        blurred = gaussian(torch.cat([frame[around][:3] * solid, solid]), sigma)[within]
        held = (..., *part)
        colour, solid = frame[held].split([3, 1])
        beside = blurred[:3] / blurred[3:].clamp_min(1e-3)
        found.append((held, torch.cat([torch.lerp(beside, colour, solid), blurred[3:]])))
    for held, soft in found:
        frame[held] = soft
