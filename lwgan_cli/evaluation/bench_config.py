"""The options of `lwgan bench`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lwgan_cli.config import SIZES, CommonConfig
from lwgan_cli.errors import UsageError

LONGEST = 100_000


@dataclass(frozen=True, kw_only=True)
class BenchConfig(CommonConfig):
    """`lwgan bench`. Raises UsageError for a value that makes no sense."""

    threads: int | None = 2
    """CPU threads."""
    max_side: int = 720
    """Longest side of the output in px."""
    frames: int = 40
    """Frames of the runs that don't compare lengths."""
    sizes: tuple[int, ...] = (256, 384, 512)
    """`--size` of the runs that compare them."""
    lengths: tuple[int, ...] = (100, 1000)
    """Frames of the runs that compare lengths."""
    generators: tuple[str, ...] = ("none", "default", "paper")
    """none, default, another name of `generator.architectures`, untrained, or the path of a generator."""
    photos: bool = True
    """Compare a first photo with further ones that move to the same dance."""
    driving: Path | None = None
    """Who moves; None: the bundled dance."""
    photo: Path | None = None
    """Who is drawn; None: the bundled person."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output is not None and self.output.suffix.lower() != ".html":
            raise UsageError(f"--output {self.output}: the report is a page; name a file that ends in .html")
        if strange := [size for size in self.sizes if size not in SIZES]:
            raise UsageError(f"--sizes {strange[0]} can't be used: give multiples of 32 from 128 to 1024 px")
        for name, counts in (("--frames", (self.frames,)), ("--lengths", self.lengths)):
            if strange := [count for count in counts if not 1 <= count <= LONGEST]:
                raise UsageError(f"{name} {strange[0]} can't be used: give 1 to {LONGEST}")
        if not self.generators:
            raise UsageError("--generators names none: give none, default, paper or the path of a generator")


def numbers(flag: str, text: str) -> tuple[int, ...]:
    """Reads 256,384,512; nothing for none. Raises UsageError for anything else."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"{flag} {text!r} can't be used: give whole numbers with commas between them") from None
