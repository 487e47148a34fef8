"""Hair behind, as long as it hangs beside a face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lwgan_cli.texture.hair_length import hanging_hair, reaches_shoulders
from lwgan_cli.texture.surface import Surface
from tests.body.acting import body

HAIR, SKIN, SHIRT = (np.array(c, float) for c in ((70, 45, 35), (220, 170, 145), (60, 90, 190)))


@pytest.fixture(scope="module")
def surface() -> Surface:
    return Surface.of_body(body())


def person(surface: Surface, ends: tuple[float, float], stands_off: float = 0.03) -> tuple[np.ndarray, ...]:
    """Offsets, colours, seen and hidden of somebody seen from the front whose hair hangs down to `ends` m, left and
    right."""
    x, y, z = surface.vertices.T
    trunk = (surface.hips & ~surface.limbs)[surface.groups]
    colours = np.where((trunk & (y < 0.4))[:, None] | surface.limbs[surface.groups][:, None], SHIRT, SKIN)
    seen = z > -0.02
    beside = ~surface.skin & (np.abs(x) > 0.035) & (np.abs(x) < 0.15) & (y > np.where(x > 0, *ends))
    locks = surface.hair | beside & seen & ~surface.limbs[surface.groups]
    colours = np.where(locks[:, None], HAIR, colours)
    offsets = np.zeros_like(surface.vertices)
    offsets[locks, 0] = stands_off * np.sign(x[locks])
    return offsets, colours, seen, ~seen


@pytest.mark.parametrize("ends", [(0.25, 0.25), (0.2, 0.3)])
def test_it_covers_neck_and_back_as_far_as_at_the_shorter_side(surface: Surface, ends: tuple[float, float]) -> None:
    offsets, colours, seen, hidden = person(surface, ends)
    hair = hanging_hair(surface, offsets, colours, seen, hidden)
    y, behind = surface.vertices[:, 1], hidden & (np.abs(surface.vertices[:, 0]) < 0.05)
    behind &= (surface.hips & ~surface.limbs)[surface.groups]
    assert hair[behind & (y > max(ends) + 0.03)].all() and not hair[behind & (y < max(ends) - 0.03)].any()
    assert not hair[surface.skin].any()
    assert (hair | ~surface.hair).all()


def test_a_bob_that_ends_beside_the_jaw_goes_around_the_neck(surface: Surface) -> None:
    offsets, colours, _, _ = person(surface, (0.485, 0.485))
    hidden, high = surface.vertices[:, 2] < 0.035, surface.vertices[:, 1]  # no photo shows the nape
    hair = hanging_hair(surface, offsets, colours, ~hidden, hidden)
    nape = hidden & (surface.hips & ~surface.limbs)[surface.groups] & (high < high[surface.hair].min())
    assert hair[nape & (high > 0.495)].all() and (nape & (high > 0.495)).any()
    assert not hair[nape & (high < 0.475)].any()


def test_what_hangs_over_a_sleeve_is_none_of_it(surface: Surface) -> None:
    offsets, colours, seen, hidden = person(surface, (0.25, 0.25))
    sleeve = seen & (surface.arms & ~surface.hands)[surface.groups]
    lock = sleeve & (surface.vertices[:, 0] > 0) & (surface.vertices[:, 0] < 0.25)
    colours[lock] = HAIR
    hair = hanging_hair(surface, offsets, colours, seen, hidden)
    assert lock.any() and hair[lock].all() and not hair[sleeve & ~lock].any()


def test_a_neck_in_the_shade_is_no_hair(surface: Surface) -> None:
    """As dark as hair, but no wider than the neck."""
    offsets, colours, seen, hidden = person(surface, (0.42, 0.42), stands_off=0.0)
    assert np.array_equal(hanging_hair(surface, offsets, colours, seen, hidden), surface.hair)


def test_short_hair_stays_short(surface: Surface) -> None:
    offsets, colours, seen, hidden = person(surface, (1.0, 1.0))
    assert np.array_equal(hanging_hair(surface, offsets, colours, seen, hidden), surface.hair)


def test_a_jacket_of_the_hair_s_colour_is_no_hair(surface: Surface) -> None:
    offsets, colours, seen, hidden = person(surface, (0.4, 0.4))
    dark = (colours == SHIRT).all(1)
    colours[dark] = HAIR + 3
    hair = hanging_hair(surface, offsets, colours, seen, hidden)
    assert not hair[surface.vertices[:, 1] < 0.3].any()


def test_a_bald_head_that_gleams_has_none(surface: Surface) -> None:
    offsets, colours, seen, hidden = person(surface, (0.2, 0.2))
    colours[(colours == HAIR).all(1)] = SKIN * 0.93
    colours[surface.hair] = SKIN * 1.12
    assert np.array_equal(hanging_hair(surface, offsets, colours, seen, hidden), surface.hair)


SIDE, SCALE = 400, 400.0  # px of a picture, and of those per metre


def outline(surface: Surface, ends: tuple[float, float], turn: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE, SIDE) alpha of somebody whose hair falls beside the ears down to `ends` m, left and right, in a picture
    turned by `turn` rad about the chin; and (V, 2) px of the vertices."""
    chin = surface.vertices[surface.skin, 1].min()
    way = SCALE * np.array([[np.cos(turn), np.sin(turn)], [np.sin(turn), -np.cos(turn)]])

    def to_px(places: np.ndarray) -> np.ndarray:
        return (places - [0, chin]) @ way.T + SIDE / 2

    alpha, px = np.zeros((SIDE, SIDE), np.float32), to_px(surface.vertices[:, :2])
    for face in surface.faces:
        cv2.fillConvexPoly(alpha, np.rint(px[face]).astype(np.int32), 1.0)
    wide, top = 0.01 + np.abs(surface.vertices[surface.ears, 0]).max(), surface.vertices[surface.ears, 1].max()
    for side, end in zip((1, -1), ends, strict=True):
        lock = np.array([[0.0, top], [side * wide, top], [side * wide, end], [0.0, end]])
        cv2.fillConvexPoly(alpha, np.rint(to_px(lock)).astype(np.int32), 1.0)
    return alpha, px


