"""Fits kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lwgan_cli.cache import FitCache, cache_dir
from lwgan_cli.records import Motion

QUALITY = {"reprojection": 0.4, "iou": 0.9, "jitter": None}


def motion(frames: int = 5, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    return Motion(
        poses=rng.normal(0, 1, (frames, 24, 3)).astype(np.float32),
        betas=rng.normal(0, 1, 10).astype(np.float32),
        camera=rng.uniform(0.5, 1, (frames, 3)).astype(np.float32),
        crop=rng.uniform(100, 200, (frames, 3)).astype(np.float32),
        image_size=(320, 240),
        fps=25.0,
        valid=np.arange(frames) != 2,
        body="open:abc",
        shots=np.zeros(frames, np.int32),
    )


@pytest.fixture
def cache(tmp_path: Path) -> FitCache:
    return FitCache(folder=tmp_path)


def test_what_was_put_comes_back(cache: FitCache) -> None:
    key = cache.key("video", "body", "1.0")
    assert cache.get(key) is None
    kept = motion()
    cache.put(key, kept, QUALITY)
    found = cache.get(key)
    assert found is not None
    got, quality = found
    assert quality == QUALITY
    for name in ("poses", "betas", "camera", "crop", "valid", "shots"):
        assert np.array_equal(getattr(got, name), getattr(kept, name)), name
    assert (got.image_size, got.fps, got.body) == (kept.image_size, kept.fps, kept.body)
    assert cache.get(cache.key("another video", "body", "1.0")) is None


def test_keys_change_with_every_part() -> None:
    keys = [FitCache.key(*parts) for parts in (("a", "b"), ("ab",), ("a", "c"), ("b", "a"), ("a", "b", ""))]
    assert len(set(keys)) == len(keys)
    assert FitCache.key("a", "b") == keys[0]
    assert all(set(key) <= set("0123456789abcdef") for key in keys)  # good as a file name


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "gone"])
def test_damaged_files_count_as_nothing(tmp_path: Path, cache: FitCache, suffix: str, damage: str) -> None:
    cache.put("k", motion(), QUALITY)
    (file,) = tmp_path.rglob(f"*{suffix}")
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "garbage":
        file.write_bytes(b"\x00\xff" * 40)
    else:
        file.unlink()
    assert cache.get("k") is None
    cache.put("k", motion(seed=1), QUALITY)  # and can be written anew
    found = cache.get("k")
    assert found is not None and np.array_equal(found[0].poses, motion(seed=1).poses)


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    cache = FitCache(folder=tmp_path)
    cache.put("a", motion(40), QUALITY)
    (size,) = (file.stat().st_size for file in tmp_path.rglob("*.npz"))
    cache = FitCache(folder=tmp_path, cap=int(3.5 * size))
    for age, key in ((300, "a"), (200, "b"), (100, "c")):
        cache.put(key, motion(40), QUALITY)
        for file in tmp_path.rglob(f"{key}.*"):
            stamp = file.stat().st_mtime - age
            os.utime(file, (stamp, stamp))
    assert cache.get("a") is not None  # used: young again
    cache.put("d", motion(40), QUALITY)
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert sum(1 for _ in tmp_path.rglob("*.json")) == 3  # no leftovers
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.npz")) <= 3.5 * size


def test_disabled_neither_reads_nor_writes(tmp_path: Path) -> None:
    FitCache(folder=tmp_path).put("k", motion(), QUALITY)
    before = sorted(tmp_path.rglob("*"))
    off = FitCache(enabled=False, folder=tmp_path)
    assert off.get("k") is None
    off.put("other", motion(), QUALITY)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cant_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FitCache(folder=tmp_path / "file")
    cache.put("k", motion(), QUALITY)
    assert cache.get("k") is None


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWGAN_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"
    FitCache().put("k", motion(), QUALITY)
    assert list((tmp_path / "mine").rglob("k.npz"))
    monkeypatch.delenv("LWGAN_CACHE")
    assert "lwgan" in str(cache_dir())
