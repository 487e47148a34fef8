from __future__ import annotations

import math

import pytest
import torch

from lwgan_cli.correspondence import (
    face_normals,
    facing,
    project,
    rasterize,
    vertex_normals,
    vertex_visibility,
    visible_faces,
)
from lwgan_cli.correspondence.visibility import directions
from lwgan_cli.generator.window import Window
from lwgan_cli.texture.source import picture_ndc
from tests.body.acting import body
from tests.texture.staging import pose, vertices

from .meshes import joined, sheet, sphere, turn

CAMERA = torch.tensor([1.0, 0.0, 0.0])
TWICE_PIXEL = 2 * 2 / 64


def seen(vertices, faces, size=64, camera=CAMERA):
    ndc = project(vertices, camera)
    fragments = rasterize(ndc, faces, size)
    return vertex_visibility(fragments, ndc, faces)[0], visible_faces(fragments, ndc, faces)[0], fragments


def test_normals_face_the_viewer_as_the_sphere_does():
    verts, faces = sphere()
    for degrees in (0.0, 65.0):
        turned = verts @ turn(degrees).T
        ndc = project(turned, torch.tensor([0.7, 0.2, 0.1]))
        expected = turned[:, 2] / 0.8
        torch.testing.assert_close(facing(vertex_normals(ndc, faces))[0], expected, atol=0.06, rtol=0)
        normals = face_normals(ndc, faces)[0]
        area = normals.norm(dim=1).sum() / 2
        assert area.item() == pytest.approx(4 * math.pi * (0.8 * 0.7) ** 2, rel=0.01)
        outward = (normals * turned[faces].mean(1)).sum(1)
        assert (outward[normals.norm(dim=1) > 1e-9] > 0).all()


@pytest.mark.parametrize("degrees", [0.0, 30.0, 180.0])
@pytest.mark.parametrize("size", [32, 64, 256])
def test_a_sphere_shows_the_side_that_faces_the_viewer(degrees, size):
    verts, faces = sphere(72, 48)
    turned = verts @ turn(degrees).T
    by_vertex, by_face, _ = seen(turned, faces, size)
    cosine = turned[:, 2] / 0.8
    assert (by_vertex[cosine > 0.3] > 0.99).all()
    assert (by_vertex[cosine < -0.02] == 0).all()
    middle = turned[faces].mean(1)
    middle = middle[:, 2] / middle.norm(dim=1)
    real = face_normals(turned[None], faces)[0].norm(dim=1) > 1e-6
    assert (by_face[real & (middle > 0.3)] > 0.85).all()
    assert (by_face[middle < -0.05] == 0).all()


def test_visibility_falls_off_smoothly_at_grazing_angles():
    verts, faces = sphere(360, 8)
    by_vertex, _, _ = seen(verts, faces, 256)
    ring = by_vertex[4 * 360 : 5 * 360]  # the equator, one vertex a degree
    assert ring.min() == 0 and ring.max() == 1
    assert ring.diff().abs().max() < 0.15


@pytest.mark.parametrize("cells", [4, 90])  # faces of many pixels, and several faces a pixel
def test_an_occluder_hides_what_lies_behind_it_and_nothing_else(cells):
    wall = sheet((-0.96, 0.96), (-0.96, 0.96), 0.0, cells, cells)
    verts, faces = joined(sheet((-0.56, 0.08), (-0.07, 0.57), 0.3), wall)
    by_vertex, by_face, fragments = seen(verts, faces)
    if cells == 90:
        owners = fragments.pix_to_face.unique().numel()
        assert owners < 0.4 * len(faces)  # most faces cover no pixel centre, and still are seen
    x, y = verts[4:, 0], verts[4:, 1]
    depth_inside = torch.stack([x + 0.56, 0.08 - x, y + 0.07, 0.57 - y]).amin(0)
    assert (by_vertex[4:][depth_inside > TWICE_PIXEL] == 0).all()
    assert (by_vertex[4:][depth_inside < -TWICE_PIXEL] == 1).all()
    corners = depth_inside[wall[1]]
    hidden, free = corners.amin(1) > TWICE_PIXEL, torch.zeros(len(wall[1]), dtype=torch.bool)
    box = torch.stack([x, y], 1)[wall[1]]
    low, high = box.amin(1), box.amax(1)
    free |= (high[:, 0] < -0.56 - TWICE_PIXEL) | (low[:, 0] > 0.08 + TWICE_PIXEL)
    free |= (high[:, 1] < -0.07 - TWICE_PIXEL) | (low[:, 1] > 0.57 + TWICE_PIXEL)
    assert (by_face[2:][hidden] == 0).all() and hidden.any()
    assert (by_face[2:][free] > 0.9).all() and free.any()


