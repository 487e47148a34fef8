"""Where limbs are bare, and which pixels are theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.bare import (
    BETWEEN,
    PERHAPS,
    bare_edges,
    bare_stretches,
    edges_of,
    in_glare,
    limb_likeness,
    limb_skins,
    skin_trust,
)
from lwgan_cli.texture.bare import SKIN as SKINNY
from lwgan_cli.texture.skin_tone import Tone, from_log, to_log
from lwgan_cli.texture.sleeves import sleeve_ends
from lwgan_cli.texture.source import Source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import complete_views
from tests.texture.staging import pose, source, surface
from tests.texture.test_texture import SIZE, painted, photograph

SKIN, CLOTH = np.array([225.0, 175, 150]), np.array([40.0, 80, 170])
TONE = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
ALL = np.ones(len(surface().groups), bool)
ARMS, LEGS = surface().of_limbs


def dressed(sleeve: float, trousers: float, shoes: float = 9.0) -> np.ndarray:
    """(V, 3) cloth down to so many m along arms and legs and from where shoes begin, skin between; some noise."""
    along = surface().along
    cloth = np.where(ARMS, along < sleeve, (along < trousers) | (along > shoes))
    return np.where(cloth[:, None], CLOTH, SKIN) + np.random.default_rng(0).normal(0, 3, (len(along), 3))


@pytest.mark.parametrize(("sleeve", "trousers", "shoes"), [(-0.25, 0.4, 0.8), (-0.1, 0.3, 0.84)])
def test_limbs_are_bare_from_hems_to_shoes(sleeve: float, trousers: float, shoes: float) -> None:
    (arm, hand), (hem, ankle) = bare_stretches(surface(), dressed(sleeve, trousers, shoes), ALL, TONE)
    assert hand == np.inf
    np.testing.assert_allclose([arm, hem, ankle], [sleeve, trousers, shoes], atol=0.025)


def test_hands_are_bare_to_the_fingers_ends() -> None:
    """Where fingers are fitted beside those of the photo, the trousers behind them show."""
    colours = dressed(-0.25, 9.0)
    colours[ARMS & (surface().along > 0.1)] = CLOTH
    assert bare_stretches(surface(), colours, ALL, TONE)[0, 1] == np.inf
    colours[ARMS & (surface().along > 0.02)] = CLOTH  # gloves
    assert bare_stretches(surface(), colours, ALL, TONE)[0, 1] < 0.05


def test_both_sides_are_dressed_alike() -> None:
    """What the fit of one leg reads elsewhere in the photo is outvoted by the leg that is seen well."""
    colours = dressed(-0.25, 0.4)
    below = LEGS & (surface().vertices[:, 0] < 0) & (surface().along > 0.6)
    colours[below] = CLOTH
    less = ALL & ~(below & (np.arange(len(ALL)) % 2 == 0))
    assert bare_stretches(surface(), colours, less, TONE)[1, 1] == np.inf


def test_what_hangs_from_a_bare_upper_arm_is_bare() -> None:
    stretches = bare_stretches(surface(), dressed(-1.0, 9.0), surface().along < -0.3, TONE)
    assert np.isinf(stretches[0]).all() and np.isnan(stretches[1]).all()


def test_other_colours_and_a_few_vertices_are_no_bare_limbs() -> None:
    few = np.isin(np.arange(len(ALL)), np.flatnonzero(LEGS & (surface().along > 0.5))[:12])
    assert np.isnan(bare_stretches(surface(), dressed(-0.25, 0.4), few, TONE)).all()
    assert np.isnan(bare_stretches(surface(), dressed(-0.25, 0.4), ALL, None)).all()
    # in the face's colour, and too dark; pale and yellow; dark, and greyer than skin in the shade is
    for cloth in (0.58 * SKIN, SKIN * [0.9, 1.06, 1.03], np.array([128.0, 110, 104])):
        colours = np.where(LEGS[:, None], cloth, dressed(-0.25, 9.0))
        assert np.isnan(bare_stretches(surface(), colours, ALL, TONE)[1]).all()


@pytest.mark.parametrize(("sleeve", "bare"), [(-0.25, True), (9.0, False)])
def test_legs_lit_as_bare_arms_are_may_be_less_like_the_face(sleeve: float, bare: bool) -> None:
    """Of logs 1.2 and 1.6 spreads of tint from the face's: make-up, a lamp of its own."""
    colours = dressed(sleeve, 0.4)
    for limb, spreads in ((ARMS, 1.2), (LEGS, 1.6)):
        rows = limb & (np.linalg.norm(colours - SKIN, axis=1) < 30)
        colours[rows] = from_log(to_log(colours[rows]) + spreads * 0.15 * np.array([-1, 0, 1]) / np.sqrt(2))
    assert np.isfinite(bare_stretches(surface(), colours, ALL, TONE)[1, 0]) == bare


