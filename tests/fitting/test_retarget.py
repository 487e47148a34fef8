"""Somebody else's motion in the source's picture: places and scales in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import JOINT_NAMES, joints_rest, skin
from lwgan_cli.errors import UsageError
from lwgan_cli.fitting.retarget import (
    CAMERAS,
    SOLES,
    centre_of_mass,
    feet_inside,
    footing,
    joint_px,
    leg_length,
    lowest_place,
    retarget,
    size_px,
    sole_px,
    stands_of,
    unseen_limbs,
)
from lwgan_cli.records import Motion
from lwgan_cli.synthetic.motion import perform
from tests.body.acting import act, body

TALL = np.eye(10, dtype=np.float32)[0]  # the first shape direction is mostly stature


def motion_of(
    poses: np.ndarray, camera_px: np.ndarray, size: tuple[int, int] = (640, 480), betas: np.ndarray | None = None
) -> Motion:
    """camera_px (T, 3): px per metre, x, y px of the body's origin."""
    frames = len(poses)
    crop = np.tile(np.array([300.0, 250.0, 400.0]), (frames, 1))
    scale, x, y = camera_px.T
    camera = np.stack([scale / 200, (x - 300) / 200, (250 - y) / 200], 1)
    return Motion(
        poses=poses.astype(np.float32),
        betas=np.zeros(10, np.float32) if betas is None else betas,
        camera=camera.astype(np.float32),
        crop=crop.astype(np.float32),
        image_size=size,
        fps=25.0,
        valid=np.ones(frames, bool),
        body="open:",
        shots=np.zeros(frames, np.int32),
    )


@pytest.fixture(scope="module")
def poses() -> np.ndarray:
    return act(6, 8.0, seed=2).poses


@pytest.fixture(scope="module")
def driving(poses: np.ndarray) -> Motion:
    path = np.stack([150 * np.linspace(1, 1.2, 6), 280 + np.linspace(0, 90, 6), 240 + np.linspace(0, -30, 6)], 1)
    return motion_of(poses, path)


def lowest_px(target_pose: np.ndarray, camera: np.ndarray, betas: np.ndarray) -> float:
    """The lower sole's height in the picture, px, by skinning the whole body."""
    vertices, _ = skin(body(), torch.from_numpy(target_pose)[None], torch.from_numpy(betas))
    soles = [body().landmarks[name] for name in SOLES]
    return float((camera[2] - camera[0] * vertices[0, soles, 1].numpy()).max())


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_persons_own_motion_gives_their_own_camera(driving: Motion, camera: str) -> None:
    target = retarget(body(), driving[:1], driving, camera)
    own = driving.picture_camera()
    expected = np.tile(own[:1], (6, 1)) if camera == "source" else own
    assert np.allclose(target.camera, expected, atol=1e-3)
    assert np.array_equal(target.poses, driving.poses)
    assert len(target) == 6


@pytest.mark.parametrize("alike", [False, True])
def test_a_step_of_one_leg_length_stays_one(poses: np.ndarray, alike: bool) -> None:
    """The driver is twice as large in their picture and of another shape, and moves one of their leg lengths; where the
    photo shows their pose, the pictures say how large both are."""
    theirs = 300.0 * leg_length(body(), TALL)
    path = np.array([[300.0, 320.0, 240.0], [300.0, 320.0 + theirs, 240.0 - theirs / 2]])
    driving = motion_of(poses[[0, 0]], path, size=(1280, 960), betas=TALL)
    shown = poses[:1].copy()
    shown[:, [16, 17], 2] += 0 if alike else [-1.5, 1.5]
    shown[:, 0, 2] += 0 if alike else 0.5
    source = motion_of(shown, np.array([[150.0, 200.0, 230.0]]))
    target = retarget(body(), source, driving, "smooth")
    ours = 150.0 * leg_length(body(), source.betas)
    if alike:
        ours = theirs * size_px(body(), source, 0) / size_px(body(), driving, 0)
        assert ours != pytest.approx(150.0 * leg_length(body(), source.betas), rel=1e-3)
    assert np.allclose(np.diff(target.camera, axis=0)[0], [0, ours, -ours / 2], atol=0.1)


