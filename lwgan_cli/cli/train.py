"""`lwgan train`"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lwgan_cli.cli.options import RUN, TALK, Given, accepts
from lwgan_cli.cli.output import INTERRUPTED, shown_progress
from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import UsageError

if TYPE_CHECKING:
    from lwgan_cli.training.loop import TrainReport


@accepts(CommonConfig, ("body", *RUN, *TALK))
def train(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for weights, checkpoints, metrics, contact sheets.",
            show_default=False,
        ),
    ],
    given: Given,
    task: Annotated[
        str,
        typer.Option(
            metavar="generator|hmr", help="hmr: the paper's body regressor, on rendered people, for --fitter."
        ),
    ] = "generator",
    data: Annotated[
        str,
        typer.Option(metavar="synthetic|iper:DIR|videos:DIR", help="What to train on; synthetic: rendered people."),
    ] = "synthetic",
    architecture: Annotated[
        str, typer.Option(metavar="NAME", help="default, paper, or an ablation: default-concat, paper-texture, …")
    ] = "default",
    personalize: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Fit the generator to the person of this photo; may be given repeatedly."),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Begin with this generator.", show_default="untrained; the default's to personalize"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Stop after so many steps, earlier runs' included.",
            show_default="100000; 400 to personalize",
        ),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="Stop after so many seconds.", show_default="none")
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", help="Targets a step, on each device.")] = 4,
    size: Annotated[int, typer.Option(metavar="PX", help="Height of a standing person for the network.")] = 256,
    crop: Annotated[int, typer.Option(metavar="PX", help="Height of the part of it that a step looks at.")] = 192,
    lr: Annotated[float, typer.Option(metavar="X", help="Adam's step size.")] = 2e-4,
    recipe: Annotated[
        str, typer.Option(metavar="default|paper", help="Losses: the default's need no files, the paper's do.")
    ] = "default",
    loss: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WEIGHT", help="A loss's weight, 0 for none; may be given repeatedly."),
    ] = None,
    vgg: Annotated[
        Path | None, typer.Option(metavar="PATH", help="VGG-19's weights, for the perceptual loss.", show_default=False)
    ] = None,
    sphereface: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="SphereFace-20's weights, for the face's loss.", show_default=False),
    ] = None,
    bank: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of prepared people.", show_default="people/ in the output folder"),
    ] = None,
    people: Annotated[
        str | None,
        typer.Option(
            metavar="N|FIRST:LAST",
            help="Which of the rendered people to train on.",
            show_default="300; 16 to personalize",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes that prepare people and batches.")] = 1,
    save_every: Annotated[float, typer.Option(metavar="S", help="Seconds between checkpoints.")] = 300.0,
    sheet_every: Annotated[int, typer.Option(metavar="N", help="Steps between contact sheets and scores.")] = 500,
) -> None:
    """Trains a generator, or fits one to a person; or trains the body regressor.

    Writes generator.safetensors into the output folder, for `lwgan imitate --generator`. For several GPUs:
    torchrun --nproc-per-node 4 -m lwgan_cli train …

    \b
    lwgan train -o run/
    lwgan train -o run/ --resume --time-limit 3600
    lwgan train -o mine/ --personalize photo.jpg --start-from run/generator.safetensors
    lwgan train -o hmr/ --task hmr              then: lwgan fit dance.mp4 --fitter hmr --weights hmr/"""
    if task not in ("generator", "hmr"):
        raise UsageError(f"--task {task!r} can't be used: give generator or hmr")
    from lwgan_cli.training.config import PERSONAL, DataSource, TrainConfig, parse_people, parse_weight

    defaults = PERSONAL if personalize else TrainConfig
    config = given.config(
        TrainConfig,
        output,
        data=DataSource.parse(data),
        architecture=architecture,
        personalize=tuple(personalize or ()),
        start_from=start_from,
        resume=resume,
        steps=defaults.steps if steps is None else steps,
        time_limit=time_limit,
        batch=batch,
        size=size,
        crop=crop,
        lr=lr,
        recipe=recipe,
        loss_weights=dict(parse_weight(text) for text in loss or ()),
        vgg=vgg,
        sphereface=sphereface,
        bank=bank,
        people=defaults.people if people is None else parse_people(people),
        workers=workers,
        save_every=save_every,
        sheet_every=sheet_every,
    )
    leads = os.environ.get("RANK", "0") == "0"  # of the processes that `torchrun` started, one speaks
    with (
        shown_progress(config if leads else replace(config, quiet=True, verbose=False)) as progress,
        contextlib.redirect_stdout(sys.stderr),
    ):
        from lwgan_cli.cli.device import prepare
        from lwgan_cli.training import hmr, loop

        try:
            report = (hmr if task == "hmr" else loop).train(prepare(config), progress)
        except KeyboardInterrupt:
            print("lwgan: interrupted; what was learnt is kept, and --resume goes on", file=sys.stderr)  # noqa: T201
            raise typer.Exit(INTERRUPTED) from None
    if not leads:
        return
    if config.json:
        print(report.to_json())  # noqa: T201
    elif not config.quiet:
        print(_summary(report))  # noqa: T201


def _summary(report: TrainReport) -> str:
    """The report for a person to read."""
    if report.dry_run:
        return (
            f"would write {report.output}: {report.architecture}, from step {report.steps} on, {report.device};"
            f" {report.people} people are prepared"
        )
    lines = [
        f"{report.output}: {report.architecture}, {report.steps} steps, {report.steps_now} of them in"
        f" {report.seconds:.0f} s on {report.device}, {report.people} people"
    ]
    for name, scores in report.scores.items():
        lines.append(f"  {name:<10}" + ", ".join(f"{key} {value:.4g}" for key, value in scores.items()))
    return "\n".join(lines)
