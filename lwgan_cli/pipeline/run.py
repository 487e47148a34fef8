"""From photos to the finished output: the one way that `imitate`, `transfer` and `novelview` take.

They differ in the `Job`: whose photos dress which part of the body, and whose motion moves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lwgan_cli.body.dress import Tears, tears
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.body.retarget import Target, retarget
from lwgan_cli.body.turn import turn
from lwgan_cli.config import DrawConfig
from lwgan_cli.correspondence.rasterizer import choose_backend
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import AudioCut, Clip, open_clip
from lwgan_cli.frames.output import check_alpha, check_output, even_size, output_form
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.generator.compositor import paste, project_px
from lwgan_cli.pipeline.generate import Warp, corrected, load_network, network_name
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.layout import Grid, beside, beside_size, held
from lwgan_cli.pipeline.outfit import Outfit, put_on
from lwgan_cli.pipeline.people import Bodies, Driving, Person, Role, drive, open_driving, read_motion, recover_role
from lwgan_cli.pipeline.sheet import check_sheet, write_sheet
from lwgan_cli.pipeline.stage import Stage, make_stage, make_warp
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

STAGES = ("decode", "detect", "fit", "dress", "rasterize", "composite", "encode")  # always in the report
CHUNK = 4  # frames that are drawn at once
FPS = 25.0  # of a turn that no driving gives a rate
STEP, GRID_STEP = 3.0, 30.0  # degrees between the frames of a turn, and between the pictures of a grid
SECONDS_PER_FRAME = 0.25  # about what a frame costs on two cores, for --dry-run
SECONDS_AT_START = 12.0


@dataclass(frozen=True)
class Wearing:
    """Clothes: photos of somebody who wears them, which of `wardrobe.GARMENTS` are taken, and a name for the report."""

    name: str
    photos: tuple[Path, ...]
    gives: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """What a command asks for.

    photos   of the person who is drawn, in whose scene the result plays
    driving  whose motion that person follows: a video, a folder of frames or a motion file; None: the photo's pose
    clothes  what the person wears of others'
    """

    photos: tuple[Path, ...]
    driving: Path | None = None
    clothes: tuple[Wearing, ...] = ()

    @property
    def pictures(self) -> tuple[Path, ...]:
        return (*self.photos, *(photo for each in self.clothes for photo in each.photos))

    @property
    def inputs(self) -> tuple[Path, ...]:
        return self.pictures if self.driving is None else (*self.pictures, self.driving)


@dataclass(frozen=True)
class Play:
    """What is played: the driving, opened, and what each frame of the result takes from it.

    clip     None for a motion file, and where nobody drives
    rows     (N,) the frame of the driving
    degrees  (N,) the side that is seen
    fps      frames per second
    """

    clip: Clip | None
    rows: list[int]
    degrees: list[float]
    fps: float

    @classmethod
    def of(cls, job: Job, config: DrawConfig) -> Play:
        """Raises UsageError for a --freeze that the driving doesn't reach."""
        if job.driving is None:
            angles = config.degrees.angles(GRID_STEP if config.grid else STEP) if config.degrees else [0.0]
            return cls(None, [0] * len(angles), angles, config.fps or FPS)
        clip = open_driving(job.driving, config)
        if clip is not None:
            frames, fps = clip.count, clip.fps
        else:
            motion = read_motion(job.driving, config)
            frames, fps = len(motion), motion.fps
        if config.degrees is None:
            return cls(clip, list(range(frames)), [0.0] * frames, fps)
        stop = config.freeze
        if stop is None:
            return cls(clip, list(range(frames)), config.degrees.during(frames), fps)
        if stop >= frames:
            raise UsageError(f"--freeze {stop}: {job.driving} has {frames} frames, numbered from 0")
        angles = config.degrees.angles(STEP)
        after = frames - 1 - stop
        degrees = [angles[0]] * stop + angles + [angles[-1]] * after
        return cls(clip, [*range(stop), *[stop] * len(angles), *range(stop + 1, frames)], degrees, fps)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Body:
    """Who is drawn: betas (10,), T-pose offsets (V, 3) m of hair and clothes, finger poses (N, 30, 3), strengths
    (N, 52) of facial actions, and where, once for each view."""

    betas: torch.Tensor
    offsets: torch.Tensor
    hands: torch.Tensor | None
    face: torch.Tensor | None
    targets: tuple[Target, ...]


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
        return _plan(job, play, config, progress)

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
    return _report(job, play, roles, driven, size, torn, bodies, config, progress)