def test_two_fits_of_one_picture_take_the_same_steps() -> None:
    """One says longer legs and a smaller scale than the other: in the picture, all but the same."""
    frames, fps = 40, 20.0
    joints = joints_rest(body(), torch.zeros(10)).numpy().astype(np.float64)
    acted = perform("step-touch", 3, frames, fps, joints, 0.3)
    place = acted.place - joints[0]
    path = np.stack([np.full(frames, 180.0), 320 + 180 * place[:, 0], 400 - 180 * place[:, 1]], 1)
    driving = replace(motion_of(acted.poses, path), fps=fps)
    other = replace(motion_of(acted.poses[:1], path[:1]), betas=2 * np.eye(10, dtype=np.float32)[1])
    camera = path[:1] * [size_px(body(), driving, 0) / size_px(body(), other, 0), 1, 1]
    photo = motion_of(acted.poses[:1], camera, betas=other.betas)
    legs = camera[0, 0] / 180 * leg_length(body(), other.betas) / leg_length(body(), driving.betas)
    assert abs(legs - 1) > 0.01
    moved = retarget(body(), photo, driving, "smooth").camera[:, 1:]
    off = np.abs(moved - moved[0] - (path[:, 1:] - path[0, 1:])).max()
    assert off < 0.1 * abs(legs - 1) * np.ptp(path[:, 1])


def test_coming_nearer_makes_larger(poses: np.ndarray) -> None:
    path = np.array([[200.0, 300.0, 240.0], [300.0, 300.0, 240.0]])
    source = motion_of(poses[:1], np.array([[80.0, 200.0, 230.0]]))
    target = retarget(body(), source, motion_of(poses[[0, 0]], path), "smooth")
    assert target.camera[1, 0] / target.camera[0, 0] == pytest.approx(1.5, rel=1e-5)
    assert target.camera[0, 0] == pytest.approx(80.0, rel=1e-5)


@pytest.mark.parametrize("camera", ["smooth", "source"])
@pytest.mark.parametrize("first", [0, 2])
def test_feet_land_on_the_photos_floor(poses: np.ndarray, camera: str, first: int) -> None:
    """Whoever drives, in whatever pose, and however long their legs are."""
    standing = np.zeros((1, 24, 3), np.float32)
    source = motion_of(standing, np.array([[150.0, 200.0, 230.0]]))
    driving = motion_of(poses[first:], np.tile([90.0, 300.0, 300.0], (6 - first, 1)), betas=TALL)
    target = retarget(body(), source, driving, camera)
    floor = lowest_px(standing[0], source.picture_camera()[0], source.betas)
    assert lowest_px(target.poses[0], target.camera[0], source.betas) == pytest.approx(floor, abs=0.05)
    # the weight stays where it was, whatever the hips do
    weights = [
        camera[1] + camera[0] * centre_of_mass(body(), pose, source.betas)[0]
        for pose, camera in ((standing[0], source.picture_camera()[0]), (target.poses[0], target.camera[0]))
    ]
    assert weights[0] == pytest.approx(weights[1], abs=0.01)


