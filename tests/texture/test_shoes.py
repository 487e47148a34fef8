"""Where shoes begin, what they cover, and what colour their unseen heels are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.shoes import shoe_edge
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.texture import complete_views, sure
from tests.texture.staging import surface
from tests.texture.test_texture import SIZE, painted, photograph

SKIN, SHOE, CLOTH = np.array([225.0, 175, 150]), np.array([40.0, 30, 35]), np.array([60.0, 90, 170])
TONE = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
ALL = np.ones(len(surface().groups), bool)
FEET = surface().feet
SOLE, HEEL = surface().vertices[FEET, 1].min(), surface().vertices[FEET, 2].min()
START = surface().along[FEET].min()
HEIGHT, FORWARD = surface().vertices[:, 1] - SOLE, surface().vertices[:, 2] - HEEL  # m, of feet
BARE = np.array([[np.nan, np.nan], [0.3, 9.0]])


def dressed(edge: float, above: np.ndarray = SKIN) -> np.ndarray:
    """(V, 3) with shoes from so many m of foot on, and something else before them; some noise."""
    shoe = FEET & (edge < FORWARD)
    return np.where(shoe[:, None], SHOE, above) + np.random.default_rng(0).normal(0, 3, (len(shoe), 3))


@pytest.mark.parametrize("edge", [0.06, 0.17])
def test_shoes_begin_where_the_instep_ends(edge: float) -> None:
    seen = ALL & (FORWARD > 0.05)  # no heel
    assert shoe_edge(surface(), dressed(edge), seen, TONE) == pytest.approx(START + edge, abs=0.011)


def test_feet_below_trousers_are_in_shoes_and_bare_ones_are_not() -> None:
    assert shoe_edge(surface(), dressed(-1, CLOTH), ALL, TONE) == pytest.approx(START)
    assert np.isnan(shoe_edge(surface(), dressed(9.0, SKIN), ALL, TONE))
    assert np.isnan(shoe_edge(surface(), dressed(0.1), ALL, None))
    assert np.isnan(shoe_edge(surface(), dressed(0.1), ALL & ~FEET, TONE))
    few = np.isin(np.arange(len(ALL)), np.flatnonzero(FEET & (FORWARD > 0.1))[:5])
    assert np.isnan(shoe_edge(surface(), dressed(0.1), few, TONE))


def test_a_pump_holds_the_heel_and_leaves_the_instep() -> None:
    own = surface().with_bare(BARE).with_shoes(START + 0.17)
    back, instep = FEET & (FORWARD < 0.03), FEET & (FORWARD > 0.06) & (FORWARD < 0.15) & (HEIGHT > 0.065)
    assert own.shod[back & (HEIGHT < 0.055)].all() and not own.shod[back & (HEIGHT > 0.065)].any()
    assert own.shod[FEET & ((HEIGHT < 0.01) | (FORWARD > 0.18))].all()
    assert instep.sum() > 10 and not own.shod[instep].any() and own.bare[instep].all()
    assert not (own.bare & own.shod).any() and not own.shod[~FEET].any()
    assert (own.shoe_sides == (own.shod & (FORWARD < 0.17))).all()


def test_a_shoe_that_reaches_the_ankle_does_so_all_around() -> None:
    assert (surface().with_shoes(START).shod == FEET).all()
    high = surface().with_shoes(START + 0.08)
    top = HEIGHT[FEET & (np.abs(FORWARD - 0.08) < 0.01)].max()
    assert (high.shod == (FEET & ((top >= HEIGHT) | (FORWARD >= 0.08)))).all()
    assert not surface().with_shoes(np.nan).shod.any()


def pump(places: np.ndarray) -> np.ndarray:
    """Colours of somebody bare in pumps, at places (N, 3) m in rest pose."""
    height, forward = places[:, 1:2] - SOLE, places[:, 2:] - HEEL
    return np.where((height < 0.1) & ((forward > 0.17) | (height < 0.05)), SHOE, SKIN)


def test_the_unseen_heel_of_a_shoe_is_no_skin() -> None:
    view = replace(photograph(surface(), pump), bare=BARE, shoes=float(START) + 0.17)
    places, found, _ = painted(surface(), complete_views([view], surface(), SIZE), pump)
    height, forward = places[:, 1] - SOLE, places[:, 2] - HEEL
    heel = (height < 0.045) & (forward < 0.1)
    ankle = (height > 0.09) & (height < 0.2) & (forward < 0.1)
    assert heel.sum() > 100 and np.abs(found[heel] - SHOE).max(1).mean() < 15
    assert np.abs(found[ankle] - SKIN).max(1).mean() < 25
    without = complete_views([replace(view, bare=None, shoes=np.nan)], surface(), SIZE)
    assert np.abs(painted(surface(), without, pump)[1][heel] - SHOE).max(1).mean() > 15


def test_gaps_between_toes_are_no_edge_of_a_shoe() -> None:
    view = photograph(surface(), pump)
    toes = surface().toes & (view.visibility > 0.9)
    bare, shod = (sure(view, each)[toes].mean() for each in (surface(), surface().with_shoes(START + 0.17)))
    assert shod > 0.95 > 0.5 > bare
