"""The body against formulas, against smplx, and against the build's own ground truth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.atlas import _covered, make_atlas
from lwgan_cli.body.leg_length import COMPONENT
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import (
    JOINT_NAMES,
    BodyModel,
    axis_angle_to_matrix,
    forward_kinematics,
    joints_rest,
    rest_vertices,
    skin,
    skinning_transforms,
)
from lwgan_cli.errors import WeightsError
from tests.body.reference import assert_equals_smplx, random_betas, random_poses
from tests.tiny import tiny_body

FLIP = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("open")


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    with np.load(find_weights_dir() / "body.npz") as file:
        return dict(file)


def test_skinning_equals_smplx(body: BodyModel) -> None:
    assert_equals_smplx(body)


def test_pose_correctives_equal_smplx() -> None:
    tiny = tiny_body()
    generator = torch.Generator().manual_seed(3)
    posedirs = 0.01 * torch.randn(tiny.n_vertices, 3, 207, generator=generator)
    assert_equals_smplx(replace(tiny, posedirs=posedirs))


def test_weights_are_a_partition_of_unity(body: BodyModel) -> None:
    assert body.lbs_weights.min() >= 0
    assert (body.lbs_weights.double().sum(1) - 1).abs().max() < 1e-6


def test_zero_pose_is_the_template_with_its_shape(body: BodyModel) -> None:
    betas = random_betas(1)[0]
    expected = body.v_template + torch.einsum("vck,k->vc", body.shapedirs, betas)
    vertices, joints = skin(body, torch.zeros(2, 24, 3), betas)
    assert (vertices - expected).abs().max() < 1e-6
    assert (joints - body.J_regressor @ expected).abs().max() < 1e-5


def test_betas_per_frame_equal_one_by_one(body: BodyModel) -> None:
    poses, betas = random_poses(3), random_betas(3)
    together, _ = skin(body, poses, betas)
    for i in range(3):
        alone, _ = skin(body, poses[i : i + 1], betas[i])
        assert (together[i] - alone[0]).abs().max() < 2e-6


def test_a_subset_of_vertices_is_that_subset_of_all(body: BodyModel) -> None:
    rows = torch.tensor([5, 13000, 77, 77])
    offsets = 0.01 * torch.randn(body.n_vertices, 3, generator=torch.Generator().manual_seed(0))
    poses, betas = random_poses(2), random_betas(1)[0]
    whole, _ = skin(body, poses, betas, offsets)
    some, _ = skin(body, poses, betas, offsets, rows)
    assert (whole[:, rows] - some).abs().max() < 2e-6


def test_root_rotation_turns_the_body_about_its_pelvis(body: BodyModel) -> None:
    poses, betas = random_poses(1), random_betas(1)[0]
    turn = Rotation.from_rotvec([0.3, -1.1, 0.6])
    turned = poses.clone()
    root = turn * Rotation.from_rotvec(poses[0, 0].numpy())
    turned[0, 0] = torch.from_numpy(root.as_rotvec()).float()
    before, _ = skin(body, poses, betas)
    after, _ = skin(body, turned, betas)
    pelvis = joints_rest(body, betas)[0]
    matrix = torch.from_numpy(turn.as_matrix()).float()
    assert ((before - pelvis) @ matrix.T + pelvis - after).abs().max() < 5e-6


def test_mirrored_pose_gives_the_mirrored_body(body: BodyModel) -> None:
    swap = [
        JOINT_NAMES.index(n.replace("left", "?").replace("right", "left").replace("?", "right")) for n in JOINT_NAMES
    ]
    poses = random_poses(1)
    # A reflection in x turns a rotation about (x, y, z) into one about (x, -y, -z).
    mirrored = poses[:, swap] * torch.tensor([1.0, -1.0, -1.0])
    betas = random_betas(1)[0]
    vertices, _ = skin(body, poses, betas)
    other, _ = skin(body, mirrored, betas)
    error = (other - vertices[:, body.mirror] * FLIP).abs().max()
    assert error < 2e-3  # shape directions are float16, weights too


def test_mirror_maps_are_involutions(body: BodyModel) -> None:
    everyone = torch.arange(body.n_vertices)
    assert torch.equal(body.mirror[body.mirror], everyone)
    assert (body.v_template[body.mirror] * FLIP - body.v_template).abs().max() < 1e-5
    faces = torch.arange(len(body.faces))
    assert torch.equal(body.mirror_faces[body.mirror_faces], faces)
    assert torch.equal(body.mirror[body.faces].sort(1)[0], body.faces[body.mirror_faces].sort(1)[0])


def test_rotation_matrices_equal_scipy() -> None:
    vectors = torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    vectors *= torch.logspace(-9, 0.6, 200, dtype=torch.float64)[:, None]
    expected = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    assert np.abs(axis_angle_to_matrix(vectors).numpy() - expected).max() < 1e-12


def test_rotation_gradient_at_zero_is_the_generator() -> None:
    jacobian = torch.autograd.functional.jacobian(axis_angle_to_matrix, torch.zeros(3, dtype=torch.float64))
    # Column k is the cross product matrix of axis k.
    for k, axis in enumerate(np.eye(3)):
        cross = np.stack([np.cross(axis, column) for column in np.eye(3)], 1)
        assert np.abs(jacobian[..., k].numpy() - cross).max() < 1e-12


def test_forward_kinematics_equals_the_chain_of_products(body: BodyModel) -> None:
    poses, joints = random_poses(2).double(), joints_rest(body, random_betas(1)[0]).double()
    transforms, posed = forward_kinematics(poses, joints, body.parents)
    for b in range(2):
        for joint in range(24):
            chain, expected = joint, np.eye(4)
            while chain >= 0:
                parent = body.parents[chain]
                local = np.eye(4)
                local[:3, :3] = Rotation.from_rotvec(poses[b, chain].numpy()).as_matrix()
                local[:3, 3] = joints[chain] - (joints[parent] if parent >= 0 else 0)
                expected = local @ expected
                chain = parent
            assert np.abs(transforms[b, joint].numpy() - expected).max() < 1e-9
            assert np.abs(posed[b, joint].numpy() - expected[:3, 3]).max() < 1e-9


def test_parents_after_children_are_refused() -> None:
    with pytest.raises(ValueError, match="before their children"):
        forward_kinematics(torch.zeros(1, 3, 3), torch.zeros(3, 3), (-1, 2, 0))


def test_skinning_is_differentiable() -> None:
    tiny = tiny_body()
    double = {name: getattr(tiny, name).double() for name in ("v_template", "shapedirs", "J_regressor", "lbs_weights")}
    tiny = replace(tiny, **double)
    rows = torch.tensor([0, 400])
    generator = torch.Generator().manual_seed(0)
    poses = (0.3 * torch.randn(1, 24, 3, generator=generator, dtype=torch.float64)).requires_grad_()
    betas = torch.randn(10, generator=generator, dtype=torch.float64).requires_grad_()
    offsets = torch.zeros(tiny.n_vertices, 3, dtype=torch.float64)

    def run(poses: torch.Tensor, betas: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        return skin(tiny, poses, betas, offsets.index_put((rows,), offset), rows)[0]

    offset = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, (poses, betas, offset))


def test_offsets_turn_with_their_vertex(body: BodyModel) -> None:
    poses, betas = random_poses(1), random_betas(1)[0]
    offsets = 0.02 * torch.randn(body.n_vertices, 3, generator=torch.Generator().manual_seed(5))
    plain, joints = skin(body, poses, betas)
    dressed, dressed_joints = skin(body, poses, betas, offsets)
    matrix, shift, _ = skinning_transforms(body, poses, betas)
    moved = (matrix @ offsets[..., None])[..., 0]
    assert (dressed - plain - moved).abs().max() < 2e-6
    assert torch.equal(joints, dressed_joints)
    back = torch.linalg.solve(matrix, (dressed - shift)[..., None])[..., 0]
    assert (back - rest_vertices(body, betas) - offsets).abs().max() < 1e-4


def test_joints_lie_where_the_build_had_them(body: BodyModel, stored: dict[str, np.ndarray]) -> None:
    betas = torch.from_numpy(stored["check_betas"])
    betas[:, COMPONENT] = 0  # the least one of the build's made room for the length of the legs
    error = np.linalg.norm(joints_rest(body, betas).numpy() - stored["check_joints"], axis=-1) * 1e3
    assert error.mean() < 3
    assert error.max() < 15
    meta = json.loads(stored["meta"].tobytes())
    assert meta["joint_error_mm"]["mean"] < 3
    assert meta["held_out_rms_mm"] < 3.5
    assert meta["variance_kept"] > 0.998


def test_betas_have_the_variance_of_people(stored: dict[str, np.ndarray]) -> None:
    assert 0.5 < np.sqrt((stored["check_betas"] ** 2).mean()) < 2


def test_t_pose_faces_the_viewer(body: BodyModel) -> None:
    at = {name: body.v_template[i] for name, i in body.landmarks.items()}
    joints = dict(zip(JOINT_NAMES, body.joint_template, strict=True))
    assert joints["pelvis"].abs().max() < 1e-5
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = torch.stack([joints[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")])
        assert (torch.diff(arm[:, 0]) * sign > 0.08).all()
        assert arm[:, 1:].std(0).max() < 1e-3  # level and straight
        # Palms down: the thumb in front, the backs of the hands up.
        assert at[f"{side}_thumb_tip"][2] > at[f"{side}_pinky_tip"][2] + 0.05
        across = at[f"{side}_index_knuckle"] - at[f"{side}_pinky_knuckle"]
        back = torch.linalg.cross(across, torch.tensor([sign, 0.0, 0.0])) * sign
        assert back[1] / back.norm() > 0.9
        leg = torch.stack([joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle")])
        assert (torch.diff(leg[:, 1]) < -0.3).all()
        assert at[f"{side}_big_toe"][2] > at[f"{side}_heel"][2] + 0.15
        assert abs(at[f"{side}_small_toe"][0]) > abs(at[f"{side}_big_toe"][0])
        for name in ("eye", "ear", "mouth", "heel", "index_tip"):
            assert at[f"{side}_{name}"][0] * sign > 0.01
    assert at["nose"][2] > at["left_eye"][2] > at["left_ear"][2]
    assert at["head_top"][1] > at["left_eye"][1] > at["nose"][1] > at["left_mouth"][1] > at["chin"][1]
    stature = float(np.ptp(body.v_template[:, 1].numpy()))
    assert 1.5 < stature < 1.8


def test_surface_is_closed_and_looks_outwards() -> None:
    whole = load_body("open", hidden=True)
    faces = whole.faces
    assert len(faces) == 27420 + int(whole.of_group("teeth").sum())
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys = edges[:, 0] * whole.n_vertices + edges[:, 1]
    assert len(keys.unique()) == len(keys)  # no edge is run through twice in one direction
    a, b, c = whole.v_template[faces].double().unbind(1)
    volume = (torch.linalg.cross(a, b) * c).sum() / 6
    assert 0.04 < volume < 0.1


def test_hidden_faces_are_left_out_and_vertices_keep_their_numbers(body: BodyModel) -> None:
    whole = load_body("open", hidden=True)
    assert torch.equal(whole.v_template, body.v_template)
    assert len(body.faces) == 24864
    assert {tuple(f) for f in body.faces.tolist()} < {tuple(f) for f in whole.faces.tolist()}
    used = torch.zeros(body.n_vertices, dtype=torch.bool)
    used[body.faces.flatten()] = True
    assert used[list(body.landmarks.values())].all()


def test_texture_charts_do_not_overlap(body: BodyModel) -> None:
    charts = body.uv[body.uv_faces].double().numpy()
    assert charts.min() > 0
    assert charts.max() < 1
    # v runs down: seen in the atlas as on the body from outside.
    a, b = charts[:, 1] - charts[:, 0], charts[:, 2] - charts[:, 0]
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0).all()
    assert _covered(charts, np.arange(len(charts), dtype=float)).mean() < 1e-3


def test_made_atlas_is_an_atlas(body: BodyModel) -> None:
    vertices = body.v_template.double().numpy()
    uv, uv_faces = make_atlas(vertices, body.faces.numpy(), body.parts.numpy(), body.joint_template.double().numpy())
    charts = uv[uv_faces]
    assert uv.min() >= 0
    assert uv.max() <= 1
    a, b = charts[:, 1] - charts[:, 0], charts[:, 2] - charts[:, 0]
    area = -(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    assert (area > 0).all()
    assert not _covered(charts, np.arange(len(charts), dtype=float)).any()
    assert area.sum() > 0.4
    # Texture vertices are shared within a chart, so that neighbours stay neighbours.
    assert len(uv) < 0.3 * uv_faces.size


def test_facial_actions_and_fingers_are_kept(stored: dict[str, np.ndarray]) -> None:
    assert len(stored["action_names"]) == 52
    jaw = list(stored["action_names"]).index("jawOpen")
    rows = stored["action_index"] == jaw
    chin = stored["landmark_vertices"][list(stored["landmark_names"]).index("chin")]
    drop = stored["action_offset"][rows][stored["action_vertex"][rows] == chin]
    assert drop.shape == (1, 3)
    assert drop[0, 1] < -0.01
    assert len(stored["finger_names"]) == 30
    weights = np.zeros((len(stored["v_template"]), 30))
    weights[stored["finger_weight_vertex"], stored["finger_weight_joint"]] = stored["finger_weight_value"]
    # Fingers 2–5 take over the hand's weight, the thumb some of the wrist's.
    left = [i for i, name in enumerate(stored["finger_names"]) if name.startswith("left") and "thumb" not in name]
    assert np.abs(weights[:, left].sum(1) - stored["weights"][:, 22]).max() < 2e-3
    tip = stored["landmark_vertices"][list(stored["landmark_names"]).index("left_index_tip")]
    assert stored["finger_names"][weights[tip].argmax()] == "left_index3"


def test_wrong_shapes_are_named(body: BodyModel) -> None:
    with pytest.raises(ValueError, match=r"\(1, 23, 3\)"):
        skin(body, torch.zeros(1, 23, 3), torch.zeros(10))
    with pytest.raises(ValueError, match=r"\(16,\)"):
        skin(body, torch.zeros(1, 24, 3), torch.zeros(16))


def test_missing_files_say_what_to_do(tmp_path) -> None:
    with pytest.raises(WeightsError, match=r"smpl\.is\.tue\.mpg\.de"):
        load_body("smpl")
    with pytest.raises(WeightsError, match="--body"):
        load_body(tmp_path / "no.npz")
    with pytest.raises(WeightsError, match="--weights"):
        load_body("open", tmp_path / "nowhere")


def test_a_folder_of_the_users_need_not_hold_the_open_body(tmp_path, body: BodyModel) -> None:
    assert load_body("open", tmp_path).identity == body.identity


def test_body_of_another_format_is_refused(tmp_path, stored: dict[str, np.ndarray]) -> None:
    meta = json.loads(stored["meta"].tobytes()) | {"format": 99}
    np.savez(tmp_path / "body.npz", **{**stored, "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)})
    with pytest.raises(WeightsError, match="format 99"):
        load_body(tmp_path / "body.npz")


def test_tensors_follow_the_device(body: BodyModel) -> None:
    moved = body.to("meta")
    assert moved.v_template.device.type == moved.mirror.device.type == "meta"
    assert moved.identity == body.identity


def test_tiny_body_is_a_body() -> None:
    tiny = tiny_body()
    assert torch.equal(tiny.mirror[tiny.mirror], torch.arange(tiny.n_vertices))
    assert (tiny.lbs_weights.sum(1) - 1).abs().max() < 1e-6
    assert set(tiny.landmarks) == set(load_body("open").landmarks)
    assert_equals_smplx(tiny)
