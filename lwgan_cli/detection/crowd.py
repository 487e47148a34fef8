"""Several people: where the one who is meant is in each picture.

A person who is alone is tracked at the detector's own cost: whether there are others is asked in the first frame of a
shot, ever more rarely after it, and when the tracked one leaps. Where there are several, all are found in every frame,
and its people are given to those followed so that place, size, speed and the colours of clothes fit best in all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import numpy as np

from lwgan_cli.config import Choice
from lwgan_cli.detection.keypoints import Hit, PoseDetector, cut, found_in
from lwgan_cli.detection.second_look import second_look
from lwgan_cli.detection.sighting import (
    COVERED,
    MOST,
    ROOM,
    WINDOW,
    Sighting,
    by_size,
    choose,
    look,
    painted_over,
    seek,
    torso,
    unlike,
)
from lwgan_cli.detection.upright import Righter

LOOK_FACTOR = 4  # from look to look for others, frames grow so many times as many
LEAP = 0.4  # of the person's box: a centre that moves further in a frame has come to somebody else
FORGET = 30  # frames in which somebody isn't seen, after which they have left …
LONG_AGO = 1000  # … and after which their place says nothing
SOUGHT = 8  # frames in which somebody unseen is looked for where they should be

# Standard deviations of what tells one person from another
PLACE = 0.08  # of the height, in a frame and for each frame more since they were seen
SIZE = 0.25  # of the height's logarithm
BULK = 0.2  # of the logarithm of the area, where it grows: two who are taken for one
COLOUR = 0.14  # Bhattacharyya distance
LOST = 9.0  # what it costs not to be seen: about three standard deviations of all together
DAMPED = 0.85  # share of its speed that somebody unseen keeps in each frame
FRESH = 0.2  # share of a new frame in what is known of speed, colours and area; a quarter of it beside others
# Beside others, limbs of two are taken for one where colours are so far apart, or the area so many times as large
MIXED, SWOLLEN = 0.25, 1.35

Detector = Callable[[bool], AbstractContextManager[Callable[[np.ndarray], Hit | None]]]


@dataclass(eq=False)
class Track:
    """Somebody who is followed: last seen, how many frames ago, speed px per frame, colours and area so far."""

    last: Sighting
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))
    colours: np.ndarray = field(init=False)
    bulk: float = field(init=False)
    ago: int = 0

    def __post_init__(self) -> None:
        self.colours, self.bulk = self.last.colours, self.last.bulk

    def cost(self, sighting: Sighting) -> float:
        """Half the squared distance, in standard deviations, of who is seen from who is followed."""
        height = self.last.height
        away = float(np.linalg.norm(sighting.centre - self.expected)) / (height * PLACE * (self.ago + 1))
        patience = min(1 + 0.1 * self.ago, 4)
        grown = np.log(sighting.height / height) / (SIZE * patience)
        wider = np.log(sighting.bulk / self.bulk) / (BULK * patience)
        other = unlike(self.colours, sighting.colours) / COLOUR
        return float(away**2 + grown**2 + max(wider, 0) ** 2 + other**2) / 2

    @property
    def expected(self) -> np.ndarray:
        """(2,) px where the middle of their torso should be now."""
        return self.last.centre + (1 - DAMPED ** (self.ago + 1)) / (1 - DAMPED) * self.speed

    def meet(self, sighting: Sighting, alone: bool) -> None:
        """This is where they are now; alone: nobody is near, whose clothes could be taken for theirs."""
        moved = (sighting.centre - self.last.centre) / (self.ago + 1)
        self.speed = self.speed + (FRESH if self.ago == 0 else 0.5 * FRESH) * 2 * (moved - self.speed)
        fresh = FRESH if alone else FRESH / 4
        self.colours = self.colours + fresh * (sighting.colours - self.colours)
        self.bulk += fresh * (sighting.bulk - self.bulk)
        self.last, self.ago = sighting, 0

    def mixed(self, sighting: Sighting) -> bool:
        """Parts of somebody else are in it."""
        return unlike(self.colours, sighting.colours) > MIXED or sighting.bulk > SWOLLEN * self.bulk


def assign(tracks: list[Track], people: list[Sighting]) -> list[int | None]:
    """For each track the row of who is seen, or None: the cheapest in all (Kuhn, 1955)."""
    if not people:
        return [None] * len(tracks)
    from scipy.optimize import linear_sum_assignment  # a large package, that a person who is alone needs nothing of

    costs = np.array([[track.cost(person) for person in people] for track in tracks])
    padded = np.concatenate([costs, np.where(np.eye(len(tracks)) > 0, LOST, 1e6)], 1)
    _, columns = linear_sum_assignment(padded)
    return [int(column) if column < len(people) else None for column in columns]


def apart(person: Sighting, people: list[Sighting]) -> bool:
    """Nobody else's box touches this one's."""
    left, top, right, bottom = person.box
    return all(
        other is person
        or other.box[0] > right or other.box[2] < left or other.box[1] > bottom or other.box[3] < top
        for other in people
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen:
    """The chosen person in a picture: `found` as `gather` takes it, the picture (H, W, 3) uint8 in which the others are
    painted over, and their probability (h, w) over the picture, None where nobody else is there."""

    found: dict[str, Any]
    picture: np.ndarray
    others: np.ndarray | None


class Follower:
    """One person through the pictures of a clip, in order, or of a pile (static).

    what    the input, for messages; strict: see `sighting.choose`
    people  everybody in the first picture that shows anybody, the largest first; empty before
    """

    def __init__(
        self,
        choice: Choice | None = None,
        static: bool = False,
        what: str = "the input",
        strict: bool = True,
        detector: Detector = PoseDetector,
        righter: Righter | None = None,
    ) -> None:
        self.people: list[Sighting] = []
        self._choice, self._static, self._what, self._strict, self._make = choice, static, what, strict, detector
        self._righter = righter or Righter()
        self._open: dict[bool, tuple[ExitStack, Callable[[np.ndarray], Hit | None]]] = {}
        self._tracks: list[Track] = []  # the chosen one's first
        self._centre: np.ndarray | None = None  # of somebody alone, in the last picture
        self._since, self._wait = 0, 1

    def __enter__(self) -> Follower:
        self._detector(self._static)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for static in list(self._open):
            self._close(static)
        self._righter.__exit__(kind, error, trace)

    def _detector(self, static: bool) -> Callable[[np.ndarray], Hit | None]:
        if static not in self._open:
            stack = ExitStack()
            self._open[static] = (stack, stack.enter_context(self._make(static)))
        return self._open[static][1]

    def _close(self, static: bool) -> None:
        self._open.pop(static)[0].close()

    def __call__(self, picture: np.ndarray, new_shot: bool = False) -> Seen | None:
        """Where the person is in the next picture (H, W, 3) uint8 RGB; None where they aren't seen.

        new_shot: it is the first of another shot. Raises InputError where the choice names nobody.
        """
        self._since += 1
        if new_shot and self._tracks:
            self._wait = 1
            for track in self._tracks:
                track.ago = LONG_AGO
        if len(self._tracks) > 1:
            asked = self._asks()
            most = MOST if asked else len(self._tracks)
            people = look(self._detector(True), picture, most=most, confirm=asked)
            return self._given(picture, people, new_shot, asked)
        hit = None if self._static else self._detector(False)(picture)
        if hit is None:
            hit = seek(self._detector(True), picture)
        if hit is None:
            for track in self._tracks:
                track.ago += 1
            return None
        hit = self._upright(picture, hit)
        if self._static or self._centre is None:  # a clip's first picture has no neighbours before it, either
            hit = second_look(self._detector(True), picture, hit)
        centre, before = torso(hit[0]), self._centre
        self._centre = centre
        if before is None:
            self.people = by_size(look(self._detector(True), picture, hit))
            chosen = choose(self.people, self._choice, picture.shape[1], self._what, self._strict)
            self._tracks = [Track(self.people[chosen])]
            self._asks()
            return self._given(picture, self.people)
        track = self._tracks[0]
        if self._asks(float(np.linalg.norm(centre - before)) > LEAP * track.last.height):
            people = look(self._detector(True), picture, hit)
            if len(people) > 1:
                track.last = replace(track.last, centre=before)
                return self._given(picture, people, new_shot)
            self._tracks = [Track(people[0])]
        track.ago = 0
        return Seen(found_in(picture, hit), picture, None)

    def _upright(self, picture: np.ndarray, hit: Hit) -> Hit:
        """Whoever was found, the right way up."""
        righted = self._righter(self._detector(True), picture, hit)
        if righted is None:
            return hit
        if False in self._open:  # a tracker would stay with what it took for them
            self._close(False)
        return righted

    def _asks(self, now: bool = False) -> bool:
        """Whether it is time to look for others."""
        if not now and self._since < self._wait:
            return False
        self._since, self._wait = 0, self._wait * LOOK_FACTOR
        return True

    def _given(
        self, picture: np.ndarray, people: list[Sighting], new_shot: bool = False, asked: bool = True
    ) -> Seen | None:
        """Whom of those seen each of the followed is; asked: others are followed from now on."""
        rows = assign(self._tracks, people)
        if new_shot and people and rows[0] is None:  # somebody is filmed on: whoever looks most like them
            costs = [self._tracks[0].cost(person) for person in people]
            rows = [int(np.argmin(costs)), *[None] * (len(rows) - 1)]
        newcomers = [person for row, person in enumerate(people) if asked and row not in rows]
        for index, (track, row) in enumerate(zip(self._tracks, rows, strict=True)):
            if row is None and track.ago < SOUGHT and (sought := self._sought(picture, index, rows, people)):
                rows[index] = len(people)
                people = [*people, sought]
        whole = all(row is not None for track, row in zip(self._tracks, rows, strict=True) if track.ago < SOUGHT)
        for index, (track, row) in enumerate(zip(self._tracks, rows, strict=True)):
            alone = whole and row is not None and apart(people[row], people)
            if row is None or (not alone and track.ago < SOUGHT and track.mixed(people[row])):
                rows[index] = None
                track.ago += 1
            else:
                track.meet(people[row], alone)
        chosen = None if rows[0] is None else people[rows[0]]
        kept = [track for track in self._tracks[1:] if track.ago < FORGET or chosen is None]
        self._tracks = [self._tracks[0], *kept, *map(Track, newcomers)]
        if len(self._tracks) == 1 and len(people) > 1 and False in self._open:  # a tracker would stay with the others
            self._close(False)
        self._centre = self._tracks[0].last.centre
        if chosen is None:
            return None
        return seen_among(picture, chosen, [person for person in people if person is not chosen])

    def _sought(
        self, picture: np.ndarray, index: int, rows: list[int | None], people: list[Sighting]
    ) -> Sighting | None:
        """Somebody whom the detector didn't find in the whole picture, looked for where they should be, with the others
        painted over where they are or should be."""
        track, left = self._tracks[index], picture
        for other, row in zip(self._tracks, rows, strict=True):
            if other is not track and (row is not None or other.ago < SOUGHT):
                there, moved = (other.last, other.expected - other.last.centre) if row is None else (people[row], None)
                left = painted_over(left, there, moved=moved)
        window = np.array([*track.expected, ROOM * track.last.height], np.float32)
        hit = self._detector(True)(cut(left, window, WINDOW))
        if hit is None:
            return None
        sighting = Sighting.within(hit, window, WINDOW, picture)
        mask = sighting.hit[3] > 0.5
        again = any((mask & (person.hit[3] > 0.5)).sum() > COVERED * max(mask.sum(), 1) for person in people)
        return None if again or track.cost(sighting) > LOST else sighting


def seen_among(picture: np.ndarray, chosen: Sighting, others: list[Sighting]) -> Seen:
    """One of several: their mask without the others', and the others."""
    if not others:
        return Seen(found_in(picture, chosen.hit), picture, None)
    points, visibility, world, probability = chosen.hit
    theirs = np.max([other.hit[3] for other in others], 0)
    own = np.where(probability > theirs, probability, 0).astype(np.float32)
    shown = picture
    for other in others:
        shown = painted_over(shown, other, but=chosen)
    found = found_in(picture, (points, visibility, world, own))
    return Seen(found, shown, np.where(theirs >= probability, theirs, 0).astype(np.float32))