@pytest.mark.parametrize("camera", ["smooth", "source"])
def test_in_the_photos_own_pose_all_of_the_body_stays(poses: np.ndarray, camera: str) -> None:
    """Feet that one of two fits pitches a little more must not lift everything else."""
    source = motion_of(poses[:1], np.array([[150.0, 300.0, 230.0]]))
    pitched = poses.copy()
    pitched[:, [7, 8], 0] += 0.15
    driving = motion_of(pitched, np.tile([90.0, 300.0, 250.0], (6, 1)))
    target = retarget(body(), source, driving, camera)
    soles = 150 * abs(lowest_place(body(), pitched[0], source.betas) - lowest_place(body(), poses[0], source.betas))
    assert soles > 1.5  # px
    assert np.linalg.norm(target.camera[0, 1:] - [300, 230]) < 0.2 * soles


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_dance_that_begins_in_a_handstand_begins_with_hands_on_the_floor(poses: np.ndarray, camera: str) -> None:
    source = motion_of(poses[:1], np.array([[150.0, 300.0, 230.0]]), betas=0.5 * TALL)
    on_hands = np.zeros((6, 24, 3))
    on_hands[:, 0, 2] = np.pi
    on_hands[:, 16, 2], on_hands[:, 17, 2] = 1.4, -1.4
    driving = motion_of(on_hands, np.tile([90.0, 300.0, 250.0], (6, 1)))
    target = retarget(body(), source, driving, camera)

    def lowest(pose: np.ndarray, camera: np.ndarray, betas: np.ndarray) -> float:
        vertices = skin(body(), torch.from_numpy(pose)[None].float(), torch.from_numpy(betas))[0]
        return float((camera[2] - camera[0] * vertices[0, :, 1].numpy()).max())

    of_driver = lowest(driving.poses[0], driving.picture_camera()[0], driving.betas)
    floor = of_driver if camera == "driving" else lowest(source.poses[0], source.picture_camera()[0], source.betas)
    hand = 0.25 * target.camera[0, 0]  # m: from the knuckles to the tips
    assert lowest(target.poses[0], target.camera[0], source.betas) == pytest.approx(floor, abs=hand)


@pytest.mark.parametrize("who", ["source", "driving"])
def test_without_feet_the_hips_stay(poses: np.ndarray, who: str) -> None:
    source = motion_of(np.zeros((1, 24, 3)), np.array([[150.0, 200.0, 230.0]]))
    driving = motion_of(poses, np.tile([90.0, 300.0, 300.0], (6, 1)))
    if who == "source":
        source = replace(source, image_size=(640, 330))
    else:
        driving = replace(driving, image_size=(640, 330))
    target = retarget(body(), source, driving, "smooth")
    assert np.allclose(target.camera[0], [150, 200, 230], atol=1e-3)


def test_in_the_drivers_picture_feet_stay_on_the_drivers_floor(poses: np.ndarray) -> None:
    source = motion_of(poses[:1], np.array([[50.0, 100.0, 110.0]]), betas=TALL)
    driving = motion_of(poses, np.tile([90.0, 300.0, 300.0], (6, 1)))
    target = retarget(body(), source, driving, "driving")
    theirs = driving.picture_camera()
    assert np.allclose(target.camera[:, :2], theirs[:, :2])
    floor = lowest_px(driving.poses[0], theirs[0], driving.betas)
    assert lowest_px(target.poses[0], target.camera[0], TALL) == pytest.approx(floor, abs=0.05)


def test_the_path_starts_where_somebody_was_found(driving: Motion) -> None:
    """The first frames' place is made up: nobody was in them."""
    camera = driving.camera.copy()
    camera[:2] += 1.0
    late = replace(driving, camera=camera, valid=np.array([False, False, True, True, True, True]))
    source = motion_of(driving.poses[2:3], np.array([[150.0, 200.0, 230.0]]))
    target = retarget(body(), source, late, "smooth")
    assert np.allclose(target.camera[2], [150, 200, 230], atol=1e-3)


def test_lengths_are_the_skeletons() -> None:
    joints = joints_rest(body(), torch.from_numpy(TALL)).numpy()
    at = {name: joints[row] for row, name in enumerate(JOINT_NAMES)}
    legs = [
        np.linalg.norm(at[f"{side}_knee"] - at[f"{side}_hip"])
        + np.linalg.norm(at[f"{side}_ankle"] - at[f"{side}_knee"])
        for side in ("left", "right")
    ]
    assert leg_length(body(), TALL) == pytest.approx(np.mean(legs), rel=1e-5)
    lifted = np.zeros((24, 3), np.float32)
    straight = lowest_place(body(), lifted, TALL)
    lifted[1, 0] = -1.5  # the left thigh goes up: the right foot stays the lower one
    assert lowest_place(body(), lifted, TALL) == pytest.approx(straight, abs=0.01)
    lifted[2, 0] = -1.5
    assert lowest_place(body(), lifted, TALL) > straight + 0.3


