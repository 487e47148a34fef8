"""The drape against fields that are known: put on a painted body, seen again, and carried to somebody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from lwgan_cli.body.model import axis_angle_to_matrix, skin
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.dressing.drape import Sightings, carried, draped, headless, nodes_of, pulled, steady
from lwgan_cli.fitting.retarget import leg_length
from lwgan_cli.fitting.window import CropView, Window
from lwgan_cli.records import Fragments, Motion
from tests.body.acting import Act, act, body, crop_cameras, crops
from tests.fitting.test_retarget import TALL, motion_of
from tests.recovery.test_align import paint

SIDE, FRAMES = 256, 4


@pytest.fixture(scope="module")
def film() -> Act:
    return act(FRAMES, 12.0, seed=3)


def waves(frames: int, amplitude: float = 0.025) -> np.ndarray:
    """(T, K, 3) m: a field of waves half a metre long, across and up the body, which go on from frame to frame."""
    places = nodes_of(body()).lattice.mean(body().v_template.numpy().astype(np.float64))
    turns = np.arange(frames)[:, None] * 0.3
    across, up = (amplitude * np.sin(12 * places @ np.array(each) + turns) for each in ((0, 1, 0), (1, 0.3, 0)))
    return np.stack([across, up, 0 * up], -1)


def shown(vertices: torch.Tensor, cameras: torch.Tensor) -> tuple[np.ndarray, np.ndarray, Fragments]:
    """Pictures (T, S, S, 3) uint8 and masks (T, S, S) bool of the painted body before grey."""
    fragments = rasterize(project(vertices, cameras), body().faces, SIDE)
    mask = fragments.mask.numpy()
    picture = np.where(mask[..., None], interpolate(fragments, body().faces, paint()).numpy(), 127)
    return picture.clip(0, 255).astype(np.uint8), mask, fragments


def frame(picture: np.ndarray, mask: np.ndarray) -> Window:
    """All of it lies in the picture."""
    view = CropView(np.ones(1), np.zeros((1, 2)), SIDE)
    return Window(picture[None], mask[None].astype(np.float32), np.ones((1, *mask.shape), bool), view)


def test_a_field_is_found_again(film: Act) -> None:
    crop = crops(film.px(film.places()))
    cameras, vertices = crop_cameras(film, crop), film.vertices()
    turns = axis_angle_to_matrix(torch.from_numpy(film.poses[:, 0]))
    # in the frame of the root, but flat in the picture: depth can't be seen
    true = np.einsum("tji,tkj->tki", turns.double().numpy(), waves(FRAMES))
    moved = draped(body(), vertices, torch.from_numpy(film.poses), torch.from_numpy(true.astype(np.float32)))
    pictures, masks, _ = shown(moved, cameras)
    made, known, fragments = shown(vertices, cameras)
    px_per_m = cameras[:, 0].numpy() * SIDE / 2
    sightings = Sightings(body(), FRAMES)
    for t in range(FRAMES):
        one = Fragments(*(each[t : t + 1] for each in (fragments.pix_to_face, fragments.bary_coords, fragments.zbuf)))
        sightings.look(t, one, made[t], known[t], frame(pictures[t], masks[t]), px_per_m[t])
    found = sightings.drape(turns, np.zeros(FRAMES, int), 12.0)
    assert found.dtype == np.float16
    # where the surface is seen, most of the field is found; silhouettes agree
    still = draped(body(), vertices, torch.from_numpy(film.poses), torch.from_numpy(found.astype(np.float32)))
    seen = vertex_visibility(fragments, project(vertices, cameras), body().faces).numpy() > 0.5
    hands = body().lbs_weights[:, 20:].sum(1).numpy() > 0.1
    rows = seen & ~hands
    off = np.linalg.norm((still - moved)[..., :2].numpy(), axis=-1)[rows]
    meant = np.linalg.norm((vertices - moved)[..., :2].numpy(), axis=-1)[rows]
    assert off.mean() < 0.5 * meant.mean()
    _, after, _ = shown(still, cameras)
    better, worse = (((mask & masks).sum() / (mask | masks).sum()) for mask in (after, known))
    assert better > 0.95 and 1 - better < 0.5 * (1 - worse)


def test_heads_move_as_a_whole(film: Act) -> None:
    """Half of the head's outline is pushed in: a mask that lacks the hair."""
    crop = crops(film.px(film.places()))
    cameras, vertices = crop_cameras(film, crop), film.vertices()
    made, known, fragments = shown(vertices, cameras)
    one = Fragments(*(each[:1] for each in (fragments.pix_to_face, fragments.bary_coords, fragments.zbuf)))
    mask = known[0].copy()
    mask[: np.flatnonzero(mask.any(1))[0] + 6] = False
    sightings = Sightings(body(), 1)
    sightings.look(0, one, made[0], known[0] & mask, frame(made[0], mask), 100.0)
    heads = nodes_of(body()).lattice.mean(body().lbs_weights[:, 15].numpy()) > 0.99
    assert heads.sum() > 10
    shifts = sightings.shift[0][heads]
    np.testing.assert_allclose(shifts, np.broadcast_to(shifts.mean(0), shifts.shape), atol=0.05)


