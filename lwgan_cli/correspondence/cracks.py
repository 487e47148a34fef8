"""Pixels of a drawn body through which its inside shows."""

from __future__ import annotations

import torch

from lwgan_cli.correspondence.visibility import face_normals
from lwgan_cli.records import Fragments


def without_cracks(fragments: Fragments, vertices_ndc: torch.Tensor, faces: torch.Tensor) -> Fragments:
    """Pixels through which the inside of the body shows, between the lips or where skin folds over itself, take
    the surface beside them; cracks of up to four px close.

    vertices_ndc (B, V, 3), faces (F, 3): what was rasterized.
    """
    away = face_normals(vertices_ndc, faces)[..., 2] < 0  # (B, F)
    face, bary, depth = fragments.pix_to_face.clone(), fragments.bary_coords.clone(), fragments.zbuf.clone()
    height, width = face.shape[1:]
    inner = torch.zeros_like(fragments.mask)
    pixel, drawn, _ = fragments.covered
    drawn = drawn + pixel // (height * width) * away.shape[1]
    inner.view(-1).index_copy_(0, pixel, away.view(-1).index_select(0, drawn))
    for _ in range(2):
        sample, row, column = inner.nonzero().unbind(1)
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            near_row, near_column = (row + down).clamp(0, height - 1), (column + right).clamp(0, width - 1)
            good = fragments.mask & ~inner
            take = inner[sample, row, column] & good[sample, near_row, near_column]
            at, near = (sample[take], row[take], column[take]), (sample[take], near_row[take], near_column[take])
            face[at], bary[at], depth[at] = face[near], bary[near], depth[near]
        inner[sample, row, column] = away[sample, face[sample, row, column].clamp_min(0)]
    return Fragments(face, bary, depth)
