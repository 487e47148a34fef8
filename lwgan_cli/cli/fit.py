"""`lwgan fit INPUT`"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import BODY, INPUT, RUN, TALK, Given, accepts
from lwgan_cli.cli.output import carry_out, shown_progress
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
    listed: Annotated[
        bool, typer.Option("--list", help="Show who is in INPUT, numbered for --person, and write nothing.")
    ] = False,
) -> None:
    """Finds the 3D body in INPUT.

    Writes its motion, <input>--fit.npz or what -o names, and beside it <input>--fit.mp4 (.png for a photo),
    the body drawn over the input. `lwgan imitate` takes the .npz as its driving.

    \b
    lwgan fit dance.mp4
    lwgan fit dance.mp4 --start 2 --duration 5 -o steps.npz
    lwgan fit photo.jpg --fitter fast
    lwgan fit party.jpg --list                  who is there
    lwgan fit party.jpg --person 2"""
    config = given.config(FitConfig, fit_path(source))
    if listed:
        _list(source, config)
        return

    def work(config: FitConfig, progress: Progress) -> Report:
        from lwgan_cli.pipeline import fit as fitting

        return fitting(source, config, progress)

    carry_out(config, work)


def _list(source: Path, config: FitConfig) -> None:
    """Prints everybody in the first frame that shows anybody: a table, or one JSON object."""
    with shown_progress(config) as progress, contextlib.redirect_stdout(sys.stderr):
        from lwgan_cli.pipeline import show_people

        listing = show_people(source, config, progress)
    if config.json:
        print(json.dumps(listing.to_dict()))  # noqa: T201
        return
    lines = ["person   left    top  right bottom  height  middle"]
    for each in listing.people:
        left, top, right, bottom = each.box
        middle = ",".join(map(str, each.point))
        lines.append(f"{each.number:>6} {left:>6} {top:>6} {right:>6} {bottom:>6} {each.height:>6.0f}%  {middle}")
    print("\n".join(lines))  # noqa: T201
