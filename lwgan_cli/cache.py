"""Fits that are kept between runs: the same dance is fitted once for many photos.

They lie in the user's cache folder (`platformdirs`) under the hash of everything that they depend on, at most
CAP_BYTES of them; the least recently used go first. A cache that can't be read or written is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import platformdirs

from lwgan_cli.errors import LwganError
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.records import Motion

CAP_BYTES = 256 * 2**20


def cache_dir() -> Path:
    """LWGAN_CACHE where set, else the platform's user cache folder."""
    return Path(os.environ.get("LWGAN_CACHE") or platformdirs.user_cache_dir("lwgan", appauthor=False))


class FitCache:
    """Motions and their quality by key. `enabled=False` neither reads nor writes."""

    def __init__(self, enabled: bool = True, folder: Path | None = None, cap: int = CAP_BYTES) -> None:
        self._enabled, self._folder, self._cap = enabled, (folder or cache_dir()) / "fits", cap

    @staticmethod
    def key(*parts: str) -> str:
        """A file name that changes when any part does."""
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def get(self, key: str) -> tuple[Motion, dict[str, float | None]] | None:
        """What was put under the key; None where nothing whole lies there."""
        if not self._enabled:
            return None
        path = self._folder / f"{key}.npz"
        try:
            motion = load_motion(path)
            quality = json.loads(path.with_suffix(".json").read_text())
            for file in (path, path.with_suffix(".json")):
                os.utime(file)
        except (LwganError, OSError, ValueError):
            return None
        return motion, quality

    def put(self, key: str, motion: Motion, quality: dict[str, float | None]) -> None:
        """Keep a fit; drops the oldest where the folder has grown past its cap."""
        if not self._enabled:
            return
        path = self._folder / f"{key}.npz"
        with contextlib.suppress(OSError, LwganError):
            self._folder.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".json").write_text(json.dumps(quality))
            save_motion(path, motion)
            self._trim()

    def _trim(self) -> None:
        fits = sorted(self._folder.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in fits:
            total += file.stat().st_size
            if total > self._cap:
                file.unlink(missing_ok=True)
                file.with_suffix(".json").unlink(missing_ok=True)
