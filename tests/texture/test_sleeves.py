"""Where sleeves end, from the colours of forearms and hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.sleeves import let_down, sleeve_ends
from lwgan_cli.texture.texture import complete_views
from tests.texture.staging import surface
from tests.texture.test_texture import SIZE, painted, photograph

SKIN, CLOTH = np.array([225.0, 175, 150]), np.array([40.0, 80, 170])
TONE = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
ALL = np.ones(len(surface().groups), bool)


def sleeved(end: float) -> np.ndarray:
    """(V, 3) cloth down to `end` m beyond the wrists, then skin; some noise on both."""
    colours = np.where((surface().beyond_wrists < end)[:, None], CLOTH, SKIN)
    return colours + np.random.default_rng(0).normal(0, 3, colours.shape)


@pytest.mark.parametrize("end", [-0.02, 0.0, 0.04])
def test_sleeves_end_where_skin_begins(end: float) -> None:
    np.testing.assert_allclose(sleeve_ends(surface(), sleeved(end), ALL, TONE), end, atol=0.006)


def test_each_arm_has_its_own_sleeve() -> None:
    left = surface().vertices[:, :1] > 0
    ends = sleeve_ends(surface(), np.where(left, sleeved(0.03), sleeved(-0.3)), ALL, TONE)
    assert abs(ends[0] - 0.03) < 0.006 and np.isnan(ends[1])  # the right arm is bare


def test_sleeves_end_at_the_wrist_where_no_hand_is_seen() -> None:
    assert (sleeve_ends(surface(), sleeved(1.0), ALL, TONE) == 0).all()  # hands in pockets
    assert (sleeve_ends(surface(), sleeved(0.0), surface().beyond_wrists < -0.02, TONE) == 0).all()


def test_nothing_is_said_of_arms_that_are_not_seen() -> None:
    assert np.isnan(sleeve_ends(surface(), sleeved(0.0), ~ALL, TONE)).all()
    assert np.isnan(sleeve_ends(surface(), sleeved(0.0), ALL, None)).all()


def test_hands_begin_where_sleeves_end() -> None:
    worn = surface().with_sleeves((0.03, np.nan))
    left, right = surface().vertices[:, 0] > 0, surface().vertices[:, 0] < 0
    hand = worn.hands[worn.groups]
    assert (worn.beyond_wrists[hand & left] >= 0.03).all() and not hand[left & (worn.beyond_wrists < 0.03)].any()
    assert (worn.groups[right] == surface().groups[right]).all()
    assert worn.sleeved.sum() == 1 and worn.hands[worn.sleeved].all()


def test_what_no_photo_shows_of_a_cuff_goes_on_around_the_arm() -> None:
    """Palms and little fingers unseen: cloth and skin part there where they do on the thumb's side."""
    wrist = float((np.abs(surface().vertices[:, 0]) - surface().beyond_wrists).mean())
    view = photograph(surface(), lambda places: np.where(np.abs(places[:, :1]) < wrist + 0.04, CLOTH, SKIN))
    sleeves = np.array([0.04, 0.04])
    atlas = complete_views([replace(view, sleeves=sleeves)], surface(), SIZE)
    places, found, _ = painted(surface(), atlas, lambda places: places)
    hidden = (view.visibility[surface().faces] == 0).all(1) & surface().arms[surface().groups[surface().faces]].all(1)
    beyond = np.abs(places[:, 0]) - wrist
    like_skin = np.linalg.norm(found - SKIN, axis=1) < np.linalg.norm(found - CLOTH, axis=1)
    assert like_skin[hidden & (beyond > 0.055)].mean() > 0.95
    assert like_skin[hidden & (np.abs(beyond) < 0.025)].mean() < 0.05


def test_a_wide_sleeve_is_as_wide_over_the_hand_as_above_it() -> None:
    beyond, left = surface().beyond_wrists, surface().vertices[:, 0] > 0
    arm = surface().arms[surface().groups] & left
    middle = surface().vertices[arm & (np.abs(beyond) < 0.05), 1:].mean(0)

    def around(offsets: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.linalg.norm((surface().vertices + offsets)[where, 1:] - middle, axis=1)

    spoke = np.pad(surface().vertices[:, 1:] - middle, ((0, 0), (1, 0)))
    spoke /= np.linalg.norm(spoke, axis=1, keepdims=True)
    offsets = 0.04 * spoke * (arm & (beyond < 0))[:, None]
    worn = let_down(surface(), offsets, np.array([0.04, np.nan]))
    above, over = (
        around(worn, arm & (np.abs(beyond + 0.045) < 0.015)),
        around(worn, arm & (np.abs(beyond - 0.01) < 0.02)),
    )
    assert over.min() > 0.9 * above.mean() > 1.5 * around(offsets, arm & (beyond > 0) & (beyond < 0.02)).mean()
    assert (worn == offsets)[(beyond > 0.04) | (beyond < -0.03) | ~left].all()


def test_bare_arms_and_tight_sleeves_stay_as_they_are() -> None:
    nothing = np.zeros_like(surface().vertices)
    assert (let_down(surface(), nothing, np.full(2, np.nan)) == 0).all()
    assert np.abs(let_down(surface(), nothing, np.zeros(2))).max() < 0.01
