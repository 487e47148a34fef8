"""`lwgan novelview [PHOTO...]`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli import options
from lwgan_cli.cli.output import carry_out, failures
from lwgan_cli.config import Background, DrawConfig, Turn, novelview_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

EXAMPLE = "person.jpg"


def novelview(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PHOTO]...",
            help="Photos of one person, or a video; without any, the bundled example.",
            show_default=False,
        ),
    ] = None,
    degrees: options.Degrees = "0:360",
    elevation: options.Elevation = DrawConfig.elevation,
    output: options.Output = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="All sides in one picture, 30 degrees apart if no STEP is given.")
    ] = DrawConfig.grid,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames per second of the video.", show_default="25")
    ] = DrawConfig.fps,
    size: options.Size = DrawConfig.size,
    max_side: options.MaxSide = DrawConfig.max_side,
    background: options.StillBackground = "source",
    keep: options.Keep = DrawConfig.keep,
    generator: options.Generator = DrawConfig.generator,
    body: options.Body = DrawConfig.body,
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
    """The person in the photos, seen from other sides.

    Writes <photo>--novelview.mp4 into the current folder (.png with --grid or a single side), or what -o names: a
    video, a picture (.png .jpg), an animation (.gif .webp) or a folder of frames.

    \b
    lwgan novelview photo.jpg --degrees 30:330      3 degrees a frame
    lwgan novelview front.jpg back.jpg              each side from the photo that saw it
    lwgan novelview photo.jpg --degrees -90:90:15 --grid
    lwgan novelview photo.jpg --degrees 90 --elevation 20 -o side.png"""
    with failures(verbose):
        from lwgan_cli.assets import find_example

        stage = Background.parse(background)
        turn = Turn.parse(degrees or "0")
        given = photos or [find_example(EXAMPLE)]
        still = grid or turn.start == turn.stop
        config = DrawConfig(
            output=options.output_path(output, novelview_path(given[0], stage, still)),
            degrees=turn,
            elevation=elevation,
            grid=grid,
            fps=fps,
            size=size,
            max_side=max_side,
            background=stage,
            keep=keep,
            generator=generator,
            body=body,
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
            from lwgan_cli.pipeline import novelview as turning

            return turning(given, config, progress)

        carry_out(config, work)
