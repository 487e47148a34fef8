from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, rest_vertices, skin
from lwgan_cli.detection.face_places import FacePlaces, eyeballs, load_face_places, save_face_places
from lwgan_cli.dressing.face_dress import lay_face, lay_surface, turn_head
from lwgan_cli.errors import WeightsError
from lwgan_cli.fitting.face import BLINKS, LIDS, Face, FaceModel
from lwgan_cli.records import Motion

HEAD = 15


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("open", find_weights_dir())


@pytest.fixture(scope="module")
def places() -> FacePlaces:
    return load_face_places(find_weights_dir())


def motion_of(frames: int, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 0.1, (frames, 24, 3)).astype(np.float32)
    return Motion(
        poses=poses,
        betas=rng.normal(0, 0.7, 10).astype(np.float32),
        camera=np.tile(np.array([0.9, 0.05, -0.1], np.float32), (frames, 1)),
        crop=np.tile(np.array([320, 400, 800], np.float32), (frames, 1)),
        image_size=(640, 800),
        fps=25.0,
        valid=np.ones(frames, bool),
        body="open:",
        shots=np.zeros(frames, np.int32),
    )


def middles_px(body: BodyModel, places: FacePlaces, stiff: np.ndarray, motion: Motion) -> np.ndarray:
    """Where the middle of the face's points lies, rigidly with the head, (T, 2) px."""
    betas = torch.from_numpy(motion.betas)
    rest = joints_rest(body, betas)
    transforms, joints = forward_kinematics(torch.from_numpy(motion.poses), rest, body.parents)
    arm = stiff @ places.of(rest_vertices(body, betas)).double().numpy() - rest[HEAD].double().numpy()
    turns = transforms[:, HEAD, :3, :3].double().numpy()
    at = joints[:, HEAD].double().numpy() + turns @ arm
    scale, x, y = motion.picture_camera().T
    return np.stack([x + scale * at[:, 0], y - scale * at[:, 1]], 1)


def test_the_head_takes_the_faces_turn_and_place(body: BodyModel, places: FacePlaces) -> None:
    model = FaceModel.of(body, places)
    assert model is not None
    motion = motion_of(5)
    true = motion.poses.copy()
    true[:, 12] += [0.05, -0.1, 0.04]
    true[:, HEAD] += [0.1, 0.3, -0.1]
    truth = Motion(**{**vars(motion), "poses": true})
    world = forward_kinematics(torch.from_numpy(true), joints_rest(body, torch.from_numpy(motion.betas)), body.parents)
    turns = world[0][:, HEAD, :3, :3].double().numpy()
    centres = middles_px(body, places, model.stiff, truth)
    trust = np.array([1.0, 1.0, 1.0, 0.0, 0.5])
    face = Face(np.zeros((5, 52)), turns, centres, trust, model.neutral, np.zeros((5, 478, 3)))
    poses = turn_head(body, places, model.stiff, motion, face)
    got = Motion(**{**vars(motion), "poses": poses})
    after = forward_kinematics(torch.from_numpy(poses), joints_rest(body, torch.from_numpy(motion.betas)), body.parents)
    off = Rotation.from_matrix(after[0][:, HEAD, :3, :3].double().numpy()).inv() * Rotation.from_matrix(turns)
    assert np.degrees(off.magnitude())[:3].max() < 0.1
    moved = np.linalg.norm(middles_px(body, places, model.stiff, got) - centres, axis=1)
    before = np.linalg.norm(middles_px(body, places, model.stiff, motion) - centres, axis=1)
    assert before.min() > 5 and moved[:3].max() < 0.8  # an upright neck grows no longer
    np.testing.assert_allclose(poses[3], motion.poses[3], atol=1e-5)  # no trust, no change
    assert moved[4] < 0.8 * before[4]
    others = [joint for joint in range(24) if joint not in (12, HEAD)]
    np.testing.assert_array_equal(poses[:, others], motion.poses[:, others])


