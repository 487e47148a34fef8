"""Flow and visibility together, on a figure whose limbs move in front of one another."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lwgan_cli.correspondence import interpolate, project, rasterize, vertex_visibility, visible_faces
from lwgan_cli.flow import resize_flow, select, transformation_flow

from ..correspondence.meshes import joined, sphere, turn

CAMERA = torch.tensor([0.9, 0.0, 0.0])
PIXEL = 2 / 128 / 0.9  # body space units
TORSO, ARM = torch.tensor([0.35, 0.7, 0.25]), torch.tensor([0.4, 0.1, 0.1])


def figure(degrees: float, left: tuple[float, ...], right: tuple[float, ...]) -> tuple[torch.Tensor, ...]:
    """A torso and two arms at given places, turned as a whole."""
    ball, ball_faces = sphere(64, 48, radius=1.0)
    arm, arm_faces = sphere(48, 24, radius=1.0)
    parts = [
        (ball * TORSO, ball_faces),
        (arm * ARM + torch.tensor(left), arm_faces),
        (arm * ARM + torch.tensor(right), arm_faces),
    ]
    verts, faces = joined(*parts)
    return verts @ turn(degrees).T, faces


POSES = {
    "arms out": (0.0, (0.6, 0.3, 0.0), (-0.6, 0.3, 0.0)),
    "arm across": (10.0, (0.15, 0.1, 0.45), (-0.55, 0.4, 0.0)),
    "turned": (50.0, (0.2, 0.3, 0.4), (-0.6, 0.0, 0.1)),
    "from behind": (180.0, (0.6, 0.3, 0.0), (-0.1, 0.0, 0.4)),
}


@pytest.fixture(scope="module")
def surface() -> torch.Tensor:
    """(V, 3) a place on the surface that doesn't depend on the pose, parts far apart."""
    verts, _ = figure(*POSES["arms out"])
    part = torch.tensor([0] * (64 * 49) + [1] * (48 * 25) + [2] * (48 * 25))
    return verts + 10.0 * F.one_hot(part, 3)


@pytest.mark.parametrize("by_face", [False, True])
@pytest.mark.parametrize("target_pose", POSES)
@pytest.mark.parametrize("source_pose", POSES)
def test_what_counts_as_seen_is_the_same_surface_in_the_source(source_pose, target_pose, by_face, surface):
    source, faces = figure(*POSES[source_pose])
    target, _ = figure(*POSES[target_pose])
    source_ndc, target_ndc = project(source, CAMERA), project(target, CAMERA)
    shown, wanted = rasterize(source_ndc, faces, 128), rasterize(target_ndc, faces, 128)
    seen = (visible_faces if by_face else vertex_visibility)(shown, source_ndc, faces)[0]
    flow = transformation_flow(source_ndc[0], seen, wanted, faces)

    # What the source really shows where T points, from its own much finer picture.
    fine = rasterize(source_ndc, faces, 768)
    there = F.grid_sample(
        interpolate(fine, faces, surface).permute(0, 3, 1, 2), flow.grid, mode="nearest", align_corners=False
    ).permute(0, 2, 3, 1)
    off = (there - interpolate(wanted, faces, surface)).norm(dim=3)
    claimed, truly = flow.visible > 0.6, (off < 1.5 * PIXEL) & flow.mask
    # Within a few pixels of an occluding outline either answer is right, and what is wrong is little.
    inner = truly & ~grown(flow.mask & ~truly)
    assert (claimed & ~grown(truly)).sum() <= 0.001 * flow.mask.sum()
    assert (inner & ~claimed).sum() <= 0.03 * inner.sum()
    assert (claimed & (off > 6 * PIXEL)).sum() <= 0.025 * flow.mask.sum()


def grown(mask: torch.Tensor, pixels: int = 3) -> torch.Tensor:
    return F.max_pool2d(mask.float()[:, None], 2 * pixels + 1, 1, pixels)[:, 0] > 0


@pytest.mark.parametrize("target_pose", POSES)
def test_a_resized_flow_equals_one_made_at_that_size(target_pose):
    source, faces = figure(*POSES["arms out"])
    target, _ = figure(*POSES[target_pose])
    source_ndc, target_ndc = project(source, CAMERA), project(target, CAMERA)
    seen = torch.ones(len(source))
    low = transformation_flow(source_ndc[0], seen, rasterize(target_ndc, faces, 128), faces)
    high = transformation_flow(source_ndc[0], seen, rasterize(target_ndc, faces, 512), faces)
    flow = resize_flow(low, (512, 512))
    both = select(flow, high.mask & flow.mask)
    error = (both.grid - high.grid)[both.mask].norm(dim=1) * 64  # pixels of the low resolution
    assert both.mask.sum() > 0.97 * high.mask.sum()
    assert error.median() < 0.02
    # What differs is half a pixel on either side of outlines.
    assert (error > 1).float().mean() < 0.04