def test_the_share_of_a_half_hidden_face_is_its_visible_area():
    wall, front = sheet((-0.8, 0.8), (-0.8, 0.8), 0.0), sheet((-0.8, 0.0), (-0.9, 0.9), 0.5)
    verts, faces = joined(wall, front)
    ndc = project(verts, CAMERA)
    fragments = rasterize(ndc, faces, 128)
    share = visible_faces(fragments, ndc, faces, min_share=0.0)[0]
    # The occluder covers the left half: 1/4 of the lower right triangle, 3/4 of the upper left one.
    torch.testing.assert_close(share[:2], torch.tensor([0.75, 0.25]), atol=0.02, rtol=0)
    strict = visible_faces(fragments, ndc, faces, min_share=0.5)[0]
    assert strict[1] == 0 and strict[0] == share[0]


def test_nothing_outside_the_picture_is_seen():
    verts, faces = sheet((-2.95, 2.95), (-0.5, 0.5), 0.0, 59, 10)
    by_vertex, by_face, _ = seen(verts, faces)
    assert torch.equal(by_vertex > 0, verts[:, 0].abs() < 1)
    outside = verts[faces][..., 0].abs().amin(1) > 1
    inside = verts[faces][..., 0].abs().amax(1) < 1
    assert (by_face[outside] == 0).all() and (by_face[inside] > 0.9).all()


def test_each_sample_of_a_batch_has_its_own_view():
    verts, faces = sphere()
    ndc = project(torch.stack([verts, verts @ turn(180.0).T]), CAMERA)
    fragments = rasterize(ndc, faces, 64)
    both = visible_faces(fragments, ndc, faces)
    for b in range(2):
        alone = rasterize(ndc[b : b + 1], faces, 64)
        assert torch.equal(both[b], visible_faces(alone, ndc[b : b + 1], faces)[0])
        vertex = vertex_visibility(fragments, ndc, faces)[b]
        assert torch.equal(vertex, vertex_visibility(alone, ndc[b : b + 1], faces)[0])
    assert ((both[0] > 0) & (both[1] > 0)).float().mean() < 0.1


@pytest.mark.parametrize("size", [(300, 300), (200, 420), (500, 160)])
def test_where_surface_looks_does_not_depend_on_the_picture(size: tuple[int, int]) -> None:
    """Against the normals of the body itself."""
    model = body()
    turned, camera = vertices(pose(30)), torch.tensor([[150.0, 130.0, 140.0]])
    a, b, c = turned[0, model.faces].double().unbind(1)
    normals = torch.zeros_like(turned[0], dtype=torch.float64)
    for corner in model.faces.T:
        normals.index_add_(0, corner, torch.linalg.cross(b - a, c - a, dim=-1))
    metric = torch.nn.functional.normalize(normals, dim=-1).float()
    inside = normals.norm(dim=-1) > 1e-9
    for ndc, depth in (
        (Window((10, -20), size).ndc(turned, camera), size[1]),
        (picture_ndc(turned, camera, size), size[0]),
    ):
        found = directions(ndc, (*size, depth), model.faces)[0]
        assert torch.allclose(found[inside], metric[inside], atol=2e-3)
