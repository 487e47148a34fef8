from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lwgan_cli.correspondence import project, rasterize
from lwgan_cli.flow import OUTSIDE, resize_flow, transformation_flow
from lwgan_cli.flow.parts import reached
from lwgan_cli.flow.resize import bilinear
from lwgan_cli.records import Flow

from ..correspondence.meshes import joined, pixel_centres, sheet, sphere, turn

CAMERA = torch.tensor([1.0, 0.0, 0.0])
SIZES = [(96, 96), (131, 170), (48, 48), (24, 31), (480, 480)]


def flow_between(source, target, faces, size) -> Flow:
    source, target = project(source, CAMERA), project(target, CAMERA)
    return transformation_flow(source[0], torch.ones(source.shape[1]), rasterize(target, faces, size), faces)


@pytest.mark.parametrize("size", SIZES)
def test_an_affine_flow_stays_exact_up_to_the_outline(size):
    verts, faces = sphere(72, 48)
    affine = torch.tensor([[0.8, 0.3, 0.0], [-0.2, 0.9, 0.0], [0.0, 0.0, 1.0]])
    flow = resize_flow(flow_between(verts @ affine.T, verts, faces, (64, 64)), size, coverage=0.0)
    x, y = pixel_centres(*size)
    expected = torch.stack([0.8 * x + 0.3 * y, -(-0.2 * x + 0.9 * y)], 2)
    mask = flow.mask[0]
    torch.testing.assert_close(flow.grid[0][mask], expected[mask], atol=2e-6, rtol=0)
    torch.testing.assert_close(flow.visible[0], mask.float())
    assert (flow.grid[0][~mask] == OUTSIDE).all()


@pytest.mark.parametrize("size", SIZES)
def test_the_outline_stays_where_it_is(size):
    verts, faces = sphere(72, 48)
    flow = flow_between(verts, verts, faces, (64, 64))
    x, y = pixel_centres(*size)
    radius = (x**2 + y**2).sqrt()
    low_pixel = 2 / min(64, *size)
    for coverage, reach in ((0.5, 0.8), (0.0, 0.8 + 2 / 64)):
        mask = resize_flow(flow, size, coverage).mask[0]
        assert mask[radius < reach - low_pixel].all()
        assert not mask[radius > reach + low_pixel].any()


def test_a_body_cut_by_the_picture_reaches_its_edge():
    verts, faces = sheet((-2.0, 2.0), (-2.0, 0.1), 0.0)
    flow = resize_flow(flow_between(verts, verts, faces, (16, 16)), (50, 50))
    x, y = pixel_centres(50, 50)
    assert flow.mask[0][y < 0].all()
    expected = torch.stack([x, -y], 2)
    torch.testing.assert_close(flow.grid[0][flow.mask[0]], expected[flow.mask[0]], atol=1e-6, rtol=0)


