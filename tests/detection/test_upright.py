"""People found on their head: looked at again where their face says otherwise, with detectors that are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lwgan_cli.detection.crowd import Follower
from lwgan_cli.detection.keypoints import Hit
from lwgan_cli.detection.upright import CHIN, FOREHEAD, Righter, twisted

SIZE = (640, 480)  # width, height
HEAD, FACE = np.array([300.0, 100.0]), 40.0  # px: the face's middle and height
MARK = (250, 10, 10)  # colour of a block that tells a made up detector where the shoulders are
DOWN = np.array([0.0, 1.0])
SHOULDERS, HIPS, TRUNK = HEAD + 60 * DOWN, HEAD + 180 * DOWN, 120.0


def picture() -> np.ndarray:
    shown = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    x, y = SHOULDERS.astype(int)
    shown[y - 8 : y + 8, x - 8 : x + 8] = MARK
    return shown


def hit_of(shoulders: np.ndarray, hips: np.ndarray, size: tuple[int, int] = SIZE) -> Hit:
    points = np.tile(HEAD, (33, 1)).astype(np.float32)
    points[7:9, 0] += [20, -20]
    points[[11, 12]], points[23:] = shoulders, hips
    points[[11, 23], 0] += 25
    points[[12, 24], 0] -= 25
    return points, np.ones(33, np.float32), np.zeros((33, 3), np.float32), np.ones(size[::-1], np.float32)


def face_of(up: tuple[float, float]) -> np.ndarray:
    points = np.zeros((478, 3), np.float32)
    points[FOREHEAD, :2], points[CHIN, :2] = HEAD + FACE / 2 * np.array(up), HEAD - FACE / 2 * np.array(up)
    return points


ON_HEAD, UPRIGHT = hit_of(HEAD, HEAD - 80 * DOWN), hit_of(SHOULDERS, HIPS)


def closer(shown: np.ndarray) -> Hit | None:
    """Finds the shoulders by their colour, and hips three face heights below, in a square view of ten faces."""
    rows, columns = np.nonzero((np.abs(shown.astype(int) - MARK) < 60).all(-1))
    if not len(rows):
        return None
    shoulders = np.array([columns.mean(), rows.mean()]) + 0.5
    size = (shown.shape[1], shown.shape[0])
    return hit_of(shoulders, shoulders + TRUNK * size[0] / (10 * FACE) * DOWN, size)


def test_whoever_stands_on_the_head_under_an_upright_face_is_found_upright_in_a_closer_view() -> None:
    with Righter(lambda *_: face_of((0, -1))) as righter:
        found = righter(closer, picture(), ON_HEAD)
    assert found is not None
    assert np.allclose(found[0][[11, 12]].mean(0), SHOULDERS, atol=1.5)
    assert np.allclose(found[0][[23, 24]].mean(0), HIPS, atol=1.5)
    assert found[3].shape == SIZE[::-1]


@pytest.mark.parametrize(
    ("hit", "up", "again"),
    [
        (UPRIGHT, (0, -1), closer),  # nothing is wrong
        (ON_HEAD, (0, 1), closer),  # a handstand: the face is upside down as well
        (ON_HEAD, None, closer),  # no face, and no legs in the air: somebody who bends down
        (ON_HEAD, (0, -1), lambda shown: None),  # nobody in the closer view
        (ON_HEAD, (0, -1), lambda shown: ON_HEAD),  # found on the head there too: somebody who bends towards the camera
    ],
)
def test_all_others_are_as_they_were_found(
    hit: Hit, up: tuple[float, float] | None, again: Callable[[np.ndarray], Hit | None]
) -> None:
    with Righter(lambda *_: None if up is None else face_of(up)) as righter:
        assert righter(again, picture(), hit) is None


FEET = HIPS + TRUNK * DOWN
FROM_BEHIND = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
for place, colour in ((SHOULDERS, 0), (FEET, 1)):
    FROM_BEHIND[int(place[1]) - 6 : int(place[1]) + 6, int(place[0]) - 6 : int(place[0]) + 6, colour] = 250


def between(shoulders: np.ndarray, feet: np.ndarray, size: tuple[int, int]) -> Hit:
    """Somebody whose body covers what lies between shoulders and feet."""
    points, visibility, world, _ = hit_of(shoulders, (shoulders + feet) / 2, size)
    points[27:] = feet
    mask = np.zeros(size[::-1], np.float32)
    low, high = (round(float(f(shoulders[1], feet[1]))) for f in (min, max))
    mask[low:high, round(float(shoulders[0])) - 10 : round(float(shoulders[0])) + 10] = 1
    return points, visibility, world, mask


def of_block(shown: np.ndarray, channel: int) -> np.ndarray:
    rows, columns = np.nonzero(shown[..., channel] > 120)
    return np.array([columns.mean(), rows.mean()]) + 0.5


def in_views(ups: str) -> tuple[Callable[[np.ndarray], Hit | None], list[int]]:
    """A detector that sees shoulders at the red block and feet at the green one in its views that are `u`, the other
    way round in those that are `d`, and nobody in others; and how often it was asked."""
    asked: list[int] = []

    def detector(shown: np.ndarray) -> Hit | None:
        up = ups[len(asked)]
        asked.append(1)
        ends = of_block(shown, 0), of_block(shown, 1)
        return None if up == "-" else between(*(ends if up == "u" else ends[::-1]), (shown.shape[1], shown.shape[0]))

    return detector, asked


ON_HANDS = between(FEET, SHOULDERS, SIZE)  # of the picture of somebody upright


@pytest.mark.parametrize("ups", ["u", "du", "-du", "dddu"])
def test_whoever_is_upright_in_one_closer_view_and_shows_no_face_stands_upright(ups: str) -> None:
    detector, asked = in_views(ups)
    with Righter(lambda *_: None) as righter:
        found = righter(detector, FROM_BEHIND, ON_HANDS)
    assert found is not None and len(asked) == len(ups)
    assert np.allclose(found[0][[11, 12]].mean(0), SHOULDERS, atol=4)
    assert np.allclose(found[0][[27, 28]].mean(0), FEET, atol=4)
    assert found[0][11, 0] > found[0][12, 0]  # whoever faces a mirror has the left hand on the left there, too


def test_whoever_stands_on_their_hands_in_every_view_does() -> None:
    with Righter(lambda *_: None) as righter:
        assert righter(in_views("dd-d")[0], FROM_BEHIND, ON_HANDS) is None


@pytest.mark.parametrize("degrees", [0, 60, 110, 130, 180, 230, 300])
def test_a_neck_turns_no_further_than_so(degrees: float) -> None:
    turned = np.radians(degrees)
    face = face_of((float(np.sin(turned)), -float(np.cos(turned))))
    assert twisted(UPRIGHT, face) == (120 < degrees < 240)


def test_a_tracker_that_tracks_somebody_upside_down_begins_anew() -> None:
    opened = []

    @contextmanager
    def detector(static: bool) -> Iterator[Callable[[np.ndarray], Hit | None]]:
        opened.append(static)
        yield closer if static else lambda shown: ON_HEAD if opened.count(False) < 3 else UPRIGHT

    with Follower(detector=detector, righter=Righter(lambda *_: face_of((0, -1)))) as follower:
        seen = [follower(picture()) for _ in range(4)]
    assert opened.count(False) == 3
    for each in seen:
        assert each is not None
        assert np.allclose(each.found["points"][[11, 12]].mean(0), SHOULDERS, atol=1.5)
