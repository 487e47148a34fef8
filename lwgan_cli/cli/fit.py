"""`lwgan fit INPUT`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli import options
from lwgan_cli.cli.output import carry_out, failures
from lwgan_cli.config import FitConfig, fit_path
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report


def fit(
    given: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="A photo, a video or a folder of frames.", show_default=False),
    ],
    output: options.Output = None,
    max_side: options.MaxSide = FitConfig.max_side,
    start: options.Start = FitConfig.start,
    duration: options.Duration = FitConfig.duration,
    fps: options.Fps = FitConfig.fps,
    max_frames: options.MaxFrames = FitConfig.max_frames,
    body: options.Body = FitConfig.body,
    face: options.Face = FitConfig.face,
    fitter: options.Fitter = FitConfig.fitter,
    rasterizer: options.Rasterizer = FitConfig.rasterizer,
    weights: options.Weights = FitConfig.weights,
    device: options.Device = FitConfig.device,
    threads: options.Threads = FitConfig.threads,
    seed: options.Seed = FitConfig.seed,
    cache: options.Cache = FitConfig.cache,
    overwrite: options.Overwrite = FitConfig.overwrite,
    dry_run: options.DryRun = FitConfig.dry_run,
    json: options.Json = FitConfig.json,
    quiet: options.Quiet = FitConfig.quiet,
    verbose: options.Verbose = FitConfig.verbose,
) -> None:
    """Finds the 3D body in INPUT.

    Writes its motion, <input>--fit.npz or what -o names, and beside it <input>--fit.mp4 (.png for a photo),
    the body drawn over the input. `lwgan imitate` takes the .npz as its driving."""
    with failures(verbose):
        config = FitConfig(
            output=options.output_path(output, fit_path(given)),
            max_side=max_side,
            start=start,
            duration=duration,
            fps=fps,
            max_frames=max_frames,
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

        def work(config: FitConfig, progress: Progress) -> Report:
            from lwgan_cli.pipeline import fit as fitting

            return fitting(given, config, progress)

        carry_out(config, work)