def arm_and_torso() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An arm in front of the torso in the target that lies beside it in the source."""
    torso, arm = sheet((-0.5, 0.5), (-0.8, 0.8), 0.0), sheet((-0.32, 0.11), (-0.53, -0.21), 0.4)
    target, faces = joined(torso, arm)
    source = target.clone()
    source[4:, 0] += 0.4
    source[4:, 1] += 0.7
    return source, target, faces


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_mixed_across_an_occlusion_boundary(size):
    source, target, faces = arm_and_torso()
    low = flow_between(source, target, faces, (64, 64))
    flow = resize_flow(low, size)
    x, y = pixel_centres(*size)
    on_torso, on_arm = torch.stack([x, -y], 2), torch.stack([x + 0.4, -(y + 0.7)], 2)
    mask = flow.mask[0]
    torso_error = (flow.grid[0] - on_torso).abs().amax(2)[mask]
    arm_error = (flow.grid[0] - on_arm).abs().amax(2)[mask]
    assert torch.minimum(torso_error, arm_error).max() < 2e-6
    # ... and the boundary stays where the given flow has it.
    on_low_arm = ((low.grid[..., 0] - pixel_centres(64, 64)[0])[:, None] > 0.2).float()
    share = F.interpolate(on_low_arm, size, mode="bilinear")[0, 0][mask]
    assert (arm_error < torso_error)[share > 0.76].all()
    assert (torso_error < arm_error)[share < 0.24].all()
    plain = F.interpolate(low.grid.permute(0, 3, 1, 2), size, mode="bilinear")[0].permute(1, 2, 0)[mask]
    torn = torch.minimum((plain - on_torso[mask]).abs().amax(1), (plain - on_arm[mask]).abs().amax(1))
    assert torn.max() > 0.05  # which is what plain interpolation does


@pytest.mark.parametrize("degrees", [40.0, 75.0])
def test_a_turned_body_stays_close_to_its_closed_form(degrees):
    """T stretches without bound towards the outline: that is no jump, and stays smooth."""
    verts, faces = sphere(180, 120)
    flow = resize_flow(flow_between(verts, verts @ turn(degrees).T, faces, (64, 64)), (256, 256))
    x, y = pixel_centres(256, 256)
    z = (0.64 - x**2 - y**2).clamp(min=0).sqrt()
    surface = torch.stack([x, y, z], 2) @ turn(degrees)
    error = (flow.grid[0] - torch.stack([surface[..., 0], -surface[..., 1]], 2)).abs().amax(2)
    radius = (x**2 + y**2).sqrt()
    assert error[radius < 0.7].max() < 0.2 * 2 / 64
    assert error[flow.mask[0] & (radius < 0.8)].max() < 4 * 2 / 64


def test_visibility_is_interpolated_within_a_surface():
    verts, faces = sheet((-0.8, 0.8), (-0.8, 0.8), 0.0)
    ndc = project(verts, CAMERA)
    low = transformation_flow(ndc[0], verts[:, 0] / 1.6 + 0.5, rasterize(ndc, faces, 32), faces)
    flow = resize_flow(low, (96, 96))
    x, _ = pixel_centres(96, 96)
    inside = flow.mask[0] & (x.abs() < 0.77)
    torch.testing.assert_close(flow.visible[0][inside], (x / 1.6 + 0.5)[inside], atol=1e-5, rtol=0)
    assert flow.visible.min() >= 0 and flow.visible.max() <= 1


def test_a_batch_equals_its_samples_and_the_same_size_changes_nothing():
    source, target, faces = arm_and_torso()
    flows = [
        flow_between(source, target, faces, (40, 40)),
        flow_between(source, target @ turn(20.0).T, faces, (40, 40)),
    ]
    both = Flow(*(torch.cat([getattr(f, n) for f in flows]) for n in ("grid", "visible", "mask")))
    large = resize_flow(both, (90, 70))
    for b in range(2):
        alone = resize_flow(flows[b], (90, 70))
        for name in ("grid", "visible", "mask"):
            assert torch.equal(getattr(large, name)[b], getattr(alone, name)[0])
    assert resize_flow(both, (40, 40)) is both


def test_an_empty_flow_stays_empty():
    empty = Flow(torch.full((1, 8, 8, 2), OUTSIDE), torch.zeros(1, 8, 8), torch.zeros(1, 8, 8).bool())
    flow = resize_flow(empty, (20, 20))
    assert not flow.mask.any() and (flow.grid == OUTSIDE).all() and (flow.visible == 0).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_a_part_is_what_the_whole_has_there(size, coverage):
    source, target, faces = arm_and_torso()
    low = flow_between(source, target, faces, (64, 64))
    height, width = size
    for part in (
        (slice(height // 4, height // 2), slice(width // 3, width - 1)),
        (slice(0, height), slice(0, 3)),
        (slice(height - 1, height), slice(width // 2, width)),
    ):
        whole, some = resize_flow(low, size, coverage), resize_flow(low, size, coverage, part)
        for one, other in zip(vars(whole).values(), vars(some).values(), strict=True):
            torch.testing.assert_close(other, one[:, part[0], part[1]], atol=1e-5, rtol=0)
        planes = torch.rand(2, 3, 64, 64)
        expected = bilinear(planes, size)[..., part[0], part[1]]
        torch.testing.assert_close(bilinear(planes, size, part), expected, atol=1e-5, rtol=0)


def test_a_part_tears_where_the_whole_does():
    """Eight px between two surfaces are as far in a part of a few columns as in the whole."""
    x, y = pixel_centres(64, 64)
    x = torch.where(x < 0, x, x + 8 * 2 / 64)
    flow = Flow(torch.stack([x, -y], 2)[None], torch.ones(1, 64, 64), torch.ones(1, 64, 64, dtype=torch.bool))
    rows, columns = slice(40, 52), slice(92, 100)
    whole, some = resize_flow(flow, (192, 192)), resize_flow(flow, (192, 192), part=(rows, columns))
    torch.testing.assert_close(some.grid, whole.grid[:, rows, columns], atol=1e-5, rtol=0)
    assert some.grid[0, 0, :, 0].diff().max() > 7 * 2 / 64  # torn, not stretched


@pytest.mark.parametrize("size", SIZES)
def test_what_a_mask_reaches(size):
    mask = torch.zeros(2, 1, 40, 56, dtype=torch.bool)
    assert reached(mask, size) is None
    mask[0, 0, 9:14, 50:56] = mask[1, 0, 20, 3] = True
    part = reached(mask, size)
    assert part is not None
    beyond = bilinear(mask.float(), size)
    assert beyond[..., part[0], part[1]].any()
    beyond[..., part[0], part[1]] = 0
    assert not beyond.any()
    rows, columns = (bilinear(mask.float(), size)[:, 0].amax((0, d)).nonzero() for d in (2, 1))
    assert int(rows[0]) - part[0].start <= 3 + size[0] / 40 and part[1].stop - int(columns[-1]) <= 3 + size[1] / 56


@pytest.mark.parametrize("size", [(64, 96), (7, 90), (21, 5)])
def test_planes_are_read_between_their_pixels_with_gradients_or_without(size):
    planes = torch.rand(2, 3, 20, 31, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(planes, size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(bilinear(planes, size), expected, atol=1e-4, rtol=0)
    wanted = planes.clone().requires_grad_()
    bilinear(wanted, size).sum().backward()
    assert wanted.grad is not None and wanted.grad.sum() == pytest.approx(2 * 3 * size[0] * size[1], rel=1e-4)
