"""The options of the commands, checked. Every message names the flag and the value that can't be used."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lwgan_cli.errors import UsageError

SIZES = range(128, 1024 + 1, 32)
RASTERIZERS = ("auto", "torch", "pytorch3d")
FITTERS = ("fast", "best", "hmr")
CAMERAS = ("smooth", "source", "driving")
VIEWS = range(2, 16 + 1)
MOST_ANGLES = 100_000
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class Background:
    """What stands behind the person.

    kind    "source": the photo's, completed where the person stood; "driving": the driving video's;
            "transparent": nothing; "file": the picture at `path`; "colour": one colour
    path    of the picture, for "file"
    colour  (red, green, blue) in 0..255, for "colour"
    """

    kind: Literal["source", "driving", "transparent", "file", "colour"] = "source"
    path: Path | None = None
    colour: tuple[int, int, int] | None = None

    @classmethod
    def parse(cls, text: str) -> Background:
        """Reads `--background`. A colour's name is a colour even where a file is called so; ./red is the
        file. Raises UsageError for what is neither."""
        if text in ("source", "driving", "transparent"):
            return cls(kind=text)  # type: ignore[arg-type]  # the literals, narrowed by `in`
        if (colour := _colour(text)) is not None:
            return cls(kind="colour", colour=colour)
        if text and Path(text).is_file():
            return cls(kind="file", path=Path(text))
        raise UsageError(
            f"--background {text!r} is neither source, driving, transparent, a colour (#rrggbb or a CSS name)"
            " nor a picture that exists"
        )


@dataclass(frozen=True)
class Choice:
    """One of several people: the `number`, from 1, counted from the largest down, or whoever is at `point`, px of the
    input's own pictures."""

    number: int | None = None
    point: tuple[float, float] | None = None

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Reads `--person N` or `--person X,Y`. Raises UsageError for anything else."""
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) == 1 and numbers[0].is_integer() and numbers[0] >= 1:
            return cls(number=int(numbers[0]))
        if len(numbers) == 2 and all(math.isfinite(number) and number >= 0 for number in numbers):
            return cls(point=(numbers[0], numbers[1]))
        raise UsageError(
            f"--person {text!r}: give a number, 1 for the largest, or a point of the picture in px, as in 640,360"
        )

    def __str__(self) -> str:
        return str(self.number) if self.point is None else ",".join(f"{value:g}" for value in self.point)

    def scaled(self, by: float) -> Choice:
        """For pictures so many times as large."""
        return self if self.point is None else Choice(point=(self.point[0] * by, self.point[1] * by))


@dataclass(frozen=True)
class Turn:
    """How the camera walks around the person: from `start` to `stop`, degrees, `step` from frame to frame.

    step  above 0, whichever way the turn goes; None: what fits the number of frames
    """

    start: float
    stop: float
    step: float | None = None

    @classmethod
    def parse(cls, text: str) -> Turn:
        """Reads `--degrees START:STOP[:STEP]`; a number alone is one side. Raises UsageError for anything else."""
        try:
            numbers = [float(part) for part in text.split(":")]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3 or not all(math.isfinite(number) for number in numbers):
            raise UsageError(f"--degrees {text!r}: give START:STOP or START:STOP:STEP, as in 30:330 or -90:90:2")
        if len(numbers) == 1:
            return cls(numbers[0], numbers[0])
        if len(numbers) == 3 and numbers[2] == 0:
            raise UsageError(f"--degrees {text}: with a step of 0 the turn never ends; give a STEP above 0")
        return cls(numbers[0], numbers[1], abs(numbers[2]) if len(numbers) == 3 else None)

    def angles(self, step: float) -> list[float]:
        """The sides, `self.step` apart, or else `step`; STOP is the last where the steps meet it."""
        step = self.step or step
        count = math.floor(abs(self.stop - self.start) / step + 1e-6) + 1
        if count > MOST_ANGLES:
            raise UsageError(f"--degrees: {count} sides of {step:g} degrees each; give a larger STEP")
        return [self.start + math.copysign(step, self.stop - self.start) * row for row in range(count)]

    def during(self, frames: int) -> list[float]:
        """One side for each of so many frames: evenly, or by `step` until STOP is reached, where the camera stays."""
        way = self.stop - self.start
        step = abs(way) / max(frames - 1, 1) if self.step is None else self.step
        return [self.start + math.copysign(min(step * row, abs(way)), way) for row in range(frames)]


@dataclass(frozen=True, kw_only=True)
class CommonConfig:
    """What every command that reads people understands. Raises UsageError for a value that makes no sense."""

    output: Path | None = None
    """Where the result goes; its name decides the form. None: the default name, in the current folder."""
    max_side: int = 1280
    """Longest side of the output in px; 0 for the input's own."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: int | None = None
    """CPU threads; None for as many as the machine has cores."""
    seed: int = 0
    """Where random numbers start: the same seed gives the same result on the same machine."""
    weights: Path | None = None
    """Folder that is searched for weights before the bundled one."""
    body: str = "open"
    """open, smpl (SMPL_NEUTRAL in the weights folder) or the path of a body file."""
    rasterizer: str = "auto"
    """auto, torch or pytorch3d."""
    face: bool = True
    """Expressions, gaze and the head's turn are read from the face, where one is large enough."""
    person: Choice | None = None
    """Who is meant where a picture shows several people; None: the largest."""
    fitter: str = "best"
    """fast: keypoints alone; best: the body is also aligned to the picture; hmr: best, begun by the paper's HMR."""
    start: float = 0.0
    """Seconds of the driving that are left out at its beginning."""
    duration: float | None = None
    """Seconds of the driving that are used; None for all."""
    fps: float | None = None
    """Frames per second that the driving is read at; None for its own."""
    max_frames: int | None = None
    """At most so many frames; None for all."""
    overwrite: bool = False
    """An existing output may be replaced."""
    quiet: bool = False
    """Nothing on stderr but errors."""
    verbose: bool = False
    """Details on stderr, and a traceback when something fails."""
    json: bool = False
    """One JSON object on stdout."""
    dry_run: bool = False
    """Look at the inputs and say what would be done; write nothing."""
    cache: bool = True
    """Keep fits in the user's cache folder, and use those that lie there."""

    def __post_init__(self) -> None:
        _check(
            "--max-side",
            self.max_side,
            self.max_side == 0 or 64 <= self.max_side <= 16384,
            "0, or 64 to 16384 px",
        )
        _check("--device", self.device, _DEVICE.fullmatch(self.device), "auto, cpu, cuda, cuda:N or mps")
        _check("--threads", self.threads, self.threads is None or 1 <= self.threads <= 1024, "1 to 1024")
        _check("--seed", self.seed, 0 <= self.seed < 2**63, "0 or more, and below 2^63")
        _check("--body", self.body, self.body, "open, smpl or the path of a body file")
        _choice("--rasterizer", self.rasterizer, RASTERIZERS)
        _choice("--fitter", self.fitter, FITTERS)
        _check("--start", self.start, math.isfinite(self.start) and self.start >= 0, "0 s or more")
        _positive("--duration", self.duration, "more than 0 s")
        _check(
            "--fps",
            self.fps,
            self.fps is None or 0 < self.fps <= 240,
            "more than 0, up to 240 frames per second",
        )
        _positive("--max-frames", self.max_frames, "1 or more")
        if self.quiet and self.verbose:
            raise UsageError("--quiet and --verbose contradict each other: give one of them")


