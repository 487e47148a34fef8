"""`lwgan fit INPUT`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import BODY, INPUT, RUN, TALK, Given, accepts
from lwgan_cli.cli.output import carry_out
from lwgan_cli.config import FitConfig, fit_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


@accepts(FitConfig, ("output", "max_side", *INPUT, *BODY, *RUN, "cache", *TALK))
def fit(
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="A photo, a video or a folder of frames.", show_default=False),
    ],
    given: Given,
) -> None:
    """Finds the 3D body in INPUT.

    Writes its motion, <input>--fit.npz or what -o names, and beside it <input>--fit.mp4 (.png for a photo),
    the body drawn over the input. `lwgan imitate` takes the .npz as its driving.

    \b
    lwgan fit dance.mp4
    lwgan fit dance.mp4 --start 2 --duration 5 -o steps.npz
    lwgan fit photo.jpg --fitter fast"""
    config = given.config(FitConfig, fit_path(source))

    def work(config: FitConfig, progress: Progress) -> Report:
        from lwgan_cli.pipeline import fit as fitting

        return fitting(source, config, progress)

    carry_out(config, work)