@pytest.mark.parametrize(("sleeve", "spreads", "bare"), [(-0.1, 1.8, True), (-0.1, 2.4, False), (-0.4, 1.8, False)])
def test_hands_out_of_rolled_up_sleeves_may_be_less_like_the_face(sleeve: float, spreads: float, bare: bool) -> None:
    """A face in the shade, hands raised towards the lamps; beige sleeves of a dark vest are none."""
    colours = dressed(sleeve, 9.0)
    rows = ARMS & (np.linalg.norm(colours - SKIN, axis=1) < 30)
    colours[rows] = from_log(to_log(colours[rows]) + spreads * 0.15 * np.array([-1, 0, 1]) / np.sqrt(2))
    assert np.isfinite(bare_stretches(surface(), colours, ALL, TONE)[0, 0]) == bare


@pytest.mark.parametrize(("width", "gleams"), [(0.15, True), (0.001, False)])
def test_light_on_skin_fades_and_a_white_shoe_doesnt(width: float, gleams: bool) -> None:
    """Both are nearly white, and as far from a shank's skin."""
    assert TONE is not None
    own = surface().with_bare(np.array([[np.nan, np.nan], [0.3, np.inf]]))
    start, end = bare_edges(own)

    def lit(along: np.ndarray) -> np.ndarray:
        share = np.clip((along - 0.6) / width, 0, 1)[..., None]
        return SKIN + share * (np.array([250.0, 244, 242]) - SKIN)

    along = own.along
    colours = lit(along)
    skins = limb_skins(own, colours, ALL, TONE)
    likeness = limb_likeness(skins, own.of_limbs, colours, PERHAPS)
    between = np.stack([lit(along[start] + share * (along[end] - along[start])) for share in BETWEEN])
    lengths = np.linalg.norm((own.vertices[end] - own.vertices[start])[:, :2], axis=1)
    glare = in_glare(own, skins, ALL, colours, likeness, between, lengths)
    white = own.bare & (likeness < 0.5) & ~own.feet
    assert white.any() and glare[white].mean() == gleams
    assert not glare[~own.bare].any()


def trust_of(
    colours: np.ndarray, shown: np.ndarray, stretches: np.ndarray, glimpsed: np.ndarray | None = None
) -> np.ndarray:
    """`skin_trust` of colours (V, 3) that change midway between vertices."""
    own = surface().with_bare(stretches)
    assert TONE is not None
    skins = limb_skins(own, colours, shown, TONE)
    likeness = limb_likeness(skins, own.of_limbs, colours)
    start, end = bare_edges(own)
    between = np.stack([likeness[start], likeness[end], likeness[end]])
    return skin_trust(own, stretches, shown, shown if glimpsed is None else glimpsed, likeness, between)


STRETCHES = np.array([[-0.3, np.inf], [np.nan, np.nan]])


def test_shaded_rims_of_a_bare_limb_are_perhaps_skin() -> None:
    """Where a shoe begins is told from skin strictly, and pixels are only doubted that surely are none."""
    skins = limb_skins(surface(), dressed(-0.25, 0.4), ALL, TONE)
    shaded = np.tile(SKIN * [0.8, 0.72, 0.68], (len(ALL), 1))
    strict, lenient = (
        limb_likeness(skins, surface().of_limbs, shaded, ends)[LEGS].mean() for ends in (SKINNY, PERHAPS)
    )
    assert strict < 0.5 < lenient
    assert limb_likeness(skins, surface().of_limbs, np.tile(CLOTH, (len(ALL), 1)), PERHAPS)[LEGS].max() == 0


def test_cloth_beside_a_bare_forearm_is_not_the_forearms() -> None:
    """Its lower side reads what lies below; a watch is worn, and spots amid the skin are its own."""
    along, up = surface().along, surface().vertices[:, 1]
    middle = np.median(up[ARMS])
    shown = up > middle - 0.02
    forearm, left = ARMS & (along > -0.2) & (along < -0.06), surface().vertices[:, 0] > 0
    below = forearm & left & (up < middle)
    watch = ARMS & ~left & (along > -0.045) & (along < -0.015)
    colours = dressed(-0.3, 9.0)
    colours[below | watch] = CLOTH
    trust = trust_of(colours, shown, STRETCHES)
    assert below[shown].any() and not trust[below & shown].any()
    assert (trust[watch & shown] == 1).all()
    away = np.abs(along + 0.13) > 0.12
    assert (trust[ARMS & ~forearm & away] == 1).all() and (trust[LEGS] == 1).all()


def test_a_glimpse_of_cloth_beside_a_forearm_is_not_the_forearms() -> None:
    """It would be drawn all the same, in part."""
    up = surface().vertices[:, 1]
    forearm = ARMS & (np.abs(surface().along + 0.13) < 0.07)
    middle = np.median(up[ARMS])
    colours = dressed(-0.3, 9.0)
    below = forearm & (up < middle - 0.01)
    colours[below] = CLOTH
    trust = trust_of(colours, up > middle - 0.01, STRETCHES, up > middle - 0.02)
    glimpsed = below & (up > middle - 0.02)
    assert glimpsed.any() and not trust[glimpsed].any()


