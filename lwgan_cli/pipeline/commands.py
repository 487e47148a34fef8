"""The commands as jobs: which bodies and which flows each asks for."""

from __future__ import annotations

from pathlib import Path

from lwgan_cli.config import DrawConfig
from lwgan_cli.pipeline.run import Job, run
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


def imitate(photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Report:
    """The person of the photos moves as the one in the driving does (paper, motion imitation). As `run`."""
    return run(Job(tuple(photos), driving), config, progress)


def novelview(photos: list[Path], config: DrawConfig, progress: Progress) -> Report:
    """The person of the photos, as they stand there, from other sides (paper, novel view synthesis). As `run`."""
    return run(Job(tuple(photos)), config, progress)
