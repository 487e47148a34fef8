from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation

from lwgan_cli.correspondence import project, rasterize, vertex_visibility, visible_faces
from lwgan_cli.flow import OUTSIDE, select_parts, transformation_flow, warp
from lwgan_cli.flow.transform import grown
from lwgan_cli.records import Flow

from ..correspondence.meshes import joined, pixel_centres, sheet, sphere, turn

SIZE = 96
SQUARE = np.ones((3, 3), bool)
RADIUS = 0.8
CAMERA = torch.tensor([1.0, 0.0, 0.0])


def flow_between(source, target, faces, source_camera=CAMERA, target_camera=CAMERA, by_face=False) -> Flow:
    source_ndc, target_ndc = project(source, source_camera), project(target, target_camera)
    shown = rasterize(source_ndc, faces, SIZE)
    visibility = visible_faces if by_face else vertex_visibility
    seen = visibility(shown, source_ndc, faces)[0]
    return transformation_flow(source_ndc[0], seen, rasterize(target_ndc, faces, SIZE), faces)


def identity(height=SIZE, width=SIZE) -> torch.Tensor:
    x, y = pixel_centres(height, width)
    return torch.stack([x, -y], 2)


@pytest.mark.parametrize("by_face", [False, True])
def test_the_same_pose_gives_the_identity_inside_the_body(by_face):
    verts, faces = sphere(72, 48)
    flow = flow_between(verts, verts, faces, by_face=by_face)
    mask = flow.mask[0]
    torch.testing.assert_close(flow.grid[0][mask], identity()[mask], atol=1e-6, rtol=0)
    assert (flow.grid[0][~mask] == OUTSIDE).all() and (flow.visible[0][~mask] == 0).all()
    x, y = pixel_centres(SIZE, SIZE)
    assert (flow.visible[0][x**2 + y**2 < 0.75**2] > 0.85).all()


def test_a_moved_and_scaled_body_gives_a_moved_and_scaled_grid():
    verts, faces = sphere(72, 48)
    source, target = torch.tensor([0.6, 0.15, -0.2]), torch.tensor([0.9, -0.05, 0.1])
    flow = flow_between(verts, verts, faces, source, target)
    x, y = pixel_centres(SIZE, SIZE)
    at_source = torch.stack([(x + 0.05) / 0.9 * 0.6 + 0.15, -((y - 0.1) / 0.9 * 0.6 - 0.2)], 2)
    mask = flow.mask[0]
    torch.testing.assert_close(flow.grid[0][mask], at_source[mask], atol=1e-6, rtol=0)


@pytest.mark.parametrize("degrees", [35.0, 90.0, -120.0, 180.0])
def test_a_turned_sphere_gives_the_closed_form_and_shows_no_unseen_surface(degrees):
    verts, faces = sphere(180, 120)
    flow = flow_between(verts, verts @ turn(degrees).T, faces)
    x, y = pixel_centres(SIZE, SIZE)
    z = (RADIUS**2 - x**2 - y**2).clamp(min=0).sqrt()
    surface = torch.stack([x, y, z], 2) @ turn(degrees)  # turned back to where the source has it
    core = x**2 + y**2 < (0.97 * RADIUS) ** 2
    expected = torch.stack([surface[..., 0], -surface[..., 1]], 2)
    torch.testing.assert_close(flow.grid[0][core], expected[core], atol=4e-3, rtol=0)
    cosine = surface[..., 2] / RADIUS
    assert (flow.visible[0][core & (cosine < -0.03)] == 0).all()
    assert (flow.visible[0][core & (cosine > 0.3)] > 0.98).all()


def test_a_body_turned_by_180_degrees_shows_nothing_of_the_source():
    verts, faces = joined(sphere(72, 48), sphere(24, 16, radius=0.3))
    verts[73 * 48 :, 0] += 0.5
    for by_face in (False, True):
        flow = flow_between(verts, verts @ turn(180.0).T, faces, by_face=by_face)
        x, y = pixel_centres(SIZE, SIZE)
        assert (flow.visible[0][x**2 + y**2 < 0.75**2] == 0).all()


