"""What arms and the picture's edge hide, against the stripes that go on behind them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.texture import underlay
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.source import Source, prepare_source, read
from lwgan_cli.texture.underlay import BEYOND, SEEN, Underlay, hemmed, tinged
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, mask, motion, pose, source, surface, vertices
from tests.texture.test_occlusion import DRESS, SKIN, SLEEVE, Photo, folded

STRIPES = np.array([(30, 60, 150), (60, 150, 60), (170, 60, 60)], np.float32)
WIDE = 8  # px


def striped() -> np.ndarray:
    """(H, W, 3) uint8: upright stripes."""
    row = STRIPES[np.arange(SIZE[0]) // WIDE % len(STRIPES)]
    return np.repeat(row[None], SIZE[1], 0).astype(np.uint8)


def before_the_belly() -> Source:
    """Bare arms before a striped dress."""
    rows = folded()
    shown = surface().arms[Photo.of(rows).group] & (Photo.of(rows).group >= 0)
    return source(rows, np.where(shown[..., None], np.array(SKIN, np.uint8), striped()))


def cut_off(picture: np.ndarray, down: float = 330.0) -> Source:
    """Somebody whose lower part the picture cuts off; down: px of the body's origin."""
    camera = (CAMERA[0], CAMERA[1], down)
    alpha = mask(pose(), camera).astype(np.float32)
    return prepare_source(
        body(), motion(pose(), camera), torch.zeros_like(body().v_template), picture, alpha, surface()
    )


def wrong(under: Underlay, px: np.ndarray, which: np.ndarray) -> float:
    """The share of vertices (V,) bool whose colour isn't that of their stripe; px (V, 2) in the photo."""
    colours = read(under.pixels, under.ndc).numpy()[which] * 255
    nearest = np.abs(colours[:, None] - STRIPES).sum(-1).argmin(1)
    place = px[which, 0] / WIDE
    sure = np.abs(place % 1 - 0.5) < 0.25  # not where two stripes meet
    return float((nearest != np.floor(place).astype(int) % len(STRIPES))[sure].mean())


def trunk() -> np.ndarray:
    return np.asarray((surface().hips & ~surface().arms)[surface().groups])


def test_stripes_go_on_behind_arms() -> None:
    shown = before_the_belly()
    under = shown.with_underlays(surface()).underlays[0]
    hidden = trunk() & (shown.visibility.numpy() < 0.1) & (under.visibility.numpy() > SEEN)
    assert np.count_nonzero(hidden) > 20
    assert wrong(under, shown.vertices_px(), hidden) < 0.1


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_a_hem_goes_on_around_the_body(slope: float) -> None:
    row, column = np.mgrid[:60, :80].astype(np.float32)
    height = row + slope * column
    hem = height > 30 + slope * 10
    known = (column < 20) | (row < 4) | (row > 56)
    covered = ~known & (row + 0.2 * column > 8)
    bare = hemmed(hem & known, known & ~covered, covered, height)
    away = np.abs(height - 30 - slope * 10) > 4
    assert ((bare > 0.5) == hem)[covered & away].mean() > 0.97
    assert bare.min() >= -1e-6 and bare.max() <= 1 + 1e-6
    assert (bare[known] == hem[known]).all()


def test_what_is_hidden_of_a_leg_is_dressed_as_the_other_one() -> None:
    height, column = np.mgrid[:60, :80].astype(np.float32)
    known, covered = column < 30, column > 50
    bare = hemmed((height > 25) & known, known, covered, height)
    away = np.abs(height - 25) > 4
    assert ((bare > 0.5) == (height > 25))[covered & away].all()


def test_a_crop_top_goes_on_behind_sleeves_with_its_hem() -> None:
    rows = folded()
    shown = Photo.of(rows)
    arms, head = surface().arms, np.zeros(len(surface().axes), bool)
    head[surface().groups[surface().skin]] = True
    hem = float(np.median(shown.px[arms[surface().groups] & (shown.visibility > 0.5), 1])) - 2
    below = np.arange(SIZE[1])[:, None] >= int(hem)
    bare = below | ((shown.group >= 0) & head[shown.group])
    picture = np.where(bare[..., None], SKIN, DRESS)
    picture = np.where(((shown.group >= 0) & arms[shown.group])[..., None], SLEEVE, picture)
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    photo = source(rows, (picture + grain).clip(0, 255).astype(np.uint8))
    under = photo.with_underlays(surface()).underlays[0]
    px = photo.vertices_px()
    hidden = trunk() & (photo.visibility.numpy() < 0.1) & (under.visibility.numpy() > SEEN)
    hidden &= np.abs(px[:, 1] - hem) > 4
    assert min(np.count_nonzero(hidden & (px[:, 1] < hem)), np.count_nonzero(hidden & (px[:, 1] > hem))) > 10
    colours = read(under.pixels, under.ndc).numpy()[hidden, :3] * 255
    away = np.abs(colours[:, None] - np.array([DRESS, SKIN])).sum(-1)
    assert (away.argmin(1) == (px[hidden, 1] > hem)).mean() > 0.95
    assert np.quantile(away.min(1), 0.9) < 40  # nothing between the two, and no sleeve