def test_feet_outside_the_picture_are_noticed(poses: np.ndarray) -> None:
    standing = motion_of(np.zeros((1, 24, 3)), np.array([[150.0, 300.0, 230.0]]))
    assert feet_inside(body(), standing, 0)
    for size in ((640, 340), (290, 480)):  # cut at the shins; cut down the middle
        assert not feet_inside(body(), replace(standing, image_size=size), 0)


def test_an_unknown_camera_is_refused(driving: Motion) -> None:
    with pytest.raises(UsageError, match="shaky"):
        retarget(body(), driving[:1], driving, "shaky")


@pytest.mark.parametrize("camera", ["smooth", "source"])
def test_where_no_hips_are_seen_the_face_keeps_its_place(poses: np.ndarray, camera: str) -> None:
    """Head and shoulders: the hips lie below both pictures, wherever the fits put them."""
    photo = motion_of(poses[3:4] * 0.3, np.array([[400.0, 330.0, 600.0]]))
    path = np.stack([np.full(6, 350.0), 300 + np.linspace(0, 20, 6), np.full(6, 580.0)], 1)
    target = retarget(body(), photo, motion_of(poses * 0.3, path), camera)
    front = [body().landmarks[name] for name in ("nose", "left_eye", "right_eye")]

    def face_px(pose: np.ndarray, camera_px: np.ndarray) -> np.ndarray:
        vertices = skin(body(), torch.from_numpy(pose)[None], torch.from_numpy(photo.betas))[0][0, front].numpy()
        return camera_px[1:] + camera_px[0] * vertices.mean(0)[:2] * [1, -1]

    placed = face_px(target.poses[0], target.camera[0])
    size = 400 * 0.2  # px
    np.testing.assert_allclose(placed, face_px(photo.poses[0], photo.picture_camera()[0]), atol=0.1 * size)
    moved = target.camera[-1, 1] - target.camera[0, 1]
    assert moved == (0.0 if camera == "source" else pytest.approx(20 * 400 / 350, rel=1e-3))


def test_limbs_that_a_talking_head_does_not_show_stay_the_photos(poses: np.ndarray) -> None:
    photo = motion_of(poses[3:4], np.array([[100.0, 300.0, 200.0]]))
    path = np.stack([np.full(6, 350.0), np.full(6, 320.0), np.full(6, 620.0)], 1)  # hips below the picture
    talking = motion_of(poses, path)
    target = retarget(body(), photo, talking, "smooth")
    limbs = unseen_limbs(body(), talking)
    assert {1, 2, 4, 5} <= set(limbs)
    np.testing.assert_array_equal(target.poses[:, limbs], np.repeat(photo.poses[:, limbs], 6, 0))
    others = [joint for joint in range(24) if joint not in limbs]
    np.testing.assert_array_equal(target.poses[:, others], talking.poses[:, others])
    assert unseen_limbs(body(), motion_of(poses, path / [[3, 1, 2.5]])) == []


def test_arms_whose_hands_come_into_the_picture_move(poses: np.ndarray) -> None:
    """Head and shoulders; in two of six frames a hand is raised into it, its elbow outside all the while."""
    hanging = np.zeros((6, 24, 3), np.float32)
    hanging[:, 16, 2], hanging[:, 17, 2] = -1.2, 1.2
    raised = hanging.copy()
    raised[2:4, 18, 1] = -2.4  # left forearm, folded back
    raised[2:4, 16, 2] = -0.2
    joints = joint_px(body(), raised, np.zeros(10, np.float32), np.tile([600.0, 320, 0], (6, 1)))
    bottom = joints[2, 16, 1] + 30
    path = np.tile([600.0, 320.0, 470.0 - bottom], (6, 1))
    px = joint_px(body(), raised, np.zeros(10, np.float32), path)
    right = int(min(px[2, 18, 0], 640)) - 1
    talking = motion_of(raised, path, size=(right, 480))
    seen = ((px > 0) & (px < [right, 480])).all(-1)
    assert not seen[:, 18].any() and seen[2:4, 20].all() and not seen[[0, 1, 4, 5], 20].any()
    limbs = unseen_limbs(body(), talking)
    assert 17 in limbs and not {16, 18} & set(limbs)
    assert {16, 18} <= set(unseen_limbs(body(), motion_of(hanging, path, size=(right, 480))))


