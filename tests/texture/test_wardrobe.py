"""Who gives what: parts, their borders, and what photos of painted bodies show of skin, hair and hems."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import JOINT_NAMES
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.colour_match import with_gain
from lwgan_cli.texture.skin_tone import from_log, to_log
from lwgan_cli.texture.source import Source, picture_ndc
from lwgan_cli.texture.wardrobe import (
    ALIKE,
    GARMENTS,
    PARTS,
    Cloth,
    Look,
    assign,
    covered,
    hidden,
    hiding,
    mistaken,
    on_photo,
    own_skin,
    part_of,
    relit,
    shares,
    skin_mask,
    steps_of_skin,
    undressed,
    unseen_skin,
    worn_offsets,
)
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, pose, source, surface, vertices
from tests.tiny import tiny_body

SKIN, HAIR, RED, BLUE, WHITE = (205, 150, 125), (60, 38, 25), (190, 30, 40), (40, 60, 140), (235, 235, 230)


@pytest.fixture(scope="module")
def cloth() -> Cloth:
    return Cloth.of(surface())


def plane(cell: float, size: float = 0.4) -> SimpleNamespace:
    """A square sheet of triangles: vertices (V, 3) m and faces."""
    side = round(size / cell) + 1
    x, y = np.meshgrid(np.arange(side) * cell, np.arange(side) * cell)
    row = np.arange(side * side).reshape(side, side)
    a, b, c, d = row[:-1, :-1].ravel(), row[:-1, 1:].ravel(), row[1:, :-1].ravel(), row[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return SimpleNamespace(vertices=np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1), faces=faces)


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


@pytest.mark.parametrize("cell", [0.004, 0.01])
def test_a_border_is_a_smooth_step_of_the_same_width_on_every_mesh(cell: float) -> None:
    sheet = plane(cell)
    at = sheet.vertices[:, 0]
    soft = Cloth.of(sheet).feathered(at < 0.2, 0.06)
    inner = np.abs(sheet.vertices[:, 1] - 0.2) < 0.1
    t = np.clip((0.2 - at[inner]) / 0.06 + 0.5, 0, 1)
    assert soft[inner] == pytest.approx(t * t * (3 - 2 * t), abs=0.15)
    assert (soft[at < 0.15] == 1).all() and (soft[at > 0.25] == 0).all()


def test_borders_follow_the_surface_and_jump_no_gap(cloth: Cloth) -> None:
    """The legs are a hand's breadth apart, and far apart along the skin."""
    model = body()
    weights = model.lbs_weights.numpy()
    left = weights[:, [JOINT_NAMES.index("left_hip"), JOINT_NAMES.index("left_knee")]].sum(1) > 0.9
    right = weights[:, [JOINT_NAMES.index("right_hip"), JOINT_NAMES.index("right_knee")]].sum(1) > 0.9
    soft = cloth.feathered(left)
    assert soft[left].mean() > 0.95 and soft[right].max() == 0


def test_what_is_unknown_goes_on_as_its_neighbours_are() -> None:
    """On an even sheet a linear field is its own mean: it comes back exactly."""
    sheet = plane(0.02)
    values = sheet.vertices @ np.array([[1.0, 3], [2, -1], [0, 0]])
    square = (np.abs(sheet.vertices[:, :2] - 0.2) < 0.1).all(1)
    spoilt = np.where(square[:, None], 99.0, values)
    assert Cloth.of(sheet).continued(spoilt, square) == pytest.approx(values, abs=1e-6)
    assert (Cloth.of(sheet).continued(spoilt, np.zeros(len(square), bool)) == spoilt).all()


