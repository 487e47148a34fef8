"""A detector that is made up, and sees another arm in a picture than in its mirror image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lwgan_cli.detection.crowd import Follower
from lwgan_cli.detection.keypoints import MIRROR, Hit
from lwgan_cli.detection.second_look import doubted, second_look

WIDTH, HEIGHT = 200, 300
LEFT_ARM, WRIST = [13, 15, 17, 19, 21], 15
PLACES = {0: (100, 40), 11: (130, 90), 12: (70, 90), 13: (145, 140), 14: (55, 140), 15: (150, 190), 16: (50, 190),
          23: (120, 190), 24: (80, 190), 25: (120, 235), 26: (80, 235), 27: (120, 285), 28: (80, 285)}  # fmt: skip
AWAY = np.array([-20.0, -80.0], np.float32)  # px to where the hand is in truth


def hit(visibility: float, off: np.ndarray | None = None) -> Hit:
    """A person who stands there, with a left arm that is seen so well, its forearm off by so many px."""
    points = np.full((33, 2), (100, 100), np.float32)
    for row, place in PLACES.items():
        points[row] = place
    points[LEFT_ARM[2:]], points[[18, 20, 22]] = points[15], points[16]
    points[LEFT_ARM[1:]] += 0 if off is None else off
    seen, world = np.ones(33, np.float32), np.arange(99, dtype=np.float32).reshape(33, 3)
    seen[LEFT_ARM] = visibility
    world[LEFT_ARM] += 0 if off is None else 7
    probability = np.zeros((HEIGHT, WIDTH), np.float32)
    probability[20:295, 45:155] = 1
    return points, seen, world, probability


def mirrored(of: Hit) -> Hit:
    """What a detector says of the mirror image, from what holds in the picture."""
    points, seen, world, probability = of
    flipped = points[MIRROR].copy()
    flipped[:, 0] = WIDTH - flipped[:, 0]
    return flipped, seen[MIRROR], world[MIRROR] * np.array([-1, 1, 1], np.float32), probability[:, ::-1]


class Eyes:
    """Sees `there` in the mirror image; counts."""

    def __init__(self, there: Hit | None) -> None:
        self.there, self.looks = there, 0

    def __call__(self, picture: np.ndarray) -> Hit | None:
        self.looks += 1
        assert picture[0, -1, 0] == 255, "not the mirror image"
        return None if self.there is None else mirrored(self.there)


def picture() -> np.ndarray:
    blank = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    blank[0, 0] = 255
    return blank


def test_the_limb_that_the_mirror_image_shows_elsewhere_and_surer_is_taken() -> None:
    unsure, sure = hit(0.8), hit(0.98, AWAY)
    points, seen, world, probability = second_look(Eyes(sure), picture(), unsure)
    np.testing.assert_allclose(points, sure[0], atol=1e-4)
    np.testing.assert_allclose(seen, sure[1])
    np.testing.assert_allclose(world[LEFT_ARM], sure[2][LEFT_ARM])
    rest = np.setdiff1d(np.arange(33), LEFT_ARM)
    np.testing.assert_allclose(world[rest], unsure[2][rest])
    assert probability is unsure[3] and unsure[0][WRIST, 1] == 190  # what was given is left as it was


@pytest.mark.parametrize(
    "there",
    [
        hit(0.85, AWAY),  # hardly surer
        hit(0.98, np.float32([4, 4])),  # at the same place, to a few px
        (hit(0.98, AWAY)[0] + np.float32([60, 0]), *hit(0.98, AWAY)[1:]),  # somebody else
        None,
    ],
)
def test_other_views_change_nothing(there: Hit | None) -> None:
    unsure = hit(0.8)
    found = second_look(Eyes(there), picture(), unsure)
    for each, before in zip(found, unsure, strict=True):
        np.testing.assert_array_equal(each, before)


def test_only_doubtful_limbs_in_the_picture_ask_for_it() -> None:
    eyes, sure = Eyes(hit(0.98, AWAY)), hit(0.95)
    assert second_look(eyes, picture(), sure) is sure and eyes.looks == 0
    below = hit(0.3, np.float32([0, 400]))
    assert not doubted(below, (WIDTH, HEIGHT)) and doubted(hit(0.3), (WIDTH, HEIGHT)) == [LEFT_ARM]


@pytest.mark.parametrize(("static", "looks"), [(True, 3), (False, 1)])
def test_photos_and_the_first_picture_of_a_clip_are_looked_at_again(static: bool, looks: int) -> None:
    """A follower of somebody of whom the detector always doubts an arm."""
    turned = 0

    @contextmanager
    def detector(alone: bool) -> Iterator[Callable[[np.ndarray], Hit | None]]:
        def detect(shown: np.ndarray) -> Hit | None:
            nonlocal turned
            if (shown[0, -1] == 255).all():
                turned += 1
                return mirrored(hit(0.98, AWAY))
            return hit(0.8) if (shown[0, 0] == 255).all() and (shown[150, 100] == 90).all() else None

        yield detect

    with Follower(static=static, detector=detector) as follow:
        wrists = [follow(picture()).found["points"][WRIST, 1] for _ in range(3)]  # type: ignore[union-attr]
    assert turned == looks
    np.testing.assert_allclose(wrists, [110] * 3 if static else [110, 190, 190])
