"""Clothes found from silhouettes of a body whose clothes are known; outlines in closed form."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from lwgan_cli.body.model import JOINT_NAMES, rest_vertices
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import face_normals
from lwgan_cli.dressing.dress import Dressed, Tears, _of_hands, dress, tears, to_limbs
from lwgan_cli.fitting.outline import REACH, Outline, match, outline
from tests.body.acting import Act, act, body, crop_cameras, crops, silhouettes

HANDS = [JOINT_NAMES.index("left_hand"), JOINT_NAMES.index("right_hand")]
THICK = {"spine": 0.03, "hip": 0.03, "knee": 0.03, "pelvis": 0.03, "collar": 0.03, "shoulder": 0.025,
         "elbow": 0.025, "ankle": 0.015, "foot": 0.015}  # m, of cloth  # fmt: skip


def rest_normals(vertices: torch.Tensor) -> torch.Tensor:
    """(V, 3) unit normals outwards."""
    faces = body().faces
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a, dim=-1)
    sums = torch.zeros_like(vertices)
    for corner in faces.unbind(1):
        sums.index_add_(0, corner, across)
    return normalize(sums, dim=-1)


def smoothed(values: torch.Tensor, rounds: int) -> torch.Tensor:
    """(V,) means over neighbours, again and again."""
    faces = body().faces
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    start, end = torch.cat([edges, edges.flip(1)]).T
    count = torch.zeros_like(values).index_add_(0, start, torch.ones(len(start)))
    for _ in range(rounds):
        sums = torch.zeros_like(values).index_add_(0, start, values[end])
        values = torch.where(count > 0, sums / count.clamp_min(1), values)
    return values


@pytest.fixture(scope="module")
def clothes() -> torch.Tensor:
    """(V, 3) m: a loose suit, shoes and hair on the back and the top of the head; bare hands and face."""
    vertices = rest_vertices(body(), torch.zeros(10))
    thick = torch.zeros(len(vertices))
    for joint, name in enumerate(JOINT_NAMES):
        amount = next((value for key, value in THICK.items() if key in name), 0.0)
        thick += amount * body().lbs_weights[:, joint]
    head = body().lbs_weights[:, JOINT_NAMES.index("head")]
    top = vertices[:, 1] > vertices[:, 1].max() - 0.22
    thick += 0.05 * head * (top & (vertices[:, 2] < 0.06))
    return rest_normals(vertices) * smoothed(thick, 30)[:, None]


def standing() -> Act:
    """Arms and legs apart."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = -0.9, 0.9
    pose[0, 1, 2], pose[0, 2, 2] = 0.2, -0.2
    return Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))


def crop_round(film: Act) -> np.ndarray:
    """(T, 3) with room for clothes."""
    return crops(film.px(film.places())) * np.array([1, 1, 1.06], np.float32)


def dressed(film: Act, crop: np.ndarray, mask: np.ndarray) -> Dressed:
    pose, betas = torch.from_numpy(film.poses[0]), torch.from_numpy(film.betas)
    return dress(body(), pose, betas, crop_cameras(film, crop)[0], mask.astype(np.float32))


def test_hair_ends_as_it_began_beyond_the_picture_s_edge(clothes: torch.Tensor) -> None:
    film = standing()
    crop = crop_round(film)
    whole = silhouettes(film, crop, clothes)[0]
    top = int(np.flatnonzero(whole.any(1))[0])
    edge = top + 22  # px; hair and forehead are cut off
    mask, known = whole.copy(), np.ones_like(whole)
    mask[:edge], known[:edge] = whole[edge], False
    pose, betas = torch.from_numpy(film.poses[0]), torch.from_numpy(film.betas)
    found = dress(body(), pose, betas, crop_cameras(film, crop)[0], mask.astype(np.float32), known=known)
    drawn = silhouettes(film, crop, found.offsets)[0]
    assert iou(drawn[None, :edge], whole[None, :edge])[0] > 0.65  # 0.52 if the mask went straight on
    assert abs(int(np.flatnonzero(drawn.any(1))[0]) - top) <= 5
    assert iou(drawn[None, edge:], whole[None, edge:])[0] == pytest.approx(found.iou, abs=1e-6)
    assert found.iou > 0.95


