"""Cracks in a drawn body close."""

from __future__ import annotations

import torch

from lwgan_cli.correspondence.cracks import without_cracks
from lwgan_cli.correspondence.rasterizer import rasterize


def test_cracks_close_and_what_is_wide_stays() -> None:
    """Two front-facing strips with a slit between them, and a wall behind that faces away."""

    def strip(left: float, right: float, depth: float, front: bool) -> tuple[list[list[float]], list[list[int]]]:
        corners = [[left, -0.8, depth], [right, -0.8, depth], [right, 0.8, depth], [left, 0.8, depth]]
        triangles = [[0, 1, 2], [0, 2, 3]]
        return corners, triangles if front else [t[::-1] for t in triangles]

    size = 100
    for slit, closed in ((4, True), (12, False)):
        half = slit / size
        vertices: list[list[float]] = []
        faces: list[list[int]] = []
        for corners, triangles in (
            strip(-0.8, -half, 1.0, True), strip(half, 0.8, 1.0, True), strip(-0.8, 0.8, 2.0, False)
        ):  # fmt: skip
            faces += [[index + len(vertices) for index in triangle] for triangle in triangles]
            vertices += corners
        mesh = torch.tensor(vertices)[None], torch.tensor(faces)
        before = rasterize(*mesh, size)
        after = without_cracks(before, *mesh)
        middle = after.pix_to_face[0, size // 2]
        assert ((before.pix_to_face[0, size // 2] >= 4).sum() == slit) and torch.equal(after.mask, before.mask)
        assert bool((middle >= 4).any()) != closed
        assert torch.equal(after.pix_to_face[0, :, :40], before.pix_to_face[0, :, :40])
        if closed:
            assert (after.zbuf[0, size // 2, 15:85] - 1).abs().max() < 1e-5
