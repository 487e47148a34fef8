"""`lwgan imitate PHOTO... DRIVING`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli import options
from lwgan_cli.cli.output import carry_out, failures
from lwgan_cli.config import Background, ImitateConfig, imitation_path
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
    size: Annotated[
        int, typer.Option(metavar="PX", help="Side of the person's crop that the work is done at.")
    ] = ImitateConfig.size,
    max_side: options.MaxSide = ImitateConfig.max_side,
    background: Annotated[
        str,
        typer.Option(
            metavar="source|driving|transparent|PATH|COLOUR",
            help="What stands behind the person; a colour is #rrggbb or a CSS name.",
        ),
    ] = "source",
    camera: Annotated[
        str,
        typer.Option(
            metavar="smooth|source|driving",
            help="smooth: the photo's camera, and the driver's displacement; source: the person stays;"
            " driving: the driver's camera.",
        ),
    ] = ImitateConfig.camera,
    start: options.Start = ImitateConfig.start,
    duration: options.Duration = ImitateConfig.duration,
    fps: options.Fps = ImitateConfig.fps,
    max_frames: options.MaxFrames = ImitateConfig.max_frames,
    audio: Annotated[
        bool, typer.Option("--audio/--no-audio", help="Carry the driving's sound over.")
    ] = ImitateConfig.audio,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show photo, driving and result beside one another.")
    ] = ImitateConfig.side_by_side,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write fits, maps, flows and warps there.", show_default=False),
    ] = ImitateConfig.keep,
    generator: Annotated[
        str,
        typer.Option(metavar="none", help="none: warp and composite the photo (this version's only one)."),
    ] = ImitateConfig.generator,
    body: options.Body = ImitateConfig.body,
    fitter: options.Fitter = ImitateConfig.fitter,
    rasterizer: options.Rasterizer = ImitateConfig.rasterizer,
    weights: options.Weights = ImitateConfig.weights,
    device: options.Device = ImitateConfig.device,
    threads: options.Threads = ImitateConfig.threads,
    seed: options.Seed = ImitateConfig.seed,
    cache: options.Cache = ImitateConfig.cache,
    overwrite: options.Overwrite = ImitateConfig.overwrite,
    dry_run: options.DryRun = ImitateConfig.dry_run,
    json: options.Json = ImitateConfig.json,
    quiet: options.Quiet = ImitateConfig.quiet,
    verbose: options.Verbose = ImitateConfig.verbose,
) -> None:
    """The person in the photos moves as the one in DRIVING does.

    Writes <photo>--<driving>.mp4 into the current folder, or what -o names: a video, a picture (.png .jpg),
    an animation (.gif .webp) or a folder of frames."""
    with failures(verbose):
        stage = Background.parse(background)
        config = ImitateConfig(
            output=options.output_path(output, imitation_path(photos[0], driving, stage)),
            size=size,
            max_side=max_side,
            background=stage,
            camera=camera,
            start=start,
            duration=duration,
            fps=fps,
            max_frames=max_frames,
            audio=audio,
            side_by_side=side_by_side,
            keep=keep,
            generator=generator,
            body=body,
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

        def work(config: ImitateConfig, progress: Progress) -> Report:
            from lwgan_cli.pipeline import imitate as imitation

            return imitation(photos, driving, config, progress)

        carry_out(config, work)
