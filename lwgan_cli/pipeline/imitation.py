"""`lwgan imitate`: the person of the photos moves as the one in the driving does (paper, motion imitation)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.body.dress import Tears, tears
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.body.retarget import Target, retarget
from lwgan_cli.config import ImitateConfig
from lwgan_cli.correspondence.rasterizer import choose_backend
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import Clip, open_clip
from lwgan_cli.frames.output import check_alpha, check_output, even_size
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.generator.compositor import TextureWarp, Window, paste, project_px
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.people import (
    Bodies,
    Driving,
    Person,
    drive,
    open_driving,
    read_motion,
    recover_person,
    source_pictures,
)
from lwgan_cli.pipeline.stage import Stage, beside, beside_size, make_stage, make_warp
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

STAGES = ("decode", "detect", "fit", "dress", "rasterize", "composite", "encode")  # always in the report
CHUNK = 4  # frames that are drawn at once
SECONDS_PER_FRAME = 0.25  # about what a frame costs on two cores, for --dry-run
SECONDS_AT_START = 12.0


def imitate(photos: list[Path], driving: Path, config: ImitateConfig, progress: Progress) -> Report:
    """Make the video. `config.output` names it; `config.device` is one that this machine has.

    Raises UsageError for options that contradict each other or an output that can't be written, InputError for
    an input that can't be used, WeightsError for missing weights; the output is whole or not there.
    """
    if config.output is None:
        raise UsageError("no output named: give --output")
    clip = open_driving(driving, config)
    if clip is not None:
        frames, fps = clip.count, clip.fps
    else:
        motion = read_motion(driving, config)
        frames, fps = len(motion), motion.fps
    check_together(driving, clip, config)
    check_output(config.output, [*photos, driving], config.overwrite, frames)
    if config.dry_run:
        return _plan(photos, driving, clip, frames, fps, config, progress)

    bodies = Bodies.load(config)
    with progress.stage("source", len(photos)) as done:
        people = []
        for photo in photos:
            with progress.clock("decode"):
                views = source_pictures(photo, config, progress)
            people += [recover_person(view, str(photo), bodies, progress) for view in views]
            done(1)
    driven = drive(driving, clip, bodies, config, progress)
    stage = make_stage(people[0], driven, bodies.model, config, progress)
    target = aim(bodies, people[0], driven, config)
    with progress.clock("dress"):
        torn = tears(
            bodies.model,
            torch.from_numpy(target.poses),
            torch.from_numpy(people[0].dressed.motion.betas),
            people[0].dressed.offsets,
        )
        model = bodies.model.to(config.device)  # from here on everything follows it
        warp = make_warp(model, people, config)

    with progress.clock("encode"), ExitStack() as stack:  # the clock is for what the writer does at the end
        keeper = stack.enter_context(Keeper(config.keep, people, driven, bodies, stage))
        size = stage.size
        if config.side_by_side and clip is not None:
            size = beside_size(people[0].size, clip, stage.size)
        writer = stack.enter_context(
            VideoWriter(
                config.output,
                size,
                driven.motion.fps,
                audio=clip.audio if clip is not None and config.audio else None,
                alpha=stage.transparent,
                overwrite=config.overwrite,
                threads=config.threads,
            )
        )
        done = stack.enter_context(progress.stage("composite", len(target)))
        pictures: Iterable[np.ndarray] = draw(model, people[0], warp, target, stage, progress, keeper)
        if config.side_by_side and clip is not None:
            pictures = beside(people[0].picture, progress.timed("decode", clip), pictures)
        for picture in pictures:
            with progress.clock("encode"):
                writer.write(picture)
            done(1)
    return _report(photos, driving, clip, people, driven, size, torn, len(target), bodies, config, progress)


def check_together(driving: Path, clip: Clip | None, config: ImitateConfig) -> None:
    """Raises UsageError for options that ask for what the driving or the output's form hasn't got."""
    if clip is None and (config.background.kind == "driving" or config.side_by_side):
        option = "--side-by-side" if config.side_by_side else "--background driving"
        raise UsageError(f"{option} needs the driver's pictures, and {driving} holds only motion: give the video")
    if config.background.kind == "transparent" and config.side_by_side:
        raise UsageError("--side-by-side shows photos, which aren't transparent: leave --background transparent out")
    if config.background.kind == "transparent":
        check_alpha(config.output or "")


def aim(bodies: Bodies, person: Person, driven: Driving, config: ImitateConfig) -> Target:
    """Where the source's body is to be drawn, in the output's pixels."""
    camera = config.camera
    if config.background.kind == "driving" and camera == "smooth":
        camera = "driving"  # the driver's scene has the driver's camera
    target = retarget(bodies.model, person.dressed.motion, driven.motion, camera)
    if camera == "driving" and config.background.kind != "driving":
        # the driver's picture is laid over the photo's, as large as fits around its middle
        ours = np.array(person.picture.shape[1::-1], float)
        theirs = np.array(driven.motion.image_size, float)
        scale = float((ours / theirs).min())
        moved = (target.camera[:, 1:] - theirs / 2) * scale + ours / 2
        return Target(target.poses, np.concatenate([target.camera[:, :1] * scale, moved], 1))
    return target


def draw(
    model: BodyModel,
    person: Person,
    warp: TextureWarp,
    target: Target,
    stage: Stage,
    progress: Progress,
    keeper: Keeper,
) -> Iterator[np.ndarray]:
    """The finished pictures, (H, W, 3 or 4) uint8, in order, on the model's device; memory holds one chunk."""
    device = model.v_template.device
    offsets = person.dressed.offsets.to(device)
    betas = torch.from_numpy(person.dressed.motion.betas).to(device)
    poses, camera = (torch.from_numpy(a.astype(np.float32)).to(device) for a in (target.poses, target.camera))
    backgrounds = stage.backgrounds()
    outside = 0
    for start in range(0, len(target), CHUNK):
        rows = slice(start, start + CHUNK)
        with progress.clock("rasterize"):
            vertices, _ = skin(model, poses[rows], betas, offsets)
            window = Window.around(project_px(vertices, camera[rows])).clipped(stage.size)
            fragments = warp.rasterize(window.ndc(vertices, camera[rows]), window) if window else None
        if window is None or fragments is None:
            outside += len(vertices)
            yield from itertools.islice(backgrounds, len(vertices))
            continue
        rgba, flows = warp(fragments, camera[rows, 0], window)
        keeper.frames(start, fragments, flows, rgba, window)
        for layer in rgba:
            yield paste(next(backgrounds), layer, window.corner)
    if outside:
        progress.warn(
            f"the person is outside the picture in {outside} of {len(target)} frames:"
            " --camera source keeps them in place"
        )