def test_a_small_face_turns_the_head_and_leaves_the_nod_to_the_body(body: BodyModel, places: FacePlaces) -> None:
    """Faces that all nod 12 degrees less than the body's points have it, and turn 20 degrees further."""
    model = FaceModel.of(body, places)
    assert model is not None
    motion = motion_of(6)
    motion.poses[:, HEAD, 1] = [0, 0.1, -0.2, 0, 1.6, 0]  # the fifth in profile
    rest = joints_rest(body, torch.from_numpy(motion.betas))

    def heads(poses: np.ndarray) -> Rotation:
        world = forward_kinematics(torch.from_numpy(poses), rest, body.parents)[0]
        return Rotation.from_matrix(world[:, HEAD, :3, :3].double().numpy())

    own = heads(motion.poses)
    off = np.tile([-12.0, 20.0, 0.0], (6, 1))
    off[1, 0] = -6.0  # one nods as the body's points have it, but for half of that
    turns = (own * Rotation.from_rotvec(off, degrees=True)).as_matrix()
    turns[4] = np.eye(3)
    trust = np.array([1.0, 1.0, 1.0, 0.5, 1.0, 0.0])
    face = Face(np.zeros((6, 52)), turns, np.zeros((6, 2)), trust, model.neutral, np.zeros((6, 478, 3)))
    got = (own.inv() * heads(turn_head(body, places, model.stiff, motion, face, nods=False))).as_rotvec(degrees=True)
    np.testing.assert_allclose(got[[0, 2], 0], -2, atol=0.1)  # from the mean nod, 10 degrees
    np.testing.assert_allclose(got[1, 0], 4, atol=0.1)
    np.testing.assert_allclose(got[:3, 1], 20, atol=0.1)
    assert np.abs(got[3] - got[2] / 2).max() < 0.1  # a frame without a face differs as its neighbour does
    assert np.abs(got[4:]).max() < 0.1  # profiles and what is far from all faces stay
    full = heads(turn_head(body, places, model.stiff, motion, face))
    assert np.degrees((full.inv() * Rotation.from_matrix(turns)).magnitude())[:3].max() < 0.1


def test_the_surface_comes_to_lie_on_the_photos_features(body: BodyModel, places: FacePlaces) -> None:
    motion = motion_of(1)
    nothing, calm = torch.zeros_like(body.v_template), torch.zeros(52)

    def points_px(offsets: torch.Tensor) -> np.ndarray:
        vertices, _ = skin(body, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas), offsets)
        at = places.of(vertices[0]).double().numpy()
        scale, x, y = motion.picture_camera()[0]
        return np.stack([x + scale * at[:, 0], y - scale * at[:, 1]], 1)

    start = points_px(nothing)
    middle = start.mean(0)
    wanted = middle + (start - middle) * [1.1, 0.95] + [4, -3]  # a wider, shorter face elsewhere
    given = np.concatenate([wanted, np.zeros((478, 1))], 1)
    offsets = lay_surface(body, places, motion, nothing, given, calm)
    error = np.linalg.norm(points_px(offsets) - wanted, axis=1)
    assert np.median(error) < 0.25 and np.median(np.linalg.norm(start - wanted, axis=1)) > 4
    far = (body.v_template - places.of(body.v_template).mean(0)).norm(dim=1) > 0.3
    assert offsets[far].abs().max() < 1e-4
    for eye in eyeballs(body):  # an eyeball moves as a whole
        assert np.ptp(offsets[torch.from_numpy(eye)].numpy(), axis=0).max() < 1e-6
        assert eye.sum() == 40

    hair = body.v_template[:, 0].abs() > 0.055  # hangs over the sides of the face, 3 cm before the skin
    dressed = nothing + hair[:, None] * torch.tensor([0.0, 0.0, 0.03])
    moved = (lay_surface(body, places, motion, dressed, given, calm) - dressed).norm(dim=1)
    assert moved[hair].max() == 0 and moved[~hair & ~far].max() > 0.004


