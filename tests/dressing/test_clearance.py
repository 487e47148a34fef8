"""Arms and a wide shirt, laid over one another by hand and by the shipped body."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import rest_vertices, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.clearance import BESIDE, THICKEST, Clearance
from tests.body.acting import body
from tests.dressing.test_dress import rest_normals, smoothed

FOREARMS, HANDS = (18, 19), (20, 21, 22, 23)


def shirt(thick: float) -> torch.Tensor:
    """(V, 3) m all round the trunk."""
    weights = body().lbs_weights[:, [0, 3, 6, 9]].sum(1)
    return thick * smoothed(weights, 10)[:, None] * rest_normals(rest_vertices(body(), torch.zeros(10)))


def before_the_belly(forward: float = -1.2) -> torch.Tensor:
    """(1, 24, 3): forearms across; forward rad, how far they point to the viewer."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = -1.3, 1.3
    pose[0, 18], pose[0, 19] = (0, forward, -1.3), (0, -forward, 1.3)
    return torch.from_numpy(pose)


def shown(vertices: torch.Tensor, joints: tuple[int, ...]) -> int:
    """Pixels in which some joints' surface is seen."""
    fragments = rasterize(project(vertices, torch.tensor([[0.95, 0.0, 0.25]])), body().faces, 256)
    face = fragments.pix_to_face[0].numpy()
    part = np.where(face >= 0, body().parts.numpy()[body().faces.numpy()[:, 0]][face], -1)
    return int(np.isin(part, joints).sum())


def test_forearms_before_a_wide_shirt_are_seen_whole() -> None:
    pose, betas, worn = before_the_belly(), torch.zeros(10), shirt(0.07)
    naked = shown(skin(body(), pose, betas)[0], (*FOREARMS, *HANDS))
    vertices, joints = skin(body(), pose, betas, worn)
    sunk = shown(vertices, (*FOREARMS, *HANDS))
    kept = Clearance.of(body(), worn).kept(vertices, joints)
    assert sunk < 0.8 * naked  # else nothing would have to be done
    assert shown(kept, (*FOREARMS, *HANDS)) > 0.97 * naked
    torch.testing.assert_close(kept[..., :2], vertices[..., :2])  # where the picture has them
    others = body().lbs_weights[:, 16:24].sum(1) == 0
    torch.testing.assert_close(kept[:, others], vertices[:, others])


def test_arms_behind_the_trunk_stay_behind_it() -> None:
    """Those before the belly, of somebody who turns their back: the belly's shirt is what they are kept clear of."""
    belly = shirt(0.05) * (body().v_template[:, 2:] > 0)
    vertices, joints = skin(body(), before_the_belly(), torch.zeros(10), belly)
    clear, turned = Clearance.of(body(), belly), torch.tensor([-1.0, 1.0, -1.0])
    torch.testing.assert_close(clear.kept(vertices * turned, joints * turned), clear.kept(vertices, joints) * turned)


@pytest.mark.parametrize(("thick", "expected"), [(0.0, 0.0), (0.03, 0.03), (0.3, THICKEST)])
def test_as_far_as_the_trunk_is_clothed(thick: float, expected: float) -> None:
    found = Clearance.of(body(), shirt(thick))
    assert found.thick == pytest.approx(expected, abs=0.006)
    weights = body().lbs_weights
    assert found.share[weights[:, list(FOREARMS)].sum(1) > 0.99].min() == pytest.approx(1, abs=1e-4)
    assert found.share[weights[:, [0, 3, 6, 9, 12, 15]].sum(1) > 0.99].max() < 0.01


def test_beside_the_trunk_nothing_moves() -> None:
    """At the spine's own depth, whichever way that leans."""
    joints = torch.zeros(1, 24, 3)
    joints[0, 12] = torch.tensor([0.0, 0.5, 0.2])
    places = torch.tensor([[[0.4, 0.25, 0.1], [0.4, 0.25, 0.1 + BESIDE], [0.4, 0.25, 0.1 - BESIDE], [0.3, 0.9, 0.2]]])
    kept = Clearance(0.04, torch.ones(4)).kept(places, joints)
    np.testing.assert_allclose((kept - places)[0, :, 2], [0, 0.04, -0.04, 0], atol=1e-6)
