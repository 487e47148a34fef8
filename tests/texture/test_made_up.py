"""Colours of hidden surface: from well inside what was seen, left and right alike, against painted bodies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from lwgan_cli.body.model import joints_rest
from lwgan_cli.layers.matte import extend_colours
from lwgan_cli.synthetic.render import render
from lwgan_cli.synthetic.truth import random_film
from lwgan_cli.texture.gone_on import gone_on
from lwgan_cli.texture.made_up import laid_over
from lwgan_cli.texture.pieces import Pieces
from lwgan_cli.texture.skin_tone import to_lab
from lwgan_cli.texture.source import prepare_source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texels import Texels
from lwgan_cli.texture.texture import View, complete_views, outline_of, sure
from lwgan_cli.training.disturb import disturbed_pose
from tests.body.acting import body
from tests.texture.test_texture import SIZE, banded, bands, painted, photograph
from tests.tiny import tiny_body

MAGENTA = np.array((255.0, 0, 255))
SLEEVE, BARE = np.array((40.0, 70, 150)), np.array((215.0, 165, 140))


@pytest.fixture(scope="module")
def surface() -> Surface:
    return Surface.of_body(tiny_body())


def sleeved(places: np.ndarray) -> np.ndarray:
    return np.where(np.abs(places[:, :1]) < 0.4, SLEEVE, BARE)


def test_a_hidden_arm_is_dressed_like_its_twin(surface: Surface) -> None:
    view = photograph(surface, sleeved)
    left = surface.arms[surface.groups] & (surface.vertices[:, 0] > 0)
    atlas = complete_views([replace(view, visibility=np.where(left, 0, view.visibility))], surface, SIZE)
    places, found, _ = painted(surface, atlas, sleeved)
    arm = left[surface.faces].all(1)
    for inside, colour in ((places[:, 0] < 0.35, SLEEVE), (places[:, 0] > 0.45, BARE)):
        assert np.median(np.abs(found - colour)[arm & inside]) < 12


TOP, TROUSERS = np.array((200.0, 40, 50)), np.array((40.0, 45, 80))
HEM, LONG_HEM = -0.02, -0.17  # m, rest pose: above and below where torso and thighs meet


def in_trousers(places: np.ndarray, hem: float = HEM) -> np.ndarray:
    return np.where(places[:, 1:2] > hem, TOP, TROUSERS)


def test_a_long_jacket_ends_beside_the_hips_where_it_does_in_front() -> None:
    """Hands hide both hips; in the middle the jacket covers the thighs' upper ends."""
    surface = Surface.of_body(body())
    view = photograph(surface, partial(in_trousers, hem=LONG_HEM))
    x, y = np.abs(surface.vertices[:, 0]), surface.vertices[:, 1]
    beside = (x > 0.09) & (x < 0.3) & (np.abs(y - LONG_HEM) < 0.15)
    atlas = complete_views([replace(view, visibility=np.where(beside, 0, view.visibility))], surface, SIZE)
    places, found, true = painted(surface, atlas, partial(in_trousers, hem=LONG_HEM))
    hidden = beside[surface.faces].all(1) & (np.abs(places[:, 1] - LONG_HEM) > 0.03)
    assert hidden.sum() > 200
    assert (np.abs(found - true).max(1)[hidden] > 60).mean() < 0.05


def test_a_hem_goes_around_the_body_and_stays_a_hem() -> None:
    surface = Surface.of_body(body())
    view = photograph(surface, in_trousers)
    places, found, true = painted(surface, complete_views([view], surface, SIZE), in_trousers)
    back = (view.visibility[surface.faces].max(1) < 0.02) & (surface.groups[surface.faces] == 0).all(1)
    back &= np.abs(places[:, 1] - HEM) < 0.15
    off = np.abs(found - true).max(1) > 30
    assert back.sum() > 100
    assert not (off & back & (np.abs(places[:, 1] - HEM) > 0.06)).any()
    smeared = np.minimum(np.abs(found - TOP).max(1), np.abs(found - TROUSERS).max(1)) > 30
    assert smeared[back].mean() < 0.05


