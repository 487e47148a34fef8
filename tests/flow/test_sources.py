from __future__ import annotations

import math

import pytest
import torch

from lwgan_cli.correspondence import project, rasterize, vertex_visibility, visible_faces
from lwgan_cli.flow import best_source, face_scores, part_weights, source_weights, transformation_flow
from lwgan_cli.records import Flow

from ..correspondence.meshes import pixel_centres, sheet, sphere, turn

CAMERA = torch.tensor([1.0, 0.0, 0.0])
SIZE = 96


def photos(verts, faces, views, half_sides=None) -> tuple[torch.Tensor, list]:
    """Scores (S, F) and (source_ndc, visibility) of photos that see the body turned by `views` degrees."""
    scores, sources = [], []
    for degrees, half_side in zip(views, half_sides or [SIZE / 2] * len(views), strict=True):
        ndc = project(verts @ turn(degrees).T, CAMERA)
        fragments = rasterize(ndc, faces, SIZE)
        seen = visible_faces(fragments, ndc, faces)[0]
        scores.append(face_scores(ndc[0], faces, seen, half_side))
        sources.append((ndc[0], vertex_visibility(fragments, ndc, faces)[0]))
    return torch.stack(scores), sources


def target_flows(verts, faces, sources, degrees):
    target = rasterize(project(verts @ turn(degrees).T, CAMERA), faces, SIZE)
    flows: list[Flow] = [transformation_flow(ndc, seen, target, faces) for ndc, seen in sources]
    return target, flows


def test_scores_are_the_visible_projected_area_times_the_cosine():
    verts, faces = sheet((-0.5, 0.5), (-0.5, 0.5), 0.0)
    for degrees in (0.0, 60.0, 120.0):
        ndc = project(verts @ turn(degrees).T, CAMERA)[0]
        score = face_scores(ndc, faces, torch.tensor([1.0, 0.25]), pixels_per_unit=10.0)
        cosine = max(0.0, math.cos(math.radians(degrees)))
        torch.testing.assert_close(score, 50 * cosine**2 * torch.tensor([1.0, 0.25]))


def test_front_and_back_photos_each_give_the_side_they_see():
    verts, faces = sphere(72, 48)
    scores, sources = photos(verts, faces, [0.0, 180.0])
    weights = source_weights(scores, faces, len(verts))
    torch.testing.assert_close(weights.sum(0), torch.ones(len(verts)))
    depth = verts[:, 2] / 0.8
    assert (weights[0][depth > 0.25] > 0.999).all() and (weights[1][depth < -0.25] > 0.999).all()
    target, flows = target_flows(verts, faces, sources, 90.0)  # both sides, with the seam down the middle
    share = best_source(flows, target, faces, weights)
    assert share.shape == (2, 1, SIZE, SIZE)
    torch.testing.assert_close(share.sum(0), target.mask.float())
    x, y = pixel_centres(SIZE, SIZE)
    inside = x**2 + y**2 < 0.75**2
    # Turned by 90°, the body's front has gone to the viewer's right.
    assert (share[0, 0][inside & (x > 0.2)] > 0.99).all()
    assert (share[1, 0][inside & (x < -0.2)] > 0.99).all()


def test_the_photo_that_shows_more_pixels_wins_and_the_other_helps_where_it_is_blind():
    verts, faces = sphere(72, 48)
    scores, sources = photos(verts, faces, [0.0, 50.0], half_sides=[100.0, 400.0])
    weights = source_weights(scores, faces, len(verts))
    target, flows = target_flows(verts, faces, sources, 0.0)
    share = best_source(flows, target, faces, weights)
    x, y = pixel_centres(SIZE, SIZE)
    inside = x**2 + y**2 < 0.75**2
    blind = inside & (flows[1].visible[0] == 0)
    assert blind.any() and (share[0, 0][blind] > 0.98).all()
    clear = inside & (x < 0.0) & (flows[1].visible[0] > 0.99)
    assert clear.any() and (share[1, 0][clear] > 0.98).all()


def test_equal_photos_with_noisy_scores_make_patches_and_not_a_chequerboard():
    verts, faces = sphere(72, 48)
    scores = 1 + 0.2 * torch.rand(2, len(faces), generator=torch.Generator().manual_seed(1))

    def seams(weights: torch.Tensor) -> float:
        return (weights[:, faces].amax(2) - weights[:, faces].amin(2) > 0.3).float().mean().item()

    rough = source_weights(scores, faces, len(verts), patch_rounds=0, seam_rounds=0)
    smooth = source_weights(scores, faces, len(verts), seam_rounds=0)
    assert seams(smooth) < 0.5 * seams(rough)
    assert (smooth.amax(0) == 1).float().mean() > 0.7  # a choice, and not the mean of both photos


