"""Light on bare limbs, told by limbs whose light is known."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.pieces import Pieces
from lwgan_cli.texture.skin_light import FRONT, OWN, SHARES, USUAL, lit_alike, skin_light
from lwgan_cli.texture.skin_tone import from_log, to_log
from lwgan_cli.texture.texels import Texels
from tests.texture.staging import surface

SKIN = np.array([170.0, 130, 110])
BARE = surface().with_bare(np.array([[-0.3, np.inf], [0.3, np.inf]]))
RANDOM = np.random.default_rng(0)
NORMALS = RANDOM.normal(size=(len(BARE.vertices), 3)) * [1, 1, 0.3] + [0, 0, 1]
NORMALS /= np.linalg.norm(NORMALS, axis=1, keepdims=True)


def lit(slope: np.ndarray) -> np.ndarray:
    """(V, 3) skin, arms twice as light as legs."""
    light = NORMALS @ slope + 0.7 * BARE.of_limbs[0]
    return from_log(to_log(SKIN) - 0.8 + light[:, None])


def test_light_comes_from_where_limbs_are_lighter() -> None:
    slope = np.array([0.5, 0.1, 0.3])
    light = skin_light(BARE, NORMALS, lit(slope), NORMALS[:, 2] > 0.1)
    sure = light[:, 0] > 0.99 * light[:, 0].max()
    assert sure.sum() > 1000 and BARE.bare[light.any(1)].all()
    np.testing.assert_allclose(light[sure, :3].mean(0), slope, atol=0.1)
    np.testing.assert_allclose(light[:, 3], (light[:, :3] * (NORMALS - FRONT)).sum(1), atol=1e-5)


def test_creases_and_spots_are_no_light() -> None:
    colours = lit(np.array([0.0, 0.2, 0.4]))
    colours[(NORMALS[:, 0] > 0.5) & (RANDOM.random(len(colours)) < 0.3)] *= 0.4
    light = skin_light(BARE, NORMALS, colours, NORMALS[:, 2] > 0.1)
    assert np.abs(light[:, 0]).max() < 0.12


def test_of_too_little_skin_the_light_is_the_usual_one() -> None:
    few = np.zeros(len(NORMALS), bool)
    few[np.flatnonzero(BARE.bare)[:10]] = True
    light = skin_light(BARE, NORMALS, lit(np.array([0.5, 0, 0])), few)
    np.testing.assert_allclose(np.abs(light[:, :3]).max(0), USUAL, atol=1e-6)


@pytest.mark.parametrize("least", [0, 10**9])
def test_an_arm_in_the_shade_lends_the_other_one_no_shade(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """But where nothing is seen of that one itself."""
    monkeypatch.setattr("lwgan_cli.texture.skin_light.LEAST", max(least, 1))
    pieces = Pieces.of(BARE, Texels.of(BARE.uv, BARE.uv_faces, 96))
    left = pieces.places[:, :1] > 0
    dark = from_log(to_log(SKIN) - 0.6)
    own, twin = (
        np.concatenate([np.where(side, SKIN, dark), np.ones((len(side), 1))], 1).astype(np.float32)
        for side in (left, ~left)
    )
    found = to_log(lit_alike(pieces, own, twin)[:, :3]) - to_log(own[:, :3])
    away = np.broadcast_to((0 if least else OWN * SHARES) * 0.6 - 0.6, 3)
    rows = left[:, 0] & pieces.bare
    np.testing.assert_allclose(found[rows], np.broadcast_to(away, found[rows].shape), atol=0.02)
    other = found[~left[:, 0] & pieces.bare]
    np.testing.assert_allclose(other, np.broadcast_to(-away, other.shape), atol=0.02)
    np.testing.assert_allclose(found[left[:, 0] & ~pieces.bare], -0.6, atol=0.02)
