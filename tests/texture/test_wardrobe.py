"""Who gives what: parts, their borders, and what of somebody's photo is hidden by what others give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.texture.parsing import PARTS, part_of
from lwgan_cli.texture.surface_graph import Cloth
from lwgan_cli.texture.wardrobe import (
    GARMENTS,
    assign,
    covered,
    hidden,
    hiding,
    mistaken,
    own_skin,
    shares,
    undressed,
    unseen_skin,
    worn_offsets,
)
from tests.body.acting import body
from tests.texture.clothed import BLUE, HAIR, RED, SKIN, WHITE, dressed, look_of, painted
from tests.texture.staging import surface


def test_owners_by_garment(cloth: Cloth) -> None:
    model, part = body(), part_of(body())
    looks = [look_of(dressed(hem=-0.05), cloth), look_of(dressed(hem=-0.2), cloth), look_of(dressed(), cloth)]
    height = surface().vertices[:, 1]
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface().arms[surface().groups]
    owner = assign(model, surface(), cloth, looks, {"upper": 1, "lower": 2})
    assert (owner[surface().skin] == 0).all() and (owner[part == PARTS.index("hands")] == 0).all()
    assert (owner[part == PARTS.index("shoes")] == 0).all()  # nobody is named for them
    assert (owner[trunk & (height > looks[1].hem)] == 1).all()  # down to its own hem
    assert (owner[trunk & (height < looks[1].hem)] == 2).all()
    soft = shares(cloth, owner, 3)
    assert soft.sum(0) == pytest.approx(np.ones(len(part)))
    assert all((soft[row][owner == row] >= 0.3).all() for row in range(3))
    body_only = assign(model, surface(), cloth, looks[:2], dict.fromkeys(GARMENTS, 1))
    assert (body_only[trunk] == 1).all() and (body_only[part == PARTS.index("shoes")] == 1).all()


def test_shoes_below_the_other_s_picture_stay_the_wearer_s(cloth: Cloth) -> None:
    shoes = part_of(body()) == PARTS.index("shoes")
    whole, cut_off = look_of(dressed(), cloth), look_of(dressed(hem=-0.05), cloth)
    cut_off = replace(cut_off, seen=cut_off.seen & ~shoes)
    for looks, giver in (([whole, cut_off], 0), ([cut_off, whole], 1), ([cut_off, cut_off], 1)):
        owner = assign(body(), surface(), cloth, looks, dict.fromkeys(GARMENTS, 1))
        assert (owner[shoes] == giver).all() and (owner[part_of(body()) == PARTS.index("lower")] == 1).all()


def test_the_wearer_s_locks_lie_on_the_other_s_shirt(cloth: Cloth) -> None:
    looks = [look_of(dressed(locks=True), cloth), look_of(dressed(top=WHITE), cloth)]
    owner = assign(body(), surface(), cloth, looks, dict.fromkeys(GARMENTS, 1))
    hanging = looks[0].hair & (part_of(body()) == PARTS.index("upper"))
    assert hanging.any() and (owner[hanging] == 0).all()


def test_the_other_s_hair_and_other_clothes_are_hidden(cloth: Cloth) -> None:
    part, look = part_of(body()), look_of(dressed(locks=True), cloth)
    height = surface().vertices[:, 1]
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface().arms[surface().groups]
    given = (trunk & (height < look.hem + 0.1)) | (part == PARTS.index("shoes"))  # another's top ends higher up
    away = hidden(surface(), cloth, part, look, given, ("lower", "shoes"))
    assert away[look.hair].all() and away[surface().skin].all()
    assert away[trunk & (height > look.hem)].all() and not away[trunk & (height < look.hem)].any()
    shown = painted(dressed())
    less = hiding(shown, away, body().faces)
    keep = torch.from_numpy(~away)
    assert (less.visibility[~keep] == 0).all() and torch.equal(less.visibility[keep], shown.visibility[keep])
    assert (less.score[~keep[body().faces].all(1)] == 0).all() and float(less.score.sum()) > 0


def test_clothes_come_without_the_other_s_hair(cloth: Cloth) -> None:
    """Offsets of 1 cm everywhere, but 8 cm at head and locks: none of that is left on the shoulders."""
    look = look_of(dressed(locks=True), cloth)
    part = part_of(body())
    offsets = np.full((len(part), 3), 0.01)
    offsets[look.hair | (part == PARTS.index("head"))] = 0.08
    worn = worn_offsets(cloth, part, look, offsets)
    shown = part != PARTS.index("head")
    assert worn[shown] == pytest.approx(np.full_like(worn[shown], 0.01), abs=1e-4)
    assert offsets[shown].max() == 0.08


@pytest.mark.parametrize("sleeve", [0.25, 0.35])
def test_arms_are_bare_from_their_sleeves_on_all_around(cloth: Cloth, sleeve: float) -> None:
    colours = dressed(sleeve=sleeve)
    look, along = look_of(colours, cloth), np.abs(surface().vertices[:, 0])
    wrong = look.bare.copy()
    wrong[surface().arms[surface().groups] & (along > 0.42) & (along < 0.45)] = False  # a watch
    bare, arm = undressed(surface(), replace(look, bare=wrong)), surface().arms[surface().groups]
    assert bare[arm & (along > sleeve + 0.02)].all() and not bare[arm & (along < sleeve - 0.02)].any()
    trunk = np.isin(part_of(body()), [PARTS.index("upper"), PARTS.index("lower")]) & ~arm
    assert not bare[trunk & ~cloth.grown(~trunk, 0.05)].any()


def test_skin_on_a_shirt_s_side_is_an_arm_s(cloth: Cloth) -> None:
    """A belly between top and trousers is bare; what shows of an arm beside the ribs isn't the ribs'."""
    colours, high = dressed(), surface().vertices[:, 1]
    trunk = np.isin(part_of(body()), [PARTS.index("upper"), PARTS.index("lower")])
    trunk &= ~surface().arms[surface().groups]
    belly, beside = trunk & (np.abs(high + 0.0) < 0.05), trunk & (surface().vertices[:, 0] > 0.1) & (high > 0.1)
    colours[belly | beside] = SKIN
    look = look_of(colours, cloth)
    worn, bare = covered(surface(), look), undressed(surface(), look)
    front = surface().vertices[:, 2] > 0.05
    assert not worn[belly & ~cloth.grown(~belly, 0.02)].any() and bare[belly & front & (np.abs(high) < 0.02)].all()
    ribs = beside & (high < surface().vertices[surface().arms[surface().groups], 1].mean() - 0.1)
    assert worn[ribs & ~cloth.grown(~trunk, 0.02)].mean() > 0.9 and not bare[ribs & worn].any()


def test_skin_that_no_photo_shows_goes_on_and_no_cloth_does(cloth: Cloth) -> None:
    """Hair hid her left shoulder, and a hem hangs down on her shin: skin as beside them; the shirt stays."""
    high, across = surface().vertices[:, 1], surface().vertices[:, 0]
    part, bare = part_of(body()), np.ones(len(high), bool)
    trunk = (surface().hips & ~surface().limbs)[surface().groups]
    bare[trunk & (high < 0.25)] = False
    colours = np.where(bare[:, None], SKIN, RED).astype(float)
    hidden_ = trunk & (across > 0.05) & (high > 0.15)
    shin = (part == PARTS.index("lower")) & (high < -0.6) & (high > -0.65)
    colours[hidden_] = HAIR
    colours[shin] = BLUE
    share, filled = unseen_skin(surface(), cloth, part, bare, ~hidden_, bare & ~shin, colours)
    wanted = (hidden_ & bare | shin) & ~cloth.grown(~(hidden_ & bare | shin), 0.015)
    assert share[wanted].min() > 0.9 and not share[trunk & (high < 0.22)].any()
    assert np.abs(filled[hidden_ & bare | shin] - SKIN).max() < 1
    assert not unseen_skin(surface(), cloth, part, bare, bare, bare, colours)[0].any()


def test_skin_stays_the_wearer_s_where_both_are_bare(cloth: Cloth) -> None:
    """She wears long sleeves to 0.45 m, the top has them to 0.3 m: her forearm's end is her own, with a border."""
    looks, along = (
        [look_of(dressed(sleeve=0.45), cloth), look_of(dressed(sleeve=0.3), cloth)],
        np.abs(surface().vertices[:, 0]),
    )
    arm, part = surface().arms[surface().groups], part_of(body())
    owner = assign(body(), surface(), cloth, looks, dict.fromkeys(GARMENTS, 1))
    skin = own_skin(surface(), cloth, looks, owner)
    assert not skin[along < 0.48].any() and not skin[owner == 0].any()
    short = own_skin(surface(), cloth, looks[1:] * 2, owner)
    free = arm & (part == PARTS.index("upper")) & (along > 0.4)
    assert short[free].all() and not short[along < 0.33].any()
    strap = replace(looks[0], bare=looks[0].bare & ~(np.abs(along - 0.5) < 0.02))
    away = mistaken(cloth, strap, skin)
    assert away[skin & looks[0].seen & (np.abs(along - 0.5) < 0.02)].all() and not away[along > 0.55].any()
