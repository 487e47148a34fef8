"""`lwgan` run within the test's process: what it returned, printed and wrote."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
from PIL import Image

from lwgan_cli.cli.main import run
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.pipeline.people import Person, recover_person
from lwgan_cli.pipeline.shelf import Shelf, sharing
from lwgan_cli.texture.texture import complete_views

FRAMES = 6  # of the sample dance that most tests use
SIDE = 480  # px, --max-side of most tests
ATLAS = 256  # px: less than usual, and quick
STAGES = ("plan", "source", "choose frames", "detect", "fit", "composite", "overlay")  # those that are shown


@dataclass(frozen=True)
class Run:
    """code; report: the JSON object, empty where none was printed; errors: the lines on stderr that aren't progress;
    folder: where it ran."""

    code: int
    report: dict[str, Any]
    errors: list[str]
    folder: Path

    def pictures(self) -> list[np.ndarray]:
        """The result, (H, W, 3) uint8 each."""
        return list(open_clip(self.folder / self.report["output"]))


class Lwgan:
    """Runs commands in a folder, with a cache of its own, and shares what a batch's runs share. It remembers all people
    in photos: finding, cutting out, fitting and dressing the same person again for every option would fill the
    minutes."""

    def __init__(self, cache: Path) -> None:
        self._cache, self._people, self._shelf = cache, dict[str, Person](), Shelf(most=12)

    def with_shelf(self, shelf: Shelf) -> Lwgan:
        """One that remembers the same people and shares nothing else."""
        other = copy.copy(self)
        other._shelf = shelf
        return other

    def __call__(self, folder: Path, *arguments: str | Path) -> Run:
        out, err = io.StringIO(), io.StringIO()
        with (
            _inside(folder),
            sharing(self._shelf),
            mock.patch.dict(os.environ, {"LWGAN_CACHE": str(self._cache)}),
            mock.patch("lwgan_cli.pipeline.people.recover_person", self._recover),
            mock.patch("lwgan_cli.pipeline.fitting.recover_person", self._recover),
            mock.patch("lwgan_cli.pipeline.outfit.complete_views", partial(complete_views, size=ATLAS)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run([*map(str, arguments), "--json"])
        lines = [line for line in err.getvalue().splitlines() if not _is_progress(line)]
        return Run(code, json.loads(out.getvalue() or "{}"), lines, folder)

    def _recover(self, picture: np.ndarray, *rest: Any) -> Person:
        bodies = rest[1]
        about = (bodies.model.identity, bodies.face is not None, bodies.acts, bodies.hmr is not None)
        chosen = repr((picture.shape, about, rest[3:])).encode()
        key = hashlib.sha256(chosen + picture.tobytes()).hexdigest()
        if key not in self._people:
            self._people[key] = recover_person(picture, *rest)
        return self._people[key]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _is_progress(line: str) -> bool:
    return line.startswith("lwgan: ") and line.split(":")[1].strip() in STAGES


def write_video(path: Path, pictures: list[np.ndarray], fps: float = 25.0) -> Path:
    with VideoWriter(path, (pictures[0].shape[1], pictures[0].shape[0]), fps, overwrite=True) as writer:
        for picture in pictures:
            writer.write(picture)
    return path


def psnr(one: np.ndarray, other: np.ndarray, where: np.ndarray | None = None) -> float:
    """dB of two pictures in 0 … 255, over the mask (H, W)."""
    apart = (one.astype(np.float64) - other) ** 2
    mean = (apart if where is None else apart[where]).mean()
    return float(10 * np.log10(255**2 / max(mean, 1e-6)))


def drawn(folder: Path, frame: int, size: tuple[int, int]) -> np.ndarray:
    """Alpha (H, W) float64 [0, 1] with which `--keep` says that a frame's person was drawn; size (width, height)."""
    warp = np.array(Image.open(folder / "warps" / f"{frame:06d}.png"))[..., 3] / 255
    x, y = np.load(folder / "flows" / f"{frame:06d}.npz")["corner"]
    alpha = np.zeros(size[::-1])
    alpha[y : y + warp.shape[0], x : x + warp.shape[1]] = warp
    return alpha


def untouched(folder: Path, frame: int, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: where, by what `--keep` left in `folder`, nobody is drawn, nobody stood in the photo, and no
    shadow lies or lay at their feet."""
    with Image.open(folder / "photo0_alpha.png") as alpha:
        stood = (np.array(alpha)[: size[1], : size[0]] > 0).astype(np.uint8)
    stands = (drawn(folder, frame, size) > 0).astype(np.uint8)
    return (cv2.dilate(stood, np.ones((45, 59))) == 0) & (cv2.dilate(stands, np.ones((9, 25))) == 0)