def test_the_inner_sides_of_thighs_are_no_cloth_of_the_trunk() -> None:
    """They are seen from behind, in the dark between the legs; what lies before them, at the same height and angle of
    the trunk, is as light as the rest."""
    surface = Surface.of_body(body())
    pieces = Pieces.of(surface, Texels.of(surface.uv, surface.uv_faces, SIZE))
    normals = pieces.normals[pieces.texels.vertex(surface.faces)]
    outwards = normals[:, 0] * np.sign(pieces.places[:, 0])
    thigh = (surface.hips & surface.limbs)[pieces.groups]
    inner = thigh & (outwards < -0.5)
    seen = (normals[:, 2] < -0.2) | inner
    own = np.stack([*[np.where(inner, 30, 220)] * 3, seen], 1).astype(np.float32)
    light = np.full((len(own), 3), 220, np.float32)
    out = gone_on(pieces, own, np.zeros_like(own), light, light)
    assert (out[thigh & ~seen & (outwards > 0)].mean(1) < 150).mean() < 0.07


@pytest.mark.parametrize(("band", "goes_on"), [((90, 90, 90), False), ((170, 60, 60), True), ((20, 20, 20), True)])
def test_shadows_go_on_around_no_sleeve_and_bands_do(band: tuple[int, int, int], goes_on: bool) -> None:
    """A sleeve that is seen from one side, with a band around it that is as dark as the crook of an arm, or coloured,
    or as dark as no shadow."""
    surface = Surface.of_body(body())
    pieces = Pieces.of(surface, Texels.of(surface.uv, surface.uv_faces, SIZE))
    normals = pieces.normals[pieces.texels.vertex(surface.faces)]
    arm, out = surface.arms[pieces.groups], np.abs(pieces.places[:, 0])
    low, high = np.quantile(out[arm], (0.3, 0.5))
    seen = arm & (normals[:, 2] > 0.2)
    here = (out > low) & (out < high)
    cloth = np.full((len(out), 3), 170.0, np.float32)
    own = np.column_stack([np.where(here[:, None], np.float32(band), cloth), seen]).astype(np.float32)
    made = gone_on(pieces, own, np.zeros_like(own), cloth, cloth)
    far = np.abs(made - cloth).max(1)[arm & (normals[:, 2] < -0.5) & here]
    assert (np.percentile(far, 90) > 40) == goes_on


def test_hair_that_is_not_seen_has_strands_in_the_colour_of_hair() -> None:
    """A forehead shows where the body model has its hairline."""
    surface = Surface.of_body(body())
    hair, face, random = np.array((110.0, 70, 45)), np.array((225.0, 175, 150)), np.random.default_rng(0)
    line = surface.vertices[surface.hair & (surface.vertices[:, 2] > 0.06), 1].min() + 0.015

    def person(places: np.ndarray) -> np.ndarray:
        locks = hair + random.normal(0, 15, (len(places), 1))
        return np.where((places[:, 1:2] > line) | (places[:, 2:] < 0.0), locks, face)

    view = photograph(surface, person)
    _, found, _ = painted(surface, complete_views([view], surface, SIZE), person)
    behind = (surface.hair & (view.visibility < 0.02))[surface.faces].all(1)
    assert behind.sum() > 100
    assert np.abs(found[behind].mean(0) - hair).max() < 12
    assert 1.5 < found[behind].mean(1).std() < 20


def test_hands_that_are_not_seen_are_as_most_of_a_face_in_many_colours(surface: Surface) -> None:
    """Less than half of it is of any one colour; that of most lies between the others."""
    random = np.random.default_rng(0)
    colours, often = np.array([(225.0, 180, 160), (60, 40, 35), (255, 250, 250)]), (0.4, 0.3, 0.3)
    view = photograph(
        surface, lambda places: np.where(places[:, 1:2] > 0.4, colours[random.choice(3, len(places), p=often)], TOP)
    )
    hand = surface.hands[surface.groups]
    atlas = complete_views([replace(view, visibility=np.where(hand, 0.0, view.visibility))], surface, SIZE)
    _, found, _ = painted(surface, atlas, in_trousers)
    hands = found[hand[surface.faces].all(1)]
    assert np.isfinite(atlas.colours).all()
    assert np.abs(np.median(hands, 0) - colours[0]).max() < 40


