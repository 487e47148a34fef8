"""One clip against another, with a detector that finds what a drawn figure says of itself."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from lwgan_cli.errors import InputError
from lwgan_cli.evaluation import measure as module
from lwgan_cli.evaluation.judges import Judges
from lwgan_cli.evaluation.measure import Box, Reference, measure, show, watch_cross

SIZE = (200, 300)  # width, height
NONE = Judges({}, None, "cpu")


class Painted:
    """Stands in for the detector: the figure is whatever is brighter than 100, its points lie over its bounding box."""

    def __init__(self, static: bool) -> None:
        assert static

    def __enter__(self) -> Painted:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, None, np.ndarray] | None:
        mask = picture[..., 0] > 100
        if not mask.any():
            return None
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        grid = np.stack(np.meshgrid(np.linspace(0, 1, 3), np.linspace(0, 1, 11)), -1).reshape(-1, 2)
        points = (np.array([x, y]) + grid * [width, height]).astype(np.float32)
        return points, np.ones(33, np.float32), None, mask.astype(np.float32)


@pytest.fixture(autouse=True)
def _detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PoseDetector", Painted)
    monkeypatch.setattr(module, "SIDE", 208)


def film(count: int = 20, late: float = 0.0, noise: int = 0, only: int | None = None) -> Iterator[np.ndarray]:
    """A textured figure that swings to and fro over a dark wall."""
    rng = np.random.default_rng(0)
    body = np.repeat(rng.integers(120, 250, (160, 60, 1), np.uint8), 3, 2)
    for t in range(count):
        picture = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
        x = round(70 + 40 * np.sin(0.5 * (t - late)))
        if only is None or t == only:
            picture[80:240, x : x + 60] = body
        if noise:
            picture = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
        yield picture


def test_the_truth_scores_full_marks() -> None:
    real = list(film())
    reference = Reference.of(real, 1)
    assert len(reference) == 19 and reference.size == SIZE
    made = measure(real[1:], reference, NONE)
    full = dict(ssim=1, ms_ssim=1, psnr=99, l1=0, p_ssim=1, p_psnr=99, p_l1=0, iou=1, sharp=1)
    for name, value in full.items():
        assert made.frames[name] == pytest.approx([value] * 19), name
    clip = {name: made.clip[name] for name in ("akd", "mkr", "jitter", "speed", "lag", "warp")}
    assert clip == pytest.approx(dict(akd=0, mkr=0, jitter=1, speed=1, lag=0, warp=1), abs=1e-6)
    assert len(made.thumbnails) == 19


def test_late_noisy_and_lost_people_cost() -> None:
    real = list(film())
    reference = Reference.of(real, 1)
    late = measure(list(film(late=1.0))[1:], reference, NONE)
    assert late.clip["lag"] == pytest.approx(1, abs=0.2) and np.mean(late.frames["iou"]) < 0.9
    assert late.clip["akd"] > 3 and late.clip["mkr"] == 0
    noisy = measure(list(film(noise=8))[1:], reference, NONE)
    assert np.mean(noisy.frames["sharp"]) > 1.005 and np.mean(noisy.frames["psnr"]) < 35
    assert noisy.clip["warp"] > 3
    lost = measure(list(film(only=3))[1:], reference, NONE)
    assert lost.clip["mkr"] == pytest.approx(18 / 19)
    assert lost.frames["iou"] == [0.0, 0.0, 1.0] + [0.0] * 16


def test_alpha_shows_the_person_where_there_is_one() -> None:
    real = []
    for picture in film(2):
        alpha = (picture[..., 0] > 100).astype(np.uint8) * 255
        real.append(np.dstack([picture, alpha]))
    made = measure(real, Reference.of(real, 0), NONE)
    assert made.frames["iou"] == [1.0, 1.0] and made.frames["p_psnr"] == [99.0, 99.0]
    assert made.clip == {}  # no detector has looked


def test_somebody_elses_motion_is_measured_by_ones_own_height() -> None:
    driver = Reference.of(list(film()), 0)
    small = [cv2.resize(picture, (100, 150), interpolation=cv2.INTER_NEAREST) for picture in film()]
    made = watch_cross(small, driver, NONE)
    assert made.frames == {}
    assert made.clip["speed"] == pytest.approx(1, abs=0.1) and made.clip["lag"] == pytest.approx(0, abs=0.2)


def test_unknown_truth_is_only_shown() -> None:
    made = show(list(film(3)), NONE)
    assert made.frames == {} and made.clip == {} and len(made.thumbnails) == 3


def test_a_box_holds_the_figure_and_a_margin() -> None:
    seen = np.zeros((300, 200), bool)
    seen[100:201, 50:101] = True
    box = Box.around(seen)
    assert box.edges == (35, 85, 116, 216) and max(box.size) == 208
    assert box.place(np.array([35.0, 85.0])) == pytest.approx([0, 0])
    assert box.place(np.array([116.0, 216.0])) == pytest.approx(box.size)
    near = np.zeros((300, 200), bool)
    near[0:300, 0:20] = True
    assert Box.around(near).edges == (0, 0, 64, 300)


def test_what_does_not_fit_is_refused() -> None:
    real = list(film(4))
    with pytest.raises(InputError, match="nobody"):
        Reference.of([np.zeros((300, 200, 3), np.uint8)], 0)
    with pytest.raises(ValueError, match="3 results for 4"):
        measure(real[:3], Reference.of(real, 0), NONE)
    with pytest.raises(ValueError, match="against real pictures"):
        measure([real[0][:100]], Reference.of(real, 0), NONE)