def test_growing_and_reaching() -> None:
    sheet = plane(0.02)
    x, y = sheet.vertices[:, 0], sheet.vertices[:, 1]
    graph = Cloth.of(sheet)
    grown = graph.grown((x < 0.1) & (y == y.min()), 0.05)
    assert grown[(x < 0.1) & (y < 0.045)].all() and not grown[y > 0.06].any()
    islands = (x < 0.1) | (x > 0.3)
    start = (x == 0) & (y == 0)
    assert (graph.reached(start, islands) == (x < 0.1)).all()
    assert sorted(len(patch) for patch in graph.patches(islands)) == sorted([(x < 0.1).sum(), (x > 0.3).sum()])
    slope = np.where(x < 0.25, x, x + 1)[:, None]
    over = graph.gone_over(start, y < 0.2, slope, 0.1)
    assert (over == ((x < 0.25) & (y < 0.2))).all()


def painted(colours: np.ndarray, turned: float = 0.0, gain: np.ndarray | None = None) -> Source:
    """A photo of the body with colours (V, 3) painted on, turned about the vertical, in light of a gain (3,)."""
    rows = pose(turned)
    ndc = picture_ndc(vertices(rows), torch.tensor([CAMERA]), SIZE)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    fragments = rasterize(ndc, body().faces, (SIZE[1], SIZE[0]))
    picture = interpolate(fragments, body().faces, torch.from_numpy(colours.astype(np.float32)))[0].numpy()
    picture = np.where(fragments.mask[0].numpy()[..., None], picture, 128).round().astype(np.uint8)
    return source(rows, picture if gain is None else with_gain(picture, gain))


def dressed(
    sleeve: float = 0.35, hem: float = -0.12, locks: bool = False, top: tuple[int, int, int] = RED
) -> np.ndarray:
    """(V, 3) colours: face, forearms and hands bare, hair, a top down to `hem` m with sleeves to `sleeve` m, blue
    trousers, white shoes; locks hang down in front of the shoulders."""
    places, part = surface().vertices, part_of(body())
    colours = np.tile(np.array(SKIN, float), (len(places), 1))
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface().arms[surface().groups]
    colours[trunk] = np.where(places[trunk, 1:2] > hem, top, BLUE)
    colours[surface().arms[surface().groups] & (np.abs(places[:, 0]) < sleeve)] = top
    colours[part == PARTS.index("shoes")] = WHITE
    colours[surface().hair] = HAIR
    if locks:
        chin = places[body().landmarks["chin"], 1]
        colours[lock(chin)] = HAIR
    return colours


def lock(chin: float) -> np.ndarray:
    """(V,) bool: two strips from the ears down to 20 cm below the chin."""
    x, y, z = surface().vertices.T
    side = (np.abs(x) > 0.045) & (np.abs(x) < 0.1)
    return side & (y < chin + 0.15) & (y > chin - 0.2) & (z > -0.02) & ~surface().skin


LOOKS: dict[bytes, Look] = {}  # by the colours painted on: many tests ask for the same


def look_of(colours: np.ndarray, cloth: Cloth) -> Look:
    key = colours.tobytes()
    if key not in LOOKS:
        LOOKS[key] = Look.of(body(), surface(), cloth, painted(colours), np.zeros_like(surface().vertices))
    return LOOKS[key]


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


def test_hanging_hair_goes_with_the_head(cloth: Cloth) -> None:
    short, long = look_of(dressed(), cloth), look_of(dressed(locks=True), cloth)
    assert (short.hair == surface().hair).mean() > 0.99
    locks = lock(surface().vertices[body().landmarks["chin"], 1])
    assert long.hair[locks & long.seen].mean() > 0.7
    assert not (long.hair & ~surface().hair & ~cloth.grown(locks, 0.03)).any()


def test_hair_and_jacket_of_one_colour_leave_the_jacket(cloth: Cloth) -> None:
    look = look_of(dressed(top=HAIR), cloth)
    assert (look.hair == surface().hair).all()


@pytest.mark.parametrize("hem", [0.0, -0.08, -0.2])
def test_hems_are_where_the_colours_part(cloth: Cloth, hem: float) -> None:
    assert look_of(dressed(hem=hem), cloth).hem == pytest.approx(hem, abs=0.025)