@pytest.mark.parametrize("bare", [True, False])
def test_hands_that_are_not_seen_are_as_the_arm_above_where_that_is_bare(bare: bool) -> None:
    """The arms lie in the sun, the face in the shade."""
    surface = Surface.of_body(body())
    arm = 1.4 * 0.7 * BARE if bare else SLEEVE
    view = photograph(surface, lambda places: np.where(np.abs(places[:, :1]) > 0.2, arm, 0.7 * BARE))
    hand = surface.hands[surface.groups]
    atlas = complete_views([replace(view, visibility=np.where(hand, 0.0, view.visibility))], surface, SIZE)
    _, found, _ = painted(surface, atlas, in_trousers)
    middle = (surface.beyond_wrists > 0.04)[surface.faces].all(1) & hand[surface.faces].all(1)
    assert np.abs(np.median(found[middle], 0) - (arm if bare else 0.7 * BARE)).max() < 12


def test_the_edge_of_a_sleeve_is_no_glove_and_bare_legs_say_what_skin_is() -> None:
    """Of a hand hardly more than its wrist is seen, and that is cloth; the face is in the shade, legs are not."""
    legs = 0.9 * BARE
    surface = Surface.of_body(body())
    low = surface.of_limbs[1] & (surface.along > 0.5)
    view = photograph(
        surface,
        lambda places: np.where(np.abs(places[:, :1]) > 0.2, SLEEVE, np.where(places[:, 1:2] < -0.5, legs, 0.5 * BARE)),
    )
    hand = surface.hands[surface.groups]
    beyond = hand & (surface.beyond_wrists > 0.025)
    atlas = complete_views(
        [replace(view, visibility=np.where(beyond, 0.0, view.visibility))], replace(surface, bare=low), 3 * SIZE
    )
    _, found, _ = painted(surface, replace(atlas, colours=atlas.colours[1::3, 1::3]), in_trousers)
    middle = (surface.beyond_wrists > 0.05)[surface.faces].all(1) & hand[surface.faces].all(1)
    assert np.abs(np.median(found[middle], 0) - legs).max() < 15


def test_hands_that_are_not_seen_have_fingers() -> None:
    """Of one colour, but darker in their folds than on their ridges."""
    surface = Surface.of_body(body())
    view = photograph(surface, lambda places: np.tile(BARE, (len(places), 1)))
    hand = surface.hands[surface.groups]
    atlas = complete_views([replace(view, visibility=np.where(hand, 0.0, view.visibility))], surface, SIZE)
    _, found, _ = painted(surface, atlas, in_trousers)
    light = found[hand[surface.faces].all(1)].mean(1) / BARE.mean()
    assert abs(np.median(light) - 1) < 0.03
    assert light.min() > 0.75 and np.percentile(light, 5) < 0.95
    normals = Pieces.of(surface, Texels.of(surface.uv, surface.uv_faces, SIZE)).normals
    palm = (surface.beyond_wrists > 0.03) & (surface.beyond_wrists < 0.085) & (normals[:, 1] < -0.6)
    palms = found[(hand & palm)[surface.faces].all(1)].mean(1) / BARE.mean()
    assert np.percentile(palms, 30) > 0.97  # its hollow is no fold


def test_what_lies_over_the_rim_colours_nothing_that_is_hidden(surface: Surface) -> None:
    """A fit a little off: the outermost of what seems to be the person is background."""
    view, clean = banded()
    colours = view.colours.copy()
    doubtful = (view.visibility > 0) & (sure(view, surface) < 0.01)
    column, row = np.floor(view.vertices_px[doubtful]).astype(int).T
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            colours[row + down, column + right] = MAGENTA
    hidden = view.visibility[surface.faces].max(1) < 0.02
    dirty = complete_views([replace(view, colours=colours)], surface, SIZE)
    apart = np.subtract(*(painted(surface, atlas, bands)[1][hidden] for atlas in (clean, dirty)))
    assert (colours != view.colours).any(2).sum() > 200
    assert np.percentile(np.abs(apart).max(1), 90) < 20


def test_colours_are_sure_inside_and_not_at_the_rim(surface: Surface) -> None:
    view = photograph(surface, bands)
    sureness = sure(view, surface)
    assert ((sureness >= 0) & (sureness <= 1)).all()
    assert (sureness[view.visibility < 0.1] == 0).all()
    edges = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]]])
    beyond = edges[(view.visibility[edges[:, 0]] > 0.5) & (view.visibility[edges[:, 1]] == 0), 0]
    torso = surface.groups[beyond] == 0
    assert torso.sum() > 5 and (sureness[beyond[torso]] < 0.1).all()
    for group in np.unique(surface.groups[view.visibility > 0.9]):
        assert sureness[surface.groups == group].max() > 0.9


