"""The completed atlas, against bodies whose colour is known everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.texture.skin_light import SHARES
from lwgan_cli.texture.skin_tone import GAMMA
from lwgan_cli.texture.texture import (
    Atlas,
    Surface,
    View,
    complete_views,
    sure,
)
from tests.texture.staging import surface as fine_surface
from tests.tiny import tiny_body

SIDE = 384
SIZE = 192
Paint = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def surface() -> Surface:
    return Surface.of_body(tiny_body())


def photograph(surface: Surface, paint: Paint, degrees: float = 0.0) -> View:
    """The body in T-pose, turned about y, painted by `paint` of the rest pose's places (N, 3) m → 0 to 255."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    vertices = torch.from_numpy(surface.vertices.astype(np.float32))
    ndc = project(vertices @ torch.from_numpy(turn).T, torch.tensor([1.0, 0, 0.15]))
    faces = torch.from_numpy(surface.faces)
    fragments = rasterize(ndc, faces, SIDE)
    places = interpolate(fragments, faces, vertices)[0].numpy()
    colours = np.full((SIDE, SIDE, 3), 128.0)
    inside = fragments.mask[0].numpy()
    colours[inside] = paint(places[inside])
    # colours are carried outwards a little, as the photo's are
    for _ in range(12):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near, known = np.roll(colours, step, axis), np.roll(inside, step, axis)
            colours[known & ~inside] = near[known & ~inside]
            inside = inside | known
    visibility = vertex_visibility(fragments, ndc, faces)[0].numpy()
    px = (ndc[0, :, :2].numpy() * [1, -1] + 1) / 2 * SIDE
    return View(np.clip(colours, 0, 255).astype(np.uint8), px, visibility)


