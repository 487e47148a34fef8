"""`lwgan imitate PHOTO... DRIVING`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import BODY, CAMERA, INPUT, RUN, STAGE, TALK, Given, accepts
from lwgan_cli.cli.output import carry_out
from lwgan_cli.config import DrawConfig, imitation_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


@accepts(
    DrawConfig, (*STAGE, *CAMERA, *INPUT, "motion_blur", "audio", "keep", "generator", *BODY, *RUN, "cache", *TALK)
)
def imitate(
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO", help="Photos of one person, or a video.", show_default=False),
    ],
    driving: Annotated[
        Path,
        typer.Argument(
            metavar="DRIVING",
            help="Who moves: a video, a folder of frames or a motion .npz.",
            show_default=False,
        ),
    ],
    given: Given,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show photo, driving and result beside one another.")
    ] = DrawConfig.side_by_side,
) -> None:
    """The person in the photos moves as the one in DRIVING does.

    Writes <photo>--<driving>.mp4 into the current folder, or what -o names: a video, a picture (.png .jpg),
    an animation (.gif .webp) or a folder of frames.

    \b
    lwgan imitate photo.jpg dance.mp4
    lwgan imitate front.jpg back.jpg dance.mp4 --background driving
    lwgan imitate photo.jpg dance.npz --degrees 0:360              the camera turns during the dance
    lwgan imitate photo.jpg dance.mp4 --degrees 0:360 --freeze 40  bullet time
    lwgan imitate photo.jpg dance.mp4 --views 4                    four sides in one grid"""
    config = given.config(
        DrawConfig, imitation_path(photos[0], driving, given["background"]), side_by_side=side_by_side
    )

    def work(config: DrawConfig, progress: Progress) -> Report:
        from lwgan_cli.pipeline import imitate as imitation

        return imitation(photos, driving, config, progress)

    carry_out(config, work)
