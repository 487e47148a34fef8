"""Hair on a head, found again where it was painted."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.hairline import HeadHair, around
from lwgan_cli.texture.surface import Surface
from tests.body.acting import body

HAIR, SKIN, SHIRT = (np.array(c, float) for c in ((60, 40, 30), (220, 170, 145), (60, 90, 190)))
NEAR = 0.02  # m to either side of a hairline that it may be found at


@pytest.fixture(scope="module")
def surface() -> Surface:
    return Surface.of_body(body())


@pytest.fixture(scope="module")
def head(surface: Surface) -> np.ndarray:
    return np.isin(surface.groups, surface.groups[surface.hair])


def in_front(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """(V,) bool: what a photo from the front shows of a head as round as an egg, and (V,) the cosine to its viewer."""
    cosine = np.cos(around(surface))
    return cosine > 0, cosine


def painted(surface: Surface, hair: np.ndarray) -> np.ndarray:
    """(V, 3) colours of somebody with `hair` (V,) bool."""
    return np.where(hair[:, None], HAIR, SKIN)


def flat(surface: Surface) -> np.ndarray:
    """(V, 3) offsets of nothing that stands off."""
    return np.zeros_like(surface.vertices)


def pulled(surface: Surface, head: np.ndarray) -> np.ndarray:
    """(V, 3) offsets of a neck whose outline is that of hair beside it."""
    return np.where(head[:, None], 0, 0.03 * np.sign(surface.vertices) * [1, 0, 0])


def eyes(surface: Surface) -> float:
    return float(surface.vertices[surface.skin, 1].max())


@pytest.mark.parametrize("high", [0.02, 0.05])
@pytest.mark.parametrize("lean", [0.0, 0.02])
def test_it_ends_where_the_photo_shows_it_end(surface: Surface, head: np.ndarray, high: float, lean: float) -> None:
    """Left and right at different heights, over the eyes and down to them."""
    shown, cosine = in_front(surface)
    above = surface.vertices[:, 1] - eyes(surface) - high - lean * np.sin(around(surface))
    found = HeadHair.of(surface, painted(surface, head & (above > 0)), shown, flat(surface), cosine)
    assert found is not None
    told = head & ~surface.ears & ~surface.skin & (np.abs(around(surface)) < np.radians(45))
    assert found.hair[told & (above > NEAR)].all() and not found.hair[told & (above < -NEAR)].any()


def test_it_falls_from_the_temples_to_the_ears_whatever_the_rim_shows(surface: Surface, head: np.ndarray) -> None:
    shown, cosine = in_front(surface)
    angle, high = np.abs(around(surface)), surface.vertices[:, 1]
    hair = head & (high > eyes(surface) + 0.04) & (angle < np.radians(55))  # beside that is a pale wall
    found = HeadHair.of(surface, painted(surface, hair), shown, flat(surface), cosine)
    assert found is not None
    top = float(surface.vertices[surface.ears, 1].max())
    over = head & ~surface.skin & ~surface.ears & (angle > np.radians(65)) & (angle < np.radians(100))
    assert (over & (high > eyes(surface) + 0.04)).any()
    assert found.hair[over & (high > max(eyes(surface), top) + 0.04)].all()
    ear = angle > angle[surface.ears].mean() - np.radians(5)
    assert found.hair[over & ear & (high > top + NEAR)].all() and not found.hair[over & (high < top - NEAR)].any()


def test_behind_it_is_as_on_most_heads_down_to_the_ears_or_to_what_hangs(surface: Surface, head: np.ndarray) -> None:
    shown, cosine = in_front(surface)
    found = HeadHair.of(
        surface, painted(surface, head & (surface.vertices[:, 1] > eyes(surface) + 0.04)), shown, flat(surface), cosine
    )
    assert found is not None
    behind, low = head & (np.abs(around(surface)) > np.radians(140)), surface.vertices[surface.ears, 1].min()
    assert np.array_equal(found.hair[behind], (surface.hair & (surface.vertices[:, 1] > low))[behind])
    hanging = ~head & (surface.vertices[:, 2] < 0) & (surface.vertices[:, 1] > 0.4)
    assert np.array_equal(found.with_hanging(surface, surface.hair), found.hair)
    assert found.with_hanging(surface, surface.hair | hanging)[(surface.hair & behind) | hanging].all()


def test_nothing_is_told_of_who_is_bald(surface: Surface) -> None:
    shown, cosine = in_front(surface)
    assert HeadHair.of(surface, painted(surface, np.zeros_like(shown)), shown, flat(surface), cosine) is None
    assert HeadHair.of(surface, painted(surface, surface.hair), np.zeros_like(shown), flat(surface), cosine) is None


@pytest.mark.parametrize("covered", [False, True])
def test_an_ear_is_as_most_of_it_that_is_seen(surface: Surface, head: np.ndarray, covered: bool) -> None:
    shown, cosine = in_front(surface)
    hair = head & (surface.vertices[:, 1] > eyes(surface) + 0.03)
    hair = np.where(surface.ears, covered, hair)
    hair[np.flatnonzero(surface.ears & shown)[::5]] ^= True  # a strand, an earring
    found = HeadHair.of(surface, painted(surface, hair), shown, flat(surface), cosine)
    assert found is not None
    assert (found.hair[surface.ears] == covered).all() and surface.ears.any()


def long_hair(surface: Surface, head: np.ndarray) -> np.ndarray:
    """(V,) bool: hair that is tucked behind the ears and falls beside the jaws and the neck."""
    y, aside = surface.vertices[:, 1], np.abs(around(surface)) > np.radians(60)
    neck = ~head & (np.abs(surface.vertices[:, 0]) > 0.03)
    low = surface.vertices[surface.ears, 1].min()
    hair: np.ndarray = head & ((y > eyes(surface) + 0.01) | aside & (y < low + 0.02)) & ~surface.ears | neck
    return hair


def test_hair_falls_below_ears_that_it_is_tucked_behind(surface: Surface, head: np.ndarray) -> None:
    shown, cosine = in_front(surface)
    found = HeadHair.of(surface, painted(surface, long_hair(surface, head)), shown, pulled(surface, head), cosine)
    assert found is not None
    jaw = head & ~surface.skin & (surface.vertices[:, 1] < surface.vertices[surface.ears, 1].min() - NEAR)
    jaw &= np.abs(around(surface)) > np.radians(70)
    assert found.hair[jaw].mean() > 0.95
    assert not found.hair[surface.ears].any()


def test_a_tail_at_one_side_comes_from_behind(surface: Surface, head: np.ndarray) -> None:
    shown, cosine = in_front(surface)
    hair, chin = long_hair(surface, head), float(surface.vertices[surface.skin, 1].min())
    low = surface.vertices[:, 1] < surface.vertices[surface.ears, 1].min()
    hair &= ~low | (surface.vertices[:, 0] > 0)
    found = HeadHair.of(surface, painted(surface, hair), shown, pulled(surface, head), cosine)
    assert found is not None
    assert not found.hair[head & low].any() and (head & low & (surface.vertices[:, 1] > chin)).any()


def test_a_beard_is_no_hair_that_falls(surface: Surface, head: np.ndarray) -> None:
    shown, cosine = in_front(surface)
    chin = float(surface.vertices[surface.skin, 1].min())
    beard = head & (surface.vertices[:, 1] < chin + 0.04)
    found = HeadHair.of(
        surface, painted(surface, long_hair(surface, head) | beard), shown, pulled(surface, head), cosine
    )
    assert found is not None
    low = head & (surface.vertices[:, 1] < chin + 0.03) & (np.abs(around(surface)) < np.radians(100))
    assert not (found.hair & ~shown)[low].any()
    assert not found.beside[beard].any()  # and stays as the photo shows it


def test_what_a_rim_shows_of_something_else_is_not_the_head_s(surface: Surface, head: np.ndarray) -> None:
    """Hair beside a jaw, where the ears are free and none hangs beside the neck; skin beside the crown."""
    shown, cosine = in_front(surface)
    y, aside = surface.vertices[:, 1], np.abs(around(surface)) > np.radians(75)
    chin = float(surface.vertices[surface.skin, 1].min())
    hair = head & (y > eyes(surface) + 0.03)
    jaw = head & aside & shown & (y < chin + 0.04) & ~surface.ears
    spot = np.zeros_like(head)
    spot[np.flatnonzero(hair & aside & shown & (y > eyes(surface) + 0.06))[:1]] = True
    found = HeadHair.of(surface, painted(surface, (hair | jaw) & ~spot), shown, flat(surface), cosine)
    assert found is not None and jaw.any() and spot.any()
    assert not found.hair[jaw].any() and found.hair[spot].all()
    assert found.beside[jaw].min() > 0.8 and found.beside[spot].min() > 0.8
    assert found.beside[~jaw & ~spot & (np.abs(around(surface)) < np.radians(50))].max() < 0.1


def test_a_skirt_has_none(surface: Surface) -> None:
    known = HeadHair(surface.hair, surface.hair.astype(np.float32))
    longer = known.resized(len(surface.hair) + 3)
    assert not longer.hair[-3:].any() and not longer.beside[-3:].any()
    assert np.array_equal(longer.resized(len(surface.hair)).hair, known.hair)
    assert np.array_equal(longer.resized(len(surface.hair)).beside, known.beside)
