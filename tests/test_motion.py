from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lwgan_cli.errors import InputError, LwganError
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.records import Motion

FRAMES = 7


@pytest.fixture
def motion() -> Motion:
    rng = np.random.default_rng(0)
    return Motion(
        poses=rng.normal(size=(FRAMES, 24, 3)).astype(np.float32),
        betas=rng.normal(size=10).astype(np.float32),
        camera=rng.uniform(0.5, 1, (FRAMES, 3)).astype(np.float32),
        crop=rng.uniform(100, 300, (FRAMES, 3)).astype(np.float32),
        image_size=(1080, 1920),
        fps=30000 / 1001,
        valid=np.arange(FRAMES) != 3,
        body="open:0123abc",
        shots=(np.arange(FRAMES) > 4).astype(np.int32),
    )


@pytest.fixture
def amass() -> dict[str, np.ndarray]:
    """A person who stands in AMASS's world (z up), turns on the spot and walks to the left of the start."""
    rng = np.random.default_rng(1)
    heading = np.radians(40 + 10 * np.arange(FRAMES))
    standing = Rotation.from_euler("x", 90, degrees=True)  # SMPL's y up → z up
    roots = [(Rotation.from_rotvec([0, 0, angle]) * standing).as_rotvec() for angle in heading]
    poses = rng.normal(0, 0.3, (FRAMES, 156))
    poses[:, :3] = roots
    start = np.array([3.0, -2.0, 0.9])
    return {
        "poses": poses,
        "betas": rng.normal(size=16),
        "trans": start + np.linspace(0, 1, FRAMES)[:, None] * np.array([0.0, 0.0, 0.5]),
        "mocap_framerate": np.array(120.0),
        "gender": np.array("female"),
    }


def test_round_trip(motion: Motion, tmp_path: Path) -> None:
    save_motion(tmp_path / "m.npz", motion)
    back = load_motion(tmp_path / "m.npz")
    for name in ("poses", "betas", "camera", "crop", "valid", "shots"):
        given, read = getattr(motion, name), getattr(back, name)
        assert read.dtype == given.dtype
        np.testing.assert_array_equal(read, given)
    assert (back.image_size, back.fps, back.body) == (motion.image_size, motion.fps, motion.body)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.npz"]


