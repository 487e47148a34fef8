"""Pictures kept on disk, and where shots end."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lwgan_cli.detection.crowd import Follower, Seen
from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.detection.hidden_hands import face_look
from lwgan_cli.detection.keypoints import LEFT_LEG, MASK_SIZE, MIRROR, RIGHT_LEG
from lwgan_cli.errors import LwganError
from lwgan_cli.recovery import watch as W
from tests.body.acting import SIZE, Act, act, seen
from tests.detection import test_hidden_hands as hiding
from tests.detection import test_leaving as leaving


def scene(seed: int, tint: tuple[float, float, float], size: tuple[int, int] = (400, 240)) -> np.ndarray:
    """A textured picture, (H, W, 3) float 0…255: soft blobs of one palette, and some grain."""
    rng = np.random.default_rng(seed)
    blobs = cv2.resize(rng.uniform(0, 1, (8, 12, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (size[1], size[0], 1)).astype(np.float32), (0, 0), 1.5)[..., None]
    return np.clip((0.35 + 0.5 * blobs) * np.array(tint) + 25 * grain, 0, 255)


def frames_of(pictures: list[np.ndarray]) -> list[np.ndarray]:
    return [np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in pictures]


def shots_of(pictures: list[np.ndarray]) -> list[int]:
    count = W.ShotCounter()
    return [count(picture) for picture in frames_of(pictures)]


WARM, COLD = (230.0, 160.0, 90.0), (80.0, 130.0, 210.0)


# -- shots -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tints", [(WARM, COLD), (COLD, WARM), (WARM, (60.0, 60.0, 60.0))])
def test_a_cut_between_two_scenes_is_found(tints: tuple[tuple[float, float, float], ...]) -> None:
    first, second = (scene(seed, tint) for seed, tint in enumerate(tints))
    assert shots_of([first] * 4 + [second] * 3 + [first] * 2) == [0] * 4 + [1] * 3 + [2] * 2


def test_a_slow_pan_is_no_cut() -> None:
    wide = scene(3, WARM, (1200, 240))
    assert shots_of([wide[:, x : x + 400] for x in range(0, 800, 20)])[-1] == 0


def test_a_fade_of_brightness_is_no_cut() -> None:
    picture = scene(4, COLD)
    assert shots_of([picture * share for share in np.linspace(1, 0.15, 20)])[-1] == 0


def test_flicker_and_noise_are_no_cut() -> None:
    picture, rng = scene(5, WARM), np.random.default_rng(0)
    shown = [
        picture * rng.uniform(0.92, 1.08) + rng.normal(0, 10, picture.shape) + rng.normal(0, 5, 3) for _ in range(20)
    ]
    assert shots_of(shown)[-1] == 0


def test_somebody_moving_fast_in_front_is_no_cut() -> None:
    picture = scene(6, COLD)
    shown = []
    for t in range(12):
        frame = picture.copy()
        x = 40 + 28 * t
        frame[40:230, x : x + 60] = (200, 40, 60)
        shown.append(frame)
    assert shots_of(shown)[-1] == 0


# -- pictures on disk --------------------------------------------------------------------------------------


def test_pictures_come_back() -> None:
    store = W.CropStore()
    kept = frames_of([scene(seed, WARM, (256, 256)) for seed in range(5)])
    for picture in kept:
        store.append(picture)
    assert len(store) == 5
    for row in (3, 0, 4, 1, 2, 3):  # in any order, as often as wanted
        found = store[row]
        assert found.shape == (256, 256, 3) and found.dtype == np.uint8
        assert np.abs(found.astype(int) - kept[row]).mean() < 3  # of 255: JPEG
        assert np.abs(found.astype(int).mean((0, 1)) - kept[row].mean((0, 1))).max() < 1  # red stays red


def open_files() -> list[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:
            continue
    return links


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_the_file_has_no_name_and_ends_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(W.tempfile, "tempdir", str(tmp_path))
    store = W.CropStore()
    store.append(np.zeros((256, 256, 3), np.uint8))
    assert not list(tmp_path.iterdir())
    assert any(str(tmp_path) in link for link in open_files())
    del store
    gc.collect()
    assert not any(str(tmp_path) in link for link in open_files())


def test_a_full_disk_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    store = W.CropStore()

    class Full:
        def seek(self, *_: int) -> int:
            return 0

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_file", Full())
    with pytest.raises(LwganError, match="TMPDIR"):
        store.append(np.zeros((16, 16, 3), np.uint8))
    assert len(store) == 0


# -- the pass over a clip ----------------------------------------------------------------------------------


def follower_of(
    film: Act, lost: tuple[int, ...] = (), swapped: tuple[int, ...] = (), turned: tuple[int, ...] = ()
) -> Follower:
    """Stands for the follower: who is seen in a film whose points are known, in some frames with their legs swapped or
    turned round."""
    keypoints = seen(film)

    class Known(Follower):
        def __init__(self) -> None:
            super().__init__(detector=lambda static: nullcontext(lambda picture: None))
            self.t = -1

        def __call__(self, picture: np.ndarray, new_shot: bool = False) -> Seen | None:
            self.t += 1
            t = self.t
            if t in lost:
                return None
            points, world = keypoints.points[t].copy(), keypoints.world[t].copy()
            if t in swapped:
                hips = world[[LEFT_LEG[0], RIGHT_LEG[0]], 2]
                for values in (points, world):
                    values[list(LEFT_LEG + RIGHT_LEG)] = values[list(RIGHT_LEG + LEFT_LEG)]
                world[list(LEFT_LEG), 2] += hips[0] - hips[1]
                world[list(RIGHT_LEG), 2] += hips[1] - hips[0]
            if t in turned:
                points, world = points[MIRROR], world[MIRROR] * np.float32([1, 1, -1])
            mask = np.full((MASK_SIZE, MASK_SIZE), t, np.uint8)
            found = dict(
                points=points, visibility=keypoints.visibility[t], world=world, mask=mask, crop=keypoints.crop[t]
            )
            return Seen(found, picture, None)

    return Known()


def test_watching_a_clip() -> None:
    film = act(8, 24.0, seed=4)
    pictures = frames_of([scene(0, WARM, SIZE)] * 4 + [scene(1, COLD, SIZE)] * 4)
    told: list[int] = []
    watched = W.watch(pictures, told.append, follower=follower_of(film, lost=(2,), swapped=(5,)))
    keypoints, truth = watched.keypoints, seen(film)
    assert sum(told) == 8 and len(watched.crops) == 8
    assert watched.shots.tolist() == [0] * 4 + [1] * 4
    assert keypoints.found.tolist() == [t != 2 for t in range(8)]
    assert keypoints.image_size == SIZE
    rows = np.flatnonzero(keypoints.found)
    assert np.array_equal(keypoints.points[rows], truth.points[rows])  # the swapped legs are back
    assert np.abs(keypoints.world[rows] - truth.world[rows]).max() < 1e-6
    assert [int(keypoints.masks[t][0, 0]) for t in range(8)] == [0, 1, 0, 3, 4, 5, 6, 7]
    # the pictures are what the crops show: the crop's centre is the picture's at that place
    for t in (0, 6):
        x, y = keypoints.crop[t, :2].astype(int)
        middle = slice(MASK_SIZE // 2 - 4, MASK_SIZE // 2 + 4)
        shown = watched.crops[t][middle, middle].astype(float).mean((0, 1))
        assert np.abs(shown - pictures[t][y - 7 : y + 7, x - 7 : x + 7].mean((0, 1))).max() < 6


def test_sides_are_not_swapped_across_a_cut() -> None:
    """After a cut the person may stand turned round: that is no swap."""
    film = act(8, 24.0, seed=4)
    follower = follower_of(film, turned=(4, 5, 6, 7))
    watched = W.watch(frames_of([scene(0, WARM, SIZE)] * 4 + [scene(1, COLD, SIZE)] * 4), follower=follower)
    truth = seen(film)
    assert np.array_equal(watched.keypoints.points[:4], truth.points[:4])
    assert np.array_equal(watched.keypoints.points[4:], truth.points[4:, MIRROR])


def test_hands_go_with_the_arms_they_hang_on() -> None:
    """Where arms are taken for one another, hands were looked for at the wrong wrists."""
    truth = seen(act(8, 24.0, seed=4))
    points = truth.points.copy()
    points[3] = points[3, MIRROR]
    hands = HandPoints(np.random.default_rng(0).normal(size=(8, 2, 21, 3)).astype(np.float32))
    mended, grips = W._mended(replace(truth, points=points), hands, np.zeros(8, np.int32))
    assert np.array_equal(mended.points, truth.points) and grips is not None
    assert np.array_equal(grips.points[3], hands.points[3, ::-1])
    assert np.array_equal(np.delete(grips.points, 3, 0), np.delete(hands.points, 3, 0))


def test_what_neighbours_tell_of_arms_is_handed_on() -> None:
    """Arms that leave the picture, and hands behind the head: as `leaving` and `hidden_hands` have it."""
    masks, none = leaving.person(leaving.UPPER, leaving.OUT), leaving.hands()
    mended, _ = W._mended(leaving.keypoints(masks, (58, 330)), none, leaving.ONE_SHOT)
    assert (mended.points[:, 16, 0] < 0).all() and mended.behind is None
    face, looks = hiding.faces(), W.CropStore()
    for row, picture in enumerate(hiding.pictures()):
        looks.append(face_look(picture, face.points[row]))
    empty = HandPoints(np.full((hiding.FRAMES, 2, 21, 3), np.nan, np.float32))
    mended, _ = W._mended(hiding.person(), empty, hiding.ONE_SHOT, face, looks)
    assert mended.behind is not None and mended.behind[:, 1].sum() == len(hiding.AT_FACE)