def test_hair_beside_a_face_doesn_t_pull_its_cheeks_out() -> None:
    """Long hair that falls from the top of the head onto both shoulders."""
    film, weights = standing(), body().lbs_weights
    crop = crop_round(film)
    places, marks = film.vertices()[0], body().landmarks
    ears = places[[marks["left_ear"], marks["right_ear"]]]
    top, chin, wide = places[marks["head_top"], 1], places[marks["chin"], 1], ears[:, 0].abs().max() + 0.03
    head = torch.tensor([[-1, top], [1, top], [1, chin - 0.1], [-1, chin - 0.1]]) * torch.stack(
        [wide, top.new_ones([])]
    )
    scale, x, y = crop_cameras(film, crop)[0]
    mask = silhouettes(film, crop)[0].astype(np.uint8)
    side = len(mask) / 2
    corners = torch.stack([(scale * head[:, 0] + x + 1) * side, (1 - scale * head[:, 1] - y) * side], 1)
    cv2.fillConvexPoly(mask, np.rint(corners.numpy()).astype(np.int32), 1)
    moved = dressed(film, crop, mask).offsets.norm(dim=1)
    rest = body().v_template
    eyes = rest[[marks["left_eye"], marks["right_eye"]]].mean(0)
    ear = rest[marks["left_ear"], 2]
    cheeks = (rest[:, 2] > (ear + eyes[2]) / 2) & (rest[:, 1] < eyes[1]) & (weights[:, 15] > 0.9)
    beside = (rest[:, 2] - ear).abs() < 0.03
    assert moved[cheeks].max() < 0.006 and moved[beside & (weights[:, 15] > 0.5)].max() > 0.02


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2))


def feet() -> torch.Tensor:
    """(V,) bool"""
    return body().lbs_weights[:, [7, 8, 10, 11]].sum(1) > 0


PHOTOS = {"standing": standing, "posing": lambda: act(1, seed=1), "moving": lambda: act(1, seed=4)}


@pytest.mark.parametrize("photo", PHOTOS)
def test_clothes_are_found_and_travel_with_the_body(photo: str, clothes: torch.Tensor) -> None:
    film = PHOTOS[photo]()
    crop = crop_round(film)
    mask = silhouettes(film, crop, clothes)
    found = dressed(film, crop, mask[0])
    assert found.iou_naked == pytest.approx(iou(silhouettes(film, crop), mask)[0], abs=1e-6)
    assert found.iou == pytest.approx(iou(silhouettes(film, crop, found.offsets), mask)[0], abs=1e-6)
    assert found.iou_naked < 0.82 and found.iou >= 0.96
    assert found.offsets[torch.isin(body().parts, torch.tensor(HANDS))].norm(dim=1).max() < 0.003

    # other poses, which the mask said nothing of
    later = act(3, 1.0, seed=21, beat=1.0)
    later = Act(later.poses, film.betas, later.camera)
    crop = crop_round(later)
    want = silhouettes(later, crop, clothes)
    before, after = iou(silhouettes(later, crop), want), iou(silhouettes(later, crop, found.offsets), want)
    assert ((1 - after) < 0.6 * (1 - before)).all()

    # nowhere the surface shows its inner side
    ndc = project(later.vertices(found.offsets), crop_cameras(later, crop))
    fragments = rasterize(ndc, body().faces, 512)
    away = face_normals(ndc, body().faces)[..., 2] < 0
    inside_out = away[torch.arange(3)[:, None, None], fragments.pix_to_face.clamp_min(0)] & fragments.mask
    assert inside_out.sum() < 0.008 * fragments.mask.sum()


def test_a_body_that_fits_stays_as_it_is() -> None:
    film = standing()
    crop = crop_round(film)
    found = dressed(film, crop, silhouettes(film, crop)[0])
    assert found.iou > 0.998
    assert found.offsets[~feet()].norm(dim=1).max() < 1e-6


def test_a_limb_that_the_mask_lacks_keeps_its_thickness_and_so_does_its_twin(clothes: torch.Tensor) -> None:
    """One arm hangs by the side, and what finds people has lost it from the elbow down."""
    film = standing()
    film.poses[0, [16, 17], 2] = -1.3, 1.3
    crop = crop_round(film)
    whole = silhouettes(film, crop, clothes)[0]
    scale, x, y = crop_cameras(film, crop)[0]
    elbow = film.places()[0, 14]
    side = len(whole) / 2
    column, row = int((scale * elbow[0] + x + 1) * side), int((1 - scale * elbow[1] - y) * side)
    inner = column + int(np.flatnonzero(~whole[row, column:])[0])  # between arm and trunk
    mask = whole.copy()
    mask[row : row + 2, :inner] = False
    _, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    mask = pieces == np.bincount(pieces[mask]).argmax()
    assert mask.sum() < 0.96 * whole.sum()
    found = silhouettes(film, crop, dressed(film, crop, mask).offsets)[0]
    assert iou(found[None], whole[None])[0] > 0.87  # 0.82 if it follows the trunk's outline


