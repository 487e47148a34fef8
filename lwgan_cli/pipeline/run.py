"""From photos to the finished output: the one way that `imitate`, `transfer` and `novelview` take.

They differ in the `Job`: whose photos dress which part of the body, and whose motion moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import torch

from lwgan_cli.config import DrawConfig
from lwgan_cli.dressing.dress import Tears, tears
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import AudioCut
from lwgan_cli.frames.output import check_output
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.pipeline.account import account, outlook, plan
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.draw import draw
from lwgan_cli.pipeline.generate import load_network
from lwgan_cli.pipeline.job import Job, Play, check_together, grid_of, result_size
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.layout import beside, held
from lwgan_cli.pipeline.scene import Cast, Scene
from lwgan_cli.pipeline.sheet import check_sheet, write_sheet
from lwgan_cli.pipeline.stage import Stage
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

LOOKED_AT = 16  # of the drawn frames, for what clothes do to the surface


def run(job: Job, config: DrawConfig, progress: Progress) -> Report:
    """Make the output. `config.output` names it; `config.device` is one that this machine has.

    Raises UsageError for options that contradict each other or an output that can't be written, InputError for
    an input that can't be used, WeightsError for missing weights; the output is whole or not there.
    """
    if config.output is None:
        raise UsageError("no output named: give --output")
    play = Play.of(job, config)
    check_together(job, play, config)
    check_output(config.output, job.inputs, config.overwrite, 1 if config.grid else len(play))
    network = load_network(config)
    check_sheet(config, job.inputs)
    planned = plan(job, play, config, progress)
    if config.dry_run:
        return planned

    bodies = Bodies.load(config)
    progress.announce(outlook(planned))
    cast = Cast.of(job, play, bodies, config, progress)
    scene = Scene.of(cast, play, network, config, progress)
    bodies, roles, driven = cast.bodies, cast.roles, cast.driven
    body, stage = scene.body, scene.stage
    torn = _torn(bodies, scene)
    size = result_size(roles[0].size, stage.whole_size, play, config)
    with progress.clock("encode"), ExitStack() as stack:  # the clock is for what the writer does at the end
        keeper = stack.enter_context(Keeper(config.keep, roles, driven, scene.model, stage))
        writer = stack.enter_context(
            VideoWriter(
                config.output,
                size,
                play.fps,
                audio=sound(play, config, progress),
                alpha=stage.transparent,
                overwrite=config.overwrite,
                threads=config.threads,
            )
        )
        done = stack.enter_context(progress.stage("composite", len(play)))
        views = [
            draw(scene, target, progress, keeper.view(index), len(body.targets))
            for index, target in enumerate(body.targets)
        ]
        shown: np.ndarray | None = None
        for picture in laid_out(views, stage, roles[0].photo, play, config, progress, done):
            shown = picture if shown is None else shown
            with progress.clock("encode"):
                writer.write(picture)
    if config.sheet is not None and shown is not None:
        write_sheet(config.sheet, scene.model, roles, scene.outfit, shown, config)
    return account(job, play, roles, driven, size, torn, bodies, config, progress)


def _torn(bodies: Bodies, scene: Scene) -> Tears:
    """Over some of the drawn frames."""
    body, model = scene.body, scene.model.to("cpu")
    poses = body.targets[0].poses
    rows = np.unique(np.linspace(0, len(poses) - 1, LOOKED_AT).astype(int))
    some = torch.from_numpy(poses[rows].astype(np.float32))
    worn = body.misfit.worn(model, body.offsets, some, body.betas)
    return tears(bodies.model, some, body.betas, worn[:, : bodies.model.n_vertices])


def sound(play: Play, config: DrawConfig, progress: Progress) -> AudioCut | None:
    """The driving's, where it still fits the frames."""
    if play.clip is None or not config.audio or play.clip.audio is None:
        return None
    if config.freeze is not None:
        progress.warn("the sound is left out: it doesn't stop with the motion")
        return None
    return play.clip.audio


def laid_out(
    views: Sequence[Iterator[np.ndarray]], stage: Stage, photo: np.ndarray, play: Play, config: DrawConfig,
    progress: Progress, done: Callable[[int], None],
) -> Iterator[np.ndarray]:  # fmt: skip
    """The output's pictures from what was drawn, one iterator for each view; `done` is told of drawn frames."""

    def counted(pictures: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for picture in pictures:
            yield picture
            done(1)

    first = counted(views[0])
    grid = grid_of(stage.whole_size, play, config)
    if grid is not None and config.grid:
        yield grid.fill(first)
    elif grid is not None:
        yield from (grid.fill(sides) for sides in zip(first, *views[1:], strict=True))
    elif config.side_by_side and play.clip is not None:
        yield from beside(photo, held(progress.timed("decode", play.clip.whole), play.rows), first)
    else:
        yield from first
