"""The commands as jobs: which bodies and which flows each asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lwgan_cli.config import DrawConfig
from lwgan_cli.pipeline.job import Job, Wearing
from lwgan_cli.pipeline.run import run
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report
from lwgan_cli.texture.wardrobe import GARMENTS


def imitate(photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Report:
    """The person of the photos moves as the one in the driving does (paper, motion imitation). As `run`."""
    return run(Job(tuple(photos), driving), config, progress)


def novelview(photos: list[Path], config: DrawConfig, progress: Progress) -> Report:
    """The person of the photos, as they stand there, from other sides (paper, novel view synthesis). As `run`."""
    return run(Job(tuple(photos)), config, progress)


def transfer(
    head: Sequence[Path],
    clothes: Mapping[str, Sequence[Path]],
    driving: Path | None,
    config: DrawConfig,
    progress: Progress,
) -> Report:
    """The person of `head` in other people's clothes (paper, appearance transfer). As `run`.

    clothes  "body" (all of it) or one of `wardrobe.GARMENTS` → photos of whoever wears it; what nobody is named for
             stays the person's own
    """
    single = {name: tuple(photos) for name, photos in clothes.items() if name in GARMENTS}
    worn = [Wearing(name, photos, (name,)) for name, photos in single.items()]
    rest = tuple(name for name in GARMENTS if name not in single)
    if "body" in clothes and rest:
        worn.insert(0, Wearing("body", tuple(clothes["body"]), rest))
    return run(Job(tuple(head), driving, tuple(worn)), config, progress)