def test_two_garments_go_on_behind_arms_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trousers begin a little below the folded arms, in a colour that is no skin's."""
    rows, trousers = folded(), np.array([60.0, 140, 60])
    shown = Photo.of(rows)
    arms = (shown.group >= 0) & surface().arms[shown.group]
    hem = float(np.nonzero(arms)[0].max()) - 4
    picture = np.where((np.arange(SIZE[1]) > hem)[:, None, None], trousers, np.broadcast_to(DRESS, (*SIZE[::-1], 3)))
    head = np.unique(surface().groups[surface().skin])
    picture = np.where(np.isin(shown.group, head)[..., None], SKIN, np.where(arms[..., None], SLEEVE, picture))
    photo = source(rows, picture.astype(np.uint8))
    kinds = []

    def spied(kind: np.ndarray, known: np.ndarray, covered: np.ndarray, height: np.ndarray) -> np.ndarray:
        kinds.append((kind, known, height))
        return hemmed(kind, known, covered, height)

    monkeypatch.setattr(underlay, "hemmed", spied)
    under = photo.with_underlays(surface()).underlays[0]
    kind, known, height = kinds[0]
    assert kind.any() and (known & ~kind).any() and not (kind & ~known).any()
    assert height[kind].mean() < height[known & ~kind].mean()
    hidden = trunk() & (photo.visibility.numpy() < 0.1) & (under.visibility.numpy() > SEEN)
    hidden &= photo.vertices_px()[:, 1] < hem - 6
    colours = read(under.pixels, under.ndc).numpy()[hidden, :3] * 255
    assert np.abs(colours - DRESS).sum(1).max() < 30


def test_shorts_dont_go_on_as_socks() -> None:
    """Legs are bare from 0.3 m to 0.7 m below the hips, and what is below isn't trusted."""
    photo = before_the_belly()
    ankles = surface().of_limbs[1] & (surface().along > 0.7)
    hidden = photo.visibility * ~torch.from_numpy(ankles)
    bare = np.array([[np.nan, np.nan], [0.3, 0.7]])
    dressed, shorts = (
        replace(photo, visibility=hidden, bare=stretches).with_underlays(surface()).underlays[0].visibility.numpy()
        for stretches in (None, bare)
    )
    assert dressed[ankles].max() > SEEN and not shorts[ankles].any()
    assert shorts[trunk() & ~surface().of_limbs[1]].max() > SEEN


def test_what_the_photo_shows_is_left_to_it() -> None:
    shown = before_the_belly()
    seen = shown.visibility.numpy() > 0.95
    for under in shown.with_underlays(surface()).underlays:
        assert under.visibility.numpy()[seen].max() < 0.1


def test_stripes_go_on_beyond_the_picture_and_not_for_ever() -> None:
    shown = cut_off(striped())
    beyond = (shown.vertices_px()[:, 1] - SIZE[1]) / shown.scale
    assert float(shown.visibility[torch.from_numpy(beyond > 0)].max()) == 0
    under = shown.with_underlays(surface()).underlays[0]
    near = trunk() & (beyond > 0) & (beyond < BEYOND[0]) & (under.visibility.numpy() > SEEN)
    assert np.count_nonzero(near) > 20
    assert wrong(under, shown.vertices_px(), near) < 0.25  # by chance 0.67
    assert float(under.visibility[torch.from_numpy(beyond > BEYOND[1])].max()) == 0