# -- feet --------------------------------------------------------------------------------------------------


def test_the_centre_of_mass_is_the_trunks_and_leans_with_it() -> None:
    upright, leaning = np.zeros((24, 3), np.float32), np.zeros((24, 3), np.float32)
    leaning[0, 2] = 0.5  # to the viewer's left, about the origin's height
    at_rest = centre_of_mass(body(), upright, np.zeros(10, np.float32))
    joints = joints_rest(body(), torch.zeros(10)).numpy()
    assert abs(at_rest[0]) < 0.01
    assert joints[JOINT_NAMES.index("left_hip"), 1] < at_rest[1] < joints[JOINT_NAMES.index("neck"), 1]
    pelvis = joints[0]
    turned = pelvis + np.array([[np.cos(0.5), -np.sin(0.5), 0], [np.sin(0.5), np.cos(0.5), 0], [0, 0, 1]]) @ (
        at_rest - pelvis
    )
    assert np.allclose(centre_of_mass(body(), leaning, np.zeros(10, np.float32)), turned, atol=1e-4)


def test_footing_undoes_what_stands_slide_and_bends_nothing_else() -> None:
    """Two stands with a step between; the sliding is known. A third sole never stands."""
    frames = 40
    slide = np.stack([6 * np.sin(np.arange(frames) / 6), 2 * np.cos(np.arange(frames) / 5)], 1)
    stands = np.zeros((frames, 3), np.int64)
    stands[2:17, 0], stands[20:38, 1] = 1, 2
    apart = np.array([[100.0, 50.0], [160.0, 55.0], [0.0, 0.0]]) + slide[:, None]
    shifts = footing(apart, stands, np.zeros(frames, int), 30.0)
    for sole, rows in ((0, slice(2, 17)), (1, slice(20, 38))):
        before, after = apart[rows, sole], (apart + shifts[:, None])[rows, sole]
        assert np.abs(after - after.mean(0)).max() < 0.1 * np.abs(before - before.mean(0)).max()
    assert np.abs(np.diff(shifts, 2, axis=0)).max() < 2 * np.abs(np.diff(slide, 2, axis=0)).max()
    assert np.array_equal(footing(apart, np.zeros_like(stands), np.zeros(frames, int), 30.0), np.zeros((frames, 2)))


@pytest.mark.parametrize("kind", ["squat", "step-touch"])
@pytest.mark.parametrize("camera", ["smooth", "driving"])
def test_feet_that_stand_in_the_driving_stand_in_the_result(kind: str, camera: str) -> None:
    """A body of other proportions; the driver's feet stand exactly, by construction of the motion."""
    frames, fps = 40, 20.0
    joints = joints_rest(body(), torch.zeros(10)).numpy().astype(np.float64)
    acted = perform(kind, 3, frames, fps, joints, 0.08)
    place = acted.place - joints[0]
    path = np.stack([np.full(frames, 180.0), 320 + 180 * place[:, 0], 400 - 180 * place[:, 1]], 1)
    driving = replace(motion_of(acted.poses, path), fps=fps)
    betas = np.array([-1.5, 1.5, -1.5, 1.5, 0, 0, 0, 0, 0, 0], np.float32)
    source = motion_of(np.zeros((1, 24, 3)), np.array([[150.0, 300.0, 230.0]]), betas=betas)
    target = retarget(body(), source, driving, camera)
    stands = stands_of(body(), driving)
    assert (stands > 0).mean() > 0.3
    before = sole_px(body(), driving.poses, betas, driving.picture_camera())  # the driver's path as it is
    after = sole_px(body(), target.poses, betas, target.camera)
    size = target.camera[0, 0] / driving.picture_camera()[0, 0]
    assert slid(after, stands) < 0.5 * size * slid(before, stands)
    assert slid(after, stands) < 0.004 * HEIGHT_PX
    # … and nothing jumps: the body's path bends hardly more than the driver's
    bend = np.abs(np.diff(target.camera[:, 1:], 2, axis=0)).max()
    assert bend < size * np.abs(np.diff(path[:, 1:], 2, axis=0)).max() + 1.0