def test_a_body_cut_by_the_border_is_not_pulled_to_it(clothes: torch.Tensor) -> None:
    film = standing()
    crop = crop_round(film)
    half = crop - np.array([[0, 0.3 * crop[0, 2], 0.25 * crop[0, 2]]], np.float32)  # no feet, a hand cut off
    found = dressed(film, half, silhouettes(film, half, clothes)[0])
    assert found.iou >= 0.96
    # what lies outside the picture keeps the clothes that smoothness gives it, and grows no tail
    assert found.offsets.norm(dim=1).max() < 0.12
    below = crop_cameras(film, half)[0]
    low = (film.vertices()[0, :, 1] * below[0] + below[2]) < -1.15
    assert low.sum() > 500 and found.offsets[low].norm(dim=1).max() < 0.06
    whole = silhouettes(film, crop, clothes)
    assert iou(silhouettes(film, crop, found.offsets), whole) > iou(silhouettes(film, crop), whole) + 0.05


def test_the_gap_between_legs_stays_open(clothes: torch.Tensor) -> None:
    film = standing()
    crop = crop_round(film)
    mask = silhouettes(film, crop, clothes)[0]
    found = silhouettes(film, crop, dressed(film, crop, mask).offsets)[0]
    feet = film.vertices()[0, [body().landmarks["left_heel"], body().landmarks["right_heel"]]].numpy()
    camera = crop_cameras(film, crop)[0].numpy()
    left, right = sorted((feet[:, 0] * camera[0] + camera[1] + 1) / 2 * 256)
    bottom = int((1 - (feet[:, 1].min() * camera[0] + camera[2])) / 2 * 256)
    gap = np.zeros_like(mask)
    gap[bottom - 60 : bottom - 5, int(left) : int(right)] = True
    gap &= ~mask
    assert gap.sum() > 300
    assert (found & gap).sum() < 0.03 * gap.sum()


def test_toes_join_as_in_a_shoe() -> None:
    """Seen from above, their outline has no gaps, and is little larger than that of bare ones."""
    film = standing()
    crop = crop_round(film)
    worn = dressed(film, crop, silhouettes(film, crop)[0]).offsets
    tip = body().v_template[body().landmarks["left_big_toe"]]
    of_foot = torch.isin(body().parts, torch.tensor([7, 10]))
    gaps, size = [], []
    for offsets in (torch.zeros_like(worn), worn):
        x, y, z = ((body().v_template + offsets - tip) * 9).unbind(1)
        toes = (of_foot & (z > -0.5))[body().faces].all(1)
        above = torch.stack([x + 0.2, z + 0.5, 2 - 0.1 * y], -1)
        seen = rasterize(above[None], body().faces[toes], 256).mask[0, :100].numpy().astype(np.uint8)
        hull = cv2.fillConvexPoly(np.zeros_like(seen), cv2.convexHull(cv2.findNonZero(seen)), 1)
        gaps.append(int(hull.sum()) - int(seen.sum()))
        size.append(int(hull.sum()))
    assert gaps[0] > 300 and gaps[1] < 0.3 * gaps[0] and size[1] < 1.3 * size[0]


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_a_mask_without_an_edge_changes_nothing(fill: float) -> None:
    film = standing()
    found = dressed(film, crop_round(film), np.full((128, 128), fill))
    assert torch.isfinite(found.offsets).all() and found.offsets[~feet()].abs().max() == 0
    assert found.iou == pytest.approx(found.iou_naked, abs=1e-3)