@pytest.mark.parametrize(("neckline", "goes_on"), [(8, False), (60, True)])
def test_a_neckline_doesnt_go_on_and_a_bare_chest_does(neckline: int, goes_on: bool) -> None:
    picture = np.tile(np.array((40, 80, 170), np.uint8), (SIZE[1], SIZE[0], 1))
    head = vertices(pose())[0][torch.from_numpy(surface().skin)]
    down = 380.0
    chin = int(down - CAMERA[0] * float(head[:, 1].min()))
    grain = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3))
    skin = np.clip(np.array(SKIN) + grain, 0, 255).astype(np.uint8)
    middle = round(CAMERA[1])
    picture[: chin + 4] = skin[: chin + 4]
    picture[chin:, middle - neckline : middle + neckline] = skin[chin:, middle - neckline : middle + neckline]
    shown = cut_off(picture, down)
    under = shown.with_underlays(surface()).underlays[0]
    px = shown.vertices_px()
    below = trunk() & (px[:, 1] > SIZE[1]) & (np.abs(px[:, 0] - middle) < 6) & (under.visibility.numpy() > SEEN)
    assert np.count_nonzero(below) > 3
    red = read(under.pixels, under.ndc).numpy()[below, 0] * 255
    assert (np.median(red) > 150) == goes_on


def test_beige_trousers_go_on_beyond_the_picture_below_a_shirt() -> None:
    """They are rather like the skin, and no legs are bare that look like them."""
    shirt, trousers = np.array((40.0, 80, 170)), np.array((149.0, 124, 112))
    down, at = 365.0, vertices(pose())[0][:, 1].numpy()
    chin, hips = (int(down - CAMERA[0] * at[rows].max()) for rows in (trunk(), surface().of_limbs[1]))
    row = np.arange(SIZE[1])[:, None, None]
    picture = np.where(row < chin, np.array(SKIN), np.where(row < hips + 4, shirt, trousers))
    grain = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3))
    shown = cut_off(np.clip(picture + grain, 0, 255).astype(np.uint8), down)
    under = shown.with_underlays(surface()).underlays[0]
    below = trunk() & (shown.vertices_px()[:, 1] > SIZE[1]) & (under.visibility.numpy() > SEEN)
    assert np.count_nonzero(below) > 10
    colours = read(under.pixels, under.ndc).numpy()[below] * 255
    assert np.abs(colours - trousers).sum(1).max() < 40


def test_rims_of_skin_are_no_cloth_and_a_pattern_is() -> None:
    """What hands in motion leave around the hole that they are in, a quarter of their colour and less."""
    noise = np.random.default_rng(0).normal(0, 1.5, (90, 90, 3))
    skin = Tone.of(np.array(SKIN) + np.random.default_rng(1).normal(0, 6, (200, 3)))
    hand = np.zeros((90, 90), bool)
    hand[35:55, 30:60] = True
    away = cv2.distanceTransform((~hand).astype(np.uint8), cv2.DIST_L2, 5)
    share = 0.25 * np.clip(1 - away / 6, 0, 1)[..., None]
    plain = np.array(SLEEVE) + noise
    rimmed = np.where(hand[..., None], SKIN, plain + share * (np.array(SKIN) - plain))
    found = tinged(rimmed, ~hand, 200.0, skin)
    assert found[~hand & (share[..., 0] > 0.08)].mean() > 0.95
    assert not found[away > 8].any()
    unseen = np.where(hand[..., None], plain, rimmed)  # no skin is beside what has some of its colour
    assert not tinged(unseen, ~hand, 200.0, skin).any()

    stripes = plain + 60 * (np.arange(90) // WIDE % 2)[None, :, None] * np.array([1, 0.7, 0.5])
    assert not tinged(stripes, ~hand, 200.0, skin).any()
    assert not tinged(plain, ~hand, 200.0, skin).any() and not tinged(plain, ~hand, 200.0, None).any()


def test_hidden_clothes_stay_hidden() -> None:
    under = before_the_belly().with_underlays(surface()).underlays[0]
    keep = torch.zeros_like(under.visibility)
    assert float(under.hiding(keep).visibility.max()) == 0


@pytest.mark.parametrize("turn", [0.0, 180.0])
def test_nothing_is_made_up_for_somebody_who_hides_nothing(turn: float) -> None:
    assert not source(pose(turn), striped()).with_underlays(surface()).underlays


def test_nothing_is_made_up_from_what_lies_far_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is seen is further from what is hidden than what could tell of it."""
    shown = before_the_belly()
    monkeypatch.setattr(underlay, "_cloth", lambda known, *_: (_in_a_corner(known), np.zeros_like(known)))
    monkeypatch.setattr(underlay, "LEAST", 0.0)
    monkeypatch.setattr(underlay, "AROUND", 0.01)
    assert not shown.with_underlays(surface()).underlays


def _in_a_corner(known: np.ndarray) -> np.ndarray:
    corner = np.zeros_like(known)
    corner[:2, :2] = True
    return corner
