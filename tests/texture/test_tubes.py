"""Cloth that goes on around a body, against the body painted all around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import View, complete_views
from lwgan_cli.texture.tubes import CELL, Tube, continued, outermost
from tests.body.acting import body
from tests.texture.test_texture import SIZE, painted, photograph

RADIUS, LENGTH = 0.1, 0.3  # m
RED, BLUE, WHITE, BLACK = (np.array(c, float) for c in ((200, 40, 50), (40, 45, 90), (250, 250, 250), (20, 20, 20)))


def cylinder() -> tuple[Tube, np.ndarray]:
    """A round tube, and the angle (M,) of its texels."""
    angle, up = (
        each.ravel() for each in np.meshgrid(np.arange(-np.pi, np.pi, CELL / RADIUS), np.arange(0, LENGTH, CELL))
    )
    plane = RADIUS * np.stack([np.sin(angle), np.cos(angle)], 1)
    return Tube.of(up, plane), angle


def test_a_tube_is_unrolled_at_its_own_girth() -> None:
    tube, angle = cylinder()
    assert np.abs(tube.around - angle).max() < 0.05
    assert tube.size[1] * CELL == pytest.approx(2 * np.pi * RADIUS, rel=0.02)
    shown = tube.picture(np.stack([tube.along, np.cos(angle)], 1))
    assert np.abs(shown[:, 0, 0] - np.arange(tube.size[0]) * CELL).max() < 2 * CELL
    assert (
        np.abs(shown[5, :, 1] - np.cos((np.arange(tube.size[1]) + 0.5) / tube.size[1] * 2 * np.pi - np.pi)).max() < 0.1
    )


@pytest.mark.parametrize("sight", [0.0, 2.0, -3.0])
def test_a_hem_goes_around_at_its_height_whichever_side_was_seen(sight: float) -> None:
    tube, angle = cylinder()
    cloth = np.where(tube.along[:, None] > 0.12, RED, BLUE)
    seen = np.cos(angle - sight) > 0.3
    found, share = continued(tube, np.where(seen[:, None], cloth, 0), seen, sight, False, cloth)
    assert (share[~seen] > 0.9).mean() > 0.97
    away = np.abs(tube.along - 0.12) > 3 * CELL
    assert np.abs(found - cloth)[~seen & away].max() < 20


def test_stripes_go_on_as_strong_as_they_are_and_without_a_seam() -> None:
    """Upright ones, of which mirrored ones meet their like wherever they are folded over."""
    tube, angle = cylinder()
    cloth = 128 + 80 * np.sin(12 * angle)[:, None] * np.ones(3)
    seen = np.cos(angle) > 0.3
    found, _ = continued(tube, np.where(seen[:, None], cloth, 0), seen, 0.0, False, np.full_like(cloth, 128))
    assert found[~seen].std() == pytest.approx(cloth[seen].std(), rel=0.2)
    picture = tube.picture(np.where(seen[:, None], cloth, found))[..., 0]
    steps = np.abs(np.diff(picture, axis=1)).mean(0)
    edges = np.flatnonzero(np.diff(tube.picture(seen[:, None].astype(float))[10, :, 0]))
    assert len(edges) == 2
    for edge in edges:
        assert steps[edge - 1 : edge + 2].mean() < 1.5 * steps.mean()


def test_the_back_is_of_the_jacket_and_not_of_what_its_opening_shows() -> None:
    tube, angle = cylinder()
    opening = np.abs(angle) < 0.5
    stripes = np.where((tube.along // 0.02 % 2 == 0)[:, None], WHITE, BLACK)
    worn = np.where(opening[:, None], stripes, RED)
    seen = np.cos(angle) > 0.1
    found, share = continued(tube, np.where(seen[:, None], worn, 0), seen, 0.0, True, RED + 0 * worn)
    assert (share[~seen] > 0.9).mean() > 0.95
    assert (np.abs(found - RED).max(1) < 30)[~seen].mean() > 0.97


def test_what_is_alike_everywhere_is_all_outermost() -> None:
    random = np.random.default_rng(0)
    picture = random.choice(np.stack([RED, WHITE]), (60, 150)).astype(np.float32)
    picture = np.repeat(np.repeat(picture, 4, 0), 4, 1)[:60, :150]
    assert outermost(picture, np.ones((60, 150), bool)).mean() > 0.9


def motifs(tube: Tube, angle: np.ndarray) -> np.ndarray:
    """(M, 3) a print of patches 3 cm wide, each of a colour of its own."""
    colours = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(float)
    return colours[(tube.along // 0.03).astype(int), ((angle + np.pi) * RADIUS // 0.03).astype(int)]


def test_a_print_all_over_goes_on_whole() -> None:
    tube, angle = cylinder()
    cloth, seen = motifs(tube, angle), np.cos(angle) > 0.1
    picture = tube.picture(np.column_stack([cloth, seen]))
    middle = picture.shape[1] // 2
    model = outermost(*(np.roll(each, -middle, 1) for each in (picture[..., :3], picture[..., 3] > 0)))
    assert model.sum() > 0.8 * (picture[..., 3] > 0).sum()
    found, _ = continued(tube, np.where(seen[:, None], cloth, 0), seen, 0.0, True, cloth * 0 + cloth.mean(0))
    # as many edges as the print has, and no bands: columns differ as much as rows do
    shown, real = (tube.picture(each)[:, np.r_[5:30, 130:150]] for each in (found, cloth))
    for axis in (0, 1):
        edges = [np.abs(np.diff(each, axis=axis)).mean() for each in (shown, real)]
        assert edges[0] == pytest.approx(edges[1], rel=0.35)


def test_sides_that_show_something_else_for_a_hand_s_breadth_make_no_belt() -> None:
    tube, angle = cylinder()
    amiss = (np.abs(tube.along - 0.15) < 0.03) & (np.abs(angle) > 0.7)
    worn, seen = np.where(amiss[:, None], WHITE, RED), np.cos(angle) > 0.1
    found, _ = continued(tube, np.where(seen[:, None], worn, 0), seen, 0.0, True, RED + 0 * worn)
    assert (np.abs(found - RED).max(1) < 30)[~seen].mean() > 0.9


def test_trousers_of_which_little_is_seen_are_not_made_of_the_top_above() -> None:
    """Of somebody who crouches: in between nothing is seen all around."""
    tube, angle = cylinder()
    cloth = np.where(tube.along[:, None] > 0.12, RED, BLUE)
    seen = (np.cos(angle) > 0.3) & ((tube.along > 0.13) | (tube.along < 0.03))
    found, share = continued(tube, np.where(seen[:, None], cloth, 0), seen, 0.0, True, cloth)
    between = (tube.along < 0.08) & (tube.along > 0.03)
    assert share[between].mean() > 0.5
    assert (share * np.abs(found - BLUE).max(1) < 30)[between].mean() > 0.97


def test_what_was_seen_well_goes_on_rather_than_what_was_hardly_seen() -> None:
    tube, angle = cylinder()
    well = np.abs(angle) < 0.9
    cloth, seen = np.where(well, 150.0, 125.0)[:, None] * np.ones(3), np.cos(angle) > 0.1
    shares = []
    for trust in (seen, seen * np.where(well, 1, 0.2)):
        found, _ = continued(tube, np.where(seen[:, None], cloth, 0), trust, 0.0, False, cloth)
        across_from_the_sides = (np.abs(angle) > 1.7) & (np.abs(angle) < 2.2)
        shares.append((found[across_from_the_sides] > 140).mean())
    assert shares[1] > 0.95 > shares[0] + 0.15


def test_an_arm_before_a_striped_shirt_leaves_no_plain_patch() -> None:
    """Where the arm hid it, the shirt has its own bands again."""
    surface = Surface.of_body(body())

    def shirt(places: np.ndarray) -> np.ndarray:
        return np.where((places[:, 1:2] // 0.04 % 2 == 0), RED, WHITE)

    view: View = photograph(surface, shirt)
    x, y = surface.vertices[:, 0], surface.vertices[:, 1]
    behind = (x > 0.02) & (x < 0.1) & (y > 0.0) & (y < 0.25)
    atlas = complete_views([replace(view, visibility=np.where(behind, 0, view.visibility))], surface, SIZE)
    places, found, true = painted(surface, atlas, shirt)
    from_edge = np.abs((places[:, 1] / 0.04 + 0.5) % 1 - 0.5) * 0.04
    patch = behind[surface.faces].all(1) & (places[:, 2] > 0) & (from_edge > 0.01)
    assert patch.sum() > 50
    assert (np.abs(found - true).max(1)[patch] < 60).mean() > 0.85


def test_what_is_as_wide_on_a_flat_chest_as_on_its_sides_is_as_wide_unrolled() -> None:
    """An oval trunk, against places stepped out along its outline."""
    turn = np.linspace(-np.pi, np.pi, 2001)[:-1]
    shape = np.stack([0.16 * np.sin(turn), 0.08 * np.cos(turn)], 1)
    way = np.concatenate([[0], np.linalg.norm(np.diff(shape, axis=0), axis=1).cumsum()])
    even = np.stack([np.interp(np.linspace(0, way[-1], 300), way, each) for each in shape.T], 1)
    up = np.arange(0, 0.2, CELL)
    tube = Tube.of(np.repeat(up, len(even)), np.tile(even, (len(up), 1)))
    steps = np.diff(np.unwrap(tube.around.reshape(len(up), -1)), axis=1) * tube.size[1] / (2 * np.pi) * CELL
    assert steps == pytest.approx(way[-1] / 299, rel=0.25)
    assert tube.size[1] * CELL == pytest.approx(way[-1], rel=0.03)


def test_the_hole_that_an_arm_leaves_is_no_model() -> None:
    tube, angle = cylinder()
    kept = np.hypot(angle * RADIUS, tube.along - LENGTH / 2) > 0.05
    plane = RADIUS * np.stack([np.sin(angle), np.cos(angle)], 1)
    holed = Tube.of(tube.along[kept], plane[kept])
    trust = holed.picture(np.ones((kept.sum(), 1)), weight=0)[..., 0]
    assert trust[trust.shape[0] // 2, trust.shape[1] // 2] == 0
    assert trust.mean() > 0.9


@pytest.mark.parametrize("seed", [1, 2])
def test_the_middle_of_a_patterned_back_is_the_front_s_seen_through_the_body(seed: int) -> None:
    tube, angle = cylinder()
    row, far = (tube.along / 0.02).astype(int), np.pi - np.abs(angle)
    blots = np.random.default_rng(seed).integers(0, 2, (16, 40))
    front, behind = (
        np.stack([RED, WHITE])[blots[row, ((np.sign(angle) * each + np.pi) / (2 * np.pi) * 40).astype(int) % 40]]
        for each in (np.abs(angle), far)
    )
    seen = np.cos(angle) > 0.2
    found, _ = continued(tube, np.where(seen[:, None], front, 0), seen, 0.0, True, np.full_like(front, 128))
    middle = np.cos(angle) < -0.6
    assert np.abs(found - behind).mean(1)[middle].mean() < 30  # 80 where it is folded at the edges of the front