def test_smoothing_never_gives_a_face_to_a_photo_that_does_not_see_it():
    verts, faces = sphere(72, 48)
    middle = verts[faces].mean(1)
    scores = torch.stack([torch.full((len(faces),), 100.0), torch.ones(len(faces))])
    hole = (middle - torch.tensor([0.0, 0.0, 0.8])).norm(dim=1) < 0.3
    scores[0, hole] = 0
    weights = source_weights(scores, faces, len(verts), seam_rounds=0)
    core = (verts - torch.tensor([0.0, 0.0, 0.8])).norm(dim=1) < 0.2
    assert (weights[1][core] == 1).all()
    assert (weights[0][verts[:, 2] < 0] == 1).all()


def test_what_no_photo_sees_goes_on_with_its_neighbours_photo():
    verts, faces = sphere(72, 48)
    middle = verts[faces].mean(1)
    scores = torch.stack([middle[:, 0].clamp(min=0), (-middle[:, 0]).clamp(min=0)])
    scores[:, middle[:, 2] < 0] = 0
    weights = source_weights(scores, faces, len(verts), patch_rounds=2)
    torch.testing.assert_close(weights.sum(0), torch.ones(len(verts)))
    behind = verts[:, 2] < -0.1
    assert (weights[0][behind & (verts[:, 0] > 0.3)] > 0.9).all()
    assert (weights[1][behind & (verts[:, 0] < -0.3)] > 0.9).all()


@pytest.mark.parametrize("n_sources", [1, 3])
def test_a_body_that_nobody_sees_is_shared_equally(n_sources):
    verts, faces = sphere(12, 8)
    weights = source_weights(torch.zeros(n_sources, len(faces)), faces, len(verts) + 1)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / n_sources))
    target = rasterize(project(verts, CAMERA), faces, 24)
    blind = Flow(torch.zeros(1, 24, 24, 2), torch.zeros(1, 24, 24), target.mask)
    share = best_source([blind] * n_sources, target, faces, weights)
    torch.testing.assert_close(share.sum(0), target.mask.float())


def test_several_people_keep_to_their_parts_and_share_them_among_their_photos():
    """A gives the right half, from one photo; B the left half, from a front and a back."""
    verts, faces = sphere(72, 48)
    scores, sources = photos(verts, faces, [0.0, 0.0, 180.0])
    right = (verts[:, 0] / 0.1 + 0.5).clamp(0, 1)
    parts = torch.stack([right, 1 - right])
    owners = [0, 1, 1]
    weights = part_weights(scores, faces, parts, owners)
    torch.testing.assert_close(weights.sum(0), torch.ones(len(verts)))
    torch.testing.assert_close(weights[0], parts[0])  # though the back of it was never seen
    torch.testing.assert_close(weights[1:].sum(0), parts[1])
    left = verts[:, 0] < -0.1
    assert (weights[1][left & (verts[:, 2] > 0.2)] > 0.99).all()
    assert (weights[2][left & (verts[:, 2] < -0.2)] > 0.99).all()
    target, flows = target_flows(verts, faces, sources, 180.0)  # from behind: A's half lies on the left, unseen
    share = best_source(flows, target, faces, weights, owners)
    torch.testing.assert_close(share.sum(0), target.mask.float())
    x, y = pixel_centres(SIZE, SIZE)
    assert (share[0, 0][target.mask[0] & (x < -0.15)] > 0.99).all()
    assert (share[2, 0][(x**2 + y**2 < 0.7**2) & (x > 0.15)] > 0.99).all()


def test_a_border_of_parts_is_not_moved_by_who_is_seen():
    """Where A and B meet, B blind: the border stays where the parts have it."""
    verts, faces = sphere(24, 16)
    target = rasterize(project(verts, CAMERA), faces, SIZE)
    half = torch.full((2, len(verts)), 0.5)
    flows = [Flow(torch.zeros(1, SIZE, SIZE, 2), torch.full((1, SIZE, SIZE), seen), target.mask) for seen in (1.0, 0.0)]
    kept = best_source(flows, target, faces, half, [0, 1])
    torch.testing.assert_close(kept[0], 0.5 * target.mask.float())
    given = best_source(flows, target, faces, half)  # of one person, the photo that sees takes over
    assert (given[0][target.mask] > 0.99).all()