def test_an_outline_is_what_has_nothing_beside_it() -> None:
    """A sheet of which another one covers the right half."""
    x, y = (axis.ravel() / 100 for axis in np.meshgrid(np.arange(11), np.arange(11)))
    corner = np.add.outer(11 * np.arange(10), np.arange(10)).ravel()
    sheet = np.concatenate([corner[:, None] + (0, 1, 11), corner[:, None] + (1, 12, 11)])
    places = np.concatenate([np.stack([x, y], 1), np.stack([x + 0.052, y], 1)])
    bare, seen = np.arange(242) < 121, np.ones(242, bool)
    seen[:121] = x < 0.055
    rim = bare & np.isclose(places[:, [0]], (0, 0.05)).any(1) & (np.abs(places[:, 1] - 0.05) < 0.035)
    found = outline_of(places, seen, rim, np.concatenate([sheet, sheet + 121]))
    assert (found == (rim & np.isclose(places[:, 0], 0))).all()


def test_a_step_fades_away_from_the_edge(surface: Surface) -> None:
    """The front of the torso is seen, brighter than what is made up: close to it that is moved to it, far away not."""
    pieces = Pieces.of(surface, Texels.of(surface.uv, surface.uv_faces, SIZE))
    share = np.clip((pieces.places[:, 1:2] - 0.1) / 0.04, 0, 1)  # from there upwards
    below = np.full((len(share), 3), 100.0, np.float32)
    out = laid_over(pieces, below, np.concatenate([np.full_like(below, 160), share], 1))[:, 0]
    depth = 0.1 - pieces.places[:, 1]
    torso = pieces.groups == 0
    assert out[torso & (share[:, 0] == 1)] == pytest.approx(160)
    assert out[torso & (depth > 0) & (depth < 0.01)].min() > 130
    assert np.abs(out[depth > 0.3] - 100).max() < 1


def test_a_rendered_person_seen_from_the_side_has_their_own_colours_on_the_other() -> None:
    """Mean distance in Lab of hidden arms and legs from the true texture, in the photo's light; fitted as people are,
    not to the pixel."""
    model = body()
    surface = Surface.of_body(model)
    film = random_film(model, 3, 15, (320, 448), "walk", atlas=512)
    motion = film.motion[14:]
    poses = motion.poses.copy()
    poses[0, 0] = (0, -np.radians(75), 0)
    motion = replace(motion, poses=poses)
    like = model.v_template
    drawn = render(
        model, film.person, like.new_tensor(poses), like.new_tensor(motion.picture_camera().astype(np.float32)),
        film.scene.view.size, film.scene.light, film.scene.background,
    )  # fmt: skip
    picture = (drawn.pictures[0].permute(1, 2, 0) * 255).round().byte().numpy()
    alpha = drawn.alpha[0].numpy()
    colours = extend_colours(picture, alpha)
    joints = joints_rest(model, film.person.betas).numpy().astype(np.float64)
    fitted = disturbed_pose(poses[0], joints, model.parents, np.random.default_rng(3), 0.5)
    motion = replace(motion, poses=fitted[None])
    source = prepare_source(model, motion, film.person.offsets, colours, alpha, surface)
    view = View(colours, source.vertices_px(), source.visibility.numpy())
    atlas = complete_views([view], surface if source.bare is None else surface.with_bare(source.bare), 512).colours
    texture = film.person.texture.permute(1, 2, 0).numpy()

    uv = surface.uv[surface.uv_faces].mean(1)
    column, row = np.clip((uv * 512).astype(int), 0, 511).T
    found, true = atlas[row, column], texture[row, column]
    shown = view.visibility[surface.faces].min(1) > 0.95
    gain = np.median((found[shown] ** 2.2 + 0.01) / (true[shown] ** 2.2 + 0.01), 0)
    lit = np.clip(true**2.2 * gain, 0, 1) ** (1 / 2.2)
    error = np.linalg.norm(to_lab(found * 255) - to_lab(lit * 255), axis=1)
    hidden = (view.visibility[surface.faces].max(1) < 0.02) & surface.limbs[surface.groups[surface.faces[:, 0]]]
    assert hidden.sum() > 1000
    assert error[hidden].mean() < 13.1  # of stripes, which no guess of the other side meets
