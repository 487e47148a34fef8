"""A tube around both legs: its shape, how it becomes part of a body, how it hangs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, rest_vertices, skin
from lwgan_cli.body.skirt import COLUMNS, ROWS, Skirt, hung, put_around, settled, with_skirt_offsets
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.drape import draped, nodes_of
from lwgan_cli.dressing.skirt_fit import Outline, fitted
from tests.body.acting import body
from tests.texture.staging import motion, pose

TOP, HEM = -0.09, -0.45
BETAS = np.zeros(10, np.float32)
OUTSIDE = 2 * (ROWS - 1) * COLUMNS  # faces of one layer


@lru_cache(maxsize=1)
def tube() -> Skirt:
    return hung(body(), BETAS, torch.zeros_like(body().v_template), TOP, HEM)


@lru_cache(maxsize=1)
def flared() -> tuple[BodyModel, np.ndarray]:
    """A body in a skirt that a photo of a standing person shows, 8 cm wider at its hem than the legs on either side;
    and the pose of the photo."""
    rows = pose()
    rows[1:3] = 0
    shown = motion(rows)
    scale, x, y = shown.picture_camera()[0]
    heights = (y - np.arange(400)) / scale
    half = 0.17 + 0.08 * np.clip((TOP - heights) / (TOP - HEM), 0, 1)
    sides = np.stack([x - half * scale, x + half * scale], 1)
    seen = Outline(np.eye(2, 3), scale, np.full(300, y - HEM * scale), sides)
    return put_around(body(), fitted(body(), shown, torch.zeros_like(body().v_template), seen)), rows


def posed(model: BodyModel, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """(V, 3) m twice: as skinning has them, and settled."""
    poses, betas = torch.from_numpy(rows[None]), torch.from_numpy(BETAS)
    vertices = skin(model, poses, betas)[0]
    return vertices[0], settled(model, vertices, poses, betas, torch.zeros_like(model.v_template))[0]


def cloth_of(vertices: torch.Tensor) -> torch.Tensor:
    """(R, C, 3) the outer layer."""
    first = body().n_vertices
    return vertices[first : first + ROWS * COLUMNS].view(ROWS, COLUMNS, 3)


def squat() -> np.ndarray:
    rows = pose()
    rows[1], rows[2], rows[4], rows[5] = (-1.5, 0, 0.2), (-1.5, 0, -0.2), (1.6, 0, 0), (1.6, 0, 0)
    return rows


def test_the_tube_holds_both_legs_at_every_height() -> None:
    rest = body().v_template.numpy()
    for ring in tube().places[1:]:
        near = rest[np.abs(rest[:, 1] - ring[0, 1]) < 0.01][:, [0, 2]]
        middle = ring[:, [0, 2]].mean(0)
        room = middle + 1.015 * (ring[:, [0, 2]] - middle)  # evened out from row to row
        assert (Delaunay(room).find_simplex(near) >= 0).all()
    assert np.ptp(tube().places[..., 1], axis=1).max() == 0


def test_it_lies_close() -> None:
    """No further out than the cloth's ease, where the body is nearest."""
    rest = body().v_template.numpy()
    for ring in tube().places[1:]:
        near = rest[np.abs(rest[:, 1] - ring[0, 1]) < 0.02]
        assert 0 < ring[:, 0].max() - near[:, 0].max() < 0.012
        assert 0 < ring[:, 2].max() - near[:, 2].max() < 0.012


@pytest.mark.parametrize("hidden", [False, True])
def test_a_body_with_a_skirt_is_the_body_and_more(hidden: bool) -> None:
    own = load_body(hidden=hidden)
    model = put_around(own, tube())
    count, more = own.n_vertices, len(model.faces) - len(own.faces)
    assert model.n_shown == own.n_shown + more and more == 2 * OUTSIDE
    assert torch.equal(model.faces[: own.n_shown], own.faces[: own.n_shown])
    assert torch.equal(model.faces[model.n_shown :], own.faces[own.n_shown :])  # hidden ones last
    assert model.faces[own.n_shown : model.n_shown].min() == count
    assert torch.allclose(model.lbs_weights.sum(1), torch.ones(model.n_vertices), atol=1e-5)
    poses = torch.from_numpy(squat()[None])
    betas = torch.linspace(-1, 1, 10)
    both = [skin(each, poses, betas) for each in (own, model)]
    for alone, dressed in zip(*both, strict=True):  # sums are in another order where there are more of them
        torch.testing.assert_close(alone, dressed[:, : alone.shape[1]], atol=1e-6, rtol=0)
    assert model.shown().n_vertices == model.n_vertices and len(model.shown().faces) == model.n_shown
    assert torch.equal(model.face_uv[: own.n_shown], own.face_uv[: own.n_shown])  # what networks know stays