def check_together(job: Job, play: Play, config: DrawConfig) -> None:
    """Raises UsageError for options that ask for what the driving or the output's form hasn't got."""
    if play.clip is None and (config.background.kind == "driving" or config.side_by_side):
        option = "--side-by-side" if config.side_by_side else "--background driving"
        lack = "nobody drives" if job.driving is None else f"{job.driving} holds only motion"
        raise UsageError(f"{option} needs the driver's pictures, and {lack}: give the video")
    if config.background.kind == "transparent" and config.side_by_side:
        raise UsageError("--side-by-side shows photos, which aren't transparent: leave --background transparent out")
    if config.background.kind == "transparent":
        check_alpha(config.output or "")


def sound(play: Play, config: DrawConfig, progress: Progress) -> AudioCut | None:
    """The driving's, where it still fits the frames."""
    if play.clip is None or not config.audio or play.clip.audio is None:
        return None
    if config.freeze is not None:
        progress.warn("the sound is left out: it doesn't stop with the motion")
        return None
    return play.clip.audio


def result_size(photo: tuple[int, int], stage: tuple[int, int], play: Play, config: DrawConfig) -> tuple[int, int]:
    """(width, height) of the output, from the photo's and the stage's."""
    grid = grid_of(stage, play, config)
    if grid is not None:
        return grid.size
    return beside_size(photo, play.clip, stage) if config.side_by_side and play.clip is not None else stage


def grid_of(stage: tuple[int, int], play: Play, config: DrawConfig) -> Grid | None:
    """How the frames of `--grid`, or the sides of `--views`, are laid out; None where neither is asked for."""
    count = len(play) if config.grid else config.views
    return Grid.of(count, stage, config.max_side) if count else None


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


def pose(bodies: Bodies, person: Person, outfit: Outfit, driven: Driving, play: Play, config: DrawConfig) -> Body:
    """The body that is drawn: the person's, in the outfit, moved by the driving and seen from each side."""
    betas = person.dressed.motion.betas
    target = aim(bodies, person, driven, config)
    played = Target(target.poses[play.rows], target.camera[play.rows])
    pivot = config.freeze or 0
    views = config.views or 1
    sides = [np.array(play.degrees) + 360 * view / views for view in range(views)]
    if config.degrees is not None or config.elevation or views > 1:
        targets = [turn(bodies.model, played, betas, side, config.elevation, pivot) for side in sides]
    else:
        targets = [played]
    hands, face = bodies.hands(driven.motion, play.rows), person.acts(driven.motion, play.rows)
    return Body(torch.from_numpy(betas), outfit.offsets.cpu(), hands, face, tuple(targets))


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
    for start in range(0, frames, CHUNK):
        rows = slice(start, start + CHUNK)
        with progress.clock("rasterize"):
            hands = None if body.hands is None else body.hands[rows].to(device)
            face = None if body.face is None else body.face[rows].to(device)
            vertices, _ = skin(model, poses[rows], betas, offsets, hands=hands, face=face)
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
    stage = photo = even_size(first.width, first.height, config.max_side)
    if config.background.kind == "driving" and play.clip is not None:
        stage = even_size(play.clip.width, play.clip.height, config.max_side)
    return Report(
        output=Path(config.output or ""), sheet=config.sheet, **_form(play, config),
        size=result_size(photo, stage, play, config),
        device=config.device, backends={}, seconds={}, fit={}, warnings=progress.warnings, dry_run=True,
        inputs=(*(_about(photo, open_clip(photo)) for photo in job.pictures), *_about_driving(job, play)),
        estimated_seconds=SECONDS_AT_START * len(job.pictures) + SECONDS_PER_FRAME * len(play) * (config.views or 1),
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
        output=Path(config.output or ""), sheet=config.sheet, **_form(play, config),
        size=size, device=config.device,
        backends=dict(
            rasterizer=choose_backend(config.rasterizer, torch.device(config.device)), body=bodies.model.name,
            generator=network_name(config), fitter=config.fitter,
        ),
        seconds={**dict.fromkeys(STAGES, 0.0), **progress.seconds}, fit=fits, warnings=progress.warnings,
        inputs=(*(dict(path=str(photo)) for photo in job.pictures), *_about_driving(job, play)),
    )  # fmt: skip


def _form(play: Play, config: DrawConfig) -> dict[str, Any]:
    """Frames and rate of the output; a picture has none."""
    still = config.grid or output_form(config.output or "") == "picture"
    return dict(frames=1, fps=0.0) if still else dict(frames=len(play), fps=play.fps)


def _about_driving(job: Job, play: Play) -> tuple[dict[str, object], ...]:
    if job.driving is None:
        return ()
    if play.clip is not None:
        return (_about(job.driving, play.clip),)
    return (dict(path=str(job.driving), kind="motion", frames=max(play.rows) + 1, fps=play.fps),)


def _about(path: Path, clip: Clip) -> dict[str, object]:
    return dict(
        path=str(path), kind=clip.kind, width=clip.width, height=clip.height, frames=clip.count, fps=clip.fps,
        audio=clip.has_audio,
    )  # fmt: skip
