"""Who is in a picture: everybody, one after the other, and which of them is meant.

The detector finds one person at a time. What it found is painted over, and it looks again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lwgan_cli.config import Choice
from lwgan_cli.detection.keypoints import MAX_SIDE, Hit, cut, mirrored, uncut
from lwgan_cli.errors import InputError

MOST = 8  # people of a picture
SMALLEST = 0.2  # of the largest person's height: smaller ones are passers-by
COVERED = 0.5  # share of a person that somebody else's mask covers: the same one, found again
PAINT = 0.012  # of a person's height: so far beyond their mask they are painted over
PAINT_FROM = 0.3  # probability that is painted over
PAINT_SIDE = 480  # px, of the mask with which that is done
FILL, FILL_SIDE = 0.03, 160  # the same where what is around goes on in their place
AGREE = 0.1  # of a person's height: points found twice are at most so far apart
WINDOW = 384  # px, of the picture around somebody …
ROOM = 1.4  # … which is so many times as high as they are
BINS = (4, 8, 8)  # of the colours' histogram, CIE Lab
UPPER, LOWER = (11, 12, 24, 23), ((23, 25), (25, 27), (24, 26), (26, 28))  # chest; thighs and shanks
TORSO = (11, 12, 23, 24)
CLOTHED = (*TORSO, 25, 26, 27, 28)


@dataclass(frozen=True, eq=False)
class Sighting:
    """One person in one picture: what the detector said, box (left, top, right, bottom) px of what is seen of them,
    the middle of their torso (2,) px, and the colours of their clothes (2, N), each row's sum 1."""

    hit: Hit
    box: tuple[float, float, float, float]
    centre: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, hit: Hit, picture: np.ndarray) -> Sighting:
        points, visibility, _, probability = hit
        height, width = picture.shape[:2]
        seen = np.clip(points[visibility > 0.5] if (visibility > 0.5).any() else points, 0, (width, height))
        rows, columns = np.flatnonzero((probability > 0.5).any(1)), np.flatnonzero((probability > 0.5).any(0))
        low, high = seen.min(0), seen.max(0)
        if len(rows):
            to_px = width / probability.shape[1]
            low = np.minimum(low, np.array([columns[0], rows[0]]) * to_px)
            high = np.maximum(high, np.array([columns[-1] + 1, rows[-1] + 1]) * to_px)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return cls(hit, box, torso(points), clothes(picture, points, probability))

    @classmethod
    def within(cls, hit: Hit, window: np.ndarray, size: int, picture: np.ndarray) -> Sighting:
        """Of a hit in the square `window` (centre x, centre y, side; px) of the picture that was shown to the
        detector at `size` px."""
        points, visibility, world, probability = hit
        height, width = picture.shape[:2]
        shrink = min(1.0, MAX_SIDE / max(height, width))
        reduced = (round(width * shrink), round(height * shrink))
        places = (points / size - 0.5) * window[2] + window[:2]
        return cls.of(
            (places.astype(np.float32), visibility, world, uncut(probability, window * shrink, reduced)), picture
        )

    @property
    def height(self) -> float:
        """px; of a person who is wider than high the width."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top, 1.0)

    @property
    def surroundings(self) -> np.ndarray:
        """(centre x, centre y, side) px of the square around what is seen of them."""
        left, top, right, bottom = self.box
        return np.array([(left + right) / 2, (top + bottom) / 2, ROOM * self.height], np.float32)

    def agrees(self, other: Sighting) -> bool:
        """The points that both show lie at the same places."""
        shown = np.minimum(self.hit[1], other.hit[1]) > 0.5
        off = np.linalg.norm(self.hit[0] - other.hit[0], axis=1)[shown]
        return len(off) > 0 and float(np.median(off)) < AGREE * self.height

    @property
    def area(self) -> float:
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    @property
    def bulk(self) -> float:
        """Share of the picture that they cover."""
        return max(float((self.hit[3] > 0.5).mean()), 1e-6)

    def holds(self, point: tuple[float, float]) -> bool:
        left, top, right, bottom = self.box
        return left <= point[0] <= right and top <= point[1] <= bottom

    def at(self, point: tuple[float, float], width: int) -> float:
        """The probability that this person covers a point (x, y) of the picture, `width` px wide."""
        mask = self.hit[3]
        x, y = (int(v * mask.shape[1] / width) for v in point)
        return float(mask[min(y, mask.shape[0] - 1), min(x, mask.shape[1] - 1)])


def torso(points: np.ndarray) -> np.ndarray:
    """(2,) the middle of shoulders and hips, of points (33, 2)."""
    return points[list(TORSO)].mean(0)


def clothes(picture: np.ndarray, points: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """(2, N) histograms of the colours of chest and legs; picture (H, W, 3) uint8, points (33, 2) px, probability
    (h, w) of the person. All 0 where nothing is seen of them."""
    shape = probability.shape
    scale = shape[1] / picture.shape[1]
    small = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA) if scale < 1 else picture
    places = np.rint(points * scale).astype(np.int32)
    wide = max(2, round(0.12 * float(np.linalg.norm(places[11] - places[24]))))
    low = np.maximum(places[list(CLOTHED)].min(0) - wide, 0)
    high = places[list(CLOTHED)].max(0) + wide + 1
    window = (slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1)))
    if 0 in small[window].shape:
        return np.zeros((2, int(np.prod(BINS))), np.float32)
    lab = cv2.cvtColor(small[window], cv2.COLOR_RGB2LAB)
    own = (probability[window] > 0.5).astype(np.uint8)
    upper, lower = np.zeros_like(own), np.zeros_like(own)
    cv2.fillConvexPoly(upper, places[list(UPPER)] - low, 1)
    for start, end in LOWER:
        cv2.line(lower, (places[start] - low).tolist(), (places[end] - low).tolist(), 1, wide)
    both = []
    for part in (upper, lower):
        counts = cv2.calcHist([lab], [0, 1, 2], part * own, BINS, [0, 256, 64, 192, 64, 192])
        for axis in range(3):  # a shade more light must not make another colour of it
            counts = sum(np.roll(counts, step, axis) * share for step, share in ((-1, 0.25), (0, 0.5), (1, 0.25)))
        both.append(counts.ravel() / max(float(counts.sum()), 1e-6))
    return np.stack(both).astype(np.float32)


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """Bhattacharyya distance in [0, 1] of `clothes`, over the parts that both show; 0.5 where they share none."""
    shown = (one.sum(1) > 0) & (other.sum(1) > 0)
    if not shown.any():
        return 0.5
    return float(np.sqrt(np.clip(1 - np.sqrt(one[shown] * other[shown]).sum(1), 0, 1)).mean())


def painted_over(
    picture: np.ndarray, sighting: Sighting, but: Sighting | None = None, moved: np.ndarray | None = None
) -> np.ndarray:
    """The picture (H, W, 3) uint8 with its mean colour where a person is, or `moved` (2,) px from there; not where
    another one, `but`, is."""
    height, width = picture.shape[:2]
    probability = sighting.hit[3]
    shrink = min(1.0, PAINT_SIDE / max(probability.shape))
    mask = _grown(sighting, (round(probability.shape[0] * shrink), round(probability.shape[1] * shrink)), width, PAINT)
    if moved is not None:
        x, y = np.asarray(moved) * mask.shape[1] / width
        mask = cv2.warpAffine(mask, np.array([[1, 0, x], [0, 1, y]], np.float32), mask.shape[::-1])
    if but is not None:
        mask &= cv2.resize(but.hit[3], mask.shape[::-1], interpolation=cv2.INTER_AREA) < 0.5
    painted = picture.copy()
    whole = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    painted[whole > 0] = np.array(cv2.mean(picture)[:3]).astype(np.uint8)
    return painted


def _grown(person: Sighting, shape: tuple[int, int], width: int, reach: float) -> np.ndarray:
    """(h, w) uint8 of a shape, 1 where a person is in a picture `width` px wide, and a share of their height beyond."""
    mask = (cv2.resize(person.hit[3], shape[::-1], interpolation=cv2.INTER_AREA) > PAINT_FROM).astype(np.uint8)
    side = 2 * max(1, round(reach * shape[1] / width * person.height)) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def seek(detector: Callable[[np.ndarray], Hit | None], picture: np.ndarray) -> Hit | None:
    """Somebody in a picture (H, W, 3) uint8, looked for in its mirror image too: people in profile or amid a kick are
    often found in one of both alone. `detector` takes each picture on its own."""
    hit = detector(picture)
    if hit is None and (turned := detector(np.ascontiguousarray(picture[:, ::-1]))) is not None:
        hit = mirrored(turned, picture.shape[1])
    return hit


def without(picture: np.ndarray, people: list[Sighting]) -> np.ndarray:
    """The picture (H, W, 3) uint8 as if they weren't there: what is around them goes on, coarsely and without edges."""
    height, width = picture.shape[:2]
    shrink = min(1.0, FILL_SIDE / max(height, width))
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    gone = np.max([_grown(person, small.shape[:2], width, FILL) for person in people], 0)
    filled = cv2.resize(cv2.inpaint(small, gone, 3, cv2.INPAINT_TELEA), (width, height))
    whole = cv2.resize(gone, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(whole[..., None] > 0, filled, picture)


def confirmed(
    detector: Callable[[np.ndarray], Hit | None], picture: np.ndarray, person: Sighting, others: list[Sighting]
) -> bool:
    """Somebody who was found with others painted over is found at the same place with them taken out otherwise, too:
    the detector sees people in the edges of paint, and in chairs beside it."""
    left = without(picture, others)
    hit = detector(left)
    if hit is not None and person.agrees(Sighting.of(hit, picture)):
        return True
    hit = seek(detector, cut(left, person.surroundings, WINDOW))
    return hit is not None and person.agrees(Sighting.within(hit, person.surroundings, WINDOW, picture))


def look(
    detector: Callable[[np.ndarray], Hit | None],
    picture: np.ndarray,
    first: Hit | None = None,
    most: int = MOST,
    confirm: bool = True,
) -> list[Sighting]:
    """Everybody in a picture (H, W, 3) uint8, as they are found; first: whoever was found already; confirm: whoever
    comes after the first must be `confirmed`. `detector` takes each picture on its own."""
    people: list[Sighting] = []
    left, hit = picture, first
    for _ in range(most):
        hit = detector(left) if hit is None else hit
        if hit is None:
            break
        person = Sighting.of(hit, picture)
        mask = hit[3] > 0.5
        again = any((mask & (other.hit[3] > 0.5)).sum() > COVERED * max(mask.sum(), 1) for other in people)
        if again or (people and person.height < SMALLEST * max(other.height for other in people)):
            break
        if not confirm or not people or confirmed(detector, picture, person, people):
            people.append(person)
        left, hit = painted_over(left, person), None
    return people


def by_size(people: list[Sighting]) -> list[Sighting]:
    """The largest first: the order in which they are numbered, from 1."""
    return sorted(people, key=lambda person: -person.area)


def choose(people: list[Sighting], choice: Choice | None, width: int, what: str, strict: bool = True) -> int:
    """The row of the one that is meant among people who are sorted `by_size`; the largest without a choice.

    width of the picture, px; what: the input, for the message; strict: else somebody who is alone is taken, whatever
    the choice. Raises InputError where it names nobody.
    """
    if choice is None or (len(people) == 1 and not strict):
        return 0
    count = "1 person" if len(people) == 1 else f"{len(people)} people"
    if choice.number is not None:
        if choice.number > len(people):
            raise InputError(
                f"{what} shows {count}: there is no --person {choice.number}; `lwgan fit {what} --list` numbers them"
            )
        return choice.number - 1
    assert choice.point is not None
    rows = [row for row, person in enumerate(people) if person.holds(choice.point)]
    if not rows:
        raise InputError(
            f"{what} shows {count}, and nobody at --person {choice}; `lwgan fit {what} --list` says where they are"
        )
    return max(rows, key=lambda row: people[row].at(choice.point, width))  # type: ignore[arg-type]
