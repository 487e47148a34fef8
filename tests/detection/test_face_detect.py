"""Faces that are found only in a wider picture, or in one that is turned, with a face mesh that is made up."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.detection import face_detect
from lwgan_cli.detection.face_detect import TURNED, WIDER, WINDOW, FaceDetector

HEAD = np.array([410.0, 260.0, 60.0], np.float32)  # centre x, y, side px
RED, GREEN = (250, 10, 10), (10, 250, 10)


def picture(face: tuple[float, float], apart: float = 14.0) -> np.ndarray:
    """(480, 640, 3): a red and a green spot where a face (x, y) has its left and its right."""
    shown = np.full((480, 640, 3), 90, np.uint8)
    rows, columns = np.mgrid[:480, :640]
    for colour, side in ((RED, -1), (GREEN, 1)):
        shown[np.hypot(columns - face[0] - side * apart, rows - face[1] - side * apart / 2) < 4] = colour
    return shown


def spots(crop: np.ndarray) -> np.ndarray:
    """(478, 3) in sides of a square crop: half of the points at the red spot, half at the green one."""
    marks = np.zeros((478, 3), np.float32)
    for colour, rows in ((RED, slice(0, 239)), (GREEN, slice(239, 478))):
        y, x = np.nonzero((np.abs(crop.astype(int) - colour) < 60).all(-1))
        assert len(x)
        marks[rows, :2] = (np.array([x.mean(), y.mean()]) + 0.5) / len(crop)
    marks[:, 2] = 0.1
    return marks


def found_from(look: int, monkeypatch: pytest.MonkeyPatch, shown: np.ndarray, static: bool = True) -> np.ndarray | None:
    """What a detector finds whose mesh sees a face from its so manieth look on."""
    looks: list[int] = []

    def marks(_: FaceDetector, crop: np.ndarray) -> np.ndarray | None:
        looks.append(len(crop))
        return spots(crop) if len(looks) > look else None

    monkeypatch.setattr(FaceDetector, "_marks", marks)
    points = FaceDetector(static)(shown, HEAD)
    assert looks[0] == WINDOW and all(side == WIDER * WINDOW for side in looks[1:])
    assert len(looks) <= 1 + len(TURNED) * static
    return points


@pytest.mark.parametrize("look", range(4))
def test_a_face_lies_where_it_is_however_it_was_looked_for(look: int, monkeypatch: pytest.MonkeyPatch) -> None:
    face = (415.0, 256.0)
    points = found_from(look, monkeypatch, picture(face))
    assert points is not None and points.shape == (478, 3)
    np.testing.assert_allclose(points[:239, :2], np.tile([401.5, 249.5], (239, 1)), atol=0.6)
    np.testing.assert_allclose(points[239:, :2], np.tile([429.5, 263.5], (239, 1)), atol=0.6)
    np.testing.assert_allclose(points[:, 2], 0.1 * HEAD[2] * (WIDER if look else 1), rtol=1e-5)


def test_a_clip_is_looked_at_once_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found_from(1, monkeypatch, picture((415, 256)), static=False) is None


@pytest.mark.parametrize(("face", "apart"), [((445, 260), 10.0), ((410, 260), 40.0), ((410, 260), 2.0)])
def test_no_other_face_is_taken(face: tuple[float, float], apart: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One beside the head, one too large and one too small for it."""
    assert found_from(1, monkeypatch, picture(face, apart)) is None
    wide = face_detect.SIZES[0] - 0.1, face_detect.SIZES[1] + 2
    monkeypatch.setattr(face_detect, "SIZES", wide)
    monkeypatch.setattr(face_detect, "FROM_MIDDLE", 2.0)
    assert found_from(1, monkeypatch, picture(face, apart)) is not None
