"""Hands that a detector has before a face, drawn as a pattern, that shows or doesn't show beneath."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from lwgan_cli.detection.face_detect import FacePoints
from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.detection.hidden_hands import face_look, hidden
from lwgan_cli.records import Keypoints, Masks

FRAMES, SIZE, FACE = 16, 300, 110  # px of the pictures, and of the face
LEFT, RIGHT = [15, 17, 19, 21], [16, 18, 20, 22]
ONE_SHOT = np.zeros(FRAMES, int)
AT_FACE = range(6, 10)  # frames in which the hands are at the face, by the detector


def places() -> np.ndarray:
    """(T, 2) px, the middle of a face that moves a little."""
    return np.stack([150 + 12 * np.sin(np.arange(FRAMES)), np.full(FRAMES, 140.0)], 1)


def faces() -> FacePoints:
    """Points on an upright ellipse, eyes level."""
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    ring = (
        np.stack([0.4 * np.cos(angle), 0.5 * np.sin(angle), 0 * angle], 1) * np.sqrt(np.arange(1, 479) / 478)[:, None]
    )
    ring[33], ring[263] = (-0.2, -0.1, 0), (0.2, -0.1, 0)
    points = np.tile(ring * FACE, (FRAMES, 1, 1))
    points[..., :2] += places()[:, None]
    return FacePoints(points.astype(np.float32))


def person(left: Collection[int] = (), right: Collection[int] = AT_FACE, seen: float = 0.5) -> Keypoints:
    """Hands, seen so well, that lie before a cheek each in some frames, and far below in others."""
    points = np.full((FRAMES, 33, 2), 150, np.float32)
    for hand, frames, aside in ((LEFT, left, 40), (RIGHT, right, -40)):
        points[:, hand] = (150 + 2 * aside, 290)
        for row in frames:
            cheek = places()[row] + (aside, 10)
            points[row, hand] = cheek + np.array([(0.3 * aside, 40), (0, 5), (0, 5), (0, 5)])
    visibility = np.ones((FRAMES, 33), np.float32)
    visibility[:, LEFT + RIGHT] = seen
    crop = np.tile(np.array([150, 150, 300], np.float32), (FRAMES, 1))
    masks = Masks.pack([np.full((256, 256), 255, np.uint8)] * FRAMES, 256)
    return Keypoints(points, visibility, np.zeros((FRAMES, 33, 3), np.float32), masks, crop, (SIZE, SIZE))


def pictures(covered: Collection[int] = (), right: bool = True) -> list[np.ndarray]:
    """A face of soft blobs, (300, 300, 3) each; in some frames something plain is before one of its cheeks."""
    rng = np.random.default_rng(3)
    blobs = cv2.resize(rng.uniform(40, 220, (12, 12, 3)).astype(np.float32), (160, 160), interpolation=cv2.INTER_CUBIC)
    shown = []
    for row, (x, y) in enumerate(places()):
        picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
        matrix = np.array([[1, 0, x - 80], [0, 1, y - 80]])
        face = cv2.warpAffine(blobs.clip(0, 255).astype(np.uint8), matrix, (SIZE, SIZE))
        picture[int(y) - 70 : int(y) + 70, int(x) - 70 : int(x) + 70] = face[
            int(y) - 70 : int(y) + 70, int(x) - 70 : int(x) + 70
        ]
        if row in covered:
            cheek = (int(x) + (-38 if right else 38), int(y) + 10)
            cv2.circle(picture, cheek, 26, (250, 250, 250), -1)
        shown.append(picture + np.uint8(5 * (row in AT_FACE)))  # light changes
    return shown


def told(
    body: Keypoints, shown: list[np.ndarray], hands: HandPoints | None = None, shots: np.ndarray = ONE_SHOT
) -> np.ndarray:
    face = faces()
    none = HandPoints(np.full((FRAMES, 2, 21, 3), np.nan, np.float32))
    return hidden(body, face, lambda row: face_look(shown[row], face.points[row]), hands or none, shots)


def frames(told: np.ndarray, side: int = 1) -> list[int]:
    return np.flatnonzero(told[:, side]).tolist()


def test_a_hand_before_an_uncovered_face_is_behind_the_head() -> None:
    behind = told(person(), pictures())
    assert frames(behind) == list(AT_FACE) and not frames(behind, 0)


def test_a_hand_that_covers_the_face_is_before_it() -> None:
    assert not told(person(), pictures(AT_FACE)).any()


def test_hands_that_are_found_and_faces_without_their_like_say_nothing() -> None:
    found = np.full((FRAMES, 2, 21, 3), np.nan, np.float32)
    found[:, 1] = 0
    assert not told(person(), pictures(), HandPoints(found)).any()
    assert not told(person(right=range(14)), pictures()).any()  # two frames without a hand are too few to compare with
    shots = (np.arange(FRAMES) == 6).astype(int) + 2 * (np.arange(FRAMES) > 6)
    assert 6 not in frames(told(person(), pictures(), shots=shots))  # what others show says nothing of a shot


def test_one_frame_says_nothing() -> None:
    assert not told(person(right=[7]), pictures()).any()
    # one of several that shows something doesn't either
    assert frames(told(person(), pictures([8]))) == list(AT_FACE)
    assert not told(person(), pictures([7, 8, 9])).any()


def test_the_other_hand_is_where_this_one_is_unless_it_is_surely_seen() -> None:
    found = np.full((FRAMES, 2, 21, 3), np.nan, np.float32)
    found[:, 0] = 0  # somewhere about the head, of which no face tells
    both = person(left=AT_FACE)
    behind = told(both, pictures(), HandPoints(found))
    assert frames(behind, 0) == frames(behind) == list(AT_FACE)
    both.visibility[:, LEFT] = 0.99
    assert not frames(told(both, pictures(), HandPoints(found)), 0)
    both.visibility[:, LEFT] = 0.5
    assert not frames(told(both, pictures(AT_FACE, right=False), HandPoints(found)), 0)


def test_hands_that_are_hardly_seen_beside_such_frames_are_behind_too() -> None:
    body = person()
    body.points[[5, 10]] = body.points[[6, 9]]
    body.points[[5, 10], 15:23] += (-50, 0)  # by the head, not before the face
    body.visibility[10, RIGHT] = 0.85
    assert frames(told(body, pictures())) == [5, *AT_FACE]