def test_the_hem_of_one_piece_is_the_waist(cloth: Cloth) -> None:
    colours = dressed(top=BLUE)
    waist = surface().vertices[(part_of(body()) == PARTS.index("upper")) & ~surface().arms[surface().groups], 1].min()
    assert look_of(colours, cloth).hem == pytest.approx(waist)


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


def test_the_mask_of_skin_is_the_skin_s_pixels(cloth: Cloth) -> None:
    colours = dressed()
    photo = painted(colours)
    look = Look.of(body(), surface(), cloth, photo, np.zeros_like(surface().vertices))
    picture = (photo.pixels[:3].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    assert look.tone is not None
    mask = skin_mask(photo, body().faces, look, np.ones(len(colours), bool), [look.tone], picture)
    inside = photo.pixels[3].numpy() > 0.5
    skin = inside & (np.abs(picture.astype(int) - SKIN).max(-1) < 8)
    cloth_px = inside & (np.abs(picture.astype(int)[..., None, :] - [RED, BLUE, WHITE]).max(-1).min(-1) < 8)
    assert mask[skin].mean() > 0.85 and mask[cloth_px].mean() < 0.02


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


def test_a_neck_in_the_shade_is_no_hair(cloth: Cloth) -> None:
    """Under the chin it is as dark as brown hair."""
    colours, chin = dressed(), surface().vertices[body().landmarks["chin"], 1]
    neck = (part_of(body()) == PARTS.index("head")) & (surface().vertices[:, 1] < chin) & ~surface().hair
    colours[neck] = from_log(to_log(np.array(SKIN)) - 1.6)
    look = look_of(colours, cloth)
    assert (look.hair & neck & look.seen).sum() < 0.1 * (neck & look.seen).sum()


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


def test_steps_of_skin_meet_the_wearer_and_fade(cloth: Cloth) -> None:
    """Her legs aren't seen: near what is, they take its step, far from it none."""
    colours = dressed()
    shanks = (part_of(body()) == PARTS.index("lower")) & (surface().vertices[:, 1] < -0.55)
    colours[shanks] = SKIN
    look, wearer = look_of(colours, cloth), look_of(dressed(), cloth)
    step = np.array([0.3, -0.1, 0.2])
    darker = from_log(to_log(look.colours) - step)
    steps = steps_of_skin(cloth, look, darker, wearer)
    both = look.bare & wearer.bare & look.seen & wearer.seen
    assert np.abs(steps[both] - step).mean() < 0.08
    assert np.abs(steps[shanks & (surface().vertices[:, 1] < -0.7)]).max() < 0.02
    photo = painted(dressed())
    picture = (photo.pixels[:3].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    lit = relit(picture, np.ones(picture.shape[:2], np.float32), photo, body().faces, np.tile(step, (len(colours), 1)))
    body_px = photo.pixels[3].numpy() > 0.5
    assert np.abs(lit[body_px] - from_log(to_log(picture[body_px]) + step)).max() < 2
    assert (relit(picture, np.zeros(picture.shape[:2], np.float32), photo, body().faces, steps) == picture).all()


def test_values_are_drawn_where_the_body_lies() -> None:
    photo = painted(dressed())
    drawn = on_photo(photo, body().faces, surface().vertices[:, 1:2])[..., 0]
    assert drawn.shape == SIZE[::-1]
    px = np.floor(photo.vertices_px()).astype(int)
    front = photo.visibility.numpy() > 0.99
    apart = np.abs(drawn[px[front, 1], px[front, 0]] - surface().vertices[front, 1])
    assert np.median(apart) < 0.005 and (apart < 0.03).mean() > 0.98
    small = replace(photo, pixels=torch.zeros(4, 2000, 1500))
    assert max(on_photo(small, body().faces, np.ones((len(px), 1))).shape) == 768
