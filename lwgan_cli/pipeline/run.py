"""From photos to the finished output: the one way that `imitate`, `transfer` and `novelview` take.

They differ in the `Job`: whose photos dress which part of the body, and whose motion moves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import torch

from lwgan_cli.body.dress import tears
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.body.retarget import Target
from lwgan_cli.config import DrawConfig
from lwgan_cli.errors import UsageError, is_out_of_memory
from lwgan_cli.frames.clip import AudioCut
from lwgan_cli.frames.output import check_output
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.generator.compositor import paste, project_px
from lwgan_cli.pipeline.account import account, plan
from lwgan_cli.pipeline.generate import Warp, corrected, load_network
from lwgan_cli.pipeline.job import Job, Play, Wearing, check_together, grid_of, result_size
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.layout import beside, held
from lwgan_cli.pipeline.outfit import put_on
from lwgan_cli.pipeline.people import Bodies, Driving, drive, recover_role
from lwgan_cli.pipeline.posing import Body, pose
from lwgan_cli.pipeline.sheet import check_sheet, write_sheet
from lwgan_cli.pipeline.stage import Stage, make_stage, make_warp
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

CHUNK = 4  # frames that are drawn at once, as long as memory holds them


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
    if config.dry_run:
        return plan(job, play, config, progress)

    bodies = Bodies.load(config)
    givers = (Wearing("photo", job.photos, ()), *job.clothes)
    roles = [recover_role(each.name, each.photos, each.gives, bodies, config, progress) for each in givers]
    if job.driving is None:
        driven = Driving(roles[0].best.dressed.motion, None, None)
    else:
        driven = drive(job.driving, play.clip, bodies, config, progress)
    stage = make_stage(roles[0].best, driven, bodies.model, config, progress)
    with progress.clock("dress"):
        model = bodies.model if roles[0].best.lids is None else bodies.whole  # a face that acts opens its mouth
        model = model.to(config.device)  # from here on everything follows it
        outfit = put_on(model, roles, config)
        warp = make_warp(model, outfit, config)
        body = pose(bodies, roles[0].best, outfit, driven, play, config)
        torn = tears(bodies.model, torch.from_numpy(body.targets[0].poses), body.betas, body.offsets)

    drawing, stage = corrected(network, warp, stage, body.targets, config.size)
    size = result_size(roles[0].best.size, stage.size, play, config)
    with progress.clock("encode"), ExitStack() as stack:  # the clock is for what the writer does at the end
        keeper = stack.enter_context(Keeper(config.keep, roles, driven, bodies, stage))
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
            draw(model, body, target, drawing, stage, progress, keeper.view(index))
            for index, target in enumerate(body.targets)
        ]
        shown: np.ndarray | None = None
        for picture in laid_out(views, stage, roles[0].best.picture, play, config, progress, done):
            shown = picture if shown is None else shown
            with progress.clock("encode"):
                writer.write(picture)
    if config.sheet is not None and shown is not None:
        write_sheet(config.sheet, model, roles, outfit, shown, config)
    return account(job, play, roles, driven, size, torn, bodies, config, progress)


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
    grid = grid_of(stage.size, play, config)
    if grid is not None and config.grid:
        yield grid.fill(first)
    elif grid is not None:
        yield from (grid.fill(sides) for sides in zip(first, *views[1:], strict=True))
    elif config.side_by_side and play.clip is not None:
        yield from beside(photo, held(progress.timed("decode", play.clip), play.rows), first)
    else:
        yield from first


def draw(
    model: BodyModel,
    body: Body,
    target: Target,
    warp: Warp,
    stage: Stage,
    progress: Progress,
    keeper: Keeper,
) -> Iterator[np.ndarray]:
    """One view's pictures, (H, W, 3 or 4) uint8, in order, on the model's device; memory holds one chunk."""
    device = model.v_template.device
    betas, offsets, frames = body.betas.to(device), body.offsets.to(device), len(target)
    poses, camera = (torch.from_numpy(a.astype(np.float32)).to(device) for a in (target.poses, target.camera))
    backgrounds = stage.backgrounds()
    outside = 0
    start, chunk = 0, CHUNK
    while start < frames:
        rows = slice(start, start + chunk)
        try:
            with progress.clock("rasterize"):
                hands = None if body.hands is None else body.hands[rows].to(device)
                face = None if body.face is None else body.face[rows].to(device)
                vertices, _ = skin(model, poses[rows], betas, offsets, hands=hands, face=face)
                window = warp.window(project_px(vertices, camera[rows]), stage.size)
                drawn = warp.rasterize(vertices, camera[rows], window) if window else None
            warped = warp(drawn) if drawn else None
        except Exception as error:
            if chunk == 1 or not is_out_of_memory(error):
                raise
            chunk //= 2
            continue
        start += len(vertices)
        if drawn is None or warped is None:
            outside += len(vertices)
            yield from itertools.islice(backgrounds, len(vertices))
            continue
        keeper.frames(start - len(vertices), drawn, warped)
        for layer in warped.rgba:
            yield paste(next(backgrounds), layer, drawn.window.corner)
    if outside:
        progress.warn(
            f"the person is outside the picture in {outside} of {frames} frames: --camera source keeps them in place"
        )