def painted(surface: Surface, atlas: Atlas, paint: Paint) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rest places (N, 3) of random points on the surface, their colours in the atlas and as painted, 0 to 255."""
    random = np.random.default_rng(0)
    bary = random.dirichlet((2, 2, 2), len(surface.faces))
    places = np.einsum("fk,fkc->fc", bary, surface.vertices[surface.faces])
    uv = np.einsum("fk,fkc->fc", bary, surface.uv[surface.uv_faces])
    column, row = np.clip((uv * SIZE).astype(int), 0, SIZE - 1).T
    return places, atlas.colours[row, column] * 255, paint(places)


def bands(places: np.ndarray) -> np.ndarray:
    """Colours by height and reach, alike on all sides: a dressed person without front and back."""
    height, reach = places[:, 1], np.abs(places[:, 0])
    red = 130 + 90 * np.sin(5 * height)
    return np.stack([red, np.full_like(red, 90), 60 + 150 * np.clip(reach, 0, 1)], 1)


def left_and_right(places: np.ndarray) -> np.ndarray:
    """Smooth colours, the same on both sides of the body, another in front than behind."""
    return np.stack([120 + 600 * places[:, 2], 130 + 80 * np.cos(4 * places[:, 0]), 90 + 0 * places[:, 1]], 1)


@cache
def banded() -> tuple[View, Atlas]:
    """The front of the tiny body in bands, and the atlas of it."""
    surface = Surface.of_body(tiny_body())
    view = photograph(surface, bands)
    return view, complete_views([view], surface, SIZE)


def test_what_the_photo_shows_is_kept(surface: Surface) -> None:
    view, atlas = banded()
    assert atlas.colours.shape == (SIZE, SIZE, 3) and atlas.colours.dtype == np.float32
    _, found, true = painted(surface, atlas, bands)
    shown = view.visibility[surface.faces].min(1) > 0.95
    assert shown.sum() > 300
    assert np.median(np.abs(found - true)[shown]) < 4
    assert np.percentile(np.abs(found - true)[shown], 95) < 15


def test_the_back_continues_the_front_at_the_same_height(surface: Surface) -> None:
    view, atlas = banded()
    _, found, true = painted(surface, atlas, bands)
    hidden = view.visibility[surface.faces].max(1) < 0.05
    assert hidden.sum() > 300
    error = np.abs(found - true)[hidden]
    assert np.median(error) < 12
    assert np.percentile(error, 90) < 40
    flat = np.abs(true[hidden] - true.mean(0))
    assert np.median(error) < 0.35 * np.median(flat)  # much better than one colour for all


def test_a_side_that_was_not_seen_is_the_mirrored_other_side(surface: Surface) -> None:
    view = photograph(surface, left_and_right, 90)
    unseen = view.visibility < 0.05
    mirrored = view.visibility[surface.mirror] > 0.95
    faces = (unseen & mirrored)[surface.faces].all(1)
    assert faces.sum() > 50
    atlas = complete_views([view], surface, SIZE)
    _, found, true = painted(surface, atlas, left_and_right)
    assert np.median(np.abs(found - true)[faces]) < 10


def test_two_photos_show_front_and_back(surface: Surface) -> None:
    views = [photograph(surface, left_and_right, degrees) for degrees in (0, 180)]
    both = complete_views(views, surface, SIZE)
    one = complete_views(views[:1], surface, SIZE)
    errors = [np.abs(np.subtract(*painted(surface, atlas, left_and_right)[1:])).mean() for atlas in (both, one)]
    assert errors[0] < 0.6 * errors[1]
    assert (both.confidence == 1).mean() > 1.4 * (one.confidence == 1).mean()


def test_the_back_of_the_head_is_hair_and_not_face(surface: Surface) -> None:
    head = surface.groups == surface.groups[tiny_body().landmarks["head_top"]]
    hair_colour, face_colour = np.array((40.0, 30, 25)), np.array((225.0, 170, 150))
    line = surface.vertices[surface.hair & (surface.vertices[:, 2] > 0.06), 1].min()

    def person(places: np.ndarray) -> np.ndarray:
        hairy = (places[:, 1] > line - 0.03) | (places[:, 2] < 0.0)
        return np.where(hairy[:, None], hair_colour, face_colour)

    view = photograph(surface, person)
    atlas = complete_views([view], surface, SIZE)
    _, found, _ = painted(surface, atlas, person)
    behind = (head & surface.hair & (view.visibility < 0.05))[surface.faces].all(1)
    assert behind.sum() > 10
    assert np.abs(found[behind] - hair_colour).max() < 60
    assert np.median(np.abs(found[behind] - hair_colour)) < 15


def test_hair_grows_on_top_and_behind_and_skin_shows_in_front(surface: Surface) -> None:
    body = tiny_body()
    assert surface.hair[body.landmarks["head_top"]]
    assert not surface.hair[body.landmarks["nose"]] and not surface.hair[body.landmarks["chin"]]
    assert not (surface.hair & surface.skin).any() and surface.skin.any()


def test_no_step_shows_where_seen_and_made_up_meet(surface: Surface) -> None:
    # The far side is darker: the mirrored colours don't fit without a correction.
    def lit(places: np.ndarray) -> np.ndarray:
        return np.repeat(140 + 100 * places[:, :1], 3, 1)

    view = photograph(surface, lit, 20)
    atlas = complete_views([view], surface, SIZE)
    inside = atlas.confidence > 0
    both = inside[:, 1:] & inside[:, :-1]
    steps = np.abs(np.diff(atlas.colours[..., 0], axis=1)) * 255
    crossing = both & ((atlas.confidence[:, 1:] > 0.98) != (atlas.confidence[:, :-1] > 0.98))
    assert crossing.sum() > 50
    assert np.percentile(steps[crossing], 90) < 8


def test_hands_that_were_not_seen_take_the_faces_colour(surface: Surface) -> None:
    view = photograph(surface, lambda places: np.tile((40.0, 60, 160), (len(places), 1)))
    picture = view.colours.copy()
    face = np.rint(view.vertices_px[surface.skin]).astype(int)
    low, high = face.min(0) - 4, face.max(0) + 4
    picture[low[1] : high[1], low[0] : high[0]] = (230, 180, 160)
    hand = surface.hands[surface.groups]
    hidden = replace(view, colours=picture, visibility=np.where(hand, 0.0, view.visibility))
    atlas = complete_views([hidden], surface, SIZE)
    _, found, _ = painted(surface, atlas, bands)
    assert (
        np.abs(np.median(found[hand[surface.faces].all(1)], 0) - (230, 180, 160)).max() < 45
    )  # the clothes differ by 190


def test_the_gaps_between_charts_carry_the_charts_colours(surface: Surface) -> None:
    plain = photograph(surface, lambda places: np.tile((200.0, 50, 100), (len(places), 1)))
    atlas = complete_views([plain], surface, SIZE)
    assert np.abs(atlas.colours * 255 - (200, 50, 100)).max() < 6
    assert (atlas.confidence == 0).any()


def test_a_photo_that_shows_nothing_gives_an_even_grey(surface: Surface) -> None:
    view = photograph(surface, bands)
    atlas = complete_views([replace(view, visibility=np.zeros_like(view.visibility))], surface, SIZE)
    assert np.isfinite(atlas.colours).all() and np.ptp(atlas.colours) < 0.01


def test_a_face_is_laid_out_by_its_better_side(surface: Surface) -> None:
    """The photo's far side has another colour, as where the fit is off and shows what is beside the face."""

    def paint(places: np.ndarray) -> np.ndarray:
        return np.where(places[:, :1] > 0.005, [[40.0, 200, 60]], [[210.0, 150, 120]])

    view = photograph(surface, paint, 40)
    far = (surface.vertices[:, 0] > 0) & surface.face
    given = complete_views([replace(view, outdone=far.astype(np.float32))], surface, SIZE)
    kept = complete_views([view], surface, SIZE)
    on_face = surface.face[surface.faces].all(1)
    places, got, _ = painted(surface, given, paint)
    _, before, _ = painted(surface, kept, paint)
    there = on_face & (places[:, 0] > 0.03) & (places[:, 2] > 0.05)
    assert there.sum() > 10
    off, off_before = (np.abs(each[there] - [210, 150, 120]).mean() for each in (got, before))
    assert off < 0.65 * off_before


def test_a_face_that_lies_on_the_photos_is_sure_to_its_rim() -> None:
    surface = fine_surface()
    view = photograph(surface, bands, 60)
    loose, laid = sure(view, surface), sure(replace(view, laid=True), surface)
    face = surface.face
    assert (laid >= loose).all() and np.array_equal(laid[~face], loose[~face])
    assert laid[face].sum() > 1.1 * loose[face].sum()


def test_the_atlas_has_bare_limbs_as_light_as_if_they_faced_the_viewer() -> None:
    """In a photo of even colour in which they would be lighter on one side, they are darker there."""
    surface = fine_surface().with_bare(np.array([[-0.3, np.inf], [np.nan, np.nan]]))
    skin = np.array([[170.0, 125, 105]])
    light = np.where(surface.bare, 0.4 * np.sign(surface.vertices[:, 0]), 0)
    view = photograph(surface, lambda places: np.tile(skin, (len(places), 1)))
    view = replace(view, light=light, bare=np.array([[-0.3, np.inf], [np.nan, np.nan]]))
    _, found, _ = painted(surface, complete_views([view], surface, SIZE), lambda places: places)
    seen = (view.visibility > 0.95)[surface.faces].all(1)
    for side in (-1, 1):
        rows = seen & (light == 0.4 * side)[surface.faces].all(1)
        assert np.abs(np.median(found[rows], 0) - skin * np.exp(-0.4 * side * SHARES / GAMMA)).max() < 3