def test_a_surface_behind_another_is_not_seen():
    wall, patch = sheet((-0.8, 0.8), (-0.8, 0.8), 0.0, 40, 40), sheet((-0.3, 0.3), (-0.3, 0.3), 0.5, 4, 4)
    source, faces = joined(wall, patch)
    target = source.clone()
    target[len(wall[0]) :, 1] += 5.0  # the patch leaves, and uncovers the wall
    x, y = pixel_centres(SIZE, SIZE)
    largest = torch.maximum(x.abs(), y.abs())
    flow = flow_between(source, target, faces)
    assert (flow.visible[0][largest < 0.24] == 0).all()
    assert (flow.visible[0][(largest > 0.37) & (largest < 0.78)] > 1 - 1e-5).all()


def test_visibility_must_be_one_value_a_vertex_or_a_face():
    verts, faces = sphere(12, 8)
    fragments = rasterize(project(verts, CAMERA), faces, 16)
    with pytest.raises(ValueError, match="7 entries"):
        transformation_flow(verts, torch.ones(7), fragments, faces)


def test_selected_parts_are_all_that_is_left():
    verts, faces = sphere(24, 16)
    flow = flow_between(verts, verts, faces)
    parts = torch.where(flow.mask, torch.arange(SIZE)[:, None] // 24, -1)
    chosen = select_parts(flow, parts, [1, 3])
    keep = torch.isin(parts, torch.tensor([1, 3]))
    assert torch.equal(chosen.mask, keep) and keep.any() and not torch.equal(keep, flow.mask)
    assert torch.equal(chosen.grid[keep], flow.grid[keep])
    assert (chosen.grid[~keep] == OUTSIDE).all() and (chosen.visible[~keep] == 0).all()
    whole = select_parts(flow, parts, [0, 1, 2, 3])
    assert torch.equal(whole.grid, flow.grid) and torch.equal(whole.mask, flow.mask)


def test_warping_by_the_identity_gives_the_image_inside_the_body_and_nothing_outside():
    verts, faces = sphere(24, 16)
    flow = flow_between(verts, verts, faces)
    image = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    grid = torch.cat([flow.grid, flow.grid])  # one source, two targets
    warped = warp(image, grid)
    mask = flow.mask[0]
    assert warped.shape == (2, 3, SIZE, SIZE)
    torch.testing.assert_close(warped[1][:, mask], image[0][:, mask], atol=1e-4, rtol=0)
    assert (warped[:, :, ~mask] == 0).all()


def test_warping_reads_a_source_of_another_resolution_at_its_pixel_centres():
    image = torch.arange(12.0).view(1, 1, 3, 4)
    x, y = pixel_centres(3, 4)
    there = warp(image, torch.stack([x, -y], 2)[None])
    torch.testing.assert_close(there, image)
    x, y = pixel_centres(6, 8)
    nearest = warp(image, torch.stack([x, -y], 2)[None], mode="nearest")
    torch.testing.assert_close(nearest, image.repeat_interleave(2, 2).repeat_interleave(2, 3))


def some_mask() -> np.ndarray:
    shape = np.zeros((24, 30), bool)
    shape[5:12, 6:20] = True
    shape[15, 15] = True  # a pixel of its own
    shape[0:3, 25:30] = True  # in the corner: nothing may come in on the other side
    return shape


@pytest.mark.parametrize("zoom", [1.0, 2.5])
def test_t_grows_by_one_pixel_as_a_flat_surface(zoom: float) -> None:
    shape, (width, height) = some_mask(), (120, 80)
    y, x = np.mgrid[:24, :30] + 0.5
    # a surface seen flat: one target px is `zoom` source px
    grid = np.stack([(x * zoom + 7) / width * 2 - 1, (y * zoom - 3) / height * 2 - 1], -1).astype(np.float32)
    inside = torch.from_numpy(shape)[None]
    given = Flow(torch.where(inside[..., None], torch.from_numpy(grid)[None], OUTSIDE), inside.float() * 0.6, inside)
    found = grown(given, torch.tensor([zoom]), (width, height))
    wanted = binary_dilation(shape, SQUARE)
    assert np.array_equal(found.mask[0].numpy(), wanted)
    assert np.allclose(found.grid[0].numpy()[wanted], grid[wanted], atol=1e-5)
    assert (found.grid[0].numpy()[~wanted] == OUTSIDE).all()
    assert np.allclose(found.visible[0].numpy(), 0.6 * wanted)