def _plan(
    photos: list[Path], driving: Path, clip: Clip | None, frames: int, fps: float, config: ImitateConfig,
    progress: Progress,
) -> Report:  # fmt: skip
    inputs = [_about(photo, open_clip(photo)) for photo in photos]
    first = open_clip(photos[0])
    motion: dict[str, object] = dict(path=str(driving), kind="motion", frames=frames, fps=fps)
    inputs.append(_about(driving, clip) if clip is not None else motion)
    if config.background.kind == "driving" and clip is not None:
        size = even_size(clip.width, clip.height, config.max_side)
    else:
        size = even_size(first.width, first.height, config.max_side)
    if config.side_by_side and clip is not None:
        width, height = even_size(first.width, first.height, config.max_side)
        size = beside_size((width, height), clip, size)
    return Report(
        output=Path(config.output or ""), frames=frames, fps=fps, size=size, device=config.device, backends={},
        seconds={}, fit={}, warnings=progress.warnings, inputs=tuple(inputs), dry_run=True,
        estimated_seconds=SECONDS_AT_START * len(photos) + SECONDS_PER_FRAME * frames,
    )  # fmt: skip


def _report(
    photos: list[Path], driving: Path, clip: Clip | None, people: list[Person], driven: Driving, size: tuple[int, int],
    torn: Tears, frames: int, bodies: Bodies, config: ImitateConfig, progress: Progress,
) -> Report:  # fmt: skip
    fits: dict[str, dict[str, float | None]] = {"photo": dict(vars(people[0].dressed.quality))}
    if driven.quality is not None:
        fits["driving"] = dict(vars(driven.quality))
    fits["target"] = dict(vars(torn))
    inputs = [dict(path=str(photo)) for photo in photos]
    return Report(
        output=Path(config.output or ""), frames=frames, fps=driven.motion.fps, size=size, device=config.device,
        backends=dict(
            rasterizer=choose_backend(config.rasterizer, torch.device(config.device)), body=bodies.model.name,
            generator=config.generator, fitter=config.fitter,
        ),
        seconds={**dict.fromkeys(STAGES, 0.0), **progress.seconds}, fit=fits, warnings=progress.warnings,
        inputs=(*inputs, _about(driving, clip) if clip is not None else dict(path=str(driving), kind="motion")),
    )  # fmt: skip


def _about(path: Path, clip: Clip) -> dict[str, object]:
    return dict(
        path=str(path), kind=clip.kind, width=clip.width, height=clip.height, frames=clip.count, fps=clip.fps,
        audio=clip.has_audio,
    )  # fmt: skip
