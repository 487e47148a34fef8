"""`lwgan imitate PHOTO... DRIVING`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli import options
from lwgan_cli.cli.output import carry_out, failures
from lwgan_cli.config import Background, DrawConfig, Turn, imitation_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


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
    output: options.Output = None,
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
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show photo, driving and result beside one another.")
    ] = DrawConfig.side_by_side,
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
    """The person in the photos moves as the one in DRIVING does.

    Writes <photo>--<driving>.mp4 into the current folder, or what -o names: a video, a picture (.png .jpg),
    an animation (.gif .webp) or a folder of frames.

    \b
    lwgan imitate photo.jpg dance.mp4
    lwgan imitate front.jpg back.jpg dance.mp4 --background driving
    lwgan imitate photo.jpg dance.npz --degrees 0:360              the camera turns during the dance
    lwgan imitate photo.jpg dance.mp4 --degrees 0:360 --freeze 40  bullet time
    lwgan imitate photo.jpg dance.mp4 --views 4                    four sides in one grid"""
    with failures(verbose):
        stage = Background.parse(background)
        config = DrawConfig(
            output=options.output_path(output, imitation_path(photos[0], driving, stage)),
            size=size,
            max_side=max_side,
            background=stage,
            camera=camera,
            degrees=None if degrees is None else Turn.parse(degrees),
            elevation=elevation,
            freeze=freeze,
            views=views,
            start=start,
            duration=duration,
            fps=fps,
            max_frames=max_frames,
            audio=audio,
            side_by_side=side_by_side,
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
            from lwgan_cli.pipeline import imitate as imitation

            return imitation(photos, driving, config, progress)

        carry_out(config, work)
