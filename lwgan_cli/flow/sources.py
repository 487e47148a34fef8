"""Several photos, of one person or of several: which of them to take each piece of the body from.

The choice belongs to the body's surface and not to the target's pixels, so it is made once per set of
photos and moves with the body: nothing flickers from frame to frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from lwgan_cli.correspondence import face_normals, facing, interpolate
from lwgan_cli.records import Flow, Fragments

UNSEEN = 1e-3  # weight of a source that doesn't see a surface: enough to decide where none does


def face_scores(
    source_ndc: torch.Tensor, faces: torch.Tensor, visibility: torch.Tensor, pixels_per_unit: float
) -> torch.Tensor:
    """How well one photo shows each face: (F,), its area in the photo, in px, times cosine and visibility.

    source_ndc       (V, 3) projected vertices
    faces            (F, 3), counter-clockwise as seen from outside
    visibility       (F,) in [0, 1], see `visible_faces`
    pixels_per_unit  picture px per unit of NDC, that is half of the crop's side
    """
    normals = face_normals(source_ndc[None], faces)[0]
    area = normals[:, 2].clamp(min=0) / 2 * pixels_per_unit**2
    return area * facing(normals).clamp(min=0) * visibility


def source_weights(
    scores: torch.Tensor, faces: torch.Tensor, n_vertices: int, patch_rounds: int = 24, seam_rounds: int = 2
) -> torch.Tensor:
    """Share of each source at each vertex: (S, V), summing to 1 over the sources.

    scores        (S, F) from `face_scores`
    faces         (F, 3)
    patch_rounds  how far scores are averaged over neighbouring faces before the best source is chosen:
                  more gives larger patches of one source
    seam_rounds   how far the choice is averaged afterwards: more gives softer seams between patches
    A face is given to a source that sees it whenever there is one. Where none sees it, the neighbours'
    source goes on; a body that no source sees at all is shared equally.
    """
    n_sources = len(scores)
    spread = scores
    for _ in range(patch_rounds):
        spread = _face_means(_vertex_means(spread, faces, n_vertices), faces)
    spread = torch.where((scores > 0) | ~(scores > 0).any(0), spread, 0.0)
    best = F.one_hot(spread.argmax(0), n_sources).t().to(scores.dtype)
    weights = _vertex_means(best * (spread.amax(0) > 0), faces, n_vertices)
    for _ in range(seam_rounds):
        weights = _vertex_means(_face_means(weights, faces), faces, n_vertices)
    weights = _reach_everywhere(weights, faces)
    return weights / weights.sum(0)


def part_weights(
    scores: torch.Tensor, faces: torch.Tensor, parts: torch.Tensor, owners: Sequence[int], seam_rounds: int = 2
) -> torch.Tensor:
    """Share of each source at each vertex where several people dress the body: (S, V), summing to 1 over the sources.

    scores  (S, F) from `face_scores`
    parts   (P, V) how much of each vertex each person gives, summing to 1; whether a photo shows it or not: what is
            not seen of B's coat is not filled with A's
    owners  the row of `parts` for each source
    """
    weights = scores.new_zeros((len(scores), parts.shape[1]))
    for owner, part in enumerate(parts):
        rows = [row for row, each in enumerate(owners) if each == owner]
        weights[rows] = part * source_weights(scores[rows], faces, parts.shape[1], seam_rounds=seam_rounds)
    return weights


def _reach_everywhere(weights: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Carry weights (S, V) on to vertices that have none, ring by ring."""
    n_vertices = weights.shape[1]
    empty = weights.sum(0) == 0
    while empty.any():
        filled = torch.where(empty, _vertex_means(_face_means(weights, faces), faces, n_vertices), weights)
        still = filled.sum(0) == 0
        if torch.equal(still, empty):  # nothing borders on these: loose pieces, or nothing seen at all
            return torch.where(empty, 1.0, filled)
        weights, empty = filled / filled.sum(0).clamp(min=1e-30), still
    return weights


def _vertex_means(values: torch.Tensor, faces: torch.Tensor, n_vertices: int) -> torch.Tensor:
    """(S, V) means over the faces around each vertex, from values (S, F); 0 for vertices without faces."""
    sums = values.new_zeros((len(values), n_vertices))
    count = values.new_zeros(n_vertices)
    one = values.new_ones(len(faces))
    for corner in faces.unbind(1):
        sums.index_add_(1, corner, values)
        count.index_add_(0, corner, one)
    return sums / count.clamp(min=1)


def _face_means(values: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(S, F) means of values (S, V) over each face's corners."""
    return values[:, faces].mean(2)


def best_source(
    flows: Sequence[Flow],
    target: Fragments,
    faces: torch.Tensor,
    weights: torch.Tensor,
    owners: Sequence[int] | None = None,
) -> torch.Tensor:
    """Share of each source at each target pixel: (S, B, H, W), summing to 1 on the body, 0 elsewhere.

    flows    one for each source, to the same target
    target   fragments (B, H, W) that the flows were made for
    weights  (S, V) from `source_weights` or `part_weights`
    owners   whose photo each source is; None: all are one person's
    A source gives way to the others of its person at pixels of a seam that it does not see.
    """
    share = interpolate(target, faces, weights.t()).permute(3, 0, 1, 2)
    seen = torch.stack([flow.visible for flow in flows])
    owner = torch.as_tensor(owners if owners is not None else [0] * len(flows), device=share.device)
    out = torch.zeros_like(share)
    for each in owner.unique():
        rows = owner == each
        part = share[rows]
        preferred = part * (seen[rows] + UNSEEN)
        out[rows] = preferred * (part.sum(0) / preferred.sum(0).clamp(min=1e-12))
    return out / out.sum(0).clamp(min=1e-12) * target.mask
