"""What a command asks for, and what that means frame by frame: the first look at the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lwgan_cli.config import DrawConfig
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import Clip
from lwgan_cli.frames.output import check_alpha
from lwgan_cli.pipeline.driving import open_driving, read_motion
from lwgan_cli.pipeline.layout import Grid, beside_size

FPS = 25.0  # of a turn that no driving gives a rate
STEP, GRID_STEP = 3.0, 30.0  # degrees between the frames of a turn, and between the pictures of a grid


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
            if config.freeze is not None:
                raise UsageError(f"--freeze {config.freeze} holds a motion, and nobody moves: give --motion too")
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