def test_hidden_sides_are_as_thick_as_the_limbs_free_ones(clothes: torch.Tensor) -> None:
    """Arms against the trunk and legs that touch: the outline shows but their outer sides."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = -1.42, 1.42
    pose[0, 1, 2], pose[0, 2, 2] = -0.05, 0.05
    film = Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))
    crop = crop_round(film)
    found = dressed(film, crop, silhouettes(film, crop, clothes)[0])
    thick = (found.offsets * rest_normals(rest_vertices(body(), torch.zeros(10)))).sum(1)
    inner = body().v_template[:, 0].abs() < 0.05
    thighs = torch.isin(body().parts, torch.tensor([1, 2])) & inner
    below = torch.isin(body().parts, torch.tensor([16, 17])) & (rest_normals(body().v_template)[:, 1] < -0.7)
    assert thighs.sum() > 50 and below.sum() > 50
    for hidden, true in ((thighs, 0.03), (below, 0.025)):
        assert float(thick[hidden].median()) == pytest.approx(true, abs=0.012)
    # arms raised and legs apart, what was hidden shows
    later = Act(standing().poses, film.betas, film.camera)
    crop = crop_round(later)
    assert iou(silhouettes(later, crop, found.offsets), silhouettes(later, crop, clothes))[0] > 0.92


# -- outlines ----------------------------------------------------------------------------------------------


def test_what_hangs_wide_is_not_as_thick_in_depth() -> None:
    """A jacket that stands 8 cm off at both sides: the outline shows nothing of its depth."""
    film = standing()
    trunk = body().lbs_weights[:, [0, 3, 6, 9]].sum(1)
    vertices = rest_vertices(body(), torch.zeros(10))
    wide = torch.zeros_like(vertices)
    wide[:, 0] = 0.08 * smoothed(trunk, 10) * (vertices[:, 0] / 0.12).clamp(-1, 1)
    crop = crop_round(film)
    found = dressed(film, crop, silhouettes(film, crop, wide, 320)[0])
    normals, waist = rest_normals(vertices), trunk > 0.9
    outwards = (found.offsets * normals).sum(1)
    beside, front = outwards[waist & (normals[:, 0].abs() > 0.9)], outwards[waist & (normals[:, 2] > 0.9)]
    assert beside.median() > 0.04
    assert 0.005 < front.median() < 0.5 * beside.median()


def disc(size: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] + 0.5
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2


def test_the_outline_of_a_disc() -> None:
    centre, radius = np.array([60.0, 70.0]), 40.0
    edge = outline(disc(128, (60, 70), radius))
    out = edge.points - centre
    distance = np.linalg.norm(out, axis=1)
    assert len(edge.points) > 4 * radius  # all the way round
    assert (distance < radius).all() and (distance > radius - 1.5).all()
    assert ((edge.normals * out).sum(1) / distance > 0.97).all()
    assert np.allclose(np.linalg.norm(edge.normals, axis=1), 1)
    assert len(outline(disc(128, (60, 70), radius), step=3).points) == -(-len(edge.points) // 3)


def test_the_outline_of_a_hole_looks_into_it() -> None:
    mask = disc(128, (64, 64), 50) & ~disc(128, (64, 64), 20)
    edge = outline(mask)
    out = edge.points - 64
    distance = np.linalg.norm(out, axis=1)
    cosine = (edge.normals * out).sum(1) / distance
    assert (distance < 35).any() and (cosine[distance < 35] < -0.95).all()
    assert (cosine[distance > 35] > 0.95).all()


def test_the_pictures_border_is_no_outline() -> None:
    mask = np.zeros((100, 100), bool)
    mask[30:, 20:60] = True  # goes on below the picture
    edge = outline(mask)
    straight = np.abs(edge.normals).max(1) > 0.999
    assert edge.points[:, 1].max() < 98.5
    for normal, at, axis in (((0, -1), 30.5, 1), ((-1, 0), 20.5, 0), ((1, 0), 59.5, 0)):
        rows = straight & ((edge.normals * normal).sum(1) > 0.999)
        assert rows.sum() > 25 and np.allclose(edge.points[rows, axis], at)
    assert not (edge.normals[:, 1] > 0.5).any()
    assert len(outline(np.ones((64, 64), bool)).points) == len(outline(np.zeros((64, 64), bool)).points) == 0


def test_circles_match_along_their_radii() -> None:
    small, large = (outline(disc(256, (128, 128), radius)) for radius in (60, 72))
    index, good = match(small, large, REACH * 256)
    assert good.all()
    step = large.points[index] - small.points
    assert np.allclose(np.linalg.norm(step, axis=1), 12, atol=1.6)
    assert ((step * small.normals).sum(1) / np.linalg.norm(step, axis=1) > 0.94).all()
    assert not match(small, large, 8.0)[1].any()  # out of reach


def test_an_edge_does_not_match_the_far_side_of_a_thin_limb() -> None:
    """The nearest edge of an arm's mask may be its other side; the normals tell them apart."""
    mask, body_mask = np.zeros((256, 256), bool), np.zeros((256, 256), bool)
    mask[60:200, 100:112] = True
    body_mask[60:200, 109:121] = True
    own, person = outline(body_mask), outline(mask)
    index, good = match(own, person, REACH * 256)
    middle = (own.points[:, 1] > 80) & (own.points[:, 1] < 180) & good
    assert middle.sum() > 150
    assert ((own.normals * person.normals[index]).sum(1)[middle] > 0.99).all()
    assert np.allclose((person.points[index] - own.points)[middle, 0], -9)


