from __future__ import annotations

import math

import pytest
import torch

from lwgan_cli.correspondence import (
    correspondence_map,
    face_barycentres,
    face_parts,
    interpolate,
    part_map,
    project,
    rasterize,
    silhouette,
)

from .meshes import pixel_centres, sheet, sphere

CAMERA = torch.tensor([1.0, 0.0, 0.0])


def test_interpolated_positions_are_the_pixel_centres():
    verts, faces = sphere()
    camera = torch.tensor([[1.0, 0.1, -0.05], [0.6, -0.3, 0.2]])
    ndc = project(verts, camera)
    fragments = rasterize(ndc, faces, (40, 56))
    drawn = interpolate(fragments, faces, ndc)  # other values for each sample
    x, y = pixel_centres(40, 56)
    for b in range(2):
        mask = fragments.mask[b]
        torch.testing.assert_close(drawn[b, ..., 0][mask], x[mask], atol=1e-5, rtol=0)
        torch.testing.assert_close(drawn[b, ..., 1][mask], y[mask], atol=1e-5, rtol=0)
        torch.testing.assert_close(drawn[b, ..., 2][mask], fragments.zbuf[b][mask])
        assert (drawn[b][~mask] == 0).all()
    shared = interpolate(fragments, faces, verts)  # the same values for all
    torch.testing.assert_close(shared[0] * 1.0, drawn[0] * 0 + shared[0])
    torch.testing.assert_close(shared[1, ..., 0][fragments.mask[1]] * 0.6 - 0.3, x[fragments.mask[1]])


def test_interpolation_takes_other_vertices_across_a_seam():
    verts, faces = sheet((-1, 1), (-1, 1), 1.0)
    fragments = rasterize(verts[None], faces, 8)
    values = torch.tensor([[1.0], [1.0], [1.0], [5.0], [5.0], [5.0]])
    drawn = interpolate(fragments, torch.tensor([[0, 1, 2], [3, 4, 5]]), values)[0, ..., 0]
    torch.testing.assert_close(drawn, 1.0 + 4.0 * (fragments.pix_to_face[0] == 1))


def test_correspondence_map_holds_each_faces_barycentre_and_the_background():
    verts, faces = sheet((-0.5, 0.5), (-0.5, 0.5), 1.0)
    uv = torch.tensor([[0.0, 0.0], [0.9, 0.0], [0.9, 0.6], [0.0, 0.6]])
    uv_faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    centres = face_barycentres(uv, uv_faces)
    torch.testing.assert_close(centres, torch.tensor([[0.6, 0.2], [0.3, 0.4]]))
    fragments = rasterize(verts[None], faces, 16)
    drawn = correspondence_map(fragments, centres)
    assert drawn.shape == (1, 3, 16, 16)
    expected = {-1: (0.0, 0.0, 1.0), 0: (0.6, 0.2, 0.0), 1: (0.3, 0.4, 0.0)}
    for face, colour in expected.items():
        pixels = drawn[0][:, fragments.pix_to_face[0] == face]
        torch.testing.assert_close(pixels, torch.tensor(colour)[:, None].expand_as(pixels))


def test_part_map_numbers_the_parts_and_the_background():
    verts, faces = sheet((-0.5, 0.5), (-0.5, 0.5), 1.0, columns=2)
    vertex_parts = (verts[:, 0] > -0.1).int() * 7
    parts = face_parts(vertex_parts, faces)
    assert parts.tolist() == [7, 0, 7, 7]  # the majority of each face's corners
    drawn = part_map(rasterize(verts[None], faces, 16), parts)[0]
    assert drawn.dtype == torch.int64
    assert (drawn[4:12, 8:12] == 7).all()
    assert (drawn[4, 4:8] == 0).all() and (drawn[11, 4:8] == 7).all()  # above and below the diagonal
    assert (drawn != -1).sum() == 64


def test_silhouette_holds_the_covered_share_of_each_pixel():
    # Edges at a quarter of a pixel from the pixels' borders: exact with 4 points a side.
    verts, faces = sheet((-0.5 + 0.25 / 8, 0.5 + 0.75 / 8), (-0.5, 0.5), 1.0)
    share = silhouette(verts[None].expand(2, -1, -1), faces, 16, supersample=4)
    row = torch.zeros(16)
    row[4:12] = 1
    row[4], row[12] = 0.75, 0.75
    expected = torch.zeros(2, 16, 16)
    expected[:, 4:12] = row
    torch.testing.assert_close(share, expected)


@pytest.mark.parametrize("supersample", [1, 3])
def test_silhouette_of_a_sphere_has_a_discs_area(supersample):
    verts, faces = sphere(96, 64)
    share = silhouette(project(verts, CAMERA), faces, 64, supersample)
    assert share.sum().item() / 32**2 == pytest.approx(math.pi * 0.8**2, rel=0.01)
    levels = {round(v * supersample**2) for v in share.unique().tolist()}
    assert len(levels) == share.unique().numel() <= supersample**2 + 1
