"""From photos to the finished output: the one way that `imitate`, `transfer` and `novelview` take.

They differ in the `Job`: whose photos dress which part of the body, and whose motion moves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.body.dress import Tears, tears
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.body.retarget import Target, retarget
from lwgan_cli.config import DrawConfig
from lwgan_cli.correspondence.rasterizer import choose_backend
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import Clip, open_clip
from lwgan_cli.frames.output import check_alpha, check_output, even_size
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.generator.compositor import TextureWarp, paste, project_px
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.people import Bodies, Driving, Person, Role, drive, open_driving, read_motion, recover_role
from lwgan_cli.pipeline.stage import Stage, beside, beside_size, make_stage, make_warp
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

STAGES = ("decode", "detect", "fit", "dress", "rasterize", "composite", "encode")  # always in the report
CHUNK = 4  # frames that are drawn at once
SECONDS_PER_FRAME = 0.25  # about what a frame costs on two cores, for --dry-run
SECONDS_AT_START = 12.0


@dataclass(frozen=True)
class Job:
    """What a command asks for.

    photos   of the person who is drawn, in whose scene the result plays
    driving  whose motion that person follows: a video, a folder of frames or a motion file
    """

    photos: tuple[Path, ...]
    driving: Path

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (*self.photos, self.driving)


@dataclass(frozen=True)
class Play:
    """The driving, opened: its clip (None for a motion file), how many frames are drawn, and how fast they pass."""

    clip: Clip | None
    frames: int
    fps: float

    @classmethod
    def of(cls, job: Job, config: DrawConfig) -> Play:
        clip = open_driving(job.driving, config)
        if clip is not None:
            return cls(clip, clip.count, clip.fps)
        motion = read_motion(job.driving, config)
        return cls(None, len(motion), motion.fps)


@dataclass(frozen=True)
class Body:
    """Who is drawn: betas (10,), T-pose offsets (V, 3) m of hair and clothes, and where (`Target`)."""

    betas: torch.Tensor
    offsets: torch.Tensor
    target: Target


def run(job: Job, config: DrawConfig, progress: Progress) -> Report:
    """Make the output. `config.output` names it; `config.device` is one that this machine has.

    Raises UsageError for options that contradict each other or an output that can't be written, InputError for
    an input that can't be used, WeightsError for missing weights; the output is whole or not there.
    """
    if config.output is None:
        raise UsageError("no output named: give --output")
    play = Play.of(job, config)
    check_together(job, play, config)
    check_output(config.output, job.inputs, config.overwrite, play.frames)
    if config.dry_run:
        return _plan(job, play, config, progress)

    bodies = Bodies.load(config)
    roles = [recover_role("photo", job.photos, bodies, config, progress)]
    driven = drive(job.driving, play.clip, bodies, config, progress)
    stage = make_stage(roles[0].best, driven, bodies.model, config, progress)
    body = pose(bodies, roles, driven, config)
    with progress.clock("dress"):
        torn = tears(bodies.model, torch.from_numpy(body.target.poses), body.betas, body.offsets)
        model = bodies.model.to(config.device)  # from here on everything follows it
        warp = make_warp(model, roles, config)

    clip = play.clip if config.side_by_side else None
    size = stage.size if clip is None else beside_size(roles[0].best.size, clip, stage.size)
    with progress.clock("encode"), ExitStack() as stack:  # the clock is for what the writer does at the end
        keeper = stack.enter_context(Keeper(config.keep, roles, driven, bodies, stage))
        writer = stack.enter_context(
            VideoWriter(
                config.output,
                size,
                driven.motion.fps,
                audio=play.clip.audio if play.clip is not None and config.audio else None,
                alpha=stage.transparent,
                overwrite=config.overwrite,
                threads=config.threads,
            )
        )
        done = stack.enter_context(progress.stage("composite", play.frames))
        pictures: Iterable[np.ndarray] = draw(model, body, warp, stage, progress, keeper)
        if clip is not None:
            pictures = beside(roles[0].best.picture, progress.timed("decode", clip), pictures)
        for picture in pictures:
            with progress.clock("encode"):
                writer.write(picture)
            done(1)
    return _report(job, play, roles, driven, size, torn, bodies, config, progress)


def check_together(job: Job, play: Play, config: DrawConfig) -> None:
    """Raises UsageError for options that ask for what the driving or the output's form hasn't got."""
    if play.clip is None and (config.background.kind == "driving" or config.side_by_side):
        option = "--side-by-side" if config.side_by_side else "--background driving"
        raise UsageError(f"{option} needs the driver's pictures, and {job.driving} holds only motion: give the video")
    if config.background.kind == "transparent" and config.side_by_side:
        raise UsageError("--side-by-side shows photos, which aren't transparent: leave --background transparent out")
    if config.background.kind == "transparent":
        check_alpha(config.output or "")


def pose(bodies: Bodies, roles: list[Role], driven: Driving, config: DrawConfig) -> Body:
    """The body that is drawn: the first role's, in its clothes, moved by the driving."""
    dressed = roles[0].best.dressed
    target = aim(bodies, roles[0].best, driven, config)
    return Body(torch.from_numpy(dressed.motion.betas), dressed.offsets, target)


