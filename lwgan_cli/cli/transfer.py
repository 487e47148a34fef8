"""`lwgan transfer --head A --body B`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import BODY, CAMERA, INPUT, RUN, STAGE, TALK, Given, accepts
from lwgan_cli.cli.output import carry_out
from lwgan_cli.config import DrawConfig, transfer_path
from lwgan_cli.errors import UsageError
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

_BODY = tuple(name for name in BODY if name != "body")  # --body names the clothes here


@accepts(
    DrawConfig, (*STAGE, *CAMERA, *INPUT, "motion_blur", "audio", "keep", "generator", *_BODY, *RUN, "cache", *TALK)
)
def transfer(
    head: Annotated[
        list[Path],
        typer.Option(
            metavar="A", help="Whose head, hair, skin, shape, pose and background; more photos of A: give it again."
        ),
    ],
    given: Given,
    body: Annotated[list[Path] | None, typer.Option(metavar="B", help="Whose clothes.", show_default=False)] = None,
    upper: Annotated[
        list[Path] | None, typer.Option(metavar="C", help="Whose top, sleeves and all.", show_default=False)
    ] = None,
    lower: Annotated[
        list[Path] | None, typer.Option(metavar="D", help="Whose trousers or skirt.", show_default=False)
    ] = None,
    shoes: Annotated[list[Path] | None, typer.Option(metavar="E", help="Whose shoes.", show_default=False)] = None,
    motion: Annotated[
        Path | None,
        typer.Option(
            metavar="DRIVING",
            help="Whose motion A follows: a video, a folder of frames or a motion .npz.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE", help="Write a contact sheet too: photos, parts and result.", show_default=False
        ),
    ] = DrawConfig.sheet,
    body_model: Annotated[str, typer.Option("--body-model", metavar="open|smpl|PATH", help="Body model.")] = (
        DrawConfig.body
    ),
) -> None:
    """A person in other people's clothes.

    Writes <A>--<B>.png into the current folder; with --motion the video <A>--<B>--<driving>.mp4, with --degrees a
    turning one; or what -o names. What nobody is named for stays A's own.

    \b
    lwgan transfer --head a.jpg --body b.jpg
    lwgan transfer --head a.jpg --upper c.jpg --lower d.jpg --shoes e.jpg --sheet sheet.png
    lwgan transfer --head a.jpg --body b.jpg --motion dance.mp4
    lwgan transfer --head a.jpg --body b.jpg --degrees 0:360"""
    worn = {"body": body, "upper": upper, "lower": lower, "shoes": shoes}
    clothes = {name: photos for name, photos in worn.items() if photos}
    if not clothes:
        raise UsageError("no clothes named: give --body, or --upper, --lower or --shoes")
    turn = given["degrees"]
    still = motion is None and (turn is None or turn.start == turn.stop)
    first = next(iter(clothes.values()))[0]
    path = transfer_path(head[0], first, motion, given["background"], still)
    config = given.config(DrawConfig, path, sheet=sheet, body=body_model)

    def work(config: DrawConfig, progress: Progress) -> Report:
        from lwgan_cli.pipeline import transfer as transferring

        return transferring(head, clothes, motion, config, progress)

    carry_out(config, work)
