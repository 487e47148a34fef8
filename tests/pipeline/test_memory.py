"""Drawing on a machine whose memory holds less than is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.pipeline import draw
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run

TOO_MUCH = 1 << 45  # numbers


def hold(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From here on memory holds `most` frames at once; returns the list of how many were tried."""
    tried, rasterize = [], TextureWarp.rasterize

    def limited(self: TextureWarp, vertices: torch.Tensor, *rest: Any) -> Any:
        tried.append(len(vertices))
        if len(vertices) > most:
            torch.empty(TOO_MUCH)
        return rasterize(self, vertices, *rest)

    monkeypatch.setattr(TextureWarp, "rasterize", limited)
    return tried


def test_fewer_frames_are_drawn_at_once(
    lwgan: Lwgan, frames: Run, photo: Path, dance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = hold(1, monkeypatch)
    cut = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))
    run = lwgan(tmp_path, "imitate", photo, dance, *cut, "-o", "little")
    assert run.code == 0 and max(tried) > 1
    assert [count for count in tried if count == 1] == [1] * FRAMES
    assert set(tried) <= {1, max(tried) // 2, max(tried)} and len(tried) <= FRAMES + 4  # soon nobody tries more
    for one, other in zip(run.pictures(), frames.pictures(), strict=True):
        assert abs(one.astype(int) - other).max() <= 1


def test_a_thread_that_tries_more_than_another_came_down_to_tries_fewer(
    lwgan: Lwgan, photo: Path, dance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = draw._Drawing._drawn

    def late(self: draw._Drawing, frames: range, *rest: Any) -> Any:
        if len(frames) > 1:
            self._most = 1  # as by another thread, meanwhile
            torch.empty(TOO_MUCH)
        return drawn(self, frames, *rest)

    monkeypatch.setattr(draw._Drawing, "_drawn", late)
    cut = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))
    run = lwgan(tmp_path, "imitate", photo, dance, *cut, "-o", "little")
    assert (run.code, len(run.pictures())) == (0, FRAMES)


def test_no_memory_at_all_is_said(
    lwgan: Lwgan, photo: Path, dance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(0, monkeypatch)
    cut = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))
    run = lwgan(tmp_path, "imitate", photo, dance, *cut)
    assert (run.code, run.report) == (1, {})
    assert len(run.errors) == 1 and run.errors[0].startswith("lwgan: out of memory: end other programs")
    assert not any(tmp_path.iterdir())
