from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence import facing, silhouette, vertex_normals, vertex_visibility
from lwgan_cli.synthetic.person import Person
from lwgan_cli.synthetic.render import FLAT, Light, render, sample_texture

SIZE = (160, 240)
CAMERA = torch.tensor([[110.0, 80.0, 120.0]])


@pytest.fixture(scope="module")
def graded(model: BodyModel, person: Person) -> Person:
    """The person with a texture that says where in the atlas one looks: red is u, green is v."""
    side = 512
    ramp = (torch.arange(side) + 0.5) / side
    texture = torch.stack([ramp[None].expand(side, side), ramp[:, None].expand(side, side), torch.ones(side, side)])
    return replace(person, texture=texture)


def test_alpha_is_the_silhouette(model: BodyModel, person: Person, standing: torch.Tensor) -> None:
    seen = render(model, person, standing, CAMERA, SIZE)
    expected = silhouette(seen.vertices_ndc, model.faces, SIZE[::-1], supersample=2)
    assert torch.equal(seen.alpha, expected)
    # pixels that are covered whole show a face at their centre, empty ones show none
    assert seen.fragments.mask[seen.alpha == 1].all()
    assert not seen.fragments.mask[seen.alpha == 0].any()


def test_vertices_land_on_their_texels(model: BodyModel, graded: Person, standing: torch.Tensor) -> None:
    """The colour at a vertex's place in the picture, computed here from camera and pose, names its uv."""
    camera, size = 4 * CAMERA, (4 * SIZE[0], 4 * SIZE[1])
    seen = render(model, graded, standing, camera, size, FLAT, supersample=1)
    scale, x, y = camera[0]
    px = torch.stack([x + scale * seen.vertices[0, :, 0], y - scale * seen.vertices[0, :, 1]], 1)
    shown = vertex_visibility(seen.fragments, seen.vertices_ndc, model.faces)[0] > 0.99
    seam = torch.zeros(model.n_vertices, dtype=torch.bool)  # vertices with more than one uv are left out
    uv_of = torch.full((model.n_vertices, 2), -1.0)
    uv_of[model.faces.flatten()] = model.uv[model.uv_faces.flatten()]
    seam[model.faces.flatten()[(uv_of[model.faces] - model.uv[model.uv_faces]).norm(dim=-1).flatten() > 1e-6]] = True
    # Toes lie folded in the shoes and fingers are thin: there a pixel spans much of the atlas, as it does where
    # the surface turns away.
    small = torch.isin(model.parts, torch.tensor([10, 11, 20, 21, 22, 23]))
    ahead = facing(vertex_normals(seen.vertices_ndc, model.faces))[0] > 0.5
    rows = (shown & ahead & ~seam & ~small).nonzero().squeeze(1)
    assert len(rows) > 1500
    column, row = px[rows].long().unbind(1)
    found = seen.pictures[0, :2, row, column].T
    apart = (found - uv_of[rows]).norm(dim=1)
    # half a pixel is about 1 mm, up to 0.001 of the atlas; the charts' borders are seen on a few
    assert apart.median() < 0.0015
    assert apart.quantile(0.98) < 0.005
    inside = seen.fragments.mask
    apart = (seen.pictures[:, :2].permute(0, 2, 3, 1)[inside] - seen.uv[inside]).norm(dim=1)
    assert apart.max() < 0.005  # linear light and back; at the atlas' border half a texel is lost


def test_only_the_background_shows_around_the_person(model: BodyModel, person: Person, standing: torch.Tensor) -> None:
    background = torch.rand(3, *SIZE[::-1], generator=torch.Generator().manual_seed(0))
    seen = render(model, person, standing, CAMERA, SIZE, background=background)
    around = seen.alpha[0] == 0
    torch.testing.assert_close(seen.pictures[0][:, around], background[:, around], atol=2e-3, rtol=0)
    other = render(model, person, standing, CAMERA, SIZE, background=1 - background)
    within = seen.alpha[0] == 1
    assert torch.equal(seen.pictures[0][:, within], other.pictures[0][:, within])


def test_a_batch_is_its_samples(model: BodyModel, person: Person, standing: torch.Tensor) -> None:
    turned = standing.clone()
    turned[0, 0, 1] = 1.0
    poses, cameras = torch.cat([standing, turned]), torch.cat([CAMERA, CAMERA * 0.9])
    both = render(model, person, poses, cameras, SIZE)
    for row in range(2):
        one = render(model, person, poses[row : row + 1], cameras[row : row + 1], SIZE)
        torch.testing.assert_close(both.pictures[row], one.pictures[0], atol=1e-4, rtol=0)
        assert torch.equal(both.fragments.pix_to_face[row], one.fragments.pix_to_face[0])


def test_light_follows_the_cosine(model: BodyModel, person: Person, standing: torch.Tensor) -> None:
    """A lamp at the viewer, white skin: brightness rises with the normal's z by the wrapped Lambert law."""
    white = replace(person, texture=torch.ones(3, 8, 8) * 0.8)
    lamp = Light((0, 0, 1), (0.7, 0.7, 0.7), (0, 0, 0), (0, 0, 0), shadows=0, occlusion=0)
    seen = render(model, white, standing, CAMERA, SIZE, lamp, supersample=1)
    linear = seen.pictures[0, 0][seen.fragments.mask[0]] ** 2.2
    assert abs(float(linear.max()) - 0.8**2.2 * 0.7) < 0.01
    head_on = render(model, white, standing, CAMERA, SIZE, replace(lamp, direction=(0, 0, -1)), supersample=1)
    assert (head_on.pictures[0, 0][seen.fragments.mask[0]] ** 2.2).mean() < 0.25 * linear.mean()


def test_an_arm_throws_its_shadow(model: BodyModel, person: Person) -> None:
    """An arm held ahead of the chest darkens the chest, not the arm; light that is taken is never added."""
    pose = torch.zeros(1, 24, 3)
    pose[0, 16] = torch.tensor([0.0, -1.5, 0.0])
    pose[0, 18] = torch.tensor([0.0, -1.2, 0.0])
    light = Light((0.0, 1.0, 1.0), occlusion=0)
    with_it = render(model, person, pose, CAMERA, SIZE, light).pictures
    without = render(model, person, pose, CAMERA, SIZE, replace(light, shadows=0)).pictures
    assert (with_it <= without + 1e-5).all()
    darker = (without - with_it).amax(1)[0] > 0.1
    scale, x, y = CAMERA[0]
    chest = darker[int(y - 0.28 * scale) : int(y - 0.1 * scale), int(x - 0.1 * scale) : int(x + 0.1 * scale)]
    assert chest.float().mean() > 0.15


def test_fine_textures_are_averaged_when_seen_from_afar() -> None:
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    texture = board.float().expand(3, 64, 64)
    uv = torch.rand(500, 2, generator=torch.Generator().manual_seed(1))
    near = sample_texture(texture, uv, density=1000, texel=0.002)
    far = sample_texture(texture, uv, density=50, texel=0.002)
    assert near.std() > 0.15
    torch.testing.assert_close(far, torch.full_like(far, 0.5))
