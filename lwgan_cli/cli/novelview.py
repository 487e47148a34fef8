"""`lwgan novelview [PHOTO...]`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import BODY, RUN, TALK, Given, accepts
from lwgan_cli.cli.output import carry_out
from lwgan_cli.config import Background, DrawConfig, Turn, novelview_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

EXAMPLE = "person.jpg"


@accepts(
    DrawConfig,
    ("degrees", "elevation", "output", "size", "max_side", "keep", "generator", *BODY, *RUN, "cache", *TALK),
    degrees="0:360",
)
def novelview(
    given: Given,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PHOTO]...",
            help="Photos of one person, or a video; without any, the bundled example.",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="All sides in one picture, 30 degrees apart if no STEP is given.")
    ] = DrawConfig.grid,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames per second of the video.", show_default="25")
    ] = DrawConfig.fps,
    background: Annotated[
        str,
        typer.Option(
            metavar="source|transparent|PATH|COLOUR",
            help="What stands behind the person, and still; a colour is #rrggbb or a CSS name.",
        ),
    ] = "source",
) -> None:
    """The person in the photos, seen from other sides.

    Writes <photo>--novelview.mp4 into the current folder (.png with --grid or a single side), or what -o names: a
    video, a picture (.png .jpg), an animation (.gif .webp) or a folder of frames.

    \b
    lwgan novelview photo.jpg --degrees 30:330      3 degrees a frame
    lwgan novelview front.jpg back.jpg              each side from the photo that saw it
    lwgan novelview photo.jpg --degrees -90:90:15 --grid
    lwgan novelview photo.jpg --degrees 90 --elevation 20 -o side.png"""
    from lwgan_cli.assets import find_example

    stage = Background.parse(background)
    turn = given["degrees"] or Turn(0, 0)
    taken = photos or [find_example(EXAMPLE)]
    still = grid or turn.start == turn.stop
    path = novelview_path(taken[0], stage, still)
    config = given.config(DrawConfig, path, degrees=turn, grid=grid, fps=fps, background=stage)

    def work(config: DrawConfig, progress: Progress) -> Report:
        from lwgan_cli.pipeline import novelview as turning

        return turning(taken, config, progress)

    carry_out(config, work)