def test_a_blink_shuts_the_eyes_that_were_laid_on_a_photo(body: BodyModel, places: FacePlaces) -> None:
    """Wide eyes, a fifth shut in the photo."""
    model = FaceModel.of(body, places)
    assert model is not None
    motion, nothing = motion_of(1), torch.zeros_like(body.v_template)
    betas, shut = torch.from_numpy(motion.betas), np.zeros((1, 52))
    shut[0, [model.names.index(name) for name in BLINKS]] = 0.2

    def places_of(offsets: torch.Tensor, face: np.ndarray) -> np.ndarray:
        vertices, _ = skin(
            body, torch.from_numpy(motion.poses), betas, offsets, face=torch.from_numpy(face.astype(np.float32))
        )
        return places.of(vertices[0]).double().numpy()

    seen = places_of(nothing, np.zeros(52))
    for pairs in LIDS:
        away = seen - seen[np.ravel(pairs)].mean(0)
        seen[:, 1] += 0.15 * away[:, 1] * np.exp(-((np.linalg.norm(away, axis=1) / 0.02) ** 2))
    scale, x, y = motion.picture_camera()[0]
    points = np.stack([x + scale * seen[:, 0], y - scale * seen[:, 1], np.zeros(478)], 1)
    offsets, lids = lay_face(body, places, model, motion, nothing, points, shut[0])
    own = places_of(offsets, shut[0] @ lids)
    np.testing.assert_allclose(model.opening(own), model.opening(seen), atol=8e-4)
    blink = 5 * shut[0]
    rest = places.of(rest_vertices(body, betas, offsets=offsets)).double().numpy()
    closed = rest + np.einsum("a,anc->nc", blink @ lids, model.actions)
    assert np.abs(model.opening(closed)).max() < 2e-4 < 9e-3 < model.opening(rest).min()


def test_lips_that_a_photo_shows_parted_part(body: BodyModel, places: FacePlaces) -> None:
    """By 8 mm, which no action explains: each lip goes its own way."""
    motion, calm = motion_of(1), torch.zeros(52)

    def points_of(offsets: torch.Tensor) -> np.ndarray:
        vertices, _ = skin(body, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas), offsets)
        return places.of(vertices[0]).double().numpy()

    seen = points_of(torch.zeros_like(body.v_template))
    upper, lower = [13, 82, 312, 0, 37, 267], [14, 87, 317, 17, 84, 314]
    seen[upper, 1] += 0.004
    seen[lower, 1] -= 0.004
    scale, x, y = motion.picture_camera()[0]
    points = np.stack([x + scale * seen[:, 0], y - scale * seen[:, 1], np.zeros(478)], 1)
    laid = points_of(lay_surface(body, places, motion, torch.zeros_like(body.v_template), points, calm))
    assert (laid - seen)[13, 1] == pytest.approx(0, abs=1.5e-3) and (laid - seen)[14, 1] == pytest.approx(0, abs=1.5e-3)


def test_places_lie_where_their_names_say(body: BodyModel, places: FacePlaces) -> None:
    """Points whose meaning the face mesh documents, against the body file's own landmarks."""
    at = places.of(body.v_template)
    named = {
        1: "nose", 152: "chin", 33: "right_eye_outer", 263: "left_eye_outer", 61: "right_mouth", 291: "left_mouth",
        468: "right_eye", 473: "left_eye",
    }  # fmt: skip
    for point, name in named.items():
        assert torch.dist(at[point], body.v_template[body.landmarks[name]]) < 0.012, name
    assert at[13, 1] > at[14, 1]  # the lips' inner edges
    assert at[159, 1] > at[145, 1] and at[386, 1] > at[374, 1]  # lids


def test_the_file_of_places_comes_back_and_others_are_refused(places: FacePlaces, tmp_path: Path) -> None:
    save_face_places(tmp_path / "face.npz", places)
    back = load_face_places(tmp_path)
    assert torch.equal(back.corners, places.corners)
    torch.testing.assert_close(back.bary, places.bary, atol=1e-3, rtol=0)
    np.savez(tmp_path / "face.npz", corners=np.zeros((477, 3)))
    with pytest.raises(WeightsError, match="not a file of face points"):
        load_face_places(tmp_path)
