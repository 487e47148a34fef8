from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.cli.device import choose_device, prepare
from lwgan_cli.config import FitConfig
from lwgan_cli.errors import UsageError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def test_threads_are_set() -> None:
    prepare(FitConfig(threads=1))
    assert torch.get_num_threads() == 1 and cv2.getNumThreads() == 1


def test_the_seed_settles_every_source_of_random_numbers() -> None:
    def draw(seed: int) -> list[float]:
        prepare(FitConfig(seed=seed))
        noise = np.zeros((1, 3))
        cv2.randu(noise, 0, 1)
        return [*torch.rand(3).tolist(), *np.random.rand(3).tolist(), *noise[0]]  # noqa: NPY002

    first = draw(2**40 + 5)
    assert draw(2**40 + 5) == first
    other = draw(2**40 + 6)
    assert all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("there", "name", "chosen"),
    [
        (0, "auto", "cpu"),
        (2, "auto", "cuda:0"),
        (2, "cpu", "cpu"),
        (2, "cuda", "cuda:0"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_the_device(monkeypatch: pytest.MonkeyPatch, there: int, name: str, chosen: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    assert choose_device(name) == chosen


@pytest.mark.parametrize(
    ("there", "name", "says"),
    [
        (0, "cuda", "--device cuda: PyTorch finds no CUDA device"),
        (2, "cuda:2", "--device cuda:2: PyTorch finds 2 CUDA"),
        (0, "mps", "--device mps"),
    ],
)
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, there: int, name: str, says: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match=says):
        choose_device(name)