def test_its_charts_lie_beside_those_of_the_body() -> None:
    model = put_around(body(), tube())
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    flat = torch.cat([model.uv * 2 - 1, torch.ones_like(model.uv[:, :1])], 1)[None]
    layers = model.uv_faces.split([body().n_shown, OUTSIDE, OUTSIDE])
    covers = [rasterize(flat, faces, 512).mask[0] for faces in layers]
    assert torch.stack(covers).sum(0).max() == 1
    assert all(cover.sum() > 0.05 * 512**2 for cover in covers)


def test_faces_look_outwards_and_the_lining_inwards() -> None:
    model = put_around(body(), tube())
    a, b, c = model.v_template[model.faces[-2 * OUTSIDE :]].unbind(1)
    normal, middle = torch.linalg.cross(b - a, c - a), (a + b + c) / 3
    away = (normal * middle * torch.tensor([1.0, 0.0, 1.0])).sum(1)
    assert (away[:OUTSIDE] > 0).all() and (away[OUTSIDE:] < 0).all()


def test_its_back_looks_like_its_front_and_twins_are_mutual() -> None:
    model, count = put_around(body(), tube()), ROWS * COLUMNS
    first = body().n_vertices
    twin = model.mirror[first : first + count]
    assert torch.equal(model.mirror[twin], torch.arange(first, first + count))
    sides = model.v_template[twin] - model.v_template[first : first + count] * torch.tensor([1.0, 1.0, -1.0])
    assert sides[:, :2].abs().max() < 0.03  # the body isn't quite as deep in front as behind
    lining = model.mirror[first + count :]
    assert (lining < first + count).all() and (model.v_template[lining, 2] > -0.05).all()


def test_between_parted_legs_there_is_cloth() -> None:
    rows = pose()
    rows[1, 2], rows[2, 2] = 0.35, -0.35
    model = put_around(body(), tube())
    vertices = project(settled(model, posed(model, rows)[0][None], torch.from_numpy(rows[None]), torch.zeros(10),
                               torch.zeros_like(model.v_template)),
                       torch.tensor([0.9, 0.0, 0.3]))  # fmt: skip
    naked, dressed = (rasterize(vertices, faces, 200).mask[0] for faces in (body().faces, model.faces))
    row = round(100 * (1 - 0.9 * (HEM + 0.06) - 0.3))
    legs = naked[row].nonzero()[:, 0]
    gap = slice(int(legs.min()), int(legs.max()))
    assert not naked[row, gap].all() and dressed[row, gap].all()


def test_a_uniform_drape_moves_body_and_skirt_alike() -> None:
    model = put_around(body(), tube())
    poses = torch.from_numpy(pose()[None])
    vertices = skin(model, poses, torch.zeros(10))[0]
    drape = torch.tensor([0.01, -0.02, 0.03]).expand(1, len(nodes_of(body())), 3)
    moved = draped(model, vertices, poses, drape) - vertices
    assert torch.allclose(moved, torch.tensor([0.01, -0.02, 0.03]).expand_as(moved), atol=1e-5)


def test_a_drape_moves_the_body_as_it_does_without_a_skirt() -> None:
    model = put_around(body(), tube())
    poses = torch.from_numpy(pose()[None])
    vertices = skin(model, poses, torch.zeros(10))[0]
    drape = 0.02 * torch.randn(1, len(nodes_of(body())), 3, generator=torch.Generator().manual_seed(0))
    own = draped(body(), vertices[:, : body().n_vertices], poses, drape)
    assert torch.allclose(draped(model, vertices, poses, drape)[:, : body().n_vertices], own, atol=1e-7)


# -- how it hangs ------------------------------------------------------------------------------------------


def test_in_the_photo_it_has_the_photos_outline_and_hem() -> None:
    model, rows = flared()
    skinned, hangs = posed(model, rows)
    cloth = cloth_of(hangs)
    assert torch.allclose(cloth, cloth_of(skinned), atol=1e-5)
    assert (cloth[-1, :, 1] - HEM).abs().max() < 0.01
    height = cloth[8, :, 1].mean()
    half = 0.17 + 0.08 * (TOP - height) / (TOP - HEM)
    assert abs(float(cloth[8, :, 0].max()) - half) < 0.006 and abs(float(cloth[8, :, 0].min()) + half) < 0.006


