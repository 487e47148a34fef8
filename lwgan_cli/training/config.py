"""`lwgan train`'s options, checked, and the recipes of losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import UsageError

LOSSES = (
    "l1", "colour", "gradient", "detail", "copying", "plate", "attention", "adversarial", "matching", "perceptual",
    "face",
)  # fmt: skip
NEEDS = {"perceptual": "--vgg", "face": "--sphereface"}  # losses that read a file of the user's
RECIPES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        # needs no file beside the project's own
        "default": dict(
            l1=1.0,
            colour=10.0,
            gradient=10.0,
            detail=10.0,
            copying=4.0,
            plate=5.0,
            attention=1.0,
            adversarial=0.2,
            matching=1.0,
        ),
        # section 3.4 and section 4 of the paper
        "paper": dict(perceptual=10.0, face=5.0, attention=1.0, adversarial=1.0),
    }
)


@dataclass(frozen=True)
class DataSource:
    """What is trained on: people rendered without end, a folder of iPER's layout, or a folder of clips."""

    kind: Literal["synthetic", "iper", "videos"] = "synthetic"
    folder: Path | None = None

    @classmethod
    def parse(cls, text: str) -> DataSource:
        """Reads `--data`. Raises UsageError for what is none of the three, or a folder that isn't there."""
        if text == "synthetic":
            return cls()
        kind, _, name = text.partition(":")
        if kind not in ("iper", "videos") or not name:
            raise UsageError(f"--data {text!r} can't be used: give synthetic, iper:DIR or videos:DIR")
        if not Path(name).is_dir():
            raise UsageError(f"--data {text!r}: there is no folder {name}")
        return cls(kind, Path(name))  # type: ignore[arg-type]  # narrowed above


@dataclass(frozen=True, kw_only=True)
class TrainConfig(CommonConfig):
    """`lwgan train`. Raises UsageError for a value that makes no sense."""

    data: DataSource = field(default_factory=DataSource)
    """What is trained on."""
    architecture: str = "default"
    """A name of `generator.architectures`."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """The network's sizes where they aren't to be its usual ones, see `generator.architectures.build`."""
    start_from: Path | None = None
    """A generator that training begins with, whatever its architecture and sizes; None for an untrained one."""
    personalize: tuple[Path, ...] = ()
    """Photos of one person that the generator is fitted to."""
    resume: bool = False
    """Go on from the output folder's last checkpoint."""
    steps: int = 100_000
    """Stop after so many steps, those before a resumption counted."""
    time_limit: float | None = None
    """Stop after so many seconds of this run."""
    batch: int = 4
    """Targets a step, on each device."""
    size: int = 256
    """Height of a standing person at the network's resolution, px."""
    crop: int = 192
    """Height of the part of a person that a step looks at, px at the network's resolution; its width is two
    thirds of it."""
    lr: float = 2e-4
    """Adam's step size."""
    ema: float = 0.999
    """Decay of the averaged weights, which are what is written."""
    recipe: str = "default"
    """Which losses, by a name of RECIPES."""
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    """Losses whose weight differs from the recipe's; 0 switches one off."""
    vgg: Path | None = None
    """VGG-19's weights, for the perceptual loss."""
    sphereface: Path | None = None
    """SphereFace-20's weights, for the face's loss."""
    bank: Path | None = None
    """Folder of prepared people; None for one within the output folder."""
    people: tuple[int, int] = (0, 300)
    """First of the numbered people that are rendered, and the one after the last. Beside the user's own person they
    keep the generator from knowing nobody else."""
    workers: int = 1
    """Processes that prepare people and batches beside the training."""
    save_every: float = 300.0
    """Seconds between checkpoints."""
    sheet_every: int = 500
    """Steps between contact sheets and scores."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("--recipe", self.recipe, self.recipe in RECIPES, " or ".join(RECIPES))
        for name in ("steps", "batch", "lr", "save_every", "sheet_every", "time_limit"):
            value = getattr(self, name)
            good = value is None or (math.isfinite(value) and value > 0)
            _check(f"--{name.replace('_', '-')}", value, good, "more than 0")
        _check("--ema", self.ema, 0 <= self.ema < 1, "0 to less than 1")
        _check("--size", self.size, self.size in range(64, 1025, 16), "a multiple of 16 from 64 to 1024 px")
        _check("--crop", self.crop, self.crop in range(48, 1025, 48), "a multiple of 48 from 48 to 1024 px")
        _check("--workers", self.workers, 0 <= self.workers <= 256, "0 to 256")
        _check(
            "--people", "{}:{}".format(*self.people), 0 <= self.people[0] < self.people[1], "FIRST:LAST, or a number"
        )
        for name, value in self.loss_weights.items():
            _check("--loss", f"{name}={value}", name in LOSSES and value >= 0, f"a weight of {', '.join(LOSSES)}")
        for name, flag in NEEDS.items():
            path = getattr(self, flag.removeprefix("--"))
            if self.losses.get(name, 0) and path is None:
                raise UsageError(f"the {name} loss of this recipe needs {flag} FILE; --loss {name}=0 does without")
        if self.personalize and self.data.kind != "synthetic":
            raise UsageError("--personalize and --data contradict each other: give one of them")
        if self.output is not None and self.output.exists() and not self.output.is_dir():
            raise UsageError(f"--output {self.output} is a file: name a folder")

    @property
    def losses(self) -> dict[str, float]:
        """Loss → weight, of those that are switched on."""
        weights = {**RECIPES[self.recipe], **self.loss_weights}
        return {name: weights[name] for name in LOSSES if weights.get(name)}

    @property
    def window(self) -> tuple[int, int]:
        """(width, height) of the part of a person that a step looks at, px at the network's resolution."""
        return self.crop * 2 // 3, self.crop


def _check(flag: str, value: object, good: bool, allowed: str) -> None:
    if not good:
        raise UsageError(f"{flag} {value} can't be used: give {allowed}")


def parse_weight(text: str) -> tuple[str, float]:
    """Reads `--loss NAME=WEIGHT`. Raises UsageError for anything else."""
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name, float(value)
    except ValueError:
        pass
    raise UsageError(f"--loss {text!r} can't be read: give NAME=WEIGHT, for instance face=0")


def parse_people(text: str) -> tuple[int, int]:
    """Reads `--people`: N for 0:N, or FIRST:LAST. Raises UsageError for anything else."""
    first, colon, last = text.partition(":")
    try:
        return (int(first), int(last)) if colon else (0, int(first))
    except ValueError:
        raise UsageError(f"--people {text!r} can't be read: give a number, or FIRST:LAST") from None


PERSONAL = TrainConfig(steps=400, people=(0, 16))  # what differs by default for the user's own person