def test_a_surface_that_lies_right_is_left_alone(film: Act) -> None:
    crop = crops(film.px(film.places()))
    cameras = crop_cameras(film, crop)
    made, known, fragments = shown(film.vertices(), cameras)
    sightings = Sightings(body(), 1)
    one = Fragments(*(each[:1] for each in (fragments.pix_to_face, fragments.bary_coords, fragments.zbuf)))
    sightings.look(0, one, made[0], known[0], frame(made[0], known[0]), 100.0)
    assert np.abs(sightings.shift).max() < 0.2  # px


def test_it_turns_with_the_body(film: Act) -> None:
    """Who is turned by 90° about the vertical shows in depth what lay across the picture."""
    field = torch.from_numpy(waves(FRAMES).astype(np.float32))
    still = torch.zeros(FRAMES, 24, 3)
    turned = still.clone()
    turned[:, 0, 1] = np.pi / 2
    vertices = torch.zeros(FRAMES, body().n_vertices, 3)
    straight, aside = (draped(body(), vertices, poses, field) for poses in (still, turned))
    np.testing.assert_allclose(aside[..., 2], -straight[..., 0], atol=1e-6)
    np.testing.assert_allclose(aside[..., 1], straight[..., 1], atol=1e-6)
    spread = nodes_of(body()).lattice.spread
    np.testing.assert_allclose(straight[2].numpy(), spread @ field[2].numpy(), atol=1e-6)


def test_of_a_frame_it_is_the_least_squares_solution() -> None:
    rng = np.random.default_rng(1)
    points, count = 40, 6
    basis, aim, weight = rng.uniform(size=(points, count)), rng.normal(size=(points, 2)), rng.uniform(size=(points, 2))
    axes, still = rng.normal(size=(points, 2, 2)), np.diag(rng.uniform(0.1, 1, count))
    held, begun = (sparse.csr_matrix(each) for each in (basis, still)), np.zeros((count, 2))
    found, believed = pulled(*held, axes, aim, weight, begun)
    # one row for each axis of each point, the unknowns node by node
    rows = (basis[:, None, :, None] * axes[:, :, None, :]).reshape(2 * points, 2 * count) * np.sqrt(
        weight.reshape(-1, 1)
    )
    right = aim.ravel() * np.sqrt(weight.ravel())
    system = np.concatenate([rows, np.kron(np.sqrt(still), np.eye(2))])
    best = np.linalg.lstsq(system, np.concatenate([right, np.zeros(2 * count)]), rcond=None)[0]
    np.testing.assert_allclose(found, best.reshape(count, 2), atol=5e-3 * np.abs(best).max())
    np.testing.assert_allclose(believed, (rows**2).sum(0).reshape(count, 2).sum(1))


def test_over_time_it_is_the_least_squares_solution() -> None:
    rng = np.random.default_rng(0)
    frames, count, hold = 7, 3, 0.4
    shift, trust = rng.normal(size=(frames, count, 2)), rng.uniform(0, 3, (frames, count))
    trust[2] = 0  # nobody was found
    joined = np.array([True, True, True, False, True, True])
    found = steady(shift, trust, joined, hold)
    steps = np.diff(np.eye(frames), axis=0)[joined] * np.sqrt(hold)
    for node in range(count):
        weight = np.sqrt(trust[:, node] / (1 + trust[:, node]) + 1e-3)
        system = np.concatenate([np.diag(weight), steps])
        right = np.concatenate([weight[:, None] * shift[:, node], np.zeros((len(steps), 2))])
        np.testing.assert_allclose(found[:, node], np.linalg.lstsq(system, right, rcond=None)[0], atol=1e-9)
    np.testing.assert_array_equal(steady(shift[:1], trust[:1], joined[:0], hold), shift[:1])


