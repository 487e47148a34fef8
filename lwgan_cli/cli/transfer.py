"""`lwgan transfer --head A --body B`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli import options
from lwgan_cli.cli.output import carry_out, failures
from lwgan_cli.config import Background, DrawConfig, Turn, transfer_path
from lwgan_cli.errors import UsageError
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


def transfer(
    head: Annotated[
        list[Path],
        typer.Option(
            metavar="A", help="Whose head, hair, skin, shape, pose and background; more photos of A: give it again."
        ),
    ],
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
    output: options.Output = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE", help="Write a contact sheet too: photos, parts and result.", show_default=False
        ),
    ] = DrawConfig.sheet,
    size: options.Size = DrawConfig.size,
    max_side: options.MaxSide = DrawConfig.max_side,
    background: options.Background = "source",
    camera: options.Camera = DrawConfig.camera,
    degrees: options.Degrees = None,
    elevation: options.Elevation = DrawConfig.elevation,
    freeze: options.Freeze = DrawConfig.freeze,
    views: options.Views = DrawConfig.views,
    start: options.Start = DrawConfig.start,
    duration: options.Duration = DrawConfig.duration,
    fps: options.Fps = DrawConfig.fps,
    max_frames: options.MaxFrames = DrawConfig.max_frames,
    audio: options.Audio = DrawConfig.audio,
    keep: options.Keep = DrawConfig.keep,
    generator: options.Generator = DrawConfig.generator,
    body_model: Annotated[str, typer.Option("--body-model", metavar="open|smpl|PATH", help="Body model.")] = (
        DrawConfig.body
    ),
    face: options.Face = DrawConfig.face,
    fitter: options.Fitter = DrawConfig.fitter,
    rasterizer: options.Rasterizer = DrawConfig.rasterizer,
    weights: options.Weights = DrawConfig.weights,
    device: options.Device = DrawConfig.device,
    threads: options.Threads = DrawConfig.threads,
    seed: options.Seed = DrawConfig.seed,
    cache: options.Cache = DrawConfig.cache,
    overwrite: options.Overwrite = DrawConfig.overwrite,
    dry_run: options.DryRun = DrawConfig.dry_run,
    json: options.Json = DrawConfig.json,
    quiet: options.Quiet = DrawConfig.quiet,
    verbose: options.Verbose = DrawConfig.verbose,
) -> None:
    """A person in other people's clothes.

    Writes <A>--<B>.png into the current folder; with --motion the video <A>--<B>--<driving>.mp4, with --degrees a
    turning one; or what -o names. What nobody is named for stays A's own.

    \b
    lwgan transfer --head a.jpg --body b.jpg
    lwgan transfer --head a.jpg --upper c.jpg --lower d.jpg --shoes e.jpg --sheet sheet.png
    lwgan transfer --head a.jpg --body b.jpg --motion dance.mp4
    lwgan transfer --head a.jpg --body b.jpg --degrees 0:360"""
    with failures(verbose):
        given = {"body": body, "upper": upper, "lower": lower, "shoes": shoes}
        clothes = {name: photos for name, photos in given.items() if photos}
        if not clothes:
            raise UsageError("no clothes named: give --body, or --upper, --lower or --shoes")
        stage = Background.parse(background)
        turn = None if degrees is None else Turn.parse(degrees)
        still = motion is None and (turn is None or turn.start == turn.stop)
        first = next(iter(clothes.values()))[0]
        config = DrawConfig(
            output=options.output_path(output, transfer_path(head[0], first, motion, stage, still)),
            sheet=sheet,
            size=size,
            max_side=max_side,
            background=stage,
            camera=camera,
            degrees=turn,
            elevation=elevation,
            freeze=freeze,
            views=views,
            start=start,
            duration=duration,
            fps=fps,
            max_frames=max_frames,
            audio=audio,
            keep=keep,
            generator=generator,
            body=body_model,
            face=face,
            fitter=fitter,
            rasterizer=rasterizer,
            weights=weights,
            device=device,
            threads=threads,
            seed=seed,
            cache=cache,
            overwrite=overwrite,
            dry_run=dry_run,
            json=json,
            quiet=quiet,
            verbose=verbose,
        )

        def work(config: DrawConfig, progress: Progress) -> Report:
            from lwgan_cli.pipeline import transfer as transferring

            return transferring(head, clothes, motion, config, progress)

        carry_out(config, work)