def test_edges_that_look_the_other_way_never_match() -> None:
    body_mask, mask = np.zeros((256, 256), bool), np.zeros((256, 256), bool)
    body_mask[60:200, 110:160] = True
    mask[:, :105] = True  # fills the picture's left: only an edge that looks right is left of it
    own, person = outline(body_mask), outline(mask)
    _, good = match(own, person, REACH * 256)
    left = (own.points[:, 0] < 112) & (np.abs(own.points[:, 1] - 130) < 50)
    assert left.sum() > 80 and not good[left].any()


def test_nothing_matches_nothing() -> None:
    some, none = outline(disc(64, (32, 32), 20)), outline(np.zeros((64, 64), bool))
    assert not match(some, none, 10.0)[1].any() and len(match(none, some, 10.0)[0]) == 0


# -- tears -------------------------------------------------------------------------------------------------


def test_a_body_grown_fourfold_is_stretched_where_faces_are_not_tiny() -> None:
    rest = rest_vertices(body(), torch.zeros(10))
    poses = torch.from_numpy(act(3, 1.0, seed=3, beat=1.0).poses)
    assert tears(body(), poses, torch.zeros(10), torch.zeros_like(rest)) == Tears(0.0, 0.0)
    grown = tears(body(), torch.zeros(3, 24, 3), torch.zeros(10), 3 * rest)
    corners = rest[body().faces]
    longest = (corners - corners.roll(1, 1)).norm(dim=-1).amax(1)
    assert grown.flipped == 0
    assert abs(grown.stretched - int((4 * longest > 0.02).sum())) <= 2


def test_a_vertex_pulled_out_stretches_the_faces_round_it() -> None:
    offsets = torch.zeros_like(body().v_template)
    vertex = body().landmarks["nose"]
    offsets[vertex, 2] = 0.3  # a nose of 30 cm
    poses = torch.from_numpy(act(5, 1.0, seed=3, beat=1.0).poses)
    found = tears(body(), poses, torch.zeros(10), offsets)
    assert found.stretched == int((body().faces == vertex).any(1).sum())  # in every pose
    worn = offsets * (torch.arange(len(poses)) == 0)[:, None, None]  # in the first one alone
    assert tears(body(), poses, torch.zeros(10), worn).stretched == pytest.approx(found.stretched / len(poses))


def test_a_patch_pushed_through_the_body_is_flipped() -> None:
    """The back of the trunk carried out of the chest: all its faces look into the body then."""
    flat = torch.zeros_like(body().v_template)
    trunk = torch.isin(body().parts, torch.tensor([3, 6, 9]))
    flat[trunk, 2] = -2 * body().v_template[trunk, 2]  # mirrored, front to back
    whole = trunk[body().faces].all(1)
    a, b, c = body().v_template[body().faces[whole]].unbind(1)
    normals = normalize(torch.linalg.cross(b - a, c - a, dim=-1), dim=-1)
    found = tears(body(), torch.zeros(1, 24, 3), torch.zeros(10), flat)
    # mirroring (x, y, z) → (x, y, -z) turns a face's normal (p, q, r) into (-p, -q, r)
    expected = int(((normals * normals * torch.tensor([-1.0, -1.0, 1.0])).sum(-1) < 0).sum())
    border = int((trunk[body().faces].any(1) & ~whole).sum())
    assert expected > 300 and expected <= found.flipped <= expected + border


