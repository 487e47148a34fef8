from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.correspondence import project, raster_torch, rasterize
from lwgan_cli.records import Fragments

from .meshes import Reference, joined, pixel_centres, sheet, sphere, turn

ON_EDGE = 1e-3  # px, within which float32 may decide either way
SAME_DEPTH = 1e-4


def soup(seed: int, n_faces: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    """Triangles of all sizes, in front of and behind one another, inside and outside the picture."""
    rng = torch.Generator().manual_seed(seed)
    centre = torch.rand(n_faces, 1, 3, generator=rng) * torch.tensor([2.8, 2.8, 3.0]) - torch.tensor([1.4, 1.4, -0.5])
    extent = 10 ** (torch.rand(n_faces, 1, 1, generator=rng) * 2.5 - 2.3)
    verts = centre + extent * torch.randn(n_faces, 3, 3, generator=rng)
    verts[::17, :, 2] -= 4.0  # behind the viewer, some of them with a corner in front
    verts[5::19, 2] = verts[5::19, :2].mean(1) + 1e-3  # needles
    verts[7::23, 2] = verts[7::23, 1]  # no area at all
    return verts.reshape(-1, 3), torch.arange(3 * n_faces).view(-1, 3)


def check_against_reference(fragments: Fragments, verts: torch.Tensor, faces: torch.Tensor) -> None:
    """One sample's fragments are an answer that exact arithmetic allows, at every pixel."""
    face = fragments.pix_to_face.numpy()
    reference = Reference(verts, faces, face.shape)
    certain = reference.distance > ON_EDGE
    front = np.where(certain, reference.depth, np.inf).min(0)
    empty = face < 0
    assert np.isinf(front[empty]).all()
    i, j = np.nonzero(~empty)
    at = (face[i, j], i, j)
    assert (reference.distance[at] > -ON_EDGE).all()
    # Depth and barycentrics of a needle are as uncertain as its thickness makes them.
    steepness = np.abs(np.gradient(reference.depth, axis=(1, 2))).sum(0)[at]
    slack = SAME_DEPTH + ON_EDGE * steepness
    assert (reference.depth[at] <= front[i, j] + slack).all()
    np.testing.assert_array_less(np.abs(fragments.zbuf.numpy()[i, j] - reference.depth[at]), slack)
    bary = fragments.bary_coords.numpy()
    steepness = np.abs(np.stack(np.gradient(reference.bary, axis=(1, 2)))).sum((0, 4))[at]
    error = np.abs(bary[i, j] - reference.bary[at]).max(1)
    np.testing.assert_array_less(error, 1e-5 + ON_EDGE * steepness)
    assert (bary[i, j] >= 0).all()
    np.testing.assert_allclose(bary[i, j].sum(1), 1, atol=1e-6)
    assert (bary[empty] == -1).all() and (fragments.zbuf.numpy()[empty] == -1).all()


@pytest.mark.parametrize(("seed", "size"), [(0, (40, 40)), (1, (33, 57)), (2, (64, 24)), (3, (2, 3))])
def test_soup_equals_the_slow_reference(seed, size):
    verts, faces = soup(seed)
    fragments = rasterize(verts[None], faces, size, backend="torch")
    assert fragments.pix_to_face.dtype == torch.int64
    check_against_reference(
        Fragments(fragments.pix_to_face[0], fragments.bary_coords[0], fragments.zbuf[0]), verts, faces
    )
    same = fragments.pix_to_face[0].numpy() == Reference(verts, faces, size).nearest()
    assert same.mean() > 0.999


def test_closed_surface_equals_the_slow_reference():
    verts, faces = sphere(24, 16)
    ndc = project(verts @ turn(37.0).T, torch.tensor([1.1, 0.05, -0.02]))
    fragments = rasterize(ndc, faces, 48, backend="torch")
    check_against_reference(
        Fragments(fragments.pix_to_face[0], fragments.bary_coords[0], fragments.zbuf[0]), ndc[0], faces
    )


def test_pixel_centres_are_where_they_are_said_to_be():
    height, width = 6, 10
    x, y = pixel_centres(height, width)
    for i, j in [(0, 0), (2, 7), (5, 9)]:
        centre = torch.tensor([x[i, j], y[i, j], 1.0])
        verts = centre + 0.01 * torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
        fragments = rasterize(verts[None], torch.tensor([[0, 1, 2]]), (height, width), backend="torch")
        assert fragments.mask[0].nonzero().tolist() == [[i, j]]


def test_shared_edges_on_pixel_centres_leave_no_crack_and_go_to_the_lower_face():
    verts, faces = sheet((-0.5, 0.5), (-0.5, 0.5), 2.0)
    for order in (faces, faces.flip(0)):
        face = rasterize(verts[None], order, 32, backend="torch").pix_to_face[0]
        assert (face >= 0).sum() == 16 * 16
        inner = face[8:24, 8:24]
        assert (inner.flip(0).diagonal() == 0).all()  # the diagonal from lower left to upper right


def test_a_fine_closed_surface_has_no_holes():
    verts, faces = sphere(180, 120)
    camera = torch.tensor([1.0, 0.0, 0.0])
    x, y = pixel_centres(96, 96)
    disc = x**2 + y**2 < (0.8 - 0.002) ** 2
    for degrees in (0.0, 13.0, 90.0):
        mask = rasterize(project(verts @ turn(degrees).T, camera), faces, 96, backend="torch").mask[0]
        assert mask[disc].all()


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_equal_depth_goes_to_the_lower_face(tilt):
    verts, _ = sheet((-0.9, 0.8), (-0.7, 0.9), 1.5)
    verts[:, 2] += tilt * verts[:, 0]
    faces = torch.tensor([[0, 1, 3], [0, 1, 3], [0, 1, 3]])
    face = rasterize(verts[None], faces, 50, backend="torch").pix_to_face
    assert set(face.unique().tolist()) == {-1, 0}


def test_equal_flat_depth_goes_to_the_lower_face_whatever_the_shapes():
    big = torch.tensor([[-3.0, -3.0, 1.5], [3.0, -3.0, 1.5], [0.0, 4.0, 1.5]])
    small, faces = sheet((-0.5, 0.4), (-0.3, 0.6), 1.5, 3, 3)
    verts, faces = joined((small, faces), (big, torch.tensor([[0, 1, 2]])))
    face = rasterize(verts[None], faces, 64, backend="torch").pix_to_face[0]
    assert (face >= 0).all()
    x, y = pixel_centres(64, 64)
    inside = (x > -0.5) & (x < 0.4) & (y > -0.3) & (y < 0.6)
    assert torch.equal(face < 18, inside)
    assert (rasterize(verts[None], faces.flip(0), 64, backend="torch").pix_to_face == 0).all()


def test_faces_with_a_vertex_behind_the_viewer_are_left_out_whole():
    verts, faces = sheet((-0.5, 0.5), (-0.5, 0.5), 1.0)
    for depth, covered in ((-0.2, 0), (0.0, 0), (0.01, 1)):
        verts[0, 2] = depth
        mask = rasterize(verts[None], faces[:1], 16, backend="torch").mask
        assert bool(mask.any()) == bool(covered)


def test_what_is_not_finite_or_has_no_area_is_left_out():
    triangle = torch.tensor([[-0.5, -0.5, 1.0], [0.5, -0.5, 1.0], [0.0, 0.5, 1.0]])
    for value in (torch.nan, torch.inf, -torch.inf):
        for axis in range(3):
            broken = triangle.clone()
            broken[1, axis] = value
            assert not rasterize(broken[None], torch.tensor([[0, 1, 2]]), 16, backend="torch").mask.any()
    flat = torch.tensor([[-0.5, 0.1, 1.0], [0.5, 0.1, 1.0], [0.2, 0.1, 1.0]])
    assert not rasterize(flat[None], torch.tensor([[0, 1, 2]]), 15, backend="torch").mask.any()


def test_a_face_far_larger_than_the_picture_covers_it():
    verts = torch.tensor([[-900.0, -700.0, 2.0], [800.0, -900.0, 2.0], [0.0, 1000.0, 2.0]])
    fragments = rasterize(verts[None], torch.tensor([[0, 1, 2]]), (70, 130), backend="torch")
    assert fragments.mask.all()
    torch.testing.assert_close(fragments.zbuf, torch.full((1, 70, 130), 2.0))
    aside = rasterize(verts[None] + torch.tensor([2000.0, 0, 0]), torch.tensor([[0, 1, 2]]), 64)
    assert not aside.mask.any()


def test_a_batch_equals_its_samples_however_it_is_cut(monkeypatch):
    verts = torch.stack([soup(seed)[0] for seed in range(5)])
    faces = soup(0)[1]
    single = [rasterize(v[None], faces, (31, 45), backend="torch") for v in verts]
    for limits in ((1 << 21, 1 << 24, 1 << 18), (len(faces) * 2, 64, 0), (1, 1, 1 << 30)):
        budget = raster_torch._Budget(*limits)
        monkeypatch.setattr(raster_torch, "_budget", lambda device, budget=budget: budget)
        whole = rasterize(verts, faces, (31, 45), backend="torch")
        for name in ("pix_to_face", "bary_coords", "zbuf"):
            assert torch.equal(getattr(whole, name), torch.cat([getattr(s, name) for s in single]))


def test_culling_leaves_out_faces_that_run_clockwise():
    verts, faces = sphere(24, 16)
    ndc = project(verts, torch.tensor([1.0, 0.0, 0.0]))
    whole = rasterize(ndc, faces, 48, backend="torch")
    culled = rasterize(ndc, faces, 48, backend="torch", cull_backfaces=True)
    assert torch.equal(whole.pix_to_face, culled.pix_to_face)
    inside_out = rasterize(ndc, faces.flip(1), 48, backend="torch", cull_backfaces=True)
    assert torch.equal(inside_out.mask, whole.mask)
    assert (inside_out.zbuf > whole.zbuf)[whole.mask].all()  # only the far side is left


@pytest.mark.parametrize("size", [(7, 90), (61, 48)])
def test_which_way_faces_run_makes_no_difference(size):
    """The back-end draws those first that run one way, and of the others only what these don't hide."""
    rng = torch.Generator().manual_seed(8)
    ball, around = sphere(24, 16)
    verts, faces = joined(*(soup(seed) for seed in range(4)), (ball + torch.tensor([0.0, 0.0, 2.0]), around))
    either = torch.rand(len(faces), 1, generator=rng) < 0.5
    pictures = [rasterize(verts[None], f, size, backend="torch") for f in (faces, faces.flip(1))]
    pictures.append(rasterize(verts[None], torch.where(either, faces, faces.flip(1)), size, backend="torch"))
    for other in pictures[1:]:
        # corners in another order round otherwise: surfaces that cross may change places on a pixel in between
        assert (other.pix_to_face != pictures[0].pix_to_face).float().mean() < 2e-3
        torch.testing.assert_close(other.zbuf, pictures[0].zbuf, atol=SAME_DEPTH, rtol=0)


@pytest.mark.parametrize(("batch", "n_faces"), [(0, 4), (2, 0)])
def test_nothing_to_draw_is_an_empty_picture(batch, n_faces):
    fragments = rasterize(torch.rand(batch, 6, 3), torch.zeros(n_faces, 3, dtype=torch.int32), (4, 5))
    assert fragments.bary_coords.shape == (batch, 4, 5, 3)
    assert not fragments.mask.any()


def test_wrong_shapes_are_named():
    verts, faces = sheet((-1, 1), (-1, 1), 1.0)
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        rasterize(verts, faces, 8)
    with pytest.raises(ValueError, match="faces must be"):
        rasterize(verts[None], faces.view(-1), 8)
    with pytest.raises(ValueError, match="0x8"):
        rasterize(verts[None], faces, (0, 8))


def test_project_places_the_body_and_puts_all_of_it_in_front():
    rng = torch.Generator().manual_seed(4)
    vertices = torch.randn(3, 50, 3, generator=rng)
    camera = torch.tensor([[0.5, 0.1, -0.2], [2.0, 0.0, 0.3], [1.0, 0.0, 0.0]])
    ndc = project(vertices, camera)
    for b, (s, tx, ty) in enumerate(camera.tolist()):
        torch.testing.assert_close(ndc[b, :, 0], s * vertices[b, :, 0] + tx)
        torch.testing.assert_close(ndc[b, :, 1], s * vertices[b, :, 1] + ty)
        torch.testing.assert_close(ndc[b].diff(dim=0)[:, 2], -s * vertices[b].diff(dim=0)[:, 2])
    torch.testing.assert_close(ndc[..., 2].amin(1), torch.ones(3))
    shared = project(vertices[0], camera)  # one body, several cameras
    torch.testing.assert_close(shared[0], ndc[0])
