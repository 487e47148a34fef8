"""Plates without the person, against scenes whose background is known."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from lwgan_cli.errors import InputError, LwganError
from lwgan_cli.layers.background import (
    background_plate,
    fill_hole,
    person_hole,
    plate_from_clip,
)
from lwgan_cli.layers.patch_fill import _UNLIKE, _copy, _integrate, fill_patches
from lwgan_cli.layers.push_pull import push_pull

HEIGHT, WIDTH = 240, 320


def person(x: int = 160) -> np.ndarray:
    """(H, W) float32 alpha of a figure standing at x."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(alpha, (x, 60), 16, 1.0, -1)
    cv2.ellipse(alpha, (x, 120), (24, 48), 0, 0, 360, 1.0, -1)
    for side in (-1, 1):
        cv2.line(alpha, (x + 10 * side, 150), (x + 14 * side, 215), 1.0, 14)
    return cv2.GaussianBlur(alpha, (0, 0), 1)


def wall_and_floor() -> np.ndarray:
    """(H, W, 3) uint8: a wall lit from one side, a skirting line, a floor of planks, grain everywhere."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    wall = 190 - 0.15 * columns + 0 * rows
    floor = 110 + 14 * np.sin(rows * 0.9)
    grey = np.where(rows < 180, wall, floor)
    grey[178:182] = 60
    grain = np.random.default_rng(0).normal(0, 3, (HEIGHT, WIDTH))
    return np.clip(np.stack([grey + grain, grey + grain - 5, grey + grain - 15], 2), 0, 255).astype(np.uint8)


def pebbles(seed: int = 1) -> np.ndarray:
    """(H, W, 3) uint8, a random texture without a plan."""
    raw = np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    smooth = cv2.GaussianBlur(raw, (0, 0), 2)
    return np.repeat(np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)[..., None], 3, 2)


def composite(background: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return (alpha[..., None] * np.array((200, 30, 60)) + (1 - alpha[..., None]) * background).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-6, ((a.astype(float) - b)[where] ** 2).mean())))


def roughness(picture: np.ndarray, where: np.ndarray) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[where].mean())


def test_wall_line_floor_and_grain_go_on_behind_the_person() -> None:
    scene, alpha = wall_and_floor(), person()
    picture = composite(scene, alpha)
    plate = background_plate(picture, alpha)
    hole = person_hole(alpha, picture)
    telea = cv2.inpaint(picture, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)
    assert plate.dtype == np.uint8
    assert np.array_equal(plate[~hole], picture[~hole])
    assert psnr(plate, scene, hole) > psnr(telea, scene, hole) + 3
    assert psnr(plate, scene, hole) > 27
    inside = cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert 0.7 < roughness(plate, inside) / roughness(scene, inside) < 1.4
    line = plate[179:181, 140:180].mean()
    assert line < 90  # the skirting line is unbroken


def test_texture_without_a_plan_keeps_its_roughness() -> None:
    scene, alpha = pebbles(), person()
    plate = background_plate(composite(scene, alpha), alpha)
    inside = cv2.erode(person_hole(alpha).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert 0.6 < roughness(plate, inside) / roughness(scene, inside) < 1.5


def test_nothing_of_the_person_is_left() -> None:
    scene, alpha = wall_and_floor(), person()
    plate = background_plate(composite(scene, alpha), alpha).astype(int)
    redness = plate[..., 0] - plate[..., 1]
    assert redness.max() < 40  # the person's is 170


def test_soles_that_the_mask_missed_are_in_the_hole() -> None:
    alpha = person()
    rows = np.flatnonzero((alpha > 0.5).any(1))
    missed = alpha.copy()
    missed[rows[-1] - round(0.02 * len(rows)) :] = 0
    hole = person_hole(missed)
    assert hole[alpha > 0.5].all()
    # beside the shins the wall stays
    shin = rows[-1] - round(0.12 * len(rows))
    beside = np.flatnonzero(alpha[shin] > 0.05)[0] - round(0.05 * len(rows))
    assert not hole[shin, :beside].any()


def test_the_shadow_under_a_foot_that_stands_further_back_is_in_the_hole() -> None:
    alpha = person()
    alpha[205:, 162:] = 0  # the right leg ends higher up in the picture
    shadow = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.uint8), (176, 207), (10, 3), 0, 0, 360, 1, -1) > 0
    hole = person_hole(alpha)
    assert hole[shadow].all()
    assert not hole[180:200, :130].any()  # beside the shins the ground stays


def test_the_hole_reaches_beyond_the_rim_and_under_the_feet() -> None:
    alpha = person()
    hole = person_hole(alpha)
    assert hole[alpha > 0.05].all()
    feet = np.flatnonzero((alpha > 0.5).any(1))[-1]
    assert hole[feet + 4, [146, 174]].all()
    assert not hole[:20].any()
    assert not person_hole(np.zeros((HEIGHT, WIDTH))).any()


def test_gaps_between_limbs_stay_and_pinholes_do_not() -> None:
    alpha = person()
    for half, stays in ((2, False), (15, True)):
        pierced = alpha.copy()
        pierced[120 - half : 121 + half, 160 - half : 161 + half] = 0
        assert person_hole(pierced)[115:126, 155:166].all() != stays


def test_a_picture_without_a_person_stays() -> None:
    scene = wall_and_floor()
    assert np.array_equal(background_plate(scene, np.zeros((HEIGHT, WIDTH), np.float32)), scene)


def test_a_hole_at_the_border_and_a_hole_that_leaves_little() -> None:
    scene = wall_and_floor()
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[60:, 100:220] = 1
    plate = background_plate(composite(scene, alpha), alpha)
    assert psnr(plate, scene, alpha > 0.5) > 18
    most = np.ones((HEIGHT, WIDTH), bool)
    most[:, :6] = False
    filled = fill_hole(scene, most)
    assert np.abs(filled[:, 6:].astype(int).mean((0, 1)) - scene[:, :6].mean((0, 1))).max() < 12


def test_a_person_over_the_whole_picture_is_refused() -> None:
    with pytest.raises(InputError, match="--background"):
        fill_hole(wall_and_floor(), np.ones((HEIGHT, WIDTH), bool))


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(LwganError, match=r"\(5, 5\)"):
        background_plate(wall_and_floor(), np.zeros((5, 5), np.float32))


def test_push_pull_keeps_what_is_known_and_stays_within_its_range() -> None:
    values = np.random.default_rng(0).uniform(20, 30, (61, 47, 3)).astype(np.float32)
    weight = np.ones((61, 47), np.float32)
    weight[20:50, 10:40] = 0
    filled = push_pull(values, weight)
    assert np.array_equal(filled[weight == 1], values[weight == 1])
    assert filled.min() >= 20 and filled.max() <= 30
    flat = push_pull(np.full((33, 20, 1), 7, np.float32) * weight[:33, :20, None], weight[:33, :20])
    assert np.allclose(flat, 7, atol=1e-4)


def test_a_picture_is_rebuilt_from_its_differences() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (37, 52, 3))
    across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
    border = picture.copy()
    border[1:-1, 1:-1] = 0
    assert np.allclose(_integrate(across, down, border, reach=1e4), picture, atol=0.1)
    assert np.allclose(_integrate(across, down, picture, reach=3), picture, atol=1e-3)


def test_a_step_at_the_rim_fades_out_within_the_reach() -> None:
    across, down = np.zeros((60, 79, 3)), np.zeros((59, 80, 3))
    colours = np.full((60, 80, 3), 100.0)
    colours[:, 0] = 200  # pieces of another brightness begin here
    row = _integrate(across, down, colours, reach=8)[30, :, 0]
    assert np.allclose(row[:40], 100 + 100 * np.exp(-np.arange(40) / 8), atol=1)


def test_pieces_that_differ_as_things_do_keep_their_seam_and_those_of_other_light_lose_it() -> None:
    hole, columns = np.zeros((80, 120), bool), np.arange(120)
    hole[25:55, 40:80] = True
    offsets = np.zeros((80, 120, 2), np.int64)
    offsets[:, :60, 1], offsets[:, 60:, 1] = -40, 40
    for right, edge in ((230.0, True), (108.0, False)):
        grey = np.where(columns < 40, 90.0, right)
        picture = np.repeat(np.tile(grey, (80, 1))[..., None], 3, 2).astype(np.float32)
        row = _copy(picture, hole, offsets, _UNLIKE)[40, 45:75, 0]
        assert (np.diff(row).max() > 0.9 * (right - 90)) == edge
        assert not edge or np.abs(row - np.where(columns[45:75] < 60, 90, right)).max() < 8  # no smear


def test_an_exactly_repeating_pattern_is_completed_exactly() -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    grey = ((columns // 8 % 2) * 120 + (rows // 8 % 2) * 60 + 40).astype(np.float32)
    picture = np.repeat(grey[..., None], 3, 2)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[90:140, 130:180] = True
    holed = np.where(hole[..., None], 0, picture).astype(np.float32)
    filled = fill_patches(holed, hole)
    assert np.abs(filled - picture)[hole].mean() < 6


def walking(count: int, shift: float = 0.0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames and masks of a figure that walks through the scene while the camera drifts by `shift` px a frame."""
    scene = cv2.add(wall_and_floor() // 2, pebbles(3) // 2)
    for index in range(count):
        moved = np.float32([[1, 0, -shift * index], [0, 1, 0]])
        behind = cv2.warpAffine(scene, moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        alpha = person(40 + 240 * index // max(1, count - 1))
        yield composite(behind, alpha), alpha


def test_a_plate_from_a_clip_is_the_true_scene() -> None:
    scene = cv2.add(wall_and_floor() // 2, pebbles(3) // 2)
    frames, masks = zip(*walking(60), strict=True)
    plate = plate_from_clip(iter(frames), iter(masks))
    assert psnr(plate, scene, np.ones((HEIGHT, WIDTH), bool)) > 45
    first_hole = person_hole(masks[0])
    assert psnr(plate, scene, first_hole) > psnr(background_plate(frames[0], masks[0]), scene, first_hole) + 10


def test_a_drifting_camera_is_brought_back_to_the_first_view() -> None:
    scene = cv2.add(wall_and_floor() // 2, pebbles(3) // 2)
    frames, masks = zip(*walking(12, shift=1.5), strict=True)
    plate = plate_from_clip(iter(frames), iter(masks))
    hole = person_hole(masks[0])
    unaligned = np.median(np.stack(frames), 0)
    assert psnr(plate, scene, hole) > psnr(unaligned, scene, hole) + 4
    assert psnr(plate, scene, ~hole) > 30


def test_frames_of_another_place_are_left_out() -> None:
    frames, masks = zip(*walking(3), strict=True)
    frames = (*frames, pebbles(9), pebbles(10))
    masks = (*masks, person(40), person(40))
    scene = cv2.add(wall_and_floor() // 2, pebbles(3) // 2)
    assert psnr(plate_from_clip(frames, masks), scene, np.ones((HEIGHT, WIDTH), bool)) > 38


def test_what_no_frame_shows_is_filled() -> None:
    scene = wall_and_floor()
    alpha = person()
    plate = plate_from_clip([composite(scene, alpha)] * 5, [alpha] * 5)
    assert psnr(plate, scene, person_hole(alpha)) > 27


def test_a_long_clip_is_read_without_being_held() -> None:
    alive = 0
    most = 0

    class Frame(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def frames() -> Iterator[np.ndarray]:
        nonlocal alive, most
        for _ in range(300):
            alive += 1
            most = max(most, alive)
            yield np.full((24, 32, 3), 90, np.uint8).view(Frame)

    plate = plate_from_clip(frames(), (np.zeros((24, 32), np.float32) for _ in range(300)))
    assert (plate == 90).all()
    assert most <= 28  # two dozen, and those in passing


def test_an_empty_clip_is_refused() -> None:
    with pytest.raises(InputError, match="none"):
        plate_from_clip([], [])