def test_a_few_vertices_at_the_rim_of_a_forearm_are_no_watch() -> None:
    """Rings of vertices lie aslant: those that are furthest up of one are not all of the arm that is seen there."""
    along, (start, end) = surface().along, edges_of(surface())
    ring = np.flatnonzero(ARMS & (surface().vertices[:, 0] > 0) & (np.abs(along + 0.131) < 0.008))
    few = ring[along[ring].argsort()[:3]]
    colours, shown = dressed(-0.3, 9.0), ALL.copy()
    colours[few] = CLOTH
    shown[np.setdiff1d(end[np.isin(start, few)], ring)[:1]] = False  # the rim
    assert not trust_of(colours, shown, STRETCHES)[few].any()


def test_a_forearm_that_shows_hardly_any_skin_shows_nothing() -> None:
    along, left = surface().along, surface().vertices[:, 0] > 0
    forearm = surface().groups == surface().groups[ARMS & left][np.abs(along[ARMS & left] + 0.1).argmin()]
    odd = forearm & (np.random.default_rng(2).random(len(ALL)) < 0.8)
    colours = np.where(odd[:, None], CLOTH, dressed(-0.3, 9.0))
    shown = ALL & ~(forearm & (surface().vertices[:, 2] < np.median(surface().vertices[forearm, 2])))
    assert not trust_of(colours, shown, STRETCHES)[forearm].any()


def test_hems_may_run_aslant() -> None:
    along = surface().along
    colours = dressed(-0.3 + 0.02, 9.0)
    assert (trust_of(colours, ALL, STRETCHES)[ARMS & (along < -0.27)] == 1).all()


def test_cloth_near_a_hem_that_is_not_the_hems_is_not_the_arms() -> None:
    """What lies beside an arm hangs together with no sleeve."""
    along, up = surface().along, surface().vertices[:, 1]
    shown = up > np.median(up[ARMS]) - 0.02
    beside = ARMS & (np.abs(along + 0.265) < 0.012) & (up < np.median(up[ARMS]))
    colours = dressed(-0.3, 9.0)
    colours[beside] = CLOTH
    trust = trust_of(colours, shown, STRETCHES)
    assert (beside & shown).any() and not trust[beside & shown].any()


def test_bare_arms_have_no_sleeves_at_the_wrist() -> None:
    """Where the hand should be, the photo shows trousers."""
    colours = dressed(-0.25, 9.0)
    colours[ARMS & (surface().along > -0.1)] = CLOTH
    own = surface().with_bare(np.array([[-0.25, np.inf], [np.nan, np.nan]]))
    assert np.isnan(sleeve_ends(own, colours, ALL, TONE)).all()
    assert (sleeve_ends(surface(), colours, ALL, TONE) == 0).all()


def lit(places: np.ndarray) -> np.ndarray:
    """A striped dress on somebody bare."""
    stripes = np.where((places[:, 1:2] * 40).astype(int) % 2, CLOTH, CLOTH[::-1])
    limbs = np.abs(places[:, :1]) > 0.2
    return np.where(limbs | (places[:, 1:2] > 0.3), SKIN, stripes)


def test_unseen_bare_arms_are_of_one_tone_and_no_cloths() -> None:
    """Of the arms only the upper ends are seen: forearms and hands are skin, lit softly."""
    view = photograph(surface(), lit)
    unseen = ARMS & (surface().along > -0.3)
    view = replace(view, visibility=view.visibility * ~unseen, bare=np.array([[-np.inf, np.inf], [np.nan, np.nan]]))
    places, colours, _ = painted(surface(), complete_views([view], surface(), SIZE), lit)
    arm = np.abs(places[:, 0]) > np.abs(surface().vertices[unseen, 0]).min() + 0.03
    assert np.abs(colours[arm] / SKIN - 1).max() < 0.3
    assert np.ptp(np.quantile(colours[arm], (0.05, 0.95), axis=0), axis=0).max() < 50


def test_the_surface_says_which_of_its_vertices_are_bare() -> None:
    own: Surface = surface().with_bare(np.array([[-0.2, 0.05], [0.3, np.inf]]))
    np.testing.assert_array_equal(own.bare & ARMS, ARMS & (own.along >= -0.2) & (own.along < 0.05))
    np.testing.assert_array_equal(own.bare & LEGS, LEGS & (own.along >= 0.3))
    assert not own.bare[~(ARMS | LEGS)].any()


def test_a_photos_source_knows_bare_limbs_and_has_no_cloth_beneath_them() -> None:
    colours = np.broadcast_to(SKIN.astype(np.uint8), (400, 300, 3)).copy()
    shown: Source = source(pose(), colours)
    assert shown.bare is not None and np.isinf(shown.bare[0]).all()
    own = surface().with_bare(shown.bare)
    for under in shown.with_underlays(surface()).underlays:
        assert not under.visibility.numpy()[own.bare].any()
