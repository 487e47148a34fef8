"""The body's parts, and what photos of painted bodies show of skin, hair and hems."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.parsing import ALIKE, PARTS, part_of
from lwgan_cli.texture.skin_tone import from_log, to_log
from lwgan_cli.texture.surface_graph import Cloth
from lwgan_cli.texture.wardrobe import GARMENTS
from tests.body.acting import body
from tests.texture.clothed import BLUE, HAIR, SKIN, dressed, lock, look_of
from tests.texture.staging import surface
from tests.tiny import tiny_body


@pytest.mark.parametrize("model", [body, tiny_body])
def test_every_body_has_the_parts(model) -> None:
    model = model()
    part = part_of(model)
    assert set(part) == set(range(len(PARTS)))
    for landmark, name in {"chin": "head", "head_top": "head", "right_index_tip": "hands"}.items():
        assert PARTS[part[model.landmarks[landmark]]] == name
    height = model.v_template.numpy()[:, 1]
    assert height[part == PARTS.index("shoes")].max() < height[part == PARTS.index("lower")].mean()
    for name in ("upper", "lower"):
        places = model.v_template.numpy()[part == PARTS.index(name)]
        assert (places[:, 1].mean() > model.joint_template[0, 1]) == (name == "upper")
    assert set(GARMENTS) < set(PARTS)


def test_bare_skin_is_found_and_no_cloth_is(cloth: Cloth) -> None:
    colours = dressed()
    look = look_of(colours, cloth)
    skin = (colours == SKIN).all(1)
    sure = look.seen & ~cloth.grown(~skin, 0.02)
    assert look.bare[sure].mean() > 0.9
    assert not look.bare[~skin & ~cloth.grown(skin, 0.02)].any()


def test_a_shirt_of_the_skin_s_colour_is_a_shirt(cloth: Cloth) -> None:
    look = look_of(dressed(top=(200, 152, 128)), cloth)
    trunk = np.isin(part_of(body()), [PARTS.index("upper")]) & ~surface().arms[surface().groups]
    assert not look.bare[trunk].any()


def test_bare_legs_are_found_though_trousers_part_them_from_the_face(cloth: Cloth) -> None:
    colours = dressed()
    shank = surface().vertices[:, 1] < -0.55
    colours[shank & (part_of(body()) == PARTS.index("lower"))] = SKIN
    look = look_of(colours, cloth)
    inner = shank & look.seen & (part_of(body()) == PARTS.index("lower")) & (surface().vertices[:, 1] > -0.75)
    assert look.bare[inner].mean() > 0.9


def test_shorts_in_about_the_skin_s_colour_end_where_legs_are_bare(cloth: Cloth) -> None:
    colours, high = dressed(), surface().vertices[:, 1]
    legs = np.isin(part_of(body()), [PARTS.index("lower"), PARTS.index("shoes")])
    colours[legs] = np.where(high[legs, None] < -0.45, SKIN, (185, 158, 118))
    look = look_of(colours, cloth)
    assert look.bare[legs & look.seen & (high < -0.5) & (high > -0.75)].mean() > 0.9
    assert look.bare[legs & look.seen & (high > -0.42)].mean() < 0.02


def test_legs_in_the_shade_go_on_from_those_in_the_light_and_brown_trousers_don_t(cloth: Cloth) -> None:
    shade, high = np.array((112, 60, 40)), surface().vertices[:, 1]
    lower = part_of(body()) == PARTS.index("lower")
    colours = dressed()
    colours[lower] = shade
    look = look_of(colours, cloth)
    assert look.bare[lower & look.seen].mean() < 0.02
    share = np.clip((high[lower, None] + 0.75) / 0.8, 0, 1)
    colours[lower] = from_log((1 - share) * to_log(np.array(SKIN)) + share * to_log(shade))
    look = look_of(colours, cloth)
    shaded = look.seen & lower & (high < -0.25) & (high > -0.35)
    assert look.tone is not None and (look.tone.likeness(look.colours[shaded], 0.0) > ALIKE).mean() < 0.8
    assert look.bare[shaded].mean() > 0.9


def test_a_dress_of_the_skin_s_colour_is_none_of_it_skin(cloth: Cloth) -> None:
    colours = dressed(top=(200, 152, 128), hem=-0.3)
    trunk = (surface().hips & ~surface().limbs)[surface().groups] & (part_of(body()) != PARTS.index("head"))
    assert not look_of(colours, cloth).bare[trunk].any()


def test_skin_in_the_glare_is_skin_and_a_pale_shirt_is_none(cloth: Cloth) -> None:
    """A highlight on the forearms has lost its colour; so has the shirt, which is paler still."""
    white = (225, 234, 240)
    colours = dressed(top=white)
    forearm = surface().arms[surface().groups] & (np.abs(surface().vertices[:, 0]) > 0.4)
    glare = forearm & (np.abs(surface().vertices[:, 0]) < 0.48)
    colours[glare] = (240, 203, 188)
    look = look_of(colours, cloth)
    sure = glare & look.seen & ~cloth.grown(~glare, 0.015)
    assert look.tone is not None and look.tone.likeness(colours[glare][:1])[0] < 0.5
    assert sure.any() and look.bare[sure].mean() > 0.9
    assert not look.bare[(colours == white).all(1) & ~cloth.grown((colours != white).any(1), 0.02)].any()


def test_hanging_hair_goes_with_the_head(cloth: Cloth) -> None:
    short, long = look_of(dressed(), cloth), look_of(dressed(locks=True), cloth)
    assert (short.hair == surface().hair).mean() > 0.99
    locks = lock(surface().vertices[body().landmarks["chin"], 1])
    assert long.hair[locks & long.seen].mean() > 0.7
    assert not (long.hair & ~surface().hair & ~cloth.grown(locks, 0.03)).any()


def test_hair_and_jacket_of_one_colour_leave_the_jacket(cloth: Cloth) -> None:
    look = look_of(dressed(top=HAIR), cloth)
    assert (look.hair == surface().hair).all()


def test_a_neck_in_the_shade_is_no_hair(cloth: Cloth) -> None:
    """Under the chin it is as dark as brown hair."""
    colours, chin = dressed(), surface().vertices[body().landmarks["chin"], 1]
    neck = (part_of(body()) == PARTS.index("head")) & (surface().vertices[:, 1] < chin) & ~surface().hair
    colours[neck] = from_log(to_log(np.array(SKIN)) - 1.6)
    look = look_of(colours, cloth)
    assert (look.hair & neck & look.seen).sum() < 0.1 * (neck & look.seen).sum()


@pytest.mark.parametrize("hem", [0.0, -0.08, -0.2])
def test_hems_are_where_the_colours_part(cloth: Cloth, hem: float) -> None:
    assert look_of(dressed(hem=hem), cloth).hem == pytest.approx(hem, abs=0.025)


def test_the_hem_of_one_piece_is_the_waist(cloth: Cloth) -> None:
    colours = dressed(top=BLUE)
    waist = surface().vertices[(part_of(body()) == PARTS.index("upper")) & ~surface().arms[surface().groups], 1].min()
    assert look_of(colours, cloth).hem == pytest.approx(waist)
