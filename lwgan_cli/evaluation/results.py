"""What an evaluation found: as records, as JSON lines, and as rows of a table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lwgan_cli.errors import InputError
from lwgan_cli.report import plain


@dataclass(frozen=True)
class Measure:
    """title for tables; digits after the point; best: "high", "low", or the value that is best; what it says."""

    title: str
    digits: int
    best: str | float
    about: str

    @property
    def told(self) -> str:
        """What it says, and which way is better."""
        aims = {"high": "more is better", "low": "less is better"}
        return f"{self.about}; {aims.get(str(self.best), f'{self.best} is best')}"


MEASURES: Mapping[str, Measure] = {
    "ssim": Measure("SSIM", 3, "high", "structural similarity, whole box"),
    "ms_ssim": Measure("MS-SSIM", 3, "high", "the same over five scales"),
    "psnr": Measure("PSNR", 1, "high", "dB, whole box"),
    "l1": Measure("L1", 4, "low", "mean absolute difference, whole box"),
    "p_ssim": Measure("SSIM person", 3, "high", "within the persons and 9 px around"),
    "p_psnr": Measure("PSNR person", 1, "high", "dB, likewise"),
    "p_l1": Measure("L1 person", 4, "low", "likewise"),
    "iou": Measure("IoU", 3, "high", "overlap of the persons' masks"),
    "sharp": Measure("sharpness", 2, 1.0, "energy of the Laplacian on the person, result over real"),
    "lpips": Measure("LPIPS", 3, "low", "perceptual distance"),
    "face": Measure("face", 3, "low", "1 − cosine between SphereFace's identities"),
    "akd": Measure("AKD", 2, "low", "mean distance of body points, % of the height"),
    "mkr": Measure("MKR", 3, "low", "share of body points that the result lacks"),
    "jitter": Measure("jitter", 2, 1.0, "second differences of body points, result over real"),
    "speed": Measure("speed", 2, 1.0, "95th percentile of the points' speed, result over real"),
    "lag": Measure("lag", 2, 0.0, "frames by which the result moves late"),
    "warp": Measure("warp error", 2, 1.0, "difference of neighbouring frames, motion taken out, result over real"),
    "is": Measure("IS", 3, "high", "Inception score"),
    "fid": Measure("FID", 2, "low", "Fréchet distance on Inception's features"),
    "freid": Measure("FReID", 3, "low", "Fréchet distance on re-identification features"),
}


@dataclass(frozen=True)
class ClipScore:
    """One method in one case: means over the frames, numbers over the clip, and each frame's numbers."""

    method: str
    case: str
    values: Mapping[str, float]
    frames: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class MethodScore:
    """One method over all cases. training: how its generator was trained; nothing for none. frames: how many."""

    method: str
    values: Mapping[str, float]
    training: Mapping[str, Any]
    frames: int


@dataclass(frozen=True)
class Results:
    """about: what was measured, and on what (version, protocol, data, size, device, …)."""

    about: Mapping[str, Any]
    clips: Sequence[ClipScore]
    methods: Sequence[MethodScore]
    warnings: tuple[str, ...] = field(default=())

    def lines(self) -> str:
        """JSON lines: one of kind "run", one "clip" for each method and case, one "method" for each."""
        rows = [{"kind": "run", **self.about, "warnings": self.warnings}]
        rows += [{"kind": "clip", **vars(clip)} for clip in self.clips]
        rows += [{"kind": "method", **vars(method)} for method in self.methods]
        return "".join(json.dumps(plain(row, 6), ensure_ascii=False) + "\n" for row in rows)

    @classmethod
    def read(cls, path: Path) -> Results:
        """From JSON lines. Raises InputError for anything else."""
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            by_kind: dict[str, list[dict[str, Any]]] = {"run": [], "clip": [], "method": []}
            for row in rows:
                by_kind[row.pop("kind")].append(row)
            about = by_kind["run"][0]
            warnings = tuple(about.pop("warnings"))
            clips = [ClipScore(**{**row, "values": _numbers(row["values"])}) for row in by_kind["clip"]]
            methods = [MethodScore(**{**row, "values": _numbers(row["values"])}) for row in by_kind["method"]]
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not the lines of an evaluation ({error!r}); run `lwgan evaluate`") from error
        return cls(about, clips, methods, warnings)

    def columns(self) -> list[str]:
        """Measures that some method has."""
        return [name for name in MEASURES if any(math.isfinite(_of(m.values, name)) for m in self.methods)]


def budget(training: Mapping[str, Any]) -> str:
    """How a generator was trained, in short."""
    told = [str(training.get("architecture", "?"))]
    if "steps" in training:
        told.append(f"{training['steps']} steps" + (f" of {training['batch']}" if "batch" in training else ""))
    told += [f"{name} {training[name]}" for name in ("size", "data", "personalized") if name in training]
    return ", ".join(told)


def mean(values: Iterable[float]) -> float:
    """Of those that are numbers; NaN where there are none."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def shown(name: str, value: float) -> str:
    """A measure's value as text; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{MEASURES[name].digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def best(results: Results, name: str) -> set[str]:
    """The methods that are best by a measure, as far as it is shown; none where all are the same."""
    known = {m.method: _of(m.values, name) for m in results.methods if math.isfinite(_of(m.values, name))}
    if len(known) < 2:
        return set()
    aim = MEASURES[name].best
    cost = {k: -v if aim == "high" else v if aim == "low" else abs(v - float(aim)) for k, v in known.items()}
    least = shown(name, known[min(cost, key=lambda method: cost[method])])
    winners = {method for method, value in known.items() if shown(name, value) == least}
    return winners if len(winners) < len(known) else set()


def by_method(results: Results) -> tuple[list[str], list[list[str]], set[tuple[int, int]]]:
    """Heads, rows and the best cells of a table with a row for each method."""
    columns = results.columns()
    winners = [best(results, name) for name in columns]
    rows = [[m.method, *(shown(name, _of(m.values, name)) for name in columns)] for m in results.methods]
    strong = {
        (row, 1 + at) for row, m in enumerate(results.methods) for at, names in enumerate(winners) if m.method in names
    }
    return ["method", *(MEASURES[name].title for name in columns)], rows, strong


def by_measure(results: Results) -> tuple[list[str], list[list[str]], set[tuple[int, int]]]:
    """The same with a row for each measure, as more fit on a terminal."""
    heads, rows, strong = by_method(results)
    turned = [list(row) for row in zip(heads[1:], *(row[1:] for row in rows), strict=True)]
    return ["", *(m.method for m in results.methods)], turned, {(column - 1, row + 1) for row, column in strong}


def _of(values: Mapping[str, float], name: str) -> float:
    return values.get(name, float("nan"))


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    """JSON has no NaN."""
    return {name: float("nan") if value is None else value for name, value in values.items()}