@pytest.mark.parametrize("turn", [0.0, 0.5])
@pytest.mark.parametrize(
    ("ends", "reaches"),
    [((0.3, 0.3), True), ((9.0, 9.0), False), ((0.48, 0.48), False), ((0.3, 9.0), False), ((0.48, 0.3), False)],
)  # long; short; a bob; tails
def test_the_outline_tells_hair_that_reaches_both_shoulders(
    surface: Surface, ends: tuple[float, float], reaches: bool, turn: float
) -> None:
    ears = surface.vertices[surface.ears, 1].max()
    alpha, px = outline(surface, (min(ends[0], ears), min(ends[1], ears)), turn)
    assert reaches_shoulders(surface, alpha, px, SCALE) == reaches


@pytest.mark.parametrize(("right", "down"), [(0.43, 0.21), (0.2, 0.2)])
def test_behind_the_shoulders_it_falls_down_to_their_blades_or_as_far_as_it_does_before_one(
    surface: Surface, right: float, down: float
) -> None:
    """Longest in the middle of the back, by no even line."""
    offsets, colours, seen, hidden = person(surface, (0.43, right))
    hair = hanging_hair(surface, offsets, colours, seen, hidden, loose=True)
    x, y, _ = np.abs(surface.vertices.T)
    behind = hidden & (surface.hips & ~surface.limbs)[surface.groups] & (y > 0)
    assert hair[behind & (x < 0.05) & (y > down + 0.07)].all()
    assert not hair[behind & (y < down)].any() and not hair[behind & (x > 0.15) & (y < 0.3)].any()
    assert hair[behind & (x < 0.03) & (y < down + 0.04)].any()
    at_sides = behind & (x > 0.08) & (y < down + 0.02)
    assert at_sides.any() and not hair[at_sides].any()