def driving_of(poses: np.ndarray, field: np.ndarray) -> Motion:
    motion = motion_of(poses, np.tile([150.0, 300.0, 240.0], (len(poses), 1)))
    return replace(motion, drape=field.astype(np.float16), body=body().identity)


def test_it_is_measured_from_poses_like_the_photos() -> None:
    """What the driver lies like in the photo's own pose, the photo's clothes show already."""
    poses = act(24, 6.0, seed=4).poses
    driving = driving_of(poses, waves(24))
    assert driving.drape is not None
    for row in (0, 13):
        photo = driving[row : row + 1]
        carry = carried(body(), photo, driving)
        assert carry is not None and carry.dtype == np.float16
        amount = np.abs(carry.astype(float)).mean((1, 2))
        assert amount[row] < 0.25 * np.median(amount)
        unlike = np.abs(poses - poses[row]).mean((1, 2)) > 0.2
        np.testing.assert_allclose(
            (carry - carry[row])[unlike], (driving.drape - driving.drape[row])[unlike], atol=2e-3
        )
    # a photo in a pose that the driver never takes says nothing of it
    lying = np.zeros((1, 24, 3), np.float32)
    lying[0, 0, 2] = 1.6
    far = carried(body(), motion_of(lying, np.array([[150.0, 300.0, 240.0]])), driving)
    assert far is not None
    np.testing.assert_allclose(far, driving.drape, atol=2e-3)


def test_it_grows_with_the_legs_and_stays_on_its_own_body() -> None:
    poses = act(6, 6.0, seed=4).poses
    driving = driving_of(poses, waves(6))
    lying = np.zeros((1, 24, 3), np.float32)
    lying[0, 0, 2] = 1.6
    camera = np.array([[150.0, 300.0, 240.0]])
    short, tall = (carried(body(), motion_of(lying, camera, betas=betas), driving) for betas in (None, TALL))
    grown = leg_length(body(), TALL) / leg_length(body(), np.zeros(10, np.float32))
    assert short is not None and tall is not None and grown > 1.01
    np.testing.assert_allclose(tall, short * grown, atol=1e-3)
    for other in (
        replace(driving, body="another:1"),
        replace(driving, drape=None),
        replace(driving, drape=waves(6)[:, :7]),
    ):
        assert carried(body(), driving[:1], other) is None


def test_a_head_that_the_face_turns_keeps_out_of_it() -> None:
    field = waves(2).astype(np.float16)
    bare = headless(body(), field)
    assert bare.dtype == np.float16
    places = nodes_of(body()).lattice.mean(body().v_template.numpy().astype(np.float64))
    joints = skin(body(), torch.zeros(1, 24, 3), torch.zeros(10))[1][0].numpy()
    assert np.array_equal(bare[:, places[:, 1] > joints[15, 1] + 0.1], 0 * bare[:, places[:, 1] > joints[15, 1] + 0.1])
    below = places[:, 1] < joints[9, 1]
    np.testing.assert_array_equal(bare[:, below], field[:, below])


def test_beyond_the_picture_nothing_is_seen_to_move(film: Act) -> None:
    """The picture ends at the waist; below it repeats its edge, as nobody's legs look."""
    crop = crops(film.px(film.places()))
    cameras = crop_cameras(film, crop)
    made, known, fragments = shown(film.vertices(), cameras)
    one = Fragments(*(each[:1] for each in (fragments.pix_to_face, fragments.bary_coords, fragments.zbuf)))
    waist = SIDE // 2
    picture, mask = made[0].copy(), known[0].copy()
    picture[waist:], mask[waist:] = picture[waist - 1], mask[waist - 1]
    window = frame(picture, mask)
    window.inside[:, waist:] = False
    sightings = Sightings(body(), 1)
    sightings.look(0, one, made[0], known[0], window, 100.0)
    assert np.abs(sightings.shift).max() < 0.5  # px
    legs = nodes_of(body()).joints[:, [4, 5, 7, 8]].sum(1) > 0.9
    assert sightings.trust[0][legs].max() == 0 < sightings.trust[0].max()
