"""The open share of a shutter, from pictures that were smeared by a known one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lwgan_cli.fitting.shutter import open_share

SIZE = 160


def cloth(seed: int) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8, a pattern with detail in every direction."""
    noise = np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def exposed(picture: np.ndarray, way: tuple[float, float], share: float) -> np.ndarray:
    """What a shutter sees that is open while the picture moves by a share of `way`: a mean of many moments."""
    moments = [
        cv2.warpAffine(
            picture, np.float32([[1, 0, t * way[0]], [0, 1, t * way[1]]]), (SIZE, SIZE), flags=cv2.INTER_CUBIC
        )
        for t in np.linspace(-share / 2, share / 2, 41)
    ]
    return np.rint(np.mean(moments, 0)).clip(0, 255).astype(np.uint8)


def seen(share: float | list[float], ways: list[tuple[float, float]], displaced: int = 0) -> float:
    shares = share if isinstance(share, list) else [share] * len(ways)
    made = np.stack([cloth(row) for row in range(len(ways))])
    real = np.stack([exposed(*each) for each in zip(made, ways, shares, strict=True)])
    real = np.roll(real, displaced, (1, 2))
    velocity = np.broadcast_to(np.array(ways, np.float32)[:, None, None], (len(ways), SIZE, SIZE, 2))
    known = np.zeros((len(ways), SIZE, SIZE), bool)
    known[:, 20:-20, 20:-20] = True
    return open_share(made, known, real, velocity)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8])
def test_the_share_is_found_whatever_the_direction(share: float) -> None:
    """A little less of it, as a smear too many is worse than one too few."""
    assert seen(share, [(8, 0), (0, -6), (5, 5), (-9, 3)]) == pytest.approx(share, abs=0.13)


def test_frames_that_disagree_are_believed_less() -> None:
    """All of one clip are taken with one shutter: what some of them lack was something else than a smear."""
    assert seen([0.0, 0.6, 0.6, 0.6], [(8, 0), (0, -6), (5, 5), (-9, 3)]) < 0.3


def test_a_fit_that_is_some_px_off_changes_little() -> None:
    assert seen(0.5, [(8, 0), (0, -6), (5, 5)], displaced=3) == pytest.approx(0.5, abs=0.13)


def test_where_nothing_moves_fast_no_share_is_told() -> None:
    assert seen(0.8, [(1, 0), (0, 1.5)]) == 0.0


def test_frames_blurred_alike_in_all_directions_are_not_smeared() -> None:
    made = np.stack([cloth(row) for row in range(3)])
    soft = np.stack([cv2.GaussianBlur(picture, (0, 0), 2) for picture in made])
    velocity = np.zeros((3, SIZE, SIZE, 2), np.float32)
    velocity[..., 0] = 8
    assert open_share(made, np.ones(made.shape[:3], bool), soft, velocity) < 0.1


def test_what_no_shutter_could_have_taken_tells_of_none() -> None:
    """Stripes across the way in what was painted, and none in the real frames: it was painted wrongly."""
    stripes = np.tile((np.arange(SIZE) // 2 % 2 * 120).astype(np.uint8)[None, :, None], (SIZE, 1, 3))
    plain = np.tile((np.arange(SIZE) // 20 % 2 * 120).astype(np.uint8)[:, None, None], (1, SIZE, 3))
    made = np.stack([cv2.addWeighted(stripes, 0.8, plain, 0.2, 0)] * 4)
    velocity = np.zeros((4, SIZE, SIZE, 2), np.float32)
    velocity[..., 0] = 9
    assert open_share(made, np.ones(made.shape[:3], bool), np.stack([plain] * 4), velocity) == 0.0


def test_a_leg_alone_tells_nothing() -> None:
    """Plain skin below a hem, which in the real, sharp frames lies a little higher and out of what is compared."""
    rows = np.arange(SIZE)[:, None]
    skin = 170 + 30 * np.sin(np.arange(SIZE) / 6.0) + 40 * np.sin(rows / 4.0)
    made = np.where(rows < 36, 20.0, skin).clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    real = np.where(rows < 26, 20.0, skin).clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    velocity = np.zeros((5, SIZE, SIZE, 2), np.float32)
    velocity[..., 1] = 12
    leg, both = np.zeros((2, 5, SIZE, SIZE), bool)
    leg[:, 20:140, 60:92] = True
    both[:, 20:140, 20:132] = True
    assert open_share(np.stack([made] * 5), leg, np.stack([real] * 5), velocity) == 0.0
    moving = np.stack([exposed(cloth(row), (0, 12), 0.5) for row in range(5)])
    assert open_share(np.stack([cloth(row) for row in range(5)]), both, moving, velocity) > 0.3


def test_lines_that_were_painted_wrongly_are_no_detail_lost() -> None:
    """Of what stands behind, along the edge of a leg."""
    real = np.stack([cloth(row) // 2 for row in range(4)])
    made = real.copy()
    made[:, :, 30::40] = made[:, :, 31::40] = 255
    velocity = np.zeros((4, SIZE, SIZE, 2), np.float32)
    velocity[..., 0] = 9
    known = np.zeros(made.shape[:3], bool)
    known[:, 20:-20, 20:-20] = True
    assert open_share(made, known, real, velocity) < 0.05
    smeared = np.stack([exposed(picture, (9, 0), 0.5) for picture in real])
    assert open_share(made, known, smeared, velocity) == pytest.approx(0.5, abs=0.13)


def test_few_frames_that_were_painted_rightly_tell_nothing() -> None:
    """Three of eight, in which what the hair lacks in detail looks like a smear."""
    ways = [(9, 0)] * 8
    real = np.stack([exposed(cloth(row), (9, 0), 0.5) for row in range(8)])
    made = np.stack([cloth(row) if row < 3 else 255 - cloth(row) // 4 for row in range(8)])
    velocity = np.broadcast_to(np.array(ways, np.float32)[:, None, None], (8, SIZE, SIZE, 2))
    known = np.zeros((8, SIZE, SIZE), bool)
    known[:, 20:-20, 20:-20] = True
    assert open_share(made, known, real, velocity) == 0.0
    assert open_share(made[:3], known[:3], real[:3], velocity[:3]) > 0.3