HEIGHT_PX = 1.7 * 150


def slid(places: np.ndarray, stands: np.ndarray) -> float:
    """Mean distance of standing soles (T, 4, 2) px from the middle of their stand."""
    every = [places[rows, sole] for sole in range(4) for rows in stand_rows(stands[:, sole])]
    return float(np.concatenate([np.linalg.norm(stand - stand.mean(0), axis=-1) for stand in every]).mean())


def stand_rows(stands: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(stands == number) for number in np.unique(stands[stands > 0])]


def test_feet_outside_the_picture_stand_nowhere(poses: np.ndarray) -> None:
    still = motion_of(poses[[0] * 12], np.tile([100.0, 300.0, 230.0], (12, 1)))
    assert (stands_of(body(), still) > 0).all()
    assert not stands_of(body(), replace(still, image_size=(640, 300))).any()
    assert not stands_of(body(), replace(still, valid=np.zeros(12, bool))).any()


def test_the_scene_is_carried_into_the_source_s_picture(driving: Motion) -> None:
    """Places of the driver's scene that the person passes are passed in the source's too, in px of its own."""
    rng = np.random.default_rng(4)
    scene = np.tile(np.eye(2, 3), (6, 1, 1)) + rng.normal(0, [[0.02, 0.02, 9], [0.02, 0.02, 9]], (6, 2, 3))
    filmed = replace(driving, scene=scene.astype(np.float32), valid=np.array([False, True, True, True, True, True]))
    source = replace(motion_of(driving.poses[:1], np.array([[75.0, 40.0, 90.0]])), betas=TALL)
    target = retarget(body(), source, filmed, "smooth")
    assert target.scene is not None
    assert np.allclose(target.scene[1], np.eye(2, 3), atol=1e-5)
    theirs = filmed.picture_camera()
    ratio = 75.0 * leg_length(body(), TALL) / (theirs[1, 0] * leg_length(body(), driving.betas))
    for frame in range(6):
        beside = np.array([31.0, -12.0])  # driver's px from the person in the first frame that shows them
        linear, shift = scene[frame, :, :2], scene[frame, :, 2]
        seen_first = theirs[1, 1:] + beside
        there = linear @ np.linalg.solve(scene[1, :, :2], seen_first - scene[1, :, 2]) + shift
        ours = target.scene[frame, :, :2] @ (target.camera[1, 1:] + ratio * beside) + target.scene[frame, :, 2]
        assert np.allclose(ours - target.camera[1, 1:], ratio * (there - theirs[1, 1:]), atol=0.02)
    assert retarget(body(), source, filmed, "source").scene is None
    assert retarget(body(), source, driving, "smooth").scene is None


def test_feet_stand_in_the_scene_not_in_the_picture() -> None:
    """A person who stands, filmed by a camera that follows somebody else."""
    frames = 12
    away = 14.0 * np.arange(frames)
    still = motion_of(
        np.zeros((frames, 24, 3)), np.stack([np.full(frames, 150.0), 150 + away, np.full(frames, 240.0)], 1)
    )
    scene = np.tile(np.eye(2, 3, dtype=np.float32), (frames, 1, 1))
    scene[:, 0, 2] = away
    assert not stands_of(body(), still)[:, :2].any()
    assert (stands_of(body(), replace(still, scene=scene)) > 0).all()