def test_face_and_hands_come_back_too(motion: Motion, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    face, hands = rng.uniform(size=(FRAMES, 52)), rng.normal(size=(FRAMES, 30, 3))
    save_motion(tmp_path / "m.npz", replace(motion, face=face.astype(np.float32), hands=hands.astype(np.float32)))
    back = load_motion(tmp_path / "m.npz")
    assert back.face is not None and back.hands is not None
    np.testing.assert_array_equal(back.face, face.astype(np.float32))
    np.testing.assert_array_equal(back[2:4].hands, hands[2:4].astype(np.float32))  # cut along with the rest
    save_motion(tmp_path / "m.npz", motion)
    back = load_motion(tmp_path / "m.npz")
    assert back.face is None and back.hands is None


def test_what_a_face_leaves_over_comes_back_too(motion: Motion, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(0, 0.002, (FRAMES, 478, 3)).astype(np.float16)
    neutral = rng.normal(0, 0.1, (478, 3)).astype(np.float32)
    save_motion(tmp_path / "m.npz", replace(motion, features=features, neutral=neutral))
    back = load_motion(tmp_path / "m.npz")
    assert back.features is not None and back.features.dtype == np.float16
    np.testing.assert_array_equal(back.features, features)
    np.testing.assert_array_equal(back.neutral, neutral)
    np.testing.assert_array_equal(back[2:4].features, features[2:4])
    np.testing.assert_array_equal(back[2:4].neutral, neutral)


def test_the_drape_comes_back_too(motion: Motion, tmp_path: Path) -> None:
    drape = np.random.default_rng(3).normal(0, 0.02, (FRAMES, 11, 3)).astype(np.float16)
    save_motion(tmp_path / "m.npz", replace(motion, drape=drape))
    back = load_motion(tmp_path / "m.npz")
    assert back.drape is not None and back.drape.dtype == np.float16
    np.testing.assert_array_equal(back.drape, drape)
    np.testing.assert_array_equal(back[2:4].drape, drape[2:4])


def test_the_camera_s_motion_comes_back_too(motion: Motion, tmp_path: Path) -> None:
    scene = np.eye(2, 3) + np.random.default_rng(5).normal(0, 0.1, (FRAMES, 2, 3))
    save_motion(tmp_path / "m.npz", replace(motion, scene=scene.astype(np.float32)))
    back = load_motion(tmp_path / "m.npz")
    assert back.scene is not None
    np.testing.assert_array_equal(back.scene, scene.astype(np.float32))
    np.testing.assert_array_equal(back[2:4].scene, scene[2:4].astype(np.float32))


def test_in_a_larger_picture_all_is_where_it_was(motion: Motion) -> None:
    turn, zoom = 0.1, 1.2
    affine = np.array([[np.cos(turn), -np.sin(turn), 5], [np.sin(turn), np.cos(turn), -7]], np.float32) * zoom
    scene = np.tile(affine, (len(motion), 1, 1))
    corner = np.array([40, 30])
    larger = replace(motion, scene=scene).placed((40, 30), (900, 800))
    assert larger.image_size == (900, 800) and larger.scene is not None
    assert np.allclose(larger.picture_camera() - motion.picture_camera(), [0, *corner], atol=1e-3)
    place = np.array([100.0, 20.0])
    before, after = (
        each[0, :, :2] @ at + each[0, :, 2] for each, at in ((scene, place), (larger.scene, place + corner))
    )
    assert np.allclose(after - before, corner, atol=1e-3)
    assert motion.placed((40, 30), (900, 800)).scene is None


def test_the_layout_is_the_one_that_scripts_hold_on_to(motion: Motion, tmp_path: Path) -> None:
    save_motion(tmp_path / "m.npz", motion)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        shapes = {name: file[name].shape for name in file.files}
    assert shapes == {
        "poses": (FRAMES, 24, 3),
        "betas": (10,),
        "camera": (FRAMES, 3),
        "crop": (FRAMES, 3),
        "image_size": (2,),
        "fps": (),
        "valid": (FRAMES,),
        "body": (),
        "shots": (FRAMES,),
        "shutter": (),
    }


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_motion(tmp_path / "m.npz", motion)
    old = (tmp_path / "m.npz").read_bytes()

    def full(file: object, **arrays: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(LwganError, match=r"m\.npz.*No space left"):
        save_motion(tmp_path / "m.npz", motion)
    assert (tmp_path / "m.npz").read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.npz"]


def changed(motion: Motion, path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    save_motion(path, motion)
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(path, **arrays)
    return path


def put(name: str, value: object) -> Callable[[dict[str, np.ndarray]], None]:
    return lambda arrays: arrays.update({name: np.asarray(value)})


def poison(name: str) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = arrays[name].astype(np.float64)
        arrays[name].flat[0] = np.nan

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        *((poison(name), f"{name} holds values that aren't finite") for name in ("poses", "betas", "camera")),
        *((poison(name), f"{name} holds values that aren't finite") for name in ("crop", "fps")),
        (lambda arrays: (arrays.pop("camera"), arrays.pop("valid")), "lacks camera, valid"),
        (put("shutter", 1.5), "shutter is 1.5, and has to be from 0 to 1"),
        (put("shutter", [0.5, 0.5]), "shutter has shape (2,), not ()"),
        (put("poses", np.zeros((FRAMES, 22, 3))), "poses has shape (7, 22, 3), not (7, 24, 3)"),
        (put("poses", np.zeros((0, 24, 3))), "it holds no frame"),
        (put("poses", 3.0), "poses has shape ()"),
        (put("poses", np.full((FRAMES, 24, 3), "x")), "poses holds <U1, not numbers"),
        (put("crop", np.ones((FRAMES + 1, 3))), "crop has shape (8, 3), not (7, 3)"),
        (put("betas", np.zeros(16)), "betas has shape (16,), not (10,)"),
        (put("valid", np.full(FRAMES, "no")), "valid holds <U2, not truth values"),
        (put("shots", np.zeros(2)), "shots has shape (2,), not (7,)"),
        (put("body", 3), "body holds int64, not text"),
        (put("face", np.zeros((FRAMES, 51))), "face has shape (7, 51), not (7, 52)"),
        (put("hands", np.zeros((FRAMES, 24, 3))), "hands has shape (7, 24, 3), not (7, 30, 3)"),
        (put("drape", np.zeros((FRAMES, 9))), "drape has shape (7, 9), not (7, 0, 3)"),
        (put("drape", np.zeros((FRAMES - 1, 9, 3))), "drape has shape (6, 9, 3), not (7, 9, 3)"),
        (put("drape", np.full((FRAMES, 9, 3), 1.5)), "drape reaches 1.5 m"),
        (put("features", np.zeros((FRAMES, 9, 3))), "features has shape (7, 9, 3), not (7, 478, 3)"),
        (put("features", np.full((FRAMES, 478, 3), 1.5)), "features reaches 1.5 m"),
        (put("scene", np.zeros((FRAMES, 3, 3))), "scene has shape (7, 3, 3), not (7, 2, 3)"),
        (put("scene", np.zeros((FRAMES, 2, 3))), "scene holds a motion that leaves nothing of the picture"),
        (put("fps", 0.0), "fps is 0.0, and has to be above 0"),
        (put("image_size", [0, 10]), "image_size is 0"),
        (put("camera", np.zeros((FRAMES, 3))), "camera's scale is 0.0"),
        (put("crop", -np.ones((FRAMES, 3))), "crop's side is -1.0"),
    ],
)
def test_a_wrong_array_is_named(
    motion: Motion, tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None], says: str
) -> None:
    path = changed(motion, tmp_path / "m.npz", change)
    with pytest.raises(InputError, match=re.escape(says)):
        load_motion(path)


def test_arrays_of_others_and_missing_shots_do_no_harm(motion: Motion, tmp_path: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        del arrays["shots"]
        arrays["face"] = np.zeros((FRAMES, 52))

    back = load_motion(changed(motion, tmp_path / "m.npz", change))
    np.testing.assert_array_equal(back.shots, np.zeros(FRAMES))


def test_amass_is_turned_upright_and_towards_the_viewer(amass: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **amass)
    motion = load_motion(tmp_path / "a.npz")
    roots = Rotation.from_rotvec(motion.poses[:, 0])
    np.testing.assert_allclose(roots.apply([0, 1, 0]), np.tile([0, 1, 0], (FRAMES, 1)), atol=1e-6)
    turned = np.radians(10 * np.arange(FRAMES))  # to the person's left, which is the viewer's right
    np.testing.assert_allclose(
        roots.apply([0, 0, 1]), np.stack([np.sin(turned), 0 * turned, np.cos(turned)], 1), atol=1e-6
    )
    np.testing.assert_allclose(motion.poses[:, 1:22].reshape(FRAMES, -1), amass["poses"][:, 3:66], rtol=1e-6)
    assert not motion.poses[:, 22:].any()
    np.testing.assert_allclose(motion.betas, amass["betas"][:10], rtol=1e-6)
    assert motion.hands is not None
    np.testing.assert_allclose(motion.hands.reshape(FRAMES, -1), amass["poses"][:, 66:], rtol=1e-6)
    assert motion.fps == 120 and motion.valid.all() and len(motion) == FRAMES


def test_amass_of_smplx_and_the_newer_name_of_the_rate(amass: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "h.npz", **amass)
    amass["mocap_frame_rate"] = amass.pop("mocap_framerate")
    amass["poses"] = np.concatenate([amass["poses"][:, :66], np.ones((FRAMES, 99))], 1)
    np.savez(tmp_path / "x.npz", **amass)
    np.testing.assert_array_equal(load_motion(tmp_path / "x.npz").poses, load_motion(tmp_path / "h.npz").poses)


def test_amass_without_recorded_hands_has_none(amass: dict[str, np.ndarray], tmp_path: Path) -> None:
    amass["poses"][:, 66:] = 0
    np.savez(tmp_path / "a.npz", **amass)
    assert load_motion(tmp_path / "a.npz").hands is None


@pytest.mark.parametrize("walk", [(0.0, 0.0, 0.0), (6.0, 2.0, 0.0), (-40.0, 0.0, 1.0), (0.0, 5.0, 3.0)])
def test_amass_keeps_the_whole_person_in_view(
    amass: dict[str, np.ndarray], tmp_path: Path, walk: tuple[float, float, float]
) -> None:
    """Hands and feet, up to 1.4 m from the body's origin, lie in every frame's crop and in the picture."""
    amass["trans"] = np.linspace(0, 1, FRAMES)[:, None] * np.array(walk)
    np.savez(tmp_path / "a.npz", **amass)
    motion = load_motion(tmp_path / "a.npz")
    reach = 1.4 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    ndc = motion.camera[:, None, :1] * reach + motion.camera[:, None, 1:]
    assert (np.abs(ndc) < 1).all()
    scale, x, y = motion.picture_camera().T
    px = np.stack([x, y], 1)[:, None] + scale[:, None, None] * reach * [1, -1]
    assert (px > 0).all() and (px < motion.image_size).all()
    assert max(motion.image_size) <= 1281
    moved = np.stack([(x - x[0]) / scale, (y[0] - y) / scale], 1)  # m, as seen; y up
    heading = np.radians(40)  # of the first frame, in AMASS's world
    across = walk[0] * np.cos(heading) + walk[1] * np.sin(heading)
    np.testing.assert_allclose(moved[-1], [across, walk[2]], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda arrays: arrays.pop("mocap_framerate"), "lacks mocap_framerate or mocap_frame_rate"),
        (lambda arrays: arrays.pop("betas"), "lacks betas"),
        (put("poses", np.zeros((FRAMES, 72))), "poses has shape (7, 72)"),
        (put("trans", np.zeros((FRAMES - 1, 3))), "trans has shape (6, 3), not (7, 3)"),
        (put("betas", np.zeros(4)), "betas has shape (4,)"),
        (poison("trans"), "trans holds values that aren't finite"),
        (poison("poses"), "poses holds values that aren't finite"),
    ],
)
def test_a_wrong_amass_array_is_named(
    amass: dict[str, np.ndarray],
    tmp_path: Path,
    change: Callable[[dict[str, np.ndarray]], None],
    says: str,
) -> None:
    change(amass)
    np.savez(tmp_path / "a.npz", **amass)
    with pytest.raises(InputError, match=re.escape(says)):
        load_motion(tmp_path / "a.npz")
