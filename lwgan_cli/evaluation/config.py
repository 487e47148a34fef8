"""The options of `lwgan evaluate`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lwgan_cli.config import SIZES, CommonConfig
from lwgan_cli.errors import UsageError

PROTOCOLS = ("imitation", "cross", "transfer", "novelview")
JUDGES = {  # measures that read files of the user's, and what those are
    "lpips": "LPIPS's linear weights and its backbone, as lpips=alex.pth,alexnet.pth",
    "face": "SphereFace-20, as face=sphere20a.pth, or taken in by `lwgan weights import`",
    "is": "pytorch-fid's Inception network, as is=pt_inception-2015-12-05-6726825d.pth",
    "fid": "pytorch-fid's Inception network, as fid=pt_inception-2015-12-05-6726825d.pth",
    "freid": "PCB's re-identification network, as freid=net_last.pth",
}
MOST_PEOPLE = 1000


@dataclass(frozen=True)
class EvaluationData:
    """What is measured on.

    kind    synthetic: people that are rendered, and never trained on; iper: a folder of iPER's layout; clips: a
            folder of anybody's videos
    seed    number of the first rendered person
    folder  of the videos
    """

    kind: Literal["synthetic", "iper", "clips"] = "synthetic"
    seed: int = 0
    folder: Path | None = None

    @classmethod
    def parse(cls, text: str) -> EvaluationData:
        """Reads DATA. Raises UsageError for what is none of the three, or a folder that isn't there."""
        kind, colon, name = text.partition(":")
        if kind == "synthetic":
            if colon and not (name.isdigit() and int(name) < MOST_PEOPLE):
                raise UsageError(f"{text!r} can't be used: give synthetic:SEED with a SEED from 0 to {MOST_PEOPLE - 1}")
            return cls(seed=int(name or 0))
        if kind not in ("iper", "clips") or not name:
            raise UsageError(f"{text!r} can't be used: give synthetic:SEED, iper:DIR or clips:DIR")
        if not Path(name).is_dir():
            raise UsageError(f"{text!r}: there is no folder {name}")
        return cls(kind, 0, Path(name))  # type: ignore[arg-type]  # narrowed above

    def __str__(self) -> str:
        return f"synthetic:{self.seed}" if self.folder is None else f"{self.kind}:{self.folder}"


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(CommonConfig):
    """`lwgan evaluate`. Raises UsageError for a value that makes no sense."""

    data: EvaluationData = field(default_factory=EvaluationData)
    """What is measured on."""
    protocol: str = "imitation"
    """imitation: a clip's first frame is the photo, the rest the truth; cross: other people's motion; transfer: other
    people's clothes; novelview: other sides."""
    methods: tuple[str, ...] = ("none",)
    """What is measured, see `evaluation.methods`."""
    metrics: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Measures of JUDGES besides those that need no files, and their files; none: they are looked for in the weights
    folder."""
    people: int | None = None
    """At most so many people or clips; None: 4 rendered ones, all clips of a folder."""
    size: int = 256
    """Side of the person's crop that the work is done at, px."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"--protocol {self.protocol!r} can't be used: give {', '.join(PROTOCOLS)}")
        if not self.methods:
            raise UsageError("no --method named: give none, default or the path of a generator")
        if strange := [name for name in self.metrics if name not in JUDGES]:
            raise UsageError(f"--metric {strange[0]!r} can't be used: give {', '.join(JUDGES)}")
        if self.people is not None and not 1 <= self.people <= MOST_PEOPLE:
            raise UsageError(f"--people {self.people} can't be used: give 1 to {MOST_PEOPLE}")
        if self.size not in SIZES:
            raise UsageError(f"--size {self.size} can't be used: give a multiple of 32 from 128 to 1024 px")
        if self.output is not None and self.output.suffix.lower() != ".html":
            raise UsageError(f"--output {self.output}: the report is a page; name a file that ends in .html")


def parse_metric(text: str) -> tuple[str, tuple[Path, ...]]:
    """Reads `--metric NAME[=FILE[,FILE]]`."""
    name, _, files = text.partition("=")
    return name, tuple(Path(file) for file in files.split(",") if file)