def test_a_top_between_arms_reaches_to_them_and_not_around_them() -> None:
    """Arms hang a hand's breadth off the trunk, and what is between is cloth."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = -1.32, 1.32
    film = Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))
    crop = crop_round(film)
    naked = silhouettes(film, crop)[0]
    size = len(naked)
    rows, columns = np.mgrid[:size, :size]
    joints = (film.px(film.joints())[0] - crop[0, :2]) * size / crop[0, 2] + size / 2
    middle, wrist = joints[0], joints[JOINT_NAMES.index("left_wrist")]
    closed = cv2.morphologyEx(naked.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 31), np.uint8)) > 0
    mask = naked | (closed & (rows < wrist[1]) & (np.abs(columns - middle[0]) < abs(wrist[0] - middle[0])))
    assert (mask & ~naked).sum() > 200
    found = dressed(film, crop, mask)
    x, y, _ = film.vertices(found.offsets)[0].numpy().T
    trunk = np.isin(body().parts, [JOINT_NAMES.index(name) for name in ("pelvis", "spine1", "spine2", "left_hip")])
    arm = np.isin(body().parts, [JOINT_NAMES.index(name) for name in ("left_shoulder", "left_elbow")])
    for low in np.arange(y[arm].min(), y[arm].max() - 0.2, 0.04):
        at = (y > low) & (y < low + 0.04)
        assert x[at & trunk].max() < x[at & arm].mean() + 0.015
    before = iou(silhouettes(film, crop), mask[None])[0]
    assert 1 - iou(silhouettes(film, crop, found.offsets), mask[None])[0] < 0.5 * (1 - before)


@pytest.mark.parametrize(("fitted", "shown"), [(1.25, 1.32), (1.3, 1.4)])
def test_a_hand_beside_the_fitted_one_pulls_no_thigh_out(fitted: float, shown: float) -> None:
    """Arms hang nearer to the body, rad, than the fit has them."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = -fitted, fitted
    pose[0, 1, 2], pose[0, 2, 2] = 0.03, -0.03
    film = Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))
    nearer = pose.copy()
    nearer[0, 16:18] *= shown / fitted
    photo = replace(film, poses=nearer)
    crop = crop_round(film)
    offsets = dressed(film, crop, silhouettes(photo, crop)[0]).offsets
    assert float(offsets[torch.isin(body().parts, torch.tensor([1, 2]))].abs().max()) < 0.003


def test_a_skirt_s_edge_is_no_hand_s_though_one_hangs_over_it() -> None:
    film = standing()
    camera = crop_cameras(film, crop_round(film))
    face = rasterize(project(film.vertices(), camera), body().faces, 256).pix_to_face[0].numpy()
    hand = (face >= 0) & np.isin(body().parts.numpy()[body().faces.numpy()[:, 0]], [20, 22])[face]
    rows, columns = np.nonzero(hand)
    middle, low = columns.mean(), rows.max()
    points = np.array([[columns.max() + 5, rows.mean()], [columns.min() - 5, rows.mean()], [middle, low + 8.0]])
    sideways = np.array([[1.0, 0.0]] * 3)
    assert _of_hands(face, body(), Outline(points, sideways), 12.0).tolist() == [True, True, False]
    assert not _of_hands(face, body(), Outline(points, sideways), 2.0).any()


def test_thighs_that_touch_meet_halfway() -> None:
    film = standing()
    camera = crop_cameras(film, crop_round(film))
    fragments = rasterize(project(film.vertices(), camera), body().faces, 256)
    shown, knees = fragments.mask[0].numpy(), film.joints()[0, [4, 5]]
    row = int((1 - (knees[:, 1].mean() * float(camera[0, 0]) + float(camera[0, 2]))) / 2 * 256)
    middle = int((knees[:, 0].mean() * float(camera[0, 0]) + float(camera[0, 1]) + 1) / 2 * 256)
    left, right = middle - 1 - int(shown[row, middle::-1].argmax()) + 1, middle + int(shown[row, middle:].argmax())
    gap = right - left - 1
    assert gap > 6 and not shown[row, left + 1 : right].any()
    points = np.array([[left + 0.5, row + 0.5]] * 3)
    pulls = np.array([[4.0 * gap, 0.0], [0.25 * gap, 0.0], [0.0, 30.0]])
    across, short, along = to_limbs(fragments, body(), points, pulls)
    assert across[0] == pytest.approx(gap / 2, abs=0.1 * gap) and across[1] == 0  # the other one comes as far
    assert np.array_equal(short, pulls[1]) and np.array_equal(along, pulls[2])