@dataclass(frozen=True, kw_only=True)
class FitConfig(CommonConfig):
    """`lwgan fit`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output is not None:
            _check("--output", str(self.output), self.output.suffix.lower() == ".npz", "a name that ends in .npz")


@dataclass(frozen=True, kw_only=True)
class DrawConfig(CommonConfig):
    """The commands that draw a person."""

    size: int = 256
    """Side of the person's crop that the work is done at, px."""
    generator: str = "auto"
    """none: the photo is warped and composited (the paper's W_T); default: the network that ships corrects that; the
    path of a file that `lwgan train` wrote; auto: what does best, see `generator.checkpoints.find_generator`."""
    background: Background = field(default_factory=Background)
    """What stands behind the person."""
    camera: str = "smooth"
    """smooth: the photo's place and scale, the driver's displacement since its first frame, and a background that moves
    as the driver's camera does; source: person and background stay in place; driving: the driver's camera as it is."""
    motion_blur: float | None = None
    """How long the shutter is open, as a share of the time between two frames; 0: fast limbs stay sharp; None: as in
    the driving."""
    audio: bool = True
    """Carry the driving's sound over."""
    side_by_side: bool = False
    """Show photo, driving and result beside one another."""
    degrees: Turn | None = None
    """The camera turns; None: it stands where it stood."""
    elevation: float = 0.0
    """Degrees that the camera looks down from."""
    freeze: int | None = None
    """The frame of the driving at which the motion stops until the camera has turned; None: both go together."""
    views: int | None = None
    """So many sides, evenly around the person, in one grid."""
    grid: bool = False
    """All frames in one picture."""
    sheet: Path | None = None
    """Picture that shows the photos, the parts taken from each, and the result."""
    keep: Path | None = None
    """Folder for what lies between: fits, maps, flows, warps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("--size", self.size, self.size in SIZES, "a multiple of 32 from 128 to 1024 px")
        _choice("--camera", self.camera, CAMERAS)
        _check(
            "--motion-blur", self.motion_blur, self.motion_blur is None or 0 <= self.motion_blur <= 1, "0 (none) to 1"
        )
        _check("--elevation", self.elevation, abs(self.elevation) <= 90, "-90 to 90 degrees")
        _check("--freeze", self.freeze, self.freeze is None or self.freeze >= 0, "the number of a frame, from 0 on")
        _check("--views", self.views, self.views is None or self.views in VIEWS, "2 to 16 sides")
        if self.freeze is not None and self.degrees is None:
            raise UsageError("--freeze holds the motion while the camera turns: say how far with --degrees")
        if self.side_by_side and (self.views or self.grid):
            raise UsageError("--side-by-side and --views are two ways to lay pictures out: give one of them")
        _check("--generator", self.generator, self.generator, "auto, default, none or the path of a file")


def _check(flag: str, value: Any, good: object, allowed: str) -> None:
    if not good:
        raise UsageError(f"{flag} {value!r} can't be used: give {allowed}")


def _choice(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    _check(flag, value, value in allowed, f"{', '.join(allowed[:-1])} or {allowed[-1]}")


def _positive(flag: str, value: float | None, allowed: str) -> None:
    _check(flag, value, value is None or (math.isfinite(value) and value > 0), allowed)


def _colour(text: str) -> tuple[int, int, int] | None:
    """(red, green, blue) for what CSS calls an opaque colour; None for anything else."""
    from PIL import ImageColor

    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        return None
    return colour if len(colour) == 3 else None


def transfer_path(head: Path, clothes: Path, driving: Path | None, background: Background, still: bool) -> Path:
    """Default output of `transfer`: <head>--<clothes>.png, or <head>--<clothes>--<driving>.mp4 (.webm where it is
    transparent)."""
    names = [head, clothes] if driving is None else [head, clothes, driving]
    return Path("--".join(map(_stem, names)) + (".png" if still else _video_suffix(background)))


def novelview_path(photo: Path, background: Background, still: bool) -> Path:
    """Default output of `novelview`: <photo>--novelview.mp4 (.webm where it is transparent), .png for a `still`."""
    suffix = ".png" if still else _video_suffix(background)
    return Path(f"{_stem(photo)}--novelview{suffix}")


def imitation_path(photo: Path, driving: Path, background: Background) -> Path:
    """Default output of `imitate`: <photo>--<driving>.mp4, or .webm, which can be transparent."""
    return Path(f"{_stem(photo)}--{_stem(driving)}{_video_suffix(background)}")


def fit_path(given: Path) -> Path:
    """Default output of `fit`: <input>--fit.npz."""
    return Path(f"{_stem(given)}--fit.npz")


def overlay_path(fit: Path, suffix: str) -> Path:
    """Picture or video of the fitted body beside the fit: <stem>--fit<suffix>, never a bare <stem><suffix>,
    which could be the input itself."""
    return fit.with_name(fit.stem.removesuffix("--fit") + "--fit" + suffix)


def _video_suffix(background: Background) -> str:
    return ".webm" if background.kind == "transparent" else ".mp4"


def _stem(path: Path) -> str:
    return path.resolve().name if path.is_dir() else path.stem
