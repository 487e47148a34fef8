"""Several people: told apart, chosen and followed, with detectors that are made up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

from lwgan_cli.config import Choice
from lwgan_cli.detection.crowd import Follower, Seen
from lwgan_cli.detection.keypoints import MIRROR, Hit, uncut
from lwgan_cli.detection.sighting import choose, look, seek
from lwgan_cli.errors import InputError

SIZE = (320, 200)  # width, height
GREY = 60
RED, BLUE, GREEN, SAND = (200, 40, 40), (40, 60, 210), (40, 160, 60), (210, 190, 120)
PINK, BROWN = (240, 130, 190), (110, 70, 30)


class Doll:
    """A person of two coloured blocks, chest and legs, 30 px wide."""

    def __init__(self, chest: tuple[int, int, int], legs: tuple[int, int, int], height: int = 100) -> None:
        self.chest, self.legs, self.height = chest, legs, height

    def draw(self, picture: np.ndarray, x: float) -> None:
        left, top, middle = round(x) - 15, 180 - self.height, 180 - self.height // 2
        picture[top:middle, max(left, 0) : max(left + 30, 0)] = self.chest
        picture[middle:180, max(left, 0) : max(left + 30, 0)] = self.legs

    def seen(self, picture: np.ndarray) -> np.ndarray:
        """(H, W) bool."""
        return (picture == self.chest).all(-1) | (picture == self.legs).all(-1)


ANNA, BEN, CARA = Doll(RED, SAND, 120), Doll(BLUE, GREEN), Doll(PINK, BROWN, 90)


def scene(*who: tuple[Doll, float]) -> np.ndarray:
    """People at x, those named later in front."""
    picture = np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8)
    for doll, x in who:
        doll.draw(picture, x)
    return picture


class Eyes:
    """Detectors that see the doll of which most is left to be seen, and stay with it where they track; counts."""

    def __init__(self, *dolls: Doll) -> None:
        self.dolls, self.looks = dolls, {True: 0, False: 0}

    @contextmanager
    def __call__(self, static: bool) -> Iterator[Callable[[np.ndarray], Hit | None]]:
        def detect(picture: np.ndarray) -> Hit | None:
            self.looks[static] += 1
            masks = [doll.seen(picture) for doll in self.dolls]
            best = max(masks, key=np.sum)
            if best.sum() < 0.3 * 30 * 90:
                return None
            rows, columns = np.flatnonzero(best.any(1)), np.flatnonzero(best.any(0))
            low, high = np.array([columns[0], rows[0]]), np.array([columns[-1] + 1, rows[-1] + 1])
            points = np.tile((low + high) / 2.0, (33, 1)).astype(np.float32)
            for index, (across, down) in {
                11: (0.9, 0.1), 12: (0.1, 0.1), 23: (0.8, 0.5), 24: (0.2, 0.5), 25: (0.75, 0.7), 26: (0.25, 0.7),
                27: (0.75, 0.95), 28: (0.25, 0.95),
            }.items():  # fmt: skip
                points[index] = low + (high - low) * (across, down)
            return points, np.ones(33, np.float32), np.zeros((33, 3), np.float32), best.astype(np.float32)

        yield detect


def who(seen: Seen | None, *dolls: Doll) -> int | None:
    """Whose mask it is."""
    if seen is None:
        return None
    mask = uncut(seen.found["mask"], seen.found["crop"], SIZE) > 127
    shares = [(mask & doll.seen(seen.picture)).sum() for doll in dolls]
    return int(np.argmax(shares))


def follow(eyes: Eyes, pictures: list[np.ndarray], choice: Choice | None = None) -> list[Seen | None]:
    with Follower(choice, detector=eyes, what="clip.mp4") as follower:
        return [follower(picture) for picture in pictures]


def test_everybody_is_found_and_numbered_by_size() -> None:
    eyes = Eyes(ANNA, BEN, CARA)
    with Follower(detector=eyes) as follower:
        follower(scene((CARA, 60), (ANNA, 150), (BEN, 250)))
        boxes = [person.box for person in follower.people]
    assert np.allclose(boxes, [(135, 60, 165, 180), (235, 80, 265, 180), (45, 90, 75, 180)], atol=1)


def test_passers_by_and_what_was_found_already_are_nobody() -> None:
    child = Doll(BLUE, SAND, 20)
    eyes = Eyes(ANNA, child)
    with eyes(True) as detect:
        assert len(look(detect, scene((ANNA, 100), (child, 250)))) == 1
        picture = scene((ANNA, 100))
        again = detect(picture)
        assert again is not None
        assert len(look(lambda _: again, picture)) == 1  # a detector that sees the same one for ever


def test_a_chair_that_is_taken_for_somebody_beside_paint_is_nobody() -> None:
    """A detector that sees a third person at the side wherever somebody is painted over with the mean colour."""
    eyes, picture = Eyes(ANNA, BEN), scene((ANNA, 100), (BEN, 200))
    paint = np.array(picture.reshape(-1, 3).mean(0), np.uint8)
    chair = np.zeros(picture.shape[:2], np.float32)
    chair[60:180, 270:300] = 1
    points = np.tile(np.array([285, 120], np.float32), (33, 1))
    ghost: Hit = (points, np.ones(33, np.float32), np.zeros((33, 3), np.float32), chair)
    with eyes(True) as detect:

        def nervous(shown: np.ndarray) -> Hit | None:
            found = detect(shown)
            return ghost if found is None and (shown == paint).all(-1).sum() > 1000 else found

        assert len(look(nervous, picture, confirm=False)) == 3
        people = look(nervous, picture)
    assert [person.box[0] for person in people] == [85, 185]


@pytest.mark.parametrize(("text", "row"), [("1", 0), ("2", 1), ("3", 2), ("250,100", 1), ("62.5,170", 2)])
def test_a_number_or_a_point_chooses(text: str, row: int) -> None:
    eyes = Eyes(ANNA, BEN, CARA)
    (seen,) = follow(eyes, [scene((CARA, 60), (ANNA, 150), (BEN, 250))], Choice.parse(text))
    assert who(seen, ANNA, BEN, CARA) == row


def test_where_boxes_overlap_the_point_is_on_whoever_covers_it() -> None:
    eyes = Eyes(ANNA, BEN)
    picture = scene((ANNA, 150), (BEN, 160))  # Ben in front; Anna's box reaches from 135 to 165
    with eyes(True) as detect:
        people = look(detect, picture)
    for point, doll in (((160.0, 120.0), BEN), ((150.0, 70.0), ANNA)):
        row = choose(people, Choice(point=point), SIZE[0], "photo.jpg")
        assert people[row].at((150.0, 70.0) if doll is ANNA else (160.0, 120.0), SIZE[0]) == 1


def test_whoever_is_not_there_is_said_with_how_many_are() -> None:
    eyes = Eyes(ANNA, BEN)
    with pytest.raises(InputError, match=r"clip\.mp4 shows 2 people: there is no --person 3") as caught:
        follow(eyes, [scene((ANNA, 100), (BEN, 200))], Choice(number=3))
    assert caught.value.exit_code == 3
    with pytest.raises(InputError, match="2 people, and nobody at --person 10,10"):
        follow(eyes, [scene((ANNA, 100), (BEN, 200))], Choice(point=(10, 10)))
    with pytest.raises(InputError, match="1 person"):
        follow(eyes, [scene((ANNA, 100))], Choice(number=2))


def test_somebody_alone_is_taken_where_the_choice_is_meant_for_another_input() -> None:
    with Follower(Choice(number=2), strict=False, detector=Eyes(ANNA)) as follower:
        assert who(follower(scene((ANNA, 100))), ANNA) == 0


@pytest.mark.parametrize("front", [0, 1])
@pytest.mark.parametrize("chosen", [0, 1])
def test_the_chosen_one_is_followed_through_a_crossing(front: int, chosen: int) -> None:
    dolls, steps = (ANNA, BEN), np.linspace(40, 280, 25)
    pictures = []
    for x in steps:
        pair = [(ANNA, x), (BEN, 320 - x)]
        pictures.append(scene(*(pair if front else pair[::-1])))
    seen = follow(Eyes(*dolls), pictures, Choice(number=chosen + 1))
    rows = [who(one, *dolls) for one in seen]
    assert all(row in (chosen, None) for row in rows)
    assert rows[:8] == [chosen] * 8 and rows[-8:] == [chosen] * 8
    for one, x in zip(seen, steps, strict=True):  # and where they truly are, beside the other
        if one is not None:
            assert abs(one.found["crop"][0] - (x if chosen == 0 else 320 - x)) < 16


def test_two_in_the_same_clothes_are_told_apart_by_where_they_go() -> None:
    twin = Doll(RED, SAND, 120)
    steps = np.linspace(40, 280, 25)
    eyes = Eyes(ANNA)  # both are red: the detector sees what is left of red from the left on

    @contextmanager
    def from_the_left(static: bool) -> Iterator[Callable[[np.ndarray], Hit | None]]:
        with eyes(static) as detect:

            def first(picture: np.ndarray) -> Hit | None:
                columns = np.flatnonzero(ANNA.seen(picture).any(0))
                gaps = np.flatnonzero(np.diff(columns) > 1)
                if len(columns) and len(gaps):
                    picture = picture.copy()
                    picture[:, columns[gaps[0]] + 1 :] = GREY
                return detect(picture)

            yield first

    with Follower(Choice(point=(40, 100)), detector=from_the_left) as follower:
        seen = [follower(scene((twin, 320 - x), (ANNA, x))) for x in steps]
    places = [None if one is None else float(one.found["crop"][0]) for one in seen]
    assert places[-1] == pytest.approx(280, abs=2)


def test_whoever_is_alone_needs_no_solvers() -> None:
    """They are slow to import, and wait for somebody else."""
    alone = "import sys, lwgan_cli.detection.crowd; assert 'scipy.optimize' not in sys.modules"
    subprocess.run([sys.executable, "-c", alone], check=True, timeout=60)


def test_somebody_alone_costs_one_look_a_frame_and_few_more() -> None:
    eyes = Eyes(ANNA)
    seen = follow(eyes, [scene((ANNA, 60 + 2 * x)) for x in range(90)])
    assert all(who(one, ANNA) == 0 for one in seen)
    assert eyes.looks[False] == 90
    assert eyes.looks[True] <= 4  # in frames 0, 4, 20, 84, …


def test_whoever_comes_in_later_does_not_take_the_tracker_along() -> None:
    """A larger one walks in, on whom the tracker would hop."""
    eyes = Eyes(BEN, ANNA)
    pictures = [scene((BEN, 80)) for _ in range(5)] + [scene((BEN, 80), (ANNA, 300 - 5 * t)) for t in range(30)]
    rows = [who(one, ANNA, BEN) for one in follow(eyes, pictures)]
    assert set(rows) <= {1, None}
    assert rows.count(None) <= 2


def test_others_are_not_in_the_mask_and_are_painted_over() -> None:
    (seen,) = follow(Eyes(ANNA, BEN), [scene((ANNA, 150), (BEN, 172))], Choice(number=1))
    assert seen is not None and seen.others is not None
    mask = uncut(seen.found["mask"], seen.found["crop"], SIZE) > 127
    ben = BEN.seen(scene((ANNA, 150), (BEN, 172)))
    assert not (mask & ben)[:, 160:185].any()
    assert seen.others[ben].min() == 1
    assert not BEN.seen(seen.picture).any() and ANNA.seen(seen.picture).sum() > 2000


def test_somebody_found_in_the_mirror_alone_is_where_they_are() -> None:
    """A detector that sees only what looks to the right, in a picture of somebody who looks to the left."""
    eyes = Eyes(ANNA)

    def sees(towards: int) -> Callable[[np.ndarray], Hit | None]:
        def detect(picture: np.ndarray) -> Hit | None:
            with eyes(True) as detector:
                hit = detector(picture)
            if hit is None:
                return None
            left_half = hit[3][:, : SIZE[0] // 2].sum() > hit[3].sum() / 2
            return hit if left_half == (towards < 0) else None

        return detect

    picture = scene((ANNA, 90))
    direct, turned = seek(sees(-1), picture), seek(sees(1), picture)
    assert direct is not None and turned is not None
    # the doll is symmetric: what is its left arm in the mirror is its right arm
    assert np.allclose(turned[0][MIRROR][:, 1], direct[0][:, 1])
    assert np.allclose(turned[0][[12, 24], 0] + turned[0][[11, 23], 0], direct[0][[12, 24], 0] + direct[0][[11, 23], 0])
    assert np.array_equal(turned[3], direct[3])
    assert seek(lambda _: None, picture) is None
    with Follower(static=True, detector=lambda static: nullcontext(sees(1))) as follow:
        assert who(follow(picture), ANNA) == 0