def aim(bodies: Bodies, person: Person, driven: Driving, config: DrawConfig) -> Target:
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
    model: BodyModel, body: Body, warp: TextureWarp, stage: Stage, progress: Progress, keeper: Keeper
) -> Iterator[np.ndarray]:
    """The finished pictures, (H, W, 3 or 4) uint8, in order, on the model's device; memory holds one chunk."""
    device = model.v_template.device
    betas, offsets, frames = body.betas.to(device), body.offsets.to(device), len(body.target)
    poses, camera = (torch.from_numpy(a.astype(np.float32)).to(device) for a in (body.target.poses, body.target.camera))
    backgrounds = stage.backgrounds()
    outside = 0
    for start in range(0, frames, CHUNK):
        rows = slice(start, start + CHUNK)
        with progress.clock("rasterize"):
            vertices, _ = skin(model, poses[rows], betas, offsets)
            window = warp.window(project_px(vertices, camera[rows]), stage.size)
            drawn = warp.rasterize(vertices, camera[rows], window) if window else None
        if drawn is None:
            outside += len(vertices)
            yield from itertools.islice(backgrounds, len(vertices))
            continue
        warped = warp(drawn)
        keeper.frames(start, drawn, warped)
        for layer in warped.rgba:
            yield paste(next(backgrounds), layer, drawn.window.corner)
    if outside:
        progress.warn(
            f"the person is outside the picture in {outside} of {frames} frames: --camera source keeps them in place"
        )


def _plan(job: Job, play: Play, config: DrawConfig, progress: Progress) -> Report:
    first = open_clip(job.photos[0])
    size = photo = even_size(first.width, first.height, config.max_side)
    if config.background.kind == "driving" and play.clip is not None:
        size = even_size(play.clip.width, play.clip.height, config.max_side)
    if config.side_by_side and play.clip is not None:
        size = beside_size(photo, play.clip, size)
    return Report(
        output=Path(config.output or ""), frames=play.frames, fps=play.fps, size=size, device=config.device,
        backends={}, seconds={}, fit={}, warnings=progress.warnings, dry_run=True,
        inputs=(*(_about(photo, open_clip(photo)) for photo in job.photos), _about_driving(job, play)),
        estimated_seconds=SECONDS_AT_START * len(job.photos) + SECONDS_PER_FRAME * play.frames,
    )  # fmt: skip


def _report(
    job: Job, play: Play, roles: list[Role], driven: Driving, size: tuple[int, int], torn: Tears, bodies: Bodies,
    config: DrawConfig, progress: Progress,
) -> Report:  # fmt: skip
    fits: dict[str, dict[str, float | None]] = {role.name: dict(vars(role.best.dressed.quality)) for role in roles}
    if driven.quality is not None:
        fits["driving"] = dict(vars(driven.quality))
    fits["target"] = dict(vars(torn))
    return Report(
        output=Path(config.output or ""), frames=play.frames, fps=driven.motion.fps, size=size, device=config.device,
        backends=dict(
            rasterizer=choose_backend(config.rasterizer, torch.device(config.device)), body=bodies.model.name,
            generator=config.generator, fitter=config.fitter,
        ),
        seconds={**dict.fromkeys(STAGES, 0.0), **progress.seconds}, fit=fits, warnings=progress.warnings,
        inputs=(*(dict(path=str(photo)) for photo in job.photos), _about_driving(job, play)),
    )  # fmt: skip


def _about_driving(job: Job, play: Play) -> dict[str, object]:
    if play.clip is not None:
        return _about(job.driving, play.clip)
    return dict(path=str(job.driving), kind="motion", frames=play.frames, fps=play.fps)


def _about(path: Path, clip: Clip) -> dict[str, object]:
    return dict(
        path=str(path), kind=clip.kind, width=clip.width, height=clip.height, frames=clip.count, fps=clip.fps,
        audio=clip.has_audio,
    )  # fmt: skip
