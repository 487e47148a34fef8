from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir, read_npz
from lwgan_cli.body.hands import DIGITS, relaxed_hands
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, joints_rest, skin
from tests.tiny import tiny_body


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("open", find_weights_dir())


def test_fingers_in_two_steps_are_skinning_with_all_joints(body: BodyModel) -> None:
    """Against linear blend skinning with 24 + 30 joints at once, written out joint by joint in float64."""
    fingers = body.fingers
    assert fingers is not None
    rng = np.random.default_rng(0)
    pose, hands = rng.normal(0, 0.3, (24, 3)), rng.normal(0, 0.4, (30, 3))
    pose[22:] = 0  # SMPL-H has no hand joints
    betas = torch.from_numpy(rng.normal(0, 1, 10).astype(np.float32))
    rest = (body.v_template + body.shapedirs @ betas).double().numpy()
    joints = np.concatenate([joints_rest(body, betas), fingers.rest(betas)]).astype(np.float64)
    parents = [*body.parents, *fingers.parents]
    turns, places = [], []
    for joint, vector in enumerate([*pose, *hands]):
        above = parents[joint]
        local = Rotation.from_rotvec(vector).as_matrix()
        turns.append(local if above < 0 else turns[above] @ local)
        places.append(joints[0] if above < 0 else places[above] + turns[above] @ (joints[joint] - joints[above]))
    weights = np.zeros((len(rest), 54))
    weights[fingers.vertices.numpy()[:, None], 24 + np.arange(30)] = fingers.weights
    body_weights = body.lbs_weights.double().numpy()
    # what a finger has was part of the wrist's (thumb) or the hand joint's share
    for side, first in ((0, 24), (1, 39)):
        thumb = weights[:, first + 12 : first + 15].sum(1)
        others = weights[:, first : first + 12].sum(1)
        body_weights[:, 20 + side] -= thumb
        body_weights[:, 22 + side] -= others
    assert body_weights.min() > -2e-3
    weights[:, :24] = body_weights
    expected = sum(weights[:, j, None] * ((rest - joints[j]) @ turns[j].T + places[j]) for j in range(54))
    got = (
        skin(body, torch.from_numpy(pose)[None].float(), betas, hands=torch.from_numpy(hands)[None].float())[0][0]
        .double()
        .numpy()
    )
    np.testing.assert_allclose(got, expected, atol=1e-3)  # a few vertices hang from the forearm too
    flat = skin(body, torch.from_numpy(pose)[None].float(), betas)[0][0].double().numpy()
    assert np.abs(got - flat).max() > 0.02


def test_actions_add_what_the_file_holds(body: BodyModel) -> None:
    stored = read_npz(find_weights_dir() / "body.npz")
    names = stored["action_names"].tolist()
    assert body.actions is not None and list(body.actions.names) == names
    face = torch.zeros(2, len(names))
    jaw, blink = names.index("jawOpen"), names.index("eyeBlinkLeft")
    face[0, jaw], face[1, blink], face[1, jaw] = 1.0, 0.5, 0.25
    count = len(stored["v_template"])  # the teeth come after these
    expected = np.repeat(body.v_template[None, :count].double().numpy(), 2, 0)
    for row, action, strength in ((0, jaw, 1.0), (1, blink, 0.5), (1, jaw, 0.25)):
        rows = stored["action_index"] == action
        expected[row, stored["action_vertex"][rows]] += strength * stored["action_offset"][rows].astype(np.float64)
    got = skin(body, torch.zeros(2, 24, 3), torch.zeros(10), face=face)[0]
    np.testing.assert_allclose(got[:, :count].numpy(), expected, atol=1e-6)
    some = torch.tensor([5, 4000, 12000])
    np.testing.assert_allclose(
        skin(body, torch.zeros(2, 24, 3), torch.zeros(10), vertices=some, face=face)[0], got[:, some], atol=1e-6
    )


def test_hidden_faces_come_last(body: BodyModel) -> None:
    whole = load_body("open", find_weights_dir(), hidden=True)
    assert body.n_shown == len(body.faces) == whole.n_shown < len(whole.faces)
    assert torch.equal(whole.faces[: whole.n_shown], body.faces)
    assert torch.equal(whole.uv_faces[: whole.n_shown], body.uv_faces)


def test_a_body_without_fingers_and_face_stays_as_it_is() -> None:
    body = tiny_body()
    poses = torch.full((2, 24, 3), 0.1)
    plain = skin(body, poses, torch.zeros(10))[0]
    assert torch.equal(skin(body, poses, torch.zeros(10), hands=torch.ones(30, 3), face=torch.ones(52))[0], plain)
    assert relaxed_hands(body) is None


def test_a_relaxed_hand_is_curled_together_and_alike_on_both_sides(body: BodyModel) -> None:
    hands = relaxed_hands(body)
    assert hands is not None and body.fingers is not None
    rest = body.fingers.rest(torch.zeros(10))
    _, flat = body.fingers.chains(torch.zeros(1, 30, 3), rest)
    _, curled = body.fingers.chains(hands[None], rest)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(curled[0, :15] * flip, curled[0, 15:], atol=1e-4, rtol=0)
    outer = [3 * DIGITS.index(name) + 2 for name in ("index", "middle", "ring", "pinky")]
    lower = (flat - curled)[0, outer, 1]  # the palm looks down
    assert (lower > 0.008).all() and (lower < 0.06).all()
    width = [float(torch.dist(places[0, outer[0]], places[0, outer[-1]])) for places in (flat, curled)]
    assert width[1] < 0.8 * width[0]