def test_parting_legs_leave_it_until_they_touch_it() -> None:
    model, rows = flared()
    still = cloth_of(posed(model, rows)[1])[-1]
    rows = rows.copy()
    rows[1, 2], rows[2, 2] = 0.1, -0.1  # 3 cm at the hem, of 8
    skinned, hangs = (cloth_of(each)[-1] for each in posed(model, rows))
    assert float(skinned[:, 0].max() - still[:, 0].max()) > 0.02
    assert abs(float(hangs[:, 0].max() - still[:, 0].max())) < 0.01
    rows[1, 2], rows[2, 2] = 0.6, -0.6
    wide = cloth_of(posed(model, rows)[1])[-1]
    assert float(wide[:, 0].max() - still[:, 0].max()) > 0.05
    leg = skin(body(), torch.from_numpy(rows[None]), torch.zeros(10))[0][0]
    side = wide[wide[:, 0].argmax()]
    near = leg[((leg[:, 1] - side[1]).abs() < 0.01) & (body().lbs_weights[:, [1, 4]].sum(1) > 0.5)]
    assert float(side[0] - near[:, 0].max()) > -0.02  # and not through the leg


def test_a_squat_lifts_the_front_and_the_back_hangs() -> None:
    model, rows = flared()
    before = cloth_of(posed(model, rows)[1])
    skinned, hangs = (cloth_of(each) for each in posed(model, squat()))
    front, back = 4, COLUMNS // 2  # before the left thigh, and in the middle of the back
    assert hangs[-1, front, 2] > before[-1, front, 2] + 0.15 and hangs[-1, front, 1] > before[-1, front, 1] + 0.1
    assert hangs[-1, back, 1] < before[0, back, 1] - 0.8 * (TOP - HEM)
    assert hangs[-1, back, 2] < skinned[-1, back, 2] - 0.1  # where trousers go with the thigh


@pytest.mark.parametrize("turned", [0.0, 70.0, 200.0])
def test_how_it_hangs_turns_with_the_person(turned: float) -> None:
    model, _ = flared()
    angle = np.radians(turned)
    there = cloth_of(posed(model, squat())[1]).numpy()
    rows = squat()
    rows[0, 1] = angle
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    assert np.abs(cloth_of(posed(model, rows)[1]).numpy() - there @ turn.T).max() < 1e-4


def test_who_lies_or_stands_on_the_head_wears_it_as_skinning_has_it() -> None:
    model, _ = flared()
    rows = pose()
    rows[0, 2] = np.pi / 2
    skinned, hangs = posed(model, rows)
    assert torch.allclose(cloth_of(skinned), cloth_of(hangs), atol=1e-5)


def test_its_length_stays() -> None:
    model, rows = flared()
    lengths = [cloth_of(posed(model, each)[1]).diff(dim=0).norm(dim=-1).sum(0) for each in (rows, squat())]
    grown = lengths[1] / lengths[0]
    assert grown.max() < 1.4 and grown.mean() < 1.2 and grown.min() > 0.9


def test_what_it_covers_is_drawn_behind_it() -> None:
    model, rows = flared()
    skinned, hangs = posed(model, rows)
    away = (skinned - hangs)[: body().n_vertices]
    height = rest_vertices(body(), torch.zeros(10))[:, 1]
    assert away[:, :2].abs().max() == 0 and away[height < HEM - 0.01].abs().max() == 0
    thigh = (height < TOP - 0.08) & (height > HEM + 0.08) & (body().parts == 1)
    assert (away[thigh, 2] > 0.1).all()


def test_without_a_skirt_nothing_changes() -> None:
    vertices = torch.rand(1, body().n_vertices, 3)
    assert settled(body(), vertices, torch.zeros(1, 24, 3), torch.zeros(10), vertices[0]) is vertices


def test_offsets_are_added_to_how_it_hangs() -> None:
    model, _ = flared()
    poses, betas = torch.from_numpy(squat()[None]), torch.from_numpy(BETAS)
    offsets = torch.zeros_like(model.v_template)
    offsets[body().n_vertices :] = 0.01 * torch.randn(2 * ROWS * COLUMNS, 3, generator=torch.Generator().manual_seed(0))
    plain, more = (skin(model, poses, betas, each)[0] for each in (None, offsets))
    hangs = settled(model, plain, poses, betas, torch.zeros_like(offsets))
    assert torch.allclose(settled(model, more, poses, betas, offsets) - hangs, more - plain, atol=1e-5)


def test_it_goes_where_the_model_goes_and_takes_no_offsets() -> None:
    model = put_around(body(), tube())
    moved = model.to("cpu")
    assert moved.skirt is not None and moved.skirt.body.n_vertices == body().n_vertices
    offsets = torch.rand_like(body().v_template)
    more = with_skirt_offsets(model, offsets)
    assert torch.equal(more[: len(offsets)], offsets) and not more[len(offsets) :].any()
    assert with_skirt_offsets(body(), offsets) is not None and len(with_skirt_offsets(body(), offsets)) == len(offsets)
