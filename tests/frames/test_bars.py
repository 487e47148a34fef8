"""Black bars around pictures: found where they were put, and not where a scene is dark or light."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lwgan_cli.frames.bars import Around, around, picture_in, without_bars
from lwgan_cli.frames.clip import Clip, open_clip

WIDTH, HEIGHT = 160, 120


def scene(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: blurred patches, some of them dark."""
    rng = np.random.default_rng(seed)
    patches = cv2.resize(rng.uniform(30, 250, (6, 8, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    return (patches + rng.normal(0, 4, patches.shape)).clip(0, 255).astype(np.uint8)


def barred(picture: np.ndarray, left: int, top: int, right: int, bottom: int, soft: float = 0.0) -> np.ndarray:
    """With bars so many px wide, their edges blurred, and the noise that compression leaves."""
    framed = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT).astype(np.float32)
    if soft:
        framed = cv2.GaussianBlur(framed, (0, 0), soft)
    noise = np.random.default_rng(9).normal(0, 1.5, framed.shape)
    return (framed + noise).clip(0, 255).astype(np.uint8)


def light(picture: np.ndarray) -> np.ndarray:
    return picture.max(2)


@pytest.mark.parametrize("soft", [0.0, 1.0])
@pytest.mark.parametrize("bars", [(0, 20, 0, 12), (40, 0, 31, 0), (20, 30, 10, 16), (0, 0, 24, 0), (0, 5, 0, 0)])
def test_bars_are_found_at_whichever_side(bars: tuple[int, int, int, int], soft: float) -> None:
    found = picture_in(light(barred(scene(), *bars, soft)))
    left, top = bars[:2]
    blurred = 3 if soft else 0
    assert found is not None
    for side, (edge, expected) in enumerate(zip(found, (left, top, left + WIDTH, top + HEIGHT), strict=True)):
        inwards = (edge - expected) * (1 if side < 2 else -1)
        # px of a blurred edge, and one more where a side's length would be odd
        assert 0 <= inwards <= (blurred + 1 if bars[side] or bars[(side + 2) % 4] else 0)


@pytest.mark.parametrize("bars", [(3, 4, 4, 5), (0, 5, 0, 0), (7, 0, 0, 0)])
def test_a_picture_within_bars_has_even_sides(bars: tuple[int, int, int, int]) -> None:
    found = picture_in(light(barred(scene(), *bars)))
    assert found is not None
    assert (found[2] - found[0]) % 2 == 0 and (found[3] - found[1]) % 2 == 0


def dark_room() -> np.ndarray:
    """Black above, a lit table across a part of it below."""
    room = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    room[70:, 40:110] = 150
    return room.astype(np.uint8)


def curtain() -> np.ndarray:
    """A vignette into black on all sides."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot((x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT)
    return np.repeat((255 * (1 - 2.4 * away).clip(0, 1))[..., None], 3, 2).astype(np.uint8)


def stage() -> np.ndarray:
    """A white wall behind a black floor that shines a little."""
    floor = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    floor[90:] = 16
    return floor


def white() -> np.ndarray:
    return cv2.copyMakeBorder(scene(80, 100), 20, 20, 30, 30, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def night() -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def rims() -> np.ndarray:
    """Two px of black around a large picture."""
    return cv2.copyMakeBorder(scene(400, 500), 2, 2, 2, 2, cv2.BORDER_CONSTANT)


@pytest.mark.parametrize("make", [scene, dark_room, curtain, stage, white, night, rims])
def test_scenes_have_no_bars(make: object) -> None:
    assert picture_in(light(barred(make(), 0, 0, 0, 0))) is None  # type: ignore[operator]


def clip_of(folder: Path, frames: list[np.ndarray]) -> Clip:
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index:03d}.png")
    return open_clip(folder)


def test_a_clip_without_its_bars_knows_the_whole(tmp_path: Path) -> None:
    frames = [barred(scene(seed=seed), 10, 20, 30, 40) for seed in range(3)]
    clip = clip_of(tmp_path / "clip", frames)
    part = without_bars(clip)
    left, top = part.corner
    assert (left, top, part.width, part.height) == (10, 20, WIDTH, HEIGHT)
    for picture, frame in zip(part, frames, strict=True):
        assert np.array_equal(picture, frame[top : top + HEIGHT, left : left + WIDTH])
    assert part.whole is clip and part.key() != clip.key() and (part.count, part.fps) == (clip.count, clip.fps)
    bars = around(part)
    assert bars is not None and bars.size == (WIDTH + 40, HEIGHT + 60)
    assert np.array_equal(bars(part.first()), frames[0])


def test_a_clip_has_only_the_bars_of_all_its_frames(tmp_path: Path) -> None:
    letters = barred(scene(), 0, 20, 0, 20)
    letters[-14:-6, 60:100] = 255  # a subtitle on the lower bar
    shots = [barred(scene(), 0, 20, 0, 20), letters, barred(scene(seed=3), 0, 20, 0, 20)]
    part = without_bars(clip_of(tmp_path / "titled", shots))
    assert part.corner == (0, 20) and part.height == HEIGHT + 20
    whole = clip_of(tmp_path / "cut", [barred(scene(), 0, 20, 0, 20), scene(HEIGHT + 40)])
    assert without_bars(whole) is whole and around(whole) is None


def test_a_clip_without_bars_isn_t_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fades in from black only as far as that."""
    clip, read = clip_of(tmp_path / "fade", [night(), night(), *[scene()] * 5]), []
    whole = Clip.__iter__

    def counted(self: Clip) -> Iterator[np.ndarray]:
        for frame in whole(self):
            read.append(frame)
            yield frame

    monkeypatch.setattr(Clip, "__iter__", counted)
    assert without_bars(clip) is clip and len(read) == 3
    assert without_bars(clip_of(tmp_path / "plain", [scene()] * 5)).corner == (0, 0) and len(read) == 4


def test_what_lies_around_stays() -> None:
    bars = Around(np.full((40, 60, 3), 7, np.uint8), (10, 20))
    framed = bars(np.full((15, 30, 3), 200, np.uint8))
    assert (framed[20:35, 10:40] == 200).all() and (framed == 7).sum() == framed.size - 15 * 30 * 3
    assert (bars.whole == 7).all()
