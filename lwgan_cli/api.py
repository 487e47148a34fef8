"""lwgan for Python: what the commands do, one call each.

    from pathlib import Path
    from lwgan_cli.api import DrawConfig, imitate

    report = imitate("photo.jpg", "dance.mp4", DrawConfig(output=Path("out.mp4"), size=512))
    print(report.output, report.frames, report.seconds)

A config holds the command's options under their names, with the same defaults and the same checks. Nothing is printed
but by a `progress` of yours; what fails raises one of `lwgan_cli.errors`, and the output is whole or not there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lwgan_cli.cli.device import prepare
from lwgan_cli.config import Background, CommonConfig, DrawConfig, FitConfig, Turn
from lwgan_cli.errors import InputError, LwganError, UsageError, WeightsError
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.progress import Progress, Silent
from lwgan_cli.records import Motion
from lwgan_cli.report import Report

__all__ = [
    "Background", "CommonConfig", "DrawConfig", "FitConfig", "InputError", "LwganError", "Motion", "Progress", "Report",
    "Silent", "Turn", "UsageError", "WeightsError", "fit", "imitate", "load_motion", "novelview", "save_motion",
    "transfer",
]  # fmt: skip

OnePath = str | os.PathLike[str]
Paths = OnePath | Sequence[OnePath]


def imitate(photos: Paths, driving: OnePath, config: DrawConfig, progress: Progress | None = None) -> Report:
    """The person of the photos moves as the one in `driving` does (paper, motion imitation).

    photos   pictures of one person, the main one first, or a video of them
    driving  a video, a folder of frames, or a motion file (`fit`'s or AMASS's)

    Raises UsageError, InputError, WeightsError, or LwganError where the work itself failed.
    """
    from lwgan_cli import pipeline

    return pipeline.imitate(_paths(photos), Path(driving), prepare(config), progress or Silent())


def transfer(
    head: Paths,
    clothes: Mapping[str, Paths],
    config: DrawConfig,
    driving: OnePath | None = None,
    progress: Progress | None = None,
) -> Report:
    """The person of `head` in other people's clothes (paper, appearance transfer). Raises as `imitate`.

    clothes  "body" (all of it), "upper", "lower" or "shoes" → photos of whoever wears it; the rest stays
             the person's own
    driving  whose motion they follow; None: the pose of the photo
    """
    from lwgan_cli import pipeline

    worn = {name: _paths(photos) for name, photos in clothes.items()}
    motion = None if driving is None else Path(driving)
    return pipeline.transfer(_paths(head), worn, motion, prepare(config), progress or Silent())


def novelview(photos: Paths, config: DrawConfig, progress: Progress | None = None) -> Report:
    """The person of the photos, as they stand there, from the sides `config.degrees` (paper, novel view synthesis).
    Raises as `imitate`."""
    from lwgan_cli import pipeline

    return pipeline.novelview(_paths(photos), prepare(config), progress or Silent())


def fit(given: OnePath, config: FitConfig, progress: Progress | None = None) -> Report:
    """The 3D body in a photo, a video or a folder of frames, as the motion file `config.output` (`load_motion` reads
    it), and drawn over the input beside it. Raises as `imitate`."""
    from lwgan_cli import pipeline

    return pipeline.fit(Path(given), prepare(config), progress or Silent())


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]
