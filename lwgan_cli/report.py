"""What a command has done, or would do: what `--json` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Report:
    """The account of one run."""

    output: Path
    """The result."""
    frames: int
    """How many frames it holds."""
    fps: float
    """Frames per second; 0 for a single picture."""
    size: tuple[int, int]
    """(width, height) px."""
    device: str
    """Where the networks and the rasterizer ran: "cpu", "cuda:0"."""
    backends: Mapping[str, str]
    """Part → what did it: "rasterizer": "torch"."""
    seconds: Mapping[str, float]
    """Stage → seconds; see `progress.Silent` on how they add up."""
    fit: Mapping[str, Mapping[str, float | None]]
    """photo and driving → reprojection (% of the person's height), iou, jitter; target → flipped and stretched faces
    a frame; None where there is none."""
    warnings: tuple[str, ...] = ()
    """What the user should know."""
    overlay: Path | None = None
    """The picture or video of the fitted body, where one was made."""
    sheet: Path | None = None
    """The contact sheet, where one was made."""
    inputs: tuple[Mapping[str, Any], ...] = field(default=())
    """What each input holds: path, kind, width, height, frames, fps."""
    dry_run: bool = False
    """Nothing was written; `seconds` is empty."""
    elapsed: float = 0.0
    """Seconds on the wall, from the command's start to its last file; stages may run side by side."""
    estimated_seconds: float | None = None
    """How long the run would take; for a dry run."""

    def to_json(self) -> str:
        """One JSON object on one line. Paths are text, numbers that aren't finite are null."""
        return json.dumps({each.name: plain(getattr(self, each.name)) for each in fields(self)}, ensure_ascii=False)


def plain(value: Any, digits: int = 4) -> Any:
    """As JSON can have it: paths as text, numbers of so many digits after the point, null where they aren't finite."""
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, digits) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # numpy's scalars
        value = value.item()
    if isinstance(value, float):
        return round(value, digits) if math.isfinite(value) else None
    return value
